//! Who gets which session and who waits: the pool's rules, without a socket and without a clock.
//!
//! Whoever came first is served first, as far as there is something for him: one who waits for a host holds up nobody who
//! wants another one.

use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::PoolLimits;
use crate::config::Config;

/// How long a server that turned us away is not asked for more sessions. After that it is asked for one more at a time.
const CAUTION: Duration = Duration::from_mins(1);

/// A place in the order in which everybody came.
pub(super) type Ticket = u64;

/// Where the sessions of one server end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Host {
    name: String,
    port: u16,
}

impl Host {
    pub(super) fn of(config: &Config) -> Self {
        Self { name: config.host.to_lowercase(), port: config.port }
    }
}

/// What somebody gets who asked for a session. A seat comes with either.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<S> {
    /// A session that was idle since then.
    Idle { session: S, since: Instant },
    /// Room for a new one, perhaps in place of an idle one, which has to be closed first.
    Room { instead_of: Option<S> },
}

/// Sessions `S`, the seats that they are on, and those who wait for one, each known by its `W`.
#[derive(Debug)]
pub(super) struct Seats<S, W> {
    limits: PoolLimits,
    open: usize,
    hosts: HashMap<Host, Taken>,
    /// The one that was idle longest comes first.
    idle: Vec<Idle<S>>,
    /// Each is somebody's who does nothing else meanwhile, so there are never more than there are requests.
    waiting: BTreeMap<Ticket, Waiting<W>>,
    tickets: Ticket,
}

/// The seats of one host.
#[derive(Debug, Default)]
struct Taken {
    open: usize,
    /// There after the host has turned one of ours away.
    fewer: Option<Fewer>,
}

/// How many sessions a host seems to allow, and until when that is believed.
#[derive(Debug)]
struct Fewer {
    sessions: usize,
    until: Instant,
}

#[derive(Debug)]
struct Idle<S> {
    session: S,
    config: Arc<Config>,
    host: Host,
    since: Instant,
}

#[derive(Debug)]
struct Waiting<W> {
    config: Arc<Config>,
    host: Host,
    who: W,
}

impl<S, W> Seats<S, W> {
    pub(super) fn new(limits: PoolLimits) -> Self {
        Self {
            limits,
            open: 0,
            hosts: HashMap::new(),
            idle: Vec::new(),
            waiting: BTreeMap::new(),
            tickets: 0,
        }
    }

    /// How many seats are taken, by sessions in use and by idle ones.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    pub(super) fn idle(&self) -> usize {
        self.idle.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A place behind everybody else's.
    pub(super) fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        self.tickets
    }

    /// Has somebody wait for a session.
    pub(super) fn enter(&mut self, ticket: Ticket, config: Arc<Config>, host: Host, who: W) {
        self.waiting.insert(ticket, Waiting { config, host, who });
    }

    /// Somebody does not wait any more, if he still did.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// Gives out what there is, in the order in which everybody came.
    pub(super) fn grant(&mut self, now: Instant) -> Vec<(W, Host, Found<S>)> {
        let mut granted = Vec::new();
        for (ticket, waiting) in mem::take(&mut self.waiting) {
            match self.find(&waiting.config, &waiting.host, now) {
                Some(found) => granted.push((waiting.who, waiting.host, found)),
                None => drop(self.waiting.insert(ticket, waiting)),
            }
        }
        granted
    }

    /// An idle session of the same login, else room for one; idle sessions of other logins give way.
    fn find(&mut self, config: &Arc<Config>, host: &Host, now: Instant) -> Option<Found<S>> {
        // The last one that came back is the least likely to have ended meanwhile, and lets the others go to rest.
        if let Some(last) = self.idle.iter().rposition(|idle| idle.config == *config) {
            let Idle { session, since, .. } = self.idle.remove(last);
            return Some(Found::Idle { session, since });
        }
        let (on_host, most) = (self.open_on(host), self.most_on(host, now));
        let instead_of = if on_host > most {
            return None;
        } else if on_host == most {
            Some(self.evict(|idle| idle.host == *host)?)
        } else if self.open >= self.limits.sessions.max(1) {
            Some(self.evict(|_| true)?)
        } else {
            None
        };
        self.open += 1;
        self.hosts.entry(host.clone()).or_default().open += 1;
        Some(Found::Room { instead_of })
    }

    /// Takes the seat from the session that was idle longest among those that `may` lose theirs.
    fn evict(&mut self, may: impl Fn(&Idle<S>) -> bool) -> Option<S> {
        let longest = self.idle.iter().position(may)?;
        let Idle { session, host, .. } = self.idle.remove(longest);
        self.free(&host);
        Some(session)
    }

    fn open_on(&self, host: &Host) -> usize {
        self.hosts.get(host).map_or(0, |taken| taken.open)
    }

    /// The most sessions on a host. Once its own limit is known, that grows by one each time it has been kept to for long
    /// enough.
    fn most_on(&mut self, host: &Host, now: Instant) -> usize {
        let most = self.limits.sessions_per_host.max(1);
        let Some(taken) = self.hosts.get_mut(host) else { return most };
        let Some(fewer) = &mut taken.fewer else { return most };
        if fewer.until <= now {
            *fewer = Fewer { sessions: fewer.sessions + 1, until: now + CAUTION };
        }
        let allowed = fewer.sessions.min(most);
        if allowed == most {
            taken.fewer = None;
        }
        allowed
    }

    /// Takes a session back, together with its seat.
    pub(super) fn keep(&mut self, session: S, config: Arc<Config>, host: Host, now: Instant) {
        self.idle.push(Idle { session, config, host, since: now });
    }

    /// Takes a seat back.
    pub(super) fn release(&mut self, host: &Host, now: Instant) {
        self.free(host);
        // What a server allows is forgotten with the last session on it, but not before it may be asked again.
        let is_known = |taken: &Taken| taken.fewer.as_ref().is_some_and(|fewer| fewer.until > now);
        self.hosts.retain(|_, taken| taken.open > 0 || is_known(taken));
    }

    fn free(&mut self, host: &Host) {
        if let Some(taken) = self.hosts.get_mut(host) {
            taken.open -= 1;
            self.open -= 1;
        }
    }

    /// A host has turned the session away that was to be on one of its seats. `false` when it was the only one: then there
    /// is none to wait for.
    pub(super) fn turned_away(&mut self, host: &Host, now: Instant) -> bool {
        let Some(taken) = self.hosts.get_mut(host) else { return false };
        let others = taken.open - 1;
        if others > 0 {
            taken.fewer = Some(Fewer { sessions: others, until: now + CAUTION });
        }
        others > 0
    }

    /// Whether a host has no more sessions than it may have.
    pub(super) fn has_room_for_all(&mut self, host: &Host, now: Instant) -> bool {
        self.open_on(host) <= self.most_on(host, now)
    }

    /// Since when the session is idle that is so longest.
    pub(super) fn longest_idle_since(&self) -> Option<Instant> {
        self.idle.first().map(|idle| idle.since)
    }

    /// Takes those out that were idle for too long.
    pub(super) fn take_expired(&mut self, now: Instant) -> Vec<S> {
        let limit = self.limits.idle;
        let expired: Vec<_> = self.idle.extract_if(.., |idle| idle.since + limit <= now).collect();
        expired
            .into_iter()
            .map(|idle| {
                self.release(&idle.host, now);
                idle.session
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Credentials;

    /// Sessions are known by numbers, and those who wait by names.
    struct Desk {
        seats: Seats<u32, &'static str>,
        now: Instant,
    }

    impl Desk {
        fn new(sessions: usize, sessions_per_host: usize) -> Self {
            let limits = PoolLimits { sessions, sessions_per_host, ..PoolLimits::default() };
            Self { seats: Seats::new(limits), now: Instant::now() }
        }

        /// Has somebody ask for a session, and tells what is given out then.
        fn ask(&mut self, who: &'static str, login: &str) -> String {
            let config = config(login);
            let ticket = self.seats.ticket();
            self.seats.enter(ticket, Arc::clone(&config), Host::of(&config), who);
            self.granted()
        }

        fn release(&mut self, login: &str) -> String {
            self.seats.release(&Host::of(&config(login)), self.now);
            self.granted()
        }

        fn keep(&mut self, session: u32, login: &str) -> String {
            let config = config(login);
            self.seats.keep(session, Arc::clone(&config), Host::of(&config), self.now);
            self.granted()
        }

        fn turned_away(&mut self, login: &str) -> bool {
            self.seats.turned_away(&Host::of(&config(login)), self.now)
        }

        fn granted(&mut self) -> String {
            let granted = self.seats.grant(self.now).into_iter().map(|(who, _, found)| match found {
                Found::Idle { session, .. } => format!("{who}: {session}"),
                Found::Room { instead_of: None } => format!("{who}: new"),
                Found::Room { instead_of: Some(session) } => format!("{who}: new for {session}"),
            });
            granted.collect::<Vec<_>>().join(", ")
        }
    }

    /// A login `user@host`.
    fn config(login: &str) -> Arc<Config> {
        let (user, host) = login.split_once('@').unwrap();
        Arc::new(Config::new(host, Credentials::parse(user, "canary").unwrap()))
    }

    #[test]
    fn a_session_comes_back_to_its_own_login_only() {
        let mut desk = Desk::new(10, 10);
        assert_eq!(desk.ask("a", "me@h"), "a: new");
        assert_eq!(desk.keep(1, "me@h"), "");
        assert_eq!(desk.ask("b", "you@h"), "b: new");
        assert_eq!(desk.ask("c", "me@other"), "c: new");
        assert_eq!(desk.ask("d", "me@h"), "d: 1");
        assert_eq!((desk.seats.open(), desk.seats.idle(), desk.seats.waiting()), (3, 0, 0));
    }

    #[test]
    fn the_last_one_that_came_back_is_the_first_to_leave() {
        let mut desk = Desk::new(10, 10);
        desk.ask("a", "me@h");
        desk.ask("b", "me@h");
        desk.keep(1, "me@h");
        desk.keep(2, "me@h");
        assert_eq!(desk.ask("c", "me@h"), "c: 2");
        assert_eq!(desk.ask("d", "me@h"), "d: 1");
    }

    #[test]
    fn whoever_comes_first_is_served_first() {
        let mut desk = Desk::new(10, 1);
        assert_eq!(desk.ask("a", "me@h"), "a: new");
        assert_eq!(desk.ask("b", "you@h"), "");
        assert_eq!(desk.ask("c", "me@h"), "");
        // Nobody on another host waits for them.
        assert_eq!(desk.ask("d", "me@other"), "d: new");
        // The session is of c's login, and the seat is b's all the same.
        assert_eq!(desk.keep(1, "me@h"), "b: new for 1");
        assert_eq!(desk.release("you@h"), "c: new");
        assert_eq!(desk.seats.waiting(), 0);
    }

    #[test]
    fn idle_sessions_give_way_those_of_the_host_or_all_as_is_needed() {
        let mut desk = Desk::new(2, 1);
        desk.ask("a", "me@h");
        desk.keep(1, "me@h");
        desk.ask("b", "me@other");
        desk.keep(2, "me@other");
        assert_eq!(desk.ask("c", "you@other"), "c: new for 2");
        assert_eq!(desk.ask("d", "me@third"), "d: new for 1");
        assert_eq!(desk.ask("e", "me@fourth"), "");
        assert_eq!(desk.seats.open(), 2);
        assert_eq!(desk.release("me@third"), "e: new");
    }

    #[test]
    fn one_who_has_left_gets_nothing() {
        let mut desk = Desk::new(1, 1);
        desk.ask("a", "me@h");
        assert_eq!(desk.ask("b", "me@h"), "");
        assert_eq!(desk.ask("c", "me@h"), "");
        desk.seats.leave(2);
        assert_eq!(desk.keep(1, "me@h"), "c: 1");
    }

    #[test]
    fn a_server_that_is_full_is_believed_and_asked_for_one_more_after_a_while() {
        let mut desk = Desk::new(10, 4);
        for who in ["a", "b", "c"] {
            assert_eq!(desk.ask(who, "me@h"), format!("{who}: new"));
        }
        // The third is one too many, and waits with its seat given up.
        assert!(desk.turned_away("me@h"));
        assert_eq!(desk.release("me@h"), "");
        assert_eq!(desk.ask("c", "me@h"), "");
        assert_eq!(desk.ask("d", "me@h"), "");
        assert_eq!(desk.ask("elsewhere", "me@other"), "elsewhere: new");
        assert_eq!(desk.keep(1, "me@h"), "c: 1");

        desk.now += CAUTION;
        assert_eq!(desk.granted(), "d: new");
        assert_eq!(desk.ask("e", "me@h"), "");
        desk.now += CAUTION;
        assert_eq!(desk.granted(), "e: new");
        // This is the pool's own limit again.
        desk.now += CAUTION;
        assert_eq!(desk.ask("f", "me@h"), "");
    }

    #[test]
    fn a_session_that_lost_its_login_has_another_one_make_room() {
        let mut desk = Desk::new(10, 4);
        let host = Host::of(&config("me@h"));
        desk.ask("a", "me@h");
        desk.ask("b", "me@h");
        assert!(desk.seats.has_room_for_all(&host, desk.now));
        // a is to log in again and finds no room; b is the one that comes back.
        assert!(desk.turned_away("me@h"));
        assert!(!desk.seats.has_room_for_all(&host, desk.now));
        assert_eq!(desk.ask("c", "me@h"), "");
        assert_eq!(desk.release("me@h"), "");
        assert!(desk.seats.has_room_for_all(&host, desk.now));
    }

    #[test]
    fn a_session_that_is_the_only_one_has_none_to_wait_for() {
        let mut desk = Desk::new(10, 4);
        desk.ask("a", "me@h");
        assert!(!desk.turned_away("me@h"));
        desk.ask("b", "me@h");
        assert!(desk.turned_away("me@h"));
        desk.release("me@h");
        assert!(!desk.turned_away("me@h"));
    }

    #[test]
    fn hosts_are_forgotten_with_their_last_session_or_when_they_may_be_asked_again() {
        let mut desk = Desk::new(10, 4);
        desk.ask("a", "me@h");
        desk.ask("b", "me@h");
        desk.turned_away("me@h");
        desk.release("me@h");
        desk.release("me@h");
        assert_eq!(desk.ask("c", "me@h"), "c: new");
        assert_eq!(desk.ask("d", "me@h"), "", "what was learnt a moment ago still holds");
        desk.seats.leave(4);
        desk.now += CAUTION;
        desk.release("me@h");
        assert!(desk.seats.hosts.is_empty());
        assert_eq!(desk.seats.open(), 0);
    }

    #[test]
    fn what_was_idle_for_too_long_is_taken_out() {
        let mut desk = Desk::new(10, 10);
        desk.ask("a", "me@h");
        desk.ask("b", "me@h");
        desk.keep(1, "me@h");
        desk.now += Duration::from_secs(30);
        desk.keep(2, "me@h");
        desk.now += Duration::from_secs(30);
        assert_eq!(desk.seats.take_expired(desk.now), [1]);
        assert_eq!((desk.seats.open(), desk.seats.idle()), (1, 1));
        assert_eq!(desk.seats.longest_idle_since(), Some(desk.now - Duration::from_secs(30)));
    }
}
