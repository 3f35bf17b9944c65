//! Servers for the tests of this workspace, every one on a port of its own of the loopback, and gone with the
//! test.
//!
//! - [`Transcript`] plays a script line by line and fails the test when the client leaves it.
//! - [`HostileServer::all`] are scripts that want to hurt, with how each has to end.
//! - [`RealServer`] runs vsftpd, `ProFTPD`, Pure-FTPd or libunftp, in clear text or with TLS of a chosen
//!   version.
//! - [`TestProxy`] is a SOCKS5 or HTTP proxy in front of either.
//! - [`Collector`] takes what clients POST to it, and answers with the statuses that a test wants.
//! - [`Identity`] is the throw-away certificate of a server, with the authority to trust.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! use ftp_testkit::{Product, RealServer, Tls};
//! use tokio::io::AsyncReadExt;
//!
//! let Some(server) = RealServer::start_or_skip(Product::Libunftp, Tls::Off).await else { return Ok(()) };
//! server.seed("reports/today.txt", "all quiet")?;
//!
//! let mut greeting = [0; 4];
//! tokio::net::TcpStream::connect(server.address()).await?.read_exact(&mut greeting).await?;
//! assert_eq!(&greeting, b"220 ");
//! # Ok(()) }
//! ```

mod background;
mod certificate;
mod collector;
mod hostile;
mod proxy;
mod real;
mod server_tls;
mod transcript;
mod wire;

pub use certificate::Identity;
pub use collector::Collector;
pub use hostile::{Ending, Fault, HostileServer, Operation, Security};
pub use proxy::{Cut, ProxyProtocol, TestProxy};
pub use real::{Product, RealServer, Tls, TlsVersions, Unavailable};
pub use transcript::{ScriptedServer, Transcript};
