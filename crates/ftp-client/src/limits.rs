//! How much a server may send before it is too much.

/// The most that an operation takes. What goes beyond is an error that names the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Lines in a listing: entries, and whatever else a server prints between them.
    pub listing_entries: usize,
    /// Bytes in a listing.
    pub listing_bytes: usize,
    /// Bytes in a download; `None` sets no limit.
    pub download_bytes: Option<u64>,
}

impl Default for Limits {
    /// A million entries and 256 MiB in a listing, since whoever reads it may keep it in memory; no limit for downloads,
    /// which are streamed.
    fn default() -> Self {
        Self { listing_entries: 1_000_000, listing_bytes: 256 * 1024 * 1024, download_bytes: None }
    }
}
