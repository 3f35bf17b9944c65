//! One run of a command line: how long it took, how much of the processors, and how much memory.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often the memory of a running command is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The kernel's clock ticks in a second, in which it counts processor time (`USER_HZ`, proc(5)).
const TICKS: f64 = 100.0;

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) wall: Duration,
    /// Seconds of all its processes on all processors.
    pub(crate) processor: f64,
    /// The most memory that its processes had at once, in bytes.
    pub(crate) peak: u64,
}

/// Runs a command with a file as its stdin, and nobody who reads its stdout. One that fails ends the measurement: its time
/// would mean nothing.
pub(crate) fn timed(command: &mut Command, stdin: Option<&Path>) -> io::Result<Run> {
    command.stdin(stdin.map_or_else(|| Ok(Stdio::null()), |path| File::open(path).map(Stdio::from))?);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    settle()?;
    let (before, began) = (processor_of_children()?, Instant::now());
    let mut child = command.spawn()?;
    let peak = watch(&mut child)?;
    let output = child.wait_with_output()?;
    let wall = began.elapsed();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(format!("{command:?} failed: {said}")));
    }
    Ok(Run { wall, processor: processor_of_children()? - before, peak })
}

/// Runs both sides in turns, and gives the run of each whose time is in the middle. A first turn is not counted: it finds
/// memory that nobody has touched yet, and files that are in no cache.
pub(crate) fn in_turns(
    runs: usize,
    mut ours: impl FnMut() -> io::Result<Run>,
    mut peer: impl FnMut() -> io::Result<Run>,
) -> io::Result<(Run, Run)> {
    let (mut of_ours, mut of_peer) = (Vec::new(), Vec::new());
    for turn in 0..=runs {
        let (of_this_turn, its_peer) = (ours()?, peer()?);
        if turn > 0 {
            of_ours.push(of_this_turn);
            of_peer.push(its_peer);
        }
    }
    Ok((middle(of_ours), middle(of_peer)))
}

/// Waits until the disk has what was written before, so that no run pays for another.
pub(crate) fn settle() -> io::Result<()> {
    Command::new("sync").status().map(drop)
}

fn middle(mut runs: Vec<Run>) -> Run {
    runs.sort_unstable_by_key(|run| run.wall);
    runs[runs.len() / 2]
}

/// Looks at a command's memory until it ends.
fn watch(child: &mut Child) -> io::Result<u64> {
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        peak = peak.max(memory_of(child.id()));
        thread::sleep(LOOK);
    }
    Ok(peak)
}

/// The memory of a process and its children.
fn memory_of(pid: u32) -> u64 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let of_children = children.split_whitespace().filter_map(|child| child.parse().ok()).map(memory_of);
    resident(pid) + of_children.sum::<u64>()
}

/// The memory of a process in bytes; 0 when it has ended.
pub(crate) fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}

/// Looks at a process's memory until somebody says that it is done.
pub(crate) fn watch_until(pid: u32, done: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !done.load(Ordering::Acquire) {
        peak = peak.max(resident(pid));
        thread::sleep(LOOK);
    }
    peak
}

/// Seconds of processor time that a process has had (proc(5), `utime` and `stime`).
pub(crate) fn processor_of(pid: u32) -> io::Result<f64> {
    ticks(&format!("/proc/{pid}/stat"), 11)
}

/// Seconds that the children of this process had that have ended (`cutime` and `cstime`).
fn processor_of_children() -> io::Result<f64> {
    ticks("/proc/self/stat", 13)
}

/// Two numbers of ticks, in seconds, so many columns behind the command's name, which may hold blanks itself.
fn ticks(stat: &str, column: usize) -> io::Result<f64> {
    let stat = fs::read_to_string(stat)?;
    let columns = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    Ok(columns.skip(column).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS)
}
