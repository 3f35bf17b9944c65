//! The platform's commands, as pieces of a command line that a plugin completes with its own.
//!
//! ```
//! use clap::{Parser, Subcommand};
//! use plugin_runtime::cli::{GlobalOptions, PlatformCommand};
//!
//! #[derive(Parser)]
//! #[command(version)]
//! struct CommandLine {
//!     #[command(flatten)]
//!     options: GlobalOptions,
//!     // Optional, because the platform expects the usage and exit code 0 when there is no command.
//!     #[command(subcommand)]
//!     command: Option<Command>,
//! }
//!
//! #[derive(Subcommand)]
//! enum Command {
//!     #[command(flatten)]
//!     Platform(PlatformCommand),
//!     /// A command of the plugin's own.
//!     Greet,
//! }
//!
//! let line = CommandLine::parse_from(["plugin", "run", "--debug"]);
//! assert!(line.options.debug);
//! assert!(matches!(line.command, Some(Command::Platform(PlatformCommand::Run))));
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};

use crate::failure::Failure;
use crate::handler::Probe;
use crate::log::{self, LogFormat};
use crate::plugin::Plugin;
use crate::step::Mode;
use crate::transport::http::{self, HealthOptions, HttpOptions};
use crate::transport::stdio;
use crate::trigger::{Destination, Surroundings};

/// Where the help lists the options that are the platform's.
const PLATFORM: &str = "Options of the platform's commands";

/// Options of every command; they may stand before or after it.
#[derive(Debug, Clone, Args)]
pub struct GlobalOptions {
    /// Log more, and write a trigger's events to stdout instead of sending them.
    #[arg(long, global = true, help_heading = PLATFORM)]
    pub debug: bool,
    /// How log lines look on stderr.
    #[arg(
        long,
        global = true,
        help_heading = PLATFORM,
        env = "PLUGIN_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
    /// The folder of the triggers' state.
    #[arg(
        long,
        global = true,
        help_heading = PLATFORM,
        env = "PLUGIN_CACHE_DIR",
        default_value = "/workspace/cache",
        value_name = "FOLDER"
    )]
    pub cache_dir: PathBuf,
    /// The folder of the temporary files that contents above 1 MiB go to, in place of TMPDIR.
    #[arg(long, global = true, help_heading = PLATFORM, env = "PLUGIN_SPOOL_DIR", value_name = "FOLDER")]
    pub spool_dir: Option<PathBuf>,
    /// The folder of the flag file that ends a trigger.
    #[arg(
        long,
        global = true,
        help_heading = PLATFORM,
        env = "PLUGIN_FLAG_DIR",
        default_value = "/workspace/tmp",
        value_name = "FOLDER"
    )]
    pub flag_dir: PathBuf,
}

/// The commands that the platform gives.
#[derive(Debug, Clone, Subcommand)]
pub enum PlatformCommand {
    /// Run the step whose start message is on stdin.
    Run,
    /// Test the connection of the start message on stdin.
    Test {
        /// Also try what leaves traces on the other side, and remove them again.
        #[arg(long)]
        write: bool,
    },
    /// Serve requests over HTTP, as the platform keeps a plugin warm.
    Http(HttpOptions),
    /// Ask a running `http` on this machine whether it is well. Exit code 0 says yes.
    Health(HealthOptions),
    /// Show what the plugin is and what steps it has.
    Info,
    /// Show a start message for a step, to be filled in.
    Sample {
        /// The name of an action or a trigger.
        name: String,
    },
}

/// Runs a command of the platform. Exit code 0 is success and 1 a step that failed.
pub fn run_platform(plugin: &Plugin, command: &PlatformCommand, options: &GlobalOptions) -> ExitCode {
    log::install(options.debug, options.log_format);
    if let Some(folder) = &options.spool_dir {
        // It fails where it was said before, which is here alone.
        let _ = tempfile::env::override_temp_dir(folder);
    }
    let succeeded = match command {
        PlatformCommand::Run => stdio::serve(plugin, Mode::Run, &options.surroundings()),
        PlatformCommand::Test { write } => {
            let probe = if *write { Probe::Write } else { Probe::Read };
            stdio::serve(plugin, Mode::Test(probe), &options.surroundings())
        }
        PlatformCommand::Http(http) => told(http::serve(plugin, http, options.surroundings())),
        PlatformCommand::Health(health) => told(http::check(health)),
        PlatformCommand::Info => stdio::print(&plugin.spec().info()),
        PlatformCommand::Sample { name } => sample(plugin, name),
    };
    if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl GlobalOptions {
    fn surroundings(&self) -> Surroundings {
        let events = if self.debug {
            Destination::Lines(Arc::new(stdio::write_line))
        } else {
            Destination::Dispatcher
        };
        Surroundings { cache_dir: self.cache_dir.clone(), flag_dir: self.flag_dir.clone(), events }
    }
}

/// Whether there was no failure; one is logged with its advice.
fn told(outcome: Result<(), Failure>) -> bool {
    outcome.inspect_err(|failure| tracing::error!("{}", failure.sentences())).is_ok()
}

fn sample(plugin: &Plugin, name: &str) -> bool {
    let Some(sample) = plugin.spec().sample(name) else {
        tracing::error!("Unknown action or trigger \"{name}\"");
        return false;
    };
    stdio::print(&format!("{sample:#}\n"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind;

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "fixture")]
    struct Whole {
        #[command(flatten)]
        options: GlobalOptions,
        #[command(subcommand)]
        command: Option<Command>,
    }

    #[derive(Debug, Subcommand)]
    enum Command {
        #[command(flatten)]
        Platform(PlatformCommand),
        /// A command of the plugin's own.
        Own,
    }

    fn parse(line: &str) -> Result<Whole, clap::Error> {
        Whole::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn global_options_stand_before_or_after_the_command() {
        for line in ["fixture --debug --cache-dir /c run", "fixture run --debug --cache-dir /c"] {
            let whole = parse(line).unwrap();
            assert!(matches!(whole.command, Some(Command::Platform(PlatformCommand::Run))), "{line}");
            assert!(whole.options.debug, "{line}");
            assert_eq!(whole.options.surroundings().cache_dir, PathBuf::from("/c"), "{line}");
        }
        let whole = parse("fixture own").unwrap();
        assert!(matches!(whole.command, Some(Command::Own)));
        assert_eq!(whole.options.flag_dir, PathBuf::from("/workspace/tmp"));
    }

    #[test]
    fn wrong_usage_is_exit_code_2() {
        for (line, kind) in [
            ("fixture nope", ErrorKind::InvalidSubcommand),
            ("fixture sample", ErrorKind::MissingRequiredArgument),
            ("fixture run --nope", ErrorKind::UnknownArgument),
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!((error.kind(), error.exit_code()), (kind, 2), "{line}");
            assert!(error.use_stderr(), "{line}");
        }
        assert!(parse("fixture").unwrap().command.is_none());
    }
}
