//! A TCP stream that may have become a TLS one: what a scripted control or data connection runs over.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// The server's end of one connection.
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// Takes a fresh connection; small writes leave at once, so that a script can split a reply between
    /// packets.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::Plain(stream))
    }

    /// Does the server's side of a TLS handshake.
    pub(crate) async fn into_tls(self, config: Arc<ServerConfig>) -> io::Result<Self> {
        match self {
            Self::Plain(stream) => Ok(Self::Tls(Box::new(TlsAcceptor::from(config).accept(stream).await?))),
            Self::Tls(_) => Err(io::Error::other("the connection has TLS already")),
        }
    }

    pub(crate) async fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read_buf(buffer).await,
            Self::Tls(stream) => stream.read_buf(buffer).await,
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// Ends the server's direction (over TLS with a `close_notify`), and stays to read what the client still
    /// sends, for no longer than `patience`: a socket closed with unread bytes would be reset, and the client
    /// could lose the end.
    pub(crate) fn close_gently(mut self, patience: Duration) {
        tokio::spawn(tokio::time::timeout(patience, async move {
            let ended = match &mut self {
                Self::Plain(stream) => stream.shutdown().await,
                Self::Tls(stream) => stream.shutdown().await,
            };
            let mut rest = Vec::with_capacity(4096);
            while ended.is_ok() && matches!(self.read(&mut rest).await, Ok(1..)) {
                rest.clear();
            }
        }));
    }

    /// Ends the TCP connection in order but TLS not at all: what a truncation attack looks like.
    pub(crate) async fn cut(mut self) -> io::Result<()> {
        match &mut self {
            Self::Plain(stream) => stream.shutdown().await,
            Self::Tls(stream) => stream.get_mut().0.shutdown().await,
        }
    }

    /// Ends the connection with a TCP reset.
    pub(crate) fn reset(self) -> io::Result<()> {
        self.socket().set_zero_linger()
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}
