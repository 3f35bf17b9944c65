//! What can go wrong between here and a file on the server, sorted by whose fault it is.
//!
//! The sorting is what callers act on: a rejection is an answer about a file, everything else is a failure of the
//! session, and some failures are worth another try.

use std::fmt;
use std::io;
use std::time::Duration;

use ftp_proto::{AddressError, Code, LineTooLong, Reply, ReplyError, Severity};

use crate::proxy::ProxyFault;
use crate::tls::{CertificateFacts, CertificateFlaw};

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No control connection, or one on which no FTP server greeted.
    #[error("cannot connect to {server}: {fault}")]
    Connect {
        /// `host:port` as configured.
        server: String,
        /// Which step failed.
        fault: ConnectFault,
    },
    /// TLS was asked for and could not be had; nothing secret was sent.
    #[error("no TLS on the {on} connection: {fault}")]
    Tls {
        /// Which connection was to be protected.
        on: Channel,
        /// Why it is not.
        fault: TlsFault,
    },
    /// The server did not let this user in.
    #[error("login refused: {0}")]
    Login(Reply),
    /// The server answered this command with 4yz or 5yz.
    #[error("{verb} was refused: {reply}")]
    Rejected {
        /// The command's verb, such as `RETR`.
        verb: &'static str,
        /// The server's words.
        reply: Reply,
    },
    /// The server said something that FTP does not allow here.
    #[error("the server broke the protocol: {0}")]
    Protocol(ProtocolFault),
    /// The data connection failed, or what came over it is not the whole file.
    #[error("the transfer failed: {0}")]
    Data(DataFault),
    /// One wait took longer than the configured time.
    #[error("no answer within {} s while {wait}", after.as_secs_f32())]
    Timeout {
        /// What was waited for.
        wait: Wait,
        /// The limit that ran out.
        after: Duration,
    },
    /// The control connection is gone, or can no longer be trusted to be in step.
    #[error("the control connection was lost: {0}")]
    Lost(LostCause),
    /// It failed more than once; each of the failures alone might have passed.
    #[error("{tries} tries failed, the last one because {last}; the first failure was: {first}")]
    Repeated {
        /// How many tries there were.
        tries: u32,
        /// What the first one failed with.
        first: Box<Self>,
        /// What the last one failed with.
        last: Box<Self>,
    },
}

impl Error {
    /// Whether the server refused the file at hand (RFC 959 §4.2.1, 5yz): it is missing, forbidden, or no plain file.
    ///
    /// A refusal of the command as such (500, 502, 503, 504), of the login (530) or of the protection (RFC 4217 §10:
    /// 521, 522, 533 to 536) is not about the file and does not count. 521 to MKD is another one: the folder exists.
    pub fn is_rejection(&self) -> bool {
        let Self::Rejected { verb, reply } = self else { return false };
        match reply.code().as_u16() {
            521 => *verb == "MKD",
            code => matches!(code, 501 | 505..=520 | 523..=529 | 531 | 532 | 540..=599),
        }
    }

    /// Whether the same operation may well succeed later, without anybody mending anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { fault, .. } => match fault {
                ConnectFault::Forbidden | ConnectFault::NotFtp { .. } | ConnectFault::SpeaksTls => false,
                ConnectFault::Proxy { fault, .. } => {
                    !matches!(fault, ProxyFault::Forbidden | ProxyFault::Login | ProxyFault::Answer(_))
                }
                _ => true,
            },
            Self::Timeout { .. } | Self::Lost(_) | Self::Tls { fault: TlsFault::Broken(_), .. } => true,
            Self::Data(fault) => !matches!(fault, DataFault::TooLarge { .. }),
            Self::Login(reply) | Self::Rejected { reply, .. } => {
                reply.severity() == Severity::TransientNegative
            }
            Self::Tls { .. } | Self::Protocol(_) => false,
            Self::Repeated { last, .. } => last.is_transient(),
        }
    }

    /// The code of the reply that is the error, where one is.
    pub fn reply_code(&self) -> Option<Code> {
        match self {
            Self::Login(reply)
            | Self::Rejected { reply, .. }
            | Self::Connect { fault: ConnectFault::Greeting(reply), .. }
            | Self::Tls { fault: TlsFault::Refused { reply, .. }, .. } => Some(reply.code()),
            Self::Data(fault) => fault.reply().map(Reply::code),
            Self::Repeated { last, .. } => last.reply_code(),
            _ => None,
        }
    }

    /// What ended the operation: the error itself, or the last of several.
    pub fn last(&self) -> &Self {
        match self {
            Self::Repeated { last, .. } => last,
            other => other,
        }
    }

    /// Whether the session failed, and not what it was asked to do.
    pub(crate) fn is_of_the_session(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Login(_) | Self::Lost(_) | Self::Timeout { .. })
    }

    /// Whether the server cannot do this at all, so that another way to the same end is worth a try. 501 and 503 are
    /// among the codes because servers that take an unknown command for a wrong argument or a wrong order exist.
    pub(crate) fn is_unsupported(&self) -> bool {
        let Self::Rejected { reply, .. } = self else { return false };
        matches!(
            reply.code(),
            Code::UNKNOWN_COMMAND
                | Code::WRONG_ARGUMENT
                | Code::NOT_IMPLEMENTED
                | Code::WRONG_ORDER
                | Code::ARGUMENT_NOT_IMPLEMENTED
        )
    }
}

/// Which step of connecting failed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectFault {
    /// It may not be reached from here ([`Config::allowed`](crate::Config::allowed)); nothing was sent.
    #[error("it is not among the hosts that may be reached from here")]
    Forbidden,
    /// The name has no address.
    #[error("the name cannot be resolved ({0})")]
    Resolve(io::Error),
    /// No address of the host took the connection. Where it has several, the text tells of each.
    #[error("{0}")]
    Tcp(io::Error),
    /// There is a proxy on the way, and no way through it.
    #[error("the proxy {proxy}: {fault}")]
    Proxy {
        /// Protocol, host and port of the proxy, without its login.
        proxy: String,
        /// What is wrong with it.
        fault: ProxyFault,
    },
    /// An FTP server is there and does not want to talk (RFC 959: 120, 421, or any refusal).
    #[error("the server greeted with {0}")]
    Greeting(Reply),
    /// What listens there speaks TLS before anything else, and clear text was expected.
    #[error("the server speaks TLS from the first byte")]
    SpeaksTls,
    /// Whatever listens there does not speak FTP.
    #[error("what answered is not an FTP server: {answer}")]
    NotFtp {
        /// What it is, where that can be told, and the first line it sent, shortened, control characters escaped; or
        /// that it sent nothing.
        answer: String,
    },
}

/// Why a connection is not protected.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// The server refused a command of RFC 4217.
    #[error("{verb} was refused: {reply}")]
    Refused {
        /// `AUTH`, `PBSZ` or `PROT`.
        verb: &'static str,
        /// The server's words.
        reply: Reply,
    },
    /// Bytes were waiting, unprotected, when the handshake began: somebody on the way may have planted them.
    #[error("the server sent data between its answer to AUTH TLS and the handshake")]
    Injected,
    /// The server's certificate did not pass.
    #[error("the server's certificate was not accepted: it {flaw}; its SHA-256 is {}", certificate.sha256)]
    Certificate {
        /// Which check it failed.
        flaw: CertificateFlaw,
        /// What it says of itself.
        certificate: Box<CertificateFacts>,
    },
    /// The server answered in something else than TLS, clear text most likely.
    #[error("the server did not answer the handshake in TLS")]
    NotTls,
    /// The server speaks neither TLS 1.2 nor 1.3.
    #[error("the server speaks neither TLS 1.2 nor TLS 1.3")]
    NoCommonVersion,
    /// There is no cipher, key exchange or signature that both sides accept.
    #[error("the server and the client have no cipher, key exchange or signature in common")]
    NothingInCommon,
    /// The server knows no host of this name (RFC 6066 §3).
    #[error("the server knows no host of this name")]
    UnknownName,
    /// The server wants to see a certificate of the client's, which has none.
    #[error("the server wants a certificate from the client")]
    ClientCertificate,
    /// The server broke the handshake off with an alert that says nothing more particular (RFC 8446 §6.2).
    #[error("the server broke the handshake off ({0})")]
    Alert(String),
    /// The connection broke during the handshake.
    #[error("the connection broke during the handshake: {0}")]
    Broken(io::Error),
    /// The handshake failed for another reason, in rustls' words.
    #[error("the handshake failed: {0}")]
    Handshake(String),
    /// The host is neither a name nor an address that a certificate could be issued for.
    #[error("`{0}` is not a name that a certificate can be checked against")]
    ServerName(String),
    /// There are no trusted roots, or a given certificate authority is unusable.
    #[error("the certificate authorities cannot be used: {0}")]
    Authorities(String),
}

/// What the server said that it must not.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolFault {
    /// A reply that is none, or one beyond the limits.
    #[error("{0}")]
    Reply(#[from] ReplyError),
    /// A reply without the address that it is there for.
    #[error("{verb} was answered with an unusable address: {fault}")]
    Address {
        /// `EPSV` or `PASV`.
        verb: &'static str,
        /// What is wrong with it.
        fault: AddressError,
    },
    /// A reply of a kind that does not answer the command.
    #[error("{verb} was answered with {reply}")]
    Unexpected {
        /// The command's verb.
        verb: &'static str,
        /// The server's words.
        reply: Reply,
    },
    /// TLS in the place of a reply, on a connection without TLS.
    #[error("TLS came where a reply was due")]
    TlsRecord,
    /// A reply that answers nothing: it came when no command was under way.
    #[error("a reply came that no command had asked for")]
    OutOfStep,
    /// A line of a listing that does not end.
    #[error("in the listing: {0}")]
    ListingLine(#[from] LineTooLong),
    /// A listing that goes on and on.
    #[error("the listing is longer than {limit} {unit}")]
    ListingTooLong {
        /// The limit.
        limit: usize,
        /// What is counted: `bytes` or `entries`.
        unit: &'static str,
    },
}

/// What is wrong with a data connection or with what it carried.
#[derive(Debug, thiserror::Error)]
pub enum DataFault {
    /// No data connection came about, by any of the ways that were tried.
    #[error("no data connection: {}", .attempts.join("; "))]
    NotOpened {
        /// One sentence for each way, in the order of the attempts.
        attempts: Vec<String>,
    },
    /// This one way to a data connection failed: nothing listens, nothing comes through.
    #[error("{0}")]
    Unreachable(io::Error),
    /// It broke after it had been opened.
    #[error("the data connection broke: {0}")]
    Broken(io::Error),
    /// The server refused the transfer since its data connection did not resume the TLS session of the control connection
    /// (vsftpd: 522; `ProFTPD` and `FileZilla` Server: 425 or 450).
    #[error(
        "the data connection did not resume the TLS session of the control connection, as the server demands: {0}"
    )]
    NotResumed(Reply),
    /// The server reported that the transfer failed (425, 426, 451, 552 and their like).
    #[error("the server gave the transfer up: {0}")]
    GivenUp(Reply),
    /// Fewer bytes than the server had announced.
    #[error("{received} bytes came of the {expected} that the server had announced")]
    Short {
        /// Bytes that arrived.
        received: u64,
        /// Bytes that SIZE announced.
        expected: u64,
    },
    /// The file became another one while it was being fetched: what came before a break and what would come after it are
    /// no one file.
    #[error("the file changed on the server while it was being fetched")]
    Changed,
    /// The file is larger than downloads may be.
    #[error("the file has more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The connection ended without TLS's own end mark, and nothing else proves that all bytes came.
    #[error(
        "the protected connection was cut off after {received} bytes, and the server does not tell the file's size"
    )]
    Unproven {
        /// Bytes that arrived.
        received: u64,
    },
}

impl DataFault {
    fn reply(&self) -> Option<&Reply> {
        match self {
            Self::GivenUp(reply) | Self::NotResumed(reply) => Some(reply),
            _ => None,
        }
    }
}

/// Why a control connection cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub enum LostCause {
    /// It broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The server closed it.
    #[error("the server closed it")]
    Closed,
    /// The server said good-bye (RFC 959 §4.2.2, 421).
    #[error("the server said {0}")]
    Goodbye(Reply),
    /// An earlier command was cancelled, timed out or failed halfway, so that the next reply would answer that one.
    #[error("an earlier command was left without its reply")]
    Poisoned,
}

/// The two kinds of connection of RFC 959 §2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Commands and replies.
    Control,
    /// The bytes of a file or a listing.
    Data,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "control",
            Self::Data => "data",
        })
    }
}

/// What a timeout ran out on. Reads after "while".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// For one of the sessions of a [`Pool`](crate::Pool) to come free.
    Session,
    /// For the name service.
    Resolving,
    /// For the TCP connection.
    Connecting,
    /// For the server's greeting.
    Greeting,
    /// For a TLS handshake.
    Handshake(Channel),
    /// For the socket to take a command.
    Sending(&'static str),
    /// For the reply to a command.
    Reply(&'static str),
    /// For the data connection to be made.
    OpeningData,
    /// For a block of data to come or to go.
    Transferring,
    /// For data to come faster than a few bytes now and then.
    MoreThanATrickle,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session => f.write_str("waiting for one of the sessions to come free"),
            Self::Resolving => f.write_str("resolving the server's name"),
            Self::Connecting => f.write_str("connecting"),
            Self::Greeting => f.write_str("waiting for the server's greeting"),
            Self::Handshake(channel) => write!(f, "negotiating TLS on the {channel} connection"),
            Self::Sending(verb) => write!(f, "sending {verb}"),
            Self::Reply(verb) => write!(f, "waiting for the reply to {verb}"),
            Self::OpeningData => f.write_str("opening the data connection"),
            Self::Transferring => f.write_str("transferring data"),
            Self::MoreThanATrickle => f.write_str("waiting for more than a trickle of data"),
        }
    }
}
