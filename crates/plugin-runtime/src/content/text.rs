//! A content's text, written past serde: as fast as there is somebody to take it.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use base64_simd::STANDARD;

use super::{Content, ContentReader};

/// Bytes that become one block of text (192 KiB, and 256 KiB of text). A multiple of three, so that only the last block is
/// padded.
const BYTES: usize = 192 << 10;

/// Blocks of text that are under way at once.
const BLOCKS: usize = 3;

impl Content {
    /// How long the text is, in bytes.
    pub(crate) fn text_len(&self) -> u64 {
        self.len().div_ceil(3) * 4
    }

    /// Writes the text. While a block of it is written, the next one is read and encoded on a thread of its own.
    ///
    /// # Errors
    /// The destination fails, or the temporary file cannot be read.
    pub(crate) fn write_text(&self, to: &mut impl Write) -> io::Result<()> {
        let mut encoder = Encoder::new(self);
        let mut block = Vec::new();
        if self.len() <= BYTES as u64 {
            encoder.next(&mut block)?;
            return to.write_all(&block);
        }
        let (sender, full) = sync_channel(BLOCKS);
        let (give_back, empty) = sync_channel(BLOCKS);
        thread::scope(|scope| {
            thread::Builder::new().spawn_scoped(scope, move || encoder.run(&sender, &empty))?;
            for block in full {
                let block = block?;
                to.write_all(&block)?;
                // An encoder that is done needs no more of them.
                let _ = give_back.try_send(block);
            }
            Ok(())
        })
    }

    /// Gives the text to `take` in blocks, for takers that keep them.
    ///
    /// # Errors
    /// Whatever `take` has, or the temporary file cannot be read.
    pub(crate) fn text_blocks(&self, mut take: impl FnMut(Vec<u8>) -> io::Result<()>) -> io::Result<()> {
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

    /// Makes all of it, until nobody takes it any more. A failure is the last block.
    fn run(mut self, to: &SyncSender<io::Result<Vec<u8>>>, empty: &Receiver<Vec<u8>>) {
        while !self.is_done() {
            let mut block = empty.try_recv().unwrap_or_default();
            let made = self.next(&mut block).map(|()| block);
            let is_last = made.is_err();
            if to.send(made).is_err() || is_last {
                return;
            }
        }
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
    use crate::content::testing::in_file;

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|n| n.wrapping_mul(31).to_le_bytes()[0]).collect()
    }

    #[test]
    fn the_text_is_that_of_the_bytes_at_every_edge_of_a_block() {
        for len in [0, 1, 2, 3, BYTES - 1, BYTES, BYTES + 1, 5 * BYTES, 5 * BYTES + 2] {
            let bytes = pattern(len);
            let content = in_file(&bytes);
            let mut text = Vec::new();
            content.write_text(&mut text).unwrap();
            assert!(text == STANDARD.encode_to_string(&bytes).as_bytes(), "{len} bytes");
            assert_eq!(text.len() as u64, content.text_len(), "{len} bytes");
        }
    }

    #[test]
    fn a_destination_that_fails_ends_it_at_once() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let content = in_file(&pattern(20 * BYTES));
        let error = content.write_text(&mut Full(600_000)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_file_that_was_cut_is_a_failure() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(3 * BYTES as u64).unwrap();
        let content =
            Content(crate::content::Home::File { file: file.into(), len: 9 * BYTES as u64, follower: None });
        let error = content.write_text(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
