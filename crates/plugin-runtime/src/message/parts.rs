//! A message taken apart as it comes, whatever the order of its keys.
//!
//! What a member is good for depends on others that may follow it. So each that is known is kept as it stands there, and
//! understood later; only an input's members are read at once, because they may be long.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::MessageFault;
use super::input::Input;
use super::source::{Broken, SHORT_TEXT, Source, Text};
use crate::json::Values;

/// An input has at most this many long texts: each may have 1 MiB in memory, or an open file.
const LONG_TEXTS: usize = 16;

/// The members of `body` that are kept as they are.
const KNOWN: [&str; 6] = ["action", "connection", "dispatcher", "meta", "task", "trigger"];

/// What a message has. Of duplicate keys the last one counts.
#[derive(Default)]
pub(super) struct Parts {
    /// Whether it has no members at all.
    pub(super) is_empty: bool,
    pub(super) version: Option<Box<RawValue>>,
    pub(super) kind: Option<Box<RawValue>>,
    pub(super) body: Object<Body>,
}

/// A part that should be an object.
#[derive(Default)]
pub(super) enum Object<T> {
    #[default]
    Missing,
    Other,
    Members(T),
}

/// What a message's body has.
#[derive(Default)]
pub(super) struct Body {
    known: BTreeMap<&'static str, Box<RawValue>>,
    /// The input, or why it cannot be understood.
    pub(super) input: Option<serde_json::Result<Input>>,
}

impl Body {
    /// A member that is kept as it is.
    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        self.known.get(name).map(|raw| &**raw)
    }
}

/// Takes a message apart.
pub(super) fn read(from: &mut dyn io::Read, values: &Values) -> Result<Parts, Broken> {
    let source = Source::new(from);
    read_all(&source, values).map_err(|error| source.broken(&error))
}

fn read_all(source: &Source<'_>, values: &Values) -> serde_json::Result<Parts> {
    if source.is_at_end().map_err(serde_json::Error::custom)? {
        let cause = "The start message is empty; a JSON object is expected".to_owned();
        return Err(serde_json::Error::custom(source.halt(MessageFault::Empty, cause)));
    }
    let mut json = serde_json::Deserializer::from_reader(source);
    let parts = ObjectSeed { source, of: Message { values } }.deserialize(&mut json)?;
    json.end()?;
    let Object::Members(parts) = parts else {
        let cause = "The start message is not a JSON object".to_owned();
        return Err(serde_json::Error::custom(source.halt(MessageFault::NotObject, cause)));
    };
    Ok(parts)
}

/// What to do with the members of an object.
trait Members {
    type Value;

    /// Reads all of them.
    fn read<'de, A: MapAccess<'de>>(self, source: &Source<'_>, members: A) -> Result<Self::Value, A::Error>;
}

/// Reads an object by its members, and skips any other value.
struct ObjectSeed<'s, 'r, M> {
    source: &'s Source<'r>,
    of: M,
}

impl<'de, M: Members> DeserializeSeed<'de> for ObjectSeed<'_, '_, M> {
    type Value = Object<M::Value>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        if self.source.follows(b'{').map_err(D::Error::custom)? {
            json.deserialize_map(self).map(Object::Members)
        } else {
            IgnoredAny::deserialize(json).map(|_| Object::Other)
        }
    }
}

impl<'de, M: Members> Visitor<'de> for ObjectSeed<'_, '_, M> {
    type Value = M::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<M::Value, A::Error> {
        self.of.read(self.source, members)
    }
}

/// The next member's name.
fn next_name<'de, A: MapAccess<'de>>(
    source: &Source<'_>,
    members: &mut A,
) -> Result<Option<String>, A::Error> {
    source.enter("the name of a member");
    let name = members.next_key()?;
    source.enter("a member that is not known");
    Ok(name)
}

struct Message<'v> {
    values: &'v Values,
}

impl Members for Message<'_> {
    type Value = Parts;

    fn read<'de, A: MapAccess<'de>>(self, source: &Source<'_>, mut members: A) -> Result<Parts, A::Error> {
        let mut parts = Parts { is_empty: true, ..Parts::default() };
        while let Some(name) = next_name(source, &mut members)? {
            parts.is_empty = false;
            match name.as_str() {
                "version" => parts.version = Some(members.next_value()?),
                "type" => parts.kind = Some(members.next_value()?),
                "body" => {
                    // The last one counts, so the contents of this one need not be kept meanwhile.
                    parts.body = Object::Missing;
                    let body = ObjectSeed { source, of: BodyMembers { values: self.values } };
                    parts.body = members.next_value_seed(body)?;
                }
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(parts)
    }
}

struct BodyMembers<'v> {
    values: &'v Values,
}

impl Members for BodyMembers<'_> {
    type Value = Body;

    fn read<'de, A: MapAccess<'de>>(self, source: &Source<'_>, mut members: A) -> Result<Body, A::Error> {
        let mut body = Body::default();
        while let Some(name) = next_name(source, &mut members)? {
            if name == "input" {
                // Likewise.
                body.input = None;
                body.input = Some(members.next_value_seed(InputSeed { source, values: self.values })?);
            } else if let Some(known) = KNOWN.into_iter().find(|known| *known == name) {
                source.enter(known);
                body.known.insert(known, members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(body)
    }
}

/// Reads an input, of whatever type it is.
struct InputSeed<'s, 'r, 'v> {
    source: &'s Source<'r>,
    values: &'v Values,
}

impl<'de> DeserializeSeed<'de> for InputSeed<'_, '_, '_> {
    type Value = serde_json::Result<Input>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        self.source.enter("input");
        if self.source.follows(b'{').map_err(D::Error::custom)? {
            json.deserialize_map(ObjectSeed { source: self.source, of: InputMembers { values: self.values } })
        } else {
            let raw = Box::<RawValue>::deserialize(json)?;
            Ok(self.values.read(&raw).map(Input::from))
        }
    }
}

struct InputMembers<'v> {
    values: &'v Values,
}

impl Members for InputMembers<'_> {
    type Value = serde_json::Result<Input>;

    fn read<'de, A: MapAccess<'de>>(
        self,
        source: &Source<'_>,
        mut members: A,
    ) -> Result<serde_json::Result<Input>, A::Error> {
        let mut input = Input::default();
        let mut outcome = Ok(());
        while let Some(name) = next_name(source, &mut members)? {
            source.enter("input");
            // Likewise.
            input.long.remove(&name);
            match members.next_value_seed(Member { source })? {
                Value::Text(Text::Long(text)) => input.insert_long(name, text),
                Value::Text(Text::Short(text)) => {
                    outcome = outcome.and(self.values.count());
                    input.insert(name, text.into());
                }
                Value::Json(raw) => match self.values.read(&raw) {
                    Ok(value) => input.insert(name, value),
                    Err(error) => outcome = outcome.and(Err(error)),
                },
            }
            if input.long.len() > LONG_TEXTS {
                let cause = format!(
                    "The start message is too large: its input has more than {LONG_TEXTS} texts of more than {SHORT_TEXT} \
                     bytes"
                );
                return Err(A::Error::custom(source.halt(MessageFault::TooLarge, cause)));
            }
        }
        Ok(outcome.map(|()| input))
    }
}

/// Reads a member of an input: a text at once, anything else as it stands there.
struct Member<'s, 'r> {
    source: &'s Source<'r>,
}

enum Value {
    Text(Text),
    Json(Box<RawValue>),
}

impl<'de> DeserializeSeed<'de> for Member<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        if self.source.follows(b'"').map_err(D::Error::custom)? {
            // `serde_json` goes on behind the text, as if it had read it.
            self.source.text().map(Value::Text).map_err(D::Error::custom)
        } else {
            Box::<RawValue>::deserialize(json).map(Value::Json)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::content::Content;
    use crate::message::StartMessage;

    /// A message whose input has these members.
    fn with_input(members: &str) -> String {
        format!(r#"{{"body":{{"input":{{{members}}},"action":"a"}},"type":"action_start","version":"v1"}}"#)
    }

    fn input(members: &str) -> Input {
        StartMessage::parse(with_input(members).as_bytes()).unwrap().input
    }

    fn refusal(text: &str) -> (MessageFault, String) {
        let error = StartMessage::parse(text.as_bytes()).unwrap_err();
        (error.fault, error.failure.cause().to_owned())
    }

    /// Base64 text of as many bytes, three of which are given for each group.
    fn long_text(groups: usize) -> String {
        "YWJj".repeat(groups)
    }

    const LONG: usize = SHORT_TEXT / 4 + 1;

    fn bytes_of(content: &Content) -> Vec<u8> {
        let (mut reader, mut bytes, mut block) = (content.reader(), Vec::new(), [0; 1000]);
        loop {
            match reader.read(&mut block).unwrap() {
                0 => return bytes,
                count => bytes.extend_from_slice(&block[..count]),
            }
        }
    }

    #[test]
    fn a_text_is_long_beyond_64_kib() {
        let (short, long) = (long_text(LONG - 1), long_text(LONG));
        let input = input(&format!(r#""short":"{short}","long":"{long}""#));
        assert_eq!(input.get("short"), Some(&json!(short)));
        assert_eq!(input.get("long"), None);
        let content = input.long["long"].as_ref().unwrap();
        assert!(bytes_of(content) == b"abc".repeat(LONG));
    }

    #[test]
    fn a_long_text_may_be_escaped_and_have_line_breaks() {
        let slashes = r"\/".repeat(4 * LONG);
        let lines = format!("{}\\r\\n", long_text(19)).repeat(1000);
        let units = r"\u0059WJj".repeat(LONG);
        let input = input(&format!(
            r#""slashes":"{slashes}","lines":"{lines}","more":"{slashes}","units":"{units}""#
        ));
        assert_eq!(input.long["slashes"].as_ref().unwrap().len(), 3 * LONG as u64);
        assert!(bytes_of(input.long["lines"].as_ref().unwrap()) == b"abc".repeat(19_000));
        assert!(bytes_of(input.long["units"].as_ref().unwrap()) == b"abc".repeat(LONG));
    }

    #[test]
    fn of_duplicate_texts_the_last_one_counts_whatever_their_lengths() {
        let (short, long, longer) = ("YWJj", long_text(LONG), long_text(LONG + 1));
        let both = |first: &str, second: &str| input(&format!(r#""a":"{first}","a":"{second}""#));
        let input = both(&long, short);
        assert_eq!((input.get("a"), input.long.len()), (Some(&json!(short)), 0));
        let input = both(short, &long);
        assert_eq!((input.get("a"), input.long.len()), (None, 1));
        let length = |input: &Input| input.long["a"].as_ref().unwrap().len();
        assert_eq!(length(&both(&long, &longer)), 3 * (LONG as u64 + 1));
        assert_eq!(length(&both(&longer, &long)), 3 * LONG as u64);

        let text = format!(
            r#"{{"version":"v1","type":"action_start","body":{{"action":"a","input":{{"a":"{long}"}},"input":{{"b":1}}}}}}"#
        );
        let input = StartMessage::parse(text.as_bytes()).unwrap().input;
        assert_eq!((input.json, input.long.len()), (json!({"b": 1}), 0));
    }

    #[test]
    fn what_is_no_base64_is_kept_as_such() {
        let input = input(&format!(r#""a":"{}!","b":1"#, long_text(LONG)));
        let error = input.long["a"].as_ref().unwrap_err();
        assert_eq!(error.to_string(), format!("not base64: character '!' at offset {}", 4 * LONG));
        assert_eq!(input.get("b"), Some(&json!(1)));
    }

    #[test]
    fn an_input_of_another_type_is_kept_for_the_check() {
        for other in ["null", "[1,{\"a\":2}]", "\"text\"", "5"] {
            let text = format!(
                r#"{{"version":"v1","type":"action_start","body":{{"action":"a","input":{other}}}}}"#
            );
            let input = StartMessage::parse(text.as_bytes()).unwrap().input;
            assert_eq!(input.json.to_string(), other);
        }
    }

    #[test]
    fn a_message_that_ends_in_a_text_says_where() {
        let whole = with_input(&format!(r#""a":"{}""#, long_text(LONG)));
        for len in [whole.find("YW").unwrap() + 5, whole.len() - 70] {
            let (fault, cause) = refusal(&whole[..len]);
            assert_eq!(fault, MessageFault::NotJson);
            assert_eq!(
                cause,
                format!("The start message is not JSON: EOF while parsing a string at line 1 column {len}")
            );
        }
    }

    #[test]
    fn a_fault_behind_a_long_text_is_where_it_is() {
        let text = format!("{{\"body\":\n{{\"input\":{{\"a\":\"{}\" \"b\"", long_text(LONG));
        let column = text.len() - text.find('\n').unwrap() - 3;
        let (_, cause) = refusal(&text);
        assert_eq!(
            cause,
            format!("The start message is not JSON: expected `,` or `}}` at line 2 column {column}")
        );
    }

    #[test]
    fn a_text_that_json_does_not_allow_is_refused() {
        let rows = [
            ("\\x", 2, "invalid escape"),
            ("\\u00g0", 5, "invalid escape"),
            ("a\nb", 2, "control character (\\u0000-\\u001F) found while parsing a string"),
            ("\\ud800", 7, "lone surrogate in hex escape"),
            ("\\ud800\\n", 8, "lone surrogate in hex escape"),
            ("\\ud800\\u0041", 12, "lone surrogate in hex escape"),
            ("\\udc00\\ud800", 6, "lone surrogate in hex escape"),
        ];
        for (text, at, expected) in rows {
            for before in [String::new(), long_text(LONG)] {
                let message = with_input(&format!(r#""a":"{before}{text}""#));
                let column = message.find(&format!("{before}{text}")).unwrap() + before.len() + at;
                let expected = format!("The start message is not JSON: {expected} at line 1 column {column}");
                assert_eq!(refusal(&message), (MessageFault::NotJson, expected), "{text}");
            }
        }
    }

    #[test]
    fn only_long_texts_may_be_large_and_the_rest_is_named() {
        let large = "x".repeat(1 << 20);
        let meta = format!(
            r#"{{"version":"v1","type":"action_start","body":{{"action":"a","meta":"{large}","connection":{{}}}}}}"#
        );
        let rows = [
            (meta, "meta"),
            (with_input(&format!(r#""{large}":1"#)), "the name of a member"),
            (with_input(&vec![format!(r#""a":"{}""#, &large[..SHORT_TEXT]); 300].join(",")), "input"),
        ];
        for (text, part) in rows {
            let (fault, cause) = refusal(&text);
            assert_eq!(fault, MessageFault::TooLarge, "{part}");
            let expected =
                "The start message is too large: beside the contents in its input it may have 1 MiB, and ";
            assert_eq!(cause, format!("{expected}{part} goes beyond that"));
        }
    }

    #[test]
    fn an_input_has_a_limited_number_of_long_texts() {
        let long = long_text(LONG);
        let members = |count: usize| {
            let members: Vec<_> = (0..count).map(|number| format!(r#""{number}":"{long}""#)).collect();
            with_input(&members.join(","))
        };
        assert!(StartMessage::parse(members(16).as_bytes()).is_ok());
        let (fault, cause) = refusal(&members(17));
        assert_eq!(fault, MessageFault::TooLarge);
        assert_eq!(
            cause,
            "The start message is too large: its input has more than 16 texts of more than 65536 bytes"
        );
    }

    #[test]
    fn the_long_texts_of_a_message_share_the_memory_that_one_may_have() {
        let long = long_text(230_000);
        let input = input(&format!(r#""one":"{long}","two":"{long}","three":"{}""#, long_text(LONG)));
        let memory = |name: &str| input.long[name].as_ref().unwrap().memory();
        assert_eq!((memory("one"), memory("two"), memory("three")), (690_000, 0, 3 * LONG));
        assert!(bytes_of(input.long["two"].as_ref().unwrap()) == b"abc".repeat(230_000));
    }

    /// Ends with an error.
    struct Failing(io::ErrorKind);

    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::new(self.0, "has more than 5 bytes"))
        }
    }

    #[test]
    fn a_reader_says_what_ended_the_message() {
        let read = |text: &str, kind| {
            let error = StartMessage::read(text.as_bytes().chain(Failing(kind))).unwrap_err();
            (error.fault, error.failure.cause().to_owned())
        };
        for text in ["", "{\"a\"", r#"{"body":{"input":{"a":"text"#] {
            let too_large = (MessageFault::TooLarge, "The start message has more than 5 bytes".to_owned());
            assert_eq!(read(text, io::ErrorKind::FileTooLarge), too_large);
            let unreadable = "The start message cannot be read: has more than 5 bytes".to_owned();
            assert_eq!(read(text, io::ErrorKind::ConnectionReset), (MessageFault::Unreadable, unreadable));
        }
    }

    /// Gives as many bytes at a time.
    struct Slow<'t> {
        text: &'t [u8],
        step: usize,
    }

    impl Read for Slow<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let count = self.step.min(buf.len());
            (&mut self.text).take(count as u64).read(buf)
        }
    }

    #[test]
    fn characters_may_be_cut_anywhere() {
        let text = with_input(r#""é":"ü€𝄞","b":["𝄞"]"#);
        for step in 1..9 {
            let input = StartMessage::read(Slow { text: text.as_bytes(), step }).unwrap().input;
            assert_eq!(input.json, json!({"é": "ü€𝄞", "b": ["𝄞"]}), "{step} bytes at a time");
        }
        let cut = text.find('𝄞').unwrap() + 2;
        let error = StartMessage::read(&text.as_bytes()[..cut]).unwrap_err();
        let expected = format!("The start message is not UTF-8: there is no character at byte {}", cut - 2);
        assert_eq!(error.failure.cause(), expected);
    }

    proptest! {
        #[test]
        fn a_short_text_is_what_serde_json_makes_of_it(
            text in r#"([a-f0-9"é𝄞\\/]|\\["\\/bfnrtu]|\\u[0-9a-fA-F]{4}|\\ud8[0-9a-f]{2}\\ud[c-f][0-9a-f]{2}){0,12}"#,
            step in 1usize..20,
        ) {
            let text = with_input(&format!(r#""a":"{text}""#));
            let expected = serde_json::from_str::<serde_json::Value>(&text);
            let read = StartMessage::read(Slow { text: text.as_bytes(), step });
            prop_assert_eq!(expected.is_ok(), read.is_ok(), "{}", text);
            if let (Ok(expected), Ok(read)) = (expected, read) {
                prop_assert_eq!(&expected["body"]["input"], &read.input.json);
            }
        }
    }
}
