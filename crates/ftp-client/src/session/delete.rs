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
        let command = Command::Dele(path.clone());
        let mut tries = self.tries();
        let mut unanswered = false;
        loop {
            self.announce_path(&command).await?;
            // Past `Session::execute`, which would hide that the command may have been carried out already.
            match self.control.execute(&command).await {
                Ok(_) => return Ok(()),
                Err(error) if self.has_ended_unnoticed(&error) => {
                    unanswered = true;
                    if let Err(error) = self.replace_ended(&error).await {
                        self.try_again(&mut tries, error).await?;
                    }
                }
                Err(error) if error.is_of_the_session() => {
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
