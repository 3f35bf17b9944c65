//! The file of a store appears under its name only when it is whole.
//!
//! redb writes a new database in several steps, and a process that is killed between them leaves a file that no later
//! start can open. So a new database is made as a draft beside its own name, and renamed.

use std::io;
use std::path::Path;

use redb::Database;
use redb::backends::{FileBackend, InMemoryBackend};
use tempfile::TempPath;

use super::format;
use crate::draft;

/// Opens the database at `path`; if there is none, makes it first.
///
/// # Errors
/// The file is in use by another process, damaged, or cannot be made, read or written.
pub(super) fn open(path: &Path) -> Result<Database, redb::Error> {
    if !path.try_exists()? {
        publish(whole_draft(path)?, path)?;
    }
    let database = super::builder().open(path)?;
    // Only now, with the database locked: a draft is of no use any more, not even to a process that still writes it.
    draft::remove_left(path);
    Ok(database)
}

/// A database that ends with the process. Where there is no temporary file it is in memory: there are no large events
/// then either, since their contents need such a file, too.
///
/// # Errors
/// It cannot be made.
pub(super) fn unnamed() -> Result<Database, redb::Error> {
    match tempfile::tempfile() {
        Ok(file) => Ok(super::builder().create_with_backend(FileBackend::new(file)?)?),
        Err(_) => Ok(super::builder().create_with_backend(InMemoryBackend::new())?),
    }
}

/// Makes a whole database under a name that no other process has.
fn whole_draft(path: &Path) -> Result<TempPath, redb::Error> {
    let room = super::room_at(Some(path));
    room.clone().into_reserve().check(super::TRANSACTION_OVERHEAD)?;
    let (file, draft) = draft::begin(path)?.into_parts();
    let database = super::builder().create_with_backend(FileBackend::new(file)?)?;
    format::migrate(&database, &room)?;
    database.close()?;
    Ok(draft)
}

/// Gives a draft its name, unless another process was quicker: then its database is the one.
fn publish(draft: TempPath, path: &Path) -> io::Result<()> {
    match draft.persist_noclobber(path) {
        // The other process may even have removed this draft already, so the kind of error does not matter.
        Err(_) if path.exists() => Ok(()),
        published => Ok(published?),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Barrier;

    use super::*;
    use crate::fixture::names_in;
    use crate::room::Room;
    use crate::store::format::{Contents, migrate};

    fn assert_usable(database: &Database) {
        assert!(matches!(migrate(database, &Room::in_spool_folder()).unwrap(), Contents::Ours(_)));
    }

    #[test]
    fn a_first_start_that_was_killed_leaves_a_store_that_opens() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.redb");
        // Killed while it wrote the draft, and killed just before it gave the draft its name.
        std::fs::write(folder.path().join("t.redb.a1B2c3.new"), [0; 1000]).unwrap();
        let whole = whole_draft(&path).unwrap().keep().unwrap();
        assert!(whole.exists() && !path.exists(), "nothing has the name before it is whole");
        assert_usable(&open(&path).unwrap());
        assert_eq!(names_in(folder.path()), ["t.redb"]);
        assert_usable(&open(&path).unwrap());
    }

    #[test]
    fn the_slower_of_two_first_starts_does_not_replace_the_quicker_ones_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.redb");
        let (slow, swept) = (whole_draft(&path).unwrap(), whole_draft(&path).unwrap());
        let remove = PathBuf::from(&*swept);
        publish(whole_draft(&path).unwrap(), &path).unwrap();
        let quick = std::fs::read(&path).unwrap();
        std::fs::remove_file(remove).unwrap();
        for late in [slow, swept] {
            publish(late, &path).unwrap();
        }
        assert!(std::fs::read(&path).unwrap() == quick);
        assert_eq!(names_in(folder.path()), ["t.redb"]);
    }

    #[test]
    fn of_many_first_starts_at_once_one_gets_the_store() {
        const STARTS: usize = 8;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.redb");
        let together = Barrier::new(STARTS);
        let start = || {
            together.wait();
            open(&path)
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..STARTS).map(|_| scope.spawn(start)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let (opened, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        for refusal in refused {
            assert!(matches!(refusal, Err(redb::Error::DatabaseAlreadyOpen)), "{refusal:?}");
        }
        let [Ok(database)] = opened.as_slice() else { panic!("{} starts have the store", opened.len()) };
        assert_usable(database);
        assert_eq!(names_in(folder.path()), ["t.redb"]);
    }
}
