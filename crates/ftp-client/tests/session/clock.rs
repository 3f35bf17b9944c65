//! The server's clock, learnt from what LIST and MDTM say of one file.

use ftp_proto::{Modified, Precision, Zone};
use time::UtcOffset;
use time::macros::datetime;

use crate::{connect, path, play};

const NO_FEAT: &str = "C: FEAT\nS: 500 what\n";

/// The beginning of the folder's listing, up to its data connection.
const LIST: &str = "C: PWD
    S: 257 \"/home\" is current
    C: CWD in
    S: 250 ok
    C: EPSV
    S: 229 (|||{port}|)
    C: LIST
    S: 150 here\n";

#[tokio::test]
async fn one_pair_of_list_and_mdtm_tells_the_clock() {
    let server = play(&format!(
        r"{NO_FEAT}{LIST}
          D> drwxr-xr-x 1 u g 5 Jul 07  2024 folder\r\n-rw-r--r-- 1 u g 5 Jul 07  2024 old\r\n
          D> lrwxrwxrwx 1 u g 5 2024-07-07 11:30 link -> x\r\n-rw-r--r-- 1 u g 5 2024-07-07 11:30 file\r\n
          D: close
          S: 226 done
          C: CWD /home
          S: 250 ok
          C: MDTM in/file
          S: 213 20240707093044"
    ))
    .await;
    let mut session = connect(&server).await;
    let listed = Modified::local(datetime!(2024-07-07 11:30 UTC), Precision::Minute);
    assert_eq!(session.in_utc(listed), listed);
    session.look_up_clock(&path("in")).await.unwrap();
    assert_eq!(session.clock(), UtcOffset::from_hms(2, 0, 0).ok());
    let utc = Modified { at: datetime!(2024-07-07 09:30 UTC), precision: Precision::Minute, zone: Zone::Utc };
    assert_eq!(session.in_utc(listed), utc);
    // What is known is not asked again.
    session.look_up_clock(&path("in")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn a_file_that_changed_in_between_and_a_refused_mdtm_tell_nothing() {
    let server = play(&format!(
        r"{NO_FEAT}{LIST}
          D> -rw-r--r-- 1 u g 5 2024-07-07 11:30 a\r\n-rw-r--r-- 1 u g 5 2024-07-07 11:30 b\r\n
          D: close
          S: 226 done
          C: CWD /home
          S: 250 ok
          C: MDTM in/a
          S: 213 20240707113744
          C: MDTM in/b
          S: 550 no"
    ))
    .await;
    let mut session = connect(&server).await;
    session.look_up_clock(&path("in")).await.unwrap();
    assert_eq!(session.clock(), None);
    server.finish().await;
}

#[tokio::test]
async fn a_long_listing_is_given_up_once_it_has_told_enough_and_the_session_goes_on() {
    let lines = r"-rw-r--r-- 1 u g 5 2024-07-07 11:30 f\r\n".repeat(500);
    for end in ["426 broken pipe", "226 done"] {
        let server = play(&format!(
            "{NO_FEAT}{LIST}D> {lines}\nS: {end}\nC: CWD /home\nS: 250 ok\nC: MDTM in/f\nS: 213 20240707113044
             C: DELE x\nS: 250 ok"
        ))
        .await;
        let mut session = connect(&server).await;
        session.look_up_clock(&path("in")).await.unwrap();
        assert_eq!(session.clock(), Some(UtcOffset::UTC));
        session.delete(&path("x")).await.unwrap();
        server.finish().await;
    }
}

#[tokio::test]
async fn a_server_that_lists_in_utc_is_not_asked() {
    let server = play("C: FEAT\nS: 211-features\nS:  MLST type*;modify*;\nS: 211 end").await;
    let mut session = connect(&server).await;
    session.look_up_clock(&path("in")).await.unwrap();
    assert_eq!(session.clock(), None);
    server.finish().await;
}
