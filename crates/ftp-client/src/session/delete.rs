//! DELE (RFC 959 §4.1.3).

use ftp_proto::{Command, RemotePath};

use super::Session;
use crate::error::Error;

impl Session {
    /// Deletes a file.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when the file is missing, forbidden, or a folder.
    pub async fn delete(&mut self, path: &RemotePath) -> Result<(), Error> {
        self.execute(&Command::Dele(path.clone())).await.map(drop)
    }
}
