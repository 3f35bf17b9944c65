//! The proxy's side of HTTP CONNECT (RFC 9110 §9.3.6).

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Desk, turned_away};

/// Lets a client in, and gives the connection that it asked for.
pub(super) async fn admit(
    client: &mut TcpStream,
    login: Option<(&str, &str)>,
    desk: &Desk,
) -> io::Result<TcpStream> {
    let head = head(client).await?;
    let target = head
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("CONNECT ")?.strip_suffix(" HTTP/1.1"))
        .and_then(|authority| {
            let (host, port) = authority.rsplit_once(':')?;
            Some((host.trim_start_matches('[').trim_end_matches(']'), port.parse().ok()?))
        });
    let Some((host, port)) = target else {
        client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
        return Err(turned_away("not CONNECT"));
    };
    if let Some((user, password)) = login {
        let token = base64_simd::STANDARD.encode_to_string(format!("{user}:{password}"));
        if !head.lines().any(|line| line == format!("Proxy-Authorization: Basic {token}")) {
            client.write_all(b"HTTP/1.1 407 Login\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n").await?;
            return Err(turned_away("a wrong login, or none"));
        }
    }
    let server = desk.dial(host, port).await;
    let answer = if server.is_ok() { "200 Connected" } else { "502 Bad Gateway" };
    client.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await?;
    server
}

/// The request, up to the empty line.
async fn head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == 16 * 1024 {
            return Err(turned_away("a request without end"));
        }
        head.push(client.read_u8().await?);
    }
    String::from_utf8(head).map_err(io::Error::other)
}
