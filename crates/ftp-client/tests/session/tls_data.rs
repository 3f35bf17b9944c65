//! TLS on data connections: the control connection's session goes on there, and ends are marked.

use ftp_client::{Channel, DataFault, Error, SessionReuse, TlsFault};
use ftp_testkit::{ScriptedServer, TlsVersions, Transcript};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::{PROT, PROTECTED, fetch, open, put, with_tls};

const PASSIVE: &str = "C: EPSV\nS: 229 (|||{port}|)\n";

async fn server(script: &str) -> ScriptedServer {
    server_of(TlsVersions::Default, script).await
}

async fn server_of(versions: TlsVersions, script: &str) -> ScriptedServer {
    Transcript::parse(&format!("{PROTECTED}{PROT}{script}")).with_versions(versions).start().await
}

/// The script's `D<` fails without `close_notify`, and without a handshake.
#[tokio::test]
async fn an_upload_of_any_size_shakes_hands_and_marks_its_end() {
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        for bytes in [&b""[..], b"hello"] {
            let server =
                server_of(versions, &format!("{PASSIVE}C: STOR f\nS: 150 go\nD<\nS: 226 done")).await;
            let sent = put(&mut open(with_tls(&server)).await, "f", bytes).await.unwrap();
            assert_eq!(sent, bytes.len() as u64);
            server.finish().await;
            assert_eq!(server.uploads(), [bytes]);
        }
    }
}

#[tokio::test]
async fn data_connections_resume_the_session_of_the_control_connection() {
    for versions in [TlsVersions::Only12, TlsVersions::Only13] {
        let transfer = format!("{PASSIVE}C: STOR f\nS: 150 go\nD< hello\nS: 226 done\n");
        let server = server_of(versions, &transfer.repeat(5)).await;
        let mut session = open(with_tls(&server)).await;
        assert_eq!(session.session_reuse(), None);
        for _ in 0..5 {
            put(&mut session, "f", b"hello").await.unwrap();
            assert_eq!(session.session_reuse(), Some(SessionReuse::Resumed));
        }
        server.finish().await;
    }
}

#[tokio::test]
async fn a_server_that_refuses_a_session_which_it_did_not_resume_is_understood() {
    for refusal in [
        "522 SSL connection failed; session reuse required: see require_ssl_reuse option",
        "425 Unable to build data connection: Operation not permitted",
        "450 TLS session of data connection has not resumed",
    ] {
        let server =
            server(&format!("T: forget\n{PASSIVE}C: STOR f\nS: 150 go\nD: open\nS: {refusal}\nD: close"))
                .await;
        let mut session = open(with_tls(&server)).await;
        let error = put(&mut session, "f", b"hello").await.unwrap_err();
        assert!(matches!(&error, Error::Data(DataFault::NotResumed(_))), "{refusal}: {error:?}");
        assert!(error.is_transient() && !error.is_rejection());
        assert_eq!(error.reply_code().map(|code| code.to_string()).as_deref(), refusal.get(..3));
        assert_eq!(session.session_reuse(), Some(SessionReuse::Declined));
    }
}

#[tokio::test]
async fn the_same_codes_after_a_resumed_session_mean_what_they_say() {
    for (refusal, about_reuse) in [
        ("425 cannot open a data connection", false),
        ("450 busy", false),
        ("522 session reuse required", true),
    ] {
        let server = server(&format!("{PASSIVE}C: STOR f\nS: 150 go\nD: open\nS: {refusal}\nD: close")).await;
        let error = put(&mut open(with_tls(&server)).await, "f", b"hello").await.unwrap_err();
        let understood = matches!(&error, Error::Data(DataFault::NotResumed(_)));
        assert_eq!(understood, about_reuse, "{refusal}: {error:?}");
    }
}

#[tokio::test]
async fn a_session_that_is_not_resumed_does_no_harm_where_nobody_asks_for_it() {
    let server = server(&format!("T: forget\n{PASSIVE}C: STOR f\nS: 150 go\nD< hello\nS: 226 done")).await;
    let mut session = open(with_tls(&server)).await;
    assert_eq!(put(&mut session, "f", b"hello").await.unwrap(), 5);
    assert_eq!(session.session_reuse(), Some(SessionReuse::Declined));
    server.finish().await;
}

#[tokio::test]
async fn clear_data_from_a_server_that_agreed_to_protect_it_is_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut data, _) = listener.accept().await.unwrap();
        data.write_all(b"hello, in clear text").await.unwrap();
    });
    let server =
        server(&format!("C: SIZE f\nS: 213 20\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here")).await;
    let error = fetch(&mut open(with_tls(&server)).await, "f").await.unwrap_err();
    assert!(matches!(&error, Error::Tls { on: Channel::Data, fault: TlsFault::NotTls }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_breaks_the_handshake_off_explains_itself() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { drop(listener.accept().await.unwrap()) });
    let server =
        server(&format!("C: EPSV\nS: 229 (|||{port}|)\nC: STOR f\nS: 150 go\nS: 425 no TLS for you")).await;
    let error = put(&mut open(with_tls(&server)).await, "f", b"hello").await.unwrap_err();
    assert!(matches!(&error, Error::Data(DataFault::GivenUp(_))), "{error:?}");
    assert_eq!(error.reply_code().map(ftp_proto::Code::as_u16), Some(425));
}
