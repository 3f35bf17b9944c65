//! Takes what clients POST to it, as the platform's dispatcher does, and answers as told: errors come when a
//! test wants them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::background::runtime;

/// The longest head of a request, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// The longest body, in bytes: an event with a large file in it.
const BODY_LIMIT: usize = 256 * 1024 * 1024;

/// An HTTP/1.1 server on a free port of the loopback that keeps the bodies of all POST requests; it ends when
/// dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// use std::time::Duration;
/// use tokio::io::AsyncWriteExt;
///
/// let collector = ftp_testkit::Collector::start([503, 200]);
/// let mut client = tokio::net::TcpStream::connect(collector.address()).await?;
/// client.write_all(b"POST /events HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}").await?;
/// assert_eq!(collector.wait_for(1, Duration::from_secs(5)).await, [b"{}"]);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    bodies: Arc<Bodies>,
    /// Every request is done in here, and ends with it.
    _serving: JoinSet<()>,
}

impl Collector {
    /// Starts to listen. The first request is answered with the first status, and so on; when all are used
    /// up, with the last again and again. Without any, the answer is 200.
    ///
    /// # Panics
    ///
    /// When the loopback has no free port.
    pub fn start(statuses: impl IntoIterator<Item = u16>) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .unwrap_or_else(|error| panic!("no port for a collector: {error}"));
        let address =
            listener.local_addr().unwrap_or_else(|error| panic!("a listener without an address: {error}"));
        let bodies = Arc::new(Bodies::new(statuses.into_iter().collect()));
        let mut serving = JoinSet::new();
        serving.spawn_on(accept(listener, bodies.clone()), runtime());
        Self { address, bodies, _serving: serving }
    }

    /// Where it listens: 127.0.0.1 and its port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a URL, `http://127.0.0.1:PORT`; every path below it takes bodies, too.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bodies that have come so far, in order, whatever their requests were answered.
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.bodies.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `count` bodies have come, and gives those that have.
    ///
    /// # Panics
    ///
    /// When there are fewer after the deadline.
    pub async fn wait_for(&self, count: usize, deadline: Duration) -> Vec<Vec<u8>> {
        let mut counter = self.bodies.counter.subscribe();
        // The deadline is measured by the kit's own clock, for the test's may be paused.
        let waiting = runtime().spawn(async move {
            tokio::time::timeout(deadline, counter.wait_for(|come| *come >= count)).await.is_ok()
        });
        let come = waiting.await.unwrap_or(false);
        let bodies = self.received();
        assert!(come, "{} of {count} bodies came within {deadline:?}", bodies.len());
        bodies
    }
}

/// What has come, and what to answer.
#[derive(Debug)]
struct Bodies {
    kept: Mutex<Vec<Vec<u8>>>,
    counter: watch::Sender<usize>,
    statuses: Vec<u16>,
}

impl Bodies {
    fn new(statuses: Vec<u16>) -> Self {
        Self { kept: Mutex::default(), counter: watch::Sender::new(0), statuses }
    }

    /// Keeps a body, and tells the status to answer.
    fn keep(&self, body: Vec<u8>) -> u16 {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let status = self.statuses.get(kept.len()).or(self.statuses.last()).copied().unwrap_or(200);
        kept.push(body);
        self.counter.send_replace(kept.len());
        status
    }
}

async fn accept(listener: std::net::TcpListener, bodies: Arc<Bodies>) {
    let listener =
        TcpListener::from_std(listener).unwrap_or_else(|error| panic!("the listener is unusable: {error}"));
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let bodies = bodies.clone();
        // A client that breaks off has nobody to tell; its test sees that no body came.
        connections.spawn(async move { serve(stream, &bodies).await.ok() });
    }
}

/// Answers the requests of one connection until the client has no more.
async fn serve(mut stream: TcpStream, bodies: &Bodies) -> io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(head) = head(&mut stream, &mut buffer).await? {
        let status = match Request::parse(&head) {
            Request::Post { length } if length <= BODY_LIMIT => {
                bodies.keep(body(&mut stream, &mut buffer, length).await?)
            }
            Request::Post { .. } => return answer(&mut stream, 413).await,
            Request::PostWithoutLength => return answer(&mut stream, 411).await,
            Request::Other => 405,
        };
        answer(&mut stream, status).await?;
    }
    Ok(())
}

/// Reads up to the empty line that ends a request's head; nothing when the client has left.
async fn head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = buffer.drain(..end + 4).collect::<Vec<u8>>();
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
        if buffer.len() > HEAD_LIMIT {
            return Err(io::Error::other("the head of a request is too long"));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

async fn body(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(buffer.drain(..length).collect())
}

async fn answer(stream: &mut TcpStream, status: u16) -> io::Result<()> {
    let text = format!("HTTP/1.1 {status} Told So\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(text.as_bytes()).await
}

/// What there is to know of a request before its body.
enum Request {
    Post {
        length: usize,
    },
    /// Perhaps chunked, which a client that knows its body has no need of.
    PostWithoutLength,
    Other,
}

impl Request {
    fn parse(head: &str) -> Self {
        if !head.starts_with("POST ") {
            return Self::Other;
        }
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok());
        length.map_or(Self::PostWithoutLength, |length| Self::Post { length })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    /// Sends a request and hears the status.
    fn say(stream: &mut std::net::TcpStream, request: &str) -> String {
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        String::from_utf8(answer).unwrap().split(' ').nth(1).unwrap().to_owned()
    }

    #[tokio::test]
    async fn statuses_come_in_order_and_the_last_stays() {
        let collector = Collector::start([500, 429, 200]);
        let mut stream = std::net::TcpStream::connect(collector.address()).unwrap();
        for (body, status) in [("a", "500"), ("bb", "429"), ("", "200"), ("dddd", "200")] {
            let request = format!("POST /x HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            assert_eq!(say(&mut stream, &request), status);
        }
        assert_eq!(collector.received(), [&b"a"[..], b"bb", b"", b"dddd"]);
    }

    #[tokio::test]
    async fn what_is_no_post_with_a_length_is_not_kept() {
        let collector = Collector::start([200]);
        let mut stream = std::net::TcpStream::connect(collector.address()).unwrap();
        assert_eq!(say(&mut stream, "GET / HTTP/1.1\r\n\r\n"), "405");
        assert_eq!(say(&mut stream, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), "411");
        assert!(collector.received().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_the_body_and_not_with_the_test_s_clock() {
        let collector = Collector::start([]);
        let address = collector.address();
        let client = std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            say(&mut stream, "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi")
        });
        assert_eq!(collector.wait_for(1, SOON).await, [b"hi"]);
        assert_eq!(client.join().unwrap(), "200");
    }

    #[tokio::test]
    #[should_panic(expected = "0 of 1 bodies came within 1ms")]
    async fn waiting_has_an_end() {
        Collector::start([]).wait_for(1, Duration::from_millis(1)).await;
    }
}
