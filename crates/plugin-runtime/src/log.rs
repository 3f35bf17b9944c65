//! Diagnostics: every line goes to stderr, and a step's own lines also into its event's `body.log`.
//!
//! Which step a line belongs to is read from the span it was logged in, so that steps that run at the same time never
//! see each other's lines. A line is formatted once, masked once, and only then given to both places. A line of no
//! step, from a task that was spawned without its span, is masked with the secrets of all steps that are running.
//!
//! On stderr a line also says which request of HTTP mode it belongs to, if it belongs to one.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Span, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::failure::Failure;
use crate::mask::Masker;

/// A step's log keeps this many bytes (256 KiB); later lines are only counted.
const LOG_LIMIT: usize = 256 << 10;

/// The target of the spans of HTTP requests.
const REQUEST: &str = "plugin_runtime::request";

/// The span of an HTTP request: every line that is logged in it bears the request's identifier.
pub(crate) fn request_span(id: &str) -> Span {
    tracing::error_span!(target: REQUEST, "request", message = id)
}

/// How lines look on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// Time, level, message.
    #[default]
    Text,
    /// One JSON object with the keys `level`, `message`, `request_id`, `step` and `time`; what is not known is null.
    Json,
}

/// Sends log lines and panic messages to stderr and to the logs of their steps: level INFO and above, with `debug`
/// DEBUG as well. The first call in a process counts.
pub fn install(debug: bool, format: LogFormat) {
    install_with_sink(debug, format, |line| drop(std::io::stderr().write_all(line.as_bytes())));
}

/// As [`install`], but for a program that shows events and nothing beside them: lines go to the logs of their steps
/// alone.
pub fn install_for_events() {
    install_with_sink(false, LogFormat::default(), |_| ());
}

fn install_with_sink(debug: bool, format: LogFormat, sink: fn(&str)) {
    let layer = LogLayer::new(debug, format, sink);
    if tracing::subscriber::set_global_default(Registry::default().with(layer)).is_ok() {
        // A panic's message may hold a secret, and the default hook would print it unmasked.
        std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    }
}

/// The lines of one step, and the secrets that they must not hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepLog(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    text: String,
    left_out: usize,
    /// Bytes that stood before the text and are removed.
    removed: u64,
    masker: Masker,
}

/// How far a step's lines were read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    /// Bytes since the step began.
    end: u64,
    left_out: usize,
}

impl StepLog {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The span of a step; what is logged in it comes here. Without this module's subscriber it comes nowhere.
    pub(crate) fn span(&self, step: &str) -> Span {
        tracing::dispatcher::get_default(|dispatch| {
            if let Some(layer) = dispatch.downcast_ref::<LogLayer>() {
                layer.watch(self);
            }
        });
        let span = tracing::error_span!("step", name = step);
        span.with_subscriber(|(id, dispatch)| {
            let registry = dispatch.downcast_ref::<Registry>();
            if let Some(span) = registry.and_then(|registry| registry.span(id)) {
                span.extensions_mut().insert(SpanStep { log: self.clone(), name: step.to_owned() });
            }
        });
        span
    }

    /// From now on these strings are masked.
    pub(crate) fn hide(&self, secrets: Vec<String>) {
        self.lines().masker.hide(secrets);
    }

    /// The failure without the secrets.
    pub(crate) fn mask(&self, failure: Failure) -> Failure {
        failure.masked(&self.lines().masker)
    }

    /// The lines that are not removed yet, each ended by a newline, for somebody who may fail to keep them.
    pub(crate) fn read(&self) -> (String, Read) {
        let lines = self.lines();
        let mut text = lines.text.clone();
        if lines.left_out > 0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "warning: {} more lines were left out", lines.left_out);
        }
        (text, Read { end: lines.removed + lines.text.len() as u64, left_out: lines.left_out })
    }

    /// Removes the lines that were read. Those that came since stay, and removing twice does no harm.
    pub(crate) fn remove(&self, read: Read) {
        let mut lines = self.lines();
        let read_bytes = usize::try_from(read.end.saturating_sub(lines.removed)).unwrap_or(usize::MAX);
        lines.text.drain(..read_bytes);
        lines.removed = lines.removed.max(read.end);
        lines.left_out = lines.left_out.saturating_sub(read.left_out);
    }

    /// The lines since the last call, each ended by a newline.
    pub(crate) fn take(&self) -> String {
        let (text, read) = self.read();
        self.remove(read);
        text
    }

    fn mask_text(&self, text: &str) -> String {
        self.lines().masker.mask(text).into_owned()
    }

    fn push(&self, level: Level, message: &str) {
        let prefix = match level {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            Level::INFO => "",
            _ => "debug: ",
        };
        let mut lines = self.lines();
        if lines.left_out > 0 || lines.text.len() + prefix.len() + message.len() >= LOG_LIMIT {
            lines.left_out += 1;
        } else {
            lines.text.extend([prefix, message, "\n"]);
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        locked(&self.0)
    }
}

/// The step that a span belongs to.
#[derive(Debug, Clone)]
struct SpanStep {
    log: StepLog,
    name: String,
}

/// The identifier of the request that a span belongs to.
#[derive(Debug, Clone)]
struct RequestId(String);

/// Formats a line, finds its step, masks it, and hands it on.
struct LogLayer {
    level: LevelFilter,
    format: LogFormat,
    sink: fn(&str),
    /// The steps that are running, for the lines that do not say whose they are.
    running: Mutex<Vec<Weak<Mutex<Lines>>>>,
}

impl LogLayer {
    fn new(debug: bool, format: LogFormat, sink: fn(&str)) -> Self {
        let level = if debug { LevelFilter::DEBUG } else { LevelFilter::INFO };
        Self { level, format, sink, running: Mutex::default() }
    }

    fn watch(&self, step: &StepLog) {
        let mut running = locked(&self.running);
        running.retain(|step| step.strong_count() > 0);
        running.push(Arc::downgrade(&step.0));
    }

    fn mask(&self, step: Option<&StepLog>, text: String) -> String {
        match step {
            Some(step) => step.mask_text(&text),
            None => locked(&self.running)
                .iter()
                .filter_map(Weak::upgrade)
                .fold(text, |text, step| StepLog(step).mask_text(&text)),
        }
    }
}

/// A panic while a lock was held leaves nothing half done here: lines and secrets are only added.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for LogLayer {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != REQUEST {
            return;
        }
        let mut request = Message::default();
        attributes.record(&mut request);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(RequestId(request.0));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        let step: Option<SpanStep> = nearest(&context, event);
        let request: Option<RequestId> = nearest(&context, event);
        let message = one_line(&self.mask(step.as_ref().map(|step| &step.log), message.0));
        let level = *event.metadata().level();
        if let Some(step) = &step {
            step.log.push(level, &message);
        }
        let line = Line {
            level,
            message: &message,
            request: request.as_ref().map(|request| request.0.as_str()),
            step: step.as_ref().map(|step| step.name.as_str()),
        };
        (self.sink)(&line.written(self.format));
    }
}

/// What the innermost span around an event says about it.
fn nearest<S, T>(context: &Context<'_, S>, event: &Event<'_>) -> Option<T>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    T: Clone + 'static,
{
    context.event_scope(event)?.find_map(|span| span.extensions().get::<T>().cloned())
}

/// A line for stderr.
struct Line<'l> {
    level: Level,
    message: &'l str,
    request: Option<&'l str>,
    step: Option<&'l str>,
}

impl Line<'_> {
    fn written(&self, format: LogFormat) -> String {
        let Self { level, message, request, step } = self;
        let mut line = String::with_capacity(message.len() + 40);
        // Neither the clock nor a string can fail here; a line without its time would still be a line.
        let _ = SystemTime.format_time(&mut Writer::new(&mut line));
        let _ = match (format, request) {
            (LogFormat::Text, None) => writeln!(line, " {level:>5} {message}"),
            (LogFormat::Text, Some(request)) => writeln!(line, " {level:>5} [{request}] {message}"),
            (LogFormat::Json, _) => {
                let time = std::mem::take(&mut line);
                let level = level.as_str();
                let object = json!({
                    "level": level, "message": message, "request_id": request, "step": step, "time": time,
                });
                writeln!(line, "{object}")
            }
        };
        line
    }
}

/// Control characters escaped: what a server says must not drive a terminal or look like a line of its own.
fn one_line(message: &str) -> String {
    let mut line = String::with_capacity(message.len());
    for character in message.chars() {
        if character.is_control() && character != '\t' {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// An event's message, with its other fields behind it.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => {
                let fields = std::mem::take(&mut self.0);
                write!(self.0, "{value:?}{fields}")
            }
            name => write!(self.0, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.record_debug(field, &format_args!("{value}"));
        } else {
            self.record_debug(field, &value);
        }
    }
}

/// Subscribers for tests, which run side by side and so cannot share a global one.
#[cfg(test)]
pub(crate) mod testing {
    use std::sync::LazyLock;

    use super::*;

    /// While there is a single subscriber, tracing asks the thread at hand whether a new callsite is of interest, and
    /// remembers the "no" of a test that has none. A second subscriber makes it ask all of them.
    static SECOND: LazyLock<tracing::Dispatch> =
        LazyLock::new(|| Registry::default().with(LogLayer::new(true, LogFormat::Text, |_| {})).into());

    thread_local! {
        static STDERR: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) };
    }

    /// Collects this thread's lines instead of writing them to stderr, until the guard is dropped.
    pub(crate) fn capture(debug: bool) -> tracing::subscriber::DefaultGuard {
        capture_as(debug, LogFormat::Text)
    }

    /// As [`capture`], in a format.
    pub(crate) fn capture_as(debug: bool, format: LogFormat) -> tracing::subscriber::DefaultGuard {
        let sink = |line: &str| STDERR.with_borrow_mut(|lines| lines.push_str(line));
        STDERR.with_borrow_mut(String::clear);
        LazyLock::force(&SECOND);
        tracing::subscriber::set_default(Registry::default().with(LogLayer::new(debug, format, sink)))
    }

    /// What would have gone to stderr since [`capture`].
    pub(crate) fn captured() -> String {
        STDERR.with_borrow(Clone::clone)
    }
}

#[cfg(test)]
mod tests {
    use tracing::{debug, error, info, warn};

    use super::testing::{capture, capture_as, captured};
    use super::*;

    #[test]
    fn lines_go_to_stderr_and_to_their_step() {
        let _guard = capture(false);
        let (one, two) = (StepLog::new(), StepLog::new());
        let (span_one, span_two) = (one.span("one"), two.span("two"));
        span_one.in_scope(|| info!(files = 3, "listed"));
        span_two.in_scope(|| {
            warn!("slow");
            tracing::info_span!("inner").in_scope(|| error!(host = "h", "lost"));
            debug!("not shown");
        });
        info!("of nobody");
        assert_eq!(one.take(), "listed files=3\n");
        assert_eq!(two.take(), "warning: slow\nerror: lost host=\"h\"\n");
        assert_eq!(two.take(), "", "lines are taken once");
        let stderr = captured();
        let levels_and_messages: Vec<&str> =
            stderr.lines().filter_map(|line| Some(line.split_once('Z')?.1)).collect();
        assert_eq!(
            levels_and_messages,
            ["  INFO listed files=3", "  WARN slow", " ERROR lost host=\"h\"", "  INFO of nobody"]
        );
    }

    #[test]
    fn lines_of_a_request_bear_its_identifier_on_stderr_alone() {
        let _guard = capture(false);
        let log = StepLog::new();
        request_span("r-7").in_scope(|| {
            log.span("s").in_scope(|| info!("of the step"));
            info!("of the request");
        });
        assert_eq!(log.take(), "of the step\n");
        let stderr = captured();
        assert!(stderr.contains("  INFO [r-7] of the step\n"), "{stderr}");
        assert!(stderr.contains("  INFO [r-7] of the request\n"), "{stderr}");
    }

    #[test]
    fn lines_of_json_are_objects_without_secrets() {
        let _guard = capture_as(false, LogFormat::Json);
        let log = StepLog::new();
        log.hide(vec!["canary".to_owned()]);
        request_span("r-7").in_scope(|| log.span("s").in_scope(|| warn!("\"canary\" was\nrefused")));
        info!("of nobody");
        let lines: Vec<serde_json::Value> =
            captured().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [of_step, of_nobody] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!(of_step["message"], "\"********\" was\\nrefused");
        assert_eq!((&of_step["level"], &of_step["request_id"]), (&json!("WARN"), &json!("r-7")));
        assert_eq!((&of_step["step"], &of_nobody["step"]), (&json!("s"), &json!(null)));
        assert!(of_nobody["request_id"].is_null() && of_nobody["time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn debug_lines_appear_on_request() {
        let _guard = capture(true);
        let log = StepLog::new();
        log.span("s").in_scope(|| debug!("wire"));
        assert_eq!(log.take(), "debug: wire\n");
    }

    #[test]
    fn secrets_reach_neither_place() {
        let _guard = capture(false);
        let log = StepLog::new();
        log.hide(vec!["canary".to_owned()]);
        log.span("s").in_scope(|| info!(password = "canary", "sent PASS canary"));
        assert_eq!(log.take(), "sent PASS ******** password=\"********\"\n");
        assert!(!captured().contains("canary"), "{}", captured());
    }

    #[test]
    fn a_line_that_lost_its_span_is_masked_all_the_same() {
        let _guard = capture(false);
        let log = StepLog::new();
        let span = log.span("s");
        log.hide(vec!["canary".to_owned()]);
        info!("sent PASS canary from nowhere");
        assert!(captured().contains("sent PASS ******** from nowhere"), "{}", captured());
        assert_eq!(log.take(), "");
        drop((span, log));
        info!("canary is a word again");
        assert!(captured().contains("canary is a word again"), "{}", captured());
    }

    #[test]
    fn a_hostile_text_stays_on_its_line() {
        let _guard = capture(false);
        let log = StepLog::new();
        log.span("s").in_scope(|| info!("220 hi\r\n\u{1b}[2Jforged"));
        assert_eq!(log.take(), "220 hi\\r\\n\\u{1b}[2Jforged\n");
    }

    #[test]
    fn lines_that_were_read_stay_until_they_are_removed_and_later_ones_longer() {
        let _guard = capture(false);
        let log = StepLog::new();
        let span = log.span("s");
        span.in_scope(|| info!("one"));
        let (first, read) = log.read();
        span.in_scope(|| info!("two"));
        assert_eq!((first.as_str(), log.read().0.as_str()), ("one\n", "one\ntwo\n"));
        for _ in 0..2 {
            log.remove(read);
            assert_eq!(log.read().0, "two\n");
        }
    }

    #[test]
    fn a_long_log_is_cut_and_says_so() {
        let _guard = capture(false);
        let log = StepLog::new();
        log.span("s").in_scope(|| {
            for _ in 0..300 {
                info!("{}", "x".repeat(1023));
            }
        });
        let text = log.take();
        assert!(text.len() <= LOG_LIMIT + 60, "{} bytes", text.len());
        assert!(text.ends_with("x\nwarning: 44 more lines were left out\n"), "{}", &text[text.len() - 60..]);
    }
}
