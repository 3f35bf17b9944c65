//! An FTP server that lets its clients wait for the greeting until a test says what it is.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::DEADLINE;

/// Listens, and says nothing by itself.
pub(crate) struct Held(TcpListener);

/// A client that waits for its greeting.
pub(crate) struct Waiting(TcpStream);

impl Held {
    pub(crate) async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// The settings of a connection to it.
    pub(crate) fn connection(&self) -> Value {
        json!({"host": self.address().to_string(), "timeout": 50})
    }

    /// Whether somebody has connected and was not accepted yet.
    pub(crate) fn was_reached(&self) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        self.0.poll_accept(&mut context).is_ready()
    }

    pub(crate) async fn accept(&self) -> Waiting {
        Waiting(timeout(DEADLINE, self.0.accept()).await.expect("nobody connects").unwrap().0)
    }
}

impl Waiting {
    /// Turns the client away for good.
    pub(crate) async fn refuse(mut self) {
        self.0.write_all(b"530 Not today, no password is good\r\n").await.unwrap();
    }

    /// Waits until the client has gone.
    pub(crate) async fn gone(mut self) {
        let mut rest = Vec::new();
        let _ = timeout(DEADLINE, self.0.read_to_end(&mut rest)).await.expect("the client stays");
    }
}
