//! Every wait has a limit: the one place that sets it.

use std::future::Future;
use std::time::Duration;

use crate::error::{Error, Wait};

/// Runs `future` for at most `limit`; past it, the error says what was waited for.
pub(crate) async fn within<T>(
    wait: Wait,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Result<T, Error> {
    tokio::time::timeout(limit, future).await.map_err(|_| Error::Timeout { wait, after: limit })
}
