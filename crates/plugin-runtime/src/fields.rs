//! Fields as the types of connections and steps read them: JSON values, and contents that exist already.

use std::collections::{BTreeMap, btree_map};

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value};

use crate::content::{Content, NotBase64, handover};

/// Fields that fit their properties.
pub(crate) struct Fields(BTreeMap<String, Field>);

/// One field's value.
pub(crate) enum Field {
    /// A value.
    Json(Value),
    /// A long text that a property takes as bytes.
    Content(Result<Content, NotBase64>),
}

impl FromIterator<(String, Field)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, Field)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl From<Map<String, Value>> for Fields {
    fn from(values: Map<String, Value>) -> Self {
        values.into_iter().map(|(name, value)| (name, Field::Json(value))).collect()
    }
}

/// The fields as serde takes them. An error inside a field's value is preceded by the field's name, which `serde_json`
/// does not tell.
impl IntoDeserializer<'_, Error> for Fields {
    type Deserializer = MapAccessDeserializer<FieldAccess>;

    fn into_deserializer(self) -> Self::Deserializer {
        MapAccessDeserializer::new(FieldAccess { fields: self.0.into_iter(), value: None })
    }
}

/// Gives the fields one by one.
pub(crate) struct FieldAccess {
    fields: btree_map::IntoIter<String, Field>,
    /// The field whose name was given.
    value: Option<(String, Field)>,
}

impl<'de> MapAccess<'de> for FieldAccess {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.value = self.fields.next();
        let name = self.value.as_ref().map(|(name, _)| seed.deserialize(name.as_str().into_deserializer()));
        name.transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (name, field) =
            self.value.take().ok_or_else(|| Error::custom("a value was asked for before its name"))?;
        let read = match field {
            Field::Json(value) => seed.deserialize(value),
            Field::Content(content) => seed.deserialize(ContentDeserializer(content)),
        };
        read.map_err(|error| Error::custom(format_args!("'{name}': {error}")))
    }
}

/// Gives a content to a field of type [`Content`], and to nothing else.
struct ContentDeserializer(Result<Content, NotBase64>);

impl<'de> Deserializer<'de> for ContentDeserializer {
    type Error = Error;

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == handover::NAME {
            handover::give(self.0.map_err(Error::custom)?, visitor)
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        Err(Error::invalid_type(Unexpected::Other("the bytes of a long text"), &visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(content: Result<Content, NotBase64>) -> Result<T, String> {
        let fields = [
            ("a".to_owned(), Field::Json(json!(1))),
            ("content".to_owned(), Field::Content(content)),
            ("z".to_owned(), Field::Json(json!(2))),
        ];
        T::deserialize(Fields::from_iter(fields).into_deserializer()).map_err(|error| error.to_string())
    }

    fn hello() -> Content {
        Content::from(b"hello".to_vec())
    }

    #[test]
    fn a_content_gets_through_whatever_its_type_is_wrapped_in() {
        #[derive(Deserialize)]
        struct Wrapped(Content);

        #[derive(Deserialize)]
        struct Typed<T> {
            a: u8,
            content: T,
            z: u8,
        }

        fn length<T: for<'de> Deserialize<'de>>(content: impl FnOnce(T) -> Content) -> u64 {
            let Typed { a, content: value, z } = read::<Typed<T>>(Ok(hello())).unwrap();
            assert_eq!((a, z), (1, 2));
            content(value).len()
        }

        assert_eq!(length::<Content>(|content| content), 5);
        assert_eq!(length::<Option<Content>>(Option::unwrap), 5);
        assert_eq!(length::<Option<Box<Content>>>(|content| *content.unwrap()), 5);
        assert_eq!(length::<Wrapped>(|content| content.0), 5);
    }

    #[test]
    fn a_type_that_ignores_a_content_leaves_nothing_behind() {
        #[derive(Deserialize)]
        struct Other {
            z: u8,
        }

        assert_eq!(read::<Other>(Ok(hello())).unwrap().z, 2);
        assert!(serde_json::from_str::<Content>("null").is_err());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "the reading alone is tried")]
        struct Typed<T> {
            content: T,
        }

        let wrong_type = read::<Typed<String>>(Ok(hello())).unwrap_err();
        assert_eq!(wrong_type, "'content': invalid type: the bytes of a long text, expected a string");
        let not_base64 = Err(NotBase64::Character { character: '!', at: 4 });
        let not_base64 = read::<Typed<Option<Content>>>(not_base64).unwrap_err();
        assert_eq!(not_base64, "'content': not base64: character '!' at offset 4");
    }
}
