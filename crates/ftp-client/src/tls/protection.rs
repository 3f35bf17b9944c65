//! How a connection turned out to be protected, for people and for the tests of a connection.

use std::fmt;

use rustls::{ClientConnection, HandshakeKind, ProtocolVersion};

use super::certificate::CertificateFacts;

/// The TLS of a control connection. `Display` gives all of it in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// Such as `TLS 1.3`.
    pub version: String,
    /// The cipher suite by its registered name, such as `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// The server's certificate; how far it was checked is the configuration's matter.
    pub certificate: Option<CertificateFacts>,
}

impl Protection {
    pub(crate) fn of(connection: &ClientConnection) -> Self {
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
            other => format!("{other:?}"),
        };
        let cipher_suite = connection.negotiated_cipher_suite();
        Self {
            version,
            cipher_suite: cipher_suite.map_or_else(String::new, |suite| format!("{:?}", suite.suite())),
            certificate: connection
                .peer_certificates()
                .and_then(|chain| chain.first())
                .map(CertificateFacts::of),
        }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.version, self.cipher_suite)?;
        match &self.certificate {
            Some(certificate) => write!(f, "; {}", certificate.to_string().replace('\n', "; ")),
            None => Ok(()),
        }
    }
}

/// Whether a data connection took over the TLS session of its control connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionReuse {
    /// It did.
    Resumed,
    /// The server had given tickets, and did not take one back, or none was left. A server that demands reuse refuses
    /// the transfer then.
    Declined,
    /// The server never gave a ticket.
    NotOffered,
}

impl SessionReuse {
    /// `had_tickets` tells whether the server had given any before this handshake.
    pub(super) fn of(connection: &ClientConnection, had_tickets: bool) -> Self {
        match connection.handshake_kind() {
            Some(HandshakeKind::Resumed) => Self::Resumed,
            _ if had_tickets => Self::Declined,
            _ => Self::NotOffered,
        }
    }
}
