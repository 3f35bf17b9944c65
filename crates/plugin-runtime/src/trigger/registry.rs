//! The triggers that run inside a long-running process, each by itself.
//!
//! A trigger has its task, its log, its state file and its way out for events. What happens to one — a failure, a panic,
//! a broken disk — is written into its report and touches no other.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;
use tracing::{Instrument as _, Span};

use super::Surroundings;
use super::id::TriggerId;
use super::list::{Change, Entry, List};
use super::prepare::{Prepared, prepare};
use super::saved::{self, Saved};
use super::status::{State, Totals, TriggerReport};
use crate::failure::Failure;
use crate::handler::caught;
use crate::log::StepLog;
use crate::message::StartMessage;
use crate::plugin::Plugin;
use crate::stop::{Stop, StopSource};
use crate::store::Store;

/// How long a trigger that has ended may take to close its state. Only a disk that hangs takes so long.
const CLOSING_GRACE: Duration = Duration::from_secs(5);

/// The triggers of a process. Cloning is cheap, and clones share them.
///
/// A trigger stays in the list when it has ended or failed, until it is deleted or started anew.
#[derive(Clone)]
pub(crate) struct Triggers(Arc<Inner>);

struct Inner {
    plugin: Plugin,
    surroundings: Surroundings,
    resume: bool,
    list: Mutex<List>,
    /// Asks all triggers to end.
    end_all: StopSource,
    end_of_all: Stop,
}

impl Triggers {
    /// No triggers yet. With `resume`, start messages are saved in the cache folder, **with the credentials in them**, so
    /// that [`Self::resume`] can start the triggers again in another process. The flag folder of `surroundings` is not
    /// looked at.
    pub(crate) fn new(plugin: Plugin, surroundings: Surroundings, resume: bool) -> Self {
        let (end_all, end_of_all) = Stop::new();
        Self(Arc::new(Inner { plugin, surroundings, resume, list: Mutex::default(), end_all, end_of_all }))
    }

    /// Starts the trigger of `message`, which was read from `text`. It goes on from the state of an earlier run with the
    /// same identifier, be it here or in a process of its own. A start that has begun is carried to its end even when
    /// the caller goes away.
    ///
    /// # Errors
    /// The message is invalid or names no identifier; the trigger runs already, or there are too many
    /// ([`FailureKind::Conflict`](crate::FailureKind::Conflict)); the state cannot be opened, or the message not be saved.
    /// Secrets are masked.
    pub(crate) async fn start(&self, message: StartMessage, text: &[u8]) -> Result<TriggerReport, Failure> {
        if self.0.resume {
            saved::check(text)?;
        }
        self.start_detached(message, self.0.resume.then(|| text.to_vec())).await
    }

    /// The triggers of the list, or those with this name, in the order of their identifiers.
    pub(crate) fn running(&self, trigger: Option<&str>) -> Vec<TriggerReport> {
        let list = self.list();
        let wanted = |entry: &&Arc<Entry>| trigger.is_none_or(|name| name == entry.trigger);
        list.entries.values().filter(wanted).map(|entry| entry.report()).collect()
    }

    /// Ends a trigger, deletes its saved start message and takes it off the list; its state file stays. Gives its last
    /// report; `None` when there is no such trigger, or one that is still being started. A stop that has begun is
    /// carried to its end even when the caller goes away.
    pub(crate) async fn stop(&self, trigger: &str, id: &str) -> Option<TriggerReport> {
        let (entry, place) = {
            let mut list = self.list();
            let entry = list.entries.get(id).filter(|entry| entry.trigger == trigger).map(Arc::clone)?;
            match list.changing.get(id) {
                Some(Change::Starting) => return None,
                Some(Change::Stopping) => (entry, None),
                None => {
                    let place = self.occupy(&mut list, entry.id.clone(), Change::Stopping);
                    (entry, Some(place))
                }
            }
        };
        let triggers = self.clone();
        tokio::spawn(async move { triggers.end(&entry, place).await }).await.ok()
    }

    /// Starts every trigger whose message was saved. One that cannot start is listed with the reason; a file that is not
    /// understood is logged. Both are kept, and hinder no other.
    pub(crate) async fn resume(&self) {
        if !self.0.resume {
            return;
        }
        let cache_dir = self.0.surroundings.cache_dir.clone();
        let found =
            on_blocking_thread(move || saved::all(&cache_dir).map_err(|error| unlisted(&cache_dir, &error)));
        match found.await {
            Ok(files) => {
                for file in files {
                    self.resume_one(&file).await;
                }
            }
            Err(failure) => tracing::error!("No trigger is resumed: {}", failure.sentences()),
        }
    }

    /// Ends all triggers at once and starts no more. Saved messages stay for [`Self::resume`].
    pub(crate) async fn shut_down(&self) {
        let entries: Vec<_> = {
            let mut list = self.list();
            list.closed = true;
            list.entries.values().cloned().collect()
        };
        self.0.end_all.request();
        for entry in entries {
            entry.ended().await;
        }
    }

    /// What all triggers did together.
    pub(crate) fn totals(&self) -> Totals {
        self.list().totals()
    }
}

/// Starting and stopping.
impl Triggers {
    /// A task of its own is not cancelled with the caller, and its log lines are not the caller's.
    async fn start_detached(
        &self,
        message: StartMessage,
        text: Option<Vec<u8>>,
    ) -> Result<TriggerReport, Failure> {
        let triggers = self.clone();
        let starting = tokio::spawn(async move {
            let log = StepLog::new();
            let span = log.span("trigger");
            let started = triggers.start_logged(message, text, &log).instrument(span).await;
            started.map_err(|failure| log.mask(failure))
        });
        starting.await.unwrap_or_else(|_| Err(broken_off()))
    }

    async fn start_logged(
        &self,
        message: StartMessage,
        text: Option<Vec<u8>>,
        log: &StepLog,
    ) -> Result<TriggerReport, Failure> {
        let prepared = prepare(&self.0.plugin, message, &self.0.surroundings, log)?;
        let id = prepared.id.clone().ok_or_else(no_id)?;
        let _place = self.place_for(&id)?;
        let cache_dir = self.0.surroundings.cache_dir.clone();
        let (prepared, store, id) = on_blocking_thread(move || {
            let store = prepared.open_store(&cache_dir)?;
            if let Some(text) = text {
                saved::write(&cache_dir, &id, &text)?;
            }
            Ok((prepared, store, id))
        })
        .await?;
        Ok(self.launch(id, prepared, store))
    }

    /// Runs the trigger as a task of its own and puts it on the list.
    fn launch(&self, id: TriggerId, prepared: Prepared, store: Store) -> TriggerReport {
        let (source, stop) = Stop::new();
        let entry = Arc::new(Entry {
            id,
            trigger: prepared.name.clone(),
            started: OffsetDateTime::now_utc(),
            progress: prepared.progress.clone(),
            traffic: store.traffic(),
            state: watch::Sender::new(State::Running),
            stop: source,
        });
        self.list().put(Arc::clone(&entry));
        let end_of_all = self.0.end_of_all.clone();
        let asked = async move {
            tokio::select! {
                () = stop.wait() => {}
                () = end_of_all.wait() => {}
            }
        };
        tokio::spawn(run(Arc::clone(&entry), prepared, store, asked).instrument(Span::current()));
        entry.report()
    }

    /// Ends a trigger; whoever has its place takes it off the list.
    async fn end(&self, entry: &Arc<Entry>, place: Option<Place>) -> TriggerReport {
        if place.is_some() {
            // First of all, so that a crash in between does not bring back what somebody wanted to be gone.
            let (cache_dir, id) = (self.0.surroundings.cache_dir.clone(), entry.id.clone());
            let removed = on_blocking_thread(move || saved::remove(&cache_dir, &id));
            if let Err(failure) = removed.await {
                tracing::error!("{}", failure.sentences());
            }
        }
        entry.stop.request();
        entry.ended().await;
        if place.is_some() {
            self.list().delete(&entry.id);
        }
        entry.report()
    }

    async fn resume_one(&self, file: &Path) {
        let path = file.to_owned();
        let Saved { id, trigger, message } = match on_blocking_thread(move || Ok(saved::read(&path))).await {
            Ok(Ok(saved)) => saved,
            Ok(Err(unusable)) => return tracing::error!("{} is not resumed: {unusable}", file.display()),
            Err(failure) => return tracing::error!("{}", failure.sentences()),
        };
        if let Err(failure) = self.start_detached(message, None).await {
            tracing::error!("The trigger {id} is not resumed: {}", failure.sentences());
            self.list().put_failed(id, trigger, failure);
        }
    }

    /// A place on the list for a trigger that is about to start.
    fn place_for(&self, id: &TriggerId) -> Result<Place, Failure> {
        let mut list = self.list();
        list.admits(id)?;
        Ok(self.occupy(&mut list, id.clone(), Change::Starting))
    }

    fn occupy(&self, list: &mut List, id: TriggerId, change: Change) -> Place {
        list.changing.insert(id.clone(), change);
        Place { triggers: self.clone(), id }
    }

    /// A panic while the lock was held leaves nothing half done here: entries are only put and taken.
    fn list(&self) -> MutexGuard<'_, List> {
        self.0.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps others from starting or stopping a trigger that is being started or stopped.
struct Place {
    triggers: Triggers,
    id: TriggerId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.triggers.list().changing.remove(&self.id);
    }
}

/// Runs a trigger to its end, whatever end that is.
async fn run(
    entry: Arc<Entry>,
    prepared: Prepared,
    store: Store,
    asked: impl Future<Output = ()> + Send + 'static,
) {
    let outcome = caught(Box::pin(prepared.run(store, asked))).await;
    // Whoever sees that it has ended may start it anew, and that wants the file.
    entry.traffic.wait_until_closed(CLOSING_GRACE).await;
    entry.state.send_replace(match outcome {
        Ok(()) => State::Ended,
        Err(failure) => {
            tracing::error!("The trigger has failed: {}", failure.sentences());
            entry.progress.ended_by(failure);
            State::Failed
        }
    });
}

/// Disk access does not hold up the other tasks.
async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let span = Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work)).await.unwrap_or_else(|_| Err(broken_off()))
}

fn no_id() -> Failure {
    Failure::message("\"triggerId\" is missing from meta").with_assistance(
        "A trigger in this process is listed and stopped by its triggerId, which also names its state. Give it one.",
    )
}

fn unlisted(cache_dir: &Path, error: &std::io::Error) -> Failure {
    Failure::internal(
        format!("The cache folder {} cannot be read: {error}", cache_dir.display()),
        "Have the user that the process runs as read and write it.",
    )
}

/// Without the panic's message, which may hold a secret; it is in the log, masked.
fn broken_off() -> Failure {
    Failure::internal(
        "The start or stop of a trigger broke off unexpectedly.",
        "This is a fault of the plugin. Report it with the log.",
    )
}

#[cfg(test)]
mod tests;
