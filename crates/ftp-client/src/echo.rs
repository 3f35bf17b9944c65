//! What servers repeat of a password when they complain, greet or explain, and what of it may be shown: nothing.

use base64_simd::STANDARD;
use ftp_proto::{Argument, Reply};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};

use crate::error::{Error, ProtocolFault};
use crate::secret::Secret;

/// A password in the forms in which it may come back, whatever the case of its letters: as it was sent, as in a URL, and in
/// base64, as logins of other protocols have it.
#[derive(Debug)]
pub(crate) struct Echoes(Vec<Secret<Vec<u8>>>);

impl Echoes {
    /// The blanks around a text do not survive its way into a sentence, so those of the password do not count.
    pub(crate) fn of(password: &Secret<Argument>) -> Self {
        let whole = password.expose().as_bytes();
        let plain = whole.trim_ascii();
        let percent = percent_encode(plain, NON_ALPHANUMERIC).to_string().into_bytes();
        let encoded = STANDARD.encode_to_string(whole).into_bytes();
        Self([plain.to_vec(), percent, encoded].map(Secret::new).into())
    }

    /// The reply with stars in their place.
    pub(crate) fn hide(&self, reply: Reply) -> Reply {
        self.0.iter().fold(reply, |reply, form| reply.without(form.expose()))
    }

    /// The same for what is no reply, and is quoted in an error.
    pub(crate) fn hide_in_error(&self, error: Error) -> Error {
        match error {
            Error::Protocol(ProtocolFault::Reply(error)) => {
                let hidden = self.0.iter().fold(error, |error, form| error.without(form.expose()));
                Error::Protocol(hidden.into())
            }
            other => other,
        }
    }
}
