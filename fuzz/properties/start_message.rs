//! What holds for whatever is given to the plugin as a start message: it is answered by one line of JSON.

use std::io::{self, Read};
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context as Polling, Poll, Waker};

use plugin_runtime::step::execute;
use plugin_runtime::{
    Connection, Content, Context, CrossCheckError, Event, Failure, Mode, Plugin, Probe, Spec, StartMessage,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// A property of every type that is read in a way of its own.
const SPEC: &str = "
name: fuzz
title: Fuzz
description: Steps that answer at once
version: 1.0.0
vendor: community
types:
  pair:
    left: {type: string, required: true, example: l}
    right: {type: pair, required: false, example: {left: r}}
connection:
  credentials:
    type: credential_username_password
    required: false
    example: {username: user, password: secret}
  host: {type: string, required: true, example: server}
  mode: {type: string, required: false, enum: [plain, loud], default: plain, example: plain}
  port: {type: integer, required: false, default: 21, example: 21}
actions:
  echo:
    title: Echo
    description: Say it again
    input:
      content: {type: bytes, required: false, example: aGVsbG8=}
      pairs: {type: '[]pair', required: false, example: []}
      ratio: {type: number, required: false, example: 0.5}
      text: {type: string, required: true, example: hello}
    output:
      content: {type: bytes, required: false, example: aGVsbG8=}
      text: {type: string, required: true, example: hello}
";

static PLUGIN: LazyLock<Plugin> = LazyLock::new(|| {
    let spec = Spec::parse(SPEC).map_err(CrossCheckError::from);
    let plugin = spec.and_then(|spec| Plugin::builder(spec).action("echo", echo).build());
    plugin.unwrap_or_else(|error| panic!("{error}"))
});

#[derive(Deserialize)]
struct Settings {
    host: String,
    credentials: Option<Credentials>,
    mode: Option<String>,
    port: Option<u16>,
}

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

impl Connection for Settings {
    fn check(&self) -> Result<(), Failure> {
        let named = self.credentials.as_ref().is_none_or(|credentials| !credentials.username.is_empty());
        match (self.host.as_str(), self.port, &self.mode) {
            ("" | ".", ..) | (_, Some(0), _) => Err(Failure::connection("'host' is none", "Name one.")),
            (.., Some(mode)) if !named => Err(Failure::connection(format!("{mode}, but who?"), "Say it.")),
            _ => Ok(()),
        }
    }

    fn secrets(&self) -> Vec<String> {
        self.credentials.iter().map(|credentials| credentials.password.clone()).collect()
    }
}

#[derive(Deserialize)]
struct Input {
    content: Option<Content>,
    pairs: Option<Vec<Pair>>,
    ratio: Option<f64>,
    text: String,
}

#[derive(Deserialize)]
struct Pair {
    left: String,
    right: Option<Box<Pair>>,
}

impl Pair {
    fn depth(&self) -> usize {
        let within = self.right.as_ref().map_or(0, |pair| pair.depth());
        if self.left.is_empty() { within } else { within + 1 }
    }
}

#[derive(Serialize, Deserialize)]
struct Output {
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    text: String,
}

/// Gives its input back, unless there is too much of something else.
async fn echo(_: Context<Settings>, input: Input) -> Result<Output, Failure> {
    let depth = input.pairs.iter().flatten().map(Pair::depth).max();
    if depth > Some(3) || input.ratio > Some(1.0) {
        return Err(Failure::service(format!("{} is too much", input.text), "Take less."));
    }
    Ok(Output { content: input.content, text: input.text })
}

/// The input is the message.
pub(crate) fn check(input: &[u8]) {
    match StartMessage::parse(input) {
        Ok(message) => {
            let shown = format!("{message:?}");
            assert!(shown.len() <= bound(input), "{} bytes are shown of {}", shown.len(), input.len());
            check_answer(input, Mode::Test(Probe::Read));
            check_answer(input, Mode::Run);
        }
        Err(error) => {
            let slowly = StartMessage::read(Slow(input)).err().map(|error| error.failure);
            assert_eq!(slowly.as_ref(), Some(&error.failure), "it depends on the blocks it comes in");
            check_line(&Event::from(error), input);
        }
    }
}

/// Gives one byte at a time.
struct Slow<'i>(&'i [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = buf.len().min(1);
        self.0.read(&mut buf[..len])
    }
}

/// Runs the step, which waits for nothing, and looks at the event.
fn check_answer(input: &[u8], mode: Mode) {
    let Ok(message) = StartMessage::read(Slow(input)) else { panic!("the same bytes were a message before") };
    let event_type = message.event_type();
    let meta = message.meta.clone();
    let [text, content] = ["text", "content"].map(|name| message.input.get(name).cloned());
    let running = pin!(execute(&PLUGIN, message, mode));
    let Poll::Ready(event) = running.poll(&mut Polling::from_waker(Waker::noop())) else {
        panic!("a step waits that has nothing to wait for")
    };
    check_line(&event, input);

    let line = line(&event);
    let told = told(&line);
    assert_eq!(told.kind, serde_json::to_value(event_type).ok());
    assert_eq!(told.body.meta.get(), serde_json::to_string(&meta).unwrap_or_default());
    assert_eq!(event.failure().is_none(), told.body.status == "ok");
    if let (Mode::Run, Some(output)) = (mode, &told.body.output) {
        assert_eq!(Some(&output["text"]), text.as_ref());
        // A long content is none of the message's JSON any more; here it is small enough for a fuzzer to make.
        let content = content.as_ref().and_then(Value::as_str);
        let content = content.map(|text| text.replace("\r\n", "").replace('\n', ""));
        let content = content.map(|text| text.trim_end_matches('\r').to_owned());
        assert_eq!(output["content"].as_str(), content.as_deref(), "the content has changed");
    }
}

/// The answer is one line, of a size that has to do with the message's.
fn check_line(event: &Event, input: &[u8]) {
    let line = line(event);
    assert_eq!(line.find('\n'), Some(line.len() - 1), "more than a line, or less");
    assert!(line.len() <= bound(input), "{} bytes answer {}", line.len(), input.len());
    let told = told(&line);
    assert_eq!(told.version, "v1");
    match event.failure() {
        Some(failure) => {
            assert_eq!(told.body.error.as_deref(), Some(failure.cause()));
            assert!(!failure.cause().contains("unexpectedly"), "{line}");
        }
        None => assert!(told.body.output.is_some()),
    }
}

/// Bytes of an answer, at most: a failure's cause is told twice, and a secret of one character is eight stars.
fn bound(input: &[u8]) -> usize {
    4096 + 24 * input.len()
}

fn line(event: &Event) -> String {
    let mut line = Vec::new();
    assert!(event.write(&mut line).is_ok());
    String::from_utf8(line).unwrap_or_else(|error| panic!("{error}"))
}

fn told(line: &str) -> Told<'_> {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[derive(Deserialize)]
struct Told<'l> {
    #[serde(borrow)]
    body: Body<'l>,
    #[serde(rename = "type")]
    kind: Option<Value>,
    version: String,
}

#[derive(Deserialize)]
struct Body<'l> {
    error: Option<String>,
    #[serde(borrow)]
    meta: &'l RawValue,
    output: Option<Value>,
    status: String,
}
