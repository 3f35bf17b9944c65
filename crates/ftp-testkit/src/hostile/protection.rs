//! Servers, and people in the middle, that would rather not have TLS.

use super::Fault::{Data, Lost, NotFtp, Protocol, Timeout, Tls};
use super::{HostileServer, MLSD, Operation, SECURE_LOGIN, SENT, Security, fails, gives};

const AUTH: &str = "S: 220 hi\nC: AUTH TLS\n";
const HANDSHAKE: &str = "S: 220 hi\nC: AUTH TLS\nS: 234 go\n";
const PROTECTED: &str = "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls\n";
const LOGGED_IN: &str =
    "S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls\nC: USER user\nS: 331 pw\nC: PASS canary-5d1f\nS: 230 in\n";

pub(super) fn servers() -> Vec<HostileServer> {
    [login(), implicit(), transfers()].concat()
}

fn login() -> Vec<HostileServer> {
    let rows = [
        ("no TLS, an unknown command", Tls, AUTH, "S: 500 what\nT: eof"),
        ("no TLS, not implemented", Tls, AUTH, "S: 502 no\nT: eof"),
        ("no TLS, by policy", Tls, AUTH, "S: 534 no\nT: eof"),
        ("no TLS, a login first", Tls, AUTH, "S: 530 log in first\nT: eof"),
        ("no TLS, a farewell", Lost, AUTH, "S: 421 no\nT: eof"),
        ("no TLS, another mechanism", Protocol, AUTH, "S: 334 ADAT=\nT: eof"),
        ("an answer to AUTH without end", Protocol, AUTH, r"S*: 234-go\r\n"),
        ("clear text glued to the answer to AUTH", Tls, AUTH, "S+: 234 go\\r\\n230 in\\r\\n\nT: eof"),
        ("half a line glued to the answer to AUTH", Tls, AUTH, "S+: 234 go\\r\\n23\nT: eof"),
        ("clear text in place of the handshake", Tls, HANDSHAKE, &twice("T: hello\nS: 230 in\nT: gone")),
        (
            "junk in place of the handshake",
            Tls,
            HANDSHAKE,
            &twice("T: hello\nS+: \\x00\\xff\\x80junk\nT: gone"),
        ),
        (
            "a handshake message without end",
            Tls,
            HANDSHAKE,
            "T: hello\nS*: \\x16\\x03\\x03\\x00\\x04\\x02\\xff\\xff\\xff",
        ),
        (
            "an old version of TLS",
            Tls,
            HANDSHAKE,
            "T: hello\nS+: \\x15\\x03\\x01\\x00\\x02\\x02\\x46\nT: gone",
        ),
        ("an end in the middle of the handshake", Tls, HANDSHAKE, "T: hello\nT: close"),
        ("a reset in the middle of the handshake", Tls, HANDSHAKE, "T: hello\nT: reset"),
        ("silence in the middle of the handshake", Timeout, HANDSHAKE, "T: hello\nT: gone"),
        (
            "a handshake byte by byte",
            Timeout,
            HANDSHAKE,
            "T: hello\nS~: \\x16\\x03\\x03\\x00\\xff\\x02\\x00\\x00\\xfb",
        ),
        ("somebody in the middle", Tls, HANDSHAKE, "T: forged"),
        ("an end after the handshake", Lost, PROTECTED, "C: USER user\nT: close"),
        ("an answer without end under TLS", Protocol, PROTECTED, "C: USER user\nS*: 331-pw\\r\\n"),
        ("a refusal of the buffer size", Tls, LOGGED_IN, "C: PBSZ 0\nS: 503 no\nT: eof"),
        ("a refusal to protect data", Tls, LOGGED_IN, "C: PBSZ 0\nS: 200 ok\nC: PROT P\nS: 536 no\nT: eof"),
        (
            "a policy against protected data",
            Tls,
            LOGGED_IN,
            "C: PBSZ 0\nS: 200 ok\nC: PROT P\nS: 534 no\nT: eof",
        ),
    ];
    rows.map(|(name, fault, beginning, script)| {
        HostileServer::new(name, Operation::Connect, fails(fault), script)
            .after(beginning)
            .with(Security::Explicit)
    })
    .into()
}

/// For what makes the client try once more, since libunftp 0.24 does it by mistake.
fn twice(script: &str) -> String {
    format!("{script}\n---\n{HANDSHAKE}{script}")
}

fn implicit() -> Vec<HostileServer> {
    let protected = "T: tls\n";
    let logged_in =
        "T: tls\nS: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary-5d1f\nS: 230 in\nC: PBSZ 0\nS: 200 ok\n";
    let rows = [
        ("a greeting in the clear where TLS goes without saying", Tls, "", "S: 220 hi\nT: gone"),
        ("an end where TLS goes without saying", Tls, "", "T: hello\nT: close"),
        ("silence where TLS goes without saying", Timeout, "", "T: gone"),
        ("somebody in the middle where TLS goes without saying", Tls, "", "T: forged"),
        ("a web server under TLS", NotFtp, protected, "S: HTTP/1.1 400 Bad Request"),
        ("a greeting without end under TLS", NotFtp, protected, "S*: 220-welcome\\r\\n"),
        ("silence under TLS", Timeout, protected, "T: hang"),
        (
            "a policy against protected data where TLS goes without saying",
            Tls,
            logged_in,
            "C: PROT P\nS: 534 no\nT: eof",
        ),
    ];
    rows.map(|(name, fault, beginning, script)| {
        HostileServer::new(name, Operation::Connect, fails(fault), script)
            .after(beginning)
            .with(Security::Implicit)
    })
    .into()
}

fn transfers() -> Vec<HostileServer> {
    let unknown = "C: SIZE f\nS: 550 no\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\n";
    let known = "C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\nS: 150 here\n";
    let upload = "C: EPSV\nS: 229 (|||{port}|)\nC: STOR f\nS: 150 go\n";
    let (download, put, list) = (Operation::Download, Operation::Upload, Operation::List);
    let rows = [
        (
            "data in the clear although protection was promised",
            download,
            fails(Tls),
            known,
            "D: plain\nD> hello",
        ),
        ("data protected for somebody else", download, fails(Tls), known, "D: forged"),
        ("an upload's data protected for somebody else", put, fails(Tls), upload, "D: forged"),
        ("a data handshake that never comes", download, fails(Timeout), known, "D: plain\nT: hang"),
        ("a data handshake that breaks off", download, fails(Tls), known, "D: plain\nD: close"),
        ("a protected file cut short", download, fails(Data), known, "D> hel\nD: cut\nS: 226 done"),
        (
            "a protected file cut at no known place",
            download,
            fails(Data),
            unknown,
            "D> hel\nD: cut\nS: 226 done",
        ),
        (
            "a protected file without its end mark, but whole",
            download,
            gives("hello"),
            known,
            "D> hello\nD: cut\nS: 226 done",
        ),
        (
            "a protected listing cut short",
            list,
            fails(Data),
            MLSD,
            "D> type=file; a\\r\\n\nD: cut\nS: 226 done",
        ),
        (
            "a protected listing cut within a line",
            list,
            fails(Data),
            MLSD,
            "D> type=file; a\\r\\ntype=fi\nD: cut\nS: 226 done",
        ),
        (
            "a protected reset that the server calls success",
            download,
            fails(Data),
            known,
            "D> hel\nD: reset\nS: 226 done",
        ),
    ];
    let mut servers: Vec<_> = rows
        .map(|(name, operation, ending, beginning, script)| {
            HostileServer::new(name, operation, ending, format!("{SECURE_LOGIN}{beginning}{script}"))
                .with(Security::Explicit)
        })
        .into();
    servers.push(
        HostileServer::new(
            "a protected listing of nobody's lines",
            list,
            gives("?2"),
            format!("{SECURE_LOGIN}{MLSD}D> \\x00\\x01\\xff\\r\\n\\x1b[2J\\r\\n{SENT}"),
        )
        .with(Security::Explicit),
    );
    servers
}
