//! What goes wrong between the greeting and the binary type.

use super::Fault::{Login, Lost, Protocol, Refused, Timeout};
use super::{HostileServer, Operation, fails};

const USER: &str = "S: 220 hi\nC: USER user\n";
const PASS: &str = "S: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary-5d1f\n";
const TYPE: &str = "S: 220 hi\nC: USER user\nS: 331 pw\nC: PASS canary-5d1f\nS: 230 in\nC: TYPE I\n";

pub(super) fn servers() -> Vec<HostileServer> {
    let rows = [
        ("a farewell after USER", Login, USER, "S: 421 go away"),
        ("an answer to USER without end", Protocol, USER, r"S*: 331-and another thing\r\n"),
        ("an answer to USER byte by byte", Timeout, USER, r"S~: 331-say\r\n"),
        ("an answer to USER with a code that cannot be", Protocol, USER, "S: 000 pw"),
        ("a second greeting as the answer to USER", Protocol, USER, "S: 220 hi\nC: TYPE I\nS: 331 pw"),
        ("a farewell after PASS", Login, PASS, "S: 421 go away"),
        ("an end after PASS", Lost, PASS, "T: close"),
        ("a reset after PASS", Lost, PASS, "T: reset"),
        ("silence after PASS", Timeout, PASS, "T: hang"),
        ("a password that is never right", Login, PASS, "S: 331 again"),
        ("a third secret", Login, PASS, "S: 332 account?"),
        (
            "a refusal that repeats the password",
            Login,
            PASS,
            "S: 530-no canary-5d1f\nS: 530 canary-5d1f, really",
        ),
        ("a protocol error that repeats the password", Protocol, PASS, "S: canary-5d1f is wrong"),
        ("an answer of another kind that repeats the password", Login, PASS, "S: 331 canary-5d1f"),
        ("a farewell that repeats the password", Login, PASS, "S: 421 canary-5d1f"),
        ("two answers to PASS", Protocol, PASS, r"S+: 230 in\r\n530 out\r\n"),
        ("a refusal of the binary type", Refused, TYPE, "S: 504 no"),
        ("a farewell after TYPE", Lost, TYPE, "S: 421 too late"),
        ("an answer to TYPE that is none", Timeout, TYPE, "S: 150 wait\nT: hang"),
    ];
    rows.map(|(name, fault, beginning, script)| {
        HostileServer::new(name, Operation::Connect, fails(fault), script).after(beginning)
    })
    .into()
}
