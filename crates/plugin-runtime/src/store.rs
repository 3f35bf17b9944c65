//! A trigger's state and the events that are not delivered yet, in one file and one transaction.
//!
//! A change is seen by comparing with the stored state. If the state moved on before the event was safe, a crash in
//! between would lose the event for good; so both are written together, and an event leaves the outbox only after the
//! platform has taken it.

mod failure;
mod file;
mod format;
mod outbox;
mod pending;
mod traffic;

use std::io;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use redb::{Database, ReadableDatabase as _, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use time::OffsetDateTime;
use tokio::sync::watch;

use self::failure::{broken, failed, no_room, not_opened, other_format, unreadable, unwritable};
use self::format::Contents;
use self::outbox::{Outbox, Unkept};
pub(crate) use self::pending::Pending;
use self::pending::Place;
pub(crate) use self::traffic::{Backlog, Traffic, TrafficView};
use crate::event::{Event, Line};
use crate::failure::Failure;
use crate::log::StepLog;
use crate::message::Meta;
use crate::room::{self, Room};

/// The outbox is full when it holds this many events.
pub const MAX_EVENTS: u64 = 1000;

/// The outbox is full when its events have this many bytes together (256 MiB). A single event may have more: one is always
/// taken where there is room.
pub const MAX_BYTES: u64 = 256 << 20;

/// Events of more bytes of text than this need room on the disk beside its reserve, and leave a file that is made smaller
/// again (1 MiB). For smaller ones, and for the state, the reserve is there.
const LARGE_EVENT: u64 = 1 << 20;

/// Bytes that a transaction may write beside the state and the events (1 MiB).
const TRANSACTION_OVERHEAD: u64 = 1 << 20;

/// A file of more bytes than this is made smaller when it holds no event any more, and when it is opened without (16 MiB).
const LARGE_FILE: u64 = 16 << 20;

/// Pages that redb keeps in memory; its own default is a gigabyte. A process may have many stores open, and a larger
/// cache makes none of them quicker: an event is written once and read once. Pages of a transaction that do not fit in are
/// written before its end.
const CACHE_BYTES: usize = 4 << 20;

/// How long a removal waits before it looks again whether the disk has room for it.
const ROOM_PAUSE: Duration = Duration::from_secs(10);

const STATE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("state");

/// A trigger's state and outbox. Cloning is cheap, and clones share both.
///
/// Every call runs its disk access on a blocking thread; a commit waits until the disk has it.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

/// Why state and events were not committed. Both are then as before.
#[derive(Debug, Error)]
pub enum CommitError {
    /// The events are large, and the disk has no room for them beside its reserve. Without what makes them large they may
    /// still be committed, and so may the same ones later.
    #[error("{0}")]
    TooLarge(Failure),
    /// The disk has not even room for small ones. The same ones may be committed later.
    #[error("{0}")]
    NoRoom(Failure),
    /// The disk fails, a value cannot be written as JSON, or a content of an event cannot be read.
    #[error("{0}")]
    Failed(Failure),
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::TooLarge(failure) | CommitError::NoRoom(failure) | CommitError::Failed(failure) => {
                failure
            }
        }
    }
}

#[derive(Debug)]
struct Inner {
    /// Stands before `traffic`, and so is closed before whoever watches learns that the store is gone.
    ///
    /// Only whoever makes the file smaller has it alone.
    database: RwLock<Database>,
    /// The file behind the database; `None` when it has no name.
    path: Option<PathBuf>,
    /// Room on the disk of the file.
    room: Room,
    traffic: watch::Sender<Traffic>,
    meta: Meta,
    log: StepLog,
}

impl Store {
    /// A store that ends with the process.
    ///
    /// # Errors
    /// It cannot be made.
    #[cfg(test)]
    pub(crate) fn unnamed() -> Result<Self, Failure> {
        Self::open(None, Meta::empty(), StepLog::new())
    }

    /// Opens or makes the store at `path`, or one that ends with the process. Its events repeat `meta` and carry the lines
    /// of `log`.
    ///
    /// # Errors
    /// The file is in use by another process, damaged, of another format, or cannot be opened. It is never replaced.
    pub(crate) fn open(path: Option<&Path>, meta: Meta, log: StepLog) -> Result<Self, Failure> {
        // Some damage makes redb panic. Whatever it left half done is gone with it.
        let opened = catch_unwind(|| database(path));
        let (database, backlog) = opened.unwrap_or_else(|_| Err(broken(path, &"a part of it is damaged")))?;
        let (path, room) = (path.map(Path::to_owned), room_at(path));
        let traffic = watch::Sender::new(Traffic { backlog, ..Traffic::default() });
        let database = RwLock::new(database);
        Ok(Self(Arc::new(Inner { database, path, room, traffic, meta, log })))
    }

    /// The state of the last commit; `None` before the first.
    ///
    /// # Errors
    /// The file cannot be read, or its state is not an `S`.
    pub async fn load<S: DeserializeOwned>(&self) -> Result<Option<S>, Failure> {
        let state = self.run(|inner| {
            let table = inner.database().begin_read()?.open_table(STATE)?;
            Ok(table.get("state")?.map(|state| state.value().to_vec()))
        });
        let Some(state) = state.await? else { return Ok(None) };
        serde_json::from_slice(&state).map(Some).map_err(|error| broken(self.path(), &error))
    }

    /// Replaces the state and puts the events into the outbox, both or neither. Each event carries an identifier of
    /// its own in its output, so that whoever gets it twice can tell; the first has the lines of the log.
    ///
    /// The outbox takes the events even when it is full: wait for room ([`Self::wait_for_room`]) before looking for changes.
    ///
    /// # Errors
    /// The disk has no room for the events or fails, or an output cannot be written as JSON. State and outbox are then as
    /// before.
    pub async fn commit<S, E>(&self, state: &S, events: Vec<E>) -> Result<(), CommitError>
    where
        S: Serialize,
        E: Serialize + Send + 'static,
    {
        let state = serde_json::to_vec(state).map_err(|error| CommitError::Failed(unwritable(&error)))?;
        let (mut log, read) = self.0.log.read();
        let lines = events.into_iter().map(|event| self.line(event, std::mem::take(&mut log)));
        let lines: Vec<_> = lines.collect::<Result<_, _>>()?;
        let bytes = lines.iter().map(Line::len).sum();
        let committed = self.on_blocking_thread(move |inner| {
            inner.commit(&state, &lines, bytes)?;
            // Not before: what was not committed may be told by another event, with the same lines.
            if !lines.is_empty() {
                inner.log.remove(read);
            }
            Ok(())
        });
        committed.await.map_err(CommitError::Failed)?.map_err(|unkept| self.not_committed(unkept, bytes))
    }

    /// The event that waits longest; `None` when the outbox is empty.
    ///
    /// # Errors
    /// The disk fails.
    pub(crate) async fn oldest(&self) -> Result<Option<Pending>, Failure> {
        let oldest = self.run(|inner| outbox::oldest(&inner.database().begin_read()?)).await?;
        Ok(oldest.map(|place| Pending::new(self.clone(), place)))
    }

    /// Removes a delivered event from the outbox. That takes some room on the disk, which is waited for. Safe to cancel:
    /// the event is then still there, or not.
    ///
    /// # Errors
    /// The disk fails; the event is then still there.
    pub(crate) async fn remove(&self, event: &Pending) -> Result<(), Failure> {
        let seq = event.place.seq;
        while let Err(error) = self.on_blocking_thread(Inner::check_for_removal).await? {
            let pause = ROOM_PAUSE.as_secs();
            tracing::warn!("{} The next try is in {pause} s.", no_room(self.path(), &error).sentences());
            tokio::time::sleep(ROOM_PAUSE).await;
        }
        self.run(move |inner| inner.remove(seq)).await
    }

    /// How much waits in the outbox.
    pub(crate) fn backlog(&self) -> Backlog {
        self.0.traffic.borrow().backlog
    }

    /// Shows the traffic from now on, even when the store is closed.
    pub(crate) fn traffic(&self) -> TrafficView {
        TrafficView(self.0.traffic.subscribe())
    }

    /// Waits until the outbox takes another event. Until then a trigger must not look for changes: they stay visible
    /// against the committed state, and nothing is lost. Safe to cancel.
    pub async fn wait_for_room(&self) {
        self.wait_until(Backlog::has_room).await;
    }

    /// Waits until an event is in the outbox. Safe to cancel.
    pub(crate) async fn wait_for_event(&self) {
        self.wait_until(|backlog| backlog.events > 0).await;
    }

    /// Waits until the outbox is empty. Safe to cancel.
    pub(crate) async fn wait_until_empty(&self) {
        self.wait_until(|backlog| backlog.events == 0).await;
    }

    async fn wait_until(&self, condition: impl Fn(Backlog) -> bool) {
        // The sender lives in this very store, so the channel cannot close.
        let _ = self.0.traffic.subscribe().wait_for(|traffic| condition(traffic.backlog)).await;
    }

    fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    fn line<E: Serialize + Send + 'static>(&self, output: E, log: String) -> Result<Line, CommitError> {
        let event = Event::of_trigger(self.0.meta.clone(), Box::new(output), log);
        event.line().map_err(|error| CommitError::Failed(unwritable(&error)))
    }

    /// Why so many bytes of events were not committed.
    fn not_committed(&self, unkept: Unkept, bytes: u64) -> CommitError {
        match unkept {
            Unkept::Event(error) if room::is_full(&error) => {
                let no_room = no_room(self.path(), &error);
                if is_large(bytes) { CommitError::TooLarge(no_room) } else { CommitError::NoRoom(no_room) }
            }
            Unkept::Event(error) => CommitError::Failed(unreadable(&error)),
            Unkept::Database(error) => CommitError::Failed(failed(self.path(), &error)),
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        self.on_blocking_thread(work).await?.map_err(|error| failed(self.path(), &error))
    }

    async fn on_blocking_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.map_err(|error| broken(self.path(), &error))
    }
}

impl Inner {
    /// A panic while the lock was held left nothing half done: the transaction was dropped.
    fn database(&self) -> RwLockReadGuard<'_, Database> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(&self, state: &[u8], lines: &[Line], bytes: u64) -> Result<(), Unkept> {
        let mut room = self.room_for(bytes);
        // Before anything is written: a database whose disk is full cannot be used any more, not even when it is not.
        room.check(bytes + page_of(state) + TRANSACTION_OVERHEAD).map_err(Unkept::Event)?;
        let database = self.database();
        let transaction = database.begin_write().map_err(Unkept::database)?;
        write(&transaction, state, lines, &mut room)?;
        transaction.commit().map_err(Unkept::database)?;
        // Told from here and not from the caller, who may have stopped waiting.
        self.traffic.send_modify(|traffic| {
            traffic.backlog.events += lines.len() as u64;
            traffic.backlog.bytes += bytes;
            traffic.committed += lines.len() as u64;
            if !lines.is_empty() {
                traffic.last_event = Some(OffsetDateTime::now_utc());
            }
        });
        Ok(())
    }

    /// Room for so many bytes of events on the disk of the file.
    fn room_for(&self, bytes: u64) -> Room {
        let room = self.room.clone();
        if is_large(bytes) { room } else { room.into_reserve() }
    }

    /// One part of the event at this place.
    fn part(&self, place: Place, number: u64) -> Result<Vec<u8>, Failure> {
        let path = self.path.as_deref();
        self.read_part(place.seq, number)
            .map_err(|error| failed(path, &error))?
            .filter(|part| part.len() as u64 == place.part_len(number))
            .ok_or_else(|| broken(path, &"an event is not there as a whole"))
    }

    fn read_part(&self, seq: u64, number: u64) -> Result<Option<Vec<u8>>, redb::Error> {
        outbox::part(&self.database().begin_read()?, seq, number)
    }

    /// Whether the disk has room for a removal, which the reserve is for as well.
    fn check_for_removal(&self) -> io::Result<()> {
        self.room.clone().into_reserve().check(TRANSACTION_OVERHEAD)
    }

    fn remove(&self, seq: u64) -> Result<(), redb::Error> {
        let was_large = self.path.as_deref().is_some_and(is_large_file);
        let removed = {
            let database = self.database();
            let transaction = database.begin_write()?;
            let removed = Outbox::open(&transaction)?.remove(seq)?;
            transaction.commit()?;
            removed
        };
        let Some(bytes) = removed else { return Ok(()) };
        // Before it is told that the outbox is empty, since then the store may be closed.
        if (is_large(bytes) || was_large) && self.traffic.borrow().backlog.events == 1 {
            shrink(&mut self.database.write().unwrap_or_else(PoisonError::into_inner));
        }
        self.traffic.send_modify(|traffic| {
            traffic.backlog.events -= 1;
            traffic.backlog.bytes -= bytes;
        });
        Ok(())
    }
}

/// Writes state and events into a transaction, which whoever began it commits.
fn write(
    transaction: &WriteTransaction,
    state: &[u8],
    lines: &[Line],
    room: &mut Room,
) -> Result<(), Unkept> {
    put_state(transaction, state).map_err(Unkept::Database)?;
    let mut outbox = Outbox::open(transaction).map_err(Unkept::Database)?;
    lines.iter().try_for_each(|line| outbox.put(line, room))
}

fn put_state(transaction: &WriteTransaction, state: &[u8]) -> Result<(), redb::Error> {
    transaction.open_table(STATE)?.insert("state", state)?;
    Ok(())
}

/// Whether events of so many bytes are large.
fn is_large(bytes: u64) -> bool {
    bytes > LARGE_EVENT
}

/// What redb takes of the disk for a value: a page whose size is a power of two.
fn page_of(value: &[u8]) -> u64 {
    // Beside the value stand its key and its length.
    (value.len() as u64 + 1024).next_power_of_two()
}

/// Gives back to the disk what a file without events has too much. redb alone does that late or never.
fn shrink(database: &mut Database) {
    if let Err(error) = database.compact() {
        tracing::warn!("The trigger's state keeps more of the disk than it needs: {error}");
    }
}

/// Room on the disk of the file at `path`, or of one without a name.
fn room_at(path: Option<&Path>) -> Room {
    match path.and_then(Path::parent) {
        Some(folder) => Room::in_folder(folder.to_owned()),
        None => Room::in_spool_folder(),
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// The database of a store that is opened, and what waits in it.
fn database(path: Option<&Path>) -> Result<(Database, Backlog), Failure> {
    let opened = match path {
        Some(path) => file::open(path),
        None => file::unnamed(),
    };
    let mut database = opened.map_err(|error| not_opened(path, &error))?;
    match format::migrate(&database, &room_at(path)).map_err(|error| failed(path, &error))? {
        Contents::Ours(backlog) => {
            // A process that was killed may have left it large.
            if backlog.events == 0 && path.is_some_and(is_large_file) {
                shrink(&mut database);
            }
            Ok((database, backlog))
        }
        Contents::Foreign { format } => Err(other_format(path, &format)),
    }
}

fn is_large_file(file: &Path) -> bool {
    file.metadata().is_ok_and(|file| file.len() > LARGE_FILE)
}

#[cfg(test)]
mod tests;
