//! The control connection is a Telnet connection (RFC 959 §5.3), and one rule of Telnet reaches file names: the byte
//! 0xFF, "interpret as command", is sent twice where it is meant as itself (RFC 854).

const IAC: u8 = 0xFF;

/// Doubles every 0xFF.
pub(crate) fn escape(text: &[u8]) -> impl Iterator<Item = u8> {
    text.iter().flat_map(|byte| std::iter::repeat_n(*byte, if *byte == IAC { 2 } else { 1 }))
}

/// Makes one 0xFF of two, as vsftpd 3.0.3 sends them. A single one, as `ProFTPD` 1.3.8 and Pure-FTPd 1.0.50 send it, is
/// kept.
pub(crate) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        plain.push(byte);
        if byte == IAC {
            bytes.next_if_eq(&IAC);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_single_escape_byte_is_kept() {
        assert_eq!(unescape(b"\xff.\xff\xff.\xff\xff\xff"), b"\xff.\xff.\xff\xff");
    }

    proptest! {
        #[test]
        fn what_is_escaped_comes_back(text in proptest::collection::vec(prop_oneof![Just(IAC), any::<u8>()], 0..40)) {
            let escaped: Vec<u8> = escape(&text).collect();
            prop_assert_eq!(unescape(&escaped), text);
        }
    }
}
