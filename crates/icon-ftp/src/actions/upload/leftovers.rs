//! What an atomic upload leaves on the server when nobody waits for it any more: a request whose client has gone away is
//! dropped wherever it stands, and can do nothing itself then.

use std::sync::Arc;
use std::time::Duration;

use ftp_client::{Client, Error, Pool, Session};
use ftp_proto::RemotePath;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::Instrument as _;

use super::put_back;
use crate::access::Access;

/// How long it may take to clean up, a login and the wait for it included.
const CLEANING: Duration = Duration::from_mins(1);

/// How often a file is deleted that the server does not let go: it may not have noticed yet that nobody sends any more.
const ATTEMPTS: u32 = 3;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// Files under names of ours. Unless they are [dismissed](Leftovers::dismiss), they are cleaned up in the background, with
/// a session of their own.
pub(super) struct Leftovers(Option<Files>);

/// Counts how much cleaning up is under way. Cheap to clone; clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cleanups(Arc<watch::Sender<usize>>);

/// One that is under way, until it is dropped.
struct UnderWay(Cleanups);

impl Cleanups {
    /// Waits until none is under way.
    pub(crate) async fn all_done(self) {
        // The sender is in `self`, so the channel cannot close.
        let _ = self.0.subscribe().wait_for(|under_way| *under_way == 0).await;
    }

    fn begin(self) -> UnderWay {
        self.0.send_modify(|under_way| *under_way += 1);
        UnderWay(self)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.send_modify(|under_way| *under_way -= 1);
    }
}

struct Files {
    cleanups: Cleanups,
    pool: Pool,
    client: Client,
    /// The new file, or part of it.
    temporary: RemotePath,
    /// The old file's name, and the one that it has meanwhile.
    moved: Option<(RemotePath, RemotePath)>,
}

impl Leftovers {
    /// Those of an upload that goes to `temporary` first.
    pub(super) fn of(session: &Session, access: &Access, temporary: RemotePath) -> Self {
        let (cleanups, pool) = (access.cleanups.clone(), access.pool.clone());
        Self(Some(Files { cleanups, pool, client: session.client().clone(), temporary, moved: None }))
    }

    /// The old file `path` is about to be moved out of the way.
    pub(super) fn moving(&mut self, path: &RemotePath, aside: &RemotePath) {
        if let Some(files) = &mut self.0 {
            files.moved = Some((path.clone(), aside.clone()));
        }
    }

    /// Somebody has cleaned up, as far as that was possible.
    pub(super) fn dismiss(mut self) {
        self.0 = None;
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        // Without a runtime the process ends.
        if let (Some(files), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            let under_way = files.cleanups.clone().begin();
            let cleaning = async move {
                files.clean_up().await;
                drop(under_way);
            };
            runtime.spawn(cleaning.in_current_span());
        }
    }
}

impl Files {
    async fn clean_up(self) {
        let shown = self.temporary.display().to_string();
        match timeout(CLEANING, self.remove()).await {
            Ok(Ok(())) => tracing::info!("The upload was given up, and its temporary file removed"),
            Ok(Err(error)) => {
                tracing::warn!(
                    "The temporary file {shown} of an upload that was given up may be left: {error}"
                );
            }
            Err(_) => {
                tracing::warn!("The temporary file {shown} of an upload that was given up may be left");
            }
        }
    }

    async fn remove(self) -> Result<(), Error> {
        let mut session = self.pool.session(&self.client).await?;
        if let Some((path, aside)) = &self.moved {
            match put_back(&mut session, aside, path).await {
                // The old file had not been moved yet.
                Err(error) if error.is_rejection() => {}
                done => done?,
            }
        }
        let mut deleted = session.delete(&self.temporary).await;
        for _ in 1..ATTEMPTS {
            if deleted.is_ok() {
                break;
            }
            sleep(PAUSE).await;
            session.revive().await?;
            deleted = session.delete(&self.temporary).await;
        }
        if deleted.as_ref().is_err_and(Error::is_rejection) && session.stat(&self.temporary).await?.is_none()
        {
            deleted = Ok(());
        }
        session.give_back().await;
        deleted
    }
}
