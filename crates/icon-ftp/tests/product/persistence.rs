//! Transfers that break off and are whole in the end, or an error that says why not; and limits.

use ftp_testkit::{ScriptedServer, Transcript};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::process::{Answer, act, base64, content, message, run};

const LOGIN: &str = "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS hush\nS: 230 in\nC: TYPE I\nS: 200 ok\n";
const EPSV: &str = "C: EPSV\nS: 229 (|||{port}|)\n";

/// A content that is large enough to be resumed, and where it is.
const LEN: usize = 2_000_000;
const HELD: usize = 1_500_000;

async fn play(scripts: &[String]) -> ScriptedServer {
    let scripts: Vec<String> = scripts.iter().map(|script| format!("{LOGIN}{script}")).collect();
    Transcript::parse(&scripts.join("\n---\n")).start().await
}

fn connection(server: &ScriptedServer) -> Value {
    let credentials = json!({"username": "u", "password": "hush"});
    json!({"host": server.address().to_string(), "credentials": credentials, "timeout": 5})
}

fn upload(server: &ScriptedServer, bytes: &[u8], atomic: bool) -> Answer {
    let input = json!({"file_content": base64(bytes), "remote_path": "f", "atomic": atomic});
    act("upload", &connection(server), &input)
}

fn uploaded(bytes: &[u8]) -> Value {
    json!({"uploaded": true, "size": bytes.len(), "sha256": hex::encode(Sha256::digest(bytes))})
}

fn put(verb: &str) -> String {
    format!("{EPSV}C: {verb} f\nS: 150 go\nD<\n")
}

fn size(reply: &str) -> String {
    format!("C: SIZE f\nS: {reply}\n")
}

#[tokio::test]
async fn a_large_upload_goes_on_behind_what_the_server_holds() {
    let bytes = content(LEN);
    for before in ["550 none", "213 70"] {
        for (broken, again) in [("S: 426 broken\n", ""), ("T: close\n---\n", LOGIN)] {
            let script = [
                size(before).as_str(),
                &put("STOR"),
                broken,
                again,
                // A lost confirmation is looked for first, and then the server is asked what to go on from.
                if again.is_empty() { "" } else { "C: SIZE f\nS: 213 1500000\n" },
                &size("213 1500000"),
                &put("APPE"),
                "S: 226 done\n",
                &size("213 2000000"),
                "C: QUIT",
            ]
            .concat();
            let server = play(&[script]).await;
            assert_eq!(upload(&server, &bytes, false).output(), uploaded(&bytes), "{before} {broken}");
            server.finish().await;
            let sent = server.uploads();
            assert!(sent[0] == bytes && sent[1] == bytes[HELD..], "other bytes were sent");
        }
    }
}

#[tokio::test]
async fn an_upload_that_cannot_be_resumed_begins_anew() {
    let bytes = content(LEN);
    let table = [
        // Appended to the wrong place.
        ("550 none", "213 1500000", format!("{}S: 226 done\n{}", put("APPE"), size("213 3500000"))),
        (
            "550 none",
            "213 1500000",
            format!("{EPSV}C: APPE f\nS: 451 Append/Restart not permitted, try again\n"),
        ),
        ("550 none", "213 1500000", format!("{EPSV}C: APPE f\nS: 502 no\n")),
        // What is there may be the old file.
        ("213 1500000", "213 1500000", String::new()),
        // Nothing worth going on from, and nothing that could be ours.
        ("550 none", "213 1000", String::new()),
        ("550 none", "213 2000001", String::new()),
        ("550 none", "550 none", String::new()),
    ];
    for (before, after, resumed) in table {
        let script = [
            &size(before),
            &put("STOR"),
            "S: 426 broken\n",
            &size(after),
            &resumed,
            &put("STOR"),
            "S: 226 done\n",
            &size("213 2000000"),
            "C: QUIT",
        ]
        .concat();
        let server = play(&[script]).await;
        assert_eq!(upload(&server, &bytes, false).output(), uploaded(&bytes), "{before} {after} {resumed}");
        server.finish().await;
        assert!(*server.uploads().last().unwrap() == bytes, "other bytes were sent");
    }
}

#[tokio::test]
async fn a_large_upload_that_the_server_holds_to_the_last_byte_is_not_sent_again() {
    let bytes = content(LEN);
    // The first look comes too early: the server is still writing.
    let looks =
        [size("213 1900000"), size("213 2000000"), size("213 2000000"), "C: QUIT".to_owned()].concat();
    let server = play(&[format!("{}{}T: close", size("550 none"), put("STOR")), looks]).await;
    assert_eq!(upload(&server, &bytes, false).output(), uploaded(&bytes));
    server.finish().await;
}

#[tokio::test]
async fn a_small_upload_is_sent_again() {
    let broken = [
        format!("{EPSV}C: STOR f\nS: 450 busy\n"),
        format!("{}S: 426 broken\n", put("STOR")),
        format!("{}T: close\n---\n{LOGIN}", put("STOR")),
        format!("{EPSV}C: STOR f\nS: 421 shutting down\n---\n{LOGIN}"),
    ];
    for broken in broken {
        let script = [&broken, &put("STOR"), "S: 226 done\n", &size("213 5"), "C: QUIT"].concat();
        let server = play(&[script]).await;
        assert_eq!(upload(&server, b"hello", false).output(), uploaded(b"hello"), "{broken}");
        server.finish().await;
    }
}

#[tokio::test]
async fn under_a_temporary_name_the_size_makes_up_for_a_lost_confirmation() {
    let begun = format!("{EPSV}C: STOR .icon-ftp-*\nS: 150 go\nD<\nT: close");
    let rest = "C: SIZE .icon-ftp-*\nS: 213 5\n".repeat(2)
        + "C: RNFR .icon-ftp-*\nS: 350 to\nC: RNTO f\nS: 250 done\nC: QUIT";
    let server = play(&[begun, rest]).await;
    assert_eq!(upload(&server, b"hello", true).output(), uploaded(b"hello"));
    server.finish().await;
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    let table = [
        (format!("{}S: 552 quota exceeded\nC: QUIT", put("STOR")), "552 quota exceeded"),
        (format!("{}S: 452 disk full\nC: QUIT", put("STOR")), "452 disk full"),
    ];
    for (end, named) in table {
        let server = play(&[end]).await;
        assert!(upload(&server, b"hello", false).cause().contains(named), "{named}");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_refusal_that_leaves_half_a_file_is_no_answer() {
    let script =
        [&put("STOR"), "S: 426 broken\n", EPSV, "C: STOR f\nS: 550 it exists already\nC: QUIT"].concat();
    let server = play(&[script]).await;
    let answer = upload(&server, b"hello", false);
    assert!(answer.cause().contains("550 it exists") && answer.cause().contains("426 broken"), "{answer:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_download_that_is_reset_arrives_whole_and_the_log_says_how() {
    let begun = format!("C: SIZE f\nS: 213 5\n{EPSV}C: RETR f\nS: 150 here\nD> hel\nD: reset\nT: close");
    let rest = format!(
        "C: SIZE f\nS: 213 5\n{EPSV}C: REST 3\nS: 350 ok\nC: RETR f\nS: 150 here\nD> lo\nD: close\nS: 226 done\nC: QUIT"
    );
    let server = play(&[begun, rest]).await;
    let answer = act("download", &connection(&server), &json!({"path": "f"}));
    assert_eq!(answer.output()["download"], base64(b"hello"));
    assert_eq!(answer.output()["sha256"], hex::encode(Sha256::digest(b"hello")));
    let log = answer.event()["body"]["log"].as_str().unwrap().to_owned();
    assert!(log.contains("1 of 3") && log.contains("at byte 3"), "{log}");
    server.finish().await;
}

#[tokio::test]
async fn when_no_try_succeeds_the_first_and_the_last_failure_are_told() {
    let broken = |end: &str| format!("C: SIZE f\nS: 213 5\n{EPSV}C: RETR f\nS: {end}\n");
    for (ends, named) in [
        (["450 busy", "450 late"], ["450 late", "450 busy"]),
        (["450 busy", "450 busy"], ["450 busy", "All of 2 tries"]),
    ] {
        let server = play(&[ends.map(broken).concat() + "C: QUIT"]).await;
        let message = message("download", &connection(&server), &json!({"path": "f"}));
        let answer = run(&["--retries", "1", "run"], message.to_string().as_bytes());
        for named in named {
            assert!(answer.cause().contains(named), "{answer:?}");
        }
        assert!(!answer.assistance().is_empty());
        server.finish().await;
    }
}

#[tokio::test]
async fn a_server_that_is_full_is_waited_for_and_a_connection_test_does_not_wait() {
    let full = "S: 421 too many connections\n---\n";
    let server = Transcript::parse(&format!("{full}{LOGIN}C: DELE f\nS: 250 gone\nC: QUIT")).start().await;
    assert_eq!(act("delete", &connection(&server), &json!({"path": "f"})).output()["deleted"], true);
    server.finish().await;

    let server = Transcript::parse("S: 421 too many connections").start().await;
    let message = message("delete", &connection(&server), &json!({"path": "f"}));
    assert!(run(&["test"], message.to_string().as_bytes()).cause().contains("421 too many connections"));
    server.finish().await;
}

#[tokio::test]
async fn a_download_above_the_limit_is_an_error_that_names_it() {
    for (size, begun) in
        [("213 6", String::new()), ("550 no", format!("{EPSV}C: RETR f\nS: 150 here\nD> hello!\nT: hang"))]
    {
        let server = play(&[format!("C: SIZE f\nS: {size}\n{begun}")]).await;
        let message = message("download", &connection(&server), &json!({"path": "f"}));
        let answer = run(&["run", "--max-download", "5"], message.to_string().as_bytes());
        assert!(answer.cause().contains("more than 5 bytes"), "{answer:?}");
        assert!(answer.assistance().contains("--max-download"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_file_that_the_disk_has_no_room_for_is_not_begun() {
    let begun = format!(
        "C: SIZE f\nS: 213 9000000000000000\nC: MDTM f\nS: 500 no\n{EPSV}C: RETR f\nS: 150 here\nD: open\nT: hang"
    );
    let server = play(&[begun]).await;
    let answer = act("download", &connection(&server), &json!({"path": "f"}));
    assert!(answer.cause().contains("stay free"), "{answer:?}");
    assert!(answer.assistance().contains("TMPDIR"), "{answer:?}");
}

#[tokio::test]
async fn a_listing_above_the_limit_is_an_error_that_names_it() {
    let line = "-rw-r--r-- 1 u g 5 Jan 01 2024 x\\r\\n".repeat(4);
    let script = format!(
        "C: FEAT\nS: 500 no\nC: SIZE f\nS: 500 no\nC: PWD\nS: 257 \"/\"\nC: CWD .\nS: 250 ok\n{EPSV}C: LIST\nS: 150 here\nD> {line}\nT: hang"
    );
    let server = play(&[script]).await;
    let input = json!({"file_content": "eA==", "remote_path": "f", "overwrite": false});
    let message = message("upload", &connection(&server), &input);
    let answer = run(&["run", "--max-listing", "3"], message.to_string().as_bytes());
    assert!(answer.cause().contains("more than 3 entries"), "{answer:?}");
    assert!(answer.assistance().contains("--max-listing"), "{answer:?}");
}
