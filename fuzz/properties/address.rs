//! What holds for the addresses that a server names, and for the paths and commands that are made of its names.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};

use ftp_proto::{
    Argument, Command, PathError, RemotePath, Reply, ReplyDecoder, ReplyLimits, misleads, parse_epsv,
    parse_pasv,
};

/// Every command that names a path.
const WITH_PATH: [fn(RemotePath) -> Command; 13] = [
    Command::Size,
    Command::Mdtm,
    Command::Mlst,
    Command::Mlsd,
    Command::Retr,
    Command::Stor,
    Command::Appe,
    Command::Dele,
    Command::Rnfr,
    Command::Rnto,
    Command::Mkd,
    Command::Cwd,
    |path| Command::Pret(Box::new(Command::Retr(path))),
];

/// The input is the text of a reply, a path with a name after the first NUL, and an address.
pub(crate) fn check(input: &[u8]) {
    check_answer(input);
    check_argument(input);
    let nul = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (folder, name) = input.split_at(nul);
    if let Ok(folder) = RemotePath::parse(folder) {
        check_path(&folder);
        check_join(&folder, name.get(1..).unwrap_or_default());
        check_join(&folder, folder.as_bytes());
    }
    if let Some((bytes, _)) = input.split_first_chunk() {
        check_round_trip(*bytes);
    }
}

/// An address that was read can be written, and read again.
fn check_answer(text: &[u8]) {
    let Some(reply) = reply(&[b"227-ok\r\n", text, b"\r\n227 end\r\n"].concat()) else { return };
    if let Ok(address) = parse_pasv(&reply) {
        check_pasv(address);
    }
    if let Ok(port) = parse_epsv(&reply) {
        check_epsv(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
}

fn check_round_trip(bytes: [u8; 18]) {
    let [ip @ .., high, low] = bytes;
    let port = u16::from_be_bytes([high, low]);
    let [a, b, c, d, ..] = ip;
    if port != 0 {
        check_pasv(SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port));
        check_epsv(SocketAddr::from((Ipv6Addr::from(ip), port)));
    }
}

fn check_pasv(address: SocketAddrV4) {
    assert_eq!(answer(b"227 ok (", &Command::Port(address)).as_ref().map(parse_pasv), Some(Ok(address)));
}

fn check_epsv(address: SocketAddr) {
    let answer = answer(b"229 ok (", &Command::Eprt(address));
    assert_eq!(answer.as_ref().map(parse_epsv), Some(Ok(address.port())));
}

/// The command's argument as a server would write it into its answer.
fn answer(opening: &[u8], command: &Command) -> Option<Reply> {
    check_line(command);
    let line = command.encode();
    let argument = line.trim_ascii_end().get(5..).unwrap_or_default();
    reply(&[opening, argument, b")\r\n"].concat())
}

fn reply(bytes: &[u8]) -> Option<Reply> {
    let mut decoder = ReplyDecoder::new(ReplyLimits::default());
    decoder.push(bytes);
    decoder.next_reply().ok().flatten()
}

fn check_argument(bytes: &[u8]) {
    let forbidden = bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    match Argument::parse(bytes) {
        Ok(argument) => {
            assert!(!forbidden && argument.as_bytes() == bytes);
            let password = Command::Pass(argument.clone());
            assert_eq!(format!("{password} {password:?}"), "PASS *** PASS ***");
            check_line(&password);
            check_line(&Command::User(argument));
        }
        Err(_) => assert!(forbidden),
    }
}

/// A path has parts that make the path again, and climbing it comes to an end.
fn check_path(path: &RemotePath) {
    for command in WITH_PATH {
        check_line(&command(path.clone()));
    }
    check_line(&Command::List(Some(path.clone())));
    assert!(!path.display().to_string().contains(misleads));

    if let Some(name) = path.file_name() {
        assert!(!name.contains(&b'/') && !matches!(name, b"" | b"." | b".."));
        if let Some(parent) = path.parent() {
            let again = parent.join(name);
            assert!(again.as_ref().is_ok_and(|again| again.file_name() == Some(name)), "{again:?}");
            assert_eq!(again.ok().and_then(|again| again.parent()), Some(parent));
        }
    }
    let mut climbed = path.clone();
    while let Some(parent) = climbed.parent() {
        assert!(parent.as_bytes().len() < climbed.as_bytes().len(), "{parent:?} is above {climbed:?}");
        climbed = parent;
    }
}

/// A name that is joined stands at the end, one slash after its folder.
fn check_join(folder: &RemotePath, name: &[u8]) {
    match folder.join(name) {
        Ok(joined) => {
            check_path(&joined);
            let rest = joined.as_bytes().strip_prefix(without_trailing_slashes(folder.as_bytes()));
            let rest = rest.and_then(|rest| rest.strip_prefix(b"/"));
            assert!(
                rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(b"/") && name.ends_with(rest))
            );
        }
        Err(PathError::Empty) => assert!(name.iter().all(|byte| *byte == b'/')),
        Err(PathError::Argument(_)) => assert!(Argument::parse(name).is_err()),
        Err(PathError::Unencodable(lacking)) => panic!("bytes need no charset: {lacking}"),
    }
}

fn without_trailing_slashes(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1);
    path.get(..end).unwrap_or(path)
}

/// A command is one line, and the log's line of it drives no terminal.
fn check_line(command: &Command) {
    let line = command.encode();
    let text = line.strip_suffix(b"\r\n").unwrap_or_else(|| panic!("{command} has no end"));
    assert!(!text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{command} is more than one line");
    assert!(text.starts_with(command.verb().as_bytes()));
    // Telnet's 0xFF is sent twice, wherever it stands.
    let pairs = text.chunk_by(|one, other| (*one == 0xFF) == (*other == 0xFF));
    assert!(pairs.filter(|run| run.first() == Some(&0xFF)).all(|run| run.len() % 2 == 0));
    assert!(!command.to_string().contains(misleads));
}
