//! The client against every hostile server of the test kit: each has to end as its row says, in time, within a bounded
//! memory, and without a command that the operation does not imply.
//!
//! Few of them are played at once, and nothing else beside them, because the heap's peak belongs to the whole process.

#![expect(clippy::unwrap_used, reason = "a test states its expectations by unwrapping")]

use std::sync::Arc;
use std::time::Instant;

use ftp_client::{
    Client, Config, ConnectFault, Credentials, DataMode, Error, Limits, LostCause, Retries, Session,
    TlsConfig, TlsMode, Verification,
};
use ftp_proto::{Command, Entry, RemotePath};
use ftp_testkit::{Ending, Fault, HostileServer, Operation, ScriptedServer, Security};
use peak_alloc::PeakAlloc;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// More names than any row but a flood has, so that keeping them is no part of what is measured.
const MOST_NAMES: usize = 100;

/// How many servers that stay silent are waited for at once; the bound on memory holds for all of them together.
const SILENT_AT_ONCE: usize = 8;

/// Who plays has the heap's peak for itself.
static ALONE: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_flood_and_no_lie_hurts() {
    let _alone = ALONE.lock().await;
    let servers = HostileServer::all().into_iter().filter(|hostile| !hostile.is_silent());
    let mut complaints = Vec::new();
    for hostile in servers {
        complaints.extend(play_together(vec![hostile]).await);
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_silence_hurts() {
    let _alone = ALONE.lock().await;
    let servers: Vec<_> = HostileServer::all().into_iter().filter(HostileServer::is_silent).collect();
    let mut complaints = Vec::new();
    for together in servers.chunks(SILENT_AT_ONCE) {
        complaints.extend(play_together(together.to_vec()).await);
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Plays rows side by side, looks at the memory that they take together, and says what is wrong with how they ended.
async fn play_together(servers: Vec<HostileServer>) -> Vec<String> {
    let names: Vec<_> = servers.iter().map(HostileServer::name).collect();
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let mut playing = JoinSet::<Vec<String>>::new();
    for hostile in servers {
        playing.spawn(async move {
            let complaints = play(&hostile).await;
            complaints.into_iter().map(|complaint| format!("{}: {complaint}", hostile.name())).collect()
        });
    }
    let mut complaints: Vec<String> = playing.join_all().await.concat();
    let grown = HEAP.peak_usage().saturating_sub(before);
    if grown > HostileServer::MEMORY {
        complaints.push(format!("{}: the heap grew by {grown} bytes", names.join(", ")));
    }
    complaints
}

/// Plays one row.
async fn play(hostile: &HostileServer) -> Vec<String> {
    let server = Arc::new(hostile.start().await);
    let client = Client::new(config(hostile, &server)).unwrap();
    let mut complaints = Vec::new();

    let mut session = None;
    let began = Instant::now();
    let attempt = attempt(&client, &mut session, hostile.operation());
    let ended = tokio::time::timeout(2 * HostileServer::TIME, attempt).await;
    let took = began.elapsed();
    if took > HostileServer::TIME {
        complaints.push(format!("took {took:?}"));
    }
    match ended {
        Err(_) => complaints.push("did not end".to_owned()),
        Ok(ended) => complaints.extend(compare(hostile, ended, session.as_mut()).await),
    }
    let excess = server.received().into_iter().filter(|line| !is_implied(hostile, line));
    complaints.extend(excess.map(|line| format!("the client said `{line}`")));
    drop(session);
    let finished = tokio::spawn({
        let server = server.clone();
        async move { server.finish().await }
    });
    if let Err(panic) = finished.await {
        complaints.push(panic.into_panic().downcast_ref::<String>().unwrap().clone());
    }
    complaints
}

fn config(hostile: &HostileServer, server: &ScriptedServer) -> Config {
    let mode = match hostile.security() {
        Security::Off => None,
        Security::Explicit => Some(TlsMode::Explicit),
        Security::Implicit => Some(TlsMode::Implicit),
    };
    let verification = Verification::authorities_from_pem(server.ca_pem()).unwrap();
    Config {
        port: server.address().port(),
        timeout: hostile.timeout(),
        data_mode: if hostile.is_active() { DataMode::Active } else { DataMode::Passive },
        tls: mode.map(|mode| TlsConfig { mode, verification }),
        // One attempt is judged; that attempts have an end is for the tests of retries.
        retries: Retries::none(),
        // Small enough for floods to reach them soon, and far beyond what an honest row sends.
        limits: Limits { listing_entries: 20_000, listing_bytes: 64 << 20, download_bytes: Some(4 << 20) },
        ..Config::new(
            server.address().ip().to_string(),
            Credentials::parse("user", HostileServer::PASSWORD).unwrap(),
        )
    }
}

/// Does what the row asks for. The result is text as [`Ending::Gives`] has it.
async fn attempt(client: &Client, kept: &mut Option<Session>, operation: Operation) -> Result<String, Error> {
    let session = kept.insert(client.connect().await?);
    let (f, g, folder) = (path("f"), path("g"), path("in"));
    match operation {
        Operation::Connect => Ok(String::new()),
        Operation::List => list(session, &folder).await,
        Operation::ListText => {
            session.listing_text(&folder).await.map(|text| text.escape_ascii().to_string())
        }
        Operation::Download => download(session, &f).await,
        Operation::Upload => upload(session, &f, b"hello", 1).await,
        Operation::UploadLarge => upload(session, &f, &vec![7; 1 << 20], 32).await,
        Operation::Stat => Ok(session.stat(&f).await?.map_or("none".to_owned(), |entry| facts(&entry))),
        Operation::Delete => {
            session.delete(&f).await?;
            session.delete(&g).await.map(|()| String::new())
        }
        Operation::Rename => session.rename(&f, &g).await.map(|()| String::new()),
    }
}

async fn list(session: &mut Session, folder: &RemotePath) -> Result<String, Error> {
    let mut listing = session.list(folder).await?;
    let mut lines = Vec::new();
    while let Some(entry) = listing.next().await? {
        assert_no_second_command(folder, &entry.name);
        if lines.len() < MOST_NAMES {
            lines.push(entry.name.escape_ascii().to_string());
        }
    }
    if listing.unrecognized().count > 0 {
        lines.push(format!("?{}", listing.unrecognized().count));
    }
    Ok(lines.join("\n"))
}

/// Whatever a listing calls its entry, asking for it is one command or refused before it is sent.
fn assert_no_second_command(folder: &RemotePath, name: &[u8]) {
    let Ok(path) = folder.join(name) else { return };
    let line = Command::Retr(path).encode();
    let ends = line.iter().filter(|byte| matches!(byte, b'\r' | b'\n' | b'\0')).count();
    assert!(ends == 2 && line.ends_with(b"\r\n"), "{}", line.escape_ascii());
}

async fn download(session: &mut Session, path: &RemotePath) -> Result<String, Error> {
    let mut download = session.download(path).await?;
    let (mut bytes, mut block) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match download.read(&mut block).await? {
            0 => return Ok(bytes.escape_ascii().to_string()),
            read if bytes.len() < MOST_NAMES => bytes.extend_from_slice(&block[..read]),
            _ => {}
        }
    }
}

async fn upload(
    session: &mut Session,
    path: &RemotePath,
    block: &[u8],
    blocks: usize,
) -> Result<String, Error> {
    let mut upload = session.upload(path).await?;
    for _ in 0..blocks {
        upload.write(block).await?;
    }
    upload.finish().await.map(|_| String::new())
}

fn facts(entry: &Entry) -> String {
    let kind = format!("{:?}", entry.kind).to_lowercase();
    format!("{kind} {}", entry.size.map_or("?".to_owned(), |size| size.to_string()))
}

fn path(text: &str) -> RemotePath {
    RemotePath::parse(text).unwrap()
}

/// Compares the end with the row's, and looks whether it left anything behind that can hurt later.
async fn compare(
    hostile: &HostileServer,
    ended: Result<String, Error>,
    session: Option<&mut Session>,
) -> Vec<String> {
    let mut complaints = Vec::new();
    let error = match ended {
        Ok(given) => {
            if *hostile.ending() != Ending::Gives(given.clone()) {
                complaints.push(format!("gave `{given}`, not {:?}", hostile.ending()));
            }
            return complaints;
        }
        Err(error) => error,
    };
    if *hostile.ending() != Ending::Fails(fault(&error)) {
        complaints.push(format!("failed with {error:?}, not {:?}", hostile.ending()));
    }
    let told = error.to_string();
    if told.contains(char::is_control) {
        complaints.push(format!("the error can drive a terminal: {told:?}"));
    }
    if format!("{told}{error:?}").contains(HostileServer::PASSWORD) {
        complaints.push("the error shows the password".to_owned());
    }
    if let Some(session) = session
        && matches!(error, Error::Timeout { .. } | Error::Lost(_))
    {
        complaints.extend(reuse(session).await);
    }
    complaints
}

/// After a timeout or a loss the next reply may belong to what was given up, so nothing may be sent any more. That
/// nothing was is for the server's script to say.
async fn reuse(session: &mut Session) -> Option<String> {
    if session.is_usable() {
        return Some("the session can still be used".to_owned());
    }
    match session.delete(&path("again")).await {
        Err(Error::Lost(LostCause::Poisoned)) => None,
        other => Some(format!("the session was used again: {other:?}")),
    }
}

fn fault(error: &Error) -> Fault {
    match error {
        Error::Connect { fault: ConnectFault::NotFtp { .. } | ConnectFault::SpeaksTls, .. } => Fault::NotFtp,
        Error::Connect { .. } => Fault::Connect,
        Error::Tls { .. } => Fault::Tls,
        Error::Login(_) => Fault::Login,
        Error::Rejected { .. } => Fault::Refused,
        Error::Protocol(_) => Fault::Protocol,
        Error::Data(_) => Fault::Data,
        Error::Timeout { .. } => Fault::Timeout,
        Error::Lost(_) => Fault::Lost,
        Error::Repeated { last, .. } => fault(last),
    }
}

/// Whether a line belongs to what the client was asked to do: the verb to the operation, the argument to its names.
fn is_implied(hostile: &HostileServer, line: &str) -> bool {
    let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
    let login = matches!(
        (verb, argument),
        ("AUTH", "TLS")
            | ("USER", "user")
            | ("PASS", HostileServer::PASSWORD)
            | ("PBSZ", "0")
            | ("PROT", "P")
            | ("TYPE", "I")
    );
    let route = matches!(verb, "EPSV" | "PASV" | "PORT" | "EPRT");
    let operation = match hostile.operation() {
        Operation::Connect => false,
        Operation::List | Operation::ListText => {
            route
                || matches!(
                    (verb, argument),
                    ("FEAT" | "PWD" | "LIST", "") | ("CWD" | "LIST" | "MLSD", "in") | ("CWD", "/home")
                )
        }
        Operation::Download => route || matches!((verb, argument), ("SIZE" | "MDTM" | "RETR", "f")),
        Operation::Upload | Operation::UploadLarge => route || (verb, argument) == ("STOR", "f"),
        Operation::Stat => matches!((verb, argument), ("FEAT", "") | ("MLST" | "SIZE" | "MDTM", "f")),
        Operation::Delete => matches!((verb, argument), ("DELE", "f" | "g")),
        Operation::Rename => matches!((verb, argument), ("RNFR", "f") | ("RNTO", "g")),
    };
    login || operation
}
