//! How many sessions a server has: connections to its port, as the kernel lists them.

use std::time::{Duration, Instant};
use std::{fs, io};

/// How long sessions that were left may take to end. ProFTPD 1.3.8 takes about half a second for one.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// States of a connection that its server has not closed (proc(5), `tcp_states.h`): established, and closed by the client
/// alone.
const OPEN: [&str; 2] = ["01", "08"];

/// The connections to a port of this machine that the side which listens there holds open.
pub(super) fn on(port: u16) -> io::Result<usize> {
    let table = fs::read_to_string("/proc/net/tcp")?;
    let port = format!(":{port:04X}");
    let is_session = |line: &&str| {
        let mut columns = line.split_whitespace().skip(1);
        let (local, state) = (columns.next(), columns.nth(1));
        local.is_some_and(|local| local.ends_with(&port)) && state.is_some_and(|state| OPEN.contains(&state))
    };
    Ok(table.lines().skip(1).filter(is_session).count())
}

/// Waits until nobody is connected to a port, and says whether that came about.
pub(super) async fn none_on(port: u16) -> io::Result<bool> {
    let deadline = Instant::now() + PATIENCE;
    while on(port)? > 0 {
        if Instant::now() > deadline {
            return Ok(false);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(true)
}
