//! Download File.

use ftp_client::Session;
use ftp_proto::RemotePath;
use plugin_runtime::{Content, Context, Failure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{refusal, remote_path};
use crate::connection::Connection;
use crate::failure;

/// Bytes read at a time; half the processor time of 8 KiB.
pub const BLOCK: usize = 256 * 1024;

/// What to fetch.
#[derive(Debug, Deserialize)]
pub struct Input {
    path: String,
}

/// The file, or why there is none.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Output {
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
pub async fn run(context: Context<Connection>, input: Input) -> Result<Output, Failure> {
    let path = remote_path("path", &input.path)?;
    let client = context.connection.client()?;
    let mut session = client.connect().await.map_err(|error| failure::from_client(&error))?;
    let output = match fetch(&mut session, &path).await {
        Ok(fetched) => {
            tracing::info!("Downloaded {}, {} bytes", path.display(), fetched.content.len());
            Output {
                downloaded: true,
                size: Some(fetched.content.len()),
                sha256: Some(fetched.sha256),
                download: Some(fetched.content),
                reason: None,
            }
        }
        Err(FetchError::Client(error)) => Output { reason: Some(refusal(&error)?), ..Output::default() },
        Err(FetchError::Spool(error)) => return Err(failure::spool(&error)),
    };
    session.quit().await;
    Ok(output)
}

/// A whole file.
pub(crate) struct Fetched {
    pub(crate) content: Content,
    /// In hexadecimal.
    pub(crate) sha256: String,
}

/// Why there is no whole file.
pub(crate) enum FetchError {
    Client(ftp_client::Error),
    Spool(std::io::Error),
}

/// Reads a file to its proven end.
pub(crate) async fn fetch(session: &mut Session, path: &RemotePath) -> Result<Fetched, FetchError> {
    let mut download = session.download(path).await.map_err(FetchError::Client)?;
    let mut content = Content::writer();
    let mut digest = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        let read = download.read(&mut block).await.map_err(FetchError::Client)?;
        if read == 0 {
            break;
        }
        digest.update(&block[..read]);
        content.write(&block[..read]).await.map_err(FetchError::Spool)?;
    }
    let content = content.finish().map_err(FetchError::Spool)?;
    Ok(Fetched { content, sha256: hex::encode(digest.finalize()) })
}
