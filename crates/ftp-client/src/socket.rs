//! Socket options: what makes FTP's many small exchanges quick, and its long silences survivable.

use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// How long a connection may be silent before it is probed; address translators forget the impatient ones after minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

/// The time between two probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// For control and data connections: no delay for small packets, and probes that keep firewalls and NAT from
/// forgetting an idle connection while another one is busy.
///
/// An option that the system refuses costs speed, not correctness, so failures are only logged.
pub(crate) fn tune(tcp: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    let tuned = tcp.set_nodelay(true).and_then(|()| SockRef::from(tcp).set_tcp_keepalive(&keepalive));
    if let Err(error) = tuned {
        tracing::debug!("a socket option was refused: {error}");
    }
}

/// Asks the kernel to acknowledge the next packet at once. Servers that send 150 and 226 in two packets without
/// `TCP_NODELAY` wait for the first one's acknowledgement, which Linux delays by 40 ms. The option wears off, so it is
/// set before each read; other systems have none like it.
pub(crate) fn acknowledge_quickly(tcp: &TcpStream) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::net::sockopt::set_tcp_quickack(tcp, true) {
        tracing::debug!("quick acknowledgement was refused: {error}");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = tcp;
}

/// What can be seen of a socket without reading from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Nothing: it is open, as far as is known here.
    Quiet,
    /// Bytes that wait to be read.
    Bytes,
    /// Its end, in order or not.
    End,
}

/// Looks at a socket past the runtime, which hears of news only while nobody keeps its threads busy.
pub(crate) fn look(tcp: &TcpStream) -> Sight {
    match SockRef::from(tcp).peek(&mut [MaybeUninit::uninit()]) {
        Ok(0) => Sight::End,
        Ok(_) => Sight::Bytes,
        Err(error) if error.kind() == ErrorKind::WouldBlock => Sight::Quiet,
        Err(_) => Sight::End,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn long_silences_are_bridged_by_probes() -> std::io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let tcp = TcpStream::connect(listener.local_addr()?).await?;
        tune(&tcp);
        let socket = SockRef::from(&tcp);
        assert!(socket.keepalive()?);
        assert_eq!(socket.tcp_keepalive_time()?, KEEPALIVE_IDLE);
        assert_eq!(socket.tcp_keepalive_interval()?, KEEPALIVE_INTERVAL);
        Ok(())
    }
}
