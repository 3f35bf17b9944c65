//! What answers in place of a greeting.

use super::Fault::{Connect, NotFtp, Protocol, Timeout};
use super::{HostileServer, Operation, fails};

pub(super) fn servers() -> Vec<HostileServer> {
    let rows = [
        ("a greeting line without end", NotFtp, r"S*: xxxxxxxxxxxxxxxx"),
        ("a greeting of lines without end", NotFtp, r"S*: 220-welcome\r\n"),
        ("a greeting whose text goes on without end", NotFtp, "S: 220-welcome\nS*: to my house\\r\\n"),
        ("empty lines without end", NotFtp, r"S*: \r\n"),
        ("NULs without end", NotFtp, r"S*: \x00"),
        ("a greeting of one byte every now and then", Timeout, r"S~: 220-welcome\r\n"),
        ("greetings for later without end", Connect, r"S*: 120 in a moment\r\n"),
        ("a greeting for later every now and then", Connect, r"S~: 120 soon\r\n"),
        ("a greeting that never closes", Timeout, "S: 220-welcome\nS: 221 no end\nT: hang"),
        ("silence", Timeout, "T: hang"),
        ("an end at once", NotFtp, "T: close"),
        ("a reset at once", Connect, "T: reset"),
        ("half a greeting, then the end", NotFtp, "S: 220-welcome\nT: close"),
        (
            "a web server",
            NotFtp,
            "S: HTTP/1.1 400 Bad Request\nS: Content-Type: text/html\nS:\nS: <html>\nT: close",
        ),
        ("a shell server", NotFtp, "S: SSH-2.0-OpenSSH_9.2"),
        ("a server of mailboxes", NotFtp, "S: +OK ready"),
        ("a mail server", NotFtp, "S: 220 mail.example ESMTP\nT: eof"),
        ("a TLS alert", NotFtp, "S+: \\x15\\x03\\x01\\x00\\x02\\x02\\x46\nT: close"),
        ("a TLS handshake", NotFtp, r"S+: \x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\x0a\r\n"),
        ("a database", NotFtp, r"S+: J\x00\x00\x00\x0a8.0.36\x00\x08\x00\x00\x00\x1f\x0a"),
        ("binary junk", NotFtp, r"S+: \xff\xfe\x80\x81\x1b[2J\x07\n"),
        ("Telnet options", NotFtp, r"S+: \xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\r\n"),
        ("a code of zeros", NotFtp, "S: 000 hi"),
        ("a code below all", NotFtp, "S: 099 hi"),
        ("a code above all", NotFtp, "S: 999 hi"),
        ("a code of four digits", NotFtp, "S: 2200 hi"),
        ("a code of two digits", NotFtp, "S: 22 hi"),
        ("a code of other digits", NotFtp, "S: ２２０ hi"),
        ("a farewell as greeting", Connect, "S: 421 go away"),
        ("a refusal as greeting", Connect, "S: 530 not you"),
        ("a question as greeting", Connect, "S: 331 password?"),
        ("a greeting that drives a terminal", Connect, r"S+: 421 \x1b]0;owned\x07\x1b[2J\x9b1A\r\n"),
        ("two greetings at once", Protocol, r"S+: 220 hi\r\n220 hi\r\n"),
        ("all replies of a login at once", Protocol, r"S+: 220 hi\r\n331 pw\r\n230 in\r\n200 ok\r\n"),
    ];
    rows.map(|(name, fault, script)| HostileServer::new(name, Operation::Connect, fails(fault), script))
        .into()
}
