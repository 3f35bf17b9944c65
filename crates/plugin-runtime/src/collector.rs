//! An HTTP server for this crate's own tests: it takes the events that triggers send.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver};

pub(crate) const TAKEN: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
pub(crate) const REFUSED: &str = "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

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
            for number in 0.. {
                let mut stream = BufReader::new(listener.accept().await.unwrap().0);
                let request = read(&mut stream).await;
                stream.write_all(answer(number).as_bytes()).await.unwrap();
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

async fn read(stream: &mut BufReader<tokio::net::TcpStream>) -> Request {
    let mut head = String::new();
    while stream.read_line(&mut head).await.unwrap() > "\r\n".len() {}
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    Request { head, body: String::from_utf8(body).unwrap() }
}
