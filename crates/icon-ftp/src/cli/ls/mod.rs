//! `icon-ftp ls`: what is in a folder, and with `-R` in the folders in it, shown while it comes.

mod json;
mod screen;
mod table;
mod tree;
mod unreadable;

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;

use clap::Args;
use ftp_client::{Error, Listing, Session};
use ftp_proto::{Entry, EntryKind, RemotePath};

use self::screen::{Form, Screen};
use self::tree::{Folder, Limits, Tree};
use self::unreadable::Unreadable;
use super::console::Console;
use super::exit::{Exit, Problem};
use super::options::{ServerOptions, Target};
use crate::settings::Settings;

/// Options of `icon-ftp ls`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// List the folders in the folder too, and those in them. Links are not followed.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Print one JSON object a line: name, path, type, size, modified (RFC 3339), mode, target. A name that is no text
    /// also comes as `name_base64`.
    #[arg(long)]
    json: bool,
    /// How many levels of folders -R goes down.
    #[arg(long, value_name = "N", default_value_t = Limits::default().depth)]
    max_depth: usize,
    /// How many entries are shown before ls gives up.
    #[arg(long, value_name = "N", default_value_t = Limits::default().entries)]
    max_entries: u64,
    #[command(flatten)]
    server: ServerOptions,
}

/// Lists what the command line names.
pub(super) fn run(options: &Options, settings: &Settings) -> Exit {
    let console = options.server.console();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return console.tell(&error.into()),
    };
    match runtime.block_on(list(options, settings, &console)) {
        Ok(exit) => exit,
        Err(problem) => console.tell(&problem),
    }
}

async fn list(options: &Options, settings: &Settings, console: &Console) -> Result<Exit, Problem> {
    let target = options.server.target(settings, console)?;
    let mut session = target.client.connect().await?;
    let form = match (options.json, options.recursive) {
        (true, _) => Form::Json,
        (false, true) => Form::Paths,
        (false, false) => Form::Names,
    };
    let mut walk = Walk {
        recursive: options.recursive,
        screen: Screen::new(form),
        tree: Tree::new(options.limits()),
        unreadable: Unreadable::default(),
        refused: 0,
    };
    let done = walk.all(&mut session, &target).await;
    // What was found is shown, whatever came then.
    walk.screen.flush()?;
    walk.unreadable.tell();
    done?;
    session.quit().await;
    walk.tree.whole()?;
    Ok(if walk.refused == 0 { Exit::Done } else { Exit::Refused })
}

impl Options {
    fn limits(&self) -> Limits {
        Limits { depth: self.max_depth, entries: self.max_entries, ..Limits::default() }
    }
}

/// A listing, or many, on the way to the screen.
struct Walk {
    recursive: bool,
    screen: Screen,
    tree: Tree,
    unreadable: Unreadable,
    /// How many folders the server did not let us list.
    refused: usize,
}

impl Walk {
    /// Shows what the URL names, and with `-R` the folders below.
    async fn all(&mut self, session: &mut Session, target: &Target) -> Result<(), Problem> {
        match self.named(session, &target.path, target.names_folder).await {
            Err(Refusal::Server(refusal)) if session.is_usable() => {
                // Typed in another charset than the server's, perhaps.
                let path = session.respell(&target.text, &target.path).await.ok_or(refusal)?;
                self.named(session, &path, target.names_folder).await?;
            }
            done => done?,
        }
        while let Some(folder) = self.tree.next_folder()? {
            match self.folder(session, &folder).await {
                Err(Refusal::Server(refusal)) if session.is_usable() => self.pass_over(&folder, &refusal)?,
                done => done?,
            }
        }
        Ok(())
    }

    /// A folder's content, or the one line of a file. From the folder's files the server's clock is learnt first, so that
    /// all times can be told in UTC.
    async fn named(
        &mut self,
        session: &mut Session,
        path: &RemotePath,
        names_folder: bool,
    ) -> Result<(), Refusal> {
        let root = self.tree.begin(path);
        let listed = match session.list_with_clock(path).await {
            Ok(listing) => self.show(&root, listing).await,
            Err(error) => Err(error.into()),
        };
        match listed {
            Err(Refusal::Server(refusal)) if !names_folder && session.is_usable() => {
                self.file(session, path, refusal).await
            }
            done => done,
        }
    }

    async fn folder(&mut self, session: &mut Session, folder: &Folder) -> Result<(), Refusal> {
        self.screen.flush()?;
        // The question for the clock may have lost the session after the first folder was here.
        session.revive().await?;
        self.show(folder, session.list(&folder.path).await?).await
    }

    async fn show(&mut self, folder: &Folder, mut listing: Listing<'_>) -> Result<(), Refusal> {
        while let Some(mut entry) = next(&mut listing, &mut self.screen).await? {
            entry.modified = entry.modified.map(|modified| listing.in_utc(modified));
            self.tree.count()?;
            self.screen.entry(&folder.path_of(&entry.name), &entry, listing.charset())?;
            if self.recursive {
                self.tree.found(folder, &entry)?;
            }
        }
        self.unreadable.add(&folder.path, listing.unrecognized());
        self.tree.close();
        Ok(())
    }

    /// The path is no folder that may be listed; if it is a file, that is what was asked for.
    async fn file(
        &mut self,
        session: &mut Session,
        path: &RemotePath,
        refusal: Error,
    ) -> Result<(), Refusal> {
        let found = session.stat(path).await?.filter(|entry| entry.kind != EntryKind::Folder);
        let mut entry = found.ok_or(refusal)?;
        // MLST tells the whole path as the name.
        path.file_name().unwrap_or(path.as_bytes()).clone_into(&mut entry.name);
        entry.modified = entry.modified.map(|modified| session.in_utc(modified));
        Ok(self.screen.entry(path.as_bytes(), &entry, session.charset())?)
    }

    fn pass_over(&mut self, folder: &Folder, refusal: &Error) -> Result<(), Problem> {
        self.screen.flush()?;
        self.tree.close();
        self.refused += 1;
        tracing::warn!("{} was not listed: {refusal}", folder.path.display());
        Ok(())
    }
}

/// Why a folder was not listed.
enum Refusal {
    /// The server refused it.
    Server(Error),
    /// Something ended the command.
    Problem(Problem),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Rejected { .. } => Self::Server(error),
            other => Self::Problem(other.into()),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::Problem(error.into())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Server(error) => error.into(),
            Refusal::Problem(problem) => problem,
        }
    }
}

/// The next entry. Where it has to be waited for, everything before it is shown first.
async fn next(listing: &mut Listing<'_>, screen: &mut Screen) -> Result<Option<Entry>, Refusal> {
    let mut next = pin!(listing.next());
    match poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await {
        Poll::Ready(entry) => Ok(entry?),
        Poll::Pending => {
            screen.flush()?;
            Ok(next.await?)
        }
    }
}
