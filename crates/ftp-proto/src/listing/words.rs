//! The words of a line. Servers align their columns with as many blanks as it takes, so that it is the words that count.

/// The first words of a line, at most `MOST`, and where each of them ends.
pub(super) struct Words<'a, const MOST: usize> {
    found: [&'a [u8]; MOST],
    ends: [usize; MOST],
    count: usize,
}

impl<'a, const MOST: usize> Words<'a, MOST> {
    pub(super) fn of(line: &'a [u8]) -> Self {
        let mut words = Self { found: [&[]; MOST], ends: [0; MOST], count: 0 };
        let mut at = 0;
        while words.count < MOST {
            let Some(start) = line[at..].iter().position(|byte| !is_blank(*byte)).map(|blanks| at + blanks)
            else {
                break;
            };
            at =
                line[start..].iter().position(|byte| is_blank(*byte)).map_or(line.len(), |word| start + word);
            words.found[words.count] = &line[start..at];
            words.ends[words.count] = at;
            words.count += 1;
        }
        words
    }

    pub(super) fn at(&self, index: usize) -> Option<&'a [u8]> {
        self.all().get(index).copied()
    }

    /// The offset in the line of the byte after the word.
    pub(super) fn end(&self, index: usize) -> Option<usize> {
        self.ends[..self.count].get(index).copied()
    }

    /// The words that were found; with `MOST` of them there may be more.
    pub(super) fn all(&self) -> &[&'a [u8]] {
        &self.found[..self.count]
    }
}

/// Whether a line begins with these words, however far apart they are.
pub(super) fn begins_with(line: &[u8], words: &[&str]) -> bool {
    let mut rest = line;
    words.iter().all(|word| {
        let after = rest.trim_ascii_start().strip_prefix(word.as_bytes());
        rest = after.unwrap_or_default();
        after.is_some() && rest.first().is_none_or(|byte| is_blank(*byte))
    })
}

/// The next word, and what comes after it.
pub(super) fn next_word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii_start();
    let end = text.iter().position(|byte| is_blank(*byte)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(word, _)| !word.is_empty())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_their_ends() {
        let words = Words::<3>::of(b"  ab\tc    d e");
        assert_eq!(words.all(), [&b"ab"[..], b"c", b"d"]);
        assert_eq!([0, 1, 2].map(|index| words.end(index)), [Some(4), Some(6), Some(11)]);
        assert_eq!((words.at(3), words.end(3)), (None, None));
        assert_eq!(Words::<3>::of(b"   ").all(), [] as [&[u8]; 0]);
    }

    #[test]
    fn how_a_line_begins() {
        assert!(begins_with(b"  Name \t Size  TTR", &["Name", "Size"]));
        assert!(!begins_with(b"Name", &["Name", "Size"]));
        assert!(!begins_with(b"Names Size", &["Name", "Size"]));
    }

    #[test]
    fn one_word_after_the_other() {
        assert_eq!(next_word(b"  a  b"), Some((&b"a"[..], &b"  b"[..])));
        assert_eq!(next_word(b"  "), None);
    }
}
