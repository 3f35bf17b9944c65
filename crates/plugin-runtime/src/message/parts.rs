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
                // The last one counts, so the contents of this one need not be kept meanwhile.
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
