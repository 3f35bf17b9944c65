//! SOCKS5 (RFC 1928), without a login or with user and password (RFC 1929).

use std::io::{self, ErrorKind};

use tokio::net::TcpStream;
use tokio_socks::Error;
use tokio_socks::tcp::Socks5Stream;

use super::{Login, ProxyFault};

/// Has the proxy connect to `target`. A name goes to it as a name.
pub(super) async fn connect(
    tcp: TcpStream,
    target: (&str, u16),
    login: Option<&Login>,
) -> Result<TcpStream, ProxyFault> {
    let connected = match login {
        Some(Login { user, password }) => {
            Socks5Stream::connect_with_password_and_socket(tcp, target, user.expose(), password.expose())
                .await
        }
        None => Socks5Stream::connect_with_socket(tcp, target).await,
    };
    connected.map(Socks5Stream::into_inner).map_err(fault)
}

/// The replies of RFC 1928 §6 are about the target; methods and RFC 1929 are about the login.
fn fault(error: Error) -> ProxyFault {
    let target = |kind, text: &str| ProxyFault::Target(io::Error::new(kind, text.to_owned()));
    match error {
        Error::NoAcceptableAuthMethods | Error::AuthorizationRequired | Error::PasswordAuthFailure(_) => {
            ProxyFault::Login
        }
        Error::GeneralSocksServerFailure => target(ErrorKind::Other, "general failure of the proxy"),
        Error::ConnectionNotAllowedByRuleset => {
            target(ErrorKind::PermissionDenied, "its rules do not allow this connection")
        }
        Error::NetworkUnreachable => target(ErrorKind::NetworkUnreachable, "network unreachable"),
        Error::HostUnreachable => target(ErrorKind::HostUnreachable, "host unreachable"),
        Error::ConnectionRefused => target(ErrorKind::ConnectionRefused, "connection refused"),
        Error::TtlExpired => target(ErrorKind::TimedOut, "the time to live of the packets ran out"),
        Error::CommandNotSupported => target(ErrorKind::Unsupported, "it does not know CONNECT"),
        Error::AddressTypeNotSupported => {
            target(ErrorKind::Unsupported, "it does not know this kind of address")
        }
        Error::Io(error) => ProxyFault::Answer(error),
        other => ProxyFault::Answer(io::Error::new(ErrorKind::InvalidData, other)),
    }
}
