//! STOR and APPE (RFC 959 §4.1.3): bytes to a file on the server, confirmed by the server.
//!
//! Whoever has the bytes can send them again; here they are sent once. What an upload can do by itself is to look, when
//! the control connection died before the confirmation, whether the server has everything.

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
        self.upload_replacing(path, Before::Unknown).await
    }

    /// As [`Session::upload`], with what is known of the file that is replaced. Where its size is known, the new file's
    /// size can stand for a confirmation that gets lost, unless it is the same.
    ///
    /// # Errors
    ///
    /// As [`Session::upload`].
    pub async fn upload_replacing(&mut self, path: &RemotePath, before: Before) -> Result<Upload<'_>, Error> {
        self.begin_upload(Command::Stor(path.clone()), path, before, 0).await
    }

    /// Starts to put bytes behind the `held` that a file on the server has.
    ///
    /// Uploads are resumed in this way and not with REST: servers exist that accept REST before STOR and then fill the
    /// beginning with zeros, which no size shows. What goes wrong with APPE shows in the size.
    ///
    /// # Errors
    ///
    /// As [`Session::upload`].
    pub async fn append(&mut self, path: &RemotePath, held: u64) -> Result<Upload<'_>, Error> {
        self.begin_upload(Command::Appe(path.clone()), path, Before::Known(Some(held)), held).await
    }

    async fn begin_upload(
        &mut self,
        command: Command,
        path: &RemotePath,
        before: Before,
        held: u64,
    ) -> Result<Upload<'_>, Error> {
        let data = self.open(&command).await?.into_data(command.verb())?;
        Ok(Upload { session: self, data, path: path.clone(), before, held, sent: 0 })
    }
}

/// What is known of the file that had the name before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing: there may be one, of any size.
    Unknown,
    /// Its size in bytes; `None` if there was none.
    Known(Option<u64>),
}

/// A file on its way there. Without [`Upload::finish`] it is an abandoned one, and the session is poisoned.
#[derive(Debug)]
pub struct Upload<'s> {
    session: &'s mut Session,
    data: Data,
    path: RemotePath,
    before: Before,
    /// Bytes in front of those sent here.
    held: u64,
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
                self.session.client.counters().sent.add(bytes.len());
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
        let Err(error) = self.conclude().await else { return Ok(self.sent) };
        let is_lost = matches!(error, Error::Lost(_) | Error::Timeout { .. });
        if is_lost && self.is_proved_by_size().await {
            tracing::info!(
                "The server's confirmation was lost ({error}); the size on a new login proves the file whole"
            );
            return Ok(self.sent);
        }
        Err(error)
    }

    async fn conclude(&mut self) -> Result<(), Error> {
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
        Ok(())
    }

    /// Looks on a new login whether the server has everything. A server that puts the new file in place of the old one
    /// only at the end shows the old one's size until then, so a size that the old file had proves nothing.
    async fn is_proved_by_size(&mut self) -> bool {
        let Before::Known(before) = self.before else { return false };
        let everything = Some(self.held + self.sent);
        if before == everything || self.session.client.config().retries.attempts == 0 {
            return false;
        }
        let looked = match self.session.revive().await {
            Ok(()) => self.session.size(&self.path).await,
            Err(error) => Err(error),
        };
        match looked {
            Ok(found) => found == everything,
            Err(error) => {
                tracing::debug!("what became of the upload cannot be seen: {error}");
                false
            }
        }
    }
}
