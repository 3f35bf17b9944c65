//! Where the password comes from, as the program's environment has it.

use std::io::Write as _;
use std::process::Stdio;

use ftp_testkit::{ScriptedServer, Transcript};

use super::{command, run};

/// Names and values of an environment.
type Variables<'t> = &'t [(&'t str, &'t str)];

async fn expects(user: &str, password: &str) -> ScriptedServer {
    let login = format!("S: 220 hi\nC: USER {user}\nS: 331 pw\nC: PASS {password}\nS: 530 no");
    Transcript::parse(&login).start().await
}

#[tokio::test]
async fn the_environment_and_files_give_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let file = write("password", "from file\nand more\n");
    let netrc = write(".netrc", "machine 127.0.0.1 login n password from-netrc\n");
    let home = folder.path().to_str().unwrap();

    let table: [(&str, &[&str], Variables<'_>, &str, &str); 6] = [
        ("u@", &["--password-file", &file], &[("FTP_PASSWORD", "x")], "u", "from file"),
        ("u@", &[], &[("FTP_PASSWORD", "from variable"), ("NETRC", &netrc)], "u", "from variable"),
        ("n@", &[], &[("NETRC", &netrc)], "n", "from-netrc"),
        ("", &[], &[("NETRC", &netrc)], "n", "from-netrc"),
        ("", &[], &[("NETRC", ""), ("HOME", home)], "n", "from-netrc"),
        ("", &[], &[("FTP_PASSWORD", "x")], "anonymous", "anonymous@"),
    ];
    for (login, options, environment, user, password) in table {
        let server = expects(user, password).await;
        let url = format!("ftp://{login}{}/", server.address());
        let answer = run(command(options).arg(&url).envs(environment.iter().copied()));
        assert_eq!(answer.exit, 4, "{environment:?}: {answer:?}");
        server.finish().await;
    }
}

#[tokio::test]
async fn stdin_gives_it() {
    let server = expects("u", "from stdin").await;
    let url = format!("ftp://u@{}/", server.address());
    let mut command = command(&["--password-file", "-", &url]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"from stdin\r\nmore").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    server.finish().await;
}

#[tokio::test]
async fn bytes_of_the_url_are_sent_as_they_are() {
    let server = expects("\u{fc}", "p%40ss").await;
    let answer = run(&mut command(&[&format!("ftp://%C3%BC:p%2540ss@{}/", server.address())]));
    assert_eq!(answer.exit, 4, "{answer:?}");
    server.finish().await;
}
