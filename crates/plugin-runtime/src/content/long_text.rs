//! Texts that are too long to be held in memory, as they come in.
//!
//! Whoever reads a message does not know yet which of its texts are contents: the step may be named at the end. So
//! every long text is decoded on the way in, and what it must not be is said when somebody wants it.

use std::io;

use super::decode::{Decoder, NotBase64};
use super::{Content, ContentWriter};

/// What a long text stands for, if it was base64.
pub(crate) type LongText = Result<Content, Undecoded>;

/// Why there are no bytes of a long text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undecoded {
    /// It is no base64.
    #[error(transparent)]
    NotBase64(#[from] NotBase64),
    /// There is no room for its bytes, or no folder.
    #[error("the content cannot be stored: {0}")]
    Unstored(#[from] io::Error),
}

/// Takes a long text in parts. Once it is of no use its bytes are dropped, and the rest is ignored.
pub(crate) struct LongTextWriter {
    bytes: Vec<u8>,
    state: Result<(Decoder, ContentWriter), Undecoded>,
}

impl LongTextWriter {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), state: Ok((Decoder::default(), Content::writer().with_sha256())) }
    }

    /// Takes the next part.
    pub(crate) fn write(&mut self, part: &str) {
        if let Ok((decoder, content)) = &mut self.state
            && let Err(undecoded) = append(decoder, part, &mut self.bytes, content)
        {
            self.state = Err(undecoded);
        }
    }

    /// The text that was written so far.
    pub(crate) fn finish(self) -> LongText {
        let (decoder, content) = self.state?;
        decoder.finish()?;
        Ok(content.finish())
    }
}

/// Decodes a part by way of `bytes`, whose room is used again and again.
fn append(
    decoder: &mut Decoder,
    part: &str,
    bytes: &mut Vec<u8>,
    content: &mut ContentWriter,
) -> Result<(), Undecoded> {
    bytes.clear();
    bytes.reserve(part.len());
    decoder.decode(part, bytes)?;
    Ok(content.write(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::room::Room;

    fn written(parts: &[&str]) -> LongText {
        let mut writer = LongTextWriter::new();
        for part in parts {
            writer.write(part);
        }
        writer.finish()
    }

    #[test]
    fn parts_make_one_content() {
        assert_eq!(written(&["aGV", "sbG", "8="]).unwrap().len(), 5);
    }

    #[test]
    fn what_is_no_base64_keeps_its_first_fault() {
        let fault = |parts: &[&str]| written(parts).unwrap_err().to_string();
        assert_eq!(fault(&["aGVs", "b!", "??"]), "not base64: character '!' at offset 5");
        assert_eq!(fault(&["aGVsb"]), "not base64: 1 character is left over, padding is missing");
    }

    #[test]
    fn a_full_disk_is_no_fault_of_the_text() {
        let mut writer = LongTextWriter::new();
        if let Ok((_, content)) = &mut writer.state {
            content.room = Room::none();
        }
        for _ in 0..3 {
            writer.write(&"A".repeat(1 << 20));
        }
        let undecoded = writer.finish().unwrap_err();
        assert!(undecoded.to_string().starts_with("the content cannot be stored: "), "{undecoded}");
    }
}
