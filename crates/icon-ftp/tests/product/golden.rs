//! The original plugin's answers on stdin, case by case: the same status, exit code and output, except where a
//! difference is wanted and says why.

use ftp_testkit::{Product, RealServer, Tls};
use serde_json::Value;

use crate::process::{Answer, run};

/// Where we answer otherwise on purpose: the case, our exit code and status (`None`: no event), and the reason.
const DIFFERENCES: &[(&str, i32, Option<&str>, &str)] = &[
    ("e_empty_stdin", 1, Some("error"), "whoever reads stdout is told what was wrong, instead of nothing"),
    ("e_json_array", 1, Some("error"), "as above"),
    ("e_json_null", 1, Some("error"), "as above"),
    ("e_malformed_json", 1, Some("error"), "as above"),
    ("e_no_body", 1, Some("error"), "as above"),
    ("e_host_with_port", 0, Some("ok"), "a host may bring its port along"),
    ("s_upload_b64_garbage", 1, Some("error"), "bytes that cannot be meant are not uploaded"),
    ("s_upload_empty_content", 0, Some("ok"), "an empty content is a file of zero bytes"),
    ("t_run_connection_test", 0, Some("ok"), "there is a connection test, and `run` runs it"),
    ("t_test_connection", 0, Some("ok"), "there is a connection test"),
];

#[tokio::test]
async fn the_originals_answers_are_ours() {
    let Some(server) = RealServer::start_or_skip(Product::PureFtpd, Tls::Off).await else { return };
    server.seed("hello.txt", "hello world\n").unwrap();
    server.seed("empty.txt", "").unwrap();
    server.seed("sub/in.txt", "a\r\nb\n").unwrap();
    server.seed_folder("adir").unwrap();

    let cases: Vec<Value> = serde_json::from_str(include_str!("../golden/stdin.json")).unwrap();
    assert_eq!(cases.len(), 62);
    let mut seen = 0;
    for case in &cases {
        if case["name"] == "s_delete_ok" {
            server.seed("up.txt", "to be deleted").unwrap();
        }
        let answer = play(&server, case);
        match DIFFERENCES.iter().find(|(name, ..)| case["name"] == *name) {
            Some((name, exit, status, why)) => {
                seen += 1;
                let ours = (!answer.stdout.is_empty()).then(|| answer.event());
                let wanted = (*exit, *status);
                assert_eq!((answer.exit, status_of(ours.as_ref())), wanted, "{name}: {why}");
                let exit = case["exit_code"].as_i64().and_then(|exit| i32::try_from(exit).ok()).unwrap();
                assert_ne!((exit, status_of(case.get("event"))), wanted, "{name} is no difference");
            }
            None => compare(case, &answer),
        }
    }
    assert_eq!(seen, DIFFERENCES.len(), "a difference names no case");
}

fn status_of(event: Option<&Value>) -> Option<&str> {
    event?["body"]["status"].as_str()
}

/// Runs a case, with its server's address in place of the one it was recorded with.
fn play(server: &RealServer, case: &Value) -> Answer {
    let port = server.address().port();
    let stdin = match (case["name"].as_str().unwrap(), &case["stdin"]) {
        ("e_json_null", _) => "null".to_owned(),
        (_, Value::Null) => String::new(),
        (_, Value::Object(object)) if object.contains_key("raw") => {
            object["raw"].as_str().unwrap().to_owned()
        }
        (_, message) => message
            .to_string()
            .replace("\"127.0.0.1:21\"", &format!("\"127.0.0.1:{port}\""))
            .replace("\"127.0.0.1\"", &format!("\"127.0.0.1:{port}\""))
            // Nobody listens on that address, which is what this case is about.
            .replace("\"127.0.0.9\"", &format!("\"127.0.0.9:{port}\"")),
    };
    let arguments: Vec<&str> = case["argv"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    run(&arguments, stdin.as_bytes())
}

/// What the original said, we say: additions are free, what is there has its value.
fn compare(case: &Value, answer: &Answer) {
    let name = &case["name"];
    assert_eq!(Some(i64::from(answer.exit)), case["exit_code"].as_i64(), "{name}: {answer:?}");
    let original = &case["event"];
    if original.is_null() {
        assert_eq!(answer.stdout, "", "{name}");
        return;
    }
    let ours: Value = serde_json::from_str(&answer.stdout).unwrap();
    for key in ["type", "version"] {
        assert_eq!(ours[key], original[key], "{name}: {key}");
    }
    let (ours, original) = (&ours["body"], &original["body"]);
    for key in ["status", "meta", "action", "trigger", "dispatcher"] {
        assert_eq!(ours.get(key), original.get(key), "{name}: {key}");
    }
    for part in ["output", "input", "connection"] {
        let Some(fields) = original.get(part).and_then(Value::as_object) else { continue };
        for (key, value) in fields {
            assert_eq!(&ours[part][key], value, "{name}: {part}.{key}");
        }
    }
    let fixed = ["Unknown ", "Unsupported ", "\"version\" missing", "Message is "];
    if let Some(text) =
        original["error"].as_str().filter(|text| fixed.iter().any(|start| text.starts_with(start)))
    {
        assert_eq!(ours["error"], text, "{name}: a text that workflows may match on");
    }
}
