//! Entries for people: type and mode, size in bytes, time, name.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use ftp_proto::{Charset, Entry, EntryKind, Modified, Precision, Zone};
use time::macros::format_description;

const FOLDER: Style = AnsiColor::Blue.on_default().bold();
const LINK: Style = AnsiColor::Cyan.on_default();
const HEADING: Style = Style::new().dimmed();

/// The type bits of a mode, and what `ls` shows for those that are [`EntryKind::Other`].
const TYPE_BITS: u32 = 0o170_000;
const OTHERS: [(u32, char); 4] = [(0o020_000, 'c'), (0o060_000, 'b'), (0o010_000, 'p'), (0o140_000, 's')];

/// The columns. Lines come while the listing does, so a width grows when an entry needs more, and is kept from there.
pub(super) struct Table {
    size_width: usize,
    has_heading: bool,
    has_colours: bool,
}

impl Table {
    /// Room for sizes below 10 GB at first. On a terminal there is a heading.
    pub(super) fn new(has_heading: bool, has_colours: bool) -> Self {
        Self { size_width: 10, has_heading, has_colours }
    }

    /// One line; `name` is what the entry is to be called.
    pub(super) fn line(
        &mut self,
        out: &mut impl Write,
        name: &[u8],
        entry: &Entry,
        charset: Charset,
    ) -> io::Result<()> {
        let size = entry.size.map_or("-".to_owned(), |size| size.to_string());
        self.size_width = self.size_width.max(size.len());
        let width = self.size_width;
        if std::mem::take(&mut self.has_heading) {
            let style = self.style(HEADING);
            writeln!(out, "{style}{:<10}  {:>width$}  {:<20}  Name{style:#}", "Mode", "Size", "Modified")?;
        }
        let style = self.style(match entry.kind {
            EntryKind::Folder => FOLDER,
            EntryKind::Link => LINK,
            EntryKind::File | EntryKind::Other => Style::new(),
        });
        let name = charset.display(name);
        write!(out, "{:<10}  {size:>width$}  {:<20}  {style}{name}{style:#}", mode(entry), modified(entry))?;
        match &entry.target {
            Some(target) => writeln!(out, " -> {}", charset.display(target)),
            None => writeln!(out),
        }
    }

    fn style(&self, style: Style) -> Style {
        if self.has_colours { style } else { Style::new() }
    }
}

/// `drwxr-xr-x`, or the first letter alone where the server does not tell the mode.
fn mode(entry: &Entry) -> String {
    let bits = entry.mode.unwrap_or_default();
    let letter = match entry.kind {
        EntryKind::File => '-',
        EntryKind::Folder => 'd',
        EntryKind::Link => 'l',
        EntryKind::Other => {
            OTHERS.iter().find(|(kind, _)| bits & TYPE_BITS == *kind).map_or('?', |(_, c)| *c)
        }
    };
    if entry.mode.is_none() {
        return letter.to_string();
    }
    let classes = [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')];
    let mut text = letter.to_string();
    for (shift, special, special_letter) in classes {
        let class = bits >> shift;
        text.push(if class & 4 == 0 { '-' } else { 'r' });
        text.push(if class & 2 == 0 { '-' } else { 'w' });
        text.push(match (bits & special != 0, class & 1 != 0) {
            (false, false) => '-',
            (false, true) => 'x',
            (true, false) => special_letter.to_ascii_uppercase(),
            (true, true) => special_letter,
        });
    }
    text
}

/// As exactly as the server tells it; with a `Z` behind it if it is UTC, without if it is the server's own time.
fn modified(entry: &Entry) -> String {
    let Some(Modified { at, precision, zone }) = entry.modified else { return "-".to_owned() };
    let text = match precision {
        Precision::Second => at.format(format_description!("[year]-[month]-[day] [hour]:[minute]:[second]")),
        Precision::Minute => at.format(format_description!("[year]-[month]-[day] [hour]:[minute]")),
        Precision::Day => return at.date().to_string(),
    };
    let mark = match zone {
        Zone::Utc => "Z",
        Zone::Server => "",
    };
    // Every moment of the calendar can be written in this way.
    text.map_or("-".to_owned(), |text| text + mark)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use time::macros::datetime;

    use super::*;

    fn entry(kind: EntryKind, name: &[u8]) -> Entry {
        Entry {
            name: name.to_vec(),
            kind,
            size: None,
            modified: None,
            mode: None,
            target: None,
            unique: None,
        }
    }

    fn shown(table: &mut Table, entries: &[Entry]) -> String {
        let mut out = Vec::new();
        for entry in entries {
            table.line(&mut out, &entry.name, entry, Charset::Utf8).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns() {
        let at = |at, precision, zone| Some(Modified { at, precision, zone });
        let time = datetime!(2024-02-29 09:30:15 UTC);
        let entries = [
            Entry {
                size: Some(4096),
                mode: Some(0o040_755),
                modified: at(time, Precision::Second, Zone::Utc),
                ..entry(EntryKind::Folder, b"inner")
            },
            Entry {
                size: Some(12),
                mode: Some(0o104_755),
                modified: at(time, Precision::Minute, Zone::Server),
                ..entry(EntryKind::File, b"set user id")
            },
            Entry {
                size: Some(123_456_789_012),
                mode: Some(0o100_644),
                modified: at(time, Precision::Minute, Zone::Utc),
                ..entry(EntryKind::File, b"large")
            },
            Entry {
                mode: Some(0o120_777),
                modified: at(time, Precision::Day, Zone::Server),
                target: Some(b"../\x1b[2Jx".to_vec()),
                ..entry(EntryKind::Link, b"link")
            },
            Entry { mode: Some(0o020_660), ..entry(EntryKind::Other, b"tty") },
            Entry { mode: Some(0o041_776), ..entry(EntryKind::Folder, b"sticky") },
            entry(EntryKind::Folder, b"a\r\n-rw-r--r-- forged"),
            entry(EntryKind::File, b"latin \xe9, csi \xc2\x9b2J, \x1b]0;title\x07"),
            entry(EntryKind::Other, b"?"),
        ];
        expect![[r#"
            Mode              Size  Modified              Name
            drwxr-xr-x        4096  2024-02-29 09:30:15Z  inner
            -rwsr-xr-x          12  2024-02-29 09:30      set user id
            -rw-r--r--  123456789012  2024-02-29 09:30Z     large
            lrwxrwxrwx             -  2024-02-29            link -> ../\u{1b}[2Jx
            crw-rw----             -  -                     tty
            drwxrwxrwT             -  -                     sticky
            d                      -  -                     a\r\n-rw-r--r-- forged
            -                      -  -                     latin \xe9, csi \u{9b}2J, \u{1b}]0;title\u{7}
            ?                      -  -                     ?
        "#]]
        .assert_eq(&shown(&mut Table::new(true, false), &entries));
    }

    #[test]
    fn folders_and_links_have_their_colours() {
        let entries =
            [entry(EntryKind::Folder, b"d"), entry(EntryKind::Link, b"l"), entry(EntryKind::File, b"f")];
        expect![[r#"
            d                    -  -                     ESC[1mESC[34mdESC[0m
            l                    -  -                     ESC[36mlESC[0m
            -                    -  -                     f
        "#]]
        .assert_eq(&shown(&mut Table::new(false, true), &entries).replace('\u{1b}', "ESC"));
    }
}
