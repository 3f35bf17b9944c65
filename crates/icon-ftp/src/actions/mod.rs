//! The actions, one file each: its input, its output, and what it does.

pub(crate) mod delete;
pub(crate) mod download;
pub(crate) mod upload;

use ftp_client::{Client, Error, Session};
use ftp_proto::RemotePath;
use plugin_runtime::Failure;

use crate::failure;

/// The path in the input named `input`. CR, LF, NUL and what the connection's encoding lacks end their way here, before
/// anybody is connected to.
fn remote_path(client: &Client, input: &str, text: &str) -> Result<RemotePath, Failure> {
    client.path(text).map_err(|fault| failure::bad_path(input, &fault))
}

/// Logs in.
async fn connect(client: &Client) -> Result<Session, Failure> {
    client.connect().await.map_err(|error| failure::from_client(&error))
}

/// Separates an answer about the file from a failure: gives the server's reason for a refusal.
fn refusal(error: &Error) -> Result<String, Failure> {
    match error {
        Error::Rejected { reply, .. } if error.is_rejection() => {
            tracing::info!("The server refused: {reply}");
            Ok(reply.to_string())
        }
        other => Err(failure::from_client(other)),
    }
}
