//! DELE (RFC 959 §4.1.3).

use ftp_proto::{Command, RemotePath};

use super::Session;
use crate::error::Error;

impl Session {
    /// Deletes a file. Where the connection is lost before the reply, the file is deleted again on a new one; that it is
    /// missing then means that the first time was enough.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when the file is missing, forbidden, or a folder.
    pub async fn delete(&mut self, path: &RemotePath) -> Result<(), Error> {
        let mut tries = self.tries();
        let mut unanswered = false;
        loop {
            match self.execute(&Command::Dele(path.clone())).await {
                Ok(_) => return Ok(()),
                Err(error @ (Error::Lost(_) | Error::Timeout { .. })) => {
                    self.try_again(&mut tries, error).await?;
                    unanswered = true;
                }
                Err(refused) if unanswered && refused.is_rejection() && self.stat(path).await?.is_none() => {
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }
}
