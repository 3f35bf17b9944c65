//! The requests that run something: a start message in, an event out.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::time::{Instant, timeout_at};

use super::Server;
use super::admin::SHUTTING_DOWN;
use super::answer::{self, Asked, not_now, refusal};
use super::body::{Incoming, Unread};
use super::gate::Slot;
use super::routes::Name;
use crate::event::Event;
use crate::failure::{Failure, FailureKind};
use crate::handler::Probe;
use crate::message::{MessageError, MessageFault, StartMessage, Step};
use crate::step::{self, Mode};

/// `POST actions/{name}`.
pub(super) async fn action(inbound: Inbound) -> Response {
    inbound.run(Kind::Action).await
}

/// `POST tasks/{name}`.
pub(super) async fn task(inbound: Inbound) -> Response {
    inbound.run(Kind::Task).await
}

/// `POST actions/{name}/test`.
pub(super) async fn test_action(inbound: Inbound) -> Response {
    inbound.test(Kind::Action).await
}

/// `POST triggers/{name}/test`.
pub(super) async fn test_trigger(inbound: Inbound) -> Response {
    inbound.test(Kind::Trigger).await
}

/// `POST tasks/{name}/test`.
pub(super) async fn test_task(inbound: Inbound) -> Response {
    inbound.test(Kind::Task).await
}

/// `POST connection/{name}`: a test of the connection, with all that was found.
pub(super) async fn test_connection(inbound: Inbound) -> Response {
    if !matches!(inbound.name.as_str(), "test" | "test_task") {
        return inbound.asked.unknown_connection_test();
    }
    // What the test finds is its answer, so a connection that fails is no fault of ours.
    let found = |kind| match kind {
        FailureKind::Service => StatusCode::BAD_REQUEST,
        kind => status(kind),
    };
    inbound.perform(Kind::Connection, Mode::Test(Probe::Read), found).await
}

/// A request that brings a start message.
pub(super) struct Inbound {
    pub(super) server: Server,
    /// The name in its path.
    pub(super) name: String,
    pub(super) asked: Asked,
    pub(super) body: Body,
}

impl FromRequest<Server> for Inbound {
    type Rejection = Response;

    async fn from_request(request: Request, server: &Server) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Name(name) = Name::from_request_parts(&mut parts, server).await?;
        Ok(Self { server: server.clone(), name, asked: Asked::of(server, &parts), body })
    }
}

impl Inbound {
    async fn run(self, kind: Kind) -> Response {
        if self.server.gate().is_shutting_down() {
            return refusal(StatusCode::SERVICE_UNAVAILABLE, SHUTTING_DOWN);
        }
        self.perform(kind, Mode::Run, status).await
    }

    async fn test(self, kind: Kind) -> Response {
        self.perform(kind, Mode::Test(Probe::Read), status).await
    }

    /// Runs the step of the message. `status` says which status tells of which failure.
    async fn perform(self, kind: Kind, mode: Mode, status: fn(FailureKind) -> StatusCode) -> Response {
        let Some(slot) = self.server.gate().enter() else { return busy() };
        let server = self.server.clone();
        match self.read(kind, slot).await {
            Ok(work) => work.perform(&server, mode, status).await,
            Err(refusal) => refusal,
        }
    }

    /// Reads the message, and holds it against the route.
    async fn read(self, kind: Kind, slot: Slot) -> Result<Work, Response> {
        let Self { server, name, asked, body } = self;
        let (began, limits) = (Instant::now(), server.limits());
        let (message, bytes) = match Incoming::new(body, limits).message().await {
            Ok(read) => read,
            Err(unread) => return Err(refuse(unread, &asked, slot, &server)),
        };
        server.metrics().received(bytes);
        let name = if kind == Kind::Connection { "" } else { &name };
        agree(kind, name, &message.step).map_err(|disagreement| asked.bad_request(&disagreement))?;
        Ok(Work { message, slot, began, deadline: limits.deadline })
    }
}

/// What is said when as many steps run as may.
pub(super) fn busy() -> Response {
    not_now("As many steps are running as may run at once. Try again later, or raise --max-requests.")
}

/// The kind of step that a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Action,
    Trigger,
    Task,
    Connection,
}

impl Kind {
    fn title(self) -> &'static str {
        match self {
            Self::Action => "Action",
            Self::Trigger => "Trigger",
            Self::Task => "Task",
            Self::Connection => "Connection test",
        }
    }
}

/// A start message that its route agrees with.
struct Work {
    message: StartMessage,
    slot: Slot,
    began: Instant,
    deadline: Instant,
}

impl Work {
    /// Runs the step within the request's deadline.
    async fn perform(self, server: &Server, mode: Mode, status: fn(FailureKind) -> StatusCode) -> Response {
        let Self { message, slot, began, deadline } = self;
        let (kind, meta) = (message.event_type(), message.meta.clone());
        let step = label(server, &message.step, mode);
        let outcome = timeout_at(deadline, step::execute(server.plugin(), message, mode)).await;
        let (event, code) = match outcome {
            Ok(event) => {
                let code = event.failure().map_or(StatusCode::OK, |failure| status(failure.kind()));
                (event, code)
            }
            Err(_) => (Event::refused(kind, meta, late()), StatusCode::GATEWAY_TIMEOUT),
        };
        server.metrics().done(step, code, began.elapsed());
        answer::event(code, &event, slot, server.metrics().sent())
    }
}

/// The step's name for the metrics; one that only a client knows makes no series of its own.
fn label(server: &Server, step: &Step, mode: Mode) -> String {
    let spec = server.plugin().spec();
    let name = match step {
        Step::Action { name } if spec.actions.contains_key(name) => name,
        Step::Trigger { name, .. } if spec.triggers.contains_key(name) => name,
        Step::ConnectionTest => return "connection_test".to_owned(),
        Step::Action { .. } | Step::Trigger { .. } | Step::Task { .. } => return "unknown".to_owned(),
    };
    if mode == Mode::Run { name.clone() } else { format!("{name}_test") }
}

/// The answer to a body that holds no start message.
pub(super) fn refuse(unread: Unread, asked: &Asked, slot: Slot, server: &Server) -> Response {
    match unread {
        Unread::Message(error) => refuse_message(*error, asked, slot, server),
        Unread::TooLarge(_) => asked.refuse(StatusCode::PAYLOAD_TOO_LARGE, &unread.to_string()),
        Unread::TooSlow => asked.refuse(StatusCode::REQUEST_TIMEOUT, &unread.to_string()),
        Unread::Broken(_) => asked.bad_request(&unread.to_string()),
    }
}

fn refuse_message(error: MessageError, asked: &Asked, slot: Slot, server: &Server) -> Response {
    match error.fault {
        MessageFault::EmptyObject => refusal(StatusCode::BAD_REQUEST, "Empty input provided"),
        MessageFault::Shape => {
            let code = status(error.failure.kind());
            answer::event(code, &error.into(), slot, server.metrics().sent())
        }
        _ => asked.refuse(status(error.failure.kind()), error.failure.cause()),
    }
}

/// Whether a message is for the route that it was sent to.
pub(super) fn agree(kind: Kind, name: &str, step: &Step) -> Result<(), String> {
    let (of_body, name_in_body) = match step {
        Step::Action { name } => (Kind::Action, name.as_str()),
        Step::Trigger { name, .. } => (Kind::Trigger, name.as_str()),
        Step::Task { name } => (Kind::Task, name.as_str()),
        Step::ConnectionTest => (Kind::Connection, ""),
    };
    let title = kind.title();
    if of_body != kind {
        let found = of_body.title().to_lowercase();
        return Err(format!("{title} expected, but the input body is of the type that starts a {found}"));
    }
    if name_in_body != name {
        return Err(format!(
            "{title} name ({name_in_body}) in input body is not matching with name ({name}) in route"
        ));
    }
    Ok(())
}

/// The status that tells of a failure.
pub(super) fn status(kind: FailureKind) -> StatusCode {
    match kind {
        FailureKind::Message | FailureKind::UnknownStep | FailureKind::Connection | FailureKind::Input => {
            StatusCode::BAD_REQUEST
        }
        FailureKind::Forbidden => StatusCode::FORBIDDEN,
        FailureKind::Conflict => StatusCode::CONFLICT,
        FailureKind::Service | FailureKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn late() -> Failure {
    Failure::service(
        "The step did not end in the time that a request may take",
        "Raise --request-timeout where the plugin runs if the step needs longer. Its transfer was cancelled.",
    )
}
