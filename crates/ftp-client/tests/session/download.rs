//! Downloads, and what makes them whole.

use ftp_client::{DataFault, Error};

use crate::{connect, fetch, open, play, with_tls};

/// A download of `f` over EPSV, up to where the server begins to send.
const BEGUN: &str = "C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\n";

#[tokio::test]
async fn bytes_reply_and_size_make_a_whole_file() {
    let server = play(&format!("{BEGUN}D> hello\nD: close\nS: 226 done\nC: QUIT\nS: 221 bye")).await;
    let mut session = connect(&server).await;
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    session.quit().await;
    server.finish().await;
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let server = play(
        "C: SIZE f\nS: 213 0\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\nD: open\nD: close\nS: 226 done",
    )
    .await;
    assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"");
    server.finish().await;
}

#[tokio::test]
async fn replies_out_of_the_usual_codes_and_times_are_taken() {
    let table = [
        // 226 in the same packet as 150, before the data.
        "C: RETR f\nS+: 150 here\\r\\n226 done\\r\\n\nD> hello\nD: close",
        "C: RETR f\nS: 125 open already\nD> hello\nD: close\nS: 250 done",
        "C: RETR f\nS: 150 here\nS: 150 again\nD> hello\nD: close\nS: 226 done",
        "C: RETR f\nS+: 150 here\\n\nD> hello\nD: close\nS+: 226-do\\n ne\\n226 done\\n",
    ];
    for end in table {
        let server = play(&format!("C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{{port}}|)\n{end}")).await;
        assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello", "{end}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_missing_file_is_a_rejection_and_the_session_goes_on() {
    let server = play(
        "C: SIZE f\nS: 550 no such file\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 550 no such file
         C: DELE g\nS: 250 gone",
    )
    .await;
    let mut session = connect(&server).await;
    let error = fetch(&mut session, "f").await.unwrap_err();
    assert!(error.is_rejection(), "{error:?}");
    session.delete(&crate::path("g")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn fewer_bytes_than_announced_are_no_file() {
    let server = play(&format!("{BEGUN}D> hel\nD: close\nS: 226 done")).await;
    let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
    assert!(matches!(&error, Error::Data(DataFault::Short { received: 3, expected: 5 })), "{error:?}");
}

#[tokio::test]
async fn a_file_that_grew_is_whole() {
    let server = play(&format!("{BEGUN}D> hello again\nD: close\nS: 226 done")).await;
    assert_eq!(fetch(&mut connect(&server).await, "f").await.unwrap(), b"hello again");
}

#[tokio::test]
async fn a_transfer_that_the_server_gives_up_carries_its_reason() {
    for (end, code) in [
        ("D> hel\nD: close\nS: 426 broken pipe", 426),
        ("D> hel\nD: close\nS: 451 disk error", 451),
        ("D> hel\nS: 426 broken pipe\nD: reset", 426),
    ] {
        let server = play(&format!("{BEGUN}{end}")).await;
        let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
        assert!(matches!(&error, Error::Data(DataFault::GivenUp(_))), "{end}: {error:?}");
        assert_eq!(error.reply_code().map(ftp_proto::Code::as_u16), Some(code));
    }
}

#[tokio::test]
async fn a_data_connection_that_is_reset_is_a_broken_transfer() {
    let server = play(&format!("{BEGUN}D> hel\nD: reset\nT: close")).await;
    let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
    assert!(matches!(&error, Error::Data(DataFault::Broken(_))), "{error:?}");
}

#[tokio::test]
async fn a_control_connection_that_dies_before_the_final_reply_proves_nothing() {
    let server = play(&format!("{BEGUN}D> hello\nD: close\nT: close")).await;
    let error = fetch(&mut connect(&server).await, "f").await.unwrap_err();
    assert!(matches!(&error, Error::Lost(_)), "{error:?}");
}

/// The usual beginning over TLS, up to the announced size.
const PROTECTED: &str =
    "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls\nC: USER user\nS: 331 pw\nC: PASS canary\nS: 230 in
    C: PBSZ 0\nS: 200 ok\nC: PROT P\nS: 200 ok\nC: TYPE I\nS: 200 ok\nC: SIZE f\n";

#[tokio::test]
async fn without_close_notify_the_size_has_to_prove_the_end() {
    let table = [
        ("S: 213 5", "D> hello", true),
        ("S: 213 5", "D> hel", false),
        ("S: 550 what size", "D> hello", false),
    ];
    for (size, sent, whole) in table {
        let script = format!(
            "{PROTECTED}{size}\nC: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 150 here\n{sent}\nD: cut\nS: 226 done"
        );
        let server = ftp_testkit::Transcript::parse(&script).start().await;
        let fetched = fetch(&mut open(with_tls(&server)).await, "f").await;
        assert_eq!(fetched.is_ok(), whole, "{size} {sent}: {fetched:?}");
    }
}
