//! What a bad network does to connections: it resets them in the middle.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Bytes relayed at a time; a cut comes between two such blocks.
const BLOCK: usize = 16 * 1024;

/// One cut, as soon as a connection has carried more than so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// That connection is reset.
    One(u64),
    /// All of the proxy's connections are reset.
    All(u64),
}

/// The cuts that are still to come, in order.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    left: Mutex<VecDeque<Cut>>,
    /// How often all connections were cut.
    general: watch::Sender<u64>,
}

impl Cuts {
    pub(super) fn plan(&self, cuts: impl IntoIterator<Item = Cut>) {
        self.left().extend(cuts);
    }

    pub(super) fn are_over(&self) -> bool {
        self.left().is_empty()
    }

    /// Relays until both sides have ended, or a cut comes.
    pub(super) async fn relay(&self, mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
        let carried = AtomicU64::new(0);
        let mut general = self.general.subscribe();
        let ended = {
            let (from_client, to_client) = client.split();
            let (from_server, to_server) = server.split();
            let both = async {
                tokio::try_join!(
                    self.copy(from_client, to_server, &carried),
                    self.copy(from_server, to_client, &carried)
                )
            };
            tokio::select! {
                ended = both => ended.map(drop),
                _ = general.changed() => Err(io::ErrorKind::ConnectionAborted.into()),
            }
        };
        if ended.is_err() {
            for side in [&client, &server] {
                SockRef::from(side).set_linger(Some(Duration::ZERO))?;
            }
        }
        ended
    }

    async fn copy(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        carried: &AtomicU64,
    ) -> io::Result<()> {
        let mut block = vec![0; BLOCK];
        loop {
            let read = from.read(&mut block).await?;
            if read == 0 {
                return to.shutdown().await;
            }
            to.write_all(&block[..read]).await?;
            let carried = carried.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
            self.check(carried)?;
        }
    }

    /// Carries out the next cut, if a connection that has carried so many bytes is due for it.
    fn check(&self, carried: u64) -> io::Result<()> {
        let mut left = self.left();
        match left.front() {
            Some(Cut::One(after) | Cut::All(after)) if carried > *after => {}
            _ => return Ok(()),
        }
        if let Some(Cut::All(_)) = left.pop_front() {
            self.general.send_modify(|cuts| *cuts += 1);
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    fn left(&self) -> MutexGuard<'_, VecDeque<Cut>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
