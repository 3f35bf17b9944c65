//! One start message on stdin, one event on stdout.
//!
//! Invariant: nothing else in the process writes to stdout, so that whoever reads it finds events and nothing else.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Read, Write};

use tokio::runtime::Runtime;

use crate::event::Event;
use crate::failure::Failure;
use crate::message::{StartMessage, Step};
use crate::plugin::Plugin;
use crate::signal;
use crate::step::{self, Mode};
use crate::trigger::{self, Surroundings};

/// A start message has at most this many bytes (1 TiB), so that a stdin without an end is not read for ever. What is
/// smaller is limited by the disk.
pub const MESSAGE_LIMIT: u64 = 1 << 40;

/// How an event is gathered before it is written, in bytes.
const WRITE_BLOCK: usize = 64 << 10;

/// Reads a start message from stdin, does what it asks for, and writes the event that answers to stdout. Says whether
/// the step succeeded and the event was written.
pub fn serve(plugin: &Plugin, mode: Mode, surroundings: &Surroundings) -> bool {
    match stdout() {
        Ok(to) => answer(plugin, mode, surroundings, io::stdin().lock(), to),
        Err(error) => reported(Err(error)),
    }
}

/// Stdout past the standard library, which keeps lines together and looks through everything for their ends, and an event of
/// a gigabyte is one line. On a terminal it stays, since it knows the consoles of Windows.
fn stdout() -> io::Result<Box<dyn Write>> {
    let stdout = io::stdout();
    if stdout.is_terminal() {
        return Ok(Box::new(stdout));
    }
    #[cfg(unix)]
    let file = std::os::fd::AsFd::as_fd(&stdout).try_clone_to_owned()?;
    #[cfg(windows)]
    let file = std::os::windows::io::AsHandle::as_handle(&stdout).try_clone_to_owned()?;
    Ok(Box::new(File::from(file)))
}

/// Writes a text to stdout. Says whether that succeeded: a closed stdout is no reason to panic.
pub fn print(text: &str) -> bool {
    reported(write_line(&mut text.as_bytes()))
}

/// Writes one line, with its newline, to stdout at once; others wait until it is whole.
pub(crate) fn write_line(line: &mut dyn Read) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let copied = io::copy(line, &mut stdout);
    if copied.is_err() {
        // The next line must not go on in one that broke off.
        stdout.write_all(b"\n")?;
    }
    stdout.flush()?;
    copied.map(drop)
}

fn answer(plugin: &Plugin, mode: Mode, surroundings: &Surroundings, from: impl Read, to: impl Write) -> bool {
    let runtime = runtime();
    let message = StartMessage::read(Limited { from, left: MESSAGE_LIMIT });
    let event = match (message, runtime) {
        (Ok(message), Ok(runtime)) => match run(runtime, plugin, message, mode, surroundings) {
            Some(event) => event,
            None => return true,
        },
        (Ok(message), Err(error)) => Event::failed(&message, no_runtime(&error)),
        (Err(error), _) => error.into(),
    };
    let mut to = BufWriter::with_capacity(WRITE_BLOCK, to);
    let written = event.write(&mut to).and_then(|()| to.flush());
    // What could not be written must not be tried again when the buffer is dropped.
    drop(to.into_parts());
    reported(written) && event.failure().is_none()
}

fn reported(written: io::Result<()>) -> bool {
    written.inspect_err(|error| tracing::error!("stdout: {error}")).is_ok()
}

/// Reads up to [`MESSAGE_LIMIT`].
struct Limited<R> {
    from: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buf)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            let more = format!("has more than {} TiB", MESSAGE_LIMIT >> 40);
            io::Error::new(io::ErrorKind::FileTooLarge, more)
        })?;
        Ok(count)
    }
}

/// One thread: there is nothing to do beside the one step. It is there before the message, whose contents may grow larger
/// than a file may.
fn runtime() -> io::Result<Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let within = runtime.enter();
    signal::survive_file_size_limit()?;
    drop(within);
    Ok(runtime)
}

fn no_runtime(error: &io::Error) -> Failure {
    Failure::internal(
        format!("The process cannot wait for input and output: {error}"),
        "The machine may be short of memory or of file descriptors. Give the process more and run the step again.",
    )
}

fn run(
    runtime: Runtime,
    plugin: &Plugin,
    message: StartMessage,
    mode: Mode,
    surroundings: &Surroundings,
) -> Option<Event> {
    let event = match (&message.step, mode) {
        (Step::Trigger { .. }, Mode::Run) => runtime.block_on(trigger::run(plugin, message, surroundings)),
        _ => Some(runtime.block_on(step::execute(plugin, message, mode))),
    };
    // A name lookup that hangs on a blocking thread must not hold up the answer.
    runtime.shutdown_background();
    event
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::Value;

    use super::*;
    use crate::fixture::plugin;
    use crate::message::MessageFault;
    use crate::trigger::Destination;

    fn surroundings() -> Surroundings {
        Surroundings { cache_dir: PathBuf::new(), flag_dir: PathBuf::new(), events: Destination::Dispatcher }
    }

    fn serve(text: &str) -> (bool, String) {
        let mut out = Vec::new();
        let succeeded = answer(&plugin(), Mode::Run, &surroundings(), text.as_bytes(), &mut out);
        (succeeded, String::from_utf8(out).unwrap())
    }

    #[test]
    fn one_message_gives_one_line() {
        let message = |text: &str| {
            format!(
                r#"{{"version":"v1","type":"action_start","body":{{"action":"echo",
                "connection":{{"host":"h"}},"input":{{"text":"{text}"}}}}}}"#
            )
        };
        for (input, expected, status) in
            [(message("hi"), true, "ok"), (message("fail"), false, "error"), (String::new(), false, "error")]
        {
            let (succeeded, out) = serve(&input);
            assert_eq!(succeeded, expected, "{out}");
            let line = out.strip_suffix('\n').unwrap();
            assert!(!line.contains('\n'));
            let event: Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["body"]["status"], status, "{line}");
        }
    }

    #[test]
    fn a_trigger_that_cannot_start_answers_too() {
        let (succeeded, out) = serve(
            r#"{"version":"v1","type":"trigger_start","body":{"trigger":"tick","connection":{"host":"h"},
            "input":{"times":1},"dispatcher":{"url":"","webhook_url":""}}}"#,
        );
        assert!(!succeeded);
        assert!(out.contains(r#""error":"\"dispatcher.url\" is missing from input message""#), "{out}");
        assert!(out.ends_with("\"type\":\"trigger_event\",\"version\":\"v1\"}\n"), "{out}");
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn a_closed_stdout_is_a_failure_and_no_panic() {
        assert!(!answer(&plugin(), Mode::Run, &surroundings(), io::empty(), Closed));
    }

    #[test]
    fn a_message_beyond_the_limit_is_refused() {
        let read = |left| StartMessage::read(Limited { from: "{\"a\":1}".as_bytes(), left });
        assert_eq!(read(7).unwrap_err().fault, MessageFault::Shape);
        let error = read(6).unwrap_err();
        assert_eq!(error.fault, MessageFault::TooLarge);
        assert_eq!(error.failure.cause(), "The start message has more than 1 TiB");
    }

    #[test]
    fn a_stdin_that_fails_is_answered() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("no disk"))
            }
        }
        let mut out = Vec::new();
        assert!(!answer(&plugin(), Mode::Run, &surroundings(), Failing, &mut out));
        assert!(String::from_utf8(out).unwrap().contains("The start message cannot be read: no disk"));
    }
}
