//! The demo's FTP server: libunftp, on a free port of the loopback, with a few files in a temporary folder.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use libunftp::ServerBuilder;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use unftp_sbe_fs::Filesystem;

/// A running server. Dropped, it stops and its files are gone.
pub(super) struct DemoServer {
    address: SocketAddr,
    home: TempDir,
    serving: JoinHandle<()>,
}

impl DemoServer {
    /// Starts the server; it takes every login.
    pub(super) async fn start() -> io::Result<Self> {
        let home = tempfile::Builder::new().prefix("icon-ftp-demo-").tempdir()?;
        std::fs::create_dir(home.path().join("incoming"))?;
        std::fs::write(home.path().join("incoming/monday.csv"), "name,amount\npears,3\n")?;
        std::fs::write(home.path().join("welcome.txt"), "Welcome to the demo server.\n")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(serve(listener, home.path().to_owned()));
        Ok(Self { address, home, serving })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder that clients see as `/`.
    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }
}

impl Drop for DemoServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Hands each connection to a libunftp of its own: its own listener gives no way to learn the port.
async fn serve(listener: TcpListener, home: std::path::PathBuf) {
    while let Ok((stream, _)) = listener.accept().await {
        let home = home.clone();
        let built = Filesystem::new(&home).map_err(|error| error.to_string()).and_then(|_| {
            let storage = Box::new(move || Filesystem::new(&home).unwrap_or_else(|error| panic!("{error}")));
            ServerBuilder::new(storage).build().map_err(|error| error.to_string())
        });
        match built {
            Ok(server) => drop(tokio::spawn(server.service(stream))),
            Err(error) => tracing::error!("the demo's FTP server cannot serve: {error}"),
        }
    }
}
