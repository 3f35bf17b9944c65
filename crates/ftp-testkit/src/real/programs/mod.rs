//! The servers that are programs of their own. Each needs namespaces and switches users, so that they run only for
//! root on Linux.

mod process;
mod proftpd;
mod pure_ftpd;
mod vsftpd;

use std::ffi::OsString;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use rustix::process::geteuid;

use self::process::Greeting;
pub(super) use self::process::Process;
use super::{Product, Setup, StartError, Tls, TlsVersions, USERNAME, Unavailable};

/// The login's password for crypt(3), as the servers' password files hold it. SHA-512, because the more careful
/// methods take seconds for a login.
const PASSWORD_HASH: &str =
    "$6$icontestkit$k.ki9Jcad7fXzRfl/XEwVNw9OLV2dLEovTKVFAePPntR/MqhMYUZ.Aim6VMoHEiYWMHSGocJtz1aZ3T4AgURc.";

/// The login's user and group: no account of the machine, for Pure-FTPd lets nobody in as root.
const LOGIN_ID: u32 = 61_021;

/// Starts the product's program and waits until it greets.
pub(super) async fn start(setup: &Setup) -> Result<Process, StartError> {
    let launch = match setup.product {
        Product::Vsftpd => vsftpd::launch(setup),
        Product::ProFtpd => proftpd::launch(setup),
        Product::PureFtpd => pure_ftpd::launch(setup),
        Product::Libunftp => Err(io::Error::other("libunftp is no program")),
    };
    let greeting = match setup.tls {
        Tls::Implicit => Greeting::OverTls(setup.identity.client_config()),
        Tls::Off | Tls::On(_) => Greeting::Plain,
    };
    Process::start(launch?, setup.folder.path(), setup.port, &greeting).await
}

/// Makes the login the owner of a file or folder.
pub(super) fn give_to_login(path: &Path) -> io::Result<()> {
    if is_root() { chown(path, Some(LOGIN_ID), Some(LOGIN_ID)) } else { Ok(()) }
}

/// Sets who may use a file or folder, as chmod(2) does.
pub(super) fn permit(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Whether a test can run servers that switch users.
fn is_root() -> bool {
    geteuid().is_root()
}

impl Setup {
    /// The folder into which `ci/servers` unpacked the product.
    fn unpacked(&self) -> PathBuf {
        let servers = env::var_os("FTP_SERVERS").unwrap_or_else(|| {
            OsString::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/ftp-servers"))
        });
        Path::new(&servers).join(self.product.to_string().to_lowercase())
    }

    /// Settings that hold a program's OpenSSL to one TLS version, for programs without settings of their own.
    fn openssl_conf(&self) -> io::Result<Option<PathBuf>> {
        let version = match self.tls {
            Tls::Off | Tls::Implicit | Tls::On(TlsVersions::Default) => return Ok(None),
            Tls::On(TlsVersions::Only12) => "TLSv1.2",
            Tls::On(TlsVersions::Only13) => "TLSv1.3",
        };
        let conf = format!(
            "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = versions\n\
             [versions]\nMinProtocol = {version}\nMaxProtocol = {version}\n"
        );
        self.write("openssl.cnf", conf).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::super::started;
    use super::process::Launch;
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_not_fetched_is_unavailable() {
        let setup = Setup::new(Product::ProFtpd, Tls::Off).unwrap();
        let launch =
            Launch { unpacked: setup.folder.path().join("nothing"), ..proftpd::launch(&setup).unwrap() };
        let error =
            Process::start(launch, setup.folder.path(), setup.port, &Greeting::Plain).await.unwrap_err();
        let error = started(setup.product, Err(error)).unwrap_err();
        match error {
            Unavailable::NotFetched(path) => assert!(path.ends_with("nothing/usr/sbin/proftpd")),
            Unavailable::NotRootOnLinux => assert!(!is_root()),
            Unavailable::NoNamespaces(reason) => panic!("{reason}"),
        }
    }
}
