//! Servers that are full for now are asked again; passwords that are wrong are not.

use ftp_client::{Client, ConnectFault, Error};
use ftp_testkit::Transcript;

use crate::{LOGIN, path, persistent, play};

#[tokio::test]
async fn a_server_that_is_full_is_asked_again() {
    let asked = "S: 220 hi\nC: USER user\n";
    let table = [
        "S: 421 There are too many connected users".to_owned(),
        "S: 120 ready in 2 minutes\nT: close".to_owned(),
        format!("{asked}S: 421 too many connections"),
        format!("{asked}S: 331 pw\nC: PASS canary\nS: 450 busy"),
        format!("{asked}S: 331 pw\nC: PASS canary\nS: 530 Sorry, the maximum number of clients is reached"),
        format!("{asked}S: 530 too many users"),
    ];
    for full in table {
        let server = Transcript::parse(&format!("{full}\n---\n{full}\n---\n{LOGIN}")).start().await;
        Client::new(persistent(&server))
            .unwrap()
            .connect()
            .await
            .unwrap_or_else(|error| panic!("{full}: {error}"));
        server.finish().await;
    }
}

#[tokio::test]
async fn a_server_that_stays_full_is_left_after_four_tries() {
    let full: Vec<String> = (1..=4).map(|number| format!("S: 421 full, {number}")).collect();
    let server = Transcript::parse(&full.join("\n---\n")).start().await;
    let error = Client::new(persistent(&server)).unwrap().connect().await.unwrap_err();
    assert!(matches!(&error, Error::Repeated { tries: 4, .. }), "{error:?}");
    assert!(matches!(error.last(), Error::Connect { fault: ConnectFault::Greeting(_), .. }), "{error:?}");
    assert!(error.to_string().contains("full, 1") && error.to_string().contains("full, 4"), "{error}");
    server.finish().await;
}

#[tokio::test]
async fn a_refused_login_is_tried_once() {
    let table = [
        "530 Login incorrect",
        "530 Too many failed attempts",
        "430 no",
        "421 too many wrong passwords",
        "532 account?",
    ];
    for refusal in table {
        let script = format!("S: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary\nS: {refusal}");
        let server = Transcript::parse(&script).start().await;
        Client::new(persistent(&server)).unwrap().connect().await.unwrap_err();
        server.finish().await;
        let passwords = server.received().iter().filter(|line| line.starts_with("PASS")).count();
        assert_eq!(passwords, 1, "{refusal}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_fails_at_once() {
    let server = Transcript::parse("S: 220 hi").start().await;
    let mut config = persistent(&server);
    config.port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = Client::new(config.clone()).unwrap().connect().await.unwrap_err();
    assert!(matches!(&error, Error::Connect { fault: ConnectFault::Tcp(_), .. }), "{error:?}");
    config.host = "no.such.host.invalid".to_owned();
    let error = Client::new(config).unwrap().connect().await.unwrap_err();
    assert!(matches!(&error, Error::Connect { fault: ConnectFault::Resolve(_), .. }), "{error:?}");
}

#[tokio::test]
async fn a_question_whose_answer_is_lost_is_asked_again() {
    for lost in ["T: close", "T: reset", "S: 421 you were idle"] {
        let server = play(&format!("C: SIZE f\n{lost}\n---\nC: SIZE f\nS: 213 5\nC: MDTM f\n{lost}\n---\nC: MDTM f\nS: 213 20240101000000")).await;
        let mut session = Client::new(persistent(&server)).unwrap().connect().await.unwrap();
        assert_eq!(session.size(&path("f")).await.unwrap(), Some(5), "{lost}");
        assert!(session.modified(&path("f")).await.unwrap().is_some(), "{lost}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_file_is_deleted_again_when_nobody_says_that_it_is_gone() {
    let gone = "S: 550 no such file\nC: FEAT\nS: 500 no\nC: SIZE f\nS: 550 no\nC: PWD\nS: 257 \"/\"\nC: CWD .\nS: 250 ok
        C: EPSV\nS: 229 (|||{port}|)\nC: LIST\nS: 150 here\nD: open\nD: close\nS: 226 done\nC: CWD /\nS: 250 ok";
    let there = "S: 550 forbidden\nC: FEAT\nS: 500 no\nC: SIZE f\nS: 213 5\nC: MDTM f\nS: 500 no";
    for (again, deleted) in [("S: 250 gone", true), (gone, true), (there, false)] {
        let server = play(&format!("C: DELE f\nT: close\n---\nC: DELE f\n{again}")).await;
        let mut session = Client::new(persistent(&server)).unwrap().connect().await.unwrap();
        assert_eq!(session.delete(&path("f")).await.is_ok(), deleted, "{again}");
        server.finish().await;
    }
    // The first answer is an answer.
    let server = play("C: DELE f\nS: 550 no such file").await;
    let mut session = Client::new(persistent(&server)).unwrap().connect().await.unwrap();
    assert!(session.delete(&path("f")).await.unwrap_err().is_rejection());
    server.finish().await;
}
