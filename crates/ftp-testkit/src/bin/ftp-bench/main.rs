//! Measures the program against its peers on the same server in the same run: `ci/bench` builds and calls it.
//!
//! Each row runs both sides in turns, so that whatever else the machine does hits both, and compares medians. The number
//! that counts is the ratio; the times are this machine's.

mod http;
mod large;
mod run;

use std::io::{self, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use ftp_testkit::{Product, RealServer, Tls, TlsVersions};

/// How often each side of a row runs; odd, so that the median is a run.
const RUNS: usize = 101;

/// The release binary without `demo` is to have no more bytes than this (12 MiB).
const BINARY_LIMIT: u64 = 12 << 20;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stderr, reason = "a program for people")]
async fn main() -> ExitCode {
    let Some(program) = std::env::args().nth(1) else {
        eprintln!("usage: ftp-bench PROGRAM");
        return ExitCode::from(2);
    };
    match measure(&program).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ftp-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a program for people")]
async fn measure(program: &str) -> io::Result<()> {
    println!("{:<44} {:>12} {:>12} {:>7}", "vsftpd on loopback", "ours", "curl", "ratio");
    for (name, tls) in [
        ("cold 1 KiB download, median of 101", Tls::Off),
        ("the same over TLS", Tls::On(TlsVersions::Default)),
    ] {
        let (ours, curl) = cold_download(program, tls).await?;
        let (ours, curl) = (ours.as_secs_f64() * 1e3, curl.as_secs_f64() * 1e3);
        println!("{name:<44} {ours:>9.2} ms {curl:>9.2} ms {:>7.2}", ours / curl);
    }
    warm_downloads(program).await?;
    binary_size(program)?;
    println!("\n{:<34} {:>10}  {:>10}  {:>6}", "median of 5", "ours", "peer", "ratio");
    large::rows(program, Tls::Off, "").await?;
    large::rows(program, Tls::On(TlsVersions::Only13), " over TLS 1.3").await?;
    large::listing(program).await
}

/// HTTP mode beside curl on one connection, and the memory that it takes.
#[expect(clippy::print_stdout, reason = "a program for people")]
async fn warm_downloads(program: &str) -> io::Result<()> {
    let server = RealServer::start(Product::Vsftpd, Tls::Off).await.map_err(io::Error::other)?;
    server.seed("file.bin", [7; 1024])?;
    let message = download_message(&server, Tls::Off);
    let http = http::Http::start(program)?;
    let at_rest = http.resident();
    for clients in [1, 16] {
        let curl = http::curl_loop(&server)?;
        let ours = http.load(&message, clients).await?;
        let (name, p99) = (format!("warm 1 KiB downloads, {clients} clients"), ours.p99.as_secs_f64() * 1e3);
        let ours = ours.per_second;
        println!("{name:<44} {ours:>10.0}/s {curl:>10.0}/s {:>7.2}", ours / curl);
        println!("{:<44} {p99:>9.2} ms", "  99 of 100 answered within");
    }
    let (at_rest, after) = (mebibytes(at_rest), mebibytes(http.resident()));
    println!("{:<44} {at_rest:>8.1} MiB", "memory at rest");
    println!("{:<44} {after:>8.1} MiB", "memory after these downloads");
    Ok(())
}

/// The size of the program beside what it is to have at most.
#[expect(clippy::print_stdout, reason = "a program for people")]
fn binary_size(program: &str) -> io::Result<()> {
    let (size, most) = (mebibytes(std::fs::metadata(program)?.len()), mebibytes(BINARY_LIMIT));
    println!(
        "{:<44} {size:>8.1} MiB {most:>8.1} MiB {:>7.2}",
        "release binary, against its limit",
        size / most
    );
    Ok(())
}

fn mebibytes(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) / 1024.0
}

/// The medians of both sides for a file of 1 KiB: process start, login, download, exit.
async fn cold_download(program: &str, tls: Tls) -> io::Result<(Duration, Duration)> {
    let server = RealServer::start(Product::Vsftpd, tls).await.map_err(io::Error::other)?;
    server.seed("file.bin", [7; 1024])?;
    let authority = server.home().with_file_name("authority.pem");
    std::fs::write(&authority, server.ca_pem())?;
    let message = download_message(&server, tls);
    let url = format!("ftp://{}:{}@{}/file.bin", server.username(), server.password(), server.address());
    let (mut ours, mut curls) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(timed(Command::new(program).arg("run"), message.as_bytes())?);
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", &url]);
        if tls != Tls::Off {
            curl.arg("--ssl-reqd").arg("--cacert").arg(&authority);
        }
        curls.push(timed(&mut curl, b"")?);
    }
    Ok((median(ours), median(curls)))
}

/// The start message that fetches the small file.
fn download_message(server: &RealServer, tls: Tls) -> String {
    message(server, tls, "download", r#"{"path":"file.bin"}"#)
}

fn message(server: &RealServer, tls: Tls, action: &str, input: &str) -> String {
    let authority = server.ca_pem().replace('\n', "\\n");
    format!(
        r#"{{"version":"v1","type":"action_start","body":{{"action":"{action}","input":{input},
        "connection":{{"host":"{}","passive":true,"secure":{},"ca_certificate":"{authority}",
        "credentials":{{"username":"{}","password":"{}"}}}}}}}}"#,
        server.address(),
        tls != Tls::Off,
        server.username(),
        server.password()
    )
}

/// The time from start to exit. A side that fails ends the measurement: its time would mean nothing.
fn timed(command: &mut Command, stdin: &[u8]) -> io::Result<Duration> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(stdin)?;
    }
    let output = child.wait_with_output()?;
    let took = began.elapsed();
    if output.status.success() {
        return Ok(took);
    }
    Err(io::Error::other(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr))))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
