//! A logged-in session: one file an operation, all of them built on one exchange and one transfer.

mod clock;
mod delete;
mod download;
mod examine;
mod folder;
mod incoming;
mod list;
mod names;
mod passive;
mod rename;
mod stat;
mod transfer;
mod upload;

use std::time::Duration;

use ftp_proto::{Command, Features, RemotePath, Reply};
use tokio::time::Instant;

pub use self::download::Download;
pub use self::list::{Listing, Unrecognized};
use self::names::Names;
pub use self::upload::{Before, Upload};
use crate::connect::{Client, Tls12};
use crate::control::{Control, completed};
use crate::error::Error;
use crate::retry::{Tries, is_turned_away};
use crate::tls::{Link, Protection, SessionReuse, Versions};

/// A session that was idle for longer has to answer before it is used again: address translators on the way forget
/// silent connections, and nobody is told.
const ASKED_AFTER: Duration = Duration::from_secs(5);

/// A session is given to nobody else when it is older. Servers forget the TLS sessions that data connections are to resume,
/// ProFTPD 1.3.8 after half an hour, and then refuse the data.
const LONGEST_LIFE: Duration = Duration::from_mins(20);

/// One login on one server.
///
/// Operations borrow the session until they are done, so that two at once do not compile. One that is dropped halfway,
/// times out or breaks poisons the session: every later operation fails with [`Error::Lost`], because the next reply
/// could be the answer to what was abandoned. [`Session::revive`] logs in again then.
///
/// What can be repeated without harm is repeated as often as [`Config::retries`](crate::Config::retries) allows, on a new
/// login where the old one is gone: downloads go on where they stand, questions are asked again, a file is deleted again.
#[derive(Debug)]
pub struct Session {
    client: Client,
    control: Control,
    link: Option<Link>,
    /// What the last data connection made of the TLS session.
    reuse: Option<SessionReuse>,
    /// What FEAT said, once somebody wanted to know.
    features: Option<Features>,
    /// The folder the login ended in, once somebody wanted to leave it.
    home: Option<RemotePath>,
    /// The folder the session has stepped into for an operation; `None` while it is at home.
    away: Option<RemotePath>,
    names: Names,
    /// When the control connection was made.
    born: Instant,
}

impl Session {
    pub(crate) fn new(client: Client, control: Control, link: Option<Link>) -> Self {
        let names = Names::new(client.config().encoding, client.learnt().charset);
        Self {
            client,
            control,
            link,
            reuse: None,
            features: None,
            home: None,
            away: None,
            names,
            born: Instant::now(),
        }
    }

    /// The client that the session is of.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// How the control connection is protected; `None` in clear text. Data connections are protected likewise.
    pub fn protection(&self) -> Option<Protection> {
        self.control.protection()
    }

    /// Whether the last data connection resumed the TLS session of the control connection; `None` in clear text and as long
    /// as there was none.
    pub fn session_reuse(&self) -> Option<SessionReuse> {
        self.reuse
    }

    /// Whether the session can still be used.
    pub fn is_usable(&self) -> bool {
        self.control.is_idle()
    }

    /// Ends the session in good order: QUIT, without waiting for the server's good-bye.
    pub async fn quit(self) {
        self.control.quit().await;
    }

    /// As [`Session::quit`], for somebody who is about to log in again.
    pub(crate) async fn leave(&mut self) {
        self.control.leave().await;
    }

    /// As [`Control::exchange`], with what a path beyond ASCII needs beforehand.
    async fn exchange(&mut self, command: &Command) -> Result<Reply, Error> {
        self.announce_path(command).await?;
        self.converse(command).await
    }

    /// As [`Control::exchange`], for a command that may be sent twice: where the session is found to have ended while it was
    /// idle, it is sent once more on a new one.
    async fn converse(&mut self, command: &Command) -> Result<Reply, Error> {
        match self.control.exchange(command).await {
            Err(error) if self.has_ended_unnoticed(&error) => {
                self.replace_ended(&error).await?;
                self.control.exchange(command).await
            }
            answered => answered,
        }
    }

    /// As [`Session::exchange`], for a command that has to succeed: every final reply but 2yz is an error.
    async fn execute(&mut self, command: &Command) -> Result<Reply, Error> {
        completed(command.verb(), self.exchange(command).await?)
    }

    /// The same login anew, unless the session can be used as it is.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`], of which this is a single try.
    pub async fn revive(&mut self) -> Result<(), Error> {
        if self.is_usable() {
            return Ok(());
        }
        // Whatever was stepped into a folder for is over.
        self.away = None;
        self.renew(self.client.versions()).await
    }

    /// Whether an error says no more than that a session which was idle had ended: the server was restarted, or had waited
    /// long enough. The first command after that is the first to notice, and nothing has been done yet.
    fn has_ended_unnoticed(&self, error: &Error) -> bool {
        matches!(error, Error::Lost(_)) && !self.control.is_proven()
    }

    /// The same login anew, at once and whatever [`Config::retries`](crate::Config::retries) says: nobody has failed.
    async fn replace_ended(&mut self, error: &Error) -> Result<(), Error> {
        tracing::info!("The session had ended while it was idle ({error}); logging in again");
        self.client.counters().retries.add(1);
        self.revive().await
    }

    /// Whether the session, idle for so long, serves on; see [`Control::has_lasted`].
    pub(crate) async fn has_lasted(&mut self, idle: Duration) -> bool {
        self.names.catch_up(self.client.learnt().charset);
        self.control.has_lasted(idle > ASKED_AFTER).await
    }

    /// Whether the session is in step, in its login folder, and young enough, so that somebody else may have it.
    pub(crate) fn is_reusable(&self) -> bool {
        self.control.is_quiet() && self.away.is_none() && self.born.elapsed() < LONGEST_LIFE
    }

    /// The tries that an operation of several steps has; [`Session::try_again`] uses them up.
    pub fn tries(&self) -> Tries {
        self.client.tries()
    }

    /// Takes the failure of a try. When this returns, a pause has passed, and the session is there for the next try.
    ///
    /// # Errors
    ///
    /// What ends the operation: a failure that another try cannot mend, or the last of too many.
    pub async fn try_again(&mut self, tries: &mut Tries, mut error: Error) -> Result<(), Error> {
        loop {
            if !self.is_usable() {
                self.control.hang_up().await;
            }
            tries.again(error).await?;
            match self.revive().await {
                Ok(()) => return Ok(()),
                Err(failed) => error = failed,
            }
        }
    }

    /// Sends a command that only asks for something: when its reply is lost, it is sent again on a new login.
    async fn ask(&mut self, command: &Command) -> Result<Reply, Error> {
        let mut tries = self.tries();
        loop {
            match self.execute(command).await {
                Err(error) if error.is_of_the_session() => {
                    self.try_again(&mut tries, error).await?;
                }
                answered => return answered,
            }
        }
    }

    /// What the server says it can do (RFC 2389). A server that does not know FEAT can do nothing extra.
    async fn features(&mut self) -> Result<&Features, Error> {
        let features = match self.features.take() {
            Some(known) => known,
            None => match self.converse(&Command::Feat).await.and_then(|reply| completed("FEAT", reply)) {
                Ok(reply) => Features::parse(&reply),
                Err(Error::Rejected { .. }) => Features::default(),
                Err(error) => return Err(error),
            },
        };
        Ok(self.features.insert(features))
    }

    /// The same login in the same folder on a new control connection, in place of one that has become useless.
    async fn renew(&mut self, versions: Versions) -> Result<(), Error> {
        // There may be no room on the server for two.
        self.control.leave().await;
        let dialled = self.client.dial(versions).await.inspect_err(|error| {
            self.client.learnt().has_no_room |= is_turned_away(error);
        })?;
        self.go_over_to(dialled).await
    }

    /// As [`Session::renew`], of a connection that the server may not have seen the end of yet.
    async fn renew_patiently(&mut self, versions: Versions) -> Result<(), Error> {
        self.control.leave().await;
        let dialled = self.client.dial_patiently(versions).await?;
        self.go_over_to(dialled).await
    }

    async fn go_over_to(&mut self, (mut control, link): (Control, Option<Link>)) -> Result<(), Error> {
        self.announce_again(&mut control).await?;
        if let Some(away) = &self.away {
            control.execute(&Command::Cwd(away.clone())).await?;
        }
        self.control = control;
        self.link = link;
        self.born = Instant::now();
        Ok(())
    }

    /// Makes sure that the next data connection can resume the TLS session, if any could.
    ///
    /// Seen on ProFTPD 1.3.8, which demands resumption: a TLS 1.3 login yields two tickets, and an upload uses one up
    /// without yielding another, so that the third would leave an empty file. TLS 1.2 has no such limit; a server that
    /// speaks only 1.3 is asked for two new tickets instead.
    async fn ensure_ticket(&mut self) -> Result<(), Error> {
        if !self.link.as_ref().is_some_and(Link::is_out_of_tickets) {
            return Ok(());
        }
        if self.client.learnt().tls12 != Tls12::Refused {
            match self.renew_patiently(Versions::Only12).await {
                Ok(()) => {
                    tracing::info!("TLS tickets ran out; logged in again with TLS 1.2, whose sessions last");
                    self.client.learnt().tls12 = Tls12::Preferred;
                    return Ok(());
                }
                Err(error) if matches!(error.last(), Error::Tls { .. } | Error::Lost(_)) => {
                    self.client.learnt().tls12 = Tls12::Refused;
                }
                Err(error) => return Err(error),
            }
        }
        tracing::info!("TLS tickets ran out; logging in again for new ones");
        self.renew_patiently(Versions::Any).await
    }
}
