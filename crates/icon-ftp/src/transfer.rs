//! Whole files between the server and a [`Content`]: what actions and triggers do alike.

use std::io;

use ftp_client::{Error, Session};
use ftp_proto::RemotePath;
use plugin_runtime::{Content, Failure};
use sha2::{Digest, Sha256};

use crate::failure;

/// Bytes read at a time; half the processor time of 8 KiB.
const BLOCK: usize = 256 * 1024;

/// A whole file.
pub(crate) struct Fetched {
    pub(crate) content: Content,
    /// In hexadecimal.
    pub(crate) sha256: String,
}

/// Why there is no whole file, here or there.
pub(crate) enum TransferError {
    /// The server's side, or the way to it.
    Client(Error),
    /// Ours: the content cannot be kept or read.
    Spool(io::Error),
    /// The file has more bytes than were to be fetched.
    TooLarge,
    /// The server holds another number of bytes than it was sent.
    WrongSize {
        /// Bytes sent.
        sent: u64,
        /// Bytes held.
        found: u64,
    },
}

impl TransferError {
    /// In words, for callers to whom a refusal is a failure like any other.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Client(error) => failure::from_client(&error),
            Self::Spool(error) => failure::spool(&error),
            Self::TooLarge => failure::too_large(),
            Self::WrongSize { sent, found } => failure::wrong_size(sent, found),
        }
    }
}

impl From<Error> for TransferError {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

/// Reads a file to its proven end. One with more than `limit` bytes is given up, and the session with it.
pub(crate) async fn fetch(
    session: &mut Session,
    path: &RemotePath,
    limit: u64,
) -> Result<Fetched, TransferError> {
    let mut download = session.download(path).await?;
    let mut content = Content::writer();
    let mut digest = Sha256::new();
    let mut block = vec![0; BLOCK];
    let mut fetched = 0;
    loop {
        let read = download.read(&mut block).await?;
        if read == 0 {
            break;
        }
        fetched += read as u64;
        if fetched > limit {
            return Err(TransferError::TooLarge);
        }
        digest.update(&block[..read]);
        content.write(&block[..read]).map_err(TransferError::Spool)?;
    }
    Ok(Fetched { content: content.finish(), sha256: hex::encode(digest.finalize()) })
}

/// Sends all of a content, and gives its SHA-256 in hexadecimal once the server has confirmed it. Where the server tells
/// the size of what it holds, that has to agree: a 226 that came too early confirms nothing.
pub(crate) async fn send(
    session: &mut Session,
    path: &RemotePath,
    content: &Content,
) -> Result<String, TransferError> {
    let mut upload = session.upload(path).await?;
    let mut reader = content.reader();
    let mut digest = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        let read = reader.read(&mut block).map_err(TransferError::Spool)?;
        if read == 0 {
            break;
        }
        digest.update(&block[..read]);
        upload.write(&block[..read]).await?;
    }
    let sent = upload.finish().await?;
    match session.size(path).await? {
        Some(found) if found != sent => Err(TransferError::WrongSize { sent, found }),
        _ => Ok(hex::encode(digest.finalize())),
    }
}
