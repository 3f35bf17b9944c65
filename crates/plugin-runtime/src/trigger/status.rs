//! How a trigger gets on: what its handler and its delivery tell, and what is reported of it.

use std::ops::Add;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::failure::Failure;
use crate::log::StepLog;
use crate::store::Backlog;

/// Takes what a trigger tells of its looks. Cloning is cheap, and clones tell of the same trigger.
///
/// A process that runs many triggers reports each one's last look and last error; for one that runs a single trigger
/// the log says the same, and telling costs nothing.
#[derive(Debug, Clone)]
pub struct Progress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Knows what must not appear in errors.
    log: StepLog,
    notes: Mutex<Notes>,
}

/// What is known of a trigger's looks and deliveries since its start.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    pub(super) polls: u64,
    pub(super) last_poll: Option<OffsetDateTime>,
    pub(super) last_error: Option<Noted>,
    pub(super) delivery_failures: u64,
    pub(super) last_delivery_error: Option<Noted>,
}

/// An error and when it was told.
#[derive(Debug, Clone)]
pub(super) struct Noted {
    text: String,
    at: OffsetDateTime,
}

impl Progress {
    pub(super) fn new(log: StepLog) -> Self {
        Self(Arc::new(Inner { log, notes: Mutex::default() }))
    }

    /// A look succeeded.
    ///
    /// The last error is kept: that it is over shows in its time, which is before that of the last look, and what went
    /// wrong at night can still be read in the morning.
    pub fn polled(&self) {
        self.notes().poll(OffsetDateTime::now_utc());
    }

    /// A look failed, and the trigger goes on. Secrets of the connection are masked in what is reported.
    pub fn failed(&self, failure: &Failure) {
        let error = self.noted(failure.clone());
        let mut notes = self.notes();
        notes.poll(error.at);
        notes.last_error = Some(error);
    }

    /// The trigger came to its end by this failure.
    pub(super) fn ended_by(&self, failure: Failure) {
        let error = self.noted(failure);
        self.notes().last_error = Some(error);
    }

    /// An attempt to deliver an event failed.
    pub(super) fn not_delivered(&self, what: &str) {
        let error = self.noted(Failure::service(what, "It is tried again until it is taken."));
        let mut notes = self.notes();
        notes.delivery_failures += 1;
        notes.last_delivery_error = Some(error);
    }

    pub(super) fn so_far(&self) -> Notes {
        self.notes().clone()
    }

    fn noted(&self, failure: Failure) -> Noted {
        Noted { text: self.0.log.mask(failure).sentences(), at: OffsetDateTime::now_utc() }
    }

    /// A panic while the lock was held leaves nothing half done here: notes are only replaced.
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn poll(&mut self, at: OffsetDateTime) {
        self.polls += 1;
        self.last_poll = Some(at);
    }
}

/// Whether a trigger runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It runs.
    Running,
    /// It came to its end by itself, or was asked to end.
    Ended,
    /// A failure ended it: its last error says which.
    Failed,
}

/// A trigger as people see it. As JSON its keys are sorted, and times are RFC 3339 in UTC.
///
/// Counts and times are those since its start in this process. The last errors stay when what they tell of is over:
/// the last look failed when its time is that of the last error.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TriggerReport {
    /// Events that were found and put into the outbox.
    pub(crate) events: u64,
    /// Why the last attempt to deliver an event failed that did fail.
    pub(crate) last_delivery_error: Option<String>,
    #[serde(serialize_with = "rfc3339")]
    pub(crate) last_delivery_error_time: Option<OffsetDateTime>,
    /// Why the last look failed that did fail, or what ended the trigger.
    pub(crate) last_error: Option<String>,
    #[serde(serialize_with = "rfc3339")]
    pub(crate) last_error_time: Option<OffsetDateTime>,
    /// When the last event was put into the outbox.
    #[serde(serialize_with = "rfc3339")]
    pub(crate) last_event: Option<OffsetDateTime>,
    /// When the last look was over.
    #[serde(serialize_with = "rfc3339")]
    pub(crate) last_poll: Option<OffsetDateTime>,
    /// What waits for its delivery; of a trigger that does not run, what its next start will deliver.
    pub(crate) outbox: Backlog,
    /// Looks, those that failed included.
    pub(crate) polls: u64,
    #[serde(serialize_with = "rfc3339")]
    pub(crate) started: OffsetDateTime,
    pub(crate) state: State,
    /// The name of the trigger.
    pub(crate) trigger: String,
    #[serde(rename = "triggerId")]
    pub(crate) trigger_id: String,
}

/// Splits what was noted into the text and the time of a report.
pub(super) fn parted(noted: Option<Noted>) -> (Option<String>, Option<OffsetDateTime>) {
    noted.map(|noted| (noted.text, noted.at)).unzip()
}

fn rfc3339<S: Serializer>(
    time: &(impl Into<Option<OffsetDateTime>> + Copy),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    // Milliseconds tell one look from the next, and the rest is noise. A time that has no text is not of this clock.
    let rounded = (*time).into().and_then(|time| time.replace_millisecond(time.millisecond()).ok());
    rounded.and_then(|time| time.format(&Rfc3339).ok()).serialize(serializer)
}

/// Sums over all triggers of a process. The counters never fall, even when triggers are deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Triggers that run.
    pub(crate) running: u64,
    /// Looks, a counter.
    pub(crate) polls: u64,
    /// Events found, a counter.
    pub(crate) events: u64,
    /// Events that wait for their delivery.
    pub(crate) outbox_events: u64,
    /// Attempts to deliver an event that failed, a counter.
    pub(crate) delivery_failures: u64,
}

impl Totals {
    /// What goes on counting when the triggers are gone.
    pub(super) fn counters(self) -> Self {
        Self { running: 0, outbox_events: 0, ..self }
    }
}

impl Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            running: self.running + other.running,
            polls: self.polls + other.polls,
            events: self.events + other.events,
            outbox_events: self.outbox_events + other.outbox_events,
            delivery_failures: self.delivery_failures + other.delivery_failures,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use time::macros::datetime;

    use super::*;

    fn progress(secret: &str) -> Progress {
        let log = StepLog::new();
        log.hide(vec![secret.to_owned()]);
        Progress::new(log)
    }

    #[test]
    fn a_report_is_json_with_sorted_keys() {
        let report = TriggerReport {
            events: 2,
            last_delivery_error: None,
            last_delivery_error_time: None,
            last_error: Some("Nobody answers. Start the server.".to_owned()),
            last_error_time: Some(datetime!(2026-11-22 12:52:01.000_000_9 UTC)),
            last_event: Some(datetime!(2026-11-22 12:52:00.120_999_9 UTC)),
            last_poll: Some(datetime!(2026-11-22 12:52:01.000_000_9 UTC)),
            outbox: Backlog { bytes: 300, events: 1 },
            polls: 3,
            started: datetime!(2026-11-22 12:00:00 UTC),
            state: State::Running,
            trigger: "tick".to_owned(),
            trigger_id: "t".to_owned(),
        };
        expect![[r#"{"events":2,"last_delivery_error":null,"last_delivery_error_time":null,"last_error":"Nobody answers. Start the server.","last_error_time":"2026-11-22T12:52:01Z","last_event":"2026-11-22T12:52:00.12Z","last_poll":"2026-11-22T12:52:01Z","outbox":{"bytes":300,"events":1},"polls":3,"started":"2026-11-22T12:00:00Z","state":"running","trigger":"tick","triggerId":"t"}"#]]
            .assert_eq(&serde_json::to_string(&report).unwrap());
    }

    #[test]
    fn a_look_that_succeeds_leaves_the_last_error_with_its_time() {
        let progress = progress("canary");
        progress.failed(&Failure::service("canary was refused.", "Ask canary."));
        let Notes { polls, last_poll, last_error, .. } = progress.so_far();
        let failed = last_error.unwrap();
        assert_eq!(failed.text, "******** was refused. Ask ********.");
        assert_eq!((polls, last_poll), (1, Some(failed.at)), "a look that failed was a look");
        progress.clone().polled();
        let Notes { polls, last_poll, last_error, .. } = progress.so_far();
        assert_eq!((polls, last_error.unwrap().at), (2, failed.at));
        assert_ne!(last_poll, Some(failed.at));
    }

    #[test]
    fn deliveries_that_fail_are_counted_beside_the_looks() {
        let progress = progress("canary");
        progress.not_delivered("The event was not delivered to http://canary/: the answer was 500");
        progress.not_delivered("The event was not delivered to http://canary/: the answer was 404");
        let notes = progress.so_far();
        assert_eq!((notes.delivery_failures, notes.polls), (2, 0));
        assert!(notes.last_error.is_none());
        assert_eq!(
            notes.last_delivery_error.unwrap().text,
            "The event was not delivered to http://********/: the answer was 404. It is tried again until it is taken."
        );
    }
}
