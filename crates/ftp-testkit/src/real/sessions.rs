//! How many sessions a server has, as its machine sees it.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::{fs, io};

/// The states of a TCP connection whose process still has it: ESTABLISHED, and `CLOSE_WAIT`, where only the client has left.
const HELD: [&str; 2] = ["01", "08"];

/// How many connections the processes behind a listening port of 127.0.0.1 hold, by Linux's table of them. The table
/// moves while it is read, so that a connection may stand in it twice.
pub(super) fn held_by(server: SocketAddr) -> io::Result<usize> {
    let SocketAddr::V4(server) = server else { return Ok(0) };
    // The address is in the machine's byte order, the port is not.
    let local = format!("{:08X}:{:04X}", u32::from_ne_bytes(server.ip().octets()), server.port());
    let table = fs::read_to_string("/proc/net/tcp")?;
    let clients: HashSet<&str> = table.lines().filter_map(|line| client_of(line, &local)).collect();
    Ok(clients.len())
}

/// The other side of a connection, if it is one of `local` and held.
fn client_of<'l>(line: &'l str, local: &str) -> Option<&'l str> {
    let mut columns = line.split_whitespace().skip(1);
    let (ours, theirs, state) = (columns.next()?, columns.next()?, columns.next()?);
    (ours == local && HELD.contains(&state)).then_some(theirs)
}
