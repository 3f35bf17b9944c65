//! Names on the server are bytes, and people write text: which text stands for which bytes, in one session.
//!
//! Invariant: a session decides on a charset at most once, and never goes back on it.

use ftp_proto::{Charset, Command, PathError, RemotePath};

use super::Session;
use crate::control::Control;
use crate::encoding::{Encoding, detect};
use crate::error::Error;

/// What a session knows of the names on its server.
#[derive(Debug)]
pub(super) struct Names {
    charset: Charset,
    /// Whether the charset is the one, or UTF-8 for want of evidence.
    is_decided: bool,
    /// How many names beyond ASCII were UTF-8, as long as nothing is decided.
    utf8: usize,
    /// Whether the server was asked for UTF-8, as far as it can be.
    is_announced: bool,
}

impl Names {
    /// `learnt` is what an earlier session with the server decided on.
    pub(super) fn new(encoding: Encoding, learnt: Option<Charset>) -> Self {
        let (charset, is_decided) = match encoding {
            Encoding::Fixed(charset) => (charset, true),
            Encoding::Auto => (learnt.unwrap_or_default(), learnt.is_some()),
        };
        Self { charset, is_decided, utf8: 0, is_announced: false }
    }

    /// Takes over what another session with the server has decided on meanwhile, unless this one has decided itself.
    pub(super) fn catch_up(&mut self, learnt: Option<Charset>) {
        if let (Some(charset), false) = (learnt, self.is_decided) {
            (self.charset, self.is_decided) = (charset, true);
        }
    }

    /// Takes note of a name that came in a listing. True when it cannot be read before a charset is decided on.
    pub(super) fn note(&mut self, name: &[u8]) -> bool {
        if self.is_decided || name.is_ascii() {
            return false;
        }
        let is_utf8 = str::from_utf8(name).is_ok();
        self.utf8 += usize::from(is_utf8);
        !is_utf8
    }
}

impl Session {
    /// The charset in which this session reads and writes names.
    pub fn charset(&self) -> Charset {
        self.names.charset
    }

    /// The path that is meant by a text. Everything that [`Session::text`] gives leads back to the same bytes.
    ///
    /// # Errors
    ///
    /// [`PathError`] when the text is empty, holds CR, LF or NUL, or a character that the charset lacks.
    pub fn path(&self, text: &str) -> Result<RemotePath, PathError> {
        RemotePath::encode(text, self.charset())
    }

    /// The text of a name or path, without loss: see [`Charset::decode`].
    pub fn text(&self, name: &[u8]) -> String {
        self.charset().decode(name)
    }

    /// How else a refused path could be meant, which was made of `text` while nothing was known of the server's charset. The
    /// folder that the path branches off from, as far as that is plain ASCII, is listed once to find out. `None` when that
    /// leads to no other path.
    pub async fn respell(&mut self, text: &str, refused: &RemotePath) -> Option<RemotePath> {
        if text.is_ascii() {
            return None;
        }
        if !self.names.is_decided
            && let Err(error) = self.look_through(&ascii_folder(refused)).await
        {
            // The refusal that led here is the better answer.
            tracing::debug!("no charset can be found out: {error}");
            return None;
        }
        self.path(text).ok().filter(|path| path != refused)
    }

    /// Lists a folder for what its names tell of the charset.
    async fn look_through(&mut self, folder: &RemotePath) -> Result<(), Error> {
        let mut listing = self.list(folder).await?;
        while listing.next().await?.is_some() {}
        Ok(())
    }

    /// Decides on the charset, for this session and for later ones: on what another session of the same client has
    /// found out meanwhile, else on what `names` look like.
    pub(super) fn decide_charset<'n>(&mut self, names: impl IntoIterator<Item = &'n [u8]>) {
        let charset = *self.client.learnt().charset.get_or_insert_with(|| detect(self.names.utf8, names));
        match charset {
            Charset::Utf8 => tracing::info!("Some names are not UTF-8, but most are: all are read as UTF-8"),
            charset => tracing::info!("Names are not UTF-8: they are read as {charset} from here on"),
        }
        self.names = Names { charset, is_decided: true, ..self.names };
    }

    /// Does what a command's path needs beforehand.
    pub(super) async fn announce_path(&mut self, command: &Command) -> Result<(), Error> {
        match command.path() {
            Some(path) if !path.as_bytes().is_ascii() => self.announce_utf8().await,
            _ => Ok(()),
        }
    }

    /// Asks for names in UTF-8 where FEAT offers them (RFC 2640 §3.2): some servers keep to an older charset until they
    /// are asked. Once, and only before names that matter, since FEAT alone would cost a plain download a round trip.
    ///
    /// In the mode [`Encoding::Auto`] it is asked for whatever was decided, because that was decided on names that came
    /// after the same question.
    pub(super) async fn announce_utf8(&mut self) -> Result<(), Error> {
        let is_wanted =
            matches!(self.client.config().encoding, Encoding::Auto | Encoding::Fixed(Charset::Utf8));
        if is_wanted && !self.names.is_announced {
            if self.features().await?.utf8 {
                // A refusal changes nothing: IIS and others say no to the option and send UTF-8 all the same.
                self.converse(&Command::OptsUtf8On).await?;
            }
            self.names.is_announced = true;
        }
        Ok(())
    }

    /// Brings a new control connection to where the old one was.
    pub(super) async fn announce_again(&self, control: &mut Control) -> Result<(), Error> {
        let is_offered = self.features.as_ref().is_some_and(|features| features.utf8);
        if self.names.is_announced && is_offered {
            control.exchange(&Command::OptsUtf8On).await?;
        }
        Ok(())
    }
}

/// The nearest folder above a path whose own path is the same in every charset.
fn ascii_folder(path: &RemotePath) -> RemotePath {
    let mut folder = path.parent();
    while let Some(above) = folder.take_if(|folder| !folder.as_bytes().is_ascii()) {
        folder = above.parent();
    }
    folder.unwrap_or_else(RemotePath::here)
}
