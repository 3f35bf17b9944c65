//! Asks a running HTTP mode whether it is well: for container engines, which have nothing but the program itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
    /// The port that HTTP mode listens on.
    #[arg(long, env = "PLUGIN_HTTP_PORT", default_value_t = 10001)]
    pub port: u16,
    /// The address of this machine that HTTP mode listens on.
    #[arg(long, env = "PLUGIN_HTTP_BIND", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED), value_name = "ADDRESS")]
    pub bind: IpAddr,
}

impl HealthOptions {
    /// Where to ask. Whoever listens on every address does so on the loopback's as well.
    fn address(&self) -> SocketAddr {
        let host = match self.bind {
            IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            host => host,
        };
        SocketAddr::new(host, self.port)
    }
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
        let (client, address) = (client()?, options.address());
        match ask(&client, "http", address).await {
            Ok(()) => Ok(()),
            Err(error) => ask(&client, "https", address).await.map_err(|_| ill(address, &error)),
        }
    })
}

/// A client that neither checks certificates nor asks a proxy: what it asks is no secret, and who answers is this very
/// machine.
fn client() -> Result<Client, Failure> {
    Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .no_proxy()
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| unusable("No request can be made", &error))
}

async fn ask(client: &Client, scheme: &str, address: SocketAddr) -> Result<(), reqwest::Error> {
    client.get(format!("{scheme}://{address}/healthz")).send().await?.error_for_status().map(drop)
}

fn ill(address: SocketAddr, error: &reqwest::Error) -> Failure {
    Failure::service(
        format!("HTTP mode does not answer at {address}: {error}"),
        "Look at the log of the process that should listen there.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_on_every_address_is_asked_on_the_loopback() {
        let rows = [
            ("0.0.0.0", "127.0.0.1:7"),
            ("::", "[::1]:7"),
            ("192.0.2.7", "192.0.2.7:7"),
            ("2001:db8::7", "[2001:db8::7]:7"),
        ];
        for (bind, address) in rows {
            let options = HealthOptions { port: 7, bind: bind.parse().unwrap() };
            assert_eq!(options.address().to_string(), address);
        }
    }
}
