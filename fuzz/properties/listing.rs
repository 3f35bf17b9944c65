//! What holds for whatever comes as a folder listing, whenever it is read.

use ftp_proto::{
    Entry, EntryKind, Format, Line, LineSplitter, LineTooLong, ListingParser, Modified, Precision,
};
use time::{OffsetDateTime, UtcOffset};

use crate::pieces::pieces;

/// A limit that a short input can break, in bytes.
const SMALL: usize = 200;

/// Years -9999 to 9999, in seconds since 1970.
const FIRST_SECOND: i64 = -377_705_116_800;
const LAST_SECOND: i64 = 253_402_300_799;

/// What a line can say about `.` and `..`, in formats that would otherwise be read as something else.
const FRAME: [&[u8]; 2] = [b".", b".."];

/// The first byte of the input says how the lines are split, the second in which format they are, and the third with the
/// five after it when that is: hours ahead of UTC, and seconds.
pub(crate) fn check(input: &[u8]) {
    let Some((&[seed, format, hours, seconds @ ..], listing)) = input.split_first_chunk::<8>() else {
        return;
    };
    let format = if format % 2 == 0 { Format::List } else { Format::Mlsd };
    let now = now(hours, seconds);
    for limit in [LineSplitter::LIMIT, SMALL] {
        let whole = lines(limit, &[listing]);
        let split = lines(limit, &pieces(seed, listing));
        assert_eq!(split, whole, "another split of the bytes gave other lines");
        assert!(whole.0.iter().all(|line| line.len() <= limit));
        check_lines(&ListingParser::new(format, now), &whole.0, now);
    }
}

/// Every line is understood, means nothing, or is given back.
fn check_lines(fresh: &ListingParser, lines: &[Vec<u8>], now: OffsetDateTime) {
    let mut parser = fresh.clone();
    let mut before: &[u8] = &[];
    for line in lines {
        let is_second_half = parser.clone().finish().is_some();
        let understood = parser.parse_line(line);
        let given_up = parser.given_up();
        assert!(given_up.as_deref().is_none_or(|given_up| given_up == before), "another line was given up");
        let is_whole = !is_second_half || given_up.is_some();
        if let Line::Entry(entry) = &understood {
            check_entry(entry, &if is_whole { line.clone() } else { [before, line].join(&b' ') }, now);
        }
        if is_whole {
            check_alone(&understood, line, &parser, fresh.clone());
        }
        if !line.trim_ascii().is_empty() {
            before = line;
        }
    }
    assert!(parser.finish().is_none_or(|given_up| given_up == before), "another line was given up");
    assert_eq!(parser.finish(), None);
    assert_eq!(parser.given_up(), None);
}

/// A whole line without a header says the same whatever came before it: dialects do not overlap.
fn check_alone(understood: &Line, line: &[u8], parser: &ListingParser, mut fresh: ListingParser) {
    if !matches!(parser.dialect(), Some("mvs" | "pds" | "nonstop")) {
        let alone = fresh.parse_line(line);
        assert_eq!(alone, *understood, "{:?} or {:?}", fresh.dialect(), parser.dialect());
    }
}

fn now(hours: u8, seconds: [u8; 5]) -> OffsetDateTime {
    let seconds = seconds.iter().fold(0, |seconds, byte| seconds << 8 | i64::from(*byte));
    let seconds = FIRST_SECOND + seconds % (LAST_SECOND - FIRST_SECOND + 1);
    let hours = i8::try_from(hours % 51).unwrap_or_default() - 25;
    let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or_else(|error| panic!("{error}"));
    let offset = UtcOffset::from_hms(hours, 0, 0).unwrap_or_else(|error| panic!("{error}"));
    now.checked_to_offset(offset).unwrap_or(now)
}

/// Every line, taken as soon as it is complete, and the error that ended it.
fn lines(limit: usize, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<LineTooLong>) {
    let mut splitter = LineSplitter::new(limit);
    let mut lines = Vec::new();
    for piece in pieces {
        splitter.push(piece);
        loop {
            match splitter.next_line() {
                Ok(Some(line)) => lines.push(line.to_vec()),
                Ok(None) => break,
                Err(error) => return (lines, Some(error)),
            }
        }
    }
    loop {
        match splitter.finish() {
            Ok(Some(line)) => lines.push(line.to_vec()),
            Ok(None) => return (lines, None),
            Err(error) => return (lines, Some(error)),
        }
    }
}

/// An entry is named, and by nothing but what was sent.
fn check_entry(entry: &Entry, line: &[u8], now: OffsetDateTime) {
    assert!(!entry.name.is_empty(), "{entry:?}");
    assert!(!FRAME.contains(&entry.name.as_slice()), "{entry:?}");
    assert!(contains(line, &entry.name), "{entry:?}");
    if let Some(target) = &entry.target {
        assert!(!target.is_empty() && contains(line, target), "{entry:?}");
        assert_eq!(entry.kind, EntryKind::Link, "{entry:?}");
    }
    assert!(entry.mode.is_none_or(|mode| mode <= 0o177_777), "{entry:?}");
    if let Some(modified) = entry.modified {
        check_time(modified, now);
    }
}

/// Whatever the server's clock shows, and wherever it stands.
fn check_time(modified: Modified, now: OffsetDateTime) {
    assert!(modified.agrees_with(&modified) && modified.at.offset().is_utc(), "{modified:?}");
    let in_utc = modified.in_utc(now.offset());
    assert_eq!(in_utc.in_utc(now.offset()), in_utc);
    if let Some(ahead) = modified.ahead_of(now) {
        let here = Modified::utc(now, Precision::Minute);
        assert!(modified.in_utc(ahead).agrees_with(&here), "{modified:?} is not {ahead} ahead of {now}");
    }
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}
