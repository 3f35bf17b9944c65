//! What a client has to know before it dials: where, as whom, over what.

use std::time::Duration;

use ftp_proto::{Argument, ArgumentError};

use crate::allow::AllowList;
use crate::encoding::Encoding;
use crate::limits::Limits;
use crate::proxy::Proxy;
use crate::retry::Retries;
use crate::secret::Secret;
use crate::tls::Verification;

/// Everything that describes one server and one login.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Config {
    /// Name or address literal of the server, without brackets and without a port. An IPv6 address of one link's own
    /// has its zone behind it: `fe80::1%eth0`.
    pub host: String,
    /// Port of the control connection; 21 is FTP's own, 990 that of implicit TLS.
    pub port: u16,
    /// Who logs in.
    pub credentials: Credentials,
    /// Which side opens the data connections, as long as nothing better is known of the server.
    pub data_mode: DataMode,
    /// `Some`: TLS (RFC 4217) on the control connection and on every data connection. Never downgraded.
    pub tls: Option<TlsConfig>,
    /// Which charset the server's names are in.
    pub encoding: Encoding,
    /// `Some`: every connection goes through this proxy, which also resolves the server's name. Active data connections
    /// are impossible then.
    pub proxy: Option<Proxy>,
    /// Which hosts may be reached, the proxy among them.
    pub allowed: AllowList,
    /// The longest that any single wait may take: a name, a connection, a reply, a block of data.
    pub timeout: Duration,
    /// How often what failed for now is tried again.
    pub retries: Retries,
    /// How much a server may send.
    pub limits: Limits,
}

impl Config {
    /// FTP's own port, clear text, passive mode, names in a charset to be found out, any host, 30 seconds for each wait,
    /// and the usual retries and limits: what is to be different stands before `..Config::new(host, credentials)`.
    pub fn new(host: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            host: host.into(),
            port: 21,
            credentials,
            data_mode: DataMode::Passive,
            tls: None,
            encoding: Encoding::Auto,
            proxy: None,
            allowed: AllowList::default(),
            timeout: Duration::from_secs(30),
            retries: Retries::default(),
            limits: Limits::default(),
        }
    }

    /// The server as people name it: `host:port`, with brackets where the host is an IPv6 address.
    pub fn server(&self) -> String {
        authority(&self.host, self.port)
    }
}

/// `host:port` as URLs have it (RFC 3986 §3.2), with brackets around an IPv6 address.
pub(crate) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// TLS 1.2 and 1.3.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TlsConfig {
    /// When it begins.
    pub mode: TlsMode,
    /// How the server proves who it is.
    pub verification: Verification,
}

/// When TLS begins on the control connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsMode {
    /// With AUTH TLS, after the server's greeting (RFC 4217 §4).
    Explicit,
    /// With the first byte. Never a standard, and on port 990 where it is offered; data connections have TLS as well.
    Implicit,
}

/// User name and password, fit for the control connection. Anonymous login (RFC 1635) is the user `anonymous` with a
/// password that looks like a mail address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    pub(crate) user: Argument,
    pub(crate) password: Secret<Argument>,
}

impl Credentials {
    /// Takes a user name and a password, as the server knows them; neither may hold CR, LF or NUL, which would end the command they travel in.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`] says which of the two holds what. It never shows the password.
    pub fn parse(user: impl Into<Vec<u8>>, password: impl Into<Vec<u8>>) -> Result<Self, CredentialsError> {
        Ok(Self {
            user: Argument::parse(user).map_err(CredentialsError::User)?,
            password: Secret::new(Argument::parse(password).map_err(|_| CredentialsError::Password)?),
        })
    }
}

/// Why credentials cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// The user name holds a forbidden byte.
    #[error("the user name holds a {0}")]
    User(ArgumentError),
    /// The password holds a forbidden byte; where is nobody's business.
    #[error("the password holds a line end or a NUL")]
    Password,
}

/// Which side opens the data connections first; the other way is tried when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataMode {
    /// The client connects (EPSV, then PASV).
    Passive,
    /// The server connects (PORT, or EPRT over IPv6).
    Active,
}
