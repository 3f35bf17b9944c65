//! The control connection: one command, then its replies, always in step.
//!
//! A reply carries no name of the command that it answers; only order tells. So a command that was cancelled, timed
//! out or broke off leaves the connection poisoned: its reply may still come, and must never be taken for the answer
//! to another command. Nothing but this module touches the stream.

mod idle;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use ftp_proto::{Argument, Code, Command, Reply, ReplyDecoder, ReplyLimits, Severity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::echo::Echoes;
use crate::error::{Channel, Error, LostCause, ProtocolFault, TlsFault, Wait};
use crate::secret::Secret;
use crate::socket;
use crate::stream::Stream;
use crate::tls::{Link, Protection};
use crate::wait::within;

/// The target of the log lines that show the control connection, at level DEBUG: `> ` and a command, `< ` and a reply.
pub const WIRE: &str = "ftp_client::wire";

/// Replies are short; a block of this size takes nearly all of them at once.
const READ_BLOCK: usize = 4096;

/// How long closing may take; what does not get out by then never will.
const HANGING_UP: Duration = Duration::from_secs(1);

/// A control connection.
#[derive(Debug)]
pub(crate) struct Control {
    stream: Stream,
    decoder: ReplyDecoder,
    /// Where reads land; here, so that it does not make every future that waits for a reply as large.
    block: Box<[u8]>,
    state: State,
    /// Whether the server has answered since the connection was last left alone.
    is_proven: bool,
    limit: Duration,
    /// What must not stand in a refusal.
    echoes: Echoes,
    local: SocketAddr,
    /// `None` behind a proxy: what is at the other end of the socket is not the server.
    peer: Option<SocketAddr>,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Ours: nothing is under way.
    Idle,
    /// The server's: this command's final reply is due. Whoever leaves it in this state poisons the connection.
    Awaiting(&'static str),
    /// Nobody's any more.
    Broken,
}

impl State {
    /// Whether the command under way has asked for what stands in the text of its answer.
    fn wants_the_text(self) -> bool {
        matches!(self, Self::Awaiting("EPSV" | "FEAT" | "MDTM" | "MLST" | "PASV" | "PWD" | "SIZE"))
    }
}

impl Control {
    /// Takes a connection on which the server speaks first.
    ///
    /// `limit` bounds each wait: for the socket to take a command, and for one whole reply to arrive. `password` is what
    /// the server might repeat when it refuses something.
    pub(crate) fn new(stream: Stream, limit: Duration, password: &Secret<Argument>) -> Result<Self, Error> {
        let local = stream.tcp().local_addr().map_err(|error| Error::Lost(error.into()))?;
        let peer = stream.tcp().peer_addr().map_err(|error| Error::Lost(error.into()))?;
        let decoder = ReplyDecoder::new(ReplyLimits::default());
        let block = vec![0; READ_BLOCK].into_boxed_slice();
        let state = State::Awaiting("the connection");
        let echoes = Echoes::of(password);
        Ok(Self { stream, decoder, block, state, is_proven: false, limit, echoes, local, peer: Some(peer) })
    }

    /// The same connection, with the knowledge that a proxy is at the other end of its socket.
    pub(crate) fn behind_proxy(self) -> Self {
        Self { peer: None, ..self }
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// The server's address, unless there is a proxy in front of it.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// How the connection is protected.
    pub(crate) fn protection(&self) -> Option<Protection> {
        self.stream.tls().map(Protection::of)
    }

    /// Whether a command could be sent now.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// The server's first words. A server that will be ready in some minutes (120) and is silent then, or leaves, has
    /// said its last with that.
    pub(crate) async fn greeting(&mut self) -> Result<Reply, Error> {
        let deadline = Instant::now() + self.limit;
        let mut later = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match (self.read_reply(Wait::Greeting, left).await, later) {
                // A timer is only looked at when there is nothing to read, and a flood always has something.
                (Ok(reply), _) if reply.severity() == Severity::Preliminary && left.is_zero() => {
                    return Ok(reply);
                }
                (Ok(reply), _) if reply.severity() == Severity::Preliminary => later = Some(reply),
                (Err(Error::Timeout { .. } | Error::Lost(_)), Some(later)) => return Ok(later),
                // A stranger may fall silent or leave after half a line, which says more than its silence does.
                (greeted, _) => {
                    return greeted.map_err(|error| match (self.decoder.stray(), error) {
                        (Some(stray), _) => self.echoes.hide_in_error(Error::Protocol(stray.into())),
                        (None, Error::Timeout { wait, .. }) => Error::Timeout { wait, after: self.limit },
                        (None, error) => error,
                    });
                }
            }
        }
    }

    /// Sends `command` and gives its final reply, whatever it is; replies of kind 1yz on the way are passed over.
    pub(crate) async fn exchange(&mut self, command: &Command) -> Result<Reply, Error> {
        self.send(command).await?;
        self.settle(Wait::Reply(command.verb())).await
    }

    /// As [`Control::exchange`], for a command that has to succeed: every final reply but 2yz is an error.
    pub(crate) async fn execute(&mut self, command: &Command) -> Result<Reply, Error> {
        completed(command.verb(), self.exchange(command).await?)
    }

    /// Sends a command; its replies are the caller's to read.
    pub(crate) async fn send(&mut self, command: &Command) -> Result<(), Error> {
        match self.state {
            State::Idle => {}
            State::Awaiting(_) | State::Broken => return Err(Error::Lost(LostCause::Poisoned)),
        }
        self.refuse_unasked_replies()?;
        tracing::debug!(target: WIRE, "> {command:?}");
        self.state = State::Awaiting(command.verb());
        let line = command.encode();
        let limit = self.limit;
        let sent = within(Wait::Sending(command.verb()), limit, async {
            self.stream.write_all(&line).await?;
            self.stream.flush().await
        });
        sent.await?.map_err(|error| Error::Lost(error.into()))
    }

    /// The next reply to the command under way, of whatever kind. Safe to cancel and to call again.
    pub(crate) async fn reply(&mut self, limit: Duration) -> Result<Reply, Error> {
        let wait = match self.state {
            State::Awaiting(verb) => Wait::Reply(verb),
            State::Idle | State::Broken => return Err(Error::Lost(LostCause::Poisoned)),
        };
        self.read_reply(wait, limit).await
    }

    /// The final reply to the command under way.
    pub(crate) async fn final_reply(&mut self) -> Result<Reply, Error> {
        match self.state {
            State::Awaiting(verb) => self.settle(Wait::Reply(verb)).await,
            State::Idle | State::Broken => Err(Error::Lost(LostCause::Poisoned)),
        }
    }

    /// Goes over to TLS, once the server has agreed to AUTH TLS. A byte that is already here came unprotected and
    /// may be anybody's: that ends the connection.
    pub(crate) async fn protect(self, link: &Link) -> Result<Self, Error> {
        if !self.decoder.is_empty() {
            return Err(Error::Tls { on: Channel::Control, fault: TlsFault::Injected });
        }
        let Stream::Plain(tcp) = self.stream else { return Err(Error::Lost(LostCause::Poisoned)) };
        let stream = link.protect(tcp, Channel::Control, self.limit).await?;
        Ok(Self { stream, ..self })
    }

    /// Gives the connection up for good.
    pub(crate) fn poison(&mut self) {
        self.state = State::Broken;
    }

    /// Closes a connection that is of no use any more: a server that allows few logins has room again for the next.
    pub(crate) async fn hang_up(&mut self) {
        self.poison();
        // Whether the other side still hears it does not matter.
        let _ = within(Wait::Sending("QUIT"), self.limit.min(HANGING_UP), self.stream.shutdown()).await;
    }

    /// Says good-bye without waiting for an answer: whoever leaves has nothing to ask any more.
    pub(crate) async fn quit(mut self) {
        if self.send(&Command::Quit).await.is_ok() {
            // The other side may already have closed; there is nothing left to lose.
            let _ = within(Wait::Sending("QUIT"), self.limit.min(HANGING_UP), self.stream.shutdown()).await;
        }
    }

    /// As [`Control::quit`], and waits a moment for the server to close too: one that counts its sessions has room for the
    /// next then. A connection that is of no use any more is only closed.
    pub(crate) async fn leave(&mut self) {
        if self.send(&Command::Quit).await.is_ok() {
            let farewell = async { while let Ok(1..) = self.stream.read(&mut self.block).await {} };
            let _ = within(Wait::Reply("QUIT"), self.limit.min(HANGING_UP), farewell).await;
        }
        self.hang_up().await;
    }

    /// The next reply that is not of kind 1yz. The limit holds for all of them together: a server could send 1yz
    /// replies for ever.
    async fn settle(&mut self, wait: Wait) -> Result<Reply, Error> {
        let limit = self.limit;
        let late = || Error::Timeout { wait, after: limit };
        let deadline = Instant::now() + limit;
        loop {
            // A timer is only looked at when there is nothing to read, and a flood always has something.
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(late());
            }
            let reply = self.read_reply(wait, left).await.map_err(|error| match error {
                Error::Timeout { .. } => late(),
                other => other,
            })?;
            if reply.severity() != Severity::Preliminary {
                return Ok(reply);
            }
        }
    }

    async fn read_reply(&mut self, wait: Wait, limit: Duration) -> Result<Reply, Error> {
        let reply = within(wait, limit, self.decode_reply()).await?;
        let reply = reply.map_err(|error| {
            self.state = State::Broken;
            self.echoes.hide_in_error(error)
        })?;
        let shown = self.echoes.hide(reply.clone());
        tracing::debug!(target: WIRE, "< {shown}");
        // What a command has asked for is taken as it is, since a path may well hold the same letters.
        let is_asked_for = reply.severity() == Severity::Completion && self.state.wants_the_text();
        let reply = if is_asked_for { reply } else { shown };
        if reply.code() == Code::SERVICE_NOT_AVAILABLE {
            self.state = State::Broken;
            return Err(Error::Lost(LostCause::Goodbye(reply)));
        }
        self.is_proven = true;
        if reply.severity() != Severity::Preliminary {
            self.state = State::Idle;
        }
        Ok(reply)
    }

    async fn decode_reply(&mut self) -> Result<Reply, Error> {
        loop {
            if let Some(reply) =
                self.decoder.next_reply().map_err(ProtocolFault::from).map_err(Error::Protocol)?
            {
                return Ok(reply);
            }
            socket::acknowledge_quickly(self.stream.tcp());
            match self.stream.read(&mut self.block).await {
                Ok(0) => return Err(Error::Lost(LostCause::Closed)),
                Ok(read) if self.decoder.is_empty() && is_tls_record(&self.block[..read]) => {
                    return Err(Error::Protocol(ProtocolFault::TlsRecord));
                }
                Ok(read) => self.decoder.push(&self.block[..read]),
                // Under TLS an end without close_notify; on this connection it is as good as any.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Err(Error::Lost(LostCause::Closed));
                }
                Err(error) => return Err(Error::Lost(error.into())),
            }
        }
    }

    /// A reply that waits although no command is under way has lost its command; the two would stay apart for ever. One
    /// of kind 1yz ends no command, and so can be passed over: Pure-FTPd has been seen to send a 150 too many.
    fn refuse_unasked_replies(&mut self) -> Result<(), Error> {
        while !self.decoder.is_empty() {
            match self.decoder.next_reply() {
                Ok(Some(reply)) if reply.severity() == Severity::Preliminary => {
                    let shown = self.echoes.hide(reply);
                    tracing::debug!(target: WIRE, "< {shown}, which nobody had asked for");
                }
                unasked => {
                    self.state = State::Broken;
                    return Err(match unasked {
                        Ok(Some(reply)) if reply.code() == Code::SERVICE_NOT_AVAILABLE => {
                            Error::Lost(LostCause::Goodbye(self.echoes.hide(reply)))
                        }
                        _ => Error::Protocol(ProtocolFault::OutOfStep),
                    });
                }
            }
        }
        Ok(())
    }
}

/// Whether bytes in a reply's place begin a handshake or an alert (RFC 8446 §5.1). A reply begins with a digit, so the first
/// byte is enough, and an alert has no line end to wait for.
fn is_tls_record(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x15 | 0x16))
}

/// Turns every final reply but 2yz into an error.
pub(crate) fn completed(verb: &'static str, reply: Reply) -> Result<Reply, Error> {
    let reply = not_refused(verb, reply)?;
    if reply.severity() == Severity::Completion {
        return Ok(reply);
    }
    Err(Error::Protocol(ProtocolFault::Unexpected { verb, reply }))
}

/// Turns a reply of kind 4yz or 5yz into an error.
pub(crate) fn not_refused(verb: &'static str, reply: Reply) -> Result<Reply, Error> {
    if is_negative(&reply) { Err(Error::Rejected { verb, reply }) } else { Ok(reply) }
}

/// Whether a reply says no: 4yz for now, 5yz for good.
pub(crate) fn is_negative(reply: &Reply) -> bool {
    matches!(reply.severity(), Severity::TransientNegative | Severity::PermanentNegative)
}
