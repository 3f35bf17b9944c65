//! Measures the program against its peers on the same server in the same run: `ci/bench` builds and calls it.
//!
//! Each row runs both sides in turns, so that whatever else the machine does hits both, and compares medians. The number
//! that counts is the ratio; the times are this machine's.

use std::io::{self, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use ftp_testkit::{Product, RealServer, Tls, TlsVersions};

/// How often each side of a row runs; odd, so that the median is a run.
const RUNS: usize = 101;

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]
async fn main() -> ExitCode {
    let Some(program) = std::env::args().nth(1) else {
        eprintln!("usage: ftp-bench PROGRAM");
        return ExitCode::from(2);
    };
    println!("{:<36} {:>10} {:>10} {:>7}", "vsftpd on loopback, median of 101", "ours", "curl", "ratio");
    for (name, tls) in [
        ("cold 1 KiB download, whole process", Tls::Off),
        ("the same over TLS", Tls::On(TlsVersions::Default)),
    ] {
        match cold_download(&program, tls).await {
            Ok((ours, curl)) => println!(
                "{name:<36} {:>7.2} ms {:>7.2} ms {:>7.2}",
                ours.as_secs_f64() * 1e3,
                curl.as_secs_f64() * 1e3,
                ours.as_secs_f64() / curl.as_secs_f64()
            ),
            Err(error) => {
                eprintln!("{name}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// The medians of both sides for a file of 1 KiB: process start, login, download, exit.
async fn cold_download(program: &str, tls: Tls) -> io::Result<(Duration, Duration)> {
    let server = RealServer::start(Product::Vsftpd, tls).await.map_err(io::Error::other)?;
    server.seed("file.bin", [7; 1024])?;
    let authority = server.home().with_file_name("authority.pem");
    std::fs::write(&authority, server.ca_pem())?;
    let message = message(&server, tls);
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

fn message(server: &RealServer, tls: Tls) -> String {
    let authority = server.ca_pem().replace('\n', "\\n");
    format!(
        r#"{{"version":"v1","type":"action_start","body":{{"action":"download","input":{{"path":"file.bin"}},
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
