//! The data connection: how one comes about, and the bytes on it.
//!
//! Three ways lead to one (RFC 959 §3.2, RFC 2428). In the passive ones the client connects, and always to the host
//! that the control connection already reaches: an address in the server's answer may be private, wrong, or an attack.
//! In the active one the server connects, and nobody else may.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ftp_proto::{AddressError, Command, parse_epsv, parse_pasv};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::config::DataMode;
use crate::control::Control;
use crate::error::{DataFault, Error, ProtocolFault, Wait};
use crate::socket;
use crate::stream::Stream;
use crate::wait::within;

/// One way to a data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// EPSV (RFC 2428 §3): the server names a port.
    ExtendedPassive,
    /// PASV (RFC 959 §4.1.2): the server names an IPv4 address and a port.
    Passive,
    /// PORT, or EPRT over IPv6: the server connects to us.
    Active,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExtendedPassive => "passive (EPSV)",
            Self::Passive => "passive (PASV)",
            Self::Active => "active",
        })
    }
}

/// The ways worth trying, best first: the one that worked last, then the preferred mode, then the other.
pub(crate) fn routes(mode: DataMode, learnt: Option<Route>, peer: IpAddr) -> Vec<Route> {
    let preferred = match mode {
        DataMode::Passive => [Route::ExtendedPassive, Route::Passive, Route::Active],
        DataMode::Active => [Route::Active, Route::ExtendedPassive, Route::Passive],
    };
    let rest = preferred.into_iter().filter(|route| Some(*route) != learnt);
    // PASV can only name an IPv4 address.
    learnt.into_iter().chain(rest).filter(|route| peer.is_ipv4() || *route != Route::Passive).collect()
}

/// A data connection that is prepared, while the command that fills or drains it has not been sent yet.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// We connected.
    Connected(TcpStream),
    /// We listen, and the server was told where.
    Listening(TcpListener),
}

/// Does what comes before the command: asks the server for a port and connects, or listens and tells it where.
pub(crate) async fn prepare(control: &mut Control, route: Route, limit: Duration) -> Result<Prepared, Error> {
    match route {
        Route::ExtendedPassive => {
            let reply = control.execute(&Command::Epsv).await?;
            let port = parse_epsv(&reply).map_err(|fault| address_fault("EPSV", fault))?;
            dial(SocketAddr::new(control.peer().ip(), port), limit).await
        }
        Route::Passive => {
            let reply = control.execute(&Command::Pasv).await?;
            let named = parse_pasv(&reply).map_err(|fault| address_fault("PASV", fault))?;
            if control.peer().ip() != *named.ip() {
                tracing::debug!(
                    "the server names {} for data; using the control connection's address",
                    named.ip()
                );
            }
            dial(SocketAddr::new(control.peer().ip(), named.port()), limit).await
        }
        Route::Active => listen(control).await,
    }
}

async fn dial(address: SocketAddr, limit: Duration) -> Result<Prepared, Error> {
    let tcp = within(Wait::OpeningData, limit, TcpStream::connect(address)).await?.map_err(unreachable)?;
    socket::tune(&tcp);
    Ok(Prepared::Connected(tcp))
}

/// Over IPv4 PORT comes first: every server knows it, and address translators on the way rewrite it; EPRT is for
/// servers that refuse it.
async fn listen(control: &mut Control) -> Result<Prepared, Error> {
    let listener = TcpListener::bind((control.local().ip(), 0)).await.map_err(unreachable)?;
    let address = listener.local_addr().map_err(unreachable)?;
    let SocketAddr::V4(v4) = address else {
        control.execute(&Command::Eprt(address)).await?;
        return Ok(Prepared::Listening(listener));
    };
    if let Err(refused) = control.execute(&Command::Port(v4)).await {
        if !refused.is_unsupported() {
            return Err(refused);
        }
        control.execute(&Command::Eprt(address)).await?;
    }
    Ok(Prepared::Listening(listener))
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

fn address_fault(verb: &'static str, fault: AddressError) -> Error {
    Error::Protocol(ProtocolFault::Address { verb, fault })
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
        Self { stream, verb, limit }
    }

    pub(crate) fn verb(&self) -> &'static str {
        self.verb
    }

    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<Block, Error> {
        match within(Wait::Transferring, self.limit, self.stream.read(buffer)).await? {
            Ok(0) => Ok(Block::End),
            Ok(read) => Ok(Block::Bytes(read)),
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

    /// Reads on until the server closes. Nothing is expected but TLS session tickets, which a server sends on uploads
    /// too and which later connections need; so errors do not matter here.
    pub(crate) async fn drain(&mut self) {
        let mut block = vec![0; 1024];
        while let Ok(Block::Bytes(_)) = self.read(&mut block).await {}
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn what_worked_last_comes_first_and_pasv_is_for_ipv4() {
        use Route::{Active, ExtendedPassive, Passive};
        let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
        let table = [
            (DataMode::Passive, None, v4, vec![ExtendedPassive, Passive, Active]),
            (DataMode::Active, None, v4, vec![Active, ExtendedPassive, Passive]),
            (DataMode::Active, Some(Passive), v4, vec![Passive, Active, ExtendedPassive]),
            (DataMode::Passive, None, v6, vec![ExtendedPassive, Active]),
        ];
        for (mode, learnt, peer, expected) in table {
            assert_eq!(routes(mode, learnt, peer), expected, "{mode:?} {learnt:?} {peer}");
        }
    }
}
