//! A group of properties, and the check of values against it.

use std::collections::{BTreeMap, btree_map};
use std::fmt;
use std::ops::Deref;
use std::sync::OnceLock;

use jsonschema::{Draft, Validator};
use serde::Deserialize;

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
            let options = jsonschema::options().with_draft(Draft::Draft4).should_validate_formats(false);
            options.build(&spec.schema(self)).map_err(|error| error.to_string())
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

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.by_name.fmt(f)
    }
}
