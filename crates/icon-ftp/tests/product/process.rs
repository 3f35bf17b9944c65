//! Runs the program, and the few things that every test does with it.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ftp_testkit::RealServer;
use serde_json::{Value, json};

/// What a run of the program left behind.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Answer {
    /// The event: stdout holds one line of JSON and nothing else.
    pub(crate) fn event(&self) -> Value {
        assert_eq!(self.stdout.matches('\n').count(), 1, "stdout is not one line: {self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The output of a step that succeeded.
    pub(crate) fn output(&self) -> Value {
        let event = self.event();
        assert_eq!((self.exit, &event["body"]["status"]), (0, &json!("ok")), "{self:?}");
        event["body"]["output"].clone()
    }

    /// The cause of a step that failed; cause and assistance are both there.
    pub(crate) fn cause(&self) -> String {
        let event = self.event();
        assert_eq!((self.exit, &event["body"]["status"]), (1, &json!("error")), "{self:?}");
        assert!(event["body"].get("output").is_none(), "{self:?}");
        event["body"]["error"].as_str().unwrap().to_owned()
    }

    /// What to do about a failure.
    pub(crate) fn assistance(&self) -> String {
        self.event()["body"]["exception"]["assistance"].as_str().unwrap_or_default().to_owned()
    }

    /// Everything that the program said anywhere.
    pub(crate) fn everything(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str], stdin: &[u8]) -> Answer {
    finish(spawn(arguments), stdin)
}

/// Gives a program that was started its stdin, and waits for its end.
pub(crate) fn finish(mut child: Child, stdin: &[u8]) -> Answer {
    let began = Instant::now();
    let mut pipe = child.stdin.take().unwrap();
    // A program that ends without reading closes the pipe, which is for its answer to explain.
    let _ = pipe.write_all(stdin);
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    Answer {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        took: began.elapsed(),
    }
}

/// Starts the program with pipes for all three streams.
pub(crate) fn spawn(arguments: &[&str]) -> Child {
    command(arguments).spawn().unwrap()
}

/// The program, not started, with pipes for all three streams.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_icon-ftp"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs one action.
pub(crate) fn act(action: &str, connection: &Value, input: &Value) -> Answer {
    run(&["run"], message(action, connection, input).to_string().as_bytes())
}

/// The start message of an action.
pub(crate) fn message(action: &str, connection: &Value, input: &Value) -> Value {
    let body = json!({"action": action, "connection": connection, "input": input});
    json!({"version": "v1", "type": "action_start", "body": body})
}

/// The connection settings for a server, with its authority if it speaks TLS.
pub(crate) fn connection(server: &RealServer, secure: bool, passive: bool) -> Value {
    let mut connection = json!({
        "host": server.address().to_string(),
        "credentials": {"username": server.username(), "password": server.password()},
        "passive": passive,
        "secure": secure,
        "timeout": 20,
    });
    if secure {
        connection["ca_certificate"] = json!(server.ca_pem());
    }
    connection
}

/// Bytes as the platform's type `bytes` carries them.
pub(crate) fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

/// Bytes without a pattern that a block size could hide, and with a password among them, which must not be masked.
pub(crate) fn content(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(len)
    .collect();
    let secret = b"pass123";
    if len > 100 {
        bytes[50..50 + secret.len()].copy_from_slice(secret);
    }
    bytes
}
