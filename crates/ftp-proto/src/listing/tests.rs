//! What holds for every dialect at once.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::time::{Modified, Precision};
use ::time::macros::datetime;
use expect_test::{Expect, expect};
use proptest::prelude::*;

/// A Friday, one day after a leap day.
pub(super) const NOW: OffsetDateTime = datetime!(2024-03-01 12:00 UTC);

/// What every line of a listing says, one line each.
#[expect(clippy::needless_pass_by_value, reason = "reads as check(format, input, expect![…])")]
pub(super) fn check(format: Format, listing: &[u8], expected: Expect) {
    let mut parser = ListingParser::new(format, NOW);
    let unrecognized = |line: &[u8]| format!("unrecognized \"{}\"\n", line.escape_ascii());
    let mut report = String::new();
    for line in listing.split(|byte| *byte == b'\n') {
        let read = parser.parse_line(line);
        report.extend(parser.given_up().map(|line| unrecognized(&line)));
        report += &match read {
            Line::Entry(entry) => show(&entry),
            Line::Nothing => "nothing\n".to_owned(),
            Line::Unrecognized => unrecognized(line),
        };
    }
    report.extend(parser.finish().map(|line| unrecognized(&line)));
    expected.assert_eq(&report);
}

fn show(entry: &Entry) -> String {
    let mode = entry.mode.map_or("-".to_owned(), |mode| format!("{mode:06o}"));
    let size = entry.size.map_or("-".to_owned(), |size| size.to_string());
    let modified = entry.modified.map_or("-".to_owned(), |Modified { at, precision, .. }| match precision {
        Precision::Second => format!(
            "{} {:02}:{:02}:{:02}.{:03}",
            at.date(),
            at.hour(),
            at.minute(),
            at.second(),
            at.millisecond()
        ),
        Precision::Minute => format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute()),
        Precision::Day => at.date().to_string(),
    });
    let target = entry.target.iter().map(|target| format!(" -> \"{}\"", target.escape_ascii()));
    let unique = entry.unique.iter().map(|unique| format!(" unique {}", unique.escape_ascii()));
    let rest: String = target.chain(unique).collect();
    format!("{:?} {mode} {size} [{modified}] \"{}\"{rest}\n", entry.kind, entry.name.escape_ascii())
}

#[test]
fn one_line_that_nobody_knows_does_not_lose_the_rest() {
    check(
        Format::List,
        b"total 8\n-rw-r--r-- 1 u g 3 Feb 29 09:30 a\n???\n\n02-29-24  09:30AM  <DIR>          b\n\
          -rw-r--r-- 1 u g 3 Feb 29 09:30 c",
        expect![[r#"
            nothing
            File 100644 3 [2024-02-29 09:30] "a"
            unrecognized "???"
            nothing
            Folder - - [2024-02-29 09:30] "b"
            File 100644 3 [2024-02-29 09:30] "c"
        "#]],
    );
}

#[test]
fn a_server_speaks_one_dialect_and_it_is_tried_first() {
    let mut parser = ListingParser::new(Format::List, NOW);
    assert!(matches!(parser.parse_line(b"02-29-24  09:30AM  12 a"), Line::Entry(_)));
    assert_eq!(parser.dialect(), Some("dos"));
    assert_eq!(parser.parse_line(b"???"), Line::Unrecognized);
    assert_eq!(parser.dialect(), Some("dos"));
    assert!(matches!(parser.parse_line(b"-rw-r--r-- 1 u g 3 Feb 29 09:30 a"), Line::Entry(_)));
    assert_eq!(parser.dialect(), Some("unix"));
}

#[test]
fn lines_of_a_dialect_with_a_header_mean_nothing_without_it() {
    check(
        Format::List,
        b"MEMBER\n Name     VV.MM   Created       Changed      Size  Init   Mod   Id\nMEMBER\n\
          -rw-r--r-- 1 u g 3 Feb 29 09:30 a\nMEMBER\n\
          Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname\nMEMBER\nMigrated  OLD.DATA",
        expect![[r#"
            unrecognized "MEMBER"
            nothing
            File - - [-] "MEMBER"
            File 100644 3 [2024-02-29 09:30] "a"
            File - - [-] "MEMBER"
            nothing
            unrecognized "MEMBER"
            Other - - [-] "OLD.DATA"
        "#]],
    );
}

/// The samples of a dialect.
fn samples(dialect: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(dialect);
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let lists = files.filter(|file| file.extension().is_some_and(|end| end == "list"));
    lists.map(|list| fs::read(list).unwrap()).collect()
}

/// Every line of them.
fn sample_lines(dialect: &str) -> Vec<Vec<u8>> {
    let text = samples(dialect).join(&b'\n');
    let without_cr = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).to_vec();
    text.split(|byte| *byte == b'\n').map(without_cr).collect()
}

/// The dialects that understand a line, each as if its header had come, and what it says to them.
fn readings(line: &[u8]) -> Vec<(&'static str, Line)> {
    let read = |dialect: &'static Dialect| Some((dialect.name, (dialect.parse_line)(line, NOW)?));
    DIALECTS.iter().filter_map(read).collect()
}

/// Whether they all say the same.
fn agree(readings: &[(&str, Line)]) -> bool {
    readings.windows(2).all(|pair| pair[0].1 == pair[1].1)
}

#[test]
fn no_sample_line_is_understood_in_two_ways() {
    for dialect in &DIALECTS {
        for line in sample_lines(dialect.name) {
            let readings = readings(&line);
            assert!(agree(&readings), "{} says {readings:?}", line.escape_ascii());
            let others = readings.iter().filter(|(_, line)| matches!(line, Line::Entry(_)));
            assert!(others.into_iter().all(|(name, _)| *name == dialect.name), "{}", line.escape_ascii());
            let header = find(|dialect| dialect.is_header, &line);
            assert!(header.is_none_or(|row| DIALECTS[row].name == dialect.name), "{}", line.escape_ascii());
        }
    }
}

#[test]
fn no_line_of_mlsd_is_one_of_list() {
    for line in sample_lines(MLSX) {
        assert_eq!(readings(&line), [], "{}", line.escape_ascii());
    }
}

#[test]
fn each_dialect_has_samples_of_three_servers_and_nothing_else_has() {
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")).unwrap();
    let folders = folders.map(|folder| folder.unwrap()).filter(|folder| folder.file_type().unwrap().is_dir());
    let found: BTreeSet<String> = folders.map(|folder| folder.file_name().into_string().unwrap()).collect();
    let names = DIALECTS.iter().map(|dialect| dialect.name).chain([MLSX]);
    assert_eq!(found, names.clone().map(str::to_owned).collect());
    for name in names {
        assert!(samples(name).len() >= 3, "{name} has {}", samples(name).len());
    }
}

/// Pieces of listings, and bytes that are none.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "-rwsr-Sr-T+",
        "drwxr-xr-x",
        "lrwxrwxrwx",
        "crw-rw----",
        "1",
        "owner",
        "8,",
        "18446744073709551616",
        "Feb",
        "29",
        "30",
        "09:30",
        "23:60",
        "2024",
        "9999",
        "2024-02-29",
        "09:30:15.123456789",
        "+9999",
        "02-29-24",
        "09:30AM",
        "12:00 pm",
        "<DIR>",
        "<SYMLINK>",
        "[x]",
        " -> ",
        "name",
        "total",
        "type=file;",
        "size=99999999999999999999;",
        "modify=191240229093015.;",
        "févr.",
        "2月29日",
        "2024年",
        "26.",
        "Oct",
        "08,",
        "1'234\u{a0}567",
        "29.02.2024",
        "+r,s99999999999999999999,m99999999999,up777777777777,",
        "\t",
        "d [RWCEAFMS]",
        "*FILE",
        "02/29/24",
        "24/060",
        "15.09.55",
        "A.DIR;1",
        "B.TXT;",
        "*.*;*",
        "18446744073709551616/1",
        "2KB",
        "29-FEB-2024",
        "29-XXX-9999",
        "[A,B",
        "(RWED,,",
        "%RMS-E-PRV, insufficient privilege",
        "<%RMS-E-FNF, file not found>",
        "Directory",
        "Total of 3",
        " Name     VV.MM   Created       Changed      Size  Init   Mod   Id",
        " Name      Size     TTR   Alias-of AC",
        "01.03 2002/09/12 2002/10/11 09:37",
        "03DBD8",
        "31",
        "ANY",
        "Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname",
        "Migrated",
        "3390   2024/02/29  1 ++++  FB     80  6160",
        "PO-E",
        "JOB01906",
        "OUTPUT",
        "         001",
        "File         Code             EOF  Last Modification    Owner  RWEP",
        "101",
        "29-Feb-24",
        "255,255",
        "\"nunu\"",
        "UNIX.mode=777777777777;",
        ";",
        "; ",
        "=",
    ];
    prop_oneof![
        6 => proptest::sample::select(words.map(|word| word.as_bytes().to_vec()).to_vec()),
        6 => Just(b" ".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ]
}

/// Lines that look like those of listings often enough: made of pieces, or a line of a sample with a piece in it.
fn listing_line() -> impl Strategy<Value = Vec<u8>> {
    let lines = DIALECTS.iter().flat_map(|dialect| sample_lines(dialect.name)).collect::<Vec<_>>();
    let damaged = (proptest::sample::select(lines), any::<prop::sample::Index>(), 0..12_usize, piece());
    prop_oneof![
        proptest::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat()),
        damaged.prop_map(|(mut line, at, length, piece)| {
            let start = at.index(line.len() + 1);
            let end = line.len().min(start + length);
            line.splice(start..end, piece);
            line
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn arbitrary_lines_never_panic_and_names_are_never_empty(
        lines in proptest::collection::vec(listing_line(), 1..4),
        seconds in -377_705_116_800_i64..253_402_300_799,
    ) {
        let now = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let holds = |name: &[u8]| lines.iter().any(|line| line.windows(name.len()).any(|part| part == name));
        for format in [Format::Mlsd, Format::List] {
            let mut parser = ListingParser::new(format, now);
            for line in &lines {
                if let Line::Entry(entry) = parser.parse_line(line) {
                    prop_assert!(!entry.name.is_empty() && holds(&entry.name));
                }
                prop_assert!(parser.given_up().is_none_or(|line| lines.contains(&line)));
            }
            prop_assert!(parser.finish().is_none_or(|line| lines.contains(&line)));
        }
    }

    #[test]
    fn no_line_is_understood_in_two_ways(line in listing_line()) {
        let readings = readings(&line);
        prop_assert!(agree(&readings), "{} says {readings:?}", line.escape_ascii());
    }

    #[test]
    fn names_are_taken_as_sent(name in "[^\r\n]{1,30}") {
        prop_assume!(name != "." && name != "..");
        let lines = [
            (Format::Mlsd, format!("type=file;size=1; {name}")),
            (Format::List, format!("-rw-r--r--   1 ftp      ftp             1 Feb 29 09:30 {name}")),
            (Format::List, format!("-rw-r--r--   1 ftp      ftp             1 Feb 29  2020 {name}")),
            (Format::List, format!("02-29-24  09:30AM                    1 {name}")),
            (Format::List, format!("02-29-24  09:30AM       <DIR>          {name}")),
        ];
        for (format, line) in lines {
            match ListingParser::new(format, NOW).parse_line(line.as_bytes()) {
                Line::Entry(entry) => prop_assert_eq!(entry.name, name.as_bytes()),
                other => prop_assert!(false, "{:?} from {:?}", other, line),
            }
        }
    }
}
