//! The ways to a data connection, and the way from one to the next.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

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
    for bad in
        ["229 no port here", "229 (|||0|)", "229 (|||99999|)", "227 Entering Passive Mode (1,2,3)", "522 no"]
    {
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
async fn odd_forms_of_an_address_are_read() {
    for epsv in ["229 (!!!{port}!)", "229 (|||{port}.|)", "229 ok (|||{port}|).", "227 Passive ({pasv})"] {
        let server = play(&format!("{SIZE}C: EPSV\nS: {epsv}\nC: RETR f\nS: 150 here\n{SENT}")).await;
        let fetched = fetch(&mut connect(&server).await, "f").await;
        server.finish().await;
        assert_eq!(fetched.unwrap(), b"hello", "{epsv}");
    }
}

#[tokio::test]
async fn an_address_that_epsv_names_is_not_dialled() {
    let server =
        play(&format!("{SIZE}C: EPSV\nS: 229 (|1|10.255.255.1|{{port}}|)\nC: RETR f\nS: 150 here\n{SENT}"))
            .await;
    assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn a_pasv_that_cannot_be_leads_to_active_mode() {
    for bad in ["227 (127,0,0,256,24,6)", "227 (127,0,0,1,24)", "227 (127,0,0,1,0,0)", "227"] {
        let server = play(&format!(
            "{SIZE}C: EPSV\nS: 502 no\nC: PASV\nS: {bad}\nC: PORT *\nS: 200 ok\nC: RETR f\nS: 150 here\nD: connect\n{SENT}"
        ))
        .await;
        assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello", "{bad}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_425_before_the_data_leads_to_the_next_way() {
    let server = play(&format!(
        "{SIZE}C: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 425 no data connection
         C: PASV\nS: 227 ({{pasv}})\nC: RETR f\nS: 150 here\n{SENT}"
    ))
    .await;
    assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

/// Long enough that a test in which it ran out would be seen to take too long.
const PATIENT: Duration = Duration::from_mins(1);

#[cfg(target_os = "linux")] // Other systems do not let a port be silent.
#[tokio::test]
async fn a_filtered_port_costs_seconds_and_is_not_tried_again() {
    let pasv = format!("C: PASV\nS: 227 ({{pasv}})\nC: RETR f\nS: 150 here\n{SENT}");
    let server =
        play(&format!("{SIZE}C: EPSV\nS: 229 (|||{{filtered}}|)\n{pasv}{SIZE}{pasv}---\n{SIZE}{pasv}")).await;
    let client = Client::new(Config { timeout: PATIENT, ..config(&server) }).unwrap();
    let began = Instant::now();
    let mut session = client.connect().await.unwrap();
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello", "the session remembers");
    drop(session);
    assert_eq!(
        fetch(&mut client.connect().await.unwrap(), "f").await.unwrap(),
        b"hello",
        "the client remembers"
    );
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_does_not_connect_costs_seconds() {
    let server = play(&format!(
        "{SIZE}C: PORT *\nS: 200 ok\nC: RETR f\nT: hang\n---\nC: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 150 here\n{SENT}"
    ))
    .await;
    let began = Instant::now();
    let mut session = open(Config { timeout: PATIENT, ..active(&server) }).await;
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    drop(session);
    server.finish().await;
}
