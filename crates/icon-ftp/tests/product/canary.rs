//! Secrets stay where they are: none of them comes out of the program by any of its ways, whatever a server does to have
//! it told.

use ftp_testkit::{Collector, Product, RealServer, ScriptedServer, Tls, TlsVersions, Transcript};
use serde_json::{Value, json};

use crate::monitor::Trigger;
use crate::process::{Answer, base64, connection, message, run};

/// With characters that look different in its other forms.
const PASSWORD: &str = "Canary+81f3/hush=";

/// The pin of no certificate.
const PIN: &str = "c0ffee00c0ffee11c0ffee22c0ffee33c0ffee44c0ffee55c0ffee66c0ffee77";

/// A proxy's user and password, and what HTTP makes of them.
const PROXY_USER: &str = "Finch-user-7a";
const PROXY_PASSWORD: &str = "Finch-pass-9c";

/// How many connections a scripted server takes: one for each way to run the program, and some to try again.
const CONNECTIONS: usize = 12;

/// Fails if an answer shows a secret in any form in which it may be known.
fn assert_silent(answer: &Answer, what: &str) {
    let colons: Vec<_> = PIN.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
    let forms = [
        PASSWORD.to_owned(),
        PASSWORD.to_lowercase(),
        PASSWORD.to_uppercase(),
        "Canary%2B81f3%2Fhush%3D".to_owned(),
        "Canary%2b81f3%2fhush%3d".to_owned(),
        base64(PASSWORD.as_bytes()),
        PIN.to_owned(),
        PIN.to_uppercase(),
        colons.join(":"),
        colons.join(":").to_uppercase(),
        PROXY_USER.to_owned(),
        PROXY_PASSWORD.to_owned(),
        base64(format!("{PROXY_USER}:{PROXY_PASSWORD}").as_bytes()),
    ];
    let said = answer.everything();
    for form in forms {
        assert!(!said.contains(&form), "{what}: `{form}` came out: {said}");
    }
}

/// Runs the message in every way that there is, and looks at what came out.
fn run_every_way(message: &Value, what: &str) -> Vec<Answer> {
    let ways = [&["run"][..], &["--debug", "run"], &["test"], &["--debug", "test"]];
    ways.map(|arguments| {
        let answer = run(arguments, message.to_string().as_bytes());
        assert_silent(&answer, &format!("{what}, {arguments:?}"));
        answer
    })
    .into()
}

async fn play(script: &str) -> ScriptedServer {
    Transcript::parse(&[script; CONNECTIONS].join("\n---\n")).start().await
}

fn settings(server: &ScriptedServer) -> Value {
    let credentials = json!({"username": "u", "password": PASSWORD});
    json!({"host": server.address().to_string(), "credentials": credentials, "timeout": 2})
}

/// What servers say with a password in it: as it came, in quotes, with the command, in several lines, rewritten.
fn echoes() -> Vec<String> {
    let (plain, upper, lower) = (PASSWORD.to_owned(), PASSWORD.to_uppercase(), PASSWORD.to_lowercase());
    let percent = "Canary%2B81f3%2Fhush%3D".to_owned();
    let encoded = base64(PASSWORD.as_bytes());
    let quoted = [format!("'{PASSWORD}'"), format!("\"PASS {PASSWORD}\""), format!("{PASSWORD}{PASSWORD}")];
    [plain, upper, lower, percent, encoded].into_iter().chain(quoted).collect()
}

#[tokio::test]
async fn a_server_that_repeats_the_password_in_any_form_does_not_make_us_tell_it() {
    for echo in echoes() {
        let login = "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS *\n";
        let scripts = [
            format!("S: 220 {echo}\nC: USER u\nS: 530 {echo}"),
            format!("{login}S: 530-no {echo}\nS: {echo}\nS: 530 {echo}"),
            format!("{login}S: 331 {echo}"),
            format!("{login}S: 421 {echo}"),
            format!("{login}S: {echo}"),
            format!("{login}S: 230 welcome, {echo}\nC: TYPE I\nS: 500 {echo}"),
        ];
        for script in scripts {
            let server = play(&script).await;
            let message = message("download", &settings(&server), &json!({"path": "f"}));
            let answers = run_every_way(&message, &script);
            assert!(answers.iter().all(|answer| answer.exit == 1), "{script}: {answers:?}");
        }
    }
}

#[tokio::test]
async fn no_failure_of_a_step_tells_the_password() {
    let login = "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS *\nS: 230 in\nC: TYPE I\nS: 200 ok\n";
    let begun = "C: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{port}|)\nC: RETR f\n";
    let scripts = [
        "T: close".to_owned(),
        "S: HTTP/1.1 400 Bad Request".to_owned(),
        "S: 220 hi\nT: hang".to_owned(),
        "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS *\nT: hang".to_owned(),
        "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS *\nT: reset".to_owned(),
        format!(
            "{login}C: SIZE f\nS: 213 {PASSWORD}\nC: EPSV\nS: 229 {PASSWORD}\nC: PASV\nS: 227 {PASSWORD}\nT: close"
        ),
        format!("{login}{begun}S: 550 {PASSWORD}"),
        format!("{login}{begun}S: 226 {PASSWORD}"),
        format!("{login}{begun}S: 150 {PASSWORD}\nD> hel\nD: close\nS: 426 {PASSWORD}"),
        format!("{login}{begun}S: 150 {PASSWORD}\nD> hel\nD: close\nS: 226 {PASSWORD}"),
        format!("{login}{begun}S: 150 {PASSWORD}\nD> hel\nD: reset\nS: 451 {PASSWORD}"),
        format!("{login}{begun}S: 150 {PASSWORD}\nD> hello\nD: close\nS: 226 {PASSWORD}"),
    ];
    for script in scripts {
        let server = play(&script).await;
        run_every_way(&message("download", &settings(&server), &json!({"path": "f"})), &script);
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_used_is_refused_without_its_secrets() {
    let server = play("S: 220 hi\nT: close").await;
    let good = message("download", &settings(&server), &json!({"path": "f"}));
    let with = |place: &str, value: Value| {
        let mut message = good.clone();
        *message.pointer_mut(&format!("/body/connection{place}")).unwrap() = value;
        message
    };
    let whole = json!({"username": "u", "password": PASSWORD});
    let table = [
        with("/credentials", json!(PASSWORD)),
        with("/credentials", json!([whole])),
        with("/credentials/password", json!([PASSWORD])),
        with("/credentials/password", json!({"secret": PASSWORD})),
        with("/credentials/password", json!(format!("{PASSWORD}\r\nDELE f"))),
        with("/credentials/username", json!(format!("u\r\nPASS {PASSWORD}"))),
        with("/credentials/username", json!({"name": PASSWORD})),
        with("/timeout", json!(0)),
        with("", json!([PASSWORD])),
        with("", json!(PASSWORD)),
    ];
    for message in table {
        let answers = run_every_way(&message, &message.to_string());
        assert!(answers.iter().all(|answer| answer.exit == 1), "{message}: {answers:?}");
    }
    let text = good.to_string();
    for cut in [text.len() / 2, text.find(PASSWORD).unwrap() + PASSWORD.len(), text.len() - 1] {
        let answer = run(&["run", "--debug"], &text.as_bytes()[..cut]);
        assert_silent(&answer, "a message that is cut off");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_the_pinned_one_does_not_make_us_tell_the_pin() {
    let Some(server) = RealServer::start_or_skip(Product::Libunftp, Tls::On(TlsVersions::Default)).await
    else {
        return;
    };
    let mut connection = connection(&server, true, true);
    connection["credentials"]["password"] = json!(PASSWORD);
    let colons = PIN.as_bytes().chunks(2).map(String::from_utf8_lossy).collect::<Vec<_>>().join(":");
    for pin in [PIN.to_owned(), PIN.to_uppercase(), colons, format!("{PIN}00")] {
        connection["certificate_sha256"] = json!(pin);
        let message = message("download", &connection, &json!({"path": "f"}));
        for answer in run_every_way(&message, "a wrong pin") {
            assert_eq!(answer.exit, 1, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn what_goes_well_tells_no_secret_either() {
    let login = "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS *\nS: 230 in\nC: TYPE I\nS: 200 ok\n";
    let server = play(&format!("{login}C: DELE f\nS: 250 gone, {PASSWORD}\nC: *")).await;
    let message = message("delete", &settings(&server), &json!({"path": "f"}));
    let answers = run_every_way(&message, "a file that is deleted");
    assert_eq!(answers[0].output()["deleted"], true);
    for arguments in [&["info"][..], &["sample", "download"], &["sample", "monitor"]] {
        assert_silent(&run(arguments, b""), &format!("{arguments:?}"));
    }
}

#[tokio::test]
async fn a_trigger_that_is_refused_keeps_the_password_to_itself() {
    let script = format!("S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS *\nS: 530 no {PASSWORD}");
    let server = play(&script).await;
    let collector = Collector::start([200]);
    let input = json!({"path": "f", "interval": 1});
    let mut trigger = Trigger::start(&settings(&server), &input, &collector.url());
    trigger.wait_for_log("530 no ***").await;
    assert!(!trigger.log_so_far().contains(PASSWORD));
    assert_eq!(trigger.end().await, 0);
}

#[tokio::test]
async fn a_proxy_that_repeats_its_login_does_not_make_us_tell_it() {
    let login = format!("{PROXY_USER}:{PROXY_PASSWORD}");
    let token = base64(login.as_bytes());
    let asked = "C: CONNECT *\nC: Host: *\nC: Proxy-Authorization: *\nC: \n";
    let table = [
        ("http", format!("{asked}S: HTTP/1.1 407 {login}\nS: X-Login: {token}\nS: ")),
        ("http", format!("{asked}S: HTTP/1.1 403 {token}\nS: ")),
        ("http", format!("{asked}S: {login}")),
        ("http", format!("{asked}S: HTTP/1.1 200 ok\nS: \nS: 530 not with {login}, {token}")),
        ("http", format!("{asked}S: HTTP/1.1 200 ok\nS: \nS: {login}, {token}")),
        ("socks5", r"S+: \x05\x02\x01\x01".to_owned()),
        ("socks5", format!(r"S+: \x05\x02\x01\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x15421 {login}\r\n")),
        ("socks5", format!("S: {login}")),
    ];
    for (scheme, script) in table {
        let proxy = play(&script).await;
        let mut settings = settings(&proxy);
        settings["proxy"] = json!(format!("{scheme}://{login}@{}", proxy.address()));
        let message = message("download", &settings, &json!({"path": "f"}));
        let answers = run_every_way(&message, &script);
        assert!(answers.iter().all(|answer| answer.exit == 1), "{script}: {answers:?}");
    }
    for proxy in [
        format!("socks4://{login}@h:1"),
        format!("http://{login}@h"),
        format!("{login}@h:1"),
        format!("http://{login}@h:1/{token}"),
    ] {
        let server = play("S: 220 hi\nT: close").await;
        let mut settings = settings(&server);
        settings["proxy"] = json!(proxy);
        run_every_way(&message("download", &settings, &json!({"path": "f"})), &proxy);
    }
}
#[tokio::test]
async fn a_listing_for_people_shows_the_wire_without_the_password() {
    for echo in echoes() {
        let script = format!("S: 220 hi\nC: USER u\nS: 331 for {echo}\nC: PASS *\nS: 530 no {echo}");
        let server = play(&script).await;
        let url = format!("ftp://u:Canary%2B81f3%2Fhush%3D@{}/", server.address());
        for arguments in [&["ls", &url][..], &["ls", "-v", &url], &["--debug", "ls", "-v", &url]] {
            let answer = run(arguments, b"");
            assert_silent(&answer, &script);
            assert_ne!(answer.exit, 0, "{answer:?}");
        }
    }
}
