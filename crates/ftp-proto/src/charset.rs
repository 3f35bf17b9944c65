//! Names are bytes on the server and text for people, and a name must survive the way from one to the other and back
//! even when nobody knows what its bytes mean.

use std::fmt::{self, Display};

use encoding_rs::{Encoding, GBK, SHIFT_JIS, UTF_8, WINDOWS_1252};
use thiserror::Error;

use crate::escape::Shown;

/// A byte's stand-in is this code point and the byte's value: U+EF80 for 0x80, U+EFFF for 0xFF. They are for private
/// use, and `MirBSD`'s OPTU encodings put them to this one.
const STAND_INS: u32 = 0xEF00;

/// The most bytes that a character has, in UTF-8.
const LONGEST_SEQUENCE: usize = 4;

/// How a server writes the names of its files.
///
/// Each maps any bytes to text, and that text back to these bytes and no others:
///
/// ```
/// use ftp_proto::Charset;
///
/// let name = b"Gr\xf6\xdfe";
/// assert_eq!(Charset::Windows1252.decode(name), "Größe");
/// assert_eq!(Charset::Utf8.decode(name), "Gr\u{eff6}\u{efdf}e");
/// assert_eq!(Charset::Utf8.encode("Gr\u{eff6}\u{efdf}e")?, name);
/// assert_eq!(Charset::Utf8.display(name).to_string(), r"Gr\xf6\xdfe");
/// # Ok::<(), ftp_proto::Unencodable>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Charset {
    /// What RFC 2640 §2 asks for.
    #[default]
    Utf8,
    /// ISO 8859-1: a byte is the code point of the same number.
    Latin1,
    /// Simplified Chinese, as Windows' code page 936.
    Gbk,
    /// Japanese, as Windows' code page 932.
    ShiftJis,
    /// Western European, as Windows' code page 1252: Latin-1 with letters and signs in place of its second block of
    /// control characters.
    Windows1252,
}

impl Charset {
    /// The text of a name. A byte that begins no character gives its stand-in, U+EF80 to U+EFFF, if it is above 0x7F, and
    /// itself below; a character that is itself a stand-in gives those of its bytes. So no two names have the same text.
    pub fn decode(self, name: &[u8]) -> String {
        self.read_all(name).unwrap_or_else(|| self.read_each(name))
    }

    /// The name that has this text: `encode(decode(name))` is `name`, always. A stand-in gives its byte in every charset.
    ///
    /// # Errors
    ///
    /// The first character that the charset lacks.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, Unencodable> {
        let mut name = Vec::with_capacity(text.len());
        for char in text.chars() {
            match stood_in_for(char) {
                Some(byte) => name.push(byte),
                None if char.is_ascii() => name.extend(u8::try_from(char)),
                None => name.extend(self.bytes_of(char)?),
            }
        }
        Ok(name)
    }

    /// A name for people: its text with control characters escaped, and as `\xNN` what is no text.
    pub fn display(self, name: &[u8]) -> impl Display {
        Shown(self.decode(name))
    }

    /// The text of a name that is nothing but characters: the same as [`Charset::read_each`] gives, many times quicker.
    fn read_all(self, name: &[u8]) -> Option<String> {
        let table = self.table()?;
        let text = table.decode_without_bom_handling_and_without_replacement(name)?;
        let is_whole =
            text.chars().all(|char| stood_in_for(char).is_none()) && *table.encode(&text).0 == *name;
        is_whole.then(|| text.into_owned())
    }

    fn read_each(self, name: &[u8]) -> String {
        let mut text = String::with_capacity(name.len());
        let mut rest = name;
        while let Some((first, after)) = rest.split_first() {
            let (char, after) = self.first_char(rest).unwrap_or((stand_in(*first), after));
            text.push(char);
            rest = after;
        }
        text
    }

    /// The character that bytes begin with, and what comes after it. It counts only when it leads back to the same bytes:
    /// tables know several sequences for some characters.
    fn first_char(self, bytes: &[u8]) -> Option<(char, &[u8])> {
        match bytes.split_first() {
            Some((first, after)) if first.is_ascii() => return Some((char::from(*first), after)),
            _ => {}
        }
        (1..=bytes.len().min(LONGEST_SEQUENCE)).find_map(|length| {
            let (sequence, after) = bytes.split_at(length);
            let char = self.read(sequence)?;
            (stood_in_for(char).is_none() && self.write(char)? == sequence).then_some((char, after))
        })
    }

    /// A character's bytes, if they are read as this character again: `Shift_JIS` writes the yen sign as what it reads as a
    /// backslash.
    fn bytes_of(self, char: char) -> Result<Vec<u8>, Unencodable> {
        let bytes = self.write(char).filter(|bytes| self.read(bytes) == Some(char));
        bytes.ok_or(Unencodable { char, charset: self })
    }

    /// The one character that the whole sequence is in the charset's table.
    fn read(self, sequence: &[u8]) -> Option<char> {
        let Some(table) = self.table() else { return sequence.first().copied().map(char::from) };
        let text = table.decode_without_bom_handling_and_without_replacement(sequence)?;
        let mut chars = text.chars();
        chars.next().filter(|_| chars.next().is_none())
    }

    /// The sequence that the charset's table has for a character.
    fn write(self, char: char) -> Option<Vec<u8>> {
        let Some(table) = self.table() else { return u8::try_from(char).ok().map(|byte| vec![byte]) };
        let mut buffer = [0; 4];
        let (bytes, _, is_missing) = table.encode(char.encode_utf8(&mut buffer));
        (!is_missing).then(|| bytes.into_owned())
    }

    /// The browsers' table. They have none for Latin-1, and take Windows-1252 for it.
    fn table(self) -> Option<&'static Encoding> {
        match self {
            Self::Utf8 => Some(UTF_8),
            Self::Latin1 => None,
            Self::Gbk => Some(GBK),
            Self::ShiftJis => Some(SHIFT_JIS),
            Self::Windows1252 => Some(WINDOWS_1252),
        }
    }
}

impl Display for Charset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Latin1 => "Latin-1",
            Self::Gbk => "GBK",
            Self::ShiftJis => "Shift_JIS",
            Self::Windows1252 => "Windows-1252",
        })
    }
}

/// A character that no name in this charset can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("`{}` (U+{:04X}) cannot be written in {charset}", .char.escape_debug(), u32::from(*.char))]
pub struct Unencodable {
    /// The character.
    pub char: char,
    /// The charset that lacks it.
    pub charset: Charset,
}

/// What stands in for a byte that is no text. One below 0x80 needs nobody: it is text by itself in every charset.
fn stand_in(byte: u8) -> char {
    char::from_u32(STAND_INS + u32::from(byte)).filter(|_| !byte.is_ascii()).unwrap_or(char::from(byte))
}

/// The byte that a stand-in stands for; `None` for every other character.
pub(crate) fn stood_in_for(char: char) -> Option<u8> {
    u32::from(char)
        .checked_sub(STAND_INS)
        .and_then(|byte| u8::try_from(byte).ok())
        .filter(|byte| !byte.is_ascii())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Charset; 5] =
        [Charset::Utf8, Charset::Latin1, Charset::Gbk, Charset::ShiftJis, Charset::Windows1252];

    #[test]
    fn names_and_their_texts() {
        let table: [(Charset, &[u8], &str); 22] = [
            (Charset::Utf8, "größe 日本 😀".as_bytes(), "größe 日本 😀"),
            (Charset::Utf8, b"gr\xf6\xdfe", "gr\u{eff6}\u{efdf}e"),
            (Charset::Utf8, b"half \xc3", "half \u{efc3}"),
            (Charset::Utf8, b"overlong \xc0\xaf", "overlong \u{efc0}\u{efaf}"),
            (Charset::Utf8, b"surrogate \xed\xa0\x80", "surrogate \u{efed}\u{efa0}\u{ef80}"),
            (Charset::Utf8, "\u{ef7f}\u{f000}".as_bytes(), "\u{ef7f}\u{f000}"),
            (Charset::Utf8, "\u{ef80}".as_bytes(), "\u{efee}\u{efbe}\u{ef80}"),
            (Charset::Latin1, b"gr\xf6\xdfe \x80\xff", "größe \u{80}ÿ"),
            (Charset::Windows1252, b"gr\xf6\xdfe \x80\xff", "größe €ÿ"),
            (Charset::Windows1252, b"\x81", "\u{81}"),
            (Charset::Gbk, b"\xb1\xa8\xb1\xed.txt", "报表.txt"),
            (Charset::Gbk, b"\x80", "€"),
            // A second half that is ASCII, a slash's neighbour, a half at the end, and GB 18030's four bytes.
            (Charset::Gbk, b"\x81\x5c", "乗"),
            (Charset::Gbk, b"\xb1/a", "\u{efb1}/a"),
            (Charset::Gbk, b"a\xb1", "a\u{efb1}"),
            (Charset::Gbk, b"\x81\x30\x81\x30", "\u{ef81}0\u{ef81}0"),
            (Charset::ShiftJis, b"\x93\xfa\x96{.txt", "日本.txt"),
            (Charset::ShiftJis, b"\x95\x5c\xb1", "表ｱ"),
            (Charset::ShiftJis, b"\\~", "\\~"),
            // NEC's row 13 and IBM's extensions have characters that are written otherwise.
            (Charset::ShiftJis, b"\x87\x90", "\u{ef87}\u{ef90}"),
            (Charset::ShiftJis, b"\xf0\x40", "\u{eff0}@"),
            (Charset::ShiftJis, b"\xfd", "\u{effd}"),
        ];
        for (charset, name, text) in table {
            assert_eq!(charset.decode(name), text, "{charset} {}", name.escape_ascii());
            assert_eq!(charset.encode(text).as_deref(), Ok(name), "{charset} {text}");
        }
    }

    #[test]
    fn what_a_charset_lacks_is_named() {
        let table = [
            (Charset::Latin1, "5 €", "`€` (U+20AC) cannot be written in Latin-1"),
            (Charset::Windows1252, "日本", "`日` (U+65E5) cannot be written in Windows-1252"),
            (Charset::Gbk, "größe", "`ö` (U+00F6) cannot be written in GBK"),
            (Charset::ShiftJis, "5 ¥", "`¥` (U+00A5) cannot be written in Shift_JIS"),
            (Charset::ShiftJis, "\u{202e}x", "`\\u{202e}` (U+202E) cannot be written in Shift_JIS"),
        ];
        for (charset, text, error) in table {
            assert_eq!(charset.encode(text).map_err(|error| error.to_string()), Err(error.to_owned()));
        }
    }

    #[test]
    fn stand_ins_are_their_bytes_in_every_charset() {
        for charset in ALL {
            assert_eq!(charset.encode("a\u{ef80}\u{efff}").as_deref(), Ok(&b"a\x80\xff"[..]), "{charset}");
        }
    }

    #[test]
    fn people_see_bytes_that_are_no_text_as_such() {
        assert_eq!(Charset::Utf8.display(b"gr\xf6\xdfe\x1b[2J").to_string(), "gr\\xf6\\xdfe\\u{1b}[2J");
        assert_eq!(Charset::Windows1252.display(b"gr\xf6\xdfe\x9d").to_string(), "größe\\u{9d}");
    }

    /// Every pair of bytes, whatever a table says about it.
    #[test]
    fn every_sequence_of_two_bytes_comes_back() {
        for charset in ALL {
            for pair in 0..=u16::MAX {
                let name = pair.to_be_bytes();
                assert_eq!(charset.encode(&charset.decode(&name)).as_deref(), Ok(&name[..]), "{charset}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name: Vec<u8>) {
            for charset in ALL {
                prop_assert_eq!(charset.encode(&charset.decode(&name)), Ok(name.clone()));
            }
        }

        #[test]
        fn names_of_likely_bytes_come_back(
            name in proptest::collection::vec(prop_oneof![0x80_u8..=0xff, 0x30_u8..0x80], 0..12),
        ) {
            for charset in ALL {
                prop_assert_eq!(charset.encode(&charset.decode(&name)), Ok(name.clone()));
            }
        }

        #[test]
        fn the_quick_way_reads_as_the_careful_one(text in "[ -~ä-ü一-龠ぁ-んァ-ヶ\u{ef70}-\u{ef90}]{0,8}") {
            for charset in ALL {
                let name = charset.encode(&text).unwrap_or_else(|_| text.clone().into_bytes());
                if let Some(quick) = charset.read_all(&name) {
                    prop_assert_eq!(quick, charset.read_each(&name));
                }
            }
        }

        #[test]
        fn text_that_can_be_written_is_read_again(text: String) {
            prop_assume!(text.chars().all(|char| stood_in_for(char).is_none()));
            for charset in ALL {
                match charset.encode(&text) {
                    Ok(name) => prop_assert_eq!(charset.decode(&name), text.as_str()),
                    Err(lacking) => prop_assert!(text.contains(lacking.char) && charset != Charset::Utf8),
                }
            }
        }

        #[test]
        fn western_text_is_read_again(text in "[ -~¡-ÿ]{0,20}") {
            for charset in [Charset::Utf8, Charset::Latin1, Charset::Windows1252] {
                prop_assert_eq!(charset.encode(&text).map(|name| charset.decode(&name)), Ok(text.clone()));
            }
        }

        #[test]
        fn han_and_kana_are_read_again(text in "[一-龠ぁ-んァ-ヶ]{0,20}") {
            prop_assert_eq!(Charset::Gbk.encode(&text).map(|name| Charset::Gbk.decode(&name)), Ok(text));
        }
    }
}
