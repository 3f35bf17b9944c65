//! A content to the server, as often as it takes: the content can be read again, so an upload that broke off is resumed
//! or begun anew.
//!
//! Invariant: bytes are only ever put behind bytes of this same upload. A file that has the size of the one that was there
//! before may be that one, since servers exist that replace the old file only when the new one is whole.

use ftp_client::{Before, Error, Session, Tries, Upload};
use ftp_proto::RemotePath;
use plugin_runtime::Content;

use super::{BLOCK, TransferError};

/// From this size on, in bytes, an upload is resumed. What is smaller is sent again before the server could have been
/// asked what it has.
const RESUMED_FROM: u64 = 1024 * 1024;

/// What the name that a content is put under stands for on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing: it was made up for this content.
    New,
    /// A file perhaps, which is to be replaced.
    Taken,
}

/// Sends all of a content, and returns once the server has confirmed it. Where the server tells the size of what it holds,
/// that has to agree: a 226 that came too early confirms nothing.
pub(crate) async fn send(
    session: &mut Session,
    path: &RemotePath,
    content: &Content,
    place: Place,
) -> Result<(), TransferError> {
    let is_resumable = content.len() >= RESUMED_FROM;
    let before = match place {
        Place::New => Before::Known(None),
        Place::Taken if is_resumable => Before::Known(session.size(path).await?),
        Place::Taken => Before::Unknown,
    };
    let mut tries = session.tries();
    let mut sending = Sending { path, content, before, is_resumable, is_begun: false, held: 0, sent: 0 };
    loop {
        match sending.attempt(session).await {
            Ok(()) => return Ok(()),
            Err(error) => sending.recover(session, &mut tries, error).await?,
        }
    }
}

/// An upload and its state from one attempt to the next.
struct Sending<'u> {
    path: &'u RemotePath,
    content: &'u Content,
    before: Before,
    is_resumable: bool,
    /// Whether the server has taken the file once, so that what is there now is ours.
    is_begun: bool,
    /// How many bytes the server holds already, of those that earlier attempts sent.
    held: u64,
    /// How many bytes were sent since the file was begun, and could be held.
    sent: u64,
}

impl Sending<'_> {
    /// Sends what the server does not hold yet.
    async fn attempt(&mut self, session: &mut Session) -> Result<(), TransferError> {
        if self.held < self.content.len() || !self.is_begun {
            let mut upload = match self.held {
                0 => session.upload_replacing(self.path, self.before).await?,
                held => session.append(self.path, held).await?,
            };
            self.is_begun = true;
            self.sent = self.held;
            self.rest(&mut upload).await?;
            upload.finish().await?;
        }
        match session.size(self.path).await? {
            Some(found) if found != self.content.len() => {
                Err(TransferError::WrongSize { sent: self.content.len(), found })
            }
            _ => Ok(()),
        }
    }

    /// Sends the bytes behind those that were sent.
    async fn rest(&mut self, upload: &mut Upload<'_>) -> Result<(), TransferError> {
        let mut reader = self.content.reader_at(self.sent);
        let mut block = vec![0; BLOCK];
        loop {
            let read = reader.read(&mut block).map_err(TransferError::Spool)?;
            if read == 0 {
                return Ok(());
            }
            self.sent += read as u64;
            upload.write(&block[..read]).await?;
        }
    }

    /// Takes the failure of an attempt. When this returns, the next one may begin.
    async fn recover(
        &mut self,
        session: &mut Session,
        tries: &mut Tries,
        failure: TransferError,
    ) -> Result<(), TransferError> {
        let mut error = match failure {
            // Appending did not work as it should, or is not allowed (ProFTPD 1.3.8 by default, 451): once more, from
            // the beginning.
            TransferError::WrongSize { .. } | TransferError::Client(Error::Rejected { .. })
                if self.held > 0 =>
            {
                tracing::info!("The upload cannot be resumed and begins anew");
                self.is_resumable = false;
                self.held = 0;
                return Ok(());
            }
            // What the first attempt left there is half a file, so this is no answer about a file any more.
            TransferError::Client(refused) if self.is_begun && refused.is_rejection() => {
                return Err(tries.conclude(refused).into());
            }
            TransferError::Client(error) => error,
            other => return Err(other),
        };
        loop {
            session.try_again(tries, error).await?;
            match self.look(session, tries).await {
                Ok(held) => {
                    self.held = held;
                    return Ok(());
                }
                Err(failed) => error = failed,
            }
        }
    }

    /// How many bytes the server holds and can keep.
    async fn look(&self, session: &mut Session, tries: &mut Tries) -> Result<u64, Error> {
        let Before::Known(before) = self.before else { return Ok(0) };
        if !self.is_resumable || !self.is_begun {
            return Ok(0);
        }
        let found = session.size(self.path).await?;
        match found {
            Some(held) if found != before && (RESUMED_FROM..=self.sent).contains(&held) => {
                tracing::info!("The upload goes on behind the {held} bytes that the server holds");
                if held > self.held {
                    tries.progress();
                }
                Ok(held)
            }
            _ => Ok(0),
        }
    }
}
