//! Pooled sessions against the servers that people run, whose own count of sessions is the one that matters.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test states its expectations by unwrapping")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ftp_client::{
    Client, Config, Credentials, Error, Pool, PoolLimits, Retries, Session, TlsConfig, TlsMode, Verification,
};
use ftp_proto::RemotePath;
use ftp_testkit::{Product, RealServer, Tls, TlsVersions};

/// How long a test waits for what is about to happen.
const PATIENCE: Duration = Duration::from_secs(20);

fn config(server: &RealServer, tls: Tls) -> Config {
    let verification = Verification::authorities_from_pem(server.ca_pem()).unwrap();
    Config {
        port: server.address().port(),
        tls: (tls != Tls::Off).then_some(TlsConfig { mode: TlsMode::Explicit, verification }),
        timeout: PATIENCE,
        ..Config::new("127.0.0.1", Credentials::parse(server.username(), server.password()).unwrap())
    }
}

fn pool(sessions_per_host: usize, config: Config) -> (Pool, Client) {
    let pool = Pool::new(PoolLimits { sessions_per_host, ..PoolLimits::default() });
    let client = pool.client(config).unwrap();
    (pool, client)
}

fn path(text: &str) -> RemotePath {
    RemotePath::parse(text).unwrap()
}

/// Bytes that no other seed and no other length have.
fn content(seed: usize, length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(length)
    .collect()
}

async fn put(session: &mut Session, name: &str, bytes: &[u8]) -> Result<u64, Error> {
    let mut upload = session.upload(&path(name)).await?;
    upload.write(bytes).await?;
    upload.finish().await
}

async fn get(session: &mut Session, name: &str) -> Result<Vec<u8>, Error> {
    let mut download = session.download(&path(name)).await?;
    let (mut bytes, mut block) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match download.read(&mut block).await? {
            0 => return Ok(bytes),
            read => bytes.extend_from_slice(&block[..read]),
        }
    }
}

/// Looks again and again until something has come true.
async fn eventually(what: &str, is_true: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Steps of many who all have the same login: each puts a file, gets it again, sees its size, and deletes it, with whichever
/// session it gets for each. Gives how many sessions the server had at most.
async fn crowd(server: Arc<RealServer>, pool: &Pool, client: &Client, people: usize, rounds: usize) -> usize {
    let most = Arc::new(AtomicUsize::new(0));
    let mut crowd = tokio::task::JoinSet::new();
    for number in 0..people {
        let (server, pool, client, most) =
            (Arc::clone(&server), pool.clone(), client.clone(), Arc::clone(&most));
        crowd.spawn(async move {
            for round in 0..rounds {
                let (name, bytes) =
                    (format!("work/{number}.bin"), content(number * 100 + round, 1 << (round % 15)));
                let mut session = pool.session(&client).await.unwrap();
                put(&mut session, &name, &bytes).await.unwrap();
                most.fetch_max(server.sessions(), Ordering::Relaxed);
                session.give_back().await;
                let mut session = pool.session(&client).await.unwrap();
                assert!(get(&mut session, &name).await.unwrap() == bytes, "{name} came otherwise");
                session.give_back().await;
                let mut session = pool.session(&client).await.unwrap();
                assert_eq!(session.size(&path(&name)).await.unwrap(), Some(bytes.len() as u64));
                session.delete(&path(&name)).await.unwrap();
                session.give_back().await;
            }
        });
    }
    while let Some(done) = crowd.join_next().await {
        done.unwrap();
    }
    most.load(Ordering::Relaxed)
}

async fn many_share_few(product: Product, tls: Tls) {
    let Some(server) = RealServer::start_or_skip(product, tls).await else { return };
    server.seed_folder("work").unwrap();
    eventually("the kit's own look is over", || server.sessions() == 0).await;
    let server = Arc::new(server);
    let (pool, client) = pool(4, config(&server, tls));
    let most = crowd(Arc::clone(&server), &pool, &client, 16, 5).await;
    let counted = pool.statistics();
    assert!(most <= 4, "{product} had {most} sessions: {counted:?}");
    assert!(counted.open <= 4 && counted.open == counted.idle, "{counted:?}");
    assert_eq!(counted.waiting, 0);
    if tls == Tls::Off {
        assert!(counted.logins <= 4, "{counted:?}");
    }
    drop((pool, client));
    eventually("the sessions end with their pool", || server.sessions() == 0).await;
}

#[tokio::test]
async fn many_share_few_sessions_of_vsftpd() {
    many_share_few(Product::Vsftpd, Tls::Off).await;
}

#[tokio::test]
async fn many_share_few_sessions_of_vsftpd_over_tls() {
    many_share_few(Product::Vsftpd, Tls::On(TlsVersions::Default)).await;
}

#[tokio::test]
async fn many_share_few_sessions_of_proftpd() {
    many_share_few(Product::ProFtpd, Tls::Off).await;
}

#[tokio::test]
async fn many_share_few_sessions_of_proftpd_over_tls() {
    many_share_few(Product::ProFtpd, Tls::On(TlsVersions::Only13)).await;
}

#[tokio::test]
async fn many_share_few_sessions_of_pure_ftpd() {
    many_share_few(Product::PureFtpd, Tls::Off).await;
}

#[tokio::test]
async fn many_share_few_sessions_of_libunftp() {
    many_share_few(Product::Libunftp, Tls::Off).await;
}

#[tokio::test]
async fn many_share_few_sessions_of_libunftp_over_tls() {
    many_share_few(Product::Libunftp, Tls::On(TlsVersions::Default)).await;
}

/// The pool would have eight sessions, and the server has room for two.
async fn a_full_server_is_waited_for(product: Product, tls: Tls) {
    let Some(server) = RealServer::start_limited_or_skip(product, tls, 2).await else { return };
    server.seed_folder("work").unwrap();
    eventually("the kit's own look is over", || server.sessions() == 0).await;
    let server = Arc::new(server);
    let (pool, client) = pool(8, config(&server, tls));
    crowd(Arc::clone(&server), &pool, &client, 8, 3).await;
    let counted = pool.statistics();
    assert!((1..=2).contains(&counted.open), "{counted:?}");
}

#[tokio::test]
async fn a_vsftpd_that_is_full_is_waited_for() {
    a_full_server_is_waited_for(Product::Vsftpd, Tls::Off).await;
}

#[tokio::test]
async fn a_proftpd_that_is_full_is_waited_for() {
    a_full_server_is_waited_for(Product::ProFtpd, Tls::Off).await;
}

#[tokio::test]
async fn a_proftpd_that_is_full_is_waited_for_over_tls() {
    a_full_server_is_waited_for(Product::ProFtpd, Tls::On(TlsVersions::Only13)).await;
}

#[tokio::test]
async fn a_pure_ftpd_that_is_full_is_waited_for() {
    a_full_server_is_waited_for(Product::PureFtpd, Tls::Off).await;
}

#[tokio::test]
async fn a_server_that_was_restarted_costs_one_login() {
    for product in Product::ALL {
        for tls in [Tls::Off, Tls::On(TlsVersions::Default)] {
            let Some(mut server) = RealServer::start_or_skip(product, tls).await else { continue };
            server.seed("work/f", "hello").unwrap();
            let (pool, client) = pool(4, Config { retries: Retries::none(), ..config(&server, tls) });
            for logins in 1..=2 {
                let mut session = pool.session(&client).await.unwrap();
                assert_eq!(get(&mut session, "work/f").await.unwrap(), b"hello", "{product} {tls:?}");
                session.give_back().await;
                assert_eq!(pool.statistics().logins, logins, "{product} {tls:?}");
                if logins == 1 {
                    server.restart().await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_transfer_that_is_cancelled_leaves_no_session_on_the_server() {
    for product in Product::ALL {
        for tls in [Tls::Off, Tls::On(TlsVersions::Default)] {
            let Some(server) = RealServer::start_or_skip(product, tls).await else { continue };
            server.seed("work/large", content(0, 8 << 20)).unwrap();
            eventually("the kit's own look is over", || server.sessions() == 0).await;
            let (pool, client) = pool(1, config(&server, tls));
            for upload in [false, true] {
                let mut session = pool.session(&client).await.unwrap();
                let (name, bytes) = (path("work/new"), content(1, 100_000));
                if upload {
                    let mut upload = session.upload(&name).await.unwrap();
                    upload.write(&bytes).await.unwrap();
                } else {
                    let large = path("work/large");
                    let mut download = session.download(&large).await.unwrap();
                    assert!(download.read(&mut vec![0; 1000]).await.unwrap() > 0);
                }
                assert_eq!(server.sessions(), 1, "{product} {tls:?}");
                drop(session);
                assert_eq!(pool.statistics().open, 0);
                let what = format!("{product}, {tls:?}: no session is left");
                eventually(&what, || server.sessions() == 0).await;
            }
            let mut session = pool.session(&client).await.unwrap();
            assert!(get(&mut session, "work/large").await.unwrap() == content(0, 8 << 20));
            session.give_back().await;
        }
    }
}
