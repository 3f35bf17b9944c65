//! From a start message to a trigger that is ready to run. Everything that needs no network comes first, as with an
//! action.

use std::path::Path;
use std::sync::Arc;

use super::id::TriggerId;
use super::serve::{self, Delivery};
use super::{Destination, Progress, Surroundings};
use crate::dispatcher::Dispatcher;
use crate::failure::Failure;
use crate::handler::TriggerStart;
use crate::log::StepLog;
use crate::message::{Meta, StartMessage, Step};
use crate::plugin::Plugin;
use crate::step;
use crate::store::Store;
use crate::validate;

/// The ending of a state file's name.
const STATE_FILE: &str = ".redb";

/// A trigger whose message was checked as far as that goes without disk and network.
pub(super) struct Prepared {
    pub(super) name: String,
    /// `None` when the platform gave none; the state then ends with the process.
    pub(super) id: Option<TriggerId>,
    pub(super) progress: Progress,
    start: TriggerStart,
    delivery: Delivery,
    meta: Meta,
    log: StepLog,
}

/// Checks what the message asks for.
///
/// # Errors
/// It is no trigger of this plugin, or connection, input, dispatcher or identifier are invalid.
pub(super) fn prepare(
    plugin: &Plugin,
    message: StartMessage,
    surroundings: &Surroundings,
    log: &StepLog,
) -> Result<Prepared, Failure> {
    let StartMessage { step, connection, input, meta } = message;
    let (Step::Trigger { name, dispatcher_url }, Some(spec)) = (&step, step::known(plugin.spec(), &step)?)
    else {
        return Err(Failure::message("The start message does not start a trigger"));
    };
    let connected = step::connect(plugin, connection, log)?;
    let start = connected.trigger(name, validate::input(plugin.spec(), &spec.input, input)?)?;
    connected.check()?;
    let delivery = match &surroundings.events {
        Destination::Dispatcher => {
            Delivery::Post(Dispatcher::parse(dispatcher_url.as_deref().unwrap_or_default())?)
        }
        Destination::Lines(write) => Delivery::Lines(Arc::clone(write)),
    };
    step::announce(plugin, name);
    let (id, progress) = (TriggerId::of(&meta)?, Progress::new(log.clone()));
    Ok(Prepared { name: name.clone(), id, progress, start, delivery, meta, log: log.clone() })
}

impl Prepared {
    /// Opens the trigger's state in `cache_dir`, which is made if it does not exist, or in memory.
    ///
    /// # Errors
    /// The folder cannot be made, or the state cannot be opened or is in use.
    pub(super) fn open_store(&self, cache_dir: &Path) -> Result<Store, Failure> {
        let path = self.id.as_ref().map(|id| id.file(cache_dir, STATE_FILE));
        if path.is_some() {
            std::fs::create_dir_all(cache_dir).map_err(|error| {
                Failure::internal(
                    format!("The cache folder {} cannot be made: {error}", cache_dir.display()),
                    "Mount a writable folder there, or name another one with --cache-dir or PLUGIN_CACHE_DIR.",
                )
            })?;
        }
        Store::open(path.as_deref(), self.meta.clone(), self.log.clone())
    }

    /// Runs until the trigger ends by itself or is asked to.
    ///
    /// # Errors
    /// The handler failed, or its events cannot be sent at all.
    pub(super) async fn run(self, store: Store, asked: impl Future<Output = ()>) -> Result<(), Failure> {
        serve::serve(self.start, &store, &self.delivery, &self.progress, asked).await
    }
}
