//! Uploads whose confirmation is lost, and the second half of others.

use ftp_client::{Before, Error, Session};

use crate::{config, open, path, persistent, play, put};

const BEGUN: &str = "C: EPSV\nS: 229 (|||{port}|)\nC: STOR f\nS: 150 go\n";

async fn replace(session: &mut Session, before: Option<u64>) -> Result<u64, Error> {
    let mut upload = session.upload_replacing(&path("f"), Before::Known(before)).await?;
    upload.write(b"hello").await?;
    upload.finish().await
}

#[tokio::test]
async fn a_lost_confirmation_is_made_up_for_by_the_size() {
    for lost in ["T: close", "T: reset", "S: 421 idle for too long"] {
        for before in [None, Some(4)] {
            let server =
                play(&format!("{BEGUN}D<\n{lost}\n---\nC: SIZE f\nS: 213 5\nC: DELE f\nS: 250 ok")).await;
            let mut session = open(persistent(&server)).await;
            assert_eq!(replace(&mut session, before).await.unwrap(), 5, "{lost}");
            session.delete(&path("f")).await.unwrap();
            server.finish().await;
        }
    }
}

#[tokio::test]
async fn another_size_or_none_proves_nothing() {
    for size in ["213 3", "550 no"] {
        let server = play(&format!("{BEGUN}D<\nT: close\n---\nC: SIZE f\nS: {size}")).await;
        let error = replace(&mut open(persistent(&server)).await, None).await.unwrap_err();
        assert!(matches!(&error, Error::Lost(_)), "{size}: {error:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_size_that_the_old_file_had_proves_nothing() {
    let server = play(&format!("{BEGUN}D<\nT: close")).await;
    let error = replace(&mut open(persistent(&server)).await, Some(5)).await.unwrap_err();
    assert!(matches!(&error, Error::Lost(_)), "{error:?}");
    server.finish().await;

    // Nor does one that the old file may have had.
    let server = play(&format!("{BEGUN}D<\nT: close")).await;
    put(&mut open(persistent(&server)).await, "f", b"hello").await.unwrap_err();
    server.finish().await;
}

#[tokio::test]
async fn without_retries_nothing_is_looked_up() {
    let server = play(&format!("{BEGUN}D<\nT: close")).await;
    replace(&mut open(config(&server)).await, None).await.unwrap_err();
    server.finish().await;
}

#[tokio::test]
async fn a_refusal_after_the_data_is_no_lost_confirmation() {
    let server = play(&format!("{BEGUN}D<\nS: 426 broken")).await;
    replace(&mut open(persistent(&server)).await, None).await.unwrap_err();
    server.finish().await;
}

#[tokio::test]
async fn what_is_appended_counts_from_what_was_there() {
    let append = "C: EPSV\nS: 229 (|||{port}|)\nC: APPE f\nS: 150 go\nD< lo\n";
    let server = play(&format!("{append}S: 226 done\n{append}T: close\n---\nC: SIZE f\nS: 213 5")).await;
    let mut session = open(persistent(&server)).await;
    for _ in 0..2 {
        let name = path("f");
        let mut upload = session.append(&name, 3).await.unwrap();
        upload.write(b"lo").await.unwrap();
        assert_eq!(upload.finish().await.unwrap(), 2);
    }
    server.finish().await;
}
