//! An event takes little memory on its way out, however large the file in it is.
//!
//! There is one test here and no other, because the heap's peak belongs to the whole process.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test states its expectations by unwrapping")]

mod fixture;

use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use peak_alloc::PeakAlloc;
use plugin_runtime::trigger::{self, Destination, Surroundings};
use plugin_runtime::{Content, Failure, Plugin, StartMessage, TriggerContext};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::fixture::{Holder, Nothing, spec};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Blocks that make up a content of 64 MiB.
const BLOCKS: usize = 1365;

/// One of them. A multiple of three bytes, so that the text of the whole is made of the texts of the blocks.
static BLOCK: [[u8; 3]; 16 << 10] = [*b"abc"; 16 << 10];

/// What a block is as text.
static TEXT: [[u8; 4]; 16 << 10] = [*b"YWJj"; 16 << 10];

/// What may be on the heap at once beside what was there before.
const MOST: usize = 8 << 20;

/// How long an event may take to be delivered.
const DEADLINE: Duration = Duration::from_mins(2);

const STEPS: &str = "
triggers:
  tell:
    output:
      content: {type: bytes, required: true, example: YWJj}
";

/// Tells one event, and is done.
async fn tell(context: TriggerContext<Nothing>, _: Nothing) -> Result<(), Failure> {
    let mut writer = Content::writer();
    for _ in 0..BLOCKS {
        writer.write(BLOCK.as_flattened()).unwrap();
    }
    Ok(context.store.commit(&(), vec![Holder { content: writer.finish() }]).await?)
}

/// Takes the event at the second attempt, and counts how much of it is the content as it should be.
fn collect(listener: &TcpListener) -> usize {
    let mut found = 0;
    for answer in ["500 Oops", "200 OK"] {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let length = content_length(&mut stream);
        found = 0;
        count(&mut (&mut stream).take(length), &mut found);
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.get_mut().write_all(answer.as_bytes()).unwrap();
    }
    found
}

fn content_length(stream: &mut impl BufRead) -> u64 {
    let mut length = None;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        if line == "\r\n" {
            return length.unwrap();
        }
        let lower = line.to_lowercase();
        length = lower.strip_prefix("content-length: ").map(|value| value.trim().parse().unwrap()).or(length);
    }
}

/// Counts the blocks of the content's text, and reads all of the event.
fn count(event: &mut impl Read, found: &mut usize) {
    let mut before = Vec::new();
    let mut byte = [0];
    while !before.ends_with(b"\"content\":\"") {
        event.read_exact(&mut byte).unwrap();
        before.push(byte[0]);
    }
    let mut block = vec![0; TEXT.as_flattened().len()];
    for _ in 0..BLOCKS {
        event.read_exact(&mut block).unwrap();
        *found += usize::from(block == TEXT.as_flattened());
    }
    let mut after = String::new();
    event.read_to_string(&mut after).unwrap();
    assert!(after.starts_with("\"}}") && after.ends_with("}\n"), "{after}");
}

/// Runs the trigger until it has ended by itself, and tells by how much the heap has grown.
async fn grown(plugin: &Plugin, surroundings: &Surroundings, meta: Value) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let body =
        json!({"trigger": "tell", "connection": {}, "input": {}, "meta": meta, "dispatcher": {"url": url}});
    let message = json!({"version": "v1", "type": "trigger_start", "body": body}).to_string();
    let message = StartMessage::parse(message.as_bytes()).unwrap();
    HEAP.reset_peak_usage();
    let heap = HEAP.current_usage();
    let (sender, collected) = oneshot::channel();
    std::thread::spawn(move || sender.send(collect(&listener)));
    let run = trigger::run(plugin, message, surroundings);
    let event = timeout(DEADLINE, run).await.expect("the trigger does not end");
    let grown = HEAP.peak_usage().saturating_sub(heap);
    assert!(event.is_none(), "{}", event.unwrap().failure().unwrap());
    let collected = timeout(DEADLINE, collected).await.expect("the event does not come");
    assert_eq!(collected.unwrap(), BLOCKS);
    grown
}

#[tokio::test]
async fn an_event_with_a_file_of_64_mib_is_kept_and_delivered_within_8_mib() {
    let plugin =
        Plugin::builder(spec(STEPS).unwrap()).trigger::<Holder, _, _, _>("tell", tell).build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let surroundings = Surroundings {
        cache_dir: folder.path().to_owned(),
        flag_dir: folder.path().to_owned(),
        events: Destination::Dispatcher,
    };
    // With a state file, and with one that has no name.
    for meta in [json!({"triggerId": "t"}), json!({})] {
        let grown = grown(&plugin, &surroundings, meta).await;
        assert!(grown < MOST, "{grown} bytes");
    }
}
