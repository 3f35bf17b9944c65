//! Names on the server are bytes with `/` between them. Work on them is lexical: only the server knows what `..` or
//! a link leads to.

use std::fmt::{self, Display};

use thiserror::Error;

use crate::argument::{Argument, ArgumentError};
use crate::charset::{Charset, Unencodable};
use crate::escape::Escaped;

/// A path on the server: not empty, and without CR, LF or NUL.
///
/// ```
/// use ftp_proto::RemotePath;
///
/// let path = RemotePath::parse("inbox/")?.join(b"a b.txt")?;
/// assert_eq!(path.as_bytes(), b"inbox/a b.txt");
/// assert_eq!(path.file_name(), Some(&b"a b.txt"[..]));
/// assert_eq!(path.parent(), Some(RemotePath::parse("inbox")?));
/// # Ok::<(), ftp_proto::PathError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemotePath(Argument);

impl RemotePath {
    /// Takes bytes as the server knows them.
    pub fn parse(bytes: impl Into<Vec<u8>>) -> Result<Self, PathError> {
        let argument = Argument::parse(bytes)?;
        if argument.as_bytes().is_empty() {
            return Err(PathError::Empty);
        }
        Ok(Self(argument))
    }

    /// Takes text, which the server knows in this charset.
    pub fn encode(text: &str, charset: Charset) -> Result<Self, PathError> {
        Self::parse(charset.encode(text)?)
    }

    /// The folder that the session is in: `.`.
    pub fn here() -> Self {
        Self(Argument::dot())
    }

    /// The path's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The path of `name` in this folder, with one slash between the two whatever slashes they bring along.
    ///
    /// `name` comes from a listing as a rule, and a listing is the server's word: `..` is joined like any other name,
    /// and a caller that must stay inside the folder checks first. A name without anything but slashes is
    /// [`PathError::Empty`].
    pub fn join(&self, name: &[u8]) -> Result<Self, PathError> {
        let leading = name.iter().take_while(|byte| **byte == b'/').count();
        let name = name.get(leading..).filter(|name| !name.is_empty()).ok_or(PathError::Empty)?;
        let mut bytes = without_trailing_slashes(self.as_bytes()).to_vec();
        bytes.push(b'/');
        bytes.extend_from_slice(name);
        Self::parse(bytes)
    }

    /// The path without its last part: `a/b` → `a`, `/a` → `/`. None when there is nothing before it: `a`, `/`.
    /// Trailing slashes do not count.
    pub fn parent(&self) -> Option<Self> {
        let path = without_trailing_slashes(self.as_bytes());
        let slash = path.iter().rposition(|byte| *byte == b'/')?;
        let parent = without_trailing_slashes(path.get(..slash)?);
        Self::parse(if parent.is_empty() { b"/" } else { parent }).ok()
    }

    /// The last part. None for `/`, `.` and `..`, which name no file. Trailing slashes do not count.
    pub fn file_name(&self) -> Option<&[u8]> {
        let path = without_trailing_slashes(self.as_bytes());
        let name = path.rsplit(|byte| *byte == b'/').next()?;
        (!matches!(name, b"" | b"." | b"..")).then_some(name)
    }

    /// The path for people: as text where it is UTF-8, `\xNN` where not, and control characters escaped, so that a hostile
    /// name cannot drive a terminal.
    pub fn display(&self) -> impl Display {
        Escaped(self.as_bytes())
    }
}

impl fmt::Debug for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemotePath({})", self.display())
    }
}

/// Why bytes cannot be a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathError {
    /// Nothing was given. The login folder is `.`, the root is `/`.
    #[error("the path is empty")]
    Empty,
    /// The path holds what no argument may hold.
    #[error("the path holds a {0}")]
    Argument(#[from] ArgumentError),
    /// The path holds a character that the server's charset lacks.
    #[error("{0}")]
    Unencodable(#[from] Unencodable),
}

fn without_trailing_slashes(path: &[u8]) -> &[u8] {
    let trailing = path.iter().rev().take_while(|byte| **byte == b'/').count();
    path.get(..path.len() - trailing).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(bytes: &[u8]) -> RemotePath {
        RemotePath::parse(bytes).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn parents_and_file_names() {
        type Part = Option<&'static str>;
        let table: [(&str, Part, Part); 14] = [
            ("a", None, Some("a")),
            ("a/", None, Some("a")),
            ("a/b", Some("a"), Some("b")),
            ("a/b//", Some("a"), Some("b")),
            ("a//b", Some("a"), Some("b")),
            ("/a", Some("/"), Some("a")),
            ("//a", Some("/"), Some("a")),
            ("/a/b", Some("/a"), Some("b")),
            ("/", None, None),
            ("//", None, None),
            (".", None, None),
            ("..", None, None),
            ("a/..", Some("a"), None),
            ("./a", Some("."), Some("a")),
        ];
        for (whole, parent, file_name) in table {
            let whole = path(whole.as_bytes());
            assert_eq!(whole.parent(), parent.map(|parent| path(parent.as_bytes())), "parent of {whole:?}");
            assert_eq!(whole.file_name(), file_name.map(str::as_bytes), "file name of {whole:?}");
        }
    }

    #[test]
    fn joins_with_one_slash() {
        let table: [(&str, &str, Result<&str, PathError>); 8] = [
            ("a", "b", Ok("a/b")),
            ("a/", "b", Ok("a/b")),
            ("a//", "//b", Ok("a/b")),
            ("/", "b", Ok("/b")),
            ("a", "../b", Ok("a/../b")),
            ("a", "b/", Ok("a/b/")),
            ("a", "", Err(PathError::Empty)),
            ("a", "b\r\nQUIT", Err(PathError::Argument(ArgumentError::CarriageReturn { at: 3 }))),
        ];
        for (folder, name, whole) in table {
            assert_eq!(path(folder.as_bytes()).join(name.as_bytes()), whole.map(|w| path(w.as_bytes())));
        }
    }

    #[test]
    fn refuses_what_is_no_path() {
        assert_eq!(RemotePath::parse(""), Err(PathError::Empty));
        let error = RemotePath::parse("a\nb").map_err(|error| error.to_string());
        assert_eq!(error, Err("the path holds a line feed at byte 1".to_owned()));
    }

    #[test]
    fn text_becomes_the_bytes_of_its_charset() {
        assert_eq!(RemotePath::encode("größe", Charset::Latin1), Ok(path(b"gr\xf6\xdfe")));
        let lacking = Unencodable { char: 'ö', charset: Charset::Gbk };
        assert_eq!(RemotePath::encode("größe", Charset::Gbk), Err(PathError::Unencodable(lacking)));
        let error = RemotePath::encode("ö\r\nDELE x", Charset::Latin1);
        assert_eq!(error, Err(PathError::Argument(ArgumentError::CarriageReturn { at: 1 })));
    }

    #[test]
    fn is_shown_without_control_sequences() {
        assert_eq!(path(b"a\x1b[2J/\xff").display().to_string(), "a\\u{1b}[2J/\\xff");
    }

    proptest! {
        #[test]
        fn a_joined_name_is_the_file_name_and_its_folder_the_parent(
            folder in "[a-z./]{1,12}", name in "[a-z]{1,8}",
        ) {
            let folder = path(folder.as_bytes());
            let joined = folder.join(name.as_bytes()).map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(joined.file_name(), Some(name.as_bytes()));
            let parent = joined.parent().map(|p| without_trailing_slashes(p.as_bytes()).to_vec());
            prop_assert_eq!(parent, Some(without_trailing_slashes(folder.as_bytes()).to_vec()));
        }

        #[test]
        fn arbitrary_paths_have_parts(bytes: Vec<u8>) {
            if let Ok(path) = RemotePath::parse(bytes) {
                let _ = (path.parent(), path.file_name(), path.display().to_string());
            }
        }
    }
}
