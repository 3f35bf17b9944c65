//! MLSD and MLST: the listing with a standard (RFC 3659 §7). A line is `fact=value;fact=value; name`.

use memchr::{memchr, memchr_iter};

use crate::digits::{decimal, octal};
use crate::entry::{Entry, EntryKind};
use crate::listing::Line;
use crate::listing::mode::FileType;
use crate::reply::Reply;
use crate::time::{Modified, Precision, parse_time_val};

/// Reads the answer to `MLST` (RFC 3659 §7.2): a reply whose inner line, after one space, is like a line of `MLSD`.
///
/// The name is as sent: most servers give the whole path. None if no line of the reply is like that.
pub fn parse_mlst(reply: &Reply) -> Option<Entry> {
    // FileZilla Server 0.9 leaves out the space, and others put it all in one line: so every line is tried.
    let lines = reply.lines().map(|line| line.strip_prefix(b" ").unwrap_or(line));
    lines
        .filter_map(Facts::parse)
        .map(|(facts, name)| facts.into_entry(name))
        .find(|entry| !entry.name.is_empty())
}

/// Reads a line of `MLSD`. The folder itself and its parent are [`Line::Nothing`].
pub(super) fn parse_line(line: &[u8]) -> Option<Line> {
    let (facts, name) = Facts::parse(line)?;
    if facts.frame {
        return Some(Line::Nothing);
    }
    (!name.is_empty()).then(|| Line::Entry(facts.into_entry(name)))
}

/// What stands before the name, as far as it is of use.
#[derive(Default)]
struct Facts {
    /// The type is `cdir` or `pdir`: the folder itself or its parent.
    frame: bool,
    told_type: bool,
    file_type: Option<FileType>,
    size: Option<u64>,
    modified: Option<Modified>,
    mode: Option<u32>,
    target: Option<Vec<u8>>,
    unique: Option<Vec<u8>>,
}

impl Facts {
    /// Splits a line into facts and name. Facts may come in any case and order; unknown ones, and values that make no
    /// sense, are passed over.
    fn parse(line: &[u8]) -> Option<(Self, &[u8])> {
        let (written, name) = split_name(line)?;
        let mut facts = Self::default();
        let mut start = 0;
        for end in memchr_iter(b';', written).chain([written.len()]) {
            let fact = &written[start..end];
            start = end + 1;
            if !fact.is_empty() {
                let equals = memchr(b'=', fact)?;
                facts.add(&fact[..equals], &fact[equals + 1..]);
            }
        }
        Some((facts, name))
    }

    fn add(&mut self, fact: &[u8], value: &[u8]) {
        let is = |name: &[u8]| fact.eq_ignore_ascii_case(name);
        if is(b"type") {
            self.add_type(value);
        } else if is(b"size") || is(b"sizd") {
            // Pure-FTPd tells a folder's size as `sizd`.
            self.size = decimal(value);
        } else if is(b"modify") {
            let at = parse_time_val(value);
            self.modified = at.map(|at| Modified::utc(at, Precision::Second));
        } else if is(b"unix.mode") {
            self.mode = octal(value);
        } else if is(b"unique") {
            self.unique = (!value.is_empty()).then(|| value.to_vec());
        }
    }

    /// RFC 3659 §7.5.1; the types of Unix are those that `ProFTPD` and Pure-FTPd print: a link with its
    /// target, with an empty one (Pure-FTPd 1.0.50) or with none.
    fn add_type(&mut self, value: &[u8]) {
        let colon = value.iter().position(|byte| *byte == b':').unwrap_or(value.len());
        let (name, target) = value.split_at(colon);
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        self.told_type = true;
        self.frame = is(b"cdir") || is(b"pdir");
        self.file_type = match name.split_at_checked(UNIX.len()) {
            Some((system, kind)) if system.eq_ignore_ascii_case(UNIX) => unix_type(kind),
            _ if is(b"file") => Some(FileType::FILE),
            _ if is(b"dir") || self.frame => Some(FileType::FOLDER),
            _ => None,
        };
        let is_link = self.file_type == Some(FileType::LINK);
        self.target = target.get(1..).filter(|target| is_link && !target.is_empty()).map(<[u8]>::to_vec);
    }

    fn into_entry(self, name: &[u8]) -> Entry {
        // A server that tells no type may still tell it as a part of the mode.
        let from_mode = self.mode.filter(|_| !self.told_type).and_then(FileType::of_mode);
        let file_type = self.file_type.or(from_mode);
        Entry {
            name: name.to_vec(),
            kind: file_type.map_or(EntryKind::Other, FileType::kind),
            size: self.size,
            modified: self.modified,
            mode: file_type.and_then(|file_type| Some(file_type.with_permissions(self.mode?))),
            target: self.target,
            unique: self.unique,
        }
    }
}

/// How the types of Unix begin.
const UNIX: &[u8] = b"os.unix=";

/// `slink`, `symlink`, `chr-1/3`, `blk-8/0`, `fifo`, `pipe` or `socket`.
fn unix_type(kind: &[u8]) -> Option<FileType> {
    let is = |known: &[u8]| kind.eq_ignore_ascii_case(known);
    let begins =
        |known: &[u8]| kind.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known));
    if is(b"slink") || is(b"symlink") {
        Some(FileType::LINK)
    } else if begins(b"chr") {
        Some(FileType::CHARACTER_DEVICE)
    } else if begins(b"blk") {
        Some(FileType::BLOCK_DEVICE)
    } else if is(b"fifo") || is(b"pipe") {
        Some(FileType::PIPE)
    } else {
        is(b"socket").then_some(FileType::SOCKET)
    }
}

/// The facts and the name of a line.
///
/// One space stands between them, and the name may hold anything, `; ` too. Facts should hold no space, but
/// `ProFTPD` 1.3.8 with `FactsOptions UseSlink` prints the target of a link as it is (`type=OS.unix=slink:/a b;`): so
/// the first space after a semicolon counts, and only where there is none, as in a line whose last semicolon was left
/// out, the first space at all. (A target with `; ` in it cannot be told from the end of the facts.)
fn split_name(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(name) = line.strip_prefix(b" ") {
        return Some((&[], name));
    }
    let first = memchr(b' ', line)?;
    let space = memchr_iter(b' ', line).find(|space| line[space - 1] == b';').unwrap_or(first);
    Some((&line[..space], &line[space + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::Format;
    use crate::listing::tests::check;
    use crate::reply::reply;
    use expect_test::expect;

    #[test]
    fn facts_in_any_case_and_order() {
        check(
            Format::Mlsd,
            b"type=file;size=12;modify=20240229093015;UNIX.mode=0644;unique=FD00U1; a.txt\n\
              Modify=20240229093015.250;TYPE=File;unknown=x;Size=12; a.txt\n\
              type=dir;sizd=4096;UNIX.mode=0755;perm=flcdmpe; box\n\
              type=cdir;size=1; .\n\
              Type=PDIR;modify=20240229093015; /home\n\
              type=dir; ..",
            expect![[r#"
                File 100644 12 [2024-02-29 09:30:15.000] "a.txt" unique FD00U1
                File - 12 [2024-02-29 09:30:15.250] "a.txt"
                Folder 040755 4096 [-] "box"
                nothing
                nothing
                nothing
            "#]],
        );
    }

    #[test]
    fn types_of_unix() {
        check(
            Format::Mlsd,
            b"type=OS.unix=slink:/var/log;UNIX.mode=0777; log\n\
              type=OS.unix=slink:/a b;size=4; link to a space\n\
              Type=os.UNIX=SLINK:Up;size=2; x\n\
              type=OS.unix=slink:; no target\n\
              type=OS.unix=symlink; l\n\
              type=OS.unix=chr-1/3;UNIX.mode=0666; null\n\
              type=OS.unix=blk-8/0;UNIX.mode=0660; sda\n\
              type=OS.unix=fifo;UNIX.mode=0600; pipe\n\
              type=OS.unix=socket;UNIX.mode=0700; sock\n\
              type=MVS-PDS;UNIX.mode=0700; other",
            expect![[r#"
                Link 120777 - [-] "log" -> "/var/log"
                Link - 4 [-] "link to a space" -> "/a b"
                Link - 2 [-] "x" -> "Up"
                Link - - [-] "no target"
                Link - - [-] "l"
                Other 020666 - [-] "null"
                Other 060660 - [-] "sda"
                Other 010600 - [-] "pipe"
                Other 140700 - [-] "sock"
                Other - - [-] "other"
            "#]],
        );
    }

    #[test]
    fn names_hold_anything() {
        check(
            Format::Mlsd,
            b"type=file; a; b=c; d\ntype=file;  leading and trailing \ntype=file no last semicolon\n no facts\n\
              type=file; /whole/path\ntype=file; caf\xe9 \xff\ntype=file; type=dir; x",
            expect![[r#"
                File - - [-] "a; b=c; d"
                File - - [-] " leading and trailing "
                File - - [-] "no last semicolon"
                Other - - [-] "no facts"
                File - - [-] "/whole/path"
                File - - [-] "caf\xe9 \xff"
                File - - [-] "type=dir; x"
            "#]],
        );
    }

    #[test]
    fn values_that_make_no_sense_are_passed_over() {
        check(
            Format::Mlsd,
            b"type=file;size=-1;modify=yesterday;UNIX.mode=rw-;unique=; a\n\
              type=file;size=99999999999999999999;UNIX.mode=777777777777;modify=20230229000000; b\n\
              size=3;UNIX.mode=100600; type in the mode\nsize=3;UNIX.mode=0600; type not told\n\
              type=file;UNIX.mode=040644; the type counts",
            expect![[r#"
                File - - [-] "a"
                File - - [-] "b"
                File 100600 3 [-] "type in the mode"
                Other - 3 [-] "type not told"
                File 100644 - [-] "the type counts"
            "#]],
        );
    }

    #[test]
    fn what_is_no_line_of_mlsd() {
        check(
            Format::Mlsd,
            b"-rw-r--r-- 1 u g 3 Feb 29 09:30 a\ntype=file;\ntype=file; \n total\n \ngarbage",
            expect![[r#"
                unrecognized "-rw-r--r-- 1 u g 3 Feb 29 09:30 a"
                unrecognized "type=file;"
                unrecognized "type=file; "
                Other - - [-] "total"
                nothing
                unrecognized "garbage"
            "#]],
        );
    }

    #[test]
    fn the_answer_to_mlst() {
        let table: [(&str, Option<&str>); 9] = [
            ("250-Listing a\r\n type=file;size=3; /in/a\r\n250 End\r\n", Some("/in/a")),
            ("250-Begin\r\ntype=file;size=3; a\r\n250 End.\r\n", Some("a")),
            ("250-Begin\r\n250-type=file;size=3; a\r\n250 End.\r\n", Some("a")),
            ("250 type=file;size=3; a\r\n", Some("a")),
            ("250-Start of list for a; b\r\n type=file; a; b\r\n250 End\r\n", Some("a; b")),
            ("250-\r\n type=cdir;modify=20240229093015; /in\r\n250 End\r\n", Some("/in")),
            ("250-Listing\r\n250 End\r\n", None),
            ("250-Listing\r\n type=file; \r\n250 End\r\n", None),
            ("550 No such file\r\n", None),
        ];
        for (answer, name) in table {
            let entry = parse_mlst(&reply(answer));
            assert_eq!(entry.map(|entry| entry.name), name.map(|name| name.as_bytes().to_vec()), "{answer}");
        }
    }

    #[test]
    fn mlst_of_a_folder_is_that_folder() {
        let entry = parse_mlst(&reply("250-\r\n Type=cdir;UNIX.mode=0755; /in\r\n250 End\r\n"));
        assert_eq!(entry.map(|entry| (entry.kind, entry.mode)), Some((EntryKind::Folder, Some(0o040_755))));
    }
}
