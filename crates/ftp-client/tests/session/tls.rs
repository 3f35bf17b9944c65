//! TLS: what has to be true before the password travels.

use ftp_client::{Channel, Client, Config, Error, TlsConfig, TlsFault, TlsMode, Verification};
use ftp_testkit::{ScriptedServer, Transcript};

use crate::{config, fetch, open, with_tls};

const PROTECTED: &str =
    "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls\nC: USER user\nS: 331 pw\nC: PASS canary\nS: 230 in\n";
const PROT: &str = "C: PBSZ 0\nS: 200 ok\nC: PROT P\nS: 200 ok\nC: TYPE I\nS: 200 ok\n";

async fn server(script: &str) -> ScriptedServer {
    Transcript::parse(script).start().await
}

fn verified_by(server: &ScriptedServer, verification: Verification) -> Config {
    Config { tls: Some(TlsConfig { mode: TlsMode::Explicit, verification }), ..config(server) }
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
async fn an_unknown_authority_is_not_accepted_and_sees_no_password() {
    let stranger = server("S: 220 hi").await;
    let other = Verification::authorities_from_pem(stranger.ca_pem()).unwrap();
    for verification in [other, Verification::SystemRoots] {
        let server = server("S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls").await;
        let error = Client::new(verified_by(&server, verification)).unwrap().connect().await.unwrap_err();
        let Error::Tls { on: Channel::Control, fault: TlsFault::Certificate(_) } = &error else {
            panic!("{error:?}")
        };
        assert!(!saw_the_password(&server));
    }
}

#[tokio::test]
async fn a_wrong_pin_names_the_certificate_that_came() {
    let server = server("S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls").await;
    let error =
        Client::new(verified_by(&server, Verification::Pin([7; 32]))).unwrap().connect().await.unwrap_err();
    let Error::Tls { fault: TlsFault::Pin { found }, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*found, server.certificate_sha256());
}

#[cfg(target_os = "linux")] // Other systems have one loopback address only.
#[tokio::test]
async fn a_name_that_the_certificate_does_not_hold_is_not_accepted() {
    let server = server("S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls").await;
    let config = Config { host: "127.0.0.3".to_owned(), ..with_tls(&server) };
    // The scripted server listens on 127.0.0.1 only, so the other name has to lead there.
    let listener = tokio::net::TcpListener::bind("127.0.0.3:0").await.unwrap();
    let config = Config { port: listener.local_addr().unwrap().port(), ..config };
    let target = server.address();
    tokio::spawn(async move {
        let (mut inbound, _) = listener.accept().await.unwrap();
        let mut outbound = tokio::net::TcpStream::connect(target).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut inbound, &mut outbound).await;
    });
    let error = Client::new(config).unwrap().connect().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no TLS on the control connection: the server's certificate was not accepted: it is for another name than `host`"
    );
}

#[tokio::test]
async fn a_pin_and_no_verification_accept_a_certificate_of_unknown_authority() {
    let script = format!("{PROTECTED}{PROT}---\n{PROTECTED}{PROT}");
    let server = server(&script).await;
    let pin = Verification::pin_from_hex(&server.certificate_sha256()).unwrap();
    for verification in [pin, Verification::Off] {
        open(verified_by(&server, verification)).await;
    }
    server.finish().await;
}
