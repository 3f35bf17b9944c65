//! From a name to a session that is logged in: TCP, greeting, AUTH TLS, login, protection of data, binary type.
//!
//! The order is the law of this file: the password is sent only once everything that was asked to protect it does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ftp_proto::{Charset, Code, Command, PathError, RemotePath, Reply, ReplyError, Severity};
use time::UtcOffset;
use tokio::net::TcpStream;

use crate::config::{Config, DataMode, TlsMode};
use crate::control::Control;
use crate::counters::Counters;
use crate::data::Route;
use crate::diagnosis::{Diagnosis, Step, Trail, Verdict};
use crate::dial;
use crate::encoding::Encoding;
use crate::error::{Channel, ConnectFault, Error, LostCause, ProtocolFault, TlsFault};
use crate::greeting;
use crate::retry::{Tries, is_turned_away};
use crate::session::Session;
use crate::stream::Stream;
use crate::tls::{Link, Protection, Trust, Versions};

/// Opens sessions to one server, and remembers between them what worked there.
///
/// Cheap to clone; clones share what they have learnt.
#[derive(Debug, Clone)]
pub struct Client {
    config: Arc<Config>,
    trust: Option<Arc<Trust>>,
    learnt: Arc<Mutex<Learnt>>,
    counters: Arc<Counters>,
}

/// What the sessions of a client found out about its server, so that the next one need not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Learnt {
    /// The last way in which a data connection came about.
    pub(crate) route: Option<Route>,
    /// Whether the server names no passive port before it knows what for (PRET).
    pub(crate) wants_pret: bool,
    /// What became of the attempt to do with TLS 1.2.
    pub(crate) tls12: Tls12,
    /// How far the server's clock is ahead of UTC, where LIST and MDTM told.
    pub(crate) clock: Option<UtcOffset>,
    /// The charset of names, once one was decided on.
    pub(crate) charset: Option<Charset>,
    /// Whether the server has let this login in before.
    pub(crate) let_in: bool,
    /// Whether the server has turned a login away that was to go on with a session. Its pool has others there that can make
    /// room, and takes this back when one does.
    pub(crate) has_no_room: bool,
}

/// TLS 1.2's place after tickets of TLS 1.3 ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tls12 {
    /// No need was seen.
    #[default]
    NotTried,
    /// It works, and its sessions can be resumed without end.
    Preferred,
    /// The server does not speak it.
    Refused,
}

impl Client {
    /// Makes ready to connect; nothing is dialled yet.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`] when TLS is asked for and the host cannot stand in a certificate, or the authorities that would
    /// have to check it are unusable.
    pub fn new(config: Config) -> Result<Self, Error> {
        Self::counting(Arc::new(config), Arc::default())
    }

    /// As [`Client::new`], counting in `counters`.
    pub(crate) fn counting(config: Arc<Config>, counters: Arc<Counters>) -> Result<Self, Error> {
        let trust = match &config.tls {
            Some(tls) => Some(Trust::new(without_zone(&config.host), tls).map_err(control_tls)?),
            None => None,
        };
        Ok(Self { config, trust: trust.map(Arc::new), learnt: Arc::default(), counters })
    }

    /// Connects, protects, logs in. A server that is full or not ready yet is asked again after a pause.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`], [`Error::Tls`], [`Error::Login`] and [`Error::Timeout`], each for its own step; [`Error::Lost`],
    /// [`Error::Protocol`] and [`Error::Rejected`] for a server that breaks off in between, and [`Error::Repeated`] when it
    /// was asked several times.
    pub async fn connect(&self) -> Result<Session, Error> {
        self.warn_of_impossible_mode();
        let (control, link) = self.dial_patiently(self.versions()).await?;
        Ok(Session::new(self.clone(), control, link))
    }

    /// As [`Client::connect`], with a single try.
    pub(crate) async fn connect_once(&self) -> Result<Session, Error> {
        self.warn_of_impossible_mode();
        let (control, link) = self.dial(self.versions()).await?;
        Ok(Session::new(self.clone(), control, link))
    }

    fn warn_of_impossible_mode(&self) {
        if self.config.proxy.is_some() && self.config.data_mode == DataMode::Active {
            tracing::warn!("Active mode is impossible through a proxy; the data connections will be passive");
        }
    }

    /// The tries that an operation has.
    pub(crate) fn tries(&self) -> Tries {
        Tries::new(self.config.retries, self.learnt().route.is_some(), Arc::clone(&self.counters))
    }

    /// The path that a session would send for a text, so that one which cannot be sent is refused without a server.
    ///
    /// # Errors
    ///
    /// As [`Session::path`].
    pub fn path(&self, text: &str) -> Result<RemotePath, PathError> {
        let charset = match self.config.encoding {
            Encoding::Fixed(charset) => charset,
            Encoding::Auto => self.learnt().charset.unwrap_or_default(),
        };
        RemotePath::encode(text, charset)
    }

    pub(crate) fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The TLS versions that suit this server best, as far as is known.
    pub(crate) fn versions(&self) -> Versions {
        match self.learnt().tls12 {
            Tls12::Preferred => Versions::Only12,
            Tls12::NotTried | Tls12::Refused => Versions::Any,
        }
    }

    pub(crate) fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tests the connection step by step, with a connection of its own that is closed in the end. With `write` a small
    /// file is put into the login folder, and removed again.
    pub async fn diagnose(&self, write: bool) -> Diagnosis {
        let mut trail = Trail::kept();
        match self.dial_along(self.versions(), &mut trail).await {
            Ok((control, link)) => {
                Session::new(self.clone(), control, link).examine(&mut trail, write).await;
            }
            Err(error) => trail.end(Verdict::Failed(error)),
        }
        trail.into_diagnosis()
    }

    /// As [`Client::dial`]. A server that is full or not ready yet is asked again after a pause.
    pub(crate) async fn dial_patiently(&self, versions: Versions) -> Result<(Control, Option<Link>), Error> {
        let mut tries = self.tries();
        loop {
            match self.dial(versions).await {
                Ok(dialled) => return Ok(dialled),
                Err(error) if is_turned_away(&error) => {
                    self.learnt().has_no_room = true;
                    tries.again(error).await?;
                }
                Err(error) => return Err(tries.conclude(error)),
            }
        }
    }

    /// A control connection, logged in, and its TLS if it has any.
    ///
    /// libunftp 0.24 now and then reads the beginning of the handshake as a command, if it comes soon after the answer to
    /// AUTH TLS, and refuses it in clear text. Nothing secret was sent then, and a second connection goes well.
    pub(crate) async fn dial(&self, versions: Versions) -> Result<(Control, Option<Link>), Error> {
        self.dial_along(versions, &mut Trail::default()).await
    }

    /// As [`Client::dial`], leaving a trail. An error belongs to the step that was begun last.
    async fn dial_along(
        &self,
        versions: Versions,
        trail: &mut Trail,
    ) -> Result<(Control, Option<Link>), Error> {
        match self.dial_once(versions, trail).await {
            Err(Error::Tls { on: Channel::Control, fault: TlsFault::NotTls })
                if self.tls_mode() == TlsMode::Explicit =>
            {
                tracing::debug!("the server answered the TLS handshake in clear text; connecting once more");
                trail.start_over();
                self.dial_once(versions, trail).await
            }
            outcome => outcome,
        }
    }

    async fn dial_once(
        &self,
        versions: Versions,
        trail: &mut Trail,
    ) -> Result<(Control, Option<Link>), Error> {
        trail.begin(Step::Tls);
        let link = match &self.trust {
            Some(trust) => Some(trust.link(versions).map_err(control_tls)?),
            None => None,
        };
        let tcp = self.reach(trail).await?;
        let mode = self.tls_mode();
        let stream = match (&link, mode) {
            (Some(link), TlsMode::Implicit) => {
                trail.begin(Step::Tls);
                let stream = link.protect(tcp, Channel::Control, self.config.timeout).await?;
                trail.passed(|| format!("implicit, {}", told(stream.tls().map(Protection::of).as_ref())));
                stream
            }
            (None, _) | (_, TlsMode::Explicit) => Stream::Plain(tcp),
        };
        let mut control = self.greet(stream, link.as_ref(), trail).await?;
        if let (Some(link), TlsMode::Explicit) = (&link, mode) {
            trail.begin(Step::Tls);
            protected(&mut control, Command::AuthTls).await?;
            control = control.protect(link).await?;
            trail.passed(|| format!("explicit, {}", told(control.protection().as_ref())));
        }
        trail.begin(Step::Login);
        self.log_in(&mut control).await.map_err(|error| unidentified(link.as_ref(), error))?;
        if link.is_some() {
            protect_data(&mut control, mode).await?;
        }
        control.execute(&Command::TypeImage).await?;
        trail.passed(|| if link.is_some() { "accepted, data is protected" } else { "accepted" }.to_owned());
        Ok((control, link))
    }

    /// When TLS begins, if it does.
    fn tls_mode(&self) -> TlsMode {
        self.config.tls.as_ref().map_or(TlsMode::Explicit, |tls| tls.mode)
    }

    /// A control connection on which an FTP server has said that it is ready.
    async fn greet(&self, stream: Stream, link: Option<&Link>, trail: &mut Trail) -> Result<Control, Error> {
        trail.begin(Step::Greeting);
        let control = Control::new(stream, self.config.timeout, &self.config.credentials.password)
            .map_err(|error| self.no_greeting(error))?;
        let mut control = if self.config.proxy.is_some() { control.behind_proxy() } else { control };
        let greeting = control.greeting().await;
        let greeting = greeting.map_err(|error| self.no_greeting(unidentified(link, error)))?;
        if greeting.severity() != Severity::Completion {
            return Err(self.connect_error(ConnectFault::Greeting(greeting)));
        }
        if let Some(answer) = greeting::mail_server(&greeting) {
            return Err(self.connect_error(ConnectFault::NotFtp { answer }));
        }
        trail.passed(|| greeting.to_string());
        Ok(control)
    }

    /// A TCP connection to the server, or through the proxy to it.
    async fn reach(&self, trail: &mut Trail) -> Result<TcpStream, Error> {
        let Config { host, port, timeout, allowed, .. } = &*self.config;
        if let Some(proxy) = &self.config.proxy {
            trail.begin(Step::Tcp);
            // Its addresses are the proxy's to find out, so only its name can be judged.
            if !allowed.allows_host(host) {
                return Err(self.connect_error(ConnectFault::Forbidden));
            }
            let tcp = proxy.connect((host, *port), allowed, *timeout).await.map_err(|fault| {
                self.connect_error(ConnectFault::Proxy { proxy: proxy.to_string(), fault })
            })?;
            tracing::info!("Connected to {} through the proxy {proxy}", self.config.server());
            trail.passed(|| format!("through the proxy {proxy}"));
            return Ok(tcp);
        }
        let unreached = |fault: dial::Unreached| fault.into_error(self.config.server());
        trail.begin(Step::Name);
        let addresses = dial::resolve(host, *port, allowed, *timeout).await.map_err(unreached)?;
        trail.passed(|| {
            let known: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
            known.join(", ")
        });
        trail.begin(Step::Tcp);
        let tcp = dial::connect(addresses, *timeout).await.map_err(unreached)?;
        let reached = tcp.peer_addr().map_or_else(|_| self.config.server(), |address| address.to_string());
        tracing::info!("Connected to {reached}");
        trail.passed(|| reached);
        Ok(tcp)
    }

    /// USER, and PASS if it is wanted (RFC 959 §5.4). ACCT would be a third secret, which nobody gave us.
    async fn log_in(&self, control: &mut Control) -> Result<(), Error> {
        let credentials = &self.config.credentials;
        let mut reply = login_reply(control, &Command::User(credentials.user.clone())).await?;
        if reply.code() == Code::PASSWORD_WANTED {
            reply = login_reply(control, &Command::Pass(credentials.password.expose().clone())).await?;
        }
        if reply.severity() != Severity::Completion {
            return Err(Error::Login(reply));
        }
        self.counters.logins.add(1);
        self.learnt().let_in = true;
        tracing::info!("Logged in");
        Ok(())
    }

    fn connect_error(&self, fault: ConnectFault) -> Error {
        Error::Connect { server: self.config.server(), fault }
    }

    /// What an error means when it comes in place of a greeting.
    fn no_greeting(&self, error: Error) -> Error {
        let fault = match error {
            Error::Lost(LostCause::Goodbye(reply)) => ConnectFault::Greeting(reply),
            Error::Lost(LostCause::Io(error)) => ConnectFault::Tcp(error),
            Error::Lost(LostCause::Closed) => {
                ConnectFault::NotFtp { answer: "it closed the connection".to_owned() }
            }
            Error::Protocol(ProtocolFault::TlsRecord) => ConnectFault::SpeaksTls,
            Error::Protocol(ProtocolFault::Reply(ReplyError::NotAReply { line })) => {
                ConnectFault::NotFtp { answer: greeting::stranger(&line) }
            }
            Error::Protocol(ProtocolFault::Reply(error)) => {
                ConnectFault::NotFtp { answer: error.to_string() }
            }
            other => return other,
        };
        self.connect_error(fault)
    }
}

/// The answer to a command of the login. A 421 here is about who logs in as much as a 530 is: taken for a mere loss of the
/// connection it would make the password be sent again.
async fn login_reply(control: &mut Control, command: &Command) -> Result<Reply, Error> {
    control.exchange(command).await.map_err(|error| match error {
        Error::Lost(LostCause::Goodbye(reply)) => Error::Login(reply),
        other => other,
    })
}

/// A command without which nothing is protected: a refusal ends the connection (RFC 4217 §4, §9).
async fn protected(control: &mut Control, command: Command) -> Result<(), Error> {
    match control.execute(&command).await {
        Ok(_) => Ok(()),
        Err(Error::Rejected { verb, reply }) => Err(control_tls(TlsFault::Refused { verb, reply })),
        Err(error) => Err(error),
    }
}

/// What an error means that follows the handshake at once. In TLS 1.3 the client is done before the server has looked at
/// its certificate; a server that wanted one and got none then just leaves.
fn unidentified(link: Option<&Link>, error: Error) -> Error {
    match error {
        Error::Lost(LostCause::Io(_) | LostCause::Closed)
            if link.is_some_and(Link::wants_client_certificate) =>
        {
            control_tls(TlsFault::ClientCertificate)
        }
        other => other,
    }
}

/// PBSZ and PROT P (RFC 4217 §9). Servers for implicit TLS exist that know neither, since there it goes without saying;
/// the client's side of every data connection is TLS then all the same, so that nothing flows if the server meant
/// otherwise.
async fn protect_data(control: &mut Control, mode: TlsMode) -> Result<(), Error> {
    for command in [Command::Pbsz0, Command::ProtP] {
        match protected(control, command).await {
            Err(Error::Tls { fault: TlsFault::Refused { verb, reply }, .. })
                if mode == TlsMode::Implicit && is_unknown(reply.code()) =>
            {
                tracing::debug!(
                    "{verb} is not known here ({reply}); with implicit TLS, data is protected anyway"
                );
            }
            outcome => outcome?,
        }
    }
    Ok(())
}

/// Whether a reply says that the command means nothing to the server, and not that it declines.
fn is_unknown(code: Code) -> bool {
    matches!(code, Code::UNKNOWN_COMMAND | Code::NOT_IMPLEMENTED | Code::WRONG_ORDER)
}

/// The protection of a connection in words.
fn told(protection: Option<&Protection>) -> String {
    protection.map_or_else(|| "none".to_owned(), Protection::to_string)
}

/// A zone says by which of our interfaces an address is reached; no certificate knows of it.
fn without_zone(host: &str) -> &str {
    host.split_once('%').map_or(host, |(address, _)| address)
}

fn control_tls(fault: TlsFault) -> Error {
    Error::Tls { on: Channel::Control, fault }
}
