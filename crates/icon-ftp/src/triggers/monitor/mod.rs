//! Monitor: looks at a file or a folder again and again, and tells what changed.
//!
//! Each look makes a `Snapshot`; `change` compares it with the last one; the events that follow from the difference go
//! into the outbox in the same transaction as the new snapshot. So a change is told once it is known and never lost:
//! whatever fails before the transaction is seen again at the next look.

mod change;
mod event;
mod pace;
mod snapshot;

use std::time::Duration;

use ftp_client::{Client, Pooled, Session};
use ftp_proto::{Charset, RemotePath};
use plugin_runtime::{CommitError, Failure, Stop, TriggerContext};
use serde::{Deserialize, Serialize};

use self::change::Root;
pub(crate) use self::event::Output;
use self::pace::Pace;
use self::snapshot::{Attributes, Snapshot, SnapshotError};
use crate::access::Access;
use crate::connection::Connection;
use crate::failure;

/// What to watch, and how.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    path: String,
    monitor_time: Option<bool>,
    monitor_size: Option<bool>,
    monitor_mode: Option<bool>,
    interval: Option<i64>,
}

/// What is kept from one look to the next, across restarts too.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// Which server and path the snapshot is of: a trigger whose input was changed begins anew.
    watched: String,
    snapshot: Snapshot,
}

/// Watches until asked to stop.
///
/// A login that fails, a path that is missing, a server that is gone, a disk that is full: each is a warning and a longer
/// pause, and the next look sees what changed meanwhile.
///
/// # Errors
///
/// An input that cannot be used, and state that cannot be read or written; nothing that the server does.
pub(crate) async fn run(
    context: TriggerContext<Connection>,
    input: Input,
    access: Access,
) -> Result<(), Failure> {
    let mut monitor = Monitor::new(&context.connection, &input, access)?;
    let mut pace = Pace::new(input.interval)?;
    let mut state = resume(&context, &monitor).await?;
    loop {
        tokio::select! {
            () = context.stop.wait() => break,
            () = context.store.wait_for_room() => {}
        }
        let told = tokio::select! {
            () = context.stop.wait() => break,
            look = monitor.look(state.as_ref().map(|state| &state.snapshot)) => {
                tell(&context, &monitor, &mut state, look).await?
            }
        };
        let pause = pause_after(told, &context, state.as_ref(), &mut pace);
        monitor.rest(pause, &context.stop).await;
    }
    monitor.leave().await;
    Ok(())
}

/// The state of an earlier run, if it is about the same path.
async fn resume(context: &TriggerContext<Connection>, monitor: &Monitor) -> Result<Option<State>, Failure> {
    let Some(state) = context.store.load::<State>().await? else { return Ok(None) };
    if state.watched == monitor.watched {
        tracing::info!("Going on from the last run: {}", state.snapshot.describe());
        return Ok(Some(state));
    }
    tracing::warn!(
        "The kept state is of {}, and now {} is watched: beginning anew",
        state.watched,
        monitor.watched
    );
    Ok(None)
}

/// Commits what a look found. Inside is what the next look may mend: the look's failure, or that the disk has no room.
///
/// # Errors
///
/// The state cannot be written.
async fn tell(
    context: &TriggerContext<Connection>,
    monitor: &Monitor,
    state: &mut Option<State>,
    look: Result<Look, Failure>,
) -> Result<Result<(), Failure>, Failure> {
    let look = match look {
        Ok(look) => look,
        Err(failure) => return Ok(Err(failure)),
    };
    match commit(context, monitor, state, look).await {
        Err(CommitError::Failed(failure)) => Err(failure),
        told => Ok(told.map_err(Failure::from)),
    }
}

/// How long to wait for the next look. What came of this one goes into the report, and a failure into the log.
fn pause_after(
    told: Result<(), Failure>,
    context: &TriggerContext<Connection>,
    state: Option<&State>,
    pace: &mut Pace,
) -> Duration {
    let Err(failure) = told else {
        context.progress.polled();
        let is_missing = state.is_some_and(|state| state.snapshot == Snapshot::Absent);
        return if is_missing { pace.while_missing() } else { pace.after_success() };
    };
    let pause = pace.after_failure();
    context.progress.failed(&failure);
    tracing::warn!("{} The next look is in {} s.", failure.sentences(), pause.as_secs());
    pause
}

/// Puts the new snapshot and its event into the store. The first look is the baseline and tells nothing. A content
/// that makes the event too large for the disk is left out, as that of a file that is too large.
///
/// # Errors
///
/// State and store are as before, and the change is seen again.
async fn commit(
    context: &TriggerContext<Connection>,
    monitor: &Monitor,
    state: &mut Option<State>,
    look: Look,
) -> Result<(), CommitError> {
    if state.is_none() {
        tracing::info!("Watching {}: {}", monitor.watched, look.snapshot.describe());
    }
    if state.as_ref().is_some_and(|state| state.snapshot == look.snapshot) {
        return Ok(());
    }
    let next = State { watched: monitor.watched.clone(), snapshot: look.snapshot };
    let without_content = look.event.as_ref().and_then(Output::without_content);
    match (context.store.commit(&next, look.event.into_iter().collect()).await, without_content) {
        (Err(CommitError::TooLarge(failure)), Some(without_content)) => {
            context.store.commit(&next, vec![without_content]).await?;
            tracing::warn!("The change is told without its content. {}", failure.sentences());
        }
        (committed, _) => committed?,
    }
    *state = Some(next);
    Ok(())
}

/// The engine: knows the server and the path, and neither where its state lives nor how events leave.
struct Monitor {
    access: Access,
    client: Client,
    /// The path in the bytes by which the server knows it, as far as it was found.
    path: RemotePath,
    /// The path as it was given, for the paths in events.
    root: String,
    watched: String,
    attributes: Attributes,
    /// Kept between looks while they are close together and the pool keeps none.
    session: Option<Pooled>,
}

/// What one look found.
struct Look {
    snapshot: Snapshot,
    event: Option<Output>,
}

impl Monitor {
    fn new(connection: &Connection, input: &Input, access: Access) -> Result<Self, Failure> {
        let attributes = Attributes {
            time: input.monitor_time.unwrap_or(true),
            size: input.monitor_size.unwrap_or(false),
            mode: input.monitor_mode.unwrap_or(false),
        };
        if !(attributes.time || attributes.size || attributes.mode) {
            tracing::warn!(
                "Neither time, size nor mode is monitored: only what appears and disappears is told"
            );
        }
        let client = access.client_of_trigger(connection)?;
        Ok(Self {
            path: client.path(&input.path).map_err(|fault| failure::bad_path("path", &fault))?,
            client,
            access,
            root: input.path.clone(),
            watched: format!("{} as {} on {}", input.path, connection.user(), connection.server()?),
            attributes,
            session: None,
        })
    }

    /// Takes a snapshot, compares, and makes the event. A session that was kept may have been closed by the server
    /// meanwhile, which is no failure: the look is begun again on a new one.
    async fn look(&mut self, before: Option<&Snapshot>) -> Result<Look, Failure> {
        if let Some(mut kept) = self.session.take() {
            match self.look_with(&mut kept, before).await {
                Err(_) if !kept.is_usable() => {
                    tracing::debug!("the kept session had ended; logging in again");
                }
                look => {
                    self.session = Some(kept);
                    return look;
                }
            }
        }
        let mut session = self.access.session(&self.client).await?;
        let look = self.look_with(&mut session, before).await;
        self.session = Some(session).filter(|session| session.is_usable());
        look
    }

    async fn look_with(&mut self, session: &mut Session, before: Option<&Snapshot>) -> Result<Look, Failure> {
        let snapshot = self.take(session, before).await.map_err(|error| self.no_snapshot(&error))?;
        if snapshot == Snapshot::Absent {
            tracing::warn!("{} does not exist (yet)", self.watched);
        }
        if before.is_some_and(|before| *before != snapshot) {
            self.learn_clock(session, &snapshot).await?;
        }
        let root = Root { text: &self.root, charset: self.charset(session), clock: session.clock() };
        let changes = match before {
            Some(before) => change::between(root, before, &snapshot, self.attributes),
            None => Vec::new(),
        };
        let event = if changes.is_empty() {
            None
        } else {
            Some(event::make(session, &self.path, &self.root, &snapshot, changes, self.attributes).await?)
        };
        Ok(Look { snapshot, event })
    }

    /// Looks at the path. Where it is missing, looking for it may have told that the server writes names in another charset
    /// than was thought; it is then looked for once more. Bytes under which it was found once are kept.
    async fn take(
        &mut self,
        session: &mut Session,
        before: Option<&Snapshot>,
    ) -> Result<Snapshot, SnapshotError> {
        let is_missing = |taken: &Result<Snapshot, SnapshotError>| {
            matches!(taken, Ok(Snapshot::Absent) | Err(SnapshotError::Missing))
        };
        let taken = Snapshot::take(session, &self.path, self.attributes, before).await;
        let respelt = session.path(&self.root).ok().filter(|path| *path != self.path);
        let Some(respelt) = respelt.filter(|_| is_missing(&taken)) else { return taken };
        let taken_anew = Snapshot::take(session, &respelt, self.attributes, before).await;
        if is_missing(&taken_anew) {
            return taken;
        }
        self.path = respelt;
        taken_anew
    }

    /// Learns the server's clock from a file of the snapshot, so that events can tell the times of a LIST in UTC.
    async fn learn_clock(&self, session: &mut Session, snapshot: &Snapshot) -> Result<(), Failure> {
        let Some((name, listed)) = snapshot.file_with_local_time() else { return Ok(()) };
        let Some(file) = snapshot::child(&self.path, name) else { return Ok(()) };
        session.learn_clock(&file, listed).await.map_err(|error| failure::from_client(&error))
    }

    /// The charset for the texts of events, once the snapshot is taken: the session's, unless the watched path was found in
    /// another, UTF-8. A text has one charset, or it leads nowhere.
    fn charset(&self, session: &Session) -> Charset {
        let is_spelt_alike = session.path(&self.root).is_ok_and(|path| path == self.path);
        if is_spelt_alike { session.charset() } else { Charset::Utf8 }
    }

    fn no_snapshot(&self, error: &SnapshotError) -> Failure {
        match error {
            SnapshotError::Client(error) => failure::from_client(error),
            SnapshotError::Missing => failure::missing(&self.root),
            SnapshotError::Unreadable => failure::unreadable(&self.root),
        }
    }

    /// Waits for the next look. The session goes back to the pool, where others may need it; a pool that keeps none would
    /// end it, so over a short wait it stays here.
    async fn rest(&mut self, pause: Duration, stop: &Stop) {
        if self.access.pool.keeps_sessions() || pause > pace::KEEP_SESSION {
            self.leave().await;
        }
        tokio::select! {
            () = stop.wait() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    async fn leave(&mut self) {
        if let Some(session) = self.session.take() {
            session.give_back().await;
        }
    }
}
