//! Logged-in sessions that are kept for the next one who needs the same login, and the limits of how many there are.
//!
//! Invariant: a session is in one place only: with whoever uses it, or idle in the pool. What was dropped instead of given
//! back — a cancelled request, a failure, a panic — is closed and never seen again.
//!
//! Limits are kept by waiting: first come, first served. `seats` has the rules, `place` the wait, and `reaper` closes what
//! nobody came back for.

mod clients;
mod place;
mod reaper;
mod seats;

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use self::clients::Clients;
use self::place::{Place, Seat};
use self::seats::{Found, Seats};
use crate::config::Config;
use crate::connect::Client;
use crate::counters::Counters;
use crate::error::Error;
use crate::retry::is_turned_away;
use crate::session::Session;

/// How many sessions a [`Pool`] has, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// The most sessions at a time, in use and idle; at least 1.
    pub sessions: usize,
    /// The most sessions at a time on one host and port; at least 1. A server that lets fewer in is found out.
    pub sessions_per_host: usize,
    /// How long a session that nobody uses is kept; with zero, none is.
    pub idle: Duration,
    /// How long to wait for a session when there may be no more of them.
    pub wait: Duration,
}

impl Default for PoolLimits {
    /// For a process that lasts: 64 sessions, 8 of them on one host, kept for a minute; five minutes to wait.
    fn default() -> Self {
        Self {
            sessions: 64,
            sessions_per_host: 8,
            idle: Duration::from_mins(1),
            wait: Duration::from_mins(5),
        }
    }
}

impl PoolLimits {
    /// For a process that ends after one step: every session ends with whoever uses it.
    pub fn one_shot() -> Self {
        Self { idle: Duration::ZERO, ..Self::default() }
    }
}

/// What a [`Pool`] has counted, and what it holds at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStatistics {
    /// How often a server has let a user in.
    pub logins: u64,
    /// Sessions that are open, or about to be: in use and idle.
    pub open: usize,
    /// Sessions that nobody uses.
    pub idle: usize,
    /// How many wait for a session.
    pub waiting: usize,
    /// How often a session that was logged in already served somebody else.
    pub reused: u64,
    /// How many sessions were closed because they were of no use any more.
    pub thrown_away: u64,
    /// How often something was tried again.
    pub retries: u64,
    /// Bytes that came over data connections: files and listings.
    pub bytes_received: u64,
    /// Bytes that went over data connections.
    pub bytes_sent: u64,
}

/// Sessions to any servers, kept by the whole of their configuration. Cheap to clone; clones are the same pool.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use ftp_client::{Config, Credentials, Pool, PoolLimits};
/// use ftp_proto::RemotePath;
///
/// let pool = Pool::new(PoolLimits::default());
/// let client = pool.client(Config::new("ftp.example.org", Credentials::parse("user", "password")?))?;
/// let mut session = pool.session(&client).await?;
/// session.delete(&RemotePath::parse("old.csv")?).await?;
/// session.give_back().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limits: PoolLimits,
    counters: Arc<Counters>,
    state: Mutex<State>,
}

/// What is behind the lock, which is never held over a wait.
#[derive(Debug)]
struct State {
    clients: Clients,
    seats: Seats<Session, oneshot::Sender<(Seat, Found<Session>)>>,
    /// There while a session is idle.
    reaper: Option<JoinHandle<()>>,
}

impl Pool {
    /// A pool without sessions.
    pub fn new(limits: PoolLimits) -> Self {
        let state = State { clients: Clients::default(), seats: Seats::new(limits), reaper: None };
        Self { shared: Arc::new(Shared { limits, counters: Arc::default(), state: Mutex::new(state) }) }
    }

    /// The client for a configuration, with what it has learnt of the server since it was first asked for. The authorities
    /// that check certificates are loaded then as well, once.
    ///
    /// # Errors
    ///
    /// As [`Client::new`].
    pub fn client(&self, config: Config) -> Result<Client, Error> {
        if let Some(known) = self.shared.state().clients.get(&config) {
            return Ok(known);
        }
        // Past the lock, since authorities are read from files.
        let client = Client::counting(Arc::new(config), Arc::clone(&self.shared.counters))?;
        Ok(self.shared.state().clients.keep(client))
    }

    /// Whether sessions that are given back are kept, be it for a while.
    pub fn keeps_sessions(&self) -> bool {
        !self.shared.limits.idle.is_zero()
    }

    /// What was counted so far.
    pub fn statistics(&self) -> PoolStatistics {
        let counters = &self.shared.counters;
        let state = self.shared.state();
        PoolStatistics {
            logins: counters.logins.get(),
            open: state.seats.open(),
            idle: state.seats.idle(),
            waiting: state.seats.waiting(),
            reused: counters.reused.get(),
            thrown_away: counters.thrown_away.get(),
            retries: counters.retries.get(),
            bytes_received: counters.received.get(),
            bytes_sent: counters.sent.get(),
        }
    }

    /// A session of `client`, which is of this pool: an idle one that still is one, or a new one. Waits while there may be
    /// no more.
    ///
    /// A server that turns a session away because it is full, although this pool has others on it, is believed: one of
    /// those is waited for.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`]; [`Error::Timeout`] with [`Wait::Session`](crate::Wait::Session) when none came free.
    pub async fn session(&self, client: &Client) -> Result<Pooled, Error> {
        let mut place = Place::new(&self.shared, client.config());
        loop {
            let (seat, found) = place.seat().await?;
            match found {
                Found::Idle { mut session, since } => {
                    if session.has_lasted(since.elapsed()).await {
                        self.shared.counters.reused.add(1);
                        return Ok(Pooled::new(session, seat));
                    }
                    tracing::debug!("an idle session had ended");
                    self.shared.counters.thrown_away.add(1);
                }
                Found::Room { instead_of: Some(mut session) } => session.leave().await,
                Found::Room { instead_of: None } => {}
            }
            if let Some(session) = open(client, seat).await? {
                return Ok(session);
            }
        }
    }
}

/// A new session; `None` when the server has no room for it, and others of this pool are there to be waited for.
///
/// A server that has let this login in before and is gone now may be restarting, which is worth the usual tries; one that
/// never did is more likely a mistake in the settings, which is told at once.
async fn open(client: &Client, seat: Seat) -> Result<Option<Pooled>, Error> {
    let mut tries = client.tries();
    loop {
        let error = match client.connect_once().await {
            Ok(session) => return Ok(Some(Pooled::new(session, seat))),
            Err(error) => error,
        };
        if is_turned_away(&error) {
            if seat.turned_away() {
                tracing::info!(
                    "The server takes no more sessions ({error}); waiting for one of those there are"
                );
                return Ok(None);
            }
        } else if !client.learnt().let_in {
            return Err(tries.conclude(error));
        }
        tries.again(error).await?;
    }
}

impl Shared {
    /// No code panics while it holds the lock, so a poisoned one still guards sound data.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what there is to those who wait for it.
    fn serve(self: &Arc<Self>) {
        let granted = self.state().seats.grant(Instant::now());
        for (waiting, host, found) in granted {
            // Who has left meanwhile gives it back by being dropped, which takes the lock.
            drop(waiting.send((Seat::new(self, host), found)));
        }
    }
}

impl Drop for Shared {
    /// Nothing of a pool goes on without it. Idle sessions are closed without a word.
    fn drop(&mut self) {
        if let Some(reaper) = self.state().reaper.take() {
            reaper.abort();
        }
    }
}

/// A session of a [`Pool`], used like any other. [`Pooled::give_back`] keeps it for the next one; dropped, it is closed.
#[derive(Debug)]
pub struct Pooled {
    /// Before the seat, so that it is closed when somebody else gets that.
    session: Session,
    seat: Seat,
}

impl Pooled {
    fn new(session: Session, mut seat: Seat) -> Self {
        seat.occupy();
        Self { session, seat }
    }

    /// Gives the session to whoever needs it next. One that cannot be used by others, or is not to be kept, is closed.
    pub async fn give_back(self) {
        let Self { session, seat } = self;
        if session.is_reusable() && seat.may_be_kept_for(session.client()) {
            seat.keep(session);
        } else if session.is_usable() {
            let _seat = seat.vacated();
            session.quit().await;
        }
    }
}

impl Deref for Pooled {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}
