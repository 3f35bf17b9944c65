//! HTTP CONNECT (RFC 9110 §9.3.6), without a login or with that of the scheme Basic (RFC 7617).

use std::io::{self, ErrorKind};

use base64_simd::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Login, ProxyFault};
use crate::config::authority;

/// The longest answer, in bytes, interim ones included.
const LONGEST_ANSWER: usize = 16 * 1024;

/// The status of a proxy that wants another login, or one at all.
const LOGIN_WANTED: u16 = 407;

/// Has the proxy connect to the target. A name goes to it as a name.
pub(super) async fn connect(
    mut tcp: TcpStream,
    (host, port): (&str, u16),
    login: Option<&Login>,
) -> Result<TcpStream, ProxyFault> {
    let authority = authority(host, port);
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some(login) = login {
        request.extend(["Proxy-Authorization: Basic ", &token(login), "\r\n"]);
    }
    request.push_str("\r\n");
    tcp.write_all(request.as_bytes()).await.map_err(ProxyFault::Answer)?;
    match final_status(&mut tcp).await.map_err(ProxyFault::Answer)? {
        200..300 => Ok(tcp),
        LOGIN_WANTED => Err(ProxyFault::Login),
        // The reason phrase is left out: whoever wrote it has read the login.
        status => Err(ProxyFault::Target(io::Error::other(format!("HTTP status {status}")))),
    }
}

/// What stands behind `Basic`.
pub(super) fn token(login: &Login) -> String {
    STANDARD.encode_to_string(format!("{}:{}", login.user.expose(), login.password.expose()))
}

/// The status of the first answer that is not an interim one (1xx).
async fn final_status(tcp: &mut TcpStream) -> io::Result<u16> {
    let mut left = LONGEST_ANSWER;
    loop {
        let head = head(tcp, left).await?;
        left -= head.len();
        match status(&head) {
            Some(100..200) => {}
            Some(status) => return Ok(status),
            None => return Err(io::Error::new(ErrorKind::InvalidData, "not an answer of HTTP/1")),
        }
    }
}

/// One answer's lines, up to and with the empty one, and not a byte more: what follows is the server's. So bytes are
/// looked at before they are taken.
async fn head(tcp: &mut TcpStream, longest: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut block = [0; 1024];
    while head.len() < longest {
        let seen = tcp.peek(&mut block).await?;
        if seen == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let before = head.len();
        head.extend_from_slice(&block[..seen.min(longest - before)]);
        let end = end(&head);
        head.truncate(end.unwrap_or(head.len()));
        let taken = head.len() - before;
        tcp.read_exact(&mut block[..taken]).await?;
        if end.is_some() {
            return Ok(head);
        }
    }
    Err(io::Error::new(ErrorKind::InvalidData, format!("an answer of more than {LONGEST_ANSWER} bytes")))
}

/// Where the empty line ends, if it is there. LF alone ends a line as well (RFC 9112 §2.2).
fn end(head: &[u8]) -> Option<usize> {
    let lf = |from: usize| head[from..].iter().position(|byte| *byte == b'\n').map(|at| from + at + 1);
    let mut line_end = lf(0)?;
    loop {
        let next = lf(line_end)?;
        if matches!(&head[line_end..next], b"\n" | b"\r\n") {
            return Some(next);
        }
        line_end = next;
    }
}

/// `HTTP/1.1 200 …`
fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.")?;
    let (digits, after) =
        rest.strip_prefix(b"0 ").or_else(|| rest.strip_prefix(b"1 "))?.split_at_checked(3)?;
    if !matches!(after.first(), Some(b' ' | b'\r' | b'\n')) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|status| (100..600).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines() {
        let table: [(&[u8], Option<u16>); 9] = [
            (b"HTTP/1.1 200 OK\r\n\r\n", Some(200)),
            (b"HTTP/1.0 407\r\n\r\n", Some(407)),
            (b"HTTP/1.1 100 Continue\n\n", Some(100)),
            (b"HTTP/1.1 099 x\r\n\r\n", None),
            (b"HTTP/1.1 2000\r\n\r\n", None),
            (b"HTTP/1.1 +20 x\r\n\r\n", None),
            (b"HTTP/2 200\r\n\r\n", None),
            (b"220 ftp\r\n\r\n", None),
            (b"HTTP/1.1 2", None),
        ];
        for (head, expected) in table {
            assert_eq!(status(head), expected, "{}", head.escape_ascii());
        }
    }

    #[test]
    fn the_end_of_a_head() {
        let table: [(&[u8], Option<usize>); 6] = [
            (b"a\r\n\r\n220 hi\r\n\r\n", Some(5)),
            (b"a\n\n220", Some(3)),
            (b"a\r\nb\r\n\r\n", Some(8)),
            (b"a\r\nb\r\n\r", None),
            (b"\r\n\r\n", Some(4)),
            (b"", None),
        ];
        for (head, expected) in table {
            assert_eq!(end(head), expected, "{}", head.escape_ascii());
        }
    }
}
