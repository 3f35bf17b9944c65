//! What the pool counts, under names that tell of FTP.

use ftp_client::Pool;
use plugin_runtime::{Metric, MetricKind};

/// All of it, as it is at this moment.
pub(crate) fn of(pool: &Pool) -> Vec<Metric> {
    let now = pool.statistics();
    vec![
        counter("ftp_logins_total", "Logins that an FTP server has accepted.", now.logins),
        gauge("ftp_sessions_open", "FTP sessions that are open, in use or idle.", now.open),
        gauge("ftp_sessions_idle", "FTP sessions that are kept for the next step.", now.idle),
        gauge("ftp_sessions_waiting", "Steps that wait for an FTP session.", now.waiting),
        counter("ftp_sessions_reused_total", "Steps that needed no login.", now.reused),
        counter(
            "ftp_sessions_thrown_away_total",
            "FTP sessions closed since they were of no use any more.",
            now.thrown_away,
        ),
        counter("ftp_retries_total", "FTP operations tried again after a passing failure.", now.retries),
        counter(
            "ftp_bytes_received_total",
            "Bytes of files and listings from FTP servers.",
            now.bytes_received,
        ),
        counter("ftp_bytes_sent_total", "Bytes of files to FTP servers.", now.bytes_sent),
    ]
}

fn counter(name: &'static str, help: &'static str, value: u64) -> Metric {
    #[expect(clippy::cast_precision_loss, reason = "exact up to eight petabytes, and told as a float anyway")]
    let value = value as f64;
    Metric { name, help, kind: MetricKind::Counter, value }
}

fn gauge(name: &'static str, help: &'static str, value: usize) -> Metric {
    Metric { kind: MetricKind::Gauge, ..counter(name, help, value as u64) }
}
