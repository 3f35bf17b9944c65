//! A group of properties, and the check of values against it.

use std::collections::{BTreeMap, btree_map};
use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use jsonschema::{Validator, draft4};
use serde::Deserialize;
use serde_json::Value;

use super::{Property, Spec};

/// Named properties: a connection, an input, an output or a custom type. They are read like the map that they are.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "BTreeMap<String, Property>")]
pub struct Properties {
    by_name: BTreeMap<String, Property>,
    /// Made when the first values are checked: that takes hundreds of times as long as a check.
    validator: OnceLock<Result<Validator, String>>,
}

impl Properties {
    /// What checks values against these properties of `spec`.
    ///
    /// # Errors
    /// Why they make no valid schema.
    pub(crate) fn validator(&self, spec: &Spec) -> Result<&Validator, &str> {
        let made = self.validator.get_or_init(|| {
            let mut schema = spec.schema(self);
            drop_formats(&mut schema);
            draft4::new(&schema).map_err(|error| error.to_string())
        });
        made.as_ref().map_err(String::as_str)
    }
}

impl From<BTreeMap<String, Property>> for Properties {
    fn from(by_name: BTreeMap<String, Property>) -> Self {
        Self { by_name, validator: OnceLock::new() }
    }
}

impl Deref for Properties {
    type Target = BTreeMap<String, Property>;

    fn deref(&self) -> &Self::Target {
        &self.by_name
    }
}

impl<'p> IntoIterator for &'p Properties {
    type Item = (&'p String, &'p Property);
    type IntoIter = btree_map::Iter<'p, String, Property>;

    fn into_iter(self) -> Self::IntoIter {
        self.by_name.iter()
    }
}

/// Takes the formats out of a schema: they are the platform's words for its forms. An option of the validator would say the
/// same, but its options are generic, and all of the validator would be compiled into this crate a second time.
fn drop_formats(schema: &mut Value) {
    let Value::Object(schema) = schema else { return };
    schema.remove("format");
    for (keyword, part) in schema {
        match (keyword.as_str(), part) {
            ("properties" | "definitions", Value::Object(schemas)) => {
                schemas.values_mut().for_each(drop_formats);
            }
            ("items", item) => drop_formats(item),
            _ => {}
        }
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.by_name.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn formats_of_values_are_dropped_and_names_and_examples_are_not() {
        let mut schema = json!({
            "definitions": {"day": {"type": "string", "format": "date-time"}},
            "properties": {
                "format": {"type": "array", "items": {"type": "string", "format": "bytes"}},
                "mode": {"enum": [{"format": "binary"}], "default": {"format": "binary"}},
            },
        });
        drop_formats(&mut schema);
        assert_eq!(
            schema,
            json!({
                "definitions": {"day": {"type": "string"}},
                "properties": {
                    "format": {"type": "array", "items": {"type": "string"}},
                    "mode": {"enum": [{"format": "binary"}], "default": {"format": "binary"}},
                },
            })
        );
    }
}
