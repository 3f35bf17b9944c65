//! What a person reads when TLS does not come about, and that following the advice mends it.

use ftp_testkit::{Identity, ScriptedServer, Transcript};
use serde_json::{Value, json};

use crate::process::{Answer, act};

/// From the greeting to a login that is protected.
const PROTECTED: &str =
    "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls\nC: USER user\nS: 331 pw\nC: PASS pw\nS: 230 in
    C: PBSZ 0\nS: 200 ok\nC: PROT P\nS: 200 ok\nC: TYPE I\nS: 200 ok\n";

/// A handshake that the client breaks off.
const DECLINED: &str = "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: no tls\n";

/// The same in clear text.
const PLAIN: &str =
    "S: 220 hi\nC: USER user\nS: 331 pw\nC: PASS pw\nS: 230 in\nC: TYPE I\nS: 200 ok\nC: SIZE f\nS: 213 5
    C: EPSV\nS: 229 (|||{port}|)\n";

const DOWNLOAD: &str = "C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\nD> hello\nD: close\nS: 226 done\n";

async fn server(script: &str) -> ScriptedServer {
    Transcript::parse(script).start().await
}

fn connection(server: &ScriptedServer, more: &Value) -> Value {
    let mut connection = json!({
        "host": server.address().to_string(),
        "credentials": {"username": "user", "password": "pw"},
        "passive": true,
        "secure": true,
        "ca_certificate": server.ca_pem(),
        "timeout": 2,
    });
    for (name, value) in more.as_object().unwrap() {
        connection[name] = value.clone();
    }
    connection
}

/// Tries to download `f`.
fn fetch(server: &ScriptedServer, more: &Value) -> Answer {
    act("download", &connection(server, more), &json!({"path": "f"}))
}

fn data(answer: &Answer) -> String {
    answer.event()["body"]["exception"]["data"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_server_for_implicit_tls_leads_to_tls_mode() {
    for script in [r"S+: \x15\x03\x03\x00\x02\x02\x0a", "T: hang"] {
        for secure in [true, false] {
            let server = server(script).await;
            let answer = fetch(&server, &json!({"secure": secure}));
            assert!(!answer.cause().is_empty());
            assert!(answer.assistance().contains("`tls_mode` to implicit"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn implicit_tls_against_a_server_that_greets_leads_to_tls_mode() {
    for script in ["S: 220 hi\nT: hang", "T: hang"] {
        let server = server(script).await;
        let answer = fetch(&server, &json!({"tls_mode": "implicit"}));
        assert!(!answer.cause().is_empty());
        assert!(answer.assistance().contains("`tls_mode`"), "{answer:?}");
        assert!(answer.assistance().contains("explicit"), "{answer:?}");
    }
}

#[tokio::test]
async fn implicit_tls_without_tls_is_pointed_out() {
    let server = server(&format!("{PLAIN}C: RETR f\nS: 150 here\nD> hello\nD: close\nS: 226 done")).await;
    let answer = fetch(&server, &json!({"tls_mode": "implicit", "secure": false}));
    assert_eq!(answer.output()["downloaded"], true);
    let log = answer.event()["body"]["log"].as_str().unwrap().to_owned();
    assert!(log.contains("asks for implicit TLS, but `secure` is false"), "{log}");
}

#[tokio::test]
async fn a_refused_certificate_is_trusted_by_pasting_what_the_failure_shows() {
    let identity = Identity::expired();
    let script = format!("{DECLINED}---\n{PROTECTED}{DOWNLOAD}");
    let server = Transcript::parse(&script).with_identity(identity).start().await;
    let answer = fetch(&server, &json!({}));
    assert!(answer.cause().contains("it has expired"), "{answer:?}");
    let data = data(&answer);
    for fact in
        ["subject: CN=localhost", "issuer: CN=ftp-testkit authority", "valid: 2019-01-02T00:00:00Z to 2020"]
    {
        assert!(data.contains(fact), "{data}");
    }
    let sha256 = data.lines().find_map(|line| line.strip_prefix("SHA-256: ")).unwrap();
    assert!(answer.assistance().contains(&format!("`certificate_sha256` to {sha256}")), "{answer:?}");
    let output = fetch(&server, &json!({"certificate_sha256": sha256})).output();
    assert_eq!(output["downloaded"], true);
}

#[tokio::test]
async fn each_flaw_has_its_advice() {
    let table = [
        (
            Identity::self_signed_authority(&["127.0.0.1"]),
            "self-signed",
            "this very certificate in `ca_certificate`",
        ),
        (Identity::generate(), "nobody who is trusted", "authority that issued it in `ca_certificate`"),
        (Identity::for_hosts(&["ftp.example"]), "127.0.0.1`: ftp.example", "one of its names in `host`"),
        (Identity::not_yet_valid(), "not valid yet", "the clock"),
        (Identity::stolen(), "does not hold its key", "Somebody between"),
        (Identity::garbage(), "cannot be read", "a certificate that is one"),
    ];
    for (identity, cause, advice) in table {
        let stranger = Identity::self_signed_authority(&["stranger.example"]);
        let foreign = cause.contains("self-signed") || cause.contains("trusted");
        let server = Transcript::parse(DECLINED).with_identity(identity).start().await;
        let authority = if foreign { stranger.ca_pem() } else { server.ca_pem() };
        let answer = fetch(&server, &json!({"ca_certificate": authority}));
        assert!(answer.cause().contains(cause), "{answer:?}");
        assert!(answer.assistance().contains(advice), "{answer:?}");
        assert!(data(&answer).contains(&server.certificate_sha256()), "{answer:?}");
    }
}

#[tokio::test]
async fn a_wrong_pin_is_shown_nowhere() {
    let pin = "ca4a27".repeat(11)[..64].to_owned();
    let server = server(DECLINED).await;
    let answer =
        act("download", &connection(&server, &json!({"certificate_sha256": pin})), &json!({"path": "f"}));
    assert!(answer.cause().contains(&server.certificate_sha256()), "{answer:?}");
    assert!(!answer.everything().contains("ca4a27"), "{answer:?}");
}

#[tokio::test]
async fn a_session_that_was_not_resumed_is_told_in_words() {
    let server = server(&format!(
        "{PROTECTED}C: SIZE f\nS: 213 5\nT: forget\nC: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 150 here\nD: open
         S: 425 Unable to build data connection: Operation not permitted\nD: close"
    ))
    .await;
    let answer = fetch(&server, &json!({}));
    assert!(answer.cause().contains("did not resume the TLS session"), "{answer:?}");
    assert!(answer.assistance().contains("session reuse"), "{answer:?}");
    assert_eq!(data(&answer), "reply code 425");
    let log = answer.event()["body"]["log"].as_str().unwrap().to_owned();
    assert_eq!(log.matches("did not resume its TLS session").count(), 1, "{log}");
}

#[tokio::test]
async fn a_refusal_that_is_about_protection_is_a_failure_with_advice() {
    for refusal in ["521 not with this PROT", "522 Data connections must be encrypted.", "534 policy"] {
        let server = server(&format!("{PLAIN}C: RETR f\nS: {refusal}")).await;
        let answer = fetch(&server, &json!({"secure": false}));
        assert!(answer.cause().contains(refusal), "{answer:?}");
        assert!(answer.assistance().contains("set `secure` to true"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_without_tls_leads_to_secure() {
    for refusal in [
        "530 Non-anonymous sessions must use encryption.",
        "550 SSL/TLS required on the control channel",
        "421 Sorry, cleartext sessions and weak ciphers are not accepted on this server.",
        "534 TLS required",
    ] {
        let server = server(&format!("S: 220 hi\nC: USER user\nS: {refusal}")).await;
        let answer = fetch(&server, &json!({"secure": false}));
        assert!(answer.cause().contains(&refusal[..3]), "{answer:?}");
        assert!(answer.assistance().contains("set `secure` to true"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_server_without_auth_tls_leads_to_implicit_tls_or_its_operator() {
    let server = server("S: 220 hi\nC: AUTH TLS\nS: 504 AUTH SSL only").await;
    let answer = fetch(&server, &json!({}));
    assert!(answer.cause().contains("AUTH was answered with 504 AUTH SSL only"), "{answer:?}");
    for named in ["AUTH SSL", "`tls_mode`", "`secure`"] {
        assert!(answer.assistance().contains(named), "{answer:?}");
    }
}
