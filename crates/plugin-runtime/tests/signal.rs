//! A trigger ends on SIGTERM. A process of its own, because the signal reaches everything in it.
#![cfg(unix)]

use std::path::PathBuf;
use std::process::Command;

use plugin_runtime::message::StartMessage;
use plugin_runtime::trigger::{self, Destination, Surroundings};
use plugin_runtime::{Connection, Failure, Plugin, Spec, TriggerContext};
use serde::{Deserialize, Serialize};

const SPEC: &str = "
name: sleeper
title: Sleeper
description: Waits
version: 1.0.0
vendor: community
connection:
  at_start: {type: boolean, required: true, description: When the signal comes, example: true}
triggers:
  wait: {}
";

#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
struct Settings {
    at_start: bool,
}

impl Connection for Settings {
    /// A start comes by here before it opens the trigger's state.
    fn check(&self) -> Result<(), Failure> {
        if self.at_start {
            terminate();
        }
        Ok(())
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

#[derive(Serialize, Deserialize)]
struct Output {}

/// Ends when it is told to.
async fn wait(context: TriggerContext<Settings>, _: Nothing) -> Result<(), Failure> {
    if !context.connection.at_start {
        terminate();
    }
    context.stop.wait().await;
    Ok(())
}

/// Has the process terminated.
fn terminate() {
    let kill = Command::new("kill").arg("-TERM").arg(std::process::id().to_string()).status();
    assert!(kill.is_ok_and(|status| status.success()), "kill could not be run");
}

/// In one test, and the start first: once the process has run a trigger, no signal kills it any more.
#[tokio::test]
async fn sigterm_ends_a_trigger_without_an_event_at_its_start_and_later() {
    let plugin =
        Plugin::builder(Spec::parse(SPEC).unwrap()).trigger::<Output, _, _, _>("wait", wait).build().unwrap();
    let surroundings = Surroundings {
        cache_dir: PathBuf::from("unused"),
        flag_dir: PathBuf::from("unused"),
        events: Destination::Lines(std::sync::Arc::new(|_| Ok(()))),
    };
    for at_start in [true, false] {
        let message = format!(
            r#"{{"version":"v1","type":"trigger_start","body":{{"trigger":"wait","connection":{{"at_start":{at_start}}}}}}}"#
        );
        let message = StartMessage::parse(message.as_bytes()).unwrap();
        let event = trigger::run(&plugin, message, &surroundings).await;
        assert!(event.is_none(), "{}", event.unwrap().failure().unwrap());
    }
}
