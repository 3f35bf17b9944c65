//! MLSD (RFC 3659 §7) where the server has it, else LIST (RFC 959 §4.1.3): a folder's entries, one at a time.

use ftp_proto::{Command, Entry, Format, Line, LineSplitter, ListingParser, RemotePath};
use time::OffsetDateTime;

use super::Session;
use super::incoming::{Incoming, Part};
use crate::data::Data;
use crate::error::{Error, ProtocolFault};

/// The most entries that a listing may have: memory is finite, and a hostile server's patience is not.
const MOST_ENTRIES: usize = 1_000_000;

/// The most bytes of listing text kept by [`Session::listing_text`].
const LONGEST_TEXT: usize = 64 * 1024 * 1024;

/// How many lines that nobody understood are kept; the rest is counted.
const MOST_UNRECOGNIZED: usize = 20;

const BLOCK: usize = 64 * 1024;

impl Session {
    /// Starts to list a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] when `path` is no folder or may not be listed, [`Error::Data`] when no data connection comes
    /// about.
    pub async fn list(&mut self, path: &RemotePath) -> Result<Listing<'_>, Error> {
        let (format, open) = self.open_listing(path).await?;
        Ok(Listing {
            session: self,
            incoming: Incoming::new(open.data),
            away: open.away,
            at_end: false,
            parser: ListingParser::new(format, OffsetDateTime::now_utc()),
            lines: LineSplitter::new(LineSplitter::LIMIT),
            block: vec![0; BLOCK],
            entries: 0,
            unrecognized: Unrecognized::default(),
        })
    }

    /// A folder's listing as LIST prints it, line by line as sent, in one piece: for people and programs that read
    /// `ls -l`.
    ///
    /// # Errors
    ///
    /// As [`Session::list`]; also when the text is longer than 64 MiB.
    pub async fn listing_text(&mut self, path: &RemotePath) -> Result<Vec<u8>, Error> {
        let Open { data, away } = self.open_list(path).await?;
        let mut incoming = Incoming::new(data);
        let mut text = Vec::new();
        let mut block = vec![0; BLOCK];
        while let Part::Bytes(read) = incoming.read(self, &mut block).await? {
            if text.len() + read > LONGEST_TEXT {
                return Err(Error::Protocol(ProtocolFault::ListingTooLong {
                    limit: LONGEST_TEXT,
                    unit: "bytes",
                }));
            }
            text.extend_from_slice(&block[..read]);
        }
        if away {
            self.return_home().await?;
        }
        Ok(text)
    }

    async fn open_listing(&mut self, path: &RemotePath) -> Result<(Format, Open), Error> {
        if self.features().await?.mlst.is_some() {
            match self.open(&Command::Mlsd(path.clone())).await {
                Ok(data) => return Ok((Format::Mlsd, Open { data, away: false })),
                // RFC 3659 §7.8 makes MLST in FEAT promise MLSD as well; servers exist that break it.
                Err(error) if error.is_unsupported() => {
                    tracing::debug!("MLSD was promised and is refused: {error}");
                }
                Err(error) => return Err(error),
            }
        }
        Ok((Format::List, self.open_list(path).await?))
    }

    /// Steps into the folder and lists it from there. `LIST path` cannot be trusted: names with blanks, brackets or a
    /// leading dash mean something else to servers that hand them to `ls`, and vsftpd 3.0.3 answers a missing folder
    /// with an empty list, which would look as if all its files were gone.
    async fn open_list(&mut self, path: &RemotePath) -> Result<Open, Error> {
        let away = self.enter(path).await?;
        let command = if away { Command::List(None) } else { Command::List(Some(path.clone())) };
        match self.open(&command).await {
            Ok(data) => Ok(Open { data, away }),
            Err(error) => {
                if away && self.control.is_idle() {
                    self.return_home().await?;
                }
                Err(error)
            }
        }
    }
}

/// A listing under way.
#[derive(Debug)]
struct Open {
    data: Data,
    /// Whether the session has stepped out of the login folder for it.
    away: bool,
}

/// A folder's entries on their way here. Read it to the end: only there is it proved to be whole.
#[derive(Debug)]
pub struct Listing<'s> {
    session: &'s mut Session,
    incoming: Incoming,
    /// Whether the session has stepped out of the login folder for it.
    away: bool,
    at_end: bool,
    parser: ListingParser,
    lines: LineSplitter,
    block: Vec<u8>,
    entries: usize,
    unrecognized: Unrecognized,
}

/// The lines of a listing that nobody understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unrecognized {
    /// How many there were.
    pub count: usize,
    /// The first of them, as sent.
    pub first: Vec<Vec<u8>>,
}

impl Listing<'_> {
    /// The next entry; `None` once the server has confirmed that the listing is complete. The folder itself and its
    /// parent are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when the listing was cut short: what came so far is then not the folder's content.
    pub async fn next(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            let line = if self.at_end { self.lines.finish() } else { self.lines.next_line() };
            match line.map_err(ProtocolFault::from).map_err(Error::Protocol)? {
                Some(line) => match self.parser.parse_line(line) {
                    Line::Entry(entry) => return self.count(entry).map(Some),
                    Line::Nothing => {}
                    Line::Unrecognized => self.unrecognized.keep(line),
                },
                None if self.at_end => return Ok(None),
                None => self.fill().await?,
            }
        }
    }

    /// What the parser could not read so far.
    pub fn unrecognized(&self) -> &Unrecognized {
        &self.unrecognized
    }

    /// Reads the next block, or the end and its proof: a listing has no announced size, so only the server's final reply
    /// tells that it is whole.
    async fn fill(&mut self) -> Result<(), Error> {
        match self.incoming.read(self.session, &mut self.block).await? {
            Part::Bytes(read) => self.lines.push(&self.block[..read]),
            Part::End { .. } => {
                if self.away {
                    self.session.return_home().await?;
                }
                self.at_end = true;
            }
        }
        Ok(())
    }

    fn count(&mut self, entry: Entry) -> Result<Entry, Error> {
        self.entries += 1;
        if self.entries > MOST_ENTRIES {
            return Err(Error::Protocol(ProtocolFault::ListingTooLong {
                limit: MOST_ENTRIES,
                unit: "entries",
            }));
        }
        Ok(entry)
    }
}

impl Unrecognized {
    fn keep(&mut self, line: &[u8]) {
        self.count += 1;
        if self.first.len() < MOST_UNRECOGNIZED {
            self.first.push(line.to_vec());
        }
    }
}
