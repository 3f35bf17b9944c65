//! The program `icon-ftp`: reads its command line and calls what it names.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run().unwrap_or_else(|error| {
        anstream::eprintln!("icon-ftp: {error:#}");
        ExitCode::FAILURE
    })
}
