//! Base64 text into bytes: strict about everything but line breaks, and exact about what is wrong.
//!
//! A lenient reader turns a mangled text into a mangled file without a word. Here anything outside RFC 4648
//! section 4 is refused with its place; only line breaks are allowed, because encoders such as `base64` and MIME's
//! (RFC 2045 section 6.8) insert them.

use base64_simd::STANDARD;
use memchr::memchr;
use thiserror::Error;

/// Decodes a text that is there as a whole.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, NotBase64> {
    let mut bytes = Vec::with_capacity(STANDARD.estimated_decoded_length(text.len()));
    let mut decoder = Decoder::default();
    decoder.decode(text, &mut bytes)?;
    decoder.finish()?;
    Ok(bytes)
}

/// Why a text is no base64. Offsets count bytes of the text from 0.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum NotBase64 {
    #[error("not base64: character {character:?} at offset {at}")]
    Character { character: char, at: u64 },
    #[error("not base64: padding in the wrong place at offset {at}")]
    Padding { at: u64 },
    #[error("not base64: {}, padding is missing", left_over(*.characters))]
    LeftOver { characters: usize },
    #[error("not base64: bits that belong to no byte at offset {at}")]
    StrayBits { at: u64 },
}

fn left_over(characters: usize) -> String {
    match characters {
        1 => "1 character is left over".to_owned(),
        more => format!("{more} characters are left over"),
    }
}

/// Decodes a text that comes in parts.
#[derive(Default)]
pub(super) struct Decoder {
    /// Where the next character stands in the whole text.
    at: u64,
    /// The up to three characters that wait for the rest of their group.
    group: Vec<u8>,
    /// A carriage return came last: only a line feed, or nothing, may follow.
    carriage_return: bool,
    /// Where padding began: nothing but padding may follow.
    padding: Option<u64>,
    /// The last character that stood for bits.
    last: u64,
    /// The character whose bits belong to no byte. It is told only when nothing else is wrong with the text.
    stray: Option<u64>,
}

impl Decoder {
    /// Decodes the next part of the text and appends its bytes.
    ///
    /// # Errors
    /// The text is no base64. There is nothing to go on with then.
    pub(super) fn decode(&mut self, part: &str, bytes: &mut Vec<u8>) -> Result<(), NotBase64> {
        let mut rest = part;
        while !rest.is_empty() {
            // Many bytes at a time, where a `str` looks at one after the other.
            let len = memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |at| at + 1);
            let (line, next) = rest.split_at(len);
            let end = self.at + len as u64;
            self.line(line, bytes)?;
            self.at = end;
            rest = next;
        }
        Ok(())
    }

    /// Says whether the text was complete.
    pub(super) fn finish(self) -> Result<(), NotBase64> {
        match (self.group.len(), self.stray) {
            (0, None) => Ok(()),
            (0, Some(at)) => Err(NotBase64::StrayBits { at }),
            (characters, _) => Err(NotBase64::LeftOver { characters }),
        }
    }

    /// Takes one line, or what the part has of it.
    fn line(&mut self, line: &str, bytes: &mut Vec<u8>) -> Result<(), NotBase64> {
        if std::mem::take(&mut self.carriage_return) && line != "\n" {
            return Err(NotBase64::Character { character: '\r', at: self.at - 1 });
        }
        let (text, ended) = line.strip_suffix('\n').map_or((line, false), |text| (text, true));
        let text = match text.strip_suffix('\r') {
            Some(text) => {
                self.carriage_return = !ended;
                text
            }
            None => text,
        };
        self.characters(text, bytes)
    }

    /// Whole groups go to the vectorised decoder, which does not say where a fault is: what it refuses is looked at one
    /// by one, like what begins and ends in the middle of a group.
    fn characters(&mut self, mut text: &str, bytes: &mut Vec<u8>) -> Result<(), NotBase64> {
        while !self.group.is_empty() {
            let Some(character) = text.chars().next() else { return Ok(()) };
            self.character(character, bytes)?;
            text = &text[character.len_utf8()..];
        }
        let groups = &text.as_bytes()[..text.len() - text.len() % 4];
        // Padding is looked at one by one, too, since nothing may follow it.
        let groups = if groups.ends_with(b"=") { &groups[..groups.len() - 4] } else { groups };
        let plain = self.padding.is_none() && !groups.ends_with(b"=");
        if plain && STANDARD.decode_append(groups, bytes).is_ok() {
            self.at += groups.len() as u64;
            text = &text[groups.len()..];
        }
        text.chars().try_for_each(|character| self.character(character, bytes))
    }

    fn character(&mut self, character: char, bytes: &mut Vec<u8>) -> Result<(), NotBase64> {
        let at = self.at;
        match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' => {
                if let Some(at) = self.padding {
                    return Err(NotBase64::Padding { at });
                }
                self.last = at;
            }
            '=' if self.group.len() < 2 => return Err(NotBase64::Padding { at }),
            '=' => self.padding = self.padding.or(Some(at)),
            _ => return Err(NotBase64::Character { character, at }),
        }
        self.at += 1;
        // All of these characters are of one byte.
        self.group.extend(u8::try_from(character));
        if self.group.len() == 4 {
            let decoded = STANDARD.decode_append(&self.group, bytes);
            self.stray = decoded.is_err().then_some(self.last);
            self.group.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn line_breaks_may_stand_anywhere() {
        let bytes = b"any carnal pleas";
        let text = STANDARD.encode_to_string(bytes);
        for at in 0..=text.len() {
            for line_break in ["\n", "\r\n", "\n\n"] {
                let broken = format!("{}{line_break}{}", &text[..at], &text[at..]);
                assert_eq!(decode(&broken).unwrap(), bytes, "{broken:?}");
            }
        }
    }

    #[test]
    fn a_fault_is_named_with_its_offset() {
        let cases = [
            ("abcde!gh", "not base64: character '!' at offset 5"),
            ("a$GVs!bG8=\n", "not base64: character '$' at offset 1"),
            ("YW\nJj ZA==", "not base64: character ' ' at offset 5"),
            ("YWJj\rYWJj", "not base64: character '\\r' at offset 4"),
            ("YWJjö", "not base64: character 'ö' at offset 4"),
            ("YWJj-_==", "not base64: character '-' at offset 4"),
            ("abc", "not base64: 3 characters are left over, padding is missing"),
            ("YWJjYQ", "not base64: 2 characters are left over, padding is missing"),
            ("YWJjY", "not base64: 1 character is left over, padding is missing"),
            ("YQ=", "not base64: 3 characters are left over, padding is missing"),
            ("YQ==YQ==", "not base64: padding in the wrong place at offset 2"),
            ("YQ==\nYQ==", "not base64: padding in the wrong place at offset 2"),
            ("Y===", "not base64: padding in the wrong place at offset 1"),
            ("====", "not base64: padding in the wrong place at offset 0"),
            ("YR==", "not base64: bits that belong to no byte at offset 1"),
        ];
        for (text, expected) in cases {
            assert_eq!(decode(text).unwrap_err().to_string(), expected, "{text:?}");
        }
    }

    #[test]
    fn padding_in_the_middle_is_refused_however_long_the_text_is() {
        let text = format!("{}YQ==YWJj", "A".repeat(100_000));
        assert_eq!(decode(&text), Err(NotBase64::Padding { at: 100_002 }));
    }

    /// Decodes the parts one after the other.
    fn decode_parts<'p>(parts: impl IntoIterator<Item = &'p str>) -> Result<Vec<u8>, NotBase64> {
        let (mut decoder, mut bytes) = (Decoder::default(), Vec::new());
        for part in parts {
            decoder.decode(part, &mut bytes)?;
        }
        decoder.finish().map(|()| bytes)
    }

    proptest! {
        #[test]
        fn decoding_agrees_with_the_plain_decoder(text in "[A-Za-b0-1+/=\r\n!é]{0,40}") {
            let plain = text.replace("\r\n", "\n");
            let plain = plain.strip_suffix('\r').unwrap_or(&plain).replace('\n', "");
            prop_assert_eq!(decode(&text).ok(), STANDARD.decode_to_vec(&plain).ok(), "{:?}", text);
        }

        #[test]
        fn parts_give_what_the_whole_gives(text in "([A-B0-1+/]{4}){0,4}[A-B=\r\n!é]{0,6}[A-B=\r\n]{0,6}", at in 0usize..40) {
            let (head, rest) = text.split_at(text.floor_char_boundary(at));
            prop_assert_eq!(decode_parts([head, rest]), decode(&text), "{:?} | {:?}", head, rest);
            let each = text.char_indices().map(|(at, character)| &text[at..at + character.len_utf8()]);
            prop_assert_eq!(decode_parts(each), decode(&text), "{:?}", text);
        }
    }
}
