//! What the pool counts, under names that tell of FTP.

use ftp_client::Pool;
use plugin_runtime::Metric;

/// All of it, as it is at this moment.
pub(crate) fn of(pool: &Pool) -> Vec<Metric> {
    let now = pool.statistics();
    vec![
        Metric::counter("ftp_logins_total", "Logins that an FTP server has accepted.", now.logins),
        Metric::gauge("ftp_sessions_open", "FTP sessions that are open, in use or idle.", now.open as u64),
        Metric::gauge("ftp_sessions_idle", "FTP sessions that are kept for the next step.", now.idle as u64),
        Metric::gauge("ftp_sessions_waiting", "Steps that wait for an FTP session.", now.waiting as u64),
        Metric::counter("ftp_sessions_reused_total", "Steps that needed no login.", now.reused),
        Metric::counter(
            "ftp_sessions_thrown_away_total",
            "FTP sessions closed since they were of no use any more.",
            now.thrown_away,
        ),
        Metric::counter(
            "ftp_retries_total",
            "FTP operations tried again after a passing failure.",
            now.retries,
        ),
        Metric::counter(
            "ftp_bytes_received_total",
            "Bytes of files and listings from FTP servers.",
            now.bytes_received,
        ),
        Metric::counter("ftp_bytes_sent_total", "Bytes of files to FTP servers.", now.bytes_sent),
    ]
}
