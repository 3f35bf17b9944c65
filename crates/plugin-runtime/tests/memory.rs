//! A message takes little memory, however long its contents are.
//!
//! There is one test here and no other, because the heap's peak belongs to the whole process.

#![expect(clippy::unwrap_used, reason = "a test states its expectations by unwrapping")]

mod fixture;

use std::io::{self, Read};

use peak_alloc::PeakAlloc;
use plugin_runtime::step::execute;
use plugin_runtime::{Context, Failure, Mode, Plugin, StartMessage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::fixture::{Holder, Nothing, spec};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Bytes of base64 text (200 MiB).
const TEXT: u64 = 200 << 20;

/// What the text is made of, and what it stands for.
static GROUPS: [[u8; 4]; 1 << 14] = [*b"YWJj"; 1 << 14];
static BYTES: [[u8; 3]; 1 << 14] = [*b"abc"; 1 << 14];

/// What may be on the heap at once beside what was there before.
const MOST: usize = 8 << 20;

const STEPS: &str = "
actions:
  compare:
    input:
      content: {type: bytes, required: true, example: YWJj}
    output:
      equal: {type: integer, required: true, example: 3}
";

#[derive(Serialize, Deserialize)]
struct Output {
    equal: u64,
}

/// Counts the bytes before the first that is not as expected.
async fn compare(_: Context<Nothing>, input: Holder) -> Result<Output, Failure> {
    let mut content = input.content.reader();
    let mut block = vec![0; BYTES.as_flattened().len()];
    let mut equal = 0;
    loop {
        let count = content.read(&mut block).unwrap();
        if count == 0 || block[..count] != BYTES.as_flattened()[..count] {
            return Ok(Output { equal });
        }
        equal += count as u64;
    }
}

/// Gives the same characters again and again.
struct Groups;

impl Read for Groups {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = (buf.len() - buf.len() % 4).min(GROUPS.as_flattened().len());
        buf[..count].copy_from_slice(&GROUPS.as_flattened()[..count]);
        Ok(count)
    }
}

/// A message of which nothing exists before it is read.
fn message(before: &'static str, after: &'static str) -> impl Read {
    before.as_bytes().chain(Groups.take(TEXT)).chain(after.as_bytes())
}

#[tokio::test]
async fn a_text_of_200_mib_is_taken_within_8_mib_whatever_the_order_of_keys() {
    let plugin = Plugin::builder(spec(STEPS).unwrap()).action("compare", compare).build().unwrap();
    let orders = [
        (
            r#"{"version":"v1","type":"action_start","body":{"action":"compare","input":{"content":""#,
            r#""}}}"#,
        ),
        (
            r#"{"body":{"input":{"content":""#,
            r#""},"action":"compare"},"type":"action_start","version":"v1"}"#,
        ),
    ];
    for (before, after) in orders {
        HEAP.reset_peak_usage();
        let heap = HEAP.current_usage();
        let message = StartMessage::read(message(before, after)).unwrap();
        let event = execute(&plugin, message, Mode::Run).await;
        let grown = HEAP.peak_usage().saturating_sub(heap);
        assert!(grown < MOST, "{grown} bytes");
        let event = serde_json::to_value(event).unwrap();
        assert_eq!(event["body"]["output"]["equal"], Value::from(TEXT / 4 * 3), "{event}");
    }
}
