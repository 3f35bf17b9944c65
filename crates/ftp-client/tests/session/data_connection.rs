//! The ways to a data connection, and the way from one to the next.

use std::net::Ipv4Addr;
use std::time::Duration;

use ftp_client::{Client, Config, DataFault, Error};

use crate::{active, config, connect, fetch, impatient, open, play};

const SIZE: &str = "C: SIZE f\nS: 213 5\n";
const SENT: &str = "D> hello\nD: close\nS: 226 done\n";

#[tokio::test]
async fn pasv_follows_a_refused_epsv_and_is_remembered() {
    let server = play(&format!(
        "{SIZE}C: EPSV\nS: 500 what\nC: PASV\nS: 227 Entering Passive Mode ({{pasv}})\nC: RETR f\nS: 150 here\n{SENT}
         {SIZE}C: PASV\nS: 227 {{pasv}}\nC: RETR f\nS: 150 here\n{SENT}"
    ))
    .await;
    let mut session = connect(&server).await;
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn an_address_of_somebody_else_is_not_dialled() {
    let server = play(&format!(
        "{SIZE}C: EPSV\nS: 502 no\nC: PASV\nS: 227 Entering Passive Mode (10,255,255,1,{{p1}},{{p2}})
         C: RETR f\nS: 150 here\n{SENT}"
    ))
    .await;
    assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn a_port_that_refuses_leads_to_the_next_way() {
    let server = play(&format!(
        "{SIZE}C: EPSV\nS: 229 (|||{{closed}}|)\nC: PASV\nS: 227 ({{pasv}})\nC: RETR f\nS: 150 here\n{SENT}"
    ))
    .await;
    assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn unusable_addresses_lead_to_the_next_way() {
    for bad in ["229 no port here", "229 (|||0|)", "229 (|||99999|)", "227 Entering Passive Mode (1,2,3)"] {
        let server = play(&format!(
            "{SIZE}C: EPSV\nS: {bad}\nC: PASV\nS: 227 ({{pasv}})\nC: RETR f\nS: 150 here\n{SENT}"
        ))
        .await;
        assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello", "{bad}");
        server.finish().await;
    }
}

#[tokio::test]
async fn active_mode_tells_our_port_and_takes_the_servers_connection() {
    let server =
        play(&format!("{SIZE}C: PORT *\nS: 200 ok\nC: RETR f\nS: 150 here\nD: connect\n{SENT}")).await;
    assert_eq!(fetch(&mut open(active(&server)).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn active_mode_takes_a_connection_that_comes_before_the_reply() {
    let server =
        play(&format!("{SIZE}C: PORT *\nS: 200 ok\nC: RETR f\nD: connect\nS: 150 here\n{SENT}")).await;
    assert_eq!(fetch(&mut open(active(&server)).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn eprt_follows_a_port_that_is_not_known() {
    let server = play(&format!(
        "{SIZE}C: PORT *\nS: 502 no\nC: EPRT |1|127.0.0.1|*\nS: 200 ok\nC: RETR f\nS: 150 here\nD: connect\n{SENT}"
    ))
    .await;
    assert_eq!(fetch(&mut open(active(&server)).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_refuses_active_mode_is_used_passively() {
    let passive = "C: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\n";
    let table = [
        "C: PORT *\nS: 501 forbidden\nC: EPRT *\nS: 501 forbidden\n",
        "C: PORT *\nS: 550 forbidden\n",
        "C: PORT *\nS: 200 ok\nC: RETR f\nS: 425 cannot connect\n",
    ];
    for refusal in table {
        let server = play(&format!("{SIZE}{refusal}{passive}{SENT}{SIZE}{passive}{SENT}")).await;
        let mut session = open(active(&server)).await;
        assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello", "{refusal}");
        assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello", "what worked is remembered");
        server.finish().await;
    }
}

#[tokio::test]
async fn when_nobody_connects_a_new_session_goes_on_passively() {
    for silence in ["T: hang", "S: 150 here\nT: hang"] {
        let server = play(&format!(
            "{SIZE}C: PORT *\nS: 200 ok\nC: RETR f\n{silence}
             ---
             C: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 150 here\n{SENT}"
        ))
        .await;
        let mut session = open(impatient(active(&server))).await;
        assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello", "{silence}");
        drop(session);
        server.finish().await;
    }
}

#[tokio::test]
async fn a_new_session_lists_the_folder_that_the_old_one_was_in() {
    let server = play(
        "C: FEAT\nS: 500 no\nC: PWD\nS: 257 \"/home\"\nC: CWD in\nS: 250 ok\nC: PORT *\nS: 200 ok\nC: LIST\nT: hang
         ---
         C: CWD in\nS: 250 ok\nC: EPSV\nS: 229 (|||{port}|)\nC: LIST\nS: 150 here
         D> -rw-r--r-- 1 u g 5 Jan 01 2024 inside\\r\\n\nD: close\nS: 226 done\nC: CWD /home\nS: 250 ok",
    )
    .await;
    let mut session = open(impatient(active(&server))).await;
    assert_eq!(crate::names(&mut session, "in").await.unwrap(), ["inside"]);
    drop(session);
    server.finish().await;
}

#[tokio::test]
async fn what_a_client_learnt_serves_its_next_session() {
    let passive = "C: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\n";
    let server = play(&format!(
        "{SIZE}C: PORT *\nS: 500 no\nC: EPRT *\nS: 500 no\n{passive}{SENT}---\n{SIZE}{passive}{SENT}"
    ))
    .await;
    let client = Client::new(active(&server)).unwrap();
    for _ in 0..2 {
        let mut session = client.connect().await.unwrap();
        assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    }
    server.finish().await;
}

#[cfg(target_os = "linux")] // Other systems have one loopback address only.
#[tokio::test]
async fn a_third_party_on_the_active_listener_is_turned_away() {
    let server = play(&format!("{SIZE}C: PORT *\nS: 200 ok\nC: RETR f\nC: *\n{SENT}")).await;
    let mut session = open(Config { timeout: Duration::from_secs(3), ..active(&server) }).await;
    let fetching = tokio::spawn(async move { fetch(&mut session, "f").await });
    let port = loop {
        if let Some(line) =
            server.received().iter().find_map(|line| line.strip_prefix("PORT 127,0,0,1,").map(str::to_owned))
        {
            let (high, low) = line.split_once(',').unwrap();
            break high.parse::<u16>().unwrap() * 256 + low.parse::<u16>().unwrap();
        }
        tokio::task::yield_now().await;
    };
    let stranger = tokio::net::TcpSocket::new_v4().unwrap();
    stranger.bind((Ipv4Addr::new(127, 0, 0, 2), 0).into()).unwrap();
    let mut stream = stranger.connect((Ipv4Addr::LOCALHOST, port).into()).await.unwrap();
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut stream, &mut byte).await;
    assert!(matches!(read, Ok(0) | Err(_)), "the stranger was let in");
    fetching.abort();
}

#[tokio::test]
async fn when_all_ways_fail_each_is_told() {
    let server = play(&format!(
        "{SIZE}C: EPSV\nS: 500 no\nC: PASV\nS: 500 no\nC: PORT *\nS: 500 no\nC: EPRT *\nS: 500 no\nC: DELE f\nS: 250 ok"
    ))
    .await;
    let mut session = connect(&server).await;
    let error = fetch(&mut session, "f").await.unwrap_err();
    assert!(
        matches!(&error, Error::Data(DataFault::NotOpened { attempts }) if attempts.len() == 3),
        "{error:?}"
    );
    session.delete(&crate::path("f")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn over_ipv6_there_is_no_pasv_and_eprt_names_the_address() {
    let Ok(listener) = tokio::net::TcpListener::bind("[::1]:0").await else {
        // A machine without IPv6 has nothing to test here.
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let relay = crate::play(&format!("{SIZE}C: EPSV\nS: 500 no\nC: EPRT |2|::1|*\nS: 522 no\n")).await;
    let target = relay.address();
    tokio::spawn(async move {
        let (mut inbound, _) = listener.accept().await.unwrap();
        let mut outbound = tokio::net::TcpStream::connect(target).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut inbound, &mut outbound).await;
    });
    let v6 = Config { host: "::1".to_owned(), port, ..config(&relay) };
    let error = fetch(&mut open(v6).await, "f").await.unwrap_err();
    assert!(
        matches!(&error, Error::Data(DataFault::NotOpened { attempts }) if attempts.len() == 2),
        "{error:?}"
    );
    relay.finish().await;
}
