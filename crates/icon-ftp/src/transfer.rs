//! Whole files between the server and a [`Content`]: what actions and triggers do alike.

mod send;

use std::io;

use ftp_client::{Error, Session};
use ftp_proto::RemotePath;
use plugin_runtime::{Content, ContentWriter, Failure};

pub(crate) use self::send::{Place, send};
use crate::failure;

/// Bytes read at a time; half the processor time of 8 KiB.
const BLOCK: usize = 256 * 1024;

/// Why there is no whole file, here or there.
pub(crate) enum TransferError {
    /// The server's side, or the way to it.
    Client(Error),
    /// Ours: the content cannot be kept or read.
    Spool(io::Error),
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
            Self::WrongSize { sent, found } => failure::wrong_size(sent, found),
        }
    }
}

impl From<Error> for TransferError {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

/// Reads a file to its proven end, into what `content` has begun.
pub(crate) async fn fetch(
    session: &mut Session,
    path: &RemotePath,
    mut content: ContentWriter,
) -> Result<Content, TransferError> {
    let mut download = session.download(path).await?;
    if let Some(size) = download.expected() {
        content.announce(size).map_err(TransferError::Spool)?;
    }
    let mut block = vec![0; BLOCK];
    loop {
        match download.read(&mut block).await? {
            0 => return Ok(content.finish()),
            read => content.write(&block[..read]).map_err(TransferError::Spool)?,
        }
    }
}
