//! A plugin: its specification and the functions that do what it promises.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cross_check::{self, CrossCheckError};
use crate::failure::Failure;
use crate::handler::{
    Connection, Context, Handlers, Probe, StepTypes, TRIES_TYPES, Table, TriggerContext, Typed, Types, read,
};
use crate::metric::Metric;
use crate::spec::Spec;

/// A specification together with a handler for each of its steps. Cloning is cheap.
#[derive(Clone)]
pub struct Plugin {
    spec: Arc<Spec>,
    handlers: Arc<dyn Handlers>,
    measure: Measure,
    cleaned_up: CleanedUp,
}

/// Gives what a plugin counts.
type Measure = Arc<dyn Fn() -> Vec<Metric> + Send + Sync>;

/// Waits until nothing is being cleaned up.
type CleanedUp = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

impl Plugin {
    /// Begins a plugin with its specification.
    pub fn builder<C: Connection>(spec: Spec) -> PluginBuilder<C> {
        PluginBuilder {
            spec,
            table: Table::default(),
            types: Types::default(),
            measure: Arc::new(Vec::new),
            cleaned_up: Arc::new(|| Box::pin(std::future::ready(()))),
        }
    }

    /// What the plugin promises.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// What the plugin has counted so far, in the order in which it tells.
    pub fn metrics(&self) -> Vec<Metric> {
        (self.measure)()
    }

    /// Waits until nothing is being cleaned up any more behind steps that were dropped.
    pub(crate) async fn cleaned_up(&self) {
        (self.cleaned_up)().await;
    }

    pub(crate) fn handlers(&self) -> Arc<dyn Handlers> {
        Arc::clone(&self.handlers)
    }
}

/// Takes a plugin's handlers. `C` is the type of its connection's settings.
pub struct PluginBuilder<C> {
    spec: Spec,
    table: Table<C>,
    /// Empty where types are not tried.
    types: Types,
    measure: Measure,
    cleaned_up: CleanedUp,
}

impl<C: Connection> PluginBuilder<C> {
    /// Sets the function that tests a connection, as far as the [`Probe`] goes. What it finds is the output of the platform's connection test.
    #[must_use]
    pub fn connection_test<F, Fut, O>(mut self, test: F) -> Self
    where
        F: Fn(Context<C>, Probe) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Failure>> + Send + 'static,
        O: Serialize + Send + 'static,
    {
        self.table.test = Some(Box::new(Typed::<F, (), O>::new(test)));
        self
    }

    /// Adds the function that runs an action.
    #[must_use]
    pub fn action<F, Fut, I, O>(mut self, name: &str, run: F) -> Self
    where
        F: Fn(Context<C>, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Failure>> + Send + 'static,
        I: DeserializeOwned + 'static,
        O: Serialize + DeserializeOwned + Send + 'static,
    {
        if TRIES_TYPES {
            self.types.actions.insert(name.to_owned(), StepTypes::of::<I, O>());
        }
        self.table.actions.insert(name.to_owned(), Box::new(Typed::<F, I, O>::new(run)));
        self
    }

    /// Adds the function that runs a trigger until its context's `stop`. `O` is the type of its events' outputs,
    /// which nothing else tells: `.trigger::<Output, _, _, _>("monitor", run)`.
    #[must_use]
    pub fn trigger<O, F, Fut, I>(mut self, name: &str, run: F) -> Self
    where
        F: Fn(TriggerContext<C>, I) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
        I: DeserializeOwned + Send + 'static,
        O: Serialize + DeserializeOwned + 'static,
    {
        if TRIES_TYPES {
            self.types.triggers.insert(name.to_owned(), StepTypes::of::<I, O>());
        }
        self.table.triggers.insert(name.to_owned(), Box::new(Typed::<F, I, O>::new(run)));
        self
    }

    /// Sets the function that tells what the plugin counts. It is called whenever somebody asks, and must not wait.
    #[must_use]
    pub fn metrics(mut self, measure: impl Fn() -> Vec<Metric> + Send + Sync + 'static) -> Self {
        self.measure = Arc::new(measure);
        self
    }

    /// Sets the function that waits until nothing is being cleaned up any more behind steps that were dropped. A process
    /// that ends waits for it a moment.
    #[must_use]
    pub fn cleaned_up<F, Fut>(mut self, wait: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.cleaned_up = Arc::new(move || Box::pin(wait()));
        self
    }

    /// The plugin, once specification, handlers and types agree.
    ///
    /// # Errors
    /// They do not: a step without a handler, a handler without a step; and, where debug assertions are on, a property
    /// that no type reads, an example that its type refuses, an output that breaks its schema.
    pub fn build(self) -> Result<Plugin, CrossCheckError> {
        let handlers: Arc<dyn Handlers> = Arc::new(self.table);
        cross_check::check_names(&self.spec, &handlers.names())?;
        if TRIES_TYPES {
            cross_check::check_types(&self.spec, read::<C>, &self.types)?;
        }
        Ok(Plugin { spec: Arc::new(self.spec), handlers, measure: self.measure, cleaned_up: self.cleaned_up })
    }
}
