//! Downloads that break off, and go on where they stand.

use std::fmt::Write as _;

use ftp_client::{Config, DataFault, Error, Session};
use ftp_testkit::ScriptedServer;

use crate::{fetch, open, persistent, play, with_tls};

const EPSV: &str = "C: EPSV\nS: 229 (|||{port}|)\n";

/// A download of `f`, which has five bytes, up to where the server begins to send.
fn begun() -> String {
    format!("C: SIZE f\nS: 213 5\n{EPSV}C: RETR f\nS: 150 here\n")
}

/// Another try that goes on after `hel`, up to where the server begins to send.
fn resumed() -> String {
    format!("C: SIZE f\nS: 213 5\n{EPSV}C: REST 3\nS: 350 at 3\nC: RETR f\nS: 150 here\n")
}

async fn connect(server: &ScriptedServer) -> Session {
    open(persistent(server)).await
}

#[tokio::test]
async fn a_transfer_that_is_reset_goes_on_in_a_new_session() {
    let server = play(&format!(
        "{}D> hel\nD: reset\nT: close\n---\n{}D> lo\nD: close\nS: 226 done\nC: QUIT",
        begun(),
        resumed()
    ))
    .await;
    let mut session = connect(&server).await;
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    session.quit().await;
    server.finish().await;
}

#[tokio::test]
async fn a_transfer_that_the_server_gives_up_for_now_goes_on_in_the_same_session() {
    for end in ["426 broken", "425 no data", "451 local error", "450 busy", "226 that was all"] {
        let server = play(&format!(
            "{}D> hel\nD: close\nS: {end}\n{}D> lo\nD: close\nS: 226 done",
            begun(),
            resumed()
        ))
        .await;
        assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello", "{end}");
        server.finish().await;
    }
}

#[tokio::test]
async fn over_tls_the_rest_is_protected_as_the_beginning_was() {
    let protected =
        "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls\nC: USER user\nS: 331 pw\nC: PASS canary\nS: 230 in
        C: PBSZ 0\nS: 200 ok\nC: PROT P\nS: 200 ok\nC: TYPE I\nS: 200 ok\n";
    let script = format!(
        "{protected}{}D> hel\nD: cut\nT: close\n---\n{protected}{}D> lo\nD: close\nS: 226 done",
        begun(),
        resumed()
    );
    let server = ftp_testkit::Transcript::parse(&script).start().await;
    let config = Config { tls: with_tls(&server).tls, ..persistent(&server) };
    assert_eq!(fetch(&mut open(config).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn where_rest_is_refused_the_beginning_is_passed_over() {
    let again = format!("C: SIZE f\nS: 213 5\n{EPSV}");
    let table = [
        "C: REST 3\nS: 502 no\nC: RETR f\nS: 150 here\n",
        "C: REST 3\nS: 350 ok\nC: RETR f\nS: 554 not there\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\n",
    ];
    for refused in table {
        let server = play(&format!(
            "{}D> hel\nD: close\nS: 426 broken\n{again}{refused}D> hello\nD: close\nS: 226 done",
            begun()
        ))
        .await;
        assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello", "{refused}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_break_while_the_beginning_is_passed_over_loses_and_repeats_nothing() {
    let again = format!("C: SIZE f\nS: 213 5\n{EPSV}");
    let server = play(&format!(
        "{}D> hel\nD: close\nS: 426 broken
         {again}C: REST 3\nS: 502 no\nC: RETR f\nS: 150 here\nD> he\nD: close\nS: 426 broken
         {again}C: RETR f\nS: 150 here\nD> hell\nD: close\nS: 226 short
         {again}C: RETR f\nS: 150 here\nD> hello\nD: close\nS: 226 done",
        begun()
    ))
    .await;
    assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn an_answer_to_rest_that_says_neither_ends_the_transfer() {
    let server = play(&format!(
        "{}D> hel\nD: close\nS: 426 broken\nC: SIZE f\nS: 213 5\n{EPSV}C: REST 3\nS: 200 fine",
        begun()
    ))
    .await;
    let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
    assert!(matches!(error.last(), Error::Protocol(_)), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_file_that_changed_meanwhile_is_not_put_together() {
    for size in ["213 6", "213 4", "550 gone"] {
        let server = play(&format!("{}D> hel\nD: close\nS: 426 broken\nC: SIZE f\nS: {size}", begun())).await;
        let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
        assert!(matches!(error.last(), Error::Data(DataFault::Changed)), "{size}: {error:?}");
        assert!(error.to_string().contains("426"), "the first failure is told: {error}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_large_file_of_the_same_size_and_another_time_is_another_file() {
    let facts = "C: SIZE f\nS: 213 2000000\nC: MDTM f\nS: 213 ";
    let server = play(&format!(
        "{facts}20240101000000\n{EPSV}C: RETR f\nS: 150 here\nD> hel\nD: close\nS: 426 broken\n{facts}20240101000001"
    ))
    .await;
    let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
    assert!(matches!(error.last(), Error::Data(DataFault::Changed)), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_ignores_the_offset_is_found_out_by_the_size() {
    let server = play(&format!(
        "{}D> hel\nD: close\nS: 426 broken\n{}D> hello\nD: close\nS: 226 done",
        begun(),
        resumed()
    ))
    .await;
    let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
    assert!(matches!(error.last(), Error::Data(DataFault::Changed)), "{error:?}");
}

#[tokio::test]
async fn without_a_size_there_is_no_telling_what_the_rest_would_be_of() {
    let server =
        play(&format!("C: SIZE f\nS: 502 no\n{EPSV}C: RETR f\nS: 150 here\nD> hel\nD: close\nS: 426 broken"))
            .await;
    let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
    assert!(matches!(&error, Error::Data(DataFault::GivenUp(_))), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn before_the_first_byte_everything_begins_anew() {
    let table = [
        // The file is busy, the session goes on.
        format!("C: SIZE f\nS: 213 9\n{EPSV}C: RETR f\nS: 450 busy\n"),
        format!("C: SIZE f\nS: 502 no\n{EPSV}C: RETR f\nS: 150 here\nD: open\nD: close\nS: 426 broken\n"),
        // The session is gone.
        "C: SIZE f\nT: close\n---\n".to_owned(),
        format!("C: SIZE f\nS: 213 9\n{EPSV}C: RETR f\nS: 421 shutting down\n---\n"),
        format!("C: SIZE f\nS: 213 9\n{EPSV}C: RETR f\nS: 150 here\nD: open\nD: reset\nT: close\n---\n"),
    ];
    for failed in table {
        let server = play(&format!("{failed}{}D> hello\nD: close\nS: 226 done", begun())).await;
        assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello", "{failed}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_refusal_of_the_file_is_final() {
    let server = play(&format!("C: SIZE f\nS: 550 no\n{EPSV}C: RETR f\nS: 550 no such file")).await;
    assert!(fetch(&mut connect(&server).await, "f").await.unwrap_err().is_rejection());
    server.finish().await;

    // Once bytes have come it is no answer about a file any more, but a transfer that failed.
    let server = play(&format!(
        "{}D> hel\nD: close\nS: 426 broken\n{}",
        begun(),
        resumed().replace("S: 150 here\n", &format!("S: 550 gone\n{EPSV}C: RETR f\nS: 550 gone"))
    ))
    .await;
    let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
    assert!(matches!(&error, Error::Repeated { .. }) && !error.is_rejection(), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_control_connection_that_dies_after_the_data_is_made_up_for_by_the_size() {
    for end in ["T: close", "T: reset", "S: 421 idle for too long"] {
        let server = play(&format!(
            "{}D> hello\nD: close\n{end}\n---\nC: SIZE f\nS: 213 5\nC: DELE f\nS: 250 ok",
            begun()
        ))
        .await;
        let mut session = connect(&server).await;
        assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello", "{end}");
        session.delete(&crate::path("f")).await.unwrap();
        server.finish().await;
    }
}

#[tokio::test]
async fn a_file_that_grew_is_whole_when_its_size_says_so() {
    let server =
        play(&format!("{}D> hello again\nD: close\nT: close\n---\nC: SIZE f\nS: 213 11", begun())).await;
    assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello again");
    server.finish().await;
}

#[tokio::test]
async fn after_a_dead_control_connection_another_size_is_another_file() {
    let server = play(&format!("{}D> hello\nD: close\nT: close\n---\nC: SIZE f\nS: 213 7", begun())).await;
    let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
    assert!(matches!(error.last(), Error::Data(DataFault::Changed)), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn the_end_of_a_resumed_file_is_confirmed_by_the_server_alone() {
    let end = format!(
        "C: SIZE f\nS: 213 5\n{EPSV}C: REST 5\nS: 350 ok\nC: RETR f\nS: 150 here\nD: open\nD: close\nS: 226 done"
    );
    let server = play(&format!(
        "{}D> hel\nD: close\nS: 426 broken\n{}D> lo\nD: close\nT: close\n---\n{end}",
        begun(),
        resumed()
    ))
    .await;
    assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_is_full_or_restarting_in_between_is_waited_for() {
    let login_refused = "S: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary\nS: 530 too many users";
    let script = format!(
        "{}{}D> hel\nD: reset\nT: close\n---\nS: 421 full\n---\nT: close\n---\n{login_refused}\n---\n{}{}D> lo\nD: close\nS: 226 done",
        crate::LOGIN,
        begun(),
        crate::LOGIN,
        resumed()
    );
    let server = ftp_testkit::Transcript::parse(&script).start().await;
    let retries = ftp_client::Retries { attempts: 4, ..persistent(&server).retries };
    let mut session = open(Config { retries, ..persistent(&server) }).await;
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn a_password_that_is_refused_in_between_is_not_tried_again() {
    for refusal in ["530 Login incorrect", "421 too many wrong passwords"] {
        let script = format!(
            "{}{}D> hel\nD: reset\nT: close\n---\nS: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary\nS: {refusal}",
            crate::LOGIN,
            begun()
        );
        let server = ftp_testkit::Transcript::parse(&script).start().await;
        let error = fetch(&mut open(persistent(&server)).await, "f").await.unwrap_err();
        assert!(matches!(error.last(), Error::Login(_)), "{error:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn when_the_tries_are_used_up_the_first_and_the_last_failure_are_told() {
    let again = format!("C: SIZE f\nS: 213 5\n{EPSV}C: REST 3\nS: 350 ok\nC: RETR f\n");
    let mut script = format!("{}D> hel\nD: close\nS: 426 the first\n", begun());
    for end in ["450 busy", "451 error", "425 the last"] {
        // 425 says that there is no data connection, so the other ways to one are tried as well.
        let _ = write!(script, "{again}S: 150 here\nD: open\nD: close\nS: {end}\n");
    }
    let server = play(&script).await;
    let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
    assert!(matches!(&error, Error::Repeated { tries: 4, .. }), "{error:?}");
    assert!(error.to_string().contains("the first") && error.to_string().contains("the last"), "{error}");
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_breaks_off_after_every_byte_is_left_in_the_end() {
    let mut script =
        format!("C: SIZE f\nS: 213 5000\n{EPSV}C: RETR f\nS: 150 here\nD> x\nD: close\nS: 426 broken\n");
    for at in 1..=100 {
        let _ = write!(
            script,
            "C: SIZE f\nS: 213 5000\n{EPSV}C: REST {at}\nS: 350 ok\nC: RETR f\nS: 150 here\nD> x\nD: close\nS: 426 broken\n"
        );
    }
    let server = play(&script).await;
    let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
    assert!(matches!(&error, Error::Repeated { tries: 101, .. }), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn after_an_error_there_is_nothing_more_to_read() {
    let server = play(&format!("{}D> hel\nD: close\nS: 552 enough", begun())).await;
    let mut session = connect(&server).await;
    let path = crate::path("f");
    let mut download = session.download(&path).await.unwrap();
    assert_eq!(download.read(&mut [0; 9]).await.unwrap(), 3);
    for _ in 0..2 {
        download.read(&mut [0; 9]).await.unwrap_err();
    }
    server.finish().await;
}
