//! A content's text, made past serde, block by block.

use std::io;

use base64_simd::STANDARD;

use super::Content;

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
    pub(super) fn text_blocks(&self, mut take: impl FnMut(String) -> io::Result<()>) -> io::Result<()> {
        let (mut reader, mut left) = (self.reader(), self.len());
        let mut bytes = vec![0; usize::try_from(left).map_or(BYTES, |left| left.min(BYTES))];
        while left > 0 {
            let count = reader.read_full(&mut bytes)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left = left.saturating_sub(count as u64);
            take(STANDARD.encode_to_string(&bytes[..count]))?;
        }
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

    fn text(content: &Content) -> io::Result<String> {
        let mut text = String::new();
        content.text_blocks(|block| {
            text.push_str(&block);
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
            assert!(text == STANDARD.encode_to_string(&bytes), "{len} bytes");
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
