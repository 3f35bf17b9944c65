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
    requests: Family<OutcomeLabels, Counter>,
    durations: Family<StepLabels, Histogram, fn() -> Histogram>,
    received: Counter,
    sent: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    step: String,
    result: &'static str,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabels {
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
        self.requests.get_or_create(&OutcomeLabels { step: step.clone(), result, code: code.as_u16() }).inc();
        self.durations.get_or_create(&StepLabels { step }).observe(took.as_secs_f64());
    }

    /// A start message of so many bytes was read.
    pub(super) fn received(&self, bytes: u64) {
        self.received.inc_by(bytes);
    }

    /// Counts the bytes of events.
    pub(super) fn sent(&self) -> &Counter {
        &self.sent
    }

    /// Everything there is to tell now.
    pub(super) fn text(&self, server: &Server) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        // The registry adds the full stop that ends a sentence.
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
    let (totals, active) = (server.triggers().totals(), server.gate().active() as u64);
    let mut readings = vec![
        Metric::gauge("plugin_requests_active", "Steps that run now.", active),
        Metric::gauge("plugin_triggers_running", "Triggers that run now.", totals.running),
        Metric::counter("plugin_trigger_polls_total", "Looks that triggers have taken.", totals.polls),
        Metric::counter("plugin_trigger_events_total", "Events that triggers have told.", totals.events),
        Metric::gauge("plugin_trigger_outbox_events", "Events that wait for delivery.", totals.outbox_events),
        Metric::counter(
            "plugin_trigger_delivery_failures_total",
            "Attempts to deliver an event that failed.",
            totals.delivery_failures,
        ),
    ];
    readings.extend(server.plugin().metrics());
    readings
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
