//! TLS: who the server must prove to be, and the tickets with which its data connections resume the control
//! connection's session.
//!
//! vsftpd, ProFTPD and FileZilla Server refuse a data connection that does not resume the session of its control
//! connection. So every control connection has a ticket store of its own — two control connections that share one
//! confuse ProFTPD — and the store counts: a TLS 1.3 ticket is good for one connection (RFC 8446 §C.4), and a server
//! may hand out fewer than are used up. Running out is seen before a transfer, when nothing is lost yet.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue, WebPkiServerVerifier,
};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, NamedGroup, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config::TlsConfig;
use crate::error::{Channel, Error, TlsFault, Wait};
use crate::stream::Stream;
use crate::wait::within;

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

/// The TLS versions to offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versions {
    /// 1.3 and 1.2.
    Any,
    /// 1.2, whose sessions can be resumed any number of times.
    Only12,
}

/// What is the same for all connections to one server.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    name: ServerName<'static>,
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
}

impl Trust {
    /// Loads what `config` asks for. The machine's roots are read here, once for a client.
    pub(crate) fn new(host: &str, config: &TlsConfig) -> Result<Self, TlsFault> {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| TlsFault::ServerName(host.to_owned()))?;
        let provider = Arc::new(ring::default_provider());
        let verifier = verifier(&config.verification, &provider)?;
        Ok(Self { name, provider, verifier })
    }

    /// TLS for one new control connection and its data connections.
    pub(crate) fn link(&self, versions: Versions) -> Result<Link, TlsFault> {
        let tickets = Arc::new(Tickets::default());
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(offered(versions))
            .map_err(|error| TlsFault::Handshake(io::Error::other(error)))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&self.verifier))
            .with_no_client_auth();
        config.resumption = Resumption::store(Arc::clone(&tickets) as Arc<dyn ClientSessionStore>);
        Ok(Link { name: self.name.clone(), config: Arc::new(config), tickets })
    }
}

static ONLY_TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

fn offered(versions: Versions) -> &'static [&'static SupportedProtocolVersion] {
    match versions {
        Versions::Any => rustls::DEFAULT_VERSIONS,
        Versions::Only12 => ONLY_TLS12,
    }
}

fn verifier(
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

/// TLS of one control connection.
#[derive(Debug)]
pub(crate) struct Link {
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    tickets: Arc<Tickets>,
}

impl Link {
    /// Protects `tcp`. The first handshake of a link is a full one; later ones resume its session.
    pub(crate) async fn protect(
        &self,
        tcp: TcpStream,
        on: Channel,
        limit: Duration,
    ) -> Result<Stream, Error> {
        let handshake = TlsConnector::from(Arc::clone(&self.config)).connect(self.name.clone(), tcp);
        let stream = within(Wait::Handshake(on), limit, handshake)
            .await?
            .map_err(|error| Error::Tls { on, fault: handshake_fault(error) })?;
        tracing::debug!(
            "TLS on the {on} connection: {:?}, {:?} handshake",
            stream.get_ref().1.protocol_version(),
            stream.get_ref().1.handshake_kind(),
        );
        Ok(Stream::Tls(Box::new(stream)))
    }

    /// Whether the next data connection could not resume the session although earlier ones could: a server that
    /// demands resumption would now refuse it. A server that never gave a ticket cannot demand one.
    pub(crate) fn is_out_of_tickets(&self) -> bool {
        let jar = self.tickets.lock();
        jar.had_tls13 && jar.tls13.is_empty()
    }
}

fn handshake_fault(error: io::Error) -> TlsFault {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(reason)) => TlsFault::Certificate(reason.to_string()),
        _ => TlsFault::Handshake(error),
    }
}

/// The sessions of one control connection. The server's name is no key here: there is only one.
#[derive(Debug, Default)]
struct Tickets(Mutex<Jar>);

#[derive(Debug, Default)]
struct Jar {
    group: Option<NamedGroup>,
    tls12: Option<Tls12ClientSessionValue>,
    tls13: VecDeque<Tls13ClientSessionValue>,
    had_tls13: bool,
}

/// A server may send tickets without end; the newest of them are enough.
const MOST_TICKETS: usize = 16;

impl Tickets {
    /// No code panics while it holds the lock, so a poisoned one still guards sound data.
    fn lock(&self) -> MutexGuard<'_, Jar> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.lock().group = Some(group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.lock().group
    }

    fn set_tls12_session(&self, _: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.lock().tls12 = Some(session);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.lock().tls12.clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.lock().tls12 = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        let mut jar = self.lock();
        jar.had_tls13 = true;
        jar.tls13.push_back(ticket);
        if jar.tls13.len() > MOST_TICKETS {
            jar.tls13.pop_front();
        }
    }

    /// The newest first: it lives longest, and it belongs to the connection that the server saw last.
    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.lock().tls13.pop_back()
    }
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
        let reason = format!("it is not the pinned one; its SHA-256 is {}", hex::encode(found));
        Err(rustls::Error::InvalidCertificate(CertificateError::Other(rustls::OtherError(Arc::new(
            io::Error::other(reason),
        )))))
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
