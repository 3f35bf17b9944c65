//! Data on its way here — a file's or a listing's — until the server has confirmed that it is complete.

use super::Session;
use crate::data::{Block, Data};
use crate::error::{DataFault, Error, LostCause};

/// The receiving side of a transfer.
#[derive(Debug)]
pub(super) struct Incoming(Progress);

#[derive(Debug)]
enum Progress {
    Flowing(Data),
    /// Ended and confirmed. Whether the data connection's end was marked as such ([`Block::End`]).
    Whole {
        marked: bool,
    },
    /// Failed; what came is not all there is, however often one asks. Whether the data had come to its end before that.
    Broken {
        ended: bool,
    },
}

/// What a read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// So many bytes.
    Bytes(usize),
    /// The end, confirmed by a 2yz reply. `marked` tells whether the data connection ended as it should, or was merely
    /// closed although it was protected by TLS.
    End { marked: bool },
}

impl Incoming {
    pub(super) fn new(data: Data) -> Self {
        Self(Progress::Flowing(data))
    }

    /// Data of which the server has confirmed that there is none.
    pub(super) fn empty() -> Self {
        Self(Progress::Whole { marked: true })
    }

    /// One that has failed for good.
    pub(super) fn broken() -> Self {
        Self(Progress::Broken { ended: false })
    }

    /// Whether the data came to its end, whatever became of the confirmation.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.0, Progress::Whole { .. } | Progress::Broken { ended: true })
    }

    /// Reads the next bytes into `buffer`, which is not empty. After the end it gives the end again, and after an error
    /// an error.
    pub(super) async fn read(&mut self, session: &mut Session, buffer: &mut [u8]) -> Result<Part, Error> {
        let data = match &mut self.0 {
            Progress::Flowing(data) => data,
            Progress::Whole { marked } => return Ok(Part::End { marked: *marked }),
            Progress::Broken { .. } => return Err(Error::Lost(LostCause::Poisoned)),
        };
        let verb = data.verb();
        match data.read(buffer).await {
            Ok(Block::Bytes(read)) => {
                session.client.counters().received.add(read);
                Ok(Part::Bytes(read))
            }
            Ok(end @ (Block::End | Block::Cut)) => self.conclude(session, end == Block::End).await,
            Err(error) => {
                self.0 = Progress::Broken { ended: false };
                Err(session.explain(verb, error).await)
            }
        }
    }

    /// Closes the data connection before its end. The server ends the transfer then, with 226 or 426 as it likes; either
    /// way its reply is taken and the session is in step.
    pub(super) async fn abandon(self, session: &mut Session) -> Result<(), Error> {
        if let Progress::Flowing(data) = self.0 {
            data.close().await;
            session.control.final_reply().await?;
        }
        Ok(())
    }

    /// Closes our side and takes the final reply.
    async fn conclude(&mut self, session: &mut Session, marked: bool) -> Result<Part, Error> {
        if let Progress::Flowing(data) = std::mem::replace(&mut self.0, Progress::Broken { ended: true }) {
            let (verb, has_flowed) = (data.verb(), data.has_flowed());
            data.close().await;
            session.confirm(verb).await.map_err(|error| match error {
                // A file that is refused sends nothing; this one was being sent.
                Error::Rejected { reply, .. } if has_flowed => Error::Data(DataFault::GivenUp(reply)),
                other => other,
            })?;
        }
        self.0 = Progress::Whole { marked };
        Ok(Part::End { marked })
    }
}
