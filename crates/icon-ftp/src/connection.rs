//! The connection input: what the platform's form says, turned into a client's configuration.
//!
//! Every mistake that can be seen without a network is found here, and secrets are hidden from here inward.

use std::time::Duration;

use ftp_client::{
    Client, Config, Credentials, DataMode, Encoding, Error, Proxy, Secret, TlsConfig, TlsMode,
    UnknownEncoding, Verification,
};
use plugin_runtime::Failure;
use serde::Deserialize;

use crate::failure;

/// FTP's own port (RFC 959 §8).
const FTP_PORT: u16 = 21;

/// The port that implicit TLS is found on (registered with IANA as `ftps`).
const IMPLICIT_TLS_PORT: u16 = 990;

/// User and password of an anonymous login (RFC 1635 §3.1).
pub(crate) const ANONYMOUS: (&str, &str) = ("anonymous", "anonymous@");

/// The most bytes of a host (RFC 1123 §2.1): no name is longer, and no address.
const LONGEST_HOST: usize = 255;

/// The longest wait that can be asked for, in seconds: a day.
pub(crate) const LONGEST_TIMEOUT: u64 = 86_400;

/// The connection input as it comes.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Connection {
    host: String,
    port: Option<i64>,
    credentials: Option<LoginInput>,
    passive: Option<bool>,
    secure: Option<bool>,
    tls_mode: Option<TlsModeInput>,
    ssl_verify: Option<bool>,
    ca_certificate: Option<String>,
    certificate_sha256: Option<SecretText>,
    timeout: Option<i64>,
    encoding: Option<String>,
    /// A URL that may hold a password.
    proxy: Option<SecretText>,
}

/// The platform's credential type `credential_username_password`.
#[derive(Debug, Clone, Deserialize)]
struct LoginInput {
    username: String,
    password: SecretText,
}

/// When TLS begins, in the words of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TlsModeInput {
    Explicit,
    Implicit,
}

/// A password or a pin on its way in.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
struct SecretText(Secret<String>);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

impl Connection {
    /// What `make` makes of this server and login. Nothing is dialled yet.
    ///
    /// # Errors
    ///
    /// A failure that names the setting and says what would be right.
    pub(crate) fn client(
        &self,
        make: impl FnOnce(Config) -> Result<Client, Error>,
    ) -> Result<Client, Failure> {
        self.warn_of_idle_settings();
        make(self.config()?).map_err(|error| failure::from_client(&error))
    }

    /// The server as people name it: `host:port`.
    ///
    /// # Errors
    ///
    /// As [`Connection::client`].
    pub(crate) fn server(&self) -> Result<String, Failure> {
        self.config().map(|config| config.server())
    }

    /// Who logs in, for people.
    pub(crate) fn user(&self) -> &str {
        self.credentials.as_ref().map_or(ANONYMOUS.0, |login| login.username.as_str())
    }

    /// Whether commands and data have to be protected.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure.unwrap_or(false)
    }

    /// The pin, if one is given.
    fn pin(&self) -> Option<&str> {
        given(self.certificate_sha256.as_ref().map(|pin| pin.0.expose()))
    }

    /// Whether TLS is to begin with the first byte; without TLS the mode of it says nothing.
    fn is_implicit(&self) -> bool {
        self.is_secure() && self.tls_mode == Some(TlsModeInput::Implicit)
    }

    fn config(&self) -> Result<Config, Failure> {
        let (host, port) = self.address()?;
        Ok(Config {
            port,
            // A message that does not say is served the way that works on nearly every network.
            data_mode: if self.passive.unwrap_or(true) { DataMode::Passive } else { DataMode::Active },
            tls: if self.is_secure() { Some(self.tls()?) } else { None },
            timeout: self.timeout()?,
            encoding: self.encoding()?,
            proxy: self.proxy()?,
            ..Config::new(host, self.login()?)
        })
    }

    /// `name`, `name:port`, `[v6]:port`, or a bare IPv6 address, whose colons are no port. A port in the host is the
    /// more particular one and comes before the input `port`.
    fn address(&self) -> Result<(String, u16), Failure> {
        let text = self.host.trim();
        let (host, port) = split_port(text).ok_or_else(|| failure::bad_host(&self.host))?;
        let is_clean = (1..=LONGEST_HOST).contains(&host.len())
            && !host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/');
        let is_number = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        if !is_clean || !port.is_none_or(is_number) || (host.contains(':') && !is_ipv6(host)) {
            return Err(failure::bad_host(&self.host));
        }
        let port = match (port, self.port) {
            (Some(digits), _) => digits.parse().ok().filter(|port| *port != 0),
            (None, Some(number)) => u16::try_from(number).ok().filter(|port| *port != 0),
            (None, None) if self.is_implicit() => Some(IMPLICIT_TLS_PORT),
            (None, None) => Some(FTP_PORT),
        };
        Ok((
            host.to_owned(),
            port.ok_or_else(|| failure::setting_out_of_range("port", 1, u64::from(u16::MAX)))?,
        ))
    }

    fn login(&self) -> Result<Credentials, Failure> {
        let (user, password) = match &self.credentials {
            Some(login) if !login.username.is_empty() => {
                (login.username.as_str(), login.password.0.expose().as_str())
            }
            // A form that was left empty means the same as one that is not there.
            _ => ANONYMOUS,
        };
        Credentials::parse(user, password)
            .map_err(|error| failure::bad_setting("credentials", &error.to_string()))
    }

    /// The most particular statement about the certificate decides: a pin, no verification at all, an authority, the
    /// system's authorities.
    fn tls(&self) -> Result<TlsConfig, Failure> {
        let verification = match (self.pin(), given(self.ca_certificate.as_ref())) {
            (Some(pin), _) => Verification::pin_from_hex(pin)
                .map_err(|error| failure::bad_setting("certificate_sha256", &error.to_string())),
            (None, _) if self.ssl_verify == Some(false) => Ok(Verification::Off),
            (None, Some(pem)) => Verification::authorities_from_pem(pem)
                .map_err(|error| failure::bad_setting("ca_certificate", &error.to_string())),
            (None, None) => Ok(Verification::SystemRoots),
        }?;
        let mode = if self.is_implicit() { TlsMode::Implicit } else { TlsMode::Explicit };
        Ok(TlsConfig { mode, verification })
    }

    /// Settings that only mean something together with TLS, in a connection without it: an oversight, most likely.
    fn warn_of_idle_settings(&self) {
        if self.is_secure() {
            return;
        }
        let (pin, authority) = (self.pin(), given(self.ca_certificate.as_ref()));
        if pin.is_some() || authority.is_some() {
            tracing::warn!("The connection names a certificate, but `secure` is false: nothing is encrypted");
        }
        if self.tls_mode == Some(TlsModeInput::Implicit) {
            tracing::warn!(
                "The connection asks for implicit TLS, but `secure` is false: nothing is encrypted"
            );
        }
    }

    fn encoding(&self) -> Result<Encoding, Failure> {
        let Some(name) = given(self.encoding.as_ref()) else { return Ok(Encoding::Auto) };
        name.parse().map_err(|error: UnknownEncoding| failure::bad_setting("encoding", &error.to_string()))
    }

    fn proxy(&self) -> Result<Option<Proxy>, Failure> {
        let Some(url) = self.proxy_url() else { return Ok(None) };
        let proxy = Proxy::parse(url).map_err(|error| failure::bad_setting("proxy", &error.to_string()))?;
        Ok(Some(proxy))
    }

    fn proxy_url(&self) -> Option<&str> {
        given(self.proxy.as_ref().map(|url| url.0.expose()))
    }

    fn timeout(&self) -> Result<Duration, Failure> {
        let seconds = self.timeout.unwrap_or(30);
        match u64::try_from(seconds) {
            Ok(seconds) if (1..=LONGEST_TIMEOUT).contains(&seconds) => Ok(Duration::from_secs(seconds)),
            _ => Err(failure::setting_out_of_range("timeout", 1, LONGEST_TIMEOUT)),
        }
    }
}

impl plugin_runtime::Connection for Connection {
    fn check(&self) -> Result<(), Failure> {
        self.config().map(drop)
    }

    /// The password and the proxy's login as they are, and as they look without the blanks around them and with their odd
    /// characters escaped: texts go through both before they are shown.
    fn secrets(&self) -> Vec<String> {
        let password = self.credentials.iter().map(|login| login.password.0.expose().clone());
        let proxy = self.proxy_url().map(Proxy::secrets_in).unwrap_or_default();
        password
            .chain(proxy)
            .flat_map(|secret| {
                let (trimmed, escaped) = (secret.trim().to_owned(), secret.escape_debug().to_string());
                [secret, trimmed, escaped]
            })
            .collect()
    }
}

/// The text of an optional setting; the platform sends empty ones for those that were left out.
fn given(setting: Option<&String>) -> Option<&str> {
    setting.map(String::as_str).filter(|text| !text.trim().is_empty())
}

/// An IPv6 address, with the zone of a link-local one if it has any (RFC 4007 §11): `fe80::1%eth0`.
fn is_ipv6(host: &str) -> bool {
    let (address, zone) = host.split_once('%').unwrap_or((host, "any"));
    let is_zone =
        !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    is_zone && address.parse::<std::net::Ipv6Addr>().is_ok()
}

/// Splits `host[:port]`; `None` when brackets do not match.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None if rest.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => Some((host, Some(port))),
        _ => Some((text, None)),
    }
}

#[cfg(test)]
mod tests {
    use ftp_proto::Charset;
    use plugin_runtime::Connection as _;
    use serde_json::{Value, json};

    use super::*;

    fn connection(mut settings: Value) -> Connection {
        if settings.get("host").is_none() {
            settings["host"] = json!("h");
        }
        serde_json::from_value(settings).expect("settings of the right types")
    }

    #[test]
    fn hosts_come_with_and_without_ports() {
        let table = [
            ("h", None, Some(("h", 21))),
            ("h:2121", None, Some(("h", 2121))),
            ("h:2121", Some(990), Some(("h", 2121))),
            ("h", Some(2121), Some(("h", 2121))),
            (" h ", None, Some(("h", 21))),
            ("::1", None, Some(("::1", 21))),
            ("[::1]", None, Some(("::1", 21))),
            ("[::1]:2121", None, Some(("::1", 2121))),
            ("[fe80::1%eth0]:2121", None, Some(("fe80::1%eth0", 2121))),
            ("fe80::1%2", None, Some(("fe80::1%2", 21))),
            ("fe80::1%", None, None),
            ("fe80::1%a%b", None, None),
            ("", None, None),
            ("   ", None, None),
            (":21", None, None),
            ("h:", None, None),
            ("h:0", None, None),
            ("h:65536", None, None),
            ("h:ftp", None, None),
            ("h", Some(0), None),
            ("h", Some(-1), None),
            ("h", Some(70_000), None),
            ("[::1", None, None),
            ("[::1]x", None, None),
            ("a:b:c", None, None),
            ("ftp://h/", None, None),
            ("h h", None, None),
            ("h\r\nx", None, None),
        ];
        for (host, port, expected) in table {
            let address = connection(json!({"host": host, "port": port})).address().ok();
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(address, expected, "{host:?} {port:?}");
        }
    }

    #[test]
    fn a_host_that_is_too_long_is_no_host_and_not_told_as_a_whole() {
        let longest = "h".repeat(LONGEST_HOST);
        assert_eq!(connection(json!({"host": longest})).address().ok(), Some((longest.clone(), 21)));
        let failure = connection(json!({"host": longest.repeat(1000)})).address().expect_err("no host");
        assert!(failure.to_string().len() < 1000, "{failure}");
    }

    #[test]
    fn implicit_tls_has_a_port_of_its_own() {
        let table = [
            (json!({"secure": true, "tls_mode": "implicit"}), 990, Some(TlsMode::Implicit)),
            (json!({"secure": true, "tls_mode": "implicit", "port": 2121}), 2121, Some(TlsMode::Implicit)),
            (json!({"secure": true, "tls_mode": "implicit", "host": "h:21"}), 21, Some(TlsMode::Implicit)),
            (json!({"secure": true, "tls_mode": "explicit"}), 21, Some(TlsMode::Explicit)),
            (json!({"secure": true}), 21, Some(TlsMode::Explicit)),
            (json!({"secure": false, "tls_mode": "implicit"}), 21, None),
        ];
        for (settings, port, mode) in table {
            let config = connection(settings.clone()).config().expect("settings that are right");
            assert_eq!((config.port, config.tls.map(|tls| tls.mode)), (port, mode), "{settings}");
        }
    }

    #[test]
    fn mistakes_are_found_before_anything_is_dialled() {
        let secure = |setting: &str, value: &str| json!({"secure": true, setting: value});
        let table = [
            (json!({"timeout": 0}), "timeout"),
            (json!({"timeout": -5}), "timeout"),
            (json!({"port": 0}), "port"),
            (json!({"encoding": "klingon"}), "encoding"),
            (secure("certificate_sha256", "abc"), "certificate_sha256"),
            (secure("ca_certificate", "abc"), "ca_certificate"),
            (json!({"credentials": {"username": "a\r\nDELE x", "password": "p"}}), "credentials"),
            (json!({"credentials": {"username": "a", "password": "canary\n"}}), "credentials"),
            (json!({"proxy": "socks4://me:canary@h:1080"}), "proxy"),
            (json!({"proxy": "socks5://me:canary@h"}), "proxy"),
            (json!({"proxy": "http://a%3Ab:canary@h:80"}), "proxy"),
        ];
        for (settings, named) in table {
            let failure = connection(settings.clone()).check().expect_err("a mistake");
            assert!(failure.to_string().contains(named), "{settings}: {failure}");
            assert!(!failure.to_string().contains("canary"), "{failure}");
        }
    }

    #[test]
    fn password_and_pin_are_in_no_debug_output() {
        let pin = "ca4a27".repeat(11)[..64].to_owned();
        let connection = connection(json!({
            "credentials": {"username": "u", "password": "canary"}, "secure": true, "certificate_sha256": pin,
        }));
        let config = connection.config().expect("settings that are right");
        for shown in [format!("{connection:?}"), format!("{config:?}")] {
            assert!(!shown.contains("canary"), "{shown}");
            assert!(!shown.contains("ca4a27") && !shown.contains("202, 74, 39"), "{shown}");
        }
    }

    #[test]
    fn the_password_is_in_no_debug_output() {
        let connection = connection(json!({
            "credentials": {"username": "u", "password": "canary"}, "proxy": "http://u:can%61ry@h:80",
        }));
        for shown in [format!("{connection:?}"), format!("{:?}", connection.config())] {
            assert!(!shown.contains("canary") && !shown.contains("can%61ry"), "{shown}");
        }
        let secrets = connection.secrets();
        for secret in ["canary", "can%61ry", "u:can%61ry", "dTpjYW5hcnk="] {
            assert!(secrets.iter().any(|found| found == secret), "{secret} is not among {secrets:?}");
        }
    }

    #[test]
    fn an_empty_proxy_is_none() {
        for proxy in [json!(""), json!("  "), Value::Null] {
            let config = connection(json!({"proxy": proxy})).config().expect("a configuration");
            assert_eq!(config.proxy, None);
        }
        let config = connection(json!({"proxy": "socks5://h:1080"})).config().expect("a configuration");
        assert_eq!(config.proxy.map(|proxy| proxy.to_string()).as_deref(), Some("socks5://h:1080"));
    }

    #[test]
    fn encodings_are_those_of_the_form() {
        let table = [
            (json!({}), Encoding::Auto),
            (json!({"encoding": ""}), Encoding::Auto),
            (json!({"encoding": "auto"}), Encoding::Auto),
            (json!({"encoding": "utf-8"}), Encoding::Fixed(Charset::Utf8)),
            (json!({"encoding": "latin1"}), Encoding::Fixed(Charset::Latin1)),
            (json!({"encoding": "gbk"}), Encoding::Fixed(Charset::Gbk)),
            (json!({"encoding": "shift_jis"}), Encoding::Fixed(Charset::ShiftJis)),
            (json!({"encoding": "windows-1252"}), Encoding::Fixed(Charset::Windows1252)),
        ];
        for (settings, expected) in table {
            let encoding = connection(settings.clone()).config().map(|config| config.encoding);
            assert_eq!(encoding.ok(), Some(expected), "{settings}");
        }
    }

    #[test]
    fn absent_passive_means_passive_and_the_forms_default_means_active() {
        assert_eq!(connection(json!({})).config().map(|c| c.data_mode).ok(), Some(DataMode::Passive));
        assert_eq!(
            connection(json!({"passive": false})).config().map(|c| c.data_mode).ok(),
            Some(DataMode::Active)
        );
    }
}
