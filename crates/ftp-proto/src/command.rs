//! The client's half of the control connection: the commands this client speaks, and their one encoding.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::net::{SocketAddr, SocketAddrV4};

use crate::address::{eprt_argument, port_argument};
use crate::argument::Argument;
use crate::escape::Escaped;
use crate::path::RemotePath;
use crate::telnet;

/// One command. Its arguments cannot hold a line end, so [`Command::encode`] makes exactly one line.
///
/// `Debug` and `Display` show the line as it belongs in a log: without the password.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// `USER name` (RFC 959 §4.1.1).
    User(Argument),
    /// `PASS password` (RFC 959 §4.1.1).
    Pass(Argument),
    /// `AUTH TLS`: what follows is a TLS handshake (RFC 4217 §4).
    AuthTls,
    /// `PBSZ 0`, which must come before `PROT` (RFC 4217 §8).
    Pbsz0,
    /// `PROT P`: data connections are encrypted (RFC 4217 §9).
    ProtP,
    /// `TYPE I`: bytes are transferred as they are (RFC 959 §3.1.1.3).
    TypeImage,
    /// `FEAT`: what the server can do (RFC 2389 §3).
    Feat,
    /// `OPTS UTF8 ON`: names are to be UTF-8 from here on. Not in RFC 2640, which makes them so as it is; in the drafts before
    /// it, and in most servers.
    OptsUtf8On,
    /// `EPSV`: the server listens, on the address of the control connection (RFC 2428 §3).
    Epsv,
    /// `PASV`: the server listens, on the IPv4 address that it names (RFC 959 §4.1.2).
    Pasv,
    /// `EPRT`: the client listens here (RFC 2428 §2).
    Eprt(SocketAddr),
    /// `PORT`: the client listens here, IPv4 only (RFC 959 §4.1.2).
    Port(SocketAddrV4),
    /// `SIZE path`: bytes that a `RETR` would send now (RFC 3659 §4).
    Size(RemotePath),
    /// `MDTM path`: when the file was modified (RFC 3659 §3).
    Mdtm(RemotePath),
    /// `MLST path`: facts about one thing, over the control connection (RFC 3659 §7).
    Mlst(RemotePath),
    /// `MLSD path`: facts about everything in a folder, over a data connection (RFC 3659 §7).
    Mlsd(RemotePath),
    /// `LIST [path]`: a folder as the server likes to print it (RFC 959 §4.1.3).
    List(Option<RemotePath>),
    /// `RETR path` (RFC 959 §4.1.3).
    Retr(RemotePath),
    /// `REST offset`: the `RETR` that must follow starts at this byte (RFC 3659 §5).
    Rest(u64),
    /// `STOR path` (RFC 959 §4.1.3).
    Stor(RemotePath),
    /// `APPE path`: what comes is put behind what is there (RFC 959 §4.1.3).
    Appe(RemotePath),
    /// `DELE path` (RFC 959 §4.1.3).
    Dele(RemotePath),
    /// `RNFR path`: what the `RNTO` that must follow renames (RFC 959 §4.1.3).
    Rnfr(RemotePath),
    /// `RNTO path` (RFC 959 §4.1.3).
    Rnto(RemotePath),
    /// `MKD path` (RFC 959 §4.1.3).
    Mkd(RemotePath),
    /// `CWD path` (RFC 959 §4.1.1).
    Cwd(RemotePath),
    /// `PWD` (RFC 959 §4.1.3).
    Pwd,
    /// `PRET command`: the transfer that the passive port to come is for. Distributed servers of the `DrFTPd` family want to
    /// know before they name one. No RFC describes it.
    Pret(Box<Command>),
    /// `NOOP`: nothing but an answer (RFC 959 §4.1.3).
    Noop,
    /// `QUIT` (RFC 959 §4.1.1).
    Quit,
}

impl Command {
    /// The command's name, `RETR` for example.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::User(_) => "USER",
            Self::Pass(_) => "PASS",
            Self::AuthTls => "AUTH",
            Self::Pbsz0 => "PBSZ",
            Self::ProtP => "PROT",
            Self::TypeImage => "TYPE",
            Self::Feat => "FEAT",
            Self::OptsUtf8On => "OPTS",
            Self::Epsv => "EPSV",
            Self::Pasv => "PASV",
            Self::Eprt(_) => "EPRT",
            Self::Port(_) => "PORT",
            Self::Size(_) => "SIZE",
            Self::Mdtm(_) => "MDTM",
            Self::Mlst(_) => "MLST",
            Self::Mlsd(_) => "MLSD",
            Self::List(_) => "LIST",
            Self::Retr(_) => "RETR",
            Self::Rest(_) => "REST",
            Self::Stor(_) => "STOR",
            Self::Appe(_) => "APPE",
            Self::Dele(_) => "DELE",
            Self::Rnfr(_) => "RNFR",
            Self::Rnto(_) => "RNTO",
            Self::Mkd(_) => "MKD",
            Self::Cwd(_) => "CWD",
            Self::Pwd => "PWD",
            Self::Pret(_) => "PRET",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
        }
    }

    /// The path that the command is about, where it names one.
    pub fn path(&self) -> Option<&RemotePath> {
        match self {
            Self::Size(path)
            | Self::Mdtm(path)
            | Self::Mlst(path)
            | Self::Mlsd(path)
            | Self::List(Some(path))
            | Self::Retr(path)
            | Self::Stor(path)
            | Self::Appe(path)
            | Self::Dele(path)
            | Self::Rnfr(path)
            | Self::Rnto(path)
            | Self::Mkd(path)
            | Self::Cwd(path) => Some(path),
            Self::User(_)
            | Self::Pass(_)
            | Self::AuthTls
            | Self::Pbsz0
            | Self::ProtP
            | Self::TypeImage
            | Self::Feat
            | Self::OptsUtf8On
            | Self::Epsv
            | Self::Pasv
            | Self::Eprt(_)
            | Self::Port(_)
            | Self::List(None)
            | Self::Rest(_)
            | Self::Pwd
            | Self::Pret(_)
            | Self::Noop
            | Self::Quit => None,
        }
    }

    /// The line for the control connection, CRLF included. Nothing else makes bytes for it.
    ///
    /// A byte 0xFF of an argument is sent twice, as Telnet wants it (RFC 959 §5.3, RFC 854).
    pub fn encode(&self) -> Vec<u8> {
        let mut line: Vec<u8> = telnet::escape(&self.without_line_end()).collect();
        line.extend_from_slice(b"\r\n");
        line
    }

    /// Verb and argument, as they are before Telnet has its way with them.
    fn without_line_end(&self) -> Vec<u8> {
        let mut line = self.verb().as_bytes().to_vec();
        if let Some(argument) = self.argument() {
            line.push(b' ');
            line.extend_from_slice(&argument);
        }
        line
    }

    /// The argument's bytes, lent by the command or made from an address.
    fn argument(&self) -> Option<Cow<'_, [u8]>> {
        let bytes: &[u8] = match self {
            Self::User(argument) | Self::Pass(argument) => argument.as_bytes(),
            Self::AuthTls => b"TLS",
            Self::Pbsz0 => b"0",
            Self::ProtP => b"P",
            Self::TypeImage => b"I",
            Self::OptsUtf8On => b"UTF8 ON",
            Self::Rest(offset) => return Some(Cow::Owned(offset.to_string().into_bytes())),
            Self::Eprt(address) => return Some(Cow::Owned(eprt_argument(*address).into_bytes())),
            Self::Port(address) => return Some(Cow::Owned(port_argument(*address).into_bytes())),
            Self::Pret(command) => return Some(Cow::Owned(command.without_line_end())),
            _ => self.path()?.as_bytes(),
        };
        Some(Cow::Borrowed(bytes))
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.argument()) {
            (Self::Pass(_), _) => write!(f, "PASS ***"),
            (Self::Pret(command), _) => write!(f, "PRET {command}"),
            (_, Some(argument)) => write!(f, "{} {}", self.verb(), Escaped(&argument)),
            (_, None) => write!(f, "{}", self.verb()),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    fn argument(bytes: &[u8]) -> Argument {
        Argument::parse(bytes).unwrap_or_else(|error| panic!("{error}"))
    }

    fn path(bytes: &[u8]) -> RemotePath {
        RemotePath::parse(bytes).unwrap_or_else(|error| panic!("{error}"))
    }

    /// One of every command, all with the same path and argument.
    fn all(path: &RemotePath, argument: &Argument) -> Vec<Command> {
        vec![
            Command::User(argument.clone()),
            Command::Pass(argument.clone()),
            Command::AuthTls,
            Command::Pbsz0,
            Command::ProtP,
            Command::TypeImage,
            Command::Feat,
            Command::OptsUtf8On,
            Command::Epsv,
            Command::Pasv,
            Command::Eprt(SocketAddr::from(([132, 235, 1, 2], 6275))),
            Command::Port(SocketAddrV4::new([132, 235, 1, 2].into(), 6275)),
            Command::Size(path.clone()),
            Command::Mdtm(path.clone()),
            Command::Mlst(path.clone()),
            Command::Mlsd(path.clone()),
            Command::List(None),
            Command::List(Some(path.clone())),
            Command::Retr(path.clone()),
            Command::Rest(u64::MAX),
            Command::Stor(path.clone()),
            Command::Appe(path.clone()),
            Command::Dele(path.clone()),
            Command::Rnfr(path.clone()),
            Command::Rnto(path.clone()),
            Command::Mkd(path.clone()),
            Command::Cwd(path.clone()),
            Command::Pwd,
            Command::Pret(Box::new(Command::Retr(path.clone()))),
            Command::Noop,
            Command::Quit,
        ]
    }

    #[test]
    fn every_command_on_the_wire_and_in_the_log() {
        let mut table = String::new();
        for command in all(&path("ö/\u{1b}x".as_bytes()), &argument(b"secret")) {
            let _ = writeln!(table, "{:<27} {command}", command.encode().escape_ascii().to_string());
        }
        expect![[r#"
            USER secret\r\n             USER secret
            PASS secret\r\n             PASS ***
            AUTH TLS\r\n                AUTH TLS
            PBSZ 0\r\n                  PBSZ 0
            PROT P\r\n                  PROT P
            TYPE I\r\n                  TYPE I
            FEAT\r\n                    FEAT
            OPTS UTF8 ON\r\n            OPTS UTF8 ON
            EPSV\r\n                    EPSV
            PASV\r\n                    PASV
            EPRT |1|132.235.1.2|6275|\r\n EPRT |1|132.235.1.2|6275|
            PORT 132,235,1,2,24,131\r\n PORT 132,235,1,2,24,131
            SIZE \xc3\xb6/\x1bx\r\n     SIZE ö/\u{1b}x
            MDTM \xc3\xb6/\x1bx\r\n     MDTM ö/\u{1b}x
            MLST \xc3\xb6/\x1bx\r\n     MLST ö/\u{1b}x
            MLSD \xc3\xb6/\x1bx\r\n     MLSD ö/\u{1b}x
            LIST\r\n                    LIST
            LIST \xc3\xb6/\x1bx\r\n     LIST ö/\u{1b}x
            RETR \xc3\xb6/\x1bx\r\n     RETR ö/\u{1b}x
            REST 18446744073709551615\r\n REST 18446744073709551615
            STOR \xc3\xb6/\x1bx\r\n     STOR ö/\u{1b}x
            APPE \xc3\xb6/\x1bx\r\n     APPE ö/\u{1b}x
            DELE \xc3\xb6/\x1bx\r\n     DELE ö/\u{1b}x
            RNFR \xc3\xb6/\x1bx\r\n     RNFR ö/\u{1b}x
            RNTO \xc3\xb6/\x1bx\r\n     RNTO ö/\u{1b}x
            MKD \xc3\xb6/\x1bx\r\n      MKD ö/\u{1b}x
            CWD \xc3\xb6/\x1bx\r\n      CWD ö/\u{1b}x
            PWD\r\n                     PWD
            PRET RETR \xc3\xb6/\x1bx\r\n PRET RETR ö/\u{1b}x
            NOOP\r\n                    NOOP
            QUIT\r\n                    QUIT
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn the_password_is_never_shown() {
        let command = Command::Pass(argument(b"hunter2"));
        assert_eq!(format!("{command} {command:?} {:?}", Some(&command)), "PASS *** PASS *** Some(PASS ***)");
        assert_eq!(Command::Pret(Box::new(command)).to_string(), "PRET PASS ***");
    }

    #[test]
    fn the_telnet_escape_is_doubled() {
        assert_eq!(Command::Retr(path(b"\xff\xff.txt")).encode(), b"RETR \xff\xff\xff\xff.txt\r\n");
        let pret = Command::Pret(Box::new(Command::Retr(path(b"\xff.txt"))));
        assert_eq!(pret.encode(), b"PRET RETR \xff\xff.txt\r\n", "once, not twice");
    }

    proptest! {
        #[test]
        fn a_command_is_one_line(argument_bytes: Vec<u8>, path_bytes: Vec<u8>) {
            let (Ok(argument), Ok(path)) = (Argument::parse(argument_bytes), RemotePath::parse(path_bytes)) else {
                return Ok(());
            };
            for command in all(&path, &argument) {
                let line = command.encode();
                let (text, end) = line.split_at(line.len() - 2);
                prop_assert_eq!(end, b"\r\n");
                prop_assert!(!text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
                prop_assert!(text.starts_with(command.verb().as_bytes()));
            }
        }
    }
}
