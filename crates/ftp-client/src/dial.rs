//! A TCP connection to a name, by whichever of its addresses answers first (RFC 8305, "happy eyeballs").
//!
//! Many hosts have an IPv6 address that leads nowhere from here. Whoever tries one address after the other waits for
//! such a one to the end; here the next attempt begins while the last one still waits.

use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::allow::AllowList;
use crate::error::{ConnectFault, Error, Wait};
use crate::socket;
use crate::wait::within;

/// How long an attempt has the field to itself (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);

/// The most addresses of one name that are tried; a name server could answer with any number.
const MOST_ADDRESSES: usize = 20;

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Unreached {
    /// The host, or each of its addresses, is none of those that may be reached.
    Forbidden,
    /// The name service, or every address, was silent for so long.
    Silent { wait: Wait, after: Duration },
    /// The name has no address.
    Resolve(io::Error),
    /// No address took the connection; where there are several, the text tells of each.
    Tcp(io::Error),
}

/// Connects to `host`, a name or an address literal that is `allowed`, within `limit` for the name and `limit` for the
/// connection.
pub(crate) async fn dial(
    host: &str,
    port: u16,
    allowed: &AllowList,
    limit: Duration,
) -> Result<TcpStream, Unreached> {
    connect(resolve(host, port, allowed, limit).await?, limit).await
}

/// The addresses of `host` that are `allowed`, as the name service orders them.
pub(crate) async fn resolve(
    host: &str,
    port: u16,
    allowed: &AllowList,
    limit: Duration,
) -> Result<Vec<SocketAddr>, Unreached> {
    if !allowed.allows_host(host) && !allowed.names_networks() {
        return Err(Unreached::Forbidden);
    }
    let Ok(found) = within(Wait::Resolving, limit, lookup_host((host, port))).await else {
        return Err(Unreached::Silent { wait: Wait::Resolving, after: limit });
    };
    let addresses: Vec<_> = found.map_err(Unreached::Resolve)?.collect();
    let were_any = !addresses.is_empty();
    let permitted = allowed.permitted(host, addresses);
    if were_any && permitted.is_empty() { Err(Unreached::Forbidden) } else { Ok(permitted) }
}

/// Connects to whichever of the addresses answers first.
pub(crate) async fn connect(addresses: Vec<SocketAddr>, limit: Duration) -> Result<TcpStream, Unreached> {
    let tcp = race(addresses, limit, TcpStream::connect).await?;
    socket::tune(&tcp);
    Ok(tcp)
}

/// Connects to the addresses in turns, each with its head start, until one answers or the limit ends them all. The
/// losers are dropped.
async fn race<T, F>(
    addresses: Vec<SocketAddr>,
    limit: Duration,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<T, Unreached>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let mut failures = Vec::new();
    let racing = run(by_turns(addresses), &connect, &mut failures);
    match timeout(limit, racing).await {
        Ok(Some(winner)) => Ok(winner),
        Ok(None) => Err(Unreached::Tcp(all_of(failures))),
        Err(_) if failures.is_empty() => Err(Unreached::Silent { wait: Wait::Connecting, after: limit }),
        Err(_) => {
            let rest = format!("no answer from the others within {} s", limit.as_secs_f32());
            Err(Unreached::Tcp(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{}; {rest}", all_of(failures)),
            )))
        }
    }
}

async fn run<T, F>(
    addresses: Vec<SocketAddr>,
    connect: &impl Fn(SocketAddr) -> F,
    failures: &mut Vec<(SocketAddr, io::Error)>,
) -> Option<T>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let mut waiting = addresses.into_iter().peekable();
    let mut attempts = JoinSet::new();
    let mut start_next = true;
    loop {
        if std::mem::take(&mut start_next)
            && let Some(address) = waiting.next()
        {
            let attempt = connect(address);
            attempts.spawn(async move { (address, attempt.await) });
        }
        tokio::select! {
            ended = attempts.join_next() => match ended {
                Some(Ok((_, Ok(winner)))) => return Some(winner),
                Some(Ok((address, Err(error)))) => {
                    tracing::debug!("{address} does not take the connection: {error}");
                    failures.push((address, error));
                    start_next = true;
                }
                // The task was ended from outside, with the runtime; there is nobody left to tell.
                Some(Err(_)) => start_next = true,
                None => return None,
            },
            () = sleep(HEAD_START), if waiting.peek().is_some() => start_next = true,
        }
    }
}

/// The addresses so that the two families take turns, beginning with that of the first (RFC 8305 §4).
fn by_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = Vec::new();
    loop {
        match (first.next(), second.next()) {
            (None, None) => break,
            (one, other) => turns.extend(one.into_iter().chain(other)),
        }
    }
    turns.truncate(MOST_ADDRESSES);
    turns
}

/// One failure as it is; several in one text, of the kind that the last one is of.
fn all_of(mut failures: Vec<(SocketAddr, io::Error)>) -> io::Error {
    match failures.pop() {
        None => io::ErrorKind::AddrNotAvailable.into(),
        Some((_, only)) if failures.is_empty() => only,
        Some((address, last)) => {
            let mut text = String::new();
            for (address, failure) in failures {
                let _ = write!(text, "{address}: {failure}; ");
            }
            io::Error::new(last.kind(), format!("{text}{address}: {last}"))
        }
    }
}

impl Unreached {
    /// The same as an error of the control connection to `server`, which is `host:port`.
    pub(crate) fn into_error(self, server: String) -> Error {
        match self {
            Self::Forbidden => Error::Connect { server, fault: ConnectFault::Forbidden },
            Self::Silent { wait, after } => Error::Timeout { wait, after },
            Self::Resolve(error) => Error::Connect { server, fault: ConnectFault::Resolve(error) },
            Self::Tcp(error) => Error::Connect { server, fault: ConnectFault::Tcp(error) },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    /// What an address of the tests does, by its port: 1 is silent, 2 refuses, 3 refuses after 2 s, others answer.
    async fn behave(address: SocketAddr) -> io::Result<u16> {
        match address.port() {
            1 => pending().await,
            2 => Err(io::ErrorKind::ConnectionRefused.into()),
            3 => {
                sleep(Duration::from_secs(2)).await;
                Err(io::ErrorKind::HostUnreachable.into())
            }
            port => Ok(port),
        }
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_address_gets_its_chance_soon() {
        let table: [(&[&str], u64); 5] = [
            (&["[::1]:9"], 0),
            // A silent one costs its head start, a refusal nothing.
            (&["[::1]:1", "127.0.0.1:9"], 250),
            (&["[::1]:2", "127.0.0.1:9"], 0),
            (&["[::1]:1", "127.0.0.1:2", "127.0.0.2:9"], 250),
            (&["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:9"], 250),
        ];
        for (texts, expected) in table {
            let began = Instant::now();
            assert_eq!(race(addresses(texts), LIMIT, behave).await.unwrap(), 9, "{texts:?}");
            assert_eq!(began.elapsed().as_millis(), u128::from(expected), "{texts:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_fail_each_is_told() {
        let error = race(addresses(&["[::1]:3", "127.0.0.1:2"]), LIMIT, behave).await.unwrap_err();
        let Unreached::Tcp(error) = error else { panic!("{error:?}") };
        assert_eq!(error.to_string(), "127.0.0.1:2: connection refused; [::1]:3: host unreachable");
        let error = race(addresses(&["127.0.0.1:2"]), LIMIT, behave).await.unwrap_err();
        let Unreached::Tcp(error) = error else { panic!("{error:?}") };
        assert_eq!(error.to_string(), "connection refused");
        let error = race(Vec::new(), LIMIT, behave).await.unwrap_err();
        assert!(matches!(error, Unreached::Tcp(_)), "a name without addresses");
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_is_that_of_all_attempts_together() {
        let began = Instant::now();
        let error = race(addresses(&["[::1]:1", "127.0.0.1:1"]), LIMIT, behave).await.unwrap_err();
        assert!(matches!(error, Unreached::Silent { wait: Wait::Connecting, after: LIMIT }), "{error:?}");
        assert_eq!(began.elapsed(), LIMIT);

        let error = race(addresses(&["[::1]:1", "127.0.0.1:2"]), LIMIT, behave).await.unwrap_err();
        let Unreached::Tcp(error) = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "connection refused; no answer from the others within 30 s");
    }

    #[tokio::test(start_paused = true)]
    async fn losers_are_dropped() {
        let alive = Arc::new(AtomicUsize::new(0));
        let counted = |address| {
            let alive = Alive::new(alive.clone());
            async move {
                let port = behave(address).await;
                drop(alive);
                port
            }
        };
        race(addresses(&["[::1]:1", "127.0.0.1:1", "127.0.0.1:9"]), LIMIT, counted).await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }

    /// Counts the attempts that are under way.
    struct Alive(Arc<AtomicUsize>);

    impl Alive {
        fn new(count: Arc<AtomicUsize>) -> Self {
            count.fetch_add(1, Ordering::SeqCst);
            Self(count)
        }
    }

    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn families_take_turns() {
        let listed = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1"]);
        assert_eq!(by_turns(listed), addresses(&["[::1]:1", "127.0.0.1:1", "[::2]:1", "[::3]:1"]));
        let listed = addresses(&["127.0.0.1:1", "[::1]:1", "127.0.0.2:1"]);
        assert_eq!(by_turns(listed.clone()), listed);
        assert_eq!(by_turns(vec![listed[0]; 1000]).len(), MOST_ADDRESSES);
    }

    fn allowed(patterns: &[&str]) -> AllowList {
        patterns.iter().map(|pattern| pattern.parse::<crate::HostPattern>().unwrap()).collect()
    }

    #[tokio::test]
    async fn what_a_name_leads_to_is_judged_after_it_was_resolved() {
        let only = allowed(&["127.0.0.0/8"]);
        let found = resolve("localhost", 21, &only, LIMIT).await.unwrap();
        assert!(!found.is_empty() && found.iter().all(SocketAddr::is_ipv4), "{found:?}");
        for patterns in [&["10.0.0.0/8"][..], &["*.example.com", "10.0.0.0/8"]] {
            let refused = resolve("localhost", 21, &allowed(patterns), LIMIT).await;
            assert!(matches!(refused, Err(Unreached::Forbidden)), "{refused:?}");
        }
        assert!(!resolve("LOCALHOST", 21, &allowed(&["localhost"]), LIMIT).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_name_service_is_not_asked_in_vain() {
        let refused = resolve("no.such.host.invalid", 21, &allowed(&["*.example.com"]), LIMIT).await;
        assert!(matches!(refused, Err(Unreached::Forbidden)), "{refused:?}");
    }

    #[cfg(target_os = "linux")] // Other systems have one loopback address only.
    #[tokio::test]
    async fn a_real_address_that_refuses_leads_to_the_next() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let both = vec![SocketAddr::from(([127, 0, 0, 2], port)), listener.local_addr().unwrap()];
        let tcp = race(both, LIMIT, TcpStream::connect).await.unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), listener.local_addr().unwrap());
    }
}
