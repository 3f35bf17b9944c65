//! The FTP plugin for InsightConnect: where its steps and the FTP client meet.
//!
//! Every step is one line in [`plugin`], one module under `actions` or `triggers`, and one stanza in
//! `plugin/plugin.spec.yaml`; [`plugin_runtime`] refuses to start when the three do not fit together.

mod actions;
pub mod cli;
mod connection;
mod connection_test;
mod failure;
mod transfer;
mod triggers;

use plugin_runtime::{CrossCheckError, Plugin};

/// The plugin's specification, as the platform reads it.
const SPEC: &str = include_str!("../../../plugin/plugin.spec.yaml");

/// The plugin: its specification, and the function behind each of its steps.
///
/// # Errors
///
/// The specification, the functions and their types do not fit together.
pub fn plugin() -> Result<Plugin, CrossCheckError> {
    Plugin::builder(SPEC)
        .connection_test(connection_test::run)
        .action("download", actions::download::run)
        .action("upload", actions::upload::run)
        .action("delete", actions::delete::run)
        .trigger::<triggers::monitor::Output, _, _, _>("monitor", triggers::monitor::run)
        .build()
}

#[cfg(test)]
mod tests {
    #[test]
    fn specification_functions_and_types_fit_together() {
        if let Err(error) = super::plugin() {
            panic!("{error}");
        }
    }
}
