//! Closes sessions that were idle for too long. Runs only while there are any, and never without its pool.

use std::sync::{Arc, Weak};

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::Shared;

pub(super) fn start(shared: &Arc<Shared>) -> JoinHandle<()> {
    tokio::spawn(reap(Arc::downgrade(shared)))
}

async fn reap(pool: Weak<Shared>) {
    while let Some(next) = pool.upgrade().and_then(|shared| shared.next_to_end()) {
        sleep_until(next).await;
        let ended = pool.upgrade().map(|shared| {
            let ended = shared.state().seats.take_expired(Instant::now());
            shared.serve();
            ended
        });
        for session in ended.into_iter().flatten() {
            session.quit().await;
        }
    }
}

impl Shared {
    /// When the next idle session has been so for too long. With none the reaper is told to end.
    fn next_to_end(&self) -> Option<Instant> {
        let mut state = self.state();
        let longest = state.seats.longest_idle_since();
        if longest.is_none() {
            state.reaper = None;
        }
        longest.map(|since| since + self.limits.idle)
    }
}
