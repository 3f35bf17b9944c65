//! What a server sends ends up in logs and on terminals, so it is shown with its teeth drawn: a control sequence in a
//! file name must not drive the terminal, and a line end in a reply must not forge a log line.

use std::fmt::{self, Display};

use crate::charset::{Charset, stood_in_for};

/// Shows bytes as text: UTF-8 where they are UTF-8, `\xNN` where not, and control characters escaped.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a [u8]);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&Shown(Charset::Utf8.decode(self.0)), f)
    }
}

/// Shows the text of a name: `\xNN` for bytes that were none, and control characters escaped.
pub(crate) struct Shown(pub(crate) String);

impl Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_odd = |(_, char): &(usize, char)| stood_in_for(*char).is_some() || misleads(*char);
        let mut rest = self.0.as_str();
        while let Some((at, char)) = rest.char_indices().find(is_odd) {
            f.write_str(&rest[..at])?;
            match stood_in_for(char) {
                Some(byte) => write!(f, "\\x{byte:02x}")?,
                None => write!(f, "{}", char.escape_default())?,
            }
            rest = &rest[at + char.len_utf8()..];
        }
        f.write_str(rest)
    }
}

/// Whether a terminal obeys a character instead of showing it: C0 and C1 controls, line and paragraph separators, and the
/// marks that reorder the text around them.
pub fn misleads(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        let table: [(&[u8], &str); 7] = [
            (b"plain \\ text", "plain \\ text"),
            ("größe".as_bytes(), "größe"),
            (b"\x1b[2Jgone", "\\u{1b}[2Jgone"),
            (b"a\r\n230 forged", "a\\r\\n230 forged"),
            ("csi \u{9b}2J".as_bytes(), "csi \\u{9b}2J"),
            ("exe.\u{202e}fdp".as_bytes(), "exe.\\u{202e}fdp"),
            (b"latin \xe9!", "latin \\xe9!"),
        ];
        for (bytes, shown) in table {
            assert_eq!(Escaped(bytes).to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_misleads_gets_through(bytes: Vec<u8>) {
            prop_assert!(!Escaped(&bytes).to_string().chars().any(misleads));
        }
    }
}
