//! Proxies that do their work: SOCKS5 and HTTP CONNECT, with or without a login.
//!
//! Proxies that misbehave need no code of their own: a [`Transcript`](crate::Transcript) plays them.

mod cut;
mod http;
mod socks5;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub use self::cut::Cut;
use self::cut::Cuts;
use crate::background::runtime;

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// SOCKS5 (RFC 1928), with the login of RFC 1929.
    Socks5,
    /// HTTP CONNECT (RFC 9110 §9.3.6), with the login of RFC 7617.
    Http,
}

/// A proxy on a free port of 127.0.0.1, ended when dropped.
///
/// It takes every name for one of 127.0.0.1: so a test can ask for a name that nobody else can resolve.
#[derive(Debug)]
pub struct TestProxy {
    protocol: ProxyProtocol,
    address: SocketAddr,
    login: Option<(String, String)>,
    targets: Arc<Mutex<Vec<String>>>,
    cuts: Arc<Cuts>,
    /// The one task that accepts and relays.
    _serving: JoinSet<()>,
}

impl TestProxy {
    /// Starts a proxy that serves everybody.
    ///
    /// # Panics
    ///
    /// When the loopback has no free port.
    pub async fn start(protocol: ProxyProtocol) -> Self {
        Self::start_with(protocol, None).await
    }

    /// Starts a proxy that serves one user only.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub async fn start_for(protocol: ProxyProtocol, user: &str, password: &str) -> Self {
        Self::start_with(protocol, Some((user.to_owned(), password.to_owned()))).await
    }

    async fn start_with(protocol: ProxyProtocol, login: Option<(String, String)>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.and_then(TcpListener::into_std);
        let listener = listener.unwrap_or_else(|error| panic!("no port for a proxy: {error}"));
        let address =
            listener.local_addr().unwrap_or_else(|error| panic!("a listener without an address: {error}"));
        let targets = Arc::<Mutex<Vec<String>>>::default();
        let cuts = Arc::<Cuts>::default();
        let desk = Desk { protocol, login: login.clone(), targets: targets.clone(), cuts: cuts.clone() };
        let mut serving = JoinSet::new();
        serving.spawn_on(desk.serve(listener), runtime());
        Self { protocol, address, login, targets, cuts, _serving: serving }
    }

    /// The proxy's URL without a login.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme(), self.address)
    }

    /// The proxy's URL with the login that it wants, which must need no percent-encoding.
    pub fn url_with_login(&self) -> String {
        let (user, password) = self.login.as_ref().map_or(("", ""), |(user, password)| (user, password));
        format!("{}://{user}:{password}@{}", self.scheme(), self.address)
    }

    /// Where clients asked to be connected to so far, as they named it: `name:port`, `a.b.c.d:port` or `[v6]:port`.
    pub fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Cuts connections from now on, one cut after the other.
    pub fn cut(&self, cuts: impl IntoIterator<Item = Cut>) {
        self.cuts.plan(cuts);
    }

    /// Whether all cuts have come.
    pub fn is_done_cutting(&self) -> bool {
        self.cuts.are_over()
    }

    fn scheme(&self) -> &'static str {
        match self.protocol {
            ProxyProtocol::Socks5 => "socks5",
            ProxyProtocol::Http => "http",
        }
    }
}

/// What all connections of one proxy share.
struct Desk {
    protocol: ProxyProtocol,
    login: Option<(String, String)>,
    targets: Arc<Mutex<Vec<String>>>,
    cuts: Arc<Cuts>,
}

impl Desk {
    async fn serve(self, listener: std::net::TcpListener) {
        let listener = TcpListener::from_std(listener)
            .unwrap_or_else(|error| panic!("the listener is unusable: {error}"));
        let desk = Arc::new(self);
        let mut clients = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            let desk = desk.clone();
            clients.spawn(async move {
                // A client that is refused, or leaves, is nobody's trouble here: the test sees what it says.
                let _ = desk.relay(client).await;
            });
        }
    }

    async fn relay(&self, mut client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let login = self.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
        let server = match self.protocol {
            ProxyProtocol::Socks5 => socks5::admit(&mut client, login, self).await?,
            ProxyProtocol::Http => http::admit(&mut client, login, self).await?,
        };
        server.set_nodelay(true)?;
        self.cuts.relay(client, server).await
    }

    /// Connects to where a client wants to go, and remembers how it said so.
    async fn dial(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let named = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).push(named);
        let ip = host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        TcpStream::connect((ip, port)).await
    }
}

/// A client that does not keep to the protocol, or is not let in.
fn turned_away(why: &str) -> io::Error {
    io::Error::other(why.to_owned())
}

#[cfg(test)]
mod tests;
