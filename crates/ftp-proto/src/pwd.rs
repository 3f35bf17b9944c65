//! The folder that PWD and MKD name.

use crate::path::RemotePath;
use crate::reply::Reply;

/// The path in the answer to `PWD` (RFC 959 §5.4 and appendix II): `257 "/home/user" is current`. A quote within the path
/// is doubled. A server that forgets the quotes is understood by its first word; `None` when there is no path at all.
pub fn parse_pwd(reply: &Reply) -> Option<RemotePath> {
    let text = reply.lines().next()?;
    match text.iter().position(|byte| *byte == b'"') {
        Some(quote) => RemotePath::parse(unquote(text.get(quote + 1..)?)?).ok(),
        None => RemotePath::parse(text.split(|byte| *byte == b' ').find(|word| !word.is_empty())?).ok(),
    }
}

/// What stands before the closing quote; `None` when it is missing.
fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    let mut path = Vec::new();
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if bytes.next_if_eq(&b'"').is_some() => path.push(b'"'),
            b'"' => return Some(path),
            byte => path.push(byte),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reply::{ReplyDecoder, ReplyLimits};

    fn pwd(text: &[u8]) -> Option<Vec<u8>> {
        let mut decoder = ReplyDecoder::new(ReplyLimits::default());
        decoder.push(&[b"257 ", text, b"\r\n"].concat());
        let reply = decoder.next_reply().ok().flatten()?;
        parse_pwd(&reply).map(|path| path.as_bytes().to_vec())
    }

    #[test]
    fn quoted_doubled_and_bare() {
        let table: [(&[u8], Option<&[u8]>); 8] = [
            (b"\"/\" is the current directory", Some(b"/")),
            (b"\"/home/a b\"", Some(b"/home/a b")),
            (b"\"/say \"\"hi\"\"\" created", Some(b"/say \"hi\"")),
            (b"Directory is \"/x\"", Some(b"/x")),
            (b"/bare is current", Some(b"/bare")),
            (b"\"/never closed", None),
            (b"\"\"", None),
            (b"", None),
        ];
        for (text, expected) in table {
            assert_eq!(pwd(text).as_deref(), expected, "{}", String::from_utf8_lossy(text));
        }
    }

    proptest! {
        #[test]
        fn any_path_survives_quoting(path in "[^\r\n\0]{1,40}") {
            let quoted = format!("\"{}\" is current", path.replace('"', "\"\""));
            prop_assert_eq!(pwd(quoted.as_bytes()), Some(path.into_bytes()));
        }
    }
}
