//! The triggers, one folder each.

pub(crate) mod monitor;
