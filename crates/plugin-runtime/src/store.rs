//! A trigger's state and the events that are not delivered yet, in one file and one transaction.
//!
//! A change is seen by comparing with the stored state. If the state moved on before the event was safe, a crash in
//! between would lose the event for good; so both are written together, and an event leaves the outbox only after the
//! platform has taken it.

mod file;

use std::io;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::event::Event;
use crate::failure::Failure;
use crate::log::StepLog;
use crate::message::Meta;

/// The outbox is full when it holds this many events.
pub const MAX_EVENTS: u64 = 1000;

/// The outbox is full when its events have this many bytes together (256 MiB); a single event has at most as many.
pub const MAX_BYTES: u64 = 256 << 20;

/// The form of the state file that this version writes and reads.
const FORMAT: &[u8] = b"1";

/// Pages that redb keeps in memory; its own default is a gigabyte. A process may have many stores open, and a larger
/// cache makes none of them quicker: an event is written once and read once.
const CACHE_BYTES: usize = 4 << 20;

const STATE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("state");
const OUTBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("outbox");

/// A trigger's state and outbox. Cloning is cheap, and clones share both.
///
/// Every call runs its disk access on a blocking thread; a commit waits until the disk has it.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

/// An event that waits for its delivery.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Its place in the outbox.
    pub(crate) seq: u64,
    /// The event's JSON, the same bytes at every attempt.
    pub(crate) payload: Vec<u8>,
}

/// How much waits in the outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Backlog {
    /// Bytes of the events' JSON.
    pub(crate) bytes: u64,
    /// Events.
    pub(crate) events: u64,
}

impl Backlog {
    fn has_room(self) -> bool {
        self.events < MAX_EVENTS && self.bytes < MAX_BYTES
    }
}

/// What came and went through the outbox.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    /// What waits.
    pub(crate) backlog: Backlog,
    /// How many events were put in since the store was opened.
    pub(crate) committed: u64,
    /// When the last of them was put in.
    pub(crate) last_event: Option<OffsetDateTime>,
}

/// Shows a store's traffic without keeping the store open; of a closed one, its last.
#[derive(Debug, Clone)]
pub(crate) struct TrafficView(watch::Receiver<Traffic>);

impl TrafficView {
    /// The view of a store that could not be opened.
    pub(crate) fn of_none() -> Self {
        Self(watch::Sender::new(Traffic::default()).subscribe())
    }

    pub(crate) fn now(&self) -> Traffic {
        *self.0.borrow()
    }

    /// Waits until the store's file is free for another owner, but not longer than `limit`. Safe to cancel.
    pub(crate) async fn wait_until_closed(&self, limit: Duration) {
        let mut traffic = self.0.clone();
        // The sender goes with the store: that it is gone is the only error there is.
        let _ = tokio::time::timeout(limit, async { while traffic.changed().await.is_ok() {} }).await;
    }
}

#[derive(Debug)]
struct Inner {
    /// Stands before `traffic`, and so is closed before whoever watches learns that the store is gone.
    database: Database,
    /// The file behind the database; `None` when it is in memory.
    path: Option<PathBuf>,
    traffic: watch::Sender<Traffic>,
    /// The most bytes of one event.
    event_limit: u64,
    meta: Meta,
    log: StepLog,
}

impl Store {
    /// A store that ends with the process.
    ///
    /// # Errors
    /// There is not enough memory.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Result<Self, Failure> {
        Self::open(None, Meta::empty(), StepLog::new())
    }

    /// Opens or makes the store at `path`, or in memory. Its events repeat `meta` and carry the lines of `log`.
    ///
    /// # Errors
    /// The file is in use by another process, damaged, of another format, or cannot be opened. It is never replaced.
    pub(crate) fn open(path: Option<&Path>, meta: Meta, log: StepLog) -> Result<Self, Failure> {
        // Some damage makes redb panic. Whatever it left half done is gone with it.
        let opened = catch_unwind(|| database(path));
        let (database, backlog) = opened.unwrap_or_else(|_| Err(broken(path, &"a part of it is damaged")))?;
        let path = path.map(Path::to_owned);
        let traffic = watch::Sender::new(Traffic { backlog, ..Traffic::default() });
        Ok(Self(Arc::new(Inner { database, path, traffic, event_limit: MAX_BYTES, meta, log })))
    }

    /// The state of the last commit; `None` before the first.
    ///
    /// # Errors
    /// The file cannot be read, or its state is not an `S`.
    pub async fn load<S: DeserializeOwned>(&self) -> Result<Option<S>, Failure> {
        let state = self.run(|inner| {
            let table = inner.database.begin_read()?.open_table(STATE)?;
            Ok(table.get("state")?.map(|state| state.value().to_vec()))
        });
        let Some(state) = state.await? else { return Ok(None) };
        serde_json::from_slice(&state).map(Some).map_err(|error| broken(self.0.path.as_deref(), &error))
    }

    /// Replaces the state and puts the events into the outbox, both or neither. Each event carries an identifier of
    /// its own in its output, so that whoever gets it twice can tell.
    ///
    /// The outbox takes the events even when it is full: wait for room ([`Self::wait_for_room`]) before looking for changes.
    ///
    /// # Errors
    /// The disk fails, an output cannot be written as JSON, or an event has more than [`MAX_BYTES`]. State and outbox
    /// are then as before.
    pub async fn commit<S, E>(&self, state: &S, events: Vec<E>) -> Result<(), Failure>
    where
        S: Serialize,
        E: Serialize + Send + 'static,
    {
        let state = serde_json::to_vec(state).map_err(|error| unwritable(&error))?;
        let payloads: Vec<_> =
            events.into_iter().map(|event| self.payload(event)).collect::<Result<_, _>>()?;
        self.run(move |inner| inner.commit(&state, &payloads)).await
    }

    /// The event that waits longest; `None` when the outbox is empty.
    ///
    /// # Errors
    /// The disk fails.
    pub(crate) async fn oldest(&self) -> Result<Option<Pending>, Failure> {
        self.run(|inner| {
            let table = inner.database.begin_read()?.open_table(OUTBOX)?;
            let first = table.first()?;
            Ok(first.map(|(seq, payload)| Pending { seq: seq.value(), payload: payload.value().to_vec() }))
        })
        .await
    }

    /// Removes a delivered event from the outbox.
    ///
    /// # Errors
    /// The disk fails; the event is then still there.
    pub(crate) async fn remove(&self, seq: u64) -> Result<(), Failure> {
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

    fn payload<E: Serialize + Send + 'static>(&self, output: E) -> Result<Vec<u8>, Failure> {
        let event = Event::of_trigger(self.0.meta.clone(), Box::new(output), self.0.log.take());
        let mut payload = Payload { bytes: Vec::new(), limit: self.0.event_limit };
        event.write(&mut payload).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => Failure::input(
                format!("An event has more than {} bytes", self.0.event_limit),
                "Have the trigger put less content into its events.",
            ),
            _ => unwritable(&error),
        })?;
        Ok(payload.bytes)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let inner = Arc::clone(&self.0);
        match tokio::task::spawn_blocking(move || work(&inner)).await {
            Ok(done) => done.map_err(|error| broken(self.0.path.as_deref(), &error)),
            Err(error) => Err(broken(self.0.path.as_deref(), &error)),
        }
    }
}

impl Inner {
    fn commit(&self, state: &[u8], payloads: &[Vec<u8>]) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            transaction.open_table(STATE)?.insert("state", state)?;
            let mut outbox = transaction.open_table(OUTBOX)?;
            let next = outbox.last()?.map_or(0, |(seq, _)| seq.value() + 1);
            for (seq, payload) in (next..).zip(payloads) {
                outbox.insert(seq, payload.as_slice())?;
            }
        }
        transaction.commit()?;
        // Told from here and not from the caller, who may have stopped waiting.
        self.traffic.send_modify(|traffic| {
            traffic.backlog.events += payloads.len() as u64;
            traffic.backlog.bytes += payloads.iter().map(|payload| payload.len() as u64).sum::<u64>();
            traffic.committed += payloads.len() as u64;
            if !payloads.is_empty() {
                traffic.last_event = Some(OffsetDateTime::now_utc());
            }
        });
        Ok(())
    }

    fn remove(&self, seq: u64) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        let removed =
            transaction.open_table(OUTBOX)?.remove(seq)?.map(|payload| payload.value().len() as u64);
        transaction.commit()?;
        if let Some(bytes) = removed {
            self.traffic.send_modify(|traffic| {
                traffic.backlog.events -= 1;
                traffic.backlog.bytes -= bytes;
            });
        }
        Ok(())
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// What a database holds.
enum Contents {
    /// This version's tables, with so much in the outbox.
    Ours(Backlog),
    /// The tables of another version.
    Foreign { format: String },
}

/// Makes the tables of a new file, and counts what waits in an old one.
fn begin(database: &Database) -> Result<Contents, redb::Error> {
    let transaction = database.begin_write()?;
    let mut backlog = Backlog::default();
    {
        let mut state = transaction.open_table(STATE)?;
        let format = state.get("format")?.map(|format| format.value().to_vec());
        match format {
            None => drop(state.insert("format", FORMAT)?),
            Some(format) if format == FORMAT => {}
            Some(format) => {
                return Ok(Contents::Foreign { format: String::from_utf8_lossy(&format).into_owned() });
            }
        }
        for entry in transaction.open_table(OUTBOX)?.iter()? {
            backlog.events += 1;
            backlog.bytes += entry?.1.value().len() as u64;
        }
    }
    transaction.commit()?;
    Ok(Contents::Ours(backlog))
}

/// Collects an event's JSON up to a number of bytes.
struct Payload {
    bytes: Vec<u8>,
    limit: u64,
}

impl io::Write for Payload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + bytes.len()) as u64 > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The database of a store that is opened, and what waits in it.
fn database(path: Option<&Path>) -> Result<(Database, Backlog), Failure> {
    let opened = match path {
        Some(path) => file::open(path),
        None => builder().create_with_backend(InMemoryBackend::new()).map_err(redb::Error::from),
    };
    let database = opened.map_err(|error| not_opened(path, &error))?;
    match begin(&database).map_err(|error| broken(path, &error))? {
        Contents::Ours(backlog) => Ok((database, backlog)),
        Contents::Foreign { format } => Err(other_format(path, &format)),
    }
}

fn place(path: Option<&Path>) -> String {
    path.map_or_else(|| "in memory".to_owned(), |path| path.display().to_string())
}

fn not_opened(path: Option<&Path>, error: &redb::Error) -> Failure {
    match error {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Failure::conflict(
            format!("The trigger's state {} is in use by another process", place(path)),
            "Only one process at a time can run a trigger with the same triggerId. Stop the other one.",
        )
        .with_data(error.to_string()),
        redb::Error::Io(io) if io.kind() != io::ErrorKind::InvalidData => Failure::internal(
            format!("The trigger's state {} cannot be opened: {io}", place(path)),
            "Check that the cache folder exists and can be written.",
        ),
        _ => broken(path, error),
    }
}

fn broken(path: Option<&Path>, error: &dyn std::fmt::Display) -> Failure {
    Failure::internal(
        format!("The trigger's state {} cannot be used: {error}", place(path)),
        format!(
            "If the disk is in order, remove {} to begin anew: the next look is then a new baseline, and events that \
             were not delivered yet are lost.",
            place(path)
        ),
    )
}

fn other_format(path: Option<&Path>, format: &str) -> Failure {
    broken(path, &format_args!("it has the format {format:?}, which another version of the plugin wrote"))
}

fn unwritable(error: &dyn std::fmt::Display) -> Failure {
    Failure::internal(
        format!("The trigger's state or event cannot be written as JSON: {error}"),
        "This is a fault of the plugin or of its temporary folder. Report it with the log of this step.",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn open(path: &Path) -> Result<Store, Failure> {
        Store::open(Some(path), Meta::empty(), StepLog::new())
    }

    async fn pending(store: &Store) -> Vec<(u64, Value)> {
        let mut all = Vec::new();
        while let Some(Pending { seq, payload }) = store.oldest().await.unwrap() {
            let event: Value = serde_json::from_slice(&payload).unwrap();
            all.push((seq, event["body"]["output"].clone()));
            store.remove(seq).await.unwrap();
        }
        all
    }

    #[tokio::test]
    async fn state_and_events_are_committed_together() {
        let store = Store::in_memory().unwrap();
        assert_eq!(store.load::<Vec<u8>>().await.unwrap(), None);
        store.commit(&vec![1], vec![json!("a"), json!("b")]).await.unwrap();
        store.commit(&vec![1, 2], vec![json!("c")]).await.unwrap();
        assert_eq!(store.load::<Vec<u8>>().await.unwrap(), Some(vec![1, 2]));
        assert_eq!(store.backlog().events, 3);
        assert_eq!(pending(&store).await, [(0, json!("a")), (1, json!("b")), (2, json!("c"))]);
        assert_eq!(store.backlog(), Backlog::default());
        store.wait_until_empty().await;
    }

    #[tokio::test]
    async fn a_process_that_dies_loses_nothing_that_was_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.redb");
        let store = open(&path).unwrap();
        store.commit(&1, vec![json!({"event_id": "x"})]).await.unwrap();
        // The file as a process that was killed leaves it: copied while the database is open.
        let crashed = folder.path().join("crashed.redb");
        std::fs::copy(&path, &crashed).unwrap();
        let survivor = open(&crashed).unwrap();
        assert_eq!(survivor.load::<i32>().await.unwrap(), Some(1));
        assert_eq!(survivor.backlog(), store.backlog());
        assert_eq!(pending(&survivor).await, [(0, json!({"event_id": "x"}))]);
    }

    #[tokio::test]
    async fn a_closed_store_is_reopened_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.redb");
        let store = open(&path).unwrap();
        store.commit(&"s", vec![json!(1), json!(2)]).await.unwrap();
        let first = store.oldest().await.unwrap().unwrap();
        let backlog = store.backlog();
        drop(store);
        let store = open(&path).unwrap();
        assert_eq!(store.load::<String>().await.unwrap().as_deref(), Some("s"));
        assert_eq!(store.backlog(), backlog);
        assert!(store.oldest().await.unwrap() == Some(first), "the same bytes");
    }

    #[tokio::test]
    async fn two_owners_of_one_state_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.redb");
        let _store = open(&path).unwrap();
        let failure = open(&path).unwrap_err();
        assert!(failure.cause().ends_with("t.redb is in use by another process"), "{failure}");
    }

    #[tokio::test]
    async fn a_damaged_file_is_named_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("good.redb");
        open(&good).unwrap().commit(&1, vec![json!(1)]).await.unwrap();
        let whole = std::fs::read(&good).unwrap();
        let garbage = b"this is no database".repeat(1000);
        let mut scribbled = whole.clone();
        scribbled[64..512].fill(0xa5);
        for (name, bytes) in
            [("garbage", garbage.as_slice()), ("short", &whole[..1000]), ("scribbled", &scribbled)]
        {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let failure = open(&path).unwrap_err();
            assert!(
                failure.assistance().contains(&format!("remove {}", path.display())),
                "{name}: {failure:?}"
            );
            assert!(std::fs::read(&path).unwrap() == bytes, "{name} was changed");
        }
    }

    #[tokio::test]
    async fn a_damaged_page_panics_nobody() {
        const PAGE: usize = 4096;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.redb");
        open(&path).unwrap().commit(&1, vec![json!(1)]).await.unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut failures = Vec::new();
        for page in 0..whole.len() / PAGE {
            let mut damaged = whole.clone();
            damaged[page * PAGE..][..PAGE].fill(0xb4);
            std::fs::write(&path, damaged).unwrap();
            failures.extend(open(&path).err());
        }
        assert!(failures.iter().any(|failure| failure.cause().ends_with("a part of it is damaged")));
        for failure in failures {
            assert!(failure.assistance().contains("t.redb to begin anew"), "{failure:?}");
        }
    }

    #[tokio::test]
    async fn a_foreign_state_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.redb");
        let store = open(&path).unwrap();
        store.commit(&"text", Vec::<Value>::new()).await.unwrap();
        let failure = store.load::<u32>().await.unwrap_err();
        assert!(failure.cause().contains("cannot be used: invalid type"), "{failure}");
        store
            .run(|inner| {
                let transaction = inner.database.begin_write()?;
                transaction.open_table(STATE)?.insert("format", b"2".as_slice())?;
                Ok(transaction.commit()?)
            })
            .await
            .unwrap();
        drop(store);
        let failure = open(&path).unwrap_err();
        assert!(failure.cause().contains("it has the format \"2\""), "{failure}");
    }

    #[tokio::test]
    async fn a_full_outbox_says_so_until_one_event_is_gone() {
        let store = Store::in_memory().unwrap();
        let events = (0..MAX_EVENTS).map(|number| json!(number)).collect();
        store.commit(&(), events).await.unwrap();
        assert!(!store.backlog().has_room());
        let waiting = tokio::spawn({
            let store = store.clone();
            async move { store.wait_for_room().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        store.remove(0).await.unwrap();
        waiting.await.unwrap();
        assert!(store.backlog().has_room());
    }

    #[tokio::test]
    async fn a_view_of_the_traffic_outlives_the_store_and_tells_when_its_file_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.redb");
        let store = open(&path).unwrap();
        let view = store.traffic();
        store.commit(&1, Vec::<Value>::new()).await.unwrap();
        assert_eq!((view.now().committed, view.now().last_event), (0, None));
        store.commit(&1, vec![json!(1), json!(2)]).await.unwrap();
        store.remove(0).await.unwrap();
        let backlog = store.backlog();
        let closed = tokio::spawn({
            let view = view.clone();
            async move { view.wait_until_closed(Duration::MAX).await }
        });
        tokio::task::yield_now().await;
        assert!(!closed.is_finished());
        drop(store);
        closed.await.unwrap();
        drop(open(&path).unwrap());
        let last = view.now();
        assert_eq!((last.committed, last.backlog, last.backlog.events), (2, backlog, 1));
        assert!(last.last_event.is_some());
        let reopened = open(&path).unwrap().traffic().now();
        assert_eq!((reopened.committed, reopened.backlog), (0, backlog));
    }

    #[tokio::test]
    async fn an_event_beyond_all_bounds_is_refused_and_changes_nothing() {
        let mut store = Store::in_memory().unwrap();
        Arc::get_mut(&mut store.0).unwrap().event_limit = 1000;
        let content = |len: usize| vec![crate::Content::from(vec![0; len])];
        let failure = store.commit(&1, content(900)).await.unwrap_err();
        assert_eq!(failure.cause(), "An event has more than 1000 bytes");
        assert_eq!(store.load::<i32>().await.unwrap(), None);
        assert_eq!(store.backlog(), Backlog::default());
        store.commit(&1, content(600)).await.unwrap();
        assert_eq!(store.backlog().events, 1);
    }
}
