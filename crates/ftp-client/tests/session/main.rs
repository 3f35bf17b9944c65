//! The client against scripted servers: each test plays one conversation, line by line.

#![expect(clippy::unwrap_used, reason = "a test states its expectations by unwrapping")]

mod certificate;
mod clock;
mod data_connection;
mod diagnosis;
mod download;
mod implicit_tls;
mod ipv6;
mod limits;
mod listing;
mod login;
mod names_and_charsets;
mod odd_replies;
mod odd_servers;
mod poison;
mod pool;
mod proxy;
mod reach;
mod retry_connect;
mod retry_download;
mod retry_upload;
mod secrets;
mod stat;
mod tls;
mod tls_data;
mod upload;

use std::time::Duration;

use ftp_client::{Client, Config, Credentials, DataMode, Retries, Session, TlsConfig, TlsMode, Verification};
use ftp_proto::RemotePath;
use ftp_testkit::{ScriptedServer, Transcript};

/// The usual beginning of a conversation.
const LOGIN: &str = "S: 220 ready
    C: USER user
    S: 331 password, please
    C: PASS canary
    S: 230 welcome
    C: TYPE I
    S: 200 binary
";

/// The beginning over explicit TLS, up to the login.
const PROTECTED: &str =
    "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls\nC: USER user\nS: 331 pw\nC: PASS canary\nS: 230 in\n";

/// What follows it.
const PROT: &str = "C: PBSZ 0\nS: 200 ok\nC: PROT P\nS: 200 ok\nC: TYPE I\nS: 200 ok\n";

/// Starts a server that plays `script` after the usual login; `---` separates connections, each with its own login.
async fn play(script: &str) -> ScriptedServer {
    let scripts: Vec<String> = script.split("---").map(|script| format!("{LOGIN}{script}")).collect();
    Transcript::parse(&scripts.join("\n---\n")).start().await
}

/// For conversations in which everything is tried once.
fn config(server: &ScriptedServer) -> Config {
    let credentials = Credentials::parse("user", "canary").unwrap();
    Config {
        port: server.address().port(),
        timeout: Duration::from_secs(5),
        retries: Retries::none(),
        ..Config::new(server.address().ip().to_string(), credentials)
    }
}

/// For conversations in which what fails is tried again, after pauses that hold up no test.
fn persistent(server: &ScriptedServer) -> Config {
    let retries = Retries {
        attempts: 3,
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(4),
    };
    Config { retries, ..config(server) }
}

fn with_tls(server: &ScriptedServer) -> Config {
    verified_by(server, Verification::authorities_from_pem(server.ca_pem()).unwrap())
}

fn verified_by(server: &ScriptedServer, verification: Verification) -> Config {
    Config { tls: Some(TlsConfig { mode: TlsMode::Explicit, verification }), ..config(server) }
}

fn active(server: &ScriptedServer) -> Config {
    Config { data_mode: DataMode::Active, ..config(server) }
}

/// For conversations in which the server stays silent on purpose.
fn impatient(config: Config) -> Config {
    Config { timeout: Duration::from_secs(2), ..config }
}

async fn open(config: Config) -> Session {
    Client::new(config).unwrap().connect().await.unwrap()
}

async fn connect(server: &ScriptedServer) -> Session {
    open(config(server)).await
}

fn path(text: &str) -> RemotePath {
    RemotePath::parse(text).unwrap()
}

/// Downloads a whole file.
async fn fetch(session: &mut Session, name: &str) -> Result<Vec<u8>, ftp_client::Error> {
    let mut download = session.download(&path(name)).await?;
    let (mut bytes, mut block) = (Vec::new(), [0; 7]);
    loop {
        match download.read(&mut block).await? {
            0 => return Ok(bytes),
            read => bytes.extend_from_slice(&block[..read]),
        }
    }
}

/// Uploads a whole file.
async fn put(session: &mut Session, name: &str, bytes: &[u8]) -> Result<u64, ftp_client::Error> {
    let mut upload = session.upload(&path(name)).await?;
    upload.write(bytes).await?;
    upload.finish().await
}

/// The names in a folder.
async fn names(session: &mut Session, folder: &str) -> Result<Vec<String>, ftp_client::Error> {
    let mut listing = session.list(&path(folder)).await?;
    let mut names = Vec::new();
    while let Some(entry) = listing.next().await? {
        names.push(String::from_utf8_lossy(&entry.name).into_owned());
    }
    Ok(names)
}
