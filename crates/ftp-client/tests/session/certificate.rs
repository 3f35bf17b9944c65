//! The server's certificate: which check it fails, what is shown of it, and which ones are good enough.

use std::path::Path;
use std::process::Command;

use ftp_client::{
    CertificateFacts, CertificateFlaw, Channel, Client, Config, Error, Secret, TlsFault, Verification,
};
use ftp_testkit::{Identity, ScriptedServer, TlsVersions, Transcript};

use crate::{PROT, PROTECTED, open, verified_by, with_tls};

const BOTH_VERSIONS: [TlsVersions; 2] = [TlsVersions::Only12, TlsVersions::Only13];

/// A server whose certificate is to be refused.
async fn bad(identity: Identity) -> ScriptedServer {
    let script = "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: no tls";
    Transcript::parse(script).with_identity(identity).start().await
}

/// A server that lets `logins` connections in, one after the other.
async fn good(identity: Identity, versions: TlsVersions, logins: usize) -> ScriptedServer {
    let script = vec![format!("{PROTECTED}{PROT}"); logins].join("\n---\n");
    Transcript::parse(&script).with_identity(identity).with_versions(versions).start().await
}

/// Connects, and gives the reason why not; the server must not have seen the login.
async fn refusal(server: &ScriptedServer, config: Config) -> (CertificateFlaw, CertificateFacts) {
    let error = Client::new(config).unwrap().connect().await.unwrap_err();
    server.finish().await;
    assert_eq!(server.received(), ["AUTH TLS"]);
    assert!(!error.is_transient());
    match error {
        Error::Tls { on: Channel::Control, fault: TlsFault::Certificate { flaw, certificate } } => {
            assert_eq!(certificate.sha256, server.certificate_sha256());
            (flaw, *certificate)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_check_has_its_name() {
    let other_hosts = CertificateFlaw::WrongName {
        wanted: "127.0.0.1".to_owned(),
        names: "*.other.example, 10.0.0.1".to_owned(),
    };
    let table = [
        (Identity::expired(), CertificateFlaw::Expired),
        (Identity::not_yet_valid(), CertificateFlaw::NotYetValid),
        (Identity::under_an_expired_authority(), CertificateFlaw::IssuerOutOfTime),
        (Identity::for_hosts(&["*.other.example", "10.0.0.1"]), other_hosts),
        (Identity::for_clients(), CertificateFlaw::WrongPurpose),
        (Identity::issued_by_a_server(), CertificateFlaw::IssuerIsNoAuthority),
        (Identity::garbage(), CertificateFlaw::Malformed),
        (Identity::stolen(), CertificateFlaw::KeyNotHeld),
        (Identity::expired_self_signed_authority(), CertificateFlaw::Expired),
    ];
    for (identity, expected) in table {
        let server = bad(identity).await;
        assert_eq!(refusal(&server, with_tls(&server)).await.0, expected);
    }
}

#[tokio::test]
async fn an_unknown_authority_is_told_from_a_server_that_signed_for_itself() {
    let stranger = Identity::self_signed_authority(&["stranger.example"]);
    let strangers = Verification::authorities_from_pem(stranger.ca_pem()).unwrap();
    let namesake = Verification::authorities_from_pem(Identity::generate().ca_pem()).unwrap();
    for (verification, expected) in [
        (strangers, CertificateFlaw::UnknownIssuer),
        (Verification::SystemRoots, CertificateFlaw::UnknownIssuer),
        (namesake, CertificateFlaw::NotByItsIssuer),
    ] {
        let server = bad(Identity::generate()).await;
        let flaw = refusal(&server, verified_by(&server, verification.clone())).await.0;
        assert_eq!(flaw, expected);

        let server = bad(Identity::self_signed_authority(&["127.0.0.1"])).await;
        let flaw = refusal(&server, verified_by(&server, verification)).await.0;
        assert_eq!(flaw, CertificateFlaw::SelfSigned);
    }
}

#[tokio::test]
async fn what_a_refused_certificate_says_is_shown() {
    let server = bad(Identity::expired()).await;
    let (_, facts) = refusal(&server, with_tls(&server)).await;
    assert_eq!(
        facts.to_string(),
        format!(
            "subject: CN=localhost\nissuer: CN=ftp-testkit authority\n\
             valid: 2019-01-02T00:00:00Z to 2020-01-02T00:00:00Z\nnames: 127.0.0.1, localhost\n\
             key: ECDSA 256, signed with ecdsa-with-SHA256\nSHA-256: {}",
            server.certificate_sha256()
        )
    );
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_still_has_its_fingerprint() {
    let server = bad(Identity::garbage()).await;
    let (_, facts) = refusal(&server, with_tls(&server)).await;
    let expected = format!("not readable as an X.509 certificate\nSHA-256: {}", server.certificate_sha256());
    assert_eq!(facts.to_string(), expected);
}

#[tokio::test]
async fn texts_of_a_certificate_are_bounded_and_drive_no_terminal() {
    let name = format!("\x1b[2J\r\nSHA-256: forged \u{202e}{}", "x".repeat(5000));
    let server = bad(Identity::with_common_name(&name)).await;
    let (_, facts) = refusal(&server, verified_by(&server, Verification::SystemRoots)).await;
    let subject = facts.subject.clone().unwrap();
    assert!(subject.starts_with(r"CN=\u{1b}[2J\r\nSHA-256: forged \u{202e}xxx"), "{subject}");
    assert!(subject.chars().count() <= 201, "{subject}");
    assert_eq!(facts.to_string().lines().count(), 6, "{facts}");

    let hosts: Vec<String> = (0..300).map(|number| format!("host-{number}.example")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let server = bad(Identity::for_hosts(&hosts)).await;
    let (flaw, facts) = refusal(&server, with_tls(&server)).await;
    assert_eq!((facts.names.len(), facts.more_names), (20, 280));
    assert!(flaw.to_string().ends_with("host-19.example and 280 more"), "{flaw}");
}

#[tokio::test]
async fn a_self_signed_authority_that_is_given_is_good_for_its_own_server_alone() {
    for versions in BOTH_VERSIONS {
        let server = good(Identity::self_signed_authority(&["127.0.0.1"]), versions, 1).await;
        open(with_tls(&server)).await;
        server.finish().await;
    }
    let server = bad(Identity::self_signed_authority(&["elsewhere.example"])).await;
    let (flaw, _) = refusal(&server, with_tls(&server)).await;
    assert!(matches!(flaw, CertificateFlaw::WrongName { .. }), "{flaw:?}");
}

#[tokio::test]
async fn a_chain_in_disorder_and_with_strangers_in_it_is_a_chain() {
    let server = good(Identity::in_disorder(), TlsVersions::Default, 1).await;
    open(with_tls(&server)).await;
    server.finish().await;
}

#[tokio::test]
async fn a_pin_stands_in_for_everything_but_the_certificate_itself() {
    for identity in [
        Identity::generate(),
        Identity::expired(),
        Identity::for_hosts(&["elsewhere.example"]),
        Identity::issued_by_a_server(),
        Identity::self_signed_authority(&["elsewhere.example"]),
    ] {
        let server = good(identity, TlsVersions::Default, 1).await;
        let pin = Verification::pin_from_hex(&server.certificate_sha256()).unwrap();
        open(verified_by(&server, pin)).await;
        server.finish().await;
    }
}

#[tokio::test]
async fn a_pin_does_not_take_the_certificate_for_its_key() {
    for versions in BOTH_VERSIONS {
        let script = "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: no tls";
        let server =
            Transcript::parse(script).with_identity(Identity::stolen()).with_versions(versions).start().await;
        let pin = Verification::pin_from_hex(&server.certificate_sha256()).unwrap();
        assert_eq!(refusal(&server, verified_by(&server, pin)).await.0, CertificateFlaw::KeyNotHeld);
    }
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_is_shown_with_its_fingerprint() {
    let server = bad(Identity::generate()).await;
    let pin = Verification::Pin(Secret::new([7; 32]));
    let (flaw, facts) = refusal(&server, verified_by(&server, pin)).await;
    assert_eq!(flaw, CertificateFlaw::NotPinned);
    assert_eq!(facts.subject.as_deref(), Some("CN=localhost"));
}

#[tokio::test]
async fn the_pin_of_an_authority_in_the_chain_fits_no_server() {
    let identity = Identity::in_disorder();
    let authority = identity.chain_sha256().pop().unwrap();
    let server = bad(identity).await;
    let pin = Verification::pin_from_hex(&authority).unwrap();
    assert_eq!(refusal(&server, verified_by(&server, pin)).await.0, CertificateFlaw::NotPinned);
}

#[tokio::test]
async fn without_verification_even_garbage_is_taken() {
    for versions in BOTH_VERSIONS {
        for identity in
            [Identity::garbage(), Identity::expired(), Identity::for_hosts(&["elsewhere.example"])]
        {
            let server = good(identity, versions, 1).await;
            let session = open(verified_by(&server, Verification::Off)).await;
            let facts = session.protection().unwrap().certificate.unwrap();
            assert_eq!(facts.sha256, server.certificate_sha256());
            server.finish().await;
        }
    }
}

#[tokio::test]
async fn what_openssl_makes_by_itself_is_good_when_it_is_given() {
    let Some(folder) = made_by_openssl(&[
        "req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -days 2 -subj /CN=127.0.0.1",
        "req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other -days 2 -subj /CN=elsewhere.example",
    ]) else {
        return;
    };
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for versions in BOTH_VERSIONS {
        let identity = Identity::from_pem(&read("certificate"), &read("certificate"), &read("key"));
        let server = good(identity, versions, 1).await;
        open(with_tls(&server)).await;
        server.finish().await;
    }
    let other = Identity::from_pem(&read("other"), &read("other"), &read("other.key"));
    let server = bad(other).await;
    let (flaw, _) = refusal(&server, with_tls(&server)).await;
    assert_eq!(
        flaw,
        CertificateFlaw::WrongName { wanted: "127.0.0.1".to_owned(), names: "elsewhere.example".to_owned() }
    );
}

#[tokio::test]
async fn certificates_of_x509_version_1_can_be_pinned_given_and_be_roots() {
    let extensions = "subjectAltName=IP:127.0.0.1";
    let Some(folder) = made_by_openssl(&[
        "req -new -newkey rsa:2048 -nodes -keyout root.key -out root.csr -subj /CN=127.0.0.1",
        "x509 -req -in root.csr -signkey root.key -out root -days 2",
        "req -new -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf",
        "x509 -req -in leaf.csr -CA root -CAkey root.key -CAcreateserial -out leaf -days 2 -extfile extensions",
        "x509 -in root -noout -text -out root.text",
    ]) else {
        return;
    };
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("extensions"), extensions);
    if !read("root.text").contains("Version: 1 ") {
        // OpenSSL 3.2 and later make version 3 here.
        return;
    }
    for versions in BOTH_VERSIONS {
        let identity = Identity::from_pem(&read("root"), &read("root"), &read("root.key"));
        let server = good(identity, versions, 2).await;
        let pin = Verification::pin_from_hex(&server.certificate_sha256()).unwrap();
        open(verified_by(&server, pin)).await;
        open(with_tls(&server)).await;
        server.finish().await;

        let identity = Identity::from_pem(&read("root"), &read("leaf"), &read("leaf.key"));
        let server = good(identity, versions, 1).await;
        open(with_tls(&server)).await;
        server.finish().await;
    }
    let server = bad(Identity::from_pem(&read("root"), &read("root"), &read("root.key"))).await;
    let (flaw, _) = refusal(&server, verified_by(&server, Verification::SystemRoots)).await;
    assert_eq!(flaw, CertificateFlaw::OldVersion);
}

#[tokio::test]
async fn a_signature_with_sha1_does_not_count_unless_the_certificate_is_pinned() {
    let Some(folder) = made_by_openssl(&[
        "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root -days 2 -subj /CN=root",
        "req -new -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf",
        "x509 -req -sha1 -in leaf.csr -CA root -CAkey root.key -CAcreateserial -out leaf -days 2 -extfile extensions",
    ]) else {
        return;
    };
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let identity = || Identity::from_pem(&read("root"), &read("leaf"), &read("leaf.key"));
    let server = bad(identity()).await;
    let (flaw, _) = refusal(&server, with_tls(&server)).await;
    assert_eq!(flaw, CertificateFlaw::Algorithm { algorithm: "sha1WithRSAEncryption".to_owned() });

    let server = good(identity(), TlsVersions::Default, 1).await;
    let pin = Verification::pin_from_hex(&server.certificate_sha256()).unwrap();
    open(verified_by(&server, pin)).await;
    server.finish().await;
}

/// Runs OpenSSL's program in a folder of its own, which has an `extensions` file; `None` where the machine has none.
fn made_by_openssl(calls: &[&str]) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("extensions"), "subjectAltName=IP:127.0.0.1").unwrap();
    calls.iter().all(|call| openssl(folder.path(), call)).then_some(folder)
}

fn openssl(folder: &Path, call: &str) -> bool {
    let Ok(output) = Command::new("openssl").args(call.split(' ')).current_dir(folder).output() else {
        return false;
    };
    assert!(output.status.success(), "{call}: {}", String::from_utf8_lossy(&output.stderr));
    true
}
