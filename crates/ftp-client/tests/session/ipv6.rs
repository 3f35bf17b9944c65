//! Sessions over IPv6.

use std::net::Ipv6Addr;

use ftp_client::{Config, DataFault, DataMode, Error};
use ftp_testkit::{ScriptedServer, Transcript};

use crate::{LOGIN, config, fetch, open};

const SIZE: &str = "C: SIZE f\nS: 213 5\n";
const SENT: &str = "D> hello\nD: close\nS: 226 done\n";

/// Plays on `::1`; a machine without IPv6 has nothing to test here.
async fn play(script: &str) -> Option<ScriptedServer> {
    Transcript::parse(&format!("{LOGIN}{script}")).start_on(Ipv6Addr::LOCALHOST).await.ok()
}

#[tokio::test]
async fn epsv_leads_to_the_same_address() {
    let script = format!("{SIZE}C: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 150 here\n{SENT}");
    let Some(server) = play(&script).await else { return };
    assert_eq!(fetch(&mut open(config(&server)).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn eprt_brings_the_server_here() {
    let script = format!("{SIZE}C: EPRT |2|::1|*\nS: 200 ok\nC: RETR f\nS: 150 here\nD: connect\n{SENT}");
    let Some(server) = play(&script).await else { return };
    let active = Config { data_mode: DataMode::Active, ..config(&server) };
    assert_eq!(fetch(&mut open(active).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn there_is_no_pasv() {
    let Some(server) = play(&format!("{SIZE}C: EPSV\nS: 500 no\nC: EPRT |2|::1|*\nS: 522 no\n")).await else {
        return;
    };
    let error = fetch(&mut open(config(&server)).await, "f").await.unwrap_err();
    assert!(
        matches!(&error, Error::Data(DataFault::NotOpened { attempts }) if attempts.len() == 2),
        "{error:?}"
    );
    server.finish().await;
}

#[cfg(target_os = "linux")] // Whether `::1` may have a zone is the resolver's to say.
#[tokio::test]
async fn a_zone_is_kept_on_the_way_to_data() {
    let script = format!("{SIZE}C: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 150 here\n{SENT}");
    let Some(server) = play(&script).await else { return };
    let zoned = Config { host: "::1%1".to_owned(), ..config(&server) };
    assert_eq!(fetch(&mut open(zoned).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}
