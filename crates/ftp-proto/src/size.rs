//! The size of a file, as `SIZE` answers it: the one number by which a transfer can be checked.

use thiserror::Error;

use crate::reply::Reply;

/// The bytes in the answer to `SIZE` (RFC 3659 §4): `213 184467`. The code is not looked at.
pub fn parse_size(reply: &Reply) -> Result<u64, SizeError> {
    let text = reply.text();
    let digits = text.trim();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SizeError::NotANumber);
    }
    digits.parse().map_err(|_| SizeError::TooLarge)
}

/// Why a reply gives no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SizeError {
    /// The text is something else than digits.
    #[error("the reply is not a size")]
    NotANumber,
    /// The number does not fit into 64 bits.
    #[error("the size is greater than any file's")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::reply;

    #[test]
    fn sizes() {
        let table = [
            ("213 0", Ok(0)),
            ("213 184467", Ok(184_467)),
            ("213  42 ", Ok(42)),
            ("213 18446744073709551615", Ok(u64::MAX)),
            ("213 18446744073709551616", Err(SizeError::TooLarge)),
            ("213 -1", Err(SizeError::NotANumber)),
            ("213 +1", Err(SizeError::NotANumber)),
            ("213 12 bytes", Err(SizeError::NotANumber)),
            ("213", Err(SizeError::NotANumber)),
        ];
        for (text, size) in table {
            assert_eq!(parse_size(&reply(format!("{text}\r\n"))), size, "{text}");
        }
    }
}
