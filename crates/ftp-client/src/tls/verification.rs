//! Who the server must prove to be.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::secret::Secret;

/// How the server's certificate is judged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verification {
    /// By the machine's trusted roots, and by Mozilla's where the machine has none.
    SystemRoots,
    /// By these authorities alone. One that the server itself shows as its own certificate is trusted as such: then name
    /// and validity are checked, and not whether it may issue others.
    Authorities(Vec<CertificateDer<'static>>),
    /// It must be this very certificate: SHA-256 of its DER form. Stands in for authority, name and validity. Of a chain
    /// it is the first certificate, the server's own, that counts; the pin of an authority fits none.
    Pin(Secret<[u8; 32]>),
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
        Ok(Self::Pin(Secret::new(sha256)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_64_hex_digits() {
        let plain = "00ff".repeat(16);
        let colons = vec!["00:FF"; 16].join(":");
        for good in [plain.as_str(), &colons] {
            let Ok(Verification::Pin(bytes)) = Verification::pin_from_hex(good) else { panic!("{good}") };
            assert_eq!(bytes.expose()[..4], [0, 255, 0, 255]);
        }
        for bad in ["", "00ff", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64), "ä"] {
            assert!(matches!(Verification::pin_from_hex(bad), Err(VerificationError::Pin)), "{bad}");
        }
    }

    #[test]
    fn debug_output_shows_no_pin() {
        let pin = Verification::pin_from_hex(&"00ff".repeat(16)).map(|pin| format!("{pin:?}"));
        assert_eq!(pin.as_deref(), Ok("Pin(***)"));
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
