//! The actions, one file each: its input, its output, and what it does.

pub(crate) mod delete;
pub(crate) mod download;
pub(crate) mod upload;

use ftp_client::Error;
use ftp_proto::RemotePath;
use plugin_runtime::Failure;

use crate::failure;

/// The path in the input named `input`; CR, LF and NUL end their way here.
fn remote_path(input: &str, text: &str) -> Result<RemotePath, Failure> {
    RemotePath::parse(text).map_err(|fault| failure::bad_path(input, &fault))
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
