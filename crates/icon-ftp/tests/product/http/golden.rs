//! The original plugin's answers over HTTP, exchange by exchange: the same status and the same keys, except where a
//! difference is wanted and says why.

use ftp_testkit::{Product, RealServer, Tls};
use serde_json::Value;

use super::{Client, Http, Response};

/// Where we answer otherwise on purpose: the exchange without its prefix's letter, our status, and the reason.
const DIFFERENCES: &[(&str, u16, &str)] = &[
    ("run_empty_str", 400, "an empty required input is the caller's fault"),
    ("run_bad_conn", 400, "so is a connection that breaks its schema"),
    ("run_json_array", 400, "so is an array, at which the original crashes"),
    (
        "trigger_test_nodisp",
        200,
        "a connection can be tested without a dispatcher, at which the original crashes",
    ),
    ("V_trigger_run", 400, "triggers can be started; this one lacks its triggerId"),
    ("V_conn_test", 200, "there is a connection test"),
    ("V_conn_test_badcreds", 400, "as above, and a login that fails is what it has found"),
    ("V_conn_test_task", 200, "as above"),
    ("V_conn_test_after_shutdown", 200, "as above"),
];

/// Keys of the original that say nothing about ours.
const OTHER_VALUES: &[(&str, &str)] = &[
    ("num_workers", "one process serves all requests, and the original does not know its number"),
    ("log", "our steps tell other things"),
    ("error", "in our own words, but for the fixed texts"),
    ("description", "likewise"),
];

#[tokio::test]
async fn the_originals_answers_are_ours() {
    let Some(server) = RealServer::start_or_skip(Product::PureFtpd, Tls::Off).await else { return };
    server.seed("hello.txt", "hello world\n").unwrap();
    let exchanges: Vec<Value> = serde_json::from_str(include_str!("../../golden/http.json")).unwrap();
    assert_eq!(exchanges.len(), 125);
    let http = Http::start(&[]).await;
    let mut client = http.client().await;
    let mut seen = Vec::new();
    for exchange in &exchanges {
        let name = exchange["name"].as_str().unwrap();
        let response = play(&mut client, &server, exchange).await;
        match DIFFERENCES.iter().find(|(other, ..)| is_named(name, other)) {
            Some((other, status, why)) => {
                seen.push(*other);
                assert_eq!(response.status, *status, "{name}: {why}: {response:?}");
                assert_ne!(exchange["status"], *status, "{name} is no difference");
            }
            None => compare(exchange, &response),
        }
    }
    for (name, ..) in DIFFERENCES {
        assert!(seen.contains(name), "{name} names no exchange");
    }
}

/// Whether an exchange has this name, with or without its prefix's letter.
fn is_named(exchange: &str, name: &str) -> bool {
    exchange == name || exchange.split_once('_').is_some_and(|(_, rest)| rest == name)
}

/// Sends a request, with the server's address in place of the one it was recorded with.
async fn play(client: &mut Client, server: &RealServer, exchange: &Value) -> Response {
    let host = format!("\"host\":\"{}\"", server.address());
    let body = match &exchange["request"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        message => message.to_string().replace("\"host\":\"127.0.0.1\"", &host),
    };
    let (method, path) = (exchange["method"].as_str().unwrap(), exchange["path"].as_str().unwrap());
    client.request(method, path, &[], body.as_bytes()).await
}

/// What the original said, we say: additions are free, what is there has its value.
fn compare(exchange: &Value, response: &Response) {
    let name = &exchange["name"];
    assert_eq!(exchange["status"], response.status, "{name}: {response:?}");
    // A body of text was a page for browsers.
    if !exchange["body"].is_object() && !exchange["body"].is_array() {
        return;
    }
    let ours = response.json();
    assert_eq!(response.header("content-type"), Some("application/json"), "{name}");
    compare_values(name, "", &exchange["body"], &ours);
    let fixed = [
        "Unknown ",
        "Unsupported ",
        "Empty input",
        "Shutdown in progress",
        "The requested endpoint",
        "Action nope",
    ];
    let error = |body: &Value| body.pointer("/body/error").or(body.get("error")).cloned();
    if let Some(Value::String(text)) = error(&exchange["body"])
        && fixed.iter().any(|start| text.starts_with(start))
    {
        assert_eq!(error(&ours), Some(Value::String(text)), "{name}: a text that workflows may match on");
    }
}

fn compare_values(name: &Value, place: &str, original: &Value, ours: &Value) {
    match (original, ours) {
        (Value::Object(original), Value::Object(ours)) => {
            for (key, value) in original {
                let place = format!("{place}/{key}");
                let found = ours.get(key).unwrap_or_else(|| panic!("{name}: no {place}: {ours:?}"));
                if !may_differ(&place) {
                    compare_values(name, &place, value, found);
                }
            }
        }
        (Value::Array(original), Value::Array(ours)) if original.len() == ours.len() => {
            for (original, ours) in original.iter().zip(ours) {
                compare_values(name, place, original, ours);
            }
        }
        _ => assert_eq!(ours, original, "{name}: {place}"),
    }
}

/// What has other values by its nature: texts of our own, addresses, and everything that the specification says.
fn may_differ(place: &str) -> bool {
    let key = place.rsplit('/').next().unwrap_or_default();
    OTHER_VALUES.iter().any(|(other, _)| key == *other)
        || matches!(key, "url" | "title" | "version" | "vendor" | "tags" | "threads" | "order" | "exception")
}
