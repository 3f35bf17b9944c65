//! MLSD (RFC 3659 §7) where the server has it, else LIST (RFC 959 §4.1.3): a folder's entries, one at a time.

use ftp_proto::{
    Charset, Command, Entry, Format, Line, LineSplitter, ListingParser, Modified, RemotePath, Reply,
};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::Session;
use super::incoming::{Incoming, Part};
use super::transfer::Opened;
use crate::error::{DataFault, Error, ProtocolFault};
use crate::limits::Limits;

/// The most bytes of listing text that [`Session::listing_text`] gives, which holds all of them.
const LONGEST_TEXT: usize = 64 * 1024 * 1024;

/// After so many lines whoever else wants the thread gets it: a server that always has another block ready would
/// otherwise keep a request to stop waiting.
const LINES_AT_A_STRETCH: usize = 1024;

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
        let (format, opened) = self.open_listing(path).await?;
        let limits = self.client.config().limits;
        Ok(Listing {
            session: self,
            limits,
            incoming: incoming(opened),
            at_end: false,
            parser: ListingParser::new(format, OffsetDateTime::now_utc()),
            lines: LineSplitter::new(LineSplitter::LIMIT),
            block: vec![0; BLOCK],
            lines_read: 0,
            bytes_read: 0,
            fault: None,
            unrecognized: Unrecognized::default(),
            upcoming: None,
        })
    }

    /// A folder's listing as LIST prints it, line by line as sent, in one piece: for people and programs that read
    /// `ls -l`.
    ///
    /// # Errors
    ///
    /// As [`Session::list`]; also when the text is longer than 64 MiB, or than
    /// [`Limits::listing_bytes`](crate::Limits::listing_bytes).
    pub async fn listing_text(&mut self, path: &RemotePath) -> Result<Vec<u8>, Error> {
        let incoming = incoming(self.open_list(path).await?);
        let text = self.read_text(incoming).await;
        if self.is_usable() {
            self.return_home().await?;
        }
        text
    }

    async fn read_text(&mut self, mut incoming: Incoming) -> Result<Vec<u8>, Error> {
        let limit = self.client.config().limits.listing_bytes.min(LONGEST_TEXT);
        let mut text = Vec::new();
        let mut block = vec![0; BLOCK];
        loop {
            match incoming.read(self, &mut block).await? {
                Part::Bytes(read) if text.len() + read > limit => return Err(too_long(limit, "bytes")),
                Part::Bytes(read) => text.extend_from_slice(&block[..read]),
                Part::End { marked } => return whole(marked, text.len()).map(|()| text),
            }
        }
    }

    async fn open_listing(&mut self, path: &RemotePath) -> Result<(Format, Opened), Error> {
        self.announce_utf8().await?;
        if self.features().await?.mlst.is_some() {
            match self.open(&Command::Mlsd(path.clone())).await {
                Ok(opened) => return Ok((Format::Mlsd, opened)),
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
    async fn open_list(&mut self, path: &RemotePath) -> Result<Opened, Error> {
        let inside = self.enter(path).await?;
        let command = if inside { Command::List(None) } else { Command::List(Some(path.clone())) };
        let opened = match self.open(&command).await {
            Err(Error::Rejected { reply, .. }) if inside && says_empty(&reply) => Ok(Opened::Nothing(reply)),
            opened => opened,
        };
        if opened.is_err() && self.control.is_idle() {
            self.return_home().await?;
        }
        opened
    }
}

/// A folder's entries on their way here. Read it to the end: only there is it proved to be whole.
#[derive(Debug)]
pub struct Listing<'s> {
    pub(super) session: &'s mut Session,
    limits: Limits,
    incoming: Incoming,
    at_end: bool,
    parser: ListingParser,
    lines: LineSplitter,
    block: Vec<u8>,
    lines_read: usize,
    bytes_read: usize,
    /// What went wrong while it was read ahead, to be told behind the lines that came before.
    fault: Option<Error>,
    unrecognized: Unrecognized,
    /// The entry that is given out next, kept here while its charset is being found out.
    upcoming: Option<Entry>,
}

/// The lines of a listing that nobody understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unrecognized {
    /// How many there were.
    pub count: usize,
    /// The first of them, as sent.
    pub first: Vec<Vec<u8>>,
}

impl<'s> Listing<'s> {
    /// The next entry; `None` once the server has confirmed that the listing is complete. The folder itself and its
    /// parent are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Data`] when the listing was cut short: what came so far is then not the folder's content. [`Error::Protocol`]
    /// when it goes beyond [`Limits::listing_entries`] or [`Limits::listing_bytes`].
    pub async fn next(&mut self) -> Result<Option<Entry>, Error> {
        if self.upcoming.is_none() {
            self.upcoming = self.next_entry().await?;
        }
        if self.upcoming.as_ref().is_some_and(|entry| self.session.names.note(&entry.name)) {
            self.decide_charset().await;
        }
        Ok(self.upcoming.take())
    }

    /// The charset in which to read the names of the entries given out so far.
    pub fn charset(&self) -> Charset {
        self.session.charset()
    }

    /// A time of one of the entries in UTC, as [`Session::in_utc`] tells it.
    pub fn in_utc(&self, modified: Modified) -> Modified {
        self.session.in_utc(modified)
    }

    async fn next_entry(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            if self.lines_read % LINES_AT_A_STRETCH == LINES_AT_A_STRETCH - 1 {
                tokio::task::yield_now().await;
            }
            let line = if self.at_end { self.lines.finish() } else { self.lines.next_line() };
            match line.map_err(ProtocolFault::from).map_err(Error::Protocol)? {
                Some(_) if self.lines_read == self.limits.listing_entries => {
                    return Err(too_long(self.limits.listing_entries, "entries"));
                }
                Some(line) => {
                    self.lines_read += 1;
                    let read = self.parser.parse_line(line);
                    if let Some(before) = self.parser.given_up() {
                        self.unrecognized.keep(&before);
                    }
                    match read {
                        Line::Entry(entry) => return Ok(Some(entry)),
                        Line::Nothing => {}
                        Line::Unrecognized => self.unrecognized.keep(line),
                    }
                }
                None if self.at_end => {
                    if let Some(last) = self.parser.finish() {
                        self.unrecognized.keep(&last);
                    }
                    return Ok(None);
                }
                None => match self.fault.take() {
                    Some(fault) => return Err(fault),
                    None => self.fill().await?,
                },
            }
        }
    }

    /// Gives up the rest of the listing and keeps the session.
    ///
    /// # Errors
    ///
    /// Failures of the session only.
    pub async fn abandon(self) -> Result<(), Error> {
        self.give_up().await.map(drop)
    }

    /// The same, for whoever goes on with the session.
    pub(super) async fn give_up(self) -> Result<&'s mut Session, Error> {
        let is_broken = self.is_broken();
        let Self { session, incoming, fault, .. } = self;
        if let Some(fault) = fault.filter(|_| is_broken) {
            return Err(fault);
        }
        incoming.abandon(session).await?;
        session.return_home().await?;
        Ok(session)
    }

    /// What the listing is written in: `mlsx`, or the dialect of LIST once a line told.
    pub fn dialect(&self) -> Option<&'static str> {
        self.parser.dialect()
    }

    /// What the parser could not read so far.
    pub fn unrecognized(&self) -> &Unrecognized {
        &self.unrecognized
    }

    /// Finds out the charset by the names in the next block's worth of bytes, however they arrive: so that one folder leads
    /// to one charset, whatever the network does.
    async fn decide_charset(&mut self) {
        self.read_ahead(BLOCK, None).await;
        let ahead = self.ahead();
        let names = self.upcoming.iter().chain(&ahead).map(|entry| entry.name.as_slice());
        self.session.decide_charset(names);
    }

    /// Whether reading ahead met with something that the session does not survive.
    pub(super) fn is_broken(&self) -> bool {
        self.fault.is_some() && !self.session.is_usable()
    }

    /// Reads on until so many bytes are here that no entry was made of, or the listing has ended, or it is so late. The time
    /// is looked at between blocks: the end of a listing is an exchange on the control connection that must not be broken
    /// off.
    pub(super) async fn read_ahead(&mut self, bytes: usize, until: Option<Instant>) {
        while !self.at_end && self.fault.is_none() && self.lines.len() < bytes {
            if until.is_some_and(|until| Instant::now() >= until) {
                return;
            }
            self.fault = self.fill().await.err();
        }
    }

    /// The entries in the next block's worth of bytes, as far as they are here. They still are to be given out.
    pub(super) fn ahead(&self) -> Vec<Entry> {
        let (mut lines, mut parser) = (self.lines.beginning(BLOCK), self.parser.clone());
        let is_rest = self.at_end && self.lines.len() <= BLOCK;
        let mut entries = Vec::new();
        while let Ok(Some(line)) = if is_rest { lines.finish() } else { lines.next_line() } {
            if let Line::Entry(entry) = parser.parse_line(line) {
                entries.push(entry);
            }
        }
        entries
    }

    /// Reads the next block, or the end and its proof. A listing that ends, well or badly, with the session in step
    /// leaves it at home.
    async fn fill(&mut self) -> Result<(), Error> {
        let filled = self.read_part().await;
        if self.session.is_usable() {
            self.session.return_home().await?;
        }
        filled
    }

    async fn read_part(&mut self) -> Result<(), Error> {
        match self.incoming.read(self.session, &mut self.block).await? {
            Part::Bytes(read) => {
                self.bytes_read += read;
                if self.bytes_read > self.limits.listing_bytes {
                    return Err(too_long(self.limits.listing_bytes, "bytes"));
                }
                self.lines.push(&self.block[..read]);
            }
            Part::End { marked } => {
                whole(marked, self.bytes_read)?;
                self.at_end = true;
            }
        }
        Ok(())
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

/// What comes of an opened listing: some servers open no data connection for an empty folder.
fn incoming(opened: Opened) -> Incoming {
    match opened {
        Opened::Data(data) => Incoming::new(data),
        Opened::Nothing(_) => Incoming::empty(),
    }
}

/// Whether a refusal to list the folder that we are in only says that there is nothing in it: wu-ftpd 2.6 and IIS have
/// "No files found", z/OS has "No data sets found" and "No members found". Other words with the same codes mean that the
/// folder may not be read.
fn says_empty(reply: &Reply) -> bool {
    let text = reply.text().to_ascii_lowercase();
    matches!(reply.code().as_u16(), 450 | 550)
        && ["no files", "no data sets", "no members"].iter().any(|words| text.contains(words))
}

fn too_long(limit: usize, unit: &'static str) -> Error {
    Error::Protocol(ProtocolFault::ListingTooLong { limit, unit })
}

/// A listing has no announced size. So over TLS it is whole only if its end was marked: a data connection can be closed
/// by anybody on the way, and entries that are merely cut off must not look as if they were gone.
fn whole(marked: bool, received: usize) -> Result<(), Error> {
    if marked { Ok(()) } else { Err(Error::Data(DataFault::Unproven { received: received as u64 })) }
}
