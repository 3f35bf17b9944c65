//! Where entries are shown: a table on a terminal, plain text in a pipe, or JSON.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};

use anstream::{AutoStream, ColorChoice};
use ftp_proto::{Charset, Entry};

use super::json;
use super::table::Table;

/// How entries are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A table of names.
    Names,
    /// A table of paths, for entries of several folders.
    Paths,
    /// One JSON object a line.
    Json,
}

/// stdout. What is written goes out with [`Screen::flush`], or when there is much of it.
pub(super) struct Screen {
    out: BufWriter<AutoStream<io::Stdout>>,
    form: Form,
    table: Table,
}

impl Screen {
    pub(super) fn new(form: Form) -> Self {
        let stdout = io::stdout();
        let has_colours = AutoStream::choice(&stdout) != ColorChoice::Never;
        let table = Table::new(stdout.is_terminal(), has_colours);
        // Colours that are not written need not be looked for in all that is.
        let stdout = if has_colours { anstream::stdout() } else { AutoStream::always_ansi(stdout) };
        Self { out: BufWriter::new(stdout), form, table }
    }

    /// One line for one entry. `path` is that of the entry on the server.
    pub(super) fn entry(&mut self, path: &[u8], entry: &Entry, charset: Charset) -> io::Result<()> {
        match self.form {
            Form::Names => self.table.line(&mut self.out, &entry.name, entry, charset),
            Form::Paths => self.table.line(&mut self.out, path, entry, charset),
            Form::Json => self.out.write_all(json::line(path, entry, charset)?.as_bytes()),
        }
    }

    /// Shows everything that was written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
