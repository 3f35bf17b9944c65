//! The command line: the platform's commands and our own.

#[cfg(feature = "demo")]
mod demo;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use plugin_runtime::cli::{GlobalOptions, PlatformCommand, run_platform};

/// Moves files to and from FTP servers and watches them, as a plugin of InsightConnect.
#[derive(Debug, Parser)]
#[command(name = "icon-ftp", version)]
struct CommandLine {
    #[command(flatten)]
    options: GlobalOptions,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Platform(PlatformCommand),
    /// Show upload, download, monitor and delete at work, on an FTP server of its own.
    #[cfg(feature = "demo")]
    Demo(demo::Options),
}

/// Runs the command that the process was given.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let line = CommandLine::parse();
    let plugin = icon_ftp::plugin()?;
    match line.command {
        Some(Command::Platform(command)) => Ok(run_platform(&plugin, &command, &line.options)),
        #[cfg(feature = "demo")]
        Some(Command::Demo(options)) => demo::run(&plugin, &options),
        None => {
            CommandLine::command().print_help()?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
