//! Both connections carry lines, in pieces of any size. Here they are cut, and a line that never ends is noticed
//! before it fills the memory.

use std::ops::Range;

use memchr::{memchr, memrchr};
use thiserror::Error;

/// Cuts bytes into lines that end with LF or CRLF.
///
/// The same bytes give the same lines however they were split. One CR before the LF belongs to the line's end; every
/// other byte belongs to the line. Take the lines after each push, and no more is kept than the line that is not
/// complete yet.
#[derive(Debug, Clone)]
pub struct LineSplitter {
    buffer: Vec<u8>,
    /// How many bytes at the front of the buffer were given out.
    taken: usize,
    /// How many bytes at the front of the buffer need no search: no line ends between `taken` and here.
    searched: usize,
    limit: usize,
    failed: Option<LineTooLong>,
}

impl LineSplitter {
    /// A limit that suits listings, in bytes: the longest path of Linux and the longest link target (4 KiB each), an
    /// encoding that doubles both, and the rest for facts.
    pub const LIMIT: usize = 20 * 1024;

    /// A splitter that refuses lines of more than `limit` bytes, the LF not counted.
    pub fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), taken: 0, searched: 0, limit, failed: None }
    }

    /// Takes the bytes that came next. Once a line is too long, nothing more is kept.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        self.buffer.drain(..self.taken);
        self.searched -= self.taken;
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);

        let unfinished = memrchr(b'\n', &self.buffer).map_or(0, |at| at + 1);
        if self.buffer.len() - unfinished > self.limit {
            self.buffer.truncate(unfinished);
            self.searched = self.searched.min(unfinished);
            self.failed = Some(LineTooLong { limit: self.limit });
        }
    }

    /// The next complete line, without its end. None until more bytes come.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, LineTooLong> {
        Ok(self.advance()?.map(|line| without_cr(&self.buffer[line])))
    }

    /// The lines that are left when no more bytes will come, the last of them without an end. None after the last.
    pub fn finish(&mut self) -> Result<Option<&[u8]>, LineTooLong> {
        let line = match self.advance()? {
            Some(line) => line,
            None if self.is_empty() => return Ok(None),
            None => {
                let rest = self.taken..self.buffer.len();
                self.taken = rest.end;
                rest
            }
        };
        Ok(Some(without_cr(&self.buffer[line])))
    }

    /// The bytes that were pushed and not given out yet.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    /// Of the bytes that were pushed and not given out yet, the first `bytes` in a splitter of their own: what comes is
    /// looked at without being taken.
    #[must_use]
    pub fn beginning(&self, bytes: usize) -> Self {
        let rest = self.rest();
        Self { buffer: rest[..bytes.min(rest.len())].to_vec(), ..Self::new(self.limit) }
    }

    /// How many bytes were pushed and not given out yet.
    pub fn len(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// Whether every byte that was pushed has been given out.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.failed.is_none()
    }

    /// Marks the next complete line as taken and says where in the buffer it is, without its LF.
    fn advance(&mut self) -> Result<Option<Range<usize>>, LineTooLong> {
        let Some(offset) = memchr(b'\n', &self.buffer[self.searched..]) else {
            self.searched = self.buffer.len();
            return self.failed.map_or(Ok(None), Err);
        };
        let line = self.taken..self.searched + offset;
        if line.len() > self.limit {
            let error = LineTooLong { limit: self.limit };
            *self = Self { failed: Some(error), ..Self::new(self.limit) };
            return Err(error);
        }
        self.taken = line.end + 1;
        self.searched = self.taken;
        Ok(Some(line))
    }
}

/// A line is longer than the limit. There is no way on from here: where it ends is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a line is longer than {limit} bytes")]
pub struct LineTooLong {
    /// The limit, in bytes.
    pub limit: usize,
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every line, taken as soon as it is complete, and the error that ended it.
    fn lines(limit: usize, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<LineTooLong>) {
        let mut splitter = LineSplitter::new(limit);
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.push(piece);
            loop {
                match splitter.next_line() {
                    Ok(Some(line)) => lines.push(line.to_vec()),
                    Ok(None) => break,
                    Err(error) => return (lines, Some(error)),
                }
            }
        }
        loop {
            match splitter.finish() {
                Ok(Some(line)) => lines.push(line.to_vec()),
                Ok(None) => return (lines, None),
                Err(error) => return (lines, Some(error)),
            }
        }
    }

    #[test]
    fn lines_end_with_crlf_or_lf_or_the_connection() {
        let table: [(&[u8], &[&[u8]]); 7] = [
            (b"", &[]),
            (b"a\r\nb\nc", &[b"a", b"b", b"c"]),
            (b"a\r\n", &[b"a"]),
            (b"\r\n\n", &[b"", b""]),
            (b"name ends with cr\r\r\n", &[b"name ends with cr\r"]),
            (b"a\rb\n", &[b"a\rb"]),
            (b"a\r", &[b"a"]),
        ];
        for (bytes, expected) in table {
            assert_eq!(lines(80, &[bytes]), (expected.iter().map(|line| line.to_vec()).collect(), None));
        }
    }

    #[test]
    fn finish_gives_complete_lines_first() {
        let mut splitter = LineSplitter::new(80);
        splitter.push(b"a\nb\nc");
        assert_eq!(splitter.finish(), Ok(Some(&b"a"[..])));
        assert_eq!(splitter.finish(), Ok(Some(&b"b"[..])));
        assert_eq!(splitter.finish(), Ok(Some(&b"c"[..])));
        assert_eq!(splitter.finish(), Ok(None));
    }

    #[test]
    fn the_beginning_is_cut_from_what_was_not_given_out() {
        let mut splitter = LineSplitter::new(80);
        splitter.push(b"a\nbc\ndef");
        assert_eq!(splitter.next_line(), Ok(Some(&b"a"[..])));
        for (bytes, whole_line) in [(0, None), (2, None), (3, Some(&b"bc"[..])), (80, Some(b"bc"))] {
            assert_eq!(splitter.beginning(bytes).next_line(), Ok(whole_line), "{bytes}");
        }
        assert_eq!((splitter.len(), splitter.next_line()), (6, Ok(Some(&b"bc"[..]))));
    }

    #[test]
    fn a_long_line_ends_it_for_good_after_the_lines_before() {
        let error = LineTooLong { limit: 4 };
        for tail in [&b"12345"[..], b"12345\n", b"12345\nc\n"] {
            let mut splitter = LineSplitter::new(4);
            splitter.push(b"abcd\n");
            splitter.push(tail);
            assert_eq!(splitter.next_line(), Ok(Some(&b"abcd"[..])));
            assert_eq!(splitter.next_line(), Err(error));
            splitter.push(b"ok\n");
            assert_eq!(splitter.next_line(), Err(error));
            assert_eq!(splitter.finish(), Err(error));
            assert_eq!(splitter.len(), 0);
            assert!(!splitter.is_empty());
        }
    }

    #[test]
    fn an_endless_line_is_not_kept() {
        let mut splitter = LineSplitter::new(100);
        for _ in 0..1000 {
            splitter.push(&[b'x'; 64]);
        }
        assert!(splitter.buffer.capacity() < 1000);
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_lines(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..60),
            size in 1_usize..9,
            limit in 1_usize..20,
        ) {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(lines(limit, &pieces), lines(limit, &[&bytes]));
        }
    }
}
