//! Proof that specification, handlers and types agree, before a step runs.
//!
//! The types are tried on values made from the specification's own examples, so that a property that was added to one
//! side and forgotten on the other is found when the plugin is built, and not by a workflow.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::handler::{Names, Read, Rewrite, StepTypes, Types};
use crate::spec::sample::required;
use crate::spec::{Properties, Spec, SpecError, StepSpec};
use crate::validate;

/// How a plugin's parts disagree.
#[derive(Debug, thiserror::Error)]
pub enum CrossCheckError {
    /// The specification itself cannot be used.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The specification has a step that nothing runs.
    #[error("{step} has no handler")]
    NoHandler {
        /// The step: its kind and name.
        step: String,
    },
    /// A handler runs a step that the specification does not have.
    #[error("{step} has a handler and is not in the specification")]
    NotInSpec {
        /// The step: its kind and name.
        step: String,
    },
    /// A type does not fit the specification's properties.
    #[error("{place}: {disagreement}")]
    Type {
        /// What the properties belong to.
        place: String,
        /// What does not fit, with the property's name.
        disagreement: String,
    },
}

/// Each step has a handler, and each handler a step.
pub(crate) fn check_names(spec: &Spec, names: &Names<'_>) -> Result<(), CrossCheckError> {
    for (kind, steps, names) in
        [("action", &spec.actions, &names.actions), ("trigger", &spec.triggers, &names.triggers)]
    {
        if let Some(name) = names.iter().find(|name| !steps.contains_key(**name)) {
            return Err(CrossCheckError::NotInSpec { step: format!("{kind} {name}") });
        }
        if let Some(name) = steps.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(CrossCheckError::NoHandler { step: format!("{kind} {name}") });
        }
    }
    Ok(())
}

/// Tries each type on the specification's own examples, so that a step takes and gives what the specification promises.
/// What a test has seen to fit will fit at every start.
pub(crate) fn check_types(spec: &Spec, connection: Read, types: &Types) -> Result<(), CrossCheckError> {
    check_steps(spec, "action", &spec.actions, &types.actions)?;
    check_steps(spec, "trigger", &spec.triggers, &types.triggers)?;
    Place { spec, name: "connection".to_owned(), properties: &spec.connection }.reads(connection)
}

fn check_steps(
    spec: &Spec,
    kind: &str,
    steps: &BTreeMap<String, StepSpec>,
    types: &BTreeMap<String, StepTypes>,
) -> Result<(), CrossCheckError> {
    for (name, step) in steps {
        if let Some(types) = types.get(name) {
            check_step(spec, &format!("{kind} {name}"), step, types)?;
        }
    }
    Ok(())
}

fn check_step(
    spec: &Spec,
    step: &str,
    properties: &StepSpec,
    types: &StepTypes,
) -> Result<(), CrossCheckError> {
    Place { spec, name: format!("input of {step}"), properties: &properties.input }.reads(types.input)?;
    let output = Place { spec, name: format!("output of {step}"), properties: &properties.output };
    output.reads(types.output)?;
    output.writes(types.rewrite)
}

/// A group of properties and the words for it.
struct Place<'s> {
    spec: &'s Spec,
    name: String,
    properties: &'s Properties,
}

impl Place<'_> {
    /// The type reads every property and every enumerated value, and does without the optional ones.
    fn reads(&self, read: Read) -> Result<(), CrossCheckError> {
        let all = self.spec.examples(self.properties);
        let read_all = |values: Map<String, Value>| {
            read(values).map_err(|error| self.error(format!("the type refuses an example: {error}")))
        };
        if let Some(ignored) = read_all(all.clone())?.first() {
            return Err(self.error(format!("the type does not read '{ignored}'")));
        }
        for (name, property) in self.properties {
            for choice in property.choices.iter().flatten() {
                let mut values = all.clone();
                values.insert(name.clone(), choice.clone());
                read_all(values)?;
            }
        }
        read(required(self.properties, &all))
            .map_err(|error| self.error(format!("the type wants an optional property: {error}")))?;
        Ok(())
    }

    /// The type writes what it read, nothing that the specification does not name, and no optional null.
    fn writes(&self, rewrite: Rewrite) -> Result<(), CrossCheckError> {
        let all = self.spec.examples(self.properties);
        for values in [all.clone(), required(self.properties, &all)] {
            let written = rewrite(values).map_err(|error| self.error(error))?;
            if let Some(violation) = validate::violations(self.spec, self.properties, &written).first() {
                return Err(self.error(format!("what the type writes breaks the schema: {violation}")));
            }
            let unnamed =
                |written: &Map<String, Value>| written.keys().find(|name| !all.contains_key(*name)).cloned();
            if let Some(name) = written.as_object().and_then(unnamed) {
                return Err(
                    self.error(format!("the type writes '{name}', which is not in the specification"))
                );
            }
        }
        let written = rewrite(all.clone()).map_err(|error| self.error(error))?;
        match all.keys().find(|name| written.get(*name).is_none()) {
            Some(name) => Err(self.error(format!("the type does not write '{name}'"))),
            None => Ok(()),
        }
    }

    fn error(&self, disagreement: String) -> CrossCheckError {
        CrossCheckError::Type { place: self.name.clone(), disagreement }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::{Connection, Context, Failure, Plugin, Spec};

    #[derive(Deserialize)]
    struct Settings {
        #[expect(dead_code, reason = "read by the cross-check alone")]
        host: String,
    }

    impl Connection for Settings {
        fn check(&self) -> Result<(), Failure> {
            Ok(())
        }

        fn secrets(&self) -> Vec<String> {
            Vec::new()
        }
    }

    #[derive(Deserialize)]
    struct Input {
        #[expect(dead_code, reason = "read by the cross-check alone")]
        side: Side,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Side {
        Left,
        Right,
    }

    #[derive(Serialize, Deserialize)]
    struct Output {
        count: u8,
    }

    async fn turn(_: Context<Settings>, _: Input) -> Result<Output, Failure> {
        Ok(Output { count: 1 })
    }

    const SPEC: &str = "
name: n
title: t
description: d
version: 1.0.0
vendor: v
connection:
  host: {type: string, required: true, example: server}
actions:
  turn:
    input:
      side: {type: string, required: true, enum: [left, right], example: left}
    output:
      count: {type: integer, required: true, example: 1}
";

    #[test]
    fn every_disagreement_names_the_step_and_the_property() {
        let rows = [
            ("  turn:", "  tarn:", "action turn has a handler and is not in the specification"),
            ("  turn:", "  stay: {title: Stay}\n  turn:", "action stay has no handler"),
            ("vendor: v", "", "plugin.spec.yaml: missing field `vendor` at line 2 column 1"),
            ("  host:", "  port: {type: integer}\n  host:", "connection: the type does not read 'port'"),
            (
                "host: {type: string, required: true",
                "host: {type: string, required: false",
                "connection: the type wants an optional property: missing field `host`",
            ),
            (
                "example: server",
                "example: 5",
                "connection: the type refuses an example: 'host': invalid type: integer `5`, expected a string",
            ),
            (
                "      side:",
                "      way: {type: string}\n      side:",
                "input of action turn: the type does not read 'way'",
            ),
            (
                "[left, right]",
                "[left, right, middle]",
                "input of action turn: the type refuses an example: 'side': unknown variant `middle`, expected `left` \
                 or `right`",
            ),
            (
                "      count:",
                "      more: {type: integer}\n      count:",
                "output of action turn: the type does not read 'more'",
            ),
            (
                "count: {type: integer",
                "number: {type: integer",
                "output of action turn: the type refuses an example: missing field `count`",
            ),
            (
                "count: {type: integer",
                "count: {type: boolean",
                "output of action turn: what the type writes breaks the schema: 'count' is not of type 'boolean' but an \
                 integer",
            ),
        ];
        let build = |spec: &str| Plugin::builder(Spec::parse(spec)?).action("turn", turn).build();
        assert!(build(SPEC).is_ok());
        for (old, new, expected) in rows {
            assert!(SPEC.contains(old), "{old}");
            assert_eq!(
                build(&SPEC.replace(old, new)).err().map(|error| error.to_string()).as_deref(),
                Some(expected)
            );
        }
    }

    #[test]
    fn what_an_output_writes_is_what_the_specification_says() {
        #[derive(Serialize, Deserialize)]
        struct Null {
            count: u8,
            note: Option<String>,
        }
        #[derive(Serialize, Deserialize)]
        struct Silent {
            count: u8,
            #[serde(skip_serializing)]
            #[expect(dead_code, reason = "the cross-check reads it and misses it")]
            note: Option<String>,
        }
        #[derive(Serialize, Deserialize)]
        struct Talkative {
            count: u8,
            #[serde(skip_serializing_if = "Option::is_none")]
            note: Option<String>,
            #[serde(skip_deserializing)]
            unnamed: u8,
        }
        let place = "output of action turn: ";
        assert_eq!(
            disagreement::<Null>(),
            format!("{place}what the type writes breaks the schema: 'note' is not of type 'string' but null")
        );
        assert_eq!(disagreement::<Silent>(), format!("{place}the type does not write 'note'"));
        assert_eq!(
            disagreement::<Talkative>(),
            format!("{place}the type writes 'unnamed', which is not in the specification")
        );
    }

    fn disagreement<O: Serialize + serde::de::DeserializeOwned + Send + 'static>() -> String {
        let spec = SPEC.replace("      count:", "      note: {type: string, example: n}\n      count:");
        let never = |_: Context<Settings>, _: Input| std::future::ready(Err::<O, _>(Failure::message("")));
        let spec = Spec::parse(&spec).unwrap();
        Plugin::builder(spec).action("turn", never).build().err().map(|error| error.to_string()).unwrap()
    }

    #[test]
    fn a_specification_without_handlers_is_refused() {
        let error = Plugin::builder::<Settings>(Spec::parse(SPEC).unwrap())
            .build()
            .err()
            .map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("action turn has no handler"));
    }
}
