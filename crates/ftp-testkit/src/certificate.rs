//! A throw-away authority and one certificate signed by it: every server of this kit has its own, none is
//! ever stored in the repository, and a test that trusts one server trusts no other.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};

/// A server's certificate for `127.0.0.1` and `localhost`, with the authority that signed it.
#[derive(Debug)]
pub struct Identity {
    authority: CertificateDer<'static>,
    ca_pem: String,
    certificate_pem: String,
    key_pem: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Makes a new authority and a certificate signed by it (ECDSA P-256).
    ///
    /// # Panics
    ///
    /// When the machine has no randomness to make keys from.
    pub fn generate() -> Self {
        Self::try_generate().unwrap_or_else(|error| panic!("no throw-away certificate: {error}"))
    }

    fn try_generate() -> Result<Self, rcgen::Error> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "ftp-testkit authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

        let mut server = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &issuer)?;

        Ok(Self {
            authority: issuer.der().clone(),
            ca_pem: issuer.pem(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        })
    }

    /// The authority's certificate as PEM: what a client that trusts this server is given.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The server's certificate as PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The server's private key as PEM (PKCS #8).
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// SHA-256 of the server's certificate in DER, in lower-case hexadecimal without separators.
    pub fn certificate_sha256(&self) -> String {
        use std::fmt::Write as _;
        Sha256::digest(&self.certificate).iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing into a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The TLS side of a client that trusts this server alone.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only programs are waited for"))]
    pub(crate) fn client_config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates([self.authority.clone()]);
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_root_certificates(roots).with_no_client_auth());
        Arc::new(config.unwrap_or_else(|error| panic!("rustls refuses its own versions: {error}")))
    }

    /// The TLS side of a server in this process, TLS 1.2 and 1.3, with session tickets as rustls gives them
    /// out.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            });
        Arc::new(config.unwrap_or_else(|error| panic!("rustls refuses the throw-away certificate: {error}")))
    }
}
