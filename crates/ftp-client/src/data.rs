//! The data connection: how one comes about, and the bytes on it.
//!
//! Three ways lead to one (RFC 959 §3.2, RFC 2428). In the passive ones the client connects, and always to the host
//! that the control connection already reaches: an address in the server's answer may be private, wrong, or an attack.
//! In the active one the server connects, and nobody else may.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ftp_proto::Command;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::config::{Config, DataMode};
use crate::control::Control;
use crate::error::{DataFault, Error, Wait};
use crate::proxy::ProxyFault;
use crate::socket;
use crate::stream::Stream;
use crate::wait::within;

/// The time between two attempts to connect to a port that refuses as long as its command is not under way.
const KNOCK_AGAIN: Duration = Duration::from_millis(100);

/// How many bytes an upload reads at most, where none are due.
const MOST_DRAINED: usize = 64 * 1024;

/// One way to a data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// EPSV (RFC 2428 §3): the server names a port.
    ExtendedPassive,
    /// PASV (RFC 959 §4.1.2): the server names an IPv4 address and a port.
    Passive,
    /// As the two above, but connected to after the command: servers exist that begin to listen only then.
    LateExtendedPassive,
    LatePassive,
    /// PORT, or EPRT over IPv6: the server connects to us.
    Active,
}

impl Route {
    /// The way to the same port after the command, where there is one.
    pub(crate) fn late(self) -> Option<Self> {
        match self {
            Self::ExtendedPassive => Some(Self::LateExtendedPassive),
            Self::Passive => Some(Self::LatePassive),
            Self::LateExtendedPassive | Self::LatePassive | Self::Active => None,
        }
    }

    /// How the server is asked for a port; `None` where the port is ours.
    pub(crate) fn passive_command(self) -> Option<Command> {
        match self {
            Self::ExtendedPassive | Self::LateExtendedPassive => Some(Command::Epsv),
            Self::Passive | Self::LatePassive => Some(Command::Pasv),
            Self::Active => None,
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExtendedPassive => "passive (EPSV)",
            Self::Passive => "passive (PASV)",
            Self::LateExtendedPassive => "passive (EPSV), after the command",
            Self::LatePassive => "passive (PASV), after the command",
            Self::Active => "active",
        })
    }
}

/// The ways worth trying, best first: the one that worked last, then the preferred mode, then the other. `peer` is the
/// server's address, `None` behind a proxy.
pub(crate) fn routes(mode: DataMode, learnt: Option<Route>, peer: Option<IpAddr>) -> Vec<Route> {
    let preferred = match mode {
        DataMode::Passive => [Route::ExtendedPassive, Route::Passive, Route::Active],
        DataMode::Active => [Route::Active, Route::ExtendedPassive, Route::Passive],
    };
    let rest = preferred.into_iter().filter(|route| Some(*route) != learnt);
    let possible = |route: &Route| match (route, peer) {
        // PASV can only name an IPv4 address.
        (Route::Passive | Route::LatePassive, Some(peer)) => peer.is_ipv4(),
        // Nobody can connect to us through a proxy.
        (Route::Active, None) => false,
        _ => true,
    };
    learnt.into_iter().chain(rest).filter(possible).collect()
}

/// Connects to a port of the server, wherever the control connection leads.
pub(crate) async fn dial(config: &Config, peer: Option<SocketAddr>, port: u16) -> io::Result<TcpStream> {
    let tcp = match (&config.proxy, peer) {
        (Some(proxy), _) => {
            proxy.connect((&config.host, port), &config.allowed, config.timeout).await.map_err(|fault| {
                let kind = match &fault {
                    ProxyFault::Target(error) => error.kind(),
                    _ => io::ErrorKind::Other,
                };
                io::Error::new(kind, format!("the proxy {proxy}: {fault}"))
            })?
        }
        (None, Some(mut server)) => {
            // In place, so that an IPv6 address keeps its zone.
            server.set_port(port);
            TcpStream::connect(server).await?
        }
        (None, None) => return Err(io::ErrorKind::NotConnected.into()),
    };
    socket::tune(&tcp);
    Ok(tcp)
}

/// As [`dial`], again and again while the port refuses, without end: whoever waits sets the limit.
pub(crate) async fn dial_until_open(
    config: &Config,
    peer: Option<SocketAddr>,
    port: u16,
) -> io::Result<TcpStream> {
    loop {
        match dial(config, peer, port).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                tokio::time::sleep(KNOCK_AGAIN).await;
            }
            done => return done,
        }
    }
}

/// Over IPv4 PORT comes first: every server knows it, and address translators on the way rewrite it; EPRT is for
/// servers that refuse it.
pub(crate) async fn listen(control: &mut Control) -> Result<TcpListener, Error> {
    let mut local = control.local();
    local.set_port(0);
    let listener = TcpListener::bind(local).await.map_err(unreachable)?;
    let address = listener.local_addr().map_err(unreachable)?;
    let SocketAddr::V4(v4) = address else {
        control.execute(&Command::Eprt(address)).await?;
        return Ok(listener);
    };
    if let Err(refused) = control.execute(&Command::Port(v4)).await {
        if !refused.is_unsupported() {
            return Err(refused);
        }
        control.execute(&Command::Eprt(address)).await?;
    }
    Ok(listener)
}

/// Waits for the server to connect; whoever else does is turned away.
pub(crate) async fn accept(listener: &TcpListener, peer: IpAddr) -> io::Result<TcpStream> {
    loop {
        let (tcp, from) = listener.accept().await?;
        if from.ip() == peer {
            socket::tune(&tcp);
            return Ok(tcp);
        }
        tracing::warn!("{from} connected in place of the server's data connection and was turned away");
    }
}

/// A data connection that could not be made.
pub(crate) fn unreachable(error: io::Error) -> Error {
    Error::Data(DataFault::Unreachable(error))
}

/// A data connection that did not last.
fn broken(error: io::Error) -> Error {
    Error::Data(DataFault::Broken(error))
}

/// An open data connection.
#[derive(Debug)]
pub(crate) struct Data {
    stream: Stream,
    verb: &'static str,
    limit: Duration,
    pace: Pace,
}

/// What a read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    /// So many bytes.
    Bytes(usize),
    /// The end, marked as such: FIN, and `close_notify` where there is TLS.
    End,
    /// FIN without `close_notify` on a protected connection: the end, or somebody cut it short.
    Cut,
}

impl Data {
    /// `verb` is that of the command it was opened for; `limit` bounds each read and write.
    pub(crate) fn new(stream: Stream, verb: &'static str, limit: Duration) -> Self {
        Self { stream, verb, limit, pace: Pace::default() }
    }

    pub(crate) fn verb(&self) -> &'static str {
        self.verb
    }

    /// Whether a byte has come.
    pub(crate) fn has_flowed(&self) -> bool {
        self.pace.has_begun
    }

    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<Block, Error> {
        let asked = Instant::now();
        match within(Wait::Transferring, self.limit, self.stream.read(buffer)).await? {
            Ok(0) => Ok(Block::End),
            Ok(read) if self.pace.keeps_up(read, asked.elapsed(), self.limit) => Ok(Block::Bytes(read)),
            Ok(_) => Err(Error::Timeout { wait: Wait::MoreThanATrickle, after: self.limit }),
            // rustls reports a missing close_notify this way.
            Err(error) if self.stream.is_tls() && error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Block::Cut)
            }
            Err(error) => Err(broken(error)),
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let written =
                within(Wait::Transferring, self.limit, self.stream.write(rest)).await?.map_err(broken)?;
            rest = &rest[written..];
        }
        Ok(())
    }

    /// Marks the end of what we send: `close_notify` where there is TLS, then FIN.
    pub(crate) async fn end(&mut self) -> Result<(), Error> {
        within(Wait::Transferring, self.limit, self.stream.shutdown()).await?.map_err(broken)
    }

    /// Closes what the server has ended, with our own `close_notify` where there is TLS: vsftpd 3.0.3 waits for it before it
    /// gives the final reply. The bytes are all here, so a server that no longer listens does no harm.
    pub(crate) async fn close(mut self) {
        let _ = self.end().await;
    }

    /// Reads on until the server closes, or sends more than it has to say. Nothing is expected but TLS session tickets,
    /// which a server sends on uploads too and which later connections need; so errors do not matter here.
    pub(crate) async fn drain(&mut self) {
        let mut block = vec![0; 1024];
        let mut left = MOST_DRAINED;
        while let Ok(Block::Bytes(read)) = self.read(&mut block).await
            && read < left
        {
            left -= read;
        }
    }
}

/// The least that has to come in the time of one wait. A server that sends a byte now and then would keep every single
/// wait short and the transfer going for ever.
const LEAST_BYTES: usize = 512;

/// How fast data comes, by the time that was spent waiting for it.
#[derive(Debug, Default)]
struct Pace {
    has_begun: bool,
    waited: Duration,
    bytes: usize,
}

impl Pace {
    /// Counts what one wait brought; false when there was too little of it for too long.
    fn keeps_up(&mut self, read: usize, waited: Duration, limit: Duration) -> bool {
        self.has_begun = true;
        self.bytes = self.bytes.saturating_add(read);
        self.waited += waited;
        if self.bytes < LEAST_BYTES {
            return self.waited < limit;
        }
        (self.bytes, self.waited) = (0, Duration::ZERO);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn what_worked_last_comes_first_and_the_impossible_not_at_all() {
        use Route::{Active, ExtendedPassive, LatePassive, Passive};
        let (v4, v6) = (Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        let table = [
            (DataMode::Passive, None, v4, vec![ExtendedPassive, Passive, Active]),
            (DataMode::Active, None, v4, vec![Active, ExtendedPassive, Passive]),
            (DataMode::Active, Some(Passive), v4, vec![Passive, Active, ExtendedPassive]),
            (DataMode::Passive, Some(LatePassive), v4, vec![LatePassive, ExtendedPassive, Passive, Active]),
            (DataMode::Passive, None, v6, vec![ExtendedPassive, Active]),
            (DataMode::Passive, None, None, vec![ExtendedPassive, Passive]),
            (DataMode::Active, None, None, vec![ExtendedPassive, Passive]),
        ];
        for (mode, learnt, peer, expected) in table {
            assert_eq!(routes(mode, learnt, peer), expected, "{mode:?} {learnt:?} {peer:?}");
        }
    }
}
