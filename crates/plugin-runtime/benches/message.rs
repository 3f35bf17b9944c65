//! What a large content costs on its way through JSON: read from a start message, whatever stands before it and however its
//! text is written, and written into an event.

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use std::fmt;
use std::io;

use divan::Bencher;
use divan::counter::BytesCount;
use plugin_runtime::step::execute;
use plugin_runtime::{Context, Event, Failure, Mode, Plugin, StartMessage};

use self::fixture::{Holder, Nothing, spec};

/// Characters of the content's text (16 MiB).
const TEXT: usize = 16 << 20;

fn main() {
    divan::main();
}

/// How a start message is written.
struct Writing {
    name: &'static str,
    /// Whether the content comes before the step that it is for.
    is_content_first: bool,
    /// What the text is made of, again and again.
    part: &'static str,
}

const PLAIN: &str = "YWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJj";
const LINES: &str = "YWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJjYWJj\\r\\n";
const ESCAPES: &str = r"YWJ\/YWJ\/YWJ\/YWJ\/YWJ\/YWJ\/YWJ\/YWJ\/YWJ\/YWJ\/YWJ\/YWJ\/YWJ\/YWJ\/YWJ\/YWJ\/";

const WRITINGS: [Writing; 6] = [
    Writing { name: "step, plain content", is_content_first: false, part: PLAIN },
    Writing { name: "step, content in lines", is_content_first: false, part: LINES },
    Writing { name: "step, content with escapes", is_content_first: false, part: ESCAPES },
    Writing { name: "plain content, step", is_content_first: true, part: PLAIN },
    Writing { name: "content in lines, step", is_content_first: true, part: LINES },
    Writing { name: "content with escapes, step", is_content_first: true, part: ESCAPES },
];

const STEPS: &str = "
actions:
  echo:
    input:
      content: {type: bytes, required: true, example: YWJj}
    output:
      content: {type: bytes, required: true, example: YWJj}
";

impl Writing {
    fn message(&self) -> String {
        let step = r#""action":"echo""#;
        let input = format!(r#""input":{{"content":"{}"}}"#, self.part.repeat(TEXT / self.part.len()));
        let [first, last] = if self.is_content_first { [&input, step] } else { [step, &input] };
        let body = format!(r#""body":{{{first},"connection":{{}},{last}}}"#);
        let kind = r#""version":"v1","type":"action_start""#;
        let [first, last] = if self.is_content_first { [&body, kind] } else { [kind, &body] };
        format!("{{{first},{last}}}")
    }
}

impl fmt::Display for Writing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[divan::bench(args = WRITINGS, sample_count = 20)]
fn start_message(bencher: Bencher<'_, '_>, writing: &Writing) {
    let message = writing.message();
    if let Err(error) = echo(message.as_bytes()) {
        panic!("{writing}: {error}");
    }
    bencher.counter(BytesCount::of_str(&message)).bench_local(|| StartMessage::read(message.as_bytes()));
}

#[divan::bench(sample_count = 20)]
fn event(bencher: Bencher<'_, '_>) {
    match echo(WRITINGS[0].message().as_bytes()) {
        Ok(event) => bencher.counter(BytesCount::new(TEXT)).bench_local(|| event.write(io::sink())),
        Err(error) => panic!("{error}"),
    }
}

/// The event of a step that gives back the content it was given.
fn echo(message: &[u8]) -> Result<Event, Box<dyn std::error::Error>> {
    let plugin = Plugin::builder(spec(STEPS)?).action("echo", give_back).build()?;
    let message = StartMessage::parse(message).map_err(|error| error.failure.cause().to_owned())?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let event = runtime.block_on(execute(&plugin, message, Mode::Run));
    match event.failure() {
        Some(failure) => Err(failure.cause().into()),
        None => Ok(event),
    }
}

async fn give_back(_: Context<Nothing>, input: Holder) -> Result<Holder, Failure> {
    Ok(input)
}
