//! What happened between two snapshots. Pure: no IO, no clock, nothing but the comparison.

use std::collections::BTreeMap;

use ftp_proto::Charset;
use serde::{Deserialize, Serialize};
use time::UtcOffset;
use time::format_description::well_known::Rfc3339;

use super::snapshot::{Attributes, Facts, Kind, Snapshot, Stamp};

/// One thing that happened, as events tell it (the spec's type `change`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    /// What happened.
    pub(crate) kind: ChangeKind,
    /// The former path of what was renamed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// As in stat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<u32>,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) modified: Option<String>,
    /// The path, beginning as the watched one does.
    pub(crate) path: String,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    /// What it is; for what was removed, what it was.
    #[serde(rename = "type")]
    pub(crate) entry_type: Kind,
}

/// The kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChangeKind {
    /// It was not there before.
    Added,
    /// A watched attribute differs.
    Modified,
    /// It is not there any more.
    Removed,
    /// It is the same entry under another name.
    Renamed,
}

/// The watched path, and how the names in it become text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root<'r> {
    /// The path as it was given.
    pub(super) text: &'r str,
    /// The charset of the names.
    pub(super) charset: Charset,
    /// How far the server's clock is ahead of UTC, as far as that is known.
    pub(super) clock: Option<UtcOffset>,
}

impl Root<'_> {
    /// The path of an entry, as text that leads back to the same bytes; the root itself has no name.
    fn path_of(self, name: &[u8]) -> String {
        if name.is_empty() {
            return self.text.to_owned();
        }
        let slash = if self.text.ends_with('/') { "" } else { "/" };
        format!("{}{slash}{}", self.text, self.charset.decode(name))
    }

    /// A stamp as events tell it. A local time of a server whose clock is not known is told as it is.
    fn time_of(self, stamp: Stamp) -> Option<String> {
        let modified = stamp.modified()?;
        let modified = self.clock.map_or(modified, |ahead| modified.in_utc(ahead));
        modified.at.format(&Rfc3339).ok()
    }
}

/// What turns `old` into `new`, in the order of the paths. `root` is the watched path.
pub(super) fn between(root: Root<'_>, old: &Snapshot, new: &Snapshot, watched: Attributes) -> Vec<Change> {
    let (old, new) = (by_name(old), by_name(new));
    let mut removed = old.clone();
    removed.retain(|name, _| !new.contains_key(name));
    let change = |kind, name, facts| change(kind, root, name, facts);
    let mut changes = Vec::new();
    for (name, facts) in &new {
        match old.get(name) {
            Some(before) if !differs(before, facts, watched) => {}
            Some(_) => changes.push(change(ChangeKind::Modified, *name, facts)),
            None => changes.push(match take_renamed(&mut removed, facts) {
                Some(from) => {
                    Change { from: Some(root.path_of(from)), ..change(ChangeKind::Renamed, *name, facts) }
                }
                None => change(ChangeKind::Added, *name, facts),
            }),
        }
    }
    changes.extend(removed.iter().map(|(name, facts)| change(ChangeKind::Removed, *name, facts)));
    changes.sort_by(|one, two| one.path.cmp(&two.path));
    changes
}

/// All three shapes of a snapshot as one: names and what is there. The name of the watched path itself is empty, which
/// that of an entry never is.
fn by_name(snapshot: &Snapshot) -> BTreeMap<&[u8], &Facts> {
    match snapshot {
        Snapshot::Absent => BTreeMap::new(),
        Snapshot::File(facts) => BTreeMap::from([(&[][..], facts)]),
        Snapshot::Folder(entries) => entries.iter().map(|(name, facts)| (name.as_slice(), facts)).collect(),
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
fn take_renamed<'s>(removed: &mut BTreeMap<&'s [u8], &'s Facts>, facts: &Facts) -> Option<&'s [u8]> {
    let is_same = |before: &Facts| {
        before.kind != Kind::Link
            && before.unique.is_some()
            && before.unique == facts.unique
            && before.kind == facts.kind
            && before.size == facts.size
            && before.listed == facts.listed
    };
    let from = removed.iter().find(|(_, before)| is_same(before)).map(|(name, _)| *name)?;
    removed.remove(from);
    Some(from)
}

fn change(kind: ChangeKind, root: Root<'_>, name: &[u8], facts: &Facts) -> Change {
    Change {
        kind,
        from: None,
        mode: facts.mode,
        modified: facts.exact.or(facts.listed).and_then(|stamp| root.time_of(stamp)),
        path: root.path_of(name),
        size: facts.size,
        entry_type: facts.kind,
    }
}

#[cfg(test)]
mod tests {
    use ftp_proto::{Charset, Entry, EntryKind, Modified, Precision};
    use time::macros::datetime;

    use super::*;

    const ALL: Attributes = Attributes { time: true, size: true, mode: true };

    fn facts(size: u64) -> Facts {
        let at = datetime!(2026-11-22 12:52 UTC);
        Facts::from(Entry {
            name: b"unused".to_vec(),
            kind: EntryKind::File,
            size: Some(size),
            modified: Some(Modified::local(at, Precision::Minute)),
            mode: Some(0o100_644),
            target: None,
            unique: None,
        })
    }

    fn stamp(minute: u8, precision: Precision) -> Stamp {
        let at = datetime!(2026-11-22 12:00 UTC).replace_minute(minute).expect("a minute");
        Stamp::from(Modified::local(at, precision))
    }

    fn folder(entries: &[(&str, &Facts)]) -> Snapshot {
        Snapshot::Folder(
            entries.iter().map(|(name, facts)| (name.as_bytes().to_vec(), (*facts).clone())).collect(),
        )
    }

    fn root(text: &str) -> Root<'_> {
        Root { text, charset: Charset::Utf8, clock: None }
    }

    /// The changes as `kind path`, with the former path of a rename.
    fn told(old: &Snapshot, new: &Snapshot, watched: Attributes) -> Vec<String> {
        between(root("in"), old, new, watched)
            .iter()
            .map(|change| match &change.from {
                Some(from) => format!("{:?} {from} -> {}", change.kind, change.path),
                None => format!("{:?} {}", change.kind, change.path),
            })
            .collect()
    }

    #[test]
    fn all_that_happens_to_a_folder() {
        let (one, two) = (facts(1), facts(2));
        let old = folder(&[("same", &one), ("grown", &one), ("gone", &one)]);
        let new = folder(&[("same", &one), ("grown", &two), ("come", &one)]);
        assert_eq!(told(&old, &new, ALL), ["Added in/come", "Removed in/gone", "Modified in/grown"]);
        assert_eq!(told(&old, &old, ALL), [""; 0]);
    }

    #[test]
    fn files_folders_and_nothing_turn_into_each_other() {
        let (absent, file) = (Snapshot::Absent, Snapshot::File(facts(1)));
        assert_eq!(told(&absent, &file, ALL), ["Added in"]);
        assert_eq!(told(&file, &absent, ALL), ["Removed in"]);
        assert_eq!(told(&absent, &folder(&[("a", &facts(1))]), ALL), ["Added in/a"]);
        assert_eq!(told(&file, &folder(&[("a", &facts(1))]), ALL), ["Removed in", "Added in/a"]);
    }

    #[test]
    fn only_watched_attributes_count_and_only_what_is_known() {
        let old = facts(1);
        let changes = [
            (Facts { size: Some(2), ..old.clone() }, "size"),
            (Facts { mode: Some(0o100_600), ..old.clone() }, "mode"),
            (Facts { listed: Some(stamp(53, Precision::Minute)), ..old.clone() }, "time"),
        ];
        let off = Attributes { time: false, size: false, mode: false };
        for (new, name) in &changes {
            for (watched, watches) in [
                (Attributes { time: true, ..off }, "time"),
                (Attributes { size: true, ..off }, "size"),
                (Attributes { mode: true, ..off }, "mode"),
                (off, "nothing"),
            ] {
                assert_eq!(
                    differs(&old, new, watched),
                    *name == watches,
                    "{name} changed, {watches} watched"
                );
            }
        }
        let unknown = Facts { size: None, mode: None, listed: None, ..old.clone() };
        assert!(!differs(&old, &unknown, ALL) && !differs(&unknown, &old, ALL));
        assert!(differs(&old, &Facts { kind: Kind::Folder, ..old.clone() }, off));
    }

    #[test]
    fn a_stamp_that_only_became_coarser_is_no_change() {
        let minute = facts(1);
        let day = Facts { listed: Some(stamp(0, Precision::Day)), ..facts(1) };
        assert!(!differs(&minute, &day, ALL));
    }

    #[test]
    fn exact_stamps_show_what_listed_ones_hide_and_are_compared_with_each_other_only() {
        let none = facts(1);
        let one = Facts { exact: Some(stamp(1, Precision::Second)), ..facts(1) };
        let two = Facts { exact: Some(stamp(2, Precision::Second)), ..facts(1) };
        assert!(differs(&one, &two, ALL));
        assert!(!differs(&none, &one, ALL) && !differs(&one, &none, ALL));
    }

    #[test]
    fn a_rename_needs_identity_size_and_time_and_is_never_that_of_a_link() {
        let known = |unique: &str, size| Facts { unique: Some(unique.into()), ..facts(size) };
        let table = [
            (known("u1", 1), known("u1", 1), true),
            (known("u1", 1), known("u2", 1), false),
            (known("u1", 1), known("u1", 2), false),
            (facts(1), facts(1), false),
            (
                Facts { kind: Kind::Link, ..known("u1", 1) },
                Facts { kind: Kind::Link, ..known("u1", 1) },
                false,
            ),
        ];
        for (before, after, renamed) in table {
            let expected: &[&str] =
                if renamed { &["Renamed in/old -> in/new"] } else { &["Added in/new", "Removed in/old"] };
            assert_eq!(told(&folder(&[("old", &before)]), &folder(&[("new", &after)]), ALL), expected);
        }
    }

    #[test]
    fn names_that_are_no_text_stay_apart() {
        let folder =
            |names: &[&[u8]]| Snapshot::Folder(names.iter().map(|name| (name.to_vec(), facts(1))).collect());
        let (old, new) = (folder(&[b"B\xe4r"]), folder(&[b"B\xe4r", b"B\xf6r", b"B\xfcr"]));
        let paths = |charset| {
            let changes = between(Root { text: "in", charset, clock: None }, &old, &new, ALL);
            changes.into_iter().map(|change| change.path).collect::<Vec<_>>()
        };
        assert_eq!(paths(Charset::Utf8), ["in/B\u{eff6}r", "in/B\u{effc}r"]);
        assert_eq!(paths(Charset::Windows1252), ["in/Bör", "in/Bür"]);
    }

    #[test]
    fn local_times_are_told_in_utc_once_the_servers_clock_is_known() {
        let (old, new) = (folder(&[]), folder(&[("a", &facts(1))]));
        for (clock, told) in
            [(None, "2026-11-22T12:52:00Z"), (UtcOffset::from_hms(2, 0, 0).ok(), "2026-11-22T10:52:00Z")]
        {
            let changes = between(Root { clock, ..root("in") }, &old, &new, ALL);
            assert_eq!(changes[0].modified.as_deref(), Some(told), "{clock:?}");
        }
    }

    #[test]
    fn the_root_has_one_slash() {
        let changes = between(root("/"), &folder(&[]), &folder(&[("a", &facts(1))]), ALL);
        assert_eq!(changes[0].path, "/a");
    }

    #[test]
    fn a_snapshot_survives_being_kept() {
        let odd = [&b"plain"[..], b"\xff\xfe", b"a\\x b\"", b""];
        let entries = odd.iter().map(|name| (name.to_vec(), facts(3))).collect();
        let snapshot = Snapshot::Folder(entries);
        let text = serde_json::to_string(&snapshot).expect("JSON");
        assert_eq!(serde_json::from_str::<Snapshot>(&text).expect("a snapshot"), snapshot);
    }
}
