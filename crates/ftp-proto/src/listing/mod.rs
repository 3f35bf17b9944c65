//! Folder listings: one format with a standard, and one where every server prints what it likes.

use ::time::OffsetDateTime;

use crate::entry::Entry;

mod dos;
mod eplf;
mod jes;
mod language;
mod mlsx;
mod mode;
mod mvs;
mod netware;
mod nonstop;
mod os400;
mod pds;
mod stamp;
#[cfg(test)]
mod tests;
mod unix;
mod vms;
mod words;

pub use mlsx::parse_mlst;

/// A way to print a listing.
struct Dialect {
    /// What it is called, here and among the samples.
    name: &'static str,
    /// Reads one line, or does not understand it.
    parse_line: fn(line: &[u8], now: OffsetDateTime) -> Option<Line>,
    /// The header below which lines are in this dialect, and without which they could be anything. None if its lines
    /// speak for themselves.
    is_header: Option<IsLine>,
    /// A line that is only the first half of an entry. None if every line is whole.
    is_first_half: Option<IsLine>,
}

/// Whether a line is of a kind.
type IsLine = fn(line: &[u8]) -> bool;

impl Dialect {
    const fn new(
        name: &'static str,
        parse_line: fn(line: &[u8], now: OffsetDateTime) -> Option<Line>,
    ) -> Self {
        Self { name, parse_line, is_header: None, is_first_half: None }
    }

    const fn below(self, is_header: IsLine) -> Self {
        Self { is_header: Some(is_header), ..self }
    }

    const fn in_halves(self, is_first_half: IsLine) -> Self {
        Self { is_first_half: Some(is_first_half), ..self }
    }
}

/// Every dialect of `LIST`, the most common first. No line may be understood by two of them in different ways.
const DIALECTS: [Dialect; 10] = [
    Dialect::new("unix", unix::parse_line),
    Dialect::new("dos", dos::parse_line),
    Dialect::new("os400", os400::parse_line),
    Dialect::new("mvs", mvs::parse_line).below(mvs::is_header),
    Dialect::new("pds", pds::parse_line).below(pds::is_header),
    Dialect::new("jes", jes::parse_line),
    Dialect::new("vms", vms::parse_line).in_halves(vms::is_first_half),
    Dialect::new("nonstop", nonstop::parse_line).below(nonstop::is_header),
    Dialect::new("netware", netware::parse_line),
    Dialect::new("eplf", eplf::parse_line),
];

/// What listings of `MLSD` are called, where those of `LIST` have the name of their dialect.
const MLSX: &str = "mlsx";

/// Which command made the listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `MLSD`: facts and names (RFC 3659 §7).
    Mlsd,
    /// `LIST`: lines in one of many dialects.
    List,
}

/// What a line of a listing says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// One thing in the folder.
    Entry(Entry),
    /// Nothing about what is in the folder: an empty line, `total 8`, a header, the folder itself or its parent. Or
    /// nothing yet: the line is the first half of an entry, see [`ListingParser::given_up`].
    Nothing,
    /// Nobody knows. Callers keep such lines and say so, because one of them may be a file.
    Unrecognized,
}

/// Reads the lines of one listing.
///
/// It remembers which dialect understood the last line, because a server speaks one.
#[derive(Debug, Clone)]
pub struct ListingParser {
    format: Format,
    now: OffsetDateTime,
    /// The row of [`DIALECTS`] that understood the last line.
    dialect: Option<usize>,
    /// The row whose header came last.
    header: Option<usize>,
    /// The first half of an entry, and the row that knows it as such.
    first_half: Option<(usize, Vec<u8>)>,
    /// A first half whose second never came.
    given_up: Option<Vec<u8>>,
}

impl ListingParser {
    /// A parser for one listing. `now` is the time at which it was made: a `LIST` leaves out the year of recent files.
    pub fn new(format: Format, now: OffsetDateTime) -> Self {
        Self { format, now, dialect: None, header: None, first_half: None, given_up: None }
    }

    /// Reads one line, without its end. Ask for [`given_up`](Self::given_up) after each, and for
    /// [`finish`](Self::finish) after the last.
    pub fn parse_line(&mut self, line: &[u8]) -> Line {
        if line.trim_ascii().is_empty() {
            return Line::Nothing;
        }
        let understood = match self.format {
            Format::Mlsd => mlsx::parse_line(line),
            Format::List => self.parse_list_line(line),
        };
        match understood.unwrap_or(Line::Unrecognized) {
            Line::Entry(entry) if matches!(entry.name.as_slice(), b"." | b"..") => Line::Nothing,
            line => line,
        }
    }

    /// The line before the last, if it turned out to be unrecognized only now: OpenVMS prints a long name on a line of
    /// its own, and what came after it were not that name's facts.
    pub fn given_up(&mut self) -> Option<Vec<u8>> {
        self.given_up.take()
    }

    /// The last line, if it was the first half of an entry: there is no second, so it is unrecognized.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        self.first_half.take().map(|(_, line)| line)
    }

    /// What the listing is written in: `mlsx` after `MLSD`; after `LIST` the name of the dialect that understood the last
    /// line, `unix` for example, and None before that.
    pub fn dialect(&self) -> Option<&'static str> {
        match self.format {
            Format::Mlsd => Some(MLSX),
            Format::List => self.dialect.map(|row| DIALECTS[row].name),
        }
    }

    fn parse_list_line(&mut self, line: &[u8]) -> Option<Line> {
        if let Some((row, first_half)) = self.first_half.take() {
            let whole = [&first_half[..], line].join(&b' ');
            if let Some(understood) = (DIALECTS[row].parse_line)(&whole, self.now) {
                return Some(understood);
            }
            self.given_up = Some(first_half);
        }
        if let Some(row) = find(|dialect| dialect.is_header, line) {
            (self.dialect, self.header) = (Some(row), Some(row));
            return Some(Line::Nothing);
        }
        for row in self.rows() {
            if let Some(understood) = (DIALECTS[row].parse_line)(line, self.now) {
                self.dialect = Some(row);
                return Some(understood);
            }
        }
        let row = find(|dialect| dialect.is_first_half, line)?;
        (self.dialect, self.first_half) = (Some(row), Some((row, line.to_vec())));
        Some(Line::Nothing)
    }

    /// The dialects that the next line may be in, that of the last one first.
    fn rows(&self) -> impl Iterator<Item = usize> + use<> {
        let (last, header) = (self.dialect, self.header);
        let others = (0..DIALECTS.len()).filter(move |row| {
            last != Some(*row) && (DIALECTS[*row].is_header.is_none() || header == Some(*row))
        });
        last.into_iter().chain(others)
    }
}

/// The dialect in which the line is of this kind.
fn find(kind: fn(&Dialect) -> Option<IsLine>, line: &[u8]) -> Option<usize> {
    DIALECTS.iter().position(|dialect| kind(dialect).is_some_and(|is| is(line)))
}
