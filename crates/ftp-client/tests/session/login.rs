//! From the connection to the login.

use ftp_client::{Client, ConnectFault, Credentials, Error, LostCause, Wait};
use ftp_testkit::{ScriptedServer, Transcript};

use crate::{config, impatient, open};

async fn refused(script: &str) -> (Error, ScriptedServer) {
    let server = Transcript::parse(script).start().await;
    let client = Client::new(impatient(config(&server))).unwrap();
    let error = client.connect().await.unwrap_err();
    (error, server)
}

#[tokio::test]
async fn a_user_without_password_is_in_after_user() {
    let server =
        Transcript::parse("S: 220 hi\nC: USER user\nS: 230 in\nC: TYPE I\nS: 200 ok\nC: QUIT\nS: 221 bye");
    let server = server.start().await;
    open(config(&server)).await.quit().await;
    server.finish().await;
}

#[tokio::test]
async fn a_greeting_of_many_lines_and_a_delay_is_a_greeting() {
    let server = Transcript::parse(
        "S: 120 in a moment
         S: 220-Welcome
         S: 220 is the number of our house
         C: USER user
         S: 331 pw
         C: PASS canary
         S: 202 superfluous
         C: TYPE I
         S: 200 ok",
    );
    let server = server.start().await;
    open(config(&server)).await;
    server.finish().await;
}

#[tokio::test]
async fn a_wrong_password_is_a_login_error_without_the_password() {
    let (error, server) = refused("S: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary\nS: 530 no").await;
    assert!(matches!(&error, Error::Login(reply) if reply.code().as_u16() == 530), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("canary"));
    assert!(!error.is_transient());
    server.finish().await;
}

#[tokio::test]
async fn an_account_that_is_wanted_after_user_or_password_is_a_login_error() {
    for script in [
        "S: 220 hi\nC: USER user\nS: 332 account?",
        "S: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary\nS: 332 account?",
    ] {
        let (error, server) = refused(script).await;
        assert!(matches!(&error, Error::Login(reply) if reply.code().as_u16() == 332), "{error:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn what_is_no_ftp_server_is_named_by_what_it_says() {
    let table = [
        ("S: HTTP/1.1 400 Bad Request", "a web server (HTTP), which said `HTTP/1.1 400 Bad Request`"),
        ("S: <!DOCTYPE html>", "a web server"),
        ("S: SSH-2.0-OpenSSH_9.2", "SFTP, which it may speak, is another protocol"),
        ("S: +OK ready", "a mail server (POP3)"),
        ("S: * OK ready", "a mail server (IMAP)"),
        ("S: 220 mx.example.org ESMTP Postfix", "a mail server (SMTP)"),
        ("S: welcome to the jungle", "it said `welcome to the jungle`"),
        ("T: close", "closed"),
    ];
    for (script, named) in table {
        let (error, server) = refused(script).await;
        assert!(matches!(&error, Error::Connect { fault: ConnectFault::NotFtp { .. }, .. }), "{error:?}");
        assert!(error.to_string().contains(named), "{script}: {error}");
        assert!(server.received().is_empty(), "the login is none of a stranger's business");
    }
}

#[tokio::test]
async fn a_server_that_begins_with_tls_is_told_from_strangers() {
    let table = [
        r"S+: \x16\x03\x01\x00\xa5\r\n",
        // An alert has no line end, and is followed by the end or by silence.
        "S+: \\x15\\x03\\x01\\x00\\x02\\x02\\x16\nT: close",
        "S+: \\x15\\x03\\x01\\x00\\x02\\x02\\x16\nT: hang",
    ];
    for script in table {
        let (error, server) = refused(script).await;
        assert!(matches!(&error, Error::Connect { fault: ConnectFault::SpeaksTls, .. }), "{error:?}");
        assert!(server.received().is_empty(), "the login is none of a stranger's business");
    }
}

#[tokio::test]
async fn a_server_that_is_busy_or_closed_says_so_in_its_greeting() {
    for script in ["S: 421 too many users", "S: 530 not from your address"] {
        let (error, _server) = refused(script).await;
        assert!(matches!(&error, Error::Connect { fault: ConnectFault::Greeting(_), .. }), "{error:?}");
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn silence_ends_at_the_timeout_wherever_it_falls() {
    let table = [
        ("T: hang", Wait::Greeting),
        ("S: 220 hi\nC: USER user\nT: hang", Wait::Reply("USER")),
        ("S: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary\nT: hang", Wait::Reply("PASS")),
        ("S: 220 hi\nC: USER user\nS+: 23\nT: hang", Wait::Reply("USER")),
    ];
    for (script, expected) in table {
        let (error, _server) = refused(script).await;
        let after = std::time::Duration::from_secs(2);
        let found =
            matches!(&error, Error::Timeout { wait, after: told } if *wait == expected && *told == after);
        assert!(found, "{script}: {error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_during_login_is_lost() {
    let (error, _server) = refused("S: 220 hi\nC: USER user\nT: close").await;
    assert!(matches!(&error, Error::Lost(LostCause::Closed)), "{error:?}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses() {
    let server = Transcript::parse("S: 220 hi").start().await;
    let mut config = config(&server);
    // A port that was just free, and that nobody else is told of.
    config.port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = Client::new(config).unwrap().connect().await.unwrap_err();
    assert!(matches!(&error, Error::Connect { fault: ConnectFault::Tcp(_), .. }), "{error:?}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_said_to_be_the_trouble() {
    let server = Transcript::parse("S: 220 hi").start().await;
    let mut config = config(&server);
    config.host = "no.such.host.invalid".to_owned();
    let error = Client::new(config).unwrap().connect().await.unwrap_err();
    assert!(matches!(&error, Error::Connect { fault: ConnectFault::Resolve(_), .. }), "{error:?}");
    assert!(error.to_string().contains("no.such.host.invalid"), "{error}");
}

#[test]
fn credentials_cannot_carry_a_second_command() {
    let error = Credentials::parse("user", "canary\r\nDELE x").unwrap_err();
    assert!(!error.to_string().contains("canary"), "{error}");
    assert!(Credentials::parse("us\ner", "x").is_err());
    assert!(Credentials::parse("us\0er", "x").is_err());
}
