//! FTP as values: what a client says, what a server answers, and what a listing line means.
//!
//! This crate does no IO and reads no clock; where the current time matters, `now` is an argument. Parsers do not
//! panic on any input, and everything that keeps bytes has a limit. Only [`Command::encode`] makes bytes for the
//! control connection, and what it is made of cannot hold a line end.
//!
//! ```
//! use ftp_proto::{Code, Command, RemotePath, ReplyDecoder, ReplyLimits};
//!
//! let path = RemotePath::parse("reports/2024.csv")?;
//! assert_eq!(Command::Size(path).encode(), b"SIZE reports/2024.csv\r\n");
//!
//! let mut decoder = ReplyDecoder::new(ReplyLimits::default());
//! decoder.push(b"213 18");
//! assert_eq!(decoder.next_reply()?, None);
//! decoder.push(b"4467\r\n");
//! let reply = decoder.next_reply()?.ok_or("the reply is complete now")?;
//! assert_eq!(reply.code(), Code::FILE_STATUS);
//! assert_eq!(ftp_proto::parse_size(&reply), Some(184_467));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A listing is split into lines and read line by line:
//!
//! ```
//! use ftp_proto::{EntryKind, Format, Line, LineSplitter, ListingParser};
//! use time::macros::datetime;
//!
//! let mut lines = LineSplitter::new(LineSplitter::LIMIT);
//! let mut parser = ListingParser::new(Format::List, datetime!(2024-03-01 12:00 UTC));
//! lines.push(b"total 4\r\ndrwxr-xr-x    2 ftp  ftp   4096 Feb 29 09:30 in box\r\n");
//!
//! let mut folders = Vec::new();
//! while let Some(line) = lines.next_line()? {
//!     match parser.parse_line(line) {
//!         Line::Entry(entry) if entry.kind == EntryKind::Folder => folders.push(entry.name),
//!         Line::Entry(_) | Line::Nothing | Line::Unrecognized => {}
//!     }
//! }
//! assert_eq!(folders, [b"in box"]);
//! assert_eq!(parser.dialect(), Some("unix"));
//! # Ok::<(), ftp_proto::LineTooLong>(())
//! ```

mod address;
mod argument;
mod charset;
mod code;
mod command;
mod digits;
mod entry;
mod escape;
mod feature;
mod line;
mod listing;
mod path;
mod pwd;
mod reply;
mod size;
mod telnet;
mod time;

pub use crate::address::{AddressError, parse_epsv, parse_pasv};
pub use crate::argument::{Argument, ArgumentError};
pub use crate::charset::{Charset, Unencodable};
pub use crate::code::{Code, Severity};
pub use crate::command::Command;
pub use crate::entry::{Entry, EntryKind};
pub use crate::escape::{Escaped, misleads};
pub use crate::feature::{Fact, Features};
pub use crate::line::{LineSplitter, LineTooLong};
pub use crate::listing::{Format, Line, ListingParser, parse_mlst};
pub use crate::path::{PathError, RemotePath};
pub use crate::pwd::parse_pwd;
pub use crate::reply::{Reply, ReplyDecoder, ReplyError, ReplyLimits};
pub use crate::size::parse_size;
pub use crate::time::{Modified, Precision, Zone, parse_mdtm};
