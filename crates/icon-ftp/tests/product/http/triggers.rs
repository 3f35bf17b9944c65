//! Triggers that are started, looked at and stopped over HTTP.

use std::fs;

use ftp_testkit::{Collector, Product, RealServer, Tls};
use serde_json::{Value, json};

use super::{Client, DEADLINE, Http};
use crate::monitor::event;
use crate::process::connection;

const MONITOR: &str = "/api/v1/triggers/monitor";
const RUNNING: &str = "/api/v1/triggers/monitor/running";

fn start(server: &RealServer, url: &str, meta: &Value) -> Value {
    let body = json!({
        "trigger": "monitor",
        "connection": connection(server, false, true),
        "input": {"path": "in", "interval": 1},
        "dispatcher": {"url": url, "webhook_url": ""},
        "meta": meta,
    });
    json!({"version": "v1", "type": "trigger_start", "body": body})
}

/// The only running trigger, once it satisfies a condition.
async fn report(client: &mut Client, is_right: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        let reports = client.get(RUNNING).await.json();
        let [report] = reports["triggers"].as_array().unwrap().as_slice() else { panic!("{reports}") };
        if is_right(report) {
            return report.clone();
        }
        assert!(tokio::time::Instant::now() < deadline, "{report}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_trigger_runs_until_it_is_deleted_and_tells_how_it_gets_on() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    server.seed_folder("in").unwrap();
    let collector = Collector::start([]);
    let http = Http::start(&[]).await;
    let mut client = http.client().await;
    assert_eq!(client.get(RUNNING).await.json(), json!({"triggers": []}));
    let message = start(&server, &collector.url(), &json!({"triggerId": "t-1", "a": 1}));
    let started = client.post(MONITOR, &message).await;
    assert_eq!((started.status, &started.json()["state"]), (201, &json!("running")));
    let again = client.post(MONITOR, &message).await;
    assert_eq!((again.status, &again.json()["body"]["status"]), (409, &json!("error")));

    report(&mut client, |report| report["polls"].as_u64() > Some(0)).await;
    server.seed("in/new.txt", "new").unwrap();
    let told = event(&collector, 0).await;
    assert_eq!(told["body"]["output"]["changes"][0]["path"], "in/new.txt");
    assert_eq!(told["body"]["meta"], json!({"triggerId": "t-1", "a": 1}));
    let report = report(&mut client, |report| report["outbox"]["events"] == 0).await;
    assert_eq!((&report["triggerId"], &report["trigger"]), (&json!("t-1"), &json!("monitor")));
    assert_eq!((&report["events"], &report["last_error"]), (&json!(1), &Value::Null));
    for time in ["started", "last_poll", "last_event"] {
        assert!(report[time].as_str().unwrap().ends_with('Z'), "{report}");
    }
    assert!(client.get("/metrics").await.text().contains("plugin_trigger_events_total 1"));

    let path = format!("{MONITOR}/t-1");
    let deleted = client.request("DELETE", &path, &[], b"").await;
    assert_eq!((deleted.status, &deleted.json()["state"]), (200, &json!("ended")));
    assert_eq!(client.get(RUNNING).await.json(), json!({"triggers": []}));
    let gone = client.request("DELETE", &path, &[], b"").await;
    assert_eq!((gone.status, &gone.json()["code"]), (404, &json!(404)));
}

#[tokio::test]
async fn a_server_that_is_gone_is_told_and_ends_nothing() {
    let Some(mut server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    server.seed_folder("in").unwrap();
    let collector = Collector::start([]);
    let http = Http::start(&["--retries", "0"]).await;
    let mut client = http.client().await;
    let message = start(&server, &collector.url(), &json!({"triggerId": "t"}));
    assert_eq!(client.post(MONITOR, &message).await.status, 201);
    report(&mut client, |report| report["polls"].as_u64() > Some(0)).await;
    server.stop().await;
    let failed = report(&mut client, |report| report["last_error"].is_string()).await;
    assert_eq!(failed["state"], "running");
    assert!(failed["last_error"].as_str().unwrap().contains("cannot be reached"), "{failed}");
    assert!(!failed.to_string().contains(server.password()), "{failed}");
}

#[tokio::test]
async fn a_start_that_cannot_work_is_refused_before_anything_is_done() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    let http = Http::start(&[]).await;
    let mut client = http.client().await;
    let url = "http://127.0.0.1:9/";
    let id = |id: Value| json!({ "triggerId": id });
    let mut other = start(&server, url, &id(json!("t")));
    other["body"]["trigger"] = json!("nope");
    let mut action = start(&server, url, &id(json!("t")));
    action["type"] = json!("action_start");
    action["body"]["action"] = json!("download");
    let mut input = start(&server, url, &id(json!("t")));
    input["body"]["input"] = json!({});
    let rows = [
        (start(&server, url, &json!({})), "triggerId"),
        (start(&server, url, &id(json!("../t"))), "not usable as a file name"),
        (start(&server, url, &id(json!("running"))), "a path of this interface"),
        (start(&server, "", &id(json!("t"))), "dispatcher.url"),
        (other, "not matching with name (monitor) in route"),
        (action, "Trigger expected"),
        (input, "'path' is a required property"),
    ];
    for (message, said) in rows {
        let response = client.post(MONITOR, &message).await;
        assert_eq!(response.status, 400, "{message}: {response:?}");
        assert!(response.text().contains(said), "{said}: {response:?}");
    }
    let large = client.request("POST", MONITOR, &[], " ".repeat((1 << 20) + 1).as_bytes()).await;
    assert_eq!(large.status, 413);
    assert_eq!(client.get(RUNNING).await.json(), json!({"triggers": []}));
    assert_eq!(client.get("/api/v1/triggers/nope/running").await.status, 400);
}

#[tokio::test]
async fn triggers_go_on_after_a_restart_where_that_is_wanted() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    server.seed_folder("in").unwrap();
    let collector = Collector::start([]);
    let place = tempfile::tempdir().unwrap();
    let cache = place.path().to_str().unwrap();
    let options = ["--resume-triggers", "--cache-dir", cache];
    let http = Http::start(&options).await;
    let mut client = http.client().await;
    let message = start(&server, &collector.url(), &json!({"triggerId": "t"}));
    assert_eq!(client.post(MONITOR, &message).await.status, 201);
    report(&mut client, |report| report["polls"].as_u64() > Some(0)).await;
    http.terminate();
    assert_eq!(http.ended().await.0, 0);

    server.seed("in/meanwhile.txt", "x").unwrap();
    let http = Http::start(&options).await;
    let mut client = http.client().await;
    assert_eq!(event(&collector, 0).await["body"]["output"]["changes"][0]["path"], "in/meanwhile.txt");
    assert_eq!(client.request("DELETE", &format!("{MONITOR}/t"), &[], b"").await.status, 200);
    http.terminate();
    assert_eq!(http.ended().await.0, 0);

    let http = Http::start(&options).await;
    assert_eq!(http.client().await.get(RUNNING).await.json(), json!({"triggers": []}));
    let kept: Vec<_> = fs::read_dir(place.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(kept, ["t.redb"], "the start message is gone, the state is not");
}
