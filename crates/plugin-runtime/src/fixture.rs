//! A small plugin for this crate's own tests: an action that answers in every way an action can, and a trigger.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Connection, Content, Context, Failure, Plugin, PluginBuilder, Probe, Spec, TriggerContext};

pub(crate) const SPEC: &str = include_str!("fixture.spec.yaml");

/// The secret that must not appear anywhere but in outputs.
pub(crate) const CANARY: &str = "canary-7#";

#[derive(Debug, Deserialize)]
pub(crate) struct Settings {
    host: String,
    credentials: Option<Credentials>,
    #[serde(default)]
    secure: bool,
    mode: Option<LoudOrPlain>,
}

#[derive(Debug, Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LoudOrPlain {
    Plain,
    Loud,
}

impl Connection for Settings {
    fn check(&self) -> Result<(), Failure> {
        match self.host.as_str() {
            "bad host" => Err(Failure::connection("'host' has a blank in it", "Remove the blank.")),
            _ => Ok(()),
        }
    }

    fn secrets(&self) -> Vec<String> {
        self.credentials.iter().map(|credentials| credentials.password.clone()).collect()
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct EchoInput {
    text: String,
    times: Option<u32>,
    content: Option<Content>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EchoOutput {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
}

/// What `text` asks for: a failure, a panic, or itself.
pub(crate) async fn echo(context: Context<Settings>, input: EchoInput) -> Result<EchoOutput, Failure> {
    let Settings { credentials, secure, mode, .. } = &*context.connection;
    if let Some(Credentials { username, password }) = credentials {
        tracing::info!(secure, ?mode, "login as {username} with {password}");
    }
    for time in 0..input.times.unwrap_or(1) {
        tracing::info!("{} {time}", input.text);
        tokio::task::yield_now().await;
    }
    match input.text.as_str() {
        "fail" => Err(Failure::service(format!("{CANARY} was refused"), "Try again.").with_data(CANARY)),
        "panic" => panic!("with {CANARY}"),
        _ => Ok(EchoOutput { text: input.text, content: input.content }),
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct TickInput {
    times: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TickOutput {
    event_id: String,
    number: u32,
}

/// Commits as many events as asked for, counting on from its state, and then waits for the stop. 13 is its end. The host
/// may ask for a look that fails, a panic, or an end by itself.
pub(crate) async fn tick(context: TriggerContext<Settings>, input: TickInput) -> Result<(), Failure> {
    match context.connection.host.as_str() {
        "down" => {
            let failure = Failure::service(format!("{CANARY} was refused"), "Start the server.");
            context.progress.failed(&failure);
        }
        "panic" => panic!("with {CANARY}"),
        "done" => return Ok(()),
        _ => {}
    }
    let mut number = context.store.load::<u32>().await?.unwrap_or_default();
    for _ in 0..input.times {
        number += 1;
        if number == 13 {
            return Err(Failure::service("13 brings bad luck", "Avoid it."));
        }
        let event = TickOutput { event_id: format!("tick-{number}"), number };
        context.store.commit(&number, vec![event]).await?;
        context.progress.polled();
    }
    context.stop.wait().await;
    Ok(())
}

#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    probe: String,
    reached: String,
}

pub(crate) async fn test(context: Context<Settings>, probe: Probe) -> Result<Findings, Failure> {
    tokio::time::sleep(Duration::ZERO).await;
    match context.connection.host.as_str() {
        "down" => Err(Failure::service("Nobody answers at down.", "Start the server.").with_data("refused")),
        host => Ok(Findings { probe: format!("{probe:?}"), reached: host.to_owned() }),
    }
}

pub(crate) fn builder() -> PluginBuilder<Settings> {
    Plugin::builder(Spec::parse(SPEC).unwrap())
        .connection_test(test)
        .action("echo", echo)
        .trigger::<TickOutput, _, _, _>("tick", tick)
}

pub(crate) fn plugin() -> Plugin {
    builder().build().unwrap()
}

/// The names of all files in a folder, sorted; none where there is no folder.
pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
