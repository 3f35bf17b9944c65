//! Where the password comes from when the URL has none: `--password-file`, `FTP_PASSWORD`, `~/.netrc`; without any of
//! them the login is anonymous.
//!
//! A password goes only with the user it was meant for: `FTP_PASSWORD` is not shown to a server on which nobody named a
//! user, and a user without a password does not silently become anonymous.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::{env, fs};

use ftp_client::{Credentials, Secret};

use super::exit::Problem;
use super::netrc;
use super::url::FtpUrl;
use crate::connection::ANONYMOUS;

/// The most bytes of a password file that are read for its first line.
const LONGEST_PASSWORD: u64 = 64 * 1024;

/// The names of anonymous logins (RFC 1635 §3.1), whose password is nobody's secret.
const ANONYMOUS_NAMES: [&[u8]; 2] = [b"anonymous", b"ftp"];

/// Where to look, in this order.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// `--password-file`; `-` is stdin.
    pub(super) file: Option<PathBuf>,
    /// `FTP_PASSWORD`.
    pub(super) variable: Option<Secret<OsString>>,
    /// `NETRC`, or `.netrc` in the home folder.
    pub(super) netrc: Option<PathBuf>,
}

/// A user and a password, still as they were found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Vec<u8>,
    pub(super) password: Secret<Vec<u8>>,
}

impl Sources {
    /// The sources of this process; `file` is its `--password-file`.
    pub(super) fn of_process(file: Option<PathBuf>) -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let at_home = || env::home_dir().map(|home| home.join(".netrc"));
        Self {
            file,
            variable: set("FTP_PASSWORD").map(Secret::new),
            netrc: set("NETRC").map(PathBuf::from).or_else(at_home),
        }
    }

    /// The login for a URL.
    pub(super) fn login(&self, url: &FtpUrl) -> Result<Login, Problem> {
        let Some(user) = &url.user else { return self.login_of_nobody(url) };
        let password = match &url.password {
            Some(password) => Some(password.clone()),
            None => self.password_of(user, &url.host)?,
        };
        let is_anonymous = ANONYMOUS_NAMES.contains(&user.as_slice());
        let password = password.or_else(|| is_anonymous.then(anonymous_password));
        let password = password.ok_or_else(|| no_password(user))?;
        Ok(Login { user: user.clone(), password })
    }

    fn password_of(&self, user: &[u8], host: &str) -> Result<Option<Secret<Vec<u8>>>, Problem> {
        if let Some(file) = &self.file {
            return first_line(file).map(Some);
        }
        if let Some(variable) = &self.variable {
            return Ok(Some(Secret::new(variable.expose().as_encoded_bytes().to_vec())));
        }
        Ok(self.in_netrc(host, Some(user))?.and_then(|entry| entry.password))
    }

    fn login_of_nobody(&self, url: &FtpUrl) -> Result<Login, Problem> {
        if url.password.is_some() || self.file.is_some() {
            return Err(Problem::usage(
                "There is a password, but the URL names no user it could belong to",
                "Name the user in the URL: ftp://user@ftp.example.com/",
            ));
        }
        let entry = self.in_netrc(&url.host, None)?.unwrap_or_default();
        Ok(match (entry.login, entry.password) {
            (Some(user), Some(password)) => Login { user, password },
            _ => Login { user: ANONYMOUS.0.into(), password: anonymous_password() },
        })
    }

    fn in_netrc(&self, host: &str, user: Option<&[u8]>) -> Result<Option<netrc::Entry>, Problem> {
        let Some(path) = &self.netrc else { return Ok(None) };
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(path, &error)),
        };
        netrc::find(&text, host, user).map_err(|error| {
            Problem::usage(
                format!("{} cannot be understood: {error}", path.display()),
                "Close it in the same line. In quotation marks, write a quotation mark as \\\".",
            )
        })
    }
}

impl Login {
    /// The password, unless everybody knows it.
    pub(super) fn secret(&self) -> Option<&[u8]> {
        let is_known = self.password == anonymous_password();
        (!is_known).then_some(self.password.expose().as_slice())
    }

    /// Fit for the control connection.
    pub(super) fn credentials(self) -> Result<Credentials, Problem> {
        Credentials::parse(self.user, self.password.expose().as_slice()).map_err(|error| {
            Problem::usage(
                format!("The login cannot be sent: {error}"),
                "FTP cannot carry line ends and NULs, since those would end the command. Look at the file it comes from.",
            )
        })
    }
}

fn anonymous_password() -> Secret<Vec<u8>> {
    Secret::new(ANONYMOUS.1.into())
}

/// The first line of a file without its end; `-` is stdin.
fn first_line(path: &Path) -> Result<Secret<Vec<u8>>, Problem> {
    let read = if path.as_os_str() == OsStr::new("-") {
        read_line(io::stdin())
    } else {
        File::open(path).and_then(read_line)
    };
    let line = read.map_err(|error| unreadable(path, &error))?;
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    Ok(Secret::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
}

fn read_line(source: impl Read) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(source.take(LONGEST_PASSWORD)).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty"));
    }
    Ok(line)
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::usage(
        format!("The password cannot be read from {}: {error}", path.display()),
        "Check that the file is there and that you may read it. Nothing was sent to the server.",
    )
}

fn no_password(user: &[u8]) -> Problem {
    Problem::usage(
        format!("There is no password for the user {}", String::from_utf8_lossy(user)),
        "Give it with --password-file, in FTP_PASSWORD, in ~/.netrc, or in the URL: ftp://user:password@ftp.example.com/. \
         An empty one is ftp://user:@ftp.example.com/.",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(content: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file
    }

    /// `user:password`, or the cause of the refusal.
    fn login(url: &str, sources: &Sources) -> Result<String, String> {
        match sources.login(&FtpUrl::parse(url.as_bytes()).unwrap()) {
            Ok(Login { user, password }) => Ok(format!(
                "{}:{}",
                String::from_utf8(user).unwrap(),
                String::from_utf8(password.expose().clone()).unwrap()
            )),
            Err(Problem::Told(_, failure)) => Err(failure.cause().to_owned()),
            Err(Problem::Output(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn the_most_particular_source_counts() {
        let (line, netrc) =
            (file("from file\r\nsecond line\n"), file("machine h login n password from-netrc"));
        let sources = |file: bool, variable: bool, with_netrc: bool| Sources {
            file: file.then(|| line.path().to_owned()),
            variable: variable.then(|| Secret::new("from variable".into())),
            netrc: with_netrc.then(|| netrc.path().to_owned()),
        };
        let table = [
            ("ftp://u:p@h/", sources(true, true, true), "u:p"),
            ("ftp://u:@h/", sources(true, true, true), "u:"),
            ("ftp://u@h/", sources(true, true, true), "u:from file"),
            ("ftp://u@h/", sources(false, true, true), "u:from variable"),
            ("ftp://n@h/", sources(false, false, true), "n:from-netrc"),
            ("ftp://h/", sources(false, false, true), "n:from-netrc"),
            // The variable is for the user that the URL names, and it names none.
            ("ftp://h/", sources(false, true, true), "n:from-netrc"),
            ("ftp://h/", sources(false, true, false), "anonymous:anonymous@"),
            ("ftp://other/", sources(false, false, true), "anonymous:anonymous@"),
            ("ftp://ftp@h/", sources(false, false, false), "ftp:anonymous@"),
            ("ftp://anonymous:me@h/", sources(false, false, false), "anonymous:me"),
        ];
        for (url, sources, expected) in table {
            assert_eq!(login(url, &sources).as_deref(), Ok(expected), "{url} {sources:?}");
        }
    }

    #[test]
    fn a_login_that_is_not_whole_is_named() {
        let (empty, unclosed) = (file(""), file("machine h login u password \"canary"));
        let at = |path: &Path| Some(path.to_owned());
        let gone = Path::new("/no such file");
        let table = [
            ("ftp://u@h/", Sources::default(), "no password for the user u"),
            ("ftp://:canary@h/", Sources::default(), "names no user"),
            ("ftp://h/", Sources { file: at(empty.path()), ..Sources::default() }, "names no user"),
            ("ftp://u@h/", Sources { file: at(empty.path()), ..Sources::default() }, "it is empty"),
            ("ftp://u@h/", Sources { file: at(gone), ..Sources::default() }, "/no such file"),
            ("ftp://u@h/", Sources { netrc: at(gone), ..Sources::default() }, "no password for the user u"),
            ("ftp://h/", Sources { netrc: at(unclosed.path()), ..Sources::default() }, "in line 1"),
            ("ftp://h/", Sources { netrc: at(&env::temp_dir()), ..Sources::default() }, "cannot be read"),
        ];
        for (url, sources, named) in table {
            let cause = login(url, &sources).unwrap_err();
            assert!(cause.contains(named) && !cause.contains("canary"), "{url}: {cause}");
        }
    }

    #[test]
    fn a_known_password_is_no_secret() {
        let sources = Sources::default();
        let secret = |url: &str| {
            let login = sources.login(&FtpUrl::parse(url.as_bytes()).unwrap()).unwrap();
            login.secret().map(<[u8]>::to_vec)
        };
        assert_eq!(secret("ftp://h/"), None);
        assert_eq!(secret("ftp://u:p@h/"), Some(b"p".to_vec()));
    }
}
