//! Inputs that are wrong: an error that says what and what to do, before anybody is connected to.

use std::net::TcpListener;
use std::time::Duration;

use ftp_testkit::{Product, RealServer, Tls, Transcript};
use serde_json::{Value, json};

use crate::process::{act, base64, command, connection, content, finish, message, run};

/// A port that nobody may connect to.
pub(crate) struct Untouched(TcpListener);

impl Untouched {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub(crate) fn connection(&self) -> Value {
        json!({"host": self.0.local_addr().unwrap().to_string(), "timeout": 2})
    }
}

impl Drop for Untouched {
    fn drop(&mut self) {
        let accepted = self.0.accept();
        assert!(accepted.is_err() || std::thread::panicking(), "somebody connected: {accepted:?}");
    }
}

#[test]
fn messages_that_are_none_give_an_error_event() {
    let server = Untouched::new();
    let good = message("download", &server.connection(), &json!({"path": "x"}));
    let without = |key: &str| {
        let mut message = good.clone();
        message.as_object_mut().unwrap().remove(key);
        message.to_string()
    };
    let with = |key: &str, value: &str| {
        let mut message = good.clone();
        message[key] = json!(value);
        message.to_string()
    };
    let table = [
        (String::new(), Value::Null),
        ("   \n".to_owned(), Value::Null),
        ("{\"version\": \"v1\", ".to_owned(), Value::Null),
        ("[]".to_owned(), Value::Null),
        ("null".to_owned(), Value::Null),
        ("\"text\"".to_owned(), Value::Null),
        (without("body"), json!("action_event")),
        (without("type"), Value::Null),
        (without("version"), json!("action_event")),
        (with("type", "foo_start"), Value::Null),
        (with("version", "v2"), json!("action_event")),
        (with("body", "text"), json!("action_event")),
    ];
    for (stdin, kind) in table {
        for command in ["run", "test"] {
            let answer = run(&[command], stdin.as_bytes());
            assert!(!answer.cause().is_empty(), "{stdin}");
            assert_eq!(answer.event()["type"], kind, "{stdin}: {answer:?}");
        }
    }
    let not_utf8 = run(&["run"], b"{\"version\":\"\xff\"}");
    assert!(!not_utf8.cause().is_empty());
}

#[test]
fn unknown_steps_and_bad_inputs_are_named() {
    let server = Untouched::new();
    let table = [
        ("nope", json!({"path": "x"}), "Unknown action \"nope\""),
        ("download", json!({}), "path"),
        ("download", json!({"path": null}), "path"),
        ("download", json!({"path": ""}), "path"),
        ("download", json!({"path": 5}), "path"),
        ("download", json!({"path": ["x"]}), "path"),
        ("delete", json!({"path": true}), "path"),
        ("upload", json!({"remote_path": "x"}), "file_content"),
        ("upload", json!({"file_content": null, "remote_path": "x"}), "file_content"),
        ("upload", json!({"file_content": 5, "remote_path": "x"}), "file_content"),
        ("upload", json!({"file_content": "eA=="}), "remote_path"),
        ("upload", json!({"file_content": "eA==", "remote_path": ""}), "remote_path"),
        ("upload", json!({"file_content": "eA==", "remote_path": "x", "atomic": "yes"}), "atomic"),
        ("upload", json!({"file_content": "eA==", "remote_path": "x", "overwrite": 1}), "overwrite"),
    ];
    for (action, input, named) in table {
        let answer = act(action, &server.connection(), &input);
        assert!(answer.cause().contains(named), "{action} {input}: {answer:?}");
    }
    let trigger = json!({"version": "v1", "type": "trigger_start", "body": {
        "trigger": "nope", "connection": server.connection(), "input": {"path": "x"}}});
    assert!(run(&["run"], trigger.to_string().as_bytes()).cause().contains("Unknown trigger \"nope\""));
}

#[test]
fn connections_that_cannot_work_are_named() {
    let server = Untouched::new();
    let table = [
        ("host", json!(null), "host"),
        ("host", json!(""), "host"),
        ("host", json!("ftp://h/"), "host"),
        ("port", json!("21"), "port"),
        ("timeout", json!(0), "timeout"),
        ("credentials", json!({"username": "u"}), "password"),
        ("credentials", json!({"username": "u", "password": 7}), "password"),
        ("secure", json!("yes"), "secure"),
        ("encoding", json!("klingon"), "encoding"),
    ];
    for (key, value, named) in table {
        let mut connection = server.connection();
        connection[key] = value;
        let answer = act("download", &connection, &json!({"path": "x"}));
        assert!(answer.cause().contains(named), "{key}: {answer:?}");
    }
}

#[test]
fn a_second_command_in_a_path_is_not_sent() {
    let server = Untouched::new();
    for path in ["a\r\nDELE hello.txt", "a\nb", "a\rb", "a\u{0}b"] {
        for (action, input) in [
            ("download", json!({"path": path})),
            ("delete", json!({"path": path})),
            ("upload", json!({"file_content": "eA==", "remote_path": path})),
        ] {
            let answer = act(action, &server.connection(), &input);
            assert!(answer.cause().contains("path"), "{answer:?}");
            assert!(!answer.assistance().is_empty(), "{answer:?}");
        }
    }
}

#[test]
fn a_character_that_the_encoding_lacks_is_not_sent() {
    let server = Untouched::new();
    let mut connection = server.connection();
    connection["encoding"] = json!("gbk");
    for (action, input, named) in [
        ("download", json!({"path": "größe"}), "`path`"),
        ("delete", json!({"path": "größe"}), "`path`"),
        ("upload", json!({"file_content": "eA==", "remote_path": "größe"}), "`remote_path`"),
    ] {
        let answer = act(action, &connection, &input);
        assert!(answer.cause().contains(named) && answer.cause().contains("`ö` (U+00F6)"), "{answer:?}");
        assert!(answer.assistance().contains("encoding"), "{answer:?}");
    }
    let trigger = json!({"version": "v1", "type": "trigger_start", "body": {
        "trigger": "monitor", "connection": connection, "input": {"path": "größe"},
        "dispatcher": {"url": "http://127.0.0.1:1/", "webhook_url": ""}}});
    assert!(run(&["run"], trigger.to_string().as_bytes()).cause().contains("`ö` (U+00F6)"));
}

#[test]
fn what_is_not_base64_is_not_uploaded() {
    let server = Untouched::new();
    for content in ["abc", "a$GVs!bG8=\n", "aGVsbG8", "aGVs bG8=", "ä", "====", "aGVsbG8=x"] {
        let input = json!({"file_content": content, "remote_path": "x"});
        let answer = act("upload", &server.connection(), &input);
        assert!(answer.cause().contains("file_content") && answer.cause().contains("base64"), "{answer:?}");
    }
}

#[test]
fn a_content_that_cannot_be_stored_is_not_uploaded() {
    let server = Untouched::new();
    let input = json!({"file_content": base64(&content(2 << 20)), "remote_path": "x"});
    let message = message("upload", &server.connection(), &input).to_string();
    let by_environment = command(&["run"]).env("TMPDIR", "/no/such/folder").spawn().unwrap();
    let by_option = command(&["run", "--spool-dir", "/no/such/folder"]).spawn().unwrap();
    for child in [by_environment, by_option] {
        let answer = finish(child, message.as_bytes());
        assert!(answer.cause().contains("'file_content': the content cannot be stored"), "{answer:?}");
        let assistance = answer.assistance();
        assert!(assistance.contains("--spool-dir") && assistance.contains("TMPDIR"), "{answer:?}");
    }
}

#[tokio::test]
async fn hosts_that_are_no_ftp_servers_end_within_the_timeout() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = Transcript::parse("T: hang").start().await;
    let half = Transcript::parse("S: 220 hi\nC: USER *\nT: hang").start().await;
    let web = Transcript::parse("S: HTTP/1.0 400 Bad Request").start().await;
    let shell = Transcript::parse("S: SSH-2.0-OpenSSH_9.2").start().await;
    let table = [
        ("no.such.host.invalid".to_owned(), "no.such.host.invalid"),
        (free.to_string(), "cannot be reached"),
        (silent.address().to_string(), "greeting"),
        (half.address().to_string(), "USER"),
        (web.address().to_string(), "HTTP/1.0 400 Bad Request"),
        (shell.address().to_string(), "SSH-2.0"),
    ];
    for (host, named) in table {
        let connection = json!({"host": host, "timeout": 3});
        let answer = act("download", &connection, &json!({"path": "x"}));
        assert!(answer.cause().contains(named), "{answer:?}");
        assert!(!answer.assistance().is_empty(), "{answer:?}");
        assert!(answer.took < Duration::from_secs(10), "{host} took {:?}", answer.took);
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_and_shown_nowhere() {
    for product in Product::ALL {
        let Some(server) = RealServer::start_or_skip(product, Tls::Off).await else { continue };
        let mut connection = connection(&server, false, true);
        connection["credentials"]["password"] = json!("Canary-81f3");
        let message = message("download", &connection, &json!({"path": "x"}));
        for arguments in [&["run"][..], &["--debug", "run"], &["test"]] {
            let answer = run(arguments, message.to_string().as_bytes());
            assert!(answer.cause().contains("login"), "{product}: {answer:?}");
            assert!(!answer.everything().contains("Canary"), "{product}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_repeats_the_password_does_not_make_us_tell_it() {
    let script = "S: 220 hi\nC: USER *\nS: 331 pw\nC: PASS *\nS: 530 no login with Canary-81f3, sorry";
    let server = Transcript::parse(script).start().await;
    let connection = json!({
        "host": server.address().to_string(), "credentials": {"username": "u", "password": "Canary-81f3"},
    });
    let message = message("download", &connection, &json!({"path": "x"}));
    let answer = run(&["run", "--debug"], message.to_string().as_bytes());
    assert!(answer.cause().contains("no login with ***"), "{answer:?}");
    assert!(!answer.everything().contains("Canary"), "{answer:?}");
}

#[tokio::test]
async fn a_forbidden_file_is_an_answer() {
    for product in [Product::Vsftpd, Product::ProFtpd, Product::PureFtpd] {
        let Some(server) = RealServer::start_or_skip(product, Tls::Off).await else { continue };
        let secret = server.seed("locked/secret.txt", "x").unwrap();
        std::os::unix::fs::chown(&secret, Some(0), Some(0)).unwrap();
        std::os::unix::fs::chown(secret.parent().unwrap(), Some(0), Some(0)).unwrap();
        std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let connection = connection(&server, false, true);
        for (action, field, input) in [
            ("download", "downloaded", json!({"path": "locked/secret.txt"})),
            ("delete", "deleted", json!({"path": "locked/secret.txt"})),
            ("upload", "uploaded", json!({"file_content": "eA==", "remote_path": "locked/new.txt"})),
            (
                "upload",
                "uploaded",
                json!({"file_content": "eA==", "remote_path": "locked/new.txt", "atomic": true}),
            ),
            ("upload", "uploaded", json!({"file_content": "eA==", "remote_path": "locked"})),
        ] {
            let output = act(action, &connection, &input).output();
            assert_eq!(output[field], false, "{product} {action}: {output}");
            assert!(output["reason"].is_string(), "{product} {action}: {output}");
        }
        assert_eq!(std::fs::read(&secret).unwrap(), b"x");
    }
}
