//! The command line: the platform's commands and our own.
//!
//! A command for people is a module with its `Options` and a `run` that gives an exit code (`exit`). What such commands
//! share: the URL (`url`), the options of the server (`options`), the password (`password`), and stderr (`console`).

mod console;
#[cfg(feature = "demo")]
mod demo;
mod exit;
mod ls;
mod netrc;
mod options;
mod password;
mod url;
mod usage;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use ftp_client::{Pool, PoolLimits};
use plugin_runtime::cli::{GlobalOptions, PlatformCommand, run_platform};

use crate::settings::Settings;

/// Moves files to and from FTP servers and watches them, as a plugin of InsightConnect.
#[derive(Debug, Parser)]
#[command(name = "icon-ftp", version)]
struct CommandLine {
    #[command(flatten)]
    options: GlobalOptions,
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Platform(PlatformCommand),
    /// Show what is in a folder of an FTP server.
    ///
    /// Shows type and permissions, size in bytes, time of modification, and name, in the server's order and while the
    /// listing comes. A time with a Z is UTC; one without is told by the server's own clock, whose zone is not known. The
    /// URL of a file shows that file.
    #[command(after_help = exit::EXIT_CODES)]
    Ls(ls::Options),
    /// Show upload, download, monitor and delete at work, on an FTP server of its own.
    #[cfg(feature = "demo")]
    Demo(demo::Options),
}

/// Runs the command that the process was given, and gives the process's exit code.
///
/// # Errors
///
/// What only has to be printed: the plugin does not fit its specification, or stdout cannot be written to.
pub fn run() -> anyhow::Result<ExitCode> {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => return Ok(usage::tell(&error)?),
    };
    let limits = match &line.command {
        Some(Command::Platform(PlatformCommand::Http(_))) => line.settings.pool(),
        // The processes of all other commands end after one step.
        _ => PoolLimits::one_shot(),
    };
    let plugin = || crate::plugin(line.settings.clone(), Pool::new(limits));
    match line.command {
        Some(Command::Platform(command)) => Ok(run_platform(&plugin()?, &command, &line.options)),
        Some(Command::Ls(options)) => Ok(ls::run(&options, &line.settings).into()),
        #[cfg(feature = "demo")]
        Some(Command::Demo(options)) => demo::run(&plugin()?, &options),
        None => {
            CommandLine::command().print_help()?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
