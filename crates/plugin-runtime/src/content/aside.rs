//! How a large content gets out through serde: beside it.
//!
//! A serialiser takes a text as a whole, looks at each of its characters, and copies it once more. A content in a file is
//! put aside instead while the event around it is written: an empty text stands in its place, and whoever writes the event
//! knows where. So is its digest, which may still be in the making.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::rc::Rc;

use super::line::{Line, Piece};

thread_local! {
    static ASIDE: RefCell<Option<Aside>> = const { RefCell::new(None) };
}

/// What is put aside of the value that is being written.
struct Aside {
    written: Rc<Cell<usize>>,
    pieces: Vec<(usize, Piece)>,
}

/// Writes a value as one line of JSON, with its large contents and what is not there yet put aside.
///
/// # Errors
/// The value cannot be written as JSON.
pub(crate) fn write(value: &impl serde::Serialize) -> io::Result<Line> {
    let written = Rc::new(Cell::new(0));
    let _guard = Guard::put(Aside { written: Rc::clone(&written), pieces: Vec::new() });
    let mut text = Counted { text: Vec::new(), written };
    serde_json::to_writer(&mut text, value)?;
    let pieces = ASIDE.take().map(|aside| aside.pieces).unwrap_or_default();
    Ok(Line::new(text.text, pieces))
}

/// Puts a piece aside, if whoever is writing wants that. The text that stands in its place comes next.
pub(super) fn put(piece: Piece) -> bool {
    ASIDE.with_borrow_mut(|aside| match aside {
        Some(aside) => {
            // Behind the quote with which the text will begin.
            aside.pieces.push((aside.written.get() + 1, piece));
            true
        }
        None => false,
    })
}

/// Takes the place away again, however the writing ends.
struct Guard;

impl Guard {
    fn put(aside: Aside) -> Self {
        ASIDE.set(Some(aside));
        Self
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        ASIDE.set(None);
    }
}

/// A text that tells how long it is by now.
struct Counted {
    text: Vec<u8>,
    written: Rc<Cell<usize>>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        self.written.set(self.text.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::content::Content;
    use crate::content::testing::in_file;

    #[test]
    fn contents_leave_their_places_and_small_ones_stay() {
        let value = (in_file(b"one"), "between \u{e9}\"", Content::from(b"two".to_vec()), in_file(b"three"));
        let mut whole = Vec::new();
        write(&value).unwrap().write(&mut whole).unwrap();
        let found: serde_json::Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(found, json!(["b25l", "between \u{e9}\"", "dHdv", "dGhyZWU="]));
    }

    #[test]
    fn a_value_that_cannot_be_written_leaves_nothing_behind() {
        let unwritable = std::collections::BTreeMap::from([(vec![1], in_file(b"x"))]);
        assert!(write(&unwritable).is_err());
        assert_eq!(serde_json::to_string(&in_file(b"one")).unwrap(), "\"b25l\"");
    }
}
