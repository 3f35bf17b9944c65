//! `ProFTPD` 1.3.8, with users of its own in a file.

use std::fmt::Write as _;
use std::io;

use super::process::Launch;
use super::{LOGIN_ID, PASSWORD_HASH, Setup, Tls, TlsVersions, USERNAME};

pub(super) fn launch(setup: &Setup) -> io::Result<Launch> {
    let folder = setup.folder.path().display();
    let unpacked = setup.unpacked();
    let users = setup.write(
        "users",
        format!("{USERNAME}:{PASSWORD_HASH}:{LOGIN_ID}:{LOGIN_ID}::{}:/bin/sh\n", setup.home().display()),
    )?;
    let groups = setup.write("groups", format!("{USERNAME}:x:{LOGIN_ID}:{USERNAME}\n"))?;
    let mut settings = format!(
        "ModulePath {modules}\nPort {port}\nPidFile {folder}/pid\nScoreboardFile {folder}/scoreboard\n\
         SystemLog {folder}/log\nAuthUserFile {users}\nAuthGroupFile {groups}\n{SETTINGS}",
        modules = unpacked.join("usr/lib/proftpd").display(),
        port = setup.port,
        users = users.display(),
        groups = groups.display(),
    );
    if let Some(most) = setup.most_sessions {
        writeln!(settings, "MaxClients {most}").map_err(io::Error::other)?;
    }
    if setup.tls != Tls::Off {
        let certificate = setup.write("certificate.pem", setup.identity.certificate_pem())?;
        let key = setup.write("key.pem", setup.identity.key_pem())?;
        write!(
            settings,
            "LoadModule mod_tls.c\nTLSEngine on\nTLSRequired on\nTLSLog {folder}/tls-log\n\
             TLSECCertificateFile {}\nTLSECCertificateKeyFile {}\n",
            certificate.display(),
            key.display()
        )
        .map_err(io::Error::other)?;
        settings.push_str(match setup.tls {
            Tls::Off | Tls::On(TlsVersions::Default) => "",
            Tls::On(TlsVersions::Only12) => "TLSProtocol TLSv1.2\n",
            Tls::On(TlsVersions::Only13) => "TLSProtocol TLSv1.3\n",
            Tls::Implicit => "TLSOptions UseImplicitSSL\n",
        });
    }
    Ok(Launch {
        unpacked,
        program: "usr/sbin/proftpd",
        arguments: vec!["-n".into(), "-c".into(), setup.write("proftpd.conf", settings)?.into()],
        openssl_conf: None,
        mounts: Vec::new(),
    })
}

/// Without `DelayEngine off` a login is slowed down on purpose; without the two name settings it asks name
/// servers.
const SETTINGS: &str = "\
ServerType standalone
DefaultAddress 127.0.0.1
UseIPv6 off
UseReverseDNS off
User nobody
Group nogroup
AuthOrder mod_auth_file.c
DefaultRoot ~
RequireValidShell off
UseFtpUsers off
WtmpLog off
TransferLog none
DelayEngine off
MaxInstances none
Umask 022
AllowOverwrite on
AllowStoreRestart on
AllowRetrieveRestart on
TimesGMT on
";
