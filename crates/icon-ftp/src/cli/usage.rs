//! What clap says about a command line, without the passwords in it: it repeats what it does not understand, and that may
//! be a URL.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// What ends a URL in clap's sentences.
const ENDS: [char; 6] = ['\'', '"', '`', '\u{1b}', '\n', ' '];

/// Shows help and version on stdout, mistakes on stderr, and gives clap's exit code: 0, or 2.
pub(super) fn tell(error: &clap::Error) -> io::Result<ExitCode> {
    let text = without_passwords(&error.render().ansi().to_string());
    if error.use_stderr() {
        write!(anstream::stderr(), "{text}")?;
    } else {
        write!(anstream::stdout(), "{text}")?;
    }
    Ok(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1)))
}

/// The text with stars for whatever stands between `://` and `@` in a word.
fn without_passwords(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.extend([before, "://"]);
        let end = after.find(ENDS).unwrap_or(after.len());
        match after[..end].rfind('@') {
            Some(at) => {
                shown.push_str("***");
                rest = &after[at..];
            }
            None => rest = after,
        }
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_not_repeated() {
        let table = [
            ("nothing here", "nothing here"),
            ("found 'ftp://h/x'", "found 'ftp://h/x'"),
            ("found 'ftp://u:canary@h/x' and", "found 'ftp://***@h/x' and"),
            ("ftp://u:can@ary@h ftps://canary@h", "ftp://***@h ftps://***@h"),
            ("user:password@host ftp://x a@b", "user:password@host ftp://x a@b"),
        ];
        for (text, expected) in table {
            assert_eq!(without_passwords(text), expected);
        }
    }
}
