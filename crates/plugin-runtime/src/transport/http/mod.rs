//! HTTP mode: the platform keeps a plugin warm and sends start messages as requests.
//!
//! A request's way: `listener` takes the connection, `watch` gives the request its identifier and turns strangers away,
//! `routes` finds who answers it. A start message is read by `body`, runs through the same [`step::execute`] as on
//! stdin, and its event is written by `answer`.
//!
//! [`step::execute`]: crate::step::execute

mod admin;
mod answer;
mod body;
mod catalogue;
mod describe;
mod gate;
mod health;
mod leftover;
mod listener;
mod metrics;
mod options;
mod routes;
mod steps;
mod tls;
mod triggers;
mod watch;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

pub use self::health::{HealthOptions, check};
pub use self::options::HttpOptions;

use self::body::Limits;
use self::gate::Gate;
use self::metrics::Metrics;
use crate::failure::Failure;
use crate::plugin::Plugin;
use crate::signal;
use crate::stop::{Stop, StopSource};
use crate::trigger::{Surroundings, Triggers};

/// Threads for what blocks beside long bodies and answers, each of which occupies one: disks, and the name service.
const OTHER_THREADS: usize = 512;

/// How long cleaning up may take behind steps that were cut off at the end, or given up shortly before.
const CLEANING: Duration = Duration::from_secs(5);

/// Serves requests until SIGTERM or SIGINT, and then those under way for as long as `--graceful-timeout` says.
///
/// # Errors
/// The port cannot be listened on; a file that an option names cannot be read or used.
pub fn serve(plugin: &Plugin, options: &HttpOptions, surroundings: Surroundings) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(OTHER_THREADS + options.max_requests as usize)
        .build()
        .map_err(|error| unusable("The process cannot wait for input and output", &error))?;
    let outcome = runtime.block_on(run(plugin.clone(), options, surroundings));
    // What goes on now was given its time.
    runtime.shutdown_background();
    outcome
}

async fn run(plugin: Plugin, options: &HttpOptions, surroundings: Surroundings) -> Result<(), Failure> {
    let ended = signal::survive_file_size_limit().and_then(|()| signal::to_end());
    let ended = ended.map_err(|error| unusable("Signals cannot be awaited", &error))?;
    let server = Server::new(plugin, options, surroundings)?;
    let listener = listener::bind(options).await?;
    let (source, stop) = Stop::new();
    let (cutter, cut) = Stop::new();
    if options.resume_triggers {
        server.triggers().resume().await;
    }
    let serving = tokio::spawn(listener.serve(routes::router(&server), stop, cut));
    ended.await;
    tracing::info!("Asked to end by a signal");
    server.gate().shut_down();
    source.request();
    wind_down(&server, serving, &cutter).await;
    Ok(())
}

/// Lets what is under way come to its end for as long as the options say, cuts off the rest, and lets steps clean up.
async fn wind_down(server: &Server, mut serving: JoinHandle<()>, cutter: &StopSource) {
    let ending = async { tokio::join!(&mut serving, server.triggers().shut_down()) };
    if timeout(server.0.options.graceful_timeout, ending).await.is_err() {
        let (requests, triggers) = (server.gate().active(), server.triggers().totals().running);
        tracing::warn!("{requests} requests and {triggers} triggers did not end in time and are cut off");
        cutter.request();
        // Where it has ended, only triggers have not.
        if !serving.is_finished() {
            let _ = serving.await;
        }
    }
    if timeout(CLEANING, server.plugin().cleaned_up()).await.is_err() {
        tracing::warn!("There was no time to clean up behind all steps that were given up");
    }
}

/// What all requests share. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Server(Arc<Inner>);

struct Inner {
    plugin: Plugin,
    gate: Gate,
    metrics: Metrics,
    triggers: Triggers,
    token: Option<Vec<u8>>,
    options: HttpOptions,
}

impl Server {
    fn new(plugin: Plugin, options: &HttpOptions, surroundings: Surroundings) -> Result<Self, Failure> {
        let triggers = Triggers::new(plugin.clone(), surroundings, options.resume_triggers);
        let most = usize::try_from(options.max_requests).unwrap_or(usize::MAX);
        Ok(Self(Arc::new(Inner {
            gate: Gate::new(most),
            metrics: Metrics::new(),
            token: token(options)?,
            options: options.clone(),
            triggers,
            plugin,
        })))
    }

    fn plugin(&self) -> &Plugin {
        &self.0.plugin
    }

    fn gate(&self) -> &Gate {
        &self.0.gate
    }

    fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    fn triggers(&self) -> &Triggers {
        &self.0.triggers
    }

    /// The bearer token that requests have to bring along, if any.
    fn token(&self) -> Option<&[u8]> {
        self.0.token.as_deref()
    }

    /// `http` or `https`.
    fn scheme(&self) -> &'static str {
        if self.0.options.tls_cert.is_some() { "https" } else { "http" }
    }

    /// What the body of a request that begins now may be.
    fn limits(&self) -> Limits {
        let HttpOptions { max_body, idle_timeout, request_timeout, .. } = self.0.options;
        Limits { bytes: max_body, pause: idle_timeout, deadline: Instant::now() + request_timeout }
    }
}

/// The first line of the token file.
fn token(options: &HttpOptions) -> Result<Option<Vec<u8>>, Failure> {
    let Some(path) = &options.token_file else { return Ok(None) };
    let text = fs::read_to_string(path)
        .map_err(|error| unusable(&format!("The token file {} cannot be read", path.display()), &error))?;
    match text.trim() {
        "" => Err(Failure::internal(
            format!("The token file {} is empty", path.display()),
            "Put a token into it: a line of random letters and digits.",
        )),
        token => Ok(Some(token.as_bytes().to_vec())),
    }
}

/// What the machine, or a file on it, stands in the way of.
fn unusable(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::internal(format!("{what}: {error}"), "Correct that, and start the process again.")
}
