//! What a handshake that came to nothing says about the other side.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, CertificateError, InvalidMessage, OtherError, PeerIncompatible, SignatureScheme,
};

use super::verifier::Refusal;
use crate::error::TlsFault;

/// Remembers whether the server asked for a certificate of ours. We have none; one that insists says so with an alert
/// that may mean other things, or leaves without a word.
#[derive(Debug, Default)]
pub(super) struct ClientCertificate {
    wanted: AtomicBool,
}

impl ClientCertificate {
    pub(super) fn was_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for ClientCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.wanted.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Why the handshake failed; `wanted` tells whether the server had asked for a certificate of ours.
pub(super) fn fault(error: io::Error, wanted: bool) -> TlsFault {
    let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return TlsFault::Broken(error);
    };
    match inner {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
            match inner.downcast_ref::<Refusal>() {
                Some(Refusal { flaw, certificate }) => {
                    TlsFault::Certificate { flaw: flaw.clone(), certificate: certificate.clone() }
                }
                None => TlsFault::Handshake(inner.to_string()),
            }
        }
        rustls::Error::AlertReceived(alert) => by_alert(*alert, wanted),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => TlsFault::NotTls,
        rustls::Error::PeerIncompatible(why) => by_incompatibility(why),
        other => TlsFault::Handshake(other.to_string()),
    }
}

fn by_alert(alert: AlertDescription, wanted: bool) -> TlsFault {
    use AlertDescription as A;
    match alert {
        A::CertificateRequired => TlsFault::ClientCertificate,
        // What servers say to a client without a certificate before TLS 1.3 had a word for it.
        A::HandshakeFailure | A::BadCertificate | A::NoCertificate | A::AccessDenied if wanted => {
            TlsFault::ClientCertificate
        }
        A::ProtocolVersion => TlsFault::NoCommonVersion,
        A::HandshakeFailure | A::InsufficientSecurity => TlsFault::NothingInCommon,
        A::UnrecognisedName => TlsFault::UnknownName,
        other => TlsFault::Alert(format!("{other:?}")),
    }
}

fn by_incompatibility(why: &PeerIncompatible) -> TlsFault {
    use PeerIncompatible as P;
    match why {
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled => TlsFault::NoCommonVersion,
        P::NoCipherSuitesInCommon
        | P::NoKxGroupsInCommon
        | P::NoSignatureSchemesInCommon
        | P::NoCertificateRequestSignatureSchemesInCommon => TlsFault::NothingInCommon,
        other => TlsFault::Handshake(format!("{other:?}")),
    }
}
