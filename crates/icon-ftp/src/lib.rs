//! The FTP plugin for InsightConnect: where its steps and the FTP client meet.
//!
//! Every step is one line in [`plugin`], one module under `actions` or `triggers`, and one stanza in
//! `plugin/plugin.spec.yaml`; [`plugin_runtime`] refuses to start when the three do not fit together.

mod actions;
pub mod cli;
mod connection;
mod connection_test;
mod failure;
mod settings;
mod transfer;
mod triggers;

use plugin_runtime::{CrossCheckError, Plugin};

pub use settings::Settings;

/// The plugin's specification, as the platform reads it.
const SPEC: &str = include_str!("../../../plugin/plugin.spec.yaml");

/// The plugin: its specification, and the function behind each of its steps, which all keep to `settings`.
///
/// # Errors
///
/// The specification, the functions and their types do not fit together.
pub fn plugin(settings: Settings) -> Result<Plugin, CrossCheckError> {
    Plugin::builder(SPEC)
        .connection_test(move |context, probe| connection_test::run(context, probe, settings))
        .action("download", move |context, input| actions::download::run(context, input, settings))
        .action("upload", move |context, input| actions::upload::run(context, input, settings))
        .action("delete", move |context, input| actions::delete::run(context, input, settings))
        .trigger::<triggers::monitor::Output, _, _, _>("monitor", move |context, input| {
            triggers::monitor::run(context, input, settings)
        })
        .build()
}

#[cfg(test)]
mod tests {
    #[test]
    fn specification_functions_and_types_fit_together() {
        if let Err(error) = super::plugin(super::Settings::default()) {
            panic!("{error}");
        }
    }
}
