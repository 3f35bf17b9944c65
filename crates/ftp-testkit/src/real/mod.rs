//! The servers that people run, each with its own settings, folder and port, ready when `start` returns.
//!
//! vsftpd, `ProFTPD` and Pure-FTPd come from `ci/servers`; libunftp runs inside the test. A test that would
//! need a server which this machine cannot run is skipped on a developer's machine and fails where `CI` is
//! set.

mod libunftp;
#[cfg_attr(not(target_os = "linux"), path = "no_programs.rs")]
mod programs;
#[cfg(target_os = "linux")]
mod sessions;

use std::fmt::{self, Display, Formatter};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::{env, fs, io};

use tempfile::TempDir;

use self::libunftp::InProcess;
use self::programs::Process;
use crate::certificate::Identity;

/// The name with which clients log in.
const USERNAME: &str = "user";

/// The password that belongs to it.
const PASSWORD: &str = "pass123";

/// How often a server is started again when its port turns out to be taken.
const ATTEMPTS: usize = 5;

/// A server product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// vsftpd: no MLSD; demands that data connections resume the control connection's TLS session.
    Vsftpd,
    /// `ProFTPD`: demands it, too.
    ProFtpd,
    /// Pure-FTPd.
    PureFtpd,
    /// libunftp, inside the test's process: no EPRT, no ASCII type.
    Libunftp,
}

impl Product {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Vsftpd, Self::ProFtpd, Self::PureFtpd, Self::Libunftp];

    /// Those that have implicit TLS: Pure-FTPd 1.0.50 and libunftp 0.24 have none.
    pub const WITH_IMPLICIT_TLS: [Self; 2] = [Self::Vsftpd, Self::ProFtpd];
}

impl Display for Product {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vsftpd => "vsftpd",
            Self::ProFtpd => "ProFTPD",
            Self::PureFtpd => "Pure-FTPd",
            Self::Libunftp => "libunftp",
        })
    }
}

/// Whether a server speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tls {
    /// Clear text only.
    Off,
    /// Explicit TLS (AUTH TLS), demanded for the login and for data: a client that falls back to clear text
    /// gets nowhere.
    On(TlsVersions),
    /// Implicit TLS, from the first byte, with the product's own versions. vsftpd and `ProFTPD` have it.
    Implicit,
}

impl Tls {
    /// Every setting that all products have.
    pub const ALL: [Self; 4] = [
        Self::Off,
        Self::On(TlsVersions::Default),
        Self::On(TlsVersions::Only12),
        Self::On(TlsVersions::Only13),
    ];
}

/// The TLS versions that a server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsVersions {
    /// What the product offers unasked: TLS 1.2 and 1.3, libunftp TLS 1.2 alone.
    Default,
    /// TLS 1.2 and nothing else.
    Only12,
    /// TLS 1.3 and nothing else.
    Only13,
}

/// Why this machine cannot run a server.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// The program is not where `ci/servers` puts it.
    #[error("{0} is not there; `ci/servers` fetches it")]
    NotFetched(PathBuf),
    /// The servers switch users, and each needs namespaces of its own.
    #[error("only root on Linux can run it")]
    NotRootOnLinux,
    /// Root may not make namespaces here either, as in most containers.
    #[error("this machine gives no namespaces: {0}")]
    NoNamespaces(String),
}

/// A running server on a port of 127.0.0.1; it ends when dropped, and when the test's process ends in
/// whatever way.
#[derive(Debug)]
pub struct RealServer {
    setup: Setup,
    running: Option<Running>,
}

#[derive(Debug)]
enum Running {
    Process(Process),
    InProcess(InProcess),
}

/// All that decides how a server is run.
#[derive(Debug)]
struct Setup {
    product: Product,
    tls: Tls,
    /// The most sessions that it lets in; `None` sets no limit.
    most_sessions: Option<u32>,
    port: u16,
    identity: Identity,
    /// Configuration, keys and the login's home.
    folder: TempDir,
}

impl RealServer {
    /// Starts a server and waits for its greeting.
    ///
    /// # Panics
    ///
    /// When this machine could run the server and yet it does not start; its own words are in the message. When the
    /// product has no implicit TLS and it is asked for.
    pub async fn start(product: Product, tls: Tls) -> Result<Self, Unavailable> {
        Self::start_letting_in(None, product, tls).await
    }

    async fn start_letting_in(
        most_sessions: Option<u32>,
        product: Product,
        tls: Tls,
    ) -> Result<Self, Unavailable> {
        assert!(
            tls != Tls::Implicit || Product::WITH_IMPLICIT_TLS.contains(&product),
            "{product} has no implicit TLS"
        );
        let mut setup =
            Setup::new(product, tls).unwrap_or_else(|error| panic!("no folder for {product}: {error}"));
        setup.most_sessions = most_sessions;
        for _ in 1..ATTEMPTS {
            match setup.run().await {
                Err(StartError::Exited(_)) => setup.port = free_port(),
                other => return Ok(Self { running: Some(started(product, other)?), setup }),
            }
        }
        let running = started(product, setup.run().await)?;
        Ok(Self { setup, running: Some(running) })
    }

    /// Starts a server, or tells on stderr why the test is skipped.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start), and when the environment has `CI` and the server is unavailable: where
    /// changes are judged, nothing is skipped.
    pub async fn start_or_skip(product: Product, tls: Tls) -> Option<Self> {
        running_or_skipped(product, Self::start(product, tls).await)
    }

    /// As [`start_or_skip`](Self::start_or_skip), a server that turns sessions away when it has `most`: vsftpd and Pure-FTPd
    /// do so with 421 in place of a greeting, `ProFTPD` with 530 at the login. libunftp knows no such limit.
    ///
    /// # Panics
    ///
    /// As [`start_or_skip`](Self::start_or_skip).
    pub async fn start_limited_or_skip(product: Product, tls: Tls, most: u32) -> Option<Self> {
        assert!(product != Product::Libunftp, "{product} has no limit of sessions");
        running_or_skipped(product, Self::start_letting_in(Some(most), product, tls).await)
    }

    /// How many control connections the server holds, those included whose client has left unnoticed.
    ///
    /// # Panics
    ///
    /// When the machine does not tell.
    #[cfg(target_os = "linux")]
    pub fn sessions(&self) -> usize {
        let held = sessions::held_by(self.address());
        held.unwrap_or_else(|error| panic!("no table of TCP connections: {error}"))
    }

    /// Where the server listens: 127.0.0.1 and its port, the same after a restart.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.setup.port).into()
    }

    /// The folder that clients see as `/`, where they are after login.
    ///
    /// The login can read, rename and delete what a test puts there. What it should also change in place,
    /// such as a folder to upload into, is made with [`seed`](Self::seed) and
    /// [`seed_folder`](Self::seed_folder).
    pub fn home(&self) -> PathBuf {
        self.setup.home()
    }

    /// Makes a file under [`home`](Self::home) that belongs to the login, and the folders above it.
    pub fn seed(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = path.as_ref();
        self.seed_folder(path.parent().unwrap_or(Path::new("")))?;
        let file = self.home().join(path);
        fs::write(&file, content)?;
        self.setup.give_to_login(&file)?;
        Ok(file)
    }

    /// Makes a folder under [`home`](Self::home) that belongs to the login, and those above it.
    pub fn seed_folder(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        let mut folder = self.home();
        for part in path.as_ref().components() {
            folder.push(part);
            if !folder.is_dir() {
                fs::create_dir(&folder)?;
                self.setup.give_to_login(&folder)?;
            }
        }
        Ok(folder)
    }

    /// The name to log in with.
    pub fn username(&self) -> &'static str {
        USERNAME
    }

    /// The password to log in with.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The authority that signed the server's certificate, as PEM. The certificate is for `127.0.0.1` and
    /// `localhost`.
    pub fn ca_pem(&self) -> &str {
        self.setup.identity.ca_pem()
    }

    /// SHA-256 of the server's certificate (DER), in lower-case hexadecimal.
    pub fn certificate_sha256(&self) -> String {
        self.setup.identity.certificate_sha256()
    }

    /// Kills the server with all its sessions. When this returns, none of its connections is left.
    pub async fn stop(&mut self) {
        match self.running.take() {
            Some(Running::Process(process)) => process.kill(),
            Some(Running::InProcess(server)) => server.kill().await,
            None => {}
        }
    }

    /// Starts the server again on its port, after [`stop`](Self::stop) or instead of it.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub async fn restart(&mut self) {
        self.stop().await;
        let mut attempt = self.setup.run().await;
        for _ in 1..ATTEMPTS {
            // Somebody who looks for a free port may just have tried this one.
            if !matches!(attempt, Err(StartError::Exited(_))) {
                break;
            }
            attempt = self.setup.run().await;
        }
        let running = started(self.setup.product, attempt);
        self.running =
            Some(running.unwrap_or_else(|error| panic!("{} is gone: {error}", self.setup.product)));
    }
}

impl Setup {
    fn new(product: Product, tls: Tls) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("ftp-testkit-").tempdir()?;
        // The login must reach its home; the keys in here are readable for their owner only.
        programs::permit(folder.path(), 0o755)?;
        let setup = Self {
            product,
            tls,
            most_sessions: None,
            port: free_port(),
            identity: Identity::generate(),
            folder,
        };
        fs::create_dir(setup.home())?;
        setup.give_to_login(&setup.home())?;
        Ok(setup)
    }

    async fn run(&self) -> Result<Running, StartError> {
        match self.product {
            Product::Libunftp => InProcess::start(self).map(Running::InProcess),
            Product::Vsftpd | Product::ProFtpd | Product::PureFtpd => {
                programs::start(self).await.map(Running::Process)
            }
        }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Writes a file of the server's own, for its owner alone, and tells where it is.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        fs::write(&path, content)?;
        programs::permit(&path, 0o600)?;
        Ok(path)
    }

    fn give_to_login(&self, path: &Path) -> io::Result<()> {
        match self.product {
            // It acts as whoever runs the test.
            Product::Libunftp => Ok(()),
            Product::Vsftpd | Product::ProFtpd | Product::PureFtpd => programs::give_to_login(path),
        }
    }
}

/// What a test has to work with; that it is skipped is told on stderr.
fn running_or_skipped(product: Product, started: Result<RealServer, Unavailable>) -> Option<RealServer> {
    match started {
        Ok(server) => Some(server),
        Err(reason) if env::var_os("CI").is_some() => panic!("no {product} to test with: {reason}"),
        Err(reason) => {
            // Not with `eprintln!`: the test harness captures that, and shows it for failed tests alone.
            drop(writeln!(io::stderr(), "skipped: no {product} to test with: {reason}"));
            None
        }
    }
}

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// It ended before it greeted, perhaps because its port was taken.
    #[error("it ended at once: {0}")]
    Exited(String),
    #[error("it does not greet: {0}")]
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "what runs in this process greets"))]
    Silent(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Tells a server that does not start from one that this machine cannot run.
fn started(product: Product, result: Result<Running, StartError>) -> Result<Running, Unavailable> {
    match result {
        Ok(running) => Ok(running),
        Err(StartError::Unavailable(reason)) => Err(reason),
        Err(error) => panic!("{product} does not start: {error}"),
    }
}

/// A port that nobody listens on, below those that the kernel gives out by itself (32768 to 60999): so no
/// connection of another test can sit on it, not even while a server is stopped.
fn free_port() -> u16 {
    const FIRST: u16 = 15_000;
    const COUNT: u16 = 17_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that test at the same time start at different places.
    let start = std::process::id().wrapping_mul(61);
    (0..COUNT)
        .filter_map(|_| {
            u16::try_from((start + u32::from(NEXT.fetch_add(1, Ordering::Relaxed))) % u32::from(COUNT)).ok()
        })
        .map(|offset| FIRST + offset)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .unwrap_or_else(|| panic!("no free port between {FIRST} and {}", FIRST + COUNT))
}

#[cfg(test)]
mod tests;
