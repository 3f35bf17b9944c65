//! Data connections need an address: the server's, read from its reply, or the client's, written into a command.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use thiserror::Error;

use crate::digits::decimal;
use crate::reply::Reply;

/// The port in the answer to `EPSV` (RFC 2428 §3): `229 Entering Extended Passive Mode (|||6446|)`.
///
/// The delimiter may be any printable character, protocol and address may be filled in and are ignored, and a dot
/// after the port is tolerated. The code is not looked at.
pub fn parse_epsv(reply: &Reply) -> Result<u16, AddressError> {
    first_found(reply, |text| {
        let opened = text.iter().enumerate().filter(|(_, byte)| **byte == b'(').map(|(at, _)| at + 1);
        first_some(opened.map(|at| epsv_port(&text[at..])))
    })
}

/// The address in the answer to `PASV` (RFC 959 §4.1.2): `227 Entering Passive Mode (127,0,0,1,24,6)`.
///
/// As RFC 1123 §4.1.2.6 advises, the numbers are looked for anywhere in the text: with parentheses, without them, or
/// after `=`. The code is not looked at: some servers answer EPSV so. What the server names may be another host's
/// address; whether to dial it is the caller's to decide.
pub fn parse_pasv(reply: &Reply) -> Result<SocketAddrV4, AddressError> {
    first_found(reply, |text| {
        let numbers = text.iter().enumerate().filter(|(at, byte)| {
            byte.is_ascii_digit() && !at.checked_sub(1).is_some_and(|before| text[before].is_ascii_digit())
        });
        first_some(numbers.map(|(at, _)| six_numbers(&text[at..])))
    })
}

/// Why a reply gives no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Nothing in the reply looks like one.
    #[error("the reply names no address")]
    Missing,
    /// A number is greater than 255, or the port of EPSV is greater than 65535.
    #[error("the reply names an address that cannot be: a number is too great")]
    OutOfRange,
    /// Nobody listens on port 0.
    #[error("the reply names port 0")]
    PortZero,
}

/// The argument of `EPRT` (RFC 2428 §2): `|1|132.235.1.2|6275|`.
///
/// An IPv4 address that a dual-stack socket shows as `::ffff:a.b.c.d` is written as the IPv4 address that it is.
pub(crate) fn eprt_argument(address: SocketAddr) -> String {
    let port = address.port();
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => format!("|1|{ip}|{port}|"),
        IpAddr::V6(ip) => format!("|2|{ip}|{port}|"),
    }
}

/// The argument of `PORT` (RFC 959 §4.1.2): `132,235,1,2,24,131`.
pub(crate) fn port_argument(address: SocketAddrV4) -> String {
    let [a, b, c, d] = address.ip().octets();
    let [high, low] = address.port().to_be_bytes();
    format!("{a},{b},{c},{d},{high},{low}")
}

/// What a place in the text says: nothing, or an address, or one that cannot be.
type Found<T> = Option<Result<T, AddressError>>;

fn first_found<T>(reply: &Reply, find: impl Fn(&[u8]) -> Found<T>) -> Result<T, AddressError> {
    first_some(reply.lines().map(find)).unwrap_or(Err(AddressError::Missing))
}

fn first_some<T>(mut places: impl Iterator<Item = Found<T>>) -> Found<T> {
    places.find_map(|found| found)
}

/// Reads `d proto d address d port d`, which comes after the parenthesis.
fn epsv_port(text: &[u8]) -> Found<u16> {
    let (&delimiter, rest) = text.split_first()?;
    // A digit as the delimiter (RFC 2428 §3 does not forbid it) would make `(127,0,0,1,131,9)`, which is in the words of
    // PASV, an answer with port 3.
    if !delimiter.is_ascii_graphic() || delimiter.is_ascii_digit() {
        return None;
    }
    let mut fields = rest.split(|byte| *byte == delimiter);
    let port = fields.nth(2)?;
    // The port's own delimiter must be there, so that a cut number is not taken for a port.
    fields.next()?;
    let port = port.strip_suffix(b".").unwrap_or(port);
    if port.is_empty() || !port.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(checked_port(decimal(port)))
}

/// Reads `h1,h2,h3,h4,p1,p2`, with spaces after the commas tolerated.
fn six_numbers(text: &[u8]) -> Found<SocketAddrV4> {
    let mut numbers = [Some(0_u8); 6];
    let mut rest = text;
    for (at, number) in numbers.iter_mut().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix(b",")?.trim_ascii_start();
        }
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (value, after) = rest.split_at(digits);
        if value.is_empty() {
            return None;
        }
        *number = decimal(value);
        rest = after;
    }
    let [Some(a), Some(b), Some(c), Some(d), Some(high), Some(low)] = numbers else {
        return Some(Err(AddressError::OutOfRange));
    };
    let port = checked_port(Some(u16::from_be_bytes([high, low])));
    Some(port.map(|port| SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port)))
}

fn checked_port(port: Option<u16>) -> Result<u16, AddressError> {
    match port {
        None => Err(AddressError::OutOfRange),
        Some(0) => Err(AddressError::PortZero),
        Some(port) => Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::reply;
    use proptest::prelude::*;

    #[test]
    fn epsv_answers() {
        let table: [(&str, Result<u16, AddressError>); 19] = [
            ("229 Entering Extended Passive Mode (|||6446|)", Ok(6446)),
            ("229 Extended Passive mode OK (|||6446|).", Ok(6446)),
            ("229 ok (!!!9447!)", Ok(9447)),
            ("229 ok (|||6446.|)", Ok(6446)),
            ("229 ok (|||06446|)", Ok(6446)),
            ("229 ok (|1|192.0.2.1|6446|)", Ok(6446)),
            ("229 ok (|2|2001:db8::1|6446|)", Ok(6446)),
            ("229 Passive (IPv6) mode (|||65535|)", Ok(65535)),
            ("229-one\r\n229 two (|||6446|)", Ok(6446)),
            ("229 ok (|||0|)", Err(AddressError::PortZero)),
            ("229 ok (|||65536|)", Err(AddressError::OutOfRange)),
            ("229 ok (|||99999999999999999999|)", Err(AddressError::OutOfRange)),
            ("229 ok (|||6446", Err(AddressError::Missing)),
            ("229 ok (|||+6446|)", Err(AddressError::Missing)),
            ("229 ok (||||)", Err(AddressError::Missing)),
            ("229 ok (   6446 )", Err(AddressError::Missing)),
            ("227 Passive (127,0,0,1,131,9)", Err(AddressError::Missing)),
            ("229 ok", Err(AddressError::Missing)),
            ("229", Err(AddressError::Missing)),
        ];
        for (text, port) in table {
            assert_eq!(parse_epsv(&reply(format!("{text}\r\n"))), port, "{text}");
        }
    }

    #[test]
    fn pasv_answers() {
        let table: [(&str, Result<&str, AddressError>); 14] = [
            ("227 Entering Passive Mode (127,0,0,1,24,6)", Ok("127.0.0.1:6150")),
            ("227 Entering Passive Mode (127,0,0,1,24,6).", Ok("127.0.0.1:6150")),
            ("227 Entering Passive Mode 127,0,0,1,24,6", Ok("127.0.0.1:6150")),
            ("227 =127,0,0,1,24,6", Ok("127.0.0.1:6150")),
            ("227 mode 2 (127, 0, 0, 1, 24, 6)", Ok("127.0.0.1:6150")),
            ("227 ok (010,000,000,001,000,021)", Ok("10.0.0.1:21")),
            ("227-one\r\n227 two (127,0,0,1,24,6)", Ok("127.0.0.1:6150")),
            ("227 ok (192,168,1,256,24,6)", Err(AddressError::OutOfRange)),
            ("227 ok (192,168,1,2,24,9999999999999)", Err(AddressError::OutOfRange)),
            ("227 ok (127,0,0,1,0,0)", Err(AddressError::PortZero)),
            ("227 ok (127,0,0,1,24)", Err(AddressError::Missing)),
            ("227 ok (127,0,0,1,,6)", Err(AddressError::Missing)),
            ("227 ok (127.0.0.1.24.6)", Err(AddressError::Missing)),
            ("227 ok", Err(AddressError::Missing)),
        ];
        for (text, address) in table {
            let parsed = parse_pasv(&reply(format!("{text}\r\n"))).map(|address| address.to_string());
            assert_eq!(parsed, address.map(str::to_owned), "{text}");
        }
    }

    #[test]
    fn the_clients_address_as_an_argument() {
        let table = [
            ("132.235.1.2:6275", "|1|132.235.1.2|6275|"),
            ("[1080::8:800:200c:417a]:5282", "|2|1080::8:800:200c:417a|5282|"),
            ("[fe80::1%3]:21", "|2|fe80::1|21|"),
            ("[::ffff:192.0.2.1]:21", "|1|192.0.2.1|21|"),
        ];
        for (address, argument) in table {
            assert_eq!(address.parse().map(eprt_argument).as_deref(), Ok(argument));
        }
        assert_eq!(port_argument(SocketAddrV4::new([132, 235, 1, 2].into(), 6275)), "132,235,1,2,24,131");
    }

    proptest! {
        #[test]
        fn an_address_that_is_written_can_be_read(ip: [u8; 4], port in 1_u16..) {
            let address = SocketAddrV4::new(ip.into(), port);
            let pasv = reply(format!("227 ok ({})\r\n", port_argument(address)));
            prop_assert_eq!(parse_pasv(&pasv), Ok(address));
            let epsv = reply(format!("229 ok ({})\r\n", eprt_argument(address.into())));
            prop_assert_eq!(parse_epsv(&epsv), Ok(port));
        }

        #[test]
        fn arbitrary_text_never_panics(text in r"[ (|!,.0-9a\x80-\x{10ffff}]{0,40}", bytes in "[^\r\n]{0,40}") {
            for text in [text, bytes] {
                let reply = reply(format!("229 {text}\r\n"));
                let _ = (parse_epsv(&reply), parse_pasv(&reply));
            }
        }
    }
}
