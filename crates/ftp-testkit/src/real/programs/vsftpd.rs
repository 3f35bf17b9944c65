//! vsftpd 3.0: it knows no users but the machine's, so it is shown a machine that has one.

use std::fmt::Write as _;
use std::{fs, io};

use super::process::Launch;
use super::{LOGIN_ID, PASSWORD_HASH, Setup, Tls, USERNAME};

pub(super) fn launch(setup: &Setup) -> io::Result<Launch> {
    let home = setup.home();
    let accounts = format!(
        "root:x:0:0::/root:/bin/sh\n\
         {USERNAME}:x:{LOGIN_ID}:{LOGIN_ID}::{}:/bin/sh\n\
         nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
        home.display()
    );
    let passwords = format!("root:*:1::::::\n{USERNAME}:{PASSWORD_HASH}:19000::::::\nnobody:*:1::::::\n");
    let groups = format!("root:x:0:\n{USERNAME}:x:{LOGIN_ID}:\nnogroup:x:65534:\n");
    let pam = setup.folder.path().join("pam.d");
    fs::create_dir_all(&pam)?;
    setup.write("pam.d/vsftpd", PAM)?;
    let empty = setup.folder.path().join("empty");
    fs::create_dir_all(&empty)?;

    let mut settings = format!(
        "listen_port={}\nmax_per_ip={}\nsecure_chroot_dir={}\nlocal_root={}\n{SETTINGS}",
        setup.port,
        setup.most_sessions.unwrap_or(0),
        empty.display(),
        home.display()
    );
    if setup.tls != Tls::Off {
        let certificate = setup.write("certificate.pem", setup.identity.certificate_pem())?;
        let key = setup.write("key.pem", setup.identity.key_pem())?;
        write!(
            settings,
            "rsa_cert_file={}\nrsa_private_key_file={}\n{TLS_SETTINGS}",
            certificate.display(),
            key.display()
        )
        .map_err(io::Error::other)?;
    }
    if setup.tls == Tls::Implicit {
        settings.push_str("implicit_ssl=YES\n");
    }
    Ok(Launch {
        unpacked: setup.unpacked(),
        program: "usr/sbin/vsftpd",
        arguments: vec![setup.write("vsftpd.conf", settings)?.into()],
        openssl_conf: setup.openssl_conf()?,
        mounts: vec![
            (setup.write("passwd", accounts)?, "/etc/passwd"),
            (setup.write("shadow", passwords)?, "/etc/shadow"),
            (setup.write("group", groups)?, "/etc/group"),
            (pam, "/etc/pam.d"),
        ],
    })
}

/// Passwords are checked without the delay that is to slow down guessing.
const PAM: &str = "\
auth required pam_unix.so nodelay
account required pam_unix.so
session required pam_permit.so
";

/// `isolate` and `seccomp_sandbox` ask for rights that a server inside a namespace may not have.
const SETTINGS: &str = "\
listen=YES
listen_ipv6=NO
listen_address=127.0.0.1
background=NO
anonymous_enable=NO
local_enable=YES
write_enable=YES
local_umask=022
chroot_local_user=YES
allow_writeable_chroot=YES
pasv_enable=YES
connect_from_port_20=NO
delay_failed_login=0
isolate=NO
isolate_network=NO
seccomp_sandbox=NO
pam_service_name=vsftpd
";

/// `require_ssl_reuse` is its default, and what makes vsftpd worth testing against.
const TLS_SETTINGS: &str = "\
ssl_enable=YES
allow_anon_ssl=NO
force_local_logins_ssl=YES
force_local_data_ssl=YES
ssl_tlsv1=YES
ssl_ciphers=HIGH
require_ssl_reuse=YES
";
