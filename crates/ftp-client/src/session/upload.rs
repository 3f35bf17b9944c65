//! STOR (RFC 959 §4.1.3): bytes to a file on the server, confirmed by the server.

use ftp_proto::{Command, RemotePath};

use super::Session;
use crate::data::Data;
use crate::error::Error;

impl Session {
    /// Starts to put a file; one that exists is replaced.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when the server refuses the file, [`Error::Data`] when no data connection comes about.
    pub async fn upload(&mut self, path: &RemotePath) -> Result<Upload<'_>, Error> {
        let command = Command::Stor(path.clone());
        let data = self.open(&command).await?.into_data(command.verb())?;
        Ok(Upload { session: self, data, sent: 0 })
    }
}

/// A file on its way there. Without [`Upload::finish`] it is an abandoned one, and the session is poisoned.
#[derive(Debug)]
pub struct Upload<'s> {
    session: &'s mut Session,
    data: Data,
    sent: u64,
}

impl Upload<'_> {
    /// Sends all of `bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when the server gave the transfer up or the connection broke; what the server then holds is not
    /// the whole file.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self.data.write(bytes).await {
            Ok(()) => {
                self.sent += bytes.len() as u64;
                Ok(())
            }
            Err(error) => Err(self.session.explain(self.data.verb(), error).await),
        }
    }

    /// Marks the end and waits for the server to confirm that it has everything. Gives the number of bytes sent.
    ///
    /// # Errors
    ///
    /// As [`Upload::write`].
    pub async fn finish(mut self) -> Result<u64, Error> {
        let verb = self.data.verb();
        if let Err(error) = self.data.end().await {
            return Err(self.session.explain(verb, error).await);
        }
        // The tickets for later data connections arrive here, until the server closes, so they are looked for first; a
        // server that never closes does not hold up its own reply.
        tokio::select! {
            biased;
            () = self.data.drain() => self.session.confirm(verb).await?,
            reply = self.session.confirm(verb) => reply?,
        };
        Ok(self.sent)
    }
}
