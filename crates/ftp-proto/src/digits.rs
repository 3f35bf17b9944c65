//! Numbers on the wire are digits and nothing else. Rust's own parsers take a plus sign as well, so that every number
//! is read here.

/// The value of decimal digits. None without any, with anything else among them, and when it is beyond `T`.
pub(crate) fn decimal<T: TryFrom<u64>>(digits: &[u8]) -> Option<T> {
    T::try_from(number(digits, 10)?).ok()
}

/// Whether it is digits and nothing else, however large the number.
pub(crate) fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// The value of one or two decimal digits, as calendars and clocks have them.
pub(crate) fn short_number(digits: &[u8]) -> Option<u32> {
    (digits.len() <= 2).then(|| decimal(digits))?
}

/// The value of octal digits, as a mode is written. None without any, with anything else among them, and when it is
/// beyond 32 bits.
pub(crate) fn octal(digits: &[u8]) -> Option<u32> {
    number(digits, 8)?.try_into().ok()
}

/// The value of digits in a base of ten at most.
fn number(digits: &[u8], base: u8) -> Option<u64> {
    let add = |value: u64, digit: &u8| {
        let digit = digit.wrapping_sub(b'0');
        let value = value.checked_mul(u64::from(base))?.checked_add(u64::from(digit))?;
        (digit < base).then_some(value)
    };
    (!digits.is_empty()).then(|| digits.iter().try_fold(0, add))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_and_nothing_else() {
        let table: [(&[u8], Option<u8>, Option<u32>); 12] = [
            (b"0", Some(0), Some(0)),
            (b"007", Some(7), Some(7)),
            (b"255", Some(255), Some(0o255)),
            (b"256", None, Some(0o256)),
            (b"18", Some(18), None),
            (b"37777777777", None, Some(u32::MAX)),
            (b"40000000000", None, None),
            (b"", None, None),
            (b"+1", None, None),
            (b"-1", None, None),
            (b" 1", None, None),
            (b"1\xff", None, None),
        ];
        for (digits, as_decimal, as_octal) in table {
            assert_eq!((decimal(digits), octal(digits)), (as_decimal, as_octal), "{}", digits.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(value: u64, mode: u32) {
            prop_assert_eq!(decimal(value.to_string().as_bytes()), Some(value));
            prop_assert_eq!(octal(format!("{mode:o}").as_bytes()), Some(mode));
        }
    }
}
