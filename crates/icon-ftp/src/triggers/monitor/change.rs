//! What happened between two snapshots. Pure: no IO, no clock, nothing but the comparison.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;

use super::snapshot::{Attributes, Facts, Kind, Snapshot, Stamp};

/// One thing that happened, as events tell it (the spec's type `change`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The former path of what was renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// As in stat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
    /// The path, beginning as the watched one does.
    pub path: String,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// What it is; for what was removed, what it was.
    #[serde(rename = "type")]
    pub entry_type: Kind,
}

/// The kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// A watched attribute differs.
    Modified,
    /// It is not there any more.
    Removed,
    /// It is the same entry under another name.
    Renamed,
}

/// What turns `old` into `new`, in the order of the paths. `root` is the watched path.
pub(super) fn between(root: &str, old: &Snapshot, new: &Snapshot, watched: Attributes) -> Vec<Change> {
    let (old, new) = (by_path(root, old), by_path(root, new));
    let mut removed = old.clone();
    removed.retain(|path, _| !new.contains_key(path));
    let mut changes = Vec::new();
    for (path, facts) in &new {
        match old.get(path) {
            Some(before) if differs(before, facts, watched) => changes.push(change(ChangeKind::Modified, path, facts)),
            Some(_) => {}
            None => match take_renamed(&mut removed, facts) {
                Some(from) => changes.push(Change { from: Some(from), ..change(ChangeKind::Renamed, path, facts) }),
                None => changes.push(change(ChangeKind::Added, path, facts)),
            },
        }
    }
    changes.extend(removed.iter().map(|(path, facts)| change(ChangeKind::Removed, path, facts)));
    changes.sort_by(|one, two| one.path.cmp(&two.path));
    changes
}

/// All three shapes of a snapshot as one: paths and what is there.
fn by_path<'s>(root: &str, snapshot: &'s Snapshot) -> BTreeMap<String, &'s Facts> {
    match snapshot {
        Snapshot::Absent => BTreeMap::new(),
        Snapshot::File(facts) => BTreeMap::from([(root.to_owned(), facts)]),
        Snapshot::Folder(entries) => {
            let slash = if root.ends_with('/') { "" } else { "/" };
            let path = |name: &[u8]| format!("{root}{slash}{}", String::from_utf8_lossy(name));
            entries.iter().map(|(name, facts)| (path(name), facts)).collect()
        }
    }
}

/// Whether a watched attribute shows a change. What the server does not tell, now or before, shows none.
fn differs(before: &Facts, after: &Facts, watched: Attributes) -> bool {
    let size = watched.size && before.size.zip(after.size).is_some_and(|(one, two)| one != two);
    let mode = watched.mode && before.mode.zip(after.mode).is_some_and(|(one, two)| one != two);
    before.kind != after.kind || size || mode || (watched.time && is_touched(before, after))
}

/// Listed stamps are compared with listed ones, and exact ones with exact ones: a server may list in its local time and
/// still answer MDTM in UTC.
fn is_touched(before: &Facts, after: &Facts) -> bool {
    let listed = before.listed.zip(after.listed).is_some_and(|(one, two)| !one.agrees_with(two));
    let exact = before.exact.zip(after.exact).is_some_and(|(one, two)| !one.agrees_with(two));
    listed || exact
}

/// Finds the entry that `facts` was before its name changed, and takes it off the removed ones. Identity alone does not
/// do: a file system hands the number of a deleted file to the next new one, so size and time have to agree as well.
/// And ProFTPD 1.3.8 gives a link the identity of what it leads to, so a link is never recognised.
fn take_renamed(removed: &mut BTreeMap<String, &Facts>, facts: &Facts) -> Option<String> {
    let is_same = |before: &Facts| {
        before.kind != Kind::Link
            && before.unique.is_some()
            && before.unique == facts.unique
            && before.kind == facts.kind
            && before.size == facts.size
            && before.listed == facts.listed
    };
    let from = removed.iter().find(|(_, before)| is_same(before)).map(|(path, _)| path.clone())?;
    removed.remove(&from);
    Some(from)
}

fn change(kind: ChangeKind, path: &str, facts: &Facts) -> Change {
    let modified = facts.exact.or(facts.listed).and_then(Stamp::at);
    Change {
        kind,
        from: None,
        mode: facts.mode,
        modified: modified.and_then(|at| at.format(&Rfc3339).ok()),
        path: path.to_owned(),
        size: facts.size,
        entry_type: facts.kind,
    }
}
