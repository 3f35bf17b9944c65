//! A content's text, made past serde, block by block.

use std::io;

use base64_simd::STANDARD;

use super::{Content, ContentReader};

/// Bytes that become one block of text (192 KiB, and 256 KiB of text). A multiple of three, so that only the last block is
/// padded.
const BYTES: usize = 192 << 10;

impl Content {
    /// How long the text is, in bytes.
    pub(super) fn text_len(&self) -> u64 {
        self.len().div_ceil(3) * 4
    }

    /// Gives the text to `take` in blocks.
    ///
    /// # Errors
    /// Whatever `take` has, or the temporary file cannot be read.
    pub(super) fn text_blocks(&self, mut take: impl FnMut(Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let mut encoder = Encoder::new(self);
        while !encoder.is_done() {
            let mut block = Vec::new();
            encoder.next(&mut block)?;
            take(block)?;
        }
        Ok(())
    }
}

/// Makes a content's text, block by block.
pub(super) struct Encoder {
    reader: ContentReader,
    left: u64,
    bytes: Vec<u8>,
}

impl Encoder {
    pub(super) fn new(content: &Content) -> Self {
        let size = usize::try_from(content.len()).map_or(BYTES, |len| len.min(BYTES));
        Self { reader: content.reader(), left: content.len(), bytes: vec![0; size] }
    }

    /// Whether all of it was made.
    pub(super) fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Makes the next block; an empty one at the end.
    pub(super) fn next(&mut self, block: &mut Vec<u8>) -> io::Result<()> {
        let count = self.reader.read_full(&mut self.bytes)?;
        if count == 0 && !self.is_done() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(count as u64);
        block.clear();
        STANDARD.encode_append(&self.bytes[..count], block);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Home;
    use crate::content::testing::in_file;

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|n| n.wrapping_mul(31).to_le_bytes()[0]).collect()
    }

    fn text(content: &Content) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        content.text_blocks(|block| {
            text.extend_from_slice(&block);
            Ok(())
        })?;
        Ok(text)
    }

    #[test]
    fn the_text_is_that_of_the_bytes_at_every_edge_of_a_block() {
        for len in [0, 1, 2, 3, BYTES - 1, BYTES, BYTES + 1, 5 * BYTES, 5 * BYTES + 2] {
            let bytes = pattern(len);
            let content = in_file(&bytes);
            let text = text(&content).unwrap();
            assert!(text == STANDARD.encode_to_string(&bytes).as_bytes(), "{len} bytes");
            assert_eq!(text.len() as u64, content.text_len(), "{len} bytes");
        }
    }

    #[test]
    fn a_file_that_was_cut_is_a_failure() {
        let content = in_file(&pattern(9 * BYTES));
        let Home::File { file, .. } = &content.0 else { panic!("it is in a file") };
        file.set_len(3 * BYTES as u64).unwrap();
        assert_eq!(text(&content).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
