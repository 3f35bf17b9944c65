//! The triggers, one folder each.

pub mod monitor;
