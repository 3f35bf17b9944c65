//! What a listing costs in each dialect: the memory of a whole one, and the time of one entry, from the bytes of a data
//! connection to the value.
//!
//! The memory must not depend on the number of lines. Times are of single entries, each sample of 100,000 of them.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::fmt;
use std::hint::black_box;

use divan::Bencher;
use ftp_proto::{Entry, Format, Line, LineSplitter, LineTooLong, ListingParser};
use peak_alloc::PeakAlloc;
use time::OffsetDateTime;
use time::macros::datetime;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const NOW: OffsetDateTime = datetime!(2024-03-01 12:00 UTC);

/// How much a data connection gives at a time.
const BLOCK: usize = 64 * 1024;

fn main() -> Result<(), LineTooLong> {
    println!("{:16} {:>22} {:>22}", "most memory", "10,000 lines", "100,000 lines");
    for dialect in DIALECTS {
        let [few, many] = [peak(dialect, 10_000)?, peak(dialect, 100_000)?];
        println!("{:16} {few:>16} bytes {many:>16} bytes", dialect.name);
    }
    divan::main();
    Ok(())
}

/// The most bytes that reading a listing takes at once, the text itself not counted.
fn peak(dialect: &Dialect, lines: u32) -> Result<usize, LineTooLong> {
    let text = dialect.listing(lines);
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let mut listing = Listing::new(dialect.format, &text);
    let mut entries = 0;
    while let Some(entry) = listing.next()? {
        black_box(entry);
        entries += 1;
    }
    assert_eq!(entries, lines, "{dialect}");
    Ok(MEMORY.peak_usage() - before)
}

#[divan::bench(args = DIALECTS, sample_count = 25, sample_size = 100_000)]
fn entry(bencher: Bencher<'_, '_>, dialect: &Dialect) {
    let text = dialect.listing(100_000);
    let mut listing = Listing::new(dialect.format, &text);
    bencher.bench_local(|| {
        if let Some(entry) = listing.next()? {
            return Ok(Some(entry));
        }
        listing = Listing::new(dialect.format, &text);
        listing.next()
    });
}

/// A listing that comes in blocks, entry by entry.
struct Listing<'a> {
    blocks: std::slice::Chunks<'a, u8>,
    lines: LineSplitter,
    parser: ListingParser,
}

impl<'a> Listing<'a> {
    fn new(format: Format, text: &'a [u8]) -> Self {
        Self {
            blocks: text.chunks(BLOCK),
            lines: LineSplitter::new(LineSplitter::LIMIT),
            parser: ListingParser::new(format, NOW),
        }
    }

    fn next(&mut self) -> Result<Option<Entry>, LineTooLong> {
        loop {
            match self.lines.next_line()? {
                Some(line) => {
                    if let Line::Entry(entry) = self.parser.parse_line(line) {
                        return Ok(Some(entry));
                    }
                }
                None => match self.blocks.next() {
                    Some(block) => self.lines.push(block),
                    None => return Ok(None),
                },
            }
        }
    }
}

/// A dialect, and listings in it of any length.
struct Dialect {
    name: &'static str,
    format: Format,
    header: &'static str,
    line: fn(u32) -> String,
}

impl Dialect {
    const fn list(name: &'static str, header: &'static str, line: fn(u32) -> String) -> Self {
        Self { name, format: Format::List, header, line }
    }

    fn listing(&self, entries: u32) -> Vec<u8> {
        let lines = (0..entries).map(|number| (self.line)(number) + "\r\n");
        (self.header.to_owned() + &lines.collect::<String>()).into_bytes()
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const DIALECTS: &[Dialect] = &[
    Dialect { name: "mlsx", format: Format::Mlsd, header: "", line: mlsx },
    Dialect::list("unix", "total 8\r\n", unix),
    Dialect::list("unix, in French", "total 8\r\n", unix_in_french),
    Dialect::list("dos", "", dos),
    Dialect::list("os400", "", os400),
    Dialect::list("mvs", "Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname\r\n", mvs),
    Dialect::list("pds", " Name     VV.MM   Created       Changed      Size  Init   Mod   Id\r\n", pds),
    Dialect::list("jes", "JOBNAME  JOBID    OWNER    STATUS CLASS\r\n", jes),
    Dialect::list("vms", "Directory DISK$USER:[FTP]\r\n\r\n", vms),
    Dialect::list(
        "nonstop",
        "File         Code             EOF  Last Modification    Owner  RWEP\r\n",
        nonstop,
    ),
    Dialect::list("netware", "total 0\r\n", netware),
    Dialect::list("eplf", "", eplf),
];

fn mlsx(number: u32) -> String {
    format!(
        "modify=20240229{:02}{:02}15;perm=adfr;size={number};type=file;unique=FE00U{number:X};UNIX.group=0;\
         UNIX.groupname=nogroup;UNIX.mode=0644;UNIX.owner=0;UNIX.ownername=user; report-{number}.csv",
        number % 24,
        number % 60
    )
}

fn unix(number: u32) -> String {
    format!(
        "-rw-r--r--   1 owner    group    {number:12} Feb {:2} {:02}:30 report-{number}.csv",
        number % 28 + 1,
        number % 24
    )
}

fn unix_in_french(number: u32) -> String {
    format!(
        "-rw-r--r--   1 owner    group    {number:12} {:2} déc.   2019 report-{number}.csv",
        number % 28 + 1
    )
}

fn dos(number: u32) -> String {
    format!("02-{:02}-24  {:02}:30PM {number:20} report-{number}.csv", number % 28 + 1, number % 12 + 1)
}

fn os400(number: u32) -> String {
    format!(
        "QPGMR     {number:11} 02/{:02}/24 {:02}:30:15 *STMF      report-{number}.csv",
        number % 28 + 1,
        number % 24
    )
}

fn mvs(number: u32) -> String {
    format!("Z18WR1 3390   2024/02/29  1   15  VB     256  6233  PS  REPORT.N{number}.CSV")
}

fn pds(number: u32) -> String {
    format!(
        "R{number:<8} 01.18 1998/09/17 2024/02/{:02} {:02}:27    30    32     0 IRA",
        number % 28 + 1,
        number % 24
    )
}

fn jes(number: u32) -> String {
    format!("REPORT   J{number:07} IBMUSER  OUTPUT A        RC=0000 3 spool files")
}

/// Every eighth name has a line of its own.
fn vms(number: u32) -> String {
    let end = if number.is_multiple_of(8) { "\r\n" } else { "" };
    format!(
        "REPORT-{number}.CSV;1{end}  {}/{}  {}-FEB-2024 {:02}:30:15  [FTP_CLIENT,SCOT]      (RWED,RWED,RE,)",
        number,
        number + 3,
        number % 28 + 1,
        number % 24
    )
}

fn nonstop(number: u32) -> String {
    format!(
        "R{number:<8}     101 {number:16} {:2}-Feb-24 {:02}:30:15 155,106 \"nnnn\"",
        number % 28 + 1,
        number % 24
    )
}

fn netware(number: u32) -> String {
    format!(
        "- [RWCEAFMS] owner {number:30} Feb {:2} {:02}:30 report-{number}.csv",
        number % 28 + 1,
        number % 24
    )
}

fn eplf(number: u32) -> String {
    format!("+i2049.{number},m{},r,s{number},\treport-{number}.csv", 1_709_199_015 + number)
}
