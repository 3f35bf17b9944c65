//! What the server holds at one moment, as far as the monitor cares.
//!
//! A snapshot is whole or it is none. A listing that was cut short, a folder that may not be read, a server that is
//! gone: all of them are errors here, never "nothing is there".

use std::collections::BTreeMap;

use ftp_client::{Error, Session};
use ftp_proto::{Entry, EntryKind, Modified, Precision, RemotePath, Zone};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// The watched path's content. `PartialEq` is exact; what counts as a change is decided in `change`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Snapshot {
    /// Its folder was listed, and it is not in it.
    Absent,
    /// A file, or whatever else is not a folder.
    File(Facts),
    /// A folder, by the names of its entries (bytes, as the server sends them).
    Folder(#[serde(with = "pairs")] BTreeMap<Vec<u8>, Facts>),
}

/// What is known of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    /// What it is.
    pub(crate) kind: Kind,
    /// Bytes.
    pub(crate) size: Option<u64>,
    /// As in stat.
    pub(crate) mode: Option<u32>,
    /// The time stamp that came with the entry.
    pub(crate) listed: Option<Stamp>,
    /// The time stamp to the second, for entries whose listed one is too coarse to show another change.
    pub(crate) exact: Option<Stamp>,
    /// Whether another change could still fall into the same listed stamp.
    pub(crate) racy: bool,
    /// The server's own identity of the entry (RFC 3659 §7.5.2), which a rename does not change.
    pub(crate) unique: Option<Vec<u8>>,
}

/// An entry's kind, by the names that events use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A device, a socket, anything else.
    Other,
}

/// A point in time and how exactly it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// Nanoseconds since 1970 on the clock of `zone`.
    nanos: i128,
    #[serde(with = "PrecisionForm")]
    precision: Precision,
    #[serde(with = "ZoneForm")]
    zone: Zone,
}

/// How [`Precision`] is kept.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Precision")]
enum PrecisionForm {
    Second,
    Minute,
    Day,
}

/// How [`Zone`] is kept.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Zone")]
enum ZoneForm {
    Utc,
    Server,
}

/// What has to be known of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attributes {
    /// Modification time.
    pub(crate) time: bool,
    /// Size.
    pub(crate) size: bool,
    /// Mode.
    pub(crate) mode: bool,
}

/// Why there is no snapshot.
#[derive(Debug)]
pub(super) enum SnapshotError {
    /// The session failed, or the server refused.
    Client(Error),
    /// There is no such path, but its folder cannot be listed to prove it.
    Missing,
    /// The folder's listing is empty, and yet files that it should name are there.
    Unreadable,
}

impl From<Error> for SnapshotError {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl Snapshot {
    /// Looks at `path`. `before` is the last snapshot: it says what to expect there, and which entries were too young
    /// then for their stamps to be trusted.
    pub(super) async fn take(
        session: &mut Session,
        path: &RemotePath,
        wanted: Attributes,
        before: Option<&Self>,
    ) -> Result<Self, SnapshotError> {
        if let Some(Self::Folder(known)) = before {
            match folder(session, path, wanted, known).await {
                Err(SnapshotError::Client(Error::Rejected { .. })) => {}
                taken => return taken,
            }
        }
        match session.stat(path).await? {
            Some(entry) if entry.kind == EntryKind::File => {
                Ok(Self::File(file(session, path, entry, wanted).await?))
            }
            // A link may lead to a folder or to a file; trying tells.
            Some(entry) => match folder(session, path, wanted, &BTreeMap::new()).await {
                Err(SnapshotError::Client(Error::Rejected { .. })) if entry.kind != EntryKind::Folder => {
                    Ok(Self::File(file(session, path, entry, wanted).await?))
                }
                taken => taken,
            },
            None => prove_absent(session, path).await,
        }
    }

    /// A file of a folder and what its listing said of its time, from which the server's clock can be learnt.
    pub(super) fn file_with_local_time(&self) -> Option<(&[u8], Modified)> {
        let Self::Folder(entries) = self else { return None };
        entries.iter().filter(|(_, facts)| facts.kind == Kind::File).find_map(|(name, facts)| {
            let listed = facts.listed?.modified()?;
            listed.tells_the_clock().then_some((name.as_slice(), listed))
        })
    }

    /// How many entries it holds, for people.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Absent => "nothing is there yet".to_owned(),
            Self::File(_) => "a file".to_owned(),
            Self::Folder(entries) if entries.len() == 1 => "a folder with 1 entry".to_owned(),
            Self::Folder(entries) => format!("a folder with {} entries", entries.len()),
        }
    }
}

/// A path is only missing when its folder could be read, every line of it, and does not name it — 550 stands for
/// "forbidden" too — or when the folder itself is missing in this sense.
async fn prove_absent(session: &mut Session, path: &RemotePath) -> Result<Snapshot, SnapshotError> {
    let Some(name) = path.file_name() else { return Err(SnapshotError::Missing) };
    let folder = path.parent().unwrap_or_else(RemotePath::here);
    let mut listing = match session.list(&folder).await {
        Ok(listing) => listing,
        Err(Error::Rejected { .. }) => return Box::pin(prove_absent(session, &folder)).await,
        Err(error) => return Err(error.into()),
    };
    let mut is_named = false;
    while let Some(entry) = listing.next().await? {
        is_named |= entry.name == name;
    }
    if is_named || listing.unrecognized().count > 0 {
        return Err(SnapshotError::Missing);
    }
    Ok(Snapshot::Absent)
}

/// A file's facts, with the mode from its folder's listing where the first answer did not tell it.
async fn file(
    session: &mut Session,
    path: &RemotePath,
    entry: Entry,
    wanted: Attributes,
) -> Result<Facts, Error> {
    let mut facts = Facts::from(entry);
    if wanted.mode && facts.mode.is_none() {
        facts.mode = match session.stat_in_folder(path).await {
            Ok(found) => found.and_then(|entry| entry.mode),
            Err(Error::Rejected { .. }) => None,
            Err(error) => return Err(error),
        };
    }
    Ok(facts)
}

async fn folder(
    session: &mut Session,
    path: &RemotePath,
    wanted: Attributes,
    known: &BTreeMap<Vec<u8>, Facts>,
) -> Result<Snapshot, SnapshotError> {
    let mut listing = session.list(path).await?;
    let mut entries = BTreeMap::new();
    while let Some(entry) = listing.next().await? {
        entries.insert(entry.name.clone(), Facts::from(entry));
    }
    if let Some(first) = listing.unrecognized().first.first() {
        tracing::warn!(
            "{} lines of the listing could not be read, and what they stand for is not watched; the first is `{}`",
            listing.unrecognized().count,
            listing.charset().display(first)
        );
        // Any of the known entries may be behind such a line, so none of them counts as gone.
        for (name, facts) in known {
            entries.entry(name.clone()).or_insert_with(|| facts.clone());
        }
    }
    if entries.is_empty() && !known.is_empty() {
        prove_empty(session, path, known).await?;
    }
    if wanted.time {
        settle(session, path, &mut entries, known).await?;
    }
    Ok(Snapshot::Folder(entries))
}

/// How many of the known files are looked for when a folder seems to have become empty.
const MOST_LOOKED_FOR: usize = 3;

/// vsftpd 3.0.3 lists a folder that may be entered but not read as an empty one, with 226. If one of its files still has
/// a size, the listing says nothing.
async fn prove_empty(
    session: &mut Session,
    path: &RemotePath,
    known: &BTreeMap<Vec<u8>, Facts>,
) -> Result<(), SnapshotError> {
    let files =
        known.iter().filter(|(_, facts)| facts.kind == Kind::File).filter_map(|(name, _)| child(path, name));
    for file in files.take(MOST_LOOKED_FOR) {
        if session.size(&file).await?.is_some() {
            return Err(SnapshotError::Unreadable);
        }
    }
    Ok(())
}

/// How many entries at most are asked for their exact time in one poll.
const MOST_SETTLED: usize = 64;

/// LIST tells times to the minute, so a file that changes twice within one shows the same stamp, as git's racy index
/// entries do. Entries that are as young as the youngest, and those that were so at the last look, are asked with MDTM.
async fn settle(
    session: &mut Session,
    path: &RemotePath,
    entries: &mut BTreeMap<Vec<u8>, Facts>,
    known: &BTreeMap<Vec<u8>, Facts>,
) -> Result<(), Error> {
    let coarse = |facts: &Facts| facts.listed.filter(|stamp| stamp.precision == Precision::Minute);
    let Some(youngest) = entries.values().filter_map(coarse).map(|stamp| stamp.nanos).max() else {
        return Ok(());
    };
    let border = youngest - Duration::MINUTE.whole_nanoseconds();
    let mut young = Vec::new();
    for (name, facts) in entries.iter_mut() {
        let Some(stamp) = coarse(facts) else { continue };
        let before = known.get(name).filter(|before| before.listed == facts.listed);
        facts.racy = stamp.nanos >= border;
        facts.exact = before.and_then(|before| before.exact);
        if facts.kind == Kind::File && (facts.racy || before.is_some_and(|before| before.racy)) {
            young.push((name, facts));
        }
    }
    // When they are too many, the ones never asked come first, and chance decides between the others: each gets its turn.
    fastrand::shuffle(&mut young);
    young.sort_by_key(|(_, facts)| facts.exact.is_some());
    for (name, facts) in young.into_iter().take(MOST_SETTLED) {
        // A name that cannot be part of a path cannot be asked for.
        let Some(child) = child(path, name) else { continue };
        if let Some(modified) = session.modified(&child).await? {
            facts.exact = Some(Stamp::from(modified));
        }
    }
    Ok(())
}

/// The path of an entry, unless its name would lead elsewhere.
pub(super) fn child(folder: &RemotePath, name: &[u8]) -> Option<RemotePath> {
    if name.contains(&b'/') || name == b".." {
        return None;
    }
    folder.join(name).ok()
}

impl Stamp {
    /// The point in time; UTC, as far as the server tells.
    pub(super) fn at(self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp_nanos(self.nanos).ok()
    }

    /// Whether both can be the same moment: they agree at the coarser of the two precisions.
    pub(super) fn agrees_with(self, other: Self) -> bool {
        match (self.modified(), other.modified()) {
            (Some(one), Some(two)) => one.agrees_with(&two),
            _ => self == other,
        }
    }

    /// As the server told it.
    pub(super) fn modified(self) -> Option<Modified> {
        self.at().map(|at| Modified { at, precision: self.precision, zone: self.zone })
    }
}

impl From<Modified> for Stamp {
    fn from(modified: Modified) -> Self {
        Self { nanos: modified.at.unix_timestamp_nanos(), precision: modified.precision, zone: modified.zone }
    }
}

impl From<Entry> for Facts {
    fn from(entry: Entry) -> Self {
        let kind = match entry.kind {
            EntryKind::File => Kind::File,
            EntryKind::Folder => Kind::Folder,
            EntryKind::Link => Kind::Link,
            EntryKind::Other => Kind::Other,
        };
        Self {
            kind,
            size: entry.size,
            mode: entry.mode,
            listed: entry.modified.map(Stamp::from),
            exact: None,
            racy: false,
            unique: entry.unique,
        }
    }
}

/// JSON's keys are text and names are bytes, so entries are kept as pairs; a name that is text is kept as such.
mod pairs {
    use std::borrow::Cow;
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Facts;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Name<'n> {
        Text(Cow<'n, str>),
        Bytes(Cow<'n, [u8]>),
    }

    impl<'n> From<&'n [u8]> for Name<'n> {
        fn from(name: &'n [u8]) -> Self {
            match str::from_utf8(name) {
                Ok(text) => Self::Text(text.into()),
                Err(_) => Self::Bytes(name.into()),
            }
        }
    }

    impl From<Name<'_>> for Vec<u8> {
        fn from(name: Name<'_>) -> Self {
            match name {
                Name::Text(text) => text.into_owned().into_bytes(),
                Name::Bytes(bytes) => bytes.into_owned(),
            }
        }
    }

    pub(super) fn serialize<S: Serializer>(
        entries: &BTreeMap<Vec<u8>, Facts>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(entries.iter().map(|(name, facts)| (Name::from(name.as_slice()), facts)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Vec<u8>, Facts>, D::Error> {
        let entries = Vec::<(Name<'_>, Facts)>::deserialize(deserializer)?;
        Ok(entries.into_iter().map(|(name, facts)| (name.into(), facts)).collect())
    }
}
