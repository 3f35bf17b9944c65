//! The server's clock: a LIST tells local time (RFC 959 says nothing of it), MDTM tells UTC (RFC 3659 §3), and one file
//! that both know tells how far apart they are.

use ftp_proto::{Entry, EntryKind, Modified, RemotePath};
use time::UtcOffset;

use super::Session;
use crate::error::Error;

/// How many files of a listing are tried before the clock is left alone.
const MOST_TRIED: usize = 3;

/// How many entries are looked at to find them.
const MOST_LOOKED_AT: usize = 1000;

impl Session {
    /// How far the server's clock is ahead of UTC, as far as an earlier look at this server has told.
    pub fn clock(&self) -> Option<UtcOffset> {
        self.client.learnt().clock
    }

    /// A time in UTC, as far as the server's clock is known; a local time of a server whose clock is not known stays as
    /// it is.
    pub fn in_utc(&self, modified: Modified) -> Modified {
        self.clock().map_or(modified, |ahead| modified.in_utc(ahead))
    }

    /// Learns the server's clock from one file: `listed` is what a LIST said of `file`, and MDTM is asked for the same.
    /// One answer is remembered for the client. A server whose `ls` follows daylight saving shows a file of the other
    /// half of the year an hour off; that is how exact LIST is.
    ///
    /// # Errors
    ///
    /// Failures of the session only.
    pub async fn learn_clock(&mut self, file: &RemotePath, listed: Modified) -> Result<(), Error> {
        if self.clock().is_some() || !listed.tells_the_clock() {
            return Ok(());
        }
        let told = self.modified(file).await?;
        if let Some(ahead) = told.and_then(|utc| listed.ahead_of(utc.at)) {
            tracing::debug!("the server's clock is {} ahead of UTC", ahead);
            self.client.learnt().clock = Some(ahead);
        }
        Ok(())
    }

    /// Learns the server's clock from the beginning of a folder's listing, so that the times of the whole listing can be
    /// told right while it comes. Does nothing where the clock is known or the server lists in UTC (MLSD).
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when `folder` is no folder or may not be listed; failures of the session.
    pub async fn look_up_clock(&mut self, folder: &RemotePath) -> Result<(), Error> {
        if self.clock().is_some() || self.features().await?.mlst.is_some() {
            return Ok(());
        }
        for entry in self.first_files(folder).await? {
            let (Ok(file), Some(listed)) = (folder.join(&entry.name), entry.modified) else { continue };
            self.learn_clock(&file, listed).await?;
            if self.clock().is_some() {
                break;
            }
        }
        Ok(())
    }

    /// The first files of a listing whose times are local and exact enough. The rest is not waited for: a folder may be
    /// large, and its listing is about to come a second time.
    async fn first_files(&mut self, folder: &RemotePath) -> Result<Vec<Entry>, Error> {
        let mut listing = self.list(folder).await?;
        let mut files = Vec::new();
        for _ in 0..MOST_LOOKED_AT {
            let Some(entry) = listing.next().await? else { return Ok(files) };
            if entry.kind == EntryKind::File && entry.modified.is_some_and(Modified::tells_the_clock) {
                files.push(entry);
            }
            if files.len() == MOST_TRIED {
                break;
            }
        }
        listing.abandon().await?;
        Ok(files)
    }
}
