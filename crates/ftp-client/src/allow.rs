//! Which hosts may be reached: whoever runs a client for others does not want all of its network to be reached through it.
//!
//! A name that is allowed may lead anywhere. Any other host is judged by its addresses, after the name service was asked
//! and right where they are dialled, so that a name which leads elsewhere the second time gains nothing.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use ipnet::{IpNet, Ipv4Net};

/// The hosts that may be reached. The default is all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct AllowList(Arc<[HostPattern]>);

impl FromIterator<HostPattern> for AllowList {
    /// Allows what fits one of the patterns; without any pattern, everything.
    fn from_iter<I: IntoIterator<Item = HostPattern>>(patterns: I) -> Self {
        Self(patterns.into_iter().collect())
    }
}

impl AllowList {
    /// Those of `addresses`, which are what the name service says of `host`, that may be dialled.
    pub(crate) fn permitted(&self, host: &str, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        if !self.allows_host(host) {
            addresses.retain(|address| self.allows_address(address.ip()));
        }
        addresses
    }

    /// Whether a host may be reached whatever its addresses are.
    pub(crate) fn allows_host(&self, host: &str) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let host = normal(host);
        let literal: Option<IpAddr> = without_zone(&host).parse().ok();
        self.0.iter().any(|pattern| match &pattern.kind {
            Kind::Name(glob) => glob.is_match(host.as_str()),
            Kind::Network(network) => {
                literal.is_some_and(|address| network.contains(&address.to_canonical()))
            }
        })
    }

    /// Whether asking for the addresses of a host that is not allowed by its name can lead to any that are.
    pub(crate) fn names_networks(&self) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| matches!(pattern.kind, Kind::Network(_)))
    }

    fn allows_address(&self, address: IpAddr) -> bool {
        // An IPv4 address in the clothes of an IPv6 one (RFC 4291 §2.5.5.2) leads to the same host.
        let address = address.to_canonical();
        self.0
            .iter()
            .any(|pattern| matches!(&pattern.kind, Kind::Network(network) if network.contains(&address)))
    }
}

/// Hosts by name (`ftp.example.com`, `*.example.com`) or by address (`192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`).
///
/// In names `*` stands for any characters, dots as well, `?` for one, `[ab]` for one of these; case does not count.
#[derive(Clone)]
pub struct HostPattern {
    text: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Name(Arc<GlobMatcher>),
    Network(IpNet),
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let text = normal(text.trim());
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&text);
        let kind = if let Ok(address) = bare.parse::<IpAddr>() {
            Kind::Network(address.to_canonical().into())
        } else if text.contains('/') {
            Kind::Network(network(&text).ok_or(HostPatternError::Network)?)
        } else {
            Kind::Name(Arc::new(name(&text)?))
        };
        Ok(Self { text, kind })
    }
}

/// A network; one of IPv4 addresses in the form of IPv6 ones is that of the IPv4 addresses.
fn network(text: &str) -> Option<IpNet> {
    let network: IpNet = text.parse().ok()?;
    match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.addr().to_ipv4_mapped() {
            Some(v4) => Ipv4Net::new(v4, v6.prefix_len() - 96).ok().map(IpNet::V4),
            None => Some(IpNet::V6(v6)),
        },
        other => Some(other),
    }
}

fn name(text: &str) -> Result<GlobMatcher, HostPatternError> {
    if text.is_empty() {
        return Err(HostPatternError::Empty);
    }
    if text.contains(':') {
        return Err(HostPatternError::Port);
    }
    // `10.0.*` would fit the name `10.0.example.com` as well, which is anybody's to register.
    let is_address = |char: char| char.is_ascii_digit() || ".*?".contains(char);
    if text.contains(|char: char| char.is_ascii_digit()) && text.chars().all(is_address) {
        return Err(HostPatternError::Addresses);
    }
    let glob = GlobBuilder::new(text).literal_separator(false).backslash_escape(false).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| HostPatternError::Name(error.kind().to_string()))
}

/// A host as it is compared: in lower case, without the dot that ends a full name (RFC 1034 §3.1).
fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_lowercase()
}

/// An address without the zone that says by which of our interfaces it is reached.
fn without_zone(host: &str) -> &str {
    host.split_once('%').map_or(host, |(address, _)| address)
}

impl PartialEq for HostPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for HostPattern {}

impl Hash for HostPattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is no pattern of hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostPatternError {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// A network whose address or length is none.
    #[error("it is not a network, as `10.0.0.0/8` and `2001:db8::/32` are")]
    Network,
    /// Addresses with `*` in them.
    #[error("addresses are given as networks, as `10.0.0.0/8`, and not with `*`")]
    Addresses,
    /// A port, or half of an IPv6 address.
    #[error("it holds a `:` and is not an IPv6 address; ports are not given")]
    Port,
    /// No name, in the words of whoever reads them.
    #[error("it is not a name with `*` in it ({0})")]
    Name(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(patterns: &[&str]) -> AllowList {
        patterns.iter().map(|pattern| pattern.parse::<HostPattern>().unwrap()).collect()
    }

    /// Which of `addresses` may be dialled for a host that leads to them.
    fn permitted<'a>(patterns: &[&str], host: &str, addresses: &[&'a str]) -> Vec<&'a str> {
        let list = list(patterns);
        let may = |address: &&&str| {
            let dialled = SocketAddr::new(address.parse().unwrap(), 21);
            !list.permitted(host, vec![dialled]).is_empty()
        };
        addresses.iter().filter(may).copied().collect()
    }

    #[test]
    fn names_lead_anywhere_and_addresses_to_themselves() {
        let everywhere = ["10.1.2.3", "192.0.2.7", "2001:db8::1", "::ffff:10.1.2.3", "127.0.0.1"];
        let table: [(&[&str], &str, &[&str]); 21] = [
            (&[], "anything", &everywhere),
            (&["ftp.example.com"], "ftp.example.com", &everywhere),
            (&["ftp.example.com"], "FTP.Example.COM.", &everywhere),
            (&["FTP.example.com."], "ftp.example.com", &everywhere),
            (&["*.example.com"], "a.b.example.com", &everywhere),
            (&["*.example.com"], "example.com", &[]),
            (&["*.example.com"], "example.com.evil.test", &[]),
            (&["*.example.com"], "evilexample.com", &[]),
            (&["ftp?.example.com"], "ftp1.example.com", &everywhere),
            (&["ftp[12].example.com"], "ftp3.example.com", &[]),
            (&["*"], "192.0.2.7", &everywhere),
            // A name that leads into the network today and elsewhere tomorrow.
            (&["10.0.0.0/8"], "ftp.example.com", &["10.1.2.3", "::ffff:10.1.2.3"]),
            (&["10.0.0.0/8"], "10.example.com", &["10.1.2.3", "::ffff:10.1.2.3"]),
            (&["::ffff:10.0.0.0/104"], "ftp.example.com", &["10.1.2.3", "::ffff:10.1.2.3"]),
            (&["192.0.2.7"], "h", &["192.0.2.7"]),
            (&["2001:db8::/32"], "h", &["2001:db8::1"]),
            (&["[2001:db8::1]"], "h", &["2001:db8::1"]),
            (&["::/0"], "h", &["2001:db8::1"]),
            (&["0.0.0.0/0"], "h", &["10.1.2.3", "192.0.2.7", "::ffff:10.1.2.3", "127.0.0.1"]),
            (&["*.example.com", "127.0.0.0/8"], "other.test", &["127.0.0.1"]),
            (&["*.example.com", "127.0.0.0/8"], "www.example.com", &everywhere),
        ];
        for (patterns, host, expected) in table {
            assert_eq!(permitted(patterns, host, &everywhere), expected, "{patterns:?} {host}");
        }
    }

    #[test]
    fn literals_are_judged_as_what_they_are() {
        let table: [(&[&str], &str, bool); 9] = [
            (&["10.0.0.0/8"], "10.1.2.3", true),
            (&["10.0.0.0/8"], "11.1.2.3", false),
            (&["10.0.0.0/8"], "::ffff:10.1.2.3", true),
            (&["10.1.2.3"], "::ffff:a01:203", true),
            (&["fe80::/10"], "fe80::1%eth0", true),
            (&["fe80::1"], "fe80::2%eth0", false),
            (&["fe80::1"], "FE80::1", true),
            (&["*.example.com"], "10.1.2.3", false),
            // Old spellings of 10.1.2.3 are names here, and judged by what they lead to.
            (&["10.0.0.0/8"], "167838211", false),
        ];
        for (patterns, host, allowed) in table {
            assert_eq!(list(patterns).allows_host(host), allowed, "{patterns:?} {host}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        let table = [
            ("", HostPatternError::Empty),
            (" . ", HostPatternError::Empty),
            ("10.0.0.0/33", HostPatternError::Network),
            ("10.0/8", HostPatternError::Network),
            ("ftp://example.com", HostPatternError::Network),
            ("10.0.*", HostPatternError::Addresses),
            ("*.7", HostPatternError::Addresses),
            ("ftp.example.com:21", HostPatternError::Port),
            ("10.0.0.1:21", HostPatternError::Port),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<HostPattern>().unwrap_err(), error, "{text}");
        }
        assert!(matches!("ftp[1.example.com".parse::<HostPattern>(), Err(HostPatternError::Name(_))));
    }

    #[test]
    fn lists_are_equal_when_their_patterns_are() {
        assert_eq!(list(&["*.Example.com", "10.0.0.0/8"]), list(&["*.example.com.", "10.0.0.0/8"]));
        assert_ne!(list(&["*.example.com"]), list(&[]));
    }
}
