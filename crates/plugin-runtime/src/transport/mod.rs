//! The ways in which the platform talks to a plugin.

pub mod http;
pub mod stdio;
