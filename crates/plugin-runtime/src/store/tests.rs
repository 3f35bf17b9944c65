//! A store's promises: what was committed stays, what was not changes nothing, and every event keeps its bytes.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use super::outbox::PART;
use super::*;
use crate::Content;
use crate::content::testing::{in_file, vanished};
use crate::log::testing::capture;

fn open(path: &Path) -> Result<Store, Failure> {
    Store::open(Some(path), Meta::empty(), StepLog::new())
}

async fn pending(store: &Store) -> Vec<(u64, Value)> {
    let mut all = Vec::new();
    while let Some(event) = store.oldest().await.unwrap() {
        let value: Value = serde_json::from_str(&text(&event)).unwrap();
        all.push((event.place.seq, value["body"]["output"].clone()));
        store.remove(&event).await.unwrap();
    }
    all
}

fn text(event: &Pending) -> String {
    io::read_to_string(event.reader()).unwrap()
}

/// The line of an event with this output.
fn line_of(output: &Value) -> String {
    format!(
        "{{\"body\":{{\"log\":\"\",\"meta\":{{}},\"output\":{output}}},\"type\":\"trigger_event\",\"version\":\"v1\"}}\n"
    )
}

#[tokio::test]
async fn state_and_events_are_committed_together() {
    let store = Store::unnamed().unwrap();
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
    let first = text(&store.oldest().await.unwrap().unwrap());
    let backlog = store.backlog();
    drop(store);
    let store = open(&path).unwrap();
    assert_eq!(store.load::<String>().await.unwrap().as_deref(), Some("s"));
    assert_eq!(store.backlog(), backlog);
    assert_eq!(text(&store.oldest().await.unwrap().unwrap()), first, "the same bytes");
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
        assert!(failure.assistance().contains(&format!("remove {}", path.display())), "{name}: {failure:?}");
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
            let transaction = inner.database().begin_write()?;
            transaction.open_table(STATE)?.insert("format", b"3".as_slice())?;
            Ok(transaction.commit()?)
        })
        .await
        .unwrap();
    drop(store);
    let failure = open(&path).unwrap_err();
    assert!(failure.cause().contains("it has the format \"3\""), "{failure}");
}

#[tokio::test]
async fn a_full_outbox_says_so_until_one_event_is_gone() {
    let store = Store::unnamed().unwrap();
    let events = (0..MAX_EVENTS).map(|number| json!(number)).collect();
    store.commit(&(), events).await.unwrap();
    assert!(!store.backlog().has_room());
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.wait_for_room().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    store.remove(&store.oldest().await.unwrap().unwrap()).await.unwrap();
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
    store.remove(&store.oldest().await.unwrap().unwrap()).await.unwrap();
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
async fn an_event_has_its_bytes_at_every_edge_of_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("t.redb")).unwrap();
    let around = line_of(&json!("")).len();
    for len in [around, PART - 1, PART, PART + 1, 2 * PART, 3 * PART + 5] {
        let output = json!("x".repeat(len - around));
        store.commit(&len, vec![output.clone()]).await.unwrap();
        let event = store.oldest().await.unwrap().unwrap();
        assert_eq!((event.len(), store.backlog().bytes), (len as u64, len as u64));
        assert_eq!(event.parts(), len.div_ceil(PART) as u64, "{len}");
        let mut parts = Vec::new();
        for number in 0..event.parts() {
            parts.extend(event.part(number).await.unwrap());
        }
        let expected = line_of(&output);
        assert!(parts == expected.as_bytes() && text(&event) == expected, "{len}");
        assert!(event.part(event.parts()).await.is_err(), "{len}");
        store.remove(&event).await.unwrap();
        assert!(event.part(0).await.is_err(), "{len}: removed is removed");
    }
}

#[tokio::test]
async fn events_of_many_parts_stay_apart() {
    let store = Store::unnamed().unwrap();
    let contents = [1, 2, 3].map(|byte| vec![byte; 3 * PART]);
    let events = contents.iter().map(|bytes| in_file(bytes)).collect();
    store.commit(&(), events).await.unwrap();
    for (seq, bytes) in (0..).zip(&contents) {
        let event = store.oldest().await.unwrap().unwrap();
        assert_eq!(event.place.seq, seq);
        assert!(text(&event) == line_of(&json!(Content::from(bytes.clone()))));
        store.remove(&event).await.unwrap();
    }
    assert_eq!(store.backlog(), Backlog::default());
}

/// Makes a file of the form before, which holds these events.
fn make_form_before(path: &Path, lines: &[String]) {
    const OUTBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("outbox");
    let database = Database::create(path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut state = transaction.open_table(STATE).unwrap();
        state.insert("format", b"1".as_slice()).unwrap();
        state.insert("state", b"7".as_slice()).unwrap();
        let mut outbox = transaction.open_table(OUTBOX).unwrap();
        for (seq, line) in (4..).zip(lines) {
            outbox.insert(seq, line.as_bytes()).unwrap();
        }
    }
    transaction.commit().unwrap();
}

#[cfg(target_os = "linux")] // A disk without a byte.
#[test]
fn a_file_of_the_form_before_waits_for_room_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.redb");
    make_form_before(&path, &[line_of(&json!("short"))]);
    let error = {
        let database = builder().open(&path).unwrap();
        format::migrate(&database, &Room::in_folder("/proc".into())).err().unwrap()
    };
    let failure = failed(Some(&path), &error);
    assert!(failure.assistance().contains("start the trigger again"), "{failure:?}");
    assert_eq!(open(&path).unwrap().backlog().events, 1);
}

#[cfg(target_os = "linux")] // A disk without a byte.
#[tokio::test(start_paused = true)]
async fn a_delivered_event_is_removed_once_there_is_room_for_that() {
    let mut store = Store::unnamed().unwrap();
    store.commit(&1, vec![json!("delivered")]).await.unwrap();
    Arc::get_mut(&mut store.0).unwrap().room = Room::in_folder("/proc".into());
    let event = store.oldest().await.unwrap().unwrap();
    let removed = tokio::time::timeout(ROOM_PAUSE * 5 / 2, store.remove(&event)).await;
    assert!(removed.is_err() && store.backlog().events == 1, "it waits and looks again");
    drop(event);
    Arc::get_mut(&mut store.0).unwrap().room = Room::in_spool_folder();
    assert_eq!(pending(&store).await, [(0, json!("delivered"))]);
}

#[tokio::test]
async fn a_file_of_the_form_before_is_taken_over_with_its_events() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.redb");
    let lines = [line_of(&json!("short")), line_of(&json!("x".repeat(2 * PART)))];
    make_form_before(&path, &lines);
    for _ in 0..2 {
        let store = open(&path).unwrap();
        assert_eq!(store.load::<i32>().await.unwrap(), Some(7));
        let bytes = lines.iter().map(|line| line.len() as u64).sum();
        assert_eq!(store.backlog(), Backlog { events: 2, bytes });
        let event = store.oldest().await.unwrap().unwrap();
        assert_eq!((event.place.seq, text(&event)), (4, lines[0].clone()));
    }
    let store = open(&path).unwrap();
    store.commit(&8, vec![json!("next")]).await.unwrap();
    for (seq, line) in (4..).zip([&lines[0], &lines[1], &line_of(&json!("next"))]) {
        let event = store.oldest().await.unwrap().unwrap();
        assert!(event.place.seq == seq && text(&event) == *line, "{seq}");
        store.remove(&event).await.unwrap();
    }
}

#[tokio::test]
async fn an_event_without_room_changes_nothing_and_hinders_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.redb");
    let store = open(&path).unwrap();
    store.commit(&1, vec![json!("first")]).await.unwrap();
    let error = store.commit(&2, vec![vanished(1 << 60)]).await.unwrap_err();
    assert!(matches!(error, CommitError::TooLarge(_)), "{error:?}");
    let failure = Failure::from(error);
    assert!(failure.cause().contains("t.redb has no room for what changed"), "{failure}");
    assert!(failure.cause().contains(&format!("into {}", folder.path().display())), "{failure}");
    assert_eq!(store.load::<i32>().await.unwrap(), Some(1));
    assert_eq!(store.backlog().events, 1);
    store.commit(&3, vec![json!("second")]).await.unwrap();
    assert_eq!(pending(&store).await, [(0, json!("first")), (1, json!("second"))]);
}

#[tokio::test]
async fn the_reserve_is_for_the_state_and_for_events_whose_text_is_short() {
    let mut store = Store::unnamed().unwrap();
    Arc::get_mut(&mut store.0).unwrap().room = Room::none();
    let output = |len| in_file(&vec![7; len]);
    // As bytes below the threshold and as text above it.
    for len in [900 << 10, 2 << 20] {
        let error = store.commit(&1, vec![output(len)]).await.unwrap_err();
        assert!(matches!(error, CommitError::TooLarge(_)), "{len}: {error:?}");
        assert_eq!((store.load::<i32>().await.unwrap(), store.backlog()), (None, Backlog::default()));
    }
    store.commit(&2, vec![output(700 << 10)]).await.unwrap();
    store.commit(&"x".repeat(2 << 20), Vec::<Value>::new()).await.unwrap();
    assert_eq!(store.backlog().events, 1);
}

#[cfg(target_os = "linux")] // A disk without a byte.
#[tokio::test]
async fn a_disk_without_room_for_small_events_is_no_fault_of_theirs() {
    let mut store = Store::unnamed().unwrap();
    Arc::get_mut(&mut store.0).unwrap().room = Room::in_folder("/proc".into());
    let error = store.commit(&1, vec![json!("small")]).await.unwrap_err();
    assert!(matches!(error, CommitError::NoRoom(_)), "{error:?}");
    assert_eq!((store.load::<i32>().await.unwrap(), store.backlog()), (None, Backlog::default()));
}

#[tokio::test]
async fn the_log_of_an_event_without_room_is_in_the_one_that_is_told_instead() {
    let _guard = capture(false);
    let log = StepLog::new();
    let store = Store::open(None, Meta::empty(), log.clone()).unwrap();
    let span = log.span("t");
    span.in_scope(|| tracing::info!("seen"));
    store.commit(&1, vec![vanished(1 << 60)]).await.unwrap_err();
    span.in_scope(|| tracing::info!("left out"));
    store.commit(&1, Vec::<Value>::new()).await.unwrap();
    store.commit(&2, vec![json!("first"), json!("second")]).await.unwrap();
    for expected in ["seen\nleft out\n", ""] {
        let event = store.oldest().await.unwrap().unwrap();
        let value: Value = serde_json::from_str(&text(&event)).unwrap();
        assert_eq!(value["body"]["log"], expected);
        store.remove(&event).await.unwrap();
    }
}

#[tokio::test]
async fn a_content_that_cannot_be_read_changes_nothing() {
    let store = Store::unnamed().unwrap();
    store.commit(&1, Vec::<Value>::new()).await.unwrap();
    let error = store.commit(&2, vec![vanished(3 << 20)]).await.unwrap_err();
    assert!(matches!(error, CommitError::Failed(_)), "{error:?}");
    assert!(error.to_string().contains("from its temporary file: unexpected end of file"), "{error}");
    assert_eq!((store.load::<i32>().await.unwrap(), store.backlog()), (Some(1), Backlog::default()));
    store.commit(&3, vec![json!("next")]).await.unwrap();
    assert_eq!(pending(&store).await, [(0, json!("next"))]);
}

#[tokio::test]
async fn a_process_that_dies_while_it_writes_an_event_has_not_written_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, crashed) = (folder.path().join("t.redb"), folder.path().join("crashed.redb"));
    let store = open(&path).unwrap();
    store.commit(&1, vec![json!("before")]).await.unwrap();
    let small = path.metadata().unwrap().len();
    {
        let line = store.line(in_file(&vec![7; 6 << 20]), String::new()).unwrap();
        let database = store.0.database();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(STATE).unwrap().insert("state", b"2".as_slice()).unwrap();
        assert!(Outbox::open(&transaction).unwrap().put(&line, &mut Room::in_spool_folder()).is_ok());
        std::fs::copy(&path, &crashed).unwrap();
    }
    assert!(crashed.metadata().unwrap().len() > small + (4 << 20), "most of it was in the file");
    let survivor = open(&crashed).unwrap();
    assert_eq!(survivor.load::<i32>().await.unwrap(), Some(1));
    assert_eq!(survivor.backlog(), store.backlog());
    assert_eq!(pending(&survivor).await, [(0, json!("before"))]);
}

#[tokio::test]
async fn a_large_event_leaves_a_small_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.redb");
    let crashed = folder.path().join("crashed.redb");
    let len = |path: &Path| path.metadata().unwrap().len();
    let store = open(&path).unwrap();
    store.commit(&1, vec![in_file(&vec![7; 3 << 20])]).await.unwrap();
    assert!(len(&path) > 4 << 20);
    store.remove(&store.oldest().await.unwrap().unwrap()).await.unwrap();
    assert!(len(&path) < 1 << 20, "{} bytes", len(&path));
    // The large one is gone, and a small one keeps the file as it is.
    store.commit(&1, vec![in_file(&vec![7; 30 << 20]), Content::from(vec![7])]).await.unwrap();
    store.remove(&store.oldest().await.unwrap().unwrap()).await.unwrap();
    assert!(len(&path) > LARGE_FILE, "{} bytes", len(&path));
    store.remove(&store.oldest().await.unwrap().unwrap()).await.unwrap();
    assert!(len(&path) < 1 << 20, "{} bytes", len(&path));
    // Killed before it was made smaller: the file is large and holds no event.
    store.commit(&2, vec![in_file(&vec![7; 30 << 20])]).await.unwrap();
    store
        .run(|inner| {
            let database = inner.database();
            let transaction = database.begin_write()?;
            Outbox::open(&transaction)?.remove(0)?;
            Ok(transaction.commit()?)
        })
        .await
        .unwrap();
    std::fs::copy(&path, &crashed).unwrap();
    assert!(len(&crashed) > LARGE_FILE, "{} bytes", len(&crashed));
    let store = open(&crashed).unwrap();
    assert!(len(&crashed) < 1 << 20, "{} bytes", len(&crashed));
    assert_eq!((store.load::<i32>().await.unwrap(), store.backlog()), (Some(2), Backlog::default()));
}
