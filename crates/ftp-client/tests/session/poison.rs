//! A reply is the answer to its own command or to none.

use ftp_client::{Error, LostCause, ProtocolFault};

use crate::{config, connect, fetch, impatient, open, path, play};

#[tokio::test]
async fn a_late_reply_is_never_the_answer_to_the_next_command() {
    let server = play("C: SIZE a\nT: hang").await;
    let mut session = open(impatient(config(&server))).await;
    let error = fetch(&mut session, "a").await.unwrap_err();
    assert!(matches!(&error, Error::Timeout { .. }), "{error:?}");
    assert!(!session.is_usable());
    let error = session.delete(&path("b")).await.unwrap_err();
    assert!(matches!(&error, Error::Lost(LostCause::Poisoned)), "{error:?}");
    assert!(!server.received().contains(&"DELE b".to_owned()));
}

#[tokio::test]
async fn a_cancelled_command_poisons_the_session() {
    let server = play("C: DELE a\nT: hang").await;
    let mut session = connect(&server).await;
    let name = path("a");
    tokio::select! {
        deleted = session.delete(&name) => panic!("{deleted:?}"),
        () = received(&server, "DELE a") => {}
    }
    assert!(!session.is_usable());
    let error = session.delete(&path("b")).await.unwrap_err();
    assert!(matches!(&error, Error::Lost(LostCause::Poisoned)), "{error:?}");
}

/// Waits until the server has read a line; the test's own deadline ends a wait in vain.
async fn received(server: &ftp_testkit::ScriptedServer, line: &str) {
    while !server.received().iter().any(|seen| seen == line) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_abandoned_download_poisons_the_session() {
    let server =
        play("C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\nD> hel\nT: hang")
            .await;
    let mut session = connect(&server).await;
    let mut download = session.download(&path("f")).await.unwrap();
    assert_eq!(download.read(&mut [0; 3]).await.unwrap(), 3);
    drop(download);
    assert!(!session.is_usable());
    assert!(matches!(session.delete(&path("b")).await, Err(Error::Lost(LostCause::Poisoned))));
}

#[tokio::test]
async fn a_reply_that_nobody_asked_for_ends_the_session() {
    let server = play("C: DELE a\nS+: 250 gone\\r\\n250 gone again\\r\\n\nT: hang").await;
    let mut session = connect(&server).await;
    session.delete(&path("a")).await.unwrap();
    let error = session.delete(&path("b")).await.unwrap_err();
    assert!(matches!(&error, Error::Protocol(ProtocolFault::OutOfStep)), "{error:?}");
    assert!(!session.is_usable());
}

#[tokio::test]
async fn a_goodbye_in_place_of_a_reply_is_a_lost_session() {
    let server = play("C: DELE a\nS: 421 closing, you were idle\nT: close").await;
    let mut session = connect(&server).await;
    let error = session.delete(&path("a")).await.unwrap_err();
    assert!(matches!(&error, Error::Lost(LostCause::Goodbye(_))), "{error:?}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn what_is_no_reply_ends_the_session() {
    let endless_line = format!("S+: 250 {}", "x".repeat(200_000));
    for nonsense in ["S: hello", "S: 999 what", "S: 25", &endless_line] {
        let server = play(&format!("C: DELE a\n{nonsense}\nT: hang")).await;
        let mut session = connect(&server).await;
        let error = session.delete(&path("a")).await.unwrap_err();
        assert!(matches!(&error, Error::Protocol(ProtocolFault::Reply(_))), "{error:?}");
        assert!(!session.is_usable());
    }
}

#[tokio::test]
async fn a_silent_data_connection_ends_at_the_timeout() {
    let server =
        play("C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\nD> hel\nT: hang")
            .await;
    let mut session = open(impatient(config(&server))).await;
    let error = fetch(&mut session, "f").await.unwrap_err();
    assert!(matches!(&error, Error::Timeout { .. }), "{error:?}");
    assert!(!session.is_usable());
}

#[tokio::test]
async fn preliminary_replies_without_end_do_not_hold_a_command_for_ever() {
    let endless = "S: 150 wait\n".repeat(2000);
    let server = play(&format!("C: DELE a\n{endless}T: hang")).await;
    let mut session = open(impatient(config(&server))).await;
    let error = session.delete(&path("a")).await.unwrap_err();
    assert!(matches!(&error, Error::Timeout { .. }), "{error:?}");
    assert!(!session.is_usable());
}
