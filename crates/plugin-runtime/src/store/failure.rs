//! What is said when a store cannot do its work.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::failure::Failure;
use crate::room;

pub(super) fn not_opened(path: Option<&Path>, error: &redb::Error) -> Failure {
    match error {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Failure::conflict(
            format!("The trigger's state {} is in use by another process", place(path)),
            "Only one process at a time can run a trigger with the same triggerId. Stop the other one.",
        )
        .with_data(error.to_string()),
        redb::Error::Io(io) if io.kind() != io::ErrorKind::InvalidData && !room::is_full(io) => {
            Failure::internal(
                format!("The trigger's state {} cannot be opened: {io}", place(path)),
                "Check that the cache folder exists and can be written.",
            )
        }
        _ => failed(path, error),
    }
}

/// A database that was opened has failed. One whose write failed for want of room is in order, but redb refuses all others
/// ([`redb::Error::PreviousIo`]) until it is opened anew.
pub(super) fn failed(path: Option<&Path>, error: &redb::Error) -> Failure {
    match error {
        redb::Error::Io(io) if room::is_full(io) => full(path, io),
        redb::Error::PreviousIo => full(path, &"an earlier write to it failed"),
        _ => broken(path, error),
    }
}

pub(super) fn broken(path: Option<&Path>, error: &dyn Display) -> Failure {
    Failure::internal(
        format!("The trigger's state {} cannot be used: {error}", place(path)),
        format!(
            "If the disk is in order, remove {} to begin anew: the next look is then a new baseline, and events that \
             were not delivered yet are lost.",
            place(path)
        ),
    )
}

pub(super) fn other_format(path: Option<&Path>, format: &str) -> Failure {
    broken(path, &format_args!("it has the format {format:?}, which another version of the plugin wrote"))
}

/// There is no room for now, and the store goes on.
pub(super) fn no_room(path: Option<&Path>, error: &io::Error) -> Failure {
    let other_place = match path {
        Some(_) => "--cache-dir or PLUGIN_CACHE_DIR",
        None => "--spool-dir or TMPDIR",
    };
    Failure::internal(
        format!("The trigger's state {} has no room for what changed: {error}", place(path)),
        format!("Make room on that disk, or name another folder with {other_place}."),
    )
}

/// A write failed for want of room, and the store has to be opened anew.
fn full(path: Option<&Path>, error: &dyn Display) -> Failure {
    Failure::internal(
        format!("The trigger's state {} cannot be written: {error}", place(path)),
        "Make room on that disk, or raise the quota or the limit on the size of files (ulimit -f), and start the trigger \
         again. Keep the state: it holds the events that are not delivered yet.",
    )
}

pub(super) fn unwritable(error: &dyn Display) -> Failure {
    Failure::internal(
        format!("The trigger's state or event cannot be written as JSON: {error}"),
        "This is a fault of the plugin. Report it with the log of this step.",
    )
}

/// A content of an event is not in its temporary file any more.
pub(super) fn unreadable(error: &io::Error) -> Failure {
    Failure::internal(
        format!("The content of an event cannot be read from its temporary file: {error}"),
        "Check the disk of the temporary folder, or name another one with --spool-dir or TMPDIR.",
    )
}

fn place(path: Option<&Path>) -> String {
    path.map_or_else(|| "in a temporary file".to_owned(), |path| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_without_room_never_has_the_state_removed() {
        let path = Some(Path::new("t.redb"));
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge];
        for error in full.map(|kind| redb::Error::Io(kind.into())).iter().chain([&redb::Error::PreviousIo]) {
            let failure = failed(path, error);
            assert!(
                failure.cause().starts_with("The trigger's state t.redb cannot be written: "),
                "{failure}"
            );
            assert!(failure.assistance().contains("start the trigger again"), "{failure:?}");
            assert!(!failure.assistance().contains("remove"), "{failure:?}");
        }
        for error in
            [redb::Error::Io(io::ErrorKind::InvalidData.into()), redb::Error::Corrupted(String::new())]
        {
            assert!(failed(path, &error).assistance().contains("remove t.redb"), "{error:?}");
        }
    }

    #[test]
    fn the_advice_names_the_folder_in_which_the_state_is() {
        let error = io::ErrorKind::StorageFull.into();
        assert!(no_room(Some(Path::new("t.redb")), &error).assistance().contains("--cache-dir"));
        let failure = no_room(None, &error);
        assert!(failure.assistance().contains("--spool-dir or TMPDIR"), "{failure:?}");
    }
}
