//! libunftp 0.24, in a runtime of its own, so that it can be killed like a process.

use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use libunftp::ServerBuilder;
use libunftp::options::{ActivePassiveMode, Binder, FtpsRequired, TlsFlags};
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};
use unftp_core::auth::{AuthenticationError, Authenticator, Credentials, Principal};
use unftp_sbe_fs::Filesystem;

use super::{PASSWORD, Setup, StartError, Tls, TlsVersions, USERNAME};

/// A libunftp with all its tasks.
#[derive(Debug)]
pub(super) struct InProcess {
    /// There until the server is killed.
    runtime: Option<Runtime>,
}

impl InProcess {
    pub(super) fn start(setup: &Setup) -> Result<Self, StartError> {
        // A taken port looks like that of a program that ends because of it.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, setup.port))
            .map_err(|error| StartError::Exited(error.to_string()))?;
        listener.set_nonblocking(true)?;
        let builder = Settings::new(setup)?;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.spawn(builder.serve(listener));
        Ok(Self { runtime: Some(runtime) })
    }

    /// Ends every task where it stands, and waits until their sockets are closed.
    pub(super) async fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropped outside of any runtime, a runtime waits for its tasks to be gone.
            drop(tokio::task::spawn_blocking(move || drop(runtime)).await);
        }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a server is made of: libunftp wants a new one for each connection.
struct Settings {
    home: PathBuf,
    tls: Option<(PathBuf, PathBuf, TlsFlags)>,
}

impl Settings {
    fn new(setup: &Setup) -> io::Result<Self> {
        let tls = match setup.tls {
            // The kit refuses to start it with implicit TLS.
            Tls::Off | Tls::Implicit => None,
            Tls::On(versions) => {
                let resumption = TlsFlags::RESUMPTION_SESS_ID | TlsFlags::RESUMPTION_TICKETS;
                let flags = match versions {
                    TlsVersions::Default => TlsFlags::default(),
                    TlsVersions::Only12 => TlsFlags::V1_2 | resumption,
                    TlsVersions::Only13 => TlsFlags::V1_3 | resumption,
                };
                let certificate = setup.write("certificate.pem", setup.identity.certificate_pem())?;
                Some((certificate, setup.write("key.pem", setup.identity.key_pem())?, flags))
            }
        };
        Ok(Self { home: setup.home(), tls })
    }

    async fn serve(self, listener: TcpListener) {
        let listener = tokio::net::TcpListener::from_std(listener)
            .unwrap_or_else(|error| panic!("the listener is unusable: {error}"));
        loop {
            let (stream, _) =
                listener.accept().await.unwrap_or_else(|error| panic!("cannot accept: {error}"));
            tokio::spawn(self.server().service(stream));
        }
    }

    fn server(&self) -> libunftp::Server<Filesystem, unftp_core::auth::DefaultUser> {
        let home = self.home.clone();
        let storage = move || {
            Filesystem::new(&home).unwrap_or_else(|error| panic!("no home at {}: {error}", home.display()))
        };
        let mut builder = ServerBuilder::with_authenticator(Box::new(storage), Arc::new(OneUser))
            .active_passive_mode(ActivePassiveMode::ActiveAndPassive)
            .binder(AnyPort);
        if let Some((certificate, key, flags)) = &self.tls {
            builder = builder
                .ftps(certificate, key)
                .ftps_tls_flags(*flags)
                .ftps_required(FtpsRequired::All, FtpsRequired::All);
        }
        builder.build().unwrap_or_else(|error| panic!("libunftp refuses its settings: {error}"))
    }
}

/// Knows the one login of this kit.
#[derive(Debug)]
struct OneUser;

#[async_trait]
impl Authenticator for OneUser {
    async fn authenticate(
        &self,
        username: &str,
        creds: &Credentials,
    ) -> Result<Principal, AuthenticationError> {
        match creds.password.as_deref() {
            _ if username != USERNAME => Err(AuthenticationError::BadUser),
            Some(PASSWORD) => Ok(Principal { username: username.to_owned() }),
            _ => Err(AuthenticationError::BadPassword),
        }
    }
}

/// Lets the kernel choose the passive ports; drawing them blindly, libunftp may draw one of another test.
#[derive(Debug)]
struct AnyPort;

#[async_trait]
impl Binder for AnyPort {
    async fn bind(&mut self, local_addr: IpAddr, _: RangeInclusive<u16>) -> io::Result<TcpSocket> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((local_addr, 0).into())?;
        Ok(socket)
    }
}
