//! JSON values as a message has them.
//!
//! With its raw values switched on, `serde_json` takes one key for its own: an object that has it is read as the JSON
//! in the text behind the key, and the nesting is counted anew. A message of 2 MB could exhaust the stack that way.
//! Here every key is a key, so that what limits the nesting of arrays and objects is their depth of 127.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A message has at most this many values. Each may take hundreds of times the memory that its text takes.
const VALUES_LIMIT: usize = 100_000;

/// Reads the value that is written in `raw`. Of duplicate keys the last one counts.
pub(crate) fn value(raw: &RawValue) -> serde_json::Result<Value> {
    Values::new().read(raw)
}

/// Reads values, up to a limit for all of them together.
pub(crate) struct Values {
    left: Cell<usize>,
}

impl Values {
    pub(crate) fn new() -> Self {
        Self { left: Cell::new(VALUES_LIMIT) }
    }

    /// Reads the value that is written in `raw`. Of duplicate keys the last one counts.
    pub(crate) fn read(&self, raw: &RawValue) -> serde_json::Result<Value> {
        let mut json = serde_json::Deserializer::from_str(raw.get());
        let value = Plain(self).deserialize(&mut json)?;
        json.end().map(|()| value)
    }

    /// Counts a value that somebody else reads.
    pub(crate) fn count<E: Error>(&self) -> Result<(), E> {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| E::custom(format_args!("more than {VALUES_LIMIT} values")))?);
        Ok(())
    }
}

struct Plain<'v>(&'v Values);

impl<'de> DeserializeSeed<'de> for Plain<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Plain(self.0))? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key()? {
            object.insert(key, members.next_value_seed(Plain(self.0))?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const RAW: &str = "$serde_json::private::RawValue";

    fn read(text: &str) -> serde_json::Result<Value> {
        value(&RawValue::from_string(text.to_owned()).unwrap())
    }

    #[test]
    fn no_key_means_anything() {
        let text = json!({RAW: "[1]", "a": {RAW: 5}}).to_string();
        let object = read(&text).unwrap();
        assert_eq!(object[RAW], "[1]");
        assert_eq!(object["a"][RAW], 5);
    }

    #[test]
    fn nesting_that_hides_in_texts_does_not_exhaust_the_stack() {
        let mut text = "0".to_owned();
        for _ in 0..120 {
            let hidden = text.replace('\\', r"\u005c").replace('"', r"\u0022");
            text = format!(r#"{}{{"{RAW}":"{hidden}"}}{}"#, "[".repeat(120), "]".repeat(120));
        }
        let mut innermost = &read(&text).unwrap();
        for _ in 0..120 {
            innermost = &innermost[0];
        }
        assert!(innermost[RAW].is_string());
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let nested = |depth| read(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        assert!(nested(127).is_ok());
        assert!(nested(128).unwrap_err().to_string().starts_with("recursion limit exceeded"));
        assert!(nested(100_000).is_err());
    }

    #[test]
    fn too_many_values_are_refused() {
        let list = |items| read(&format!("[{}0]", "0,".repeat(items - 1)));
        assert!(list(VALUES_LIMIT - 1).is_ok());
        let error = list(VALUES_LIMIT).unwrap_err().to_string();
        assert!(error.starts_with("more than 100000 values"), "{error}");
    }

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        assert_eq!(read(r#"{"a": 1, "b": 2, "a": 3}"#).unwrap(), json!({"a": 3, "b": 2}));
    }

    proptest! {
        #[test]
        fn values_are_what_serde_json_makes_of_them(text in "-?[0-9]{1,25}([.][0-9]{1,5})?(e-?[0-9]{1,3})?|\"[ -~]{0,9}\"|null|true|\\[1,\\{\\}\\]") {
            let Ok(expected) = serde_json::from_str::<Value>(&text) else { return Ok(()) };
            prop_assert_eq!(read(&text).unwrap(), expected);
        }
    }
}
