//! Base64 text into a content: strict about everything but line breaks, and exact about what is wrong.
//!
//! A lenient reader turns a mangled text into a mangled file without a word. Here anything outside RFC 4648
//! section 4 is refused with its place; only line breaks are allowed, because encoders such as `base64` and MIME's
//! (RFC 2045 section 6.8) insert them.

use std::fmt;
use std::io;

use base64_simd::{AsOut as _, STANDARD};

use super::{Content, ContentWriter};

/// Characters decoded at a time; a multiple of four.
const DECODE_BLOCK: usize = 64 << 10;

/// Decodes text to a content.
pub(super) fn decode(text: &str) -> Result<Content, DecodeError> {
    let mut decoder = Decoder {
        bytes: vec![0; text.len().min(DECODE_BLOCK) / 4 * 3 + 3],
        carry: Vec::with_capacity(4),
        padded: false,
        content: Content::writer(),
    };
    match decoder.text(text) {
        Ok(()) => Ok(decoder.content.finish()),
        Err(Halt::Fault) => Err(fault(text)),
        Err(Halt::Io(error)) => Err(DecodeError::Io(error)),
    }
}

/// Why a text gave no content. Offsets count bytes of the text from 0.
#[derive(Debug)]
pub(super) enum DecodeError {
    Character { character: char, at: usize },
    Padding { at: usize },
    LeftOver { characters: usize },
    StrayBits { at: usize },
    Io(io::Error),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character { character, at } => {
                write!(f, "not base64: character {character:?} at offset {at}")
            }
            Self::Padding { at } => write!(f, "not base64: padding in the wrong place at offset {at}"),
            Self::LeftOver { characters: 1 } => {
                f.write_str("not base64: 1 character is left over, padding is missing")
            }
            Self::LeftOver { characters } => {
                write!(f, "not base64: {characters} characters are left over, padding is missing")
            }
            Self::StrayBits { at } => write!(f, "not base64: bits that belong to no byte at offset {at}"),
            Self::Io(error) => write!(f, "the content cannot be stored: {error}"),
        }
    }
}

/// Why decoding stopped. The vectorised decoder does not say where a fault is, so that is found afterwards.
enum Halt {
    Fault,
    Io(io::Error),
}

struct Decoder {
    bytes: Vec<u8>,
    /// The up to three characters that wait for the rest of their group on the next line.
    carry: Vec<u8>,
    /// Padding was seen: nothing may follow.
    padded: bool,
    content: ContentWriter,
}

impl Decoder {
    fn text(&mut self, text: &str) -> Result<(), Halt> {
        for line in text.split('\n') {
            self.line(line.strip_suffix('\r').unwrap_or(line).as_bytes())?;
        }
        if self.carry.is_empty() { Ok(()) } else { Err(Halt::Fault) }
    }

    fn line(&mut self, mut line: &[u8]) -> Result<(), Halt> {
        if !self.carry.is_empty() {
            let (head, rest) = line.split_at(line.len().min(4 - self.carry.len()));
            self.carry.extend_from_slice(head);
            line = rest;
            if self.carry.len() < 4 {
                return Ok(());
            }
            let group = std::mem::take(&mut self.carry);
            self.block(&group)?;
        }
        let (groups, rest) = line.split_at(line.len() - line.len() % 4);
        for block in groups.chunks(DECODE_BLOCK) {
            self.block(block)?;
        }
        self.carry.extend_from_slice(rest);
        Ok(())
    }

    fn block(&mut self, text: &[u8]) -> Result<(), Halt> {
        if self.padded {
            return Err(Halt::Fault);
        }
        self.padded = text.ends_with(b"=");
        let bytes = STANDARD.decode(text, self.bytes.as_mut_slice().as_out()).map_err(|_| Halt::Fault)?;
        self.content.write(bytes).map_err(Halt::Io)
    }
}

/// Finds what is wrong with a text that did not decode.
fn fault(text: &str) -> DecodeError {
    let mut characters = 0;
    let mut padding = None;
    let mut last = (0, '=');
    for (at, character) in text.char_indices() {
        let line_break = character == '\n' || (character == '\r' && text[at + 1..].starts_with('\n'));
        // Like `strip_suffix` above: a carriage return may also end the text.
        if line_break || (character == '\r' && at + 1 == text.len()) {
            continue;
        }
        match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' => {
                if let Some(at) = padding {
                    return DecodeError::Padding { at };
                }
                last = (at, character);
            }
            '=' => {
                padding = padding.or(Some(at));
                if characters % 4 < 2 {
                    return DecodeError::Padding { at };
                }
            }
            _ => return DecodeError::Character { character, at },
        }
        characters += 1;
    }
    match characters % 4 {
        0 => DecodeError::StrayBits { at: last.0 },
        characters => DecodeError::LeftOver { characters },
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
                assert_eq!(decode(&broken).unwrap().len(), bytes.len() as u64, "{broken:?}");
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
    fn padding_between_blocks_is_refused() {
        let text = format!("{}YQ==YWJj", "A".repeat(DECODE_BLOCK - 4));
        let expected = format!("not base64: padding in the wrong place at offset {}", DECODE_BLOCK - 2);
        assert_eq!(decode(&text).unwrap_err().to_string(), expected);
    }

    proptest! {
        #[test]
        fn decoding_never_panics_and_agrees_with_the_plain_decoder(text in "[A-Za-b0-1+/=\r\n!é]{0,40}") {
            let plain = text.replace("\r\n", "\n");
            let plain = plain.strip_suffix('\r').unwrap_or(&plain).replace('\n', "");
            prop_assert_eq!(decode(&text).is_ok(), STANDARD.decode_to_vec(&plain).is_ok(), "{:?}", text);
        }
    }
}
