//! An HTTP server for this crate's own tests: it takes the events that triggers send.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver};

pub(crate) const TAKEN: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
pub(crate) const REFUSED: &str = "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Comes before the body, of which nothing is read then.
pub(crate) const TOO_LARGE: &str = "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Comes before the body as well, as if all of it were there.
pub(crate) const TAKEN_UNSEEN: &str = "HTTP/1.1 200 Unseen\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A running server; it ends with the test's runtime.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    requests: UnboundedReceiver<Request>,
}

pub(crate) struct Request {
    /// Request line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Collector {
    /// A server that gives each request the answer for its number, from 0. The empty answer closes the connection.
    pub(crate) async fn start(answer: fn(usize) -> &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut unread = Vec::new();
            for number in 0.. {
                let mut stream = BufReader::new(listener.accept().await.unwrap().0);
                let (head, length) = read_head(&mut stream).await;
                let answer = answer(number);
                let read = if matches!(answer, TOO_LARGE | TAKEN_UNSEEN) { 0 } else { length };
                let mut body = vec![0; read];
                stream.read_exact(&mut body).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                if read < length {
                    // Closed at once, it would be reset, and the answer might never be seen.
                    stream.get_mut().shutdown().await.unwrap();
                    unread.push(stream);
                }
                let request = Request { head, body: String::from_utf8(body).unwrap() };
                // A test that has seen enough does not listen any more.
                let _ = sender.send(request);
            }
        });
        Self { address, requests }
    }

    /// The next request, as soon as it is answered.
    pub(crate) async fn next(&mut self) -> Request {
        self.requests.recv().await.unwrap()
    }
}

/// The head of a request, and the length of its body.
async fn read_head(stream: &mut BufReader<tokio::net::TcpStream>) -> (String, usize) {
    let mut head = String::new();
    while stream.read_line(&mut head).await.unwrap() > "\r\n".len() {}
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let length = length.parse().unwrap();
    (head, length)
}
