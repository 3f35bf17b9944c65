//! What holds for the text of any name, and for the name of any text.

use ftp_proto::{Charset, misleads};

const CHARSETS: [Charset; 5] =
    [Charset::Utf8, Charset::Latin1, Charset::Gbk, Charset::ShiftJis, Charset::Windows1252];

/// The input is a name, and as far as it is UTF-8 a text as well.
pub(crate) fn check(input: &[u8]) {
    for charset in CHARSETS {
        let text = charset.decode(input);
        assert_eq!(charset.encode(&text).as_deref(), Ok(input), "{charset}");
        check_marks(&text, input);
        assert!(!charset.display(input).to_string().contains(misleads), "{charset}");

        let text = String::from_utf8_lossy(input);
        match charset.encode(&text) {
            Ok(name) => {
                check_marks(&text, &name);
                assert_eq!(charset.encode(&charset.decode(&name)), Ok(name), "{charset}");
            }
            Err(lacking) => {
                assert!(text.contains(lacking.char) && charset != Charset::Utf8, "{lacking}");
                assert!(!lacking.to_string().contains(misleads));
            }
        }
    }
}

/// What ends a line, a text in C, or a folder's name stands in both or in none: no check of the one is got round by
/// the other.
fn check_marks(text: &str, name: &[u8]) {
    assert_eq!(marks(text.as_bytes()), marks(name), "{text:?} {}", name.escape_ascii());
}

fn marks(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| matches!(byte, b'\r' | b'\n' | 0 | b'/')).collect()
}
