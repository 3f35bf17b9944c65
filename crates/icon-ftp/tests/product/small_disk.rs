//! A disk of the test's own: small, so that it is soon full, or one that cannot be written to.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::time::timeout;

use crate::http::DEADLINE;

/// Mounts the disk, says so, and keeps it as long as its stdin lasts.
const HOLD: &str = r#"mount -t tmpfs -o "$1" tmpfs "$2" && echo mounted && exec cat"#;

/// A file system in memory, mounted where only those see it who are started for it.
pub(crate) struct SmallDisk {
    /// Holds the namespace in which the disk is mounted.
    holder: Child,
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one with these options (tmpfs(5)). Where namespaces are not to be had the test is skipped, which is told on
    /// stderr and fails in CI.
    pub(crate) async fn mount_or_skip(options: &str) -> Option<Self> {
        match Self::mount(options).await {
            Ok(disk) => Some(disk),
            Err(refusal) => {
                assert!(std::env::var_os("CI").is_none(), "no disk to test with: {refusal}");
                // Not with `eprintln!`: the test harness captures that, and shows it for failed tests alone.
                let _ = writeln!(std::io::stderr(), "skipped: no disk to test with: {refusal}");
                None
            }
        }
    }

    async fn mount(options: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let holder = Command::new("unshare")
            .args(if is_root() { &[][..] } else { &["--map-root-user"] })
            .args(["--mount", "sh", "-c", HOLD, "sh", options])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        // From here on the holder ends with the disk.
        let mut disk = Self { holder, folder };
        let mut stdout = BufReader::new(ChildStdout::from_std(disk.holder.stdout.take().unwrap()).unwrap());
        let mut stderr = ChildStderr::from_std(disk.holder.stderr.take().unwrap()).unwrap();
        let outcome = async {
            let mut said = String::new();
            stdout.read_line(&mut said).await.unwrap();
            if said == "mounted\n" {
                return Ok(());
            }
            stderr.read_to_string(&mut said).await.unwrap();
            Err(said)
        };
        timeout(DEADLINE, outcome).await.expect("mounting the disk comes to no end").map(|()| disk)
    }

    /// Where it is mounted, for those who see it.
    pub(crate) fn folder(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    /// The program, not started, as one who sees the disk, with pipes for all three streams.
    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.holder.id().to_string(), "--mount"])
            .args(if is_root() { &[][..] } else { &["--user", "--preserve-credentials"] })
            .arg(env!("CARGO_BIN_EXE_icon-ftp"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Where its root is for those who do not see it.
    pub(crate) fn seen_from_outside(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.holder.id(), self.folder()))
    }

    /// Whether nothing is on it: no name, and no block of a file without one.
    pub(crate) fn is_empty(&self) -> bool {
        let root = self.seen_from_outside();
        let names = std::fs::read_dir(&root).unwrap().count();
        let stat =
            Command::new("stat").args(["--file-system", "--format", "%b %f"]).arg(root).output().unwrap();
        let blocks = String::from_utf8(stat.stdout).unwrap();
        let (all, free) = blocks.trim().split_once(' ').unwrap();
        names == 0 && all == free
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}
