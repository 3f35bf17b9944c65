use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::FailureKind;
use crate::collector::{Collector, REFUSED, TAKEN};
use crate::fixture::{CANARY, names_in, plugin};
use crate::log::testing::{capture, captured};
use crate::trigger::{self, Destination};

/// No wait of a test is longer; none comes near it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A cache folder, in which one process after the other runs triggers.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn surroundings(&self, events: Destination) -> Surroundings {
        Surroundings { cache_dir: self.cache_dir(), flag_dir: self.folder.path().to_owned(), events }
    }

    fn cache_dir(&self) -> std::path::PathBuf {
        self.folder.path().join("cache")
    }

    fn process(&self, resume: bool) -> Triggers {
        Triggers::new(plugin(), self.surroundings(Destination::Dispatcher), resume)
    }

    fn files(&self) -> Vec<String> {
        names_in(&self.cache_dir())
    }
}

fn text(host: &str, times: u32, url: &str, meta: &Value) -> Vec<u8> {
    let message = json!({"version": "v1", "type": "trigger_start", "body": {
        "trigger": "tick", "input": {"times": times}, "dispatcher": {"url": url}, "meta": meta,
        "connection": {"host": host, "credentials": {"username": "u", "password": CANARY}},
    }});
    message.to_string().into_bytes()
}

/// The message of a trigger whose host asks for something.
fn text_of(id: &str, host: &str, url: &str) -> Vec<u8> {
    text(host, 0, url, &json!({ "triggerId": id }))
}

async fn start_text(triggers: &Triggers, text: &[u8]) -> Result<TriggerReport, Failure> {
    triggers.start(StartMessage::parse(text).unwrap(), text).await
}

async fn start(triggers: &Triggers, id: &str, times: u32, url: &str) -> Result<TriggerReport, Failure> {
    start_text(triggers, &text("h", times, url, &json!({ "triggerId": id }))).await
}

fn url(collector: &Collector) -> String {
    format!("http://{}/", collector.address)
}

/// Where nobody takes events.
const NOWHERE: &str = "http://127.0.0.1:9/";

async fn next_event(collector: &mut Collector) -> Value {
    let request = tokio::time::timeout(PATIENCE, collector.next()).await.unwrap();
    serde_json::from_str(&request.body).unwrap()
}

fn report(triggers: &Triggers, id: &str) -> Option<TriggerReport> {
    triggers.running(None).into_iter().find(|report| report.trigger_id == id)
}

/// Waits until the trigger's report is as wanted.
async fn until(triggers: &Triggers, id: &str, wanted: impl Fn(&TriggerReport) -> bool) -> TriggerReport {
    let waiting = async {
        loop {
            match report(triggers, id) {
                Some(report) if wanted(&report) => return report,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap()
}

async fn until_ended(triggers: &Triggers, id: &str) -> TriggerReport {
    until(triggers, id, |report| report.state != State::Running).await
}

#[tokio::test]
async fn a_trigger_is_started_listed_and_stopped_and_goes_on_from_its_state() {
    let _guard = capture(false);
    let mut collector = Collector::start(|_| TAKEN).await;
    let machine = Machine::new();
    let triggers = machine.process(false);
    for first in [1, 3] {
        let started = start(&triggers, "t", 2, &url(&collector)).await.unwrap();
        assert_eq!((started.state, started.polls, started.events), (State::Running, 0, 0));
        for number in first..first + 2 {
            let event = next_event(&mut collector).await;
            assert_eq!(event["body"]["output"]["number"], number);
            assert_eq!(event["body"]["meta"], json!({"triggerId": "t"}));
        }
        let running = until(&triggers, "t", |report| report.polls == 2 && report.outbox.events == 0).await;
        assert_eq!((running.state, running.events, running.outbox.bytes), (State::Running, 2, 0));
        assert!(running.started <= running.last_event.unwrap());
        assert!(running.last_event <= running.last_poll);
        assert_eq!((running.last_error, running.last_delivery_error), (None, None));
        assert_eq!(triggers.running(Some("tick")).len(), 1);
        assert!(triggers.running(Some("other")).is_empty());
        assert!(triggers.stop("tick", "u").await.is_none());
        assert!(triggers.stop("other", "t").await.is_none());
        let stopped = triggers.stop("tick", "t").await.unwrap();
        assert_eq!((stopped.state, stopped.polls), (State::Ended, 2));
        assert!(triggers.running(None).is_empty());
        assert!(triggers.stop("tick", "t").await.is_none());
    }
    assert_eq!(machine.files(), ["t.redb"], "without a resumption no message is saved");
}

#[tokio::test]
async fn a_trigger_moves_from_a_process_of_its_own_and_back() {
    let mut collector = Collector::start(|_| TAKEN).await;
    let machine = Machine::new();
    let message = || text("h", 1, &url(&collector), &json!({"triggerId": "t"}));
    let surroundings = machine.surroundings(Destination::Dispatcher);
    let flag = machine.folder.path().join("terminate_trigger.flag");
    let (text, again) = (message(), message());
    let alone = async |text: &[u8], collector: &mut Collector| {
        let plugin = plugin();
        let running = trigger::run(&plugin, StartMessage::parse(text).unwrap(), &surroundings);
        let observing = async {
            let event = next_event(collector).await;
            std::fs::write(&flag, "").unwrap();
            event
        };
        tokio::join!(running, observing).1
    };
    assert_eq!(alone(&text, &mut collector).await["body"]["output"]["number"], 1);
    // The flag is for the process of one trigger.
    std::fs::write(&flag, "").unwrap();
    let triggers = machine.process(false);
    start_text(&triggers, &text).await.unwrap();
    assert_eq!(next_event(&mut collector).await["body"]["output"]["number"], 2);
    triggers.stop("tick", "t").await.unwrap();
    std::fs::remove_file(&flag).unwrap();
    assert_eq!(alone(&again, &mut collector).await["body"]["output"]["number"], 3);
}

#[tokio::test]
async fn a_start_that_cannot_work_is_refused_before_anything_is_done() {
    let id = |id: &str| json!({ "triggerId": id });
    let not_a_name = "\"triggerId\" of meta is not usable as a file name: at most 128 letters, digits, '.', '_' and '-', \
         and no '.' in front";
    let rows = [
        (text("h", 1, NOWHERE, &json!({})), "\"triggerId\" is missing from meta"),
        (text("h", 1, NOWHERE, &json!(null)), "\"triggerId\" is missing from meta"),
        (text("h", 1, NOWHERE, &id("")), "\"triggerId\" is missing from meta"),
        (text("h", 1, NOWHERE, &json!({"triggerId": ["t"]})), "\"triggerId\" of meta is not a string"),
        (text("h", 1, NOWHERE, &id("../t")), not_a_name),
        (text("h", 1, NOWHERE, &id("/etc/t")), not_a_name),
        (text("h", 1, NOWHERE, &id("..\\t")), not_a_name),
        (text("h", 1, NOWHERE, &id(".t")), not_a_name),
        (text("h", 1, NOWHERE, &id("t\u{0}")), not_a_name),
        (text("h", 1, NOWHERE, &id(&"x".repeat(129))), not_a_name),
        (text("h", 1, "", &id("t")), "\"dispatcher.url\" is missing from input message"),
        (text("bad host", 1, NOWHERE, &id("t")), "'host' has a blank in it"),
        (
            br#"{"version":"v1","type":"trigger_start","body":{"trigger":"nope"}}"#.to_vec(),
            "Unknown trigger \"nope\"",
        ),
        (
            br#"{"version":"v1","type":"action_start","body":{"action":"echo"}}"#.to_vec(),
            "The start message does not start a trigger",
        ),
        (vec![b' '; 1 << 20], "The start message has more than 1048576 bytes"),
    ];
    let machine = Machine::new();
    let triggers = machine.process(true);
    for (mut text, cause) in rows {
        if text.starts_with(b" ") {
            text.extend_from_slice(&self::text("h", 1, NOWHERE, &id("t")));
        }
        let failure = start_text(&triggers, &text).await.unwrap_err();
        assert_eq!(failure.cause(), cause);
        assert_ne!(failure.kind(), FailureKind::Conflict);
    }
    assert!(triggers.running(None).is_empty());
    assert!(!machine.cache_dir().exists());
}

#[tokio::test]
async fn of_two_starts_with_one_identifier_one_is_refused() {
    let machine = Machine::new();
    let triggers = machine.process(false);
    let (one, other) = tokio::join!(start(&triggers, "t", 0, NOWHERE), start(&triggers, "t", 0, NOWHERE));
    let failure = one.and(other).unwrap_err();
    assert_eq!(
        (failure.kind(), failure.cause()),
        (FailureKind::Conflict, "The trigger t runs in this process already")
    );
    start(&triggers, "u", 0, NOWHERE).await.unwrap();
    let failure = start(&machine.process(false), "u", 0, NOWHERE).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Conflict);
    assert!(failure.cause().ends_with("u.redb is in use by another process"), "{failure}");
    assert_eq!(triggers.totals().running, 2);
}

#[tokio::test]
async fn a_stop_is_shared_and_carried_through_when_its_caller_goes_away() {
    let machine = Machine::new();
    let triggers = machine.process(false);
    start(&triggers, "t", 0, NOWHERE).await.unwrap();
    let (one, other) = tokio::join!(triggers.stop("tick", "t"), triggers.stop("tick", "t"));
    assert_eq!((one.unwrap().state, other.unwrap().state), (State::Ended, State::Ended));
    let going_away = start(&triggers, "t", 0, NOWHERE);
    tokio::select! { biased; _ = going_away => panic!("it was not cancelled"), () = std::future::ready(()) => {} }
    until(&triggers, "t", |report| report.state == State::Running).await;
}

#[tokio::test]
async fn what_happens_to_one_trigger_touches_no_other() {
    let _guard = capture(true);
    let mut collector = Collector::start(|_| TAKEN).await;
    let machine = Machine::new();
    let triggers = machine.process(false);
    start(&triggers, "good", 1, &url(&collector)).await.unwrap();
    next_event(&mut collector).await;
    start(&triggers, "bad luck", 0, NOWHERE).await.unwrap_err();
    start(&triggers, "fails", 13, &url(&collector)).await.unwrap();
    for (id, host) in [("panics", "panic"), ("ends", "done")] {
        start_text(&triggers, &text_of(id, host, NOWHERE)).await.unwrap();
    }
    let unexpected =
        "The plugin failed unexpectedly. This is a fault of the plugin. Report it with the log of this step.";
    let rows = [
        ("fails", State::Failed, Some("13 brings bad luck. Avoid it.")),
        ("panics", State::Failed, Some(unexpected)),
        ("ends", State::Ended, None),
    ];
    for (id, state, last_error) in rows {
        let report = until_ended(&triggers, id).await;
        assert_eq!((report.state, report.last_error.as_deref()), (state, last_error), "{id}");
        assert_eq!(report.last_error_time.is_some(), last_error.is_some(), "{id}");
    }
    assert_eq!(report(&triggers, "fails").unwrap().events, 12);
    assert_eq!(report(&triggers, "good").unwrap().state, State::Running);
    // Started anew it takes the place of the one that failed, and may fail again.
    let state = start(&triggers, "fails", 0, &url(&collector)).await.unwrap().state;
    assert_eq!(state, State::Running);
    assert_eq!(triggers.stop("tick", "fails").await.unwrap().state, State::Ended);
    let stopped = triggers.stop("tick", "panics").await.unwrap();
    assert_eq!(stopped.state, State::Failed, "a deleted trigger that has failed has failed");
    let ids: Vec<_> = triggers.running(None).into_iter().map(|report| report.trigger_id).collect();
    assert_eq!(ids, ["ends", "good"]);
    let totals = triggers.totals();
    assert_eq!((totals.running, totals.events, totals.polls), (1, 13, 13));
    assert!(!captured().contains(CANARY), "{}", captured());
}

#[tokio::test]
async fn a_look_that_fails_is_told_without_the_password() {
    let machine = Machine::new();
    let triggers = machine.process(false);
    start_text(&triggers, &text_of("t", "down", NOWHERE)).await.unwrap();
    let report = until(&triggers, "t", |report| report.polls == 1).await;
    assert_eq!(report.state, State::Running, "the trigger goes on");
    assert_eq!(report.last_error.as_deref(), Some("******** was refused. Start the server."));
    assert_eq!(report.last_error_time, report.last_poll);
}

#[tokio::test]
async fn a_destination_that_is_gone_fails_the_trigger_and_keeps_its_events() {
    let machine = Machine::new();
    let closed = |_: &mut dyn std::io::Read| Err(std::io::ErrorKind::BrokenPipe.into());
    let surroundings = machine.surroundings(Destination::Lines(Arc::new(closed)));
    let triggers = Triggers::new(plugin(), surroundings, false);
    start(&triggers, "t", 1, "").await.unwrap();
    let report = until_ended(&triggers, "t").await;
    assert_eq!((report.state, report.outbox.events), (State::Failed, 1));
    assert!(report.last_error.unwrap().starts_with("The event cannot be written: broken pipe. "));
}

#[tokio::test]
async fn a_trigger_goes_on_in_the_next_process_with_the_events_that_were_not_delivered() {
    let mut refusing = Collector::start(|_| REFUSED).await;
    let machine = Machine::new();
    let triggers = machine.process(true);
    let first_text = text("h", 1, &url(&refusing), &json!({"triggerId": "t"}));
    start_text(&triggers, &first_text).await.unwrap();
    let bytes = refusing.next().await.body;
    let waiting = until(&triggers, "t", |report| report.last_delivery_error.is_some()).await;
    let why = waiting.last_delivery_error.unwrap();
    assert!(why.contains("the answer was 500 Internal Server Error. It is tried again"), "{why}");
    assert_eq!((waiting.state, waiting.outbox.events), (State::Running, 1));
    assert_eq!(waiting.outbox.bytes, bytes.len() as u64);
    assert_eq!(triggers.totals().delivery_failures, 1);
    // From here on nothing can be delivered, however the clock jumps: the grace need not be waited out.
    tokio::time::pause();
    triggers.shut_down().await;
    tokio::time::resume();
    assert_eq!(report(&triggers, "t").unwrap().state, State::Ended);
    let failure = start(&triggers, "u", 0, NOWHERE).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Conflict);
    assert_eq!(machine.files(), ["t.redb", "t.start.json"], "a shut-down keeps what a resumption needs");
    assert_eq!(std::fs::read(machine.cache_dir().join("t.start.json")).unwrap(), first_text);

    let mut taking = Collector::start(|_| TAKEN).await;
    let saved = text("h", 1, &url(&taking), &json!({"triggerId": "t"}));
    std::fs::write(machine.cache_dir().join("t.start.json"), &saved).unwrap();
    let triggers = machine.process(true);
    triggers.resume().await;
    assert_eq!(taking.next().await.body, bytes);
    assert_eq!(next_event(&mut taking).await["body"]["output"]["number"], 2);
    triggers.stop("tick", "t").await.unwrap();
    assert_eq!(machine.files(), ["t.redb"], "a trigger that was deleted does not come back");
    let triggers = machine.process(true);
    triggers.resume().await;
    assert!(triggers.running(None).is_empty());
}

#[tokio::test]
async fn a_saved_message_that_cannot_start_is_kept_and_hinders_no_other() {
    let _guard = capture(false);
    let machine = Machine::new();
    std::fs::create_dir(machine.cache_dir()).unwrap();
    let save = |name: &str, text: &[u8]| std::fs::write(machine.cache_dir().join(name), text).unwrap();
    save("damaged.start.json", b"{\"version\"");
    save("moved.start.json", &text_of("t", "h", NOWHERE));
    save("invalid.start.json", &text_of("invalid", "bad host", NOWHERE));
    save("broken.start.json", &text_of("broken", "h", NOWHERE));
    save("broken.redb", b"this is no database");
    save("whole.start.json", &text_of("whole", "h", NOWHERE));
    let files = machine.files();
    let without = machine.process(false);
    without.resume().await;
    assert!(without.running(None).is_empty(), "only on request");
    let triggers = machine.process(true);
    triggers.resume().await;
    let reports: Vec<_> = triggers
        .running(Some("tick"))
        .into_iter()
        .map(|report| (report.trigger_id, report.state, report.last_error.unwrap_or_default()))
        .collect();
    let [
        (broken, State::Failed, why_broken),
        (invalid, State::Failed, why_invalid),
        (whole, State::Running, _),
    ] = reports.as_slice()
    else {
        panic!("{reports:?}")
    };
    assert_eq!((broken.as_str(), invalid.as_str(), whole.as_str()), ("broken", "invalid", "whole"));
    assert!(why_broken.contains("broken.redb cannot be used"), "{why_broken}");
    assert_eq!(why_invalid, "'host' has a blank in it. Remove the blank.");
    for named in [
        "damaged.start.json is not resumed: The start message is not JSON",
        "The trigger broken is not resumed",
    ] {
        assert!(captured().contains(named), "{named}: {}", captured());
    }
    let more = ["whole.redb".to_owned()];
    let (mut kept, found) = (files, machine.files());
    kept.extend(more);
    kept.sort();
    assert_eq!(found, kept, "nothing is removed");
    triggers.stop("tick", "invalid").await.unwrap();
    assert!(!machine.files().contains(&"invalid.start.json".to_owned()));
}

#[tokio::test]
async fn a_start_that_fails_on_disk_leaves_its_place_to_the_next() {
    let machine = Machine::new();
    let triggers = machine.process(true);
    std::fs::create_dir(machine.cache_dir()).unwrap();
    let state = machine.cache_dir().join("t.redb");
    std::fs::write(&state, "this is no database").unwrap();
    let failure = start(&triggers, "t", 0, NOWHERE).await.unwrap_err();
    assert!(failure.cause().contains("t.redb cannot be used"), "{failure}");
    assert!(triggers.running(None).is_empty());
    assert_eq!(machine.files(), ["t.redb"], "what does not run is not resumed");
    std::fs::remove_file(&state).unwrap();
    start(&triggers, "t", 0, NOWHERE).await.unwrap();
    assert_eq!(machine.files(), ["t.redb", "t.start.json"]);
}

#[tokio::test]
async fn a_shut_down_ends_all_triggers_at_once() {
    let mut refusing = Collector::start(|_| REFUSED).await;
    let machine = Machine::new();
    let triggers = machine.process(true);
    for id in ["a", "b", "c"] {
        start(&triggers, id, 1, &url(&refusing)).await.unwrap();
        refusing.next().await;
    }
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    triggers.shut_down().await;
    // Each waits out the same grace for its delivery; on this clock nothing else takes time.
    assert!(began.elapsed() < 2 * Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!((triggers.totals().running, triggers.totals().outbox_events), (0, 3));
    assert_eq!(machine.files().len(), 6, "{:?}", machine.files());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_triggers_that_start_and_stop_at_once_do_not_get_into_each_others_way() {
    const TRIGGERS: u64 = 20;
    let mut collector = Collector::start(|_| TAKEN).await;
    let url = url(&collector);
    let machine = Machine::new();
    let triggers = machine.process(true);
    let mut cycles = tokio::task::JoinSet::new();
    for number in 0..TRIGGERS {
        let (triggers, url, id) = (triggers.clone(), url.clone(), format!("t{number}"));
        cycles.spawn(async move {
            for _ in 0..2 {
                start(&triggers, &id, 1, &url).await.unwrap();
                start(&triggers, &id, 1, &url).await.unwrap_err();
                let stopped = triggers.stop("tick", &id).await.unwrap();
                assert_eq!((stopped.state, stopped.events), (State::Ended, 1), "{stopped:?}");
            }
        });
    }
    cycles.join_all().await;
    let mut numbers = Vec::new();
    for _ in 0..2 * TRIGGERS {
        numbers.push(next_event(&mut collector).await["body"]["output"]["number"].as_u64().unwrap());
    }
    assert_eq!(numbers.iter().sum::<u64>(), 3 * TRIGGERS, "each told 1 and 2: {numbers:?}");
    assert!(triggers.running(None).is_empty() && triggers.list().changing.is_empty());
    let totals = triggers.totals();
    assert_eq!((totals.running, totals.outbox_events), (0, 0));
    assert_eq!((totals.events, totals.polls), (2 * TRIGGERS, 2 * TRIGGERS));
    assert!(!machine.files().iter().any(|name| name.contains(".start")), "{:?}", machine.files());
}
