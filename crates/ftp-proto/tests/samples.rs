//! Listings as servers print them, one folder for each format, and beside each listing what is read from it.
//!
//! Those of vsftpd, ProFTPD and Pure-FTPd came over the wire from the version in their name; the others are written
//! after what is published of their servers. A new sample is a file `NAME.list`; with `UPDATE_EXPECT=1` the test writes
//! `NAME.expected`, for review.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use ftp_proto::{Entry, Format, Line, LineSplitter, LineTooLong, ListingParser, Precision};
use time::OffsetDateTime;
use time::macros::datetime;

/// When the samples were taken.
const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

#[test]
fn every_line_of_every_sample_is_understood() -> Result<(), Box<dyn Error>> {
    let samples = samples()?;
    assert!(!samples.is_empty());
    for (format, list) in samples {
        let listing = fs::read(&list)?;
        let report = read(format, &listing)?;
        expect_file![list.with_extension("expected")].assert_eq(&report);
        assert!(!report.contains("unrecognized"), "{}", list.display());
    }
    Ok(())
}

/// Every `*.list`, with the format of its folder.
fn samples() -> io::Result<Vec<(Format, PathBuf)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut samples = Vec::new();
    for folder in files(&root)?.into_iter().filter(|path| path.is_dir()) {
        let format = if folder.ends_with("mlsx") { Format::Mlsd } else { Format::List };
        let lists =
            files(&folder)?.into_iter().filter(|file| file.extension().is_some_and(|end| end == "list"));
        samples.extend(lists.map(|list| (format, list)));
    }
    Ok(samples)
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// Reads a listing in small pieces, as it may come from a data connection.
fn read(format: Format, listing: &[u8]) -> Result<String, LineTooLong> {
    let mut splitter = LineSplitter::new(LineSplitter::LIMIT);
    let mut parser = ListingParser::new(format, NOW);
    let mut report = String::new();
    for piece in listing.chunks(7) {
        splitter.push(piece);
        while let Some(line) = splitter.next_line()? {
            let read = parser.parse_line(line);
            report.extend(parser.given_up().map(|line| unrecognized(&line)));
            report += &match read {
                Line::Entry(entry) => show(&entry),
                Line::Nothing => "nothing\n".to_owned(),
                Line::Unrecognized => unrecognized(line),
            };
        }
    }
    assert_eq!(splitter.finish(), Ok(None));
    report.extend(parser.finish().map(|line| unrecognized(&line)));
    Ok(report)
}

fn unrecognized(line: &[u8]) -> String {
    format!("unrecognized {}\n", line.escape_ascii())
}

fn show(entry: &Entry) -> String {
    let kind = format!("{:?}", entry.kind);
    let mode = entry.mode.map_or("-".to_owned(), |mode| format!("{mode:06o}"));
    let size = entry.size.map_or("-".to_owned(), |size| size.to_string());
    let modified = entry.modified.map_or("-".to_owned(), |modified| {
        let (date, (hour, minute, second)) = (modified.at.date(), modified.at.to_hms());
        match modified.precision {
            Precision::Second => format!("{date} {hour:02}:{minute:02}:{second:02}"),
            Precision::Minute => format!("{date} {hour:02}:{minute:02}"),
            Precision::Day => date.to_string(),
        }
    });
    let target = entry.target.iter().map(|target| format!(" -> \"{}\"", target.escape_ascii()));
    let unique = entry.unique.iter().map(|unique| format!(" unique {}", unique.escape_ascii()));
    let rest: String = target.chain(unique).collect();
    format!("{kind:6} {mode:6} {size:>10} {modified:19} \"{}\"{rest}\n", entry.name.escape_ascii())
}
