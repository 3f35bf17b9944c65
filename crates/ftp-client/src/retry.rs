//! What failed for now is tried again: what is worth it, how often, and after which pauses.
//!
//! Invariant: within one operation a password that was refused is not sent again, since servers lock accounts for that;
//! and however a server behaves, no operation is tried without end.

use std::sync::Arc;
use std::time::Duration;

use ftp_proto::{Code, Reply, Severity};
use tokio::time::sleep;

use crate::counters::Counters;
use crate::error::{ConnectFault, DataFault, Error, LostCause, TlsFault, Wait};
use crate::proxy::ProxyFault;

/// The most further tries within one operation, whatever progress they make: a server that gives one byte at a time must
/// not keep us for ever.
const MOST_TRIES: u32 = 100;

/// How often, and after which pauses, an operation is tried again that failed for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Retries {
    /// How many tries may follow the first. A transfer that gets further than before has all of them again.
    pub attempts: u32,
    /// The pause before the first further try. Each pause after it is twice as long, and each is shortened by chance to
    /// somewhere above its half, so that many clients do not all come back to a restarted server at once.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Retries {
    /// Three, after up to one, two and four seconds, and at least half of that.
    fn default() -> Self {
        Self { attempts: 3, first_pause: Duration::from_secs(1), longest_pause: Duration::from_secs(30) }
    }
}

impl Retries {
    /// Every operation is tried once: for callers that have a pace of their own.
    pub const fn none() -> Self {
        Self { attempts: 0, first_pause: Duration::ZERO, longest_pause: Duration::ZERO }
    }

    /// The pause after `failures` failures in a row, not counting the last.
    fn pause(&self, failures: u32) -> Duration {
        let grown = self.first_pause.saturating_mul(1 << failures.min(16));
        grown.min(self.longest_pause).mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// The tries of one operation: how many are left, and what the first failure was.
#[derive(Debug)]
pub struct Tries {
    retries: Retries,
    in_a_row: u32,
    in_all: u32,
    first: Option<Box<Error>>,
    /// Whether data connections to this server have been seen to work. One that never did is not a passing failure but a
    /// firewall, and all the ways around it have been tried already.
    data_works: bool,
    counters: Arc<Counters>,
}

impl Tries {
    pub(crate) fn new(retries: Retries, data_works: bool, counters: Arc<Counters>) -> Self {
        Self { retries, in_a_row: 0, in_all: 0, first: None, data_works, counters }
    }

    /// The operation got further than ever before: failures so far do not count against it any more.
    pub fn progress(&mut self) {
        self.in_a_row = 0;
        self.data_works = true;
    }

    /// Takes a failure, and returns when the next try may begin.
    ///
    /// # Errors
    ///
    /// What ends the operation: a failure that another try cannot mend, or the last of too many.
    pub(crate) async fn again(&mut self, error: Error) -> Result<(), Error> {
        if error.is_rejection() {
            return Err(error);
        }
        let is_left = self.in_a_row < self.retries.attempts && self.in_all < MOST_TRIES;
        if !is_left || !self.is_passing(&error) {
            return Err(self.conclude(error));
        }
        let pause = self.retries.pause(self.in_a_row);
        self.in_a_row += 1;
        self.in_all += 1;
        tracing::warn!(
            "Trying again in {:.1} s, {} of {}: {error}",
            pause.as_secs_f32(),
            self.in_a_row,
            self.retries.attempts
        );
        self.counters.retries.add(1);
        self.first.get_or_insert_with(|| Box::new(error));
        sleep(pause).await;
        Ok(())
    }

    /// The error to report when `last` ends the operation: together with the first one, if there was an earlier.
    #[must_use]
    pub fn conclude(&mut self, last: Error) -> Error {
        match self.first.take() {
            Some(first) => Error::Repeated { tries: self.in_all + 1, first, last: Box::new(last) },
            None => last,
        }
    }

    /// Whether the same may well succeed when it is tried again, given that a session was had before.
    fn is_passing(&self, error: &Error) -> bool {
        match error {
            Error::Connect { fault: ConnectFault::Greeting(reply), .. } | Error::Login(reply) => {
                is_full(reply)
            }
            // Each try would bring a few bytes more, and there is no end to that.
            Error::Timeout { wait: Wait::MoreThanATrickle, .. }
            | Error::Lost(LostCause::Poisoned)
            | Error::Connect {
                fault:
                    ConnectFault::Forbidden
                    | ConnectFault::Proxy { fault: ProxyFault::Forbidden | ProxyFault::Login, .. },
                ..
            } => false,
            // A server that restarts refuses connections, or takes them and does not greet.
            Error::Connect { .. }
            | Error::Lost(_)
            | Error::Timeout { .. }
            | Error::Tls { fault: TlsFault::Broken(_), .. } => true,
            Error::Rejected { reply, .. } => is_for_now(reply),
            Error::Data(fault) => match fault {
                DataFault::GivenUp(reply) => is_for_now(reply),
                DataFault::NotOpened { .. } => self.data_works,
                DataFault::Unreachable(_) | DataFault::Broken(_) | DataFault::Short { .. } => true,
                // A new login would meet the same demand for TLS session reuse.
                DataFault::NotResumed(_)
                | DataFault::Unproven { .. }
                | DataFault::Changed
                | DataFault::TooLarge { .. } => false,
            },
            Error::Tls { .. } | Error::Protocol(_) | Error::Repeated { .. } => false,
        }
    }
}

/// Whether a server turned a new session away only because it has too many: the one refusal that connecting waits out.
/// What cannot be reached at all fails at once.
pub(crate) fn is_turned_away(error: &Error) -> bool {
    match error {
        Error::Connect { fault: ConnectFault::Greeting(reply), .. }
        | Error::Login(reply)
        | Error::Lost(LostCause::Goodbye(reply)) => is_full(reply),
        _ => false,
    }
}

/// Words with which a refusal blames who logs in, and with what: trying again could lock the account, or meets the same
/// demand for TLS (Pure-FTPd 1.0.50 makes it with 421).
const BLAME: [&str; 14] = [
    "password",
    "incorrect",
    "invalid",
    "wrong",
    "fail",
    "attempt",
    "lock",
    "denied",
    "disabled",
    "banned",
    "cleartext",
    "tls",
    "ssl",
    "encrypt",
];

/// Whether a greeting or the answer to a login says that the server is full or not ready: 120, 421, another 4yz, or 530
/// with words to that effect, as ProFTPD 1.3.8 answers beyond `MaxClients`. 430 is how some refuse a password.
fn is_full(reply: &Reply) -> bool {
    let text = reply.text().to_lowercase();
    if BLAME.iter().any(|word| text.contains(word)) {
        return false;
    }
    match reply.code() {
        Code::READY_LATER => true,
        Code::BAD_CREDENTIALS => false,
        Code::NOT_LOGGED_IN => says_full(&text),
        code => code.severity() == Severity::TransientNegative,
    }
}

fn says_full(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    text.contains("too many") || words.any(|word| matches!(word, "maximum" | "full" | "limit"))
}

/// Whether a refusal is one for now (4yz) and not of the kind that stays: 452 is a full disk.
fn is_for_now(reply: &Reply) -> bool {
    reply.severity() == Severity::TransientNegative && reply.code() != Code::NO_SPACE
}

#[cfg(test)]
mod tests {
    use ftp_proto::{ReplyDecoder, ReplyLimits};

    use super::*;
    use crate::error::Channel;

    fn reply(line: &str) -> Reply {
        let mut decoder = ReplyDecoder::new(ReplyLimits::default());
        decoder.push(format!("{line}\r\n").as_bytes());
        decoder.next_reply().unwrap().unwrap()
    }

    #[test]
    fn full_servers_are_told_from_wrong_passwords() {
        let table = [
            ("120 Service ready in 5 minutes", true),
            ("421 There are too many connections from your internet address.", true),
            ("421 50 users (the maximum) are already logged in, sorry", true),
            ("450 try later", true),
            ("530 Sorry, the maximum number of clients (2) for this user are already connected.", true),
            ("530 Too many users, server is FULL.", true),
            ("530 Connection limit reached", true),
            ("421 Sorry, cleartext sessions and weak ciphers are not accepted on this server.", false),
            ("530 Login incorrect.", false),
            ("530 Login authentication failed", false),
            ("530 Too many failed attempts, try again later", false),
            ("530 Maximum login attempts exceeded", false),
            ("530 Not fully qualified", false),
            ("421 Too many wrong passwords", false),
            ("430 Unknown user", false),
            ("500 too many arguments", false),
            ("532 account wanted", false),
        ];
        for (line, full) in table {
            assert_eq!(is_full(&reply(line)), full, "{line}");
        }
    }

    #[test]
    fn what_passes_is_told_from_what_stays() {
        let given_up = |line: &str| Error::Data(DataFault::GivenUp(reply(line)));
        let refused = |line: &str| Error::Rejected { verb: "RETR", reply: reply(line) };
        let tls = |fault| Error::Tls { on: Channel::Data, fault };
        let not_opened = || Error::Data(DataFault::NotOpened { attempts: Vec::new() });
        let table = [
            (given_up("426 broken"), true),
            (given_up("451 local error"), true),
            (given_up("452 disk full"), false),
            (given_up("552 quota"), false),
            (refused("450 busy"), true),
            (refused("550 missing"), false),
            (refused("500 what"), false),
            (Error::Lost(LostCause::Closed), true),
            (Error::Lost(LostCause::Poisoned), false),
            (Error::Data(DataFault::Changed), false),
            (tls(TlsFault::Broken(std::io::ErrorKind::ConnectionReset.into())), true),
            (tls(TlsFault::NotTls), false),
            (not_opened(), false),
        ];
        let mut tries = Tries::new(Retries::default(), false, Arc::default());
        for (error, passing) in table {
            assert_eq!(tries.is_passing(&error), passing, "{error}");
        }
        tries.progress();
        assert!(tries.is_passing(&not_opened()), "data connections have worked before");
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_vary_below() {
        let retries = Retries { attempts: 9, ..Retries::default() };
        for (failures, most) in [(0, 1.0), (1, 2.0), (3, 8.0), (5, 30.0), (40, 30.0)] {
            let pause = retries.pause(failures).as_secs_f64();
            assert!((most / 2.0..=most).contains(&pause), "{failures}: {pause}");
        }
        assert_eq!(Retries::none().pause(3), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn tries_end_with_the_first_and_the_last_failure_and_progress_gives_all_of_them_back() {
        let mut tries = Tries::new(Retries::default(), true, Arc::default());
        tries.again(Error::Data(DataFault::GivenUp(reply("426 first")))).await.unwrap();
        tries.again(Error::Lost(LostCause::Closed)).await.unwrap();
        tries.progress();
        for _ in 0..3 {
            tries.again(Error::Lost(LostCause::Closed)).await.unwrap();
        }
        let end = tries.again(Error::Data(DataFault::GivenUp(reply("426 last")))).await.unwrap_err();
        let Error::Repeated { tries: 6, first, last } = &end else { panic!("{end:?}") };
        assert!(first.to_string().contains("426 first") && last.to_string().contains("426 last"), "{end}");
        assert!(end.is_transient());
        assert_eq!(end.reply_code().map(Code::as_u16), Some(426));
    }

    #[tokio::test(start_paused = true)]
    async fn progress_does_not_go_on_without_end() {
        let mut tries = Tries::new(Retries::default(), true, Arc::default());
        let mut count = 0;
        while tries.again(Error::Lost(LostCause::Closed)).await.is_ok() {
            tries.progress();
            count += 1;
        }
        assert_eq!(count, MOST_TRIES);
    }

    #[tokio::test]
    async fn a_single_try_fails_as_it_is() {
        let error = Tries::new(Retries::none(), true, Arc::default())
            .again(Error::Lost(LostCause::Closed))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Lost(LostCause::Closed)), "{error:?}");
    }
}
