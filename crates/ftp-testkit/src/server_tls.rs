//! The TLS of a server in this process: which certificate it shows, what it speaks, what it wants.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::certificate::Identity;
use crate::real::TlsVersions;

/// Everything that decides how a scripted server does TLS.
#[derive(Debug)]
pub(crate) struct ServerTls {
    pub(crate) identity: Identity,
    pub(crate) versions: TlsVersions,
    /// Whether a client without a certificate is turned away.
    pub(crate) demands_certificate: bool,
}

impl ServerTls {
    /// A server with a memory of its own: what it knows of TLS sessions, no other one does. It gives tickets as rustls does
    /// by itself: two after a TLS 1.3 handshake.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        let config = self.try_config();
        Arc::new(config.unwrap_or_else(|error| panic!("rustls refuses the throw-away certificate: {error}")))
    }

    fn try_config(&self) -> Result<ServerConfig, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(offered(self.versions))?;
        let builder = if self.demands_certificate {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates([self.identity.authority()]);
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        // Not `with_single_cert`, which would look at the certificate: some are meant to be garbage.
        let key = provider.key_provider.load_private_key(self.identity.key().clone_key())?;
        let certified = CertifiedKey::new(self.identity.chain().to_vec(), key);
        Ok(builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified))))
    }
}

fn offered(versions: TlsVersions) -> &'static [&'static SupportedProtocolVersion] {
    static ONLY_12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
    static ONLY_13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
    match versions {
        TlsVersions::Default => rustls::DEFAULT_VERSIONS,
        TlsVersions::Only12 => ONLY_12,
        TlsVersions::Only13 => ONLY_13,
    }
}
