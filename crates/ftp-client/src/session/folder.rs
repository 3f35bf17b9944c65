//! Folders: making them, and stepping into one and back (RFC 959 §4.1.3: MKD, CWD, PWD).

use ftp_proto::{Command, RemotePath, parse_pwd};

use super::Session;
use crate::error::Error;

impl Session {
    /// Makes `path` and all folders above it, as far as they are missing.
    ///
    /// A refusal is no error: servers answer 521 or 550 alike for a folder that exists and for one that is forbidden.
    /// Whoever then puts a file there learns which it was.
    ///
    /// # Errors
    ///
    /// Failures of the session only.
    pub async fn make_folders(&mut self, path: &RemotePath) -> Result<(), Error> {
        let mut chain = vec![path.clone()];
        while let Some(parent) = chain.last().and_then(RemotePath::parent) {
            chain.push(parent);
        }
        for folder in chain.iter().rev().filter(|folder| folder.file_name().is_some()) {
            match self.execute(&Command::Mkd(folder.clone())).await {
                Ok(_) => tracing::info!("Made the folder {}", folder.display()),
                Err(Error::Rejected { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Steps into `path`. Relative paths are meant from the login folder, so whoever steps out of it steps back with
    /// [`Session::return_home`]; a server that does not tell where that is cannot be left, which gives `false`.
    pub(super) async fn enter(&mut self, path: &RemotePath) -> Result<bool, Error> {
        // The name of the home is to come in the same charset in which it will be sent back.
        self.announce_utf8().await?;
        if self.home.is_none() {
            self.home = match self.execute(&Command::Pwd).await {
                Ok(reply) => parse_pwd(&reply),
                Err(Error::Rejected { .. }) => None,
                Err(error) => return Err(error),
            };
        }
        if self.home.is_none() {
            return Ok(false);
        }
        self.execute(&Command::Cwd(path.clone())).await?;
        self.away = Some(path.clone());
        Ok(true)
    }

    /// Steps back to the login folder, if the session has left it.
    pub(super) async fn return_home(&mut self) -> Result<(), Error> {
        let (Some(home), Some(_)) = (self.home.clone(), &self.away) else { return Ok(()) };
        match self.execute(&Command::Cwd(home)).await {
            Ok(_) => {
                self.away = None;
                Ok(())
            }
            // Elsewhere every relative path would mean another file.
            Err(error) => {
                self.control.poison();
                Err(error)
            }
        }
    }
}
