//! Replies that are not what the RFC has in their place, and still answer.

use ftp_proto::EntryKind;

use crate::{config, connect, fetch, impatient, names, open, path, play, put};

const EPSV: &str = "C: EPSV\nS: 229 (|||{port}|)\n";

#[tokio::test]
async fn any_reply_of_success_is_one() {
    let server = play(&format!(
        "C: DELE a\nS: 200 ok\nC: DELE a\nS: 226 ok
         C: RNFR a\nS: 350 to?\nC: RNTO b\nS: 200 ok
         C: MKD m\nS: 200 ok\nC: MKD m\nS: 250 ok
         C: SIZE f\nS: 213 5\n{EPSV}C: RETR f\nS: 150 here\nD> hello\nD: close\nS: 200 ok
         {EPSV}C: STOR f\nS: 150 go\nD< hello\nS: 250 ok
         C: FEAT\nS: 500 what\nC: PWD\nS: 250 \"/home\"\nC: CWD in\nS: 200 ok
         {EPSV}C: LIST\nS: 125 here\nD: open\nD: close\nS: 250 ok\nC: CWD /home\nS: 226 ok"
    ))
    .await;
    let mut session = connect(&server).await;
    for _ in 0..2 {
        session.delete(&path("a")).await.unwrap();
    }
    session.rename(&path("a"), &path("b")).await.unwrap();
    for _ in 0..2 {
        session.make_folders(&path("m")).await.unwrap();
    }
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    assert_eq!(put(&mut session, "f", b"hello").await.unwrap(), 5);
    assert!(names(&mut session, "in").await.unwrap().is_empty());
    server.finish().await;
}

#[tokio::test]
async fn a_reply_may_come_one_character_at_a_time() {
    let letters = |text: &str| -> String {
        text.chars()
            .flat_map(|letter| ["S+: ".to_owned(), letter.escape_default().to_string(), "\n".to_owned()])
            .collect()
    };
    let server = play(&format!(
        "C: DELE a\n{}C: SIZE f\n{}{EPSV}C: RETR f\n{}D> hello\nD: close\n{}",
        letters("250-gone\r\n250 for good\r\n"),
        letters("213 5\r\n"),
        letters("150 here\r\n"),
        letters("226 done\r\n"),
    ))
    .await;
    let mut session = connect(&server).await;
    session.delete(&path("a")).await.unwrap();
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn a_confirmation_may_come_long_after_the_data() {
    let server = play(&format!(
        "C: SIZE f\nS: 213 5\n{EPSV}C: RETR f\nS: 150 here\nD> hello\nD: close\nT: pause\nS: 226 done
         {EPSV}C: STOR f\nS: 150 go\nD< hello\nT: pause\nS: 226 done"
    ))
    .await;
    let mut session = open(impatient(config(&server))).await;
    assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello");
    assert_eq!(put(&mut session, "f", b"hello").await.unwrap(), 5);
    server.finish().await;
}

#[tokio::test]
async fn questions_may_be_refused_in_any_way() {
    for refusal in ["500 what", "501 how", "502 no", "504 not so", "202 superfluous"] {
        let server = play(&format!(
            "C: FEAT\nS: {refusal}
             C: SIZE d\nS: {refusal}
             C: PWD\nS: 257 \"/\"\nC: CWD .\nS: 250 ok
             {EPSV}C: LIST\nS: 150 here\nD> drwxr-xr-x 2 u g 4096 Jan 01 2024 d\\r\\n\nD: close\nS: 226 done
             C: CWD /\nS: 250 ok
             C: MDTM f\nS: {refusal}
             C: SIZE f\nS: {refusal}\n{EPSV}C: RETR f\nS: 150 here\nD> hello\nD: close\nS: 226 done"
        ))
        .await;
        let mut session = connect(&server).await;
        let entry = session.stat(&path("d")).await.unwrap().unwrap();
        assert_eq!(entry.kind, EntryKind::Folder, "{refusal}");
        assert_eq!(session.modified(&path("f")).await.unwrap(), None, "{refusal}");
        assert_eq!(fetch(&mut session, "f").await.unwrap(), b"hello", "{refusal}");
        server.finish().await;
    }
}

#[tokio::test]
async fn promised_facts_may_be_refused_in_any_way() {
    for refusal in ["500 what", "501 how", "502 no", "504 not so", "202 superfluous"] {
        let server = play(&format!(
            "C: FEAT\nS: 211-\nS:  MLST type*;size*;\nS:  SIZE\nS:  MDTM\nS: 211 end
             C: MLST f\nS: {refusal}\nC: SIZE f\nS: 213 5\nC: MDTM f\nS: {refusal}"
        ))
        .await;
        let entry = connect(&server).await.stat(&path("f")).await.unwrap().unwrap();
        assert_eq!((entry.size, entry.modified), (Some(5), None), "{refusal}");
        server.finish().await;
    }
}
