//! Which triggers a process has, and which of them may start.

use std::collections::BTreeMap;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::watch;

use super::Progress;
use super::id::TriggerId;
use super::status::{Notes, State, Totals, TriggerReport, parted};
use crate::failure::Failure;
use crate::log::StepLog;
use crate::stop::{Stop, StopSource};
use crate::store::TrafficView;

/// The most triggers of one process, those that have ended and were not deleted included.
pub(super) const MAX_TRIGGERS: usize = 1000;

/// The triggers of a process: those that run, and those that have ended and were not deleted.
#[derive(Default)]
pub(super) struct List {
    pub(super) entries: BTreeMap<TriggerId, Arc<Entry>>,
    /// What is being started or stopped right now.
    pub(super) changing: BTreeMap<TriggerId, Change>,
    /// The counts of entries that are no more.
    past: Totals,
    pub(super) closed: bool,
}

/// What is being done with a trigger.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Starting,
    Stopping,
}

/// One trigger of the list.
pub(super) struct Entry {
    pub(super) id: TriggerId,
    pub(super) trigger: String,
    pub(super) started: OffsetDateTime,
    pub(super) progress: Progress,
    pub(super) traffic: TrafficView,
    pub(super) state: watch::Sender<State>,
    pub(super) stop: StopSource,
}

impl List {
    /// Whether a trigger with this identifier may start now.
    ///
    /// # Errors
    /// It runs, is being started or stopped, or there are too many.
    pub(super) fn admits(&self, id: &TriggerId) -> Result<(), Failure> {
        if self.closed {
            return Err(Failure::conflict(
                "This process is ending and starts no trigger any more",
                "Start the trigger again when the process is back.",
            ));
        }
        if self.changing.get(id) == Some(&Change::Stopping) {
            return Err(Failure::conflict(
                format!("The trigger {id} is being stopped"),
                "Start it again when it has ended.",
            ));
        }
        if self.changing.contains_key(id) || self.entries.get(id).is_some_and(|entry| entry.is_running()) {
            return Err(Failure::conflict(
                format!("The trigger {id} runs in this process already"),
                "Stop it first, or start this one with another triggerId.",
            ));
        }
        if !self.entries.contains_key(id) && self.places() >= MAX_TRIGGERS {
            return Err(Failure::conflict(
                format!("There are {MAX_TRIGGERS} triggers in this process, and it takes no more"),
                "Delete those that are not needed any more, or start this one in another process.",
            ));
        }
        Ok(())
    }

    fn places(&self) -> usize {
        self.entries.len() + self.changing.keys().filter(|id| !self.entries.contains_key(*id)).count()
    }

    /// Puts a trigger on the list, in place of one that has ended.
    pub(super) fn put(&mut self, entry: Arc<Entry>) {
        if let Some(old) = self.entries.insert(entry.id.clone(), entry) {
            self.past = self.past + old.totals().counters();
        }
    }

    /// Puts a trigger on the list that could not be resumed, unless somebody has started it meanwhile.
    pub(super) fn put_failed(&mut self, id: TriggerId, trigger: String, failure: Failure) {
        if self.admits(&id).is_ok() {
            self.put(Arc::new(Entry::failed(id, trigger, failure)));
        }
    }

    /// Takes a trigger off the list; what it did still counts.
    pub(super) fn delete(&mut self, id: &TriggerId) {
        if let Some(old) = self.entries.remove(id) {
            self.past = self.past + old.totals().counters();
        }
    }

    /// What all triggers did together, those of the past included.
    pub(super) fn totals(&self) -> Totals {
        self.entries.values().fold(self.past, |sum, entry| sum + entry.totals())
    }
}

impl Entry {
    /// A trigger that could not start.
    fn failed(id: TriggerId, trigger: String, failure: Failure) -> Self {
        let progress = Progress::new(StepLog::new());
        progress.ended_by(failure);
        Self {
            id,
            trigger,
            started: OffsetDateTime::now_utc(),
            progress,
            traffic: TrafficView::of_none(),
            state: watch::Sender::new(State::Failed),
            stop: Stop::new().0,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        *self.state.borrow() == State::Running
    }

    /// Waits until it runs no more. Safe to cancel.
    pub(super) async fn ended(&self) {
        // The sender lives in this very entry, so the channel cannot close.
        let _ = self.state.subscribe().wait_for(|state| *state != State::Running).await;
    }

    pub(super) fn report(&self) -> TriggerReport {
        // Before the rest: an error that ended the trigger is noted before the state says so.
        let state = *self.state.borrow();
        let (Notes { polls, last_poll, last_error, last_delivery_error, .. }, traffic) =
            (self.progress.so_far(), self.traffic.now());
        let (last_error, last_error_time) = parted(last_error);
        let (last_delivery_error, last_delivery_error_time) = parted(last_delivery_error);
        TriggerReport {
            events: traffic.committed,
            last_delivery_error,
            last_delivery_error_time,
            last_error,
            last_error_time,
            last_event: traffic.last_event,
            last_poll,
            outbox: traffic.backlog,
            polls,
            started: self.started,
            state,
            trigger: self.trigger.clone(),
            trigger_id: self.id.to_string(),
        }
    }

    fn totals(&self) -> Totals {
        let (notes, traffic) = (self.progress.so_far(), self.traffic.now());
        Totals {
            running: self.is_running().into(),
            polls: notes.polls,
            events: traffic.committed,
            outbox_events: traffic.backlog.events,
            delivery_failures: notes.delivery_failures,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::message::StartMessage;

    fn id(id: &str) -> TriggerId {
        let text = format!(
            r#"{{"version":"v1","type":"trigger_start","body":{{"trigger":"tick","meta":{{"triggerId":"{id}"}}}}}}"#
        );
        TriggerId::of(&StartMessage::parse(text.as_bytes()).unwrap().meta).unwrap().unwrap()
    }

    fn entry(name: &str, state: State) -> Arc<Entry> {
        let entry = Entry::failed(id(name), "tick".to_owned(), Failure::message("failed"));
        entry.state.send_replace(state);
        Arc::new(entry)
    }

    fn refusal(list: &List, name: &str) -> Option<String> {
        list.admits(&id(name)).err().map(|failure| {
            assert_eq!(failure.kind(), crate::FailureKind::Conflict);
            failure.cause().to_owned()
        })
    }

    #[test]
    fn a_trigger_may_start_while_no_other_has_its_identifier() {
        let mut list = List::default();
        list.put(entry("runs", State::Running));
        list.put(entry("ended", State::Ended));
        list.put(entry("failed", State::Failed));
        list.put(entry("stops", State::Failed));
        list.changing.insert(id("stops"), Change::Stopping);
        list.changing.insert(id("starts"), Change::Starting);
        let rows = [
            ("new", None),
            ("ended", None),
            ("failed", None),
            ("runs", Some("The trigger runs runs in this process already")),
            ("starts", Some("The trigger starts runs in this process already")),
            ("stops", Some("The trigger stops is being stopped")),
        ];
        for (name, expected) in rows {
            assert_eq!(refusal(&list, name).as_deref(), expected, "{name}");
        }
        list.closed = true;
        assert_eq!(
            refusal(&list, "new").as_deref(),
            Some("This process is ending and starts no trigger any more")
        );
    }

    #[test]
    fn a_full_list_takes_only_those_that_it_has() {
        let mut list = List::default();
        for number in 1..MAX_TRIGGERS {
            list.put(entry(&format!("t{number}"), State::Ended));
        }
        list.changing.insert(id("t1"), Change::Starting);
        assert_eq!(refusal(&list, "new"), None, "one place is left");
        list.changing.insert(id("last"), Change::Starting);
        assert_eq!(
            refusal(&list, "new").as_deref(),
            Some("There are 1000 triggers in this process, and it takes no more")
        );
        assert_eq!(refusal(&list, "t2"), None);
    }

    #[test]
    fn counters_do_not_fall_when_a_trigger_is_replaced_or_deleted() {
        let mut list = List::default();
        let first = entry("t", State::Running);
        first.progress.polled();
        first.progress.not_delivered("refused");
        list.put(first);
        assert_eq!(list.totals(), Totals { running: 1, polls: 1, delivery_failures: 1, ..Totals::default() });
        let second = entry("t", State::Running);
        second.progress.polled();
        list.put(second);
        assert_eq!(list.totals(), Totals { running: 1, polls: 2, delivery_failures: 1, ..Totals::default() });
        list.delete(&id("t"));
        list.delete(&id("t"));
        assert_eq!(list.totals(), Totals { polls: 2, delivery_failures: 1, ..Totals::default() });
    }

    #[test]
    fn a_trigger_that_could_not_be_resumed_is_listed_unless_somebody_started_it() {
        let mut list = List::default();
        list.put(entry("runs", State::Running));
        for name in ["runs", "new"] {
            list.put_failed(id(name), "tick".to_owned(), Failure::service("Down.", "Wait."));
        }
        let report = |name: &str| serde_json::to_value(list.entries[name].report()).unwrap();
        assert_eq!(report("runs")["state"], "running");
        let failed = report("new");
        assert_eq!((&failed["state"], &failed["last_error"]), (&"failed".into(), &"Down. Wait.".into()));
        assert_eq!((&failed["last_poll"], &failed["trigger"]), (&Value::Null, &"tick".into()));
    }
}
