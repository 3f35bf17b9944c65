//! Upload File: straight to its name, or under a temporary one first.

mod leftovers;

use ftp_client::{Error, Session};
use ftp_proto::{EntryKind, PathError, RemotePath};
use plugin_runtime::{Content, Context, Digest, Failure};
use serde::{Deserialize, Serialize};

pub(crate) use self::leftovers::Cleanups;
use self::leftovers::Leftovers;
use super::{begin, refusal};
use crate::access::Access;
use crate::connection::Connection;
use crate::failure;
use crate::transfer::{self, Place, TransferError};

/// What to put where, and how.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    file_content: Content,
    remote_path: String,
    overwrite: Option<bool>,
    atomic: Option<bool>,
    create_folders: Option<bool>,
}

/// Whether the server has it, whole.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Output {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    uploaded: bool,
}

/// Puts one file. A file that the server does not take is an answer, not a failure.
///
/// # Errors
///
/// A path that cannot be sent; no connection, no login, a transfer that is not whole.
pub(crate) async fn run(
    context: Context<Connection>,
    input: Input,
    access: Access,
) -> Result<Output, Failure> {
    let (mut session, path) = begin(&context, &access, "remote_path", &input.remote_path).await?;
    // Made while the file is sent.
    let sha256 = input.file_content.sha256();
    let output = match put(&mut session, &access, &path, &input).await {
        Ok(()) => {
            let size = input.file_content.len();
            tracing::info!("Uploaded {}, {size} bytes", session.charset().display(path.as_bytes()));
            Ok(Output { uploaded: true, size: Some(size), sha256: Some(sha256), reason: None })
        }
        Err(PutError::Client(error)) => refusal(&error).map(declined),
        Err(PutError::Exists) => Ok(declined(failure::FILE_EXISTS.to_owned())),
        Err(PutError::Failed(failure)) => Err(failure),
    };
    session.give_back().await;
    output
}

fn declined(reason: String) -> Output {
    Output { reason: Some(reason), ..Output::default() }
}

/// Why the file is not there.
enum PutError {
    Client(Error),
    Exists,
    Failed(Failure),
}

impl From<Error> for PutError {
    fn from(error: Error) -> Self {
        Self::Client(error)
    }
}

impl From<TransferError> for PutError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Client(error) => Self::Client(error),
            other => Self::Failed(other.into_failure()),
        }
    }
}

/// Returns once the server has all of the content under its final name.
async fn put(
    session: &mut Session,
    access: &Access,
    path: &RemotePath,
    input: &Input,
) -> Result<(), PutError> {
    if !input.overwrite.unwrap_or(true) && session.stat(path).await?.is_some() {
        return Err(PutError::Exists);
    }
    let create_folders = input.create_folders.unwrap_or(false);
    if !input.atomic.unwrap_or(false) {
        return send(session, path, Place::Taken, &input.file_content, create_folders).await;
    }
    let temporary = beside(path, "part")?;
    let mut leftovers = Leftovers::of(session, access, temporary.clone());
    let sent = send(session, &temporary, Place::New, &input.file_content, create_folders).await;
    let moved = match sent {
        Ok(()) => take_name(session, &temporary, path, &mut leftovers).await,
        Err(error) => Err(error),
    };
    if moved.is_err() {
        discard(session, &temporary).await;
    }
    leftovers.dismiss();
    moved
}

/// Sends the content. Folders are made only when the server refuses without them, which costs nothing in the usual
/// case that they are there.
async fn send(
    session: &mut Session,
    path: &RemotePath,
    place: Place,
    content: &Content,
    create_folders: bool,
) -> Result<(), PutError> {
    match transfer::send(session, path, content, place).await.map_err(PutError::from) {
        Err(PutError::Client(refused)) if create_folders && refused.is_rejection() => {
            let Some(folder) = path.parent() else { return Err(PutError::Client(refused)) };
            session.make_folders(&folder).await?;
            transfer::send(session, path, content, place).await.map_err(PutError::from)
        }
        done => done,
    }
}

/// Renames, and where the server does not replace a file by RNTO — RFC 959 leaves that open, and servers on Windows
/// refuse — moves the old file aside first. At every moment one whole file, the old or the new, is on the server.
async fn take_name(
    session: &mut Session,
    temporary: &RemotePath,
    path: &RemotePath,
    leftovers: &mut Leftovers,
) -> Result<(), PutError> {
    let refused = match session.rename(temporary, path).await {
        Err(error) if error.is_rejection() => error,
        renamed => return Ok(renamed?),
    };
    let in_the_way = session.stat(path).await?;
    if in_the_way.is_none_or(|entry| entry.kind != EntryKind::File) {
        return Err(refused.into());
    }
    let aside = beside(path, "old")?;
    leftovers.moving(path, &aside);
    session.rename(path, &aside).await?;
    let renamed = session.rename(temporary, path).await;
    let tidied = match &renamed {
        Ok(()) => session.delete(&aside).await,
        Err(_) => put_back(session, &aside, path).await,
    };
    if let Err(error) = tidied {
        let aside = session.charset().display(aside.as_bytes());
        tracing::warn!("The old file is left on the server as {aside}: {error}");
    }
    Ok(renamed?)
}

/// Gives the old file its name again, on a new session if the old one is gone — unless the new file has taken the name
/// after all, and only the reply that said so was lost.
async fn put_back(session: &mut Session, aside: &RemotePath, path: &RemotePath) -> Result<(), Error> {
    session.revive().await?;
    match session.stat(path).await? {
        Some(_) => session.delete(aside).await,
        None => session.rename(aside, path).await,
    }
}

/// A new name beside the final one, so that a rename stays within one folder and one file system. It does not hold the
/// final name, which may already be as long as names can be.
fn beside(path: &RemotePath, suffix: &str) -> Result<RemotePath, PutError> {
    let bad = |fault: PathError| PutError::Failed(failure::bad_path("remote_path", &fault));
    if path.file_name().is_none() {
        return Err(PutError::Failed(failure::no_file_name("remote_path")));
    }
    let name = format!(".icon-ftp-{:016x}.{suffix}", fastrand::u64(..)).into_bytes();
    match path.parent() {
        Some(folder) => folder.join(&name).map_err(bad),
        None => RemotePath::parse(name).map_err(bad),
    }
}

/// Removes what a failed atomic upload left, on a new session if the old one is gone. If that fails too, the log names
/// the file.
async fn discard(session: &mut Session, temporary: &RemotePath) {
    let deleted = match session.revive().await {
        Ok(()) => session.delete(temporary).await,
        Err(error) => Err(error),
    };
    match deleted {
        Ok(()) => {}
        // Refused is what the server says when nothing was left to remove.
        Err(error) if error.is_rejection() => {}
        Err(error) => {
            let temporary = session.charset().display(temporary.as_bytes());
            tracing::warn!("The temporary file {temporary} may be left on the server: {error}");
        }
    }
}
