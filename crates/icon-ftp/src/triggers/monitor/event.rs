//! An event: what changed, together with the content that the original plugin's users expect in it.

use std::io;

use ftp_client::{DataFault, Error, ProtocolFault, Session};
use ftp_proto::RemotePath;
use plugin_runtime::{Content, Failure};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;

use super::change::Change;
use super::snapshot::{Attributes, Snapshot, Stamp};
use crate::failure;
use crate::transfer::{TransferError, fetch};

/// One event, as the dispatcher gets it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Output {
    /// The changed file's content, or the changed folder's listing. Absent when there is no file any more, or when it
    /// is too large for a limit or a disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<Content>,
    changes: Vec<Change>,
    event_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<u32>,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
}

impl Output {
    /// The same event without the content that it carries; `None` when it carries none.
    pub(super) fn without_content(&self) -> Option<Self> {
        self.changed.is_some().then(|| Self { changed: None, ..self.clone() })
    }
}

/// Makes the event for `changes`, which are what `snapshot` brought.
pub(super) async fn make(
    session: &mut Session,
    path: &RemotePath,
    root: &str,
    snapshot: &Snapshot,
    changes: Vec<Change>,
    watched: Attributes,
) -> Result<Output, Failure> {
    let event_id = Uuid::new_v4().to_string();
    let mut output = Output { changes, event_id, path: root.to_owned(), ..Output::default() };
    match snapshot {
        Snapshot::Absent => {}
        Snapshot::File(facts) => {
            output.changed = file_content(session, path).await?;
            output.mode = facts.mode.filter(|_| watched.mode);
            output.size = facts.size.filter(|_| watched.size);
            output.time = facts.listed.filter(|_| watched.time).and_then(Stamp::at).and_then(calendar_text);
        }
        Snapshot::Folder(_) => output.changed = folder_content(session, path).await?,
    }
    tracing::info!("{} changed in {} places: event {}", output.path, output.changes.len(), output.event_id);
    Ok(output)
}

/// The file's bytes, if they are few enough and there is room for them. The size is known beforehand as a rule; a file that
/// turns out too large on the way costs the session, no more.
async fn file_content(session: &mut Session, path: &RemotePath) -> Result<Option<Content>, Failure> {
    let error = match fetch(session, path, Content::writer()).await {
        Ok(content) => return Ok(Some(content)),
        Err(TransferError::Client(error)) => error,
        Err(TransferError::Spool(error)) => return without_room(&error),
        Err(other) => return Err(other.into_failure()),
    };
    match error.last() {
        Error::Data(DataFault::TooLarge { limit }) => {
            tracing::warn!("The file has more than {limit} bytes and is told without its content");
        }
        Error::Rejected { reply, .. } => {
            tracing::warn!("The change is told without the file's content, which cannot be read: {reply}");
        }
        _ => return Err(failure::from_client(&error)),
    }
    Ok(None)
}

/// What has no room is left out: waiting for more might be waiting for ever, and the change itself is news enough.
fn without_room(error: &io::Error) -> Result<Option<Content>, Failure> {
    if !plugin_runtime::is_full(error) {
        return Err(failure::spool(error));
    }
    tracing::warn!("The change is told without its content, which has no room here: {error}");
    Ok(None)
}

/// The folder as LIST prints it: one line an entry, LF between them, none at the end. A listing that is too long is left
/// out, and so is one that the server refuses: some only know MLSD.
async fn folder_content(session: &mut Session, path: &RemotePath) -> Result<Option<Content>, Failure> {
    let text = match session.listing_text(path).await {
        Ok(text) => text,
        Err(error @ (Error::Protocol(ProtocolFault::ListingTooLong { .. }) | Error::Rejected { .. })) => {
            tracing::warn!("The change is told without the folder's listing: {error}");
            return Ok(None);
        }
        Err(error) => return Err(failure::from_client(&error)),
    };
    let lines: Vec<&[u8]> = text
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty() && !line.starts_with(b"total "))
        .collect();
    let mut content = Content::writer();
    match content.write(&lines.join(&b'\n')) {
        Ok(()) => Ok(Some(content.finish())),
        Err(error) => without_room(&error),
    }
}

/// A time as the original plugin writes it: `Sun Nov 22 12:52:00 2026`, UTC.
fn calendar_text(at: OffsetDateTime) -> Option<String> {
    at.format(format_description!(
        "[weekday repr:short] [month repr:short] [day padding:space] [hour]:[minute]:[second] [year]"
    ))
    .ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_are_written_as_the_original_writes_them() {
        let table = [
            (datetime!(2026-11-22 12:52 UTC), "Sun Nov 22 12:52:00 2026"),
            (datetime!(2024-02-01 01:02:03 UTC), "Thu Feb  1 01:02:03 2024"),
        ];
        for (at, expected) in table {
            assert_eq!(calendar_text(at).as_deref(), Some(expected));
        }
    }
}
