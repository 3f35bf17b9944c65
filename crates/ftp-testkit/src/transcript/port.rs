//! Ports of the loopback on which a client finds no server: those that refuse, and those that stay silent.

use std::io;
use std::net::IpAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A port that answers nothing: its one place for a connection that nobody has accepted is taken, and Linux drops
/// the packets of further ones.
pub(super) struct Filtered {
    listener: TcpListener,
    _taking_the_place: TcpStream,
}

impl Filtered {
    pub(super) async fn open(ip: IpAddr) -> io::Result<Self> {
        let listener = unheard(ip)?.listen(0)?;
        let taking_the_place = TcpStream::connect(listener.local_addr()?).await?;
        Ok(Self { listener, _taking_the_place: taking_the_place })
    }

    pub(super) fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }
}

/// A socket with a port of its own, on which nobody listens yet.
pub(super) fn unheard(ip: IpAddr) -> io::Result<TcpSocket> {
    let socket = if ip.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind((ip, 0).into())?;
    Ok(socket)
}
