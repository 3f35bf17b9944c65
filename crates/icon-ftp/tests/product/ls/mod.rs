//! `icon-ftp ls` as people and scripts call it.

mod faults;
mod folders;
mod hostile;
mod passwords;
mod servers;
mod shown;

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use ftp_testkit::RealServer;
use serde_json::Value;

use crate::process::Answer;

/// Where nobody's password is.
const NOWHERE: &str = "/no such file";

/// `icon-ftp ls` with these arguments, and nothing of the environment that could be a login.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_icon-ftp"));
    command.arg("ls").args(arguments).env("NETRC", NOWHERE).env_remove("FTP_PASSWORD");
    command
}

/// Runs it to its end.
fn ls(arguments: &[&str]) -> Answer {
    run(&mut command(arguments))
}

fn run(command: &mut Command) -> Answer {
    let began = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    Answer {
        exit: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        took: began.elapsed(),
    }
}

/// Starts it, with pipes for stdout and stderr.
fn start(arguments: &[&str]) -> Child {
    let mut command = command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Every line of stdout is one JSON object; in the order of their paths.
fn objects(answer: &Answer) -> Vec<Value> {
    let mut objects: Vec<Value> = answer
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{answer:?}")))
        .collect();
    objects.sort_by_key(|object| object["path"].as_str().map(str::to_owned));
    objects
}

/// The paths in it.
fn paths(answer: &Answer) -> Vec<String> {
    objects(answer).iter().map(|object| object["path"].as_str().unwrap().to_owned()).collect()
}

/// The URL of a path on a server, with the login in it.
fn url(scheme: &str, server: &RealServer, path: &str) -> String {
    format!("{scheme}://{}:{}@{}{path}", server.username(), server.password(), server.address())
}
