//! Which folders `ls -R` visits, in which order, and where it stops. The server decides what is in a folder, and may
//! invent folders for ever, so everything that is kept here has a limit.

use std::collections::HashSet;

use ftp_proto::{Entry, EntryKind, RemotePath};
use sha2::{Digest, Sha256};

use crate::cli::exit::Problem;

/// How far a walk goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Levels of folders below the first.
    pub(super) depth: usize,
    /// Entries in all.
    pub(super) entries: u64,
    /// Folders that are visited, and also those that wait for it.
    pub(super) folders: usize,
    /// Bytes of the paths of folders that wait.
    pub(super) waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64, entries: 1_000_000, folders: 100_000, waiting: 16 * 1024 * 1024 }
    }
}

/// A folder to visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    pub(super) path: RemotePath,
    /// How many levels it lies below the first.
    depth: usize,
}

impl Folder {
    /// The path of what has this name in the folder, for people and programs to read. Names are the server's word: the
    /// path may be one that nobody could go to.
    pub(super) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let folder = self.path.as_bytes();
        match folder.strip_prefix(b"./").unwrap_or(folder) {
            b"." => name.to_vec(),
            folder if folder.ends_with(b"/") => [folder, name].concat(),
            folder => [folder, b"/", name].concat(),
        }
    }

    /// The folder with this name in it, unless the name would lead elsewhere, or cannot be sent.
    fn inner(&self, name: &[u8]) -> Option<Self> {
        let leads_elsewhere = name.contains(&b'/') || name == b"." || name == b"..";
        let path = self.path.join(name).ok().filter(|_| !leads_elsewhere)?;
        Some(Self { path, depth: self.depth + 1 })
    }
}

/// The folders that wait, depth first and in the server's order.
#[derive(Debug)]
pub(super) struct Tree {
    limits: Limits,
    /// The next one is the last.
    waiting: Vec<Folder>,
    /// Bytes of their paths.
    waiting_bytes: usize,
    /// Those in the folder that is being listed, in the server's order.
    found: Vec<Folder>,
    /// What the server calls the same folder under every name (RFC 3659 §7.5.2), as digests of one size.
    seen: HashSet<[u8; 32]>,
    visited: usize,
    entries: u64,
    too_deep: u64,
}

impl Tree {
    /// A walk that has not begun.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting_bytes: 0,
            waiting: Vec::new(),
            found: Vec::new(),
            seen: HashSet::new(),
            visited: 0,
            entries: 0,
            too_deep: 0,
        }
    }

    /// The folder to list first.
    pub(super) fn begin(&mut self, path: &RemotePath) -> Folder {
        self.visited += 1;
        Folder { path: path.clone(), depth: 0 }
    }

    /// The next folder to list.
    ///
    /// # Errors
    ///
    /// There have been too many.
    pub(super) fn next_folder(&mut self) -> Result<Option<Folder>, Problem> {
        let Some(folder) = self.waiting.pop() else { return Ok(None) };
        if self.visited == self.limits.folders {
            return Err(self.too_many_folders());
        }
        self.visited += 1;
        self.waiting_bytes -= folder.path.as_bytes().len();
        Ok(Some(folder))
    }

    /// Counts an entry before it is shown.
    ///
    /// # Errors
    ///
    /// There have been too many.
    pub(super) fn count(&mut self) -> Result<(), Problem> {
        if self.entries == self.limits.entries {
            return Err(Problem::other(
                format!("There are more than {} entries; the rest is not shown", self.limits.entries),
                "Raise --max-entries if so many are to be expected, and --max-listing if they are in one folder.",
            ));
        }
        self.entries += 1;
        Ok(())
    }

    /// Keeps an entry of the folder that is being listed, if it is a folder to visit. Links are none: they may lead
    /// in circles.
    ///
    /// # Errors
    ///
    /// Too many folders wait.
    pub(super) fn found(&mut self, folder: &Folder, entry: &Entry) -> Result<(), Problem> {
        let Some(inner) = folder.inner(&entry.name).filter(|_| entry.kind == EntryKind::Folder) else {
            return Ok(());
        };
        if inner.depth > self.limits.depth {
            self.too_deep += 1;
            return Ok(());
        }
        if let Some(unique) = &entry.unique
            && !self.seen.insert(Sha256::digest(unique).into())
        {
            tracing::debug!("{} was met under another name already", inner.path.display());
            return Ok(());
        }
        self.waiting_bytes += inner.path.as_bytes().len();
        self.found.push(inner);
        let waiting = self.waiting.len() + self.found.len();
        if waiting > self.limits.folders || self.waiting_bytes > self.limits.waiting {
            return Err(self.too_many_folders());
        }
        Ok(())
    }

    /// The folder's listing has ended: those found in it come next, the first of them first.
    pub(super) fn close(&mut self) {
        self.waiting.extend(self.found.drain(..).rev());
    }

    /// Whether nothing was left out for its depth.
    ///
    /// # Errors
    ///
    /// Something was.
    pub(super) fn whole(&self) -> Result<(), Problem> {
        if self.too_deep == 0 {
            return Ok(());
        }
        Err(Problem::other(
            format!(
                "Folders more than {} levels down were not listed; {} of them were seen",
                self.limits.depth, self.too_deep
            ),
            "Raise --max-depth if there are to be so many levels. Some servers show a folder inside of itself for ever.",
        ))
    }

    fn too_many_folders(&self) -> Problem {
        Problem::other(
            format!(
                "There are too many folders to walk through: the limit is {}, and {} MiB for the paths of those that wait",
                self.limits.folders,
                self.limits.waiting / (1024 * 1024)
            ),
            "List its folders one by one. Some servers show a folder inside of itself for ever.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { depth: 3, entries: 100, folders: 10, waiting: 100 };

    fn entry(kind: EntryKind, name: &str, unique: Option<&str>) -> Entry {
        Entry {
            name: name.as_bytes().to_vec(),
            kind,
            size: None,
            modified: None,
            mode: None,
            target: None,
            unique: unique.map(|unique| unique.as_bytes().to_vec()),
        }
    }

    /// Walks a tree in which every folder holds the same folders, and gives the paths in the order of the visits, and the
    /// cause if the walk was ended.
    fn walk(root: &str, limits: Limits, folders: &[Entry]) -> (Vec<String>, Option<String>) {
        let mut tree = Tree::new(limits);
        let mut visited = Vec::new();
        let mut next = Some(tree.begin(&RemotePath::parse(root).unwrap()));
        let mut all = || {
            while let Some(folder) = next.take() {
                visited.push(folder.path.display().to_string());
                for entry in folders {
                    tree.count()?;
                    tree.found(&folder, entry)?;
                }
                tree.close();
                next = tree.next_folder()?;
            }
            tree.whole()
        };
        let ended = all().err().map(|problem| match problem {
            Problem::Told(_, failure) => failure.cause().to_owned(),
            Problem::Output(error) => error.to_string(),
        });
        (visited, ended)
    }

    #[test]
    fn depth_first_and_in_the_servers_order() {
        let folders = [entry(EntryKind::Folder, "a", None), entry(EntryKind::Folder, "b", None)];
        let (visited, ended) = walk("x", Limits { depth: 2, ..LIMITS }, &folders);
        assert_eq!(visited, ["x", "x/a", "x/a/a", "x/a/b", "x/b", "x/b/a", "x/b/b"]);
        assert_eq!(
            ended.as_deref(),
            Some("Folders more than 2 levels down were not listed; 8 of them were seen")
        );
    }

    #[test]
    fn names_that_lead_elsewhere_and_links_are_not_followed() {
        let names = ["", ".", "..", "../../etc", "/etc", "a/b", "a\r\nDELE b", "a\0"];
        let mut entries: Vec<Entry> = names.iter().map(|name| entry(EntryKind::Folder, name, None)).collect();
        entries
            .extend([EntryKind::Link, EntryKind::File, EntryKind::Other].map(|kind| entry(kind, "a", None)));
        assert_eq!(walk("x", LIMITS, &entries), (vec!["x".to_owned()], None));
    }

    #[test]
    fn a_folder_that_is_known_by_another_name_is_not_visited_again() {
        let folders = [entry(EntryKind::Folder, "a", Some("1")), entry(EntryKind::Folder, "b", Some("1"))];
        assert_eq!(walk("/", LIMITS, &folders), (vec!["/".to_owned(), "/a".to_owned()], None));
    }

    #[test]
    fn every_limit_ends_the_walk_and_is_named() {
        let one = [entry(EntryKind::Folder, "a", None)];
        let many: Vec<Entry> = (0..5).map(|n| entry(EntryKind::Folder, &n.to_string(), None)).collect();
        let long = [entry(EntryKind::Folder, &"a".repeat(101), None)];
        let table = [
            (Limits { depth: 64, entries: 5, ..LIMITS }, &one[..], 6, "more than 5 entries"),
            (Limits { depth: 64, ..LIMITS }, &one, 10, "the limit is 10"),
            (Limits { folders: 4, ..LIMITS }, &many, 1, "the limit is 4"),
            (LIMITS, &long, 1, "too many folders"),
            (LIMITS, &one, 4, "more than 3 levels"),
        ];
        for (limits, folders, visits, named) in table {
            let (visited, ended) = walk(".", limits, folders);
            assert_eq!(visited.len(), visits, "{limits:?}");
            assert!(ended.as_ref().is_some_and(|cause| cause.contains(named)), "{limits:?}: {ended:?}");
        }
    }

    #[test]
    fn paths_are_told_as_a_url_would_have_them() {
        let table = [(".", "a"), ("./x", "x/a"), ("x", "x/a"), ("/", "/a"), ("/x", "/x/a")];
        for (folder, path) in table {
            let folder = Folder { path: RemotePath::parse(folder).unwrap(), depth: 0 };
            assert_eq!(folder.path_of(b"a"), path.as_bytes());
        }
        let folder = Folder { path: RemotePath::parse("x").unwrap(), depth: 0 };
        assert_eq!(folder.path_of(b"../a"), b"x/../a");
    }
}
