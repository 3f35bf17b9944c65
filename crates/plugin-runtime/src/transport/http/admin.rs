//! The process itself: how it is, what it does, and the request to do nothing new.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Server;
use super::answer::{OPEN_METRICS, json, refusal, typed};

/// `GET status`.
pub(super) async fn status() -> Response {
    json(StatusCode::OK, &json!({"status": "Ready"}))
}

/// `GET /healthz`: the process answers.
pub(super) async fn health() -> Response {
    json(StatusCode::OK, &json!({"status": "alive"}))
}

/// `GET /readyz`: the process takes new work.
pub(super) async fn ready(State(server): State<Server>) -> Response {
    if server.gate().is_shutting_down() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, SHUTTING_DOWN);
    }
    json(StatusCode::OK, &json!({"status": "ready"}))
}

/// What is said to new work after a shutdown was asked for. The platform's own text.
pub(super) const SHUTTING_DOWN: &str = "Shutdown in progress. No new work can be accepted.";

/// `GET /metrics`.
pub(super) async fn metrics(State(server): State<Server>) -> Response {
    match server.metrics().text(&server) {
        Ok(text) => typed(StatusCode::OK, OPEN_METRICS, text),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// `GET admin/status`.
pub(super) async fn work(State(server): State<Server>) -> Response {
    let (active, initiated) = (server.gate().active(), server.gate().is_shutting_down());
    let status = json!({
        "active_work": active,
        "shutdown_initiated": initiated,
        "shutdown_safe": initiated && active == 0,
    });
    json(StatusCode::OK, &status)
}

/// `POST admin/shutdown`.
pub(super) async fn shutdown(State(server): State<Server>) -> Response {
    server.gate().shut_down();
    tracing::info!("Asked to take no new work");
    json(StatusCode::OK, &json!({"message": "Shutdown request accepted."}))
}

/// `GET workers`, and what asks for more or fewer of them: there is one process, which serves as many requests at once as
/// it may.
pub(super) async fn workers() -> Response {
    json(StatusCode::OK, &json!({"num_workers": 1}))
}
