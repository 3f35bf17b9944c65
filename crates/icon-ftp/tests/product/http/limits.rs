//! What HTTP mode does not take: too much, too slowly, too many at once; and what becomes of a client that leaves.

use serde_json::{Value, json};
use tokio::time::timeout;

use super::held::Held;
use super::{Client, DEADLINE, DOWNLOAD, Http};
use crate::process::message;

fn download(held: &Held) -> Value {
    message("download", &held.connection(), &json!({"path": "a"}))
}

/// The description of a refusal in its long form, with the status in it that it was sent with.
async fn refused(client: &mut Client, status: u16) -> String {
    let response = client.response(false).await;
    assert_eq!(response.status, status, "{response:?}");
    let body = response.json();
    assert_eq!(body["code"], status, "{body}");
    body["description"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_and_while_it_comes() {
    let http = Http::start(&["--max-body", "1000"]).await;
    let mut client = http.client().await;
    client
        .send(format!("POST {DOWNLOAD} HTTP/1.1\r\nhost: h\r\ncontent-length: 1001\r\n\r\n").as_bytes())
        .await;
    let said = refused(&mut client, 413).await;
    assert!(said.contains("1000 bytes") && said.contains("--max-body"), "{said}");
    let mut client = http.client().await;
    client
        .send(format!("POST {DOWNLOAD} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n").as_bytes())
        .await;
    for _ in 0..11 {
        client.send(format!("64\r\n{}\r\n", " ".repeat(100)).as_bytes()).await;
    }
    refused(&mut client, 413).await;
}

#[tokio::test]
async fn whoever_is_silent_for_too_long_is_left() {
    let http = Http::start(&["--idle-timeout", "1"]).await;
    let mut without_request = http.client().await;
    let mut within_header = http.client().await;
    within_header.send(b"GET /healthz HTTP/1.1\r\nhost").await;
    let mut within_body = http.client().await;
    within_body
        .send(format!("POST {DOWNLOAD} HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n{{").as_bytes())
        .await;
    assert_eq!(refused(&mut within_body, 408).await, "The body did not arrive in time.");
    assert!(without_request.is_closed().await && within_header.is_closed().await);
    let mut between_requests = http.client().await;
    assert_eq!(between_requests.get("/healthz").await.status, 200);
    assert!(between_requests.is_closed().await);
}

#[tokio::test]
async fn a_header_that_is_too_large_is_refused_with_words() {
    let http = Http::start(&[]).await;
    let long = "x".repeat(40_000);
    let response = http.client().await.request("GET", "/healthz", &[("x-long", &long)], b"").await;
    assert_eq!((response.status, &response.json()["code"]), (431, &json!(431)));
    let many: Vec<(&str, &str)> = vec![("x-many", "1"); 150];
    let response = http.client().await.request("GET", "/healthz", &many, b"").await;
    assert_eq!((response.status, &response.json()["code"]), (431, &json!(431)));
    let endless = "x".repeat(1_000_000);
    let mut client = http.client().await;
    client.send(format!("GET / HTTP/1.1\r\nx-long: {}", &endless[..140_000]).as_bytes()).await;
    assert_eq!(client.response(false).await.status, 431);
    assert_eq!(http.client().await.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn more_steps_than_may_run_are_asked_to_come_again() {
    let held = Held::start().await;
    let http = Http::start(&["--max-requests", "1"]).await;
    let (mut first, mut second) = (http.client().await, http.client().await);
    let text = download(&held).to_string();
    let running = first.request("POST", DOWNLOAD, &[], text.as_bytes());
    let meanwhile = async {
        let waiting = held.accept().await;
        let response = second.request("POST", DOWNLOAD, &[], text.as_bytes()).await;
        assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
        assert!(response.json()["error"].as_str().unwrap().contains("--max-requests"));
        // What runs nothing is answered all the same.
        assert_eq!(second.get("/api/v1/status").await.status, 200);
        assert_eq!(second.get("/api/v1/admin/status").await.json()["active_work"], 1);
        waiting.refuse().await;
    };
    let (response, ()) = tokio::join!(running, meanwhile);
    assert_eq!(response.status, 500);
    assert_eq!(second.get("/api/v1/admin/status").await.json()["active_work"], 0);
}

#[tokio::test]
async fn bodies_that_are_slow_leave_threads_to_the_name_service() {
    let held = Held::start().await;
    let http = Http::start(&["--max-requests", "1000"]).await;
    let mut slow = Vec::new();
    for _ in 0..550 {
        let mut client = http.client().await;
        client
            .send(
                format!("POST {DOWNLOAD} HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\n{{")
                    .as_bytes(),
            )
            .await;
        slow.push(client);
    }
    let mut client = http.client().await;
    while client.get("/api/v1/admin/status").await.json()["active_work"] != 550 {}
    let mut connection = held.connection();
    connection["host"] = json!(format!("localhost:{}", held.address().port()));
    let message = message("download", &connection, &json!({"path": "a"}));
    let refused = async { held.accept().await.refuse().await };
    let (response, ()) = tokio::join!(client.post(DOWNLOAD, &message), refused);
    assert_eq!(response.status, 500);
}

#[tokio::test]
async fn a_step_that_takes_too_long_is_cancelled_and_answered() {
    let held = Held::start().await;
    let http = Http::start(&["--request-timeout", "1"]).await;
    let mut client = http.client().await;
    let message = download(&held);
    let (response, waiting) = tokio::join!(client.post(DOWNLOAD, &message), held.accept());
    assert_eq!(response.status, 504);
    let event = response.json();
    assert_eq!((&event["type"], &event["body"]["status"]), (&json!("action_event"), &json!("error")));
    assert!(event["body"]["exception"]["assistance"].as_str().unwrap().contains("--request-timeout"));
    waiting.gone().await;
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_step_along() {
    let held = Held::start().await;
    let http = Http::start(&[]).await;
    let mut client = http.client().await;
    client.begin(DOWNLOAD, &download(&held)).await;
    let waiting = held.accept().await;
    drop(client);
    waiting.gone().await;
    // Its slot comes free a moment after its connection is closed.
    let mut client = http.client().await;
    let free = async { while client.get("/api/v1/admin/status").await.json()["active_work"] != 0 {} };
    timeout(DEADLINE, free).await.expect("the step goes on");
}
