//! HTTP mode under load, beside curl on one connection: 1 KiB downloads, as many as there are in a while.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ftp_testkit::RealServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::run::{self, Run};

/// How long each measurement of ours lasts.
const WHILE: Duration = Duration::from_secs(5);

/// Bytes of an answer that are taken at a time.
const BLOCK: usize = 256 << 10;

/// How many downloads curl does in a row.
const CURLS: usize = 200;

/// How often it does so. Now and then it meets with a delayed acknowledgement at each file, so its best run counts.
const CURL_RUNS: usize = 5;

/// HTTP mode on a port of its own; killed when dropped.
pub(crate) struct Http {
    child: Child,
    address: SocketAddr,
}

/// What a load came to.
pub(crate) struct Load {
    pub(crate) per_second: f64,
    /// The time that 99 of 100 answers keep within.
    pub(crate) p99: Duration,
}

impl Http {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(program: &str) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(["http", "--bind", "127.0.0.1", "--port", "0"]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut log = BufReader::new(stderr);
        let mut line = String::new();
        log.read_line(&mut line)?;
        // A log that nobody reads would hold the program up.
        std::thread::spawn(move || io::copy(&mut log, &mut io::sink()));
        let address = line.trim().rsplit('/').next().unwrap_or_default().parse().map_err(io::Error::other)?;
        Ok(Self { child, address })
    }

    /// How much of its memory is in use, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        run::resident(self.child.id())
    }

    /// Sends a file as one start message, and reads the event to its end.
    pub(crate) fn post_file(&self, action: &str, message: &Path) -> io::Result<Run> {
        run::settle()?;
        let (pid, done) = (self.child.id(), AtomicBool::new(false));
        let (before, began) = (run::processor_of(pid)?, Instant::now());
        let peak = std::thread::scope(|scope| {
            let watching = scope.spawn(|| run::watch_until(pid, &done));
            let posted = post(self.address, action, message);
            done.store(true, Ordering::Release);
            posted.and_then(|()| watching.join().map_err(|_| io::ErrorKind::Other.into()))
        })?;
        Ok(Run { wall: began.elapsed(), processor: run::processor_of(pid)? - before, peak })
    }

    /// Has so many clients send the same start message for a while, each on a connection that it keeps.
    pub(crate) async fn load(&self, message: &str, clients: usize) -> io::Result<Load> {
        let request = format!(
            "POST /api/v1/actions/download HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n\r\n{message}",
            message.len()
        );
        let end = Instant::now() + WHILE;
        let mut asking = JoinSet::new();
        for _ in 0..clients {
            asking.spawn(ask_until(end, self.address, request.clone()));
        }
        let mut times = Vec::new();
        while let Some(asked) = asking.join_next().await {
            times.extend(asked.map_err(io::Error::other)??);
        }
        times.sort_unstable();
        let per_second = f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX)) / WHILE.as_secs_f64();
        Ok(Load { per_second, p99: times[times.len() * 99 / 100] })
    }
}

fn post(address: SocketAddr, action: &str, message: &Path) -> io::Result<()> {
    let mut file = File::open(message)?;
    let mut tcp = std::net::TcpStream::connect(address)?;
    let length = file.metadata()?.len();
    write!(tcp, "POST /api/v1/actions/{action} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n")?;
    write!(tcp, "content-length: {length}\r\n\r\n")?;
    io::copy(&mut file, &mut tcp)?;
    let mut status = [0; 12];
    tcp.read_exact(&mut status)?;
    let mut block = vec![0; BLOCK];
    while tcp.read(&mut block)? > 0 {}
    if &status == b"HTTP/1.1 200" {
        Ok(())
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&status).into_owned()))
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        // It has no state to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The times of all answers until then. An answer that is no success ends the measurement.
async fn ask_until(end: Instant, address: SocketAddr, request: String) -> io::Result<Vec<Duration>> {
    let mut tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let (mut times, mut answer) = (Vec::new(), Vec::new());
    while Instant::now() < end {
        let began = Instant::now();
        tcp.write_all(request.as_bytes()).await?;
        answer.clear();
        read_answer(&mut tcp, &mut answer).await?;
        times.push(began.elapsed());
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()));
        }
    }
    Ok(times)
}

/// Reads up to the end of an event: its newline is the only one after the head.
async fn read_answer(tcp: &mut TcpStream, answer: &mut Vec<u8>) -> io::Result<()> {
    while !answer.ends_with(b"}\n") {
        if tcp.read_buf(answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Downloads a second that curl does at best, one after the other on one connection.
pub(crate) fn curl_loop(server: &RealServer) -> io::Result<f64> {
    (0..CURL_RUNS).map(|_| curl_run(server)).try_fold(0.0, |best, run| Ok(run?.max(best)))
}

fn curl_run(server: &RealServer) -> io::Result<f64> {
    let url = format!("ftp://{}:{}@{}/file.bin", server.username(), server.password(), server.address());
    let config = format!("url = \"{url}\"\noutput = \"/dev/null\"\n").repeat(CURLS);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--config", "-"]);
    let mut child = curl.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    let began = Instant::now();
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(config.as_bytes())?;
    }
    if !child.wait()?.success() {
        return Err(io::Error::other("curl failed"));
    }
    Ok(f64::from(u32::try_from(CURLS).unwrap_or(u32::MAX)) / began.elapsed().as_secs_f64())
}
