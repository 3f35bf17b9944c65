//! What every request goes through first: an identifier, a look at its header, its token; and the line that tells how it
//! ended.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use axum::middleware::Next;
use axum::response::Response;
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use super::Server;
use super::answer::Asked;
use crate::log;

/// The header that names a request, taken from the client where it is fit for a log and always given back.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The most bytes of a request's identifier.
const ID_LENGTH: usize = 128;

/// The most bytes of a request's header (32 KiB).
const HEADER_BYTES: usize = 32 << 10;

/// The most lines of a request's header.
const HEADER_LINES: usize = 100;

/// The paths that answer without a token: whoever watches over the process has none.
pub(super) const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// Names the request, lets it on if it may, and logs its end.
pub(super) async fn over(State(server): State<Server>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = identifier(request.headers());
    let span = log::request_span(id.to_str().unwrap_or_default());
    let line = format!("{} {}", request.method(), request.uri().path());
    let answering = async {
        let (parts, body) = request.into_parts();
        let response = match refusal(&server, &parts) {
            Some(refusal) => refusal,
            None => next.run(Request::from_parts(parts, body)).await,
        };
        let took = began.elapsed().as_secs_f64() * 1000.0;
        tracing::debug!("{line} answered with {} after {took:.1} ms", response.status().as_u16());
        response
    };
    let mut response = answering.instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The client's identifier if it is short and of visible characters, else a new one.
fn identifier(headers: &HeaderMap) -> HeaderValue {
    let is_fit = |id: &&HeaderValue| {
        (1..=ID_LENGTH).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    let new = || {
        // Hexadecimal digits and hyphens make a header.
        HeaderValue::from_str(&Uuid::new_v4().to_string()).unwrap_or(HeaderValue::from_static("-"))
    };
    headers.get(REQUEST_ID).filter(is_fit).cloned().unwrap_or_else(new)
}

/// The answer to a request that is not let on.
fn refusal(server: &Server, parts: &Parts) -> Option<Response> {
    let asked = Asked::of(server, parts);
    let headers = &parts.headers;
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if bytes > HEADER_BYTES || headers.len() > HEADER_LINES {
        let description = format!(
            "The request's header is too large: at most {HEADER_LINES} lines and {HEADER_BYTES} bytes are taken."
        );
        return Some(asked.refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &description));
    }
    if parts.version == Version::HTTP_11 && headers.get_all(HOST).iter().count() != 1 {
        return Some(asked.bad_request("A request has one header Host (RFC 9112, section 3.2)."));
    }
    if !OPEN.contains(&parts.uri.path()) && !has_token(server, headers) {
        let description = "A bearer token is needed: send the header \"Authorization: Bearer …\" with the token that this \
            plugin was started with.";
        let mut refusal = asked.refuse(StatusCode::UNAUTHORIZED, description);
        refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return Some(refusal);
    }
    None
}

/// Whether the request brings the token along, if one is wanted (RFC 6750 §2.1). The comparison takes equally long
/// whatever the token's first wrong character.
fn has_token(server: &Server, headers: &HeaderMap) -> bool {
    let Some(token) = server.token() else { return true };
    let given = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let given = given
        .and_then(|given| given.split_at_checked(7))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
    given.is_some_and(|(_, given)| given.trim_ascii().ct_eq(token).into())
}
