//! The FTP plugin for InsightConnect: where its steps and the FTP client meet.
//!
//! Every step is one line in [`plugin`], one module under `actions` or `triggers`, and one stanza in
//! `plugin/plugin.spec.yaml`; [`plugin_runtime`] refuses to start when the three do not fit together.

mod access;
mod actions;
pub mod cli;
mod connection;
mod connection_test;
mod failure;
mod metrics;
mod settings;
mod transfer;
mod triggers;

use ftp_client::Pool;
use plugin_runtime::{CrossCheckError, Plugin, Spec};

use access::Access;
use actions::upload::Cleanups;

pub use settings::Settings;

/// The plugin's specification, which `build.rs` has turned into JSON.
const SPEC: &str = include_str!(concat!(env!("OUT_DIR"), "/plugin.spec.json"));

/// The plugin: its specification, and the function behind each of its steps, which all keep to `settings` and have their
/// sessions from `pool`.
///
/// # Errors
///
/// The specification, the functions and their types do not fit together.
pub fn plugin(settings: Settings, pool: Pool) -> Result<Plugin, CrossCheckError> {
    let cleanups = Cleanups::default();
    let access = Access { settings, pool: pool.clone(), cleanups: cleanups.clone() };
    Plugin::builder(Spec::from_json(SPEC)?)
        .connection_test(with(&access, connection_test::run))
        .action("download", with(&access, actions::download::run))
        .action("upload", with(&access, actions::upload::run))
        .action("delete", with(&access, actions::delete::run))
        .trigger::<triggers::monitor::Output, _, _, _>("monitor", with(&access, triggers::monitor::run))
        .metrics(move || metrics::of(&pool))
        .cleaned_up(move || cleanups.clone().all_done())
        .build()
}

/// A step's function, with access to its servers.
fn with<C, I, O, F>(access: &Access, run: F) -> impl Fn(C, I) -> O + Clone + use<C, I, O, F>
where
    F: Fn(C, I, Access) -> O + Clone,
{
    let access = access.clone();
    move |context, input| run(context, input, access.clone())
}

#[cfg(test)]
mod tests {
    use ftp_client::{Pool, PoolLimits};

    #[test]
    fn specification_functions_and_types_fit_together() {
        if let Err(error) = super::plugin(super::Settings::default(), Pool::new(PoolLimits::one_shot())) {
            panic!("{error}");
        }
    }
}
