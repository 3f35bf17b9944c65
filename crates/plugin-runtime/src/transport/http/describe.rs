//! The interface described by itself: Swagger 2.0, as the platform's own runtime gives it, and OpenAPI 3.1. Both are made
//! from the table of routes and the plugin's specification, with each step under a path of its own.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::routes::{self, About, Answer, Route};
use crate::spec::{Properties, Spec, StepSpec};

/// `GET api`.
pub(super) fn swagger(spec: &Spec) -> Value {
    let dialect = Dialect::Swagger2;
    json!({
        "swagger": "2.0",
        "info": info(spec),
        "basePath": "/",
        "consumes": [JSON],
        "produces": [JSON],
        "paths": paths(spec, dialect),
        "definitions": definitions(spec, dialect),
    })
}

/// `GET openapi.json`.
pub(super) fn openapi(spec: &Spec) -> Value {
    let dialect = Dialect::OpenApi3;
    json!({
        "openapi": "3.1.0",
        "info": info(spec),
        "servers": [{"url": "/"}],
        "paths": paths(spec, dialect),
        "components": {
            "schemas": definitions(spec, dialect),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        // A token is wanted only where the process was started with one.
        "security": [{}, {"token": []}],
    })
}

const JSON: &str = "application/json";

fn info(spec: &Spec) -> Value {
    json!({"title": spec.title, "description": spec.description, "version": spec.version})
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Swagger2,
    OpenApi3,
}

impl Dialect {
    fn reference(self, name: &str) -> Value {
        json!({"$ref": format!("{}{name}", self.home())})
    }

    /// Where the shared schemas stand.
    fn home(self) -> &'static str {
        match self {
            Self::Swagger2 => "#/definitions/",
            Self::OpenApi3 => "#/components/schemas/",
        }
    }

    /// A parameter of type string.
    fn parameter(self, name: &str, place: &str, choices: &[&str]) -> Value {
        let mut schema = Map::from_iter([("type".to_owned(), json!("string"))]);
        if !choices.is_empty() {
            schema.insert("enum".to_owned(), json!(choices));
        }
        let mut parameter = Map::from_iter([
            ("name".to_owned(), json!(name)),
            ("in".to_owned(), json!(place)),
            ("required".to_owned(), json!(place == "path")),
        ]);
        match self {
            Self::Swagger2 => parameter.extend(schema),
            Self::OpenApi3 => parameter.extend([("schema".to_owned(), Value::Object(schema))]),
        }
        Value::Object(parameter)
    }
}

fn paths(spec: &Spec, dialect: Dialect) -> Map<String, Value> {
    let mut paths = Map::new();
    for route in routes::table() {
        for path in route.paths() {
            for (path, subject) in subjects(&route, &path, spec) {
                let operation = operation(&route, &path, subject.as_deref(), dialect);
                let methods = paths.entry(path).or_insert_with(|| json!({}));
                methods[route.method.as_str().to_lowercase()] = operation;
            }
        }
    }
    paths
}

/// A path once for each step that it can be about, with the step's name; once as it is where there are none.
fn subjects(route: &Route, path: &str, spec: &Spec) -> Vec<(String, Option<String>)> {
    let names: Vec<String> = match route.about {
        About::Actions | About::ActionMessage => spec.actions.keys().cloned().collect(),
        About::Triggers | About::TriggerMessage | About::RunningTrigger => {
            spec.triggers.keys().cloned().collect()
        }
        About::ConnectionMessage => vec!["test".to_owned(), "test_task".to_owned()],
        About::Plugin | About::Document | About::Tasks | About::TaskMessage => Vec::new(),
    };
    if names.is_empty() {
        return vec![(path.to_owned(), None)];
    }
    names.into_iter().map(|name| (path.replace("{name}", &name), Some(name))).collect()
}

fn operation(route: &Route, path: &str, subject: Option<&str>, dialect: Dialect) -> Value {
    let id = format!(
        "{}{}",
        route.method.as_str().to_lowercase(),
        path.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
    );
    let mut operation = json!({
        "operationId": id,
        "summary": route.summary,
        "responses": responses(route, subject, dialect),
    });
    let mut parameters: Vec<Value> = ["name", "trigger_id"]
        .iter()
        .filter(|name| path.contains(&format!("{{{name}}}")))
        .map(|name| dialect.parameter(name, "path", &[]))
        .collect();
    if route.about == About::Document {
        parameters.push(dialect.parameter("format", "query", &["json", "yaml"]));
    }
    if let Some(schema) = message(route, subject, dialect) {
        match dialect {
            Dialect::Swagger2 => {
                parameters.push(json!({"name": "message", "in": "body", "required": true, "schema": schema}));
            }
            Dialect::OpenApi3 => {
                operation["requestBody"] = json!({"required": true, "content": {JSON: {"schema": schema}}});
            }
        }
    }
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    operation
}

/// The start message that an operation takes, if it takes one.
fn message(route: &Route, subject: Option<&str>, dialect: Dialect) -> Option<Value> {
    let kind = match route.about {
        About::ActionMessage => "action",
        About::TriggerMessage => "trigger",
        About::TaskMessage => return Some(json!({"type": "object"})),
        About::ConnectionMessage => return Some(dialect.reference("message.connection_test")),
        About::Plugin
        | About::Document
        | About::Actions
        | About::Triggers
        | About::Tasks
        | About::RunningTrigger => return None,
    };
    Some(dialect.reference(&format!("message.{kind}.{}", subject?)))
}

fn responses(route: &Route, subject: Option<&str>, dialect: Dialect) -> Map<String, Value> {
    let mut responses = Map::new();
    for (code, answer) in route.answers {
        let description =
            StatusCode::from_u16(*code).ok().and_then(|code| code.canonical_reason()).unwrap_or_default();
        responses.insert(code.to_string(), response(description, *answer, subject, dialect));
    }
    responses.insert("default".to_owned(), response("A refusal", Answer::Refusal, subject, dialect));
    responses
}

fn response(description: &str, answer: Answer, subject: Option<&str>, dialect: Dialect) -> Value {
    let (content_type, schema) = match (answer, subject) {
        (Answer::Text, _) => ("text/plain", json!({"type": "string"})),
        (Answer::Json, _) => (JSON, json!({})),
        (Answer::Event, _) => (JSON, dialect.reference("event")),
        (Answer::Refusal, _) => (JSON, json!({"type": "object"})),
    };
    match dialect {
        Dialect::Swagger2 => json!({"description": description, "schema": schema}),
        Dialect::OpenApi3 => {
            json!({"description": description, "content": {content_type: {"schema": schema}}})
        }
    }
}

/// The schemas that operations refer to, each under a name that no type of a specification can have, since those have no
/// dot: and the types themselves.
fn definitions(spec: &Spec, dialect: Dialect) -> Map<String, Value> {
    let mut shared = Shared { spec, dialect, schemas: Map::new() };
    shared.add("settings.connection", &spec.connection);
    for (kind, steps) in [("action", &spec.actions), ("trigger", &spec.triggers)] {
        for (name, step) in steps {
            shared.add_step(kind, name, step);
        }
    }
    let connection = dialect.reference("settings.connection");
    shared.schemas.insert(
        "message.connection_test".to_owned(),
        start(
            "connection_test",
            &json!({"connection": connection, "meta": {"type": "object"}}),
            &["connection"],
        ),
    );
    shared.schemas.insert("event".to_owned(), event());
    shared.schemas
}

struct Shared<'s> {
    spec: &'s Spec,
    dialect: Dialect,
    schemas: Map<String, Value>,
}

impl Shared<'_> {
    fn add_step(&mut self, kind: &str, name: &str, step: &StepSpec) {
        let input = format!("input.{kind}.{name}");
        self.add(&input, &step.input);
        self.add(&format!("output.{kind}.{name}"), &step.output);
        let mut body = json!({
            kind: {"type": "string", "enum": [name]},
            "connection": self.dialect.reference("settings.connection"),
            "input": self.dialect.reference(&input),
            "meta": {"type": "object"},
        });
        if kind == "trigger" {
            body["dispatcher"] = json!({
                "type": "object",
                "properties": {"url": {"type": "string"}, "webhook_url": {"type": "string"}},
            });
        }
        let message = start(&format!("{kind}_start"), &body, &[kind, "connection", "input"]);
        self.schemas.insert(format!("message.{kind}.{name}"), message);
    }

    /// A group of properties, with the types that it mentions in places of their own.
    fn add(&mut self, name: &str, properties: &Properties) {
        let mut schema = self.spec.schema(properties);
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

    /// The platform's own keywords become extensions, and references lead to where the types are.
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

/// A start message of a type, with what its body has and must have.
fn start(message_type: &str, body: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "required": ["version", "type", "body"],
        "properties": {
            "version": {"type": "string", "enum": ["v1"]},
            "type": {"type": "string", "enum": [message_type]},
            "body": {"type": "object", "required": required, "properties": body},
        },
    })
}

fn event() -> Value {
    json!({
        "type": "object",
        "required": ["version", "type", "body"],
        "properties": {
            "version": {"type": "string", "enum": ["v1"]},
            "type": {"description": "Follows from the type of the start message; null where that is not known"},
            "body": {
                "type": "object",
                "required": ["log", "meta", "status"],
                "properties": {
                    "status": {"type": "string", "enum": ["ok", "error"]},
                    "log": {"type": "string"},
                    "meta": {"description": "As in the start message"},
                    "output": {"type": "object"},
                    "error": {"type": "string"},
                    "exception": {
                        "type": "object",
                        "properties": {
                            "cause": {"type": "string"},
                            "assistance": {"type": "string"},
                            "data": {"type": "string"},
                        },
                    },
                },
            },
        },
    })
}
