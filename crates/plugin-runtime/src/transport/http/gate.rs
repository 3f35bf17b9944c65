//! How much goes on at once: requests in flight are limited, and after a shutdown no new work begins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts the steps under way, and lets no more of them in than there may be.
#[derive(Debug)]
pub(super) struct Gate {
    slots: Arc<Semaphore>,
    most: usize,
    is_shutting_down: AtomicBool,
}

/// The right to run one step; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Slot(#[expect(dead_code, reason = "held for its drop alone")] OwnedSemaphorePermit);

impl Gate {
    pub(super) fn new(most: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(most)), most, is_shutting_down: AtomicBool::new(false) }
    }

    /// A slot, unless as many steps run as may.
    pub(super) fn enter(&self) -> Option<Slot> {
        Arc::clone(&self.slots).try_acquire_owned().ok().map(Slot)
    }

    /// How many steps run.
    pub(super) fn active(&self) -> usize {
        self.most - self.slots.available_permits()
    }

    /// No new work from now on. Work under way goes on.
    pub(super) fn shut_down(&self) {
        self.is_shutting_down.store(true, Ordering::Release);
    }

    pub(super) fn is_shutting_down(&self) -> bool {
        self.is_shutting_down.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_enter_as_there_are_slots_and_leave_by_being_dropped() {
        let gate = Gate::new(2);
        let (first, second) = (gate.enter(), gate.enter());
        assert!(first.is_some() && second.is_some() && gate.enter().is_none());
        assert_eq!(gate.active(), 2);
        drop(first);
        assert_eq!(gate.active(), 1);
        assert!(gate.enter().is_some());
    }

    #[test]
    fn a_shutdown_is_remembered() {
        let gate = Gate::new(1);
        assert!(!gate.is_shutting_down());
        gate.shut_down();
        assert!(gate.is_shutting_down());
    }
}
