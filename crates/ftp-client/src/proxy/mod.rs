//! A proxy between here and the server: every connection, control and data, goes through it.
//!
//! The server's name is resolved at the proxy, which may live in a network whose names nobody here knows. Whatever a
//! proxy sends after its last reply is the server's and stays in the socket, so replies are read to the byte.

mod http;
mod socks;

use std::fmt;
use std::io;
use std::net::Ipv6Addr;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio::net::TcpStream;

use crate::allow::AllowList;
use crate::config::authority;
use crate::dial::{Unreached, dial};
use crate::secret::Secret;

/// The longest name of a host, and of a user or password in SOCKS5, in bytes (RFC 1928 §5, RFC 1929 §2).
const LONGEST: usize = 255;

/// A proxy, and the login that it wants.
///
/// `Display` shows protocol, host and port; neither it nor `Debug` shows the login.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    protocol: Protocol,
    host: String,
    port: u16,
    login: Option<Login>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Protocol {
    /// RFC 1928.
    Socks5,
    /// CONNECT (RFC 9110 §9.3.6).
    Http,
}

/// Who uses the proxy. The user is hidden as well: some proxies take a token in its place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Login {
    user: Secret<String>,
    password: Secret<String>,
}

impl Proxy {
    /// Reads `socks5://[user:password@]host:port` or `http://[user:password@]host:port`. User and password may be
    /// percent-encoded, and have to be where they hold `%`, or the user a `:`. `socks5h` is the same as `socks5`.
    ///
    /// ```
    /// use ftp_client::Proxy;
    ///
    /// let proxy = Proxy::parse("socks5://me:p%40ss@proxy.example.com:1080")?;
    /// assert_eq!(proxy.to_string(), "socks5://proxy.example.com:1080");
    /// # Ok::<(), ftp_client::ProxyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ProxyError`] says what is wrong, without showing any of the text.
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(ProxyError::Protocol)?;
        let protocol = match scheme.to_ascii_lowercase().as_str() {
            "socks5" | "socks5h" => Protocol::Socks5,
            "http" => Protocol::Http,
            _ => return Err(ProxyError::Protocol),
        };
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => (Some(Login::parse(login, protocol)?), address),
            None => (None, rest),
        };
        let (host, port) = host_and_port(address).ok_or(ProxyError::Address)?;
        Ok(Self { protocol, host: host.to_owned(), port, login })
    }

    /// Every text that would give away the login in `text`, which is meant to be a proxy's URL but need not be a valid
    /// one: as it is written, as it is meant, and as it travels.
    pub fn secrets_in(text: &str) -> Vec<String> {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let Some((login, _)) = rest.rsplit_once('@') else { return Vec::new() };
        let login = login.trim();
        let password = login.split_once(':').map_or(login, |(_, password)| password);
        let mut secrets = vec![login.to_owned(), password.to_owned()];
        for written in [login, password] {
            let meant = percent_decode_str(written).decode_utf8_lossy().into_owned();
            secrets.push(utf8_percent_encode(&meant, NON_ALPHANUMERIC).to_string());
            secrets.push(meant);
        }
        secrets.extend(Login::parse(login, Protocol::Http).map(|login| http::token(&login)));
        secrets.retain(|secret| !secret.is_empty());
        secrets
    }

    /// A connection to `host`, a name or an address literal, through this proxy, if the proxy is `allowed`: `limit` for
    /// reaching the proxy, and `limit` for what it then has to do.
    pub(crate) async fn connect(
        &self,
        (host, port): (&str, u16),
        allowed: &AllowList,
        limit: Duration,
    ) -> Result<TcpStream, ProxyFault> {
        if !can_be_named(host) {
            return Err(ProxyFault::Target(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it can only be asked for names in ASCII and for addresses without a zone",
            )));
        }
        let tcp = dial(&self.host, self.port, allowed, limit).await.map_err(unreached)?;
        let login = self.login.as_ref();
        let negotiated = tokio::time::timeout(limit, async {
            match self.protocol {
                Protocol::Socks5 => socks::connect(tcp, (host, port), login).await,
                Protocol::Http => http::connect(tcp, (host, port), login).await,
            }
        });
        negotiated.await.map_err(|_| ProxyFault::Silent { after: limit })?
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Socks5 => "socks5",
            Protocol::Http => "http",
        };
        write!(f, "{protocol}://{}", authority(&self.host, self.port))
    }
}

impl Login {
    /// Reads `user:password`; without a colon there is a user only.
    fn parse(text: &str, protocol: Protocol) -> Result<Self, ProxyError> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let plain = |text| percent_decode_str(text).decode_utf8().map_err(|_| ProxyError::Login);
        let (user, password) = (plain(user)?, plain(password)?);
        let can_travel = match protocol {
            // RFC 1929 §2.
            Protocol::Socks5 => [&user, &password].iter().all(|text| (1..=LONGEST).contains(&text.len())),
            // RFC 7617 §2.
            Protocol::Http => !user.contains(':') && !format!("{user}{password}").contains(char::is_control),
        };
        if !can_travel {
            return Err(ProxyError::Login);
        }
        Ok(Self { user: Secret::new(user.into_owned()), password: Secret::new(password.into_owned()) })
    }
}

/// Why a text is not a proxy's URL. None of the text is shown, since it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Another protocol, or none.
    #[error("it begins neither with `socks5://` nor with `http://`")]
    Protocol,
    /// No host, no port, or something after them.
    #[error("it does not name a host and a port, as `socks5://proxy.example.com:1080` does")]
    Address,
    /// A login that the protocol cannot carry.
    #[error(
        "its user and password cannot be sent: SOCKS5 wants 1 to 255 bytes of each, HTTP a user without a colon and \
         no control characters"
    )]
    Login,
}

/// Why there is no connection through a proxy.
#[derive(Debug, thiserror::Error)]
pub enum ProxyFault {
    /// It may not be reached from here ([`Config::allowed`](crate::Config::allowed)).
    #[error("it is not among the hosts that may be reached from here")]
    Forbidden,
    /// Nothing listens where the proxy should be, or its name cannot be resolved.
    #[error("it cannot be reached ({0})")]
    Unreachable(io::Error),
    /// It took the connection and then said nothing, or not enough.
    #[error("it did not answer within {} s", after.as_secs_f32())]
    Silent {
        /// The limit that ran out.
        after: Duration,
    },
    /// It wants a user and a password, or not these.
    #[error("it did not let this client in")]
    Login,
    /// It did not connect to the server.
    #[error("it did not connect to the server ({0})")]
    Target(io::Error),
    /// What answers does not speak the proxy's protocol, or broke off.
    #[error("it does not answer as such a proxy does ({0})")]
    Answer(io::Error),
}

fn unreached(unreached: Unreached) -> ProxyFault {
    ProxyFault::Unreachable(match unreached {
        Unreached::Forbidden => return ProxyFault::Forbidden,
        Unreached::Silent { after, .. } => {
            io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", after.as_secs_f32()))
        }
        Unreached::Resolve(error) | Unreached::Tcp(error) => error,
    })
}

/// `host:port`, or `[v6]:port`; a slash may follow, as it does where a URL was pasted.
fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.strip_suffix('/').unwrap_or(address).rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.strip_suffix(']').filter(|v6| v6.parse::<Ipv6Addr>().is_ok())?,
        None => Some(host).filter(|host| can_be_named(host) && !host.contains(':'))?,
    };
    let port = port.parse().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()))?;
    (port != 0).then_some((host, port))
}

/// Whether a host is an address, or a name that fits into both protocols and adds nothing to them.
fn can_be_named(host: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_graphic() && !b":/?#@[]".contains(&byte);
    host.parse::<Ipv6Addr>().is_ok() || (1..=LONGEST).contains(&host.len()) && host.bytes().all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let table = [
            ("socks5://h:1080", Ok("socks5://h:1080")),
            (" SOCKS5h://h:1080/ ", Ok("socks5://h:1080")),
            ("http://user:pw@h.example:3128", Ok("http://h.example:3128")),
            ("http://token@h:80", Ok("http://h:80")),
            ("socks5://u:p@[2001:db8::1]:1080", Ok("socks5://[2001:db8::1]:1080")),
            ("socks5://u:a@b@h:1080", Ok("socks5://h:1080")),
            ("h:1080", Err(ProxyError::Protocol)),
            ("https://h:1080", Err(ProxyError::Protocol)),
            ("socks4://h:1080", Err(ProxyError::Protocol)),
            ("", Err(ProxyError::Protocol)),
            ("socks5://h", Err(ProxyError::Address)),
            ("socks5://:1080", Err(ProxyError::Address)),
            ("socks5://h:0", Err(ProxyError::Address)),
            ("socks5://h:+80", Err(ProxyError::Address)),
            ("socks5://h:65536", Err(ProxyError::Address)),
            ("socks5://h:1080/path", Err(ProxyError::Address)),
            ("http://h\r\nx:80", Err(ProxyError::Address)),
            ("socks5://2001:db8::1:1080", Err(ProxyError::Address)),
            ("socks5://[h]:1080", Err(ProxyError::Address)),
            ("socks5://user@h:1080", Err(ProxyError::Login)),
            ("socks5://:@h:1080", Err(ProxyError::Login)),
            ("socks5://u:%ff@h:1080", Err(ProxyError::Login)),
            ("http://a%3Ab:p@h:80", Err(ProxyError::Login)),
            ("http://a:p%0D%0Ax@h:80", Err(ProxyError::Login)),
        ];
        for (text, expected) in table {
            let shown = Proxy::parse(text).map(|proxy| proxy.to_string());
            assert_eq!(shown, expected.map(str::to_owned), "{text}");
        }
        let long = "x".repeat(256);
        assert_eq!(Proxy::parse(&format!("socks5://u:{long}@h:1")), Err(ProxyError::Login));
    }

    #[test]
    fn the_login_is_decoded_and_never_shown() {
        let proxy = Proxy::parse("socks5://some%40one:can%3Aary@h:1080").unwrap();
        let login = proxy.login.clone().unwrap();
        assert_eq!((login.user.expose().as_str(), login.password.expose().as_str()), ("some@one", "can:ary"));
        for shown in [proxy.to_string(), format!("{proxy:?}")] {
            assert!(!shown.contains("one") && !shown.contains("ary"), "{shown}");
        }
    }

    #[test]
    fn every_form_of_the_login_is_a_secret() {
        let table: [(&str, &[&str]); 5] = [
            (
                "http://me:a%20b+c@h:80",
                &["me:a%20b+c", "a%20b+c", "a b+c", "me:a b+c", "a%20b%2Bc", "bWU6YSBiK2M="],
            ),
            ("http://token@h:80", &["token"]),
            ("nonsense:canary@", &["nonsense:canary", "canary"]),
            ("socks5://u:a@b@h", &["u:a@b", "a@b"]),
            ("socks5://h:1080", &[]),
        ];
        for (text, expected) in table {
            let secrets = Proxy::secrets_in(text);
            for secret in expected {
                assert!(secrets.iter().any(|found| found == secret), "{secret} of {text}: {secrets:?}");
            }
            assert_eq!(secrets.is_empty(), expected.is_empty(), "{text}: {secrets:?}");
        }
    }

    #[test]
    fn what_a_proxy_can_be_asked_for() {
        for host in ["ftp.example.org", "127.0.0.1", "2001:db8::1"] {
            assert!(can_be_named(host), "{host}");
        }
        let long = "x".repeat(256);
        for host in ["", "a b", "a\r\nHost: b", "a/b", "a:b", "fe80::1%eth0", "größe.example", &long] {
            assert!(!can_be_named(host), "{host}");
        }
    }
}
