//! `ls -l`, as Unix servers print it and others imitate it:
//! `-rw-r--r--   1 owner    group        1234 Feb 29 09:30 name`.

use ::time::OffsetDateTime;

use crate::digits::decimal;
use crate::entry::{Entry, EntryKind};
use crate::listing::Line;
use crate::listing::language::is_total;
use crate::listing::mode::FileType;
use crate::listing::stamp::Stamp;
use crate::listing::words::Words;

/// Where the stamp may begin, counted in words from 0, in the order in which it is looked for.
///
/// 5 is `mode links owner group size`; 4 and 3 lack the group, the links or both; 6 is a device (`8, 1`) or a group of
/// two words, 7 three words; 2 has nothing but the size. The order matters where an owner is called `jan` or a name
/// looks like a date: the usual place is believed first.
const STAMP_COLUMNS: [usize; 6] = [5, 4, 3, 6, 7, 2];

/// How many words from the beginning of a line a stamp may reach.
const MOST_WORDS: usize = 7 + Stamp::MOST_WORDS;

/// Reads one line, and `total 8` as [`Line::Nothing`].
pub(super) fn parse_line(line: &[u8], now: OffsetDateTime) -> Option<Line> {
    let words = Words::<MOST_WORDS>::of(line);
    let Some((file_type, mode)) = parse_mode(words.at(0)?) else {
        return is_total(line).then_some(Line::Nothing);
    };
    let (column, stamp) = STAMP_COLUMNS.into_iter().find_map(|column| {
        is_size(words.at(column - 1)?).then_some(())?;
        Some((column, Stamp::parse(&words, column, now)?))
    })?;
    // One space ends the stamp. Whatever follows is the name, its own spaces included.
    let rest = line[words.end(column + stamp.words - 1)?..].strip_prefix(b" ")?;
    let size = decimal(words.at(column - 1)?).filter(|_| !file_type.is_some_and(FileType::is_device));
    let kind = file_type.map_or(EntryKind::Other, FileType::kind);
    let (name, target) = if kind == EntryKind::Link { split_link(rest, size) } else { (rest, None) };
    if name.is_empty() {
        return None;
    }
    Some(Line::Entry(Entry {
        name: name.to_vec(),
        kind,
        size,
        modified: Some(stamp.modified),
        mode: file_type.map(|file_type| file_type.with_permissions(mode)),
        target: target.map(<[u8]>::to_vec),
        unique: None,
    }))
}

/// `drwxr-sr-t`, and a mark that there is more: `+` an access list, `.` a security context, `@` attributes (macOS).
/// A type that is not known is read too: its line has a name that must not be lost.
fn parse_mode(word: &[u8]) -> Option<(Option<FileType>, u32)> {
    let (kind, letters) = match word {
        [kind, letters @ .., b'+' | b'.' | b'@'] if letters.len() == 9 => (kind, letters),
        [kind, letters @ ..] if letters.len() == 9 => (kind, letters),
        _ => return None,
    };
    let file_type = match kind {
        b'-' => Some(FileType::FILE),
        b'd' => Some(FileType::FOLDER),
        b'l' => Some(FileType::LINK),
        b'c' => Some(FileType::CHARACTER_DEVICE),
        b'b' => Some(FileType::BLOCK_DEVICE),
        b'p' => Some(FileType::PIPE),
        b's' => Some(FileType::SOCKET),
        kind if kind.is_ascii_alphabetic() => None,
        _ => return None,
    };
    let mut mode = 0;
    for (at, letter) in letters.iter().enumerate() {
        let bit = 0o400 >> at;
        // Set-user-id, set-group-id and sticky are shown in the place of the three executes.
        let special = 0o4000 >> (at / 3);
        mode |= match (at % 3, letter) {
            (_, b'-') => 0,
            (0, b'r') | (1, b'w') | (2, b'x') => bit,
            (2, b's' | b't') => bit | special,
            (2, b'S' | b'T' | b'l' | b'L') => special,
            _ => return None,
        };
    }
    Some((file_type, mode))
}

/// The name and the target of a link: `name -> target`.
///
/// Both may hold ` -> `. The size of a link is the length of its target, which tells the right arrow; where it does
/// not fit, because the server converts names or makes targets relative, the first arrow counts.
fn split_link(rest: &[u8], size: Option<u64>) -> (&[u8], Option<&[u8]>) {
    const ARROW: &[u8] = b" -> ";
    let by_size = size
        .and_then(|size| rest.len().checked_sub(usize::try_from(size).ok()?)?.checked_sub(ARROW.len()))
        .filter(|at| *at > 0 && rest[*at..].starts_with(ARROW));
    let first = || rest.windows(ARROW.len()).position(|window| window == ARROW);
    match by_size.or_else(first) {
        Some(at) => (&rest[..at], Some(&rest[at + ARROW.len()..]).filter(|target| !target.is_empty())),
        None => (rest, None),
    }
}

/// A size, the numbers of a device in one word, `8,1`, or a size for people, `4.0K`, which is rounded too much to be
/// told.
fn is_size(word: &[u8]) -> bool {
    let word = match word {
        [digits @ .., b'k' | b'K' | b'M' | b'G' | b'T' | b'P'] => digits,
        word => word,
    };
    word.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'.'))
        && word.last().is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use crate::listing::Format;
    use crate::listing::tests::check;
    use expect_test::expect;

    #[test]
    fn modes() {
        check(
            Format::List,
            b"-rw-r--r--   1 u g 3 Feb 29 09:30 file\n\
              drwxrwxrwt+  1 u g 3 Feb 29 09:30 sticky, access list\n\
              -rwsr-sr-x.  1 u g 3 Feb 29 09:30 set-id, context\n\
              -rwSr-Sr-T@  1 u g 3 Feb 29 09:30 set-id without x, attributes\n\
              prw-------   1 u g 0 Feb 29 09:30 pipe\n\
              srwxr-xr-x   1 u g 0 Feb 29 09:30 socket\n\
              brw-rw----   1 root disk 8,   1 Feb 29 09:30 block device\n\
              crw-rw-rw-   1 root root 1,3 Feb 29 09:30 character device\n\
              Drw-r--r--   1 u g 0 Feb 29 09:30 door\n\
              -rw-r--r     1 u g 3 Feb 29 09:30 mode too short\n\
              -rw-r--r-y   1 u g 3 Feb 29 09:30 no such letter\n\
              ?rw-r--r--   1 u g 3 Feb 29 09:30 no such type",
            expect![[r#"
                File 100644 3 [2024-02-29 09:30] "file"
                Folder 041777 3 [2024-02-29 09:30] "sticky, access list"
                File 106755 3 [2024-02-29 09:30] "set-id, context"
                File 107644 3 [2024-02-29 09:30] "set-id without x, attributes"
                Other 010600 0 [2024-02-29 09:30] "pipe"
                Other 140755 0 [2024-02-29 09:30] "socket"
                Other 060660 - [2024-02-29 09:30] "block device"
                Other 020666 - [2024-02-29 09:30] "character device"
                Other - 0 [2024-02-29 09:30] "door"
                unrecognized "-rw-r--r     1 u g 3 Feb 29 09:30 mode too short"
                unrecognized "-rw-r--r-y   1 u g 3 Feb 29 09:30 no such letter"
                unrecognized "?rw-r--r--   1 u g 3 Feb 29 09:30 no such type"
            "#]],
        );
    }

    #[test]
    fn columns_that_are_missing_or_more() {
        check(
            Format::List,
            b"-rw-r--r-- 1 owner 3 Feb 29 09:30 no group\n\
              -rw-r--r-- owner group 3 Feb 29 09:30 no links\n\
              -rw-r--r-- owner 3 Feb 29 09:30 no links, no group\n\
              -rw-r--r-- 3 Feb 29 09:30 size only\n\
              -rw-r--r-- 1 1000 1000 3 Feb 29 09:30 numeric ids\n\
              -rw-r--r-- 1 CORP\\jo Domain Users 3 Feb 29 09:30 group of two words\n\
              -rw-r--r-- 1 jan 5 2000 Feb 29 09:30 owner like a month\n\
              -rw-r--r-- 1 u g 3 Jan 5 2020 7 Feb 29 2020\n\
              -rw-r--r-- 1 u g 18446744073709551616 Feb 29 09:30 beyond 64 bits\n\
              -rw-r--r-- 1 u g Feb 29 09:30 no size",
            expect![[r#"
                File 100644 3 [2024-02-29 09:30] "no group"
                File 100644 3 [2024-02-29 09:30] "no links"
                File 100644 3 [2024-02-29 09:30] "no links, no group"
                File 100644 3 [2024-02-29 09:30] "size only"
                File 100644 3 [2024-02-29 09:30] "numeric ids"
                File 100644 3 [2024-02-29 09:30] "group of two words"
                File 100644 2000 [2024-02-29 09:30] "owner like a month"
                File 100644 3 [2020-01-05] "7 Feb 29 2020"
                File 100644 - [2024-02-29 09:30] "beyond 64 bits"
                unrecognized "-rw-r--r-- 1 u g Feb 29 09:30 no size"
            "#]],
        );
    }

    #[test]
    fn stamps() {
        check(
            Format::List,
            b"-rw-r--r-- 1 u g 3 Feb 29 09:30 this year\n\
              -rw-r--r-- 1 u g 3 Mar  2 12:00 a day ahead\n\
              -rw-r--r-- 1 u g 3 Mar  2 12:01 last year\n\
              -rw-r--r-- 1 u g 3 Feb 29  2020 day\n\
              -rw-r--r-- 1 u g 3 29 Feb 09:30 day first\n\
              -rw-r--r-- 1 u g 3 29 FEB 2020 day first, capitals\n\
              -rw-r--r-- 1 u g 3 2024-02-29 09:30 long-iso\n\
              -rw-r--r-- 1 u g 3 2024-02-29 09:30:15 iso, no offset\n\
              -rw-r--r-- 1 u g 3 2024-02-29 09:30:15.250000000 +0100 full-iso\n\
              -rw-r--r-- 1 u g 3 2024-02-29 09:30:15.250000000 full-iso without an offset\n\
              -rw-r--r-- 1 u g 3 9999-12-31 23:59:59.0 -0100 beyond the calendar\n\
              -rw-r--r-- 1 u g 3 Feb 29 2023 no such day\n\
              -rw-r--r-- 1 u g 3 Feb 29 24:00 no such time\n\
              -rw-r--r-- 1 u g 3 Xyz 29 09:30 no such month",
            expect![[r#"
                File 100644 3 [2024-02-29 09:30] "this year"
                File 100644 3 [2024-03-02 12:00] "a day ahead"
                File 100644 3 [2023-03-02 12:01] "last year"
                File 100644 3 [2020-02-29] "day"
                File 100644 3 [2024-02-29 09:30] "day first"
                File 100644 3 [2020-02-29] "day first, capitals"
                File 100644 3 [2024-02-29 09:30] "long-iso"
                File 100644 3 [2024-02-29 09:30:15.000] "iso, no offset"
                File 100644 3 [2024-02-29 08:30:15.250] "full-iso"
                unrecognized "-rw-r--r-- 1 u g 3 2024-02-29 09:30:15.250000000 full-iso without an offset"
                unrecognized "-rw-r--r-- 1 u g 3 9999-12-31 23:59:59.0 -0100 beyond the calendar"
                unrecognized "-rw-r--r-- 1 u g 3 Feb 29 2023 no such day"
                unrecognized "-rw-r--r-- 1 u g 3 Feb 29 24:00 no such time"
                unrecognized "-rw-r--r-- 1 u g 3 Xyz 29 09:30 no such month"
            "#]],
        );
    }

    #[test]
    fn names_and_targets() {
        check(
            Format::List,
            b"-rw-r--r-- 1 u g 3 Feb 29 09:30  leading and trailing \n\
              -rw-r--r-- 1 u g 3 Feb 29 09:30 a -> b\n\
              -rw-r--r-- 1 u g 3 Feb 29 09:30 a  b   c\n\
              -rw-r--r-- 1 u g 3 Feb 29 09:30 \n\
              -rw-r--r-- 1 u g 3 Feb 29 09:30\n\
              drwxr-xr-x 1 u g 3 Feb 29 09:30 .\n\
              drwxr-xr-x 1 u g 3 Feb 29 09:30 ..\n\
              lrwxrwxrwx 1 u g 8 Feb 29 09:30 log -> /var/log\n\
              lrwxrwxrwx 1 u g 1 Feb 29 09:30 a -> b -> c\n\
              lrwxrwxrwx 1 u g 6 Feb 29 09:30 a -> b -> c\n\
              lrwxrwxrwx 1 u g 99 Feb 29 09:30 a -> b -> c\n\
              lrwxrwxrwx 1 u g 0 Feb 29 09:30 a -> \n\
              lrwxrwxrwx 1 u g 8 Feb 29 09:30 no target\n\
              -rw-r--r-- 1 u g 3 Feb 29 09:30 /in/absolute\n\
              -rw-r--r-- 1 u g 3 Feb 29 09:30 caf\xe9",
            expect![[r#"
                File 100644 3 [2024-02-29 09:30] " leading and trailing "
                File 100644 3 [2024-02-29 09:30] "a -> b"
                File 100644 3 [2024-02-29 09:30] "a  b   c"
                unrecognized "-rw-r--r-- 1 u g 3 Feb 29 09:30 "
                unrecognized "-rw-r--r-- 1 u g 3 Feb 29 09:30"
                nothing
                nothing
                Link 120777 8 [2024-02-29 09:30] "log" -> "/var/log"
                Link 120777 1 [2024-02-29 09:30] "a -> b" -> "c"
                Link 120777 6 [2024-02-29 09:30] "a" -> "b -> c"
                Link 120777 99 [2024-02-29 09:30] "a" -> "b -> c"
                Link 120777 0 [2024-02-29 09:30] "a"
                Link 120777 8 [2024-02-29 09:30] "no target"
                File 100644 3 [2024-02-29 09:30] "/in/absolute"
                File 100644 3 [2024-02-29 09:30] "caf\xe9"
            "#]],
        );
    }
}
