//! Uploads, and who says that they are whole.

use ftp_client::{DataFault, Error};

use crate::{connect, path, play, put};

const BEGUN: &str = "C: EPSV\nS: 229 (|||{port}|)\nC: STOR f\nS: 150 go\n";

#[tokio::test]
async fn the_final_reply_confirms_the_upload() {
    let server = play(&format!("{BEGUN}D< hello\nS: 226 done")).await;
    assert_eq!(put(&mut connect(&server).await, "f", b"hello").await.unwrap(), 5);
    server.finish().await;
}

#[tokio::test]
async fn an_upload_of_nothing_opens_and_closes_the_data_connection() {
    let server = play(&format!("{BEGUN}D<\nS: 226 done")).await;
    assert_eq!(put(&mut connect(&server).await, "f", b"").await.unwrap(), 0);
    server.finish().await;
    assert_eq!(server.uploads(), [b""]);
}

#[tokio::test]
async fn a_forbidden_file_is_a_rejection() {
    let server = play("C: EPSV\nS: 229 (|||{port}|)\nC: STOR f\nS: 553 forbidden").await;
    let error = put(&mut connect(&server).await, "f", b"hello").await.unwrap_err();
    assert!(error.is_rejection(), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_full_disk_after_the_data_is_no_upload() {
    let server = play(&format!("{BEGUN}D<\nS: 552 quota exceeded")).await;
    let error = put(&mut connect(&server).await, "f", b"hello").await.unwrap_err();
    assert!(matches!(&error, Error::Data(DataFault::GivenUp(_))), "{error:?}");
    assert!(!error.is_rejection(), "what the server holds is not what it held before");
}

#[tokio::test]
async fn a_server_that_resets_in_the_middle_explains_itself() {
    let server = play(&format!("{BEGUN}D: open\nS: 451 disk error\nD: reset")).await;
    let error = put(&mut connect(&server).await, "f", &vec![0; 4 << 20]).await.unwrap_err();
    assert_eq!(error.reply_code().map(ftp_proto::Code::as_u16), Some(451), "{error:?}");
}

#[tokio::test]
async fn folders_are_made_from_the_top_and_refusals_passed_over() {
    let server =
        play("C: MKD /a\nS: 521 exists\nC: MKD /a/b\nS: 550 exists\nC: MKD /a/b/c\nS: 257 \"/a/b/c\"").await;
    connect(&server).await.make_folders(&path("/a/b/c")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn a_rename_is_two_commands_and_either_may_be_refused() {
    let server = play(
        "C: RNFR a\nS: 350 to?\nC: RNTO b\nS: 250 done
         C: RNFR a\nS: 550 missing
         C: RNFR a\nS: 350 to?\nC: RNTO b\nS: 553 exists",
    )
    .await;
    let mut session = connect(&server).await;
    session.rename(&path("a"), &path("b")).await.unwrap();
    assert!(session.rename(&path("a"), &path("b")).await.unwrap_err().is_rejection());
    assert!(session.rename(&path("a"), &path("b")).await.unwrap_err().is_rejection());
    server.finish().await;
}
