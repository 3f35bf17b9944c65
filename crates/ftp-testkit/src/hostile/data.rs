//! Replies around a transfer that do not fit it.

use super::Fault::{Data, Lost, Protocol, Refused, Timeout};
use super::{EPSV, HostileServer, LOGIN, Operation, SIZE, fails};

pub(super) fn servers() -> Vec<HostileServer> {
    let rows = [
        ("success in place of a transfer", Protocol, "S: 226 done"),
        ("a question in place of a transfer", Protocol, "S: 350 more"),
        ("a refusal in place of a transfer", Refused, "S: 550 no"),
        ("a farewell in place of a transfer", Lost, "S: 421 bye"),
        ("silence in place of a transfer", Timeout, "T: hang"),
        ("an end in place of a transfer", Lost, "T: close"),
        ("a transfer that is announced and never comes", Timeout, "S: 150 here\nT: hang"),
        ("a transfer that is announced without end", Data, "S: 150 here\nD> hel\nD: close\nS: 451 no"),
        ("success without any data", Timeout, "S: 150 here\nS: 226 done\nT: hang"),
        ("data without success", Timeout, "S: 150 here\nD> hello\nD: close\nT: hang"),
        ("data and then waiting without end", Timeout, "S: 150 here\nD> hello\nD: close\nS*: 150 wait\\r\\n"),
        ("data and then a farewell", Lost, "S: 150 here\nD> hello\nD: close\nS: 421 bye"),
        ("data and then an end", Lost, "S: 150 here\nD> hello\nD: close\nT: close"),
        ("data and then a question", Data, "S: 150 here\nD> hello\nD: close\nS: 350 more"),
        (
            "data and then a reply without end",
            Protocol,
            "S: 150 here\nD> hello\nD: close\nS*: 226-done\\r\\n",
        ),
    ];
    rows.map(|(name, fault, script)| {
        HostileServer::new(name, Operation::Download, fails(fault), format!("{EPSV}C: RETR f\n{script}"))
            .after(SIZE)
            .after(LOGIN)
    })
    .into()
}
