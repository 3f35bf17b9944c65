//! Connections: how many, how long they may be silent, TLS, and their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::leftover::Drained;
use super::options::HttpOptions;
use super::{tls, unusable};
use crate::failure::Failure;
use crate::stop::Stop;

/// The most bytes of a request's header that are read at all (128 KiB). What is larger than [`super::watch`] allows, and
/// not larger than this, is refused with words.
const HEADER_BUFFER: usize = 128 << 10;

/// The most lines of a request's header, likewise.
const HEADER_LINES: usize = 512;

/// The pause after a connection could not be taken, as when there are no file descriptors left.
const BREATH: Duration = Duration::from_millis(100);

/// A port that is listened on.
pub(super) struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    connections: Arc<Semaphore>,
    silence: Duration,
}

/// Listens on the port that the options say.
pub(super) async fn bind(options: &HttpOptions) -> Result<Listener, Failure> {
    let address = SocketAddr::new(options.bind, options.port);
    let tls = tls::acceptor(options)?;
    let refused = |error| unusable(&format!("{address} cannot be listened on"), &error);
    let tcp = TcpListener::bind(address).await.map_err(refused)?;
    let bound = tcp.local_addr().map_err(refused)?;
    tracing::info!("Listening on {}://{bound}", if tls.is_some() { "https" } else { "http" });
    let most = usize::try_from(options.worker_connections).unwrap_or(Semaphore::MAX_PERMITS);
    Ok(Listener { tcp, tls, connections: Arc::new(Semaphore::new(most)), silence: options.idle_timeout })
}

impl Listener {
    /// Takes connections until `stop`, and returns when the last request under way is answered. What still is under way
    /// at `cut` is dropped, as by a client that goes away.
    pub(super) async fn serve(self, router: Router, stop: Stop, cut: Stop) {
        let mut serving = JoinSet::new();
        loop {
            let (tcp, permit) = tokio::select! {
                () = stop.wait() => break,
                taken = self.take() => taken,
            };
            // Those that have ended are forgotten here, so that the set does not grow.
            while serving.try_join_next().is_some() {}
            let (router, stop, tls, silence) = (router.clone(), stop.clone(), self.tls.clone(), self.silence);
            serving.spawn(async move {
                let _permit = permit;
                connection(tcp, tls, router, stop, silence).await;
            });
        }
        // Nobody is to wait for an answer in a queue that nobody takes from.
        drop(self.tcp);
        let all_answered = async { while serving.join_next().await.is_some() {} };
        let is_cut = tokio::select! {
            () = all_answered => false,
            () = cut.wait() => true,
        };
        if is_cut {
            serving.shutdown().await;
        }
    }

    /// The next connection, once there may be another one.
    async fn take(&self) -> (TcpStream, Option<OwnedSemaphorePermit>) {
        // The semaphore is never closed, so there is a permit.
        let permit = Arc::clone(&self.connections).acquire_owned().await.ok();
        loop {
            match self.tcp.accept().await {
                Ok((tcp, _)) => return (tcp, permit),
                Err(error) => {
                    tracing::warn!("A connection could not be taken: {error}");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }
}

async fn connection(tcp: TcpStream, tls: Option<TlsAcceptor>, router: Router, stop: Stop, silence: Duration) {
    // Answers are written in one go, or in large blocks.
    let _ = tcp.set_nodelay(true);
    let Some(tls) = tls else { return requests(tcp, router, stop, silence).await };
    let handshake = tokio::select! {
        handshake = tokio::time::timeout(silence, tls.accept(tcp)) => handshake,
        // There is no request yet to wait for.
        () = stop.wait() => return,
    };
    match handshake {
        Ok(Ok(stream)) => requests(stream, router, stop, silence).await,
        Ok(Err(error)) => tracing::debug!("TLS with a client failed: {error}"),
        Err(_) => tracing::debug!("TLS with a client failed: it did not finish the handshake in time"),
    }
}

/// Serves one connection. When the client goes away, the request under way is dropped, and its transfer with it.
async fn requests<S>(stream: S, router: Router, stop: Stop, silence: Duration)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    // Reading is timed by whoever reads: a client that waits for its answer has nothing to say.
    stream.set_write_timeout(Some(silence));
    let service =
        router.map_request(|request: Request<Incoming>| request.map(|body| Body::new(Drained::new(body))));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(silence)
        .max_buf_size(HEADER_BUFFER)
        .max_headers(HEADER_LINES)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = stop.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!("A client's connection ended early: {error}");
    }
}
