//! Who the server must prove to be.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

use crate::error::TlsFault;

/// How the server's certificate is judged.
#[derive(Debug, Clone)]
pub enum Verification {
    /// By the machine's trusted roots, and by Mozilla's where the machine has none.
    SystemRoots,
    /// By these authorities alone.
    Authorities(Vec<CertificateDer<'static>>),
    /// It must be this very certificate: SHA-256 of its DER form. Stands in for authority and name.
    Pin([u8; 32]),
    /// Not at all. Whoever sits on the way can read the password.
    Off,
}

impl Verification {
    /// Reads certificate authorities from PEM text.
    ///
    /// # Errors
    ///
    /// [`VerificationError`] when the text is no PEM, or holds no certificate.
    pub fn authorities_from_pem(pem: &str) -> Result<Self, VerificationError> {
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| VerificationError::Pem(error.to_string()))?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| VerificationError::Pem(error.to_string()))?;
        }
        if certificates.is_empty() {
            return Err(VerificationError::NoCertificate);
        }
        Ok(Self::Authorities(certificates))
    }

    /// Reads a pin: 64 hexadecimal digits in either case; colons between the bytes, as `openssl x509 -fingerprint`
    /// prints them, are fine.
    ///
    /// # Errors
    ///
    /// [`VerificationError::Pin`] for anything else.
    pub fn pin_from_hex(text: &str) -> Result<Self, VerificationError> {
        let digits: String = text.chars().filter(|char| *char != ':' && !char.is_whitespace()).collect();
        let mut sha256 = [0; 32];
        hex::decode_to_slice(digits, &mut sha256).map_err(|_| VerificationError::Pin)?;
        Ok(Self::Pin(sha256))
    }
}

/// Why a certificate setting cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerificationError {
    /// Not PEM, or a certificate in it cannot be an authority.
    #[error("it is not a PEM certificate ({0})")]
    Pem(String),
    /// PEM without a certificate.
    #[error("it holds no certificate (a block between BEGIN CERTIFICATE and END CERTIFICATE)")]
    NoCertificate,
    /// Not a SHA-256 in hexadecimal.
    #[error("it is not a SHA-256 fingerprint (64 hexadecimal digits)")]
    Pin,
}

/// Why a certificate did not pass, in words that a person can act on.
pub(super) fn refusal(error: &CertificateError) -> TlsFault {
    let reason = match error {
        CertificateError::Other(OtherError(inner)) => match inner.downcast_ref::<NotThePinnedOne>() {
            Some(other) => return TlsFault::Pin { found: other.found.clone() },
            None => format!("cannot be used ({inner})"),
        },
        CertificateError::UnknownIssuer => "was issued by nobody who is trusted".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another name than `host`".to_owned()
        }
        CertificateError::Revoked => "has been revoked".to_owned(),
        other => format!("is not valid ({other})"),
    };
    TlsFault::Certificate(reason)
}

pub(super) fn verifier(
    verification: &Verification,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsFault> {
    let algorithms = provider.signature_verification_algorithms;
    let roots = match verification {
        Verification::SystemRoots => system_roots(),
        Verification::Authorities(certificates) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates.iter().cloned());
            roots
        }
        Verification::Pin(sha256) => return Ok(Arc::new(Pinned { sha256: *sha256, algorithms })),
        Verification::Off => return Ok(Arc::new(Unverified { algorithms })),
    };
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| TlsFault::Authorities(error.to_string()))?;
    Ok(verifier)
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!("some trusted roots of this machine cannot be read: {error}");
    }
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// Accepts one certificate. The handshake's signature is still checked: the certificate is public, its key is not.
#[derive(Debug)]
struct Pinned {
    sha256: [u8; 32],
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found = Sha256::digest(end_entity);
        if found[..] == self.sha256 {
            return Ok(ServerCertVerified::assertion());
        }
        let other = NotThePinnedOne { found: hex::encode(found) };
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(other)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// How [`Pinned`] tells what came, through rustls.
#[derive(Debug)]
struct NotThePinnedOne {
    /// SHA-256 in hexadecimal.
    found: String,
}

impl fmt::Display for NotThePinnedOne {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its SHA-256 is {}", self.found)
    }
}

impl std::error::Error for NotThePinnedOne {}

/// Accepts every certificate and every signature: what `ssl_verify: false` asks for, on old servers too, whose
/// certificates cannot even be parsed.
#[derive(Debug)]
struct Unverified {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_64_hex_digits() {
        let plain = "00ff".repeat(16);
        let colons = vec!["00:FF"; 16].join(":");
        for good in [plain.as_str(), &colons] {
            let Ok(Verification::Pin(bytes)) = Verification::pin_from_hex(good) else { panic!("{good}") };
            assert_eq!(bytes[..4], [0, 255, 0, 255]);
        }
        for bad in ["", "00ff", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64), "ä"] {
            assert!(matches!(Verification::pin_from_hex(bad), Err(VerificationError::Pin)), "{bad}");
        }
    }

    #[test]
    fn authorities_are_pem_certificates() {
        assert!(matches!(Verification::authorities_from_pem("hello"), Err(VerificationError::NoCertificate)));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(Verification::authorities_from_pem(broken), Err(VerificationError::Pem(_))));
        let unended = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(matches!(Verification::authorities_from_pem(unended), Err(VerificationError::Pem(_))));
    }
}
