//! Requests that are wrong: each gets the measured refusal, with what was wrong in it, and nothing reaches the FTP server.

use ftp_testkit::{Product, RealServer, Tls};
use serde_json::{Value, json};

use super::{Client, Http, Response};
use crate::process::{connection, message};

const UPLOAD: &str = "/api/v1/actions/upload";

/// A request that is refused: its name, its body, and what the answer says.
type Row = (&'static str, String, &'static str);

fn rows(connection: &Value) -> Vec<Row> {
    let upload = |input: Value| message("upload", connection, &input).to_string();
    let changed = |change: fn(&mut Value)| {
        let mut message =
            message("upload", connection, &json!({"remote_path": "bad.bin", "file_content": "YQ=="}));
        change(&mut message);
        message.to_string()
    };
    vec![
        ("empty", String::new(), "is empty"),
        ("white space", " \n ".to_owned(), "is empty"),
        ("cut off", "{\"version\":\"v1\",".to_owned(), "not JSON"),
        ("not JSON", "remote_path=bad.bin".to_owned(), "not JSON"),
        ("trailing data", "{} {}".to_owned(), "not JSON"),
        ("an array", "[1]".to_owned(), "not a JSON object"),
        ("an empty object", "{}".to_owned(), "Empty input provided"),
        (
            "no version",
            changed(|it| drop(it.as_object_mut().unwrap().remove("version"))),
            "\"version\" missing",
        ),
        ("a version of another type", changed(|it| it["version"] = json!(1)), "Unsupported version '1'"),
        ("another version", changed(|it| it["version"] = json!("v2")), "Unsupported version 'v2'"),
        ("another type", changed(|it| it["type"] = json!("foo_start")), "Unsupported message type"),
        ("a type for another route", changed(|it| it["type"] = json!("connection_test")), "Action expected"),
        ("no body", changed(|it| drop(it.as_object_mut().unwrap().remove("body"))), "\"body\" missing"),
        ("a body that is no object", changed(|it| it["body"] = json!(5)), "is not an object"),
        ("no name", changed(|it| it["body"]["action"] = Value::Null), "field \"action\" is missing"),
        ("a name of another type", changed(|it| it["body"]["action"] = json!(7)), "is not a string"),
        (
            "another name",
            changed(|it| it["body"]["action"] = json!("delete")),
            "is not matching with name (upload)",
        ),
        (
            "no connection",
            changed(|it| it["body"]["connection"] = json!({})),
            "'host' is a required property",
        ),
        (
            "a connection that is none",
            changed(|it| it["body"]["connection"] = json!([])),
            "not of type 'object'",
        ),
        ("a host that is none", changed(|it| it["body"]["connection"]["host"] = json!("a b")), "host"),
        (
            "a host that no certificate can be for",
            changed(|it| {
                it["body"]["connection"] = json!({"host": "ftp..example", "secure": true});
            }),
            "No certificate can be checked against",
        ),
        ("no input", changed(|it| it["body"]["input"] = json!({})), "is a required property"),
        (
            "an input of another type",
            upload(json!({"remote_path": 5, "file_content": ""})),
            "'remote_path' is not of type",
        ),
        ("an empty input", upload(json!({"remote_path": "", "file_content": ""})), "must not be empty"),
        (
            "no base64",
            upload(json!({"remote_path": "bad.bin", "file_content": "YW!j"})),
            "character '!' at offset 2",
        ),
        (
            "no base64 in a long text",
            upload(json!({"remote_path": "bad.bin", "file_content": format!("{}!", "YWJj".repeat(50_000))})),
            "character '!' at offset 200000",
        ),
        (
            "a line end in a path",
            upload(json!({"remote_path": "bad\r\nDELE x", "file_content": ""})),
            "remote_path",
        ),
        (
            "a path that is too long",
            upload(json!({"remote_path": "x".repeat(100_000), "file_content": ""})),
            "remote_path",
        ),
    ]
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_reaches_the_server() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    let http = Http::start(&[]).await;
    for (name, body, said) in rows(&connection(&server, false, true)) {
        for path in [UPLOAD, "/actions/upload"] {
            let mut client = http.client().await;
            let response = client.request("POST", path, &[], body.as_bytes()).await;
            assert_eq!(response.status, 400, "{name}: {response:?}");
            assert!(error_of(&response).contains(said), "{name}: {response:?}");
            // The connection is as good as before.
            assert_eq!(client.get("/api/v1/status").await.status, 200, "{name}");
        }
    }
    assert_eq!(std::fs::read_dir(server.home()).unwrap().count(), 0);
    let metrics = http.client().await.get("/metrics").await.text();
    assert!(metrics.contains("\nftp_logins_total 0"), "{metrics}");
}

/// What an answer says in whichever form it has.
fn error_of(response: &Response) -> String {
    let body = response.json();
    let places = ["/body/error", "/error", "/description"];
    let found = places.iter().find_map(|place| body.pointer(place)).unwrap_or_else(|| panic!("{body}"));
    found.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn wrong_methods_and_paths_are_told_in_json() {
    let http = Http::start(&[]).await;
    let mut client = http.client().await;
    let rows = [
        ("PUT", "/actions/upload", 405, Some("POST")),
        ("DELETE", "/api/v1/status", 405, Some("GET,HEAD")),
        ("POST", "/api/v1/openapi.json", 405, Some("GET,HEAD")),
        ("GET", "/status", 404, None),
        ("GET", "/api/v1/actions/", 404, None),
        ("POST", "/actions/%ff", 404, None),
        ("POST", "/api/v1/actions/upload/", 404, None),
        ("POST", "/api/v1/tasks/x/y/z", 404, None),
        ("GET", "/api/v1/../../etc/passwd", 404, None),
        ("BREW", "/coffee", 404, None),
    ];
    for (method, path, status, allow) in rows {
        let response = client.request(method, path, &[], b"").await;
        assert_eq!(response.status, status, "{method} {path}: {response:?}");
        assert_eq!(response.header("allow"), allow, "{method} {path}");
        let body = response.json();
        assert_eq!((&body["code"], &body["method"]), (&json!(status), &json!(method)), "{path}");
        assert_eq!(body["url"], format!("http://test{path}"));
    }
}

#[tokio::test]
async fn a_refusal_repeats_the_url_whatever_form_it_was_asked_for_in() {
    let http = Http::start(&[]).await;
    let rows = [
        ("GET http://other:81/nope?a=b", "http://other:81/nope?a=b"),
        ("CONNECT other:81", "http://other:81"),
        ("OPTIONS *", "http://test"),
    ];
    for (asked, url) in rows {
        let mut client = http.client().await;
        client.send(format!("{asked} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes()).await;
        let response = client.response(false).await;
        assert_eq!((response.status, &response.json()["url"]), (404, &json!(url)), "{asked}");
    }
}

#[tokio::test]
async fn what_is_no_http_ends_the_connection() {
    let http = Http::start(&[]).await;
    for nonsense in ["\u{0}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "USER anonymous\r\n\r\n"] {
        let mut client = http.client().await;
        client.send(nonsense.as_bytes()).await;
        assert_eq!(client.response(false).await.status, 400, "{nonsense:?}");
        assert!(client.is_closed().await);
    }
    for hosts in ["", "host: a\r\nhost: b\r\n"] {
        let mut client = http.client().await;
        client.send(format!("GET /healthz HTTP/1.1\r\n{hosts}\r\n").as_bytes()).await;
        let response = client.response(false).await;
        assert_eq!((response.status, &response.json()["code"]), (400, &json!(400)), "{hosts:?}");
    }
    let mut client = http.client().await;
    client
        .send(b"POST /actions/upload HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n")
        .await;
    assert_eq!(client.response(false).await.status, 400);
    assert_eq!(Client::connect(http.address()).await.get("/healthz").await.status, 200);
}
