//! Download File.

use plugin_runtime::{Content, ContentWriter, Context, Digest, Failure};
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

impl Input {
    /// Takes the file's bytes.
    fn writer(&self) -> ContentWriter {
        let writer = Content::writer();
        if self.is_digested() { writer.with_sha256() } else { writer }
    }

    fn is_digested(&self) -> bool {
        self.sha256.unwrap_or(true)
    }
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
    let mut fetched = fetch(&mut session, &path, input.writer()).await;
    if let Err(TransferError::Client(error)) = &fetched
        && error.is_rejection()
        && let Some(respelt) = session.respell(&input.path, &path).await
    {
        path = respelt;
        fetched = fetch(&mut session, &path, input.writer()).await;
    }
    let output = match fetched {
        Ok(file) => {
            let shown = session.charset().display(path.as_bytes());
            tracing::info!("Downloaded {shown}, {} bytes", file.len());
            Ok(Output {
                downloaded: true,
                size: Some(file.len()),
                sha256: input.is_digested().then(|| file.sha256()),
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
