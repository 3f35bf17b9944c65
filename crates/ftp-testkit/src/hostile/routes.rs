//! Addresses that lead nowhere, or elsewhere.

use super::Fault::{Data, Lost, Protocol, Timeout};
use super::{HostileServer, LOGIN, Operation, SIZE, fails, gives};

/// No way to a data connection but the one that was tried.
const NO_OTHER: &str = "\nC: PORT *\nS: 502 no\nC: EPRT *\nS: 502 no";
const SENT: &str = "C: RETR f\nS: 150 here\nD> hello\nD: close\nS: 226 done";

pub(super) fn servers() -> Vec<HostileServer> {
    let mut servers = passive();
    servers.extend(active());
    servers
}

fn passive() -> Vec<HostileServer> {
    let digits = "9".repeat(5000);
    let nonsense = [
        ("a port of zero", "229 (|||0|)", "227 (127,0,0,1,0,0)"),
        ("a port beyond all", "229 (|||65536|)", "227 (127,0,0,1,256,1)"),
        ("a negative port", "229 (|||-1|)", "227 (127,0,0,1,-1,1)"),
        ("no port at all", "229 ok", "227 ok"),
        ("an address of too few numbers", "229 (||)", "227 (127,0,0,1,4)"),
        ("an address with an octet beyond all", "229 (|||99999999999999999999|)", "227 (256,0,0,1,4,1)"),
    ];
    let mut servers: Vec<_> = nonsense
        .map(|(name, epsv, pasv)| {
            let script = format!("C: EPSV\nS: {epsv}\nC: PASV\nS: {pasv}{NO_OTHER}");
            HostileServer::new(name, Operation::Download, fails(Data), script)
        })
        .into();
    let elsewhere = [
        ("another host's address", "S: 227 (10,255,255,1,{p1},{p2})"),
        ("another address of this machine", "S: 227 (127,0,0,9,{p1},{p2})"),
        ("the address of nobody", "S: 227 (0,0,0,0,{p1},{p2})"),
        ("the address of everybody", "S: 227 (255,255,255,255,{p1},{p2})"),
    ];
    servers.extend(elsewhere.map(|(name, pasv)| {
        let script = format!("C: EPSV\nS: 500 what\nC: PASV\n{pasv}\n{SENT}");
        HostileServer::new(name, Operation::Download, gives("hello"), script)
    }));
    let refusing = format!(
        "C: EPSV\nS: 229 (|||{{closed}}|)\nC: PASV\nS: 227 ok{NO_OTHER}
         C: EPSV\nS: 229 (|||{{closed}}|)\nC: RETR f\nS: 425 nobody came"
    );
    let rows = [
        (
            "an extended answer with another host's address",
            gives("hello"),
            format!("C: EPSV\nS: 229 (|1|10.255.255.1|{{port}}|)\n{SENT}"),
        ),
        ("ports that refuse, before the command and after it", fails(Data), refusing),
        ("a port of another service", fails(Lost), "C: EPSV\nS: 229 (|||22|)\nC: *\nS: 421 bye".to_owned()),
        (
            "a port of thousands of digits",
            fails(Lost),
            format!("C: EPSV\nS: 229 (|||{digits}|)\nC: PASV\nS: 421 bye"),
        ),
        ("an address without end", fails(Protocol), "C: EPSV\nS*: 229 (|||1".to_owned()),
        ("a farewell in place of an address", fails(Lost), "C: EPSV\nS: 421 bye".to_owned()),
        ("silence in place of an address", fails(Timeout), "C: EPSV\nT: hang".to_owned()),
    ];
    servers.extend(
        rows.map(|(name, ending, script)| HostileServer::new(name, Operation::Download, ending, script)),
    );
    servers.into_iter().map(|server| server.after(SIZE).after(LOGIN)).collect()
}

fn active() -> Vec<HostileServer> {
    let refused = format!("---\n{LOGIN}C: EPSV\nS: 500 no\nC: PASV\nS: 500 no");
    let mut rows = vec![
        ("a server that never connects", fails(Data), format!("S: 150 here\nT: hang\n{refused}")),
        (
            "a server that is done without connecting",
            fails(Data),
            format!("S: 150 here\nS: 226 done\n{refused}"),
        ),
        ("a server that connects and says nothing", fails(Timeout), "D: connect\nT: hang".to_owned()),
        (
            "a server that connects and leaves",
            fails(Data),
            "S: 150 here\nD: connect\nD: close\nS: 226 done".to_owned(),
        ),
        (
            "a server that connects and resets",
            fails(Data),
            "S: 150 here\nD: connect\nD: reset\nS: 226 done".to_owned(),
        ),
    ];
    if cfg!(target_os = "linux") {
        rows.extend([
            (
                "a stranger who is faster than the server",
                gives("hello"),
                "D: stranger\nS: 150 here\nD: connect\nD> hello\nD: close\nS: 226 done".to_owned(),
            ),
            (
                "strangers in place of the server",
                fails(Data),
                format!("D: stranger\nD: stranger\nS: 150 here\nT: hang\n{refused}"),
            ),
        ]);
    }
    let rows = rows.into_iter().map(|(name, ending, script)| {
        HostileServer::new(name, Operation::Download, ending, script)
            .after("C: PORT *\nS: 200 ok\nC: RETR f\n")
            .after(SIZE)
            .after(LOGIN)
            .active()
            .silent()
    });
    rows.collect()
}
