//! How the trigger of a process of its own is asked to end: by a signal or by the flag file.

use std::path::Path;
use std::time::Duration;

use crate::failure::Failure;
use crate::signal;

/// How often the flag file is looked for.
const FLAG_INTERVAL: Duration = Duration::from_secs(1);

/// The file that asks a trigger to end.
pub(super) const FLAG: &str = "terminate_trigger.flag";

/// Becomes ready when somebody wants the trigger to end.
///
/// # Errors
/// Signals cannot be awaited.
pub(super) fn asked_to_end(flag_dir: &Path) -> Result<impl Future<Output = ()> + use<>, Failure> {
    let flag = flag_dir.join(FLAG);
    let asked = signal::to_end().map_err(|error| {
        Failure::internal(
            format!("Signals cannot be awaited: {error}"),
            "The machine may be short of file descriptors. Give the process more and start the trigger again.",
        )
    })?;
    Ok(async move {
        tokio::select! {
            () = asked => tracing::info!("Asked to end by a signal"),
            () = seen(&flag) => tracing::info!("Asked to end by {}", flag.display()),
        }
    })
}

/// Waits for the flag file and deletes it.
async fn seen(flag: &Path) {
    loop {
        // One system call that does both; it is too quick to be worth another thread.
        match std::fs::remove_file(flag) {
            Ok(()) => return,
            Err(_) if !flag.exists() => {}
            Err(error) => return tracing::warn!("{} cannot be deleted: {error}", flag.display()),
        }
        tokio::time::sleep(FLAG_INTERVAL).await;
    }
}
