//! The trigger as a process: what it tells, what it survives, how it ends.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use ftp_testkit::{Collector, Product, RealServer, Tls};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStderr;
use tokio::time::timeout;

use crate::process::{base64, connection, content, run};
#[cfg(target_os = "linux")]
use crate::small_disk::SmallDisk;

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running trigger.
pub(crate) struct Trigger {
    child: Child,
    log: tokio::io::Lines<BufReader<ChildStderr>>,
    seen: Vec<String>,
}

/// Where a trigger keeps its state and looks for its flag.
pub(crate) struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Trigger {
    /// Starts a trigger whose state nobody needs.
    pub(crate) fn start(connection: &Value, input: &Value, url: &str) -> Self {
        Self::spawn(&start_message(connection, input, url, &json!({})), &Place::new(), &[])
    }

    fn start_in(place: &Place, connection: &Value, input: &Value, url: &str) -> Self {
        Self::spawn(&start_message(connection, input, url, &json!({"triggerId": "t-1"})), place, &[])
    }

    fn spawn(message: &Value, place: &Place, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_icon-ftp"));
        command.arg("run").args(arguments);
        Self::spawn_as(command, message, place)
    }

    fn spawn_as(mut command: Command, message: &Value, place: &Place) -> Self {
        let mut child = command
            .env("PLUGIN_CACHE_DIR", place.path().join("cache"))
            .env("PLUGIN_FLAG_DIR", place.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(message.to_string().as_bytes()).unwrap();
        let stderr = ChildStderr::from_std(child.stderr.take().unwrap()).unwrap();
        Self { child, log: BufReader::new(stderr).lines(), seen: Vec::new() }
    }

    /// Waits for a line that holds `text`.
    pub(crate) async fn wait_for_log(&mut self, text: &str) {
        loop {
            let line = timeout(DEADLINE, self.log.next_line()).await;
            let Ok(Ok(Some(line))) = line else { panic!("no `{text}` in the log: {:#?}", self.seen) };
            self.seen.push(line.clone());
            if line.contains(text) {
                return;
            }
        }
    }

    /// Everything that it has logged up to the last line waited for.
    pub(crate) fn log_so_far(&self) -> String {
        self.seen.join("\n")
    }

    /// Ends it with SIGTERM, and gives its exit code.
    pub(crate) async fn end(self) -> i32 {
        self.signal("TERM").await
    }

    async fn signal(self, name: &str) -> i32 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
        self.exit().await
    }

    /// Waits for the end, and gives the exit code.
    async fn exit(self) -> i32 {
        let output = self.output().await;
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "a trigger that ends well says nothing");
        output.status.code().unwrap_or(-1)
    }

    /// Waits for the end. What it still logs is read, so that a full pipe does not hold it up.
    async fn output(mut self) -> Output {
        while let Ok(Ok(Some(line))) = timeout(DEADLINE, self.log.next_line()).await {
            self.seen.push(line);
        }
        let ended = tokio::task::spawn_blocking(move || self.child.wait_with_output());
        timeout(DEADLINE, ended).await.expect("the trigger does not end").unwrap().unwrap()
    }

    /// Ends it as a crash would.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The event that the collector got as number `number`, from 0.
pub(crate) async fn event(collector: &Collector, number: usize) -> Value {
    let bodies = collector.wait_for(number + 1, DEADLINE).await;
    serde_json::from_slice(&bodies[number]).unwrap()
}

fn start_message(connection: &Value, input: &Value, url: &str, meta: &Value) -> Value {
    let body = json!({
        "trigger": "monitor", "connection": connection, "input": input, "meta": meta,
        "dispatcher": {"url": url, "webhook_url": ""},
    });
    json!({"version": "v1", "type": "trigger_start", "body": body})
}

fn set_time(file: &Path, seconds: u64) {
    let at = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    std::fs::File::options().write(true).open(file).unwrap().set_modified(at).unwrap();
}

/// 2026-11-22 12:52:00 UTC.
const NOON: u64 = 1_795_351_920;

#[tokio::test]
async fn a_file_is_told_with_its_content_and_the_watched_attributes() {
    for product in [Product::Vsftpd, Product::ProFtpd] {
        let Some(server) = RealServer::start_or_skip(product, Tls::Off).await else { continue };
        let file = server.seed("mon.txt", "one").unwrap();
        set_time(&file, NOON - 86_400);
        let collector = Collector::start([200]);
        let input = json!({"path": "mon.txt", "interval": 1, "monitor_size": true, "monitor_mode": true});
        let connection = connection(&server, false, true);
        let mut trigger = Trigger::start(&connection, &input, &collector.url());
        trigger.wait_for_log("Watching mon.txt").await;
        // A rename into place changes content, size and time at one moment.
        let next = server.seed("next.txt", "two-longer").unwrap();
        set_time(&next, NOON);
        std::fs::rename(&next, &file).unwrap();
        let event = event(&collector, 0).await;
        assert_eq!((&event["type"], &event["version"]), (&json!("trigger_event"), &json!("v1")));
        assert!(event["body"].get("status").is_none());
        let output = &event["body"]["output"];
        assert_eq!(output["changed"], base64(b"two-longer"), "{product}");
        assert_eq!(output["time"], "Sun Nov 22 12:52:00 2026", "{product}");
        assert_eq!(output["size"], 10, "{product}");
        assert_eq!(output["mode"], 0o100_644, "{product}");
        assert_eq!(output["path"], "mon.txt");
        assert_eq!(output["changes"].as_array().unwrap().len(), 1);
        assert_eq!(output["changes"][0]["modified"], "2026-11-22T12:52:00Z");
        assert_eq!(trigger.signal("INT").await, 0);
    }
}

#[tokio::test]
async fn a_new_time_alone_is_told_without_what_is_not_watched() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    let file = server.seed("mon.txt", "one").unwrap();
    set_time(&file, NOON);
    let collector = Collector::start([200]);
    let connection = connection(&server, false, true);
    let mut trigger =
        Trigger::start(&connection, &json!({"path": "mon.txt", "interval": 1}), &collector.url());
    trigger.wait_for_log("Watching mon.txt").await;
    set_time(&file, NOON + 1);
    let output = event(&collector, 0).await["body"]["output"].clone();
    assert_eq!(output["time"], "Sun Nov 22 12:52:01 2026");
    assert!(output.get("size").is_none() && output.get("mode").is_none(), "{output}");
    assert_eq!(trigger.end().await, 0);
}

#[tokio::test]
async fn a_folder_is_told_with_its_listing_and_every_change() {
    for product in Product::ALL {
        let Some(server) = RealServer::start_or_skip(product, Tls::Off).await else { continue };
        for name in ["keep", "change", "gone"] {
            set_time(&server.seed(format!("in/{name}"), "1").unwrap(), NOON);
        }
        let collector = Collector::start([200]);
        let connection = connection(&server, false, true);
        let input = json!({"path": "/in", "interval": 1, "monitor_size": true});
        let mut trigger = Trigger::start(&connection, &input, &collector.url());
        trigger.wait_for_log("Watching /in").await;
        server.seed("in/change", "12").unwrap();
        std::fs::remove_file(server.home().join("in/gone")).unwrap();
        server.seed("in/new", "123").unwrap();
        // A look may come between two of these, so the changes may come in several events.
        let expected = [("/in/change", "modified"), ("/in/gone", "removed"), ("/in/new", "added")];
        let (mut told, mut number) = (Vec::new(), 0);
        let listing = loop {
            let output = event(&collector, number).await["body"]["output"].clone();
            told.extend(output["changes"].as_array().unwrap().iter().map(|change| {
                (change["path"].as_str().unwrap().to_owned(), change["kind"].as_str().unwrap().to_owned())
            }));
            number += 1;
            if expected.iter().all(|(path, kind)| told.contains(&((*path).to_owned(), (*kind).to_owned()))) {
                break base64_simd::STANDARD.decode_to_vec(output["changed"].as_str().unwrap()).unwrap();
            }
        };
        assert!(told.iter().all(|(path, _)| path != "/in/keep"), "{product}: {told:?}");
        let listing = String::from_utf8(listing).unwrap();
        let mut names: Vec<&str> = listing.split('\n').filter_map(|line| line.rsplit(' ').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["change", "keep", "new"], "{product}: {listing}");
        assert_eq!(trigger.end().await, 0);
    }
}

#[tokio::test]
async fn the_root_and_the_first_file_in_an_empty_folder_are_watched() {
    for (path, file) in [("/", "first"), (".", "first"), ("empty", "empty/first")] {
        let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
        server.seed_folder("empty").unwrap();
        let collector = Collector::start([200]);
        let input = json!({"path": path, "interval": 1});
        let mut trigger = Trigger::start(&connection(&server, false, true), &input, &collector.url());
        trigger.wait_for_log("Watching").await;
        server.seed(file, "x").unwrap();
        let output = event(&collector, 0).await["body"]["output"].clone();
        let told = output["changes"].as_array().unwrap();
        assert!(told.iter().any(|change| change["kind"] == "added"), "{path}: {output}");
        assert_eq!(trigger.end().await, 0);
    }
}

#[tokio::test]
async fn a_file_that_changes_twice_in_a_minute_is_told_twice() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    let file = server.seed("in/file", "1").unwrap();
    set_time(&file, NOON);
    let collector = Collector::start([200]);
    let input = json!({"path": "in", "interval": 1});
    let mut trigger = Trigger::start(&connection(&server, false, true), &input, &collector.url());
    trigger.wait_for_log("Watching in").await;
    for second in 1..=2 {
        set_time(&file, NOON + second);
        let output = event(&collector, usize::try_from(second).unwrap() - 1).await["body"]["output"].clone();
        assert_eq!(output["changes"][0]["modified"], format!("2026-11-22T12:52:0{second}Z"), "{output}");
    }
    assert_eq!(trigger.end().await, 0);
}

#[tokio::test]
async fn a_renamed_file_is_told_as_one_where_the_server_knows_identities() {
    let Some(server) = RealServer::start_or_skip(Product::ProFtpd, Tls::Off).await else { return };
    let old = server.seed("in/old", "1").unwrap();
    let collector = Collector::start([200]);
    let input = json!({"path": "in", "interval": 1});
    let mut trigger = Trigger::start(&connection(&server, false, true), &input, &collector.url());
    trigger.wait_for_log("Watching in").await;
    std::fs::rename(&old, old.with_file_name("new")).unwrap();
    let output = event(&collector, 0).await["body"]["output"].clone();
    let change = &output["changes"][0];
    assert_eq!((&change["kind"], &change["from"]), (&json!("renamed"), &json!("in/old")), "{output}");
    assert_eq!(change["path"], "in/new");
    assert_eq!(trigger.end().await, 0);
}

#[tokio::test]
async fn a_file_that_comes_and_goes_is_told() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    server.seed_folder("in").unwrap();
    let collector = Collector::start([200]);
    let input = json!({"path": "in/go.flag", "interval": 1});
    let mut trigger = Trigger::start(&connection(&server, false, true), &input, &collector.url());
    trigger.wait_for_log("does not exist (yet)").await;
    let staged = server.seed("go.flag", "go").unwrap();
    std::fs::rename(&staged, server.home().join("in/go.flag")).unwrap();
    let output = event(&collector, 0).await["body"]["output"].clone();
    assert_eq!((&output["changes"][0]["kind"], &output["changed"]), (&json!("added"), &json!(base64(b"go"))));
    std::fs::remove_file(server.home().join("in/go.flag")).unwrap();
    let output = event(&collector, 1).await["body"]["output"].clone();
    assert_eq!(output["changes"][0]["kind"], "removed");
    assert!(output.get("changed").is_none(), "{output}");
    assert_eq!(trigger.end().await, 0);
}

#[tokio::test]
async fn a_file_of_any_size_is_told_with_its_content() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    server.seed("big.bin", "x").unwrap();
    let bytes = content(70 << 20);
    // Refused once: the second attempt brings the same.
    let (place, collector) = (Place::new(), Collector::start([500, 200]));
    let input = json!({"path": "big.bin", "interval": 1, "monitor_size": true});
    let mut trigger = Trigger::start_in(&place, &connection(&server, false, true), &input, &collector.url());
    trigger.wait_for_log("Watching big.bin").await;
    let next = server.seed("next.bin", &bytes).unwrap();
    std::fs::rename(&next, server.home().join("big.bin")).unwrap();
    let output = event(&collector, 0).await["body"]["output"].take();
    assert_eq!(output["size"], bytes.len());
    assert!(output["changed"] == base64(&bytes), "byte for byte");
    let events = collector.wait_for(2, DEADLINE).await;
    assert!(events[0] == events[1], "the same event");
    assert_eq!(trigger.end().await, 0);
}

#[cfg(target_os = "linux")] // Elsewhere nobody mounts a disk for himself.
#[tokio::test]
async fn a_full_disk_costs_an_event_its_content_and_otherwise_time() {
    let Some(disk) = SmallDisk::mount_or_skip("size=24m").await else { return };
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    let file = server.seed("mon.bin", "x").unwrap();
    let (place, collector) = (Place::new(), Collector::start([200]));
    let input = json!({"path": "mon.bin", "interval": 1, "monitor_size": true});
    let meta = json!({"triggerId": "t-1"});
    let message = start_message(&connection(&server, false, true), &input, &collector.url(), &meta);
    let mut program = disk.program();
    program.args(["run", "--cache-dir", disk.folder()]);
    let mut trigger = Trigger::spawn_as(program, &message, &place);
    trigger.wait_for_log("Watching mon.bin").await;
    let large = server.seed("next.bin", content(16 << 20)).unwrap();
    std::fs::rename(&large, &file).unwrap();
    let event = event(&collector, 0).await;
    assert_eq!(event["body"]["output"]["size"], 16 << 20, "{event}");
    assert!(event["body"]["output"].get("changed").is_none());
    trigger.wait_for_log("The change is told without its content").await;

    // The reserve is left, a quarter of the disk: nothing for what is below 1 MiB as bytes and above it as text.
    let filler = disk.seen_from_outside().join("filler");
    let mut filling = std::fs::File::create(&filler).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), 19 << 20), &mut filling).unwrap();
    let next = server.seed("next.bin", content(900 << 10)).unwrap();
    std::fs::rename(&next, &file).unwrap();
    let output = self::event(&collector, 1).await["body"]["output"].take();
    assert_eq!((&output["size"], output.get("changed")), (&json!(900 << 10), None));

    std::io::copy(&mut std::io::repeat(0), &mut filling).unwrap_err();
    server.seed("mon.bin", "small").unwrap();
    trigger.wait_for_log("no room for what changed").await;
    std::fs::remove_file(&filler).unwrap();
    drop(filling);
    let output = self::event(&collector, 2).await["body"]["output"].take();
    assert_eq!(output["changed"], base64(b"small"));
    assert_eq!(trigger.end().await, 0);
}

#[cfg(unix)] // Elsewhere there is no such limit.
#[tokio::test]
async fn a_state_that_may_not_grow_ends_the_trigger_and_loses_nothing() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    let file = server.seed("mon.bin", "x").unwrap();
    let (place, collector) = (Place::new(), Collector::start([200]));
    let input = json!({"path": "mon.bin", "interval": 1, "monitor_size": true});
    let connection = connection(&server, false, true);
    let meta = json!({"triggerId": "t-1"});
    let mut limited = Command::new("sh");
    // In blocks of 512 bytes, or of 1024 in some shells. The content stays in memory, and its text does not fit into the file.
    limited.args(["-c", r#"ulimit -f 1024 && exec "$@""#, "sh", env!("CARGO_BIN_EXE_icon-ftp"), "run"]);
    let message = start_message(&connection, &input, &collector.url(), &meta);
    let mut trigger = Trigger::spawn_as(limited, &message, &place);
    trigger.wait_for_log("Watching mon.bin").await;
    let bytes = content(900 << 10);
    let next = server.seed("next.bin", &bytes).unwrap();
    std::fs::rename(&next, &file).unwrap();
    let failed: Value = serde_json::from_slice(&trigger.output().await.stdout).unwrap();
    let exception = &failed["body"]["exception"];
    assert!(exception["cause"].as_str().unwrap().contains("t-1.redb cannot be written: "), "{failed}");
    assert!(exception["assistance"].as_str().unwrap().contains("ulimit -f"), "{failed}");
    let trigger = Trigger::start_in(&place, &connection, &input, &collector.url());
    let output = event(&collector, 0).await["body"]["output"].take();
    assert!(output["changed"] == base64(&bytes), "told by the next start");
    assert_eq!(trigger.end().await, 0);
}

#[tokio::test]
async fn a_file_for_which_there_is_no_room_is_told_without_its_content() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    let file = server.seed("big.bin", "x").unwrap();
    let collector = Collector::start([200]);
    let input = json!({"path": "big.bin", "interval": 1, "monitor_size": true});
    let mut trigger = Trigger::start(&connection(&server, false, true), &input, &collector.url());
    trigger.wait_for_log("Watching big.bin").await;
    // Sparse, and larger than the disk that it is on.
    std::fs::File::options().write(true).open(&file).unwrap().set_len(15 << 40).unwrap();
    let output = event(&collector, 0).await["body"]["output"].take();
    assert_eq!(output["size"], 15_u64 << 40);
    assert!(output.get("changed").is_none());
    trigger.wait_for_log("The change is told without its content, which has no room here").await;
    assert_eq!(trigger.end().await, 0);
}

#[tokio::test]
async fn a_file_above_the_limit_for_downloads_is_told_without_its_content() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    let file = server.seed("big.bin", "x").unwrap();
    let collector = Collector::start([200]);
    let input = json!({"path": "big.bin", "interval": 1, "monitor_size": true});
    let message = start_message(&connection(&server, false, true), &input, &collector.url(), &json!({}));
    let mut trigger = Trigger::spawn(&message, &Place::new(), &["--max-download", "1048576"]);
    trigger.wait_for_log("Watching big.bin").await;
    // Sparse: the disk holds nothing of it.
    std::fs::File::options().write(true).open(&file).unwrap().set_len(5 << 30).unwrap();
    let event = event(&collector, 0).await;
    assert_eq!(event["body"]["output"]["size"], 5_u64 << 30);
    assert!(event["body"]["output"].get("changed").is_none());
    assert!(event["body"]["log"].as_str().unwrap().contains("without its content"), "{event}");
    assert_eq!(trigger.end().await, 0);
}

#[tokio::test]
async fn what_changed_while_the_program_was_down_is_told_at_the_next_start() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    server.seed("in/file", "1").unwrap();
    let (place, collector) = (Place::new(), Collector::start([200]));
    let connection = connection(&server, false, true);
    let input = json!({"path": "in", "interval": 1, "monitor_size": true});
    let mut trigger = Trigger::start_in(&place, &connection, &input, &collector.url());
    trigger.wait_for_log("Watching in").await;
    assert_eq!(trigger.end().await, 0);

    server.seed("in/file", "12").unwrap();
    server.seed("in/another", "x").unwrap();
    let mut trigger = Trigger::start_in(&place, &connection, &input, &collector.url());
    trigger.wait_for_log("Going on from the last run").await;
    let output = event(&collector, 0).await["body"]["output"].clone();
    let kinds: Vec<_> = output["changes"].as_array().unwrap().iter().map(|change| &change["kind"]).collect();
    assert_eq!(kinds, ["added", "modified"], "{output}");
    assert_eq!(trigger.end().await, 0);
}

#[tokio::test]
async fn an_event_is_repeated_with_its_id_until_it_is_taken_even_after_a_crash() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    server.seed("in/file", "1").unwrap();
    let (place, refusing) = (Place::new(), Collector::start([500, 503]));
    let connection = connection(&server, false, true);
    let input = json!({"path": "in", "interval": 1, "monitor_size": true});
    let mut trigger = Trigger::start_in(&place, &connection, &input, &refusing.url());
    trigger.wait_for_log("Watching in").await;
    server.seed("in/file", "12").unwrap();
    let bodies = refusing.wait_for(2, DEADLINE).await;
    assert_eq!(bodies[0], bodies[1]);
    trigger.kill();

    let taking = Collector::start([200]);
    let trigger = Trigger::start_in(&place, &connection, &input, &taking.url());
    assert_eq!(taking.wait_for(1, DEADLINE).await[0], bodies[0], "the same event, the same id");
    assert_eq!(trigger.end().await, 0);

    // Taken is taken: the next start tells nothing twice.
    let mut trigger = Trigger::start_in(&place, &connection, &input, &taking.url());
    trigger.wait_for_log("Going on from the last run").await;
    server.seed("in/file", "123").unwrap();
    let next = taking.wait_for(2, DEADLINE).await;
    assert_ne!(next[1], bodies[0]);
    assert_eq!(trigger.end().await, 0);
}

#[tokio::test]
async fn a_server_that_goes_and_comes_back_loses_nothing() {
    let Some(mut server) = RealServer::start_or_skip(Product::ProFtpd, Tls::Off).await else { return };
    server.seed("in/file", "1").unwrap();
    let collector = Collector::start([200]);
    let input = json!({"path": "in", "interval": 1, "monitor_size": true});
    let mut trigger = Trigger::start(&connection(&server, false, true), &input, &collector.url());
    trigger.wait_for_log("Watching in").await;
    server.stop().await;
    trigger.wait_for_log("The next look is in").await;
    server.seed("in/file", "12").unwrap();
    server.restart().await;
    let output = event(&collector, 0).await["body"]["output"].clone();
    assert_eq!(output["changes"][0]["kind"], "modified");
    assert_eq!(output["changes"].as_array().unwrap().len(), 1, "{output}");
    assert_eq!(trigger.end().await, 0);
}

#[tokio::test]
async fn a_folder_that_may_not_be_read_any_more_has_not_lost_its_files() {
    for product in [Product::Vsftpd, Product::ProFtpd, Product::PureFtpd] {
        let Some(server) = RealServer::start_or_skip(product, Tls::Off).await else { continue };
        server.seed("in/a", "1").unwrap();
        server.seed("in/b", "1").unwrap();
        let folder = server.home().join("in");
        let allow = |mode| {
            std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        };
        let collector = Collector::start([200]);
        let input = json!({"path": "in", "interval": 1, "monitor_size": true});
        let mut trigger = Trigger::start(&connection(&server, false, true), &input, &collector.url());
        trigger.wait_for_log("Watching in").await;
        allow(0o311);
        trigger.wait_for_log("The next look is in").await;
        allow(0o755);
        server.seed("in/c", "1").unwrap();
        let output = event(&collector, 0).await["body"]["output"].clone();
        let changes = output["changes"].as_array().unwrap();
        assert_eq!((changes.len(), &changes[0]["path"]), (1, &json!("in/c")), "{product}: {output}");
        assert_eq!(trigger.end().await, 0);
    }
}

#[tokio::test]
async fn an_unreadable_line_does_not_make_files_disappear() {
    let look = |lines: &str| {
        format!(
            "C: PWD\nS: 257 \"/\"\nC: CWD in\nS: 250 ok\nC: EPSV\nS: 229 (|||{{port}}|)\nC: LIST\nS: 150 here
             D> {lines}\nD: close\nS: 226 done\nC: CWD /\nS: 250 ok\n"
        )
    };
    let again = |lines: &str| look(lines).replace("C: PWD\nS: 257 \"/\"\n", "");
    let line = |name: &str, size: u32| format!("-rw-r--r-- 1 u g {size} Jan 01 2024 {name}\\r\\n");
    let script = [
        "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS p\nS: 230 in\nC: TYPE I\nS: 200 ok\nC: FEAT\nS: 500 no\n"
            .to_owned(),
        "C: SIZE in\nS: 550 no\n".to_owned(),
        // The folder is found in its parent's listing, and then listed itself: the baseline.
        look("drwxr-xr-x 2 u g 1 Jan 01 2024 in\\r\\n").replace("CWD in", "CWD ."),
        again(&format!("{}{}", line("a", 1), line("b", 1))),
        again(&format!("{}ls: cannot access 'b'\\r\\n", line("a", 1))),
        again(&format!("{}{}", line("a", 2), line("b", 1))),
        again(&format!("{}{}", line("a", 2), line("b", 1))),
        "T: hang".to_owned(),
    ]
    .concat();
    let server = ftp_testkit::Transcript::parse(&script).start().await;
    let collector = Collector::start([200]);
    let connection = json!({
        "host": server.address().to_string(), "credentials": {"username": "u", "password": "p"}, "timeout": 5,
    });
    let input = json!({"path": "in", "interval": 1, "monitor_size": true, "monitor_time": false});
    let trigger = Trigger::start(&connection, &input, &collector.url());
    let output = event(&collector, 0).await["body"]["output"].clone();
    let changes = output["changes"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0]["path"]), (1, &json!("in/a")), "{output}");
    assert_eq!(trigger.end().await, 0);
}

#[tokio::test]
async fn a_login_that_fails_and_a_folder_that_is_missing_are_warnings() {
    let Some(server) = RealServer::start_or_skip(Product::PureFtpd, Tls::Off).await else { return };
    let connection = connection(&server, false, true);
    let mut wrong = connection.clone();
    wrong["credentials"]["password"] = json!("canary");
    let collector = Collector::start([200]);
    for (connection, path, warning) in
        [(&wrong, "/", "login was refused"), (&connection, "no/such", "does not exist (yet)")]
    {
        let input = json!({"path": path, "interval": 1});
        let mut trigger = Trigger::start(connection, &input, &collector.url());
        trigger.wait_for_log(warning).await;
        trigger.wait_for_log(warning).await;
        assert!(!trigger.seen.concat().contains("canary"));
        assert_eq!(trigger.end().await, 0);
    }
    assert!(collector.received().is_empty());
}

#[tokio::test]
async fn the_flag_file_ends_the_trigger() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    let (place, collector) = (Place::new(), Collector::start([200]));
    let input = json!({"path": "/", "interval": 300});
    let mut trigger = Trigger::start_in(&place, &connection(&server, false, true), &input, &collector.url());
    trigger.wait_for_log("Watching /").await;
    let flag = place.path().join("terminate_trigger.flag");
    std::fs::write(&flag, "").unwrap();
    assert_eq!(trigger.exit().await, 0);
    assert!(!flag.exists(), "the flag is deleted");
}

#[tokio::test]
async fn a_trigger_that_cannot_work_says_so_before_it_connects() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let connection = json!({"host": listener.local_addr().unwrap().to_string()});
    let table = [
        (json!({"interval": 1}), "http://127.0.0.1:9/", json!({}), "path"),
        (json!({"path": ""}), "http://127.0.0.1:9/", json!({}), "path"),
        (json!({"path": "a\r\nDELE b"}), "http://127.0.0.1:9/", json!({}), "path"),
        (json!({"path": "a", "interval": -1}), "http://127.0.0.1:9/", json!({}), "interval"),
        (json!({"path": "a"}), "", json!({}), "dispatcher"),
        (json!({"path": "a"}), "ftp://x/", json!({}), "dispatcher"),
        (json!({"path": "a"}), "http://127.0.0.1:9/", json!({"triggerId": "../x"}), "triggerId"),
    ];
    for (input, url, meta, named) in table {
        let message = start_message(&connection, &input, url, &meta);
        let answer = run(&["run", "--cache-dir", "/proc/nowhere"], message.to_string().as_bytes());
        assert!(answer.cause().contains(named), "{answer:?}");
        assert_eq!(answer.event()["type"], "trigger_event");
    }
    let accepted = listener.accept();
    assert!(accepted.is_err(), "somebody connected: {accepted:?}");
}

#[tokio::test]
async fn with_debug_the_events_are_lines_on_stdout() {
    let Some(server) = RealServer::start_or_skip(Product::Vsftpd, Tls::Off).await else { return };
    server.seed("in/file", "1").unwrap();
    let place = Place::new();
    let message = start_message(
        &connection(&server, false, true),
        &json!({"path": "in", "interval": 1, "monitor_size": true}),
        "",
        &json!({"triggerId": "t-1"}),
    );
    let mut trigger = Trigger::spawn(&message, &place, &["--debug"]);
    trigger.wait_for_log("Watching in").await;
    server.seed("in/file", "12").unwrap();
    let stdout = tokio::process::ChildStdout::from_std(trigger.child.stdout.take().unwrap()).unwrap();
    let line = timeout(DEADLINE, BufReader::new(stdout).lines().next_line()).await.unwrap().unwrap().unwrap();
    let event: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["body"]["output"]["changes"][0]["kind"], "modified");
    assert!(!trigger.seen.concat().contains("pass123"));
    assert_eq!(trigger.end().await, 0);
}
