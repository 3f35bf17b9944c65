//! Values made from the specification: the start message that `sample` prints, those that people
//! may try, and values that check a plugin's types.

use serde_json::{Map, Value, json};

use super::property_type::Credential;
use super::{Properties, Property, PropertyType, Spec, StepSpec};

impl Spec {
    /// A start message for an action or a trigger, to be filled in by a person: defaults where there are any, else
    /// `""`, `0`, `false`. `None` when the plugin has no such step.
    pub fn sample(&self, step: &str) -> Option<Value> {
        let (kind, spec) = match (self.actions.get(step), self.triggers.get(step)) {
            (Some(spec), _) => ("action", spec),
            (None, Some(spec)) => ("trigger", spec),
            (None, None) => return None,
        };
        let mut body = json!({
            kind: step,
            "meta": {},
            "input": self.blanks(&spec.input),
            "connection": self.blanks(&self.connection),
            "log": null,
        });
        if kind == "trigger" {
            body["dispatcher"] = dispatcher();
        }
        Some(json!({"version": "v1", "type": format!("{kind}_start"), "body": body}))
    }

    /// A start message of an action or a trigger with the specification's own examples, to be tried as it is once the
    /// connection leads somewhere.
    pub(crate) fn example(&self, kind: &str, name: &str, step: &StepSpec) -> Value {
        let mut body = json!({
            kind: name,
            "connection": self.example_connection(),
            "input": self.examples(&step.input),
            "meta": {},
        });
        if kind == "trigger" {
            body["dispatcher"] = dispatcher();
            body["meta"] = json!({"triggerId": "example"});
        }
        json!({"version": "v1", "type": format!("{kind}_start"), "body": body})
    }

    /// A message that tests the connection, likewise.
    pub(crate) fn example_connection_test(&self) -> Value {
        let body = json!({"connection": self.example_connection(), "meta": {}});
        json!({"version": "v1", "type": "connection_test", "body": body})
    }

    /// What a connection must have, and who logs in: its other settings depend on the server too much for an example.
    fn example_connection(&self) -> Map<String, Value> {
        let is_usual = |name: &str| {
            self.connection.get(name).is_some_and(|property| {
                property.required || matches!(property.kind, PropertyType::Credential(_))
            })
        };
        self.examples(&self.connection).into_iter().filter(|(name, _)| is_usual(name)).collect()
    }

    /// Every property with its example, else its default, else a value of its type.
    pub(crate) fn examples(&self, properties: &Properties) -> Map<String, Value> {
        let value = |property: &Property| {
            let given = property.example.clone().or_else(|| property.default.clone());
            given.unwrap_or_else(|| self.first_choice(property, Self::examples))
        };
        properties.iter().map(|(name, property)| (name.clone(), value(property))).collect()
    }

    fn blanks(&self, properties: &Properties) -> Map<String, Value> {
        let value = |property: &Property| {
            property.default.clone().unwrap_or_else(|| self.first_choice(property, Self::blanks))
        };
        properties.iter().map(|(name, property)| (name.clone(), value(property))).collect()
    }

    /// The first value of an enumeration, since an empty text is none of them; else an empty value of the type.
    fn first_choice(&self, property: &Property, of: fn(&Self, &Properties) -> Map<String, Value>) -> Value {
        let first = property.choices.as_ref().and_then(|choices| choices.first()).cloned();
        first.unwrap_or_else(|| match &property.kind {
            PropertyType::String | PropertyType::Bytes | PropertyType::Date | PropertyType::Password => {
                json!("")
            }
            PropertyType::Integer | PropertyType::Number => json!(0),
            PropertyType::Boolean => json!(false),
            PropertyType::Object => json!({}),
            PropertyType::List(_) => json!([]),
            PropertyType::File => json!({"content": "", "filename": ""}),
            PropertyType::Credential(credential) => blank_credential(*credential),
            PropertyType::Custom(name) => {
                json!(self.types.get(name).map(|properties| of(self, properties)))
            }
        })
    }
}

/// Those of `values` that `properties` require.
pub(crate) fn required(properties: &Properties, values: &Map<String, Value>) -> Map<String, Value> {
    let is_required = |name: &String| properties.get(name).is_some_and(|property| property.required);
    values
        .iter()
        .filter(|(name, _)| is_required(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn dispatcher() -> Value {
    json!({"url": "http://localhost:8000", "webhook_url": ""})
}

fn blank_credential(credential: Credential) -> Value {
    credential.parts().iter().map(|(name, ..)| ((*name).to_owned(), json!(""))).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::fixture::SPEC;

    #[test]
    fn samples_hold_defaults_and_blanks() {
        let spec = Spec::parse(SPEC).unwrap();
        expect![[r#"
            {
              "body": {
                "connection": {
                  "credentials": {
                    "password": "",
                    "username": ""
                  },
                  "host": "",
                  "mode": "plain",
                  "secure": false
                },
                "dispatcher": {
                  "url": "http://localhost:8000",
                  "webhook_url": ""
                },
                "input": {
                  "times": 3
                },
                "log": null,
                "meta": {},
                "trigger": "tick"
              },
              "type": "trigger_start",
              "version": "v1"
            }
        "#]]
        .assert_eq(&format!("{:#}\n", spec.sample("tick").unwrap()));
        assert_eq!(spec.sample("echo").unwrap()["type"], "action_start");
        assert_eq!(spec.sample("nope"), None);
    }
}
