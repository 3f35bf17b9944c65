//! One entry's facts, by whichever way the server offers.

use ftp_proto::{
    Command, Entry, EntryKind, Modified, Precision, RemotePath, parse_mdtm, parse_mlst, parse_size,
};

use super::Session;
use crate::error::Error;

impl Session {
    /// What is known of `path`; `None` when the server says that there is no such thing, or none that we may see.
    ///
    /// Asks with MLST (RFC 3659 §7); else with SIZE and MDTM, which know files only and tell no mode; else looks the name
    /// up in its folder's listing.
    ///
    /// # Errors
    ///
    /// Failures of the session only.
    pub async fn stat(&mut self, path: &RemotePath) -> Result<Option<Entry>, Error> {
        if self.features().await?.mlst.is_some() {
            match self.ask(&Command::Mlst(path.clone())).await {
                Ok(reply) => {
                    if let Some(entry) = parse_mlst(&reply) {
                        return Ok(Some(entry));
                    }
                }
                // 501 may be about the name, or come from a server that does not know the command after all.
                Err(error) if error.is_rejection() && !error.is_unsupported() => return Ok(None),
                Err(Error::Rejected { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if let Some(entry) = self.stat_file(path).await? {
            return Ok(Some(entry));
        }
        match self.stat_in_folder(path).await {
            Err(Error::Rejected { .. }) => Ok(None),
            found => found,
        }
    }

    /// What the listing of its folder says of `path`: the only way to a mode on servers without MLST, and a second
    /// opinion on whether something is gone. `None` when the listing came whole and does not name it.
    ///
    /// # Errors
    ///
    /// Failures of the session, and [`Error::Rejected`] when the folder cannot be listed.
    pub async fn stat_in_folder(&mut self, path: &RemotePath) -> Result<Option<Entry>, Error> {
        let Some(name) = path.file_name() else { return self.stat_root(path).await };
        let folder = match path.parent() {
            Some(folder) => folder,
            None => RemotePath::here(),
        };
        let mut listing = self.list(&folder).await?;
        let mut found = None;
        while let Some(entry) = listing.next().await? {
            if entry.name == name {
                found = Some(entry);
            }
        }
        Ok(found)
    }

    /// The size of a file in bytes (RFC 3659 §4), where the server tells it. A refusal says nothing about the file:
    /// some servers do not know SIZE, some hide it.
    ///
    /// # Errors
    ///
    /// Failures of the session only.
    pub async fn size(&mut self, path: &RemotePath) -> Result<Option<u64>, Error> {
        match self.ask(&Command::Size(path.clone())).await {
            Ok(reply) => Ok(parse_size(&reply)),
            Err(Error::Rejected { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// When a file was last modified, to the second (RFC 3659 §3), where the server tells it.
    ///
    /// # Errors
    ///
    /// Failures of the session only.
    pub async fn modified(&mut self, path: &RemotePath) -> Result<Option<Modified>, Error> {
        match self.ask(&Command::Mdtm(path.clone())).await {
            Ok(reply) => Ok(parse_mdtm(&reply).map(|at| Modified::utc(at, Precision::Second))),
            Err(Error::Rejected { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A file's facts by SIZE and MDTM; `None` when the server does not know the size of such a thing.
    async fn stat_file(&mut self, path: &RemotePath) -> Result<Option<Entry>, Error> {
        let Some(size) = self.size(path).await? else { return Ok(None) };
        let modified = self.modified(path).await?;
        Ok(Some(Entry {
            name: path.file_name().unwrap_or_default().to_vec(),
            kind: EntryKind::File,
            size: Some(size),
            modified,
            mode: None,
            target: None,
            unique: None,
        }))
    }

    /// `/`, `.` and `..` stand in no listing; being able to step into one is all there is to know.
    async fn stat_root(&mut self, path: &RemotePath) -> Result<Option<Entry>, Error> {
        match self.enter(path).await {
            Ok(_) => self.return_home().await?,
            Err(error) if error.is_rejection() => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(Some(Entry {
            name: path.as_bytes().to_vec(),
            kind: EntryKind::Folder,
            size: None,
            modified: None,
            mode: None,
            target: None,
            unique: None,
        }))
    }
}
