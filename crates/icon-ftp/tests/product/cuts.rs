//! Transfers that end too early: never a false success, never half a file in place of a whole one.

use ftp_testkit::{ScriptedServer, Transcript};
use serde_json::{Value, json};

use crate::process::{Answer, act, base64, message, run};

const LOGIN: &str = "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS hush\nS: 230 in\nC: TYPE I\nS: 200 ok\n";

async fn play(scripts: &[&str]) -> ScriptedServer {
    let scripts: Vec<String> = scripts.iter().map(|script| format!("{LOGIN}{script}")).collect();
    Transcript::parse(&scripts.join("\n---\n")).start().await
}

fn connection(server: &ScriptedServer) -> Value {
    let credentials = json!({"username": "u", "password": "hush"});
    json!({"host": server.address().to_string(), "credentials": credentials, "timeout": 5})
}

/// Runs one action in which everything is tried once: here a cut is to be the end.
fn act_once(action: &str, connection: &Value, input: &Value) -> Answer {
    let message = message(action, connection, input);
    run(&["run", "--retries", "0"], message.to_string().as_bytes())
}

fn upload(server: &ScriptedServer, options: &Value) -> Answer {
    let mut input = json!({"file_content": base64(b"new content"), "remote_path": "in/f"});
    for (key, value) in options.as_object().unwrap() {
        input[key] = value.clone();
    }
    act_once("upload", &connection(server), &input)
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
        let answer = act_once("download", &connection(&server), &json!({"path": "f"}));
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
    let begun = "C: EPSV\nS: 229 (|||{port}|)\nC: STOR in/.icon-ftp-*\nS: 150 go\n";
    let table: [&[&str]; 3] = [
        &[&format!("{begun}D<\nS: 426 broken\nC: DELE in/.icon-ftp-*\nS: 250 gone\nC: QUIT")],
        // The session is gone, so a new one tidies up.
        &[&format!("{begun}D<\nT: close"), "C: DELE in/.icon-ftp-*\nS: 250 gone\nC: QUIT"],
        &[&format!(
            "{begun}D<\nS: 226 done\nC: SIZE in/.icon-ftp-*\nS: 213 3
             C: DELE in/.icon-ftp-*\nS: 250 gone\nC: QUIT"
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
    let sent = "C: EPSV\nS: 229 (|||{port}|)\nC: STOR in/.icon-ftp-*\nS: 150 go\nD<\nS: 226 done
        C: SIZE in/.icon-ftp-*\nS: 213 11
        C: RNFR in/.icon-ftp-*\nS: 350 to\nC: RNTO in/f\nS: 553 exists
        C: FEAT\nS: 500 no\nC: SIZE in/f\nS: 213 7\nC: MDTM in/f\nS: 500 no
        C: RNFR in/f\nS: 350 to\nC: RNTO in/.icon-ftp-*\nS: 250 aside\n";
    let works = play(&[&format!(
        "{sent}C: RNFR in/.icon-ftp-*\nS: 350 to\nC: RNTO in/f\nS: 250 done\nC: DELE in/.icon-ftp-*\nS: 250 gone\nC: QUIT\nS: 221 bye"
    )])
    .await;
    let output = upload(&works, &json!({"atomic": true})).output();
    assert_eq!(output["uploaded"], true);
    works.finish().await;

    // When the new file cannot take the name after all, the old one gets it back.
    let fails = play(&[&format!(
        "{sent}C: RNFR in/.icon-ftp-*\nS: 350 to\nC: RNTO in/f\nS: 553 no
         C: SIZE in/f\nS: 550 none\nC: PWD\nS: 257 \"/\"\nC: CWD in\nS: 550 not to be seen
         C: RNFR in/.icon-ftp-*\nS: 350 to\nC: RNTO in/f\nS: 250 back\nC: DELE in/.icon-ftp-*\nS: 250 gone\nC: QUIT\nS: 221 bye"
    )])
    .await;
    let output = upload(&fails, &json!({"atomic": true})).output();
    assert_eq!(output["uploaded"], false);
    fails.finish().await;
}

#[tokio::test]
async fn an_old_file_that_was_moved_aside_gets_its_name_back_when_the_connection_is_lost() {
    let lost = "C: EPSV\nS: 229 (|||{port}|)\nC: STOR in/.icon-ftp-*\nS: 150 go\nD<\nS: 226 done
        C: SIZE in/.icon-ftp-*\nS: 213 11\nC: RNFR in/.icon-ftp-*\nS: 350 to\nC: RNTO in/f\nS: 553 exists
        C: FEAT\nS: 500 no\nC: SIZE in/f\nS: 213 7\nC: MDTM in/f\nS: 500 no
        C: RNFR in/f\nS: 350 to\nC: RNTO in/.icon-ftp-*\nS: 250 aside
        C: RNFR in/.icon-ftp-*\nT: close";
    let again = "C: SIZE in/f\nS: 550 none\nC: PWD\nS: 257 \"/\"\nC: CWD in\nS: 550 not to be seen
        C: RNFR in/.icon-ftp-*\nS: 350 to\nC: RNTO in/f\nS: 250 back\nC: DELE in/.icon-ftp-*\nS: 250 gone\nC: QUIT";
    let server = play(&[lost, again]).await;
    upload(&server, &json!({"atomic": true})).cause();
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_confirms_what_it_does_not_hold_is_not_believed() {
    let server = play(&["C: EPSV\nS: 229 (|||{port}|)\nC: STOR in/f\nS: 150 go\nD<\nS: 226 done
        C: SIZE in/f\nS: 213 3"])
    .await;
    assert!(upload(&server, &json!({})).cause().contains("3 bytes of the 11"));
}

#[tokio::test]
async fn a_reply_of_another_kind_is_no_success() {
    for reply in ["350 more, please", "332 account?", "331 password?"] {
        let server = play(&[&format!("C: DELE f\nS: {reply}")]).await;
        let answer = act("delete", &connection(&server), &json!({"path": "f"}));
        assert!(answer.cause().contains(reply), "{answer:?}");
    }
}

#[tokio::test]
async fn a_refusal_that_repeats_the_password_is_told_without_it() {
    let script = "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS *\nS: 230 in\nC: TYPE I\nS: 200 ok
        C: DELE f\nS: 550 not with Canary\\x09-81f3 or so";
    for password in ["Canary-81f3", " Canary-81f3 ", "Canary\t81f3"] {
        let shown = script.replace("Canary\\x09-81f3", password.trim());
        let server = Transcript::parse(&shown).start().await;
        let mut connection = connection(&server);
        connection["credentials"]["password"] = json!(password);
        let answer = act("delete", &connection, &json!({"path": "f"}));
        assert_eq!(answer.output()["reason"], "550 not with *** or so");
        assert!(!answer.everything().contains("81f3"), "{answer:?}");
    }
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

#[tokio::test]
async fn a_folder_that_can_only_be_written_to_takes_an_upload() {
    let stored = "C: EPSV\nS: 229 (|||{port}|)\nC: STOR in/f\nS: 150 go\nD< new content\nS: 226 done\n";
    let server = play(&[&format!("{stored}C: SIZE in/f\nS: 550 no")]).await;
    let output = upload(&server, &json!({})).output();
    assert_eq!((&output["uploaded"], &output["size"]), (&json!(true), &json!(11)), "{output}");
}
