//! The examples of help.md, run as they stand: what goes in is accepted, and what comes out is what it says.

use ftp_testkit::{Collector, Product, RealServer, Tls, TlsVersions};
use serde_json::{Value, json};

use crate::monitor::{Trigger, event};
use crate::process::act;

const HELP: &str = include_str!("../../../../plugin/help.md");

/// An explicit TLS server, as the example's connection wants it. The connection is the example's too, but for where the
/// server is, who logs in, and whose certificate it shows.
async fn server_of_the_example() -> Option<(RealServer, Value)> {
    let server = RealServer::start_or_skip(Product::ProFtpd, Tls::On(TlsVersions::Default)).await?;
    let mut connection = example("## Setup", "input");
    connection["host"] = json!(server.address().to_string());
    connection["credentials"] = json!({"username": server.username(), "password": server.password()});
    connection["ca_certificate"] = json!(server.ca_pem());
    Some((server, connection))
}

#[tokio::test]
async fn the_examples_of_the_actions_run() {
    let Some((server, connection)) = server_of_the_example().await else { return };
    server.seed("reports/today.csv", "hello world\n").unwrap();
    server.seed("reports/old.csv", "").unwrap();
    for (heading, action) in
        [("#### Download File", "download"), ("#### Upload File", "upload"), ("#### Delete File", "delete")]
    {
        let output = act(action, &connection, &example(heading, "input")).output();
        assert_eq!(output, example(heading, "output"), "{action}");
    }
    assert_eq!(std::fs::read(server.home().join("incoming/report.csv")).unwrap(), b"hello world\n");
    assert!(!server.home().join("reports/old.csv").exists());
}

#[tokio::test]
async fn the_example_of_the_trigger_runs() {
    let Some((server, connection)) = server_of_the_example().await else { return };
    let before = server.seed("incoming/report.tmp", "hello world\n").unwrap();
    let collector = Collector::start([200]);
    let mut input = example("#### Monitor", "input");
    input["interval"] = json!(1);
    let mut trigger = Trigger::start(&connection, &input, &collector.url());
    trigger.wait_for_log("Watching ").await;
    std::fs::rename(&before, before.with_file_name("report.csv")).unwrap();
    let told = event(&collector, 0).await;
    assert_eq!(trigger.end().await, 0);

    let (mut told, example) = (told["body"]["output"].clone(), example("#### Monitor", "output"));
    // What another run, another clock and another umask make different.
    for varies in ["/event_id", "/changed", "/changes/0/modified", "/changes/0/mode"] {
        *told.pointer_mut(varies).unwrap() = example.pointer(varies).unwrap().clone();
    }
    assert_eq!(told, example);
}

/// The first example of a kind, `input` or `output`, under a heading of help.md.
fn example(heading: &str, kind: &str) -> Value {
    let (_, section) = HELP.split_once(&format!("{heading}\n")).unwrap();
    let (_, example) = section.split_once(&format!("Example {kind}:\n\n```\n")).unwrap();
    let (json, _) = example.split_once("```").unwrap();
    serde_json::from_str(json).unwrap()
}
