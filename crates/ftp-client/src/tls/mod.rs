//! TLS of a control connection and its data connections.
//!
//! vsftpd, ProFTPD and FileZilla Server refuse a data connection that does not resume the session of its control
//! connection. So every control connection has a ticket store of its own — two control connections that share one
//! confuse ProFTPD — and the store counts: a TLS 1.3 ticket is good for one connection (RFC 8446 §C.4), and a server
//! may hand out fewer than are used up. Running out is seen before a transfer, when nothing is lost yet.

mod certificate;
mod flaw;
mod handshake;
mod protection;
mod signature;
mod tickets;
mod verification;
mod verifier;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::client::{ClientSessionStore, Resumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub use self::certificate::CertificateFacts;
pub use self::flaw::CertificateFlaw;
use self::handshake::ClientCertificate;
pub use self::protection::{Protection, SessionReuse};
use self::tickets::Tickets;
pub use self::verification::{Verification, VerificationError};
use self::verifier::Verifier;
use crate::config::TlsConfig;
use crate::error::{Channel, Error, TlsFault, Wait};
use crate::stream::Stream;
use crate::wait::within;

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
    verifier: Arc<Verifier>,
}

impl Trust {
    /// Loads what `config` asks for. The machine's roots are read here, once for a client.
    pub(crate) fn new(host: &str, config: &TlsConfig) -> Result<Self, TlsFault> {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| TlsFault::ServerName(host.to_owned()))?;
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(Verifier::new(&config.verification, &provider)?);
        Ok(Self { name, provider, verifier })
    }

    /// TLS for one new control connection and its data connections.
    pub(crate) fn link(&self, versions: Versions) -> Result<Link, TlsFault> {
        let tickets = Arc::new(Tickets::default());
        let client_certificate = Arc::new(ClientCertificate::default());
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(offered(versions))
            .map_err(|error| TlsFault::Handshake(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&self.verifier) as Arc<_>)
            .with_client_cert_resolver(Arc::clone(&client_certificate) as Arc<_>);
        config.resumption = Resumption::store(Arc::clone(&tickets) as Arc<dyn ClientSessionStore>);
        let name = self.name.clone();
        Ok(Link {
            name,
            config: Arc::new(config),
            tickets,
            client_certificate,
            has_warned: AtomicBool::new(false),
        })
    }
}

static ONLY_TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

fn offered(versions: Versions) -> &'static [&'static SupportedProtocolVersion] {
    match versions {
        Versions::Any => rustls::DEFAULT_VERSIONS,
        Versions::Only12 => ONLY_TLS12,
    }
}

/// TLS of one control connection.
#[derive(Debug)]
pub(crate) struct Link {
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    tickets: Arc<Tickets>,
    client_certificate: Arc<ClientCertificate>,
    /// Whether it was said that the server does not resume its sessions; once is enough.
    has_warned: AtomicBool,
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
        let stream = within(Wait::Handshake(on), limit, handshake).await?.map_err(|error| Error::Tls {
            on,
            fault: handshake::fault(error, self.wants_client_certificate()),
        })?;
        tracing::debug!(
            "TLS on the {on} connection: {:?}, {:?} handshake",
            stream.get_ref().1.protocol_version(),
            stream.get_ref().1.handshake_kind(),
        );
        Ok(Stream::Tls(Box::new(stream)))
    }

    /// Protects a data connection, and tells whether it resumed the session.
    pub(crate) async fn protect_data(
        &self,
        tcp: TcpStream,
        limit: Duration,
    ) -> Result<(Stream, SessionReuse), Error> {
        let had_tickets = self.tickets.had_any();
        let stream = self.protect(tcp, Channel::Data, limit).await?;
        let reuse = stream.tls().map_or(SessionReuse::NotOffered, |tls| SessionReuse::of(tls, had_tickets));
        if reuse == SessionReuse::Declined && !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "The server did not resume its TLS session on the data connection; its tickets may have expired"
            );
        }
        Ok((stream, reuse))
    }

    /// Whether the server has asked for a certificate of ours.
    pub(crate) fn wants_client_certificate(&self) -> bool {
        self.client_certificate.was_wanted()
    }

    /// Whether the next data connection could not resume the session although earlier ones could: a server that
    /// demands resumption would now refuse it. A server that never gave a ticket cannot demand one.
    pub(crate) fn is_out_of_tickets(&self) -> bool {
        self.tickets.ran_out()
    }
}
