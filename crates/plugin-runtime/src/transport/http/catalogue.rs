//! What the plugin is and has, as its specification says.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::Server;
use super::answer::{YAML, json, refusal, typed};
use super::describe;
use super::routes::{Format, Name};

/// `GET info`.
pub(super) async fn info(State(server): State<Server>) -> Response {
    let document = server.plugin().spec().document();
    let told = |key: &str| document.get(key).cloned().unwrap_or_default();
    json(
        StatusCode::OK,
        &json!({
            "description": told("description"),
            "enable_cache": document.get("enable_cache").and_then(Value::as_bool).unwrap_or(false),
            "name": told("name"),
            "number_of_workers": 1,
            "plugin_spec_version": told("plugin_spec_version"),
            "sdk_version": document.pointer("/sdk/version").cloned().unwrap_or_default(),
            "support": told("support"),
            "tags": document.get("tags").cloned().unwrap_or_else(|| json!([])),
            "threads": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            "title": told("title"),
            "vendor": told("vendor"),
            "version": told("version"),
        }),
    )
}

/// `GET actions`.
pub(super) async fn actions(State(server): State<Server>) -> Response {
    json(StatusCode::OK, &server.plugin().spec().actions.keys().collect::<Vec<_>>())
}

/// `GET triggers`.
pub(super) async fn triggers(State(server): State<Server>) -> Response {
    json(StatusCode::OK, &server.plugin().spec().triggers.keys().collect::<Vec<_>>())
}

/// `GET tasks`: no plugin of this runtime has any.
pub(super) async fn tasks() -> Response {
    json(StatusCode::OK, &json!([]))
}

/// `GET actions/{name}`.
pub(super) async fn action(State(server): State<Server>, name: Name) -> Response {
    stanza(&server, "actions", "Action", &name)
}

/// `GET triggers/{name}`.
pub(super) async fn trigger(State(server): State<Server>, name: Name) -> Response {
    stanza(&server, "triggers", "Trigger", &name)
}

/// `GET tasks/{name}`.
pub(super) async fn task(State(server): State<Server>, name: Name) -> Response {
    stanza(&server, "tasks", "Task", &name)
}

/// A step as the specification has it.
fn stanza(server: &Server, group: &str, title: &str, Name(name): &Name) -> Response {
    match server.plugin().spec().document().get(group).and_then(|group| group.get(name)) {
        Some(stanza) => json(StatusCode::OK, stanza),
        None => refusal(StatusCode::BAD_REQUEST, &format!("{title} {name} does not exist")),
    }
}

/// `GET spec`.
pub(super) async fn spec(State(server): State<Server>, format: Format) -> Response {
    let spec = server.plugin().spec();
    match format {
        Format::Json => json(StatusCode::OK, spec.document()),
        Format::Yaml => yaml(spec.document()),
    }
}

/// `GET api`: Swagger 2.0.
pub(super) async fn api(State(server): State<Server>, format: Format) -> Response {
    let description = describe::swagger(server.plugin().spec(), server.token().is_some());
    match format {
        Format::Json => json(StatusCode::OK, &description),
        Format::Yaml => yaml(&description),
    }
}

/// `GET openapi.json`: OpenAPI 3.1.
pub(super) async fn openapi(State(server): State<Server>) -> Response {
    json(StatusCode::OK, &describe::openapi(server.plugin().spec(), server.token().is_some()))
}

/// `GET connection`.
pub(super) async fn connection(State(server): State<Server>) -> Response {
    let spec = server.plugin().spec();
    json(StatusCode::OK, &spec.schema(&spec.connection))
}

/// `GET definitions/actions`.
pub(super) async fn definitions(State(server): State<Server>) -> Response {
    let spec = server.plugin().spec();
    let definitions: Vec<Value> = spec
        .actions
        .iter()
        .map(|(name, step)| json!({"identifier": name, "inputJsonSchema": spec.schema(&step.input)}))
        .collect();
    json(StatusCode::OK, &json!({"actionsDefinitions": definitions}))
}

fn yaml(value: &Value) -> Response {
    match serde_norway::to_string(value) {
        Ok(text) => typed(StatusCode::OK, YAML, text),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}
