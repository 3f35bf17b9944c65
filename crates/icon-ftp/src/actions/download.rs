//! Download File.

use plugin_runtime::{Content, Context, Failure};
use serde::{Deserialize, Serialize};

use super::{begin, refusal};
use crate::access::Access;
use crate::connection::Connection;
use crate::transfer::{TransferError, fetch};

/// What to fetch.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    path: String,
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
    sha256: Option<String>,
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
    let mut fetched = fetch(&mut session, &path).await;
    if let Err(TransferError::Client(error)) = &fetched
        && error.is_rejection()
        && let Some(respelt) = session.respell(&input.path, &path).await
    {
        path = respelt;
        fetched = fetch(&mut session, &path).await;
    }
    let output = match fetched {
        Ok(fetched) => {
            let shown = session.charset().display(path.as_bytes());
            tracing::info!("Downloaded {shown}, {} bytes", fetched.content.len());
            Ok(Output {
                downloaded: true,
                size: Some(fetched.content.len()),
                sha256: Some(fetched.sha256),
                download: Some(fetched.content),
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
