//! The schemas that operations refer to: start messages, events, and all other answers.
//!
//! Each has a name that no type of a specification can have, since those have no dot. The types themselves stand beside
//! them.

use serde_json::{Map, Value, json};

use super::Dialect;
use crate::spec::{Properties, Spec, StepSpec};

/// All of them.
pub(super) fn all(spec: &Spec, dialect: Dialect) -> Map<String, Value> {
    let mut shared = Shared { spec, dialect, schemas: Map::new() };
    shared.add("settings.connection", &spec.connection);
    for (kind, steps) in [("action", &spec.actions), ("trigger", &spec.triggers)] {
        for (name, step) in steps {
            shared.add_step(kind, name, step);
        }
    }
    shared.add_connection_test();
    shared.add_task();
    shared.add_events();
    shared.schemas.insert("answer.refusal".to_owned(), dialect.either(&refusals()));
    let [short, long] = refusals();
    shared.schemas.insert("answer.failed_or_refusal".to_owned(), dialect.either(&[failed(), short, long]));
    for (name, schema) in answers(dialect) {
        shared.schemas.insert(format!("answer.{name}"), schema);
    }
    shared.schemas
}

/// A start message of the one kind of step that no plugin has.
pub(super) fn example_of_task() -> Value {
    json!({"version": "v1", "type": "task_start", "body": {"task": "example", "connection": {}, "input": {}, "state": {}}})
}

impl Dialect {
    /// One of several objects. Swagger 2.0 has no such thing, so there it has what any of them has.
    fn either(self, schemas: &[Value]) -> Value {
        match self {
            Self::OpenApi3 => json!({"anyOf": schemas}),
            Self::Swagger2 => {
                let properties = schemas.iter().filter_map(|schema| schema["properties"].as_object());
                let all: Map<_, _> =
                    properties.flatten().map(|(name, schema)| (name.clone(), schema.clone())).collect();
                json!({"type": "object", "properties": all})
            }
        }
    }

    /// A value of a type, or null.
    fn nullable(self, type_name: &str) -> Value {
        match self {
            Self::Swagger2 => json!({"type": type_name, "x-nullable": true}),
            Self::OpenApi3 => json!({"type": [type_name, "null"]}),
        }
    }

    /// An example in a schema.
    fn example(self, example: &Value) -> (String, Value) {
        match self {
            Self::Swagger2 => ("example".to_owned(), example.clone()),
            Self::OpenApi3 => ("examples".to_owned(), json!([example])),
        }
    }
}

struct Shared<'s> {
    spec: &'s Spec,
    dialect: Dialect,
    schemas: Map<String, Value>,
}

impl Shared<'_> {
    fn add_step(&mut self, kind: &str, name: &str, step: &StepSpec) {
        let (input, output) = (format!("input.{kind}.{name}"), format!("output.{kind}.{name}"));
        self.add(&input, &step.input);
        self.add(&output, &step.output);
        let mut body = json!({
            kind: {"type": "string", "enum": [name]},
            "connection": self.dialect.reference("settings.connection"),
            "input": self.dialect.reference(&input),
            "meta": {"type": "object", "description": "Comes back in the event as it is"},
        });
        if kind == "trigger" {
            body["dispatcher"] = dispatcher();
            body["meta"]["properties"] = json!({"triggerId": trigger_id()});
        } else {
            let output = self.dialect.reference(&output);
            self.schemas.insert(format!("event.{kind}.{name}"), succeeded(&["action_event"], &output));
        }
        let example = self.spec.example(kind, name, step);
        let required = [kind, "connection", "input"];
        self.add_message(&format!("{kind}.{name}"), &format!("{kind}_start"), &body, &required, &example);
    }

    fn add_connection_test(&mut self) {
        let connection = self.dialect.reference("settings.connection");
        let body = json!({"connection": connection, "meta": {"type": "object"}});
        let example = self.spec.example_connection_test();
        self.add_message("connection_test", "connection_test", &body, &["connection"], &example);
    }

    fn add_task(&mut self) {
        let object = json!({"type": "object"});
        let task = json!({"type": "string"});
        let body =
            json!({"task": task, "connection": object, "input": object, "state": object, "meta": object});
        self.add_message("task", "task_start", &body, &["task"], &example_of_task());
    }

    /// A start message of a type, with what its body has and must have. In OpenAPI its example stands beside its use.
    fn add_message(&mut self, name: &str, kind: &str, body: &Value, required: &[&str], example: &Value) {
        let mut message = json!({
            "type": "object",
            "required": ["version", "type", "body"],
            "properties": {
                "version": {"type": "string", "enum": ["v1"]},
                "type": {"type": "string", "enum": [kind]},
                "body": {"type": "object", "required": required, "properties": body},
            },
        });
        if self.dialect == Dialect::Swagger2 {
            message["example"] = example.clone();
        }
        self.schemas.insert(format!("message.{name}"), message);
    }

    fn add_events(&mut self) {
        let findings =
            json!({"type": "object", "description": "What the test found; empty for the test of a step"});
        let tested = succeeded(&["action_event", "trigger_event", "connection_test"], &findings);
        self.schemas.insert("event.tested".to_owned(), tested);
        self.schemas.insert("event.failed".to_owned(), failed());
    }

    /// A group of properties, with the types that it mentions in places of their own.
    fn add(&mut self, name: &str, properties: &Properties) {
        let mut schema = self.spec.schema(properties);
        for (name, property) in properties {
            if let (Some(example), Value::Object(schema)) =
                (&property.example, &mut schema["properties"][name])
            {
                schema.extend([self.dialect.example(example)]);
            }
        }
        let types = schema.as_object_mut().and_then(|schema| schema.remove("definitions"));
        if let Some(Value::Object(types)) = types {
            for (name, mut schema) in types {
                self.adapt(&mut schema);
                self.schemas.insert(name, schema);
            }
        }
        self.adapt(&mut schema);
        self.schemas.insert(name.to_owned(), schema);
    }

    /// The platform's own keywords become extensions, its name for base64 the usual one, and references lead to where the
    /// types are.
    fn adapt(&self, schema: &mut Value) {
        match schema {
            Value::Object(members) => {
                for (own, extension) in [("order", "x-order"), ("displayType", "x-display-type")] {
                    // A property may have such a name, too; its schema is no number and no text.
                    if members.get(own).is_some_and(|value| value.is_number() || value.is_string()) {
                        let value = members.remove(own);
                        members.extend(value.map(|value| (extension.to_owned(), value)));
                    }
                }
                if let Some(Value::String(format)) =
                    members.get_mut("format").filter(|format| *format == "bytes")
                {
                    "byte".clone_into(format);
                }
                if let Some(Value::String(reference)) = members.get_mut("$ref") {
                    *reference = reference.replace("#/definitions/", self.dialect.home());
                }
                members.values_mut().for_each(|member| self.adapt(member));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.adapt(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn dispatcher() -> Value {
    json!({
        "type": "object",
        "description": "Who takes the events",
        "properties": {
            "url": {"type": "string", "description": "Events are sent there with POST until they are taken"},
            "webhook_url": {"type": "string", "description": "Not used"},
        },
    })
}

fn trigger_id() -> Value {
    json!({
        "type": "string",
        "description": "Names the trigger and its state; a trigger that is started in this process needs one",
        "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$",
    })
}

/// The event of a step that succeeded, of one of these types.
fn succeeded(types: &[&str], output: &Value) -> Value {
    event(
        &json!({"type": "string", "enum": types}),
        "ok",
        &json!({"output": output}),
        &["log", "meta", "output", "status"],
    )
}

/// The event of a step that failed.
fn failed() -> Value {
    let text = json!({"type": "string"});
    let exception = json!({
        "type": "object",
        "description": "Not there where the error says it all",
        "required": ["assistance", "cause", "data"],
        "properties": {"assistance": text, "cause": text, "data": text},
    });
    event(
        &json!({
            "description": "Follows from the type of the start message; null where that is not known",
            "enum": ["action_event", "trigger_event", "task_event", "connection_test", null],
        }),
        "error",
        &json!({"error": text, "exception": exception}),
        &["error", "log", "meta", "status"],
    )
}

fn event(kind: &Value, status: &str, outcome: &Value, required: &[&str]) -> Value {
    let mut body = json!({
        "status": {"type": "string", "enum": [status]},
        "log": {"type": "string", "description": "What the step told of its work, a line each"},
        "meta": {"description": "As in the start message"},
    });
    if let (Value::Object(body), Value::Object(outcome)) = (&mut body, outcome) {
        body.extend(outcome.clone());
    }
    json!({
        "type": "object",
        "required": ["version", "type", "body"],
        "properties": {
            "version": {"type": "string", "enum": ["v1"]},
            "type": kind,
            "body": {"type": "object", "required": required, "properties": body},
        },
    })
}

/// The two forms of a refusal.
fn refusals() -> [Value; 2] {
    let text = json!({"type": "string"});
    [
        json!({"type": "object", "required": ["error"], "properties": {"error": text}}),
        json!({
            "type": "object",
            "required": ["code", "description", "method", "name", "url"],
            "properties": {
                "code": {"type": "integer"},
                "description": text,
                "method": text,
                "name": text,
                "response": {"description": "Always null"},
                "url": text,
            },
        }),
    ]
}

/// The answers that are about no step's run.
fn answers(dialect: Dialect) -> [(&'static str, Value); 11] {
    let (text, number, object) =
        (json!({"type": "string"}), json!({"type": "integer"}), json!({"type": "object"}));
    let flag = json!({"type": "boolean"});
    [
        ("names", json!({"type": "array", "items": text})),
        ("document", object.clone()),
        ("status", told(&json!({"status": text}))),
        ("message", told(&json!({"message": text}))),
        ("workers", told(&json!({"num_workers": number}))),
        ("work", told(&json!({"active_work": number, "shutdown_initiated": flag, "shutdown_safe": flag}))),
        (
            "step",
            json!({"type": "object", "properties": {"title": text, "description": text, "input": object, "output": object}}),
        ),
        ("info", info()),
        (
            "definitions",
            told(&json!({"actionsDefinitions": {
                "type": "array",
                "items": told(&json!({"identifier": text, "inputJsonSchema": object})),
            }})),
        ),
        ("trigger", trigger(dialect)),
        (
            "triggers",
            told(&json!({"triggers": {"type": "array", "items": dialect.reference("answer.trigger")}})),
        ),
    ]
}

/// An object that has all of these.
fn told(properties: &Value) -> Value {
    let names: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "required": names, "properties": properties})
}

fn info() -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer"}));
    json!({
        "type": "object",
        "required": ["name", "title", "vendor", "version", "description", "number_of_workers", "threads"],
        "properties": {
            "name": text,
            "title": text,
            "vendor": text,
            "version": text,
            "description": text,
            "plugin_spec_version": text,
            "sdk_version": text,
            "support": text,
            "tags": {"type": "array", "items": text},
            "enable_cache": {"type": "boolean"},
            "number_of_workers": number,
            "threads": number,
        },
    })
}

/// How a trigger stands.
fn trigger(dialect: Dialect) -> Value {
    let number = json!({"type": "integer"});
    let mut time = dialect.nullable("string");
    time["format"] = json!("date-time");
    told(&json!({
        "events": number,
        "last_delivery_error": dialect.nullable("string"),
        "last_delivery_error_time": time,
        "last_error": dialect.nullable("string"),
        "last_error_time": time,
        "last_event": time,
        "last_poll": time,
        "outbox": told(&json!({"bytes": number, "events": number})),
        "polls": number,
        "started": {"type": "string", "format": "date-time"},
        "state": {"type": "string", "enum": ["running", "ended", "failed"]},
        "trigger": {"type": "string"},
        "triggerId": {"type": "string"},
    }))
}
