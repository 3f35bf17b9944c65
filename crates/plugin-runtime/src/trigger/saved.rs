//! Start messages of triggers that are to go on after a restart of the process.
//!
//! Each is the file `<triggerId>.start.json` in the cache folder, with the message as it came. **It holds the
//! connection's credentials**: nobody but the process's own user can read it, from its first byte on. A file that is not
//! understood is never deleted.

use std::borrow::Borrow as _;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::id::TriggerId;
use crate::draft;
use crate::failure::Failure;
use crate::message::{StartMessage, Step};

/// The ending of such a file's name.
const ENDING: &str = ".start.json";

/// The most bytes of a message that is saved (1 MiB). A trigger's message holds settings, not files.
pub(crate) const MESSAGE_LIMIT: usize = 1 << 20;

/// Why a saved message cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("it has more than {MESSAGE_LIMIT} bytes")]
    TooLarge,
    #[error("{0}")]
    Damaged(Failure),
    #[error("it does not start a trigger")]
    NoTrigger,
    #[error("its triggerId is not the one in its name")]
    OfAnother,
}

/// A message that was read back.
pub(super) struct Saved {
    pub(super) id: TriggerId,
    /// The name of the trigger.
    pub(super) trigger: String,
    pub(super) message: StartMessage,
}

/// Whether a message can be saved.
///
/// # Errors
/// It is too large.
pub(super) fn check(text: &[u8]) -> Result<(), Failure> {
    if text.len() <= MESSAGE_LIMIT {
        return Ok(());
    }
    Err(Failure::message(format!("The start message has more than {MESSAGE_LIMIT} bytes")).with_assistance(
        "It is saved so that the trigger goes on after a restart. Leave out what the trigger does not need.",
    ))
}

/// Saves the message of a trigger whose state this process owns, in place of an earlier one. A crash leaves the old
/// message or the new one.
///
/// # Errors
/// The disk fails.
pub(super) fn write(cache_dir: &Path, id: &TriggerId, text: &[u8]) -> Result<(), Failure> {
    let path = id.file(cache_dir, ENDING);
    replace(&path, text).map_err(|error| {
        Failure::internal(
            format!("The start message cannot be saved as {}: {error}", path.display()),
            "Check that the cache folder can be written and has room.",
        )
    })
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut draft = draft::begin(path)?;
    draft.write_all(text)?;
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    // They hold credentials, too.
    draft::remove_left(path);
    sync_folder(path)
}

/// Has the disk know the file under its name.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes the message of a trigger that was deleted, if there is one.
///
/// # Errors
/// The disk fails.
pub(super) fn remove(cache_dir: &Path, id: &TriggerId) -> Result<(), Failure> {
    let path = id.file(cache_dir, ENDING);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::internal(
            format!("The saved start message {} cannot be removed: {error}", path.display()),
            "Remove it, or the trigger comes back when the process starts again.",
        )),
        _ => Ok(()),
    }
}

/// The files of all saved messages, in the order of their names.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn all(cache_dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(cache_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.retain(|path| stem(path).is_some());
    files.sort();
    Ok(files)
}

/// Reads a saved message.
///
/// # Errors
/// It is not what [`write`] has written.
pub(super) fn read(path: &Path) -> Result<Saved, Unusable> {
    let mut text = Vec::new();
    File::open(path)?.take(MESSAGE_LIMIT as u64 + 1).read_to_end(&mut text)?;
    if text.len() > MESSAGE_LIMIT {
        return Err(Unusable::TooLarge);
    }
    let message = StartMessage::parse(&text).map_err(|error| Unusable::Damaged(error.failure))?;
    let Step::Trigger { name, .. } = &message.step else { return Err(Unusable::NoTrigger) };
    let id = TriggerId::of(&message.meta).map_err(Unusable::Damaged)?;
    let id = id.filter(|id| stem(path) == Some(id.borrow())).ok_or(Unusable::OfAnother)?;
    Ok(Saved { id, trigger: name.clone(), message })
}

/// The identifier in the name of a saved message's file.
fn stem(path: &Path) -> Option<&str> {
    path.file_name().and_then(OsStr::to_str)?.strip_suffix(ENDING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::names_in;

    fn id(id: &str) -> TriggerId {
        read_back(id, &text(id)).unwrap().id
    }

    fn text(id: &str) -> Vec<u8> {
        let text = format!(
            r#"{{ "version":"v1", "type":"trigger_start", "body":{{"trigger":"tick","meta":{{"triggerId":"{id}"}}}}}}"#
        );
        text.into_bytes()
    }

    /// What reading a file of this name and text gives.
    fn read_back(name: &str, text: &[u8]) -> Result<Saved, Unusable> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("{name}{ENDING}"));
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn a_saved_message_is_read_back_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (cache_dir, id) = (folder.path(), id("t.1"));
        // A process was killed while it saved.
        std::fs::write(cache_dir.join("t.1.start.json.a1B2c3.new"), "{").unwrap();
        write(cache_dir, &id, b"an earlier one").unwrap();
        write(cache_dir, &id, &text("t.1")).unwrap();
        std::fs::write(cache_dir.join("t.1.redb"), "").unwrap();
        assert_eq!(names_in(cache_dir), ["t.1.redb", "t.1.start.json"]);
        let files = all(cache_dir).unwrap();
        assert_eq!(files, [cache_dir.join("t.1.start.json")]);
        assert_eq!(std::fs::read(&files[0]).unwrap(), text("t.1"));
        let saved = read(&files[0]).unwrap();
        assert_eq!((saved.id.to_string(), saved.trigger), ("t.1".to_owned(), "tick".to_owned()));
        remove(cache_dir, &id).unwrap();
        remove(cache_dir, &id).unwrap();
        assert_eq!(names_in(cache_dir), ["t.1.redb"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_a_saved_message() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let path = folder.path().join("t.start.json");
        let draft = draft::begin(&path).unwrap();
        assert_eq!(mode(draft.path()), 0o600, "before there is anything in it");
        // In place of one that others could read.
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write(folder.path(), &id("t"), b"{}").unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_messages_and_takes_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache_dir = folder.path().join("none");
        assert!(all(&cache_dir).unwrap().is_empty());
        let failure = write(&cache_dir, &id("t"), b"{}").unwrap_err();
        assert!(failure.cause().starts_with("The start message cannot be saved as "), "{failure}");
    }

    #[test]
    fn what_was_not_saved_here_is_not_used() {
        let action =
            br#"{"version":"v1","type":"action_start","body":{"action":"echo","meta":{"triggerId":"t"}}}"#;
        let rows: [(&[u8], &str); 6] = [
            (b"", "The start message is empty; a JSON object is expected"),
            (
                b"{\"version\"",
                "The start message is not JSON: EOF while parsing an object at line 1 column 10",
            ),
            (&vec![b' '; MESSAGE_LIMIT + 1], "it has more than 1048576 bytes"),
            (action, "it does not start a trigger"),
            (&text("u"), "its triggerId is not the one in its name"),
            (&text(""), "its triggerId is not the one in its name"),
        ];
        for (text, expected) in rows {
            assert_eq!(read_back("t", text).err().unwrap().to_string(), expected);
        }
        let missing = read(Path::new("none/t.start.json")).err().unwrap();
        assert!(missing.to_string().starts_with("it cannot be read: "), "{missing}");
    }

    #[test]
    fn a_message_that_is_too_large_is_refused() {
        check(&vec![b' '; MESSAGE_LIMIT]).unwrap();
        let failure = check(&vec![b' '; MESSAGE_LIMIT + 1]).unwrap_err();
        assert_eq!(failure.cause(), "The start message has more than 1048576 bytes");
    }
}
