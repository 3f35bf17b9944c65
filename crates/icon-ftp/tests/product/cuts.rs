//! Transfers that end too early: never a false success, never half a file in place of a whole one.

use ftp_testkit::{ScriptedServer, Transcript};
use serde_json::{Value, json};

use crate::process::{Answer, act, base64};

const LOGIN: &str = "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS p\nS: 230 in\nC: TYPE I\nS: 200 ok\n";

async fn play(scripts: &[&str]) -> ScriptedServer {
    let scripts: Vec<String> = scripts.iter().map(|script| format!("{LOGIN}{script}")).collect();
    Transcript::parse(&scripts.join("\n---\n")).start().await
}

fn connection(server: &ScriptedServer) -> Value {
    let credentials = json!({"username": "u", "password": "p"});
    json!({"host": server.address().to_string(), "credentials": credentials, "timeout": 5})
}

fn upload(server: &ScriptedServer, options: &Value) -> Answer {
    let mut input = json!({"file_content": base64(b"new content"), "remote_path": "in/f"});
    for (key, value) in options.as_object().unwrap() {
        input[key] = value.clone();
    }
    act("upload", &connection(server), &input)
}

#[tokio::test]
async fn a_download_that_is_cut_or_short_is_an_error() {
    let table = [
        ("D> hel\nD: close\nS: 226 done", "3 bytes came of the 5"),
        ("D> hel\nD: close\nS: 426 broken", "426 broken"),
        ("D> hel\nD: close\nS: 451 disk", "451 disk"),
        ("D> hel\nD: reset\nT: close", "broke"),
        ("D> hello\nD: close\nT: close", "lost"),
        ("D: open\nD: close\nS: 226 done", "0 bytes came of the 5"),
    ];
    for (end, named) in table {
        let server = play(&[&format!(
            "C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 150 here\n{end}"
        )])
        .await;
        let answer = act("download", &connection(&server), &json!({"path": "f"}));
        assert!(answer.cause().contains(named), "{end}: {answer:?}");
        assert!(!answer.assistance().is_empty());
    }
}

#[tokio::test]
async fn an_upload_that_is_cut_is_an_error() {
    for (end, named) in [
        ("D<\nS: 426 broken", "426 broken"),
        ("D<\nS: 552 quota exceeded", "552 quota exceeded"),
        ("D<\nT: close", "lost"),
    ] {
        let server =
            play(&[&format!("C: EPSV\nS: 229 (|||{{port}}|)\nC: STOR in/f\nS: 150 go\n{end}")]).await;
        let answer = upload(&server, &json!({}));
        assert!(answer.cause().contains(named), "{end}: {answer:?}");
    }
}

#[tokio::test]
async fn a_cut_atomic_upload_never_touches_the_old_file_and_removes_its_own() {
    let begun = "C: EPSV\nS: 229 (|||{port}|)\nC: STOR in/.f.*\nS: 150 go\n";
    let table: [&[&str]; 3] = [
        &[&format!("{begun}D<\nS: 426 broken\nC: DELE in/.f.*\nS: 250 gone")],
        // The session is gone, so a new one tidies up.
        &[&format!("{begun}D<\nT: close"), "C: DELE in/.f.*\nS: 250 gone"],
        &[&format!(
            "{begun}D<\nS: 226 done\nC: FEAT\nS: 500 no\nC: SIZE in/.f.*\nS: 213 3\nC: MDTM *\nS: 500 no
             C: DELE in/.f.*\nS: 250 gone"
        )],
    ];
    for scripts in table {
        let server = play(scripts).await;
        let answer = upload(&server, &json!({"atomic": true}));
        answer.cause();
        server.finish().await;
        let touched = server.received().iter().any(|line| line.ends_with(" in/f"));
        assert!(!touched, "{:?}", server.received());
    }
}

#[tokio::test]
async fn an_atomic_upload_replaces_a_file_that_rename_does_not() {
    let sent = "C: EPSV\nS: 229 (|||{port}|)\nC: STOR in/.f.*\nS: 150 go\nD<\nS: 226 done
        C: FEAT\nS: 500 no\nC: SIZE in/.f.*\nS: 213 11\nC: MDTM *\nS: 500 no
        C: RNFR in/.f.*\nS: 350 to\nC: RNTO in/f\nS: 553 exists
        C: SIZE in/f\nS: 213 7\nC: MDTM in/f\nS: 500 no
        C: RNFR in/f\nS: 350 to\nC: RNTO in/.f.*.old\nS: 250 aside\n";
    let sent = &sent.replace("in/.f.*.old", "in/.f.*");
    let works = play(&[&format!(
        "{sent}C: RNFR in/.f.*\nS: 350 to\nC: RNTO in/f\nS: 250 done\nC: DELE in/.f.*\nS: 250 gone\nC: QUIT\nS: 221 bye"
    )])
    .await;
    let output = upload(&works, &json!({"atomic": true})).output();
    assert_eq!(output["uploaded"], true);
    works.finish().await;

    // When the new file cannot take the name after all, the old one gets it back.
    let fails = play(&[&format!(
        "{sent}C: RNFR in/.f.*\nS: 350 to\nC: RNTO in/f\nS: 553 no
         C: RNFR in/.f.*\nS: 350 to\nC: RNTO in/f\nS: 250 back\nC: DELE in/.f.*\nS: 250 gone\nC: QUIT\nS: 221 bye"
    )])
    .await;
    let output = upload(&fails, &json!({"atomic": true})).output();
    assert_eq!(output["uploaded"], false);
    fails.finish().await;
}

#[tokio::test]
async fn secure_with_a_server_without_tls_sends_no_password() {
    let server = Transcript::parse("S: 220 hi\nC: AUTH TLS\nS: 502 no\nT: eof").start().await;
    let mut connection = connection(&server);
    connection["secure"] = json!(true);
    let answer = act("download", &connection, &json!({"path": "f"}));
    assert!(answer.cause().contains("TLS"), "{answer:?}");
    server.finish().await;
    assert_eq!(server.received(), ["AUTH TLS"]);
}
