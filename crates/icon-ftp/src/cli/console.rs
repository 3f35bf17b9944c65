//! What commands for people say on stderr: errors, warnings, and with `-v` the wire. Everything goes through here, so
//! that no password gets out and nothing that a server says drives the terminal.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::sync::{Arc, PoisonError, RwLock};

use ftp_client::WIRE;
use ftp_proto::Charset;
use plugin_runtime::Masker;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::exit::{Exit, Problem};

/// The way to stderr.
#[derive(Debug, Clone, Default)]
pub(super) struct Console(Arc<RwLock<Masker>>);

/// How much is said besides errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loudness {
    /// Nothing.
    Quiet,
    /// Warnings.
    Usual,
    /// Warnings, the wire, and what the client makes of it.
    Wire,
}

impl Console {
    /// From now on, what is logged in this process goes to stderr as far as `loudness` lets it.
    pub(super) fn install(loudness: Loudness) -> Self {
        let console = Self::default();
        let level = match loudness {
            Loudness::Quiet => LevelFilter::OFF,
            Loudness::Usual => LevelFilter::WARN,
            Loudness::Wire => LevelFilter::DEBUG,
        };
        let layer = ConsoleLayer { console: console.clone(), level };
        // The first one in a process counts, and there is no other.
        let _ = tracing::subscriber::set_global_default(Registry::default().with(layer));
        console
    }

    /// Never shows this secret from now on, neither as it is nor escaped.
    pub(super) fn hide(&self, secret: &[u8]) {
        let text = String::from_utf8_lossy(secret);
        let forms = [text.to_string(), text.trim().to_owned(), Charset::Utf8.display(secret).to_string()];
        self.0.write().unwrap_or_else(PoisonError::into_inner).hide(forms);
    }

    /// Tells what ended the command, and gives its exit code.
    pub(super) fn tell(&self, problem: &Problem) -> Exit {
        match problem {
            Problem::Told(exit, failure) => {
                self.line(&format!("icon-ftp: {}", failure.cause()));
                if !failure.assistance().is_empty() {
                    self.line(failure.assistance());
                }
                failure.data().into_iter().flat_map(str::lines).for_each(|line| self.line(line));
                *exit
            }
            // Whoever closed our stdout has read enough, as in `icon-ftp ls … | head`.
            Problem::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Other,
            Problem::Output(error) => {
                self.line(&format!("icon-ftp: What was found cannot be written to stdout: {error}"));
                Exit::Other
            }
        }
    }

    fn line(&self, text: &str) {
        let masker = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let line = one_line(&masker.mask(text));
        // Without a stderr nobody is there to be told.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// Control characters and what reorders the text around it, escaped.
fn one_line(text: &str) -> String {
    Charset::Utf8.display(text.as_bytes()).to_string()
}

struct ConsoleLayer {
    console: Console,
    level: LevelFilter,
}

impl<S: Subscriber> Layer<S> for ConsoleLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let is_ours = ["ftp_client", "icon_ftp"].iter().any(|ours| metadata.target().starts_with(ours));
        is_ours && *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        let prefix = match (event.metadata().target(), *event.metadata().level()) {
            (WIRE, _) => "",
            (_, Level::WARN | Level::ERROR) => "icon-ftp: warning: ",
            _ => "* ",
        };
        self.console.line(&format!("{prefix}{}", message.0));
    }
}

/// An event's message; the events of this workspace have no other fields.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}
