//! The signals by which a process is asked to end, and one that would kill it.

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

/// Lets a write fail that would make a file larger than the process may (`ulimit -f`), as one does on a full disk. Before
/// that it kills the process (SIGXFSZ), and nobody is told why. Has to be called within a runtime.
#[cfg(unix)]
pub(crate) fn survive_file_size_limit() -> io::Result<()> {
    use rustix::process::Signal;
    use tokio::signal::unix::{SignalKind, signal};

    // Nobody waits for the signal. Its handler stays when this end of it is dropped: tokio never takes one out again.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "where there is such a limit this can fail")]
pub(crate) fn survive_file_size_limit() -> io::Result<()> {
    Ok(())
}
