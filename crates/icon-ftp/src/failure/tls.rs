//! The sentences about TLS: what stands between a server and trust in it.

use ftp_client::{CertificateFacts, CertificateFlaw, Channel, TlsFault};
use ftp_proto::Reply;
use plugin_runtime::Failure;

/// A connection that could not be protected.
pub(super) fn failure(on: Channel, fault: &TlsFault) -> Failure {
    match fault {
        TlsFault::Certificate { flaw, certificate } => {
            Failure::service(certificate_cause(flaw, certificate), certificate_advice(flaw, certificate))
                .with_data(certificate.to_string())
        }
        // Seen before anybody is asked: it is the setting that is wrong.
        TlsFault::ServerName(_) => Failure::connection(cause(on, fault), advice(on, fault)),
        other => Failure::service(cause(on, other), advice(on, other)),
    }
}

fn certificate_cause(flaw: &CertificateFlaw, certificate: &CertificateFacts) -> String {
    match flaw {
        CertificateFlaw::NotPinned => format!(
            "The server's certificate is not the one of `certificate_sha256`; its SHA-256 is {}",
            certificate.sha256
        ),
        flaw => format!("The server's certificate was not accepted: it {flaw}"),
    }
}

/// What to do about a certificate. Where a pin would help, it stands there to be pasted.
fn certificate_advice(flaw: &CertificateFlaw, certificate: &CertificateFacts) -> String {
    let sha256 = &certificate.sha256;
    let pin = format!(
        "If its operator confirms this fingerprint, set `certificate_sha256` to {sha256} to trust this one certificate. \
         `ssl_verify` false accepts any certificate, an attacker's too."
    );
    match flaw {
        CertificateFlaw::NotPinned => format!(
            "No password was sent. If the server's operator confirms the new certificate, set `certificate_sha256` to \
             {sha256}; if not, somebody else answered."
        ),
        CertificateFlaw::UnknownIssuer => {
            format!("Give the certificate of the authority that issued it in `ca_certificate`. {pin}")
        }
        CertificateFlaw::SelfSigned | CertificateFlaw::IsAuthority => {
            format!("Give this very certificate in `ca_certificate`. {pin}")
        }
        CertificateFlaw::Expired | CertificateFlaw::NotYetValid | CertificateFlaw::IssuerOutOfTime => {
            format!("Check the clock of the plugin's machine, and ask the server's operator for a new one. {pin}")
        }
        CertificateFlaw::WrongName { .. } => {
            format!("Use one of its names in `host`, if it leads to the same server. {pin}")
        }
        CertificateFlaw::NotByItsIssuer => format!(
            "The authority may have a new key: give its present certificate in `ca_certificate`. It may also be a forgery. \
             {pin}"
        ),
        CertificateFlaw::KeyNotHeld => {
            "No password was sent. Somebody between the plugin and the server may be answering in its place; ask its \
             operator."
                .to_owned()
        }
        CertificateFlaw::WeakKey { .. } => {
            "Ask the server's operator for a certificate with a longer key. `ssl_verify` false accepts any certificate, \
             an attacker's too."
                .to_owned()
        }
        CertificateFlaw::Malformed if certificate.subject.is_none() => {
            "Ask the server's operator for a certificate that is one. `ssl_verify` false accepts any, an attacker's too."
                .to_owned()
        }
        _ => format!("Ask the server's operator for another certificate. {pin}"),
    }
}

fn cause(on: Channel, fault: &TlsFault) -> String {
    match fault {
        TlsFault::Refused { verb, reply } => {
            format!("The server does not offer TLS as asked: {verb} was answered with {reply}")
        }
        TlsFault::Injected => "Unprotected data came where the TLS handshake was due".to_owned(),
        TlsFault::ServerName(name) => format!("No certificate can be checked against `{name}`"),
        TlsFault::Authorities(reason) => format!("The certificate authorities cannot be used: {reason}"),
        other => format!("The TLS handshake on the {on} connection failed: {other}"),
    }
}

fn advice(on: Channel, fault: &TlsFault) -> &'static str {
    match (fault, on) {
        (TlsFault::Refused { verb: "AUTH", .. }, _) => {
            "No password was sent in the clear. If the server offers implicit TLS (port 990 as a rule), set `tls_mode` to \
             implicit; AUTH SSL, which some old servers know alone, is not supported. Otherwise ask its operator for \
             AUTH TLS (RFC 4217), or set `secure` to false if the password and the files may travel readable by everybody \
             on the way."
        }
        (TlsFault::Refused { .. }, _) => {
            "Nothing was transferred in the clear. Ask the server's operator to allow protected data connections \
             (PROT P, RFC 4217), or set `secure` to false if the password and the files may travel readable by everybody \
             on the way."
        }
        (TlsFault::Injected, _) => {
            "Somebody between the plugin and the server may have planted it. Nothing secret was sent."
        }
        (TlsFault::NotTls, Channel::Control) => {
            "No password was sent. A server that greets in clear text needs `tls_mode` explicit, and as a rule listens on \
             port 21. If `tls_mode` is explicit already, something between the plugin and the server interferes."
        }
        (TlsFault::NotTls, Channel::Data) => {
            "The server had agreed to protect data connections and does not do so. Nothing was sent in the clear. Ask its \
             operator."
        }
        (TlsFault::NoCommonVersion, _) => {
            "It offers older versions at best, which no longer protect anything (RFC 8996). Ask its operator to update it."
        }
        (TlsFault::NothingInCommon, _) => {
            "The server insists on methods that are too old, or are switched off. Ask its operator to allow the usual ones \
             of TLS 1.2 or 1.3."
        }
        (TlsFault::UnknownName, _) => "Use the name in `host` by which the server knows itself.",
        (TlsFault::ClientCertificate, _) => {
            "The plugin has none to show. Ask the server's operator to let this login in without a client certificate."
        }
        (TlsFault::Broken(_), Channel::Control) => {
            "Check that the server speaks TLS on this port, and that `tls_mode` is what it expects: explicit as a rule, \
             implicit on port 990."
        }
        (TlsFault::ServerName(_), _) => {
            "Use the name or the address in `host` that stands in the server's certificate."
        }
        (TlsFault::Authorities(_), _) => {
            "Check `ca_certificate`, or the trusted certificates of the machine."
        }
        _ => {
            "The plugin speaks TLS 1.2 and 1.3. Check that the server does, and that nothing on the way interferes."
        }
    }
}

/// A server that resumes no session, and refuses data connections that do not.
pub(super) fn not_resumed(reply: &Reply) -> Failure {
    Failure::service(
        format!(
            "The server refused the transfer, since the data connection did not resume the TLS session of the control \
             connection: {reply}"
        ),
        "Nothing was transferred, and after an upload the file on the server may be empty, unless `atomic` is set. The \
         server demands session reuse, and its tickets expired or do not work. Try again; if it happens every time, ask its \
         operator for tickets that live longer than a session, or to drop the demand (vsftpd: `require_ssl_reuse=NO`; \
         ProFTPD: `TLSOptions NoSessionReuseRequired`).",
    )
}

/// Advice about a refusal that is about protection (RFC 4217 §10).
pub(super) fn refusal_advice(reply: &Reply) -> Option<&'static str> {
    match reply.code().as_u16() {
        521 | 522 | 533..=536 => Some(
            "The server's rules for protection forbid it. If it demands TLS, set `secure` to true; if it is set already, ask \
             the server's operator which protection it expects.",
        ),
        _ => demands_tls(reply).then_some(DEMANDS_TLS),
    }
}

/// Advice about a server that lets nobody in without TLS.
pub(super) const DEMANDS_TLS: &str = "The server lets nobody in without TLS: set `secure` to true (and `tls_mode` to implicit if it listens on port 990).";

/// Whether a refusal asks for TLS, in the words of vsftpd 3.0 (530), `ProFTPD` 1.3 (550), Pure-FTPd 1.0 (421) and libunftp
/// 0.24 (534).
pub(super) fn demands_tls(reply: &Reply) -> bool {
    let text = reply.text().to_ascii_lowercase();
    ["encrypt", "ssl", "tls", "cleartext"].iter().any(|word| text.contains(word))
}
