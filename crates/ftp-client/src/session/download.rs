//! RETR (RFC 959 §4.1.3): a file's bytes, and the proof that they are all of them.

use ftp_proto::{Command, RemotePath};

use super::Session;
use super::incoming::{Incoming, Part};
use super::transfer::Opened;
use crate::error::{DataFault, Error};

impl Session {
    /// Starts to fetch a file.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when the server refuses the file, [`Error::Data`] when no data connection comes about.
    pub async fn download(&mut self, path: &RemotePath) -> Result<Download<'_>, Error> {
        let expected = self.size(path).await?;
        let command = Command::Retr(path.clone());
        let incoming = match self.open(&command).await? {
            Opened::Nothing(_) if expected == Some(0) => Incoming::empty(),
            opened => Incoming::new(opened.into_data(command.verb())?),
        };
        Ok(Download { session: self, incoming, expected, received: 0 })
    }
}

/// A file on its way here. Read it to the end: only there is it proved to be whole.
#[derive(Debug)]
pub struct Download<'s> {
    session: &'s mut Session,
    incoming: Incoming,
    expected: Option<u64>,
    received: u64,
}

impl Download<'_> {
    /// The size in bytes that the server announced, if it did. A growing file may turn out longer.
    pub fn expected(&self) -> Option<u64> {
        self.expected
    }

    /// Puts the next bytes at the start of `buffer` and says how many. `0` means more than the end of the stream: the
    /// server has confirmed the transfer, and its size agrees with what was announced.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when the transfer broke off or fell short.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        match self.incoming.read(self.session, buffer).await? {
            Part::Bytes(read) => {
                self.received += read as u64;
                Ok(read)
            }
            Part::End { marked } => self.check_size(marked).map(|()| 0),
        }
    }

    /// RFC 959 §3.4 lets a closed data connection stand for the end of the file, so only the final reply and the size
    /// can tell a whole file from one that was cut off.
    fn check_size(&self, marked: bool) -> Result<(), Error> {
        let received = self.received;
        match self.expected {
            Some(expected) if received < expected => {
                Err(Error::Data(DataFault::Short { received, expected }))
            }
            None if !marked => Err(Error::Data(DataFault::Unproven { received })),
            _ => Ok(()),
        }
    }
}
