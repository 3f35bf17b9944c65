//! A content's temporary file while it is written.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::digest::Follower;
use super::{Content, Home, file};

/// An unnamed file that is written from its beginning to its end.
pub(super) struct Spool {
    file: Arc<File>,
    len: u64,
    /// Bytes that the file has blocks for.
    allocated: u64,
    follower: Option<Follower>,
}

impl Spool {
    /// Makes the file, in the spool folder. With `is_digested` a thread follows the writer and digests.
    pub(super) fn begin(is_digested: bool) -> io::Result<Self> {
        let file = Arc::new(tempfile::tempfile()?);
        let follower = is_digested.then(|| Follower::start(Arc::clone(&file)));
        Ok(Self { file, len: 0, allocated: 0, follower })
    }

    /// Appends bytes, behind which the disk has room for `more`.
    pub(super) fn append(&mut self, bytes: &[u8], more: u64) -> io::Result<()> {
        let end = self.len + bytes.len() as u64;
        if end > self.allocated {
            self.allocate(end + more);
        }
        file::write_at(&self.file, bytes, self.len)?;
        self.len = end;
        if let Some(follower) = &self.follower {
            follower.tell(end);
        }
        Ok(())
    }

    /// Gives the file its blocks for a whole stretch at once: with those at hand a write takes a third less of the processor
    /// (ext4, Linux 6.18). Where they are not to be had the write does without.
    fn allocate(&mut self, end: u64) {
        let _ = fs4::FileExt::allocate(&*self.file, end);
        self.allocated = end;
    }

    pub(super) fn finish(self) -> Content {
        if let Some(follower) = &self.follower {
            follower.end();
        }
        Content(Home::File { file: self.file, len: self.len, follower: self.follower.map(Arc::new) })
    }

    #[cfg(test)]
    pub(super) fn into_parts(self) -> (Arc<File>, Option<Follower>) {
        (self.file, self.follower)
    }
}
