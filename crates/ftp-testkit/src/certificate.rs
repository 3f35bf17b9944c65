//! Throw-away authorities and certificates signed by them, good ones and bad: every server of this kit has its own, none
//! is ever stored in the repository, and a test that trusts one server trusts no other.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};

/// A server's certificate for `127.0.0.1` and `localhost`, with the authority that signed it.
#[derive(Debug)]
pub struct Identity {
    authority: CertificateDer<'static>,
    ca_pem: String,
    certificate_pem: String,
    key_pem: String,
    /// What the server shows: its own certificate first, and whatever is to go with it.
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

impl Identity {
    /// Makes a new authority and a certificate signed by it (ECDSA P-256).
    ///
    /// # Panics
    ///
    /// When the machine has no randomness to make keys from.
    pub fn generate() -> Self {
        Self::with(|_| {})
    }

    /// The same, with a certificate whose last day was 2 January 2020.
    ///
    /// # Panics
    ///
    /// As [`Identity::generate`].
    pub fn expired() -> Self {
        Self::with(expire)
    }

    /// The same, with a certificate whose first day is 3 January 2100.
    ///
    /// # Panics
    ///
    /// As [`Identity::generate`].
    pub fn not_yet_valid() -> Self {
        Self::with(|server| {
            server.not_before = date_time_ymd(2100, 1, 3);
            server.not_after = date_time_ymd(2101, 1, 3);
        })
    }

    /// The same, with a certificate for these hosts alone.
    ///
    /// # Panics
    ///
    /// As [`Identity::generate`], and when one of them is no name of a host.
    pub fn for_hosts(names: &[&str]) -> Self {
        Self::with(|server| {
            let other =
                CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
            let other = other.unwrap_or_else(|error| panic!("{names:?}: {error}"));
            server.subject_alt_names = other.subject_alt_names;
        })
    }

    /// The same, with a certificate whose subject has this common name.
    ///
    /// # Panics
    ///
    /// As [`Identity::generate`].
    pub fn with_common_name(name: &str) -> Self {
        Self::with(|server| server.distinguished_name.push(DnType::CommonName, name))
    }

    /// The same, with a certificate for web clients, and not for servers.
    ///
    /// # Panics
    ///
    /// As [`Identity::generate`].
    pub fn for_clients() -> Self {
        Self::with(|server| server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth])
    }

    /// An authority that is the server itself, as `openssl req -x509` makes it: [`ca_pem`](Self::ca_pem) is the server's own
    /// certificate, for these hosts.
    ///
    /// # Panics
    ///
    /// As [`Identity::for_hosts`].
    pub fn self_signed_authority(names: &[&str]) -> Self {
        Self::self_signed(|both| both.subject_alt_names = alternative_names(names))
    }

    /// The same for the usual hosts, and expired.
    ///
    /// # Panics
    ///
    /// As [`Identity::generate`].
    pub fn expired_self_signed_authority() -> Self {
        Self::self_signed(expire)
    }

    /// A certificate that was issued with another server's, which was never meant to issue any.
    ///
    /// # Panics
    ///
    /// As [`Identity::generate`].
    pub fn issued_by_a_server() -> Self {
        made(|| {
            let mut middle = server_params()?;
            middle.distinguished_name.push(DnType::CommonName, "a server that issues");
            Self::under(middle, &[])
        })
    }

    /// A certificate under an intermediate authority that has expired.
    ///
    /// # Panics
    ///
    /// As [`Identity::generate`].
    pub fn under_an_expired_authority() -> Self {
        made(|| {
            let mut middle = intermediate_params();
            expire(&mut middle);
            Self::under(middle, &[])
        })
    }

    /// A certificate under an intermediate authority, shown in disorder and with certificates that do not belong.
    ///
    /// # Panics
    ///
    /// As [`Identity::generate`].
    pub fn in_disorder() -> Self {
        let stranger = Self::generate();
        let strangers = [stranger.authority, stranger.chain[0].clone()];
        made(|| Self::under(intermediate_params(), &strangers))
    }

    /// A good certificate in the hands of somebody who has another key.
    ///
    /// # Panics
    ///
    /// As [`Identity::generate`].
    pub fn stolen() -> Self {
        Self { key: Self::generate().key, ..Self::generate() }
    }

    /// Bytes that are no certificate at all, with a key that fits nothing.
    ///
    /// # Panics
    ///
    /// As [`Identity::generate`].
    pub fn garbage() -> Self {
        let mut identity = Self::generate();
        identity.chain = vec![CertificateDer::from(b"no certificate".to_vec())];
        identity
    }

    /// One that was made elsewhere, by its PEM texts.
    ///
    /// # Panics
    ///
    /// When one of the texts is not what it should be.
    pub fn from_pem(ca_pem: &str, certificate_pem: &str, key_pem: &str) -> Self {
        let certificate = |pem: &str| {
            CertificateDer::from_pem_slice(pem.as_bytes())
                .unwrap_or_else(|error| panic!("no certificate: {error}"))
        };
        Self {
            authority: certificate(ca_pem),
            ca_pem: ca_pem.to_owned(),
            certificate_pem: certificate_pem.to_owned(),
            key_pem: key_pem.to_owned(),
            chain: vec![certificate(certificate_pem)],
            key: PrivateKeyDer::from_pem_slice(key_pem.as_bytes())
                .unwrap_or_else(|error| panic!("no private key: {error}")),
        }
    }

    /// The usual certificate, but for what `change` makes of it.
    fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        made(|| {
            let mut server = server_params()?;
            change(&mut server);
            Self::signed_by(&server, &authority()?)
        })
    }

    fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> Self {
        made(|| {
            let mut both = server_params()?;
            both.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            both.key_usages = Vec::new();
            both.extended_key_usages = Vec::new();
            change(&mut both);
            let key = KeyPair::generate()?;
            let certificate = both.self_signed(&key)?;
            Ok(Self {
                authority: certificate.der().clone(),
                ca_pem: certificate.pem(),
                certificate_pem: certificate.pem(),
                key_pem: key.serialize_pem(),
                chain: vec![certificate.der().clone()],
                key: PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            })
        })
    }

    /// A certificate under an intermediate one, which the server shows behind the strangers.
    fn under(middle: CertificateParams, strangers: &[CertificateDer<'static>]) -> Result<Self, rcgen::Error> {
        let authority = authority()?;
        let middle = CertifiedIssuer::signed_by(middle, KeyPair::generate()?, &authority)?;
        let mut identity = Self::signed_by(&server_params()?, &middle)?;
        identity.chain.extend_from_slice(strangers);
        identity.chain.push(middle.der().clone());
        identity.authority = authority.der().clone();
        identity.ca_pem = authority.pem();
        Ok(identity)
    }

    fn signed_by(server: &CertificateParams, issuer: &Issuer) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, issuer)?;
        Ok(Self {
            authority: issuer.der().clone(),
            ca_pem: issuer.pem(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            chain: vec![certificate.der().clone()],
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
        sha256(&self.chain[0])
    }

    /// The same of all certificates that the server shows, its own first.
    pub fn chain_sha256(&self) -> Vec<String> {
        self.chain.iter().map(sha256).collect()
    }

    pub(crate) fn authority(&self) -> CertificateDer<'static> {
        self.authority.clone()
    }

    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    pub(crate) fn key(&self) -> &PrivateKeyDer<'static> {
        &self.key
    }

    /// The TLS side of a client that trusts this server alone.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only programs are waited for"))]
    pub(crate) fn client_config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates([self.authority()]);
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_root_certificates(roots).with_no_client_auth());
        Arc::new(config.unwrap_or_else(|error| panic!("rustls refuses its own versions: {error}")))
    }
}

fn sha256(certificate: &CertificateDer<'_>) -> String {
    use std::fmt::Write as _;
    Sha256::digest(certificate).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn made(make: impl FnOnce() -> Result<Identity, rcgen::Error>) -> Identity {
    make().unwrap_or_else(|error| panic!("no throw-away certificate: {error}"))
}

fn authority() -> Result<Issuer, rcgen::Error> {
    CertifiedIssuer::self_signed(authority_params(), KeyPair::generate()?)
}

fn authority_params() -> CertificateParams {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "ftp-testkit authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    authority
}

fn intermediate_params() -> CertificateParams {
    let mut middle = authority_params();
    middle.distinguished_name.push(DnType::CommonName, "ftp-testkit intermediate");
    middle
}

fn expire(certificate: &mut CertificateParams) {
    certificate.not_before = date_time_ymd(2019, 1, 2);
    certificate.not_after = date_time_ymd(2020, 1, 2);
}

fn alternative_names(names: &[&str]) -> Vec<SanType> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    match CertificateParams::new(names) {
        Ok(params) => params.subject_alt_names,
        Err(error) => panic!("not the names of hosts: {error}"),
    }
}

fn server_params() -> Result<CertificateParams, rcgen::Error> {
    let mut server = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    server.distinguished_name.push(DnType::CommonName, "localhost");
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    Ok(server)
}
