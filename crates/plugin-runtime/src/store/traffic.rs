//! What came and went through an outbox, and what waits in it.

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use tokio::sync::watch;

use super::{MAX_BYTES, MAX_EVENTS};

/// How much waits in the outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Backlog {
    /// Bytes of the events' JSON.
    pub(crate) bytes: u64,
    /// Events.
    pub(crate) events: u64,
}

impl Backlog {
    pub(super) fn has_room(self) -> bool {
        self.events < MAX_EVENTS && self.bytes < MAX_BYTES
    }
}

/// What came and went through the outbox.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    /// What waits.
    pub(crate) backlog: Backlog,
    /// How many events were put in since the store was opened.
    pub(crate) committed: u64,
    /// When the last of them was put in.
    pub(crate) last_event: Option<OffsetDateTime>,
}

/// Shows a store's traffic without keeping the store open; of a closed one, its last.
#[derive(Debug, Clone)]
pub(crate) struct TrafficView(pub(super) watch::Receiver<Traffic>);

impl TrafficView {
    /// The view of a store that could not be opened.
    pub(crate) fn of_none() -> Self {
        Self(watch::Sender::new(Traffic::default()).subscribe())
    }

    pub(crate) fn now(&self) -> Traffic {
        *self.0.borrow()
    }

    /// Waits until the store's file is free for another owner, but not longer than `limit`. Safe to cancel.
    pub(crate) async fn wait_until_closed(&self, limit: Duration) {
        let mut traffic = self.0.clone();
        // The sender goes with the store: that it is gone is the only error there is.
        let _ = tokio::time::timeout(limit, async { while traffic.changed().await.is_ok() {} }).await;
    }
}
