//! What a server does that wants to hurt: bytes without end, to fill a memory or to hold a client for ever; forged
//! certificates; connections from elsewhere.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};

use super::{PATIENCE, Player, Step, silence, within};
use crate::certificate::Identity;
use crate::real::TlsVersions;
use crate::server_tls::ServerTls;
use crate::transcript::script::{Connection, Flow, Pace};
use crate::wire::Wire;

/// A loopback address that is neither the client's nor the server's. Linux has the whole network, others do not.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Between two bytes of a drip.
const DRIP: Duration = Duration::from_millis(50);

/// What a flood writes at once, in bytes.
const BLOCK: usize = 64 * 1024;

/// How long a client may let itself be flooded.
const ENDURANCE: Duration = Duration::from_mins(1);

impl Player {
    /// Sends until the client has left, or the test ends.
    pub(super) async fn flow(&mut self, flow: &Flow) -> Step {
        let mut finishing = self.finishing.clone();
        let wire = match flow.on {
            Connection::Control => &mut self.control,
            Connection::Data => self.open_data().await?,
        };
        tokio::select! {
            left = timeout(ENDURANCE, send_without_end(wire, flow)) => {
                left.map_err(|_| format!("the client took it for {ENDURANCE:?}"))
            }
            _ = finishing.wait_for(|finishing| *finishing) => Ok(()),
        }
    }

    /// Reads and forgets until the client has left.
    pub(super) async fn see_off(mut self) -> Step {
        let gone = async {
            while self.control.read(&mut self.buffer).await.is_ok_and(|read| read > 0) {
                self.buffer.clear();
            }
        };
        timeout(PATIENCE, gone).await.map_err(|_| silence("to leave"))
    }

    /// Opens the data connection without TLS.
    pub(super) async fn open_plainly(&mut self) -> Step {
        self.data = Some(self.accept_data().await?);
        Ok(())
    }

    /// Opens the data connection as somebody else.
    pub(super) async fn open_forged(&self) -> Step {
        refused_forgery(self.accept_data().await?).await
    }

    async fn accept_data(&self) -> Step<Wire> {
        let listener = self.listener.as_ref().ok_or("the script has opened no passive port")?;
        let (stream, _) = within("to open the data connection", listener.accept()).await?;
        Wire::new(stream).map_err(|error| error.to_string())
    }

    /// Connects to the client from an address that is not the server's, and waits to be turned away.
    pub(super) async fn intrude(&self) -> Step {
        let address = self.active.ok_or("the client has sent no PORT or EPRT that can be read")?;
        let turned_away = async {
            let socket = TcpSocket::new_v4()?;
            socket.bind((STRANGER, 0).into())?;
            let mut stranger = Wire::new(socket.connect(address).await?)?;
            // Whether it is an end or a reset that turns the stranger away makes no difference.
            let _ = stranger.write(b"not the file").await;
            io::Result::Ok(stranger.read(&mut Vec::new()).await.unwrap_or(0))
        };
        match within("to turn the stranger away", turned_away).await? {
            0 => Ok(()),
            _ => Err("the stranger got an answer".to_owned()),
        }
    }
}

/// Shows the client a certificate that somebody else's authority has signed: it has to break the handshake off.
pub(super) async fn refused_forgery(wire: Wire) -> Step {
    let forged = ServerTls {
        identity: Identity::generate(),
        versions: TlsVersions::Default,
        demands_certificate: false,
    };
    match timeout(PATIENCE, wire.into_tls(forged.config())).await {
        Ok(Err(_)) => Ok(()),
        Ok(Ok(_)) => Err("the client took a forged certificate".to_owned()),
        Err(_) => Err(silence("to do the TLS handshake")),
    }
}

/// An error means that the client has left, which is what ends all this.
async fn send_without_end(wire: &mut Wire, flow: &Flow) {
    match flow.pace {
        Pace::Flood => {
            let block = flow.bytes.repeat(BLOCK.div_ceil(flow.bytes.len()));
            while wire.write(&block).await.is_ok() {}
        }
        Pace::Drip => {
            for byte in flow.bytes.iter().cycle() {
                if wire.write(&[*byte]).await.is_err() {
                    return;
                }
                sleep(DRIP).await;
            }
        }
    }
}
