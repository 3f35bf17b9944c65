//! The mode of a file as Unix has it in `st_mode`: type bits, the same on every system, and permissions.

use crate::entry::EntryKind;

/// The type bits of a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileType(u32);

impl FileType {
    pub(super) const PIPE: Self = Self(0o010_000);
    pub(super) const CHARACTER_DEVICE: Self = Self(0o020_000);
    pub(super) const FOLDER: Self = Self(0o040_000);
    pub(super) const BLOCK_DEVICE: Self = Self(0o060_000);
    pub(super) const FILE: Self = Self(0o100_000);
    pub(super) const LINK: Self = Self(0o120_000);
    pub(super) const SOCKET: Self = Self(0o140_000);

    /// The type in a whole mode, unless it holds permissions only.
    pub(super) fn of_mode(mode: u32) -> Option<Self> {
        let bits = mode & 0o170_000;
        (bits != 0).then_some(Self(bits))
    }

    /// The whole mode, of this type and with the permissions of `mode`.
    pub(super) fn with_permissions(self, mode: u32) -> u32 {
        self.0 | mode & 0o7777
    }

    pub(super) fn kind(self) -> EntryKind {
        match self {
            Self::FILE => EntryKind::File,
            Self::FOLDER => EntryKind::Folder,
            Self::LINK => EntryKind::Link,
            _ => EntryKind::Other,
        }
    }

    pub(super) fn is_device(self) -> bool {
        matches!(self, Self::CHARACTER_DEVICE | Self::BLOCK_DEVICE)
    }
}
