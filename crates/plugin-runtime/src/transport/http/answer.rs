//! The forms that answers have: compact JSON with sorted keys and a final newline, as the platform's own runtime writes it.

use std::io;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;
use serde_json::json;

use super::Server;
use super::gate::Slot;
use crate::event::{Event, Line};
use crate::streamed::Streamed;

/// An event up to this many bytes is written before the answer begins (256 KiB); a longer one while it is sent, and so is
/// one that has parts which are not in memory.
const WHOLE_EVENT: u64 = 256 << 10;

/// The type of nearly all answers.
pub(super) const JSON: &str = "application/json";

/// The type of documents, where that is asked for.
pub(super) const YAML: &str = "application/yaml";

/// The type of what Prometheus reads.
pub(super) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// When a client that was turned away may come again, in seconds.
const COME_AGAIN: &str = "1";

/// A value as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => typed(status, JSON, text + "\n"),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// A text of another type than JSON.
pub(super) fn typed(status: StatusCode, content_type: &'static str, text: String) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static(content_type))], text).into_response()
}

/// The short form of a refusal: `{"error": …}`.
pub(super) fn refusal(status: StatusCode, error: &str) -> Response {
    json(status, &json!({ "error": error }))
}

/// As [`refusal`], for what may succeed a little later.
pub(super) fn not_now(error: &str) -> Response {
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, error);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(COME_AGAIN));
    response
}

/// What was asked for, as the long form of a refusal repeats it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    url: String,
}

impl Asked {
    pub(super) fn of(server: &Server, parts: &Parts) -> Self {
        let header = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        // What stands in the request line comes first (RFC 9112 §3.2.2).
        let host = parts.uri.authority().map(Authority::as_str).or(header).unwrap_or("localhost");
        let path = parts.uri.path_and_query().map(PathAndQuery::as_str).filter(|path| path.starts_with('/'));
        let url = format!("{}://{host}{}", server.scheme(), path.unwrap_or_default());
        Self { method: parts.method.clone(), url }
    }

    /// The long form of a refusal.
    pub(super) fn refuse(&self, status: StatusCode, description: &str) -> Response {
        json(
            status,
            &json!({
                "code": status.as_u16(),
                "description": description,
                "method": self.method.as_str(),
                "name": status.canonical_reason().unwrap_or_default(),
                "response": null,
                "url": self.url,
            }),
        )
    }

    pub(super) fn not_found(&self) -> Response {
        self.refuse(StatusCode::NOT_FOUND, "The requested URL was not found on the server.")
    }

    /// The platform's own answer to a connection test of another name.
    pub(super) fn unknown_connection_test(&self) -> Response {
        json(
            StatusCode::NOT_FOUND,
            &json!({
                "code": 404,
                "error": "The requested endpoint is not available, only ['test', 'test_task'] are supported.",
                "method": self.method.as_str(),
                "name": "Not Found",
            }),
        )
    }

    pub(super) fn bad_request(&self, description: &str) -> Response {
        self.refuse(StatusCode::BAD_REQUEST, description)
    }
}

impl FromRequestParts<Server> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Self::Rejection> {
        Ok(Self::of(server, parts))
    }
}

/// An event, whatever its size. `slot` is held until its last byte is on its way.
pub(super) fn event(status: StatusCode, event: &Event, slot: Slot, sent: &Counter) -> Response {
    let body = event.line().and_then(|line| {
        sent.inc_by(line.len());
        let is_whole = line.is_in_memory() && line.len() <= WHOLE_EVENT;
        if is_whole { whole(&line) } else { Ok(Body::new(streamed(line, slot))) }
    });
    match body {
        Ok(body) => (status, [(CONTENT_TYPE, JSON)], body).into_response(),
        Err(error) => {
            refusal(StatusCode::INTERNAL_SERVER_ERROR, &format!("The event cannot be written: {error}"))
        }
    }
}

fn whole(line: &Line) -> io::Result<Body> {
    let mut text = Vec::new();
    line.write(&mut text)?;
    Ok(text.into())
}

/// A body that is written while it is sent. Where the writing fails, the body breaks off, which the client notices.
fn streamed(line: Line, slot: Slot) -> Streamed {
    let (sender, body) = Streamed::new(line.len());
    tokio::task::spawn_blocking(move || {
        let _slot = slot;
        let hand_over = |block: Vec<u8>| {
            sender.blocking_send(Ok(block.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
        };
        if let Err(error) = line.blocks(hand_over) {
            // A client that went away does not want to know how it ended.
            let _ = sender.blocking_send(Err(error));
        }
    });
    body
}
