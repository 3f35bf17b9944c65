//! Files that appear under their name only when they are whole.
//!
//! A draft stands beside the file that it becomes, as `<name>.<random>.new`, and only its owner can read it. A process
//! that is killed leaves its draft behind.

use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

/// The end of a draft's name.
const ENDING: &str = ".new";

/// Begins a draft of the file at `path`, under a name that no other process has. Dropping it removes it.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn begin(path: &Path) -> io::Result<NamedTempFile> {
    let (folder, prefix) = place(path);
    tempfile::Builder::new().prefix(&prefix).suffix(ENDING).tempfile_in(folder)
}

/// Removes what processes that were killed have left beside `path`. It only takes up room: what cannot be removed
/// stays. The caller sees to it that nobody else writes a draft of this file, or has any use for one.
pub(crate) fn remove_left(path: &Path) {
    let (folder, prefix) = place(path);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_draft(&entry.file_name().to_string_lossy(), &prefix) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Whether this is the name of a draft whose name begins so. Without a dot in between: `t.redb.x.redb.1a.new` is a
/// draft of `t.redb.x.redb` and not of `t.redb`.
fn is_draft(name: &str, prefix: &str) -> bool {
    let random = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(ENDING));
    random.is_some_and(|random| random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The folder of a file, and how the names of its drafts begin.
fn place(path: &Path) -> (&Path, String) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    (folder, format!("{name}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::names_in;

    #[test]
    fn the_drafts_of_a_file_are_removed_and_those_of_others_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let others = ["t.new", "t.redb.x.redb", "t.redb.x.redb.1a.new", "u.redb.1a.new"];
        for name in others.iter().chain(&["t.redb.a1B2c3.new"]) {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let path = folder.path().join("t.redb");
        let begun = begin(&path).unwrap().into_temp_path().keep().unwrap();
        assert!(begun.exists() && !path.exists());
        remove_left(&path);
        assert_eq!(names_in(folder.path()), others);
    }
}
