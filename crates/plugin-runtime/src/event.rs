//! The event that answers a start message, and its JSON.
//!
//! An event is written straight into its destination: an output may hold a file of many gigabytes, and its text is
//! made on the way out.

use std::io;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

pub(crate) use crate::content::Line;
use crate::content::aside;
use crate::failure::Failure;
use crate::handler::Output;
use crate::log::StepLog;
use crate::message::{EventType, MessageError, Meta, StartMessage};

/// What came of a start message. As JSON its keys are sorted.
pub struct Event {
    kind: Option<EventType>,
    meta: Meta,
    log: String,
    outcome: Outcome,
}

impl Event {
    /// The event of type `kind` that tells how a step ended: secrets that `log` knows are masked in the failure's texts,
    /// and the log's lines are in the event.
    pub(crate) fn answer(
        kind: EventType,
        meta: Meta,
        outcome: Result<Output, Failure>,
        log: &StepLog,
    ) -> Self {
        let outcome = match outcome {
            Ok(output) => Outcome::Done(output),
            Err(failure) => Outcome::Failed(log.mask(failure)),
        };
        Self { kind: Some(kind), meta, log: log.take(), outcome }
    }

    /// The event that answers `message` with a failure that came before any step.
    pub(crate) fn failed(message: &StartMessage, failure: Failure) -> Self {
        Self::refused(message.event_type(), message.meta.clone(), failure)
    }

    /// The event that answers a message of which only type and meta are left with a failure that came before any step.
    pub(crate) fn refused(kind: EventType, meta: Meta, failure: Failure) -> Self {
        Self { kind: Some(kind), meta, log: String::new(), outcome: Outcome::Failed(failure) }
    }

    /// The event that a trigger sends to the platform's dispatcher. It has no status.
    pub(crate) fn of_trigger(meta: Meta, output: Output, log: String) -> Self {
        Self { kind: Some(EventType::TriggerEvent), meta, log, outcome: Outcome::Fired(output) }
    }

    /// Why the step failed; `None` when it succeeded.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.outcome {
            Outcome::Failed(failure) => Some(failure),
            Outcome::Done(_) | Outcome::Fired(_) => None,
        }
    }

    /// Writes the event as one line of compact JSON, with a newline at its end.
    ///
    /// # Errors
    /// The destination fails, or a file behind the output cannot be read. A part of the line may be written then.
    pub fn write(&self, mut to: impl io::Write) -> io::Result<()> {
        self.line()?.write(&mut to)
    }

    /// The event's line, which knows how long it is.
    ///
    /// # Errors
    /// The output cannot be written as JSON.
    pub(crate) fn line(&self) -> io::Result<Line> {
        aside::write(self)
    }
}

impl From<MessageError> for Event {
    fn from(error: MessageError) -> Self {
        Self {
            kind: error.event_type,
            meta: error.meta,
            log: String::new(),
            outcome: Outcome::Failed(error.failure),
        }
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_map(Some(3))?;
        event.serialize_entry("body", &Body(self))?;
        event.serialize_entry("type", &self.kind)?;
        event.serialize_entry("version", "v1")?;
        event.end()
    }
}

enum Outcome {
    Done(Output),
    Fired(Output),
    Failed(Failure),
}

struct Body<'e>(&'e Event);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_map(None)?;
        let (output, status) = match &self.0.outcome {
            Outcome::Done(output) => (Some(output), Some("ok")),
            Outcome::Fired(output) => (Some(output), None),
            Outcome::Failed(failure) => {
                body.serialize_entry("error", failure.cause())?;
                if !failure.assistance().is_empty() {
                    body.serialize_entry("exception", &Exception(failure))?;
                }
                (None, Some("error"))
            }
        };
        body.serialize_entry("log", &self.0.log)?;
        body.serialize_entry("meta", &self.0.meta)?;
        if let Some(output) = output {
            body.serialize_entry("output", output)?;
        }
        if let Some(status) = status {
            body.serialize_entry("status", status)?;
        }
        body.end()
    }
}

struct Exception<'f>(&'f Failure);

impl Serialize for Exception<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut exception = serializer.serialize_map(Some(3))?;
        exception.serialize_entry("assistance", self.0.assistance())?;
        exception.serialize_entry("cause", self.0.cause())?;
        exception.serialize_entry("data", self.0.data().unwrap_or_default())?;
        exception.end()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(event: &Event, expected: &Expect) {
        let mut line = Vec::new();
        event.write(&mut line).unwrap();
        expected.assert_eq(std::str::from_utf8(&line).unwrap());
    }

    fn answer(outcome: Result<Output, Failure>) -> Event {
        Event::answer(EventType::ActionEvent, Meta::empty(), outcome, &StepLog::new())
    }

    #[test]
    fn every_outcome_has_its_json() {
        check(
            &answer(Ok(Box::new("out"))),
            &expect![[r#"
                {"body":{"log":"","meta":{},"output":"out","status":"ok"},"type":"action_event","version":"v1"}
            "#]],
        );
        check(
            &answer(Err(Failure::unknown_step("Unknown action \"nope\""))),
            &expect![[r#"
                {"body":{"error":"Unknown action \"nope\"","log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
            "#]],
        );
        check(
            &answer(Err(Failure::service("Login refused.", "Check the password.").with_data("530 no"))),
            &expect![[r#"
                {"body":{"error":"Login refused.","exception":{"assistance":"Check the password.","cause":"Login refused.","data":"530 no"},"log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
            "#]],
        );
        check(
            &Event::of_trigger(Meta::empty(), Box::new(1), "seen\n".to_owned()),
            &expect![[r#"
                {"body":{"log":"seen\n","meta":{},"output":1},"type":"trigger_event","version":"v1"}
            "#]],
        );
        check(
            &StartMessage::parse(b"[]").unwrap_err().into(),
            &expect![[r#"
                {"body":{"error":"The start message is not a JSON object","log":"","meta":null,"status":"error"},"type":null,"version":"v1"}
            "#]],
        );
    }
}
