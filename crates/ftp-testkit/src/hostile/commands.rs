//! Answers to commands that have no data connection.

use super::Fault::{Lost, Protocol, Refused, Timeout};
use super::{HostileServer, LOGIN, Operation, fails, gives};

pub(super) fn servers() -> Vec<HostileServer> {
    [deletions(), renamings(), facts()].concat()
}

fn deletions() -> Vec<HostileServer> {
    let rows = [
        ("a reply line without end", Protocol, r"S*: 250 gonegonegone"),
        ("a reply of lines without end", Protocol, r"S*: 250-gone\r\n"),
        ("a reply whose text goes on without end", Protocol, "S: 250-gone\nS*: 2500 lines\\r\\n"),
        ("a reply of one byte every now and then", Timeout, r"S~: 250-gone\r\n"),
        ("preliminary replies without end", Timeout, r"S*: 150 wait\r\n"),
        ("a preliminary reply every now and then", Timeout, r"S~: 150 wait\r\n"),
        ("a reply of NULs", Protocol, r"S*: \x00\x00\x00\x00"),
        ("a reply that is none", Protocol, "S: gone"),
        ("a reply with a code above all", Protocol, "S: 999 gone"),
        ("a reply with a code of zeros", Protocol, "S: 000 gone"),
        ("a reply with a code of four digits", Protocol, "S: 2500 gone"),
        ("a reply that begins with a Telnet command", Protocol, r"S+: \xff\xf1250 gone\r\n"),
        ("a reply that asks back", Protocol, "S: 331 sure?"),
        ("a reply that closes with another code", Timeout, "S: 250-gone\nS: 251 not the end\nT: hang"),
        ("half a reply, then the end", Lost, "S+: 250 go\nT: close"),
        ("half a reply, then a reset", Lost, "S+: 250 go\nT: reset"),
        ("a refusal that drives a terminal", Refused, r"S+: 550 \x1b]0;owned\x07\x1b[2J\x9b1A\x08\x7f\r\n"),
        ("a refusal of a thousand lines", Refused, "LONG"),
        ("a refusal that looks like two log lines", Refused, r"S+: 550 no\rERROR forged\r\n"),
        ("a farewell in place of a reply", Lost, "S: 421 bye"),
        ("a reply that comes after the client has given up", Timeout, "T: pause\nS: 250 gone"),
        ("two replies to one command", Protocol, r"S+: 250 gone\r\n250 gone\r\n"),
        ("a farewell behind a reply", Lost, r"S+: 250 gone\r\n421 bye\r\n"),
        ("half a reply behind a reply", Protocol, r"S+: 250 gone\r\n25"),
        ("an end behind a reply", Lost, "S: 250 gone\nT: close"),
    ];
    let long = format!("{}S: 550 no", "S: 550-no\n".repeat(999));
    rows.map(|(name, fault, script)| {
        let script = if script == "LONG" { &long } else { script };
        HostileServer::new(name, Operation::Delete, fails(fault), script).after("C: DELE f\n").after(LOGIN)
    })
    .into()
}

fn renamings() -> Vec<HostileServer> {
    let rows = [
        ("a renaming that is done after its first half", Protocol, "S: 250 done"),
        ("a renaming with both replies at once", Protocol, r"S+: 350 to?\r\n250 done\r\n"),
        ("a renaming that breaks off in the middle", Lost, "S: 350 to?\nC: RNTO g\nS: 421 bye"),
        ("a renaming that asks for ever", Protocol, "S: 350 to?\nC: RNTO g\nS: 350 to?"),
        ("a renaming onto a name that exists", Refused, "S: 350 to?\nC: RNTO g\nS: 553 exists"),
    ];
    rows.map(|(name, fault, script)| {
        HostileServer::new(name, Operation::Rename, fails(fault), script).after("C: RNFR f\n").after(LOGIN)
    })
    .into()
}

fn facts() -> Vec<HostileServer> {
    let features = "S: 211-features\nS:  MLST type*;size*;\nS: 211 end\nC: MLST f\n";
    let by_size = "S: 500 what\nC: SIZE f\n";
    let many = " type=file;size=5; f\\r\\n".repeat(1200);
    let rows = [
        ("features without end", fails(Protocol), "", r"S*: 211-FEATURE\r\n".to_owned()),
        ("thousands of features", fails(Protocol), "", format!("S+: 211-\\r\\n{}", " X\\r\\n".repeat(1200))),
        ("features byte by byte", fails(Timeout), "", r"S~: 211-f\r\n".to_owned()),
        ("a feature line without end", fails(Protocol), "S: 211-\n", r"S*:  MLST type*;".to_owned()),
        ("facts of thousands of lines", fails(Protocol), features, format!("S+: 250-facts\\r\\n{many}")),
        ("facts without end", fails(Protocol), features, r"S*: 250-facts\r\n".to_owned()),
        (
            "facts that make no sense",
            gives("file ?"),
            features,
            "S: 250-\nS:  type=file;size=-1;modify=20249999999999;=;;; f\nS: 250 end".to_owned(),
        ),
        (
            "a size and a time beyond all numbers",
            gives("file ?"),
            features,
            "S: 250-\nS:  type=file;size=99999999999999999999;modify=99999999999999999999.9; f\nS: 250 end"
                .to_owned(),
        ),
        (
            "a time that cannot be",
            gives("file 5"),
            by_size,
            "S: 213 5\nC: MDTM f\nS: 213 20240231250000".to_owned(),
        ),
        ("a time of words", gives("file 5"), by_size, "S: 213 5\nC: MDTM f\nS: 213 yesterday".to_owned()),
        ("a farewell in place of a size", fails(Lost), by_size, "S: 421 bye".to_owned()),
    ];
    rows.map(|(name, ending, beginning, script)| {
        HostileServer::new(name, Operation::Stat, ending, script)
            .after(beginning)
            .after("C: FEAT\n")
            .after(LOGIN)
    })
    .into()
}
