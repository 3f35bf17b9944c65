//! Requests that run at the same time: each has its own log, its own secrets and its own bytes.

use ftp_testkit::{Product, RealServer, Tls};
use serde_json::json;

use super::held::Held;
use super::{DOWNLOAD, Http};
use crate::process::{base64, connection, content, message};

#[tokio::test]
async fn lines_of_one_request_never_reach_another() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    for number in 0..16 {
        server.seed(format!("file-{number}-.txt"), number.to_string()).unwrap();
    }
    let http = Http::start(&[]).await;
    let connection = connection(&server, false, true);
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..16 {
        let mut client = http.client().await;
        let message = message("download", &connection, &json!({"path": format!("file-{number}-.txt")}));
        asking.spawn(async move {
            for _ in 0..10 {
                let body = client.post(DOWNLOAD, &message).await.json()["body"].clone();
                assert_eq!(body["output"]["download"], base64(number.to_string().as_bytes()));
                let log = body["log"].as_str().unwrap();
                assert_eq!(
                    log.matches("file-").count(),
                    log.matches(&format!("file-{number}-")).count(),
                    "{log}"
                );
                assert!(log.contains(&format!("Downloaded file-{number}-.txt")), "{log}");
                assert_eq!(log.matches("Step name").count(), 1, "{log}");
            }
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
    }
}

#[tokio::test]
async fn secrets_are_masked_in_logs_and_errors_and_never_in_bytes() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    let bytes = content(300_000);
    server.seed("secret.bin", &bytes).unwrap();
    let http = Http::start(&["--debug"]).await;
    let mut client = http.client().await;
    let ours = connection(&server, false, true);
    let response = client.post(DOWNLOAD, &message("download", &ours, &json!({"path": "secret.bin"}))).await;
    assert_eq!(response.json()["body"]["output"]["download"], base64(&bytes));

    let missing = message("download", &ours, &json!({"path": "pass123"}));
    let response = client.post(DOWNLOAD, &missing).await;
    let body = response.json()["body"].clone();
    assert_eq!(body["output"]["downloaded"], false);
    assert!(!body["log"].as_str().unwrap().contains("pass123"), "{body}");

    // A server that is told the password and repeats it.
    let held = Held::start().await;
    let mut theirs = held.connection();
    theirs["credentials"] = json!({"username": "u", "password": "Today"});
    let request = message("download", &theirs, &json!({"path": "a"}));
    let (response, ()) =
        tokio::join!(client.post(DOWNLOAD, &request), async { held.accept().await.refuse().await });
    assert_eq!(response.status, 500);
    assert!(!response.text().contains("Today"), "{response:?}");
    http.terminate();
    let (_, log) = http.ended().await;
    assert!(!log.contains("pass123") && !log.contains("Today"), "{log}");
}

#[tokio::test]
async fn a_file_that_does_not_fit_into_memory_limits_passes_both_ways() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    let bytes = content(20_000_000);
    let http = Http::start(&[]).await;
    let mut client = http.client().await;
    let ours = connection(&server, false, true);
    let upload =
        message("upload", &ours, &json!({"remote_path": "large.bin", "file_content": base64(&bytes)}));
    let response = client.post("/api/v1/actions/upload", &upload).await;
    assert_eq!(response.json()["body"]["output"]["size"], 20_000_000);
    assert!(std::fs::read(server.home().join("large.bin")).unwrap() == bytes, "other bytes");
    let response = client.post(DOWNLOAD, &message("download", &ours, &json!({"path": "large.bin"}))).await;
    let length = response.header("content-length").expect("a length that is known beforehand");
    assert_eq!(length.parse(), Ok(response.body.len()));
    assert!(response.json()["body"]["output"]["download"] == base64(&bytes), "other bytes");
}
