//! Every server, in clear text and over TLS: what `ls --json` tells is what was put there.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use ftp_testkit::{Product, ProxyProtocol, RealServer, TestProxy, Tls, TlsVersions};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{ls, objects, paths, url};

#[tokio::test]
async fn vsftpd() {
    plain(Product::Vsftpd).await;
}

#[tokio::test]
async fn proftpd() {
    plain(Product::ProFtpd).await;
}

#[tokio::test]
async fn pure_ftpd() {
    plain(Product::PureFtpd).await;
}

#[tokio::test]
async fn libunftp() {
    plain(Product::Libunftp).await;
}

#[tokio::test]
async fn vsftpd_over_tls() {
    over_tls(Product::Vsftpd, Tls::On(TlsVersions::Default), "ftpes").await;
    over_tls(Product::Vsftpd, Tls::Implicit, "ftps").await;
}

#[tokio::test]
async fn proftpd_over_tls() {
    over_tls(Product::ProFtpd, Tls::On(TlsVersions::Default), "ftpes").await;
    over_tls(Product::ProFtpd, Tls::Implicit, "ftps").await;
}

#[tokio::test]
async fn pure_ftpd_over_tls() {
    over_tls(Product::PureFtpd, Tls::On(TlsVersions::Default), "ftpes").await;
}

#[tokio::test]
async fn libunftp_over_tls() {
    over_tls(Product::Libunftp, Tls::On(TlsVersions::Default), "ftpes").await;
}

/// A folder with a file, a file whose name wants care, a link, and two levels of folders.
fn seed(server: &RealServer) {
    let file = server.seed("in/a b.txt", "12345").unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o640)).unwrap();
    server.seed("in/größe [1]?#.txt", "").unwrap();
    server.seed("in/sub/deep/er.txt", "x").unwrap();
    symlink("a b.txt", server.home().join("in/link")).unwrap();
}

async fn plain(product: Product) {
    let Some(server) = RealServer::start_or_skip(product, Tls::Off).await else { return };
    seed(&server);
    for path in ["/in", "/in/", "//in", "/%2Fin/"] {
        let answer = ls(&["--json", &url("ftp", &server, path)]);
        assert_eq!((answer.exit, answer.stderr.as_str()), (0, ""), "{product} {path}: {answer:?}");
        let prefix = if path.starts_with("//") || path.contains("%2F") { "/in" } else { "in" };
        content(product, prefix, &objects(&answer));
    }
    let answer = ls(&["--json", "--active", &url("ftp", &server, "")]);
    assert_eq!(paths(&answer), ["in"], "{product}: {answer:?}");

    let all = ["in/a b.txt", "in/größe [1]?#.txt", "in/link", "in/sub", "in/sub/deep", "in/sub/deep/er.txt"];
    let answer = ls(&["-R", "--json", &url("ftp", &server, "/in")]);
    assert_eq!(
        (answer.exit, paths(&answer).as_slice()),
        (0, all.map(str::to_owned).as_slice()),
        "{product}: {answer:?}"
    );

    one_file(product, &server);
    refusals(product, &server);
}

/// Compares with what was seeded; not every server tells everything.
fn content(product: Product, prefix: &str, objects: &[Value]) {
    let keys = ["mode", "modified", "name", "path", "size", "target", "type"];
    for object in objects {
        let mut found: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, keys, "{product}");
        assert_eq!(object["path"], format!("{prefix}/{}", object["name"].as_str().unwrap()));
        let modified = object["modified"].as_str().unwrap();
        let age = OffsetDateTime::now_utc() - OffsetDateTime::parse(modified, &Rfc3339).unwrap();
        assert!(age.whole_seconds() < 120 && age.whole_seconds() > -60, "{product}: {modified}");
    }
    let told = |object: &Value| json!([object["name"], object["type"]]);
    let names: Vec<Value> = objects.iter().map(told).collect();
    // libunftp 0.24 shows what a link leads to in its place.
    let link = if product == Product::Libunftp { "file" } else { "link" };
    let expected = [("a b.txt", "file"), ("größe [1]?#.txt", "file"), ("link", link), ("sub", "folder")];
    assert_eq!(names, expected.map(|(name, kind)| json!([name, kind])), "{product}");
    assert_eq!((&objects[0]["size"], &objects[1]["size"]), (&json!(5), &json!(0)), "{product}");
    // libunftp 0.24 tells no mode in MLSD.
    let mode = if product == Product::Libunftp { Value::Null } else { json!(0o100_640) };
    assert_eq!(objects[0]["mode"], mode, "{product}");
    // ProFTPD 1.3.8 and Pure-FTPd 1.0.50 do not say in MLSD where a link leads to.
    if product == Product::Vsftpd {
        assert_eq!(objects[2]["target"], "a b.txt", "{product}");
    }
    assert!(objects[0]["target"].is_null());
}

/// A URL of a file shows that file.
fn one_file(product: Product, server: &RealServer) {
    for path in ["/in/a%20b.txt", "/in/a b.txt", "/in/a b.txt;type=i", "//in/a b.txt"] {
        let answer = ls(&["--json", &url("ftp", server, path)]);
        let [object] = &objects(&answer)[..] else { panic!("{product}: {answer:?}") };
        let told = json!([object["name"], object["type"], object["size"]]);
        assert_eq!(told, json!(["a b.txt", "file", 5]), "{product}");
        let absolute = path.starts_with("//");
        assert_eq!(object["path"], if absolute { "/in/a b.txt" } else { "in/a b.txt" }, "{product}");
    }
}

fn refusals(product: Product, server: &RealServer) {
    for path in ["/nowhere", "/nowhere/", "/in/a b.txt/"] {
        let answer = ls(&[&url("ftp", server, path)]);
        assert_eq!((answer.exit, answer.stdout.as_str()), (3, ""), "{product} {path}: {answer:?}");
        assert!(answer.stderr.starts_with("icon-ftp: "), "{product}: {answer:?}");
        assert_eq!(answer.stderr.lines().count(), 2, "{product}: {answer:?}");
    }
    let wrong = format!("ftp://{}:canary@{}/", server.username(), server.address());
    let answer = ls(&["-v", &wrong]);
    assert_eq!((answer.exit, answer.stdout.as_str()), (4, ""), "{product}: {answer:?}");
    assert!(!answer.stderr.contains("canary"), "{product}: {answer:?}");
}

async fn over_tls(product: Product, tls: Tls, scheme: &str) {
    let Some(server) = RealServer::start_or_skip(product, tls).await else { return };
    seed(&server);
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, server.ca_pem()).unwrap();
    let (authority, pin) = (authority.to_str().unwrap(), server.certificate_sha256());
    let url = url(scheme, &server, "/in");
    for trust in [["--cacert", authority], ["--pin-sha256", &pin]] {
        let answer = ls(&["--json", trust[0], trust[1], &url]);
        assert_eq!((answer.exit, answer.stderr.as_str()), (0, ""), "{product}: {answer:?}");
        content(product, "in", &objects(&answer));
    }
    assert_eq!(ls(&["--insecure", "--json", &url]).exit, 0, "{product}");

    let wrong = "00".repeat(32);
    for arguments in [&["--pin-sha256", &wrong, url.as_str()][..], &[&url]] {
        let answer = ls(arguments);
        assert_eq!((answer.exit, answer.stdout.as_str()), (6, ""), "{product}: {answer:?}");
        assert!(answer.stderr.contains(&pin) || arguments.len() == 1, "{product}: {answer:?}");
    }
}

#[tokio::test]
async fn through_proxies() {
    let Some(server) = RealServer::start_or_skip(Product::Libunftp, Tls::Off).await else { return };
    seed(&server);
    for protocol in [ProxyProtocol::Socks5, ProxyProtocol::Http] {
        let proxy = TestProxy::start_for(protocol, "someone", "else").await;
        let url = url("ftp", &server, "/in").replace("127.0.0.1", "ftp.invalid");
        let answer = ls(&["--json", "--proxy", &proxy.url_with_login(), &url]);
        assert_eq!((answer.exit, objects(&answer).len()), (0, 4), "{protocol:?}: {answer:?}");
        assert!(
            proxy.targets().iter().all(|target| target.starts_with("ftp.invalid:")),
            "{:?}",
            proxy.targets()
        );
    }
}
