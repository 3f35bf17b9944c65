//! RETR (RFC 959 §4.1.3): a file's bytes, and the proof that they are all of them.
//!
//! A transfer that breaks off goes on where it stands (RFC 3659 §5), on a new login where the old one is gone, so that
//! whoever reads sees one stream. Two halves make a file only if they are of the same file: its size, and for larger ones
//! its time stamp, must be what they were at the beginning, and what comes must have exactly that size.

use ftp_proto::{Command, Modified, RemotePath};

use super::Session;
use super::incoming::{Incoming, Part};
use super::transfer::Opened;
use crate::error::{DataFault, Error};
use crate::retry::Tries;

/// From this size on, in bytes, a file's time stamp is asked for before the transfer. Smaller ones are here before it
/// pays.
const STAMPED_FROM: u64 = 1024 * 1024;

impl Session {
    /// Starts to fetch a file.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when the server refuses the file, [`Error::Data`] when no data connection comes about or the
    /// file is larger than [`Limits::download_bytes`](crate::Limits::download_bytes).
    pub async fn download(&mut self, path: &RemotePath) -> Result<Download<'_>, Error> {
        let mut tries = self.tries();
        let (file, incoming) = loop {
            match self.begin_download(path).await {
                Ok(begun) => break begun,
                Err(error) => self.try_again(&mut tries, error).await?,
            }
        };
        Ok(Download {
            session: self,
            path: path.clone(),
            file,
            incoming,
            received: 0,
            to_skip: 0,
            is_resumed: false,
            knows_rest: true,
            tries,
        })
    }

    async fn begin_download(&mut self, path: &RemotePath) -> Result<(Identity, Incoming), Error> {
        let size = self.size(path).await?;
        if let Some(limit) = self.client.config().limits.download_bytes
            && size.is_some_and(|size| size > limit)
        {
            return Err(Error::Data(DataFault::TooLarge { limit }));
        }
        let modified = match size {
            Some(STAMPED_FROM..) => self.modified(path).await?,
            _ => None,
        };
        let command = Command::Retr(path.clone());
        let incoming = match self.open(&command).await? {
            Opened::Nothing(_) if size == Some(0) => Incoming::empty(),
            opened => Incoming::new(opened.into_data(command.verb())?),
        };
        Ok((Identity { size, modified }, incoming))
    }
}

/// What tells a file from another one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    size: Option<u64>,
    modified: Option<Modified>,
}

/// A file on its way here. Read it to the end: only there is it proved to be whole.
#[derive(Debug)]
pub struct Download<'s> {
    session: &'s mut Session,
    path: RemotePath,
    file: Identity,
    incoming: Incoming,
    /// Bytes given out.
    received: u64,
    /// Bytes with which the stream begins and that were given out already, from an earlier one.
    to_skip: u64,
    /// Whether the bytes come from more than one stream.
    is_resumed: bool,
    knows_rest: bool,
    tries: Tries,
}

impl Download<'_> {
    /// The size in bytes that the server announced, if it did. A growing file may turn out longer.
    pub fn expected(&self) -> Option<u64> {
        self.file.size
    }

    /// Puts the next bytes at the start of `buffer` and says how many. `0` means more than the end of the stream: the
    /// server has confirmed the transfer, and its size agrees with what was announced. Where the control connection died
    /// after the last byte, the size on a new login stands for the confirmation.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when the transfer broke off or fell short and cannot go on, [`Error::Repeated`] when it did so too
    /// often.
    pub async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let error = match self.read_stream(buffer).await {
                Ok(read) => return Ok(read),
                Err(error) => error,
            };
            match self.go_on(error).await {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(error) => {
                    self.incoming = Incoming::broken();
                    return Err(error);
                }
            }
        }
    }

    async fn read_stream(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            let read = match self.incoming.read(self.session, buffer).await? {
                Part::Bytes(read) => read,
                Part::End { marked } => return self.check_size(marked).map(|()| 0),
            };
            let known = usize::try_from(self.to_skip).map_or(read, |skip| skip.min(read));
            self.to_skip -= known as u64;
            if known < read {
                buffer.copy_within(known..read, 0);
                self.count(read - known)?;
                return Ok(read - known);
            }
        }
    }

    /// Counts new bytes, as far as there may be so many.
    fn count(&mut self, new: usize) -> Result<(), Error> {
        self.received += new as u64;
        self.tries.progress();
        match (self.session.client.config().limits.download_bytes, self.file.size) {
            (Some(limit), _) if self.received > limit => Err(Error::Data(DataFault::TooLarge { limit })),
            // Either it grew just now, or the server has not begun where it said it would.
            (_, Some(size)) if self.is_resumed && self.received > size => {
                Err(Error::Data(DataFault::Changed))
            }
            _ => Ok(()),
        }
    }

    /// RFC 959 §3.4 lets a closed data connection stand for the end of the file, so only the final reply and the size
    /// can tell a whole file from one that was cut off.
    fn check_size(&self, marked: bool) -> Result<(), Error> {
        let received = self.received - self.to_skip;
        match self.file.size {
            Some(expected) if received < expected => {
                Err(Error::Data(DataFault::Short { received, expected }))
            }
            None if !marked => Err(Error::Data(DataFault::Unproven { received })),
            _ => Ok(()),
        }
    }

    /// Takes the failure of the stream and opens another one, as often as it takes and may. `false` when there is nothing
    /// more to come.
    async fn go_on(&mut self, mut error: Error) -> Result<bool, Error> {
        // Without a size nothing tells whether the rest would be that of the same file.
        if self.received > 0 && self.file.size.is_none() {
            return Err(error);
        }
        let given_up = matches!(error, Error::Data(DataFault::GivenUp(_)));
        loop {
            self.session.try_again(&mut self.tries, error).await?;
            match self.reopen(given_up).await {
                Ok(is_open) => return Ok(is_open),
                // After its first bytes came, a file that is refused is a transfer that failed.
                Err(refused) if self.received > 0 && refused.is_rejection() => {
                    return Err(self.tries.conclude(refused));
                }
                Err(failed) => error = failed,
            }
        }
    }

    /// Opens a stream that begins where the last one ended. `false` when it ended with the last byte.
    async fn reopen(&mut self, given_up: bool) -> Result<bool, Error> {
        if self.received == 0 {
            (self.file, self.incoming) = self.session.begin_download(&self.path).await?;
            self.to_skip = 0;
            return Ok(true);
        }
        let found = self.look_again().await?;
        if !given_up && self.is_whole(found) {
            tracing::info!(
                "The server's confirmation was lost; the size on a new login proves that the file is whole"
            );
            return Ok(false);
        }
        if found != self.file {
            return Err(Error::Data(DataFault::Changed));
        }
        self.open_rest().await?;
        Ok(true)
    }

    async fn look_again(&mut self) -> Result<Identity, Error> {
        let size = self.session.size(&self.path).await?;
        let modified = match self.file.modified {
            Some(_) => self.session.modified(&self.path).await?,
            None => None,
        };
        Ok(Identity { size, modified })
    }

    /// Whether all bytes of the file as it was found now are here. A stream that was resumed proves less than one that
    /// began with the first byte, so there the server has to confirm the end itself. A file that grew meanwhile is whole
    /// if its stream came to an end.
    fn is_whole(&self, found: Identity) -> bool {
        let received = Some(self.received);
        let has_grown = received > self.file.size && self.incoming.has_ended();
        !self.is_resumed && found.size == received && (found == self.file || has_grown)
    }

    /// Asks for the rest of the file; where the server has no way to send that alone, for all of it, of which the
    /// beginning is passed over.
    async fn open_rest(&mut self) -> Result<(), Error> {
        let command = Command::Retr(self.path.clone());
        let mut from = if self.knows_rest { self.received } else { 0 };
        let opened = match self.session.open_at(&command, &mut from).await {
            Err(refused) if from > 0 && refused.is_rejection() => {
                tracing::debug!("the rest alone is refused: {refused}");
                from = 0;
                self.session.open(&command).await?
            }
            opened => opened?,
        };
        self.incoming = match opened {
            Opened::Nothing(_) if self.file.size == Some(from) => Incoming::empty(),
            opened => Incoming::new(opened.into_data(command.verb())?),
        };
        let shown = self.session.charset().display(self.path.as_bytes());
        tracing::info!("Going on with {shown} at byte {from}");
        self.knows_rest = from > 0;
        self.to_skip = self.received - from;
        self.is_resumed = true;
        Ok(())
    }
}
