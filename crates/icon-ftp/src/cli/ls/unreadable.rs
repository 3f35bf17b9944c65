//! The lines that nobody understood: any of them may be a file, so they are told of.

use ftp_client::Unrecognized;
use ftp_proto::{Charset, RemotePath};

/// The most bytes of such a line that are shown.
const LONGEST_SHOWN: usize = 200;

/// What could not be read in all folders.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    count: usize,
    /// The first such line, and the folder it was in.
    first: Option<(RemotePath, Vec<u8>)>,
}

impl Unreadable {
    /// Adds what a folder's listing left over.
    pub(super) fn add(&mut self, folder: &RemotePath, lines: &Unrecognized) {
        self.count += lines.count;
        if let (None, Some(line)) = (&self.first, lines.first.first()) {
            self.first = Some((folder.clone(), line[..line.len().min(LONGEST_SHOWN)].to_vec()));
        }
    }

    /// Says so on stderr, if there were any.
    pub(super) fn tell(&self) {
        let Some((folder, line)) = &self.first else { return };
        let lines = if self.count == 1 { "1 line".to_owned() } else { format!("{} lines", self.count) };
        tracing::warn!(
            "{lines} could not be read, and may be files; the first, in {}: {}",
            folder.display(),
            Charset::Utf8.display(line)
        );
    }
}
