//! Many clients at once on one connection: every answer right, every byte exact, no session leaked, no request lost.

use std::sync::Arc;

use ftp_testkit::{Product, RealServer, Tls, TlsVersions};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Client, DEADLINE, Http};
use crate::process::{base64, connection, content, message};

const CLIENTS: usize = 64;
const ROUNDS: usize = 50;

/// Rounds after which everything has the size that it needs.
const WARM_UP: usize = 10;

/// The most sessions that the pool has on one host.
const MOST_SESSIONS: usize = 8;

/// A client's work: in five turns it puts a file of its own, fetches it, fetches one of all, misses one, and deletes its
/// own.
struct Worker {
    client: Client,
    connection: Arc<Value>,
    name: String,
    /// What its own file holds.
    own: Vec<u8>,
    shared: Arc<Vec<u8>>,
}

impl Worker {
    async fn turn(&mut self, round: usize) {
        let own = json!({"path": self.name});
        match round % 5 {
            0 => {
                self.own = content(1 + round * 977 + self.name.len());
                let input = json!({
                    "remote_path": self.name,
                    "file_content": base64(&self.own),
                    "atomic": round.is_multiple_of(10),
                });
                let output = self.act("upload", &input).await;
                assert_eq!((&output["uploaded"], &output["size"]), (&json!(true), &json!(self.own.len())));
            }
            1 => {
                let output = self.act("download", &own).await;
                assert!(output["download"] == base64(&self.own), "{}: other bytes", self.name);
            }
            2 => {
                let output = self.act("download", &json!({"path": "shared.bin"})).await;
                assert!(output["download"] == base64(&self.shared), "shared.bin: other bytes");
            }
            3 => {
                let output = self.act("download", &json!({"path": format!("no-{}", self.name)})).await;
                assert_eq!(output["downloaded"], false);
            }
            _ => {
                let output = self.act("delete", &own).await;
                assert_eq!(output["deleted"], true, "{output}");
            }
        }
    }

    async fn act(&mut self, action: &str, input: &Value) -> Value {
        let path = format!("/api/v1/actions/{action}");
        let response = self.client.post(&path, &message(action, &self.connection, input)).await;
        assert_eq!(response.status, 200, "{}: {}", self.name, response.text());
        response.json()["body"]["output"].clone()
    }
}

/// Everybody's work at once, against one server.
async fn work(http: &Http, server: &RealServer, tls: Tls, rounds: usize) {
    let connection = Arc::new(connection(server, tls != Tls::Off, true));
    let shared = Arc::new(content(40_000));
    server.seed("shared.bin", shared.as_slice()).unwrap();
    let mut working = JoinSet::new();
    for number in 0..CLIENTS {
        let mut worker = Worker {
            client: http.client().await,
            connection: Arc::clone(&connection),
            name: format!("own-{number}.bin"),
            own: Vec::new(),
            shared: Arc::clone(&shared),
        };
        working.spawn(async move {
            for round in 0..rounds {
                worker.turn(round).await;
            }
        });
    }
    while let Some(done) = working.join_next().await {
        done.unwrap();
    }
}

async fn stand(product: Product, tls: Tls) {
    let Some(server) = RealServer::start_or_skip(product, tls).await else { return };
    let http = Http::start(&[]).await;
    work(&http, &server, tls, WARM_UP).await;
    let before = http.resident();
    work(&http, &server, tls, ROUNDS).await;
    let after = http.resident();
    assert!(after < before + (8 << 20), "memory grew from {before} to {after} bytes");
    let sessions = server.sessions();
    assert!((1..=MOST_SESSIONS).contains(&sessions), "{sessions} sessions are open");
    let metrics = http.client().await.get("/metrics").await.text();
    assert!(metrics.contains(&format!("\nftp_sessions_open {sessions}")), "{sessions} sessions: {metrics}");
    http.terminate();
    assert_eq!(http.ended().await.0, 0);
    // A server takes a while to see that a session has ended.
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while server.sessions() > 0 {
        assert!(tokio::time::Instant::now() < deadline, "{} sessions are left", server.sessions());
        tokio::task::yield_now().await;
    }
    let left: Vec<_> =
        std::fs::read_dir(server.home()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["shared.bin"]);
}

macro_rules! stands {
    ($($name:ident: $product:ident, $tls:expr;)*) => {
        $(#[tokio::test]
        async fn $name() {
            stand(Product::$product, $tls).await;
        })*
    };
}

stands! {
    vsftpd_plain: Vsftpd, Tls::Off;
    vsftpd_tls: Vsftpd, Tls::On(TlsVersions::Default);
    proftpd_plain: ProFtpd, Tls::Off;
    proftpd_tls: ProFtpd, Tls::On(TlsVersions::Default);
    libunftp_plain: Libunftp, Tls::Off;
    libunftp_tls: Libunftp, Tls::On(TlsVersions::Default);
}

#[tokio::test]
async fn a_server_that_is_killed_and_started_again_loses_no_request_that_was_not_in_flight() {
    let Some(mut server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    server.seed("shared.bin", content(40_000)).unwrap();
    let http = Http::start(&[]).await;
    let connection = Arc::new(connection(&server, false, true));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut asking = JoinSet::new();
    for _ in 0..16 {
        let (mut client, connection, stopped) =
            (http.client().await, Arc::clone(&connection), stopped.clone());
        asking.spawn(async move {
            let download = message("download", &connection, &json!({"path": "shared.bin"}));
            let mut answers = 0;
            while !*stopped.borrow() {
                let response = client.post("/api/v1/actions/download", &download).await;
                // Even those in flight survive here, since a download that breaks off goes on.
                assert_eq!(response.status, 200, "{}", response.text());
                let output = &response.json()["body"]["output"];
                assert!(output["download"] == base64(&content(40_000)), "other bytes");
                answers += 1;
            }
            answers
        });
    }
    for restarts in 0..=3 {
        if restarts > 0 {
            server.restart().await;
        }
        let before = served(&http).await;
        while served(&http).await < before + 100 {
            // A client that has ended has met with a failure.
            if let Some(ended) = asking.try_join_next() {
                panic!("{ended:?}");
            }
        }
    }
    stop.send(true).unwrap();
    while let Some(answers) = asking.join_next().await {
        assert!(answers.unwrap() > 0);
    }
}

/// How many downloads have succeeded.
async fn served(http: &Http) -> u64 {
    let metrics = http.client().await.get("/metrics").await.text();
    let line = metrics
        .lines()
        .find(|line| line.starts_with("plugin_requests_total{step=\"download\",result=\"ok\""));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}
