//! The texts of an input, which `serde_json` would hold as a whole: quotation marks, escapes and what is between them.

use memchr::memchr2;

use super::{Broken, Position};
use crate::content::{Content, LongText, LongTextWriter};

/// A text of an input that is longer than this many bytes is decoded on the way in (64 KiB).
pub(crate) const SHORT_TEXT: usize = 64 << 10;

/// A text in an input.
pub(in crate::message) enum Text {
    Short(String),
    Long(LongText),
}

impl Position<'_> {
    /// Reads the text whose quotation mark comes next. A long one is decoded on the way, and never held as text.
    pub(super) fn text(&mut self) -> Result<Text, Broken> {
        let mut text = String::new();
        let mut long: Option<LongTextWriter> = None;
        // The quotation mark.
        self.byte()?;
        loop {
            let ended = self.stretch(&mut text)?;
            if text.len() > SHORT_TEXT || (ended && long.is_some()) {
                long.get_or_insert_with(|| LongTextWriter::within(self.memory)).write(&mut text);
            }
            if ended {
                break;
            }
        }
        if let Some(long) = long {
            let text = long.finish();
            self.memory -= text.as_ref().map_or(0, Content::memory);
            return Ok(Text::Long(text));
        }
        self.count(text.len())?;
        Ok(Text::Short(text))
    }

    /// Appends what comes before the next escape, that escape, or the end of the block. Says whether the text has ended.
    fn stretch(&mut self, text: &mut String) -> Result<bool, Broken> {
        if self.rest()?.is_empty() {
            return Err(self.not_json("EOF while parsing a string"));
        }
        let rest = &self.block[self.at..];
        let end = memchr2(b'"', b'\\', rest.as_bytes()).unwrap_or(rest.len());
        let plain = &rest[..end];
        if has_control(plain) {
            let before = plain.bytes().take_while(|byte| *byte >= b' ').count();
            self.pass(before + 1);
            return Err(self.not_json("control character (\\u0000-\\u001F) found while parsing a string"));
        }
        text.push_str(plain);
        self.pass(end);
        if self.at == self.block.len() {
            return Ok(false);
        }
        if self.byte()? == Some(b'"') {
            return Ok(true);
        }
        text.push(self.escaped()?);
        Ok(false)
    }

    /// What a backslash that was read stands for together with what follows it (RFC 8259 section 7).
    fn escaped(&mut self) -> Result<char, Broken> {
        Ok(match self.text_byte()? {
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.utf16()?,
            _ => return Err(self.not_json("invalid escape")),
        })
    }

    fn utf16(&mut self) -> Result<char, Broken> {
        let mut units = vec![self.unit()?];
        if matches!(units[0], 0xD800..=0xDBFF) && self.text_byte()? == b'\\' && self.text_byte()? == b'u' {
            units.push(self.unit()?);
        }
        match char::decode_utf16(units).next() {
            Some(Ok(character)) => Ok(character),
            _ => Err(self.not_json("lone surrogate in hex escape")),
        }
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u16, Broken> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(self.text_byte()?).to_digit(16);
            let digit = digit.and_then(|digit| u16::try_from(digit).ok());
            unit = unit << 4 | digit.ok_or_else(|| self.not_json("invalid escape"))?;
        }
        Ok(unit)
    }

    fn text_byte(&mut self) -> Result<u8, Broken> {
        self.byte()?.ok_or_else(|| self.not_json("EOF while parsing a string"))
    }
}

/// Looks for the least of all bytes, since a loop without an early end takes many at once.
fn has_control(text: &str) -> bool {
    text.bytes().fold(u8::MAX, u8::min) < b' '
}
