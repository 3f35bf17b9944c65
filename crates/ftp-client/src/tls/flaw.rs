//! Which check a certificate failed.

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, OtherError};

use super::certificate::{self, CertificateFacts};

/// The smallest RSA key with which a signature counts, in bits.
const LEAST_RSA_BITS: usize = 2048;

/// The check that a server's certificate did not pass. `Display` reads after "it".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFlaw {
    /// It, or what issued it, comes from nobody who is trusted.
    #[error("was issued by nobody who is trusted")]
    UnknownIssuer,
    /// It is its own issuer, and is not trusted as such.
    #[error("is self-signed, and not one that is trusted")]
    SelfSigned,
    /// Its last day is over.
    #[error("has expired")]
    Expired,
    /// Its first day is still to come.
    #[error("is not valid yet")]
    NotYetValid,
    /// The certificate of an authority above it has expired or is not valid yet.
    #[error("comes from an authority whose own certificate has expired or is not valid yet")]
    IssuerOutOfTime,
    /// It is for other hosts.
    #[error("is for other names than `{wanted}`: {names}")]
    WrongName {
        /// The host that was to be reached.
        wanted: String,
        /// Those that it is for.
        names: String,
    },
    /// It was issued with the certificate of something that is no authority.
    #[error("was issued with a certificate that is no authority's")]
    IssuerIsNoAuthority,
    /// It is the certificate of an authority, and another one issued it.
    #[error("is an authority's certificate, and not one for a server")]
    IsAuthority,
    /// It is for something else than a server.
    #[error("is not meant for servers")]
    WrongPurpose,
    /// It, or one above it, was not signed with the key of the authority that it names: that one has another key now, or it
    /// is a forgery.
    #[error("was not signed with the key of the authority that it names as its issuer")]
    NotByItsIssuer,
    /// The server could not prove that it has the certificate's key.
    #[error("is not the server's own: the server does not hold its key")]
    KeyNotHeld,
    /// Its key is too short to prove anything.
    #[error("has too weak a key: RSA with {bits} bits, where 2048 is the least")]
    WeakKey {
        /// The key's size in bits.
        bits: usize,
    },
    /// It was signed with an algorithm that no longer counts, or not yet.
    #[error("is signed with an algorithm that does not count: {algorithm}")]
    Algorithm {
        /// Its name, such as `sha1WithRSAEncryption`.
        algorithm: String,
    },
    /// X.509 before version 3, which cannot say what a certificate is for.
    #[error("is of an X.509 version before 3")]
    OldVersion,
    /// It breaks the rules of DER or of X.509.
    #[error("cannot be read")]
    Malformed,
    /// It was revoked.
    #[error("has been revoked")]
    Revoked,
    /// It is not the pinned one.
    #[error("is not the pinned one")]
    NotPinned,
    /// Another check, in rustls' words.
    #[error("is not valid ({0})")]
    Other(String),
}

/// The flaw that `error` stands for when it came of the handshake's signature.
pub(super) fn of_signature(
    error: &CertificateError,
    certificate: &CertificateDer<'_>,
    facts: &CertificateFacts,
) -> CertificateFlaw {
    match of(error, facts) {
        CertificateFlaw::NotByItsIssuer => weak_key(certificate).unwrap_or(CertificateFlaw::KeyNotHeld),
        other => other,
    }
}

/// The flaw that `error` stands for when it came of the chain.
#[expect(deprecated, reason = "rustls still gives the error that it has deprecated")]
pub(super) fn of(error: &CertificateError, facts: &CertificateFacts) -> CertificateFlaw {
    use CertificateError as E;
    match error {
        E::UnknownIssuer if facts.self_signed => CertificateFlaw::SelfSigned,
        E::UnknownIssuer => CertificateFlaw::UnknownIssuer,
        E::ExpiredContext { time, .. } | E::NotValidYetContext { time, .. } => out_of_time(*time, facts),
        E::Expired => CertificateFlaw::Expired,
        E::NotValidYet => CertificateFlaw::NotYetValid,
        E::NotValidForNameContext { expected, .. } => {
            CertificateFlaw::WrongName { wanted: expected.to_str().into_owned(), names: facts.names_listed() }
        }
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => CertificateFlaw::WrongPurpose,
        E::BadSignature => CertificateFlaw::NotByItsIssuer,
        E::UnsupportedSignatureAlgorithm
        | E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => CertificateFlaw::Algorithm {
            algorithm: facts.signature_algorithm.clone().unwrap_or_else(|| "unknown".to_owned()),
        },
        E::BadEncoding => CertificateFlaw::Malformed,
        E::Revoked => CertificateFlaw::Revoked,
        E::Other(OtherError(inner)) => match inner.downcast_ref::<webpki::Error>() {
            Some(error) => by_webpki(error, facts),
            None => CertificateFlaw::Other(inner.to_string()),
        },
        other => CertificateFlaw::Other(other.to_string()),
    }
}

/// Checks that rustls passes on as it got them.
fn by_webpki(error: &webpki::Error, facts: &CertificateFacts) -> CertificateFlaw {
    match error {
        // What `openssl req -x509` makes by itself: an authority of its own, used by the server.
        webpki::Error::CaUsedAsEndEntity if facts.self_signed => CertificateFlaw::SelfSigned,
        webpki::Error::CaUsedAsEndEntity => CertificateFlaw::IsAuthority,
        webpki::Error::EndEntityUsedAsCa => CertificateFlaw::IssuerIsNoAuthority,
        webpki::Error::UnsupportedCertVersion => CertificateFlaw::OldVersion,
        other => CertificateFlaw::Other(other.to_string()),
    }
}

/// The time that was checked may be that of an authority in the chain.
fn out_of_time(now: UnixTime, facts: &CertificateFacts) -> CertificateFlaw {
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if facts.valid_until.is_some_and(|until| until.unix_timestamp() < now) {
        CertificateFlaw::Expired
    } else if facts.valid_from.is_some_and(|from| from.unix_timestamp() > now) {
        CertificateFlaw::NotYetValid
    } else {
        CertificateFlaw::IssuerOutOfTime
    }
}

/// ring rejects the signatures of short RSA keys as if they were wrong.
fn weak_key(certificate: &CertificateDer<'_>) -> Option<CertificateFlaw> {
    let bits = certificate::rsa_bits(&certificate::parse(certificate)?)?;
    (bits < LEAST_RSA_BITS).then_some(CertificateFlaw::WeakKey { bits })
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject;

    use super::*;

    /// RSA with 1024 bits, self-signed.
    const WEAK: &str = "-----BEGIN CERTIFICATE-----
MIIB+jCCAWOgAwIBAgIUHVLgZDoMYASLJGXVVxR/jU1gAoAwDQYJKoZIhvcNAQEL
BQAwDzENMAsGA1UEAwwEd2VhazAeFw0yNjExMjUyMTEyNTFaFw0yNjExMjcyMTEy
NTFaMA8xDTALBgNVBAMMBHdlYWswgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGB
ANCjfp0mKFDHR26YrqlUEyn4WuyZJaxr0yduMdUdboaB9wz+3wH9Niv4V0w58r+n
rt7xqoLHNH/cQxddpp7UYC0yvnEcNDsZN0TUiLvm6WN9oJGr5eQREvPU9V+InvwI
a/W3QN+8sQcNZeFU5mU4PpseaC1w81JeYN/54RL92ufZAgMBAAGjUzBRMB0GA1Ud
DgQWBBQDIhrShMgFyVj3t5iKTNvbWGpC8zAfBgNVHSMEGDAWgBQDIhrShMgFyVj3
t5iKTNvbWGpC8zAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4GBAAA1
Z4fMrzQP/CBzcwbHtFT6pU2Lse6b5nCyl50hHGTdpsPsV1z39lRxd0dmYw5cg8en
l+OQ4ecEj0of660ywIUYFcEHArM3wc82TdIBUFxL9DI/Hr4c6Bn6RM2AsCTK0vkx
ouxr+aHA1JBTTwYznaNbWQaytbbtAoyo1BgrbCe3
-----END CERTIFICATE-----
";

    #[test]
    fn a_short_key_is_not_taken_for_a_forgery() {
        let certificate = CertificateDer::from_pem_slice(WEAK.as_bytes()).expect("a certificate");
        let facts = CertificateFacts::of(&certificate);
        assert_eq!(facts.key.as_deref(), Some("RSA 1024"));
        let flaw = of_signature(&CertificateError::BadSignature, &certificate, &facts);
        assert_eq!(flaw, CertificateFlaw::WeakKey { bits: 1024 });
        assert_eq!(of(&CertificateError::BadSignature, &facts), CertificateFlaw::NotByItsIssuer);
    }
}
