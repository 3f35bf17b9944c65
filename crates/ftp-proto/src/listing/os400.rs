//! What IBM i (OS/400) prints with `LISTFMT` 0, its default, in its libraries and its other file systems:
//! `QPGMR          36864 29.02.24 14:21:26 *FILE      QCLSRC.FILE`. With `LISTFMT` 1 it prints what Unix does.
//!
//! Members of a file stand below it as `QCLSRC.FILE/MEMBER.MBR` or `QCLSRC.MEMBER`, which is what `RETR` takes.

use ::time::OffsetDateTime;

use crate::digits::{decimal, is_number, short_number};
use crate::entry::{Entry, EntryKind};
use crate::listing::Line;
use crate::listing::stamp::parse_clock_with_seconds;
use crate::listing::words::Words;
use crate::time::{Clock, Modified, Precision, moment};

/// How many words of a line are looked at: owner, size, date, time and type.
const MOST_WORDS: usize = 5;

/// How many columns the type and the blanks after it fill, so that a blank beyond them belongs to the name.
const TYPE_COLUMNS: usize = 11;

/// Reads one line. The owner is missing for anonymous users, and all but the type and the name for members.
pub(super) fn parse_line(line: &[u8], _now: OffsetDateTime) -> Option<Line> {
    let words = Words::<MOST_WORDS>::of(line);
    let at = words.all().iter().position(|word| is_type(word))?;
    let columns = match words.all()[..at] {
        [owner, ref columns @ ..] if is_owner(owner) => columns,
        ref columns => columns,
    };
    let (size, stamp) = match *columns {
        [] => (None, None),
        [date, clock] => (None, Some((date, clock))),
        [size, date, clock] => (Some(size), Some((date, clock))),
        _ => return None,
    };
    let size = match size {
        Some(size) if !is_number(size) => return None,
        size => size.and_then(decimal),
    };
    let modified = match stamp {
        Some((date, clock)) if is_date(date) => parse_modified(date, &parse_clock(clock)?),
        Some(_) => return None,
        None => None,
    };
    let kind = parse_kind(words.at(at)?);
    let name = parse_name(line, words.at(at)?, words.end(at)?, kind)?;
    Some(Line::Entry(Entry {
        name: name.to_vec(),
        kind,
        size,
        modified,
        mode: None,
        target: None,
        unique: None,
    }))
}

/// A user profile: a capital, or what counts as one, and up to nine of them and digits.
fn is_owner(word: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_uppercase() || !byte.is_ascii() || b"$#@".contains(byte);
    word.first().is_some_and(is_letter)
        && word.iter().all(|byte| is_letter(byte) || byte.is_ascii_digit() || b"_.".contains(byte))
}

/// `*FILE`, `*STMF`: the types of objects are many, and new ones may come.
fn is_type(word: &[u8]) -> bool {
    matches!(word, [b'*', name @ ..] if (2..=9).contains(&name.len())
        && name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()))
}

fn parse_kind(object_type: &[u8]) -> EntryKind {
    match object_type {
        b"*DIR" | b"*DDIR" | b"*LIB" | b"*FLR" => EntryKind::Folder,
        b"*FILE" | b"*MEM" | b"*STMF" | b"*DSTMF" | b"*DOC" => EntryKind::File,
        b"*SYMLNK" => EntryKind::Link,
        _ => EntryKind::Other,
    }
}

/// What follows the type. A folder is printed with a slash at its end.
fn parse_name<'a>(line: &'a [u8], object_type: &[u8], end: usize, kind: EntryKind) -> Option<&'a [u8]> {
    let rest = &line[end..];
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    if blanks == 0 {
        return None;
    }
    let name = &rest[blanks.min(TYPE_COLUMNS.saturating_sub(object_type.len()).max(1))..];
    let name = if kind == EntryKind::Folder { name.strip_suffix(b"/").unwrap_or(name) } else { name };
    (!name.is_empty()).then_some(name)
}

/// `02/29/24`, or a day of the year: `24/060`.
fn is_date(word: &[u8]) -> bool {
    let parts = || word.split(|byte| b"/.-,".contains(byte));
    matches!(parts().count(), 2 | 3) && parts().all(|part| is_number(part) && part.len() <= 3)
}

/// `09:30:15`, also with points or commas.
fn parse_clock(word: &[u8]) -> Option<Clock> {
    let mut clock = <[u8; 8]>::try_from(word).ok()?;
    for at in [2, 5] {
        if b".,".contains(&clock[at]) {
            clock[at] = b':';
        }
    }
    parse_clock_with_seconds(&clock)
}

/// When, with the date in the format of the server's job. None if that is no day, or one of the year.
fn parse_modified(date: &[u8], clock: &Clock) -> Option<Modified> {
    let separator = *date.iter().find(|byte| !byte.is_ascii_digit())?;
    let mut parts = date.split(|byte| *byte == separator).map(short_number);
    let parts = [parts.next()??, parts.next()??, parts.next()??];
    let at = orders(separator, parts)
        .into_iter()
        .find_map(|[year, month, day]| moment(full_year(year), month, day, clock, 0))?;
    Some(Modified::local(at, Precision::Second))
}

/// Year, month and day in the orders that a date can have, the most common with its separator first: month, day, year
/// with slashes, as in the United States; day, month, year with points, as in Germany; year, month,
/// day with dashes, as in Sweden.
///
/// The first that is a day counts. Two texts give two stamps in any case, so that a change shows; `MDTM` tells the truth.
fn orders(separator: u8, [a, b, c]: [u32; 3]) -> [[u32; 3]; 3] {
    let (month_first, day_first, year_first) = ([c, a, b], [c, b, a], [a, b, c]);
    match separator {
        b'/' => [month_first, day_first, year_first],
        b'-' => [year_first, day_first, month_first],
        _ => [day_first, year_first, month_first],
    }
}

/// IBM i takes years from 40 on as 19yy.
fn full_year(year: u32) -> u32 {
    if year >= 40 { 1900 + year } else { 2000 + year }
}

#[cfg(test)]
mod tests {
    use crate::listing::Format;
    use crate::listing::tests::check;
    use expect_test::expect;

    #[test]
    fn objects() {
        check(
            Format::List,
            b"QSYS            77824 02/29/24 15:09:55 *DIR       QOpenSys/\n\
              BAILEYSE     5263360 06/11/97 12:27:39 *FILE     BPTFSAVF\n\
              QSECOFR                                 *MEM       REPLACE.REPLACE\n\
              CFT                                     *MEM       AMANDA3.FILE/AMANDA3.MBR\n\
              JO               200 21.05.11 12:31:18 *STMF      TEST FILE.properties\n\
              QDFTOWN   2147483647 12/31/69 20:00:00 *DDIR      /QOPT/\n\
              QSYS        12832768 04/14/03 16:47:25 *LIB       QSYS.LIB/\n\
              QDOC           24576 70/01/01 00:00:00 *FLR       QDLS/\n\
              JO                 0 29.02.24 16:47:25 *SYMLNK    link\n\
              JO                 0 29.02.24 16:47:25 *USRSPC    SPACE.USRSPC\n\
              \x20          5263360 29.02.24 12:27:39 *STMF      no owner\n\
              \x20                  29.02.24 12:27:39 *STMF      no owner, no size\n\
              JO               200 29.02.24 12:31:18 *STMF       leading and trailing \n\
              JO               200 29.02.24 12:31:18 *STMF close\n\
              JO               200 29.02.24 12:31:18 *FILE      /in/QSYS.LIB/X.FILE",
            expect![[r#"
                Folder - 77824 [2024-02-29 15:09:55.000] "QOpenSys"
                File - 5263360 [1997-06-11 12:27:39.000] "BPTFSAVF"
                File - - [-] "REPLACE.REPLACE"
                File - - [-] "AMANDA3.FILE/AMANDA3.MBR"
                File - 200 [2011-05-21 12:31:18.000] "TEST FILE.properties"
                Folder - 2147483647 [1969-12-31 20:00:00.000] "/QOPT"
                Folder - 12832768 [2003-04-14 16:47:25.000] "QSYS.LIB"
                Folder - 24576 [1970-01-01 00:00:00.000] "QDLS"
                Link - 0 [2024-02-29 16:47:25.000] "link"
                Other - 0 [2024-02-29 16:47:25.000] "SPACE.USRSPC"
                File - 5263360 [2024-02-29 12:27:39.000] "no owner"
                File - - [2024-02-29 12:27:39.000] "no owner, no size"
                File - 200 [2024-02-29 12:31:18.000] " leading and trailing "
                File - 200 [2024-02-29 12:31:18.000] "close"
                File - 200 [2024-02-29 12:31:18.000] "/in/QSYS.LIB/X.FILE"
            "#]],
        );
    }

    #[test]
    fn stamps_in_the_format_of_the_job() {
        check(
            Format::List,
            b"JO 1 02/29/24 09:30:15 *STMF      month, day, year\n\
              JO 1 29/02/24 09:30:15 *STMF      can only be day, month, year\n\
              JO 1 96/09/20 09:30:15 *STMF      can only be year, month, day\n\
              JO 1 01/02/24 09:30:15 *STMF      can be any, so month, day, year\n\
              JO 1 01.02.24 09.30.15 *STMF      day, month, year\n\
              JO 1 24-02-29 09:30:15 *STMF      year, month, day\n\
              JO 1 12/31/39 09:30:15 *STMF      the last year\n\
              JO 1 12/31/40 09:30:15 *STMF      the first year\n\
              JO 1 24/060   09:30:15 *STMF      day of the year\n\
              JO 1 99/99/99 09:30:15 *STMF      no day\n\
              JO 1 02/29/24 09:30    *STMF      no seconds\n\
              JO 1 02/29/24 30:30:15 *STMF      no such hour\n\
              JO 1 20240229 09:30:15 *STMF      no separator\n\
              JO 1 02/29/2024 09:30:15 *STMF      four digits\n\
              JO x 02/29/24 09:30:15 *STMF      no size\n\
              JO S 1 02/29/24 09:30:15 *STMF    two owners\n\
              +r,\t*STMF      EPLF\n\
              JO 1 02/29/24 09:30:15 STMF       no type\n\
              JO 1 02/29/24 09:30:15 *STMF      \n\
              JO 1 02/29/24 09:30:15 *STMF",
            expect![[r#"
                File - 1 [2024-02-29 09:30:15.000] "month, day, year"
                File - 1 [2024-02-29 09:30:15.000] "can only be day, month, year"
                File - 1 [1996-09-20 09:30:15.000] "can only be year, month, day"
                File - 1 [2024-01-02 09:30:15.000] "can be any, so month, day, year"
                File - 1 [2024-02-01 09:30:15.000] "day, month, year"
                File - 1 [2024-02-29 09:30:15.000] "year, month, day"
                File - 1 [2039-12-31 09:30:15.000] "the last year"
                File - 1 [1940-12-31 09:30:15.000] "the first year"
                File - 1 [-] "day of the year"
                File - 1 [-] "no day"
                unrecognized "JO 1 02/29/24 09:30    *STMF      no seconds"
                File - 1 [-] "no such hour"
                unrecognized "JO 1 20240229 09:30:15 *STMF      no separator"
                unrecognized "JO 1 02/29/2024 09:30:15 *STMF      four digits"
                unrecognized "JO x 02/29/24 09:30:15 *STMF      no size"
                unrecognized "JO S 1 02/29/24 09:30:15 *STMF    two owners"
                File - - [-] "*STMF      EPLF"
                unrecognized "JO 1 02/29/24 09:30:15 STMF       no type"
                unrecognized "JO 1 02/29/24 09:30:15 *STMF      "
                unrecognized "JO 1 02/29/24 09:30:15 *STMF"
            "#]],
        );
    }
}
