//! The sentences about failures are written for the platform's form, and name its settings. At a shell the same
//! settings are options, or parts of the URL.

use plugin_runtime::Failure;

/// What the sentences say, and what a person at a shell knows it as: whole phrases first, then single settings.
const WORDS: &[(&str, &str)] = &[
    ("`secure` to true and `tls_mode` to implicit", "the URL to ftps://"),
    (
        "`tls_mode` is what it expects: explicit as a rule, implicit",
        "the URL is what it expects: ftpes:// as a rule, ftps://",
    ),
    ("`tls_mode` is explicit already", "the URL has it already"),
    ("`tls_mode` explicit", "ftpes://"),
    ("(`tls_mode`)", "(ftps://)"),
    ("`tls_mode` to implicit", "the URL to ftps://"),
    ("`secure` to true", "the URL to ftpes://"),
    ("`secure` to false", "the URL to ftp://"),
    ("set `secure`", "set the URL to ftpes://"),
    ("set `certificate_sha256` to ", "give --pin-sha256 "),
    ("`ssl_verify` false", "--insecure"),
    (", unless `atomic` is set", ""),
    ("the machine on which the plugin runs", "this machine"),
    ("the plugin's machine", "this machine"),
    ("where the plugin runs", "on this machine"),
    ("The plugin", "icon-ftp"),
    ("the plugin", "icon-ftp"),
    ("`host`", "the URL's server"),
    ("`port`", "the URL's port"),
    ("`credentials`", "the URL, --password-file, FTP_PASSWORD or ~/.netrc"),
    ("`passive`", "--active"),
    ("`secure`", "ftpes://"),
    ("`tls_mode`", "ftps:// or ftpes://"),
    ("`ssl_verify`", "--insecure"),
    ("`ca_certificate`", "--cacert"),
    ("`certificate_sha256`", "--pin-sha256"),
    ("`timeout`", "--timeout"),
    ("`encoding`", "--encoding"),
    ("the connection setting `proxy`", "--proxy"),
    ("`proxy`", "--proxy"),
];

/// The same failure, for a person at a shell.
pub(super) fn at_a_shell(failure: &Failure) -> Failure {
    let reword = |text: &str| WORDS.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    Failure::service(reword(failure.cause()), reword(failure.assistance()))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use expect_test::expect;
    use ftp_client::{
        CertificateFacts, CertificateFlaw, Channel, ConnectFault, DataFault, Error, LostCause, Pool,
        PoolLimits, ProxyFault, TlsFault, Wait,
    };
    use ftp_proto::{Reply, ReplyDecoder, ReplyLimits};

    use super::*;
    use crate::failure;

    fn reply(line: &str) -> Reply {
        let mut decoder = ReplyDecoder::new(ReplyLimits::default());
        decoder.push(format!("{line}\r\n").as_bytes());
        decoder.next_reply().unwrap().unwrap()
    }

    #[test]
    fn every_setting_of_the_connection_has_its_word() {
        let plugin = crate::plugin(crate::Settings::default(), Pool::new(PoolLimits::one_shot())).unwrap();
        let sample = plugin.spec().sample("download").unwrap();
        let settings = sample["body"]["connection"].as_object().unwrap();
        assert!(settings.contains_key("host"), "{sample}");
        for setting in settings.keys() {
            let quoted = format!("`{setting}`");
            assert!(WORDS.iter().any(|(from, _)| *from == quoted), "{quoted} has no word at a shell");
        }
    }

    #[test]
    fn sentences_at_a_shell() {
        let server = || "h:21".to_owned();
        let control_tls = |fault| Error::Tls { on: Channel::Control, fault };
        let certificate = Box::new(CertificateFacts::of(&[].as_slice().into()));
        let errors = [
            Error::Connect {
                server: server(),
                fault: ConnectFault::Tcp(io::ErrorKind::ConnectionRefused.into()),
            },
            Error::Connect { server: server(), fault: ConnectFault::Resolve(io::Error::other("unknown")) },
            Error::Connect { server: server(), fault: ConnectFault::Forbidden },
            Error::Connect { server: server(), fault: ConnectFault::SpeaksTls },
            Error::Connect {
                server: server(),
                fault: ConnectFault::Proxy { proxy: "socks5://p:1080".to_owned(), fault: ProxyFault::Login },
            },
            control_tls(TlsFault::Certificate {
                flaw: CertificateFlaw::UnknownIssuer,
                certificate: certificate.clone(),
            }),
            control_tls(TlsFault::Certificate { flaw: CertificateFlaw::NotPinned, certificate }),
            control_tls(TlsFault::Refused { verb: "AUTH", reply: reply("502 what") }),
            control_tls(TlsFault::NotTls),
            control_tls(TlsFault::Broken(io::ErrorKind::UnexpectedEof.into())),
            Error::Data(DataFault::NotOpened { attempts: vec!["active: 500 no".to_owned()] }),
            Error::Timeout { wait: Wait::Reply("PASS"), after: Duration::from_secs(5) },
            Error::Timeout { wait: Wait::Session, after: Duration::from_secs(5) },
            Error::Timeout { wait: Wait::Resolving, after: Duration::from_secs(5) },
            Error::Timeout { wait: Wait::OpeningData, after: Duration::from_secs(5) },
            Error::Lost(LostCause::Closed),
            Error::Login(reply("530 no")),
        ];
        let sentences: Vec<String> = errors
            .iter()
            .map(|error| {
                let failure = at_a_shell(&failure::from_client(error));
                let sentences = format!("{}\n  {}\n", failure.cause(), failure.assistance());
                assert!(!WORDS.iter().any(|(from, _)| sentences.contains(from)), "{sentences}");
                sentences
            })
            .collect();
        expect![[r#"
            The server cannot be reached: h:21 (connection refused)
              Check the URL's server and the URL's port, that the FTP server is running, and that firewalls on the way let this machine through.
            The name of the server cannot be resolved: h:21 (unknown)
              Check the spelling of the URL's server, and that the name is known on this machine.
            The server may not be reached from here: h:21
              Nothing was sent to it. Whoever runs icon-ftp decides which hosts it may reach, and can add this one: `--allow-host`, `PLUGIN_ALLOW_HOST`.
            The server speaks TLS from the first byte: h:21
              Set the URL to ftps://. No password was sent.
            The proxy did not let icon-ftp in: socks5://p:1080
              Give user and password in --proxy: `socks5://user:password@host:port`. Where they hold `@`, `:`, `/` or `%`, write those percent-encoded (`%40`, `%3A`, `%2F`, `%25`).
            The server's certificate was not accepted: it was issued by nobody who is trusted
              Give the certificate of the authority that issued it in --cacert. If its operator confirms this fingerprint, give --pin-sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 to trust this one certificate. --insecure accepts any certificate, an attacker's too.
            The server's certificate is not the one of --pin-sha256; its SHA-256 is e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
              No password was sent. If the server's operator confirms the new certificate, give --pin-sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855; if not, somebody else answered.
            The server does not offer TLS as asked: AUTH was answered with 502 what
              No password was sent in the clear. If the server offers implicit TLS (port 990 as a rule), set the URL to ftps://; AUTH SSL, which some old servers know alone, is not supported. Otherwise ask its operator for AUTH TLS (RFC 4217), or set the URL to ftp:// if the password and the files may travel readable by everybody on the way.
            The TLS handshake on the control connection failed: the server did not answer the handshake in TLS
              No password was sent. A server that greets in clear text needs ftpes://, and as a rule listens on port 21. If the URL has it already, something between icon-ftp and the server interferes.
            The TLS handshake on the control connection failed: the connection broke during the handshake: unexpected end of file
              Check that the server speaks TLS on this port, and that the URL is what it expects: ftpes:// as a rule, ftps:// on port 990.
            No data connection could be opened: active: 500 no
              Nothing was transferred. Passive connections need the server's passive ports open in every firewall on the way; active ones need the server to reach this machine, which NAT prevents.
            The server did not answer in time: 5 s passed while waiting for the reply to PASS
              Try again. If the server is known to be slow, raise --timeout.
            No session with the server came free within 5 s
              As many steps as may use the server at once are doing so, or as many as it lets in. Try again when fewer are under way.
            The server did not answer in time: 5 s passed while resolving the server's name
              Check the name service of this machine.
            The server did not answer in time: 5 s passed while opening the data connection
              Try the other mode with --active, and check the firewalls on the way.
            The connection to the server was lost: the server closed it
              Try again. A server that restarts, is full, or drops idle connections does this; so does a network that fails.
            The login was refused: 530 no
              Check the username and the password in the URL, --password-file, FTP_PASSWORD or ~/.netrc. Some servers also refuse a login that is right when it comes without TLS (set the URL to ftpes://), from an unknown address, or too often.
        "#]].assert_eq(&sentences.concat());
    }
}
