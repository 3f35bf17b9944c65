//! Names that a shell, a glob or a parser would take for something else, and names that are no UTF-8, on every server.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ftp_client::{Client, Config, Credentials, Session};
use ftp_proto::{Charset, RemotePath};
use ftp_testkit::{Collector, Product, RealServer, Tls};
use serde_json::json;

use crate::monitor::{Trigger, event};
use crate::process::{act, base64, connection};

/// The last one is Latin-1.
const ODD: [&[u8]; 11] = [
    b"*",
    b"[a]",
    b"{x}",
    b"?",
    b"-la",
    b" lead",
    b"trail ",
    b"say \"hi\"",
    b"a -> b",
    "größe".as_bytes(),
    b"caf\xe9",
];

#[tokio::test]
async fn odd_names_on_vsftpd() {
    odd_names(Product::Vsftpd, &[]).await;
}

#[tokio::test]
async fn odd_names_on_proftpd() {
    // 1.3.8 makes no folder whose path holds a star.
    odd_names(Product::ProFtpd, &[(Operation::MakeFolder, b"*")]).await;
}

#[tokio::test]
async fn odd_names_on_pure_ftpd() {
    // 1.0.50 writes an underscore for a blank at either end of a path that it makes.
    let blanks: [(Operation, &[u8]); 3] =
        [(Operation::Upload, b" lead"), (Operation::Upload, b"trail "), (Operation::MakeFolder, b"trail ")];
    odd_names(Product::PureFtpd, &blanks).await;
}

#[tokio::test]
async fn odd_names_on_libunftp() {
    // 0.24 turns names into text before it looks for them, and U+FFFD is not there.
    let latin1 =
        [Operation::List, Operation::Download, Operation::Upload, Operation::MakeFolder, Operation::Delete];
    odd_names(Product::Libunftp, &latin1.map(|operation| (operation, &b"caf\xe9"[..]))).await;
}

/// What is done with each name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    List,
    Download,
    Upload,
    MakeFolder,
    Delete,
}

/// Folders and files with odd names are listed, fetched, put, made and deleted, but for what the server itself `cannot`.
async fn odd_names(product: Product, cannot: &[(Operation, &[u8])]) {
    let Some(server) = RealServer::start_or_skip(product, Tls::Off).await else { return };
    for name in ODD {
        server.seed(os(name).join(os(name)), [b"in ", name].concat()).unwrap();
        server.seed(os(name).join("bystander"), "").unwrap();
    }
    server.seed_folder("up").unwrap();
    let connection = connection(&server, false, true);
    let mut session = open(&server).await;
    let mut wrong = Vec::new();
    let mut check = |operation, name: &'static [u8], is_right: bool| {
        if is_right == cannot.contains(&(operation, name)) {
            wrong.push(format!("{operation:?} `{}`", name.escape_ascii()));
        }
    };
    for name in ODD {
        let text = Charset::Utf8.decode(name);
        let inside = server.home().join(os(name));

        let names = list(&mut session, name).await;
        let expected = BTreeSet::from([name.to_vec(), b"bystander".to_vec()]);
        check(Operation::List, name, names.is_some_and(|names| names == expected));

        let output = act("download", &connection, &json!({"path": format!("{text}/{text}")})).output();
        check(Operation::Download, name, output["download"] == json!(base64(&[b"in ", name].concat())));

        let put = |path: String| {
            let input = json!({"remote_path": path, "file_content": "bmV3", "create_folders": true});
            act("upload", &connection, &input).output()["uploaded"] == json!(true)
        };
        let holds_new = |path: PathBuf| std::fs::read(path).is_ok_and(|bytes| bytes == b"new");
        let is_put = put(format!("{text}/new")) && put(format!("up/{text}"));
        let is_there = holds_new(inside.join("new")) && holds_new(server.home().join("up").join(os(name)));
        check(Operation::Upload, name, is_put && is_there);

        let is_made = put(format!("made/{text}/new"))
            && holds_new(server.home().join("made").join(os(name)).join("new"));
        check(Operation::MakeFolder, name, is_made);

        act("delete", &connection, &json!({"path": format!("{text}/{text}")})).output();
        let left: BTreeSet<OsString> =
            std::fs::read_dir(&inside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        check(
            Operation::Delete,
            name,
            left.contains(OsStr::new("bystander")) && !left.contains(OsStr::from_bytes(name)),
        );
    }
    let names = list(&mut session, b".").await.unwrap();
    for name in ODD {
        check(Operation::List, name, names.contains(name));
    }
    session.quit().await;
    assert!(wrong.is_empty(), "otherwise than expected on {product}: {wrong:#?}");
}

fn os(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

async fn open(server: &RealServer) -> Session {
    let credentials = Credentials::parse(server.username(), server.password()).unwrap();
    let config = Config {
        port: server.address().port(),
        timeout: Duration::from_secs(20),
        ..Config::new(server.address().ip().to_string(), credentials)
    };
    Client::new(config).unwrap().connect().await.unwrap()
}

/// The names in a folder; `None` where the server refuses.
async fn list(session: &mut Session, folder: &[u8]) -> Option<BTreeSet<Vec<u8>>> {
    let mut listing = session.list(&RemotePath::parse(folder).unwrap()).await.ok()?;
    let mut names = BTreeSet::new();
    while let Some(entry) = listing.next().await.ok()? {
        names.insert(entry.name);
    }
    Some(names)
}

/// Those whose file system holds any bytes.
const KEEP_BYTES: [Product; 3] = [Product::Vsftpd, Product::ProFtpd, Product::PureFtpd];

#[tokio::test]
async fn latin1_names_are_found_by_their_text() {
    for product in KEEP_BYTES {
        let Some(server) = RealServer::start_or_skip(product, Tls::Off).await else { continue };
        let folder = os(b"gr\xf6\xdfe");
        server.seed(folder.join(os(b"\xfcbung.txt")), "exercise").unwrap();
        server.seed(folder.join(os(b"caf\xe9.txt")), "coffee").unwrap();
        let auto = connection(&server, false, true);
        let mut latin1 = auto.clone();
        latin1["encoding"] = json!("latin1");
        for connection in [&auto, &latin1] {
            let output = act("download", connection, &json!({"path": "größe/übung.txt"})).output();
            assert_eq!(output["download"], base64(b"exercise"), "{product}: {output}");
            let output = act("download", connection, &json!({"path": "größe/nö.txt"})).output();
            assert_eq!(output["downloaded"], false, "{product}: {output}");
        }
        let put = json!({"remote_path": "größe/neu é.txt", "file_content": "bmV3", "atomic": true});
        assert_eq!(act("upload", &latin1, &put).output()["uploaded"], true, "{product}");
        let put = server.home().join(folder).join(os(b"neu \xe9.txt"));
        assert_eq!(std::fs::read(&put).unwrap(), b"new", "{product}");
        for (connection, path) in [(&auto, "größe/neu é.txt"), (&latin1, "größe/café.txt")] {
            let output = act("delete", connection, &json!({"path": path})).output();
            assert_eq!(output, json!({"deleted": true}), "{product}: {path}");
        }
        let left = std::fs::read_dir(server.home().join(folder)).unwrap();
        let left: Vec<OsString> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [os(b"\xfcbung.txt")], "{product}");
    }
}

#[tokio::test]
async fn the_path_in_an_event_leads_to_the_file() {
    for product in KEEP_BYTES {
        let Some(server) = RealServer::start_or_skip(product, Tls::Off).await else { continue };
        let latin1 = os(b"gr\xf6\xdfe");
        server.seed(latin1.join(os(b"\xfcbung.txt")), "exercise").unwrap();
        let mixed = os("maße".as_bytes());
        server.seed(mixed.join(os(b"\xfcbung.txt")), "exercise").unwrap();
        let auto = connection(&server, false, true);
        let mut utf8 = auto.clone();
        utf8["encoding"] = json!("utf-8");
        let table = [
            (&auto, latin1, "größe", b"neu \xe9.txt", "größe/neu é.txt"),
            (&utf8, latin1, "gr\u{eff6}\u{efdf}e", b"neu \xe8.txt", "gr\u{eff6}\u{efdf}e/neu \u{efe8}.txt"),
            (&auto, mixed, "maße", b"neu \xe7.txt", "maße/neu \u{efe7}.txt"),
        ];
        for (connection, folder, watched, name, told) in table {
            let collector = Collector::start([200]);
            let input = json!({"path": watched, "interval": 1});
            let mut trigger = Trigger::start(connection, &input, &collector.url());
            trigger.wait_for_log(&format!("Watching {watched}")).await;
            server.seed(folder.join(os(name)), name).unwrap();
            let event = event(&collector, 0).await;
            let change = &event["body"]["output"]["changes"][0];
            assert_eq!((&change["path"], &change["kind"]), (&json!(told), &json!("added")), "{product}");
            assert_eq!(trigger.end().await, 0);

            let output = act("download", &auto, &json!({"path": change["path"]})).output();
            assert_eq!(output["download"], base64(name), "{product}: {output}");
        }
    }
}
