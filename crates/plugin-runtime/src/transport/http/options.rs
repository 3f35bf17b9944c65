//! The options of `http`: ours, and those that the platform passes.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

/// Where HTTP mode listens, and how much it takes on.
#[derive(Debug, Clone, Args)]
pub struct HttpOptions {
    /// The port to listen on; 0 takes any that is free, which the log tells.
    #[arg(long, env = "PLUGIN_HTTP_PORT", default_value_t = 10001)]
    pub port: u16,
    /// The address to listen on.
    #[arg(long, env = "PLUGIN_HTTP_BIND", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED), value_name = "ADDRESS")]
    pub bind: IpAddr,
    /// Serve nobody who does not send the text in this file as a bearer token. /healthz and /readyz stay open.
    #[arg(long, env = "PLUGIN_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The certificate for HTTPS with its chain, PEM.
    #[arg(long, env = "PLUGIN_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of that certificate, PEM.
    #[arg(long, env = "PLUGIN_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// The most bytes of a request's body.
    #[arg(long, env = "PLUGIN_MAX_BODY", default_value_t = 2 << 30, value_name = "BYTES")]
    pub max_body: u64,
    /// The most steps that run at once; one more is answered with 503 and Retry-After.
    #[arg(
        long,
        env = "PLUGIN_MAX_REQUESTS",
        default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(1..=65_536),
        value_name = "NUMBER"
    )]
    pub max_requests: u32,
    /// How long a request may take, with its body and its step.
    #[arg(long, env = "PLUGIN_REQUEST_TIMEOUT", default_value = "3600", value_parser = seconds, value_name = "SECONDS")]
    pub request_timeout: Duration,
    /// How long a client may be silent: before a request, within its header, between two blocks of its body.
    #[arg(long, env = "PLUGIN_IDLE_TIMEOUT", default_value = "60", value_parser = seconds, value_name = "SECONDS")]
    pub idle_timeout: Duration,
    /// Keep the start messages of triggers, with the passwords in them, in the cache folder, and start these triggers
    /// again with the next start of the process.
    #[arg(long, env = "PLUGIN_RESUME_TRIGGERS", value_parser = BoolishValueParser::new())]
    pub resume_triggers: bool,
    /// How long a request under way may go on after a signal to end. Cleaning up behind those that are cut off then may
    /// take 5 seconds more.
    #[arg(
        long,
        alias = "graceful_timeout",
        env = "PLUGIN_GRACEFUL_TIMEOUT",
        default_value = "30",
        value_parser = seconds,
        value_name = "SECONDS"
    )]
    pub graceful_timeout: Duration,
    /// The most connections at once; further ones wait.
    #[arg(
        long,
        alias = "worker_connections",
        default_value_t = 1000,
        value_parser = clap::value_parser!(u32).range(1..=65_536),
        value_name = "NUMBER"
    )]
    pub worker_connections: u32,
    /// Taken from the platform without effect: one process serves all requests.
    #[arg(long, alias = "process_workers", hide = true)]
    pub process_workers: Option<u32>,
    /// Taken from the platform without effect: requests do not occupy threads.
    #[arg(long, alias = "threads_per_worker", hide = true)]
    pub threads_per_worker: Option<u32>,
    /// Taken from the platform without effect: there are no workers of different kinds.
    #[arg(long, alias = "worker_class", hide = true)]
    pub worker_class: Option<String>,
}

/// Between a second and a day.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("a number of seconds from 1 to 86400 is expected".to_owned()),
    }
}
