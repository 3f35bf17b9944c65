//! An event that waits for its delivery, and how its text is read: part by part, the same bytes every time.

use std::io::{self, Read};

use super::Store;
use super::failure::{broken, failed};
use super::outbox::PART;
use crate::failure::Failure;

/// An event that waits for its delivery.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    store: Store,
    /// Its place in the outbox.
    pub(super) seq: u64,
    len: u64,
}

impl Pending {
    pub(super) fn new(store: Store, seq: u64, len: u64) -> Self {
        Self { store, seq, len }
    }

    /// The length of its line in bytes, the newline included.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// How many parts its line has.
    pub(crate) fn parts(&self) -> u64 {
        self.len.div_ceil(PART as u64)
    }

    /// One part of its line, read on a blocking thread. Safe to cancel.
    ///
    /// # Errors
    /// The disk fails, or the part is not there as a whole.
    pub(crate) async fn part(&self, number: u64) -> Result<Vec<u8>, Failure> {
        let seq = self.seq;
        let part = self.store.run(move |inner| inner.part(seq, number)).await?;
        self.checked(number, part)
    }

    /// A reader at the line's first byte. It blocks, and holds one part at a time.
    pub(crate) fn reader(&self) -> impl Read + use<> {
        Reader { event: self.clone(), next: 0, part: io::Cursor::default() }
    }

    fn read_part(&self, number: u64) -> Result<Vec<u8>, Failure> {
        let part = self.store.0.part(self.seq, number);
        self.checked(number, part.map_err(|error| failed(self.store.path(), &error))?)
    }

    /// A part that is missing or short is none: the event would break off, or be another.
    fn checked(&self, number: u64, part: Option<Vec<u8>>) -> Result<Vec<u8>, Failure> {
        let expected = self.len.saturating_sub(number * PART as u64).min(PART as u64);
        part.filter(|part| part.len() as u64 == expected)
            .ok_or_else(|| broken(self.store.path(), &"an event is not there as a whole"))
    }
}

#[cfg(test)]
impl Pending {
    /// Takes one part away, as damage does.
    pub(crate) async fn lose_part(&self, number: u64) {
        let seq = self.seq;
        let lost = self.store.run(move |inner| {
            let transaction = inner.database().begin_write()?;
            super::outbox::Outbox::open(&transaction)?.lose_part(seq, number)?;
            Ok(transaction.commit()?)
        });
        lost.await.unwrap();
    }
}

/// Reads an event's line.
struct Reader {
    event: Pending,
    next: u64,
    part: io::Cursor<Vec<u8>>,
}

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let at_its_end = self.part.position() == self.part.get_ref().len() as u64;
        if at_its_end && self.next < self.event.parts() {
            let part =
                self.event.read_part(self.next).map_err(|failure| io::Error::other(failure.sentences()))?;
            self.part = io::Cursor::new(part);
            self.next += 1;
        }
        self.part.read(buf)
    }
}
