//! RNFR and RNTO (RFC 959 §4.1.3).

use ftp_proto::{Command, RemotePath};

use super::Session;
use crate::error::Error;

impl Session {
    /// Renames `from` to `to`. Whether an existing `to` is replaced is the server's decision.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when the server refuses either half; nothing has changed then.
    pub async fn rename(&mut self, from: &RemotePath, to: &RemotePath) -> Result<(), Error> {
        self.control.execute(&Command::Rnfr(from.clone())).await?;
        self.control.execute(&Command::Rnto(to.clone())).await.map(drop)
    }
}
