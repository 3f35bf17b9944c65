//! The judge of certificates that rustls asks, with one rule for each [`Verification`].
//!
//! A refusal takes the certificate's facts with it through rustls, so that whoever reads the error can decide.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};

use super::certificate::{self, CertificateFacts};
use super::flaw::{self, CertificateFlaw};
use super::signature;
use super::verification::Verification;
use crate::error::TlsFault;
use crate::secret::Secret;

/// Judges the certificates of one server.
#[derive(Debug)]
pub(super) struct Verifier {
    rule: Rule,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Rule {
    /// A chain up to an authority, with name and validity; or, byte for byte, one of the certificates that were given.
    Chain { authorities: Arc<WebPkiServerVerifier>, given: Vec<CertificateDer<'static>> },
    /// This very certificate. Whatever else the server sends with it does not count.
    Pin(Secret<[u8; 32]>),
    /// None: what `ssl_verify: false` asks for, on old servers too, whose certificates cannot even be read.
    Off,
}

impl Verifier {
    /// Loads what `verification` asks for.
    pub(super) fn new(verification: &Verification, provider: &Arc<CryptoProvider>) -> Result<Self, TlsFault> {
        let rule = match verification {
            Verification::SystemRoots => Rule::chain(system_roots(), Vec::new(), provider)?,
            Verification::Authorities(certificates) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(certificates.iter().cloned());
                Rule::chain(roots, certificates.clone(), provider)?
            }
            Verification::Pin(sha256) => Rule::Pin(sha256.clone()),
            Verification::Off => Rule::Off,
        };
        Ok(Self { rule, algorithms: provider.signature_verification_algorithms })
    }
}

impl Rule {
    fn chain(
        roots: RootCertStore,
        given: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsFault> {
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|error| TlsFault::Authorities(error.to_string()))?;
        Ok(Self::Chain { authorities, given })
    }
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

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = match &self.rule {
            // webpki takes no authority for a server, and an authority is what `openssl req -x509` makes of a server that
            // signs for itself. Whoever gives that certificate means just it; only name and validity are left to check.
            Rule::Chain { given, .. } if given.iter().any(|given| given == end_entity) => {
                verify_given(end_entity, name, now)
            }
            Rule::Chain { authorities, .. } => {
                authorities.verify_server_cert(end_entity, intermediates, name, ocsp_response, now).map(drop)
            }
            Rule::Pin(sha256) if Sha256::digest(end_entity)[..] == sha256.expose()[..] => Ok(()),
            Rule::Pin(_) => return Err(refuse(CertificateFlaw::NotPinned, CertificateFacts::of(end_entity))),
            Rule::Off => Ok(()),
        };
        verified
            .map_err(|error| with_facts(error, end_entity, flaw::of))
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if matches!(self.rule, Rule::Off) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        signature::verify_tls12(message, certificate, signed, &self.algorithms)
            .map_err(|error| bad_signature(error, certificate))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if matches!(self.rule, Rule::Off) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        signature::verify_tls13(message, certificate, signed, &self.algorithms)
            .map_err(|error| bad_signature(error, certificate))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Name and validity of a certificate that is trusted by itself.
fn verify_given(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), rustls::Error> {
    let parsed = certificate::parse(certificate).ok_or(CertificateError::BadEncoding)?;
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if seconds < parsed.validity().not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if seconds > parsed.validity().not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    if certificate::lists_names(&parsed) {
        return verify_server_name(&ParsedCertificate::try_from(certificate)?, name);
    }
    // Certificates made by hand have a common name and nothing else (RFC 6125 §6.4.4).
    let wanted = name.to_str();
    if certificate::common_names(&parsed).any(|common| common.eq_ignore_ascii_case(&wanted)) {
        return Ok(());
    }
    let presented = certificate::common_names(&parsed).map(str::to_owned).collect();
    Err(CertificateError::NotValidForNameContext { expected: name.to_owned(), presented }.into())
}

fn bad_signature(error: rustls::Error, certificate: &CertificateDer<'_>) -> rustls::Error {
    with_facts(error, certificate, |error, facts| flaw::of_signature(error, certificate, facts))
}

/// Gives an error about a certificate the certificate's facts to take along; another error stays as it is.
fn with_facts(
    error: rustls::Error,
    certificate: &CertificateDer<'_>,
    flaw: impl FnOnce(&CertificateError, &CertificateFacts) -> CertificateFlaw,
) -> rustls::Error {
    let rustls::Error::InvalidCertificate(error) = error else { return error };
    let facts = CertificateFacts::of(certificate);
    refuse(flaw(&error, &facts), facts)
}

fn refuse(flaw: CertificateFlaw, certificate: CertificateFacts) -> rustls::Error {
    let refusal = Refusal { flaw, certificate: Box::new(certificate) };
    rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
}

/// How the verifier tells, through rustls, what it found.
#[derive(Debug, Clone, thiserror::Error)]
#[error("it {flaw}")]
pub(super) struct Refusal {
    pub(super) flaw: CertificateFlaw,
    pub(super) certificate: Box<CertificateFacts>,
}
