//! A place in the queue for a session, and the seat that comes of it: both are given up by being dropped.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::seats::{Found, Host, Ticket};
use super::{Shared, reaper};
use crate::config::Config;
use crate::connect::Client;
use crate::error::{Error, Wait};
use crate::session::Session;

/// How often whoever waits looks himself whether there is room now. Sessions that come free are told; that a server may be
/// asked for more again is not.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Somebody who wants a session.
pub(super) struct Place<'p> {
    shared: &'p Arc<Shared>,
    config: &'p Arc<Config>,
    host: Host,
    ticket: Ticket,
    deadline: Instant,
}

impl<'p> Place<'p> {
    pub(super) fn new(shared: &'p Arc<Shared>, config: &'p Arc<Config>) -> Self {
        let deadline = Instant::now() + shared.limits.wait;
        Self { shared, config, host: Host::of(config), ticket: shared.state().seats.ticket(), deadline }
    }

    /// Waits for a seat, at the place in the queue that there was from the beginning.
    pub(super) async fn seat(&mut self) -> Result<(Seat, Found<Session>), Error> {
        let (sender, mut receiver) = oneshot::channel();
        let config = Arc::clone(self.config);
        self.shared.state().seats.enter(self.ticket, config, self.host.clone(), sender);
        self.shared.serve();
        if let Ok(granted) = receiver.try_recv() {
            return Ok(granted);
        }
        tracing::info!("All sessions to {} are in use; waiting for one", self.config.server());
        while Instant::now() < self.deadline {
            let next_look = self.deadline.min(Instant::now() + LOOK_AGAIN);
            match timeout_at(next_look, &mut receiver).await {
                Ok(Ok(granted)) => return Ok(granted),
                // The sender is in the queue as long as this place is.
                Ok(Err(_)) => break,
                Err(_) => self.shared.serve(),
            }
        }
        Err(Error::Timeout { wait: Wait::Session, after: self.shared.limits.wait })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shared.state().seats.leave(self.ticket);
    }
}

/// The right to one session on a host; dropped, it is somebody else's.
#[derive(Debug)]
pub(super) struct Seat {
    shared: Arc<Shared>,
    /// `None` once the seat has gone into the pool together with its session.
    host: Option<Host>,
    /// Whether there is a session on it.
    is_occupied: bool,
}

impl Seat {
    pub(super) fn new(shared: &Arc<Shared>, host: Host) -> Self {
        Self { shared: Arc::clone(shared), host: Some(host), is_occupied: false }
    }

    /// Puts a session on it.
    pub(super) fn occupy(&mut self) {
        self.is_occupied = true;
    }

    /// Takes the session off it, which ends in good order.
    pub(super) fn vacated(mut self) -> Self {
        self.is_occupied = false;
        self
    }

    /// Whether the pool keeps sessions, and the server need not have this one back. It has to where a session of the same
    /// client lost its login, as for new TLS tickets, and finds no room any more, which is noted here.
    pub(super) fn may_be_kept_for(&self, client: &Client) -> bool {
        let Some(host) = &self.host else { return false };
        let has_no_room = mem::take(&mut client.learnt().has_no_room);
        let (mut state, now) = (self.shared.state(), Instant::now());
        if has_no_room {
            state.seats.turned_away(host, now);
        }
        !self.shared.limits.idle.is_zero() && state.seats.has_room_for_all(host, now)
    }

    /// Gives seat and session to the pool.
    pub(super) fn keep(mut self, session: Session) {
        let Some(host) = self.host.take() else { return };
        let config = Arc::clone(session.client().config());
        let mut state = self.shared.state();
        state.seats.keep(session, config, host, Instant::now());
        if state.reaper.is_none() {
            state.reaper = Some(reaper::start(&self.shared));
        }
        drop(state);
        self.shared.serve();
    }

    /// Takes the server at its word that it has no room for the session that was to be on this seat, if there are others on
    /// the same server. `false` when there is no other: then there is none to wait for.
    pub(super) fn turned_away(&self) -> bool {
        let Some(host) = &self.host else { return false };
        self.shared.state().seats.turned_away(host, Instant::now())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(host) = self.host.take() else { return };
        if self.is_occupied {
            self.shared.counters.thrown_away.add(1);
        }
        self.shared.state().seats.release(&host, Instant::now());
        self.shared.serve();
    }
}
