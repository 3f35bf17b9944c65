//! Download File.

use ftp_client::Session;
use ftp_proto::RemotePath;
use plugin_runtime::{Content, Context, Digest, Failure};
use serde::{Deserialize, Serialize};

use super::{begin, refusal};
use crate::access::Access;
use crate::connection::Connection;
use crate::transfer::{TransferError, fetch};

/// What to fetch.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    path: String,
    sha256: Option<bool>,
}

/// The file, or why there is none.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Output {
    #[serde(skip_serializing_if = "Option::is_none")]
    download: Option<Content>,
    downloaded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

/// Fetches one file. A file that the server does not give is an answer, not a failure.
///
/// # Errors
///
/// A path that cannot be sent; no connection, no login, a transfer that is not whole.
pub(crate) async fn run(
    context: Context<Connection>,
    input: Input,
    access: Access,
) -> Result<Output, Failure> {
    let (mut session, mut path) = begin(&context, &access, "path", &input.path).await?;
    let mut fetched = fetch_digested(&mut session, &path, &input).await;
    if let Err(TransferError::Client(error)) = &fetched
        && error.is_rejection()
        && let Some(respelt) = session.respell(&input.path, &path).await
    {
        path = respelt;
        fetched = fetch_digested(&mut session, &path, &input).await;
    }
    let output = match fetched {
        Ok((file, sha256)) => {
            let shown = session.charset().display(path.as_bytes());
            tracing::info!("Downloaded {shown}, {} bytes", file.len());
            Ok(Output {
                downloaded: true,
                size: Some(file.len()),
                sha256,
                download: Some(file),
                reason: None,
            })
        }
        Err(TransferError::Client(error)) => {
            refusal(&error).map(|reason| Output { reason: Some(reason), ..Output::default() })
        }
        Err(other) => Err(other.into_failure()),
    };
    session.give_back().await;
    output
}

/// Fetches the file, and its SHA-256 if that is wanted.
async fn fetch_digested(
    session: &mut Session,
    path: &RemotePath,
    input: &Input,
) -> Result<(Content, Option<Digest>), TransferError> {
    let mut writer = Content::writer();
    let sha256 = input.sha256.unwrap_or(true).then(|| writer.sha256());
    Ok((fetch(session, path, writer).await?, sha256))
}
