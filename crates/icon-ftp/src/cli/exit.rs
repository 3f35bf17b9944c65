//! Why a command for people did not do what it was asked to, and the exit code that says so to scripts.

use std::io;
use std::process::ExitCode;

use ftp_client::{DataFault, Error, TlsFault};
use plugin_runtime::Failure;

use super::words;
use crate::failure;

/// The exit codes, for the help of each command.
pub(super) const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 another failure, 2 wrong usage, 3 the server refused, 4 the login was refused, 5 cannot connect, \
6 TLS or certificate, 7 the transfer broke off, 8 timed out";

/// How a command ended, as scripts see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Everything was done.
    Done = 0,
    /// Something else went wrong, here or there.
    Other = 1,
    /// The command line is wrong; nothing was sent to anybody.
    Usage = 2,
    /// The server refused: there is no such file, or no permission.
    Refused = 3,
    /// The server refused the login.
    Login = 4,
    /// No connection came about.
    Connect = 5,
    /// The connection cannot be protected, or the certificate does not pass.
    Tls = 6,
    /// The transfer began and did not come to its end.
    BrokenOff = 7,
    /// The server took too long.
    TimedOut = 8,
}

impl Exit {
    /// The exit code of each fault of the client.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Connect { .. } | Error::Data(DataFault::NotOpened { .. } | DataFault::Unreachable(_)) => {
                Self::Connect
            }
            Error::Tls { .. } | Error::Data(DataFault::NotResumed(_)) => Self::Tls,
            Error::Login(_) => Self::Login,
            Error::Rejected { .. } => Self::Refused,
            Error::Data(_) | Error::Lost(_) => Self::BrokenOff,
            Error::Timeout { .. } => Self::TimedOut,
            Error::Protocol(_) => Self::Other,
            Error::Repeated { last, .. } => Self::of(last),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What ends a command.
#[derive(Debug)]
pub(super) enum Problem {
    /// Something that a person has to read about.
    Told(Exit, Failure),
    /// What was found cannot be shown.
    Output(io::Error),
}

impl Problem {
    /// The command line is wrong: what, and what would be right.
    pub(super) fn usage(cause: impl Into<String>, assistance: impl Into<String>) -> Self {
        Self::Told(Exit::Usage, Failure::input(cause, assistance))
    }

    /// Something that is nobody's fault but this machine's, or that was asked for: a limit was reached.
    pub(super) fn other(cause: impl Into<String>, assistance: impl Into<String>) -> Self {
        Self::Told(Exit::Other, Failure::internal(cause, assistance))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let failure = words::at_a_shell(&failure::from_client(&error));
        let failure = match &error {
            // Who that was has to be looked at before it is trusted.
            Error::Tls { fault: TlsFault::Certificate { certificate, .. }, .. } => {
                failure.with_data(certificate.to_string())
            }
            _ => failure,
        };
        Self::Told(Exit::of(&error), failure)
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ftp_client::{Channel, ConnectFault, LostCause, ProtocolFault, Wait};
    use ftp_proto::{Reply, ReplyDecoder, ReplyLimits};

    use super::*;

    fn reply(line: &str) -> Reply {
        let mut decoder = ReplyDecoder::new(ReplyLimits::default());
        decoder.push(format!("{line}\r\n").as_bytes());
        decoder.next_reply().unwrap().unwrap()
    }

    #[test]
    fn every_fault_has_its_exit_code() {
        let table = [
            (
                Error::Connect {
                    server: "h:21".to_owned(),
                    fault: ConnectFault::Greeting(reply("421 full")),
                },
                5,
            ),
            (Error::Tls { on: Channel::Data, fault: TlsFault::Injected }, 6),
            (Error::Login(reply("530 no")), 4),
            (Error::Rejected { verb: "CWD", reply: reply("550 no") }, 3),
            (Error::Rejected { verb: "LIST", reply: reply("450 busy") }, 3),
            (Error::Protocol(ProtocolFault::OutOfStep), 1),
            (Error::Data(DataFault::NotOpened { attempts: Vec::new() }), 5),
            (Error::Data(DataFault::GivenUp(reply("426 broken"))), 7),
            (Error::Data(DataFault::NotResumed(reply("522 reuse"))), 6),
            (Error::Data(DataFault::Unproven { received: 3 }), 7),
            (Error::Timeout { wait: Wait::Connecting, after: Duration::from_secs(1) }, 8),
            (Error::Lost(LostCause::Closed), 7),
        ];
        for (error, code) in table {
            assert_eq!(Exit::of(&error) as u8, code, "{error}");
        }
        assert_eq!(Exit::Done as u8, 0);
        assert_eq!(Exit::Usage as u8, 2);
    }
}
