//! What z/OS prints of the members of a partitioned data set: with the statistics of ISPF,
//! `MEMBER    01.03 2024/01/30 2024/02/29 12:00    15    10     0 USER`, the attributes of a load module, or a bare name.
//!
//! The sizes are lines of text, or bytes that a module takes in storage, and not what `RETR` sends; so they are left out.

use ::time::OffsetDateTime;

use crate::digits::{decimal, is_number, short_number};
use crate::entry::{Entry, EntryKind};
use crate::listing::Line;
use crate::listing::stamp::parse_clock;
use crate::listing::words::{Words, begins_with};
use crate::time::{Modified, Precision, moment};

/// How many words a line may have; a load module can have all of its attributes.
const MOST_WORDS: usize = 20;

/// Whether a line is a header that z/OS prints above members, without which a bare name could be anything.
pub(super) fn is_header(line: &[u8]) -> bool {
    begins_with(line, &["Name", "VV.MM", "Created", "Changed", "Size", "Init", "Mod", "Id"])
        || begins_with(line, &["Name", "Size", "TTR", "Alias-of", "AC"])
}

/// Reads one line below the header.
pub(super) fn parse_line(line: &[u8], _now: OffsetDateTime) -> Option<Line> {
    let words = Words::<MOST_WORDS>::of(line);
    let (name, columns) = words.all().split_first()?;
    if !is_member(name) {
        return None;
    }
    let modified = match *columns {
        [] => None,
        [version, created, date, clock, size, init, changed, ..]
            if is_version(version) && columns.len() <= 8 =>
        {
            parse_date(created)?;
            [size, init, changed].iter().all(|word| is_number(word)).then_some(())?;
            Some(parse_changed(date, clock)?)
        }
        [size, place, ref attributes @ ..] if is_hexadecimal(size) && is_hexadecimal(place) => {
            is_module(attributes).then_some(None)?
        }
        _ => return None,
    };
    Some(Line::Entry(Entry {
        name: name.to_vec(),
        kind: EntryKind::File,
        size: None,
        modified,
        mode: None,
        target: None,
        unique: None,
    }))
}

/// When ISPF saw the last change.
fn parse_changed(date: &[u8], clock: &[u8]) -> Option<Modified> {
    let (year, month, day) = parse_date(date)?;
    let at = moment(year, month, day, &parse_clock(clock)?, 0)?;
    Some(Modified::local(at, Precision::Minute))
}

/// `2024/02/29`.
fn parse_date(word: &[u8]) -> Option<(u32, u32, u32)> {
    let [year @ .., b'/', m1, m2, b'/', d1, d2] = word else { return None };
    let year = (year.len() == 4).then(|| decimal(year))??;
    Some((year, short_number(&[*m1, *m2])?, short_number(&[*d1, *d2])?))
}

/// What follows the size and the place of a load module: the member that it is an alias of, if it is one, the
/// authorisation code, attributes of two letters, and the addressing modes.
fn is_module(columns: &[&[u8]]) -> bool {
    let columns = match columns {
        [alias, rest @ ..] if short_number(alias).is_none() && is_member(alias) => rest,
        columns => columns,
    };
    match columns {
        [code, attributes @ .., amode, rmode] => {
            let is_attribute = |word: &&[u8]| word.len() <= 4 && word.iter().all(u8::is_ascii_uppercase);
            code.len() == 2
                && short_number(code).is_some()
                && attributes.iter().all(is_attribute)
                && [amode, rmode]
                    .iter()
                    .all(|mode| matches!(**mode, b"24" | b"31" | b"64" | b"ANY" | b"MIN" | b"SPLIT"))
        }
        _ => false,
    }
}

/// One to eight capitals, digits and national characters, and no digit first. The national characters `$#@` can come as
/// other letters.
fn is_member(word: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_uppercase() || !byte.is_ascii() || b"$#@".contains(byte);
    (1..=8).contains(&word.len())
        && is_letter(&word[0])
        && word.iter().all(|byte| is_letter(byte) || byte.is_ascii_digit() || *byte == b'{')
}

/// `01.03`: version and modification.
fn is_version(word: &[u8]) -> bool {
    matches!(word, [v1, v2, b'.', m1, m2] if [v1, v2, m1, m2].iter().all(|byte| byte.is_ascii_digit()))
}

/// Six digits or more, in capitals.
fn is_hexadecimal(word: &[u8]) -> bool {
    word.len() >= 6 && word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'))
}

#[cfg(test)]
mod tests {
    use crate::listing::Format;
    use crate::listing::tests::check;
    use expect_test::expect;

    #[test]
    fn members_with_statistics_and_without() {
        check(
            Format::List,
            b" Name     VV.MM   Created       Changed      Size  Init   Mod   Id\n\
              ADDUSER   01.01 2008/10/14 2024/02/29 12:42    15    12    15 IBMUSER\n\
              NOID      01.01 2008/10/14 2024/02/29 12:42    15    12    15\n\
              $2CPF1    01.01 2001/10/18 2001/10/18 11:58 12345 12345     0 QFX3076\n\
              BLSGPROF\n\
              BPXWPROF                                                              \n\
              TOOLONGAME\n\
              1DIGIT\n\
              lower\n\
              NODAY     01.01 2008/10/14 2024/02/30 12:42    15    12    15 IBMUSER\n\
              NOCLOCK   01.01 2008/10/14 2024/02/29    15    12    15 IBMUSER\n\
              TWO WORDS",
            expect![[r#"
                nothing
                File - - [2024-02-29 12:42] "ADDUSER"
                File - - [2024-02-29 12:42] "NOID"
                File - - [2001-10-18 11:58] "$2CPF1"
                File - - [-] "BLSGPROF"
                File - - [-] "BPXWPROF"
                unrecognized "TOOLONGAME"
                unrecognized "1DIGIT"
                unrecognized "lower"
                unrecognized "NODAY     01.01 2008/10/14 2024/02/30 12:42    15    12    15 IBMUSER"
                unrecognized "NOCLOCK   01.01 2008/10/14 2024/02/29    15    12    15 IBMUSER"
                unrecognized "TWO WORDS"
            "#]],
        );
    }

    #[test]
    fn load_modules() {
        check(
            Format::List,
            b" Name      Size     TTR   Alias-of AC --------- Attributes --------- Amode Rmode\n\
              KCFSASDL  001828   004316          00 FO                              31    ANY\n\
              L$CLEAI   001828   004316 KCFSASDL 00 FO             RN RU            31    ANY\n\
              BIG       0A001828 004316          01 FO    RN RU RF  64    SPLIT\n\
              NOMODE    001828   004316          00 FO\n\
              NOCODE    001828   004316 FO 31    ANY",
            expect![[r#"
                nothing
                File - - [-] "KCFSASDL"
                File - - [-] "L$CLEAI"
                File - - [-] "BIG"
                unrecognized "NOMODE    001828   004316          00 FO"
                unrecognized "NOCODE    001828   004316 FO 31    ANY"
            "#]],
        );
    }

    #[test]
    fn a_bare_name_means_nothing_before_the_header() {
        check(
            Format::List,
            b"BLSGPROF",
            expect![[r#"
            unrecognized "BLSGPROF"
        "#]],
        );
    }
}
