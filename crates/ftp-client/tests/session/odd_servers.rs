//! Servers whose data connections follow rules of their own: the listener comes late, the port wants to know what for,
//! or there is no connection since there is nothing to send.

use ftp_client::{DataFault, Error, ProtocolFault};
use ftp_testkit::{ScriptedServer, Transcript};

use crate::{active, connect, fetch, impatient, names, open, path, play, put, with_tls};

const SIZE: &str = "C: SIZE f\nS: 213 5\n";
const SENT: &str = "D> hello\nD: close\nS: 226 done\n";
const NO_ACTIVE: &str = "C: PORT *\nS: 500 no\nC: EPRT *\nS: 500 no\n";
const MLST: &str = "C: FEAT\nS: 211-features\nS:  MLST type*;size*;modify*;\nS: 211 end\n";
const AT_HOME: &str = "C: FEAT\nS: 500 no\nC: PWD\nS: 257 \"/home\"\nC: CWD in\nS: 250 ok\n";

/// Both passive ports refuse, and active mode does as well.
fn nothing_listens() -> String {
    format!("C: EPSV\nS: 229 (|||{{closed}}|)\nC: PASV\nS: 502 no\n{NO_ACTIVE}")
}

#[tokio::test]
async fn a_listener_that_opens_after_the_command_is_found_and_remembered() {
    let late = "C: EPSV\nS: 229 (|||{closed}|)\n";
    let refusals = nothing_listens();
    let server = play(&format!(
        "{SIZE}{refusals}{late}C: RETR f\nD: listen\nS: 150 here\n{SENT}
         {SIZE}{late}C: RETR f\nS: 150 here\nD: listen\n{SENT}
         {late}C: STOR g\nD: listen\nS: 150 go\nD< hello\nS: 226 done"
    ))
    .await;
    let mut session = connect(&server).await;
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello", "at once, this time");
    assert_eq!(put(&mut session, "g", b"hello").await.unwrap(), 5);
    server.finish().await;
}

#[tokio::test]
async fn a_port_that_refuses_after_the_command_as_well_is_the_last_failure() {
    let refusals = nothing_listens();
    let server = play(&format!(
        "{SIZE}{refusals}C: EPSV\nS: 229 (|||{{closed}}|)\nC: RETR f\nS: 425 nobody came\nC: DELE f\nS: 250 ok"
    ))
    .await;
    let mut session = connect(&server).await;
    let error = fetch(&mut session, "f").await.unwrap_err();
    let is_all = matches!(&error, Error::Data(DataFault::NotOpened { attempts }) if attempts.len() == 4);
    assert!(is_all, "{error:?}");
    session.delete(&path("f")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn no_upload_begins_on_the_chance_that_a_listener_comes_late() {
    let refusals = nothing_listens();
    let server = play(&format!("{refusals}C: DELE f\nS: 250 ok")).await;
    let mut session = connect(&server).await;
    let error = put(&mut session, "g", b"hello").await.unwrap_err();
    assert!(matches!(&error, Error::Data(DataFault::NotOpened { .. })), "{error:?}");
    session.delete(&path("f")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn drftpd_is_told_what_the_port_is_for() {
    let refused = "S: 500 You need to use a client supporting PRET (PRE Transfer) to use PASV\n";
    let passive = "C: EPSV\nS: 229 (|||{port}|)\n";
    let server = play(&format!(
        "{SIZE}C: EPSV\n{refused}C: PRET RETR f\nS: 200 ok\n{passive}C: RETR f\nS: 150 here\n{SENT}
         C: PRET STOR g\nS: 500 what\n{passive}C: STOR g\nS: 150 go\nD< hello\nS: 226 done"
    ))
    .await;
    let mut session = connect(&server).await;
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    assert_eq!(put(&mut session, "g", b"hello").await.unwrap(), 5, "PRET itself may be refused");
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_promises_pret_gets_it_unasked() {
    let server = play(
        r"C: FEAT
          S: 211-features
          S:  PRET
          S:  MLST type*;
          S: 211 end
          C: PRET MLSD in
          S: 200 ok
          C: EPSV
          S: 229 (|||{port}|)
          C: MLSD in
          S: 150 here
          D> type=file; a\r\n
          D: close
          S: 226 done",
    )
    .await;
    assert_eq!(names(&mut connect(&server).await, "in").await.unwrap(), ["a"]);
    server.finish().await;
}

#[tokio::test]
async fn an_empty_listing_needs_no_data_connection() {
    let table = [
        // The connection waits in the listener's queue; or it is accepted and closed; or never asked for.
        "C: EPSV\nS: 229 (|||{port}|)\nC: MLSD in\nS: 226 empty\n",
        "C: EPSV\nS: 229 (|||{port}|)\nC: MLSD in\nD: open\nD: close\nS: 250 empty\n",
    ];
    for listing in table {
        let server = play(&format!("{MLST}{listing}C: DELE x\nS: 250 ok")).await;
        let mut session = connect(&server).await;
        assert!(names(&mut session, "in").await.unwrap().is_empty(), "{listing}");
        session.delete(&path("x")).await.unwrap();
        server.finish().await;
    }
}

#[tokio::test]
async fn in_active_mode_nobody_connects_for_an_empty_listing() {
    let server =
        play(&format!("{AT_HOME}C: PORT *\nS: 200 ok\nC: LIST\nS: 226 empty\nC: CWD /home\nS: 250 ok")).await;
    assert!(names(&mut open(active(&server)).await, "in").await.unwrap().is_empty());
    server.finish().await;
}

#[tokio::test]
async fn over_tls_the_reply_is_proof_enough_of_an_empty_listing() {
    let server = Transcript::parse(&format!(
        "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls\nC: USER user\nS: 331 pw\nC: PASS canary\nS: 230 in
         C: PBSZ 0\nS: 200 ok\nC: PROT P\nS: 200 ok\nC: TYPE I\nS: 200 ok
         {MLST}C: EPSV\nS: 229 (|||{{port}}|)\nC: MLSD in\nS: 226 empty"
    ))
    .start()
    .await;
    assert!(names(&mut open(with_tls(&server)).await, "in").await.unwrap().is_empty());
    server.finish().await;
}

#[tokio::test]
async fn data_that_was_only_not_announced_is_not_an_empty_listing() {
    let server = play(&format!(
        "{MLST}C: EPSV\nS: 229 (|||{{port}}|)\nC: MLSD in\nD> type=file; a\\r\\n\nS: 226 done"
    ))
    .await;
    let error = names(&mut connect(&server).await, "in").await.unwrap_err();
    assert!(matches!(&error, Error::Protocol(ProtocolFault::Unexpected { .. })), "{error:?}");
    server.finish().await;
}

/// Plays a download of `f` that ends at once.
async fn done_at_once(size: &str, reply: &str) -> (Result<Vec<u8>, Error>, ScriptedServer) {
    let server =
        play(&format!("C: SIZE f\nS: {size}\nC: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: {reply}")).await;
    (fetch(&mut connect(&server).await, "f").await, server)
}

#[tokio::test]
async fn only_a_file_known_to_be_empty_needs_no_data_connection() {
    let (fetched, server) = done_at_once("213 0", "226 done").await;
    assert_eq!(fetched.unwrap(), b"");
    server.finish().await;
    for (size, reply) in [("213 5", "226 done"), ("550 no", "226 done"), ("213 0", "200 done")] {
        let (fetched, server) = done_at_once(size, reply).await;
        let error = fetched.unwrap_err();
        let is_unexpected = matches!(&error, Error::Protocol(ProtocolFault::Unexpected { verb: "RETR", .. }));
        assert!(is_unexpected, "{size} {reply}: {error:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn an_upload_that_is_done_before_it_began_is_none() {
    let server = play("C: EPSV\nS: 229 (|||{port}|)\nC: STOR f\nS: 226 done").await;
    let error = put(&mut connect(&server).await, "f", b"hello").await.unwrap_err();
    assert!(matches!(&error, Error::Protocol(ProtocolFault::Unexpected { verb: "STOR", .. })), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_150_too_many_is_passed_over() {
    let server = play(&format!(
        "{SIZE}C: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 150 here\nD> hello\nD: close
         S+: 226 done\\r\\n150 here\\r\\n\nC: DELE f\nS: 250 ok"
    ))
    .await;
    let mut session = connect(&server).await;
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    session.delete(&path("f")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn a_final_reply_that_never_comes_proves_nothing() {
    let server = play(&format!(
        "{SIZE}C: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 150 here\nD> hello\nD: close\nT: hang"
    ))
    .await;
    let mut session = open(impatient(crate::config(&server))).await;
    let error = fetch(&mut session, "f").await.unwrap_err();
    assert!(matches!(&error, Error::Timeout { .. }), "{error:?}");
    assert!(!session.is_usable());
    server.finish().await;
}
