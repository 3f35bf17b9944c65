//! What every operation with a data connection does before its first byte and after its last.

use std::collections::VecDeque;
use std::io;

use ftp_proto::{Code, Command, Reply, Severity};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, Instant, timeout};

use super::Session;
use crate::control::{is_negative, not_refused};
use crate::data::{self, Data, Route};
use crate::error::{DataFault, Error, ProtocolFault, TlsFault, Wait};
use crate::stream::Stream;
use crate::tls::SessionReuse;
use crate::wait::within;

/// How long one way to a data connection may take while there are others. Firewalls drop what they do not like without
/// a word, and NAT keeps servers from connecting, so this is shorter than other waits; two lost packets are still made
/// good in it.
const SUSPICION: Duration = Duration::from_secs(4);

/// How long a server may take to close a data connection that it says it had no use for.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// How long to wait for the reply that explains a broken data connection.
const EXPLANATION_WAIT: Duration = Duration::from_secs(5);

/// What became of a command that uses a data connection.
#[derive(Debug)]
pub(super) enum Opened {
    /// The data connection is open; the final reply is still due.
    Data(Data),
    /// The server reported success at once, and sent nothing: some do so where there is nothing to send.
    Nothing(Reply),
}

impl Opened {
    /// The data connection, for a command that makes no sense without one.
    pub(super) fn into_data(self, verb: &'static str) -> Result<Data, Error> {
        match self {
            Self::Data(data) => Ok(data),
            Self::Nothing(reply) => Err(Error::Protocol(ProtocolFault::Unexpected { verb, reply })),
        }
    }
}

impl Session {
    /// Sends `command` and gives the data connection that it uses, open and protected.
    ///
    /// Tries one way to a data connection after the other. A way counts as failed as long as no data could flow; after
    /// that an error is the transfer's own.
    pub(super) async fn open(&mut self, command: &Command) -> Result<Opened, Error> {
        self.open_at(command, &mut 0).await
    }

    /// As [`Session::open`], for data that begins at byte `from` of the file (RFC 3659 §5). Where the server does not know
    /// how to, it begins with the first byte, and `from` is 0 afterwards.
    pub(super) async fn open_at(&mut self, command: &Command, from: &mut u64) -> Result<Opened, Error> {
        self.ensure_ticket().await?;
        let learnt = self.client.learnt().route;
        let peer = self.control.peer().map(|peer| peer.ip());
        let mut routes = VecDeque::from(data::routes(self.client.config().data_mode, learnt, peer));
        let mut late = None;
        let mut attempts = Vec::new();
        while let Some(route) = routes.pop_front() {
            let limit = self.client.config().timeout;
            let patience = patience(limit, route, learnt == Some(route), routes.is_empty());
            let error = match self.open_by(route, command, from, patience).await {
                Ok(opened) => {
                    self.note_success(route, &opened, &attempts);
                    return Ok(opened);
                }
                Err(error) => error,
            };
            // An upload would leave an empty file behind if nobody listened after its command either.
            if late.is_none() && is_refused_port(&error) && !matches!(command.verb(), "STOR" | "APPE") {
                late = route.late();
                routes.extend(late);
            }
            attempts.push(format!("{route}: {}", why_not_this_way(error)?));
            if !self.control.is_idle() {
                self.renew(self.client.versions()).await?;
            }
        }
        Err(Error::Data(DataFault::NotOpened { attempts }))
    }

    pub(super) async fn open_by(
        &mut self,
        route: Route,
        command: &Command,
        from: &mut u64,
        patience: Duration,
    ) -> Result<Opened, Error> {
        self.announce_path(command).await?;
        let limit = self.client.config().timeout;
        let (tcp, done) = match route {
            Route::ExtendedPassive | Route::Passive => {
                self.connect_and_send(route, command, from, patience).await?
            }
            Route::LateExtendedPassive | Route::LatePassive => {
                self.send_and_connect(route, command, from, patience).await?
            }
            Route::Active => self.send_and_accept(command, from, patience).await?,
        };
        match (tcp, done) {
            (Some(tcp), None) => {
                // The handshake comes after the 1yz reply: ProFTPD and Pure-FTPd do not answer one that comes before.
                let stream = self.protect(tcp, command.verb(), limit).await?;
                Ok(Opened::Data(Data::new(stream, command.verb(), limit)))
            }
            (Some(tcp), Some(reply)) if has_sent(&tcp).await => {
                Err(Error::Protocol(ProtocolFault::Unexpected { verb: command.verb(), reply }))
            }
            (_, Some(reply)) => Ok(Opened::Nothing(reply)),
            (None, None) => Err(data::unreachable(io::ErrorKind::NotConnected.into())),
        }
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

    /// The usual passive way: the connection first, then the command.
    async fn connect_and_send(
        &mut self,
        route: Route,
        command: &Command,
        from: &mut u64,
        patience: Duration,
    ) -> Begun {
        let port = self.ask_for_port(route, command).await?;
        let config = self.client.config();
        let (peer, limit) = (self.control.peer(), config.timeout);
        let tcp = within(Wait::OpeningData, patience, data::dial(config, peer, port)).await?;
        let tcp = tcp.map_err(data::unreachable)?;
        self.send_from(command, from).await?;
        let done = begun(command, self.control.reply(limit).await)?;
        Ok((Some(tcp), done))
    }

    /// The passive way to servers that begin to listen only when they know the command.
    async fn send_and_connect(
        &mut self,
        route: Route,
        command: &Command,
        from: &mut u64,
        patience: Duration,
    ) -> Begun {
        let port = self.ask_for_port(route, command).await?;
        let client = self.client.clone();
        let dialling = data::dial_until_open(client.config(), self.control.peer(), port);
        self.send_from(command, from).await?;
        self.await_both(dialling, command, patience).await
    }

    async fn send_and_accept(&mut self, command: &Command, from: &mut u64, patience: Duration) -> Begun {
        let Some(server) = self.control.peer() else {
            return Err(data::unreachable(io::ErrorKind::Unsupported.into()));
        };
        let listener = self.listen().await?;
        self.send_from(command, from).await?;
        self.await_both(data::accept(&listener, server.ip()), command, patience).await
    }

    /// Listens for the server, and tells it where. A session that is found to have ended meanwhile is replaced first: the new
    /// one may have another address on our side.
    async fn listen(&mut self) -> Result<TcpListener, Error> {
        match data::listen(&mut self.control).await {
            Err(error) if self.has_ended_unnoticed(&error) => {
                self.replace_ended(&error).await?;
                data::listen(&mut self.control).await
            }
            listening => listening,
        }
    }

    /// Sends the command, and right before it REST if it is not for the whole file. An answer to REST that says neither
    /// yes nor no leaves open where the data would begin, so nothing may be fetched after it.
    async fn send_from(&mut self, command: &Command, from: &mut u64) -> Result<(), Error> {
        if *from > 0 {
            let rest = Command::Rest(*from);
            let reply = self.control.exchange(&rest).await?;
            if is_negative(&reply) {
                *from = 0;
            } else if reply.severity() != Severity::Intermediate {
                return Err(Error::Protocol(ProtocolFault::Unexpected { verb: rest.verb(), reply }));
            }
        }
        self.control.send(command).await
    }

    /// Waits for both, the connection and the first reply; servers differ in which comes first. A connection ends the
    /// suspicion that there is no way through, and the reply may take its usual time. A reply alone does not end it: 150
    /// may come before the server tries to connect.
    async fn await_both(
        &mut self,
        connection: impl Future<Output = io::Result<TcpStream>>,
        command: &Command,
        patience: Duration,
    ) -> Begun {
        let limit = self.client.config().timeout;
        let deadline = Instant::now() + patience;
        let mut connection = std::pin::pin!(connection);
        let first = within(Wait::OpeningData, patience, async {
            tokio::select! {
                tcp = &mut connection => First::Connection(tcp),
                // Patience ends the wait, so the reply's own limit must lie beyond it.
                reply = self.control.reply(limit.saturating_mul(2)) => First::Reply(reply),
            }
        });
        match first.await? {
            First::Connection(tcp) => {
                let done = begun(command, self.control.reply(limit).await)?;
                Ok((Some(tcp.map_err(data::unreachable)?), done))
            }
            First::Reply(reply) => {
                if let Some(done) = begun(command, reply)? {
                    return Ok((None, Some(done)));
                }
                let left = deadline.saturating_duration_since(Instant::now());
                let tcp = within(Wait::OpeningData, left, connection).await.map_err(|error| match error {
                    Error::Timeout { wait, .. } => Error::Timeout { wait, after: patience },
                    other => other,
                })?;
                Ok((Some(tcp.map_err(data::unreachable)?), None))
            }
        }
    }

    /// How long a way to a data connection that has not worked yet may take.
    pub(super) fn suspicion(&self) -> Duration {
        self.client.config().timeout.min(SUSPICION)
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

    /// Remembers the way, and says so if it was not the first one tried. One that nothing came through is not proved.
    fn note_success(&self, route: Route, opened: &Opened, attempts: &[String]) {
        if matches!(opened, Opened::Nothing(_)) {
            return;
        }
        if !attempts.is_empty() {
            tracing::warn!("Data connection: {route}, since other ways failed ({})", attempts.join("; "));
        }
        self.client.learnt().route = Some(route);
    }
}

/// A data connection if there is one, and the reply if the command is already done; the one or the other is there.
type Begun = Result<(Option<TcpStream>, Option<Reply>), Error>;

/// What came first, where either can.
enum First {
    Connection(io::Result<TcpStream>),
    Reply(Result<Reply, Error>),
}

/// How long a way may take. One that has worked before is not under suspicion, and neither is the last resort, unless
/// that means to wait for a server that cannot reach us.
fn patience(limit: Duration, route: Route, has_worked: bool, is_last: bool) -> Duration {
    if has_worked || is_last && route != Route::Active { limit } else { limit.min(SUSPICION) }
}

/// Looks at the first reply: `None` when it is the 1yz that announces the data, `Some` when it is the last one already.
/// Only 226 and 250 end a transfer (RFC 959 §4.2.2); another 2yz is no answer to such a command.
fn begun(command: &Command, reply: Result<Reply, Error>) -> Result<Option<Reply>, Error> {
    let reply = not_refused(command.verb(), reply?)?;
    match (reply.severity(), reply.code()) {
        (Severity::Preliminary, _) => Ok(None),
        (_, Code::TRANSFER_COMPLETE | Code::FILE_ACTION_DONE) => Ok(Some(reply)),
        _ => Err(Error::Protocol(ProtocolFault::Unexpected { verb: command.verb(), reply })),
    }
}

/// Whether there is anything on a data connection that was not announced. A server that only forgot to announce its data
/// must not be taken for one that has none: files would look as if they were gone.
async fn has_sent(tcp: &TcpStream) -> bool {
    matches!(timeout(LAST_LOOK, tcp.peek(&mut [0])).await, Ok(Ok(1..)))
}

/// Whether somebody refused the connection to the port that the server had named, before the command was sent.
fn is_refused_port(error: &Error) -> bool {
    matches!(error, Error::Data(DataFault::Unreachable(error)) if error.kind() == io::ErrorKind::ConnectionRefused)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_way_under_suspicion_gets_little_time() {
        let (long, short) = (Duration::from_secs(30), Duration::from_secs(1));
        let table = [
            (long, Route::ExtendedPassive, false, false, SUSPICION),
            (long, Route::Passive, false, true, long),
            (long, Route::Active, false, true, SUSPICION),
            (long, Route::Active, true, false, long),
            (short, Route::ExtendedPassive, false, false, short),
        ];
        for (limit, route, has_worked, is_last, expected) in table {
            assert_eq!(
                patience(limit, route, has_worked, is_last),
                expected,
                "{route} {has_worked} {is_last}"
            );
        }
    }
}
