//! A server program in namespaces of its own: its processes end as one, and what it writes to the machine's
//! /run is never seen there.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{StartError, Unavailable, is_root};
use crate::background::runtime;

/// How long a server may take until it greets.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long to wait between two looks whether it greets.
const PAUSE: Duration = Duration::from_millis(3);

/// Mounts the pairs of folders or files before `--`, runs the program behind it, and ends with it.
///
/// The shell stays as the namespace's first process, which inherits orphans: vsftpd 3.0.3 gives up when it is
/// told of the end of a process that it has not started.
const MOUNT_AND_RUN: &str = r#"set -e
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
shift
"$@"
exit"#;

/// What to run, and in which surroundings.
#[derive(Debug)]
pub(super) struct Launch {
    /// The folder that the packages were unpacked to.
    pub(super) unpacked: PathBuf,
    /// The program, below that folder.
    pub(super) program: &'static str,
    pub(super) arguments: Vec<OsString>,
    /// Settings for OpenSSL, for a program that has none of its own.
    pub(super) openssl_conf: Option<PathBuf>,
    /// Files and folders of ours that the program sees in place of the machine's.
    pub(super) mounts: Vec<(PathBuf, &'static str)>,
}

impl Launch {
    fn command(&self, program: &Path, folder: &Path, output: &Path) -> io::Result<Command> {
        // Lock files, process numbers and scoreboards go to a /run of the server's own.
        let run = folder.join("run");
        fs::create_dir_all(&run)?;
        let output = fs::File::create(output)?;

        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        command.args(["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"]);
        command.args(["sh", "-c", MOUNT_AND_RUN, "sh"]).arg(&run).arg("/run");
        for (ours, theirs) in &self.mounts {
            command.arg(ours).arg(theirs);
        }
        command.arg("--").arg(program).args(&self.arguments);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("LD_LIBRARY_PATH", library_path(&self.unpacked));
        if let Some(conf) = &self.openssl_conf {
            command.env("OPENSSL_CONF", conf);
        }
        command.current_dir("/").stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        Ok(command)
    }
}

/// The folders with libraries that the machine lacks, as `ci/servers` finds them.
fn library_path(unpacked: &Path) -> OsString {
    let folders = ["usr/lib", "lib"].map(|folder| fs::read_dir(unpacked.join(folder)));
    let folders = folders.into_iter().flatten().flatten().flatten().map(|folder| folder.path());
    let libraries = folders.filter(|folder| folder.to_string_lossy().contains("-linux-gnu"));
    std::env::join_paths(libraries).unwrap_or_default()
}

/// How a server says its first words.
pub(super) enum Greeting {
    Plain,
    /// After a handshake with this.
    OverTls(Arc<ClientConfig>),
}

impl Greeting {
    /// Whether somebody on this port of the loopback says that it is ready (RFC 959, section 5.4).
    async fn comes_from(&self, port: u16) -> bool {
        let code = async {
            let mut code = [0; 3];
            let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            match self {
                Self::Plain => tcp.read_exact(&mut code).await?,
                Self::OverTls(config) => {
                    let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
                    let connector = TlsConnector::from(Arc::clone(config));
                    connector.connect(name, tcp).await?.read_exact(&mut code).await?
                }
            };
            io::Result::Ok(code)
        };
        matches!(timeout(PATIENCE, code).await, Ok(Ok(code)) if &code == b"220")
    }
}

/// A server's processes; they end when this is dropped, and when this process ends, even by SIGKILL.
#[derive(Debug)]
pub(in crate::real) struct Process {
    /// `unshare`, which waits for the server.
    child: Child,
}

impl Process {
    /// Runs a program and waits until it greets on the port. Its output goes to `output` in the folder.
    pub(super) async fn start(
        launch: Launch,
        folder: &Path,
        port: u16,
        greeting: &Greeting,
    ) -> Result<Self, StartError> {
        if !is_root() {
            return Err(Unavailable::NotRootOnLinux.into());
        }
        let program = launch.unpacked.join(launch.program);
        if !program.exists() {
            return Err(Unavailable::NotFetched(program).into());
        }
        let output = folder.join("output");
        let mut command = launch.command(&program, folder, &output)?;
        // The server's life is tied to the thread that starts it, and this runtime's threads live as long as
        // the process; a test's thread, or one of a pool for blocking calls, may end earlier.
        let child = runtime().spawn(async move { command.spawn() }).await.map_err(io::Error::other)??;
        let mut process = Self { child };
        process.wait_for_greeting(port, greeting, &output).await?;
        Ok(process)
    }

    /// Kills all processes of the server, and waits until they and their sockets are gone.
    pub(in crate::real) fn kill(self) {
        drop(self);
    }

    async fn wait_for_greeting(
        &mut self,
        port: u16,
        greeting: &Greeting,
        output: &Path,
    ) -> Result<(), StartError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let greets = greeting.comes_from(port).await;
            let said = || fs::read_to_string(output).unwrap_or_default().trim().to_owned();
            if self.child.try_wait()?.is_some() {
                let said = said();
                let forbidden = said.starts_with("unshare:") || said.starts_with("mount:");
                return Err(if forbidden {
                    Unavailable::NoNamespaces(said).into()
                } else {
                    StartError::Exited(said)
                });
            }
            if greets {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(StartError::Silent(said()));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The shell that runs the server: the first process of its namespace, with which the kernel ends all
    /// others.
    fn first_of_namespace(&self) -> Option<Pid> {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // `unshare` ends when the namespace is empty, and not earlier, unless it is killed itself: the last
        // resort.
        match self.first_of_namespace().map(|pid| kill_process(pid, Signal::KILL)) {
            Some(Ok(())) => {}
            _ => drop(self.child.kill()),
        }
        drop(self.child.wait());
    }
}
