//! `~/.netrc`: logins by machine, in the form that ftp(1) brought up and curl and Python read.
//!
//! The crates that read it keep one login for each machine; here a user in the URL picks among several.

use ftp_client::Secret;
use thiserror::Error;

/// A login that the file knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Entry {
    /// Which machine it is for; `None` for the `default`, which is for all.
    machine: Option<Vec<u8>>,
    /// Who logs in.
    pub(super) login: Option<Vec<u8>>,
    /// The password.
    pub(super) password: Option<Secret<Vec<u8>>>,
}

/// A quotation mark that is never closed. What follows it could be anything, so nothing of it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the quotation mark in line {line} is never closed")]
pub(super) struct UnclosedQuote {
    /// The line it is in, from 1.
    line: usize,
}

/// The first entry for this machine that has a password and, if a user is given, is this user's or nobody's.
pub(super) fn find(text: &[u8], host: &str, user: Option<&[u8]>) -> Result<Option<Entry>, UnclosedQuote> {
    let is_wanted = |entry: &Entry| {
        let machine_fits =
            entry.machine.as_ref().is_none_or(|machine| machine.eq_ignore_ascii_case(host.as_bytes()));
        let user_fits = match (user, &entry.login) {
            (Some(user), Some(login)) => login == user,
            (Some(_), None) => true,
            (None, login) => login.is_some(),
        };
        machine_fits && user_fits && entry.password.is_some()
    };
    Ok(parse(text)?.into_iter().find(is_wanted))
}

/// All entries, in order. Words that nobody knows are passed over, as other programs add their own.
fn parse(text: &[u8]) -> Result<Vec<Entry>, UnclosedQuote> {
    let mut words = Words { rest: text, line: 1 };
    let mut entries = Vec::new();
    while let Some(keyword) = words.keyword()? {
        match keyword.as_slice() {
            b"machine" => entries.push(Entry { machine: words.next()?, ..Entry::default() }),
            b"default" => entries.push(Entry::default()),
            b"macdef" => words.skip_macro(),
            b"login" => {
                let login = words.next()?;
                if let Some(entry) = entries.last_mut() {
                    entry.login = login;
                }
            }
            b"password" => {
                let password = words.next()?;
                if let Some(entry) = entries.last_mut() {
                    entry.password = password.map(Secret::new);
                }
            }
            b"account" => drop(words.next()?),
            _ => {}
        }
    }
    Ok(entries)
}

/// The words of the file, one after the other.
struct Words<'t> {
    rest: &'t [u8],
    line: usize,
}

impl Words<'_> {
    /// The next word that is not in a comment. Values have no comments before them: a password may begin with `#`.
    fn keyword(&mut self) -> Result<Option<Vec<u8>>, UnclosedQuote> {
        loop {
            self.skip_blanks();
            if self.rest.first() != Some(&b'#') {
                return self.next();
            }
            self.skip_line();
        }
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, UnclosedQuote> {
        self.skip_blanks();
        match self.rest.first() {
            None => Ok(None),
            Some(b'"') => self.quoted().map(Some),
            Some(_) => {
                let end = self.rest.iter().position(u8::is_ascii_whitespace).unwrap_or(self.rest.len());
                Ok(Some(self.take(end).to_vec()))
            }
        }
    }

    /// A word in quotation marks, in which a backslash takes the meaning of the next byte away, or gives it another.
    fn quoted(&mut self) -> Result<Vec<u8>, UnclosedQuote> {
        let unclosed = UnclosedQuote { line: self.line };
        let mut word = Vec::new();
        self.take(1);
        loop {
            match self.take(1).first().ok_or(unclosed)? {
                b'"' => return Ok(word),
                b'\\' => word.push(match self.take(1).first().ok_or(unclosed)? {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => *other,
                }),
                other => word.push(*other),
            }
        }
    }

    /// A macro goes on until an empty line.
    fn skip_macro(&mut self) {
        self.skip_line();
        while !self.rest.is_empty() && !self.rest.starts_with(b"\n") && !self.rest.starts_with(b"\r\n") {
            self.skip_line();
        }
    }

    fn skip_line(&mut self) {
        let end = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |at| at + 1);
        self.take(end);
    }

    fn skip_blanks(&mut self) {
        let end = self.rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(self.rest.len());
        self.take(end);
    }

    /// The next bytes, as many as there are of `count`.
    fn take(&mut self, count: usize) -> &[u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.line += taken.split(|byte| *byte == b'\n').skip(1).count();
        self.rest = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# machine h login commented password out
machine h login anna password one
machine H
\tlogin bert   # the second login of the machine
\tpassword #two
macdef init
  machine m login macro password macro

machine q login \"c d\" password \"e \\\"f\\\\ \\x\" account none
machine nobody password three
machine half login x
machine half login y port 21 password four
default login anonymous password \"\"
";

    #[test]
    fn the_first_login_that_fits_counts() {
        type Text = Option<&'static str>;
        let table: [(&str, Text, Text, Text); 12] = [
            ("h", None, Some("anna"), Some("one")),
            ("H", Some("anna"), Some("anna"), Some("one")),
            ("h", Some("bert"), Some("bert"), Some("#two")),
            ("q", None, Some("c d"), Some("e \"f\\ x")),
            ("m", None, Some("anonymous"), Some("")),
            ("other", None, Some("anonymous"), Some("")),
            ("other", Some("anonymous"), Some("anonymous"), Some("")),
            ("other", Some("zoe"), None, None),
            ("nobody", None, Some("anonymous"), Some("")),
            ("nobody", Some("zoe"), None, Some("three")),
            ("half", None, Some("y"), Some("four")),
            ("half", Some("x"), None, None),
        ];
        for (host, user, login, password) in table {
            let entry = find(FILE.as_bytes(), host, user.map(str::as_bytes)).unwrap().unwrap_or_default();
            let found = (entry.login, entry.password.map(|password| password.expose().clone()));
            let bytes = |text: Text| text.map(|text| text.as_bytes().to_vec());
            assert_eq!(found, (bytes(login), bytes(password)), "{host} {user:?}");
        }
    }

    #[test]
    fn odd_files_hold_nothing_and_harm_nobody() {
        let table: [&[u8]; 8] = [
            b"",
            b"\n\n",
            b"login u password p",
            b"machine",
            b"machine h login",
            b"machine h login u password",
            b"macdef x\nmachine h login u password p",
            b"\xff\xfe machine",
        ];
        for text in table {
            assert_eq!(find(text, "h", None), Ok(None), "{}", text.escape_ascii());
        }
        let unclosed = find(b"machine h\r\nlogin u password \"canary", "h", None).unwrap_err();
        assert_eq!(unclosed.to_string(), "the quotation mark in line 2 is never closed");
    }
}
