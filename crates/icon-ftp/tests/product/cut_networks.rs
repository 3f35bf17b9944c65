//! Real servers behind a network that cuts connections, now one of them, now all: what arrives is every byte, once.

use ftp_testkit::{Cut, Product, ProxyProtocol, RealServer, TestProxy, Tls, TlsVersions};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::process::{Answer, act, base64, connection, content};

const TLS: Tls = Tls::On(TlsVersions::Default);

const LEN: usize = 20_000_000;

/// Far enough apart that an upload has something to be resumed behind, and close enough that most of a transfer is cut.
const CUTS: [Cut; 4] = [Cut::One(5_000_000), Cut::All(4_000_000), Cut::All(3_000_000), Cut::One(4_000_000)];

#[tokio::test]
async fn vsftpd() {
    behind_cuts(Product::Vsftpd, Tls::Off).await;
}

#[tokio::test]
async fn vsftpd_with_tls() {
    behind_cuts(Product::Vsftpd, TLS).await;
}

#[tokio::test]
async fn proftpd() {
    behind_cuts(Product::ProFtpd, Tls::Off).await;
}

#[tokio::test]
async fn proftpd_with_tls() {
    behind_cuts(Product::ProFtpd, TLS).await;
}

#[tokio::test]
async fn pure_ftpd() {
    behind_cuts(Product::PureFtpd, Tls::Off).await;
}

#[tokio::test]
async fn pure_ftpd_with_tls() {
    behind_cuts(Product::PureFtpd, TLS).await;
}

async fn behind_cuts(product: Product, tls: Tls) {
    let Some(server) = RealServer::start_or_skip(product, tls).await else { return };
    server.seed_folder("in").unwrap();
    let bytes = content(LEN);
    server.seed("out.bin", &bytes).unwrap();
    let proxy = TestProxy::start(ProxyProtocol::Socks5).await;
    let mut settings = connection(&server, tls != Tls::Off, true);
    settings["proxy"] = json!(proxy.url());

    proxy.cut(CUTS);
    let downloaded = act("download", &settings, &json!({"path": "out.bin"}));
    assert!(downloaded.output()["download"] == json!(base64(&bytes)), "other bytes came");
    assert!(proxy.is_done_cutting());
    resumed(&downloaded, "Going on with out.bin at byte ", &bytes);

    proxy.cut(CUTS);
    let atomic = tls == Tls::Off;
    let input = json!({"file_content": base64(&bytes), "remote_path": "in/put.bin", "atomic": atomic});
    let uploaded = act("upload", &settings, &input);
    assert!(proxy.is_done_cutting());
    resumed(&uploaded, "The upload goes on behind the ", &bytes);
    assert!(std::fs::read(server.home().join("in/put.bin")).unwrap() == bytes, "other bytes arrived");
    let left = std::fs::read_dir(server.home().join("in")).unwrap().count();
    assert_eq!(left, 1, "something else was left in the folder");
}

/// Every cut was followed by another try, and at least one of them went on in the middle.
fn resumed(answer: &Answer, sign: &str, bytes: &[u8]) {
    let event: Value = answer.event();
    assert_eq!(event["body"]["output"]["sha256"], hex::encode(Sha256::digest(bytes)));
    let log = event["body"]["log"].as_str().unwrap();
    assert!(log.matches("Trying again in").count() >= CUTS.len(), "{log}");
    assert!(log.contains(sign), "{log}");
}
