//! What every operation with a data connection does before its first byte and after its last.

use ftp_proto::{Code, Command, Reply, Severity};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, Instant};

use super::Session;
use crate::control::{is_negative, not_refused};
use crate::data::{self, Data, Prepared, Route};
use crate::error::{DataFault, Error, ProtocolFault, TlsFault, Wait};
use crate::stream::Stream;
use crate::tls::SessionReuse;
use crate::wait::within;

/// How long a server may take to connect to us. It often never will — NAT and firewalls are in the way — so this is
/// shorter than other waits: passive mode is still to be tried.
const ACTIVE_WAIT: Duration = Duration::from_secs(10);

/// How long to wait for the reply that explains a broken data connection.
const EXPLANATION_WAIT: Duration = Duration::from_secs(5);

impl Session {
    /// Sends `command` and gives the data connection that it uses, open and protected; the command's final reply is
    /// still due.
    ///
    /// Tries one way to a data connection after the other. A way counts as failed as long as no data could flow; after
    /// that an error is the transfer's own.
    pub(super) async fn open(&mut self, command: &Command) -> Result<Data, Error> {
        self.ensure_ticket().await?;
        let learnt = self.client.learnt().route;
        let mut attempts = Vec::new();
        for route in data::routes(self.client.config().data_mode, learnt, self.control.peer().ip()) {
            match self.open_by(route, command).await {
                Ok(data) => {
                    self.note_success(route, &attempts);
                    return Ok(data);
                }
                Err(error) => attempts.push(format!("{route}: {}", why_not_this_way(error)?)),
            }
            if !self.control.is_idle() {
                self.renew(self.client.versions()).await?;
            }
        }
        Err(Error::Data(DataFault::NotOpened { attempts }))
    }

    async fn open_by(&mut self, route: Route, command: &Command) -> Result<Data, Error> {
        self.announce_path(command).await?;
        let limit = self.client.config().timeout;
        let tcp = match data::prepare(&mut self.control, route, limit).await? {
            Prepared::Connected(tcp) => {
                self.control.send(command).await?;
                preliminary(command, self.control.reply(limit).await)?;
                tcp
            }
            Prepared::Listening(listener) => {
                self.control.send(command).await?;
                self.await_server(&listener, command, limit).await?
            }
        };
        // The handshake comes after the 1yz reply: ProFTPD and Pure-FTPd do not answer one that comes before.
        let stream = self.protect(tcp, command.verb(), limit).await?;
        Ok(Data::new(stream, command.verb(), limit))
    }

    /// Puts TLS on a data connection where the control connection has it. A server that breaks the handshake off says why
    /// on the control connection.
    async fn protect(
        &mut self,
        tcp: TcpStream,
        verb: &'static str,
        limit: Duration,
    ) -> Result<Stream, Error> {
        let Some(link) = &self.link else { return Ok(Stream::Plain(tcp)) };
        self.reuse = None;
        match link.protect_data(tcp, limit).await {
            Ok((stream, reuse)) => {
                self.reuse = Some(reuse);
                Ok(stream)
            }
            Err(error @ Error::Tls { fault: TlsFault::Alert(_) | TlsFault::Broken(_), .. }) => {
                Err(self.explain(verb, error).await)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits for both, the connection and the 1yz reply; servers differ in which comes first. Whichever it is ends the
    /// suspicion that nobody connects, and the other may take its usual time.
    async fn await_server(
        &mut self,
        listener: &TcpListener,
        command: &Command,
        limit: Duration,
    ) -> Result<TcpStream, Error> {
        let peer = self.control.peer().ip();
        let patience = limit.min(ACTIVE_WAIT);
        let deadline = Instant::now() + patience;
        let first = within(Wait::OpeningData, patience, async {
            tokio::select! {
                tcp = data::accept(listener, peer) => First::Connection(tcp),
                // Patience ends the wait, so the reply's own limit must lie beyond it.
                reply = self.control.reply(limit.saturating_mul(2)) => First::Reply(reply),
            }
        });
        match first.await? {
            First::Connection(tcp) => {
                preliminary(command, self.control.reply(limit).await)?;
                tcp.map_err(data::unreachable)
            }
            First::Reply(reply) => {
                preliminary(command, reply)?;
                let left = deadline.saturating_duration_since(Instant::now());
                within(Wait::OpeningData, left, data::accept(listener, peer))
                    .await?
                    .map_err(data::unreachable)
            }
        }
    }

    /// The final reply to a transfer whose data has ended; `verb` is the command's.
    pub(super) async fn confirm(&mut self, verb: &'static str) -> Result<Reply, Error> {
        let reply = self.control.final_reply().await?;
        match reply.severity() {
            Severity::Completion => Ok(reply),
            _ => Err(self.given_up(verb, reply)),
        }
    }

    /// What to report when the data connection failed: the server's own words if it has any, else `error`. The wait is
    /// short, since nobody owes us a reply now; a connection that went silent explains nothing.
    pub(super) async fn explain(&mut self, verb: &'static str, error: Error) -> Error {
        if matches!(error, Error::Timeout { .. }) {
            return error;
        }
        let limit = self.client.config().timeout.min(EXPLANATION_WAIT);
        match self.control.reply(limit).await {
            Ok(reply) if is_negative(&reply) => self.given_up(verb, reply),
            _ => error,
        }
    }

    /// What a negative reply after 1yz means. As a rule the transfer broke off; but libunftp 0.24 looks for the file only
    /// after it has announced the data, so 550 and 553 (RFC 959 §4.2.1) still are refusals of the file.
    fn given_up(&self, verb: &'static str, reply: Reply) -> Error {
        match reply.code() {
            Code::FILE_UNAVAILABLE | Code::NAME_NOT_ALLOWED => Error::Rejected { verb, reply },
            _ if demands_reuse(&reply, self.reuse) => Error::Data(DataFault::NotResumed(reply)),
            _ => Error::Data(DataFault::GivenUp(reply)),
        }
    }

    /// Remembers the way, and says so if it was not the first one tried.
    fn note_success(&self, route: Route, attempts: &[String]) {
        if !attempts.is_empty() {
            tracing::warn!("Data connection: {route}, since other ways failed ({})", attempts.join("; "));
        }
        self.client.learnt().route = Some(route);
    }
}

/// What came first in active mode.
enum First {
    Connection(std::io::Result<TcpStream>),
    Reply(Result<Reply, Error>),
}

/// Expects the 1yz reply that announces the data. A command that is refused, or already done, has none.
fn preliminary(command: &Command, reply: Result<Reply, Error>) -> Result<(), Error> {
    let reply = not_refused(command.verb(), reply?)?;
    if reply.severity() == Severity::Preliminary {
        return Ok(());
    }
    Err(Error::Protocol(ProtocolFault::Unexpected { verb: command.verb(), reply }))
}

/// Whether a negative reply after 1yz complains of a TLS session that was not resumed. vsftpd 3.0 says 522, `ProFTPD` 1.3
/// says 425 and `FileZilla` Server 1.x says 425 or 450; the first and the last name the matter.
fn demands_reuse(reply: &Reply, reuse: Option<SessionReuse>) -> bool {
    let text = reply.text().to_ascii_lowercase();
    matches!(reply.code().as_u16(), 425 | 450 | 522)
        && (reuse == Some(SessionReuse::Declined) || text.contains("reuse") || text.contains("resum"))
}

/// Why no data connection came about in this way, in words; an error that is not about the way to it is given back.
fn why_not_this_way(error: Error) -> Result<String, Error> {
    match error {
        Error::Rejected { verb: "EPSV" | "PASV" | "PORT" | "EPRT", .. } => Ok(error.to_string()),
        Error::Rejected { ref reply, .. } if reply.code() == Code::NO_DATA_CONNECTION => {
            Ok(reply.to_string())
        }
        Error::Protocol(fault @ ProtocolFault::Address { .. }) => Ok(fault.to_string()),
        Error::Data(DataFault::Unreachable(fault)) => Ok(fault.to_string()),
        Error::Timeout { wait: Wait::OpeningData, after } => {
            Ok(format!("nothing connected within {} s", after.as_secs_f32()))
        }
        other => Err(other),
    }
}
