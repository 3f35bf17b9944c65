//! `--allow-host`: which servers a process may reach is decided by whoever runs it.

use serde_json::json;

use crate::process::{act, message, run};

/// Nobody listens there, which is told from being forbidden.
const CONNECTION: &str = "127.0.0.1:1";

fn delete() -> Vec<u8> {
    message("delete", &json!({"host": CONNECTION}), &json!({"path": "f"})).to_string().into_bytes()
}

#[test]
fn a_host_that_is_not_allowed_is_refused_with_advice() {
    for arguments in [
        &["run", "--allow-host", "*.example.com"][..],
        &["--allow-host", "10.0.0.0/8", "run"],
        &["run", "--allow-host", "*.example.com", "--allow-host", "10.0.0.0/8"],
        &["run", "--allow-host", "*.example.com,10.0.0.0/8"],
    ] {
        let answer = run(arguments, &delete());
        assert_eq!(answer.cause(), format!("The server may not be reached from here: {CONNECTION}"));
        assert!(answer.assistance().contains("--allow-host"), "{}", answer.assistance());
    }
}

#[test]
fn an_allowed_host_is_tried() {
    for arguments in [
        &["run", "--allow-host", "127.0.0.1"][..],
        &["run", "--allow-host", "*.example.com", "--allow-host", "127.0.0.0/8"],
        &["run", "--allow-host", "*.example.com,127.0.0.0/8"],
    ] {
        assert!(
            run(arguments, &delete()).cause().starts_with("The server cannot be reached"),
            "{arguments:?}"
        );
    }
    let answer = act("delete", &json!({"host": CONNECTION}), &json!({"path": "f"}));
    assert!(answer.cause().starts_with("The server cannot be reached"), "{answer:?}");
}

#[test]
fn the_connection_test_and_the_commands_for_people_are_held_to_it() {
    let answer = run(&["test", "--allow-host", "*.example.com"], &delete());
    assert!(answer.cause().starts_with("The server may not be reached from here"), "{answer:?}");
    let answer = run(&["ls", "--allow-host", "*.example.com", "ftp://127.0.0.1:1/"], b"");
    assert_eq!(answer.exit, 5, "{answer:?}");
    assert!(answer.stderr.contains("may not be reached from here"), "{answer:?}");
}

#[test]
fn a_pattern_that_is_none_is_wrong_usage() {
    for pattern in ["", "10.0.0.0/33", "10.*", "ftp.example.com:21", "ftp[", "a,,b"] {
        let answer = run(&["run", "--allow-host", pattern], &delete());
        assert_eq!((answer.exit, answer.stdout.as_str()), (2, ""), "{pattern}: {answer:?}");
        assert!(answer.stderr.contains("--allow-host"), "{pattern}: {answer:?}");
    }
}
