//! Runs one step: the same checks in the same order, whatever brought the message here.
//!
//! Everything that needs no network comes first: the step's name, the connection's settings, the input. Bad input
//! never logs in anywhere.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::event::Event;
use crate::failure::Failure;
use crate::handler::{Connected, Output, Probe};
use crate::log::StepLog;
use crate::message::{Input, StartMessage, Step};
use crate::plugin::Plugin;
use crate::spec::{Spec, StepSpec, secrets_of};
use crate::validate;

/// What to do with a start message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Run the step.
    Run,
    /// Test the connection that the step would use. The input is not looked at.
    Test(Probe),
}

impl Mode {
    /// How far a connection test goes that is run like any other step: no further than reading.
    fn probe(self) -> Probe {
        match self {
            Self::Run => Probe::default(),
            Self::Test(probe) => probe,
        }
    }
}

/// Runs an action or a connection test, or tests the connection of any step, and gives the event that answers. A
/// failure, and even a panic, is an event too.
///
/// Running a trigger is not a single step: see [`crate::trigger::run`].
pub async fn execute(plugin: &Plugin, message: StartMessage, mode: Mode) -> Event {
    let log = StepLog::new();
    let event_type = message.event_type();
    let span = log.span(name(&message.step));
    let StartMessage { step, connection, input, meta } = message;
    let outcome = perform(plugin, &step, connection, input, mode, &log).instrument(span).await;
    Event::answer(event_type, meta, outcome, &log)
}

async fn perform(
    plugin: &Plugin,
    step: &Step,
    connection: Value,
    input: Input,
    mode: Mode,
    log: &StepLog,
) -> Result<Output, Failure> {
    let spec = known(plugin.spec(), step)?;
    match (step, spec, mode) {
        (Step::Action { name }, Some(spec), Mode::Run) => {
            let connected = connect(plugin, connection, log)?;
            let run = connected.action(name, validate::input(plugin.spec(), &spec.input, input)?)?;
            connected.check()?;
            announce(plugin, name);
            run.await
        }
        (Step::Trigger { .. }, _, Mode::Run) => {
            Err(Failure::message("A trigger runs until it is stopped; it cannot be run as one step"))
        }
        (_, spec, _) => {
            let connected = connect(plugin, connection, log)?;
            connected.check()?;
            announce(plugin, name(step));
            test(connected.as_ref(), mode.probe(), spec.is_none()).await
        }
    }
}

/// The step's part of the specification; `None` for a connection test, which has none.
///
/// # Errors
/// The plugin has no such step.
pub(crate) fn known<'s>(spec: &'s Spec, step: &Step) -> Result<Option<&'s StepSpec>, Failure> {
    let (kind, name, steps) = match step {
        Step::Action { name } => ("action", name, Some(&spec.actions)),
        Step::Trigger { name, .. } => ("trigger", name, Some(&spec.triggers)),
        Step::Task { name } => ("task", name, None),
        Step::ConnectionTest => return Ok(None),
    };
    steps.and_then(|steps| steps.get(name)).map(Some).ok_or_else(|| {
        let known: Vec<&str> = steps.into_iter().flat_map(BTreeMap::keys).map(String::as_str).collect();
        let assistance = match known.as_slice() {
            [] => format!("This plugin has no {kind}s."),
            known => format!("This plugin has these {kind}s: {}.", known.join(", ")),
        };
        Failure::unknown_step(format!("Unknown {kind} \"{name}\"")).with_assistance(assistance)
    })
}

/// One line that says who runs what, as the platform's own runtime has it.
pub(crate) fn announce(plugin: &Plugin, step: &str) {
    let spec = plugin.spec();
    tracing::info!("{}/{}:{}. Step name: {step}", spec.vendor, spec.title, spec.version);
}

/// Checks and reads the connection's settings; from then on their secrets are masked.
pub(crate) fn connect(
    plugin: &Plugin,
    connection: Value,
    log: &StepLog,
) -> Result<Box<dyn Connected>, Failure> {
    log.hide(secrets_of(&plugin.spec().connection, &connection));
    let settings = validate::connection(plugin.spec(), connection)?;
    let connected = plugin.handlers().connect(settings)?;
    log.hide(connected.secrets());
    Ok(connected)
}

/// Tests the connection. Its findings are the output of a connection test; a step's test has an empty output.
async fn test(connected: &dyn Connected, probe: Probe, with_findings: bool) -> Result<Output, Failure> {
    let findings = match connected.test(probe) {
        Some(test) => test.await?,
        None if with_findings => return Err(Failure::unknown_step("This plugin has no connection test")),
        None => Box::new(json!({})),
    };
    Ok(if with_findings { findings } else { Box::new(json!({})) })
}

fn name(step: &Step) -> &str {
    match step {
        Step::Action { name } | Step::Trigger { name, .. } | Step::Task { name } => name,
        Step::ConnectionTest => "connection_test",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::fixture::{CANARY, plugin};
    use crate::log::testing::{capture, captured};

    async fn answer(message: &Value, mode: Mode) -> String {
        let message = StartMessage::parse(message.to_string().as_bytes()).unwrap();
        let event = execute(&plugin(), message, mode).await;
        let mut line = Vec::new();
        event.write(&mut line).unwrap();
        String::from_utf8(line).unwrap()
    }

    fn start(kind: &str, body: &Value) -> Value {
        let mut message =
            json!({"version": "v1", "type": kind, "body": {"connection": {"host": "h"}, "meta": {}}});
        for (name, value) in body.as_object().unwrap() {
            message["body"][name] = value.clone();
        }
        message
    }

    async fn check(mode: Mode, kind: &str, body: &Value, expected: &Expect) {
        expected.assert_eq(&answer(&start(kind, body), mode).await);
    }

    async fn run(body: &Value, expected: &Expect) {
        check(Mode::Run, "action_start", body, expected).await;
    }

    #[tokio::test]
    async fn a_step_that_succeeds_answers_with_its_output_and_log() {
        let _guard = capture(false);
        run(
            &json!({"action": "echo", "input": {"text": "hi", "content": "aGk=", "zzz": 1}, "meta": {"b": 1, "a": [2]}}),
            &expect![[r#"
                {"body":{"log":"community/Fixture:1.2.3. Step name: echo\nhi 0\n","meta":{"a":[2],"b":1},"output":{"text":"hi","content":"aGk="},"status":"ok"},"type":"action_event","version":"v1"}
            "#]],
        )
        .await;
    }

    #[tokio::test]
    async fn what_needs_no_network_is_checked_before_the_step_begins() {
        let _guard = capture(false);
        run(&json!({"action": "nope", "connection": null}), &expect![[r#"
            {"body":{"error":"Unknown action \"nope\"","exception":{"assistance":"This plugin has these actions: echo.","cause":"Unknown action \"nope\"","data":""},"log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
        "#]]).await;
        run(&json!({"action": "echo", "connection": null}), &expect![[r#"
            {"body":{"error":"The connection is invalid: it is not of type 'object' but null","exception":{"assistance":"Correct the connection's settings and run the step again. Nothing was sent to the server.","cause":"The connection is invalid: it is not of type 'object' but null","data":""},"log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
        "#]]).await;
        run(&json!({"action": "echo", "connection": {}}), &expect![[r#"
            {"body":{"error":"The connection is invalid: 'host' is a required property","exception":{"assistance":"Correct the connection's settings and run the step again. Nothing was sent to the server.","cause":"The connection is invalid: 'host' is a required property","data":""},"log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
        "#]]).await;
        run(&json!({"action": "echo"}), &expect![[r#"
            {"body":{"error":"The input is invalid: 'text' is a required property","exception":{"assistance":"Correct the input and run the step again. Nothing was sent to the server.","cause":"The input is invalid: 'text' is a required property","data":""},"log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
        "#]]).await;
        run(&json!({"action": "echo", "input": {"text": ""}}), &expect![[r#"
            {"body":{"error":"The input is invalid: 'text' is a required property and must not be empty","exception":{"assistance":"Correct the input and run the step again. Nothing was sent to the server.","cause":"The input is invalid: 'text' is a required property and must not be empty","data":""},"log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
        "#]]).await;
        run(&json!({"action": "echo", "input": {"text": "t", "times": -1}}), &expect![[r#"
            {"body":{"error":"The input is invalid: 'times': invalid value: integer `-1`, expected u32","exception":{"assistance":"Correct the input and run the step again. Nothing was sent to the server.","cause":"The input is invalid: 'times': invalid value: integer `-1`, expected u32","data":""},"log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
        "#]]).await;
        run(&json!({"action": "echo", "input": {"text": "t", "content": "YWJj!"}}), &expect![[r#"
            {"body":{"error":"The input is invalid: 'content': not base64: character '!' at offset 4","exception":{"assistance":"Correct the input and run the step again. Nothing was sent to the server.","cause":"The input is invalid: 'content': not base64: character '!' at offset 4","data":""},"log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
        "#]]).await;
        run(
            &json!({"action": "echo", "connection": {"host": "bad host"}, "input": {"text": "t"}}),
            &expect![[r#"
                {"body":{"error":"'host' has a blank in it","exception":{"assistance":"Remove the blank.","cause":"'host' has a blank in it","data":""},"log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
            "#]],
        )
        .await;
        check(Mode::Run, "task_start", &json!({"task": "x"}), &expect![[r#"
            {"body":{"error":"Unknown task \"x\"","exception":{"assistance":"This plugin has no tasks.","cause":"Unknown task \"x\"","data":""},"log":"","meta":{},"status":"error"},"type":"task_event","version":"v1"}
        "#]]).await;
        check(Mode::Run, "trigger_start", &json!({"trigger": "x"}), &expect![[r#"
            {"body":{"error":"Unknown trigger \"x\"","exception":{"assistance":"This plugin has these triggers: tick.","cause":"Unknown trigger \"x\"","data":""},"log":"","meta":{},"status":"error"},"type":"trigger_event","version":"v1"}
        "#]]).await;
        check(Mode::Run, "trigger_start", &json!({"trigger": "tick"}), &expect![[r#"
            {"body":{"error":"A trigger runs until it is stopped; it cannot be run as one step","log":"","meta":{},"status":"error"},"type":"trigger_event","version":"v1"}
        "#]]).await;
        assert!(!captured().contains("Step name"), "{}", captured());
    }

    #[tokio::test]
    async fn empty_content_is_a_file_of_no_bytes() {
        let message =
            start("action_start", &json!({"action": "echo", "input": {"text": "t", "content": ""}}));
        let event: Value = serde_json::from_str(&answer(&message, Mode::Run).await).unwrap();
        assert_eq!(event["body"]["output"], json!({"text": "t", "content": ""}));
    }

    #[tokio::test]
    async fn a_test_looks_at_the_connection_alone() {
        let test = Mode::Test(Probe::Read);
        check(
            test,
            "action_start",
            &json!({"action": "echo", "input": {}}),
            &expect![[r#"
            {"body":{"log":"","meta":{},"output":{},"status":"ok"},"type":"action_event","version":"v1"}
        "#]],
        )
        .await;
        check(
            test,
            "trigger_start",
            &json!({"trigger": "tick"}),
            &expect![[r#"
            {"body":{"log":"","meta":{},"output":{},"status":"ok"},"type":"trigger_event","version":"v1"}
        "#]],
        )
        .await;
        check(test, "action_start", &json!({"action": "nope"}), &expect![[r#"
            {"body":{"error":"Unknown action \"nope\"","exception":{"assistance":"This plugin has these actions: echo.","cause":"Unknown action \"nope\"","data":""},"log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
        "#]]).await;
        check(test, "action_start", &json!({"action": "echo", "connection": {"host": "down"}}), &expect![[r#"
            {"body":{"error":"Nobody answers at down.","exception":{"assistance":"Start the server.","cause":"Nobody answers at down.","data":"refused"},"log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
        "#]])
            .await;
        check(test, "connection_test", &json!({}), &expect![[r#"
            {"body":{"log":"","meta":{},"output":{"probe":"Read","reached":"h"},"status":"ok"},"type":"connection_test","version":"v1"}
        "#]]).await;
        check(Mode::Run, "connection_test", &json!({}), &expect![[r#"
            {"body":{"log":"","meta":{},"output":{"probe":"Read","reached":"h"},"status":"ok"},"type":"connection_test","version":"v1"}
        "#]]).await;
        check(Mode::Test(Probe::Write), "connection_test", &json!({}), &expect![[r#"
            {"body":{"log":"","meta":{},"output":{"probe":"Write","reached":"h"},"status":"ok"},"type":"connection_test","version":"v1"}
        "#]]).await;
        check(test, "connection_test", &json!({"connection": {"host": "down"}}), &expect![[r#"
            {"body":{"error":"Nobody answers at down.","exception":{"assistance":"Start the server.","cause":"Nobody answers at down.","data":"refused"},"log":"","meta":{},"status":"error"},"type":"connection_test","version":"v1"}
        "#]]).await;
    }

    #[tokio::test]
    async fn a_secret_is_masked_everywhere_but_in_the_output() {
        let _guard = capture(true);
        let connection = json!({"host": "h", "credentials": {"username": "u", "password": CANARY}});
        for text in ["fail", "panic"] {
            let input = json!({"text": text});
            let message =
                start("action_start", &json!({"action": "echo", "connection": connection, "input": input}));
            let answer = answer(&message, Mode::Run).await;
            assert!(!answer.contains(CANARY) && answer.contains("********"), "{answer}");
        }
        let input = json!({"text": format!("my {CANARY} text")});
        let message =
            start("action_start", &json!({"action": "echo", "connection": connection, "input": input}));
        let event: Value = serde_json::from_str(&answer(&message, Mode::Run).await).unwrap();
        assert_eq!(event["body"]["output"]["text"], format!("my {CANARY} text"));
        assert!(!event["body"]["log"].to_string().contains(CANARY));
        assert!(
            !captured().contains(CANARY) && captured().contains("login as u with ********"),
            "{}",
            captured()
        );
    }

    #[tokio::test]
    async fn a_panic_is_the_steps_failure() {
        run(&json!({"action": "echo", "input": {"text": "panic"}}), &expect![[r#"
            {"body":{"error":"The plugin failed unexpectedly.","exception":{"assistance":"This is a fault of the plugin. Report it with the log of this step.","cause":"The plugin failed unexpectedly.","data":"with canary-7#"},"log":"","meta":{},"status":"error"},"type":"action_event","version":"v1"}
        "#]]).await;
    }

    #[tokio::test]
    async fn steps_that_run_at_once_have_logs_of_their_own() {
        let _guard = capture(false);
        let message = |text: &str| {
            start("action_start", &json!({"action": "echo", "input": {"text": text, "times": 50}}))
        };
        let (one, two) = (message("one"), message("two"));
        let (one, two) = tokio::join!(answer(&one, Mode::Run), answer(&two, Mode::Run));
        assert!(captured().contains("one 1\n") && captured().contains("two 1\n"));
        let first_two = captured().find("two 0").unwrap();
        assert!(captured()[first_two..].contains("one 49"), "the steps did not run at once");
        assert!(one.contains("one 49\\n") && !one.contains("two"), "{one}");
        assert!(two.contains("two 49\\n") && !two.contains("one"), "{two}");
    }
}
