//! Runs a trigger until it is told to stop: the handler that finds events and the delivery of those it found.
//!
//! Either it has the process for itself ([`run`]), or it is one of those that run inside a long-running process
//! (`Triggers`). Both open the same files, so that a trigger may go on in the other way.
//!
//! Nothing is lost at any moment of this: events and state are on disk before a delivery begins, and an event is
//! removed only after the platform has taken it.

mod end;
mod id;
mod list;
mod prepare;
mod registry;
mod saved;
mod serve;
mod status;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tracing::Instrument as _;

use self::prepare::prepare;
pub(crate) use self::registry::Triggers;
pub(crate) use self::saved::MESSAGE_LIMIT;
pub use self::status::Progress;
use crate::event::Event;
use crate::failure::Failure;
use crate::log::StepLog;
use crate::message::{EventType, StartMessage};
use crate::plugin::Plugin;

/// Where a trigger keeps its state, how it is stopped, and where its events go.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The folder of the state files, `<triggerId>.redb`, and in a process that resumes its triggers of their start
    /// messages, `<triggerId>.start.json`. It is made if it does not exist.
    pub cache_dir: PathBuf,
    /// The folder of `terminate_trigger.flag`, which ends a trigger that has the process for itself. The file is looked
    /// for every second and deleted when it is seen; one that is there at the start ends the trigger at once.
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

/// Takes one line, with its newline, from a reader: a line may be of any size. It is called on a thread on which it may
/// block.
pub type LineSink = Arc<dyn Fn(&mut dyn io::Read) -> io::Result<()> + Send + Sync>;

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
    let outcome = prepare_and_run(plugin, message, surroundings, &log).instrument(span).await;
    outcome.err().map(|failure| Event::answer(EventType::TriggerEvent, meta, Err(failure), &log))
}

async fn prepare_and_run(
    plugin: &Plugin,
    message: StartMessage,
    surroundings: &Surroundings,
    log: &StepLog,
) -> Result<(), Failure> {
    // Before there is anything on disk: a signal at any moment of the start ends the trigger like a later one.
    let asked = end::asked_to_end(&surroundings.flag_dir)?;
    let prepared = prepare(plugin, message, surroundings, log)?;
    if prepared.id.is_none() {
        tracing::warn!("No trigger ID found in meta. The trigger's state will not survive this process.");
    }
    let store = prepared.open_store(&surroundings.cache_dir)?;
    prepared.run(store, asked).await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, json};

    use super::end::FLAG;
    use super::*;
    use crate::collector::{Collector, REFUSED, TAKEN};
    use crate::fixture::plugin;
    use crate::log::testing::{capture, captured};
    use crate::message::Meta;
    use crate::store::Store;

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

    fn collect(line: &mut dyn io::Read) -> io::Result<()> {
        let line = io::read_to_string(line)?;
        LINES.lock().unwrap().push(line);
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
        let closed = |_: &mut dyn io::Read| Err(io::ErrorKind::BrokenPipe.into());
        let place = surroundings(Destination::Lines(Arc::new(closed)));
        let failure = failure(place.run(message(1, "", &json!({}))).await);
        assert_eq!(failure.cause(), "The event cannot be written: broken pipe");
        assert!(!failure.assistance().is_empty());
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
