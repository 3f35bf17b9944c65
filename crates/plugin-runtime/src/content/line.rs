//! A JSON text with pieces in it that are not there yet: in files, or in the making. It knows its length all the same.

use std::io::{self, Write};
use std::sync::mpsc::sync_channel;
use std::thread;

use super::{Content, Digest};

/// Blocks that are under way at once.
const BLOCKS: usize = 3;

/// What belongs into a text and is written past serde.
pub(crate) enum Piece {
    /// A content's text.
    Text(Content),
    /// The digits of a digest.
    Digest(Digest),
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Text(content) => content.text_len(),
            Self::Digest(_) => Digest::TEXT_LEN,
        }
    }

    fn blocks(&self, mut take: impl FnMut(Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Text(content) => content.text_blocks(|text| take(text.into_bytes())),
            Self::Digest(digest) => take(digest.text()?.into_bytes()),
        }
    }
}

/// A text, and the pieces that belong into it, each with its place between two quotes.
pub(crate) struct Line {
    text: Vec<u8>,
    pieces: Vec<(usize, Piece)>,
}

impl Line {
    /// The line of a text and of its pieces in order. Puts a newline behind it.
    pub(super) fn new(mut text: Vec<u8>, pieces: Vec<(usize, Piece)>) -> Self {
        text.push(b'\n');
        Self { text, pieces }
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.text.len() as u64 + self.pieces.iter().map(|(_, piece)| piece.len()).sum::<u64>()
    }

    /// Whether all of it is in memory, so that it can be written without a wait.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Writes all of it. While one block is written, the next is made on a thread of its own.
    ///
    /// # Errors
    /// The destination fails, or a temporary file cannot be read. A part may be written then.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        if self.is_in_memory() {
            return to.write_all(&self.text);
        }
        let (sender, blocks) = sync_channel(BLOCKS);
        thread::scope(|scope| {
            let send = move |block| sender.send(block).map_err(|_| io::ErrorKind::BrokenPipe.into());
            let making = thread::Builder::new().spawn_scoped(scope, || self.blocks(send))?;
            // Gone when this fails, which ends the thread as well.
            blocks.into_iter().try_for_each(|block: Vec<u8>| to.write_all(&block))?;
            making.join().unwrap_or_else(|_| Err(io::Error::other("a block could not be made")))
        })
    }

    /// Gives all of it to `take`, block by block.
    ///
    /// # Errors
    /// Whatever `take` has, or a temporary file cannot be read. A part may be taken then.
    pub(crate) fn blocks(&self, mut take: impl FnMut(Vec<u8>) -> io::Result<()>) -> io::Result<()> {
        let mut done = 0;
        for (at, piece) in &self.pieces {
            take(self.text[done..*at].to_vec())?;
            piece.blocks(&mut take)?;
            done = *at;
        }
        take(self.text[done..].to_vec())
    }
}

#[cfg(test)]
mod tests {
    use base64_simd::STANDARD;

    use super::*;
    use crate::content::testing::{in_file, vanished};

    fn line(content: Content) -> Line {
        Line::new(b"[\"\"]".to_vec(), vec![(2, Piece::Text(content))])
    }

    #[test]
    fn both_ways_out_give_the_same_and_as_much_as_was_said() {
        for len in [1, 5, 3_000_000] {
            let bytes = vec![7; len];
            let line = line(in_file(&bytes));
            let (mut written, mut taken) = (Vec::new(), Vec::new());
            line.write(&mut written).unwrap();
            line.blocks(|block| {
                taken.extend_from_slice(&block);
                Ok(())
            })
            .unwrap();
            let expected = format!("[\"{}\"]\n", STANDARD.encode_to_string(&bytes));
            assert!(written == expected.as_bytes() && taken == written, "{len} bytes");
            assert_eq!(written.len() as u64, line.len());
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
        let error = line(in_file(&vec![7; 4 << 20])).write(&mut Full(600_000)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_piece_that_cannot_be_read_is_a_failure() {
        let error = line(vanished(5)).write(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
