//! The interface described by itself: Swagger 2.0, as the platform's own runtime gives it, and OpenAPI 3.1. Both are made
//! from the table of routes and the plugin's specification, with each step under a path of its own.

mod definitions;
#[cfg(test)]
mod tests;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::{JSON, OPEN_METRICS, YAML};
use super::routes::{self, About, Answer, Route};
use super::watch;
use crate::spec::{Spec, StepSpec};

/// `GET api`. `wants_token` says whether requests need a bearer token.
pub(super) fn swagger(spec: &Spec, wants_token: bool) -> Value {
    let description = Description { spec, dialect: Dialect::Swagger2, wants_token };
    let mut document = json!({
        "swagger": "2.0",
        "info": description.info(),
        "basePath": "/",
        "paths": description.paths(),
        "definitions": definitions::all(spec, description.dialect),
    });
    if wants_token {
        // Bearer tokens came with OpenAPI 3.
        let scheme = json!({
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Bearer `, and behind it the token",
        });
        document["securityDefinitions"] = json!({"token": scheme});
    }
    document
}

/// `GET openapi.json`. `wants_token` as above.
pub(super) fn openapi(spec: &Spec, wants_token: bool) -> Value {
    let description = Description { spec, dialect: Dialect::OpenApi3, wants_token };
    let mut document = json!({
        "openapi": "3.1.0",
        "info": description.info(),
        "servers": [{"url": "/"}],
        "paths": description.paths(),
        "components": {"schemas": definitions::all(spec, description.dialect)},
    });
    if wants_token {
        document["components"]["securitySchemes"] = json!({"token": {"type": "http", "scheme": "bearer"}});
    }
    document
}

/// What holds for all operations, for which neither form has a place.
const CONVENTIONS: &str = "\
A step is started with a start message, and answered with an event. What names no operation is answered with 404, another \
method than those below with 405 and the header `Allow`, both with a refusal as the body. Bodies are read as JSON, whatever \
their content type. Each answer repeats the header `X-Request-ID`, or makes one up.";

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
    fn parameter(self, name: &str, place: &str, description: &str, choices: &[&str]) -> Value {
        let mut schema = json!({"type": "string"});
        if let Some(usual) = choices.first() {
            schema["enum"] = json!(choices);
            schema["default"] = json!(usual);
        }
        let mut parameter =
            json!({"name": name, "in": place, "required": place == "path", "description": description});
        match (self, &mut parameter, schema) {
            (Self::Swagger2, Value::Object(parameter), Value::Object(schema)) => parameter.extend(schema),
            (_, parameter, schema) => parameter["schema"] = schema,
        }
        parameter
    }
}

/// What a description is made of.
#[derive(Clone, Copy)]
struct Description<'s> {
    spec: &'s Spec,
    dialect: Dialect,
    wants_token: bool,
}

impl Description<'_> {
    fn info(&self) -> Value {
        let Spec { title, description, version, .. } = self.spec;
        json!({"title": title, "description": format!("{description}.\n\n{CONVENTIONS}"), "version": version})
    }

    fn paths(&self) -> Map<String, Value> {
        let mut paths = Map::new();
        for route in routes::table() {
            for path in route.paths() {
                for (path, subject) in self.subjects(&route, &path) {
                    let operation = self.operation(&route, &path, subject.as_deref());
                    let methods = paths.entry(path).or_insert_with(|| json!({}));
                    methods[route.method.as_str().to_lowercase()] = operation;
                }
            }
        }
        paths
    }

    /// A path once for each step that it can be about, with the step's name; once as it is where there are none.
    fn subjects(&self, route: &Route, path: &str) -> Vec<(String, Option<String>)> {
        let names: Vec<String> = match route.about {
            About::Actions | About::ActionMessage => self.spec.actions.keys().cloned().collect(),
            About::Triggers | About::TriggerMessage | About::RunningTrigger => {
                self.spec.triggers.keys().cloned().collect()
            }
            About::ConnectionMessage => vec!["test".to_owned(), "test_task".to_owned()],
            About::Plugin | About::Document | About::Tasks | About::TaskMessage => Vec::new(),
        };
        if names.is_empty() {
            return vec![(path.to_owned(), None)];
        }
        names.into_iter().map(|name| (path.replace("{name}", &name), Some(name))).collect()
    }

    fn operation(&self, route: &Route, path: &str, subject: Option<&str>) -> Value {
        let id = format!(
            "{}{}",
            route.method.as_str().to_lowercase(),
            path.replace(|c: char| !c.is_ascii_alphanumeric(), "_")
        );
        let mut operation = json!({
            "operationId": id,
            "summary": route.summary,
            "tags": [group(route.about)],
            "responses": self.responses(route, path, subject),
        });
        if let Some(step) = self.step(route, subject) {
            operation["summary"] = json!(format!("{}: {}", route.summary, step.title));
            operation["description"] = json!(step.description);
        }
        if self.needs_token(path) {
            operation["security"] = json!([{"token": []}]);
        }
        let mut parameters = self.parameters(route, path);
        if let Some((schema, example)) = self.message(route, subject) {
            let description = "The start message";
            match self.dialect {
                Dialect::Swagger2 => {
                    operation["consumes"] = json!([JSON]);
                    parameters.push(
                        json!({"name": "message", "in": "body", "required": true, "description": description, "schema": schema}),
                    );
                }
                Dialect::OpenApi3 => {
                    let content = json!({JSON: {"schema": schema, "example": example}});
                    operation["requestBody"] =
                        json!({"required": true, "description": description, "content": content});
                }
            }
        }
        if self.dialect == Dialect::Swagger2 {
            operation["produces"] = json!(media_types(route));
        }
        if !parameters.is_empty() {
            operation["parameters"] = json!(parameters);
        }
        operation
    }

    /// The step that an operation is about, if it is about one.
    fn step(&self, route: &Route, subject: Option<&str>) -> Option<&StepSpec> {
        let steps = match route.about {
            About::Actions | About::ActionMessage => &self.spec.actions,
            About::Triggers | About::TriggerMessage | About::RunningTrigger => &self.spec.triggers,
            _ => return None,
        };
        steps.get(subject?)
    }

    fn needs_token(&self, path: &str) -> bool {
        self.wants_token && !watch::OPEN.contains(&path)
    }

    fn parameters(&self, route: &Route, path: &str) -> Vec<Value> {
        let in_path = [
            ("name", "The name of the task"),
            ("trigger_id", "The `triggerId` in the `meta` that the trigger was started with"),
        ];
        let mut parameters: Vec<Value> = in_path
            .iter()
            .filter(|(name, _)| path.contains(&format!("{{{name}}}")))
            .map(|(name, description)| self.dialect.parameter(name, "path", description, &[]))
            .collect();
        if route.about == About::Document {
            let description = "The format of the document";
            parameters.push(self.dialect.parameter("format", "query", description, &["json", "yaml"]));
        }
        parameters
    }

    /// The start message that an operation takes, if it takes one: its schema and an example.
    fn message(&self, route: &Route, subject: Option<&str>) -> Option<(Value, Value)> {
        let kind = match route.about {
            About::ActionMessage => "action",
            About::TriggerMessage => "trigger",
            About::TaskMessage => {
                return Some((self.dialect.reference("message.task"), definitions::example_of_task()));
            }
            About::ConnectionMessage => {
                let example = self.spec.example_connection_test();
                return Some((self.dialect.reference("message.connection_test"), example));
            }
            About::Plugin
            | About::Document
            | About::Actions
            | About::Triggers
            | About::Tasks
            | About::RunningTrigger => return None,
        };
        let (name, step) = (subject?, self.step(route, subject)?);
        let schema = self.dialect.reference(&format!("message.{kind}.{name}"));
        Some((schema, self.spec.example(kind, name, step)))
    }

    fn responses(&self, route: &Route, path: &str, subject: Option<&str>) -> Map<String, Value> {
        let mut answers = route.answers.to_vec();
        // What stands in front of all routes.
        answers.push((431, Answer::Refusal));
        if self.needs_token(path) {
            answers.push((401, Answer::Refusal));
        }
        // A name that is no text in UTF-8 is the name of nothing.
        if path.contains('{') {
            answers.push((404, Answer::Refusal));
        }
        let response = |(code, answer)| (format!("{code}"), self.response(code, answer, route, subject));
        answers.into_iter().map(response).collect()
    }

    fn response(&self, code: u16, answer: Answer, route: &Route, subject: Option<&str>) -> Value {
        let schema = match (answer, route.about, subject) {
            (Answer::Metrics, ..) => json!({"type": "string"}),
            (Answer::Json(name), ..) => self.dialect.reference(name),
            (Answer::Document, ..) => self.dialect.reference("answer.document"),
            (Answer::Done, About::ActionMessage, Some(name)) => {
                self.dialect.reference(&format!("event.action.{name}"))
            }
            (Answer::Done | Answer::Tested, ..) => self.dialect.reference("event.tested"),
            (Answer::Failed, ..) => self.dialect.reference("event.failed"),
            (Answer::Refusal, ..) => self.dialect.reference("answer.refusal"),
            (Answer::FailedOrRefusal, ..) => self.dialect.reference("answer.failed_or_refusal"),
        };
        let description = meaning(code);
        match self.dialect {
            Dialect::Swagger2 => json!({"description": description, "schema": schema}),
            Dialect::OpenApi3 => {
                let content: Map<String, Value> = content_types(answer)
                    .iter()
                    .map(|content_type| ((*content_type).to_owned(), json!({"schema": schema})))
                    .collect();
                json!({"description": description, "content": content})
            }
        }
    }
}

/// The heading under which a page of the description has an operation.
fn group(about: About) -> &'static str {
    match about {
        About::Actions | About::ActionMessage => "Actions",
        About::Triggers | About::TriggerMessage | About::RunningTrigger => "Triggers",
        About::Tasks | About::TaskMessage => "Tasks",
        About::ConnectionMessage => "Connection",
        About::Plugin | About::Document => "Plugin",
    }
}

fn content_types(answer: Answer) -> &'static [&'static str] {
    match answer {
        Answer::Document => &[JSON, YAML],
        Answer::Metrics => &[OPEN_METRICS],
        _ => &[JSON],
    }
}

/// The types that the answers of an operation have. A refusal is JSON everywhere.
fn media_types(route: &Route) -> Vec<&'static str> {
    let answers = route.answers.iter().map(|(_, answer)| *answer).chain([Answer::Refusal]);
    let mut types: Vec<_> = answers.flat_map(content_types).copied().collect();
    types.sort_unstable();
    types.dedup();
    types
}

/// What an answer of this status says, whichever operation gives it.
fn meaning(code: u16) -> &'static str {
    match code {
        201 => "The trigger runs from now on",
        400 => "The request is at fault, or the connection that it wants tested does not work",
        401 => "The bearer token is missing, or another one is wanted",
        403 => "Whoever runs the plugin does not let it go there",
        404 => "Nothing has this name",
        408 => "The body did not arrive in time",
        409 => "This does not go together with what the process does already",
        413 => "The body is too large",
        422 => "There is no such format",
        431 => "The header of the request is too large",
        500 => "The step failed, mostly because the other side did",
        503 => "As many steps run as may, or a shutdown was asked for",
        504 => "The step did not end in the time that a request may take",
        code => StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason()).unwrap_or_default(),
    }
}
