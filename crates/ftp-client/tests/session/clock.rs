//! The server's clock, learnt from what LIST and MDTM say of one file.

use ftp_client::{Error, Session};
use ftp_proto::{Modified, Precision, Zone};
use time::UtcOffset;
use time::macros::datetime;

use crate::{config, connect, impatient, open, path, play};

const NO_FEAT: &str = "C: FEAT\nS: 500 what\n";

/// The beginning of the folder's listing, up to its data connection.
const LIST: &str = "C: CWD in
    S: 250 ok
    C: EPSV
    S: 229 (|||{port}|)
    C: LIST
    S: 150 here\n";

const HOME: &str = "C: PWD\nS: 257 \"/home\" is current\n";

const END: &str = "D: close\nS: 226 done\nC: CWD /home\nS: 250 ok\n";

/// Lists the folder with the clock learnt first: the names, and the error that ended it.
async fn names_with_clock(session: &mut Session) -> (Vec<String>, Option<Error>) {
    let mut listing = session.list_with_clock(&path("in")).await.unwrap();
    let mut names = Vec::new();
    loop {
        match listing.next().await {
            Ok(Some(entry)) => names.push(String::from_utf8(entry.name).unwrap()),
            Ok(None) => return (names, None),
            Err(error) => return (names, Some(error)),
        }
    }
}

#[tokio::test]
async fn one_pair_of_list_and_mdtm_tells_the_clock() {
    let server = play(&format!(
        r"{NO_FEAT}{HOME}{LIST}
          D> drwxr-xr-x 1 u g 5 Jul 07  2024 folder\r\n-rw-r--r-- 1 u g 5 Jul 07  2024 old\r\n
          D> lrwxrwxrwx 1 u g 5 2024-07-07 11:30 link -> x\r\n-rw-r--r-- 1 u g 5 2024-07-07 11:30 file\r\n
          {END}
          C: MDTM in/file
          S: 213 20240707093044
          {LIST}
          D> -rw-r--r-- 1 u g 5 2024-07-07 11:30 other\r\n
          {END}"
    ))
    .await;
    let mut session = connect(&server).await;
    let listed = Modified::local(datetime!(2024-07-07 11:30 UTC), Precision::Minute);
    assert_eq!(session.in_utc(listed), listed);
    let mut listing = session.list_with_clock(&path("in")).await.unwrap();
    let utc = Modified { at: datetime!(2024-07-07 09:30 UTC), precision: Precision::Minute, zone: Zone::Utc };
    assert_eq!(listing.in_utc(listed), utc);
    for name in ["folder", "old", "link", "file"] {
        assert_eq!(listing.next().await.unwrap().unwrap().name, name.as_bytes());
    }
    assert!(listing.next().await.unwrap().is_none());
    assert_eq!(session.clock(), UtcOffset::from_hms(2, 0, 0).ok());
    // What is known is not asked again.
    assert!(matches!(names_with_clock(&mut session).await, (names, None) if names == ["other"]));
    server.finish().await;
}

#[tokio::test]
async fn a_file_that_changed_in_between_and_a_refused_mdtm_tell_nothing() {
    let server = play(&format!(
        r"{NO_FEAT}{HOME}{LIST}
          D> -rw-r--r-- 1 u g 5 2024-07-07 11:30 a\r\n-rw-r--r-- 1 u g 5 2024-07-07 11:30 b\r\n
          {END}
          C: MDTM in/a
          S: 213 20240707113744
          C: MDTM in/b
          S: 550 no"
    ))
    .await;
    let mut session = connect(&server).await;
    assert!(matches!(names_with_clock(&mut session).await, (names, None) if names == ["a", "b"]));
    assert_eq!(session.clock(), None);
    server.finish().await;
}

#[tokio::test]
async fn a_folder_without_files_is_listed_as_it_comes() {
    let server = play(&format!(
        r"{NO_FEAT}{HOME}{LIST}
          D> drwxr-xr-x 1 u g 5 2024-07-07 11:30 folder\r\n
          {END}"
    ))
    .await;
    let mut session = connect(&server).await;
    assert!(matches!(names_with_clock(&mut session).await, (names, None) if names == ["folder"]));
    assert_eq!(session.clock(), None);
    server.finish().await;
}

#[tokio::test]
async fn a_listing_that_is_too_long_or_too_slow_to_wait_for_is_given_up_and_begun_again() {
    let line = r"-rw-r--r-- 1 u g 5 2024-07-07 11:30 f\r\n";
    for begun in [format!("D*: {line}"), format!("D> {line}\nD~: {line}")] {
        for end in ["426 broken pipe", "226 done"] {
            let server = play(&format!(
                r"{NO_FEAT}{HOME}{LIST}
                  {begun}
                  S: {end}
                  C: CWD /home
                  S: 250 ok
                  C: MDTM in/f
                  S: 213 20240707113044
                  {LIST}
                  D> {line}
                  {END}
                  C: DELE x
                  S: 250 ok"
            ))
            .await;
            let mut session = connect(&server).await;
            let told = names_with_clock(&mut session).await;
            assert!(matches!(&told, (names, None) if names == &["f"]), "{:?} {:?}", told.0.len(), told.1);
            assert_eq!(session.clock(), Some(UtcOffset::UTC));
            session.delete(&path("x")).await.unwrap();
            server.finish().await;
        }
    }
}

#[tokio::test]
async fn what_came_of_a_listing_before_it_broke_is_given_out() {
    let lines = r"D> -rw-r--r-- 1 u g 5 2024-07-07 11:30 a\r\n-rw-r--r-- 1 u g 5 2024-07-07 11:30 b\r\n";
    // With the session in step the clock is learnt all the same.
    let refused = "D: close\nS: 426 no\nC: CWD /home\nS: 250 ok\nC: MDTM in/a\nS: 213 20240707113000";
    for (end, clock) in [(refused, Some(UtcOffset::UTC)), ("D: reset\nT: close", None)] {
        let server = play(&format!("{NO_FEAT}{HOME}{LIST}{lines}\n{end}")).await;
        let mut session = connect(&server).await;
        let (names, error) = names_with_clock(&mut session).await;
        assert_eq!(names, ["a", "b"], "{end}");
        assert!(matches!(error, Some(Error::Data(_) | Error::Lost(_))), "{end}: {error:?}");
        assert_eq!(session.clock(), clock, "{end}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_listing_that_is_whole_outlives_the_session() {
    let line = r"D> -rw-r--r-- 1 u g 5 2024-07-07 11:30 a\r\n";
    for end in ["T: close", "T: hang"] {
        let server = play(&format!("{NO_FEAT}{HOME}{LIST}{line}\n{END}C: MDTM in/a\n{end}")).await;
        let mut session = open(impatient(config(&server))).await;
        assert!(matches!(names_with_clock(&mut session).await, (names, None) if names == ["a"]), "{end}");
        assert!(!session.is_usable() && session.clock().is_none(), "{end}");
        drop(session);
        server.finish().await;
    }
}

#[tokio::test]
async fn a_server_that_lists_in_utc_is_not_asked() {
    let server = play(
        r"C: FEAT
          S: 211-features
          S:  MLST type*;modify*;
          S: 211 end
          C: EPSV
          S: 229 (|||{port}|)
          C: MLSD in
          S: 150 here
          D> type=file;modify=20240707113000; a\r\n
          D: close
          S: 226 done",
    )
    .await;
    let mut session = connect(&server).await;
    assert!(matches!(names_with_clock(&mut session).await, (names, None) if names == ["a"]));
    assert_eq!(session.clock(), None);
    server.finish().await;
}
