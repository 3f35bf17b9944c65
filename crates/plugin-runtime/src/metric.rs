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

impl Metric {
    /// A number that only grows.
    pub fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self::new(name, help, MetricKind::Counter, value)
    }

    /// A number that goes up and down.
    pub fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self::new(name, help, MetricKind::Gauge, value)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "Prometheus takes floating point; what is lost is beyond 2^53"
    )]
    fn new(name: &'static str, help: &'static str, kind: MetricKind, value: u64) -> Self {
        Self { name, help, kind, value: value as f64 }
    }
}

/// How a number moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Up only, from 0 at the start of the process.
    Counter,
    /// Up and down.
    Gauge,
}
