//! The signals by which a process is asked to end.

use std::io;

/// Becomes ready with SIGTERM or SIGINT. From this call on neither of them kills the process.
#[cfg(unix)]
pub(crate) fn to_end() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Becomes ready with Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn to_end() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a console to listen to, nobody can press Ctrl-C.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
