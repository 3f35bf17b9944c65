//! Runs a trigger until it is told to stop: the handler that finds events and the delivery of those it found.
//!
//! Nothing is lost at any moment of this: events and state are on disk before a delivery begins, and an event is
//! removed only after the platform has taken it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tracing::Instrument as _;

use crate::dispatcher::Dispatcher;
use crate::event::Event;
use crate::failure::Failure;
use crate::handler::Running;
use crate::log::StepLog;
use crate::message::{EventType, Meta, StartMessage, Step};
use crate::plugin::Plugin;
use crate::step;
use crate::stop::{Stop, StopSource};
use crate::store::Store;
use crate::validate;

/// How long a handler may go on after it was told to stop.
const HANDLER_GRACE: Duration = Duration::from_secs(10);

/// How long the delivery may go on after the handler has ended.
const DELIVERY_GRACE: Duration = Duration::from_secs(5);

/// How often the flag file is looked for.
const FLAG_INTERVAL: Duration = Duration::from_secs(1);

/// The file that asks a trigger to end.
const FLAG: &str = "terminate_trigger.flag";

/// Where a trigger keeps its state, how it is stopped, and where its events go.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The folder of the state files, `<triggerId>.redb`. It is made if it does not exist.
    pub cache_dir: PathBuf,
    /// The folder of `terminate_trigger.flag`. The file is looked for every second and deleted when it is seen; one
    /// that is there at the start ends the trigger at once.
    pub flag_dir: PathBuf,
    /// Where events go.
    pub events: Destination,
}

/// Where events go.
#[derive(Clone)]
pub enum Destination {
    /// To the dispatcher that the start message names.
    Dispatcher,
    /// To this function, one line of JSON each. An event counts as delivered when it returns.
    Lines(LineSink),
}

/// Takes one line, with its newline.
pub type LineSink = Arc<dyn Fn(&[u8]) -> io::Result<()> + Send + Sync>;

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dispatcher => "Dispatcher",
            Self::Lines(_) => "Lines",
        })
    }
}

/// Runs a trigger until SIGTERM, SIGINT, the flag file, or its own end. On a clean end there is no event; a failure
/// is one.
pub async fn run(plugin: &Plugin, message: StartMessage, surroundings: &Surroundings) -> Option<Event> {
    let log = StepLog::new();
    let meta = message.meta.clone();
    let span = log.span("trigger");
    let outcome = prepare_and_serve(plugin, message, surroundings, &log).instrument(span).await;
    outcome.err().map(|failure| Event::answer(EventType::TriggerEvent, meta, Err(failure), &log))
}

/// Everything that needs no network comes first, as with an action.
async fn prepare_and_serve(
    plugin: &Plugin,
    message: StartMessage,
    surroundings: &Surroundings,
    log: &StepLog,
) -> Result<(), Failure> {
    let StartMessage { step, connection, input, meta } = message;
    let (Step::Trigger { name, dispatcher_url }, Some(spec)) = (&step, step::known(plugin.spec(), &step)?)
    else {
        return Err(Failure::message("The start message does not start a trigger"));
    };
    // Before there is anything on disk: a signal at any moment of the start ends the trigger like a later one.
    let asked = asked_to_end(surroundings.flag_dir.join(FLAG))?;
    let connected = step::connect(plugin, connection, log)?;
    let start = connected.trigger(name, validate::input(plugin.spec(), &spec.input, input)?)?;
    connected.check()?;
    let delivery = match &surroundings.events {
        Destination::Dispatcher => {
            Delivery::Post(Dispatcher::parse(dispatcher_url.as_deref().unwrap_or_default())?)
        }
        Destination::Lines(write) => Delivery::Lines(Arc::clone(write)),
    };
    step::announce(plugin, name);
    let path = state_path(&surroundings.cache_dir, &meta)?;
    let store = Store::open(path.as_deref(), meta, log.clone())?;
    let (source, stop) = Stop::new();
    let handler = start(store.clone(), stop);
    serve(handler, &store, &delivery, &source, asked).await
}

/// The state file of this trigger; `None` when the platform gave it no identifier.
fn state_path(cache_dir: &Path, meta: &Meta) -> Result<Option<PathBuf>, Failure> {
    let id = match meta.member("triggerId") {
        Some(Value::String(id)) if !id.is_empty() => id,
        Some(Value::Number(id)) => id.to_string(),
        None | Some(Value::Null | Value::String(_)) => {
            tracing::warn!("No trigger ID found in meta. The trigger's state will not survive this process.");
            return Ok(None);
        }
        Some(_) => return Err(Failure::message("\"triggerId\" of meta is not a string")),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if id.starts_with('.') || id.len() > 128 || !id.bytes().all(plain) {
        return Err(Failure::message(
            "\"triggerId\" of meta is not usable as a file name: at most 128 letters, digits, '.', '_' and '-', and no \
             '.' in front",
        ));
    }
    std::fs::create_dir_all(cache_dir).map_err(|error| {
        Failure::internal(
            format!("The cache folder {} cannot be made: {error}", cache_dir.display()),
            "Mount a writable folder there, or name another one with --cache-dir or PLUGIN_CACHE_DIR.",
        )
    })?;
    Ok(Some(cache_dir.join(format!("{id}.redb"))))
}

/// Runs handler and delivery side by side until the end.
async fn serve(
    handler: Running<()>,
    store: &Store,
    delivery: &Delivery,
    source: &StopSource,
    asked: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let mut delivering = std::pin::pin!(delivery.run(store));
    let outcome = tokio::select! {
        outcome = until_ended(handler, store, source, asked) => outcome,
        failure = &mut delivering => return Err(failure),
    };
    let drained = tokio::select! {
        () = store.wait_until_empty() => true,
        _ = delivering => false,
        () = tokio::time::sleep(DELIVERY_GRACE) => false,
    };
    if !drained {
        tracing::warn!("{} events are not delivered yet", store.backlog().events);
    }
    outcome
}

/// Runs the handler until it ends, and then waits for its events to be delivered, unless the trigger is asked to end
/// before.
async fn until_ended(
    mut handler: Running<()>,
    store: &Store,
    source: &StopSource,
    asked: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let mut asked = std::pin::pin!(asked);
    tokio::select! {
        outcome = &mut handler => {
            outcome?;
            // A handler that is done by itself leaves all the time there is to the delivery.
            tokio::select! {
                () = store.wait_until_empty() => {}
                () = asked => {}
            }
            Ok(())
        }
        () = &mut asked => {
            source.request();
            wind_down(handler).await
        }
    }
}

/// Lets a handler that was told to stop come to its end.
async fn wind_down(handler: Running<()>) -> Result<(), Failure> {
    tokio::time::timeout(HANDLER_GRACE, handler).await.unwrap_or_else(|_| {
        tracing::warn!("The trigger did not end within {} s and was cut off", HANDLER_GRACE.as_secs());
        Ok(())
    })
}

enum Delivery {
    Post(Dispatcher),
    Lines(LineSink),
}

impl Delivery {
    /// Delivers what is in the outbox and what will come, oldest first. It ends only when it cannot go on.
    async fn run(&self, store: &Store) -> Failure {
        loop {
            if let Err(failure) = self.deliver_oldest(store).await {
                return failure;
            }
        }
    }

    async fn deliver_oldest(&self, store: &Store) -> Result<(), Failure> {
        store.wait_for_event().await;
        let Some(event) = store.oldest().await? else { return Ok(()) };
        match self {
            Self::Post(dispatcher) => dispatcher.deliver(event.payload).await?,
            Self::Lines(write) => write(&event.payload).map_err(|error| {
                Failure::internal(
                    format!("The event cannot be written: {error}"),
                    "Check that whoever takes the events is still there and has room for them, and start the trigger again.",
                )
            })?,
        }
        store.remove(event.seq).await
    }
}

/// Becomes ready when somebody wants the trigger to end.
fn asked_to_end(flag: PathBuf) -> Result<impl Future<Output = ()>, Failure> {
    let signal = end_signal().map_err(|error| {
        Failure::internal(
            format!("Signals cannot be awaited: {error}"),
            "The machine may be short of file descriptors. Give the process more and start the trigger again.",
        )
    })?;
    Ok(async move {
        tokio::select! {
            () = signal => tracing::info!("Asked to end by a signal"),
            () = seen(&flag) => tracing::info!("Asked to end by {}", flag.display()),
        }
    })
}

#[cfg(unix)]
fn end_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn end_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a console to listen to, nobody can press Ctrl-C: wait for the flag alone.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}

/// Waits for the flag file and deletes it.
async fn seen(flag: &Path) {
    loop {
        // One system call that does both; it is too quick to be worth another thread.
        match std::fs::remove_file(flag) {
            Ok(()) => return,
            Err(_) if !flag.exists() => {}
            Err(error) => return tracing::warn!("{} cannot be deleted: {error}", flag.display()),
        }
        tokio::time::sleep(FLAG_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;
    use crate::collector::{Collector, REFUSED, TAKEN};
    use crate::fixture::plugin;
    use crate::log::testing::{capture, captured};

    struct Place {
        folder: tempfile::TempDir,
        surroundings: Surroundings,
    }

    fn surroundings(events: Destination) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let cache_dir = folder.path().join("a/cache");
        let surroundings = Surroundings { cache_dir, flag_dir: folder.path().to_owned(), events };
        Place { folder, surroundings }
    }

    impl Place {
        async fn run(&self, message: StartMessage) -> Option<Event> {
            run(&plugin(), message, &self.surroundings).await
        }

        fn raise_flag(&self) {
            std::fs::write(self.folder.path().join(FLAG), "").unwrap();
        }
    }

    fn url(collector: &Collector) -> String {
        format!("http://{}/", collector.address)
    }

    fn message(times: u32, url: &str, meta: &Value) -> StartMessage {
        let message = json!({"version": "v1", "type": "trigger_start", "body": {
            "trigger": "tick", "connection": {"host": "h"}, "input": {"times": times},
            "dispatcher": {"url": url}, "meta": meta,
        }});
        StartMessage::parse(message.to_string().as_bytes()).unwrap()
    }

    fn failure(event: Option<Event>) -> Failure {
        event.unwrap().failure().unwrap().clone()
    }

    #[tokio::test]
    async fn events_are_posted_and_the_state_survives() {
        let mut collector = Collector::start(|_| TAKEN).await;
        let url = url(&collector);
        let place = surroundings(Destination::Dispatcher);
        let meta = json!({"triggerId": "trig-123"});
        for first in [1, 3] {
            let running = place.run(message(2, &url, &meta));
            let observing = async {
                for number in first..first + 2 {
                    let event: Value = serde_json::from_str(&collector.next().await.body).unwrap();
                    assert_eq!(event["body"]["output"]["number"], number);
                    assert_eq!(event["body"]["meta"], meta);
                    assert_eq!((&event["type"], &event["version"]), (&json!("trigger_event"), &json!("v1")));
                    assert!(
                        event["body"]["log"].is_string() && event["body"].get("status").is_none(),
                        "{event}"
                    );
                }
                place.raise_flag();
            };
            let (event, ()) = tokio::join!(running, observing);
            assert!(event.is_none(), "a clean end has no event");
            assert!(!place.folder.path().join(FLAG).exists(), "the flag is deleted");
        }
    }

    #[tokio::test]
    async fn what_was_not_delivered_is_delivered_by_the_next_start_with_the_same_bytes() {
        let mut refusing = Collector::start(|_| REFUSED).await;
        let place = surroundings(Destination::Dispatcher);
        let meta = json!({"triggerId": "t"});
        let first_run = place.run(message(1, &url(&refusing), &meta));
        let observing = async {
            let bytes = refusing.next().await.body;
            // From here on nothing can be delivered, however the clock jumps: the grace need not be waited out.
            tokio::time::pause();
            place.raise_flag();
            bytes
        };
        let (event, bytes) = tokio::join!(first_run, observing);
        tokio::time::resume();
        assert!(event.is_none());
        let mut taking = Collector::start(|_| TAKEN).await;
        let second_run = place.run(message(0, &url(&taking), &meta));
        let observing = async {
            let again = taking.next().await.body;
            place.raise_flag();
            again
        };
        let (event, again) = tokio::join!(second_run, observing);
        assert!(event.is_none());
        assert_eq!(again, bytes);
    }

    static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

    #[expect(clippy::unnecessary_wraps, reason = "a destination's function may fail")]
    fn collect(line: &[u8]) -> io::Result<()> {
        LINES.lock().unwrap().push(String::from_utf8(line.to_vec()).unwrap());
        Ok(())
    }

    #[tokio::test]
    async fn without_an_identifier_the_trigger_runs_and_warns() {
        let _guard = capture(false);
        let place = surroundings(Destination::Lines(Arc::new(collect)));
        let waiting = async {
            while LINES.lock().unwrap().len() < 2 {
                tokio::task::yield_now().await;
            }
            place.raise_flag();
        };
        let (event, ()) = tokio::join!(place.run(message(2, "", &json!({}))), waiting);
        assert!(event.is_none());
        let lines = LINES.lock().unwrap().concat();
        assert_eq!(lines.matches('\n').count(), 2, "{lines}");
        assert!(lines.contains("\"event_id\":\"tick-2\""), "{lines}");
        assert!(captured().contains("will not survive"), "{}", captured());
        assert!(!place.surroundings.cache_dir.exists());
    }

    #[tokio::test]
    async fn a_handler_that_fails_ends_the_trigger_and_keeps_its_events() {
        let mut collector = Collector::start(|_| TAKEN).await;
        let place = surroundings(Destination::Dispatcher);
        let event = place.run(message(20, &url(&collector), &json!({"triggerId": "t"}))).await;
        assert_eq!(failure(event).cause(), "13 brings bad luck");
        for number in 1..13 {
            assert!(collector.next().await.body.contains(&format!("\"number\":{number}")));
        }
    }

    #[tokio::test]
    async fn events_that_cannot_be_written_end_the_trigger_with_advice() {
        let closed = |_: &[u8]| Err(io::ErrorKind::BrokenPipe.into());
        let place = surroundings(Destination::Lines(Arc::new(closed)));
        let failure = failure(place.run(message(1, "", &json!({}))).await);
        assert_eq!(failure.cause(), "The event cannot be written: broken pipe");
        assert!(!failure.assistance().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_does_not_stop_is_cut_off() {
        let _guard = capture(false);
        let store = Store::in_memory().unwrap();
        let (source, _stop) = Stop::new();
        let handler = Box::pin(std::future::pending());
        let began = tokio::time::Instant::now();
        serve(handler, &store, &Delivery::Lines(Arc::new(collect)), &source, std::future::ready(()))
            .await
            .unwrap();
        assert_eq!(began.elapsed(), HANDLER_GRACE);
        assert!(captured().contains("was cut off"), "{}", captured());
    }

    #[tokio::test]
    async fn a_start_that_cannot_work_fails_before_anything_is_done() {
        let id = |id: Value| json!({ "triggerId": id });
        let url = "http://127.0.0.1:9/";
        let not_a_name = "\"triggerId\" of meta is not usable as a file name: at most 128 letters, digits, '.', '_' and \
             '-', and no '.' in front";
        let rows = [
            (message(1, "", &id(json!("t"))), "\"dispatcher.url\" is missing from input message"),
            (
                message(1, "gopher://h", &id(json!("t"))),
                "\"dispatcher.url\" must be http or https, not gopher",
            ),
            (message(1, url, &id(json!("../t"))), not_a_name),
            (message(1, url, &id(json!("/etc/t"))), not_a_name),
            (message(1, url, &id(json!("..\\t"))), not_a_name),
            (message(1, url, &id(json!(".t"))), not_a_name),
            (message(1, url, &id(json!("t\u{0}"))), not_a_name),
            (message(1, url, &id(json!("x".repeat(129)))), not_a_name),
            (message(1, url, &id(json!(["t"]))), "\"triggerId\" of meta is not a string"),
        ];
        let place = surroundings(Destination::Dispatcher);
        for (message, cause) in rows {
            assert_eq!(failure(place.run(message).await).cause(), cause);
        }
        assert!(!place.surroundings.cache_dir.exists());
    }

    #[tokio::test]
    async fn a_cache_folder_that_cannot_be_made_is_named() {
        let mut place = surroundings(Destination::Dispatcher);
        let file = place.folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        place.surroundings.cache_dir = file.join("cache");
        let message = message(1, "http://127.0.0.1:9/", &json!({"triggerId": 5}));
        let failure = failure(place.run(message).await);
        assert!(
            failure
                .cause()
                .starts_with(&format!("The cache folder {}", place.surroundings.cache_dir.display()))
        );
    }

    #[tokio::test]
    async fn two_triggers_with_one_identifier_do_not_run_at_once() {
        let place = surroundings(Destination::Dispatcher);
        std::fs::create_dir_all(&place.surroundings.cache_dir).unwrap();
        let path = place.surroundings.cache_dir.join("t.redb");
        let _other = Store::open(Some(&path), Meta::empty(), StepLog::new()).unwrap();
        let message = message(1, "http://127.0.0.1:9/", &json!({"triggerId": "t"}));
        let failure = failure(place.run(message).await);
        assert!(failure.cause().contains("in use by another process"), "{failure}");
    }
}
