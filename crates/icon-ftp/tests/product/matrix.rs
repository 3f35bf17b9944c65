//! Every server, plain and over TLS, passive and active: upload, download, list, delete, monitor.

use std::time::Duration;

use ftp_client::{Client, Config, Credentials, DataMode, TlsConfig, TlsMode, Verification};
use ftp_proto::RemotePath;
use ftp_testkit::{Collector, Product, RealServer, Tls, TlsVersions};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::monitor::{Trigger, event};
use crate::process::{act, base64, connection, content};

const TLS: Tls = Tls::On(TlsVersions::Default);

#[tokio::test]
async fn vsftpd_plain_passive() {
    cell(Product::Vsftpd, Tls::Off, true).await;
}

#[tokio::test]
async fn vsftpd_plain_active() {
    cell(Product::Vsftpd, Tls::Off, false).await;
}

#[tokio::test]
async fn vsftpd_tls_passive() {
    cell(Product::Vsftpd, TLS, true).await;
}

#[tokio::test]
async fn vsftpd_tls_active() {
    cell(Product::Vsftpd, TLS, false).await;
}

#[tokio::test]
async fn vsftpd_implicit_tls() {
    cell(Product::Vsftpd, Tls::Implicit, true).await;
}

#[tokio::test]
async fn proftpd_plain_passive() {
    cell(Product::ProFtpd, Tls::Off, true).await;
}

#[tokio::test]
async fn proftpd_plain_active() {
    cell(Product::ProFtpd, Tls::Off, false).await;
}

#[tokio::test]
async fn proftpd_tls_passive() {
    cell(Product::ProFtpd, TLS, true).await;
}

#[tokio::test]
async fn proftpd_tls_active() {
    cell(Product::ProFtpd, TLS, false).await;
}

#[tokio::test]
async fn proftpd_implicit_tls() {
    cell(Product::ProFtpd, Tls::Implicit, true).await;
}

#[tokio::test]
async fn pure_ftpd_plain_passive() {
    cell(Product::PureFtpd, Tls::Off, true).await;
}

#[tokio::test]
async fn pure_ftpd_plain_active() {
    cell(Product::PureFtpd, Tls::Off, false).await;
}

#[tokio::test]
async fn pure_ftpd_tls_passive() {
    cell(Product::PureFtpd, TLS, true).await;
}

#[tokio::test]
async fn pure_ftpd_tls_active() {
    cell(Product::PureFtpd, TLS, false).await;
}

#[tokio::test]
async fn libunftp_plain_passive() {
    cell(Product::Libunftp, Tls::Off, true).await;
}

#[tokio::test]
async fn libunftp_plain_active() {
    cell(Product::Libunftp, Tls::Off, false).await;
}

#[tokio::test]
async fn libunftp_tls_passive() {
    cell(Product::Libunftp, TLS, true).await;
}

#[tokio::test]
async fn libunftp_tls_active() {
    cell(Product::Libunftp, TLS, false).await;
}

async fn cell(product: Product, tls: Tls, passive: bool) {
    let Some(server) = RealServer::start_or_skip(product, tls).await else { return };
    let mut connection = connection(&server, tls != Tls::Off, passive);
    if tls == Tls::Implicit {
        connection["tls_mode"] = json!("implicit");
    }
    upload(&server, &connection);
    download(&server, &connection, passive);
    list(&server, tls, passive).await;
    delete(&server, &connection);
    monitor(&server, &connection).await;
}

fn upload(server: &RealServer, connection: &Value) {
    for (len, atomic) in [(0, false), (1, true), (300_000, false), (2_000_000, true)] {
        let bytes = content(len);
        let input = json!({
            "file_content": base64(&bytes), "remote_path": "new folder/deep/ü 1.bin", "atomic": atomic,
            "create_folders": true,
        });
        let output = act("upload", connection, &input).output();
        assert_eq!(
            output,
            json!({"uploaded": true, "size": len, "sha256": hex::encode(Sha256::digest(&bytes))})
        );
        let folder = server.home().join("new folder/deep");
        assert!(std::fs::read(folder.join("ü 1.bin")).unwrap() == bytes, "{len} bytes arrived otherwise");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1, "something else was left in the folder");
    }
    let kept = json!({"file_content": "eA==", "remote_path": "new folder/deep/ü 1.bin", "overwrite": false});
    let output = act("upload", connection, &kept).output();
    assert_eq!(output["uploaded"], false);
    assert!(output["reason"].as_str().unwrap().contains("exists"), "{output}");

    let kept = json!({
        "file_content": "eA==", "remote_path": "made for it/x", "overwrite": false, "create_folders": true,
    });
    assert_eq!(act("upload", connection, &kept).output()["uploaded"], true);

    let nowhere = json!({"file_content": "eA==", "remote_path": "no such folder/x"});
    refused(&act("upload", connection, &nowhere).output(), "uploaded");
}

fn download(server: &RealServer, connection: &Value, passive: bool) {
    let bytes = content(1_500_000);
    server.seed("get/some file.bin", &bytes).unwrap();
    server.seed("get/empty", "").unwrap();
    let answer = act("download", connection, &json!({"path": "get/some file.bin"}));
    let output = answer.output();
    assert!(output["download"] == json!(base64(&bytes)), "the bytes came otherwise");
    assert_eq!(output["sha256"], hex::encode(Sha256::digest(&bytes)));
    assert_eq!((&output["size"], &output["downloaded"]), (&json!(bytes.len()), &json!(true)));
    let log = answer.event()["body"]["log"].as_str().unwrap().to_owned();
    assert!(!log.contains("other ways failed"), "passive {passive} was to work at once: {log}");

    let undigested = json!({"path": "get/some file.bin", "sha256": false});
    let output = act("download", connection, &undigested).output();
    assert_eq!((&output["size"], output.get("sha256")), (&json!(bytes.len()), None));

    let output = act("download", connection, &json!({"path": "/get/empty"})).output();
    assert_eq!((&output["download"], &output["size"]), (&json!(""), &json!(0)));

    refused(&act("download", connection, &json!({"path": "get/missing"})).output(), "downloaded");
    refused(&act("download", connection, &json!({"path": "get"})).output(), "downloaded");
    refused(&act("download", connection, &json!({"path": "get/"})).output(), "downloaded");
}

async fn list(server: &RealServer, tls: Tls, passive: bool) {
    server.seed("list/a b.txt", "12345").unwrap();
    server.seed_folder("list/inner").unwrap();
    let mode = if tls == Tls::Implicit { TlsMode::Implicit } else { TlsMode::Explicit };
    let verification = Verification::authorities_from_pem(server.ca_pem()).unwrap();
    let credentials = Credentials::parse(server.username(), server.password()).unwrap();
    let client = Client::new(Config {
        port: server.address().port(),
        data_mode: if passive { DataMode::Passive } else { DataMode::Active },
        tls: (tls != Tls::Off).then_some(TlsConfig { mode, verification }),
        timeout: Duration::from_secs(20),
        ..Config::new(server.address().ip().to_string(), credentials)
    })
    .unwrap();
    let mut session = client.connect().await.unwrap();
    let mut entries = Vec::new();
    let mut listing = session.list(&RemotePath::parse("list").unwrap()).await.unwrap();
    while let Some(entry) = listing.next().await.unwrap() {
        entries.push((String::from_utf8(entry.name).unwrap(), format!("{:?}", entry.kind), entry.size));
    }
    assert_eq!(listing.unrecognized().count, 0);
    entries.sort();
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!(entries[0], ("a b.txt".to_owned(), "File".to_owned(), Some(5)));
    assert_eq!((entries[1].0.as_str(), entries[1].1.as_str()), ("inner", "Folder"));
    let missing = session.list(&RemotePath::parse("no such folder").unwrap()).await;
    let missing = match missing {
        Ok(mut listing) => listing.next().await.map(drop),
        Err(error) => Err(error),
    };
    missing.expect_err("a missing folder must not look like an empty one");
    session.quit().await;
}

fn delete(server: &RealServer, connection: &Value) {
    let file = server.seed("delete/me.txt", "x").unwrap();
    let output = act("delete", connection, &json!({"path": "delete/me.txt"})).output();
    assert_eq!(output, json!({"deleted": true}));
    assert!(!file.exists());
    refused(&act("delete", connection, &json!({"path": "delete/me.txt"})).output(), "deleted");
    refused(&act("delete", connection, &json!({"path": "delete"})).output(), "deleted");
    assert!(server.home().join("delete").is_dir());
}

async fn monitor(server: &RealServer, connection: &Value) {
    let file = server.seed("watch/file.txt", "one").unwrap();
    let collector = Collector::start([200]);
    let input = json!({"path": "watch", "interval": 1, "monitor_size": true});
    let mut trigger = Trigger::start(connection, &input, &collector.url());
    trigger.wait_for_log("Watching watch").await;
    std::fs::write(&file, "two, and longer").unwrap();
    let event = event(&collector, 0).await;
    let output = &event["body"]["output"];
    assert_eq!(output["path"], "watch");
    assert_eq!(output["changes"][0]["path"], "watch/file.txt", "{output}");
    assert_eq!(
        (&output["changes"][0]["kind"], &output["changes"][0]["size"]),
        (&json!("modified"), &json!(15))
    );
    assert_eq!(trigger.end().await, 0);
}

/// A refused file is an answer: `false`, and the server's reason.
fn refused(output: &Value, field: &str) {
    assert_eq!(output[field], false, "{output}");
    assert!(output["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{output}");
}
