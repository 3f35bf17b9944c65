//! The size of a file, as `SIZE` answers it: the one number by which a transfer can be checked.

use crate::digits::decimal;
use crate::reply::Reply;

/// The bytes in the answer to `SIZE` (RFC 3659 §4): `213 184467`. The code is not looked at. `None` when the text is
/// something else than digits, or the number does not fit into 64 bits.
pub fn parse_size(reply: &Reply) -> Option<u64> {
    decimal(reply.text().trim().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::reply;

    #[test]
    fn sizes() {
        let table = [
            ("213 0", Some(0)),
            ("213 184467", Some(184_467)),
            ("213  42 ", Some(42)),
            ("213 18446744073709551615", Some(u64::MAX)),
            ("213 18446744073709551616", None),
            ("213 -1", None),
            ("213 +1", None),
            ("213 12 bytes", None),
            ("213", None),
        ];
        for (text, size) in table {
            assert_eq!(parse_size(&reply(format!("{text}\r\n"))), size, "{text}");
        }
    }
}
