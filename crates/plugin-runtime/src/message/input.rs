//! A step's input as a message brings it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::content::LongText;

/// A step's input as it came: JSON, but for the long texts directly in it, which were decoded on the way in.
///
/// Whether they are what the step takes is found out when the input is checked. `Debug` shows no values.
pub struct Input {
    /// The whole input. An empty text stands for each long one.
    pub(crate) json: Value,
    /// The long texts by their names.
    pub(crate) long: BTreeMap<String, LongText>,
}

impl Input {
    /// The value under `name`; `None` when the input is no object or has no such member, or when it is a long text.
    pub fn get(&self, name: &str) -> Option<&Value> {
        if self.long.contains_key(name) { None } else { self.json.get(name) }
    }

    /// Sets a member, in the place of an earlier one of that name.
    pub(super) fn insert(&mut self, name: String, value: Value) {
        self.long.remove(&name);
        if let Value::Object(members) = &mut self.json {
            members.insert(name, value);
        }
    }

    /// Sets a member that is a long text, likewise.
    pub(super) fn insert_long(&mut self, name: String, text: LongText) {
        self.insert(name.clone(), Value::String(String::new()));
        self.long.insert(name, text);
    }
}

/// `{}`, the input of messages without one.
impl Default for Input {
    fn default() -> Self {
        Value::Object(Map::new()).into()
    }
}

impl From<Value> for Input {
    fn from(json: Value) -> Self {
        Self { json, long: BTreeMap::new() }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").finish_non_exhaustive()
    }
}
