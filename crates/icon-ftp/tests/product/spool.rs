//! Contents that cannot be kept, or are not what they should be, on stdin and over HTTP: an error that says so, nothing
//! left on the disk, and nobody who is connected to.

use std::time::Duration;

use ftp_testkit::{Product, RealServer, Tls, Transcript};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::bad_input::Untouched;
use crate::http::{Client, DEADLINE, Http};
use crate::process::{base64, connection, content, finish, message};
use crate::small_disk::SmallDisk;

/// A disk of 8 MiB.
const SMALL: &str = "size=8m";

/// More than fits there.
const LARGE: usize = 12 << 20;

const UPLOAD: &str = "/api/v1/actions/upload";

/// The program with its spool on the disk, ready for both ways.
struct Place {
    disk: SmallDisk,
    http: Http,
}

impl Place {
    async fn on(disk: SmallDisk, options: &[&str]) -> Self {
        let spool = ["--spool-dir", disk.folder()];
        let http = Http::start_as(disk.program(), &[&spool, options].concat()).await;
        Self { disk, http }
    }

    /// The events of a step on stdin and over HTTP, after which nothing is on the disk.
    async fn events(&self, message: &Value, text: &str) -> [Value; 2] {
        let mut run = self.disk.program();
        let child = run.args(["run", "--spool-dir", self.disk.folder()]).spawn().unwrap();
        let answer = finish(child, text.as_bytes());
        assert!(self.disk.is_empty());
        let path = format!("/api/v1/actions/{}", message["body"]["action"].as_str().unwrap());
        let response = self.http.client().await.request("POST", &path, &[], text.as_bytes()).await;
        let event = response.json();
        assert_eq!(response.status == 200, event["body"]["status"] == "ok", "{event}");
        self.is_left_empty().await;
        [answer.event(), event]
    }

    /// What a step that fails says, both ways: the cause, the same for both, and what to do.
    async fn failure(&self, message: &Value) -> (String, String) {
        let [stdin, http] = self.events(message, &message.to_string()).await;
        let said = |event: &Value| {
            assert_eq!(event["body"]["status"], "error", "{event}");
            let exception = &event["body"]["exception"];
            ["cause", "assistance"].map(|part| exception[part].as_str().unwrap_or_default().to_owned())
        };
        let (stdin, http) = (said(&stdin), said(&http));
        assert_eq!(
            http.each_ref().map(|text| without_sizes(text)),
            stdin.each_ref().map(|text| without_sizes(text))
        );
        stdin.into()
    }

    /// HTTP mode lets go of a message's content a moment after its answer.
    async fn is_left_empty(&self) {
        self.wait_until_empty(true).await;
    }

    async fn wait_until_empty(&self, is_empty: bool) {
        let reached = async {
            while self.disk.is_empty() != is_empty {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(DEADLINE, reached).await.expect("the disk does not come to be as it should");
    }
}

/// A text without how many bytes are wanted and free, which differ from one moment to the next.
fn without_sizes(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let is_size = |at: usize| words.get(at + 1) == Some(&"bytes");
    let kept = words.iter().enumerate().filter(|(at, _)| !is_size(*at)).map(|(_, word)| *word);
    kept.collect::<Vec<_>>().join(" ")
}

fn upload(connection: &Value, text: &str) -> Value {
    message("upload", connection, &json!({"remote_path": "x", "file_content": text}))
}

/// The start message of an upload up to the middle of its content, of which so many characters are there.
fn half_an_upload(connection: &Value, characters: usize) -> String {
    let whole = upload(connection, "@").to_string();
    whole.split_once('@').unwrap().0.to_owned() + &"A".repeat(characters)
}

#[tokio::test]
async fn an_upload_that_the_disk_has_no_room_for_is_not_begun() {
    let Some(disk) = SmallDisk::mount_or_skip(SMALL).await else { return };
    let (place, server) = (Place::on(disk, &[]).await, Untouched::new());
    let (cause, assistance) = place.failure(&upload(&server.connection(), &base64(&content(LARGE)))).await;
    assert!(cause.starts_with("'file_content': the content cannot be stored: "), "{cause}");
    assert!(assistance.contains("--spool-dir") && assistance.contains("Nothing was sent"), "{assistance}");
}

#[tokio::test]
async fn an_upload_that_may_not_be_written_to_the_disk_is_not_begun() {
    let Some(disk) = SmallDisk::mount_or_skip("ro").await else { return };
    let (place, server) = (Place::on(disk, &[]).await, Untouched::new());
    let (cause, assistance) = place.failure(&upload(&server.connection(), &base64(&content(2 << 20)))).await;
    assert!(cause.starts_with("'file_content': the content cannot be stored: "), "{cause}");
    assert!(assistance.contains("--spool-dir") && assistance.contains("Nothing was sent"), "{assistance}");
}

#[tokio::test]
async fn a_download_that_the_disk_has_no_room_for_is_given_up() {
    let login = "S: 220 hi\nC: USER anonymous\nS: 230 in\nC: TYPE I\nS: 200 ok\n";
    let retr = "C: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\n";
    // The size is told, or found out on the way.
    let begun = [
        format!("{login}C: SIZE f\nS: 213 {LARGE}\nC: MDTM f\nS: 500 no\n{retr}D: open\nT: hang"),
        format!("{login}C: SIZE f\nS: 550 no\n{retr}D*: bytes"),
    ];
    for (begun, options) in [(&begun[0], SMALL), (&begun[1], SMALL), (&begun[1], "ro")] {
        let Some(disk) = SmallDisk::mount_or_skip(options).await else { return };
        let place = Place::on(disk, &[]).await;
        let server = Transcript::parse(&format!("{begun}\n---\n{begun}")).start().await;
        let connection = json!({"host": server.address().to_string(), "timeout": 20});
        let (cause, assistance) =
            place.failure(&message("download", &connection, &json!({"path": "f"}))).await;
        assert!(cause.starts_with("The file's content cannot be kept on this machine: "), "{cause}");
        assert!(assistance.contains("--spool-dir"), "{assistance}");
    }
}

#[tokio::test]
async fn a_message_beyond_max_body_is_refused_announced_or_not() {
    let Some(disk) = SmallDisk::mount_or_skip(SMALL).await else { return };
    let (place, server) = (Place::on(disk, &["--max-body", "4194304"]).await, Untouched::new());
    let refused = async |mut client: Client| {
        let response = client.response(false).await;
        assert_eq!(response.status, 413, "{response:?}");
        let said = response.json()["description"].as_str().unwrap().to_owned();
        assert!(said.contains("4194304 bytes") && said.contains("--max-body"), "{said}");
    };
    let mut announced = place.http.client().await;
    announced
        .send(
            format!("POST {UPLOAD} HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n", 10_u64 << 30)
                .as_bytes(),
        )
        .await;
    refused(announced).await;

    let mut streamed = place.http.client().await;
    let head = format!("POST {UPLOAD} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n");
    let begun = half_an_upload(&server.connection(), 3 << 20);
    streamed.send(format!("{head}{:x}\r\n{begun}\r\n", begun.len()).as_bytes()).await;
    place.wait_until_empty(false).await;
    streamed.send(format!("200000\r\n{}\r\n", "A".repeat(2 << 20)).as_bytes()).await;
    refused(streamed).await;
    place.is_left_empty().await;
    assert_eq!(place.http.client().await.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_message_that_ends_in_the_middle_of_its_content_starts_nothing() {
    let Some(disk) = SmallDisk::mount_or_skip(SMALL).await else { return };
    let (place, server) = (Place::on(disk, &[]).await, Untouched::new());
    for characters in [10, 100_000, 3 << 20] {
        let half = half_an_upload(&server.connection(), characters);
        let child = place.disk.program().args(["run", "--spool-dir", place.disk.folder()]).spawn().unwrap();
        let cause = finish(child, half.as_bytes()).cause();
        assert!(cause.contains("not JSON") && cause.contains("EOF while parsing a string"), "{cause}");
        assert!(place.disk.is_empty());
        for framing in [
            format!("content-length: {}\r\n\r\n{half}", 10 * half.len()),
            format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{half}\r\n", half.len()),
        ] {
            let mut client = place.http.client().await;
            client.send(format!("POST {UPLOAD} HTTP/1.1\r\nhost: h\r\n{framing}").as_bytes()).await;
            if characters > 2 << 20 {
                place.wait_until_empty(false).await;
            }
            client.end().await;
            let response = client.response(false).await;
            assert_eq!(response.status, 400, "{response:?}");
            assert!(response.text().contains("The body broke off"), "{response:?}");
            place.is_left_empty().await;
        }
    }
    let metrics = place.http.client().await.get("/metrics").await.text();
    assert!(metrics.contains("\nftp_logins_total 0"), "{metrics}");
}

#[tokio::test]
async fn what_is_no_base64_is_refused_where_it_stops_being_some() {
    let Some(disk) = SmallDisk::mount_or_skip(SMALL).await else { return };
    let (place, server) = (Place::on(disk, &[]).await, Untouched::new());
    for characters in [4, 200_000, 3 << 20] {
        let text = "A".repeat(characters) + "A?AA" + &"A".repeat(characters);
        let (cause, assistance) = place.failure(&upload(&server.connection(), &text)).await;
        let named = format!("character '?' at offset {}", characters + 1);
        assert!(cause.contains("'file_content'") && cause.contains(&named), "{cause}");
        assert!(!assistance.is_empty());
    }
}

#[tokio::test]
async fn base64_in_lines_is_taken() {
    let Some(disk) = SmallDisk::mount_or_skip(SMALL).await else { return };
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    server.seed_folder("in").unwrap();
    let place = Place::on(disk, &[]).await;
    for (bytes, end) in [(1000, "\n"), (100_000, "\r\n"), (3 << 20, "\n"), (3 << 20, "\r\n")] {
        let bytes = content(bytes);
        let text: String = in_lines(&base64(&bytes), end);
        let input = json!({"remote_path": "in/x", "file_content": text});
        let message = message("upload", &connection(&server, false, true), &input);
        for event in place.events(&message, &message.to_string()).await {
            assert_eq!(event["body"]["output"]["uploaded"], true, "{event}");
            assert_eq!(event["body"]["output"]["size"], bytes.len(), "{event}");
        }
        assert!(std::fs::read(server.home().join("in/x")).unwrap() == bytes, "other bytes arrived");
    }
}

/// Lines of 76 characters (RFC 2045 §6.8), the last with an end as well.
fn in_lines(text: &str, end: &str) -> String {
    text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line) + end).collect()
}
