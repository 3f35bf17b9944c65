//! Entries for programs: one JSON object a line.

use std::fmt::Write as _;
use std::io;

use ftp_proto::{Charset, Entry, EntryKind};
use serde::Serialize;
use time::format_description::well_known::Rfc3339;

/// The line of an entry, in the order of the documentation.
#[derive(Debug, Serialize)]
struct Line<'e> {
    name: &'e str,
    path: String,
    #[serde(rename = "type")]
    kind: &'static str,
    size: Option<u64>,
    modified: Option<String>,
    mode: Option<u32>,
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_base64: Option<String>,
}

/// The object of an entry, with its line end. `path` is that of the entry on the server.
pub(super) fn line(path: &[u8], entry: &Entry, charset: Charset) -> io::Result<String> {
    let name = charset.decode(&entry.name);
    let line = Line {
        name: &name,
        path: charset.decode(path),
        kind: match entry.kind {
            EntryKind::File => "file",
            EntryKind::Folder => "folder",
            EntryKind::Link => "link",
            EntryKind::Other => "other",
        },
        size: entry.size,
        modified: entry.modified.and_then(|modified| modified.at.format(&Rfc3339).ok()),
        mode: entry.mode,
        target: entry.target.as_ref().map(|target| charset.decode(target)),
        name_base64: name.contains(is_stand_in).then(|| base64_simd::STANDARD.encode_to_string(&entry.name)),
    };
    Ok(harmless(&serde_json::to_string(&line)?) + "\n")
}

/// Whether a character stands for a byte that is no text ([`Charset::decode`]).
fn is_stand_in(char: char) -> bool {
    matches!(char, '\u{ef80}'..='\u{efff}')
}

/// The same JSON without what could drive a terminal: JSON's own escapes stop at U+001F, and terminals also obey DEL,
/// the controls from U+0080 to U+009F, and the marks that reorder the text around them.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for char in json.chars() {
        if ftp_proto::misleads(char) {
            // Writing to a string cannot fail. All of them are below U+10000.
            let _ = write!(text, "\\u{:04x}", u32::from(char));
        } else {
            text.push(char);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use ftp_proto::{Modified, Precision};
    use serde_json::Value;
    use time::macros::datetime;

    use super::*;

    fn entry(name: &[u8]) -> Entry {
        Entry {
            name: name.to_vec(),
            kind: EntryKind::File,
            size: None,
            modified: None,
            mode: None,
            target: None,
            unique: Some(b"never shown".to_vec()),
        }
    }

    #[test]
    fn every_field() {
        let link = Entry {
            kind: EntryKind::Link,
            size: Some(9),
            modified: Some(Modified::utc(datetime!(2024-02-29 09:30:15 UTC), Precision::Second)),
            mode: Some(0o120_777),
            target: Some(b"to".to_vec()),
            ..entry(b"a \"b\"")
        };
        let lines = [(&b"in/a \"b\""[..], link), (b"in/bare", entry(b"bare")), (b"in/\xe9", entry(b"\xe9"))];
        let text: String =
            lines.iter().map(|(path, entry)| line(path, entry, Charset::Utf8).unwrap()).collect();
        expect![[r#"
            {"name":"a \"b\"","path":"in/a \"b\"","type":"link","size":9,"modified":"2024-02-29T09:30:15Z","mode":41471,"target":"to"}
            {"name":"bare","path":"in/bare","type":"file","size":null,"modified":null,"mode":null,"target":null}
            {"name":"","path":"in/","type":"file","size":null,"modified":null,"mode":null,"target":null,"name_base64":"6Q=="}
        "#]].assert_eq(&text);
    }

    #[test]
    fn names_that_would_drive_a_terminal_are_escaped_and_lossless() {
        let name = "\u{1b}[2J\u{7f}\u{9b}2J\u{202e}\r\n\u{2028}ü";
        let line = line(name.as_bytes(), &entry(name.as_bytes()), Charset::Utf8).unwrap();
        assert!(!line.trim_end_matches('\n').contains(ftp_proto::misleads), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["name"], name);
    }
}
