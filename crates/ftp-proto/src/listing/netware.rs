//! What NetWare's FTP servers print: rights in the place of a mode, and no group:
//! `d [RWCEAFMS] owner                          512 Feb 29 09:30 name`.

use ::time::OffsetDateTime;

use crate::digits::{decimal, is_number};
use crate::entry::{Entry, EntryKind};
use crate::listing::Line;
use crate::listing::stamp::Stamp;
use crate::listing::words::Words;

/// Where the stamp may begin, counted in words from the rights on, in the order in which it is looked for: after
/// `owner size`, after `links owner size` and where the owner is two words, and where it is missing.
const STAMP_COLUMNS: [usize; 3] = [3, 4, 2];

/// How many words from the beginning of a line a stamp may reach.
const MOST_WORDS: usize = 1 + 4 + Stamp::MOST_WORDS;

/// Reads one line. The rights are those of whoever asks, not the file's, so that they give no mode.
pub(super) fn parse_line(line: &[u8], now: OffsetDateTime) -> Option<Line> {
    let kind = match line.first()? {
        b'd' => EntryKind::Folder,
        b'-' => EntryKind::File,
        _ => return None,
    };
    let words = Words::<MOST_WORDS>::of(line);
    // Hellsoft's server leaves no blank before the rights.
    let (at, rights) = match words.at(0)? {
        [_] => (1, words.at(1)?),
        [_, rights @ ..] => (0, rights),
        [] => return None,
    };
    if !is_rights(rights) {
        return None;
    }
    let (column, stamp) = STAMP_COLUMNS.into_iter().find_map(|from_rights| {
        let column = at + from_rights;
        is_number(words.at(column - 1)?).then_some(())?;
        Some((column, Stamp::parse(&words, column, now)?))
    })?;
    // Older servers print several spaces before the name, and no name on NetWare begins with one.
    let name = line[words.end(column + stamp.words - 1)?..].trim_ascii_start();
    if name.is_empty() {
        return None;
    }
    Some(Line::Entry(Entry {
        name: name.to_vec(),
        kind,
        size: decimal(words.at(column - 1)?),
        modified: Some(stamp.modified),
        mode: None,
        target: None,
        unique: None,
    }))
}

/// `[RWCEAFMS]`, supervisor to scan, with `-` for each that is missing.
fn is_rights(word: &[u8]) -> bool {
    match word {
        [b'[', letters @ .., b']'] => {
            !letters.is_empty() && letters.iter().all(|letter| b"RWCEAFMS-".contains(letter))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::listing::Format;
    use crate::listing::tests::check;
    use expect_test::expect;

    #[test]
    fn columns() {
        check(
            Format::List,
            b"d [R----F--] supervisor            512       Jan 16 18:53    login\n\
              - [RWCEAFMS] jo                           19968 Feb 29 15:20 Executive Summary.doc\n\
              d [----AF--]          0                        512 Nov 24  2005 _ADMIN\n\
              -[R----F-]  1 raj           857 Feb 23  2000 !info!\n\
              d[RWCEMFA] supervisor            512       Jan 16 18:53    PUBLIC\n\
              - [RWCEAFMS] John Smith 12 Feb 29 09:30 owner of two words\n\
              - [RWCEAFMS] 12 Feb 29 09:30 no owner\n\
              - [RWCEAFMS] jo 99999999999999999999 Feb 29 09:30 beyond 64 bits\n\
              - [RWCEAFMS] jo 12 Feb 29 09:30 trailing ",
            expect![[r#"
                Folder - 512 [2024-01-16 18:53] "login"
                File - 19968 [2024-02-29 15:20] "Executive Summary.doc"
                Folder - 512 [2005-11-24] "_ADMIN"
                File - 857 [2000-02-23] "!info!"
                Folder - 512 [2024-01-16 18:53] "PUBLIC"
                File - 12 [2024-02-29 09:30] "owner of two words"
                File - 12 [2024-02-29 09:30] "no owner"
                File - - [2024-02-29 09:30] "beyond 64 bits"
                File - 12 [2024-02-29 09:30] "trailing "
            "#]],
        );
    }

    #[test]
    fn what_is_no_line_of_netware() {
        check(
            Format::List,
            b"a [-----F--] SYS 512 Apr 13 23:52 no such type\n\
              d [----XF--] 0 512 Feb 22 17:32 no such right\n\
              d [----AF--] 0 512 10-04-2001 no such stamp\n\
              d [] 0 512 Feb 22 17:32 no rights\n\
              d x[RW] 0 512 Feb 22 17:32 no rights\n\
              - [RWCEAFMS] jo 12 Feb 29 09:30",
            expect![[r#"
                unrecognized "a [-----F--] SYS 512 Apr 13 23:52 no such type"
                unrecognized "d [----XF--] 0 512 Feb 22 17:32 no such right"
                unrecognized "d [----AF--] 0 512 10-04-2001 no such stamp"
                unrecognized "d [] 0 512 Feb 22 17:32 no rights"
                unrecognized "d x[RW] 0 512 Feb 22 17:32 no rights"
                unrecognized "- [RWCEAFMS] jo 12 Feb 29 09:30"
            "#]],
        );
    }
}
