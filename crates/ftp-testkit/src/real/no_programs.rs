//! What takes the programs' place where they cannot run: on everything but Linux.

use std::io;
use std::path::Path;

use super::{Setup, StartError, Unavailable};

/// There is none.
#[derive(Debug)]
pub(super) enum Process {}

impl Process {
    pub(super) fn kill(self) {
        match self {}
    }
}

#[expect(clippy::unused_async, reason = "on Linux it waits for a greeting")]
pub(super) async fn start(_: &Setup) -> Result<Process, StartError> {
    Err(Unavailable::NotRootOnLinux.into())
}

/// libunftp acts as whoever runs the test.
#[expect(clippy::unnecessary_wraps, reason = "on Linux it may fail")]
pub(super) fn give_to_login(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A temporary folder is its owner's alone to begin with.
#[expect(clippy::unnecessary_wraps, reason = "on Linux it may fail")]
pub(super) fn permit(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}
