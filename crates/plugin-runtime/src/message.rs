//! The platform's start message, and everything that can be wrong with its shape.
//!
//! The texts of these errors are the platform's own where it has one: workflows match on them.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::json::{self, Values};

mod input;
mod parts;
mod source;

pub use self::input::Input;
use self::parts::{Body, Object, Parts};
use self::source::Broken;
pub(crate) use self::source::SHORT_TEXT;

/// A start message whose shape is sound. What it asks for may still be unknown or invalid.
///
/// `Debug` shows step and meta alone: the connection has a password in it, and the input may be a whole file.
pub struct StartMessage {
    /// What is to be started.
    pub step: Step,
    /// The connection's settings as they came; `{}` when absent.
    pub connection: Value,
    /// The step's input as it came; `{}` when absent.
    pub input: Input,
    /// What every event about this message repeats; `{}` when absent.
    pub meta: Meta,
}

/// What a start message asks for. `Debug` leaves out the dispatcher's URL, which may have a token in it.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// One run of an action.
    Action {
        /// The action's name.
        name: String,
    },
    /// A trigger that runs until it is stopped.
    Trigger {
        /// The trigger's name.
        name: String,
        /// Where its events go: `dispatcher.url`, when it is a string.
        dispatcher_url: Option<String>,
    },
    /// A task. No plugin of this runtime has any.
    Task {
        /// The task's name.
        name: String,
    },
    /// A test of the connection alone.
    ConnectionTest,
}

/// The `type` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// Of an action.
    ActionEvent,
    /// Of a trigger.
    TriggerEvent,
    /// Of a task.
    TaskEvent,
    /// Of a connection test.
    ConnectionTest,
}

/// A message's `meta`, to be echoed verbatim: key order and the text of numbers included.
#[derive(Debug, Clone)]
pub struct Meta(Box<RawValue>);

/// A message that cannot be understood, with what is known for the event that answers it.
#[derive(Debug)]
pub struct MessageError {
    /// The type of the event that answers, when the message's type is known.
    pub event_type: Option<EventType>,
    /// The message's `meta`; `null` when absent.
    pub meta: Meta,
    /// In what way it cannot be understood.
    pub fault: MessageFault,
    /// What is wrong.
    pub failure: Failure,
}

/// In what way a message cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageFault {
    /// There is nothing, or white space.
    Empty,
    /// It is no text in UTF-8, or that text is no JSON.
    NotJson,
    /// It is JSON of another type than an object.
    NotObject,
    /// It is `{}`.
    EmptyObject,
    /// It is an object that lacks something, or has something wrong.
    Shape,
    /// It has more than may be kept of it, or more than whoever gave the reader allows.
    TooLarge,
    /// Whoever sends it failed to do so.
    Unreadable,
}

impl StartMessage {
    /// Reads a start message as it comes, with blocking calls. Of duplicate keys the last one counts.
    ///
    /// Texts of more than 64 KiB directly in the input are decoded on the way to where a [`Content`](crate::Content)
    /// has its bytes, whatever the order of keys. All the rest of the message may have 1 MiB.
    ///
    /// How long a message may be is the reader's business: an error of kind [`io::ErrorKind::FileTooLarge`] is told as
    /// the rest of the sentence that begins with "The start message", as in `has more than 1 TiB`.
    ///
    /// # Errors
    /// The text is not a start message of version `v1`, or cannot be read; the error knows the event's type and meta as
    /// far as the message tells them.
    pub fn read(mut from: impl io::Read) -> Result<Self, MessageError> {
        let values = Values::new();
        let parts = parts::read(&mut from, &values).map_err(MessageError::unreadable)?;
        let event_type = parts.kind.as_deref().map(string_or_text);
        let event_type = EventType::answering(event_type.as_deref().unwrap_or("None"));
        let meta = match &parts.body {
            Object::Members(body) => body.get("meta").map(Meta::compact),
            Object::Missing | Object::Other => None,
        };
        let fault = if parts.is_empty { MessageFault::EmptyObject } else { MessageFault::Shape };
        understand(parts, event_type.as_ref(), meta.clone(), &values).map_err(|failure| MessageError {
            event_type: event_type.ok(),
            meta: meta.unwrap_or_else(Meta::null),
            fault,
            failure,
        })
    }

    /// [Reads](Self::read) a start message that is there as a whole.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        Self::read(bytes)
    }

    /// The type of the events that answer this message.
    pub fn event_type(&self) -> EventType {
        match self.step {
            Step::Action { .. } => EventType::ActionEvent,
            Step::Trigger { .. } => EventType::TriggerEvent,
            Step::Task { .. } => EventType::TaskEvent,
            Step::ConnectionTest => EventType::ConnectionTest,
        }
    }
}

impl fmt::Debug for StartMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartMessage")
            .field("step", &self.step)
            .field("meta", &self.meta)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action { name } => f.debug_struct("Action").field("name", name).finish(),
            Self::Trigger { name, .. } => {
                f.debug_struct("Trigger").field("name", name).finish_non_exhaustive()
            }
            Self::Task { name } => f.debug_struct("Task").field("name", name).finish(),
            Self::ConnectionTest => f.write_str("ConnectionTest"),
        }
    }
}

impl EventType {
    /// The type of the events that answer a message of type `start`.
    fn answering(start: &str) -> Result<Self, Failure> {
        Ok(match start {
            "action_start" => Self::ActionEvent,
            "trigger_start" => Self::TriggerEvent,
            "task_start" => Self::TaskEvent,
            "connection_test" => Self::ConnectionTest,
            _ => return Err(Failure::message(format!("Unsupported message type \"{start}\""))),
        })
    }
}

impl MessageError {
    /// Of a message of which nothing is known.
    fn unreadable(Broken { fault, cause }: Broken) -> Self {
        Self { event_type: None, meta: Meta::null(), fault, failure: Failure::message(cause) }
    }
}

impl Meta {
    /// `{}`, for messages without one.
    pub fn empty() -> Self {
        Self::known("{}")
    }

    /// The value under `key`, when meta is an object that has it.
    pub(crate) fn member(&self, key: &str) -> Option<Value> {
        json::value(object(&self.0)?.get(key)?).ok()
    }

    fn null() -> Self {
        Self::known("null")
    }

    fn known(json: &'static str) -> Self {
        Self(RawValue::from_string(json.to_owned()).unwrap_or_default())
    }

    /// The same JSON without white space between its tokens, since an event is one line.
    fn compact(raw: &RawValue) -> Self {
        let mut compact = String::with_capacity(raw.get().len());
        let (mut in_string, mut escaped) = (false, false);
        for character in raw.get().chars() {
            if in_string || !matches!(character, ' ' | '\t' | '\r' | '\n') {
                compact.push(character);
            }
            match character {
                '"' if !escaped => in_string = !in_string,
                '\\' if in_string => {
                    escaped = !escaped;
                    continue;
                }
                _ => {}
            }
            escaped = false;
        }
        Self(RawValue::from_string(compact).unwrap_or_default())
    }
}

impl Serialize for Meta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl PartialEq for Meta {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// The checks in the platform's order: version, type, body, step.
fn understand(
    parts: Parts,
    event_type: Result<&EventType, &Failure>,
    meta: Option<Meta>,
    values: &Values,
) -> Result<StartMessage, Failure> {
    let Some(version) = parts.version else {
        return Err(Failure::message("\"version\" missing from input message"));
    };
    let version = string_or_text(&version);
    if version != "v1" {
        return Err(Failure::message(format!("Unsupported version '{version}'. Only v1 is supported")));
    }
    let event_type = *event_type.map_err(Clone::clone)?;
    let body = match parts.body {
        Object::Members(body) => body,
        Object::Missing => return Err(Failure::message("\"body\" missing from input message")),
        Object::Other => return Err(Failure::message("\"body\" of input message is not an object")),
    };
    Ok(StartMessage {
        step: step(event_type, &body)?,
        connection: connection(&body, values).map_err(|error| unusable("connection", &error))?,
        input: body
            .input
            .unwrap_or_else(|| Ok(Input::default()))
            .map_err(|error| unusable("input", &error))?,
        meta: meta.unwrap_or_else(Meta::empty),
    })
}

fn connection(body: &Body, values: &Values) -> serde_json::Result<Value> {
    body.get("connection").map_or_else(|| Ok(Value::Object(serde_json::Map::new())), |raw| values.read(raw))
}

fn unusable(part: &str, error: &serde_json::Error) -> Failure {
    Failure::message(format!("\"{part}\" of input message: {error}"))
}

fn step(event_type: EventType, body: &Body) -> Result<Step, Failure> {
    let name = |field: &str| match body.get(field).map(json::value) {
        Some(Ok(Value::String(name))) => Ok(name),
        Some(Ok(Value::Null)) | None => Err(Failure::message(format!(
            "Message is {field}_start but field \"{field}\" is missing from body"
        ))),
        Some(_) => Err(Failure::message(format!(
            "Message is {field}_start but field \"{field}\" of body is not a string"
        ))),
    };
    Ok(match event_type {
        EventType::ActionEvent => Step::Action { name: name("action")? },
        EventType::TaskEvent => Step::Task { name: name("task")? },
        EventType::ConnectionTest => Step::ConnectionTest,
        EventType::TriggerEvent => Step::Trigger {
            name: name("trigger")?,
            dispatcher_url: body
                .get("dispatcher")
                .and_then(object)
                .and_then(|dispatcher| serde_json::from_str(dispatcher.get("url")?.get()).ok()),
        },
    })
}

/// A JSON object's members, unparsed.
type Members<'m> = BTreeMap<String, &'m RawValue>;

/// The members of an object; `None` for any other value.
fn object(raw: &RawValue) -> Option<Members<'_>> {
    serde_json::from_str(raw.get()).ok()
}

/// A string's characters, or any other value's text; `null` reads as the platform says it.
fn string_or_text(raw: &RawValue) -> String {
    match json::value(raw) {
        Ok(Value::String(text)) => text,
        Ok(Value::Null) => "None".to_owned(),
        _ => raw.get().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    /// Every row: the message, and the event type, meta and text that answer it.
    #[test]
    fn a_broken_shape_is_answered_in_the_platforms_words() {
        let rows = [
            ("", "null", "null", "The start message is empty; a JSON object is expected"),
            (" \n", "null", "null", "The start message is empty; a JSON object is expected"),
            (
                r#"{"version": "v1", "#,
                "null",
                "null",
                "The start message is not JSON: EOF while parsing a value at line 1 column 18",
            ),
            (
                r#"{} {}"#,
                "null",
                "null",
                "The start message is not JSON: trailing characters at line 1 column 4",
            ),
            ("[]", "null", "null", "The start message is not a JSON object"),
            ("null", "null", "null", "The start message is not a JSON object"),
            (r#""v1""#, "null", "null", "The start message is not a JSON object"),
            ("{}", "null", "null", r#""version" missing from input message"#),
            (
                r#"{"type":"action_start","body":{"action":"a"}}"#,
                r#""action_event""#,
                "null",
                r#""version" missing from input message"#,
            ),
            (
                r#"{"version":"v2","type":"action_start","body":{"action":"a","meta":{}}}"#,
                r#""action_event""#,
                "{}",
                "Unsupported version 'v2'. Only v1 is supported",
            ),
            (
                r#"{"version":null,"type":"task_start"}"#,
                r#""task_event""#,
                "null",
                "Unsupported version 'None'. Only v1 is supported",
            ),
            (
                r#"{"version":1,"type":"connection_test","body":{}}"#,
                r#""connection_test""#,
                "null",
                "Unsupported version '1'. Only v1 is supported",
            ),
            (
                r#"{"version":"v1","type":"foo_start","body":{"meta":{}}}"#,
                "null",
                "{}",
                r#"Unsupported message type "foo_start""#,
            ),
            (r#"{"version":"v1","body":{}}"#, "null", "null", r#"Unsupported message type "None""#),
            (r#"{"version":"v1","type":null}"#, "null", "null", r#"Unsupported message type "None""#),
            (r#"{"version":"v1","type":7}"#, "null", "null", r#"Unsupported message type "7""#),
            (
                r#"{"version":"v1","type":"action_start"}"#,
                r#""action_event""#,
                "null",
                r#""body" missing from input message"#,
            ),
            (
                r#"{"version":"v1","type":"action_start","body":null}"#,
                r#""action_event""#,
                "null",
                r#""body" of input message is not an object"#,
            ),
            (
                r#"{"version":"v1","type":"action_start","body":{"meta":{"a":1}}}"#,
                r#""action_event""#,
                r#"{"a":1}"#,
                r#"Message is action_start but field "action" is missing from body"#,
            ),
            (
                r#"{"version":"v1","type":"trigger_start","body":{"trigger":null}}"#,
                r#""trigger_event""#,
                "null",
                r#"Message is trigger_start but field "trigger" is missing from body"#,
            ),
            (
                r#"{"version":"v1","type":"task_start","body":{"task":5}}"#,
                r#""task_event""#,
                "null",
                r#"Message is task_start but field "task" of body is not a string"#,
            ),
        ];
        for (message, event_type, meta, text) in rows {
            let error = StartMessage::parse(message.as_bytes()).unwrap_err();
            assert_eq!(serde_json::to_string(&error.event_type).unwrap(), event_type, "{message}");
            assert_eq!(serde_json::to_string(&error.meta).unwrap(), meta, "{message}");
            assert_eq!(error.failure, Failure::message(text), "{message}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_refused() {
        let error = StartMessage::parse(b"{\"version\":\"\xff\"}").unwrap_err();
        assert!(error.failure.cause().starts_with("The start message is not UTF-8"), "{}", error.failure);
    }

    #[test]
    fn absent_parts_are_empty_objects_and_null_stays_null() {
        let parse = |body: &str| {
            let text = format!(r#"{{"version":"v1","type":"action_start","body":{body}}}"#);
            StartMessage::parse(text.as_bytes()).unwrap()
        };
        let message = parse(r#"{"action":"a"}"#);
        assert_eq!(message.step, Step::Action { name: "a".to_owned() });
        assert_eq!((message.connection, message.input.json), (serde_json::json!({}), serde_json::json!({})));
        assert_eq!(message.meta, Meta::empty());
        let message = parse(r#"{"action":"a","connection":null,"meta":null}"#);
        assert_eq!((message.connection, message.meta), (Value::Null, Meta::null()));
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = br#"{"version":"v1","type":"trigger_start","body":{"trigger":"t","meta":{"a":1},
            "connection":{"password":"canary"},"input":{"content":"canary"},
            "dispatcher":{"url":"http://u:canary@h/?token=canary"}}}"#;
        let message = StartMessage::parse(text).unwrap();
        expect![[r#"StartMessage { step: Trigger { name: "t", .. }, meta: Meta(RawValue({"a":1})), .. }"#]]
            .assert_eq(&format!("{message:?}"));
    }

    #[test]
    fn of_duplicate_keys_the_last_one_counts() {
        let text = br#"{"version":"v2","version":"v1","type":"action_start",
            "body":{"action":"a","action":"b","input":{"x":1},"input":{"x":2,"x":3}}}"#;
        let message = StartMessage::parse(text).unwrap();
        assert_eq!(message.step, Step::Action { name: "b".to_owned() });
        assert_eq!(message.input.json, serde_json::json!({"x": 3}));
    }

    #[test]
    fn meta_is_echoed_verbatim_on_one_line() {
        let rows = [
            (
                "{ \"b\" : 1.0 ,\n \"a\" : [ 1e3, 123456789012345678901234567890 ] }",
                r#"{"b":1.0,"a":[1e3,123456789012345678901234567890]}"#,
            ),
            (r#"{"s" : "a \" b \\" , "t" : "\n x"}"#, r#"{"s":"a \" b \\","t":"\n x"}"#),
            (r#" "text with  blanks" "#, r#""text with  blanks""#),
        ];
        for (meta, expected) in rows {
            let text = format!(r#"{{"version":"v1","type":"connection_test","body":{{"meta":{meta}}}}}"#);
            let message = StartMessage::parse(text.as_bytes()).unwrap();
            assert_eq!(serde_json::to_string(&message.meta).unwrap(), expected);
        }
    }

    #[test]
    fn a_trigger_message_names_its_dispatcher() {
        let rows = [
            (r#"{"url":"http://h/","webhook_url":""}"#, Some("http://h/")),
            (r#"{"webhook_url":""}"#, None),
            (r#"{"url":null}"#, None),
            ("null", None),
        ];
        for (dispatcher, url) in rows {
            let text = format!(
                r#"{{"version":"v1","type":"trigger_start","body":{{"trigger":"t","dispatcher":{dispatcher}}}}}"#
            );
            let step = StartMessage::parse(text.as_bytes()).unwrap().step;
            let dispatcher_url = url.map(str::to_owned);
            assert_eq!(step, Step::Trigger { name: "t".to_owned(), dispatcher_url }, "{dispatcher}");
        }
    }

    #[test]
    fn every_fault_has_its_name() {
        let rows = [
            (" \n", MessageFault::Empty),
            ("{", MessageFault::NotJson),
            ("{} {}", MessageFault::NotJson),
            ("[{}]", MessageFault::NotObject),
            ("7", MessageFault::NotObject),
            ("{ }", MessageFault::EmptyObject),
            (r#"{"a":1}"#, MessageFault::Shape),
            (r#"{"version":"v1","type":"action_start"}"#, MessageFault::Shape),
        ];
        for (text, fault) in rows {
            assert_eq!(StartMessage::parse(text.as_bytes()).unwrap_err().fault, fault, "{text}");
        }
        assert_eq!(StartMessage::parse(b"\"\xff\"").unwrap_err().fault, MessageFault::NotJson);
    }

    #[test]
    fn numbers_that_are_too_large_are_refused_where_they_are_used_and_echoed_where_they_are_not() {
        let text = |body: &str| {
            format!(
                r#"{{"version":"v1","type":"action_start","body":{{"action":"a","meta":{{"n":1}},{body}}}}}"#
            )
        };
        for part in ["connection", "input"] {
            let error =
                StartMessage::parse(text(&format!(r#""{part}":{{"a":1e999}}"#)).as_bytes()).unwrap_err();
            assert_eq!(error.fault, MessageFault::Shape);
            assert_eq!(serde_json::to_string(&error.meta).unwrap(), r#"{"n":1}"#);
            let cause = error.failure.cause();
            assert!(
                cause.starts_with(&format!("\"{part}\" of input message: number out of range")),
                "{cause}"
            );
        }
        let digits = "1234567890".repeat(4);
        let meta = format!(r#"{{"a":1e999,"b":{digits},"c":"\ud800"}}"#);
        let message = StartMessage::parse(text(&format!(r#""meta":{meta}"#)).as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&message.meta).unwrap(), meta);
    }
}
