//! What sessions count: logins, tries, bytes. One set for all sessions that belong together, and none for the whole process.

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers that only grow.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// How often a server has let a user in.
    pub(crate) logins: Counter,
    /// How often a session that was logged in already served somebody else.
    pub(crate) reused: Counter,
    /// How many sessions of the pool were closed because they were of no use any more.
    pub(crate) thrown_away: Counter,
    /// How often something was tried again.
    pub(crate) retries: Counter,
    /// Bytes that came over data connections.
    pub(crate) received: Counter,
    /// Bytes that went over data connections.
    pub(crate) sent: Counter,
}

/// A number that anybody may add to at any time. Nothing else depends on when that is seen.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, number: usize) {
        self.0.fetch_add(number as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
