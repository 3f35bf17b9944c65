//! An event that waits for its delivery, and how its text is read: part by part, the same bytes every time.

use std::io::{self, Read};
use std::sync::{Arc, Weak};

use super::outbox::PART;
use super::{Inner, Store};
use crate::failure::Failure;

/// An event that waits for its delivery.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    store: Store,
    pub(super) place: Place,
}

/// Where an event is in the outbox, and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) seq: u64,
    /// The length of its line in bytes, the newline included.
    pub(super) len: u64,
}

impl Place {
    fn parts(self) -> u64 {
        self.len.div_ceil(PART as u64)
    }

    /// How long the part of this number has to be: one that is shorter would have the event break off, or be another.
    pub(super) fn part_len(self, number: u64) -> u64 {
        self.len.saturating_sub(number * PART as u64).min(PART as u64)
    }
}

impl Pending {
    pub(super) fn new(store: Store, place: Place) -> Self {
        Self { store, place }
    }

    /// The length of its line in bytes, the newline included.
    pub(crate) fn len(&self) -> u64 {
        self.place.len
    }

    /// How many parts its line has.
    pub(crate) fn parts(&self) -> u64 {
        self.place.parts()
    }

    /// One part of its line, read on a blocking thread. Safe to cancel, so that a delivery that is given up keeps the store
    /// open for that one part at most.
    ///
    /// # Errors
    /// The disk fails, or the part is not there as a whole.
    pub(crate) async fn part(&self, number: u64) -> Result<Vec<u8>, Failure> {
        let place = self.place;
        self.store.on_blocking_thread(move |inner| inner.part(place, number)).await?
    }

    /// A reader at the line's first byte. It blocks, holds one part at a time, and does not keep the store open: whoever
    /// takes the line may block for ever.
    pub(crate) fn reader(&self) -> impl Read + use<> {
        let inner = Arc::downgrade(&self.store.0);
        Reader { inner, place: self.place, next: 0, part: io::Cursor::default() }
    }
}

#[cfg(test)]
impl Pending {
    /// Takes one part away, as damage does.
    pub(crate) async fn lose_part(&self, number: u64) {
        let seq = self.place.seq;
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
    inner: Weak<Inner>,
    place: Place,
    next: u64,
    part: io::Cursor<Vec<u8>>,
}

impl Reader {
    fn next_part(&self) -> io::Result<Vec<u8>> {
        let inner = self.inner.upgrade().ok_or_else(|| io::Error::other("the trigger has ended"))?;
        inner.part(self.place, self.next).map_err(|failure| io::Error::other(failure.sentences()))
    }
}

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let at_its_end = self.part.position() == self.part.get_ref().len() as u64;
        if at_its_end && self.next < self.place.parts() {
            self.part = io::Cursor::new(self.next_part()?);
            self.next += 1;
        }
        self.part.read(buf)
    }
}
