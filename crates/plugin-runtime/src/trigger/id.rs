//! A trigger's identifier, which is also the name of its files.

use std::borrow::Borrow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::Failure;
use crate::message::Meta;

/// The most characters of an identifier: a file name has 255 at most, and something is added to it.
const MAX_LENGTH: usize = 128;

/// `meta.triggerId`, once it is known to be harmless as a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TriggerId(String);

impl TriggerId {
    /// The identifier in a start message's meta; `None` when the platform gave none.
    ///
    /// # Errors
    /// It is no string, or could lead out of a folder.
    pub(super) fn of(meta: &Meta) -> Result<Option<Self>, Failure> {
        let id = match meta.member("triggerId") {
            Some(Value::String(id)) if !id.is_empty() => id,
            Some(Value::Number(id)) => id.to_string(),
            None | Some(Value::Null | Value::String(_)) => return Ok(None),
            Some(_) => return Err(Failure::message("\"triggerId\" of meta is not a string")),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if id.starts_with('.') || id.len() > MAX_LENGTH || !id.bytes().all(plain) {
            return Err(Failure::message(
                "\"triggerId\" of meta is not usable as a file name: at most 128 letters, digits, '.', '_' and '-', and no \
                 '.' in front",
            ));
        }
        Ok(Some(Self(id)))
    }

    /// The file in `folder` that has the identifier's name and this ending.
    pub(super) fn file(&self, folder: &Path, ending: &str) -> PathBuf {
        folder.join(format!("{self}{ending}"))
    }
}

impl fmt::Display for TriggerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for TriggerId {
    fn borrow(&self) -> &str {
        &self.0
    }
}
