//! Folder listings: one format with a standard, and one where every server prints what it likes.

use ::time::OffsetDateTime;

use crate::entry::Entry;

mod dos;
mod mlsx;
mod mode;
mod unix;

pub use mlsx::parse_mlst;

/// A way to print a listing: reads one line, or does not understand it.
type Dialect = fn(line: &[u8], now: OffsetDateTime) -> Option<Line>;

/// Every dialect, the most common first. No line may be understood by two of them in different ways.
const DIALECTS: [Dialect; 2] = [unix::parse_line, dos::parse_line];

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
    /// Nothing about what is in the folder: an empty line, `total 8`, the folder itself or its parent.
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
    dialect: usize,
}

impl ListingParser {
    /// A parser for one listing. `now` is the time at which it was made: a `LIST` leaves out the year of recent files.
    pub fn new(format: Format, now: OffsetDateTime) -> Self {
        Self { format, now, dialect: 0 }
    }

    /// Reads one line, without its end.
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

    fn parse_list_line(&mut self, line: &[u8]) -> Option<Line> {
        let mut rows =
            std::iter::once(self.dialect).chain((0..DIALECTS.len()).filter(|row| *row != self.dialect));
        let (row, understood) = rows.find_map(|row| Some((row, DIALECTS[row](line, self.now)?)))?;
        self.dialect = row;
        Some(understood)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Modified, Precision};
    use ::time::macros::datetime;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    /// A Friday, one day after a leap day.
    pub(super) const NOW: OffsetDateTime = datetime!(2024-03-01 12:00 UTC);

    /// What every line of a listing says, one line each.
    #[expect(clippy::needless_pass_by_value, reason = "reads as check(format, input, expect![…])")]
    pub(super) fn check(format: Format, listing: &[u8], expected: Expect) {
        let mut parser = ListingParser::new(format, NOW);
        let lines = listing.split(|byte| *byte == b'\n').map(|line| match parser.parse_line(line) {
            Line::Entry(entry) => show(&entry),
            Line::Nothing => "nothing\n".to_owned(),
            Line::Unrecognized => format!("unrecognized \"{}\"\n", line.escape_ascii()),
        });
        expected.assert_eq(&lines.collect::<String>());
    }

    fn show(entry: &Entry) -> String {
        let mode = entry.mode.map_or("-".to_owned(), |mode| format!("{mode:06o}"));
        let size = entry.size.map_or("-".to_owned(), |size| size.to_string());
        let modified =
            entry.modified.map_or("-".to_owned(), |Modified { at, precision, .. }| match precision {
                Precision::Second => format!(
                    "{} {:02}:{:02}:{:02}.{:03}",
                    at.date(),
                    at.hour(),
                    at.minute(),
                    at.second(),
                    at.millisecond()
                ),
                Precision::Minute => format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute()),
                Precision::Day => at.date().to_string(),
            });
        let target = entry.target.iter().map(|target| format!(" -> \"{}\"", target.escape_ascii()));
        let unique = entry.unique.iter().map(|unique| format!(" unique {}", unique.escape_ascii()));
        let rest: String = target.chain(unique).collect();
        format!("{:?} {mode} {size} [{modified}] \"{}\"{rest}\n", entry.kind, entry.name.escape_ascii())
    }

    #[test]
    fn one_line_that_nobody_knows_does_not_lose_the_rest() {
        check(
            Format::List,
            b"total 8\n-rw-r--r-- 1 u g 3 Feb 29 09:30 a\n???\n\n02-29-24  09:30AM  <DIR>          b\n\
              -rw-r--r-- 1 u g 3 Feb 29 09:30 c",
            expect![[r#"
                nothing
                File 100644 3 [2024-02-29 09:30] "a"
                unrecognized "???"
                nothing
                Folder - - [2024-02-29 09:30] "b"
                File 100644 3 [2024-02-29 09:30] "c"
            "#]],
        );
    }

    #[test]
    fn a_server_speaks_one_dialect_and_it_is_tried_first() {
        let mut parser = ListingParser::new(Format::List, NOW);
        assert!(matches!(parser.parse_line(b"02-29-24  09:30AM  12 a"), Line::Entry(_)));
        assert_eq!(parser.dialect, 1);
        assert_eq!(parser.parse_line(b"???"), Line::Unrecognized);
        assert_eq!(parser.dialect, 1);
        assert!(matches!(parser.parse_line(b"-rw-r--r-- 1 u g 3 Feb 29 09:30 a"), Line::Entry(_)));
        assert_eq!(parser.dialect, 0);
    }

    /// Bytes that look like listings often enough.
    fn listing_line() -> impl Strategy<Value = Vec<u8>> {
        let words = [
            "-rwsr-Sr-T+",
            "drwxr-xr-x",
            "lrwxrwxrwx",
            "crw-rw----",
            "1",
            "owner",
            "8,",
            "18446744073709551616",
            "Feb",
            "29",
            "30",
            "09:30",
            "23:60",
            "2024",
            "9999",
            "2024-02-29",
            "09:30:15.123456789",
            "+9999",
            "02-29-24",
            "09:30AM",
            "12:00 pm",
            "<DIR>",
            "<SYMLINK>",
            "[x]",
            " -> ",
            "name",
            "total",
            "type=file;",
            "size=99999999999999999999;",
            "modify=191240229093015.;",
            "UNIX.mode=777777777777;",
            ";",
            "; ",
            "=",
        ];
        let piece = prop_oneof![
            6 => proptest::sample::select(words.map(|word| word.as_bytes().to_vec()).to_vec()),
            6 => Just(b" ".to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..4),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn arbitrary_lines_never_panic_and_names_are_never_empty(
            lines in proptest::collection::vec(listing_line(), 1..4),
            seconds in -377_705_116_800_i64..253_402_300_799,
        ) {
            let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            for format in [Format::Mlsd, Format::List] {
                let mut parser = ListingParser::new(format, now);
                for line in &lines {
                    if let Line::Entry(entry) = parser.parse_line(line) {
                        prop_assert!(!entry.name.is_empty() && line.windows(entry.name.len()).any(|w| w == entry.name));
                    }
                }
            }
        }

        #[test]
        fn names_are_taken_as_sent(name in "[^\r\n]{1,30}") {
            prop_assume!(name != "." && name != "..");
            let lines = [
                (Format::Mlsd, format!("type=file;size=1; {name}")),
                (Format::List, format!("-rw-r--r--   1 ftp      ftp             1 Feb 29 09:30 {name}")),
                (Format::List, format!("-rw-r--r--   1 ftp      ftp             1 Feb 29  2020 {name}")),
                (Format::List, format!("02-29-24  09:30AM                    1 {name}")),
                (Format::List, format!("02-29-24  09:30AM       <DIR>          {name}")),
            ];
            for (format, line) in lines {
                match ListingParser::new(format, NOW).parse_line(line.as_bytes()) {
                    Line::Entry(entry) => prop_assert_eq!(entry.name, name.as_bytes()),
                    other => prop_assert!(false, "{:?} from {:?}", other, line),
                }
            }
        }
    }
}
