//! Plays one script on one control connection.

use std::io::{self, Read as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use self::hostility::refused_forgery;
use super::Record;
use super::port::{Filtered, unheard};
use super::script::{Action, Control, Data, Pattern, Script, unescape};
use crate::server_tls::ServerTls;
use crate::wire::Wire;

mod hostility;

/// How long the player waits for anything the client should do: far above any honest delay on the loopback,
/// and short enough that a client which hangs fails its test.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long `T: pause` lasts.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest line that a client may send, in bytes.
const LINE_LIMIT: usize = 64 * 1024;

/// One control connection, with the data connection that belongs to it.
pub(super) struct Player {
    control: Wire,
    /// Bytes of the control connection that are not yet a whole line.
    buffer: Vec<u8>,
    data: Option<Wire>,
    listener: Option<TcpListener>,
    /// Holds the port of `{closed}`: bound, so that nobody else gets it, and not listening.
    closed: Option<TcpSocket>,
    /// Keeps the port of `{filtered}` silent.
    filtered: Option<Filtered>,
    /// Where the client's last PORT or EPRT said it listens.
    active: Option<SocketAddr>,
    /// Whether the client's last PROT asked for TLS on data connections.
    protected: bool,
    tls: Arc<ServerTls>,
    config: Arc<ServerConfig>,
    record: Arc<Record>,
    /// Turns true when the test has nothing more to do.
    finishing: watch::Receiver<bool>,
}

/// Where and how a client left its script.
pub(super) struct Deviation {
    /// The step that could not be played; one past the last if all were.
    pub(super) step: usize,
    /// What happened instead.
    pub(super) found: String,
}

/// What happened instead of what the script says.
type Step<T = ()> = Result<T, String>;

impl Player {
    pub(super) fn new(
        control: TcpStream,
        tls: Arc<ServerTls>,
        config: Arc<ServerConfig>,
        record: Arc<Record>,
        finishing: watch::Receiver<bool>,
    ) -> io::Result<Self> {
        Ok(Self {
            control: Wire::new(control)?,
            buffer: Vec::new(),
            data: None,
            listener: None,
            closed: None,
            filtered: None,
            active: None,
            protected: false,
            tls,
            config,
            record,
            finishing,
        })
    }

    /// Plays the script to its end, or to the point where the client leaves it; the connection is closed
    /// then.
    pub(super) async fn play(mut self, script: &Script) -> Result<(), Deviation> {
        for (step, line) in script.steps.iter().enumerate() {
            let at = |found| Deviation { step, found };
            match &line.action {
                Action::Control(Control::Tls) => self = self.upgrade().await.map_err(at)?,
                Action::Control(Control::Hello) => self.hello().await.map_err(at)?,
                Action::Control(Control::Pause) => tokio::time::sleep(PAUSE).await,
                Action::Control(Control::Forget) => self.config = self.tls.config(),
                Action::Control(end) => return self.end(*end).await.map_err(at),
                Action::Endless(flow) if step + 1 == script.steps.len() => {
                    return self.flow(flow).await.map_err(at);
                }
                action => self.act(action).await.map_err(at)?,
            }
        }
        self.end_of_script().await.map_err(|found| Deviation { step: script.steps.len(), found })
    }

    async fn act(&mut self, action: &Action) -> Step {
        match action {
            Action::Send { text, raw } => self.send(text, *raw).await,
            Action::Expect(pattern) => self.expect(pattern).await,
            Action::SendData(bytes) => {
                let data = self.open_data().await?;
                within("to take the data", data.write(bytes)).await
            }
            Action::ReceiveData(expected) => self.receive_data(expected.as_deref()).await,
            Action::Data(Data::Open) => self.open_data().await.map(drop),
            Action::Data(Data::Listen) => self.listen_late(),
            Action::Data(Data::Plain) => self.open_plainly().await,
            Action::Data(Data::Forged) => self.open_forged().await,
            Action::Data(Data::Connect) => self.connect_data().await,
            Action::Data(Data::Stranger) => self.intrude().await,
            Action::Data(end) => self.end_data(*end).await,
            Action::Endless(flow) => {
                self.flow(flow).await?;
                self.data = None;
                Ok(())
            }
            Action::Control(_) => {
                unreachable!("handled where the player can be consumed")
            }
        }
    }

    async fn send(&mut self, text: &str, raw: bool) -> Step {
        let text = self.fill_in(text).await.map_err(|error| error.to_string())?;
        let bytes = if raw { unescape(&text) } else { format!("{text}\r\n").into_bytes() };
        within("to take the reply", self.control.write(&bytes)).await
    }

    /// Replaces the placeholders of a reply, and opens the ports that they name.
    async fn fill_in(&mut self, text: &str) -> io::Result<String> {
        let mut text = text.to_owned();
        let ip = self.control.socket().local_addr()?.ip();
        if ["{port}", "{pasv}", "{p1}", "{p2}"].iter().any(|placeholder| text.contains(placeholder)) {
            let listener = TcpListener::bind((ip, 0)).await?;
            let port = listener.local_addr()?.port();
            self.listener = Some(listener);
            self.data = None;
            let [p1, p2] = port.to_be_bytes();
            text = text
                .replace("{port}", &port.to_string())
                .replace("{pasv}", "127,0,0,1,{p1},{p2}")
                .replace("{p1}", &p1.to_string())
                .replace("{p2}", &p2.to_string());
        }
        if text.contains("{closed}") {
            let socket = unheard(ip)?;
            text = text.replace("{closed}", &socket.local_addr()?.port().to_string());
            self.closed = Some(socket);
        }
        if text.contains("{filtered}") {
            let filtered = Filtered::open(ip).await?;
            text = text.replace("{filtered}", &filtered.port()?.to_string());
            self.filtered = Some(filtered);
        }
        Ok(text)
    }

    async fn expect(&mut self, pattern: &Pattern) -> Step {
        match self.line().await? {
            Some(line) if pattern.matches(&line) => Ok(()),
            Some(line) => Err(format!("C: {line}")),
            None => Err("the client closed the connection".to_owned()),
        }
    }

    /// The client's next line, noted, or nothing when the client has left.
    async fn line(&mut self) -> Step<Option<String>> {
        timeout(PATIENCE, self.next_line()).await.map_err(|_| silence("to send a line"))?
    }

    async fn next_line(&mut self) -> Step<Option<String>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = readable(self.buffer.drain(..=end).as_slice());
                self.note(&line);
                return Ok(Some(line));
            }
            if self.buffer.len() > LINE_LIMIT {
                return Err(format!("a line of more than {LINE_LIMIT} bytes"));
            }
            // A client that went away with a reset has left, too.
            if self.control.read(&mut self.buffer).await.unwrap_or(0) == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(format!("half a line: {}", self.buffer.escape_ascii()))
                };
            }
        }
    }

    /// Remembers what later steps need to know of a line.
    fn note(&mut self, line: &str) {
        self.record.line(line);
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "PORT" => self.active = port_argument(argument),
            "EPRT" => self.active = eprt_argument(argument),
            "PROT" => self.protected = argument == "P",
            _ => {}
        }
    }

    /// The data connection: the one there is, or the next that the client opens to the passive port.
    async fn open_data(&mut self) -> Step<&mut Wire> {
        if self.data.is_none() {
            let listener = self.listener.as_ref().ok_or("the script has opened no passive port")?;
            let (stream, _) = within("to open the data connection", listener.accept()).await?;
            self.take_data(stream).await?;
        }
        self.data.as_mut().ok_or_else(|| "no data connection".to_owned())
    }

    fn listen_late(&mut self) -> Step {
        let socket = self.closed.take().ok_or("the script has named no port of `{closed}`")?;
        self.listener = Some(socket.listen(1).map_err(|error| error.to_string())?);
        self.data = None;
        Ok(())
    }

    async fn connect_data(&mut self) -> Step {
        let address = self.active.ok_or("the client has sent no PORT or EPRT that can be read")?;
        let stream = within("to accept the data connection", TcpStream::connect(address)).await?;
        self.take_data(stream).await
    }

    async fn take_data(&mut self, stream: TcpStream) -> Step {
        let mut data = Wire::new(stream).map_err(|error| error.to_string())?;
        if self.protected {
            data = within("to do the TLS handshake of the data", data.into_tls(self.config.clone())).await?;
        }
        self.data = Some(data);
        Ok(())
    }

    async fn receive_data(&mut self, expected: Option<&[u8]>) -> Step {
        let data = self.open_data().await?;
        let mut bytes = Vec::new();
        let end = within("to end the data", async {
            while data.read(&mut bytes).await? > 0 {}
            Ok(())
        })
        .await;
        self.data = None;
        let matches = expected.is_none_or(|expected| expected == bytes);
        let found = format!("D< {}", bytes.escape_ascii());
        self.record.upload(bytes);
        end.and(if matches { Ok(()) } else { Err(found) })
    }

    async fn end_data(&mut self, end: Data) -> Step {
        self.open_data().await?;
        let Some(data) = self.data.take() else { return Ok(()) };
        let ended = match end {
            Data::Cut => data.cut().await,
            Data::Reset => data.reset(),
            _ => {
                data.close_gently(PATIENCE);
                Ok(())
            }
        };
        ended.map_err(|error| error.to_string())
    }

    async fn upgrade(mut self) -> Step<Self> {
        if !self.buffer.is_empty() {
            return Err(format!("clear text before the handshake: {}", self.buffer.escape_ascii()));
        }
        let handshake = self.control.into_tls(self.config.clone());
        self.control = within("to do the TLS handshake", handshake).await?;
        Ok(self)
    }

    /// Takes the record with which a client begins a handshake (RFC 8446 §5.1: kind, version, length).
    async fn hello(&mut self) -> Step {
        let whole = |buffer: &[u8]| match buffer {
            [0x16, _, _, high, low, rest @ ..] => {
                rest.len() >= usize::from(u16::from_be_bytes([*high, *low]))
            }
            _ => false,
        };
        while !whole(&self.buffer) {
            let read = within("to begin a TLS handshake", self.control.read(&mut self.buffer)).await?;
            if read == 0 || self.buffer.first() != Some(&0x16) {
                return Err(format!("no TLS handshake: {}", self.buffer.escape_ascii()));
            }
        }
        self.buffer.clear();
        Ok(())
    }

    /// Does the handshake that is to fail, on either side.
    async fn fail_to_upgrade(self) -> Step {
        let handshake = async { Ok(self.control.into_tls(self.config.clone()).await) };
        match within("to do the TLS handshake", handshake).await? {
            // In TLS 1.3 the client's verdict may come after the server's part is done.
            Ok(mut wire) => match timeout(PATIENCE, wire.read(&mut Vec::new())).await {
                Ok(Ok(1..)) => Err("the handshake succeeded".to_owned()),
                Ok(Ok(0) | Err(_)) => Ok(()),
                Err(_) => Err(silence("to end the handshake")),
            },
            Err(_) => Ok(()),
        }
    }

    /// Plays a line with which the control connection ends.
    async fn end(mut self, end: Control) -> Step {
        match end {
            Control::Tls | Control::Hello | Control::Forget | Control::Pause => unreachable!("not an end"),
            Control::Forged => refused_forgery(self.control).await,
            Control::Gone => self.see_off().await,
            Control::NoTls => self.fail_to_upgrade().await,
            Control::Close => {
                self.control.close_gently(PATIENCE);
                Ok(())
            }
            Control::Cut => self.control.cut().await.map_err(|error| error.to_string()),
            Control::Reset => self.control.reset().map_err(|error| error.to_string()),
            Control::Eof => match self.line().await? {
                None => Ok(()),
                Some(line) => Err(format!("C: {line}")),
            },
            Control::Hang => {
                let mut finishing = self.finishing.clone();
                let left = async {
                    while self.next_line().await?.is_some() {}
                    Ok(())
                };
                tokio::select! {
                    left = timeout(PATIENCE, left) => left.unwrap_or_else(|_| Err(silence("to give up"))),
                    _ = finishing.wait_for(|finishing| *finishing) => Ok(()),
                }
            }
        }
    }

    /// After the last line: the client may leave, or stay until the test ends, and must not say anything
    /// more.
    async fn end_of_script(mut self) -> Step {
        let mut finishing = self.finishing.clone();
        let said = tokio::select! {
            biased;
            line = timeout(PATIENCE, self.next_line()) => line.map_err(|_| silence("to leave"))??,
            _ = finishing.wait_for(|finishing| *finishing) => self.unread(),
        };
        self.control.close_gently(PATIENCE);
        said.map_or(Ok(()), |line| Err(format!("C: {line}")))
    }

    /// What the client had sent when the test ended and nobody has read. The socket is asked past the
    /// runtime, which may not yet have heard of bytes that have already arrived. Over TLS such bytes may be
    /// its own, and say nothing.
    fn unread(&self) -> Option<String> {
        let Wire::Plain(socket) = &self.control else { return None };
        let mut bytes = self.buffer.clone();
        let mut rest = [0; 1024];
        let length = (&*SockRef::from(socket)).read(&mut rest).unwrap_or(0);
        bytes.extend_from_slice(&rest[..length]);
        (!bytes.is_empty()).then(|| readable(&bytes))
    }
}

/// Waits for something that is the client's turn.
async fn within<T>(what: &str, turn: impl Future<Output = io::Result<T>>) -> Step<T> {
    match timeout(PATIENCE, turn).await {
        Ok(done) => done.map_err(|error| format!("{error} while it was the client's turn {what}")),
        Err(_) => Err(silence(what)),
    }
}

fn silence(what: &str) -> String {
    format!("{} seconds passed in which it was the client's turn {what}", PATIENCE.as_secs())
}

/// A line as text, without its line end. What is not UTF-8 is escaped, and so is a line end that is not CRLF.
fn readable(line: &[u8]) -> String {
    let text = line.strip_suffix(b"\r\n").unwrap_or(line);
    match std::str::from_utf8(text) {
        Ok(text) if !text.contains(['\r', '\n', '\0']) => text.to_owned(),
        _ => text.escape_ascii().to_string(),
    }
}

/// `h1,h2,h3,h4,p1,p2` (RFC 959, section 4.1.2).
fn port_argument(argument: &str) -> Option<SocketAddr> {
    let numbers: Vec<u8> = argument.split(',').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let [h1, h2, h3, h4, p1, p2] = numbers.try_into().ok()?;
    Some(SocketAddr::new(IpAddr::from([h1, h2, h3, h4]), u16::from_be_bytes([p1, p2])))
}

/// `|protocol|address|port|` (RFC 2428, section 2).
fn eprt_argument(argument: &str) -> Option<SocketAddr> {
    let parts: Vec<&str> = argument.split('|').collect();
    let ["", "1" | "2", address, port, ""] = parts[..] else { return None };
    Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_addresses() {
        assert_eq!(port_argument("127,0,0,1,4,1"), Some(SocketAddr::from(([127, 0, 0, 1], 1025))));
        assert_eq!(port_argument("127,0,0,1,4"), None);
        assert_eq!(port_argument("127,0,0,1,4,256"), None);
        assert_eq!(eprt_argument("|1|127.0.0.1|1025|"), Some(SocketAddr::from(([127, 0, 0, 1], 1025))));
        assert_eq!(eprt_argument("|2|::1|1025|"), Some("[::1]:1025".parse().unwrap()));
        assert_eq!(eprt_argument("|3|127.0.0.1|1025|"), None);
    }

    #[test]
    fn odd_lines_stay_visible() {
        assert_eq!(readable("RETR ä\r\n".as_bytes()), "RETR ä");
        assert_eq!(readable(b"NOOP\n"), r"NOOP\n");
        assert_eq!(readable(b"\xff\xf4\xff\xf2ABOR\r\n"), r"\xff\xf4\xff\xf2ABOR");
    }
}
