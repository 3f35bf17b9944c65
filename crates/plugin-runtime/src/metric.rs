//! What a plugin counts of its own work, for whoever watches over the process.

/// One number, as it is at this moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name after the conventions of Prometheus: lower case with `_`, the unit in it, `_total` at the end of a counter's.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// How it moves.
    pub kind: MetricKind,
    /// The number itself.
    pub value: f64,
}

/// How a number moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Up only, from 0 at the start of the process.
    Counter,
    /// Up and down.
    Gauge,
}
