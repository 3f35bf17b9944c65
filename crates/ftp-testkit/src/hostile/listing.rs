//! Listings that flood, lie, or name what cannot be.

use super::Fault::{Data, Lost, Protocol, Refused, Timeout};
use super::{EPSV, HostileServer, LIST, LISTED, LOGIN, MLSD, Operation, SENT, fails, gives};

pub(super) fn servers() -> Vec<HostileServer> {
    [floods(), ends(), names(), folders(), texts()].concat()
}

fn floods() -> Vec<HostileServer> {
    let rows = [
        ("lines of nobody's without end", Protocol, LIST, r"D*: what is this\r\n"),
        ("empty listing lines without end", Protocol, LIST, r"D*: \r\n"),
        ("a listing of one byte every now and then", Timeout, LIST, r"D~: x"),
        ("entries without end", Protocol, LIST, r"D*: -rw-r--r-- 1 u g 5 Jan 01 2024 f\r\n"),
        ("files with facts without end", Protocol, MLSD, r"D*: type=file;size=1; f\r\n"),
        ("a listing line without end", Protocol, LIST, r"D*: -rw-r--r-- 1 u g 5 Jan 01 2024 file"),
        ("a name without end", Protocol, MLSD, "D> type=file; name\nD*: name"),
        ("a listing of NULs", Protocol, LIST, r"D*: \x00\x00\x00\x00"),
    ];
    rows.map(|(name, fault, beginning, script)| {
        HostileServer::new(name, Operation::List, fails(fault), script).after(beginning).after(LOGIN)
    })
    .into()
}

/// Listings that are not whole.
fn ends() -> Vec<HostileServer> {
    let rows = [
        ("a listing that is given up", Data, "D> type=file; a\\r\\n\nD: close\nS: 426 broken"),
        ("a listing that is reset and called whole", Data, "D> type=file; a\\r\\n\nD: reset\nS: 226 done"),
        ("a listing that stops flowing", Timeout, "D> type=file; a\\r\\n\nT: hang"),
        ("a listing that nobody confirms", Timeout, "D> type=file; a\\r\\n\nD: close\nT: hang"),
        ("a listing and then a farewell", Lost, "D> type=file; a\\r\\n\nD: close\nS: 421 bye"),
    ];
    rows.map(|(name, fault, script)| {
        HostileServer::new(name, Operation::List, fails(fault), script).after(MLSD).after(LOGIN)
    })
    .into()
}

/// What a listing may call its entries: nothing of it is a command or a path until somebody has looked at it.
fn names() -> Vec<HostileServer> {
    let long = "n".repeat(5000);
    let unix = |name: &str| format!("D> -rw-r--r-- 1 u g 5 Jan 01 2024 {name}\\r\\n{LISTED}");
    let facts = |name: &str| format!("D> type=file;size=5; {name}\\r\\n{SENT}");
    let rows = [
        ("a name that leads upwards", "../../etc/passwd", "../../etc/passwd"),
        ("a name that leads to the root", "/etc/passwd", "/etc/passwd"),
        ("a name with a carriage return and a command", r"a\rDELE f", r"a\rDELE f"),
        ("a name with a NUL", r"a\x00b", r"a\x00b"),
        ("a name that drives a terminal", r"\x1b[2J\x07", r"\x1b[2J\x07"),
        ("a name that is no text", r"\xff\xfe\x80", r"\xff\xfe\x80"),
        (
            "a name of blanks, quotes and globs",
            r#"-rf * ? [a] {b} "c" 'd' $(e)"#,
            r#"-rf * ? [a] {b} \"c\" \'d\' $(e)"#,
        ),
        ("a name of thousands of bytes", &long, &long),
    ];
    let mut servers: Vec<_> = rows
        .map(|(name, sent, read)| {
            HostileServer::new(name, Operation::List, gives(read), facts(sent)).after(MLSD).after(LOGIN)
        })
        .into();
    let rows = [
        ("a command in a name of a LIST", unix(r"a\rDELE f"), gives(r"a\rDELE f")),
        ("a name of a LIST that leads upwards", unix("../up"), gives("../up")),
        (
            "a LIST of the folder and its parent only",
            unix("..\\r\\ndrwxr-xr-x 2 u g 5 Jan 01 2024 ."),
            gives(""),
        ),
        ("a line of a LIST that ends before its name", unix(""), gives("?1")),
        (
            "a size beyond all numbers in a LIST",
            format!("D> -rw-r--r-- 1 u g 99999999999999999999 Jan 01 2024 a\\r\\n{LISTED}"),
            gives("a"),
        ),
        (
            "lines of binary junk",
            format!("D> \\xff\\x00\\x01\\r\\n\\x1b]0;x\\x07\\r\\n{LISTED}"),
            gives("?2"),
        ),
    ];
    servers.extend(rows.map(|(name, script, ending)| {
        HostileServer::new(name, Operation::List, ending, script).after(LIST).after(LOGIN)
    }));
    let odd = "D> ; a\\r\\n=;=; b\\r\\ntype=;size=; c\\r\\ntype=file;size=1;\\r\\ntype=file; \\r\\n";
    servers.push(
        HostileServer::new(
            "facts that are none",
            Operation::List,
            gives("a\nb\nc\n?2"),
            format!("{odd}{SENT}"),
        )
        .after(MLSD)
        .after(LOGIN),
    );
    servers
}

/// On the way into the folder and back.
fn folders() -> Vec<HostileServer> {
    let pwd = "C: FEAT\nS: 500 what\nC: PWD\n";
    let inside = "C: FEAT\nS: 500 what\nC: PWD\nS: 257 \"/home\"\nC: CWD in\n";
    let without = format!("{EPSV}C: LIST in\nS: 150 here\nD: open{SENT}");
    let back = |reply: &str| format!("D: open\nD: close\nS: 226 done\nC: CWD /home\n{reply}");
    let rows = [
        ("a working folder whose quote never closes", gives(""), pwd, format!("S: 257 \"/home\n{without}")),
        (
            "a working folder with a command in it",
            gives(""),
            pwd,
            format!("S+: 257 \"/home\\rDELE f\"\\r\\n\n{without}"),
        ),
        ("a working folder without end", fails(Protocol), pwd, "S*: 257 \"/home/".to_owned()),
        ("a folder that cannot be entered", fails(Refused), inside, "S: 550 no".to_owned()),
        ("a farewell at the folder's door", fails(Lost), inside, "S: 421 bye".to_owned()),
        ("a folder that cannot be left", fails(Refused), LIST, back("S: 550 no")),
        ("a farewell on the way back", fails(Lost), LIST, back("S: 421 bye")),
        ("silence on the way back", fails(Timeout), LIST, back("T: hang")),
    ];
    rows.map(|(name, ending, beginning, script)| {
        HostileServer::new(name, Operation::List, ending, script).after(beginning).after(LOGIN)
    })
    .into()
}

/// The listing as text, which is kept in one piece.
fn texts() -> Vec<HostileServer> {
    let rows = [
        (
            "a listing text that is given up",
            fails(Data),
            "D> one\\r\\n\nD: close\nS: 426 broken\nC: CWD /home\nS: 250 ok",
        ),
        ("a listing text that stops flowing", fails(Timeout), "D> one\\r\\n\nT: hang"),
    ];
    rows.map(|(name, ending, script)| {
        HostileServer::new(name, Operation::ListText, ending, script).after(LIST).after(LOGIN)
    })
    .into()
}
