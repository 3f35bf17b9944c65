//! What a certificate says of itself, for people who have to decide whether to trust it.
//!
//! All of it comes from whoever answered, before anything is proved. So every text is bounded, its control characters
//! are escaped, and a certificate that cannot be read still has its fingerprint.

use std::fmt;
use std::net::IpAddr;

use ftp_proto::Escaped;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::asn1_rs::{FromDer, Oid, oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo, X509Name};

/// The most that is shown of one text, in characters.
const LONGEST_TEXT: usize = 200;

/// The most names that are shown; certificates of hosting companies have hundreds.
const MOST_NAMES: usize = 20;

/// What a server's certificate says. None of it is proved unless the certificate was verified.
///
/// `Display` gives one fact a line, the fingerprint last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// SHA-256 of its DER form in lower-case hexadecimal: what [`Verification::pin_from_hex`] takes.
    ///
    /// [`Verification::pin_from_hex`]: crate::Verification::pin_from_hex
    pub sha256: String,
    /// Whose it is, such as `CN=ftp.example.com`; `None` for a certificate that cannot be read, as with all that follows.
    pub subject: Option<String>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// Not before.
    pub valid_from: Option<OffsetDateTime>,
    /// Not after.
    pub valid_until: Option<OffsetDateTime>,
    /// The host names and addresses that it is for; the common name where it lists none. At most 20.
    pub names: Vec<String>,
    /// How many names it has beyond those.
    pub more_names: usize,
    /// Kind and size of its key, such as `RSA 2048`.
    pub key: Option<String>,
    /// The algorithm with which it was signed, such as `sha256WithRSAEncryption`.
    pub signature_algorithm: Option<String>,
    /// Whether it names itself as its issuer.
    pub self_signed: bool,
}

impl CertificateFacts {
    /// Reads a certificate. One that is garbage gives its fingerprint alone.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let sha256 = hex::encode(Sha256::digest(certificate));
        let Some(parsed) = parse(certificate) else {
            return Self { sha256, ..Self::unreadable() };
        };
        let mut names = names(&parsed);
        let more_names = names.len().saturating_sub(MOST_NAMES);
        names.truncate(MOST_NAMES);
        Self {
            sha256,
            subject: Some(distinguished_name(parsed.subject())),
            issuer: Some(distinguished_name(parsed.issuer())),
            valid_from: Some(parsed.validity().not_before.to_datetime()),
            valid_until: Some(parsed.validity().not_after.to_datetime()),
            names,
            more_names,
            key: Some(key(parsed.public_key())),
            signature_algorithm: Some(algorithm(&parsed.signature_algorithm.algorithm)),
            self_signed: parsed.subject().as_raw() == parsed.issuer().as_raw(),
        }
    }

    fn unreadable() -> Self {
        Self {
            sha256: String::new(),
            subject: None,
            issuer: None,
            valid_from: None,
            valid_until: None,
            names: Vec::new(),
            more_names: 0,
            key: None,
            signature_algorithm: None,
            self_signed: false,
        }
    }

    /// The names as a list for people.
    pub fn names_listed(&self) -> String {
        match (self.names.is_empty(), self.more_names) {
            (true, _) => "no name".to_owned(),
            (false, 0) => self.names.join(", "),
            (false, more) => format!("{} and {more} more", self.names.join(", ")),
        }
    }
}

impl fmt::Display for CertificateFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Some(subject) => writeln!(f, "subject: {subject}")?,
            None => writeln!(f, "not readable as an X.509 certificate")?,
        }
        if let Some(issuer) = &self.issuer {
            writeln!(f, "issuer: {issuer}")?;
        }
        if let (Some(from), Some(until)) = (self.valid_from, self.valid_until) {
            writeln!(f, "valid: {} to {}", shown_time(from), shown_time(until))?;
        }
        if self.subject.is_some() {
            writeln!(f, "names: {}", self.names_listed())?;
        }
        if let (Some(key), Some(algorithm)) = (&self.key, &self.signature_algorithm) {
            writeln!(f, "key: {key}, signed with {algorithm}")?;
        }
        write!(f, "SHA-256: {}", self.sha256)
    }
}

/// RFC 3339. Every time that a certificate can hold has that form.
fn shown_time(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}

/// The certificate, if it is one and nothing follows it.
pub(super) fn parse<'c>(certificate: &'c CertificateDer<'_>) -> Option<X509Certificate<'c>> {
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Some(parsed),
        _ => None,
    }
}

/// Whether it lists its names where RFC 6125 wants them; the common name counts only where it does not.
pub(super) fn lists_names(certificate: &X509Certificate<'_>) -> bool {
    !alternative_names(certificate).is_empty()
}

/// The common names of its subject.
pub(super) fn common_names<'c>(certificate: &'c X509Certificate<'_>) -> impl Iterator<Item = &'c str> {
    certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok())
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let listed = alternative_names(certificate);
    if !listed.is_empty() {
        return listed;
    }
    common_names(certificate).map(|name| shown(name.as_bytes())).collect()
}

/// DNS names and addresses of the extension subjectAltName (RFC 5280 §4.2.1.6).
fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    extension.value.general_names.iter().filter_map(host_name).collect()
}

fn host_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(shown(name.as_bytes())),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from))
            .ok()
            .map(|address| address.to_string()),
        _ => None,
    }
}

fn distinguished_name(name: &X509Name<'_>) -> String {
    match name.to_string_with_registry(oid_registry()) {
        Ok(text) if text.is_empty() => "(empty)".to_owned(),
        Ok(text) => shown(text.as_bytes()),
        // A value in a charset of its own; the bytes still tell most of it.
        Err(_) => {
            let values: Vec<_> = name.iter_attributes().map(AttributeTypeAndValue::as_slice).collect();
            shown(&values.join(&b", "[..]))
        }
    }
}

const ED25519: Oid<'static> = oid!(1.3.101.112);

fn key(key: &SubjectPublicKeyInfo<'_>) -> String {
    let kind = match key.parsed() {
        Ok(PublicKey::RSA(_)) => "RSA".to_owned(),
        Ok(PublicKey::EC(_)) => "ECDSA".to_owned(),
        Ok(PublicKey::DSA(_)) => "DSA".to_owned(),
        _ if key.algorithm.algorithm == ED25519 => "Ed25519".to_owned(),
        _ => algorithm(&key.algorithm.algorithm),
    };
    match key.parsed().map_or(0, |key| key.key_size()) {
        0 => kind,
        bits => format!("{kind} {bits}"),
    }
}

/// The size of an RSA key in bits.
pub(super) fn rsa_bits(certificate: &X509Certificate<'_>) -> Option<usize> {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(key.key_size()),
        _ => None,
    }
}

/// The name of an algorithm where it has one, else its number.
fn algorithm(oid: &Oid<'_>) -> String {
    match oid2sn(oid, oid_registry()) {
        Ok(name) => name.to_owned(),
        Err(_) => shown(oid.to_id_string().as_bytes()),
    }
}

/// A text of the certificate, fit to be shown.
fn shown(text: &[u8]) -> String {
    let text = Escaped(text).to_string();
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
