//! What OpenVMS prints, after its own `DIRECTORY`:
//! `LOGIN.COM;2          1/3   29-FEB-2024 09:30:15  [GROUP,OWNER]  (RWED,RWED,RE,)`.
//!
//! A name that is too long for its column stands on a line of its own, and the rest on the next.
//!
//! A file is called as it is printed, with its version: `RETR LOGIN.COM;2` gets that very version, and two versions are
//! two entries. A folder is printed as the file that it is to OpenVMS, `SUB.DIR;1`, and called `SUB`, which is what `CWD`
//! takes. CMU's server prints the folder before each name, `[PUB]LOGIN.COM;2`; it is the listed one, so it is left out.

use ::time::OffsetDateTime;

use crate::digits::{decimal, is_number};
use crate::entry::{Entry, EntryKind};
use crate::listing::Line;
use crate::listing::language::parse_month;
use crate::listing::stamp::{parse_clock, parse_clock_with_seconds, parse_named_date};
use crate::listing::words::next_word;
use crate::time::{Clock, Modified, Precision, moment, nanoseconds};

/// The size of a block, in bytes.
const BLOCK: u64 = 512;

/// Reads one line, or the two halves of one with a blank between them.
pub(super) fn parse_line(line: &[u8], _now: OffsetDateTime) -> Option<Line> {
    if says_nothing(line) {
        return Some(Line::Nothing);
    }
    let (name, rest) = split_name(line)?;
    // TCPware prints an error in angle brackets.
    let rest = rest.trim_ascii();
    let rest = rest.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">")).unwrap_or(rest);
    if says_missing(rest) {
        // The name is what was asked for.
        return Some(Line::Nothing);
    }
    // An error in the place of the facts: the server may not look at the file, or it is busy. It is there.
    let facts = if is_error(rest) { Facts::default() } else { Facts::parse(rest)? };
    let folder = split_version(name).and_then(|(name, _)| strip_suffix_ignoring_case(name, b".DIR"));
    let (name, kind) = folder.map_or((name, EntryKind::File), |name| (name, EntryKind::Folder));
    if name.is_empty() || name.contains(&b'*') {
        return None;
    }
    Some(Line::Entry(Entry {
        name: name.to_vec(),
        kind,
        size: facts.size,
        modified: facts.modified,
        mode: None,
        target: None,
        unique: None,
    }))
}

/// Whether a line is only a name, whose facts have to come on the next.
pub(super) fn is_first_half(line: &[u8]) -> bool {
    split_name(line).is_some_and(|(name, rest)| {
        name.last().is_some_and(u8::is_ascii_digit) && rest.trim_ascii().is_empty()
    })
}

/// The name with its version, and what comes after it.
fn split_name(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if !line.first()?.is_ascii_graphic() {
        return None;
    }
    let (name, rest) = next_word(line)?;
    let (_, version) = split_version(name)?;
    // `*.*;` and `*.*;*` stand in what the server says about the name that was asked for.
    let in_folder = name.iter().rposition(|byte| *byte == b']').map_or(0, |bracket| bracket + 1);
    (is_number(version) || matches!(version, b"" | b"*")).then_some((&name[in_folder..], rest))
}

/// `NAME.TYPE` and the version of `NAME.TYPE;1`.
fn split_version(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let semicolon = name.iter().rposition(|byte| *byte == b';').filter(|at| *at > 0)?;
    Some((&name[..semicolon], &name[semicolon + 1..]))
}

/// What stands behind the name, as far as it is of use.
#[derive(Default)]
struct Facts {
    size: Option<u64>,
    modified: Option<Modified>,
}

impl Facts {
    /// Size, date, owner and protection in the orders of UCX, TCP/IP Services, MultiNet, TCPware and CMU. The date is
    /// always there; it is what makes the line one of OpenVMS.
    fn parse(mut rest: &[u8]) -> Option<Self> {
        let mut facts = Self::default();
        let (mut size, mut told_date, mut told_owner) = (None, false, false);
        while let Some((word, after)) = next_word(rest) {
            rest = after;
            if let (false, Some((year, month, day))) = (told_date, parse_named_date(word)) {
                (facts.modified, rest) = parse_moment(year, month, day, rest);
                told_date = true;
            } else if let (None, Some(told)) = (&size, Size::parse(word)) {
                facts.size = told.bytes(told_date);
                size = Some(told);
            } else if word.starts_with(b"[") {
                rest = if word.ends_with(b"]") { rest } else { after_end(rest, b']')? };
            } else if word.starts_with(b"(") {
                // Nothing follows the protection.
                return (told_date && rest_ends_with(word, rest, b')')).then_some(facts);
            } else if told_date && !told_owner {
                // An owner that is an identifier: `PRONAS`.
                told_owner = true;
            } else {
                return None;
            }
        }
        told_date.then_some(facts)
    }
}

/// When, and what comes after it. The month may be in a language that is not known here; the file is there all the same.
fn parse_moment<'a>(year: u32, month: &[u8], day: u32, rest: &'a [u8]) -> (Option<Modified>, &'a [u8]) {
    let (clock, nanosecond, precision, rest) = parse_time_of_day(rest);
    let at = parse_month(month).and_then(|month| moment(year, month, day, &clock, nanosecond));
    (at.map(|at| Modified::local(at, precision)), rest)
}

/// `09:30`, `09:30:15`, `09:30:15.64`, or none.
fn parse_time_of_day(text: &[u8]) -> (Clock, u32, Precision, &[u8]) {
    if let Some((word, rest)) = next_word(text) {
        if let Some(clock) = parse_clock(word) {
            return (clock, 0, Precision::Minute, rest);
        }
        let point = word.iter().position(|byte| *byte == b'.').unwrap_or(word.len());
        let fraction = word.get(point + 1..).unwrap_or_default();
        if let (Some(clock), Some(nanosecond)) =
            (parse_clock_with_seconds(&word[..point]), nanoseconds(fraction))
        {
            return (clock, nanosecond, Precision::Second, rest);
        }
    }
    (Clock::MIDNIGHT, 0, Precision::Day, text)
}

/// The size as it was printed.
enum Size {
    /// One number.
    One(u64),
    /// `used/allocated`.
    Two(u64, u64),
    /// `2KB`, which is rounded too much to be told, or a number beyond 64 bits.
    Unknown,
}

impl Size {
    fn parse(word: &[u8]) -> Option<Self> {
        if let [digits @ .., b'K' | b'M' | b'G' | b'T', b'B'] = word {
            return digits.first()?.is_ascii_digit().then_some(Self::Unknown);
        }
        let slash = word.iter().position(|byte| *byte == b'/');
        let (used, allocated) = slash.map_or((word, None), |at| (&word[..at], Some(&word[at + 1..])));
        if !is_number(used) || !allocated.is_none_or(is_number) {
            return None;
        }
        let told = match (decimal(used), allocated.map(decimal)) {
            (Some(used), None) => Self::One(used),
            (Some(used), Some(Some(allocated))) => Self::Two(used, allocated),
            _ => Self::Unknown,
        };
        Some(told)
    }

    /// Blocks in use, as bytes: the file may end within the last of them.
    ///
    /// Servers that print the date first (old UCX) print bytes and blocks: `18092/36`. Other numbers behind a date are
    /// not known.
    fn bytes(&self, behind_date: bool) -> Option<u64> {
        match *self {
            Self::One(blocks) | Self::Two(blocks, _) if !behind_date => blocks.checked_mul(BLOCK),
            Self::Two(bytes, blocks) if behind_date && bytes.div_ceil(BLOCK) == blocks => Some(bytes),
            _ => None,
        }
    }
}

/// Whether a line is a heading, a sum, or the protection that did not fit on the line before.
fn says_nothing(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let is_protection = || line.starts_with(b"(") && line.ends_with(b")") && line.contains(&b',');
    is_heading(line) || is_protection() || is_sum(line) || says_missing(line)
}

/// `Directory DISK$USER:[FTP]`, `DISK$USER:[FTP]` or `[FTP]`.
fn is_heading(line: &[u8]) -> bool {
    let Some(folder) = line.strip_prefix(b"Directory ").unwrap_or(line).strip_suffix(b"]") else {
        return false;
    };
    let bracket = folder.iter().position(|byte| *byte == b'[');
    bracket.is_some_and(|at| at == 0 || folder[at - 1] == b':') && folder.iter().all(u8::is_ascii_graphic)
}

/// `Total of 11 Files, 10966 Blocks.` or `Grand total of 2 directories, 14 files.`
fn is_sum(line: &[u8]) -> bool {
    let starts = |start: &[u8]| line.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start));
    let number = ["total of ", "grand total of "].iter().find(|start| starts(start.as_bytes()));
    number.is_some_and(|start| line.get(start.len()).is_some_and(u8::is_ascii_digit))
}

/// Whether it is the message that there is no such file, with the code of OpenVMS or without.
fn says_missing(text: &[u8]) -> bool {
    const MESSAGES: [&[u8]; 2] = [b"no such file", b"file not found"];
    const CODES: [&[u8]; 2] = [b"%DIRECT-W-NOFILES,", b"%RMS-E-FNF,"];
    CODES.iter().any(|code| text.starts_with(code))
        || MESSAGES.iter().any(|message| text.eq_ignore_ascii_case(message))
}

/// Whether it is any other error.
fn is_error(text: &[u8]) -> bool {
    const MESSAGES: [&[u8]; 3] = [
        b"no privilege for attempted operation",
        b"insufficient privilege or file protection violation",
        b"file currently locked by another user",
    ];
    text.starts_with(b"%") || MESSAGES.iter().any(|message| text.eq_ignore_ascii_case(message))
}

/// What comes after the next such byte.
fn after_end(text: &[u8], end: u8) -> Option<&[u8]> {
    text.iter().position(|byte| *byte == end).map(|at| &text[at + 1..])
}

/// Whether a word and the rest of the line together end with this byte.
fn rest_ends_with(word: &[u8], rest: &[u8], end: u8) -> bool {
    rest.trim_ascii().last().or(word.last()) == Some(&end)
}

fn strip_suffix_ignoring_case<'a>(text: &'a [u8], suffix: &[u8]) -> Option<&'a [u8]> {
    let (stem, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(stem)
}

#[cfg(test)]
mod tests {
    use crate::listing::Format;
    use crate::listing::tests::check;
    use expect_test::expect;

    #[test]
    fn orders_of_the_facts() {
        check(
            Format::List,
            b"CII-MANUAL.TEX;1  213/216  29-JAN-1996 03:33:12  [ANONYMOU,ANONYMOUS]   (RWED,RWED,,)\n\
              00README.TXT;1      2 30-DEC-1996 17:44 [SYSTEM] (RWED,RWED,RE,RE)\n\
              FTPSTUFF.DIR;1  1/3     29-APR-1991    [INTERNET,ANONYMOUS]   (RWE,RWE,RE,RE)\n\
              CAESAR.DIR;1              1  13-JUN-1992 13:18:42.55  (RWED,RWED,RE,RE)\n\
              FOO.BAR;1 4 5-MAR-1993 18:09:01.12\n\
              SUMMARY.TXT;1   [SUMMARY]    1/3     2-AUG-2006 13:05  (RWE,RWE,RE,)\n\
              PRONAS.DAT;12    6/8    15-JUN-2002    PRONAS   (RWED,RWED,RE,)\n\
              SPACES.DAT;1    6/8    15-JUN-2002    [ONE, TWO]   (RWED, RWED, RE,)\n\
              00-INDEX.ALL;4        5-NOV-1992 14:43:39    18092/36     (RWED,RWED,R,R)\n\
              ODD.ALL;4        5-NOV-1992 14:43:39    18092/99     (RWED,RWED,R,R)\n\
              ONE.ALL;4        5-NOV-1992 14:43:39    36     (RWED,RWED,R,R)\n\
              KB.DAT;1 2KB 23-SEP-2005 14:57:07.27\n\
              JUI.DAT;1    6/8    15-JUI-2002    [X]   (RWED,RWED,RE,)\n\
              AOUT.DAT;1    6/8    15-AOU-2002    [X]   (RWED,RWED,RE,)\n\
              DAY.DAT;1 1 30-FEB-2002 [X] (RWED,RWED,RE,)\n\
              BIG.DAT;1 99999999999999999999 1-FEB-2002 [X] (RWED,RWED,RE,)\n\
              [VMSSERV.FILES]ALARM.DAT;1 1/3 5-MAR-1993 18:09\n\
              lower.dir;1 1 19-NOV-2001 21:41 [root,root] (RWE,RWE,RE,RE)",
            expect![[r#"
                File - 109056 [1996-01-29 03:33:12.000] "CII-MANUAL.TEX;1"
                File - 1024 [1996-12-30 17:44] "00README.TXT;1"
                Folder - 512 [1991-04-29] "FTPSTUFF"
                Folder - 512 [1992-06-13 13:18:42.550] "CAESAR"
                File - 2048 [1993-03-05 18:09:01.120] "FOO.BAR;1"
                File - 512 [2006-08-02 13:05] "SUMMARY.TXT;1"
                File - 3072 [2002-06-15] "PRONAS.DAT;12"
                File - 3072 [2002-06-15] "SPACES.DAT;1"
                File - 18092 [1992-11-05 14:43:39.000] "00-INDEX.ALL;4"
                File - - [1992-11-05 14:43:39.000] "ODD.ALL;4"
                File - - [1992-11-05 14:43:39.000] "ONE.ALL;4"
                File - - [2005-09-23 14:57:07.270] "KB.DAT;1"
                File - 3072 [-] "JUI.DAT;1"
                File - 3072 [2002-08-15] "AOUT.DAT;1"
                File - 512 [-] "DAY.DAT;1"
                File - - [2002-02-01] "BIG.DAT;1"
                File - 512 [1993-03-05 18:09] "ALARM.DAT;1"
                Folder - 512 [2001-11-19 21:41] "lower"
            "#]],
        );
    }

    #[test]
    fn names_on_lines_of_their_own() {
        check(
            Format::List,
            b"THIS-IS-A-LONG-VMS-FILENAME.AND-THIS-IS-A-LONG-VMS-FILETYPE;1\n\
              \x20                    213/216  29-JAN-1996 03:33:12  [ANONYMOU,ANONYMOUS]   (RWED,RWED,,)\n\
              $MAIN.TPU$JOURNAL;1\n\t1/18 8-JUN-2004 13:04:14  [NUCLEAR,FISSION]      (RWED,RWED,RE,)\n\
              VMS-DECWINDOWS.DIR;1\n\n                            1   1-SEP-1990 17:07 [ASD,BRAND] (RWE,RWE,RE,RE)\n\
              LOCKED-BY-SOMEBODY-ELSE-ENTIRELY.DAT;7\n\
              \x20                    %RMS-E-PRV, insufficient privilege or file protection violation\n\
              MAIL.DIR;1         104/248   18-SEP-2001 16:19:39  [CIM,MIZOTE]\n(RWE,RWE,,)",
            expect![[r#"
                nothing
                File - 109056 [1996-01-29 03:33:12.000] "THIS-IS-A-LONG-VMS-FILENAME.AND-THIS-IS-A-LONG-VMS-FILETYPE;1"
                nothing
                File - 512 [2004-06-08 13:04:14.000] "$MAIN.TPU$JOURNAL;1"
                nothing
                nothing
                Folder - 512 [1990-09-01 17:07] "VMS-DECWINDOWS"
                nothing
                File - - [-] "LOCKED-BY-SOMEBODY-ELSE-ENTIRELY.DAT;7"
                Folder - 53248 [2001-09-18 16:19:39.000] "MAIL"
                nothing
            "#]],
        );
    }

    #[test]
    fn names_whose_facts_never_come() {
        check(
            Format::List,
            b"A.TXT;1\nB.TXT;1\nC.TXT;1  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,)\nD.TXT;1\n???\nE.TXT;1\n\
              Total of 5 files, 1 block.\nF.TXT;1\n\n",
            expect![[r#"
                nothing
                unrecognized "A.TXT;1"
                nothing
                unrecognized "B.TXT;1"
                File - 512 [2024-02-29 09:30] "C.TXT;1"
                nothing
                unrecognized "D.TXT;1"
                unrecognized "???"
                nothing
                unrecognized "E.TXT;1"
                nothing
                nothing
                nothing
                nothing
                unrecognized "F.TXT;1"
            "#]],
        );
    }

    #[test]
    fn errors_headings_and_sums() {
        check(
            Format::List,
            b"README.FTP;1        %RMS-E-PRV, insufficient privilege or file protection violation\n\
              DIGLIB.DIR;1        %RMS-E-PRV, insufficient privilege or file protection violation\n\
              LOGIN.COM;2          no privilege for attempted operation\n\
              *.*;*                no such file\n\
              *.TXT;0              %RMS-E-FNF, file not found\n\
              *.*;               <%RMS-E-FNF, file not found>\n\
              %RMS-E-FNF, file not found\n\
              %DIRECT-W-NOFILES, no files found\n\
              %DIRECT-E-OPENIN, error opening DISK$X:[Y]*.*;* as input\n\
              DISK$X[Y]\n\
              Directory DISK$PCSA:[ANONYM]\n\
              DISK$ANONFTP:[ANONYMOUS]\n\
              [ANONYMOUS]\n\
              Total of 11 Files, 10966 Blocks.\n\
              Total of 453 blocks in 29 files.\n\
              Grand total of 2 directories, 14 files, 453/500 blocks.\n\
              Total of everything",
            expect![[r#"
                File - - [-] "README.FTP;1"
                Folder - - [-] "DIGLIB"
                File - - [-] "LOGIN.COM;2"
                nothing
                nothing
                nothing
                nothing
                nothing
                unrecognized "%DIRECT-E-OPENIN, error opening DISK$X:[Y]*.*;* as input"
                unrecognized "DISK$X[Y]"
                nothing
                nothing
                nothing
                nothing
                nothing
                nothing
                unrecognized "Total of everything"
            "#]],
        );
    }

    #[test]
    fn what_is_no_line_of_openvms() {
        check(
            Format::List,
            b"A.TXT  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,)\n\
              A.TXT;x  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,)\n\
              ;1  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,)\n\
              .DIR;1  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,)\n\
              \x20A.TXT;1  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,)\n\
              A.TXT;1  1\n\
              A.TXT;1  1 29-FEB-2024 09:30 [X (RWED,RWED,RE,)\n\
              A.TXT;1  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,\n\
              A.TXT;1  1 29-FEB-2024 09:30 one two\n\
              A.TXT;1  1 02-29-2024 09:30",
            expect![[r#"
                unrecognized "A.TXT  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,)"
                unrecognized "A.TXT;x  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,)"
                unrecognized ";1  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,)"
                unrecognized ".DIR;1  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,)"
                unrecognized " A.TXT;1  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,)"
                unrecognized "A.TXT;1  1"
                unrecognized "A.TXT;1  1 29-FEB-2024 09:30 [X (RWED,RWED,RE,)"
                unrecognized "A.TXT;1  1 29-FEB-2024 09:30 [X] (RWED,RWED,RE,"
                unrecognized "A.TXT;1  1 29-FEB-2024 09:30 one two"
                unrecognized "A.TXT;1  1 02-29-2024 09:30"
            "#]],
        );
    }
}
