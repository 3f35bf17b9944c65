//! RNFR and RNTO (RFC 959 §4.1.3).

use ftp_proto::{Command, RemotePath, Severity};

use super::Session;
use crate::control::not_refused;
use crate::error::{Error, ProtocolFault};

impl Session {
    /// Renames `from` to `to`. Whether an existing `to` is replaced is the server's decision.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when the server refuses either half.
    pub async fn rename(&mut self, from: &RemotePath, to: &RemotePath) -> Result<(), Error> {
        let (rnfr, rnto) = (Command::Rnfr(from.clone()), Command::Rnto(to.clone()));
        // Nothing may come between the two.
        self.announce_path(&rnto).await?;
        let reply = not_refused(rnfr.verb(), self.exchange(&rnfr).await?)?;
        if reply.severity() != Severity::Intermediate {
            return Err(Error::Protocol(ProtocolFault::Unexpected { verb: rnfr.verb(), reply }));
        }
        self.control.execute(&rnto).await.map(drop)
    }
}
