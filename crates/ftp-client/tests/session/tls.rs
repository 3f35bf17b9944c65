//! TLS: what has to be true before the password travels.

use ftp_client::{Channel, Client, ConnectFault, Error, LostCause, ProtocolFault, TlsFault, Wait};
use ftp_testkit::{ScriptedServer, TlsVersions, Transcript};

use crate::{PROT, PROTECTED, config, fetch, impatient, open, with_tls};

async fn server(script: &str) -> ScriptedServer {
    Transcript::parse(script).start().await
}

async fn refused(server: &ScriptedServer) -> Error {
    Client::new(impatient(with_tls(server))).unwrap().connect().await.unwrap_err()
}

fn saw_the_password(server: &ScriptedServer) -> bool {
    server.received().iter().any(|line| line.contains("USER") || line.contains("canary"))
}

#[tokio::test]
async fn control_and_data_are_protected() {
    let server = server(&format!(
        "{PROTECTED}{PROT}C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 150 here
         D> hello\nD: close\nS: 226 done"
    ))
    .await;
    assert_eq!(fetch(&mut open(with_tls(&server)).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_refuses_auth_tls_never_sees_the_login() {
    for refusal in ["500 what", "502 no", "504 no TLS", "534 policy", "421 go away"] {
        let server = server(&format!("S: 220 hi\nC: AUTH TLS\nS: {refusal}\nT: eof")).await;
        Client::new(with_tls(&server)).unwrap().connect().await.unwrap_err();
        server.finish().await;
        assert!(!saw_the_password(&server));
    }
}

#[tokio::test]
async fn a_server_that_refuses_to_protect_data_is_left() {
    let server = server(&format!("{PROTECTED}C: PBSZ 0\nS: 200 ok\nC: PROT P\nS: 536 no\nT: eof")).await;
    let error = Client::new(with_tls(&server)).unwrap().connect().await.unwrap_err();
    assert!(matches!(&error, Error::Tls { fault: TlsFault::Refused { verb: "PROT", .. }, .. }), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn bytes_planted_before_the_handshake_end_the_connection() {
    let server = server("S: 220 hi\nC: AUTH TLS\nS+: 234 go\\r\\n230 you are in\\r\\n\nT: eof").await;
    let error = Client::new(with_tls(&server)).unwrap().connect().await.unwrap_err();
    assert!(matches!(&error, Error::Tls { fault: TlsFault::Injected, .. }), "{error:?}");
    assert!(!saw_the_password(&server));
}

#[tokio::test]
async fn a_reply_glued_to_the_greeting_ends_the_connection() {
    let server = server("S+: 220 hi\\r\\n234 TLS, if you believe it\\r\\n\nT: eof").await;
    let error = refused(&server).await;
    assert!(matches!(&error, Error::Protocol(ProtocolFault::OutOfStep)), "{error:?}");
    server.finish().await;
    assert!(!saw_the_password(&server));
}

#[tokio::test]
async fn a_server_that_knows_auth_ssl_alone_is_not_spoken_to() {
    let server = server("S: 220 hi\nC: AUTH TLS\nS: 504 use AUTH SSL\nT: eof").await;
    let error = refused(&server).await;
    assert!(matches!(&error, Error::Tls { fault: TlsFault::Refused { verb: "AUTH", .. }, .. }), "{error:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_server_for_implicit_tls_is_told_from_one_that_greets() {
    for (script, closes) in [
        (r"S+: \x15\x03\x03\x00\x02\x02\x0a", false),
        (r"S+: \x16\x03\x01\x00\xa5\r\n", false),
        (r"S+: \x15", false),
        ("T: hang", true),
    ] {
        let server = server(script).await;
        let error = Client::new(impatient(config(&server))).unwrap().connect().await.unwrap_err();
        if closes {
            assert!(matches!(&error, Error::Timeout { wait: Wait::Greeting, .. }), "{error:?}");
        } else {
            assert!(matches!(&error, Error::Connect { fault: ConnectFault::SpeaksTls, .. }), "{error:?}");
            assert!(!error.is_transient());
        }
    }
}

#[tokio::test]
async fn clear_text_in_place_of_the_handshake_is_tried_once_more_and_then_named() {
    let stumble = "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: hello\nS: 500 what\nT: close";
    let stumbling = server(&format!("{stumble}\n---\n{PROTECTED}{PROT}")).await;
    open(with_tls(&stumbling)).await;

    let stubborn = server(&format!("{stumble}\n---\n{stumble}")).await;
    let error = refused(&stubborn).await;
    assert!(matches!(&error, Error::Tls { on: Channel::Control, fault: TlsFault::NotTls }), "{error:?}");
    assert!(!saw_the_password(&stubborn));
}

/// The TLS alerts of RFC 8446 §6.2 and RFC 5246 §7.2, in the clear as they come before the keys are agreed on.
#[tokio::test]
async fn an_alert_says_what_the_server_misses() {
    type Check = fn(&TlsFault) -> bool;
    let table: [(&str, Check); 6] = [
        ("28", |fault| matches!(fault, TlsFault::NothingInCommon)),
        ("47", |fault| matches!(fault, TlsFault::NothingInCommon)),
        ("46", |fault| matches!(fault, TlsFault::NoCommonVersion)),
        ("70", |fault| matches!(fault, TlsFault::UnknownName)),
        ("74", |fault| matches!(fault, TlsFault::ClientCertificate)),
        ("50", |fault| matches!(fault, TlsFault::Alert(name) if name == "InternalError")),
    ];
    for (alert, is_expected) in table {
        let server = server(&format!(
            "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: hello\nS+: \\x15\\x03\\x03\\x00\\x02\\x02\\x{alert}\nT: hang"
        ))
        .await;
        let error = refused(&server).await;
        let Error::Tls { on: Channel::Control, fault } = &error else { panic!("{alert}: {error:?}") };
        assert!(is_expected(fault), "{alert}: {fault:?}");
        assert!(!error.is_transient());
        assert!(!saw_the_password(&server));
    }
}

#[tokio::test]
async fn a_server_of_tls_1_0_is_too_old() {
    // A ServerHello (RFC 5246 §7.4.1.3) of version 3.1, with TLS_RSA_WITH_AES_128_CBC_SHA.
    let random = r"\x07".repeat(32);
    let server = server(&format!(
        "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: hello
         S+: \\x16\\x03\\x01\\x00\\x2a\\x02\\x00\\x00\\x26\\x03\\x01{random}\\x00\\x00\\x2f\\x00\nT: hang"
    ))
    .await;
    let error = refused(&server).await;
    assert!(matches!(&error, Error::Tls { fault: TlsFault::NoCommonVersion, .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_leaves_during_the_handshake_may_be_tried_again() {
    let server = server("S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: close").await;
    let error = refused(&server).await;
    assert!(matches!(&error, Error::Tls { fault: TlsFault::Broken(_), .. }), "{error:?}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_server_that_leaves_without_close_notify_has_left() {
    let server = server(&format!("{PROTECTED}C: PBSZ 0\nT: reset")).await;
    let error = refused(&server).await;
    assert!(matches!(&error, Error::Lost(_)), "{error:?}");
    let server = self::server(&format!("{PROTECTED}C: PBSZ 0\nT: cut")).await;
    let error = refused(&server).await;
    assert!(matches!(&error, Error::Lost(LostCause::Closed)), "{error:?}");
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_is_understood() {
    for (versions, end) in [(TlsVersions::Only12, "T: no tls"), (TlsVersions::Only13, "T: no tls")] {
        let script = format!("S: 220 hi\nC: AUTH TLS\nS: 234 go\n{end}");
        let server =
            Transcript::parse(&script).with_versions(versions).demanding_a_certificate().start().await;
        let error = refused(&server).await;
        assert!(
            matches!(&error, Error::Tls { fault: TlsFault::ClientCertificate, .. }),
            "{versions:?}: {error:?}"
        );
        server.finish().await;
    }
}

#[tokio::test]
async fn either_version_alone_is_enough() {
    for (versions, name) in [(TlsVersions::Only12, "TLS 1.2"), (TlsVersions::Only13, "TLS 1.3")] {
        let script = format!("{PROTECTED}{PROT}");
        let server = Transcript::parse(&script).with_versions(versions).start().await;
        let session = open(with_tls(&server)).await;
        let protection = session.protection().unwrap();
        assert_eq!(protection.version, name);
        assert!(protection.cipher_suite.contains("AES"), "{protection:?}");
        let certificate = protection.certificate.unwrap();
        assert_eq!(certificate.sha256, server.certificate_sha256());
        assert_eq!(certificate.names, ["127.0.0.1", "localhost"]);
    }
}
