//! What goes wrong before and while a listing comes: its exit code, and two lines on stderr.

use std::net::TcpListener;

use ftp_testkit::{ProxyProtocol, ScriptedServer, TestProxy, Transcript};

use super::{ls, run};
use crate::process::Answer;

const LOGIN: &str = "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS canary\nS: 230 in\nC: TYPE I\nS: 200 ok\n\
    C: FEAT\nS: 211-features\nS:  MLST type*;size*;\nS: 211 end\n";
const LISTING: &str = "C: EPSV\nS: 229 (|||{port}|)\nC: MLSD x\nS: 150 here\n";

async fn play(script: &str) -> ScriptedServer {
    Transcript::parse(&format!("{LOGIN}{script}")).start().await
}

fn url(server: &ScriptedServer) -> String {
    format!("ftp://u:canary@{}/x", server.address())
}

/// Fails with this exit code, and says on stderr what happened and what to do, without the password.
fn fails(answer: &Answer, exit: i32, named: &str) {
    assert_eq!(answer.exit, exit, "{answer:?}");
    let lines: Vec<&str> = answer.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{answer:?}");
    assert!(lines[0].starts_with("icon-ftp: ") && lines[0].contains(named), "{answer:?}");
    assert!(!answer.everything().contains("canary"), "{answer:?}");
    assert!(!lines[1].contains('`'), "a setting of the platform's form: {answer:?}");
}

#[test]
fn wrong_usage_is_2_and_nobody_is_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let (pem, address) = ("/no such file", listener.local_addr().unwrap());
    let good = format!("ftp://u:canary@{address}/x");
    let secure = format!("ftpes://u:canary@{address}/x");
    let table: [(&[&str], &str); 17] = [
        (&["h/x"], "does not start with ftp://"),
        (&["sftp://u:canary@h/x"], "sftp:// is not a kind of FTP"),
        (&["ftp:///x"], "names no server"),
        (&["ftp://u:canary/x@h/"], "the port is not a number"),
        (&["ftp://u:canary%0d%0aDELE@h/"], "the password holds a line end"),
        (&["ftp://h/%0aDELE"], "the path holds a line end"),
        (&["ftp://h/%zz"], "the path holds a `%`"),
        (&["ftp://u@h/"], "no password for the user u"),
        (&["ftp://:canary@h/"], "names no user"),
        (&["--cacert", pem, &secure], "--cacert cannot be used"),
        (&["--cacert", "/dev/null", &secure], "--cacert cannot be used"),
        (&["--pin-sha256", "abc", &secure], "--pin-sha256 cannot be used"),
        (&["--pin-sha256", "abc", &good], "mean nothing with ftp://"),
        (&["--encoding", "latin1", "ftp://u:canary@h/日本"], "cannot be written in Latin-1"),
        (&["--password-file", pem, "ftp://u@h/"], "cannot be read from /no such file"),
        (&["--password-file", "/dev/null", "ftp://u@h/"], "it is empty"),
        (&["--password-file", "-", "ftp://u@h/"], "it is empty"),
    ];
    for (arguments, named) in table {
        let answer = ls(arguments);
        assert_eq!((answer.exit, answer.stdout.as_str()), (2, ""), "{arguments:?}: {answer:?}");
        assert!(answer.stderr.starts_with("icon-ftp: ") && answer.stderr.contains(named), "{answer:?}");
        assert_eq!(answer.stderr.lines().count(), 2, "{answer:?}");
        assert!(!answer.stderr.contains("canary"), "{answer:?}");
    }
    assert!(listener.accept().is_err(), "somebody connected");
}

#[test]
fn a_command_line_that_clap_refuses_is_2_and_shows_no_password() {
    let good = "ftp://u:canary@127.0.0.1:1/x";
    let table: [&[&str]; 9] = [
        &[],
        &[good, good],
        &["--nope", good],
        &[&format!("--{good}")],
        &["--timeout", "0", good],
        &["--timeout", good],
        &["--encoding", "klingon", good],
        &["--insecure", "--cacert", "x", good],
        &["-q", "-v", good],
    ];
    for arguments in table {
        let answer = ls(arguments);
        assert_eq!((answer.exit, answer.stdout.as_str()), (2, ""), "{arguments:?}: {answer:?}");
        assert!(answer.stderr.contains("error:") && !answer.stderr.contains("canary"), "{answer:?}");
    }
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_icon-ftp"));
    let answer = run(command.arg(good));
    assert_eq!(answer.exit, 2);
    assert!(!answer.stderr.contains("canary"), "{answer:?}");
}

#[test]
fn a_closed_port_is_5() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ftp://u:canary@{}/", listener.local_addr().unwrap());
    drop(listener);
    fails(&ls(&[&url]), 5, "cannot be reached");
}

#[tokio::test]
async fn a_server_that_is_none_is_5() {
    let server = Transcript::parse("S: SSH-2.0-OpenSSH_9.2\nT: hang").start().await;
    fails(&ls(&[&url(&server)]), 5, "SSH");
}

#[test]
fn a_server_that_stays_silent_is_8() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let answer = ls(&["--timeout", "1", &format!("ftp://u:canary@{}/", listener.local_addr().unwrap())]);
    fails(&answer, 8, "waiting for the server's greeting");
    assert!(answer.took.as_secs() < 10, "{answer:?}");
}

#[tokio::test]
async fn a_listing_that_breaks_off_is_7_and_what_came_is_shown() {
    for end in ["D: reset\nT: close", "D: close\nS: 426 broken", "D: close\nT: close"] {
        let server = play(&format!("{LISTING}D> type=file;size=1; a\\r\\n\n{end}")).await;
        let answer = ls(&["--json", &url(&server)]);
        fails(&answer, 7, "");
        assert!(answer.stdout.contains("\"name\":\"a\""), "{end}: {answer:?}");
    }
}

#[tokio::test]
async fn a_broken_protocol_is_1() {
    let server = play("C: EPSV\nS: 999 what").await;
    fails(&ls(&[&url(&server)]), 1, "broke the FTP protocol");
}

#[tokio::test]
async fn a_refused_folder_that_is_no_file_is_3() {
    let server =
        play("C: EPSV\nS: 229 (|||{port}|)\nC: MLSD x\nS: 550 no such x\nC: MLST x\nS: 550 neither").await;
    fails(&ls(&[&url(&server)]), 3, "no such x");
}

#[tokio::test]
async fn no_auth_tls_is_6_and_the_password_is_not_sent() {
    let server = Transcript::parse("S: 220 hi\nC: AUTH TLS\nS: 502 what").start().await;
    let answer = ls(&[&url(&server).replace("ftp://", "ftpes://")]);
    fails(&answer, 6, "does not offer TLS");
    server.finish().await;
}

#[tokio::test]
async fn the_wire_is_shown_without_the_password_even_where_the_server_repeats_it() {
    let server = Transcript::parse(
        "S: 220 hi
         C: USER u
         S: 331 say canary, please
         C: PASS canary
         S: 530 canary is wrong",
    )
    .start()
    .await;
    let answer = ls(&["-v", &url(&server)]);
    assert_eq!(answer.exit, 4);
    for line in ["< 220 hi", "> USER u", "> PASS ***"] {
        assert!(answer.stderr.lines().any(|shown| shown == line), "{line}: {answer:?}");
    }
    assert!(answer.stderr.contains("< 331 say ***") && !answer.everything().contains("canary"), "{answer:?}");
    server.finish().await;
}

#[tokio::test]
async fn lines_that_cannot_be_read_are_counted_and_the_first_is_shown() {
    let script = format!(
        "{LISTING}D> type=file;size=1; a\\r\\nnon\\x1b[2Jsense\\r\\n???\\r\\n\nD: close\nS: 226 done"
    );
    for (options, expected) in [
        (
            &["--json"][..],
            "icon-ftp: warning: 2 lines could not be read, and may be files; the first, in x: non\\u{1b}[2Jsense\n",
        ),
        (&["--json", "-q"], ""),
    ] {
        let server = play(&script).await;
        let answer = ls(&[options, &[&url(&server)]].concat());
        assert_eq!((answer.exit, answer.stderr.as_str()), (0, expected), "{answer:?}");
        assert_eq!(answer.stdout.lines().count(), 1);
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_pass_is_shown() {
    let server = Transcript::parse("S: 220 hi\nC: AUTH TLS\nS: 234 go\nT: tls\nT: hang").start().await;
    let url = url(&server).replace("ftp://", "ftpes://");
    let answer = ls(&["--pin-sha256", &"00".repeat(32), &url]);
    assert_eq!(answer.exit, 6, "{answer:?}");
    let pin = format!("--pin-sha256 {}", server.certificate_sha256());
    assert!(answer.stderr.contains(&pin) && answer.stderr.contains("\nissuer: "), "{answer:?}");
    assert!(!answer.everything().contains("canary"));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_5_and_its_password_is_not_shown() {
    let proxy = TestProxy::start_for(ProxyProtocol::Http, "someone", "else").await;
    let refused = proxy.url().replace("://", "://u:canary@");
    let answer = ls(&["-v", "--proxy", &refused, "ftp://h.invalid/"]);
    assert_eq!(answer.exit, 5, "{answer:?}");
    assert!(!answer.everything().contains("canary"), "{answer:?}");
    let answer = ls(&["--proxy", "gopher://u:canary@h:1", "ftp://h.invalid/"]);
    fails(&answer, 2, "--proxy cannot be used");
}
