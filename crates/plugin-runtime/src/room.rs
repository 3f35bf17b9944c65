//! Room on disk: what may be of any size must not fill the disk of a machine that others work on, too.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// What stays free at least (64 MiB).
const LEAST_RESERVE: u64 = 64 << 20;

/// Bytes that may be written from one look at the disk to the next (16 MiB).
const STRETCH: u64 = 16 << 20;

/// Watches over the room in a folder while something large is written there.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    folder: PathBuf,
    /// What stays free of a disk of so many bytes.
    reserve: fn(u64) -> u64,
    /// Bytes that may be written before the next look.
    granted: u64,
}

impl Room {
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self { folder, reserve, granted: 0 }
    }

    /// The same room together with its reserve, for what little that is kept for.
    pub(crate) fn into_reserve(self) -> Self {
        Self { reserve: |_| 0, ..self }
    }

    /// Room for temporary files.
    pub(crate) fn in_spool_folder() -> Self {
        Self::in_folder(tempfile::env::temp_dir())
    }

    /// Grants `bytes` that are about to be written, unless they would use up the reserve. Looks at the disk now and then,
    /// which costs next to nothing. Says how many more may be written before the next look.
    pub(crate) fn claim(&mut self, bytes: u64) -> io::Result<u64> {
        if bytes > self.granted {
            self.granted = match self.check(bytes + STRETCH) {
                Ok(()) => bytes + STRETCH,
                Err(_) => self.check(bytes).map(|()| bytes)?,
            };
        }
        self.granted -= bytes;
        Ok(self.granted)
    }

    /// Refuses `bytes` that are still to come, likewise.
    pub(crate) fn check(&self, bytes: u64) -> io::Result<()> {
        // Where nobody can tell what is free, the write itself has to find out.
        let Ok(disk) = fs4::statvfs(&self.folder) else { return Ok(()) };
        let free = disk.available_space();
        let reserve = (self.reserve)(disk.total_space());
        if bytes <= free.saturating_sub(reserve) {
            return Ok(());
        }
        let error = NoRoom { folder: self.folder.clone(), free, bytes, reserve };
        Err(io::Error::new(io::ErrorKind::StorageFull, error))
    }
}

/// Whether a write failed for want of room: on the disk, in a quota, or below the limit on the size of files (`ulimit -f`).
pub fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};

    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// 64 MiB, or a hundredth of a large disk; and of a small one a quarter.
fn reserve(total: u64) -> u64 {
    LEAST_RESERVE.max(total / 100).min(total / 4)
}

/// A folder has no room for so many bytes.
#[derive(Debug, Error)]
#[error(
    "{bytes} bytes more do not fit into {}, which has {free} bytes free, of which {reserve} stay free",
    .folder.display()
)]
struct NoRoom {
    folder: PathBuf,
    free: u64,
    bytes: u64,
    reserve: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Room {
        /// Room on a disk that is full.
        pub(crate) fn none() -> Self {
            Self { reserve: |_| u64::MAX, ..Self::in_spool_folder() }
        }
    }

    #[test]
    fn the_reserve_suits_the_disk() {
        let (mib, gib) = (1 << 20, 1 << 30);
        for (total, kept) in [(64 * mib, 16 * mib), (gib, 64 * mib), (1000 * gib, 10 * gib), (0, 0)] {
            assert_eq!(reserve(total), kept, "{total}");
        }
    }

    #[test]
    fn what_is_granted_is_used_up_before_the_next_look() {
        let mut room = Room::in_spool_folder();
        assert_eq!(room.claim(1).unwrap(), STRETCH);
        assert_eq!(room.claim(STRETCH).unwrap(), 0);
        assert!(Room::none().claim(1).is_err());
    }

    #[test]
    fn what_has_the_reserve_may_use_it_and_no_more() {
        Room::none().check(1).unwrap_err();
        let mut room = Room::none().into_reserve();
        room.claim(1).unwrap();
        assert!(room.check(u64::MAX).unwrap_err().to_string().ends_with("of which 0 stay free"));
    }

    #[test]
    fn a_refusal_names_what_is_free_and_what_stays_free() {
        let error = Room::in_spool_folder().check(u64::MAX).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let text = error.to_string();
        assert!(text.contains(&u64::MAX.to_string()) && text.contains("stay free"), "{text}");
        assert!(text.contains(&tempfile::env::temp_dir().display().to_string()), "{text}");
    }
}
