//! HTTP mode: the program with `http`, asked as the platform asks it.

mod bad_input;
mod client;
mod golden;
mod held;
mod isolation;
mod limits;
#[cfg(target_os = "linux")] // Elsewhere neither sessions nor memory can be looked at.
mod load;
mod operations;
mod triggers;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStderr;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub(crate) use self::client::{Client, Response};

/// How long anything may take before a test gives up.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// Where most tests ask for a step.
const DOWNLOAD: &str = "/api/v1/actions/download";

/// A running HTTP mode on a free port of the loopback, 127.0.0.1 unless its arguments name another address.
pub(crate) struct Http {
    child: Child,
    /// Its lines, as they come: a log that nobody reads would hold the program up.
    log: mpsc::UnboundedReceiver<String>,
    seen: Vec<String>,
    address: SocketAddr,
    _place: TempDir,
}

impl Http {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let cache = place.path().join("cache");
        Self::start_in(&cache, place, arguments).await
    }

    async fn start_in(cache: &std::path::Path, place: TempDir, arguments: &[&str]) -> Self {
        let program = Command::new(env!("CARGO_BIN_EXE_icon-ftp"));
        Self::start_by(program, cache, place, arguments).await
    }

    /// As [`Self::start`], with this command for the program.
    #[cfg(unix)]
    pub(crate) async fn start_as(program: Command, arguments: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let cache = place.path().join("cache");
        Self::start_by(program, &cache, place, arguments).await
    }

    async fn start_by(
        mut program: Command,
        cache: &std::path::Path,
        place: TempDir,
        arguments: &[&str],
    ) -> Self {
        let bind: &[&str] = if arguments.contains(&"--bind") { &[] } else { &["--bind", "127.0.0.1"] };
        let mut child = program
            .args(["http", "--port", "0"])
            .args(bind)
            .args(arguments)
            .env("PLUGIN_CACHE_DIR", cache)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = ChildStderr::from_std(child.stderr.take().unwrap()).unwrap();
        let mut lines = BufReader::new(stderr).lines();
        let (sender, log) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                // Whoever has dropped the program does not want to know.
                let _ = sender.send(line);
            }
        });
        let mut http =
            Self { child, log, seen: Vec::new(), address: ([127, 0, 0, 1], 0).into(), _place: place };
        let line = http.wait_for_log("Listening on ").await;
        let address = line.rsplit('/').next().unwrap().split(['"', ',']).next().unwrap();
        http.address = address.parse().unwrap();
        http
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Waits for a line of the log that holds `text`.
    pub(crate) async fn wait_for_log(&mut self, text: &str) -> String {
        loop {
            let line = timeout(DEADLINE, self.log.recv()).await;
            let Ok(Some(line)) = line else { panic!("no `{text}` in the log: {:#?}", self.seen) };
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// How much of its memory is in use, in bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Asks it to end with SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    }

    /// Waits for the end, and gives the exit code and everything that was logged.
    pub(crate) async fn ended(mut self) -> (i32, String) {
        while let Ok(Some(line)) = timeout(DEADLINE, self.log.recv()).await {
            self.seen.push(line);
        }
        let ended = timeout(DEADLINE, tokio::task::spawn_blocking(move || self.wait())).await;
        ended.expect("it does not end").unwrap()
    }

    fn wait(&mut self) -> (i32, String) {
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or(-1), self.seen.join("\n"))
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        // Where it has ended already, there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
