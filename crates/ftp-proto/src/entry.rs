//! What a listing says about one thing. Most of it is optional: servers leave out what they do not know.

use crate::time::Modified;

/// One thing in a folder, or the subject of an `MLST`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name as the server sent it, in the server's encoding; never empty.
    ///
    /// It is the server's word and may hold `/`, `..` or control characters: who joins it to a path decides what to
    /// allow. `MLST` answers with the whole path as a rule.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes. Where a server counts in blocks (OpenVMS), the file may end within the last of them.
    pub size: Option<u64>,
    /// When it was modified, as exactly as the listing says.
    pub modified: Option<Modified>,
    /// The mode as `stat` gives it in `st_mode`, type bits included: `0o100644` for a plain file.
    pub mode: Option<u32>,
    /// What a link points to, as the server sent it.
    pub target: Option<Vec<u8>>,
    /// A text that is the same for two names of one file and for one file before and after a rename, and different
    /// for different files (RFC 3659 §7.5.2). Opaque. `ProFTPD` 1.3.8 gives a link the text of its target.
    pub unique: Option<Vec<u8>>,
}

/// What kind of thing an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, or what Windows has for it.
    Link,
    /// A device, a pipe, a socket, or something the server does not explain.
    Other,
}
