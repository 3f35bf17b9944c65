//! Files of 1 GiB and folders of 100,000 entries, beside the command lines that people would use instead.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64_simd::STANDARD;
use ftp_testkit::{Product, RealServer, Tls};

use crate::run::{Run, in_turns, timed};
use crate::{http, message};

/// Bytes of the file.
const SIZE: u64 = 1 << 30;

/// Bytes that are encoded at a time; a multiple of three.
const BLOCK: usize = 3 << 20;

/// Entries of the folder.
const ENTRIES: usize = 100_000;

/// How often each side of a row runs; odd, so that the median is a run.
const RUNS: usize = 5;

/// A server with the large file, and the start messages that fetch it and put it.
struct Place {
    server: RealServer,
    tls: Tls,
    /// The files of start messages, and the file's text alone.
    download: PathBuf,
    undigested: PathBuf,
    upload: PathBuf,
    text: PathBuf,
}

impl Place {
    async fn make(tls: Tls) -> io::Result<Self> {
        let server = RealServer::start(Product::Vsftpd, tls).await.map_err(io::Error::other)?;
        let file = server.seed("large.bin", [])?;
        let beside = |name: &str| server.home().with_file_name(name);
        let (download, undigested) = (beside("download.json"), beside("undigested.json"));
        let (upload, text) = (beside("upload.json"), beside("large.b64"));
        std::fs::write(beside("authority.pem"), server.ca_pem())?;
        fill(&file)?;
        encode(&file, &text)?;
        let fetch = |input| message(&server, tls, "download", input);
        std::fs::write(&download, fetch(r#"{"path":"large.bin"}"#))?;
        std::fs::write(&undigested, fetch(r#"{"path":"large.bin","sha256":false}"#))?;
        let whole = message(&server, tls, "upload", r#"{"remote_path":"put.bin","file_content":"@"}"#);
        let (head, tail) = whole.split_once('@').unwrap_or_default();
        let mut to = BufWriter::new(File::create(&upload)?);
        to.write_all(head.as_bytes())?;
        io::copy(&mut File::open(&text)?, &mut to)?;
        to.write_all(tail.as_bytes())?;
        to.flush()?;
        Ok(Self { server, tls, download, undigested, upload, text })
    }

    /// Removes what the last upload left. Where a file is replaced, ext4 writes the new one to the disk before the server may
    /// close it, which takes longer than the upload and is nothing that a client could do something about.
    fn clear(&self) -> io::Result<()> {
        ["put.bin", "peer.bin"].iter().try_for_each(|name| {
            match std::fs::remove_file(self.server.home().join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        })
    }

    /// curl, quiet and with the same demands on TLS as ours.
    fn curl(&self, path: &str) -> String {
        let server = &self.server;
        let tls = match self.tls {
            Tls::Off => String::new(),
            _ => format!("--ssl-reqd --cacert {}", server.home().with_file_name("authority.pem").display()),
        };
        format!(
            "curl --silent --show-error --fail {tls} ftp://{}:{}@{}/{path}",
            server.username(),
            server.password(),
            server.address()
        )
    }
}

/// Prints the rows of one setting of TLS.
pub(crate) async fn rows(program: &str, tls: Tls, name: &str) -> io::Result<()> {
    let place = Place::make(tls).await?;
    let ours = |message: &Path| timed(Command::new(program).arg("run"), Some(message));
    let shell = |line: String, stdin: Option<&Path>| {
        timed(Command::new("bash").args(["-o", "pipefail", "-c", &line]), stdin)
    };
    let fetch = || shell(format!("{} | base64 --wrap=0", place.curl("large.bin")), None);
    let undigested = in_turns(RUNS, || ours(&place.undigested), fetch)?;
    row(&format!("download 1 GiB{name}, no SHA-256"), "curl | base64", undigested);
    let download = in_turns(RUNS, || ours(&place.download), fetch)?;
    row(&format!("download 1 GiB{name}"), "curl | base64", download);
    let put = || place.clear().and_then(|()| ours(&place.upload));
    let put_by_curl = || {
        place.clear()?;
        shell(format!("base64 --decode | {} -T -", place.curl("peer.bin")), Some(&place.text))
    };
    row(&format!("upload 1 GiB{name}"), "base64 -d | curl", in_turns(RUNS, put, put_by_curl)?);
    if tls == Tls::Off {
        let http = http::Http::start(program)?;
        let get = || ours(&place.download);
        let get_over_http = || http.post_file("download", &place.download);
        row("download 1 GiB through HTTP", "stdin", in_turns(RUNS, get_over_http, get)?);
        let put_over_http = || place.clear().and_then(|()| http.post_file("upload", &place.upload));
        row("upload 1 GiB through HTTP", "stdin", in_turns(RUNS, put_over_http, put)?);
    }
    Ok(())
}

/// Prints the row of a large folder.
pub(crate) async fn listing(program: &str) -> io::Result<()> {
    let server = RealServer::start(Product::Vsftpd, Tls::Off).await.map_err(io::Error::other)?;
    let folder = server.seed_folder("many")?;
    for number in 0..ENTRIES {
        File::create(folder.join(format!("file-{number:06}.txt")))?;
    }
    let url = format!("ftp://{}:{}@{}/many/", server.username(), server.password(), server.address());
    let ours = || timed(Command::new(program).args(["ls", &url]), None);
    let curl = || timed(Command::new("curl").args(["--silent", "--show-error", "--fail", &url]), None);
    row("list 100,000 entries", "curl, raw LIST", in_turns(RUNS, ours, curl)?);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program for people")]
fn row(name: &str, peer_name: &str, (ours, peer): (Run, Run)) {
    let (wall, of_peer) = (ours.wall.as_secs_f64(), peer.wall.as_secs_f64());
    println!("{name:<34} {wall:>8.2} s  {of_peer:>8.2} s  {:>6.2}   {peer_name}", wall / of_peer);
    let processor = if peer.processor > 0.0 { ours.processor / peer.processor } else { f64::NAN };
    println!(
        "{:<34} {:>8.2} s  {:>8.2} s  {processor:>6.2}",
        "  processor time", ours.processor, peer.processor
    );
    let (ours, peer) = (crate::mebibytes(ours.peak), crate::mebibytes(peer.peak));
    println!("{:<34} {ours:>6.1} MiB  {peer:>6.1} MiB", "  peak memory");
}

/// Fills a file with bytes that no compression could make smaller.
fn fill(file: &Path) -> io::Result<()> {
    let mut random = File::open("/dev/urandom")?.take(SIZE);
    io::copy(&mut random, &mut File::create(file)?).map(drop)
}

fn encode(from: &Path, to: &Path) -> io::Result<()> {
    let (mut from, mut to) = (BufReader::new(File::open(from)?), BufWriter::new(File::create(to)?));
    loop {
        let mut block = Vec::with_capacity(BLOCK);
        if from.by_ref().take(BLOCK as u64).read_to_end(&mut block)? == 0 {
            return to.flush();
        }
        to.write_all(STANDARD.encode_to_string(&block).as_bytes())?;
    }
}
