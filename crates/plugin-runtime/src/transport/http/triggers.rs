//! Triggers that run in this process: started, looked at and stopped by requests.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::Server;
use super::admin::SHUTTING_DOWN;
use super::answer::{self, Asked, json, refusal};
use super::body::{Incoming, Unread};
use super::routes::Name;
use super::steps::{Inbound, Kind, agree, busy, refuse, status};
use crate::event::Event;
use crate::message::StartMessage;
use crate::trigger::MESSAGE_LIMIT;

/// Paths below a trigger that are no identifiers.
const RESERVED: [&str; 2] = ["running", "test"];

/// `POST triggers/{name}`: starts one.
pub(super) async fn start(Inbound { server, name, asked, body }: Inbound) -> Response {
    if server.gate().is_shutting_down() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, SHUTTING_DOWN);
    }
    let Some(slot) = server.gate().enter() else { return busy() };
    let (message, text) = match read(&server, body).await {
        Ok(read) => read,
        Err(unread) => return refuse(unread, &asked, slot, &server),
    };
    let fits = agree(Kind::Trigger, &name, &message.step).and_then(|()| is_nameable(&message));
    if let Err(refusal) = fits {
        return asked.bad_request(&refusal);
    }
    let (kind, meta) = (message.event_type(), message.meta.clone());
    match server.triggers().start(message, &text).await {
        Ok(report) => json(StatusCode::CREATED, &report),
        Err(failure) => {
            let code = status(failure.kind());
            answer::event(code, &Event::refused(kind, meta, failure), slot, server.metrics().sent())
        }
    }
}

/// The start message, and the text that it was read from: a trigger that is to be resumed is saved as it came.
async fn read(server: &Server, body: Body) -> Result<(StartMessage, Vec<u8>), Unread> {
    let text = Incoming::new(body, server.limits()).text(MESSAGE_LIMIT as u64).await?;
    server.metrics().received(text.len() as u64);
    Ok((StartMessage::parse(&text)?, text))
}

/// Whether the trigger could be named in a path, as whoever stops it does.
fn is_nameable(message: &StartMessage) -> Result<(), String> {
    let id = message.meta.member("triggerId");
    match RESERVED.iter().find(|reserved| id.as_ref().is_some_and(|id| id == *reserved)) {
        None => Ok(()),
        Some(reserved) => Err(format!(
            "\"{reserved}\" cannot be a triggerId, since it is a path of this interface. Give the trigger another one."
        )),
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
