//! Listings: which command, from where, and when they count as whole.

use ftp_client::{DataFault, Error};

use crate::{connect, names, path, play};

const NO_FEAT: &str = "C: FEAT\nS: 500 what\n";
const MLST: &str = "C: FEAT\nS: 211-features\nS:  MLST type*;size*;modify*;\nS: 211 end\n";
const AWAY: &str = "C: PWD\nS: 257 \"/home\" is current\nC: CWD in\nS: 250 ok\n";

#[tokio::test]
async fn mlsd_is_used_where_it_is_offered() {
    let server = play(&format!(
        r"{MLST}C: EPSV
          S: 229 (|||{{port}}|)
          C: MLSD in
          S: 150 here
          D> type=cdir; .\r\ntype=file;size=1; a\r\ntype=dir; b c\r\n
          D: close
          S: 226 done"
    ))
    .await;
    assert_eq!(names(&mut connect(&server).await, "in").await.unwrap(), ["a", "b c"]);
    server.finish().await;
}

#[tokio::test]
async fn list_is_sent_from_within_the_folder_and_the_session_comes_back() {
    let server = play(&format!(
        r"{NO_FEAT}{AWAY}C: EPSV
          S: 229 (|||{{port}}|)
          C: LIST
          S: 150 here
          D> total 1\r\n-rw-r--r-- 1 u g 5 Jan 01 2024 a b.txt\r\nnonsense\r\n
          D: close
          S: 226 done
          C: CWD /home
          S: 250 ok
          C: DELE x
          S: 250 ok"
    ))
    .await;
    let mut session = connect(&server).await;
    let mut listing = session.list(&path("in")).await.unwrap();
    assert_eq!(listing.next().await.unwrap().unwrap().name, b"a b.txt");
    assert_eq!(listing.next().await.unwrap(), None);
    assert_eq!(listing.unrecognized().count, 1);
    assert_eq!(listing.unrecognized().first, [b"nonsense"]);
    session.delete(&path("x")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn a_listing_that_the_server_gives_up_leaves_the_session_at_home() {
    let server = play(&format!(
        r"{NO_FEAT}{AWAY}C: EPSV
          S: 229 (|||{{port}}|)
          C: LIST
          S: 150 here
          D: open
          D: close
          S: 550 no permission
          C: CWD /home
          S: 250 ok
          C: DELE x
          S: 250 ok"
    ))
    .await;
    let mut session = connect(&server).await;
    let error = names(&mut session, "in").await.unwrap_err();
    assert!(error.is_rejection(), "{error}");
    session.delete(&path("x")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn a_name_on_a_line_of_its_own_is_joined_with_its_facts_or_counted() {
    let server = play(&format!(
        r"{NO_FEAT}{AWAY}C: EPSV
          S: 229 (|||{{port}}|)
          C: LIST
          S: 150 here
          D> A-LONG-NAME.TXT;1\r\n    1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,)\r\nB.TXT;1\r\nC.TXT;1\r\n
          D: close
          S: 226 done
          C: CWD /home
          S: 250 ok"
    ))
    .await;
    let mut session = connect(&server).await;
    let mut listing = session.list(&path("in")).await.unwrap();
    assert_eq!(listing.next().await.unwrap().unwrap().name, b"A-LONG-NAME.TXT;1");
    assert_eq!(listing.next().await.unwrap(), None);
    assert_eq!(listing.unrecognized().count, 2);
    assert_eq!(listing.unrecognized().first, [b"B.TXT;1", b"C.TXT;1"]);
    drop(listing);
    server.finish().await;
}

#[tokio::test]
async fn a_promised_mlsd_that_is_refused_leads_to_list() {
    let server = play(&format!(
        r"{MLST}C: EPSV
          S: 229 (|||{{port}}|)
          C: MLSD in
          S: 502 not implemented
          {AWAY}C: EPSV
          S: 229 (|||{{port}}|)
          C: LIST
          S: 150 here
          D> 01-02-24  03:04PM       <DIR>          x\r\n
          D: close
          S: 226 done
          C: CWD /home
          S: 250 ok"
    ))
    .await;
    assert_eq!(names(&mut connect(&server).await, "in").await.unwrap(), ["x"]);
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_does_not_say_where_it_is_gets_the_path() {
    let server = play(&format!(
        r"{NO_FEAT}C: PWD
          S: 502 no
          C: EPSV
          S: 229 (|||{{port}}|)
          C: LIST in
          S: 150 here
          D: open
          D: close
          S: 226 done"
    ))
    .await;
    assert!(names(&mut connect(&server).await, "in").await.unwrap().is_empty());
    server.finish().await;
}

#[tokio::test]
async fn a_missing_folder_is_a_rejection_not_an_empty_folder() {
    let server = play(&format!("{NO_FEAT}C: PWD\nS: 257 \"/\"\nC: CWD in\nS: 550 no such folder")).await;
    let error = names(&mut connect(&server).await, "in").await.unwrap_err();
    assert!(error.is_rejection(), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_folder_without_files_may_be_refused() {
    let table = [
        ("550 No files found.", true),
        ("450 No files found", true),
        ("550 No members found.", true),
        ("550 Permission denied", false),
        ("450 Busy", false),
        ("530 No files for you", false),
    ];
    for (refusal, is_empty) in table {
        let server = play(&format!(
            "{NO_FEAT}{AWAY}C: EPSV\nS: 229 (|||{{port}}|)\nC: LIST\nS: {refusal}\nC: CWD /home\nS: 250 ok
             C: DELE x\nS: 250 ok"
        ))
        .await;
        let mut session = connect(&server).await;
        assert_eq!(names(&mut session, "in").await.ok(), is_empty.then(Vec::new), "{refusal}");
        session.delete(&path("x")).await.unwrap();
        server.finish().await;
    }
}

#[tokio::test]
async fn a_listing_that_is_cut_short_is_no_listing() {
    let table = [
        ("D: close\nS: 426 broken", true),
        ("D: close\nS: 451 local error", true),
        ("D: reset\nT: close", false),
    ];
    for (end, given_up) in table {
        let server = play(&format!(
            "{MLST}C: EPSV\nS: 229 (|||{{port}}|)\nC: MLSD in\nS: 150 here\nD> type=file; a\\r\\n\n{end}"
        ))
        .await;
        let error = names(&mut connect(&server).await, "in").await.unwrap_err();
        let is_given_up = matches!(&error, Error::Data(DataFault::GivenUp(_)));
        assert_eq!(is_given_up, given_up, "{end}: {error:?}");
    }
}

#[tokio::test]
async fn a_session_that_cannot_come_back_is_not_used_from_elsewhere() {
    let server = play(&format!(
        "{NO_FEAT}{AWAY}C: EPSV\nS: 229 (|||{{port}}|)\nC: LIST\nS: 150 here\nD: open\nD: close\nS: 226 done
         C: CWD /home\nS: 550 gone"
    ))
    .await;
    let mut session = connect(&server).await;
    names(&mut session, "in").await.unwrap_err();
    assert!(!session.is_usable());
    server.finish().await;
}

#[tokio::test]
async fn the_text_of_a_listing_comes_as_it_is() {
    let server = play(&format!(
        r"{NO_FEAT}{AWAY}C: EPSV
          S: 229 (|||{{port}}|)
          C: LIST
          S: 150 here
          D> one\r\ntwo\r\n
          D: close
          S: 226 done
          C: CWD /home
          S: 250 ok"
    ))
    .await;
    assert_eq!(connect(&server).await.listing_text(&path("in")).await.unwrap(), b"one\r\ntwo\r\n");
    server.finish().await;
}
