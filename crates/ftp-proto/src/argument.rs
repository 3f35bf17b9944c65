//! A command is one line, so an argument that holds a line end is a second command (CWE-93). Arguments are checked
//! once, here, and every later step relies on the type.

use std::fmt;

use thiserror::Error;

use crate::escape::Escaped;

/// Bytes that can be the argument of a command: any but CR, LF and NUL.
///
/// An argument may be empty: an empty password is a password.
/// Bytes, not text: servers keep names in Latin-1, GBK or no encoding at all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Argument(Vec<u8>);

impl Argument {
    /// Takes bytes that hold no CR, LF or NUL; the error names the first that stands in the way.
    pub fn parse(bytes: impl Into<Vec<u8>>) -> Result<Self, ArgumentError> {
        let bytes = bytes.into();
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\r' => return Err(ArgumentError::CarriageReturn { at }),
                b'\n' => return Err(ArgumentError::LineFeed { at }),
                0 => return Err(ArgumentError::Nul { at }),
                _ => {}
            }
        }
        Ok(Self(bytes))
    }

    /// The argument `.`.
    pub(crate) fn dot() -> Self {
        Self(b".".to_vec())
    }

    /// The bytes as they were given, before the doubling of 0xFF that the wire wants.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Argument({})", Escaped(&self.0))
    }
}

/// Why bytes cannot be an argument. `at` is the offset in bytes, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ArgumentError {
    /// CR ends a line on some servers.
    #[error("carriage return at byte {at}")]
    CarriageReturn {
        /// Offset in bytes.
        at: usize,
    },
    /// LF ends a line.
    #[error("line feed at byte {at}")]
    LineFeed {
        /// Offset in bytes.
        at: usize,
    },
    /// NUL ends a string in C, so that the server would act on a shorter name than the one that was checked.
    #[error("NUL at byte {at}")]
    Nul {
        /// Offset in bytes.
        at: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_forbidden_byte_is_named() {
        let table: [(&[u8], &str); 4] = [
            (b"a\r\nDELE b", "carriage return at byte 1"),
            (b"a.txt\n", "line feed at byte 5"),
            (b"\0", "NUL at byte 0"),
            (b"ab\0\r", "NUL at byte 2"),
        ];
        for (bytes, error) in table {
            assert_eq!(Argument::parse(bytes).map_err(|e| e.to_string()), Err(error.to_owned()));
        }
    }

    #[test]
    fn empty_arguments_are_arguments() {
        assert_eq!(Argument::parse("").as_ref().map(Argument::as_bytes), Ok(&b""[..]));
    }

    proptest! {
        #[test]
        fn accepts_exactly_what_holds_no_line_end_and_no_nul(bytes: Vec<u8>) {
            let forbidden = bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
            match Argument::parse(bytes.clone()) {
                Ok(argument) => prop_assert!(!forbidden && argument.as_bytes() == bytes),
                Err(_) => prop_assert!(forbidden),
            }
        }
    }
}
