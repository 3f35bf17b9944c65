//! The tables of the events that wait: how long each is, and its text in parts.
//!
//! An event may be of any size, and redb has a value in memory as a whole. So the text is kept in parts, each of which
//! fills one of redb's pages: a value of a power of two would take a page of twice its size.

use std::io;

use redb::{ReadTransaction, ReadableTable as _, Table, TableDefinition, WriteTransaction};

use super::Backlog;
use super::pending::Place;
use crate::event::Line;
use crate::room::Room;

/// Bytes of a part: a page of 128 KiB, less what redb writes beside a value.
pub(super) const PART: usize = (128 << 10) - 64;

/// How many bytes an event has, by its place in the outbox.
const EVENTS: TableDefinition<'_, u64, u64> = TableDefinition::new("events");

/// The events' text, by place and number of the part.
const PARTS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("parts");

/// Why an event was not put into the outbox.
pub(super) enum Unkept {
    /// What it is made from cannot be read, or the disk has no room for it ([`crate::is_full`]).
    Event(io::Error),
    /// The database failed.
    Database(redb::Error),
}

impl Unkept {
    pub(super) fn database(error: impl Into<redb::Error>) -> Self {
        Self::Database(error.into())
    }
}

/// The outbox, open to be changed.
pub(super) struct Outbox<'t> {
    events: Table<'t, u64, u64>,
    parts: Table<'t, (u64, u64), &'static [u8]>,
}

impl<'t> Outbox<'t> {
    /// Opens the tables, and makes them if there are none.
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self { events: transaction.open_table(EVENTS)?, parts: transaction.open_table(PARTS)? })
    }

    /// Puts an event behind all others. `room` is asked for each part.
    pub(super) fn put(&mut self, line: &Line, room: &mut Room) -> Result<(), Unkept> {
        let last = self.events.last().map_err(Unkept::database)?.map(|(seq, _)| seq.value());
        let seq = last.map_or(0, |seq| seq + 1);
        let mut writer = Writer::new(&mut self.parts, seq, room);
        line.write(&mut writer)
            .and_then(|()| writer.finish())
            .map_err(|error| error.downcast::<redb::Error>().map_or_else(Unkept::Event, Unkept::Database))?;
        let len = writer.len;
        self.events.insert(seq, len).map_err(Unkept::database)?;
        Ok(())
    }

    /// Keeps a text as the event at this place.
    pub(super) fn keep(&mut self, seq: u64, text: &[u8]) -> Result<(), redb::Error> {
        for (number, part) in (0..).zip(text.chunks(PART)) {
            self.parts.insert((seq, number), part)?;
        }
        self.events.insert(seq, text.len() as u64)?;
        Ok(())
    }

    /// Removes an event, and tells how long it was.
    pub(super) fn remove(&mut self, seq: u64) -> Result<Option<u64>, redb::Error> {
        let removed = self.events.remove(seq)?.map(|len| len.value());
        self.parts.retain_in((seq, 0)..=(seq, u64::MAX), |_, _| false)?;
        Ok(removed)
    }

    #[cfg(test)]
    pub(super) fn lose_part(&mut self, seq: u64, number: u64) -> Result<(), redb::Error> {
        self.parts.remove((seq, number))?;
        Ok(())
    }

    pub(super) fn backlog(&self) -> Result<Backlog, redb::Error> {
        let mut backlog = Backlog::default();
        for entry in self.events.iter()? {
            backlog.events += 1;
            backlog.bytes += entry?.1.value();
        }
        Ok(backlog)
    }
}

/// The event that waits longest.
pub(super) fn oldest(transaction: &ReadTransaction) -> Result<Option<Place>, redb::Error> {
    let events = transaction.open_table(EVENTS)?;
    Ok(events.first()?.map(|(seq, len)| Place { seq: seq.value(), len: len.value() }))
}

/// One part of an event; `None` when there is no such part.
pub(super) fn part(
    transaction: &ReadTransaction,
    seq: u64,
    number: u64,
) -> Result<Option<Vec<u8>>, redb::Error> {
    Ok(transaction.open_table(PARTS)?.get((seq, number))?.map(|part| part.value().to_vec()))
}

/// Takes an event's text and puts it into the table, part by part.
struct Writer<'w, 't> {
    parts: &'w mut Table<'t, (u64, u64), &'static [u8]>,
    room: &'w mut Room,
    seq: u64,
    number: u64,
    part: Vec<u8>,
    /// Bytes in the table.
    len: u64,
}

impl<'w, 't> Writer<'w, 't> {
    fn new(parts: &'w mut Table<'t, (u64, u64), &'static [u8]>, seq: u64, room: &'w mut Room) -> Self {
        Self { parts, room, seq, number: 0, part: Vec::with_capacity(PART), len: 0 }
    }

    /// Puts what is left into the table.
    fn finish(&mut self) -> io::Result<()> {
        if self.part.is_empty() { Ok(()) } else { self.put() }
    }

    fn put(&mut self) -> io::Result<()> {
        let bytes = self.part.len() as u64;
        self.room.claim(bytes)?;
        let key = (self.seq, self.number);
        self.parts
            .insert(key, self.part.as_slice())
            .map_err(|error| io::Error::other(redb::Error::from(error)))?;
        self.number += 1;
        self.len += bytes;
        self.part.clear();
        Ok(())
    }
}

impl io::Write for Writer<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() == PART {
            self.put()?;
        }
        let count = bytes.len().min(PART - self.part.len());
        self.part.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
