//! Where a plugin's typed functions become steps that the rest of the runtime calls by name.
//!
//! Invariant: all generics of the runtime live here. On the other side of [`Handlers`] and [`Connected`] there are
//! only fields, names and boxed futures.

use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::{DeserializeOwned, IntoDeserializer as _};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::fields::Fields;
use crate::stop::Stop;
use crate::store::Store;
use crate::trigger::Progress;

/// A plugin's connection settings, as its steps read them.
pub trait Connection: DeserializeOwned + Send + Sync + 'static {
    /// Checks what a schema cannot say, without a network: a host that is no host, a certificate that is no PEM.
    ///
    /// # Errors
    /// A [`Failure::connection`] that names the setting.
    fn check(&self) -> Result<(), Failure>;

    /// The strings that must not appear in logs and error texts.
    fn secrets(&self) -> Vec<String>;
}

/// What an action or a connection test works with. Cloning is cheap.
#[derive(Debug)]
pub struct Context<C> {
    /// The connection's settings.
    pub connection: Arc<C>,
}

impl<C> Clone for Context<C> {
    fn clone(&self) -> Self {
        Self { connection: Arc::clone(&self.connection) }
    }
}

/// How far a connection test may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Probe {
    /// It leaves everything on the other side as it is.
    #[default]
    Read,
    /// It writes something there as well, and removes it again.
    Write,
}

/// What a trigger works with. Cloning is cheap.
#[derive(Debug)]
pub struct TriggerContext<C> {
    /// The connection's settings.
    pub connection: Arc<C>,
    /// The trigger's state and its outbox.
    pub store: Store,
    /// Tells when to end: a trigger returns soon after.
    pub stop: Stop,
    /// Takes what the trigger tells of its looks.
    pub progress: Progress,
}

impl<C> Clone for TriggerContext<C> {
    fn clone(&self) -> Self {
        Self {
            connection: Arc::clone(&self.connection),
            store: self.store.clone(),
            stop: self.stop.clone(),
            progress: self.progress.clone(),
        }
    }
}

/// What a step gives, ready to be written as JSON.
pub(crate) type Output = Box<dyn erased_serde::Serialize + Send>;

/// A step that was prepared and has not begun.
pub(crate) type Running<T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>>;

/// A plugin's handlers.
pub(crate) trait Handlers: Send + Sync {
    /// Reads the connection's settings.
    fn connect(self: Arc<Self>, settings: Map<String, Value>) -> Result<Box<dyn Connected>, Failure>;

    /// What the steps are called that have a handler.
    fn names(&self) -> Names<'_>;
}

/// A plugin's handlers with the settings of one connection.
pub(crate) trait Connected: Send + Sync {
    fn secrets(&self) -> Vec<String>;
    fn check(&self) -> Result<(), Failure>;

    /// The connection test; `None` when the plugin has none.
    fn test(&self, probe: Probe) -> Option<Running<Output>>;

    /// An action with its input, not begun.
    fn action(&self, name: &str, input: Fields) -> Result<Running<Output>, Failure>;

    /// Reads a trigger's input. What it gives wants the rest of the trigger's context, and begins then.
    fn trigger(&self, name: &str, input: Fields) -> Result<TriggerStart, Failure>;
}

/// Begins a trigger whose input was read.
pub(crate) type TriggerStart = Box<dyn FnOnce(Store, Stop, Progress) -> Running<()> + Send>;

/// The names of the steps that have a handler.
pub(crate) struct Names<'h> {
    pub(crate) actions: Vec<&'h str>,
    pub(crate) triggers: Vec<&'h str>,
}

/// Whether types are tried on values. Debug builds alone try them: in the program they would take 100 KB.
pub(crate) const TRIES_TYPES: bool = cfg!(debug_assertions);

/// The types behind the names of the steps, as functions that try them on a value.
#[derive(Default)]
pub(crate) struct Types {
    pub(crate) actions: BTreeMap<String, StepTypes>,
    pub(crate) triggers: BTreeMap<String, StepTypes>,
}

/// What a step takes and gives.
pub(crate) struct StepTypes {
    pub(crate) input: Read,
    pub(crate) output: Read,
    pub(crate) rewrite: Rewrite,
}

impl StepTypes {
    pub(crate) fn of<I: DeserializeOwned, O: Serialize + DeserializeOwned>() -> Self {
        Self { input: read::<I>, output: read::<O>, rewrite: rewrite::<O> }
    }
}

/// Reads fields as a type and names those that the type ignores, or says what it cannot read.
pub(crate) type Read = fn(Map<String, Value>) -> Result<Vec<String>, String>;

/// Reads fields as a type and writes them again.
pub(crate) type Rewrite = fn(Map<String, Value>) -> Result<Value, String>;

/// The typed handlers of a plugin whose connection is `C`.
pub(crate) struct Table<C> {
    pub(crate) test: Option<Box<dyn Test<C>>>,
    pub(crate) actions: BTreeMap<String, Box<dyn Action<C>>>,
    pub(crate) triggers: BTreeMap<String, Box<dyn Trigger<C>>>,
}

impl<C> Default for Table<C> {
    fn default() -> Self {
        Self { test: None, actions: BTreeMap::new(), triggers: BTreeMap::new() }
    }
}

impl<C: Connection> Handlers for Table<C> {
    fn connect(self: Arc<Self>, settings: Map<String, Value>) -> Result<Box<dyn Connected>, Failure> {
        let connection = read_fields::<C>(settings.into())
            .map_err(|unreadable| Failure::invalid_connection(&unreadable))?;
        Ok(Box::new(Bound { table: self, connection: Arc::new(connection) }))
    }

    fn names(&self) -> Names<'_> {
        Names {
            actions: self.actions.keys().map(String::as_str).collect(),
            triggers: self.triggers.keys().map(String::as_str).collect(),
        }
    }
}

struct Bound<C> {
    table: Arc<Table<C>>,
    connection: Arc<C>,
}

impl<C: Connection> Bound<C> {
    fn context(&self) -> Context<C> {
        Context { connection: Arc::clone(&self.connection) }
    }
}

impl<C: Connection> Connected for Bound<C> {
    fn secrets(&self) -> Vec<String> {
        self.connection.secrets()
    }

    fn check(&self) -> Result<(), Failure> {
        self.connection.check()
    }

    fn test(&self, probe: Probe) -> Option<Running<Output>> {
        self.table.test.as_ref().map(|test| test.start(self.context(), probe))
    }

    fn action(&self, name: &str, input: Fields) -> Result<Running<Output>, Failure> {
        match self.table.actions.get(name) {
            Some(action) => action.start(self.context(), input),
            None => Err(Failure::unknown_step(format!("Unknown action \"{name}\""))),
        }
    }

    fn trigger(&self, name: &str, input: Fields) -> Result<TriggerStart, Failure> {
        match self.table.triggers.get(name) {
            Some(trigger) => trigger.start(Arc::clone(&self.connection), input),
            None => Err(Failure::unknown_step(format!("Unknown trigger \"{name}\""))),
        }
    }
}

pub(crate) trait Test<C>: Send + Sync {
    fn start(&self, context: Context<C>, probe: Probe) -> Running<Output>;
}

impl<C, F, Fut, O> Test<C> for Typed<F, (), O>
where
    F: Fn(Context<C>, Probe) -> Fut + Send + Sync,
    Fut: Future<Output = Result<O, Failure>> + Send + 'static,
    O: Serialize + Send + 'static,
{
    fn start(&self, context: Context<C>, probe: Probe) -> Running<Output> {
        caught(erased((self.run)(context, probe)))
    }
}

pub(crate) trait Action<C>: Send + Sync {
    fn start(&self, context: Context<C>, input: Fields) -> Result<Running<Output>, Failure>;
}

impl<C, F, Fut, I, O> Action<C> for Typed<F, I, O>
where
    F: Fn(Context<C>, I) -> Fut + Send + Sync,
    Fut: Future<Output = Result<O, Failure>> + Send + 'static,
    I: DeserializeOwned,
    O: Serialize + DeserializeOwned + Send + 'static,
{
    fn start(&self, context: Context<C>, input: Fields) -> Result<Running<Output>, Failure> {
        let input = read_input(input)?;
        Ok(caught(erased((self.run)(context, input))))
    }
}

pub(crate) trait Trigger<C>: Send + Sync {
    fn start(&self, connection: Arc<C>, input: Fields) -> Result<TriggerStart, Failure>;
}

impl<C, F, Fut, I, O> Trigger<C> for Typed<F, I, O>
where
    C: Send + Sync + 'static,
    F: Fn(TriggerContext<C>, I) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + DeserializeOwned,
{
    fn start(&self, connection: Arc<C>, input: Fields) -> Result<TriggerStart, Failure> {
        let input: I = read_input(input)?;
        let run = self.run.clone();
        Ok(Box::new(move |store, stop, progress| {
            let future =
                async move { run(TriggerContext { connection, store, stop, progress }, input).await };
            caught(Box::pin(future))
        }))
    }
}

/// A handler's function with the types it takes and gives.
pub(crate) struct Typed<F, I, O> {
    run: F,
    types: PhantomData<fn(I) -> O>,
}

impl<F, I, O> Typed<F, I, O> {
    pub(crate) fn new(run: F) -> Self {
        Self { run, types: PhantomData }
    }
}

fn erased<O>(run: impl Future<Output = Result<O, Failure>> + Send + 'static) -> Running<Output>
where
    O: Serialize + Send + 'static,
{
    Box::pin(async move {
        let output = run.await?;
        Ok(Box::new(output) as Output)
    })
}

/// A panic in a handler is that step's failure and nobody else's.
pub(crate) fn caught<T: 'static>(mut run: Running<T>) -> Running<T> {
    Box::pin(std::future::poll_fn(move |context| {
        // After a panic the future is never polled again, so nobody sees what it left half done.
        catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            std::task::Poll::Ready(Err(Failure::internal(
                "The plugin failed unexpectedly.",
                "This is a fault of the plugin. Report it with the log of this step.",
            )
            .with_data(text)))
        })
    }))
}

fn read_input<I: DeserializeOwned>(input: Fields) -> Result<I, Failure> {
    read_fields(input).map_err(|unreadable| Failure::invalid_input(&unreadable))
}

fn read_fields<T: DeserializeOwned>(fields: Fields) -> Result<T, String> {
    T::deserialize(fields.into_deserializer()).map_err(|error| error.to_string())
}

/// Like [`read_fields`], for the names of the fields that the type ignores.
pub(crate) fn read<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<Vec<String>, String> {
    let mut ignored = Vec::new();
    let fields = Fields::from(fields).into_deserializer();
    serde_ignored::deserialize::<_, _, T>(fields, |path| ignored.push(path.to_string()))
        .map_err(|error| error.to_string())?;
    Ok(ignored)
}

fn rewrite<T: Serialize + DeserializeOwned>(fields: Map<String, Value>) -> Result<Value, String> {
    serde_json::to_value(read_fields::<T>(fields.into())?).map_err(|error| error.to_string())
}
