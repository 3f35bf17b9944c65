//! A server that says what its script says, and notices when the client does not.
//!
//! What a real server would do only once in a thousand runs (a reply split between packets, a connection lost
//! in the middle of a transfer, a reply that belongs to no command) is one line here.

mod player;
mod port;
mod script;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::JoinSet;

use crate::background::runtime;
use crate::certificate::Identity;
use crate::real::TlsVersions;
use crate::server_tls::ServerTls;
use player::{Deviation, Player};
use script::Script;

/// What a scripted server says and expects, one script for each control connection in the order they arrive.
///
/// Leading blanks of a line, empty lines and lines that start with `#` do not count. A line `---` separates
/// the scripts of successive connections. Every wait for the client ends after 10 seconds and fails the test.
///
/// | line | meaning |
/// |---|---|
/// | `S: text` | send the text and CRLF |
/// | `S+: text` | send the text with the escapes `\r` `\n` `\t` `\\` `\xNN`, and no line end |
/// | `C: text` | expect exactly this line |
/// | `C: USER *`, `C: *` | expect a line that starts so; any line |
/// | `D> text` | accept the data connection if none is open, and send the text, with escapes |
/// | `D<` | accept it likewise, read to the end, and keep the bytes for [`ScriptedServer::uploads`] |
/// | `D< text` | the same, and expect exactly these bytes, with escapes |
/// | `D: open` | accept the data connection and send nothing |
/// | `D: listen` | begin to listen on the port of `{closed}`, which until then refuses |
/// | `D: plain` | accept it without TLS, whatever was agreed on |
/// | `D: forged` | accept it with a certificate of another authority, at which the client has to leave |
/// | `D: connect` | active mode: connect to where the last PORT or EPRT points |
/// | `D: stranger` | the same from another address of the loopback (Linux), and wait to be turned away |
/// | `D: close` | end the data connection in order (over TLS with `close_notify`) |
/// | `D: cut` | end its TCP stream in order but not its TLS: a truncated transfer |
/// | `D: reset` | end it with a TCP reset |
/// | `T: tls` | do the server's side of a TLS handshake, with a certificate of [`ScriptedServer::ca_pem`] |
/// | `T: hello` | expect the beginning of a TLS handshake, and leave it unanswered |
/// | `T: no tls` | as `T: tls`, and expect that the handshake fails |
/// | `T: forged` | as `T: no tls`, with a certificate of another authority |
/// | `T: forget` | know nothing any more of the TLS sessions and tickets there were: later handshakes are full ones |
/// | `T: eof` | expect that the client closes the control connection |
/// | `T: gone` | the same, but read and forget what it says until then |
/// | `T: pause` | say nothing for one second |
/// | `T: hang` | say nothing more, until the client leaves |
/// | `T: close`, `T: reset` | end the control connection, in order or with a TCP reset |
/// | `T: cut` | end its TCP stream in order but not its TLS |
/// | `S*: text`, `D*: text` | send the text, with escapes, again and again, until the client leaves; after `D*:` the script may go on |
/// | `S~: text`, `D~: text` | the same, one byte every 50 milliseconds |
///
/// In `S:` and `S+:` lines `{port}` (EPSV), `{pasv}` (`127,0,0,1,p1,p2`) and `{p1}`, `{p2}` stand for a port
/// that listens for the next data connection from then on; `{closed}` for a port that refuses connections;
/// `{filtered}` for one that answers nothing at all, as behind a firewall (Linux only). After `PROT P` data connections use TLS.
///
/// After its last line a script expects nothing: the client may leave or stay, but not say more.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// use ftp_testkit::Transcript;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// let server = Transcript::parse(
///     "S: 220 ready
///      C: NOOP
///      S: 200 still here",
/// )
/// .start()
/// .await;
///
/// let mut client = tokio::net::TcpStream::connect(server.address()).await?;
/// client.write_all(b"NOOP\r\n").await?;
/// let mut replies = [0; 27];
/// client.read_exact(&mut replies).await?;
/// assert_eq!(&replies, b"220 ready\r\n200 still here\r\n");
///
/// server.finish().await;
/// assert_eq!(server.received(), ["NOOP"]);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Transcript {
    scripts: Vec<Script>,
    tls: ServerTls,
}

/// A transcript being played on a free port of the loopback; dropping it ends it unchecked.
#[derive(Debug)]
#[must_use = "without `finish` nobody hears that the client left its script"]
pub struct ScriptedServer {
    address: SocketAddr,
    tls: Arc<ServerTls>,
    record: Arc<Record>,
    finishing: watch::Sender<bool>,
    /// The one task that accepts and plays; dropped, and so ended, with the server.
    playing: AsyncMutex<JoinSet<()>>,
}

impl Transcript {
    /// Reads a transcript.
    ///
    /// # Panics
    ///
    /// When a line is none of those in the table: a test with a wrong script cannot go on.
    pub fn parse(text: &str) -> Self {
        let mut scripts = vec![String::new()];
        for line in text.lines() {
            match (line.trim(), scripts.last_mut()) {
                ("---", _) | (_, None) => scripts.push(String::new()),
                (_, Some(script)) => script.extend([line, "\n"]),
            }
        }
        let tls = ServerTls {
            identity: Identity::generate(),
            versions: TlsVersions::Default,
            demands_certificate: false,
        };
        Self { scripts: scripts.iter().map(|script| Script::parse(script)).collect(), tls }
    }

    /// Shows this certificate instead of one of the usual kind.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.tls.identity = identity;
        self
    }

    /// Speaks only these versions of TLS.
    #[must_use]
    pub fn with_versions(mut self, versions: TlsVersions) -> Self {
        self.tls.versions = versions;
        self
    }

    /// Turns clients away that show no certificate of their own.
    #[must_use]
    pub fn demanding_a_certificate(mut self) -> Self {
        self.tls.demands_certificate = true;
        self
    }

    /// Starts to play on 127.0.0.1; when this returns, clients can connect.
    ///
    /// # Panics
    ///
    /// When the loopback has no free port.
    pub async fn start(self) -> ScriptedServer {
        let started = self.start_on(Ipv4Addr::LOCALHOST).await;
        started.unwrap_or_else(|error| panic!("no port for a scripted server: {error}"))
    }

    /// As [`start`](Self::start), on another address of this machine, such as `::1`; data connections go there
    /// as well.
    ///
    /// # Errors
    ///
    /// When the machine has no such address.
    #[expect(clippy::unused_async, reason = "tests start every kind of server in the same way")]
    pub async fn start_on(self, ip: impl Into<IpAddr>) -> io::Result<ScriptedServer> {
        let listener = std::net::TcpListener::bind((ip.into(), 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let tls = Arc::new(self.tls);
        let record = Arc::new(Record::default());
        let (finishing, finish) = watch::channel(false);
        let stage =
            Stage { config: tls.config(), tls: tls.clone(), record: record.clone(), finishing: finish };
        let mut playing = JoinSet::new();
        playing.spawn_on(stage.play_all(listener, self.scripts), runtime());
        Ok(ScriptedServer { address, tls, record, finishing, playing: AsyncMutex::new(playing) })
    }
}

impl ScriptedServer {
    /// Where the server listens: 127.0.0.1, or what it was started on, and its port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority that signed the certificate of `T: tls`, as PEM.
    pub fn ca_pem(&self) -> &str {
        self.tls.identity.ca_pem()
    }

    /// SHA-256 of the certificate of `T: tls` (DER), in lower-case hexadecimal.
    pub fn certificate_sha256(&self) -> String {
        self.tls.identity.certificate_sha256()
    }

    /// Every line that came over control connections so far, in order of arrival, without line ends. What is
    /// not UTF-8 text ended by CRLF is shown with escapes.
    pub fn received(&self) -> Vec<String> {
        self.record.locked().lines.clone()
    }

    /// What each `D<` has read so far.
    pub fn uploads(&self) -> Vec<Vec<u8>> {
        self.record.locked().uploads.clone()
    }

    /// Waits until every script has been played, and ends the server.
    ///
    /// # Panics
    ///
    /// With the scripts and what came instead, when the client left its script, did not play it to the end,
    /// made fewer connections than there are scripts, or more.
    pub async fn finish(&self) {
        self.finishing.send_replace(true);
        if let Some(Err(error)) = self.playing.lock().await.join_next().await {
            panic!("the scripted server failed: {error}");
        }
        let deviations = std::mem::take(&mut self.record.locked().deviations);
        assert!(deviations.is_empty(), "{}", deviations.join("\n"));
    }
}

/// What the players have seen.
#[derive(Debug, Default)]
struct Record(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    lines: Vec<String>,
    uploads: Vec<Vec<u8>>,
    deviations: Vec<String>,
}

impl Record {
    fn line(&self, line: &str) {
        self.locked().lines.push(line.to_owned());
    }

    fn upload(&self, bytes: Vec<u8>) {
        self.locked().uploads.push(bytes);
    }

    fn deviation(&self, text: String) {
        self.locked().deviations.push(text);
    }

    fn locked(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all connections of one server share.
struct Stage {
    tls: Arc<ServerTls>,
    /// One for all connections: a ticket of one is good for the others.
    config: Arc<ServerConfig>,
    record: Arc<Record>,
    finishing: watch::Receiver<bool>,
}

impl Stage {
    /// Gives each connection its script, all of them at once: a client may hold several connections.
    async fn play_all(mut self, listener: std::net::TcpListener, scripts: Vec<Script>) {
        let listener = TcpListener::from_std(listener)
            .unwrap_or_else(|error| panic!("the listener is unusable: {error}"));
        let mut scripts = scripts.into_iter().enumerate();
        let mut players = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                accepted = listener.accept() => accepted,
                _ = self.finishing.wait_for(|finishing| *finishing) => break,
            };
            let (stream, _) = accepted.unwrap_or_else(|error| panic!("cannot accept: {error}"));
            let Some((index, script)) = scripts.next() else {
                self.record
                    .deviation("the client made one connection more than there are scripts".to_owned());
                continue;
            };
            let (record, finishing) = (self.record.clone(), self.finishing.clone());
            let (tls, config) = (self.tls.clone(), self.config.clone());
            players.spawn(async move {
                let player = Player::new(stream, tls, config, record.clone(), finishing);
                let player = player.unwrap_or_else(|error| panic!("cannot play: {error}"));
                if let Err(deviation) = player.play(&script).await {
                    record.deviation(report(index, &script, &deviation));
                }
            });
        }
        for (index, script) in scripts {
            let found = "the client never made this connection".to_owned();
            self.record.deviation(report(index, &script, &Deviation { step: 0, found }));
        }
        players.join_all().await;
    }
}

/// The script of a connection, with a mark where the client left it.
fn report(index: usize, script: &Script, deviation: &Deviation) -> String {
    let mut text = format!("the client left the script of connection {}:\n", index + 1);
    for (step, line) in script.steps.iter().enumerate() {
        let mark = if step == deviation.step { '-' } else { ' ' };
        text.extend([format!("{mark} {}\n", line.line)]);
        if step == deviation.step {
            text.extend([format!("+ {}\n", deviation.found)]);
        }
    }
    if deviation.step >= script.steps.len() {
        text.extend([format!("+ {}\n", deviation.found)]);
    }
    text
}

#[cfg(test)]
mod tests;
