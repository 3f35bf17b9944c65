//! The tickets with which data connections resume the control connection's TLS session, counted.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;

/// The sessions of one control connection. The server's name is no key here: there is only one.
#[derive(Debug, Default)]
pub(super) struct Tickets(Mutex<Jar>);

#[derive(Debug, Default)]
struct Jar {
    group: Option<NamedGroup>,
    tls12: Option<Tls12ClientSessionValue>,
    tls13: VecDeque<Tls13ClientSessionValue>,
    had_tls13: bool,
    had_tls12: bool,
}

/// A server may send tickets without end; the newest of them are enough.
const MOST_TICKETS: usize = 16;

impl Tickets {
    /// Whether there were tickets of TLS 1.3, and none is left.
    pub(super) fn ran_out(&self) -> bool {
        let jar = self.lock();
        jar.had_tls13 && jar.tls13.is_empty()
    }

    /// Whether the server has ever given any, of whichever version.
    pub(super) fn had_any(&self) -> bool {
        let jar = self.lock();
        jar.had_tls13 || jar.had_tls12
    }

    /// No code panics while it holds the lock, so a poisoned one still guards sound data.
    fn lock(&self) -> MutexGuard<'_, Jar> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.lock().group = Some(group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.lock().group
    }

    fn set_tls12_session(&self, _: ServerName<'static>, session: Tls12ClientSessionValue) {
        let mut jar = self.lock();
        jar.had_tls12 = true;
        jar.tls12 = Some(session);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.lock().tls12.clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.lock().tls12 = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        let mut jar = self.lock();
        jar.had_tls13 = true;
        jar.tls13.push_back(ticket);
        if jar.tls13.len() > MOST_TICKETS {
            jar.tls13.pop_front();
        }
    }

    /// The newest first: it lives longest, and it belongs to the connection that the server saw last.
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.lock().tls13.pop_back()
    }
}
