//! The actions, one file each: its input, its output, and what it does.

pub(crate) mod delete;
pub(crate) mod download;
pub(crate) mod upload;

use ftp_client::{Error, Pooled};
use ftp_proto::RemotePath;
use plugin_runtime::{Context, Failure};

use crate::access::Access;
use crate::connection::Connection;
use crate::failure;

/// A session for an action, and the path in its input named `input`. CR, LF, NUL and what the connection's encoding lacks
/// end their way here, before anybody is connected to.
async fn begin(
    context: &Context<Connection>,
    access: &Access,
    input: &str,
    text: &str,
) -> Result<(Pooled, RemotePath), Failure> {
    let client = access.client(&context.connection)?;
    let path = client.path(text).map_err(|fault| failure::bad_path(input, &fault))?;
    let session = access.session(&client).await?;
    Ok((session, path))
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
