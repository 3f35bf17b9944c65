//! The program `icon-ftp`: reads its command line and calls what it names.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    icon_ftp::cli::run().unwrap_or_else(|error| {
        let is_broken_pipe =
            error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        // Whoever closed our stdout has read enough, as in `icon-ftp demo | head`.
        if !is_broken_pipe {
            anstream::eprintln!("icon-ftp: {error:#}");
        }
        ExitCode::FAILURE
    })
}
