//! Hosts that may be reached, and those that may not, of whom nobody hears.

use std::future::poll_fn;
use std::task::Poll;

use ftp_client::{AllowList, Client, Config, ConnectFault, Error, HostPattern, Proxy, ProxyFault, Retries};
use ftp_testkit::{ProxyProtocol, TestProxy};
use tokio::net::TcpListener;

use crate::{config, fetch, open, persistent, play};

fn only(patterns: &[&str]) -> AllowList {
    patterns.iter().map(|pattern| pattern.parse::<HostPattern>().unwrap()).collect()
}

/// A port that somebody listens on, and whether anybody has come there.
struct Ear(TcpListener);

impl Ear {
    async fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    async fn has_heard(&self) -> bool {
        // The runtime hears of what has come by now.
        tokio::task::yield_now().await;
        poll_fn(|context| Poll::Ready(self.0.poll_accept(context).is_ready())).await
    }
}

#[tokio::test]
async fn control_and_data_go_to_an_allowed_host() {
    for (host, patterns) in [
        ("127.0.0.1", ["127.0.0.0/8"]),
        ("127.0.0.1", ["::ffff:127.0.0.1"]),
        ("localhost", ["LOCAL*"]),
        ("localhost", ["127.0.0.1"]),
    ] {
        let server = play("C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\nD> hello\nD: close\nS: 226 done").await;
        let allowed = Config { host: host.to_owned(), allowed: only(&patterns), ..config(&server) };
        assert_eq!(fetch(&mut open(allowed).await, "f").await.unwrap(), b"hello", "{host} {patterns:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn nothing_is_sent_to_another_host_and_nothing_tried_again() {
    let server = play("").await;
    let ear = Ear::open().await;
    for (host, patterns) in [
        ("127.0.0.1", ["10.0.0.0/8"]),
        ("127.0.0.1", ["127.0.0.2"]),
        ("127.0.0.1", ["localhost"]),
        // The name may be anything; where it leads is not allowed.
        ("localhost", ["10.0.0.0/8"]),
        ("localhost", ["*.example.com"]),
        ("::ffff:127.0.0.1", ["::/0"]),
    ] {
        let refused = Config {
            host: host.to_owned(),
            port: ear.port(),
            allowed: only(&patterns),
            ..persistent(&server)
        };
        let error = Client::new(refused).unwrap().connect().await.unwrap_err();
        assert!(
            matches!(error, Error::Connect { fault: ConnectFault::Forbidden, .. }),
            "{host} {patterns:?}: {error:?}"
        );
        assert!(!error.is_transient());
    }
    assert!(!ear.has_heard().await);
}

#[tokio::test]
async fn a_proxy_has_to_be_allowed_and_the_host_behind_it_by_its_name() {
    for protocol in [ProxyProtocol::Socks5, ProxyProtocol::Http] {
        for (patterns, reached) in [
            (&["127.0.0.1", "*.example.invalid"][..], true),
            (&["*.example.invalid"], false),
            // The addresses of the host are the proxy's to find out.
            (&["127.0.0.0/8"], false),
            (&["127.0.0.0/8", "other.example.invalid"], false),
        ] {
            let server = play("").await;
            let proxy = TestProxy::start(protocol).await;
            let through = Config {
                host: "ftp.example.invalid".to_owned(),
                proxy: Some(Proxy::parse(&proxy.url()).unwrap()),
                allowed: only(patterns),
                ..persistent(&server)
            };
            let connected = Client::new(through).unwrap().connect().await;
            assert_eq!(connected.is_ok(), reached, "{patterns:?}");
            assert_eq!(proxy.targets().len(), usize::from(reached), "{patterns:?}");
            match connected.map(drop) {
                Ok(()) => server.finish().await,
                Err(Error::Connect { fault: ConnectFault::Forbidden, .. }) => {
                    assert!(patterns[0].starts_with("127"));
                }
                Err(Error::Connect { fault: ConnectFault::Proxy { fault, .. }, .. }) => {
                    assert!(matches!(fault, ProxyFault::Forbidden) && patterns[0].starts_with('*'));
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn data_through_a_proxy_is_held_to_the_same() {
    let server = play("C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\nD> hello\nD: close\nS: 226 done").await;
    let proxy = TestProxy::start(ProxyProtocol::Socks5).await;
    let through = Config {
        host: "127.0.0.1".to_owned(),
        proxy: Some(Proxy::parse(&proxy.url()).unwrap()),
        allowed: only(&["127.0.0.1"]),
        retries: Retries::none(),
        ..config(&server)
    };
    assert_eq!(fetch(&mut open(through).await, "f").await.unwrap(), b"hello");
    assert_eq!(proxy.targets().len(), 2);
    server.finish().await;
}
