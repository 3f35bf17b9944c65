//! The SHA-256 of bytes in a temporary file, made on a thread that follows whoever writes them.
//!
//! It reads at its own pace what was written: neither the network nor the text of an event waits for it before the digest
//! itself is due. Bytes that are in memory are digested where they are; a thread would take longer to begin.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::{aside, file};

/// Bytes that are digested at a time (512 KiB).
const BLOCK: usize = 512 << 10;

/// A content's SHA-256, perhaps still in the making.
///
/// As JSON it is 64 hexadecimal digits; whoever writes them waits until they are there. Cloning is cheap.
#[derive(Clone)]
pub struct Digest(State);

#[derive(Clone)]
enum State {
    Made(String),
    Making(Arc<Follower>),
}

impl Digest {
    /// How long its text is, in bytes.
    pub(crate) const TEXT_LEN: u64 = 64;

    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(State::Made(hex::encode(Sha256::digest(bytes))))
    }

    /// The digest that a thread makes.
    pub(super) fn by(follower: Arc<Follower>) -> Self {
        Self(State::Making(follower))
    }

    /// The digits. Waits for them.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub(crate) fn text(&self) -> io::Result<String> {
        match &self.0 {
            State::Made(text) => Ok(text.clone()),
            State::Making(follower) => follower.text(),
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            State::Made(text) => write!(f, "Digest({text})"),
            State::Making(_) => f.write_str("Digest(in the making)"),
        }
    }
}

impl Serialize for Digest {
    /// Writes the digits. In an event, those that are not there yet are put aside.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if matches!(self.0, State::Making(_)) && aside::put(self.clone().into()) {
            return serializer.serialize_str("");
        }
        let text = self.text().map_err(|error| {
            S::Error::custom(format_args!("the content's temporary file, for its SHA-256: {error}"))
        })?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(State::Made(text)))
    }
}

/// A thread that follows whoever writes a file.
pub(super) struct Follower {
    file: Arc<File>,
    written: Arc<Written>,
    outcome: Mutex<Outcome>,
}

enum Outcome {
    /// `None` where there was no thread to be had.
    Awaited(Option<JoinHandle<io::Result<String>>>),
    Made(String),
}

impl Follower {
    /// Begins to follow whoever writes into `file`.
    pub(super) fn start(file: Arc<File>) -> Self {
        let written = Arc::new(Written::default());
        let thread = thread::Builder::new().name("sha256".to_owned()).spawn({
            let (file, written) = (Arc::clone(&file), Arc::clone(&written));
            move || {
                give_way();
                digest(|at| written.beyond(at), &file)
            }
        });
        Self { file, written, outcome: Mutex::new(Outcome::Awaited(thread.ok())) }
    }

    /// Tells how many bytes are written by now.
    pub(super) fn tell(&self, len: u64) {
        self.written.update(|extent| extent.len = len);
    }

    /// Tells that there will be no more.
    pub(super) fn end(&self) {
        self.written.update(|extent| extent.is_final = true);
    }

    /// The digits, as the thread has made them, or else made here. Waits until the thread is done, and so comes after `end`.
    fn text(&self) -> io::Result<String> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match &mut *outcome {
            Outcome::Made(text) => return Ok(text.clone()),
            Outcome::Awaited(thread) => thread.take().and_then(|thread| thread.join().ok()),
        };
        let text = made.unwrap_or_else(|| digest(|at| self.written.beyond(at), &self.file))?;
        *outcome = Outcome::Made(text.clone());
        Ok(text)
    }
}

/// Lets others have the processor first: the digest is wanted last of all that a step does. On Linux a thread has a priority
/// of its own, and where there is none to be had the digest takes its turn.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(10);
}

/// Nobody wants the digest any more.
impl Drop for Follower {
    fn drop(&mut self) {
        self.written.update(|extent| (extent.len, extent.is_final) = (0, true));
    }
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
    fn beyond(&self, at: u64) -> u64 {
        let mut extent = self.extent.lock().unwrap_or_else(PoisonError::into_inner);
        extent.awaited = at + BLOCK as u64;
        let extent = self.changed.wait_while(extent, |extent| !extent.is_enough());
        extent.unwrap_or_else(PoisonError::into_inner).len
    }
}

/// Digests a file from its beginning to its end. `end` says at each place how far the file goes by now; where that is no
/// further, it is the end.
fn digest(end: impl Fn(u64) -> u64, file: &File) -> io::Result<String> {
    let (mut digest, mut block, mut at) = (Sha256::new(), vec![0; BLOCK], 0);
    loop {
        let left = end(at).saturating_sub(at);
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
    use crate::content::{Content, Home, Spool};

    fn followed(blocks: &[&[u8]]) -> Content {
        let mut writer = Content::writer().with_sha256();
        for block in blocks {
            writer.write(block).unwrap();
        }
        writer.finish()
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
                let digest = followed(&blocks).sha256();
                assert_eq!(digest.text().unwrap(), expected(bytes), "{len} bytes in blocks of {size}");
                assert_eq!(digest.text().unwrap().len() as u64, Digest::TEXT_LEN, "a second time");
            }
        }
    }

    #[test]
    fn a_content_that_nobody_followed_is_digested_once_it_is_asked_for() {
        let bytes = vec![7; BLOCK + 1];
        assert_eq!(in_file(&bytes).sha256().text().unwrap(), expected(&bytes));
    }

    #[test]
    fn as_json_it_is_its_digits_and_they_are_read_again() {
        let bytes = vec![1; 2 << 20];
        let digest = followed(&[&bytes]).sha256();
        let json = serde_json::to_string(&digest).unwrap();
        assert_eq!(json, format!("\"{}\"", expected(&bytes)));
        let read: Digest = serde_json::from_str(&json).unwrap();
        assert_eq!(read.text().unwrap(), digest.text().unwrap());
    }

    #[test]
    fn a_file_that_was_cut_has_none() {
        let content = in_file(b"abc");
        let Home::File { file, .. } = &content.0 else { panic!("it is in a file") };
        file.set_len(2).unwrap();
        let digest = content.sha256();
        let error = serde_json::to_string(&digest).unwrap_err();
        expect!["the content's temporary file, for its SHA-256: unexpected end of file"]
            .assert_eq(&error.to_string());
    }

    #[test]
    fn the_thread_ends_with_whoever_gave_it_something_to_do() {
        let mut spool = Spool::begin(true).unwrap();
        spool.append(&vec![0; 2 << 20], 0).unwrap();
        let (file, follower) = spool.into_parts();
        let follower = follower.unwrap();
        let thread = std::mem::replace(&mut *follower.outcome.lock().unwrap(), Outcome::Awaited(None));
        drop(follower);
        let Outcome::Awaited(Some(thread)) = thread else { panic!("it is under way") };
        assert!(thread.join().unwrap().is_ok());
        assert_eq!(Arc::strong_count(&file), 1, "nobody holds the file any more");
    }
}
