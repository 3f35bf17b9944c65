//! Checks a message's connection and input against the specification before anything reads them.
//!
//! The texts name the property, what is expected and what came. What came is repeated only where it cannot be a
//! secret: nothing of a connection but its enumerated settings, and of an input only short plain values.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::{Map, Value};

use crate::content::{LongText, Undecoded};
use crate::failure::Failure;
use crate::fields::{Field, Fields};
use crate::message::{Input, SHORT_TEXT};
use crate::spec::{Properties, PropertyType, Spec};

/// A value is repeated in an error text up to this many characters.
const SHOWN_LIMIT: usize = 40;

/// More violations than this are only counted.
const LISTED_VIOLATIONS: usize = 5;

/// Checks the connection's settings. Optional settings that are null count as absent, and are not in the result.
pub(crate) fn connection(spec: &Spec, mut settings: Value) -> Result<Map<String, Value>, Failure> {
    let show = |name: &str, value: &Value| {
        spec.connection.get(name).filter(|property| property.choices.is_some()).and_then(|_| shown(value))
    };
    let violations = check(spec, &spec.connection, &mut settings, &show);
    match settings {
        Value::Object(settings) if violations.is_empty() => Ok(settings),
        _ => Err(Failure::invalid_connection(&listed(&violations))),
    }
}

/// Checks a step's input. Optional inputs that are null count as absent, and are not in the result; required ones
/// must not be empty texts, except for file contents: no bytes are a real file. A long text must be a file content.
pub(crate) fn input(spec: &Spec, properties: &Properties, input: Input) -> Result<Fields, Failure> {
    let Input { mut json, long } = input;
    let show = |name: &str, value: &Value| {
        let property = properties.get(name).filter(|property| property.kind.may_be_shown());
        property.filter(|_| !long.contains_key(name)).and_then(|_| shown(value))
    };
    let mut violations = check(spec, properties, &mut json, &show);
    violations.extend(too_long(properties, &long));
    violations.extend(empty_required(properties, &json, &long));
    match json {
        Value::Object(json) if violations.is_empty() => fields(properties, json, long),
        _ => Err(Failure::invalid_input(&listed(&violations))),
    }
}

/// What is wrong with `values` under the schema of `properties`, in words without any of the values. For outputs, whose
/// form is the plugin's own doing.
pub(crate) fn violations(spec: &Spec, properties: &Properties, values: &Value) -> Vec<String> {
    run(spec, properties, values, &|_, _| None)
}

fn shown(value: &Value) -> Option<String> {
    let plain = !value.is_array() && !value.is_object();
    plain.then(|| value.to_string()).filter(|text| text.chars().count() <= SHOWN_LIMIT)
}

/// Drops optional nulls, and holds the rest against the schema.
fn check(spec: &Spec, properties: &Properties, values: &mut Value, show: Show<'_>) -> Vec<String> {
    if let Value::Object(values) = values {
        values.retain(|name, value| !value.is_null() || properties.get(name).is_none_or(|it| it.required));
    }
    run(spec, properties, values, show)
}

/// Long texts where a short one belongs. Where no text belongs at all, or one of a few, the schema finds them.
fn too_long(properties: &Properties, long: &LongTexts) -> impl Iterator<Item = String> {
    let texts = long.keys().filter(|name| {
        properties.get(*name).is_some_and(|property| property.kind.is_text() && property.choices.is_none())
    });
    texts.map(|name| format!("'{name}' has more than {SHORT_TEXT} bytes"))
}

fn empty_required(properties: &Properties, json: &Value, long: &LongTexts) -> impl Iterator<Item = String> {
    properties
        .iter()
        .filter(|(_, property)| property.required && property.kind != PropertyType::Bytes)
        .filter(|(name, _)| json[name.as_str()] == "" && !long.contains_key(*name))
        .map(|(name, _)| format!("'{name}' is a required property and must not be empty"))
}

/// Puts the contents into their places. Of a long text that is no property's nothing remains.
fn fields(properties: &Properties, mut json: Map<String, Value>, long: LongTexts) -> Result<Fields, Failure> {
    let mut contents = Vec::new();
    for (name, text) in long {
        json.remove(&name);
        if properties.contains_key(&name) {
            let content = match text {
                Ok(content) => Ok(content),
                Err(Undecoded::NotBase64(error)) => Err(error),
                Err(error @ Undecoded::Unstored(_)) => return Err(Failure::unstored(&name, &error)),
            };
            contents.push((name, Field::Content(content)));
        }
    }
    let values = json.into_iter().map(|(name, value)| (name, Field::Json(value)));
    Ok(values.chain(contents).collect())
}

fn listed(violations: &[String]) -> String {
    let mut text = violations.iter().take(LISTED_VIOLATIONS).cloned().collect::<Vec<_>>().join("; ");
    if let Some(more) = violations.len().checked_sub(LISTED_VIOLATIONS).filter(|more| *more > 0) {
        // Writing to a string cannot fail.
        let _ = write!(text, "; and {more} more");
    }
    text
}

/// Long texts by their names.
type LongTexts = BTreeMap<String, LongText>;

/// Says of a property's value what an error text may repeat.
type Show<'s> = &'s dyn Fn(&str, &Value) -> Option<String>;

fn run(spec: &Spec, properties: &Properties, values: &Value, show: Show<'_>) -> Vec<String> {
    match properties.validator(spec) {
        Ok(validator) => validator.iter_errors(values).map(|error| words(&error, show)).collect(),
        Err(error) => vec![format!("the specification makes no valid schema: {error}")],
    }
}

fn words(error: &jsonschema::ValidationError<'_>, show: Show<'_>) -> String {
    let path = error.instance_path().to_string().trim_start_matches('/').replace('/', ".");
    let subject = if path.is_empty() { "it".to_owned() } else { format!("'{path}'") };
    let came = show(&path, error.instance()).unwrap_or_else(|| type_of(error.instance()).to_owned());
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let dot = if path.is_empty() { "" } else { "." };
            format!("'{path}{dot}{name}' is a required property")
        }
        ValidationErrorKind::Type { kind } => {
            let expected = match kind {
                TypeKind::Single(one) => one.to_string(),
                TypeKind::Multiple(_) => "the right type".to_owned(),
            };
            format!("{subject} is not of type '{expected}' but {came}")
        }
        ValidationErrorKind::Enum { options } => format!("{subject} is not one of {options} but {came}"),
        kind => format!("{subject} breaks the schema's '{}'", kind.keyword()),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use serde::Deserialize;
    use serde::de::IntoDeserializer as _;
    use serde_json::json;

    use super::*;
    use crate::content::Content;
    use crate::failure::FailureKind;
    use crate::fixture::SPEC;

    #[test]
    fn an_invalid_connection_is_named_without_its_secrets() {
        let spec = Spec::parse(SPEC).unwrap();
        let rows = [
            (json!(null), "it is not of type 'object' but null"),
            (json!([]), "it is not of type 'object' but a list"),
            (json!({}), "'host' is a required property"),
            (json!({"host": null}), "'host' is not of type 'string' but null"),
            (json!({"host": 5}), "'host' is not of type 'string' but an integer"),
            (json!({"host": "h", "secure": "canary"}), "'secure' is not of type 'boolean' but a string"),
            (json!({"host": "h", "mode": "odd"}), r#"'mode' is not one of ["plain","loud"] but "odd""#),
            (
                json!({"host": "h", "credentials": {}}),
                "'credentials.username' is a required property; 'credentials.password' is a required property",
            ),
            (
                json!({"host": "h", "credentials": {"username": "u", "password": ["canary"]}}),
                "'credentials.password' is not of type 'string' but a list",
            ),
            (
                json!({"host": "h", "credentials": "canary"}),
                "'credentials' is not of type 'object' but a string",
            ),
        ];
        for (settings, expected) in rows {
            let failure = connection(&spec, settings.clone()).unwrap_err();
            assert_eq!(failure.cause(), format!("The connection is invalid: {expected}"), "{settings}");
        }
    }

    #[test]
    fn an_invalid_input_is_named() {
        let spec = Spec::parse(SPEC).unwrap();
        let properties = &spec.actions["echo"].input;
        let long = "x".repeat(SHOWN_LIMIT);
        let rows = [
            (json!({}), "'text' is a required property".to_owned()),
            (json!({"text": null}), "'text' is not of type 'string' but null".to_owned()),
            (json!({"text": ""}), "'text' is a required property and must not be empty".to_owned()),
            (json!({"text": 5}), "'text' is not of type 'string' but 5".to_owned()),
            (json!({"text": "t", "times": long}), "'times' is not of type 'integer' but a string".to_owned()),
            (json!({"text": "t", "times": 1.5}), "'times' is not of type 'integer' but 1.5".to_owned()),
            (
                json!({"text": "t", "content": 5}),
                "'content' is not of type 'string' but an integer".to_owned(),
            ),
        ];
        for (value, expected) in rows {
            let failure = input(&spec, properties, value.clone().into()).err().unwrap();
            assert_eq!(failure.cause(), format!("The input is invalid: {expected}"), "{value}");
        }
    }

    #[test]
    fn optional_nulls_are_absent_and_unknown_properties_are_accepted() {
        let spec = Spec::parse(SPEC).unwrap();
        let value = json!({"text": "t", "times": null, "zzz": null, "yyy": 1});
        let input = input(&spec, &spec.actions["echo"].input, value.into()).unwrap();
        let values = Value::deserialize(input.into_deserializer()).unwrap();
        assert_eq!(values, json!({"text": "t", "zzz": null, "yyy": 1}));
    }

    /// Checks an input of the fixture's action with a long text in it.
    fn with_long_text(name: &str, text: LongText) -> Result<Fields, Failure> {
        const SPEC: &str = "
name: n
title: t
description: d
version: 1.0.0
vendor: v
actions:
  take:
    input:
      content: {type: bytes, required: true}
      mode: {type: string, enum: [plain, loud]}
      path: {type: string, required: true}
      secret: {type: password}
      times: {type: integer}
      list: {type: '[]string'}
";
        let spec = Spec::parse(SPEC).unwrap();
        let mut json = json!({"content": "YWJj", "path": "p"});
        json[name] = json!("");
        let input = Input { json, long: [(name.to_owned(), text)].into() };
        super::input(&spec, &spec.actions["take"].input, input)
    }

    #[test]
    fn a_long_text_is_taken_for_a_content_alone() {
        let rows = [
            ("path", "'path' has more than 65536 bytes"),
            ("secret", "'secret' has more than 65536 bytes"),
            ("times", "'times' is not of type 'integer' but a string"),
            ("list", "'list' is not of type 'array' but a string"),
            ("mode", r#"'mode' is not one of ["plain","loud"] but a string"#),
        ];
        for (name, expected) in rows {
            let failure = with_long_text(name, Ok(Content::from(vec![0; 9]))).err().unwrap();
            assert_eq!(failure.cause(), format!("The input is invalid: {expected}"));
        }
        let taken = |name: &str| {
            let fields = with_long_text(name, Ok(Content::from(vec![0; 9]))).unwrap();
            let Taken { content, unknown } = Taken::deserialize(fields.into_deserializer()).unwrap();
            (content.len(), unknown.is_some())
        };
        assert_eq!(taken("content"), (9, false));
        assert_eq!(taken("unknown"), (3, false));
    }

    #[derive(Deserialize)]
    struct Taken {
        content: Content,
        unknown: Option<Content>,
    }

    #[test]
    fn a_content_that_has_no_place_is_the_machines_failure() {
        let full = || Err(Undecoded::Unstored(io::ErrorKind::StorageFull.into()));
        let failure = with_long_text("content", full()).err().unwrap();
        assert_eq!(failure.kind(), FailureKind::Internal);
        assert_eq!(failure.cause(), "'content': the content cannot be stored: no storage space");
        assert!(failure.assistance().contains("TMPDIR"));
        assert!(with_long_text("unknown", full()).is_ok(), "nobody wants it");
    }
}
