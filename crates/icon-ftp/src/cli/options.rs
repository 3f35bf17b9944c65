//! The options that all commands with a URL share, and what URL and options come to: a client and a path.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{OsStringValueParser, StringValueParser, TypedValueParser as _};
use ftp_client::{Client, Config, DataMode, Encoding, Proxy, Secret, TlsConfig, TlsMode, Verification};
use ftp_proto::RemotePath;

use super::console::{Console, Loudness};
use super::exit::Problem;
use super::password::Sources;
use super::url::{FtpUrl, Scheme};
use crate::connection::LONGEST_TIMEOUT;
use crate::settings::Settings;

/// The URL, and how to reach its server.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct ServerOptions {
    /// `ftp://` (no encryption), `ftpes://` (TLS) or `ftps://` (TLS from the first byte, port 990), then
    /// `user:password@host:port/path`, percent-encoded. The path starts in the login folder, or with `//` at the root.
    #[arg(value_name = "URL", value_parser = OsStringValueParser::new().map(Secret::new))]
    url: Secret<OsString>,
    /// Let the server open the data connections; by default the client does.
    #[arg(long)]
    active: bool,
    /// Take any certificate, an attacker's too.
    #[arg(long, group = "verification")]
    insecure: bool,
    /// Trust the certificate authorities in this PEM file, and no others.
    #[arg(long, value_name = "FILE", group = "verification")]
    cacert: Option<PathBuf>,
    /// Trust the certificate with this SHA-256, and no other.
    #[arg(long, value_name = "HEX", group = "verification", value_parser = StringValueParser::new().map(Secret::new))]
    pin_sha256: Option<Secret<String>>,
    /// The longest time that any single wait may take, in seconds.
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=LONGEST_TIMEOUT))]
    timeout: u64,
    /// The charset of the server's names: auto, utf-8, latin1, gbk, `shift_jis` or windows-1252.
    #[arg(long, value_name = "E", default_value = "auto")]
    encoding: Encoding,
    /// Go through a proxy: `socks5://user:password@host:port`, or `http://…` for one that knows CONNECT.
    #[arg(long, value_name = "URL", conflicts_with = "active", value_parser = StringValueParser::new().map(Secret::new))]
    proxy: Option<Secret<String>>,
    /// Read the password from the first line of this file; `-` is stdin. Else it comes from `FTP_PASSWORD` or `~/.netrc`.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Say nothing but errors.
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Show the commands and the server's replies, without passwords.
    #[arg(short, long)]
    verbose: bool,
}

/// A server that can be connected to, and a path there.
#[derive(Debug)]
pub(super) struct Target {
    /// Nothing is dialled yet.
    pub(super) client: Client,
    /// Relative to the login folder, or absolute.
    pub(super) path: RemotePath,
    /// The path as it was typed, for another look at it once the server's charset is known ([`ftp_client::Session::respell`]).
    pub(super) text: String,
    /// Whether the path can only mean a folder.
    pub(super) names_folder: bool,
}

impl ServerOptions {
    /// The way to stderr that the options ask for.
    pub(super) fn console(&self) -> Console {
        Console::install(match (self.quiet, self.verbose) {
            (true, _) => Loudness::Quiet,
            (false, false) => Loudness::Usual,
            (false, true) => Loudness::Wire,
        })
    }

    /// Reads the URL and the files that the options name, and hides the passwords in them from `console`.
    pub(super) fn target(&self, settings: &Settings, console: &Console) -> Result<Target, Problem> {
        let url = FtpUrl::parse(self.url.expose().as_encoded_bytes()).map_err(|error| {
            Problem::usage(format!("The URL cannot be used: {error}"), error.assistance())
        })?;
        let login = Sources::of_process(self.password_file.clone()).login(&url)?;
        if let Some(secret) = login.secret() {
            console.hide(secret);
        }
        let config = Config {
            port: url.port,
            data_mode: if self.active { DataMode::Active } else { DataMode::Passive },
            tls: self.tls(url.scheme)?,
            encoding: self.encoding,
            proxy: self.proxy(console)?,
            timeout: Duration::from_secs(self.timeout),
            ..Config::new(url.host, login.credentials()?)
        };
        let client = Client::new(settings.once(config))?;
        let path = client.path(&url.path).map_err(|error| {
            Problem::usage(
                format!("The URL cannot be used: {error}"),
                "Set --encoding to the charset of the server's names, or write each of the name's bytes as % and two digits.",
            )
        })?;
        Ok(Target { client, path, text: url.path, names_folder: url.names_folder })
    }

    fn proxy(&self, console: &Console) -> Result<Option<Proxy>, Problem> {
        let Some(url) = &self.proxy else { return Ok(None) };
        for secret in Proxy::secrets_in(url.expose()) {
            console.hide(secret.as_bytes());
        }
        Proxy::parse(url.expose()).map(Some).map_err(|error| bad_option("--proxy", &error))
    }

    fn tls(&self, scheme: Scheme) -> Result<Option<TlsConfig>, Problem> {
        let mode = match scheme {
            Scheme::Ftpes => TlsMode::Explicit,
            Scheme::Ftps => TlsMode::Implicit,
            // Whoever names a certificate means to be protected by it.
            Scheme::Ftp if self.cacert.is_some() || self.pin_sha256.is_some() => {
                return Err(Problem::usage(
                    "--cacert and --pin-sha256 mean nothing with ftp://, which has no encryption and no certificate",
                    "Write ftpes:// for TLS, or ftps:// for TLS from the first byte. Nothing was sent to the server.",
                ));
            }
            Scheme::Ftp => return Ok(None),
        };
        Ok(Some(TlsConfig { mode, verification: self.verification()? }))
    }

    fn verification(&self) -> Result<Verification, Problem> {
        if let Some(pin) = &self.pin_sha256 {
            return Verification::pin_from_hex(pin.expose())
                .map_err(|error| bad_option("--pin-sha256", &error));
        }
        if let Some(file) = &self.cacert {
            let pem = fs::read_to_string(file).map_err(|error| bad_option("--cacert", &error))?;
            return Verification::authorities_from_pem(&pem).map_err(|error| bad_option("--cacert", &error));
        }
        Ok(if self.insecure { Verification::Off } else { Verification::SystemRoots })
    }
}

fn bad_option(name: &str, fault: &impl std::fmt::Display) -> Problem {
    Problem::usage(
        format!("The option {name} cannot be used: {fault}"),
        "Correct it. Nothing was sent to the server.",
    )
}
