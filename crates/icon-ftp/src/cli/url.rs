//! The URLs that people type: `ftp://user:password@host:port/path`, read as curl reads them.
//!
//! No crate for URLs reads these: a path here is bytes, in which `..`, `//`, `?` and `#` mean what the server makes of
//! them, while a general parser would rewrite or drop them, and the wrong file would be deleted.

use std::fmt;
use std::net::Ipv6Addr;

use ftp_client::Secret;
use ftp_proto::Charset;
use thiserror::Error;

/// A server, a login, and a path on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FtpUrl {
    /// How the connections are protected.
    pub(super) scheme: Scheme,
    /// Who logs in; bytes as the server knows them.
    pub(super) user: Option<Vec<u8>>,
    /// The password, which may be empty.
    pub(super) password: Option<Secret<Vec<u8>>>,
    /// A name, or an address without brackets.
    pub(super) host: String,
    /// The port; where the URL has none, the scheme's own.
    pub(super) port: u16,
    /// Relative to the login folder, unless it starts with a slash; without slashes at its end. As text: what was percent-
    /// encoded is this very byte in every charset ([`Charset::decode`]), everything else a character of the server's.
    pub(super) path: String,
    /// Whether the URL ends in a slash, or has no path at all: then it can only mean a folder.
    pub(super) names_folder: bool,
}

/// What stands before `://`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `ftp`: clear text.
    Ftp,
    /// `ftpes`: TLS asked for with AUTH TLS (RFC 4217).
    Ftpes,
    /// `ftps`: TLS from the first byte.
    Ftps,
}

impl Scheme {
    /// The port that the scheme is served on as a rule.
    fn port(self) -> u16 {
        match self {
            Self::Ftp | Self::Ftpes => 21,
            Self::Ftps => 990,
        }
    }
}

/// Why a text is no URL of a server. Shows nothing of the text behind the scheme: a password may be anywhere in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum UrlError {
    /// There is no `://`, or nothing that could be a scheme before it.
    #[error("it does not start with ftp://, ftpes:// or ftps://")]
    NoScheme,
    /// Another protocol.
    #[error("{0}:// is not a kind of FTP")]
    UnknownScheme(String),
    /// Nothing stands where the server should.
    #[error("it names no server")]
    NoHost,
    /// What stands there is no name and no address.
    #[error("the part between the login and the path is not the name or the address of a server")]
    BadHost,
    /// The port is no number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    BadPort,
    /// A `%` without its two digits.
    #[error("the {0} holds a `%` that two hexadecimal digits do not follow")]
    BadEscape(Part),
    /// What would end the command that it travels in.
    #[error("the {0} holds a line end or a NUL")]
    LineEnd(Part),
}

impl UrlError {
    /// What to do about it.
    pub(super) fn assistance(&self) -> &'static str {
        match self {
            Self::NoScheme => {
                "Write ftp:// (no encryption), ftpes:// (TLS, port 21) or ftps:// (TLS from the first byte, port 990), then \
                 the server and the path: ftpes://user@ftp.example.com/folder"
            }
            Self::UnknownScheme(_) => {
                "Write ftp:// (no encryption), ftpes:// (TLS, port 21) or ftps:// (TLS from the first byte, port 990). SFTP is \
                 another protocol, which needs another program."
            }
            Self::NoHost | Self::BadHost => {
                "Write the server behind the slashes: ftp://ftp.example.com/folder, or ftp://[2001:db8::1]:2121/folder. In a \
                 user name or password, write `/` as %2F and `@` as %40."
            }
            Self::BadPort => {
                "Write it behind the server's name: ftp://ftp.example.com:2121/. In a user name or password, write `/` as %2F \
                 and `@` as %40."
            }
            Self::BadEscape(_) => "Write a `%` itself as %25.",
            Self::LineEnd(_) => {
                "FTP cannot carry line ends (%0D, %0A) and NULs (%00), since those would end the command. Leave them out."
            }
        }
    }
}

/// A part of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What stands before the first `:` of the login.
    User,
    /// What stands after it.
    Password,
    /// What stands after the login's `@`.
    Host,
    /// What stands after the server's `/`.
    Path,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user name",
            Self::Password => "password",
            Self::Host => "server's name",
            Self::Path => "path",
        })
    }
}

impl FtpUrl {
    /// Reads a URL. Everything in it may be percent-encoded, and what is not goes to the server as it is.
    ///
    /// A path with `//` or `/%2F` in front is absolute. A `;type=` at the end, which curl and browsers know, is passed
    /// over: files are transferred as they are.
    pub(super) fn parse(text: &[u8]) -> Result<Self, UrlError> {
        let (scheme, rest) = split_at_mark(text, b"://").ok_or(UrlError::NoScheme)?;
        let scheme = parse_scheme(scheme)?;
        let (authority, path) = split_at_mark(rest, b"/").unwrap_or((rest, b""));
        let (login, server) = match authority.iter().rposition(|byte| *byte == b'@') {
            Some(at) => (Some(&authority[..at]), &authority[at + 1..]),
            None => (None, authority),
        };
        let (user, password) = login.map_or(Ok((None, None)), parse_login)?;
        let (host, port) = parse_server(server)?;
        let path = decode_text(without_type(path))?;
        Ok(Self {
            scheme,
            user,
            password,
            host,
            port: port.unwrap_or(scheme.port()),
            names_folder: path.is_empty() || path.ends_with('/'),
            path: trimmed(&path),
        })
    }
}

fn parse_scheme(scheme: &[u8]) -> Result<Scheme, UrlError> {
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    let name = str::from_utf8(scheme).map_err(|_| UrlError::NoScheme)?.to_ascii_lowercase();
    match name.as_str() {
        "ftp" => Ok(Scheme::Ftp),
        "ftpes" => Ok(Scheme::Ftpes),
        "ftps" => Ok(Scheme::Ftps),
        _ if is_scheme => Err(UrlError::UnknownScheme(name)),
        _ => Err(UrlError::NoScheme),
    }
}

type Login = (Option<Vec<u8>>, Option<Secret<Vec<u8>>>);

/// `user`, `user:password`; nothing before the colon is no user.
fn parse_login(login: &[u8]) -> Result<Login, UrlError> {
    let (user, password) = match split_at_mark(login, b":") {
        Some((user, password)) => (user, Some(decode(password, Part::Password)?)),
        None => (login, None),
    };
    let user = decode(user, Part::User)?;
    Ok(((!user.is_empty()).then_some(user), password.map(Secret::new)))
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`; nothing behind the colon is no port.
fn parse_server(server: &[u8]) -> Result<(String, Option<u16>), UrlError> {
    let (host, port) = match server.strip_prefix(b"[") {
        Some(rest) => {
            let (address, rest) = split_at_mark(rest, b"]").ok_or(UrlError::BadHost)?;
            match rest.split_first() {
                None => (address, None),
                Some((b':', port)) => (address, Some(port)),
                Some(_) => return Err(UrlError::BadHost),
            }
        }
        None => match split_at_mark(server, b":") {
            Some((host, port)) => (host, Some(port)),
            None => (server, None),
        },
    };
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    let host = String::from_utf8(decode(host, Part::Host)?).map_err(|_| UrlError::BadHost)?;
    let is_address = server.starts_with(b"[");
    // Behind a `%` stands the interface of an address that is only valid on the link (RFC 6874).
    let is_valid = if is_address {
        host.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
    } else {
        !host.contains(|c: char| c.is_whitespace() || c.is_control() || "/:@[]".contains(c))
    };
    if !is_valid {
        return Err(UrlError::BadHost);
    }
    Ok((host, port.filter(|port| !port.is_empty()).map(parse_port).transpose()?))
}

fn parse_port(digits: &[u8]) -> Result<u16, UrlError> {
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let port = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    port.filter(|port| is_number && *port != 0).ok_or(UrlError::BadPort)
}

/// One slash in front stands for however many there are; none of those at the end is kept, but for the root's. No path is
/// the login folder.
fn trimmed(path: &str) -> String {
    let root = if path.starts_with('/') { "/" } else { "" };
    let path = [root, path.trim_matches('/')].concat();
    if path.is_empty() { ".".to_owned() } else { path }
}

/// The path without `;type=a`, `;type=i` or `;type=d` (RFC 1738 §3.2.2).
fn without_type(path: &[u8]) -> &[u8] {
    let Some(at) = path.len().checked_sub(b";type=i".len()) else { return path };
    let (rest, suffix) = path.split_at(at);
    let (mark, code) = suffix.split_at(suffix.len() - 1);
    let is_type = mark.eq_ignore_ascii_case(b";type=") && b"aidAID".contains(&code[0]);
    if is_type { rest } else { path }
}

/// Takes percent-encoding off. CR, LF and NUL are not let through in any part.
fn decode(encoded: &[u8], part: Part) -> Result<Vec<u8>, UrlError> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = if *first == b'%' { escaped(after, part)? } else { (*first, after) };
        if matches!(byte, b'\r' | b'\n' | 0) {
            return Err(UrlError::LineEnd(part));
        }
        decoded.push(byte);
        rest = after;
    }
    Ok(decoded)
}

/// A path as text, in which escaped bytes stand for themselves.
fn decode_text(encoded: &[u8]) -> Result<String, UrlError> {
    let mut parts = encoded.split(|byte| *byte == b'%');
    let mut text = Charset::Utf8.decode(parts.next().unwrap_or_default());
    for part in parts {
        let (byte, after) = escaped(part, Part::Path)?;
        text.push_str(&Charset::Utf8.decode(&[byte]));
        text.push_str(&Charset::Utf8.decode(after));
    }
    if text.contains(['\r', '\n', '\0']) { Err(UrlError::LineEnd(Part::Path)) } else { Ok(text) }
}

/// The byte whose digits come first, and what comes after them.
fn escaped(text: &[u8], part: Part) -> Result<(u8, &[u8]), UrlError> {
    let (digits, after) = text.split_first_chunk::<2>().ok_or(UrlError::BadEscape(part))?;
    let mut byte = [0];
    hex::decode_to_slice(digits, &mut byte).map_err(|_| UrlError::BadEscape(part))?;
    Ok((byte[0], after))
}

/// What stands before and after the first `mark`.
fn split_at_mark<'t>(text: &'t [u8], mark: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    Some((&text[..at], &text[at + mark.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> FtpUrl {
        FtpUrl::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn servers() {
        let table = [
            ("ftp://h", Scheme::Ftp, "h", 21),
            ("FTP://h/", Scheme::Ftp, "h", 21),
            ("ftpes://h/x", Scheme::Ftpes, "h", 21),
            ("ftps://h/x", Scheme::Ftps, "h", 990),
            ("ftps://h:2121", Scheme::Ftps, "h", 2121),
            ("ftp://h:2121/x:80", Scheme::Ftp, "h", 2121),
            ("ftp://h:/x", Scheme::Ftp, "h", 21),
            ("ftp://127.0.0.1:1", Scheme::Ftp, "127.0.0.1", 1),
            ("ftp://[::1]/x", Scheme::Ftp, "::1", 21),
            ("ftp://u:p@[2001:db8::1]:65535/x", Scheme::Ftp, "2001:db8::1", 65535),
            ("ftp://[fe80::1%25eth0]/", Scheme::Ftp, "fe80::1%eth0", 21),
            ("ftp://%68/", Scheme::Ftp, "h", 21),
        ];
        for (text, scheme, host, port) in table {
            let url = parse(text);
            assert_eq!((url.scheme, url.host.as_str(), url.port), (scheme, host, port), "{text}");
        }
    }

    #[test]
    fn logins() {
        type Text = Option<&'static [u8]>;
        let table: [(&str, Text, Text); 12] = [
            ("ftp://h/", None, None),
            ("ftp://u@h/", Some(b"u"), None),
            ("ftp://u:@h/", Some(b"u"), Some(b"")),
            ("ftp://u:p@h/", Some(b"u"), Some(b"p")),
            ("ftp://@h/", None, None),
            ("ftp://:p@h/", None, Some(b"p")),
            ("ftp://u:p:q@h/", Some(b"u"), Some(b"p:q")),
            ("ftp://u@d:p@q@h/", Some(b"u@d"), Some(b"p@q")),
            ("ftp://a%40b:p%2Fq%3a@h/", Some(b"a@b"), Some(b"p/q:")),
            ("ftp://%fc:%ff%25@h/", Some(b"\xfc"), Some(b"\xff%")),
            ("ftp://h/a:b@c", None, None),
            ("ftp://ü:p@h/", Some("ü".as_bytes()), Some(b"p")),
        ];
        for (text, user, password) in table {
            let url = parse(text);
            let found = (url.user.as_deref(), url.password.as_ref().map(|secret| secret.expose().as_slice()));
            assert_eq!(found, (user, password), "{text}");
        }
    }

    #[test]
    fn paths() {
        let table: [(&str, &[u8], bool); 25] = [
            ("ftp://h", b".", true),
            ("ftp://h/", b".", true),
            ("ftp://h/a", b"a", false),
            ("ftp://h/a/b", b"a/b", false),
            ("ftp://h/a/", b"a", true),
            ("ftp://h/a//", b"a", true),
            ("ftp://h/a//b", b"a//b", false),
            ("ftp://h//", b"/", true),
            ("ftp://h//a", b"/a", false),
            ("ftp://h///a", b"/a", false),
            ("ftp://h/%2F", b"/", true),
            ("ftp://h/%2Fa/b", b"/a/b", false),
            ("ftp://h/%2f/a", b"/a", false),
            ("ftp://h/a%2Fb", b"a/b", false),
            ("ftp://h/../a/./b", b"../a/./b", false),
            ("ftp://h/a%20b c", b"a b c", false),
            ("ftp://h/a?b#c", b"a?b#c", false),
            ("ftp://h/%ff%25", b"\xff%", false),
            ("ftp://h/größe", "größe".as_bytes(), false),
            ("ftp://h/a;type=i", b"a", false),
            ("ftp://h/a/;TYPE=A", b"a", true),
            ("ftp://h/;type=d", b".", true),
            ("ftp://h/a;type=x", b"a;type=x", false),
            ("ftp://h/a%3Btype=i", b"a;type=i", false),
            ("ftp://h/-la *", b"-la *", false),
        ];
        for (text, path, names_folder) in table {
            let url = parse(text);
            let sent = Charset::Utf8.encode(&url.path);
            assert_eq!((sent.as_deref(), url.names_folder), (Ok(path), names_folder), "{text}");
        }
        let bytes = FtpUrl::parse(b"ftp://h/\xe9").map(|url| Charset::Utf8.encode(&url.path));
        assert_eq!(bytes, Ok(Ok(vec![0xe9])));
        // What is typed is a character, and what is escaped a byte.
        assert_eq!(
            Charset::Latin1.encode(&parse("ftp://h/ü%C3%BC").path).as_deref(),
            Ok(&b"\xfc\xc3\xbc"[..])
        );
    }

    #[test]
    fn mistakes_are_named_and_nothing_secret_is_shown() {
        let table = [
            ("", UrlError::NoScheme),
            ("h/canary", UrlError::NoScheme),
            ("ftp:/h/canary", UrlError::NoScheme),
            ("u:canary@h://x", UrlError::NoScheme),
            ("://h", UrlError::NoScheme),
            ("sftp://u:canary@h/", UrlError::UnknownScheme("sftp".to_owned())),
            ("HTTP://h/", UrlError::UnknownScheme("http".to_owned())),
            ("ftp://", UrlError::NoHost),
            ("ftp:///canary", UrlError::NoHost),
            ("ftp://u:canary@/x", UrlError::NoHost),
            ("ftp://:21/canary", UrlError::NoHost),
            ("ftp://[]/", UrlError::NoHost),
            ("ftp://[::1/", UrlError::BadHost),
            ("ftp://[::1]x/", UrlError::BadHost),
            ("ftp://[canary]/", UrlError::BadHost),
            ("ftp://ca nary/", UrlError::BadHost),
            ("ftp://canary%2F/", UrlError::BadHost),
            ("ftp://%ff/", UrlError::BadHost),
            ("ftp://h:0/", UrlError::BadPort),
            ("ftp://h:65536/", UrlError::BadPort),
            ("ftp://h:-1/", UrlError::BadPort),
            ("ftp://h:+21/", UrlError::BadPort),
            ("ftp://u:canary/x@h/", UrlError::BadPort),
            ("ftp://::1/", UrlError::NoHost),
            ("ftp://2001:db8::1/", UrlError::BadPort),
            ("ftp://u%zz:canary@h/", UrlError::BadEscape(Part::User)),
            ("ftp://u:canary%@h/", UrlError::BadEscape(Part::Password)),
            ("ftp://h%4/", UrlError::BadEscape(Part::Host)),
            ("ftp://h/100%", UrlError::BadEscape(Part::Path)),
            ("ftp://h/%+1", UrlError::BadEscape(Part::Path)),
            ("ftp://u%0d%0aDELE:canary@h/", UrlError::LineEnd(Part::User)),
            ("ftp://u:canary%0a@h/", UrlError::LineEnd(Part::Password)),
            ("ftp://h%00/", UrlError::LineEnd(Part::Host)),
            ("ftp://h/a%0D", UrlError::LineEnd(Part::Path)),
            ("ftp://h/a\nb", UrlError::LineEnd(Part::Path)),
            ("ftp://h/a%00b", UrlError::LineEnd(Part::Path)),
        ];
        for (text, expected) in table {
            let error = FtpUrl::parse(text.as_bytes()).map(|url| panic!("{text}: {url:?}")).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("canary") && !error.assistance().is_empty(), "{error}");
        }
    }

    #[test]
    fn the_password_is_in_no_debug_output() {
        assert!(!format!("{:?}", parse("ftp://u:canary@h/x")).contains("canary"));
    }
}
