//! What whoever runs the program needs: health, tokens, TLS, identifiers, logs, numbers, and an end in good order.

use std::fs;
use std::path::Path;

use ftp_testkit::Transcript;
use serde_json::{Value, json};

use super::held::Held;
use super::{DOWNLOAD, Http};
use crate::process::{command, finish, message, run};

#[tokio::test]
async fn requests_under_way_are_finished_after_a_signal_and_no_new_ones_taken() {
    let held = Held::start().await;
    let mut http = Http::start(&[]).await;
    let mut client = http.client().await;
    let message = message("download", &held.connection(), &json!({"path": "a"}));
    let running = client.post(DOWNLOAD, &message);
    let ending = async {
        let waiting = held.accept().await;
        http.terminate();
        http.wait_for_log("Asked to end by a signal").await;
        waiting.refuse().await;
        http.ended().await.0
    };
    let (response, exit) = tokio::join!(running, ending);
    assert_eq!(response.json()["body"]["status"], "error");
    assert_eq!(exit, 0);
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_after_the_grace() {
    let held = Held::start().await;
    let http = Http::start(&["--graceful_timeout", "1"]).await;
    let mut client = http.client().await;
    let message = message("download", &held.connection(), &json!({"path": "a"}));
    client.begin(DOWNLOAD, &message).await;
    let waiting = held.accept().await;
    http.terminate();
    let (exit, log) = http.ended().await;
    assert_eq!(exit, 0);
    assert!(log.contains("1 requests and 0 triggers did not end in time"), "{log}");
    waiting.gone().await;
}

#[tokio::test]
async fn an_idle_process_ends_at_once_and_the_platforms_options_are_taken() {
    let options =
        "--process_workers 2 --threads_per_worker 4 --worker_class gthread --worker_connections 200 --debug";
    let http = Http::start(&options.split(' ').collect::<Vec<_>>()).await;
    // A connection without a request is no work.
    let mut client = http.client().await;
    assert_eq!(client.get("/api/v1/status").await.status, 200);
    http.terminate();
    assert_eq!(http.ended().await.0, 0);
}

#[tokio::test]
async fn an_upload_that_is_cut_off_at_the_end_leaves_no_file_behind() {
    let login = "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS canary\nS: 230 in\nC: TYPE I\nS: 200 ok\n";
    let server = Transcript::parse(&format!(
        "{login}C: EPSV\nS: 229 (|||{{port}}|)\nC: STOR .icon-ftp-*\nS: 150 send\nT: gone\n---
         {login}C: DELE .icon-ftp-*\nS: 250 gone"
    ))
    .start()
    .await;
    let http = Http::start(&["--graceful-timeout", "1"]).await;
    let mut client = http.client().await;
    let connection = json!({
        "host": server.address().to_string(), "credentials": {"username": "u", "password": "canary"},
    });
    let input = json!({"remote_path": "f", "file_content": "YQ==", "atomic": true});
    let text = message("upload", &connection, &input).to_string();
    let head = format!("POST /actions/upload HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n", text.len());
    client.send((head + &text).as_bytes()).await;
    while !server.received().iter().any(|line| line.starts_with("STOR")) {
        tokio::task::yield_now().await;
    }
    http.terminate();
    let (code, log) = http.ended().await;
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("its temporary file removed"), "{log}");
    server.finish().await;
}

#[tokio::test]
async fn readiness_ends_with_a_shutdown_and_health_does_not() {
    let http = Http::start(&[]).await;
    let mut client = http.client().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(client.get(path).await.status, 200);
    }
    assert_eq!(client.request("POST", "/api/v1/admin/shutdown", &[], b"").await.status, 200);
    assert_eq!(client.get("/healthz").await.status, 200);
    assert_eq!(client.get("/readyz").await.status, 503);
}

#[tokio::test]
async fn a_token_is_wanted_where_one_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "t0ken-7\n").unwrap();
    let http = Http::start(&["--token-file", file.to_str().unwrap()]).await;
    let mut client = http.client().await;
    let rows = [
        (vec![], 401),
        (vec![("authorization", "Bearer t0ken-7")], 200),
        (vec![("authorization", "bearer t0ken-7")], 200),
        (vec![("authorization", "Bearer t0ken-8")], 401),
        (vec![("authorization", "Bearer t0ken-")], 401),
        (vec![("authorization", "Basic t0ken-7")], 401),
        (vec![("authorization", "Bearer")], 401),
    ];
    for (headers, status) in rows {
        for path in ["/api/v1/status", "/metrics", "/nowhere"] {
            let response = client.request("GET", path, &headers, b"").await;
            let expected = if status == 200 && path == "/nowhere" { 404 } else { status };
            assert_eq!(response.status, expected, "{path} {headers:?}");
            assert_eq!(response.header("www-authenticate").is_some(), expected == 401);
            assert!(!response.text().contains("t0ken"), "{response:?}");
        }
    }
    assert_eq!(client.get("/healthz").await.status, 200);
    assert_eq!(client.get("/readyz").await.status, 200);
}

/// Writes a certificate and its key into a folder, and gives their paths.
fn certificate_in(folder: &Path) -> [String; 2] {
    let identity = ftp_testkit::Identity::generate();
    let write = |name: &str, pem: &str| {
        let path = folder.join(name);
        fs::write(&path, pem).unwrap();
        path.to_str().unwrap().to_owned()
    };
    [write("cert.pem", identity.certificate_pem()), write("key.pem", identity.key_pem())]
}

#[tokio::test]
async fn a_client_that_only_connects_to_https_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let [cert, key] = certificate_in(folder.path());
    let http = Http::start(&["--graceful-timeout", "5", "--tls-cert", &cert, "--tls-key", &key]).await;
    let silent = http.client().await;
    // Taken after the silent one, so that one is in its handshake.
    let port = http.address().port().to_string();
    assert_eq!(run(&["health", "--port", &port], b"").exit, 0);
    http.terminate();
    let (code, log) = http.ended().await;
    assert_eq!(code, 0);
    assert!(!log.contains("did not end in time"), "{log}");
    drop(silent);
}

#[tokio::test]
async fn https_is_served_with_the_certificate_that_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let [cert, key] = certificate_in(folder.path());
    let mut http = Http::start(&["--tls-cert", &cert, "--tls-key", &key]).await;
    let port = http.address().port().to_string();
    let mut health = command(&["health", "--port", &port]);
    // A proxy of the environment is for others: nobody listens there.
    health.envs([("http_proxy", "http://127.0.0.1:1"), ("https_proxy", "http://127.0.0.1:1")]);
    assert_eq!(finish(health.spawn().unwrap(), b"").exit, 0);
    let mut plain = http.client().await;
    plain.send(b"GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n").await;
    http.terminate();
    http.wait_for_log("Asked to end").await;
    let answer = run(&["health", "--port", &port], b"");
    assert_eq!(answer.exit, 1, "{answer:?}");
    assert!(answer.stderr.contains("does not answer at 127.0.0.1:"), "{answer:?}");
}

#[cfg(target_os = "linux")] // Other systems have one loopback address only.
#[tokio::test]
async fn health_is_asked_for_at_the_address_that_is_listened_on() {
    let http = Http::start(&["--bind", "127.0.0.2"]).await;
    let port = http.address().port().to_string();
    let answer = run(&["health", "--port", &port, "--bind", "127.0.0.2"], b"");
    assert_eq!(answer.exit, 0, "{answer:?}");
    let elsewhere = run(&["health", "--port", &port], b"");
    assert_eq!(elsewhere.exit, 1, "{elsewhere:?}");
}

#[test]
fn what_cannot_be_used_is_said_and_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("empty"), " \n").unwrap();
    fs::write(path("text"), "no certificate").unwrap();
    let (nothing, empty, text) = (path("nothing"), path("empty"), path("text"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let rows = [
        (vec!["--port", &port], 1, "cannot be listened on"),
        (vec!["--token-file", &nothing], 1, "cannot be read"),
        (vec!["--token-file", &empty], 1, "is empty"),
        (vec!["--tls-cert", &text, "--tls-key", &text], 1, "there is no certificate in it"),
        (vec!["--tls-cert", &text], 2, "--tls-key"),
        (vec!["--request-timeout", "0"], 2, "from 1 to 86400"),
        (vec!["--max-requests", "0"], 2, "1..=65536"),
        (vec!["--bind", "everywhere"], 2, "--bind"),
    ];
    for (options, exit, said) in rows {
        let mut arguments = vec!["http", "--bind", "127.0.0.1"];
        arguments.retain(|argument| !options.contains(&"--bind") || *argument == "http");
        if !options.contains(&"--port") {
            arguments.extend(["--port", "0"]);
        }
        arguments.extend(&options);
        let answer = run(&arguments, b"");
        assert_eq!(answer.exit, exit, "{options:?}: {answer:?}");
        assert!(answer.stderr.contains(said), "{options:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_request_has_one_identifier_everywhere() {
    let held = Held::start().await;
    let mut http = Http::start(&["--log-format", "json"]).await;
    let mut client = http.client().await;
    let text = message("download", &held.connection(), &json!({"path": "a"})).to_string();
    let (response, ()) = tokio::join!(
        client.request("POST", DOWNLOAD, &[("x-request-id", "wanted-7")], text.as_bytes()),
        async { held.accept().await.refuse().await }
    );
    assert_eq!(response.header("x-request-id"), Some("wanted-7"));
    let line = http.wait_for_log("Step name: download").await;
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["request_id"], &line["step"]), (&json!("wanted-7"), &json!("download")));
    for unfit in ["two words", &"x".repeat(200), ""] {
        let response = client.request("GET", "/healthz", &[("x-request-id", unfit)], b"").await;
        let id = response.header("x-request-id").unwrap();
        assert!(id != unfit && id.len() == 36, "{id}");
    }
}

#[tokio::test]
async fn a_server_that_may_not_be_reached_is_forbidden_and_never_connected_to() {
    let held = Held::start().await;
    let http = Http::start(&["--allow-host", "10.0.0.0/8", "--allow-host", "*.example.com"]).await;
    let mut client = http.client().await;
    let message = message("download", &held.connection(), &json!({"path": "a"}));
    for path in [DOWNLOAD, "/api/v1/actions/download/test"] {
        let response = client.post(path, &message).await;
        assert_eq!(response.status, 403, "{response:?}");
        let body = response.json()["body"].clone();
        assert!(body["error"].as_str().unwrap().contains("127.0.0.1"), "{body}");
        assert!(body["exception"]["assistance"].as_str().unwrap().contains("--allow-host"), "{body}");
    }
    assert!(!held.was_reached());
}

#[tokio::test]
async fn numbers_tell_what_was_done() {
    let held = Held::start().await;
    let http = Http::start(&[]).await;
    let mut client = http.client().await;
    let message = message("download", &held.connection(), &json!({"path": "a"}));
    tokio::join!(client.post(DOWNLOAD, &message), async { held.accept().await.refuse().await });
    let response = client.get("/metrics").await;
    assert!(response.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = response.text();
    let rows = [
        "plugin_requests_total{step=\"download\",result=\"error\",code=\"500\"} 1",
        "plugin_request_seconds_count{step=\"download\"} 1",
        "plugin_requests_active 0",
        "plugin_triggers_running 0",
        &format!("plugin_received_bytes_total {}", message.to_string().len()),
        "# EOF",
    ];
    for row in rows {
        assert!(text.contains(row), "no `{row}` in {text}");
    }
    for help in text.lines().filter(|line| line.starts_with("# HELP")) {
        assert!(help.ends_with('.') && !help.ends_with(".."), "{help}");
    }
}
