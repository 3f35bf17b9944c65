//! Steps of a process that lasts: they share their sessions, and may be dropped wherever they stand.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ftp_client::{Pool, PoolLimits};
use ftp_testkit::{Product, RealServer, ScriptedServer, Tls, Transcript};
use icon_ftp::Settings;
use plugin_runtime::trigger::{self, Destination, Surroundings};
use plugin_runtime::{Event, MetricKind, Mode, Plugin, StartMessage, step};
use serde_json::{Value, json};

use crate::process::{base64, connection, message};

/// How long a test waits for what is about to happen.
const PATIENCE: Duration = Duration::from_secs(20);

const LOGIN: &str = "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS canary\nS: 230 in\nC: TYPE I\nS: 200 ok\n";

fn plugin() -> (Plugin, Pool) {
    let pool = Pool::new(PoolLimits::default());
    (icon_ftp::plugin(Settings::default(), pool.clone()).unwrap(), pool)
}

fn scripted(server: &ScriptedServer) -> Value {
    json!({"host": server.address().to_string(), "credentials": {"username": "u", "password": "canary"}, "timeout": 5})
}

async fn act(plugin: &Plugin, action: &str, connection: &Value, input: &Value) -> Value {
    let message = message(action, connection, input);
    let start = StartMessage::parse(message.to_string().as_bytes()).unwrap();
    shown(&step::execute(plugin, start, Mode::Run).await)
}

fn shown(event: &Event) -> Value {
    let mut line = Vec::new();
    event.write(&mut line).unwrap();
    serde_json::from_slice(&line).unwrap()
}

async fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn steps_share_a_session_and_neither_refusals_nor_failures_cost_one() {
    let server = Transcript::parse(&format!(
        "{LOGIN}C: DELE a\nS: 250 gone\nC: DELE b\nS: 550 no such file\nC: DELE c\nS: 450 busy\nC: SIZE f\nS: 213 5\nC: EPSV\nS: 229 (|||{{port}}|)
         C: RETR f\nS: 150 here\nD> hello\nD: close\nS: 226 done\nC: EPSV\nS: 229 (|||{{port}}|)\nC: STOR g\nS: 150 send
         D< hello\nS: 226 done\nC: SIZE g\nS: 213 5"
    ))
    .start()
    .await;
    let (plugin, pool) = plugin();
    let connection = scripted(&server);
    for (action, input, output) in [
        ("delete", json!({"path": "a"}), json!({"deleted": true})),
        ("delete", json!({"path": "b"}), json!({"deleted": false})),
        ("delete", json!({"path": "c"}), json!({})),
        ("download", json!({"path": "f"}), json!({"downloaded": true})),
        ("upload", json!({"remote_path": "g", "file_content": base64(b"hello")}), json!({"uploaded": true})),
    ] {
        let event = act(&plugin, action, &connection, &input).await;
        for (name, value) in output.as_object().unwrap() {
            assert_eq!(&event["body"]["output"][name], value, "{action} {input}: {event}");
        }
    }
    server.finish().await;
    assert_eq!((pool.statistics().logins, pool.statistics().reused), (1, 4));
    let metrics = plugin.metrics();
    let of = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap();
    assert_eq!(of("ftp_logins_total").value.to_string(), "1");
    assert_eq!(of("ftp_sessions_reused_total").value.to_string(), "4");
    assert_eq!(of("ftp_sessions_idle").value.to_string(), "1");
    assert_eq!(of("ftp_bytes_received_total").value.to_string(), "5");
    assert_eq!(of("ftp_bytes_sent_total").value.to_string(), "5");
    for metric in &metrics {
        assert_eq!(metric.name.ends_with("_total"), metric.kind == MetricKind::Counter, "{metric:?}");
        assert!(metric.name.starts_with("ftp_") && metric.help.ends_with('.'), "{metric:?}");
    }
}

/// Both names of a file that is moved aside are there for a moment; the script of another session that puts it right.
#[tokio::test]
async fn an_upload_that_is_dropped_puts_the_old_file_back() {
    let stored = "C: EPSV\nS: 229 (|||{port}|)\nC: STOR .icon-ftp-*\nS: 150 send\nD< hello\nS: 226 done\nC: SIZE .icon-ftp-*\nS: 213 5\n";
    let mlst = "S: 211-f\nS:  MLST type*;\nS: 211 e\nC: MLST f\n";
    let server = Transcript::parse(&format!(
        "{LOGIN}{stored}C: RNFR .icon-ftp-*\nS: 350 to\nC: RNTO f\nS: 550 exists\nC: FEAT\n{mlst}S+: 250-f\\r\\n type=file; f\\r\\n250 e\\r\\n
         C: RNFR f\nS: 350 to\nC: RNTO .icon-ftp-*\nS: 250 ok\nC: RNFR .icon-ftp-*\nT: gone\n---
         {LOGIN}C: FEAT\n{mlst}S: 550 no\nC: RNFR .icon-ftp-*\nS: 350 to\nC: RNTO f\nS: 250 ok\nC: DELE .icon-ftp-*\nS: 250 gone"
    ))
    .start()
    .await;
    let (plugin, pool) = plugin();
    let (connection, input) =
        (scripted(&server), json!({"remote_path": "f", "file_content": base64(b"hello"), "atomic": true}));
    tokio::select! {
        event = act(&plugin, "upload", &connection, &input) => panic!("{event}"),
        () = eventually("the old file is aside", || {
            server.received().iter().filter(|line| line.starts_with("RNFR .icon-ftp-")).count() == 2
        }) => {}
    }
    eventually("it was cleaned up", || pool.statistics().idle == 1).await;
    server.finish().await;
    let named = |verb: &str| -> Vec<String> {
        let lines = server.received().into_iter().filter(|line| line.starts_with(verb));
        lines.map(|line| line[verb.len()..].to_owned()).collect()
    };
    let (temporary, aside) = (&named("STOR ")[0], &named("RNTO .icon")[0]);
    assert_eq!(&named("DELE ")[0], temporary);
    assert_eq!(named("RNFR .icon").last(), Some(aside));
}

#[cfg(target_os = "linux")] // Counts the server's sessions.
#[tokio::test]
async fn an_upload_that_is_dropped_leaves_nothing_on_the_server() {
    use ftp_testkit::TlsVersions;

    use crate::process::content;

    for product in Product::ALL {
        for tls in [Tls::Off, Tls::On(TlsVersions::Default)] {
            let Some(server) = RealServer::start_or_skip(product, tls).await else { continue };
            let folder = server.seed_folder("work").unwrap();
            let file = server.seed("work/f", "old").unwrap();
            let (plugin, pool) = plugin();
            let connection = connection(&server, tls != Tls::Off, true);
            let large = base64(&content(24 << 20));
            let input = json!({"remote_path": "work/f", "file_content": large, "atomic": true});
            let files = || fs::read_dir(&folder).unwrap().count();
            let what = format!("{product} {tls:?}");
            tokio::select! {
                event = act(&plugin, "upload", &connection, &input) => panic!("{what}: {}", event["body"]["status"]),
                () = eventually(&what, || files() == 2) => {}
            }
            eventually(&what, || files() == 1 && pool.statistics().idle == 1).await;
            assert_eq!(fs::read(&file).unwrap(), b"old");
            eventually(&what, || server.sessions() == 1).await;
            // One session serves on, for whoever comes next.
            let event = act(&plugin, "delete", &connection, &json!({"path": "work/f"})).await;
            assert_eq!(event["body"]["output"]["deleted"], true, "{what}: {event}");
            assert_eq!(pool.statistics().open, 1);
        }
    }
}

/// With room for one session on the server, whoever kept one would keep all others out.
#[tokio::test]
async fn a_monitor_leaves_its_session_to_others_between_its_looks() {
    let Some(server) = RealServer::start_or_skip(Product::Libunftp, Tls::Off).await else { return };
    server.seed("work/f", "hello").unwrap();
    let pool = Pool::new(PoolLimits { sessions_per_host: 1, ..PoolLimits::default() });
    let plugin = icon_ftp::plugin(Settings::default(), pool.clone()).unwrap();
    let connection = connection(&server, false, true);

    let folder = tempfile::tempdir().unwrap();
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let surroundings = Surroundings {
        cache_dir: folder.path().to_owned(),
        flag_dir: folder.path().to_owned(),
        events: Destination::Lines(Arc::new(move |line: &mut dyn std::io::Read| {
            sender.send(std::io::read_to_string(line)?).map_err(std::io::Error::other)
        })),
    };
    let body =
        json!({"trigger": "monitor", "connection": connection, "input": {"path": "work", "interval": 1}});
    let start = json!({"version": "v1", "type": "trigger_start", "body": body}).to_string();
    let start = StartMessage::parse(start.as_bytes()).unwrap();
    let monitoring = tokio::spawn({
        let plugin = plugin.clone();
        async move { trigger::run(&plugin, start, &surroundings).await.map(|event| shown(&event)) }
    });

    eventually("the first look is over", || pool.statistics().idle == 1).await;
    let event = act(&plugin, "download", &connection, &json!({"path": "work/f"})).await;
    assert_eq!(event["body"]["output"]["downloaded"], true, "{event}");
    server.seed("work/new", "news").unwrap();
    let told = tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    assert!(told.contains("work/new"));
    let event = act(&plugin, "delete", &connection, &json!({"path": "work/new"})).await;
    assert_eq!(event["body"]["output"]["deleted"], true, "{event}");
    assert_eq!(pool.statistics().open, 1);

    fs::write(folder.path().join("terminate_trigger.flag"), "").unwrap();
    assert_eq!(monitoring.await.unwrap(), None);
}
