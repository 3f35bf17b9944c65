//! Implicit TLS: nothing is said before the handshake, and data is never in the clear.

use ftp_client::{Channel, Client, Config, Error, TlsConfig, TlsFault, TlsMode, Verification, Wait};
use ftp_testkit::{ScriptedServer, Transcript};

use crate::{config, fetch, impatient, open, put};

/// From the first byte to the login.
const LOGIN: &str = "T: tls\nS: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary\nS: 230 in\n";

async fn server(script: &str) -> ScriptedServer {
    Transcript::parse(script).start().await
}

fn implicit(server: &ScriptedServer) -> Config {
    let verification = Verification::authorities_from_pem(server.ca_pem()).unwrap();
    Config { tls: Some(TlsConfig { mode: TlsMode::Implicit, verification }), ..config(server) }
}

#[tokio::test]
async fn tls_comes_before_the_greeting_and_data_is_protected() {
    let server = server(&format!(
        "{LOGIN}C: PBSZ 0\nS: 200 ok\nC: PROT P\nS: 200 ok\nC: TYPE I\nS: 200 ok
         C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 150 here\nD> hello\nD: close\nS: 226 done"
    ))
    .await;
    assert_eq!(fetch(&mut open(implicit(&server)).await, "f").await.unwrap(), b"hello");
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_does_not_know_prot_gets_protected_data_all_the_same() {
    for unknown in ["500 what", "502 no", "503 not now"] {
        let server = server(&format!(
            "{LOGIN}C: PBSZ 0\nS: {unknown}\nC: PROT P\nS: {unknown}\nC: TYPE I\nS: 200 ok
             C: EPSV\nS: 229 (|||{{port}}|)\nC: STOR f\nS: 150 go\nD< hello\nS: 226 done"
        ))
        .await;
        assert_eq!(put(&mut open(implicit(&server)).await, "f", b"hello").await.unwrap(), 5, "{unknown}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_server_that_declines_prot_is_left() {
    for refusal in ["504 clear data only", "534 policy", "536 no", "431 not now"] {
        let server = server(&format!("{LOGIN}C: PBSZ 0\nS: 200 ok\nC: PROT P\nS: {refusal}\nT: eof")).await;
        let error = Client::new(implicit(&server)).unwrap().connect().await.unwrap_err();
        assert!(
            matches!(&error, Error::Tls { fault: TlsFault::Refused { verb: "PROT", .. }, .. }),
            "{error:?}"
        );
        server.finish().await;
    }
}

#[tokio::test]
async fn a_server_that_greets_in_clear_text_is_not_spoken_to() {
    let server = server("S: 220 hi\nT: hang").await;
    let error = Client::new(implicit(&server)).unwrap().connect().await.unwrap_err();
    assert!(matches!(&error, Error::Tls { on: Channel::Control, fault: TlsFault::NotTls }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_waits_for_clear_text_ends_at_the_timeout() {
    let server = server("T: hang").await;
    let error = Client::new(impatient(implicit(&server))).unwrap().connect().await.unwrap_err();
    assert!(matches!(&error, Error::Timeout { wait: Wait::Handshake(Channel::Control), .. }), "{error:?}");
}
