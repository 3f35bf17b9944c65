//! What IIS prints in its default style, after `dir`:
//! `02-29-24  09:30AM                 1234 name` and `02-29-24  09:30AM       <DIR>          name`.
//!
//! The FTP server of Windows CE prints the same, with 24 hours where its language has no AM and PM; other servers pass on
//! what `dir` prints in the language of their Windows.

use ::time::OffsetDateTime;

use crate::digits::{decimal, short_number};
use crate::entry::{Entry, EntryKind};
use crate::listing::Line;
use crate::listing::stamp::parse_full_year;
use crate::listing::words::next_word;
use crate::time::{Clock, Modified, Precision, moment};

/// Reads one line.
pub(super) fn parse_line(line: &[u8], _now: OffsetDateTime) -> Option<Line> {
    let (date, rest) = next_word(line)?;
    let (clock, rest) = parse_clock(rest)?;
    let (year, month, day) = parse_date(date)?;
    let at = moment(year, month, day, &clock, 0)?;
    let rest = rest.trim_ascii_start();
    let (kind, size, rest) = if let Some((tag, rest)) = Tag::parse(rest) {
        (tag.kind, None, rest)
    } else {
        let (size, rest) = next_word(rest)?;
        // One space ends the size. Windows allows names that begin with one.
        (EntryKind::File, Some(parse_size(size)?), rest.strip_prefix(b" ")?)
    };
    let (name, target) = if kind == EntryKind::Link { split_link(rest) } else { (rest, None) };
    if name.is_empty() {
        return None;
    }
    Some(Line::Entry(Entry {
        name: name.to_vec(),
        kind,
        size,
        modified: Some(Modified::local(at, Precision::Minute)),
        mode: None,
        target: target.map(<[u8]>::to_vec),
        unique: None,
    }))
}

/// What stands in the place of the size where there is none.
struct Tag {
    text: &'static [u8],
    kind: EntryKind,
}

impl Tag {
    const ALL: &[Self] = &[
        Self { text: b"<DIR>", kind: EntryKind::Folder },
        Self { text: b"<JUNCTION>", kind: EntryKind::Link },
        Self { text: b"<SYMLINKD>", kind: EntryKind::Link },
        Self { text: b"<SYMLINK>", kind: EntryKind::Link },
    ];

    /// A tag and the spaces after it fill this many columns, so that a space beyond them belongs to the name.
    const COLUMNS: usize = 15;

    /// The tag at the beginning of the text, and the name that follows it.
    fn parse(text: &[u8]) -> Option<(&'static Self, &[u8])> {
        let tag = Self::ALL.iter().find(|tag| {
            text.get(..tag.text.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.text))
        })?;
        let rest = &text[tag.text.len()..];
        let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
        if spaces == 0 {
            return None;
        }
        Some((tag, &rest[spaces.min(Self::COLUMNS - tag.text.len())..]))
    }
}

/// `MM-DD-YY` and `MM-DD-YYYY`, as IIS has it in every language, with slashes as well.
///
/// Where that is no day, the others are tried: a word that begins with a year of four digits (`2024-02-29`), and the day
/// before the month (`29.02.2024`), which with points is the only order that is in use.
fn parse_date(word: &[u8]) -> Option<(u32, u32, u32)> {
    let mut parts = word.split(|byte| matches!(byte, b'-' | b'/' | b'.'));
    let [first, second, third] = [parts.next()?, parts.next()?, parts.next()?];
    if parts.next().is_some() {
        return None;
    }
    if first.len() == 4 {
        return Some((decimal(first)?, short_number(second)?, short_number(third)?));
    }
    let (first, second, year) = (short_number(first)?, short_number(second)?, parse_full_year(third)?);
    let day_first = word.contains(&b'.') || first > 12;
    Some(if day_first { (year, second, first) } else { (year, first, second) })
}

/// `09:30AM`, `09:30 AM`, `09:30a` or `21:30`, and what comes after it.
fn parse_clock(text: &[u8]) -> Option<(Clock, &[u8])> {
    let (clock, rest) = next_word(text)?;
    let colon = clock.iter().position(|byte| *byte == b':')?;
    let (minute, half) = clock[colon + 1..].split_at_checked(2)?;
    let (half, rest) = match (half, next_word(rest)) {
        (b"", Some((next, after))) if Half::parse(next).is_some() => (next, after),
        _ => (half, rest),
    };
    let hour = decimal(clock.get(..colon).filter(|hour| hour.len() <= 2)?)?;
    let hour = match (half, Half::parse(half)) {
        (b"", _) => hour,
        (_, Some(half)) if (1..=12).contains(&hour) => hour % 12 + half.hours(),
        _ => return None,
    };
    Some((Clock { hour, minute: decimal(minute)?, second: 0 }, rest))
}

/// The half of a day that a 12-hour clock tells.
#[derive(Clone, Copy)]
enum Half {
    Morning,
    Afternoon,
}

impl Half {
    fn parse(word: &[u8]) -> Option<Self> {
        match word {
            [b'a' | b'A'] | [b'a' | b'A', b'm' | b'M'] => Some(Self::Morning),
            [b'p' | b'P'] | [b'p' | b'P', b'm' | b'M'] => Some(Self::Afternoon),
            _ => None,
        }
    }

    fn hours(self) -> u32 {
        match self {
            Self::Morning => 0,
            Self::Afternoon => 12,
        }
    }
}

/// What stands between the groups of a size: `1,234`, `1.234`, `1'234`, and the space that does not break, as UTF-8,
/// Latin-1 and the code pages of DOS have it, and the narrow one.
const GROUP_MARKS: [&[u8]; 8] =
    [b",", b".", b"'", "\u{2019}".as_bytes(), "\u{a0}".as_bytes(), "\u{202f}".as_bytes(), b"\xa0", b"\xff"];

/// `1234`, or in groups of three digits.
fn parse_size(word: &[u8]) -> Option<u64> {
    let first = word.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(word.len());
    let (mut size, mut rest): (u64, _) = (decimal(&word[..first])?, &word[first..]);
    while !rest.is_empty() {
        let group = GROUP_MARKS.iter().find_map(|mark| rest.strip_prefix(*mark))?;
        let (group, after) = group.split_at_checked(3)?;
        size = size.checked_mul(1000)?.checked_add(decimal(group)?)?;
        rest = after;
    }
    Some(size)
}

/// `name [target]`. Brackets are more common in names than in targets, so the last pair counts.
fn split_link(rest: &[u8]) -> (&[u8], Option<&[u8]>) {
    let split = rest.strip_suffix(b"]").and_then(|inner| {
        let at = inner.windows(2).rposition(|pair| pair == b" [")?;
        Some((&inner[..at], &inner[at + 2..]))
    });
    match split {
        Some((name, target)) => (name, Some(target).filter(|target| !target.is_empty())),
        None => (rest, None),
    }
}

#[cfg(test)]
mod tests {
    use crate::listing::Format;
    use crate::listing::tests::check;
    use expect_test::expect;

    #[test]
    fn stamps() {
        check(
            Format::List,
            b"02-29-24  09:30AM                   12 a\n\
              02-29-2024  09:30PM                 12 b\n\
              02-29-24  21:30                     12 c\n\
              02/29/2024  09:30 pm                12 d\n\
              02-29-24  12:05AM                   12 after midnight\n\
              02-29-24  12:05p                    12 after noon\n\
              12-31-99  11:59PM                   12 last century\n\
              02-29-23  09:30AM                   12 no such day\n\
              13-01-24  09:30AM                   12 can only be the day first\n\
              29.02.2024  21:30                   12 points\n\
              03.01.24    21:30                   12 points\n\
              2024-02-29  21:30                   12 year first\n\
              13-13-24  09:30AM                   12 no such month\n\
              02-29-24-1  09:30AM                 12 no such date\n\
              02-29-24  13:30PM                   12 no such hour\n\
              02-29-24  00:30AM                   12 no such hour\n\
              02-29-24  09:30XM                   12 no such half",
            expect![[r#"
                File - 12 [2024-02-29 09:30] "a"
                File - 12 [2024-02-29 21:30] "b"
                File - 12 [2024-02-29 21:30] "c"
                File - 12 [2024-02-29 21:30] "d"
                File - 12 [2024-02-29 00:05] "after midnight"
                File - 12 [2024-02-29 12:05] "after noon"
                File - 12 [1999-12-31 23:59] "last century"
                unrecognized "02-29-23  09:30AM                   12 no such day"
                File - 12 [2024-01-13 09:30] "can only be the day first"
                File - 12 [2024-02-29 21:30] "points"
                File - 12 [2024-01-03 21:30] "points"
                File - 12 [2024-02-29 21:30] "year first"
                unrecognized "13-13-24  09:30AM                   12 no such month"
                unrecognized "02-29-24-1  09:30AM                 12 no such date"
                unrecognized "02-29-24  13:30PM                   12 no such hour"
                unrecognized "02-29-24  00:30AM                   12 no such hour"
                unrecognized "02-29-24  09:30XM                   12 no such half"
            "#]],
        );
    }

    #[test]
    fn sizes_tags_and_names() {
        check(
            Format::List,
            b"02-29-24  09:30AM              1,234,567 grouped\n\
              02-29-24  09:30AM              1.234.567 grouped with dots\n\
              02-29-24  09:30AM              1'234'567 grouped with apostrophes\n\
              02-29-24  09:30AM              1\xc2\xa0234\xc2\xa0567 grouped with spaces that do not break\n\
              02-29-24  09:30AM              1\xe2\x80\xaf234 grouped with a narrow space\n\
              02-29-24  09:30AM              1\xa0234 grouped in Latin-1\n\
              02-29-24  09:30AM              1,23 not grouped\n\
              02-29-24  09:30AM              ,234 not grouped\n\
              02-29-24  09:30AM                    123 456\n\
              02-29-24  09:30AM                     12  leading and trailing \n\
              02-29-24  09:30AM       <DIR>          789\n\
              02-29-24  09:30AM       <DIR>           leading\n\
              02-29-24  09:30AM       <dir> close\n\
              02-29-24  09:30AM       <DIR>          .\n\
              02-29-24  09:30AM       <JUNCTION>     data [old] [D:\\data]\n\
              02-29-24  09:30AM       <SYMLINKD>     up [..]\n\
              02-29-24  09:30AM       <SYMLINK>      file.txt [other.txt]\n\
              02-29-24  09:30AM       <SYMLINK>      no target\n\
              02-29-24  09:30AM       <JUNCTION>\n\
              02-29-24  09:30AM       <OTHER>        x\n\
              02-29-24  09:30AM     99999999999999999999 beyond 64 bits\n\
              02-29-24  09:30AM                     12 \n\
              02-29-24  09:30AM                     12",
            expect![[r#"
                File - 1234567 [2024-02-29 09:30] "grouped"
                File - 1234567 [2024-02-29 09:30] "grouped with dots"
                File - 1234567 [2024-02-29 09:30] "grouped with apostrophes"
                File - 1234567 [2024-02-29 09:30] "grouped with spaces that do not break"
                File - 1234 [2024-02-29 09:30] "grouped with a narrow space"
                File - 1234 [2024-02-29 09:30] "grouped in Latin-1"
                unrecognized "02-29-24  09:30AM              1,23 not grouped"
                unrecognized "02-29-24  09:30AM              ,234 not grouped"
                File - 123 [2024-02-29 09:30] "456"
                File - 12 [2024-02-29 09:30] " leading and trailing "
                Folder - - [2024-02-29 09:30] "789"
                Folder - - [2024-02-29 09:30] " leading"
                Folder - - [2024-02-29 09:30] "close"
                nothing
                Link - - [2024-02-29 09:30] "data [old]" -> "D:\\data"
                Link - - [2024-02-29 09:30] "up" -> ".."
                Link - - [2024-02-29 09:30] "file.txt" -> "other.txt"
                Link - - [2024-02-29 09:30] "no target"
                unrecognized "02-29-24  09:30AM       <JUNCTION>"
                unrecognized "02-29-24  09:30AM       <OTHER>        x"
                unrecognized "02-29-24  09:30AM     99999999999999999999 beyond 64 bits"
                unrecognized "02-29-24  09:30AM                     12 "
                unrecognized "02-29-24  09:30AM                     12"
            "#]],
        );
    }
}
