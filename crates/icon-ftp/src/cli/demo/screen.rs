//! What the demo shows: headings, JSON in colour, results. Colours go to terminals only.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

const HEADING: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();
const KEY: Style = AnsiColor::Cyan.on_default();
const TEXT: Style = AnsiColor::Green.on_default();
const NUMBER: Style = AnsiColor::Yellow.on_default();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Writes to stdout, with colours if that is a terminal that wants them.
pub(super) struct Screen(anstream::AutoStream<io::Stdout>);

impl Screen {
    pub(super) fn new() -> Self {
        Self(anstream::stdout())
    }

    /// A line that opens a chapter.
    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.0, "\n{HEADING}{text}{HEADING:#}")
    }

    /// A plain line.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.0, "{text}")
    }

    /// A message or an event, under a caption.
    pub(super) fn json(&mut self, caption: &str, value: &Value) -> io::Result<()> {
        writeln!(self.0, "\n  {QUIET}{caption}{QUIET:#}")?;
        self.indent(1)?;
        self.value(value, 1)?;
        writeln!(self.0)
    }

    /// What a step came to.
    pub(super) fn result(&mut self, succeeded: bool, text: &str) -> io::Result<()> {
        let (style, mark) = if succeeded { (GOOD, '✓') } else { (BAD, '✗') };
        writeln!(self.0, "\n  {style}{mark}{style:#} {text}")
    }

    fn value(&mut self, value: &Value, depth: usize) -> io::Result<()> {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                self.list(('{', '}'), depth, fields.iter().map(|(key, value)| (Some(key.as_str()), value)))
            }
            Value::Array(items) if !items.is_empty() => {
                self.list(('[', ']'), depth, items.iter().map(|value| (None, value)))
            }
            Value::String(_) => write!(self.0, "{TEXT}{value}{TEXT:#}"),
            Value::Number(_) | Value::Bool(_) => write!(self.0, "{NUMBER}{value}{NUMBER:#}"),
            Value::Null | Value::Object(_) | Value::Array(_) => write!(self.0, "{value}"),
        }
    }

    fn list<'v>(
        &mut self,
        (open, close): (char, char),
        depth: usize,
        items: impl ExactSizeIterator<Item = (Option<&'v str>, &'v Value)>,
    ) -> io::Result<()> {
        let last = items.len();
        writeln!(self.0, "{open}")?;
        for (number, (key, value)) in items.enumerate() {
            self.indent(depth + 1)?;
            if let Some(key) = key {
                write!(self.0, "{KEY}{}{KEY:#}: ", Value::from(key))?;
            }
            self.value(value, depth + 1)?;
            writeln!(self.0, "{}", if number + 1 < last { "," } else { "" })?;
        }
        self.indent(depth)?;
        write!(self.0, "{close}")
    }

    fn indent(&mut self, depth: usize) -> io::Result<()> {
        write!(self.0, "{:width$}", "", width = depth * 2)
    }
}
