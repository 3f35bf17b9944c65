//! What z/OS prints of the data sets under a prefix:
//! `WYOSPT 3390   2024/02/29  1   15  FB      80  6160  PO  SOURCE.COBOL`.
//!
//! A name is taken as it is printed: relative to the prefix, or whole and in quotes where the server prints it so; `RETR`
//! takes both as they are. What stands under `Referred` is the last use and not the last change, and `Used` counts tracks
//! or blocks, so that an entry has neither time nor size; `MDTM` and `SIZE` may tell them.

use ::time::OffsetDateTime;

use crate::entry::{Entry, EntryKind};
use crate::listing::Line;
use crate::listing::words::{Words, begins_with};

/// How many words a line may have: those of the header.
const MOST_WORDS: usize = 11;

/// Whether a line is the header that z/OS prints above data sets, without which their lines could be anything.
pub(super) fn is_header(line: &[u8]) -> bool {
    begins_with(
        line,
        &["Volume", "Unit", "Referred", "Ext", "Used", "Recfm", "Lrecl", "BlkSz", "Dsorg", "Dsname"],
    )
}

/// Reads one line below the header.
pub(super) fn parse_line(line: &[u8], _now: OffsetDateTime) -> Option<Line> {
    let words = Words::<MOST_WORDS>::of(line);
    let (name, columns) = words.all().split_last()?;
    if !is_name(name) {
        return None;
    }
    Some(Line::Entry(Entry {
        name: name.to_vec(),
        kind: parse_kind(columns)?,
        size: None,
        modified: None,
        mode: None,
        target: None,
        unique: None,
    }))
}

/// What is in the columns before the name: the volume with attributes or with a remark on why there are none, or a remark
/// alone. A data set that would have to be recalled or mounted first can be of any kind.
fn parse_kind(columns: &[&[u8]]) -> Option<EntryKind> {
    match *columns {
        [b"Migrated"] | [b"User", b"catalog", b"connector"] => Some(EntryKind::Other),
        [b"Pseudo", b"Directory"] => Some(EntryKind::Folder),
        [dsorg] => parse_dsorg(dsorg),
        [volume, ref about @ ..] if is_volume(volume) => match *about {
            [b"Not", b"Mounted"]
            | [b"Not", b"Direct", b"Access", b"Device"]
            | [b"Not", b"a", b"DASD", b"device"]
            | [b"Error", b"determining", b"attributes"] => Some(EntryKind::Other),
            // What is on tape is sequential.
            [b"Tape"] => Some(EntryKind::File),
            [_unit, dsorg] => parse_dsorg(dsorg),
            [_unit, referred, ref used @ .., _recfm, lrecl, block_size, dsorg] => {
                let is_used = matches!(used.len(), 1 | 2) && used.iter().all(|word| is_count(word));
                let is_size = is_count(lrecl) && is_count(block_size);
                (is_date(referred) && is_used && is_size).then(|| parse_dsorg(dsorg))?
            }
            _ => None,
        },
        _ => None,
    }
}

/// One to six capitals, digits and national characters.
fn is_volume(word: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_uppercase() || !byte.is_ascii() || b"$#@-".contains(byte);
    (1..=6).contains(&word.len()) && word.iter().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

/// The organisation of a data set: a partitioned one is a folder of members, a sequential one a file; the rest cannot be
/// transferred as it is.
fn parse_dsorg(word: &[u8]) -> Option<EntryKind> {
    match word {
        b"PO" | b"PO-E" | b"POU" => Some(EntryKind::Folder),
        b"PS" | b"PS-E" | b"PS-L" | b"PSU" => Some(EntryKind::File),
        b"VSAM" | b"VS" | b"PATH" | b"GDG" | b"DA" | b"DAU" | b"IS" | b"ISU" | b"NONE" | b"HFS" | b"ZFS"
        | b"**" | b"?" => Some(EntryKind::Other),
        _ => None,
    }
}

/// `2024/02/29`, or `**NONE**`.
fn is_date(word: &[u8]) -> bool {
    word == b"**NONE**" || word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'/')
}

/// A number, or what is printed where it does not fit. Extents and tracks can run into each other: `213000`, `1+++++`.
fn is_count(word: &[u8]) -> bool {
    word.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'?' | b'*'))
}

/// Qualifiers with points between them, also in quotes. The national characters `$#@` can come as other letters, and
/// servers that imitate z/OS print small ones.
fn is_name(word: &[u8]) -> bool {
    let is_of_names =
        |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b".$#@-_{".contains(byte);
    let bare = word.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'")).unwrap_or(word);
    !bare.is_empty() && bare.iter().all(is_of_names)
}

#[cfg(test)]
mod tests {
    use crate::listing::Format;
    use crate::listing::tests::check;
    use expect_test::expect;

    #[test]
    fn data_sets_and_remarks() {
        check(
            Format::List,
            b"Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname\n\
              Z18WR1 3390   2024/02/29  1    1  FB     133  1330  PS  HCD.MSGLOG\n\
              Z18WR1 3390   **NONE**    1    1  FB      80  1600  PO  HCD.TERM\n\
              Z18WR1 3390   2024/02/29  1    3  U     6447  6447  PO-E LOAD\n\
              TSO005 3390   2005/06/06 213000 U 0 27998 PO RUN.TOGETHER\n\
              GISBWI 3390   2011/08/25  2 ++++  FB     904 18080  PS  'USER.WHOLE.NAME'\n\
              YNSABH 3390   2022/02/18  1+++++  VBS  32767 27966  PS  $.BDATA.XBB\n\
              VSM123 3390   **NONE**    1   45  ?        0     0 NONE NEW.G0120V00\n\
              VSM007 3390                                        VSAM MOON.DDIR.D\n\
              \x20                                                  VSAM MOON.DDIR\n\
              \x20                                                   GDG  NEW.LOG\n\
              V43525 Tape                                             OLD.LOG\n\
              Migrated                                                OLD.DATA\n\
              ARCIVE Not Direct Access Device                         OLD.ARCHIVE\n\
              WORK01 Not Mounted                                      OLD.PACK\n\
              WORK02 Error determining attributes                     ODD.DATA\n\
              Pseudo Directory                                        ISPF\n\
              User catalog connector                                  CAI115.UCAT",
            expect![[r#"
                nothing
                File - - [-] "HCD.MSGLOG"
                Folder - - [-] "HCD.TERM"
                Folder - - [-] "LOAD"
                Folder - - [-] "RUN.TOGETHER"
                File - - [-] "\'USER.WHOLE.NAME\'"
                File - - [-] "$.BDATA.XBB"
                Other - - [-] "NEW.G0120V00"
                Other - - [-] "MOON.DDIR.D"
                Other - - [-] "MOON.DDIR"
                Other - - [-] "NEW.LOG"
                File - - [-] "OLD.LOG"
                Other - - [-] "OLD.DATA"
                Other - - [-] "OLD.ARCHIVE"
                Other - - [-] "OLD.PACK"
                Other - - [-] "ODD.DATA"
                Folder - - [-] "ISPF"
                Other - - [-] "CAI115.UCAT"
            "#]],
        );
    }

    #[test]
    fn what_is_no_line_below_the_header() {
        check(
            Format::List,
            b"Migrated                                                BEFORE.THE.HEADER\n\
              Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname\n\
              Moved                                                   OLD.DATA\n\
              Migrated                                                OLD/DATA\n\
              Migrated\n\
              Z18WR1 3390   yesterday   1    1  FB     133  1330  PS  HCD.MSGLOG\n\
              Z18WR1 3390   2024/02/29  1    1  FB     133  1330  XX  HCD.MSGLOG\n\
              Z18WR1 3390   2024/02/29  1    1  1 FB     133  1330  PS  HCD.MSGLOG\n\
              Z18WR1 3390   2024/02/29  FB     133  1330  PS  HCD.MSGLOG",
            expect![[r#"
                unrecognized "Migrated                                                BEFORE.THE.HEADER"
                nothing
                unrecognized "Moved                                                   OLD.DATA"
                unrecognized "Migrated                                                OLD/DATA"
                unrecognized "Migrated"
                unrecognized "Z18WR1 3390   yesterday   1    1  FB     133  1330  PS  HCD.MSGLOG"
                unrecognized "Z18WR1 3390   2024/02/29  1    1  FB     133  1330  XX  HCD.MSGLOG"
                unrecognized "Z18WR1 3390   2024/02/29  1    1  1 FB     133  1330  PS  HCD.MSGLOG"
                unrecognized "Z18WR1 3390   2024/02/29  FB     133  1330  PS  HCD.MSGLOG"
            "#]],
        );
    }
}
