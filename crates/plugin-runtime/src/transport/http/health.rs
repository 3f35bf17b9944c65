//! Asks a running HTTP mode whether it is well: for container engines, which have nothing but the program itself.

use std::time::Duration;

use clap::Args;
use reqwest::Client;

use super::unusable;
use crate::failure::Failure;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where the process listens that is asked.
#[derive(Debug, Clone, Args)]
pub struct HealthOptions {
    /// The port of this machine that HTTP mode listens on.
    #[arg(long, env = "PLUGIN_HTTP_PORT", default_value_t = 10001)]
    pub port: u16,
}

/// Asks for `/healthz`, over HTTP and, where nothing answers to that, over HTTPS.
///
/// # Errors
/// Nobody answers in five seconds, or not with a success.
pub fn check(options: &HealthOptions) -> Result<(), Failure> {
    // The one thing that this process does; where another provider is set already, that one does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| unusable("The process cannot wait for input and output", &error))?;
    runtime.block_on(async {
        let client = client()?;
        match ask(&client, "http", options.port).await {
            Ok(()) => Ok(()),
            Err(error) => ask(&client, "https", options.port).await.map_err(|_| ill(options.port, &error)),
        }
    })
}

/// A client that does not check certificates: what it asks is no secret, and who answers is this very machine.
fn client() -> Result<Client, Failure> {
    Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| unusable("No request can be made", &error))
}

async fn ask(client: &Client, scheme: &str, port: u16) -> Result<(), reqwest::Error> {
    client.get(format!("{scheme}://127.0.0.1:{port}/healthz")).send().await?.error_for_status().map(drop)
}

fn ill(port: u16, error: &reqwest::Error) -> Failure {
    Failure::service(
        format!("HTTP mode does not answer on port {port}: {error}"),
        "Look at the log of the process that should listen there.",
    )
}
