//! A trigger ends on SIGTERM. A process of its own, because the signal reaches everything in it.
#![cfg(unix)]

use std::path::PathBuf;
use std::process::Command;

use plugin_runtime::message::StartMessage;
use plugin_runtime::trigger::{self, Destination, Surroundings};
use plugin_runtime::{Connection, Failure, Plugin, TriggerContext};
use serde::{Deserialize, Serialize};

const SPEC: &str = "
name: sleeper
title: Sleeper
description: Waits
version: 1.0.0
vendor: community
triggers:
  wait: {}
";

#[derive(Deserialize)]
struct Nothing {}

impl Connection for Nothing {
    fn check(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

#[derive(Serialize, Deserialize)]
struct Output {}

/// Has the process terminated, and ends when it is told to.
async fn wait(context: TriggerContext<Nothing>, _: Nothing) -> Result<(), Failure> {
    let kill = Command::new("kill").arg("-TERM").arg(std::process::id().to_string()).status();
    assert!(kill.is_ok_and(|status| status.success()), "kill could not be run");
    context.stop.wait().await;
    Ok(())
}

#[tokio::test]
async fn sigterm_ends_a_trigger_without_an_event() {
    let plugin = Plugin::builder(SPEC).trigger::<Output, _, _, _>("wait", wait).build().unwrap();
    let message = br#"{"version":"v1","type":"trigger_start","body":{"trigger":"wait"}}"#;
    let message = StartMessage::parse(message).unwrap();
    let surroundings = Surroundings {
        cache_dir: PathBuf::from("unused"),
        flag_dir: PathBuf::from("unused"),
        events: Destination::Lines(std::sync::Arc::new(|_| Ok(()))),
    };
    let event = trigger::run(&plugin, message, &surroundings).await;
    assert!(event.is_none(), "{}", event.unwrap().failure().unwrap());
}
