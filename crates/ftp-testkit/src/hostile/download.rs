//! Files that are not what they seem.

use super::Fault::{Data, Timeout};
use super::{DOWNLOAD, HostileServer, LOGIN, Operation, SENT, fails, gives};

pub(super) fn servers() -> Vec<HostileServer> {
    [contents(), sizes(), vec![greatest_size()]].concat()
}

fn contents() -> Vec<HostileServer> {
    let rows = [
        ("a file without end", fails(Data), "D*: hello"),
        ("a file that is cut short and called whole", fails(Data), "D> hel\nD: close\nS: 226 done"),
        ("no bytes of a file that has some", fails(Data), "D: open\nD: close\nS: 226 done"),
        ("a file that is given up", fails(Data), "D> hel\nD: close\nS: 426 broken"),
        ("a file that is given up after its last byte", fails(Data), "D> hello\nD: close\nS: 451 broken"),
        ("a file that is reset and called whole", fails(Data), "D> hel\nD: reset\nS: 226 done"),
        ("a file that is reset after its last byte", fails(Data), "D> hello\nD: reset\nS: 226 done"),
        ("a file of one byte every now and then", fails(Timeout), "D~: hello"),
        ("a file that is sent and then refused", fails(Data), "D> hello\nD: close\nS: 550 read error"),
        ("a file that stops flowing", fails(Timeout), "D> hel\nT: hang"),
        ("a file that never ends, though called whole", fails(Timeout), "D> hello\nS: 226 done\nT: hang"),
        (
            "a file that is longer than announced",
            gives("hello again"),
            "D> hello again\nD: close\nS: 226 done",
        ),
    ];
    rows.map(|(name, ending, script)| {
        HostileServer::new(name, Operation::Download, ending, script).after(DOWNLOAD).after(LOGIN)
    })
    .into()
}

/// A file that is announced as larger than it may be is not asked for.
fn greatest_size() -> HostileServer {
    let script = "C: SIZE f\nS: 213 18446744073709551615\nT: eof";
    HostileServer::new("the greatest size there is", Operation::Download, fails(Data), script).after(LOGIN)
}

/// Announced sizes that are none, or cannot be.
fn sizes() -> Vec<HostileServer> {
    let rows = [
        ("a size beyond all numbers", gives("hello"), "213 99999999999999999999999"),
        ("a negative size", gives("hello"), "213 -5"),
        ("a size of words", gives("hello"), "213 five"),
        ("a size of thousands of digits", gives("hello"), "DIGITS"),
    ];
    let digits = format!("213 {}", "9".repeat(10_000));
    rows.map(|(name, ending, size)| {
        let size = if size == "DIGITS" { &digits } else { size };
        let script = format!(
            "C: SIZE f\nS: {size}\nC: EPSV\nS: 229 (|||{{port}}|)\nC: RETR f\nS: 150 here\nD> hello{SENT}"
        );
        HostileServer::new(name, Operation::Download, ending, script).after(LOGIN)
    })
    .into()
}
