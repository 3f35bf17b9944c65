//! What NonStop prints of Guardian files, below a header:
//! `EMSACSTM      101             146  18-Sep-00 09:03:37 170,175 "nunu"`.
//!
//! The letters at the end say who may read, write, execute and purge, for which a mode has no bits.

use ::time::OffsetDateTime;

use crate::digits::{decimal, is_number};
use crate::entry::{Entry, EntryKind};
use crate::listing::Line;
use crate::listing::language::parse_month;
use crate::listing::stamp::{parse_clock_with_seconds, parse_named_date};
use crate::listing::words::{Words, begins_with};
use crate::time::{Modified, Precision, moment};

/// How many words a line may have: a file that is open, with blanks in its owner.
const MOST_WORDS: usize = 9;

/// Whether a line is the header, without which a line of Guardian could be anything.
pub(super) fn is_header(line: &[u8]) -> bool {
    begins_with(line, &["File", "Code", "EOF", "Last", "Modification", "Owner", "RWEP"])
}

/// Reads one line below the header.
pub(super) fn parse_line(line: &[u8], _now: OffsetDateTime) -> Option<Line> {
    let words = Words::<MOST_WORDS>::of(line);
    let (name, code, end_of_file, date, clock, rest) = match *words.all() {
        [name, code, end_of_file, date, clock, ref rest @ ..] if is_code(code) => {
            (name, code, end_of_file, date, clock, rest)
        }
        // `O` marks a file that is open, other letters one that is broken or in need of recovery.
        [name, [_], code, end_of_file, date, clock, ref rest @ ..] => {
            (name, code, end_of_file, date, clock, rest)
        }
        _ => return None,
    };
    if !is_name(name) || !is_code(code) || !is_number(end_of_file) || !is_owner_and_security(rest) {
        return None;
    }
    let (year, month, day) = parse_named_date(date)?;
    let at = moment(year, parse_month(month)?, day, &parse_clock_with_seconds(clock)?, 0)?;
    Some(Line::Entry(Entry {
        name: name.to_vec(),
        kind: EntryKind::File,
        size: decimal(end_of_file),
        modified: Some(Modified::local(at, Precision::Second)),
        mode: None,
        target: None,
        unique: None,
    }))
}

/// One to eight letters and digits, a letter first.
fn is_name(word: &[u8]) -> bool {
    (1..=8).contains(&word.len())
        && word[0].is_ascii_alphabetic()
        && word.iter().all(u8::is_ascii_alphanumeric)
}

/// The number of what is in the file, and letters for what the system makes of it: `101`, `100P`.
fn is_code(word: &[u8]) -> bool {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && word[digits..].iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'+')
}

/// `255,255 "oooo"` or `244, 10 "nnnn"`; what Safeguard protects has stars.
fn is_owner_and_security(words: &[&[u8]]) -> bool {
    let is_owner = |word: &[u8]| word.iter().all(|byte| byte.is_ascii_digit() || *byte == b',');
    match *words {
        [owner, security] => is_owner(owner) && owner.contains(&b',') && is_security(security),
        [group, user, security] => {
            is_owner(group) && group.ends_with(b",") && is_owner(user) && is_security(security)
        }
        _ => false,
    }
}

fn is_security(word: &[u8]) -> bool {
    matches!(word, [b'"', _, _, _, _, b'"'] | b"****")
}

#[cfg(test)]
mod tests {
    use crate::listing::Format;
    use crate::listing::tests::check;
    use expect_test::expect;

    #[test]
    fn files() {
        check(
            Format::List,
            b"File         Code             EOF  Last Modification    Owner  RWEP\n\
              EMSACSTM      101             146  18-Sep-00 09:03:37 170,175 \"nunu\"\n\
              TACLCSTM   O  101             101  4-Mar-01  23:50:06 255,255 \"oooo\"\n\
              IARPTS        101            16354 18-Mar-08 15:09:12 244, 10 \"nnnn\"\n\
              OBJECT       100P         66834432 22-Jan-26 14:04:19 110, 99 ****\n\
              EMPLYE          0                0 29-Feb-24 19:02:49 110, 99 \"----\"",
            expect![[r#"
                nothing
                File - 146 [2000-09-18 09:03:37.000] "EMSACSTM"
                File - 101 [2001-03-04 23:50:06.000] "TACLCSTM"
                File - 16354 [2008-03-18 15:09:12.000] "IARPTS"
                File - 66834432 [2026-01-22 14:04:19.000] "OBJECT"
                File - 0 [2024-02-29 19:02:49.000] "EMPLYE"
            "#]],
        );
    }

    #[test]
    fn what_is_no_line_below_the_header() {
        check(
            Format::List,
            b"EARLY         101             146  18-Sep-00 09:03:37 170,175 \"nunu\"\n\
              File         Code             EOF  Last Modification    Owner  RWEP\n\
              TOOLONGNAME   101             146  18-Sep-00 09:03:37 170,175 \"nunu\"\n\
              NOEOF         101                  18-Sep-00 09:03:37 170,175 \"nunu\"\n\
              NODAY         101             146  31-Sep-00 09:03:37 170,175 \"nunu\"\n\
              NOSECOND      101             146  18-Sep-00 09:03    170,175 \"nunu\"\n\
              NOOWNER       101             146  18-Sep-00 09:03:37         \"nunu\"\n\
              NORWEP        101             146  18-Sep-00 09:03:37 170,175",
            expect![[r#"
                unrecognized "EARLY         101             146  18-Sep-00 09:03:37 170,175 \"nunu\""
                nothing
                unrecognized "TOOLONGNAME   101             146  18-Sep-00 09:03:37 170,175 \"nunu\""
                unrecognized "NOEOF         101                  18-Sep-00 09:03:37 170,175 \"nunu\""
                unrecognized "NODAY         101             146  31-Sep-00 09:03:37 170,175 \"nunu\""
                unrecognized "NOSECOND      101             146  18-Sep-00 09:03    170,175 \"nunu\""
                unrecognized "NOOWNER       101             146  18-Sep-00 09:03:37         \"nunu\""
                unrecognized "NORWEP        101             146  18-Sep-00 09:03:37 170,175"
            "#]],
        );
    }
}
