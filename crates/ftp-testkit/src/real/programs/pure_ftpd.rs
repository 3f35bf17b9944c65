//! Pure-FTPd 1.0.50, which takes its settings from the command line and its users from a database file.

use std::io;
use std::process::Command;

use super::process::Launch;
use super::{LOGIN_ID, PASSWORD_HASH, Setup, Tls, USERNAME};

pub(super) fn launch(setup: &Setup) -> io::Result<Launch> {
    let folder = setup.folder.path();
    let unpacked = setup.unpacked();
    // The `/./` makes the home the login's root folder.
    let user = format!(
        "{USERNAME}:{PASSWORD_HASH}:{LOGIN_ID}:{LOGIN_ID}::{}/./::::::::::::\n",
        setup.home().display()
    );
    let users = setup.write("users", user)?;
    let database = folder.join("users.pdb");
    let made = Command::new(unpacked.join("usr/bin/pure-pw"))
        .arg("mkdb")
        .arg(&database)
        .arg("-f")
        .arg(&users)
        .output();
    match made {
        Ok(output) if !output.status.success() => {
            return Err(io::Error::other(format!("pure-pw: {}", String::from_utf8_lossy(&output.stderr))));
        }
        // That the product is not there is told where all products are looked for.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }

    let mut arguments = vec![
        "-S".into(),
        format!("127.0.0.1,{}", setup.port).into(),
        "-l".into(),
        format!("puredb:{}", database.display()).into(),
        "-g".into(),
        folder.join("pid").into(),
        // No anonymous logins, no name look-ups, no user numbers below 1, and listings of up to a million
        // files, where 10,000 is the default.
        "-E".into(),
        "-H".into(),
        "-u".into(),
        "1".into(),
        "-L".into(),
        "1000000:5".into(),
    ];
    if let Some(most) = setup.most_sessions {
        arguments.extend(["-c".into(), most.to_string().into()]);
    }
    if setup.tls != Tls::Off {
        let both = format!("{}{}", setup.identity.certificate_pem(), setup.identity.key_pem());
        arguments.extend([
            "-Y".into(),
            "3".into(),
            "-2".into(),
            setup.write("certificate.pem", both)?.into(),
        ]);
    }
    Ok(Launch {
        unpacked,
        program: "usr/sbin/pure-ftpd",
        arguments,
        openssl_conf: setup.openssl_conf()?,
        mounts: Vec::new(),
    })
}
