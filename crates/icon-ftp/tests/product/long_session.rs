//! One session, two hundred operations, on every server: those that demand that data connections resume its TLS
//! session, and those that do not.

use std::time::Duration;

use ftp_client::{Client, Config, Credentials, Session, SessionReuse, TlsConfig, TlsMode, Verification};
use ftp_proto::RemotePath;
use ftp_testkit::{Product, RealServer, Tls, TlsVersions};

use crate::process::content;

#[tokio::test]
async fn vsftpd_with_its_defaults() {
    two_hundred(Product::Vsftpd, TlsVersions::Default).await;
}

#[tokio::test]
async fn vsftpd_with_tls_1_2_only() {
    two_hundred(Product::Vsftpd, TlsVersions::Only12).await;
}

#[tokio::test]
async fn vsftpd_with_tls_1_3_only() {
    two_hundred(Product::Vsftpd, TlsVersions::Only13).await;
}

#[tokio::test]
async fn proftpd_with_its_defaults() {
    two_hundred(Product::ProFtpd, TlsVersions::Default).await;
}

#[tokio::test]
async fn proftpd_with_tls_1_2_only() {
    two_hundred(Product::ProFtpd, TlsVersions::Only12).await;
}

#[tokio::test]
async fn proftpd_with_tls_1_3_only() {
    two_hundred(Product::ProFtpd, TlsVersions::Only13).await;
}

#[tokio::test]
async fn pure_ftpd() {
    two_hundred(Product::PureFtpd, TlsVersions::Default).await;
}

#[tokio::test]
async fn libunftp() {
    two_hundred(Product::Libunftp, TlsVersions::Default).await;
}

/// Each control connection has tickets of its own: ProFTPD 1.3.8 answers 425 to one that comes with another's.
#[tokio::test]
async fn two_sessions_of_one_client_keep_their_tickets_apart() {
    for product in [Product::Vsftpd, Product::ProFtpd] {
        for versions in [TlsVersions::Only12, TlsVersions::Only13] {
            let Some(server) = RealServer::start_or_skip(product, Tls::On(versions)).await else { continue };
            server.seed_folder("work").unwrap();
            let client = client(&server);
            let mut sessions = [client.connect().await.unwrap(), client.connect().await.unwrap()];
            for round in 0..6 {
                for (number, session) in sessions.iter_mut().enumerate() {
                    let name = format!("work/{number}-{round}.bin");
                    put(session, &name, &content(1000)).await;
                    assert_eq!(
                        session.session_reuse(),
                        Some(SessionReuse::Resumed),
                        "{product} {versions:?}"
                    );
                    assert!(get(session, &name).await == content(1000), "{name} came otherwise");
                }
            }
        }
    }
}

async fn two_hundred(product: Product, versions: TlsVersions) {
    let Some(server) = RealServer::start_or_skip(product, Tls::On(versions)).await else { return };
    server.seed_folder("work").unwrap();
    let mut session = open(&server).await;
    let mut operations = 0;
    for round in 0..50 {
        let name = format!("work/{round}.bin");
        let bytes = content(1 << (round % 18));
        let file = server.home().join(&name);
        // Uploads in pairs as well: two in a row are what uses tickets up.
        put(&mut session, &name, &bytes).await;
        assert!(std::fs::read(&file).unwrap() == bytes, "{name} arrived otherwise");
        if round % 2 == 0 {
            assert!(get(&mut session, &name).await == bytes, "{name} came otherwise");
            assert_eq!(count(&mut session).await, 1);
            operations += 4;
        } else {
            put(&mut session, &name, b"").await;
            put(&mut session, &name, &bytes).await;
            assert!(std::fs::read(&file).unwrap() == bytes, "{name} arrived otherwise");
            operations += 4;
        }
        session.delete(&path(&name)).await.unwrap();
        assert!(!file.exists());
    }
    assert_eq!(operations, 200);
    session.quit().await;
}

async fn open(server: &RealServer) -> Session {
    client(server).connect().await.unwrap()
}

fn client(server: &RealServer) -> Client {
    let verification = Verification::authorities_from_pem(server.ca_pem()).unwrap();
    let credentials = Credentials::parse(server.username(), server.password()).unwrap();
    let config = Config {
        port: server.address().port(),
        tls: Some(TlsConfig { mode: TlsMode::Explicit, verification }),
        timeout: Duration::from_secs(20),
        ..Config::new(server.address().ip().to_string(), credentials)
    };
    Client::new(config).unwrap()
}

async fn put(session: &mut Session, name: &str, bytes: &[u8]) {
    let mut upload = session.upload(&path(name)).await.unwrap();
    upload.write(bytes).await.unwrap();
    assert_eq!(upload.finish().await.unwrap(), bytes.len() as u64);
}

async fn get(session: &mut Session, name: &str) -> Vec<u8> {
    let mut download = session.download(&path(name)).await.unwrap();
    let (mut bytes, mut block) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match download.read(&mut block).await.unwrap() {
            0 => return bytes,
            read => bytes.extend_from_slice(&block[..read]),
        }
    }
}

async fn count(session: &mut Session) -> usize {
    let mut listing = session.list(&path("work")).await.unwrap();
    let mut entries = 0;
    while listing.next().await.unwrap().is_some() {
        entries += 1;
    }
    entries
}

fn path(name: &str) -> RemotePath {
    RemotePath::parse(name).unwrap()
}
