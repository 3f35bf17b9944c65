//! Triggers that run in this process: started, looked at and stopped by requests.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Server;
use super::admin::SHUTTING_DOWN;
use super::answer::{self, Asked, json, refusal};
use super::body::{Incoming, Unread};
use super::routes::Name;
use super::steps::{Kind, agree, busy, refuse, status};
use crate::event::Event;
use crate::message::StartMessage;
use crate::trigger::MESSAGE_LIMIT;

/// Paths below a trigger that are no identifiers.
const RESERVED: [&str; 2] = ["running", "test"];

/// `POST triggers/{name}`: starts one.
pub(super) async fn start(
    State(server): State<Server>,
    name: Name,
    asked: Asked,
    request: Request,
) -> Response {
    if server.gate().is_shutting_down() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, SHUTTING_DOWN);
    }
    let Some(slot) = server.gate().enter() else { return busy() };
    let text = match Incoming::new(request.into_body(), server.limits()).text(MESSAGE_LIMIT as u64).await {
        Ok(text) => text,
        Err(unread) => return refuse(unread, &asked, slot, &server),
    };
    server.metrics().received(text.len() as u64);
    let message = match StartMessage::parse(&text) {
        Ok(message) => message,
        Err(error) => return refuse(Unread::Message(Box::new(error)), &asked, slot, &server),
    };
    if let Err(disagreement) = agree(Kind::Trigger, &name.0, &message.step) {
        return asked.bad_request(&disagreement);
    }
    let reserved =
        RESERVED.iter().find(|reserved| message.meta.member("triggerId").is_some_and(|id| id == **reserved));
    if let Some(reserved) = reserved {
        return asked.bad_request(&format!("\"{reserved}\" is a part of this interface, and no triggerId"));
    }
    let (kind, meta) = (message.event_type(), message.meta.clone());
    match server.triggers().start(message, &text).await {
        Ok(report) => json(StatusCode::CREATED, &report),
        Err(failure) => {
            let code = status(failure.kind());
            answer::event(code, Event::refused(kind, meta, failure), slot, server.metrics().sent())
        }
    }
}

/// `GET triggers/{name}/running`.
pub(super) async fn running(State(server): State<Server>, name: Name) -> Response {
    if !server.plugin().spec().triggers.contains_key(&name.0) {
        return refusal(StatusCode::BAD_REQUEST, &format!("Trigger {} does not exist", name.0));
    }
    json(StatusCode::OK, &json!({"triggers": server.triggers().running(Some(&name.0))}))
}

/// `DELETE triggers/{name}/{trigger_id}`: stops one, and tells how it stood in the end.
pub(super) async fn stop(
    State(server): State<Server>,
    asked: Asked,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
) -> Response {
    let Ok(Path((name, id))) = path else { return asked.not_found() };
    match server.triggers().stop(&name, &id).await {
        Some(report) => json(StatusCode::OK, &report),
        None => asked
            .refuse(StatusCode::NOT_FOUND, &format!("No trigger {name} with the triggerId {id} runs here.")),
    }
}
