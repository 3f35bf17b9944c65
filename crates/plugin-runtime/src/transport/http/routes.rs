//! The table of all operations: the router, the refusals of wrong methods, and the descriptions are made from it.

use axum::Router;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, delete, get, post};

use super::answer::{Asked, refusal};
use super::{Server, admin, catalogue, steps, triggers, watch};

/// The prefix of the interface that the platform uses.
pub(super) const PREFIX: &str = "/api/v1";

/// One operation.
pub(super) struct Route {
    pub(super) method: Method,
    /// Below its prefixes, with the parameters in braces.
    pub(super) path: &'static str,
    pub(super) place: Place,
    pub(super) summary: &'static str,
    pub(super) about: About,
    /// The statuses of its answers, where its path names a step that there is, and what they say. Those that any route
    /// may have are not among them.
    pub(super) answers: Answers,
    handler: MethodRouter<Server>,
}

/// Where an operation is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Below `/api/v1` alone.
    Versioned,
    /// There and, as in the platform's earlier versions, below `/`.
    Both,
    /// Below `/` alone: for those who watch over processes.
    Root,
}

/// What an operation is about, and so what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The plugin or the process.
    Plugin,
    /// As before, in the format that the query names.
    Document,
    /// Each action, trigger or task, without a body.
    Actions,
    Triggers,
    Tasks,
    /// Likewise, with a start message as the body.
    ActionMessage,
    TriggerMessage,
    TaskMessage,
    ConnectionMessage,
    /// One running trigger.
    RunningTrigger,
}

/// What an answer's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// JSON of the schema that `describe` has under this name.
    Json(&'static str),
    /// A document of the plugin's, in the format that the query names.
    Document,
    /// Counters for Prometheus.
    Metrics,
    /// The event of a step that was run, with the step's output.
    Done,
    /// The event of a connection that was tested.
    Tested,
    /// The event of a step that failed.
    Failed,
    /// `{"error": …}`, or the long form of a refusal.
    Refusal,
    /// Either of the last two.
    FailedOrRefusal,
}

use Answer::{Document, Done, Failed, FailedOrRefusal, Json, Metrics, Refusal, Tested};

/// Answers by their status.
type Answers = &'static [(u16, Answer)];

const NAMES: Answers = &[(200, Json("answer.names"))];
const WORKERS: Answers = &[(200, Json("answer.workers"))];
const DOCUMENT: Answers = &[(200, Document), (422, Refusal)];
const STANZA: Answers = &[(200, Json("answer.step"))];
const RUN: Answers = &of_step(Done);
const TEST: Answers = &of_step(Tested);
/// No plugin of this runtime has tasks.
const NO_STANZA: Answers = &[(400, Refusal)];
const NO_TASK: Answers = &[(400, FailedOrRefusal), (408, Refusal), (413, Refusal), (503, Refusal)];
const STARTED: Answers = &[
    (201, Json("answer.trigger")),
    (400, FailedOrRefusal),
    (403, Failed),
    (408, Refusal),
    (409, Failed),
    (413, Refusal),
    (500, Failed),
    (503, Refusal),
];
const RUNNING: Answers = &[(200, Json("answer.triggers"))];
const STOPPED: Answers = &[(200, Json("answer.trigger")), (404, Refusal)];
const READY: Answers = &[(200, Json("answer.status")), (503, Refusal)];

/// The answers of a request that runs a step or its test; `done` is that of a success.
const fn of_step(done: Answer) -> [(u16, Answer); 8] {
    [
        (200, done),
        (400, FailedOrRefusal),
        (403, Failed),
        (408, Refusal),
        (413, Refusal),
        (500, Failed),
        (503, Refusal),
        (504, Failed),
    ]
}

/// Every operation there is.
#[rustfmt::skip] // A table is read by its columns.
pub(super) fn table() -> Vec<Route> {
    use About::{ActionMessage, Actions, ConnectionMessage, Document, Plugin, RunningTrigger, TaskMessage, Tasks, TriggerMessage, Triggers};
    use Place::{Both, Root, Versioned};
    let get = |path, about, answers, summary, handler| Route { method: Method::GET, path, place: Versioned, summary, about, answers, handler };
    let post = |path, place, about, answers, summary, handler| Route { method: Method::POST, path, place, summary, about, answers, handler };
    vec![
        post("/actions/{name}", Both, ActionMessage, RUN, "Run an action", self::post(steps::action)),
        post("/actions/{name}/test", Both, ActionMessage, TEST, "Test the connection of an action", self::post(steps::test_action)),
        post("/triggers/{name}/test", Both, TriggerMessage, TEST, "Test the connection of a trigger", self::post(steps::test_trigger)),
        post("/tasks/{name}", Both, TaskMessage, NO_TASK, "Run a task", self::post(steps::task)),
        post("/tasks/{name}/test", Both, TaskMessage, NO_TASK, "Test the connection of a task", self::post(steps::test_task)),
        post("/connection/{name}", Versioned, ConnectionMessage, TEST, "Test the connection, step by step", self::post(steps::test_connection)),
        post("/triggers/{name}", Versioned, TriggerMessage, STARTED, "Start a trigger in this process", self::post(triggers::start)),
        get("/triggers/{name}/running", Triggers, RUNNING, "The triggers that run in this process", self::get(triggers::running)),
        Route { method: Method::DELETE, path: "/triggers/{name}/{trigger_id}", place: Versioned, summary: "Stop a trigger", about: RunningTrigger, answers: STOPPED, handler: delete(triggers::stop) },
        get("/info", Plugin, &[(200, Json("answer.info"))], "What the plugin is", self::get(catalogue::info)),
        get("/actions", Plugin, NAMES, "The names of the actions", self::get(catalogue::actions)),
        get("/triggers", Plugin, NAMES, "The names of the triggers", self::get(catalogue::triggers)),
        get("/tasks", Plugin, NAMES, "The names of the tasks", self::get(catalogue::tasks)),
        get("/actions/{name}", Actions, STANZA, "An action as the specification has it", self::get(catalogue::action)),
        get("/triggers/{name}", Triggers, STANZA, "A trigger as the specification has it", self::get(catalogue::trigger)),
        get("/tasks/{name}", Tasks, NO_STANZA, "A task as the specification has it", self::get(catalogue::task)),
        get("/spec", Document, DOCUMENT, "The specification", self::get(catalogue::spec)),
        get("/api", Document, DOCUMENT, "This interface, as Swagger 2.0", self::get(catalogue::api)),
        get("/openapi.json", Plugin, &[(200, Json("answer.document"))], "This interface, as OpenAPI 3.1", self::get(catalogue::openapi)),
        get("/connection", Plugin, &[(200, Json("answer.document"))], "The schema of the connection", self::get(catalogue::connection)),
        get("/definitions/actions", Plugin, &[(200, Json("answer.definitions"))], "The schemas of the actions' inputs", self::get(catalogue::definitions)),
        get("/status", Plugin, &[(200, Json("answer.status"))], "Whether the plugin is ready", self::get(admin::status)),
        get("/workers", Plugin, WORKERS, "How many processes serve requests", self::get(admin::workers)),
        post("/workers/add", Versioned, Plugin, WORKERS, "Changes nothing: one process serves all requests", self::post(admin::workers)),
        post("/workers/remove", Versioned, Plugin, WORKERS, "Changes nothing: one process serves all requests", self::post(admin::workers)),
        get("/admin/status", Plugin, &[(200, Json("answer.work"))], "What is under way", self::get(admin::work)),
        post("/admin/shutdown", Versioned, Plugin, &[(200, Json("answer.message"))], "Take no new work", self::post(admin::shutdown)),
        Route { place: Root, ..get("/healthz", Plugin, &[(200, Json("answer.status"))], "Whether the process answers", self::get(admin::health)) },
        Route { place: Root, ..get("/readyz", Plugin, READY, "Whether the process takes new work", self::get(admin::ready)) },
        Route { place: Root, ..get("/metrics", Plugin, &[(200, Metrics)], "Counters for Prometheus", self::get(admin::metrics)) },
    ]
}

impl Route {
    /// The paths that lead here.
    pub(super) fn paths(&self) -> Vec<String> {
        let below = |prefix: &str| format!("{prefix}{}", self.path);
        match self.place {
            Place::Versioned => vec![below(PREFIX)],
            Place::Both => vec![below(PREFIX), below("")],
            Place::Root => vec![below("")],
        }
    }
}

/// All operations, and refusals for everything else.
pub(super) fn router(server: &Server) -> Router {
    let mut router = Router::new();
    for route in table() {
        for path in route.paths() {
            router = router.route(&path, route.handler.clone());
        }
    }
    router
        .method_not_allowed_fallback(other_method)
        .fallback(unknown)
        .layer(axum::middleware::from_fn_with_state(server.clone(), watch::over))
        .with_state(server.clone())
}

/// The answer where there is no route.
async fn unknown(asked: Asked) -> Response {
    asked.not_found()
}

/// The answer where there is a route for other methods, which axum names in the header `Allow`.
async fn other_method(asked: Asked) -> Response {
    if asked.method == Method::OPTIONS {
        return StatusCode::OK.into_response();
    }
    asked.refuse(StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed for the requested URL.")
}

/// The name in a path.
pub(super) struct Name(pub(super) String);

impl FromRequestParts<Server> for Name {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Response> {
        // What does not decode to text is the name of nothing.
        let name: Result<Path<String>, _> = Path::from_request_parts(parts, server).await;
        name.map(|Path(name)| Self(name)).map_err(|_| Asked::of(server, parts).not_found())
    }
}

/// The form of a document, as the query's `format` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}

impl FromRequestParts<Server> for Format {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Server) -> Result<Self, Response> {
        let Ok(Query(query)) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri) else {
            return Err(refusal(StatusCode::UNPROCESSABLE_ENTITY, "The query cannot be read"));
        };
        match query.iter().rev().find(|(name, _)| name == "format").map(|(_, format)| format.as_str()) {
            None | Some("json") => Ok(Self::Json),
            Some("yaml") => Ok(Self::Yaml),
            Some(_) => Err(refusal(StatusCode::UNPROCESSABLE_ENTITY, "The format is either json or yaml")),
        }
    }
}
