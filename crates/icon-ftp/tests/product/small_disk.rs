//! A disk of the test's own: small, so that it is soon full, or one that cannot be written to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

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
    pub(crate) fn mount_or_skip(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut holder = Command::new("unshare")
            .args(if is_root() { &[][..] } else { &["--map-root-user"] })
            .args(["--mount", "sh", "-c", HOLD, "sh", options])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said == "mounted\n" {
            return Some(Self { holder, folder });
        }
        holder.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        holder.wait().unwrap();
        assert!(std::env::var_os("CI").is_none(), "no disk to test with: {said}");
        // Not with `eprintln!`: the test harness captures that, and shows it for failed tests alone.
        let _ = writeln!(std::io::stderr(), "skipped: no disk to test with: {said}");
        None
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

    /// Whether nothing is on it: no name, and no block of a file without one.
    pub(crate) fn is_empty(&self) -> bool {
        let seen_by_holder = PathBuf::from(format!("/proc/{}/root{}", self.holder.id(), self.folder()));
        let names = std::fs::read_dir(&seen_by_holder).unwrap().count();
        let stat = Command::new("stat")
            .args(["--file-system", "--format", "%b %f"])
            .arg(seen_by_holder)
            .output()
            .unwrap();
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
