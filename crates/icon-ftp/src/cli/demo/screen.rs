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

/// How wide a line of JSON may get, in columns.
const WIDTH: usize = 96;

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

    /// What fits into the rest of a line stays in one; a larger object or list gets a line for each part.
    fn value(&mut self, value: &Value, depth: usize) -> io::Result<()> {
        let fits = depth * 2 + value.to_string().len() <= WIDTH;
        match value {
            Value::Object(fields) => {
                let parts = fields.iter().map(|(key, value)| (Some(key.as_str()), value));
                self.parts(('{', '}'), fits, depth, parts)
            }
            Value::Array(items) => {
                self.parts(('[', ']'), fits, depth, items.iter().map(|value| (None, value)))
            }
            Value::String(text) => self.text(text, WIDTH.saturating_sub(depth * 2 + 20)),
            Value::Number(_) | Value::Bool(_) => write!(self.0, "{NUMBER}{value}{NUMBER:#}"),
            Value::Null => write!(self.0, "null"),
        }
    }

    fn parts<'v>(
        &mut self,
        (open, close): (char, char),
        fits: bool,
        depth: usize,
        parts: impl ExactSizeIterator<Item = (Option<&'v str>, &'v Value)>,
    ) -> io::Result<()> {
        let count = parts.len();
        write!(self.0, "{open}")?;
        for (number, (key, value)) in parts.enumerate() {
            if !fits {
                writeln!(self.0)?;
                self.indent(depth + 1)?;
            }
            if let Some(key) = key {
                write!(self.0, "{KEY}{}{KEY:#}: ", Value::from(key))?;
            }
            self.value(value, depth + 1)?;
            let comma = if fits { ", " } else { "," };
            write!(self.0, "{}", if number + 1 < count { comma } else { "" })?;
        }
        if !fits {
            writeln!(self.0)?;
            self.indent(depth)?;
        }
        write!(self.0, "{close}")
    }

    /// A text, shortened if it is much too long to be read: the demo shows shapes, not contents.
    fn text(&mut self, text: &str, room: usize) -> io::Result<()> {
        let shown: String = text.chars().take(room).collect();
        let left_out = text.chars().count() - shown.chars().count();
        write!(self.0, "{TEXT}{}{TEXT:#}", Value::from(shown))?;
        if left_out > 0 {
            write!(self.0, "{QUIET} and {left_out} characters more{QUIET:#}")?;
        }
        Ok(())
    }

    fn indent(&mut self, depth: usize) -> io::Result<()> {
        write!(self.0, "{:width$}", "", width = depth * 2)
    }
}
