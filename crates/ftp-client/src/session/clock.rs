//! The server's clock: a LIST tells local time (RFC 959 says nothing of it), MDTM tells UTC (RFC 3659 §3), and one file
//! that both know tells how far apart they are.

use std::time::Duration;

use ftp_proto::{Entry, EntryKind, Modified, RemotePath};
use time::UtcOffset;
use tokio::time::Instant;

use super::Session;
use super::list::Listing;
use crate::error::Error;

/// How many files of a listing are tried before the clock is left alone.
const MOST_TRIED: usize = 3;

/// How many bytes of a listing are kept until the clock is known (16 MiB): some 200,000 entries.
const MOST_KEPT: usize = 16 * 1024 * 1024;

/// How long a listing is kept until the clock is known. Each block is waited for, so that a server that falls silent in
/// between is given its timeout instead.
const LONGEST_KEPT: Duration = Duration::from_secs(1);

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

    /// Starts to list a folder, and learns the server's clock first if a file in it tells, so that [`Listing::in_utc`] knows
    /// it while the listing comes.
    ///
    /// MDTM has to wait for the end of LIST, so the listing is kept until then. One that is large or slow is given up
    /// instead, and begun again when the clock is known: whoever looks on is to see its beginning.
    ///
    /// # Errors
    ///
    /// As [`Session::list`].
    pub async fn list_with_clock(&mut self, folder: &RemotePath) -> Result<Listing<'_>, Error> {
        if self.lists_in_known_time().await? {
            return self.list(folder).await;
        }
        let mut listing = self.list(folder).await?;
        let files = listing.dated_files().await;
        if files.is_empty() || listing.is_broken() {
            return Ok(listing);
        }
        if listing.session.is_usable() {
            // The entries are all here, so a session that is lost now takes none of them along.
            if let Err(error) = listing.session.learn_clock_from(folder, &files).await {
                tracing::debug!("the server's clock was not learnt: {error}");
            }
            return Ok(listing);
        }
        let session = listing.give_up().await?;
        session.learn_clock_from(folder, &files).await?;
        session.list(folder).await
    }

    /// Learns the server's clock from a folder, if a file in it tells.
    pub(super) async fn learn_clock_by(&mut self, folder: &RemotePath) -> Result<(), Error> {
        if self.lists_in_known_time().await? {
            return Ok(());
        }
        let mut listing = self.list(folder).await?;
        let files = listing.dated_files().await;
        listing.give_up().await?.learn_clock_from(folder, &files).await
    }

    async fn lists_in_known_time(&mut self) -> Result<bool, Error> {
        Ok(self.clock().is_some() || self.features().await?.mlst.is_some())
    }

    /// Learns the clock from the first of these files of a folder that tells it.
    async fn learn_clock_from(&mut self, folder: &RemotePath, files: &[Entry]) -> Result<(), Error> {
        for entry in files {
            let (Ok(file), Some(listed)) = (folder.join(&entry.name), entry.modified) else { continue };
            self.learn_clock(&file, listed).await?;
            if self.clock().is_some() {
                break;
            }
        }
        Ok(())
    }
}

impl Listing<'_> {
    /// The first files whose times are local and exact enough to tell the clock, after a wait for the end of the listing.
    async fn dated_files(&mut self) -> Vec<Entry> {
        self.read_ahead(MOST_KEPT, Some(Instant::now() + LONGEST_KEPT)).await;
        let tells = |entry: &Entry| {
            entry.kind == EntryKind::File && entry.modified.is_some_and(Modified::tells_the_clock)
        };
        self.ahead().into_iter().filter(tells).take(MOST_TRIED).collect()
    }
}
