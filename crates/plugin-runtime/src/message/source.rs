//! The text of a message, block by block, for two readers in turns.
//!
//! `serde_json` reads what is short, and it reads a text as a whole or not at all. So the long ones are read here: what
//! both share is the place where the text has been read to. `serde_json` asks a reader for one byte after the other and
//! never looks beyond the colon before a value has to begin, which leaves the beginning of the value to whoever wants it.

mod text;

use std::cell::RefCell;
use std::io;

pub(crate) use self::text::SHORT_TEXT;
pub(super) use self::text::Text;
use super::MessageFault;
use crate::content::MEMORY_LIMIT;

/// Bytes that are read at a time.
const BLOCK: usize = 64 << 10;

/// All of a message but its long texts has at most this many bytes (1 MiB).
const REST_LIMIT: usize = 1 << 20;

/// A message that cannot be read, and why.
pub(super) struct Broken {
    pub(super) fault: MessageFault,
    pub(super) cause: String,
}

/// Says to `serde_json` that it cannot go on. The source knows why.
#[derive(Debug, thiserror::Error)]
#[error("the source has halted")]
pub(super) struct Halted;

/// A message's text.
pub(super) struct Source<'r>(RefCell<Position<'r>>);

impl<'r> Source<'r> {
    pub(super) fn new(from: &'r mut dyn io::Read) -> Self {
        Self(RefCell::new(Position {
            from,
            bytes: vec![0; BLOCK],
            cut: 0,
            block: String::new(),
            at: 0,
            before: 0,
            line: 1,
            column: 0,
            part: "its beginning",
            room: REST_LIMIT,
            memory: MEMORY_LIMIT,
            broken: None,
        }))
    }

    /// Says what is read next, for the case that it is too large.
    pub(super) fn enter(&self, part: &'static str) {
        self.0.borrow_mut().part = part;
    }

    /// Whether nothing but white space is left. Skips the white space.
    pub(super) fn is_at_end(&self) -> Result<bool, Halted> {
        self.with(|position| position.peek().map(|next| next.is_none()))
    }

    /// Whether `byte` is the next one that is no white space. Skips the white space.
    pub(super) fn follows(&self, byte: u8) -> Result<bool, Halted> {
        self.with(|position| position.peek().map(|next| next == Some(byte)))
    }

    /// Reads the text whose quotation mark [follows](Self::follows).
    pub(super) fn text(&self) -> Result<Text, Halted> {
        self.with(Position::text)
    }

    /// Ends the reading.
    pub(super) fn halt(&self, fault: MessageFault, cause: String) -> Halted {
        self.0.borrow_mut().broken = Some(Broken { fault, cause });
        Halted
    }

    /// Why the reading ended: for a reason of the source's own, or for the one that `serde_json` has found.
    pub(super) fn broken(self, error: &serde_json::Error) -> Broken {
        let position = self.0.into_inner();
        let text = error.to_string();
        // What was read here has not been counted there.
        let counted = format!(" at line {} column {}", error.line(), error.column());
        let not_json = position.not_json(text.strip_suffix(&counted).unwrap_or(&text));
        position.broken.unwrap_or(not_json)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Position<'r>) -> Result<T, Broken>) -> Result<T, Halted> {
        let mut position = self.0.borrow_mut();
        act(&mut position).map_err(|broken| {
            position.broken = Some(broken);
            Halted
        })
    }
}

/// One byte at a time, so that nothing is handed out that is not used.
impl io::Read for &Source<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(first) = buf.first_mut() else { return Ok(0) };
        match self.with(Position::counted_byte).map_err(io::Error::other)? {
            Some(byte) => {
                *first = byte;
                Ok(1)
            }
            None => Ok(0),
        }
    }
}

/// How far a message has been read.
struct Position<'r> {
    from: &'r mut dyn io::Read,
    /// Where bytes are read into.
    bytes: Vec<u8>,
    /// How many of these are the beginning of a character whose end is still to come.
    cut: usize,
    block: String,
    /// The next byte of the block.
    at: usize,
    /// Bytes before the block.
    before: u64,
    /// The line and the column of the last byte that was read, counted as `serde_json` does.
    line: u64,
    column: u64,
    /// What is being read.
    part: &'static str,
    /// Bytes that may still come beside the long texts.
    room: usize,
    /// Bytes of the long texts that may still be held in memory.
    memory: usize,
    broken: Option<Broken>,
}

impl Position<'_> {
    /// The rest of the block, or the next one; empty at the end.
    fn rest(&mut self) -> Result<&[u8], Broken> {
        if self.at == self.block.len() {
            self.fill()?;
        }
        Ok(&self.block.as_bytes()[self.at..])
    }

    /// Reads the next block.
    fn fill(&mut self) -> Result<(), Broken> {
        self.before += self.block.len() as u64;
        self.at = 0;
        self.block.clear();
        while self.block.is_empty() {
            let count =
                read_some(self.from, &mut self.bytes[self.cut..]).map_err(|error| unreadable(&error))?;
            let bytes = &self.bytes[..self.cut + count];
            let whole = match str::from_utf8(bytes) {
                Ok(text) => {
                    self.block.push_str(text);
                    bytes.len()
                }
                // The end of a character may be in the next block.
                Err(error) if error.error_len().is_none() && count > 0 => {
                    let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
                    self.block.push_str(valid);
                    valid.len()
                }
                Err(error) => return Err(self.not_utf8(error.valid_up_to())),
            };
            let filled = bytes.len();
            self.bytes.copy_within(whole..filled, 0);
            self.cut = filled - whole;
            if count == 0 {
                break;
            }
        }
        Ok(())
    }

    /// The next byte that is no white space, which it skips; `None` at the end.
    fn peek(&mut self) -> Result<Option<u8>, Broken> {
        loop {
            match self.rest()?.first().copied() {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.byte()?,
                next => return Ok(next),
            };
        }
    }

    /// Takes the next byte; `None` at the end.
    fn byte(&mut self) -> Result<Option<u8>, Broken> {
        let byte = self.rest()?.first().copied();
        match byte {
            Some(b'\n') => {
                self.at += 1;
                (self.line, self.column) = (self.line + 1, 0);
            }
            Some(_) => self.pass(1),
            None => {}
        }
        Ok(byte)
    }

    /// Takes bytes that have no line feed among them.
    fn pass(&mut self, bytes: usize) {
        self.at += bytes;
        self.column += bytes as u64;
    }

    fn counted_byte(&mut self) -> Result<Option<u8>, Broken> {
        let byte = self.byte()?;
        self.count(usize::from(byte.is_some()))?;
        Ok(byte)
    }

    /// Counts what is no long text.
    fn count(&mut self, bytes: usize) -> Result<(), Broken> {
        self.room = self.room.checked_sub(bytes).ok_or_else(|| Broken {
            fault: MessageFault::TooLarge,
            cause: format!(
                "The start message is too large: beside the contents in its input it may have {} MiB, and {} goes \
                 beyond that",
                REST_LIMIT >> 20,
                self.part
            ),
        })?;
        Ok(())
    }

    fn not_json(&self, what: &str) -> Broken {
        let Self { line, column, .. } = self;
        Broken {
            fault: MessageFault::NotJson,
            cause: format!("The start message is not JSON: {what} at line {line} column {column}"),
        }
    }

    /// Of the bytes of this block, and those before it, `whole` are text.
    fn not_utf8(&self, whole: usize) -> Broken {
        let at = self.before + whole as u64;
        Broken {
            fault: MessageFault::NotJson,
            cause: format!("The start message is not UTF-8: there is no character at byte {at}"),
        }
    }
}

fn read_some(from: &mut dyn io::Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buf) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn unreadable(error: &io::Error) -> Broken {
    match error.kind() {
        io::ErrorKind::FileTooLarge => {
            Broken { fault: MessageFault::TooLarge, cause: format!("The start message {error}") }
        }
        _ => Broken {
            fault: MessageFault::Unreadable,
            cause: format!("The start message cannot be read: {error}"),
        },
    }
}
