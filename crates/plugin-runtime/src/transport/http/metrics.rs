//! What the process has done and is doing, in the form that Prometheus reads (OpenMetrics 1.0).

use std::fmt;
use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::Server;
use crate::metric::{Metric, MetricKind};

/// Upper ends of the durations' classes, in seconds.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0];

/// Counters that requests advance.
#[derive(Debug)]
pub(super) struct Metrics {
    requests: Family<Outcome, Counter>,
    durations: Family<Which, Histogram, fn() -> Histogram>,
    received: Counter,
    sent: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    step: String,
    result: &'static str,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Which {
    step: String,
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            received: Counter::default(),
            sent: Counter::default(),
        }
    }

    /// A step has ended.
    pub(super) fn done(&self, step: String, code: StatusCode, took: Duration) {
        let result = if code.is_success() { "ok" } else { "error" };
        self.requests.get_or_create(&Outcome { step: step.clone(), result, code: code.as_u16() }).inc();
        self.durations.get_or_create(&Which { step }).observe(took.as_secs_f64());
    }

    /// A start message of so many bytes was read.
    pub(super) fn received(&self, bytes: u64) {
        self.received.inc_by(bytes);
    }

    /// Counts the bytes of events.
    pub(super) fn sent(&self) -> Counter {
        self.sent.clone()
    }

    /// Everything there is to tell now.
    pub(super) fn text(&self, server: &Server) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register("plugin_requests", "Steps by name and outcome", self.requests.clone());
        registry.register("plugin_request_seconds", "How long steps took", self.durations.clone());
        registry.register("plugin_received_bytes", "Bytes of start messages", self.received.clone());
        registry.register("plugin_sent_bytes", "Bytes of events", self.sent.clone());
        registry.register_collector(Box::new(Readings(readings(server))));
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// What is not counted here but asked for when somebody wants to know.
fn readings(server: &Server) -> Vec<Metric> {
    use MetricKind::{Counter, Gauge};

    let totals = server.triggers().totals();
    let active = u64::try_from(server.gate().active()).unwrap_or(u64::MAX);
    let mut readings = vec![
        reading("plugin_requests_active", "Steps that run now", Gauge, active),
        reading("plugin_triggers_running", "Triggers that run now", Gauge, totals.running),
        reading("plugin_trigger_polls_total", "Looks that triggers have taken", Counter, totals.polls),
        reading("plugin_trigger_events_total", "Events that triggers have told", Counter, totals.events),
        reading("plugin_trigger_outbox_events", "Events that wait for delivery", Gauge, totals.outbox_events),
        reading(
            "plugin_trigger_delivery_failures_total",
            "Attempts to deliver an event that failed",
            Counter,
            totals.delivery_failures,
        ),
    ];
    readings.extend(server.plugin().metrics());
    readings
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus takes floating point; what is lost is beyond 2^53"
)]
fn reading(name: &'static str, help: &'static str, kind: MetricKind, value: u64) -> Metric {
    Metric { name, help, kind, value: value as f64 }
}

/// Numbers that were read just now.
#[derive(Debug)]
struct Readings(Vec<Metric>);

impl prometheus_client::collector::Collector for Readings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for Metric { name, help, kind, value } in &self.0 {
            match kind {
                MetricKind::Counter => {
                    // The encoder adds the ending that a counter's name has.
                    let name = name.strip_suffix("_total").unwrap_or(name);
                    let counter = ConstCounter::new(*value);
                    counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
                }
                MetricKind::Gauge => {
                    let gauge = ConstGauge::new(*value);
                    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
                }
            }
        }
        Ok(())
    }
}
