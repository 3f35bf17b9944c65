//! Delete File.

use plugin_runtime::{Context, Failure};
use serde::{Deserialize, Serialize};

use super::{begin, refusal};
use crate::access::Access;
use crate::connection::Connection;

/// What to delete.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    path: String,
}

/// Whether it is gone.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Output {
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Deletes one file. A file that the server does not let go is an answer, not a failure.
///
/// # Errors
///
/// A path that cannot be sent; no connection, no login, a broken session.
pub(crate) async fn run(
    context: Context<Connection>,
    input: Input,
    access: Access,
) -> Result<Output, Failure> {
    let (mut session, mut path) = begin(&context, &access, "path", &input.path).await?;
    let mut deleted = session.delete(&path).await;
    if let Err(error) = &deleted
        && error.is_rejection()
        && let Some(respelt) = session.respell(&input.path, &path).await
    {
        path = respelt;
        deleted = session.delete(&path).await;
    }
    let output = match deleted {
        Ok(()) => {
            tracing::info!("Deleted {}", session.charset().display(path.as_bytes()));
            Ok(Output { deleted: true, reason: None })
        }
        Err(error) => refusal(&error).map(|reason| Output { deleted: false, reason: Some(reason) }),
    };
    session.give_back().await;
    output
}
