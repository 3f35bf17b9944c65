//! The plugin's specification: what `plugin.spec.yaml` says about its connection, its steps and their properties.
//!
//! The specification is the contract with the platform. Everything the runtime checks, prints or generates comes
//! from here, so that there is one place where a property is described.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

mod properties;
mod property_type;
pub(crate) mod sample;
mod schema;

pub use properties::Properties;
pub use property_type::PropertyType;
pub(crate) use property_type::secrets_of;

/// A plugin specification, layout v2. Keys that the runtime has no use for are tolerated.
#[derive(Debug, Clone, Deserialize)]
pub struct Spec {
    /// The plugin's identifier, such as `ftp`.
    pub name: String,
    /// The plugin's name for people.
    pub title: String,
    /// What the plugin does.
    pub description: String,
    /// The plugin's version, such as `3.0.0`.
    pub version: String,
    /// Who makes the plugin.
    pub vendor: String,
    /// Custom types: their names and properties.
    #[serde(default)]
    pub types: BTreeMap<String, Properties>,
    /// The connection's settings.
    #[serde(default)]
    pub connection: Properties,
    /// The actions by name.
    #[serde(default)]
    pub actions: BTreeMap<String, StepSpec>,
    /// The triggers by name.
    #[serde(default)]
    pub triggers: BTreeMap<String, StepSpec>,
    /// All of it as the text of JSON.
    #[serde(skip)]
    json: Cow<'static, str>,
    /// What the text stands for, once somebody wants that.
    #[serde(skip)]
    document: OnceLock<Value>,
}

/// One action or trigger.
#[derive(Debug, Clone, Deserialize)]
pub struct StepSpec {
    /// The step's name for people.
    #[serde(default)]
    pub title: String,
    /// What the step does.
    #[serde(default)]
    pub description: String,
    /// What the step takes.
    #[serde(default)]
    pub input: Properties,
    /// What the step gives.
    #[serde(default)]
    pub output: Properties,
}

/// One property of a connection, an input, an output or a custom type.
#[derive(Debug, Clone, Deserialize)]
pub struct Property {
    /// The property's name for people.
    pub title: Option<String>,
    /// What the property means.
    pub description: Option<String>,
    /// What values it takes.
    #[serde(rename = "type")]
    pub kind: PropertyType,
    /// Whether a message must give it.
    #[serde(default)]
    pub required: bool,
    /// What the platform's form shows before a person changes it.
    pub default: Option<Value>,
    /// The only values it takes, when there are such.
    #[serde(rename = "enum")]
    pub choices: Option<Vec<Value>>,
    /// Its place in the platform's form.
    pub order: Option<i64>,
    /// A typical value.
    pub example: Option<Value>,
}

impl Spec {
    /// Reads a specification as it is written, in YAML.
    ///
    /// # Errors
    /// The text is not YAML, not in the shape of layout v2, or names a type that it does not define.
    pub fn parse(yaml: &str) -> Result<Self, SpecError> {
        // Not from the value below: only the text tells where in it an error is.
        let spec: Self = serde_norway::from_str(yaml)?;
        let document: Value = serde_norway::from_str(yaml)?;
        Self { json: document.to_string().into(), ..spec }.with_known_types()
    }

    /// Reads a specification that a build script has turned into JSON: with each start of a process, YAML would take
    /// longer than the rest of most steps. The text is kept for [`Self::document`], and is `'static` so that no start
    /// copies it.
    ///
    /// # Errors
    /// As [`Self::parse`], of JSON.
    pub fn from_json(json: &'static str) -> Result<Self, SpecError> {
        Self { json: json.into(), ..serde_json::from_str(json)? }.with_known_types()
    }

    fn with_known_types(self) -> Result<Self, SpecError> {
        for (place, properties) in self.places() {
            for (name, property) in properties {
                if let Some(unknown) =
                    property.kind.custom().filter(|custom| !self.types.contains_key(*custom))
                {
                    return Err(SpecError::UnknownType {
                        place,
                        property: name.clone(),
                        unknown: unknown.to_owned(),
                    });
                }
            }
        }
        Ok(self)
    }

    /// All of the specification as it was written, the keys that the runtime has no use for included.
    ///
    /// # Panics
    /// A key that the runtime has no use for holds a number beyond those of [`serde_json`]. No text made from a [`Value`]
    /// has one.
    #[expect(clippy::expect_used, reason = "the text was read before, so that it is JSON")]
    pub fn document(&self) -> &Value {
        self.document.get_or_init(|| serde_json::from_str(&self.json).expect("the specification is JSON"))
    }

    /// The text that `info` prints: who the plugin is and what it can do.
    pub fn info(&self) -> String {
        let mut text = format!(
            "Name:        {}\nVendor:      {}\nVersion:     {}\nDescription: {}\n",
            self.title, self.vendor, self.version, self.description
        );
        for (heading, steps) in [("Triggers", &self.triggers), ("Actions", &self.actions)] {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{heading} ({}):\n", steps.len());
            for (name, step) in steps {
                let _ = writeln!(text, "  {name} - {}", step.description);
            }
        }
        text
    }

    /// Every group of properties with the words that say where it stands.
    fn places(&self) -> Vec<(String, &Properties)> {
        let mut places = vec![("connection".to_owned(), &self.connection)];
        places.extend(self.types.iter().map(|(name, properties)| (format!("type {name}"), properties)));
        for (kind, steps) in [("action", &self.actions), ("trigger", &self.triggers)] {
            for (name, step) in steps {
                places.push((format!("input of {kind} {name}"), &step.input));
                places.push((format!("output of {kind} {name}"), &step.output));
            }
        }
        places
    }
}

/// Why a specification cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// It is not YAML, or not in the shape of layout v2.
    #[error("plugin.spec.yaml: {0}")]
    Shape(#[from] serde_norway::Error),
    /// What was made of it is not JSON, or not in that shape.
    #[error("plugin.spec.yaml as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A property has a type that is neither built in nor defined under `types`.
    #[error(
        "plugin.spec.yaml: {place}: property `{property}` has the type `{unknown}`, which is not under `types`"
    )]
    UnknownType {
        /// Where the property stands.
        place: String,
        /// The property's name.
        property: String,
        /// The type's name.
        unknown: String,
    },
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::fixture::SPEC;

    fn check_error(yaml: &str, expected: &Expect) {
        expected.assert_eq(&Spec::parse(yaml).unwrap_err().to_string());
    }

    #[test]
    fn unknown_keys_are_tolerated_and_steps_are_read() {
        let spec = Spec::parse(SPEC).unwrap();
        assert_eq!(spec.name, "fixture");
        assert_eq!(spec.actions["echo"].input["text"].kind, PropertyType::String);
    }

    #[test]
    fn a_bad_specification_is_explained() {
        check_error(
            "a: [",
            &expect![
                "plugin.spec.yaml: did not find expected node content at line 2 column 1, while parsing a flow node"
            ],
        );
        check_error("name: x", &expect!["plugin.spec.yaml: missing field `title`"]);
        let head = "name: n\ntitle: t\ndescription: d\nversion: 1.0.0\nvendor: v\n";
        check_error(
            &format!("{head}connection:\n  host: {{type: '[]gadget'}}\n"),
            &expect![
                "plugin.spec.yaml: connection: property `host` has the type `gadget`, which is not under `types`"
            ],
        );
        check_error(
            &format!("{head}connection:\n  host: {{title: Host}}\n"),
            &expect!["plugin.spec.yaml: connection.host: missing field `type` at line 7 column 9"],
        );
    }

    #[test]
    fn a_specification_as_json_is_the_same() {
        const JSON: &str = r#"{"name":"n","title":"t","description":"d","version":"1.0.0","vendor":"v","tags":["more"],
            "actions":{"turn":{"input":{"side":{"type":"string","default":"left","order":1}}}}}"#;
        const YAML: &str = "
name: n
title: t
description: d
version: 1.0.0
vendor: v
tags: [more]
actions:
  turn:
    input:
      side: {type: string, default: left, order: 1}
";
        let (yaml, json) = (Spec::parse(YAML).unwrap(), Spec::from_json(JSON).unwrap());
        assert_eq!(json.document(), yaml.document());
        assert_eq!(format!("{:?}", json.actions), format!("{:?}", yaml.actions));
    }

    #[test]
    fn a_bad_specification_as_json_is_explained() {
        for (json, expected) in [
            ("{", "plugin.spec.yaml as JSON: EOF while parsing an object at line 1 column 1"),
            ("{}", "plugin.spec.yaml as JSON: missing field `name` at line 1 column 2"),
            (
                r#"{"name":"n","title":"t","description":"d","version":"1","vendor":"v","connection":{"host":{"type":"gadget"}}}"#,
                "plugin.spec.yaml: connection: property `host` has the type `gadget`, which is not under `types`",
            ),
        ] {
            assert_eq!(Spec::from_json(json).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn info_names_every_step() {
        expect![[r#"
            Name:        Fixture
            Vendor:      community
            Version:     1.2.3
            Description: Steps for tests

            Triggers (1):
              tick - Count

            Actions (1):
              echo - Say it again
        "#]]
        .assert_eq(&Spec::parse(SPEC).unwrap().info());
    }
}
