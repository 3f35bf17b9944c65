//! Real servers behind proxies that want a login, under a name that only the proxy can resolve.

use std::time::Duration;

use ftp_client::{Client, Config, Credentials, Proxy, TlsConfig, TlsMode, Verification};
use ftp_proto::RemotePath;
use ftp_testkit::{Product, ProxyProtocol, RealServer, TestProxy, Tls, TlsVersions};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::process::{act, base64, connection, content};

const TLS: Tls = Tls::On(TlsVersions::Default);

/// A name that no name service may know (RFC 6761 §6.4).
const HOST: &str = "ftp.example.invalid";

#[tokio::test]
async fn libunftp_behind_socks5() {
    behind(Product::Libunftp, Tls::Off, ProxyProtocol::Socks5).await;
}

#[tokio::test]
async fn libunftp_behind_http() {
    behind(Product::Libunftp, Tls::Off, ProxyProtocol::Http).await;
}

#[tokio::test]
async fn libunftp_with_tls_behind_socks5() {
    behind(Product::Libunftp, TLS, ProxyProtocol::Socks5).await;
}

#[tokio::test]
async fn libunftp_with_tls_behind_http() {
    behind(Product::Libunftp, TLS, ProxyProtocol::Http).await;
}

#[tokio::test]
async fn vsftpd_behind_socks5() {
    behind(Product::Vsftpd, Tls::Off, ProxyProtocol::Socks5).await;
}

#[tokio::test]
async fn vsftpd_with_tls_behind_http() {
    behind(Product::Vsftpd, TLS, ProxyProtocol::Http).await;
}

#[tokio::test]
async fn proftpd_with_tls_behind_socks5() {
    behind(Product::ProFtpd, TLS, ProxyProtocol::Socks5).await;
}

async fn behind(product: Product, tls: Tls, protocol: ProxyProtocol) {
    let Some(server) = RealServer::start_or_skip(product, tls).await else { return };
    server.seed_folder("in").unwrap();
    let proxy = TestProxy::start_for(protocol, "proxy-user", "proxy-canary").await;
    // Active on purpose: there is no such thing behind a proxy, and the client knows.
    let mut settings = connection(&server, tls != Tls::Off, false);
    settings["host"] = json!(format!("{HOST}:{}", server.address().port()));
    settings["certificate_sha256"] = json!(server.certificate_sha256());
    settings["proxy"] = json!(proxy.url_with_login());

    upload_and_download(&server, &settings);
    list(&server, tls, &proxy).await;
    let targets = proxy.targets();
    assert!(targets.len() >= 6, "control and data, three times: {targets:?}");
    assert!(targets.iter().all(|target| target.starts_with(&format!("{HOST}:"))), "{targets:?}");

    settings["proxy"] = json!(proxy.url_with_login().replace("proxy-canary", "wrong-canary"));
    let refused = act("download", &settings, &json!({"path": "in/file.bin"}));
    assert!(refused.cause().contains("proxy did not let the plugin in"), "{}", refused.cause());
    assert!(!refused.everything().contains("canary"), "{}", refused.everything());
}

fn upload_and_download(server: &RealServer, settings: &Value) {
    let bytes = content(300_000);
    let input = json!({"file_content": base64(&bytes), "remote_path": "in/file.bin"});
    let uploaded = act("upload", settings, &input);
    assert_eq!(uploaded.output()["sha256"], hex::encode(Sha256::digest(&bytes)));
    assert!(std::fs::read(server.home().join("in/file.bin")).unwrap() == bytes, "other bytes arrived");

    let downloaded = act("download", settings, &json!({"path": "in/file.bin"}));
    assert!(downloaded.output()["download"] == json!(base64(&bytes)), "other bytes came");
    let log = downloaded.event()["body"]["log"].as_str().unwrap().to_owned();
    assert!(log.contains("Active mode is impossible through a proxy"), "{log}");
    for answer in [uploaded, downloaded] {
        assert!(!answer.everything().contains("canary"), "{}", answer.everything());
    }
}

async fn list(server: &RealServer, tls: Tls, proxy: &TestProxy) {
    let verification = Verification::pin_from_hex(&server.certificate_sha256()).unwrap();
    let config = Config {
        port: server.address().port(),
        tls: (tls != Tls::Off).then_some(TlsConfig { mode: TlsMode::Explicit, verification }),
        proxy: Some(Proxy::parse(&proxy.url_with_login()).unwrap()),
        timeout: Duration::from_secs(20),
        ..Config::new(HOST, Credentials::parse(server.username(), server.password()).unwrap())
    };
    let mut session = Client::new(config).unwrap().connect().await.unwrap();
    let mut listing = session.list(&RemotePath::parse("in").unwrap()).await.unwrap();
    assert_eq!(listing.next().await.unwrap().unwrap().name, b"file.bin");
    assert_eq!(listing.next().await.unwrap(), None);
    session.quit().await;
}
