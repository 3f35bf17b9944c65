//! One entry's facts, by three ways.

use ftp_proto::EntryKind;

use crate::{connect, path, play};

#[tokio::test]
async fn mlst_tells_all_at_once() {
    let server = play(
        "C: FEAT\nS: 211-\nS:  MLST type*;size*;modify*;\nS: 211 end
         C: MLST a/f\nS: 250-facts\nS:  type=file;size=5;modify=20240102030405; a/f\nS: 250 end
         C: MLST a/g\nS: 550 no such file",
    )
    .await;
    let mut session = connect(&server).await;
    let entry = session.stat(&path("a/f")).await.unwrap().unwrap();
    assert_eq!((entry.kind, entry.size), (EntryKind::File, Some(5)));
    assert_eq!(entry.modified.unwrap().at.unix_timestamp(), 1_704_164_645);
    assert_eq!(session.stat(&path("a/g")).await.unwrap(), None);
    server.finish().await;
}

#[tokio::test]
async fn size_and_mdtm_do_for_files() {
    let server = play("C: FEAT\nS: 500 no\nC: SIZE a/f\nS: 213 5\nC: MDTM a/f\nS: 213 20240102030405").await;
    let entry = connect(&server).await.stat(&path("a/f")).await.unwrap().unwrap();
    assert_eq!((entry.name.as_slice(), entry.kind, entry.size), (&b"f"[..], EntryKind::File, Some(5)));
    assert_eq!(entry.modified.unwrap().at.unix_timestamp(), 1_704_164_645);
    server.finish().await;
}

#[tokio::test]
async fn the_folders_listing_is_the_last_resort() {
    let listing = r"C: CWD a
        S: 250 ok
        C: EPSV
        S: 229 (|||{port}|)
        C: LIST
        S: 150 here
        D> drwxr-xr-x 2 u g 4096 Jan 01 2024 d\r\n
        D: close
        S: 226 done
        C: CWD /
        S: 250 ok
        ";
    let server = play(&format!(
        "C: FEAT\nS: 500 no\nC: SIZE a/d\nS: 550 not a plain file\nC: PWD\nS: 257 \"/\"\n{listing}
         C: SIZE a/x\nS: 550 missing\n{listing}"
    ))
    .await;
    let mut session = connect(&server).await;
    let entry = session.stat(&path("a/d")).await.unwrap().unwrap();
    assert_eq!((entry.kind, entry.mode), (EntryKind::Folder, Some(0o40_755)));
    assert_eq!(session.stat(&path("a/x")).await.unwrap(), None);
    server.finish().await;
}

#[tokio::test]
async fn the_root_is_a_folder_that_can_be_entered() {
    let server = play(
        "C: FEAT\nS: 500 no\nC: SIZE /\nS: 550 no\nC: PWD\nS: 257 \"/home\"\nC: CWD /\nS: 250 ok\nC: CWD /home\nS: 250 ok",
    )
    .await;
    let entry = connect(&server).await.stat(&path("/")).await.unwrap().unwrap();
    assert_eq!(entry.kind, EntryKind::Folder);
    server.finish().await;
}

#[tokio::test]
async fn a_file_in_a_missing_folder_is_missing() {
    let server = play(
        "C: FEAT\nS: 500 no\nC: SIZE a/f\nS: 550 no\nC: PWD\nS: 257 \"/\"\nC: CWD a\nS: 550 no such folder",
    )
    .await;
    assert_eq!(connect(&server).await.stat(&path("a/f")).await.unwrap(), None);
    server.finish().await;
}
