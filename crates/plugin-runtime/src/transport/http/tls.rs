//! HTTPS: the certificate that the options name.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::options::HttpOptions;
use super::unusable;
use crate::failure::Failure;

/// TLS as the options want it; `None` for clear text.
pub(super) fn acceptor(options: &HttpOptions) -> Result<Option<TlsAcceptor>, Failure> {
    let (Some(cert), Some(key)) = (&options.tls_cert, &options.tls_key) else { return Ok(None) };
    let chain = chain(cert)?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unusable(&format!("The private key {} cannot be read", key.display()), &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| unusable("Certificate and private key cannot be used", &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let refused = |error: &dyn std::fmt::Display| {
        unusable(&format!("The certificate {} cannot be read", path.display()), error)
    };
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|error| refused(&error))?.collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(refused(&"there is no certificate in it")),
        Ok(chain) => Ok(chain),
        Err(error) => Err(refused(&error)),
    }
}
