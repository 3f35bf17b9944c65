//! InsightConnect plugins in Rust: the platform's messages, schemas, logs, trigger state and delivery.
//!
//! A plugin is a specification and a plain async function for each of its steps. The runtime checks messages against
//! the specification, reads them into the functions' types, and turns what comes back into events.
//!
//! ```
//! use plugin_runtime::{Connection, Context, CrossCheckError, Failure, Plugin, Spec};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! struct Settings {
//!     host: String,
//! }
//!
//! impl Connection for Settings {
//!     fn check(&self) -> Result<(), Failure> {
//!         Ok(())
//!     }
//!
//!     fn secrets(&self) -> Vec<String> {
//!         Vec::new()
//!     }
//! }
//!
//! #[derive(Deserialize)]
//! struct Input {
//!     name: String,
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct Output {
//!     greeting: String,
//! }
//!
//! async fn greet(context: Context<Settings>, input: Input) -> Result<Output, Failure> {
//!     Ok(Output { greeting: format!("{} greets {}", context.connection.host, input.name) })
//! }
//!
//! let spec = "
//! name: greeter
//! title: Greeter
//! description: Greets
//! version: 1.0.0
//! vendor: community
//! connection:
//!   host: {type: string, required: true, example: server}
//! actions:
//!   greet:
//!     title: Greet
//!     description: Greet somebody
//!     input:
//!       name: {type: string, required: true, example: World}
//!     output:
//!       greeting: {type: string, required: true, example: Hello}
//! ";
//! let plugin = Plugin::builder(Spec::parse(spec)?).action("greet", greet).build()?;
//! assert!(plugin.spec().sample("greet").is_some());
//! # Ok::<(), CrossCheckError>(())
//! ```
//!
//! The way of a message: [`transport`] reads it, [`message`] parses it, [`step`] or [`trigger`] runs what it asks
//! for, and the [`Event`] that comes of it is written as one line.

mod content;
mod cross_check;
mod dispatcher;
mod draft;
mod event;
mod failure;
mod fields;
mod handler;
mod json;
mod mask;
mod metric;
mod plugin;
mod room;
mod signal;
mod stop;
mod streamed;
mod validate;

pub mod cli;
pub mod log;
pub mod message;
pub mod spec;
pub mod step;
pub mod store;
pub mod transport;
pub mod trigger;

#[cfg(test)]
mod collector;
#[cfg(test)]
mod fixture;

pub use content::{Content, ContentReader, ContentWriter, Digest};
pub use cross_check::CrossCheckError;
pub use event::Event;
pub use failure::{Failure, FailureKind};
pub use handler::{Connection, Context, Probe, TriggerContext};
pub use mask::Masker;
pub use message::{MessageFault, StartMessage};
pub use metric::{Metric, MetricKind};
pub use plugin::{Plugin, PluginBuilder};
pub use room::is_full;
pub use spec::Spec;
pub use step::Mode;
pub use stop::{Stop, StopSource};
pub use store::{CommitError, Store};
pub use trigger::Progress;
