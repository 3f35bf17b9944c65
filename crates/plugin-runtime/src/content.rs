//! Bytes of any size, as steps take and give them.
//!
//! The platform's `bytes` type is base64 text in JSON. A [`Content`] is the bytes themselves: in memory while they are
//! few, in an unnamed temporary file once they are many, so that a step's memory does not grow with its files. The
//! text form is made in blocks, and of a start message it is read in blocks.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Unexpected, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};

pub(crate) mod aside;
mod decode;
mod digest;
mod file;
pub(crate) mod handover;
mod line;
mod long_text;
mod spool;
mod text;

pub(crate) use self::decode::NotBase64;
pub use self::digest::Digest;
pub(crate) use self::line::Line;
use self::line::Piece;
pub(crate) use self::long_text::{LongText, LongTextWriter, Undecoded};
use self::spool::Spool;
use crate::room::Room;

/// Contents up to this many bytes stay in memory (1 MiB); of one message all together.
pub(crate) const MEMORY_LIMIT: usize = 1 << 20;

/// Bytes of any size: up to 1 MiB in memory, above that in an unnamed temporary file in the
/// spool folder: `TMPDIR`, or what `--spool-dir` names.
///
/// Cloning is cheap and shares the bytes. As JSON it is base64 text: standard alphabet, padded; line breaks are
/// accepted when read. `Debug` shows the length and never the bytes.
///
/// ```
/// use plugin_runtime::Content;
///
/// let content = Content::from(b"hello".to_vec());
/// assert_eq!(content.len(), 5);
/// assert_eq!(serde_json::to_string(&content)?, r#""aGVsbG8=""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Content(Home);

#[derive(Clone)]
enum Home {
    Memory(Arc<[u8]>),
    File { file: Arc<File>, len: u64 },
}

impl Content {
    /// A writer for contents whose size is not known yet.
    pub fn writer() -> ContentWriter {
        ContentWriter {
            memory: Vec::new(),
            memory_limit: MEMORY_LIMIT,
            spool: None,
            room: Room::in_spool_folder(),
            digest: None,
        }
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        match &self.0 {
            Home::Memory(bytes) => bytes.len() as u64,
            Home::File { len, .. } => *len,
        }
    }

    /// How many bytes of it are in memory.
    pub(crate) fn memory(&self) -> usize {
        match &self.0 {
            Home::Memory(bytes) => bytes.len(),
            Home::File { .. } => 0,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A reader at the first byte. Readers are independent of each other.
    pub fn reader(&self) -> ContentReader {
        self.reader_at(0)
    }

    /// A reader at the byte of this number, from 0.
    pub fn reader_at(&self, at: u64) -> ContentReader {
        ContentReader { content: self.clone(), at }
    }

    /// The SHA-256. That of bytes in a file is made beside whatever comes next.
    pub fn sha256(&self) -> Digest {
        match &self.0 {
            Home::Memory(bytes) => Digest::of(bytes),
            Home::File { file, len } => {
                let digest = Digest::due();
                digest.follow(file);
                digest.tell(*len);
                digest.end();
                digest
            }
        }
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        match &self.0 {
            Home::Memory(bytes) => {
                let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
                let count = rest.len().min(buf.len());
                buf[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            }
            Home::File { file, len } => {
                // The file may have room behind the last byte.
                let left = usize::try_from(len.saturating_sub(at)).unwrap_or(usize::MAX);
                let end = buf.len().min(left);
                file::read_at(file, &mut buf[..end], at)
            }
        }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Home::Memory(bytes.into()))
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.len())
    }
}

/// Takes a content's bytes as they come.
///
/// Writes go to the page cache through blocking calls: at the sizes of network reads that is as quick as handing
/// them to another thread.
pub struct ContentWriter {
    memory: Vec<u8>,
    memory_limit: usize,
    /// Takes all of the bytes, once they are too many.
    spool: Option<Spool>,
    room: Room,
    digest: Option<Digest>,
}

impl ContentWriter {
    /// Keeps at most so many bytes in memory.
    pub(crate) fn within(self, memory_limit: usize) -> Self {
        Self { memory_limit, ..self }
    }

    /// The SHA-256 of the bytes that come, made while they do. To be asked for before the first of them.
    pub fn sha256(&mut self) -> Digest {
        self.digest.get_or_insert_with(Digest::due).clone()
    }

    /// Says how many bytes are going to come, so that too many are refused before the first.
    ///
    /// # Errors
    /// They would not leave enough room in the temporary folder: [`io::ErrorKind::StorageFull`].
    pub fn announce(&self, bytes: u64) -> io::Result<()> {
        if bytes > self.memory_limit as u64 { self.room.check(bytes) } else { Ok(()) }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// The temporary file cannot be made or written; a full disk is the common case. It counts as full while there is
    /// some room left (64 MiB or a hundredth of it), since others need the disk, too: [`io::ErrorKind::StorageFull`].
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.spool.is_none() && self.memory.len() + bytes.len() > self.memory_limit {
            let more = self.room.claim(self.memory.len() as u64)?;
            let mut spool = Spool::begin(self.digest.clone())?;
            spool.append(&self.memory, more)?;
            self.memory = Vec::new();
            self.spool = Some(spool);
        }
        let Some(spool) = &mut self.spool else {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        };
        let more = self.room.claim(bytes.len() as u64)?;
        spool.append(bytes, more)
    }

    /// The content written so far.
    pub fn finish(self) -> Content {
        if let Some(spool) = self.spool {
            return spool.finish();
        }
        if let Some(digest) = self.digest {
            digest.make_of(&self.memory);
        }
        Content::from(self.memory)
    }
}

/// Gives a content's bytes in order. It holds the content alive.
pub struct ContentReader {
    content: Content,
    at: u64,
}

impl ContentReader {
    /// Fills the front of `buf` and says how many bytes it put there; 0 means the end. Blocks of 256 KiB are a good
    /// size. Bytes in a temporary file are read with a blocking call, from the page cache they were just written to.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read_at(buf, self.at)?;
        self.at += count as u64;
        Ok(count)
    }

    /// Like [`Self::read`], but short only at the end.
    fn read_full(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.read(&mut buf[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }
}

impl Serialize for Content {
    /// Writes the base64 text block by block, so that a JSON serialiser over a writer holds one block at a time. In an
    /// event, a large one is put aside.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if matches!(self.0, Home::File { .. }) && aside::put(Piece::Text(self.clone())) {
            return serializer.serialize_str("");
        }
        let text = Base64Text { content: self, error: std::cell::Cell::new(None) };
        let written = serializer.collect_str(&text)?;
        // A `Display` cannot carry an error of its own: serde_json panics on one that its writer did not cause.
        match text.error.take() {
            Some(error) => Err(S::Error::custom(format_args!("the content's temporary file: {error}"))),
            None => Ok(written),
        }
    }
}

struct Base64Text<'c> {
    content: &'c Content,
    error: std::cell::Cell<Option<io::Error>>,
}

impl fmt::Display for Base64Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = self.content.text_blocks(|text| f.write_str(&text).map_err(io::Error::other));
        match written.map_err(io::Error::downcast) {
            Ok(()) => Ok(()),
            Err(Ok(refused)) => Err(refused),
            Err(Err(error)) => {
                self.error.set(Some(error));
                Ok(())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    /// Takes a content that exists already, or decodes a text. Its bytes stay in memory then, as the text is
    /// there already.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(handover::NAME, ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64 text")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, text: D) -> Result<Content, D::Error> {
        text.deserialize_str(self)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Content, E> {
        decode::decode(text).map(Content::from).map_err(E::custom)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Content, E> {
        handover::take().ok_or_else(|| E::invalid_type(Unexpected::Unit, &self))
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use std::io::Write as _;

    use super::{Content, Home};

    /// A content that is in a file, however short it is.
    pub(crate) fn in_file(bytes: &[u8]) -> Content {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Content(Home::File { file: file.into(), len: bytes.len() as u64 })
    }

    /// A content that is said to have so many bytes, of which there are none.
    pub(crate) fn vanished(len: u64) -> Content {
        Content(Home::File { file: tempfile::tempfile().unwrap().into(), len })
    }
}

#[cfg(test)]
mod tests {
    use base64_simd::STANDARD;
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn written(bytes: &[u8], block: usize) -> Content {
        let mut writer = Content::writer();
        for part in bytes.chunks(block) {
            writer.write(part).unwrap();
        }
        writer.finish()
    }

    fn read_back(content: &Content) -> Vec<u8> {
        let mut reader = content.reader();
        let (mut all, mut buf) = (Vec::new(), vec![0; 256 << 10]);
        loop {
            match reader.read(&mut buf).unwrap() {
                0 => return all,
                count => all.extend_from_slice(&buf[..count]),
            }
        }
    }

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|n| n.wrapping_mul(31).to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect()
    }

    #[test]
    fn both_homes_round_trip_at_every_remainder() {
        for len in [0, 1, 2, 3, MEMORY_LIMIT, MEMORY_LIMIT + 1, MEMORY_LIMIT + 2, MEMORY_LIMIT + 3, 3 << 20] {
            let bytes = pattern(len);
            let content = written(&bytes, 100_001);
            assert_eq!(matches!(content.0, Home::File { .. }), len > MEMORY_LIMIT, "{len} bytes");
            assert_eq!(content.len(), len as u64);
            assert!(read_back(&content) == bytes, "{len} bytes are read back");
            let json = serde_json::to_string(&content).unwrap();
            assert!(json == format!("\"{}\"", STANDARD.encode_to_string(&bytes)), "{len} bytes as text");
            let parsed: Content = serde_json::from_str(&json).unwrap();
            assert!(read_back(&parsed) == bytes, "{len} bytes from text");
        }
    }

    #[test]
    fn a_borrowed_an_owned_and_an_erased_form_agree() {
        let value = serde_json::Value::String("aGVs\r\nbG8=\n".to_owned());
        let content: Content = serde_json::from_value(value).unwrap();
        assert_eq!(read_back(&content), b"hello");
        let erased: Box<dyn erased_serde::Serialize> = Box::new(content);
        assert_eq!(serde_json::to_string(&erased).unwrap(), "\"aGVsbG8=\"");
    }

    #[test]
    fn debug_shows_the_length_only() {
        expect!["Content(6 bytes)"].assert_eq(&format!("{:?}", Content::from(b"secret".to_vec())));
    }

    #[test]
    fn a_vanished_temporary_file_is_an_error_and_not_a_short_text() {
        let error = serde_json::to_string(&testing::vanished(5)).unwrap_err();
        expect!["the content's temporary file: unexpected end of file"].assert_eq(&error.to_string());
    }

    #[test]
    fn a_full_disk_refuses_what_memory_cannot_hold() {
        let full = || ContentWriter { room: Room::none(), ..Content::writer() };
        let mut writer = full();
        writer.write(&pattern(MEMORY_LIMIT)).unwrap();
        assert_eq!(writer.write(b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);

        full().announce(MEMORY_LIMIT as u64).unwrap();
        assert_eq!(full().announce(2 << 20).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_disk_that_fills_up_meanwhile_ends_it_as_well() {
        let mut writer = Content::writer();
        writer.write(&pattern(2 << 20)).unwrap();
        writer.room = Room::none();
        assert_eq!(writer.write(b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    proptest! {
        #[test]
        fn any_bytes_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let json = serde_json::to_string(&Content::from(bytes.clone())).unwrap();
            let content: Content = serde_json::from_str(&json).unwrap();
            let mut back = vec![0; bytes.len() + 1];
            let count = content.reader().read_full(&mut back).unwrap();
            prop_assert_eq!(&back[..count], &bytes[..]);
        }
    }
}
