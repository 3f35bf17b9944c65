//! The SHA-256 of a content, made while other things are done.
//!
//! Bytes in a temporary file are digested by a thread that follows whoever writes them and reads at its own pace: neither
//! the network nor the text of an event waits for it before the digits themselves are due. Bytes that are in memory are
//! digested where they are; a thread would take longer to begin.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serde::de::{Error as _, Unexpected};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::line::Piece;
use super::{aside, file};

/// Bytes that are digested at a time (512 KiB).
const BLOCK: usize = 512 << 10;

/// A content's SHA-256, perhaps still in the making.
///
/// As JSON it is 64 hexadecimal digits; whoever writes them waits until they are there. Cloning is cheap.
#[derive(Clone)]
pub struct Digest(Arc<Making>);

struct Making {
    written: Arc<Written>,
    outcome: Mutex<Outcome>,
}

enum Outcome {
    /// The bytes are not all there.
    Due,
    /// A thread digests this file; `None` where there was no thread to be had.
    Awaited(Arc<File>, Option<JoinHandle<io::Result<String>>>),
    Made(String),
}

impl Digest {
    /// How long its text is, in bytes.
    pub(super) const TEXT_LEN: u64 = 64;

    /// The digest of bytes that are still to come.
    pub(super) fn due() -> Self {
        Self::with(Outcome::Due)
    }

    /// The digest of these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let digest = Self::due();
        digest.make_of(bytes);
        digest
    }

    fn with(outcome: Outcome) -> Self {
        Self(Arc::new(Making { written: Arc::default(), outcome: Mutex::new(outcome) }))
    }

    /// Tells that all the bytes are these.
    pub(super) fn make_of(&self, bytes: &[u8]) {
        self.set(Outcome::Made(hex::encode(Sha256::digest(bytes))));
    }

    /// Begins to follow whoever writes the bytes into `file`.
    pub(super) fn follow(&self, file: &Arc<File>) {
        let thread = thread::Builder::new().name("sha256".to_owned()).spawn({
            let (file, written) = (Arc::clone(file), Arc::clone(&self.0.written));
            move || {
                give_way();
                digest(&file, &written)
            }
        });
        self.set(Outcome::Awaited(Arc::clone(file), thread.ok()));
    }

    /// Tells how many bytes are written by now.
    pub(super) fn tell(&self, len: u64) {
        self.0.written.update(|extent| extent.len = len);
    }

    /// Tells that there will be no more.
    pub(super) fn end(&self) {
        self.0.written.update(|extent| extent.is_final = true);
    }

    /// The digits, as the thread has made them, or else made here. Waits until the thread is done.
    ///
    /// # Errors
    /// The temporary file cannot be read, or the bytes never came.
    pub(super) fn text(&self) -> io::Result<String> {
        let mut outcome = self.0.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let text = match &mut *outcome {
            Outcome::Due => return Err(io::ErrorKind::UnexpectedEof.into()),
            Outcome::Made(text) => return Ok(text.clone()),
            Outcome::Awaited(file, thread) => match thread.take().map(JoinHandle::join) {
                Some(Ok(made)) => made?,
                _ => digest(file, &self.0.written)?,
            },
        };
        *outcome = Outcome::Made(text.clone());
        Ok(text)
    }

    fn is_made(&self) -> bool {
        matches!(&*self.0.outcome.lock().unwrap_or_else(PoisonError::into_inner), Outcome::Made(_))
    }

    fn set(&self, outcome: Outcome) {
        *self.0.outcome.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
    }
}

/// Nobody wants the digest any more.
impl Drop for Making {
    fn drop(&mut self) {
        self.written.update(|extent| (extent.len, extent.is_final) = (0, true));
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0.outcome.lock().unwrap_or_else(PoisonError::into_inner) {
            Outcome::Made(text) => write!(f, "Digest({text})"),
            Outcome::Due | Outcome::Awaited(..) => f.write_str("Digest(in the making)"),
        }
    }
}

impl Serialize for Digest {
    /// Writes the digits. In an event, those that are not there yet are put aside.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.is_made() && aside::put(Piece::Digest(self.clone())) {
            return serializer.serialize_str("");
        }
        let text = self.text().map_err(|error| {
            S::Error::custom(format_args!("the content's temporary file, for its SHA-256: {error}"))
        })?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match hex::decode_to_slice(&text, &mut [0; 32]) {
            Ok(()) => Ok(Self::with(Outcome::Made(text))),
            Err(_) => Err(D::Error::invalid_value(Unexpected::Str(&text), &"64 hexadecimal digits")),
        }
    }
}

/// Lets others have the processor first: the digest is wanted last of all that a step does, and a download of 1 GiB beside
/// its server on two processors takes a tenth less time for it. On Linux a thread has a priority of its own; where there is
/// none to be had the digest takes its turn.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(10);
}

/// How far a file has been written.
#[derive(Default)]
struct Written {
    extent: Mutex<Extent>,
    changed: Condvar,
}

#[derive(Default)]
struct Extent {
    len: u64,
    is_final: bool,
    /// The length that is waited for.
    awaited: u64,
}

impl Extent {
    fn is_enough(&self) -> bool {
        self.is_final || self.len >= self.awaited
    }
}

impl Written {
    fn update(&self, change: impl FnOnce(&mut Extent)) {
        let mut extent = self.extent.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut extent);
        // Most blocks do not concern the thread, and waking it is dear.
        if extent.is_enough() {
            self.changed.notify_one();
        }
    }

    /// Waits until there is a whole block behind `at`, or all there will ever be, and says where that ends.
    fn wait_beyond(&self, at: u64) -> u64 {
        let mut extent = self.extent.lock().unwrap_or_else(PoisonError::into_inner);
        extent.awaited = at + BLOCK as u64;
        let extent = self.changed.wait_while(extent, |extent| !extent.is_enough());
        extent.unwrap_or_else(PoisonError::into_inner).len
    }
}

/// Digests a file from its beginning to the end of what is written.
fn digest(file: &File, written: &Written) -> io::Result<String> {
    let (mut digest, mut block, mut at) = (Sha256::new(), vec![0; BLOCK], 0);
    loop {
        let left = written.wait_beyond(at).saturating_sub(at);
        if left == 0 {
            return Ok(hex::encode(digest.finalize()));
        }
        let part = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
        match file::read_at(file, &mut block[..part], at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                digest.update(&block[..read]);
                at += read as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::content::testing::in_file;
    use crate::content::{Content, Home};

    /// The digest that was asked for before the bytes came.
    fn followed(blocks: &[&[u8]]) -> Digest {
        let mut writer = Content::writer();
        let digest = writer.sha256();
        for block in blocks {
            writer.write(block).unwrap();
        }
        writer.finish();
        digest
    }

    fn expected(bytes: &[u8]) -> String {
        hex::encode(Sha256::digest(bytes))
    }

    #[test]
    fn it_is_that_of_the_bytes_wherever_they_are() {
        let bytes: Vec<u8> = (0..3_000_001_u32).map(|n| n.to_le_bytes()[1]).collect();
        for len in [0, 1, 1 << 20, (1 << 20) + 1, (1 << 20) + BLOCK, 3_000_000, 3_000_001] {
            let bytes = &bytes[..len];
            for size in [4096, BLOCK - 1, BLOCK, 3_000_001] {
                let blocks: Vec<_> = bytes.chunks(size).collect();
                let digest = followed(&blocks);
                assert_eq!(digest.text().unwrap(), expected(bytes), "{len} bytes in blocks of {size}");
                assert_eq!(digest.text().unwrap().len() as u64, Digest::TEXT_LEN, "a second time");
            }
        }
    }

    #[test]
    fn a_content_that_is_there_is_digested_from_when_that_is_asked_for() {
        let bytes = vec![7; BLOCK + 1];
        assert_eq!(in_file(&bytes).sha256().text().unwrap(), expected(&bytes));
        assert_eq!(Content::from(b"abc".to_vec()).sha256().text().unwrap(), expected(b"abc"));
    }

    #[test]
    fn as_json_it_is_its_digits_and_they_alone_are_read_again() {
        let bytes = vec![1; 2 << 20];
        let digest = followed(&[&bytes]);
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, format!("\"{}\"", expected(&bytes)));
        let read: Digest = serde_json::from_str(&json).unwrap();
        assert_eq!(read.text().unwrap(), digest.text().unwrap());
        let error = serde_json::from_str::<Digest>("\"abc\"").unwrap_err();
        expect![[r#"invalid value: string "abc", expected 64 hexadecimal digits"#]]
            .assert_eq(&error.to_string());
    }

    #[test]
    fn a_file_that_was_cut_has_none() {
        let content = in_file(b"abc");
        let Home::File { file, .. } = &content.0 else { panic!("it is in a file") };
        file.set_len(2).unwrap();
        let error = serde_json::to_string(&content.sha256()).unwrap_err();
        expect!["the content's temporary file, for its SHA-256: unexpected end of file"]
            .assert_eq(&error.to_string());
    }

    #[test]
    fn bytes_that_never_came_have_none() {
        let digest = Content::writer().sha256();
        assert_eq!(digest.text().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn the_thread_ends_with_whoever_gave_it_something_to_do() {
        let mut writer = Content::writer();
        let digest = writer.sha256();
        writer.write(&vec![0; 2 << 20]).unwrap();
        let outcome = std::mem::replace(&mut *digest.0.outcome.lock().unwrap(), Outcome::Due);
        let Outcome::Awaited(file, Some(thread)) = outcome else { panic!("it is under way") };
        drop((writer, digest));
        assert!(thread.join().unwrap().is_ok());
        assert_eq!(Arc::strong_count(&file), 1, "nobody holds the file any more");
    }
}
