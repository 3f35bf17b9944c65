//! Sessions through proxies, good ones and others. A transcript plays proxy and server in one where every byte counts.

use std::time::{Duration, Instant};

use ftp_client::{Client, Config, ConnectFault, DataMode, Error, Proxy, ProxyFault};
use ftp_testkit::{ProxyProtocol, ScriptedServer, TestProxy, Transcript};

use crate::{LOGIN, config, fetch, impatient, open, play, put};

const SIZE: &str = "C: SIZE f\nS: 213 5\n";
const SENT: &str = "C: RETR f\nS: 150 here\nD> hello\nD: close\nS: 226 done\n";

const BOTH: [ProxyProtocol; 2] = [ProxyProtocol::Socks5, ProxyProtocol::Http];

/// A configuration for a name that only the proxy can resolve.
fn through(url: &str, server: &ScriptedServer) -> Config {
    let proxy = Some(Proxy::parse(url).unwrap());
    Config { host: "ftp.example.invalid".to_owned(), proxy, ..config(server) }
}

#[tokio::test]
async fn control_and_data_go_through_and_names_go_as_names() {
    for protocol in BOTH {
        let server = play(&format!(
            "{SIZE}C: EPSV\nS: 229 (|||{{port}}|)\n{SENT}C: EPSV\nS: 229 (|||{{port}}|)\nC: STOR f\nS: 150 go\nD< hello\nS: 226 done"
        ))
        .await;
        let proxy = TestProxy::start(protocol).await;
        let mut session = open(through(&proxy.url(), &server)).await;
        assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
        assert_eq!(put(&mut session, "f", b"hello").await.unwrap(), 5);
        let targets = proxy.targets();
        assert_eq!(targets.len(), 3, "{protocol:?}: {targets:?}");
        assert!(targets.iter().all(|target| target.starts_with("ftp.example.invalid:")), "{targets:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn addresses_go_as_addresses() {
    for protocol in BOTH {
        let server = play("").await;
        let proxy = TestProxy::start(protocol).await;
        open(Config { host: "127.0.0.1".to_owned(), ..through(&proxy.url(), &server) }).await;
        assert_eq!(proxy.targets(), [server.address().to_string()]);
        server.finish().await;
        let Ok(server) = Transcript::parse(LOGIN).start_on(std::net::Ipv6Addr::LOCALHOST).await else {
            return;
        };
        open(Config { host: "::1".to_owned(), ..through(&proxy.url(), &server) }).await;
        assert_eq!(proxy.targets()[1], server.address().to_string());
        server.finish().await;
    }
}

#[tokio::test]
async fn what_pasv_names_is_not_asked_for_and_active_mode_not_tried() {
    for protocol in BOTH {
        let server =
            play(&format!("{SIZE}C: EPSV\nS: 500 no\nC: PASV\nS: 227 (10,255,255,1,{{p1}},{{p2}})\n{SENT}"))
                .await;
        let proxy = TestProxy::start(protocol).await;
        let active = Config { data_mode: DataMode::Active, ..through(&proxy.url(), &server) };
        assert_eq!(fetch(&mut open(active).await, "f").await.unwrap(), b"hello");
        assert!(proxy.targets()[1].starts_with("ftp.example.invalid:"), "{:?}", proxy.targets());
        server.finish().await;
    }
}

#[tokio::test]
async fn a_port_that_the_proxy_cannot_reach_leads_to_the_next_way() {
    for protocol in BOTH {
        let server =
            play(&format!("{SIZE}C: EPSV\nS: 229 (|||{{closed}}|)\nC: PASV\nS: 227 ({{pasv}})\n{SENT}"))
                .await;
        let proxy = TestProxy::start(protocol).await;
        let mut session = open(through(&proxy.url(), &server)).await;
        assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello", "{protocol:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_login_is_given_where_it_is_wanted_and_never_shown() {
    for protocol in BOTH {
        let server = play("").await;
        let proxy = TestProxy::start_for(protocol, "me", "proxy-canary").await;
        open(through(&proxy.url_with_login(), &server)).await;
        server.finish().await;
        let wrong = proxy.url_with_login().replace("proxy-", "wrong-");
        for url in [proxy.url(), wrong] {
            let error = refusal(through(&url, &server)).await;
            assert!(matches!(fault(&error), ProxyFault::Login), "{error:?}");
            assert!(!error.is_transient());
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
    }
}

async fn refusal(config: Config) -> Error {
    Client::new(config).unwrap().connect().await.unwrap_err()
}

fn fault(error: &Error) -> &ProxyFault {
    match error {
        Error::Connect { fault: ConnectFault::Proxy { fault, .. }, .. } => fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_servers_words_behind_the_proxys_are_not_lost() {
    let rest = LOGIN.strip_prefix("S: 220 ready\n").unwrap();
    let http = Transcript::parse(&format!(
        "C: CONNECT ftp.example.invalid:*\nC: Host: ftp.example.invalid:*\nC: Proxy-Authorization: Basic bWU6YSBi\nC: *
         S+: HTTP/1.1 103 wait\\r\\nA: b\\r\\n\\r\\nHTTP/1.1 200 ok\\r\\nA: b\\r\\n\\r\\n220 ready\\r\\n\n{rest}"
    ));
    let http = http.start().await;
    open(through(&format!("http://me:a%20b@{}", http.address()), &http)).await;
    http.finish().await;

    // Before the first line end come the client's greeting and request; SOCKS5 has no lines.
    let rest = rest.replace("C: USER user", "C: *");
    let socks = Transcript::parse(&format!(
        r"S+: \x05\x00\x05\x00\x00\x03\x01x\x00\x00220 ready\r\n
{rest}"
    ));
    let socks = socks.start().await;
    open(through(&format!("socks5://{}", socks.address()), &socks)).await;
    socks.finish().await;
}

#[tokio::test]
async fn a_proxy_that_fails_says_how() {
    let table = [
        ("socks5", r"S+: \x05\x00\x05\x05\x00\x01", "connection refused"),
        ("socks5", r"S+: \x05\x00\x05\x04\x00\x01", "host unreachable"),
        ("socks5", r"S+: \x05\x00\x05\x02\x00\x01", "rules"),
        ("http", r"S+: HTTP/1.1 403 no\r\n\r\n", "HTTP status 403"),
        ("http", r"S+: HTTP/1.0 502 no\r\n\r\n", "HTTP status 502"),
    ];
    for (scheme, script, reason) in table {
        let error = hostile(scheme, script).await;
        assert!(matches!(fault(&error), ProxyFault::Target(_)), "{script}: {error:?}");
        assert!(error.to_string().contains(reason), "{error}");
        assert!(error.to_string().contains(&format!("{scheme}://127.0.0.1:")), "{error}");
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn what_is_no_such_proxy_is_left() {
    let endless = format!("S+: HTTP/1.1 200 ok\\r\\n{}", "X: aaaaaaaaaaaa\\r\\n".repeat(1200));
    let interim = format!("S+: {}", "HTTP/1.1 100 go on\\r\\n\\r\\n".repeat(1000));
    let table = [
        ("socks5", r"S+: \x04\x00"),
        ("socks5", r"S+: \x05\x07"),
        ("socks5", r"S+: \x05\x00\x05\x00\x00\x09"),
        ("socks5", r"S+: \x05\x00\x05\x77\x00\x01"),
        ("socks5", "S: HTTP/1.1 400 Bad Request"),
        ("socks5", "T: close"),
        ("socks5", "S+: \\x05\\x00\nT: close"),
        ("http", "S: SSH-2.0-OpenSSH_9.2\nS: "),
        ("http", "S+: HTTP/1.1 200 ok\\r\\n\nT: close"),
        ("http", "T: close"),
        ("http", &endless),
        ("http", &interim),
    ];
    for (scheme, script) in table {
        let error = hostile(scheme, script).await;
        assert!(matches!(fault(&error), ProxyFault::Answer(_)), "{script:.60}: {error:?}");
        assert!(!error.to_string().contains("SSH"), "a proxy's words may repeat its login: {error}");
    }
}

#[tokio::test]
async fn a_silent_proxy_ends_at_the_timeout() {
    for (scheme, script) in [("socks5", "T: hang"), ("http", "S+: HTTP/1.1 2\nT: hang")] {
        let began = Instant::now();
        let error = hostile(scheme, script).await;
        assert!(matches!(fault(&error), ProxyFault::Silent { .. }), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(6));
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let server = play("").await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for proxy in [format!("127.0.0.1:{port}"), "no.such.host.invalid:1080".to_owned()] {
        let error = refusal(through(&format!("socks5://me:proxy-canary@{proxy}"), &server)).await;
        assert!(matches!(fault(&error), ProxyFault::Unreachable(_)), "{error:?}");
        assert!(error.to_string().contains(&proxy) && !error.to_string().contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn a_host_that_would_add_to_the_request_is_not_asked_for() {
    let server = play("").await;
    for host in ["a\r\nProxy-Authorization: x", "fe80::1%eth0", "a b"] {
        for protocol in BOTH {
            let proxy = TestProxy::start(protocol).await;
            let config = Config { host: host.to_owned(), ..through(&proxy.url(), &server) };
            let error = refusal(config).await;
            assert!(matches!(fault(&error), ProxyFault::Target(_)), "{host}: {error:?}");
            assert!(proxy.targets().is_empty());
        }
    }
}

/// Connects through a proxy that plays `script`, and gives the error.
async fn hostile(scheme: &str, script: &str) -> Error {
    let proxy = Transcript::parse(script).start().await;
    refusal(impatient(through(&format!("{scheme}://{}", proxy.address()), &proxy))).await
}
