//! Reply codes: three digits, of which the first says how the command fares. Servers invent codes, so a code is a
//! number with some known names and not an enum.

use std::fmt::{self, Display};

/// A reply code, 100 to 699 (RFC 959 §4.2; 6yz is RFC 2228 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

impl Code {
    /// 120: the server will be ready in some minutes.
    pub const READY_LATER: Self = Self(120);
    /// 213: file status: the answer to `SIZE` and `MDTM`.
    pub const FILE_STATUS: Self = Self(213);
    /// 226: the transfer is complete.
    pub const TRANSFER_COMPLETE: Self = Self(226);
    /// 250: what was asked for is done; after a transfer it means the same as 226.
    pub const FILE_ACTION_DONE: Self = Self(250);
    /// 234: TLS starts now (RFC 4217 §4).
    pub const TLS_STARTS: Self = Self(234);
    /// 331: the password is wanted.
    pub const PASSWORD_WANTED: Self = Self(331);
    /// 421: the server ends the session. It may come before the answer to any command.
    pub const SERVICE_NOT_AVAILABLE: Self = Self(421);
    /// 425: the data connection could not be opened; also: its TLS session was not the control connection's.
    pub const NO_DATA_CONNECTION: Self = Self(425);
    /// 430: user or password is wrong, on servers that do not say so with 530.
    pub const BAD_CREDENTIALS: Self = Self(430);
    /// 452: no room for the file.
    pub const NO_SPACE: Self = Self(452);
    /// 500: unknown command.
    pub const UNKNOWN_COMMAND: Self = Self(500);
    /// 501: the argument is wrong.
    pub const WRONG_ARGUMENT: Self = Self(501);
    /// 502: not implemented.
    pub const NOT_IMPLEMENTED: Self = Self(502);
    /// 503: not now.
    pub const WRONG_ORDER: Self = Self(503);
    /// 504: not implemented for this argument.
    pub const ARGUMENT_NOT_IMPLEMENTED: Self = Self(504);
    /// 530: not logged in.
    pub const NOT_LOGGED_IN: Self = Self(530);
    /// 550: no such file, no permission, or not that kind of thing.
    pub const FILE_UNAVAILABLE: Self = Self(550);
    /// 553: this name is not allowed.
    pub const NAME_NOT_ALLOWED: Self = Self(553);

    /// Reads exactly three digits, from `100` to `699`.
    pub fn parse(digits: &[u8]) -> Option<Self> {
        let &[first @ b'1'..=b'6', second @ b'0'..=b'9', third @ b'0'..=b'9'] = digits else {
            return None;
        };
        let digit = |byte: u8| u16::from(byte - b'0');
        Some(Self(digit(first) * 100 + digit(second) * 10 + digit(third)))
    }

    /// The number.
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// What the first digit says.
    pub const fn severity(self) -> Severity {
        match self.0 {
            ..200 => Severity::Preliminary,
            200..300 => Severity::Completion,
            300..400 => Severity::Intermediate,
            400..500 => Severity::TransientNegative,
            500..600 => Severity::PermanentNegative,
            600.. => Severity::Protected,
        }
    }
}

impl Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// How a command fares: the first digit of a code (RFC 959 §4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// 1yz: begun; another reply follows.
    Preliminary,
    /// 2yz: done.
    Completion,
    /// 3yz: go on with the next command of the sequence.
    Intermediate,
    /// 4yz: not done, but the same command may work later.
    TransientNegative,
    /// 5yz: not done, and the same command will not work.
    PermanentNegative,
    /// 6yz: a protected reply (RFC 2228 §4), which a client on TLS never asks for.
    Protected,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_make_a_code() {
        type Parsed = Option<(u16, Severity)>;
        let table: [(&[u8], Parsed); 12] = [
            (b"100", Some((100, Severity::Preliminary))),
            (b"150", Some((150, Severity::Preliminary))),
            (b"257", Some((257, Severity::Completion))),
            (b"399", Some((399, Severity::Intermediate))),
            (b"421", Some((421, Severity::TransientNegative))),
            (b"599", Some((599, Severity::PermanentNegative))),
            (b"631", Some((631, Severity::Protected))),
            (b"099", None),
            (b"700", None),
            (b"22", None),
            (b"2200", None),
            (b"2 0", None),
        ];
        for (digits, expected) in table {
            assert_eq!(Code::parse(digits).map(|code| (code.as_u16(), code.severity())), expected);
        }
    }
}
