//! RETR (RFC 959 §4.1.3): a file's bytes, and the proof that they are all of them.

use ftp_proto::{Command, RemotePath, parse_size};

use super::Session;
use crate::data::{Block, Data};
use crate::error::{DataFault, Error};

impl Session {
    /// Starts to fetch a file.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when the server refuses the file, [`Error::Data`] when no data connection comes about.
    pub async fn download(&mut self, path: &RemotePath) -> Result<Download<'_>, Error> {
        let expected = self.size(path).await?;
        let data = self.open(&Command::Retr(path.clone())).await?;
        Ok(Download { session: self, data, expected, received: 0, complete: false })
    }

    /// The size of a file in bytes (RFC 3659 §4), where the server tells it. A refusal says nothing about the file:
    /// some servers do not know SIZE, some hide it.
    pub(super) async fn size(&mut self, path: &RemotePath) -> Result<Option<u64>, Error> {
        match self.control.execute(&Command::Size(path.clone())).await {
            Ok(reply) => Ok(parse_size(&reply).ok()),
            Err(Error::Rejected { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A file on its way here. Read it to the end: only there is it proved to be whole.
#[derive(Debug)]
pub struct Download<'s> {
    session: &'s mut Session,
    data: Data,
    expected: Option<u64>,
    received: u64,
    complete: bool,
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
        if self.complete || buffer.is_empty() {
            return Ok(0);
        }
        match self.data.read(buffer).await {
            Ok(Block::Bytes(read)) => {
                self.received += read as u64;
                Ok(read)
            }
            Ok(end @ (Block::End | Block::Cut)) => self.prove(end).await.map(|()| 0),
            Err(error @ Error::Timeout { .. }) => Err(error),
            Err(error) => Err(self.session.explain(error).await),
        }
    }

    /// RFC 959 §3.4 lets a closed data connection stand for the end of the file, so only the final reply and the size
    /// can tell a whole file from one that was cut off.
    async fn prove(&mut self, end: Block) -> Result<(), Error> {
        self.session.conclude().await?;
        self.complete = true;
        let received = self.received;
        match self.expected {
            Some(expected) if received < expected => {
                Err(Error::Data(DataFault::Short { received, expected }))
            }
            None if end == Block::Cut => Err(Error::Data(DataFault::Unproven { received })),
            _ => Ok(()),
        }
    }
}
