//! The steps of a connection test that need a login. Each goes by way of what every transfer does, and tries one thing.

use std::net::{IpAddr, Ipv4Addr};

use ftp_proto::{Command, RemotePath, parse_pasv};

use super::Session;
use super::incoming::{Incoming, Part};
use super::transfer::Opened;
use crate::data::Route;
use crate::diagnosis::{Remark, Step, Trail, Verdict};
use crate::error::{DataFault, Error};
use crate::tls::SessionReuse;

/// What the file holds that is written for the test.
const WRITTEN: &[u8] = b"Written by a connection test, which removes it again.\n";

impl Session {
    /// Takes every step after the login. One that leaves the session useless is followed by a new login; when that
    /// fails, there is nothing left to try.
    pub(crate) async fn examine(mut self, trail: &mut Trail, write: bool) {
        for step in Step::AFTER_LOGIN {
            trail.begin(step);
            if let Err(error) = self.revive().await {
                return trail.end(Verdict::Failed(error));
            }
            let verdict = match step {
                Step::Features => self.examine_features().await,
                Step::Passive => self.examine_passive().await,
                Step::Active => self.examine_active().await,
                Step::Resumption => Ok(self.examine_resumption()),
                Step::Listing => self.examine_listing().await,
                Step::Clock => self.examine_clock().await,
                Step::Write if write => self.examine_write().await,
                Step::Write => Ok(Verdict::Skipped("not asked for")),
                Step::Name | Step::Tcp | Step::Greeting | Step::Tls | Step::Login => continue,
            };
            trail.end(verdict.unwrap_or_else(Verdict::Failed));
        }
        self.quit().await;
    }

    async fn examine_features(&mut self) -> Result<Verdict, Error> {
        let features = self.features().await?;
        let known = [
            ("MLST", features.mlst.is_some()),
            ("SIZE", features.size),
            ("MDTM", features.mdtm),
            ("REST", features.rest_stream),
            ("UTF8", features.utf8),
        ];
        let promised: Vec<&str> = known.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        Ok(Verdict::Passed(if promised.is_empty() { "none".to_owned() } else { promised.join(", ") }))
    }

    /// EPSV, then PASV if that does not work. What address PASV names is looked at in any case, because other clients
    /// believe it.
    async fn examine_passive(&mut self) -> Result<Verdict, Error> {
        let elsewhere = self.address_named_elsewhere().await?;
        let remark = elsewhere.map(Remark::NamesAnotherAddress);
        let Err(error) = self.list_by(Route::ExtendedPassive).await else {
            return Ok(noted("EPSV", remark));
        };
        self.revive().await?;
        match self.list_by(Route::Passive).await {
            Ok(()) => Ok(noted("PASV", remark.or(Some(Remark::NeedsPasv)))),
            Err(second) => {
                let attempts = vec![format!("EPSV: {error}"), format!("PASV: {second}")];
                Err(Error::Data(DataFault::NotOpened { attempts }))
            }
        }
    }

    /// The address that PASV names, where that is not the server's.
    async fn address_named_elsewhere(&mut self) -> Result<Option<Ipv4Addr>, Error> {
        let Some(IpAddr::V4(peer)) = self.control.peer().map(|peer| peer.ip()) else { return Ok(None) };
        match self.control.execute(&Command::Pasv).await {
            Ok(reply) => Ok(parse_pasv(&reply).ok().map(|named| *named.ip()).filter(|named| *named != peer)),
            Err(Error::Rejected { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn examine_active(&mut self) -> Result<Verdict, Error> {
        if self.control.peer().is_none() {
            return Ok(Verdict::Skipped("a proxy lets no connections in"));
        }
        self.list_by(Route::Active).await?;
        Ok(Verdict::Passed("the server can reach this machine".to_owned()))
    }

    /// Lists the login folder over a data connection that comes about in this one way.
    async fn list_by(&mut self, route: Route) -> Result<(), Error> {
        self.ensure_ticket().await?;
        let command = Command::List(None);
        let data = match self.open_by(route, &command, &mut 0, self.suspicion()).await? {
            Opened::Data(data) => data,
            Opened::Nothing(_) => return Ok(()),
        };
        let mut incoming = Incoming::new(data);
        let mut block = vec![0; 16 * 1024];
        while let Part::Bytes(_) = incoming.read(self, &mut block).await? {}
        Ok(())
    }

    /// What the handshakes of the data connections before have shown.
    fn examine_resumption(&self) -> Verdict {
        match self.session_reuse() {
            None if self.link.is_none() => Verdict::Skipped("there is no TLS"),
            None => Verdict::Skipped("there was no data connection"),
            Some(SessionReuse::Resumed) => Verdict::Passed("data resumes the TLS session".to_owned()),
            Some(SessionReuse::Declined | SessionReuse::NotOffered) => {
                noted("full handshakes", Some(Remark::NotResumed))
            }
        }
    }

    async fn examine_listing(&mut self) -> Result<Verdict, Error> {
        let mut listing = self.list(&RemotePath::here()).await?;
        let mut entries = 0_usize;
        while listing.next().await?.is_some() {
            entries += 1;
        }
        let unreadable = listing.unrecognized().count;
        let found = match listing.dialect() {
            Some(dialect) => format!("{entries} entries, {dialect}"),
            None => "no entries".to_owned(),
        };
        let remark = (unreadable > 0).then_some(Remark::UnreadableLines(unreadable));
        Ok(noted(&found, remark))
    }

    async fn examine_clock(&mut self) -> Result<Verdict, Error> {
        if self.features().await?.mlst.is_some() {
            return Ok(Verdict::Passed("listings are in UTC".to_owned()));
        }
        self.learn_clock_by(&RemotePath::here()).await?;
        Ok(match self.clock() {
            Some(ahead) => Verdict::Passed(format!("UTC{ahead}")),
            None => Verdict::Skipped("no file tells it"),
        })
    }

    /// Puts a small file under a name that nobody else has, and removes it.
    async fn examine_write(&mut self) -> Result<Verdict, Error> {
        let name = format!(".icon-ftp-test-{:016x}", fastrand::u64(..));
        let Ok(path) = RemotePath::parse(name) else {
            return Ok(Verdict::Skipped("there is no name to write to"));
        };
        let written = self.put(&path, WRITTEN).await;
        let removed = match self.revive().await {
            Ok(()) => self.delete(&path).await,
            Err(error) => Err(error),
        };
        written.and(removed)?;
        Ok(Verdict::Passed("a file could be put and removed in the login folder".to_owned()))
    }

    async fn put(&mut self, path: &RemotePath, bytes: &[u8]) -> Result<(), Error> {
        let mut upload = self.upload(path).await?;
        upload.write(bytes).await?;
        upload.finish().await.map(drop)
    }
}

fn noted(found: &str, remark: Option<Remark>) -> Verdict {
    match remark {
        Some(remark) => Verdict::Noted(found.to_owned(), remark),
        None => Verdict::Passed(found.to_owned()),
    }
}
