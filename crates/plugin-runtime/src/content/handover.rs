//! How a content that exists already gets through serde into the field that is of its type.
//!
//! serde's data model knows numbers, texts and bytes, and no values of ours; and what a visitor gives is of a type that
//! its deserializer cannot name. So the two ends agree on the name of a newtype struct, and the content itself waits
//! beside the call, in a place of this thread, for the moment between `give` and `take`.

use std::cell::Cell;

use serde::de::Visitor;

use super::Content;

/// What a [`Content`] asks a deserializer for. None but ours knows it; to others it is a text in a newtype struct.
pub(crate) const NAME: &str = "$plugin_runtime::Content";

thread_local! {
    static HANDED_OVER: Cell<Option<Content>> = const { Cell::new(None) };
}

/// Gives `content` to the visitor of a [`Content`], which takes it.
pub(crate) fn give<'de, V: Visitor<'de>, E: serde::de::Error>(
    content: Content,
    visitor: V,
) -> Result<V::Value, E> {
    HANDED_OVER.set(Some(content));
    let visited = visitor.visit_unit();
    // A visitor that is not the one whose name was asked for leaves it behind.
    drop(take());
    visited
}

/// The content that is being handed over.
pub(super) fn take() -> Option<Content> {
    HANDED_OVER.take()
}
