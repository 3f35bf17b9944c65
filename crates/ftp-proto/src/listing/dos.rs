//! What IIS prints in its default style, after `dir`:
//! `02-29-24  09:30AM                 1234 name` and `02-29-24  09:30AM       <DIR>          name`.

use ::time::OffsetDateTime;

use crate::digits::decimal;
use crate::entry::{Entry, EntryKind};
use crate::listing::Line;
use crate::time::{Clock, Modified, Precision, moment};

/// Reads one line.
pub(super) fn parse_line(line: &[u8], _now: OffsetDateTime) -> Option<Line> {
    let (date, rest) = word(line)?;
    let (clock, rest) = parse_clock(rest)?;
    let (year, month, day) = parse_date(date)?;
    let at = moment(year, month, day, &clock, 0)?;
    let rest = rest.trim_ascii_start();
    let (kind, size, rest) = if let Some((tag, rest)) = Tag::parse(rest) {
        (tag.kind, None, rest)
    } else {
        let (size, rest) = word(rest)?;
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

/// The next word, and what comes after it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii_start();
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    text.split_at_checked(end).filter(|(word, _)| !word.is_empty())
}

/// `MM-DD-YY` or `MM-DD-YYYY`, with slashes as well. Windows takes years from 70 as 19yy.
fn parse_date(word: &[u8]) -> Option<(u32, u32, u32)> {
    let mut parts = word.split(|byte| matches!(byte, b'-' | b'/'));
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || month.len() > 2 || day.len() > 2 {
        return None;
    }
    let year = match (year.len(), decimal(year)?) {
        (2, year @ 70..) => 1900 + year,
        (2, year) => 2000 + year,
        (4, year) => year,
        _ => return None,
    };
    Some((year, decimal(month)?, decimal(day)?))
}

/// `09:30AM`, `09:30 AM`, `09:30a` or `21:30`, and what comes after it.
fn parse_clock(text: &[u8]) -> Option<(Clock, &[u8])> {
    let (clock, rest) = word(text)?;
    let colon = clock.iter().position(|byte| *byte == b':')?;
    let (minute, half) = clock[colon + 1..].split_at_checked(2)?;
    let (half, rest) = match (half, word(rest)) {
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
        match word.to_ascii_lowercase().as_slice() {
            b"am" | b"a" => Some(Self::Morning),
            b"pm" | b"p" => Some(Self::Afternoon),
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

/// `1234`, `1,234` or `1.234`.
fn parse_size(word: &[u8]) -> Option<u64> {
    let (first, last) = (word.first()?, word.last()?);
    let grouped = word.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'.'));
    if !grouped || !first.is_ascii_digit() || !last.is_ascii_digit() {
        return None;
    }
    let digits: Vec<u8> = word.iter().copied().filter(u8::is_ascii_digit).collect();
    decimal(&digits)
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
              13-01-24  09:30AM                   12 no such month\n\
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
                unrecognized "13-01-24  09:30AM                   12 no such month"
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
