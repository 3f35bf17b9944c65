//! Names are bytes on the wire and text outside, in one charset a session.

use ftp_client::{Client, Config, Encoding, Session};
use ftp_proto::{Charset, PathError, RemotePath};

use crate::{active, config, connect, impatient, open, path, play};

const NO_FEAT: &str = "C: FEAT\nS: 500 what\n";
const UTF8: &str = "C: FEAT\nS: 211-features\nS:  UTF8\nS: 211 end\n";

/// A folder listed by LIST: what the server sends, with the escapes of a transcript, and may send in pieces.
fn listed(folder: &str, data: &str) -> String {
    format!(
        "C: CWD {folder}\nS: 250 ok\nC: EPSV\nS: 229 (|||{{port}}|)\nC: LIST\nS: 150 here\n{data}
         D: close\nS: 226 done\nC: CWD /home\nS: 250 ok\n"
    )
}

/// The first listing of a session on a server that knows no FEAT.
fn first_listed(folder: &str, data: &str) -> String {
    format!("{NO_FEAT}C: PWD\nS: 257 \"/home\"\n{}", listed(folder, data))
}

/// `D>` with one entry a name.
fn entries(names: &[&str]) -> String {
    let line = |name: &&str| format!(r"-rw-r--r-- 1 u g 5 Jan 01 2024 {name}\r\n");
    format!("D> {}", names.iter().map(line).collect::<String>())
}

/// The names in a folder: the bytes, and their text in the charset that the session then has.
async fn texts(session: &mut Session, folder: &RemotePath) -> Vec<(Vec<u8>, String)> {
    let mut listing = session.list(folder).await.unwrap();
    let mut names = Vec::new();
    while let Some(entry) = listing.next().await.unwrap() {
        names.push(entry.name);
    }
    names.into_iter().map(|name| (name.clone(), session.text(&name))).collect()
}

fn fixed(config: Config, charset: Charset) -> Config {
    Config { encoding: Encoding::Fixed(charset), ..config }
}

#[tokio::test]
async fn names_that_are_not_utf8_are_read_in_the_charset_that_they_look_like() {
    let table: [(&[&str], Charset, &[&str], &str); 3] = [
        (
            &[r"Gr\xf6\xdfen.xls", "plain", r"\xdcbersicht"],
            Charset::Windows1252,
            &["Größen.xls", "plain", "Übersicht"],
            r"Gr\xf6\xdfen.xls",
        ),
        (
            &[r"\xb1\xa8\xb1\xed.txt", r"\xce\xc4\xbc\xfe", "plain"],
            Charset::Gbk,
            &["报表.txt", "文件", "plain"],
            r"\xb1\xa8\xb1\xed.txt",
        ),
        (
            // The second half of the last character is a backslash.
            &[r"\x83e\x83X\x83g.txt", r"\x90V\x82\xb5\x82\xa2\x83t\x83H\x83\x8b\x83_", r"\x95\x5c"],
            Charset::ShiftJis,
            &["テスト.txt", "新しいフォルダ", "表"],
            r"\x83e\x83X\x83g.txt",
        ),
    ];
    for (names, charset, expected, first) in table {
        let script = first_listed("in", &entries(names));
        let server = play(&format!("{script}C: DELE in/{first}\nS: 250 ok")).await;
        let mut session = connect(&server).await;
        assert_eq!(session.charset(), Charset::Utf8);
        let found = texts(&mut session, &path("in")).await;
        assert_eq!(session.charset(), charset);
        let shown: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(shown, expected);
        for (name, text) in &found {
            assert_eq!(session.path(text).unwrap().as_bytes(), name);
        }
        let back = session.path(&format!("in/{}", expected[0])).unwrap();
        session.delete(&back).await.unwrap();
        server.finish().await;
    }
}

#[tokio::test]
async fn garbage_keeps_its_bytes_and_the_session_its_charset() {
    let latin = entries(&[r"gr\xf6\xdfe", r"caf\xe9"]);
    let garbage =
        entries(&[r"\xff\xfe\x80", r"\xb1\xa8\xb1\xed\x81", r"\xc3\xa4 \xef\xbe\x80", r"\x83e\x83X"]);
    let script = format!("{}{}", first_listed("a", &latin), listed("b", &garbage));
    let server = play(&format!("{script}---{}", first_listed("b", &garbage))).await;
    let client = Client::new(config(&server)).unwrap();

    let mut session = client.connect().await.unwrap();
    assert_eq!(texts(&mut session, &path("a")).await[1].1, "café");
    for (name, text) in texts(&mut session, &path("b")).await {
        assert_eq!(session.path(&text).unwrap().as_bytes(), name);
        assert_eq!(session.charset(), Charset::Windows1252);
    }
    drop(session);

    let mut session = client.connect().await.unwrap();
    assert_eq!(session.charset(), Charset::Windows1252, "what was decided serves the next session");
    assert_eq!(client.path("é").unwrap().as_bytes(), b"\xe9");
    assert_eq!(texts(&mut session, &path("b")).await[3].1, "ƒeƒX");
    server.finish().await;
}

#[tokio::test]
async fn a_few_odd_names_do_not_spoil_a_server_that_speaks_utf8() {
    let mixed = entries(&["größe", r"gr\xf6\xdfe", "Übersicht", "日本"]);
    let latin = entries(&[r"gr\xf6\xdfe", r"caf\xe9"]);
    let server = play(&format!("{}{}", first_listed("a", &mixed), listed("b", &latin))).await;
    let mut session = connect(&server).await;
    let found = texts(&mut session, &path("a")).await;
    assert_eq!((found[0].1.as_str(), found[1].1.as_str()), ("größe", "gr\u{eff6}\u{efdf}e"));
    assert_eq!(texts(&mut session, &path("b")).await[1].1, "caf\u{efe9}");
    assert_eq!(session.charset(), Charset::Utf8);
    server.finish().await;
}

#[tokio::test]
async fn a_charset_is_decided_on_a_whole_block_however_it_arrives() {
    // By itself the first name looks Western.
    let names = [r"\xd4\xc2", "plain", r"\xb2\xc6\xce\xf1\xb1\xa8\xb8\xe6.xls", r"\xba\xcf\xcd\xac.doc"];
    let pieces: Vec<String> = names.iter().map(|name| entries(&[name])).collect();
    let server = play(&first_listed("in", &pieces.join("\n"))).await;
    let mut session = connect(&server).await;
    let mut listing = session.list(&path("in")).await.unwrap();
    assert_eq!(listing.next().await.unwrap().unwrap().name, b"\xd4\xc2");
    assert_eq!(listing.charset(), Charset::Gbk);
    let mut rest = 0;
    while listing.next().await.unwrap().is_some() {
        rest += 1;
    }
    assert_eq!(rest, 3);
    server.finish().await;
}

#[tokio::test]
async fn a_fixed_charset_is_never_questioned() {
    let server = play(&first_listed("in", &entries(&[r"\xb1\xa8", r"\xb1\xed"]))).await;
    let client = Client::new(fixed(config(&server), Charset::Latin1)).unwrap();
    let mut session = client.connect().await.unwrap();
    assert_eq!(texts(&mut session, &path("in")).await[1].1, "±í");
    assert_eq!(session.charset(), Charset::Latin1);
    assert!(matches!(client.path("日"), Err(PathError::Unencodable(_))));
    server.finish().await;
}

#[tokio::test]
async fn utf8_is_asked_for_once_before_the_first_name_that_needs_it_whatever_the_answer() {
    for answer in [
        "200 on",
        "202 superfluous",
        "451 later",
        "500 what",
        "501 no such option",
        "502 no",
        "504 always on",
    ] {
        let server = play(&format!(
            "C: DELE plain\nS: 250 ok\n{UTF8}C: OPTS UTF8 ON\nS: {answer}\nC: DELE größe\nS: 250 ok
             C: PWD\nS: 257 \"/home\"\n{}C: DELE ä\nS: 250 ok",
            listed("in", &entries(&["a"]))
        ))
        .await;
        let mut session = connect(&server).await;
        session.delete(&path("plain")).await.unwrap();
        session.delete(&path("größe")).await.unwrap();
        assert_eq!(texts(&mut session, &path("in")).await.len(), 1);
        session.delete(&path("ä")).await.unwrap();
        server.finish().await;
    }
}

#[tokio::test]
async fn utf8_is_asked_for_before_a_listing_and_before_the_home_is_learnt() {
    let script = format!("C: OPTS UTF8 ON\nS: 200 ok\nC: PWD\nS: 257 \"/home\"\n{}", listed("in", "D: open"));
    let server = play(&format!("{UTF8}{script}---{UTF8}{script}")).await;
    assert!(texts(&mut connect(&server).await, &path("in")).await.is_empty());
    assert!(connect(&server).await.listing_text(&path("in")).await.unwrap().is_empty());
    server.finish().await;
}

#[tokio::test]
async fn utf8_is_not_asked_for_where_it_is_not_offered_or_not_meant() {
    let server = play(&format!(
        "{NO_FEAT}C: DELE ö\nS: 250 ok\n---\nC: DELE \\xf6\nS: 250 ok\n---\n{UTF8}C: OPTS UTF8 ON\nS: 200 ok\nC: DELE ö\nS: 250 ok"
    ))
    .await;
    for config in
        [config(&server), fixed(config(&server), Charset::Windows1252), fixed(config(&server), Charset::Utf8)]
    {
        let mut session = open(config).await;
        let name = session.path("ö").unwrap();
        session.delete(&name).await.unwrap();
    }
    server.finish().await;
}

#[tokio::test]
async fn a_session_that_logs_in_anew_asks_for_utf8_anew() {
    let server = play(&format!(
        "{UTF8}C: OPTS UTF8 ON\nS: 200 ok\nC: PWD\nS: 257 \"/home\"\nC: CWD größe\nS: 250 ok
         C: PORT *\nS: 200 ok\nC: LIST\nT: hang
         ---
         C: OPTS UTF8 ON\nS: 200 ok\n{}C: DELE ä\nS: 250 ok",
        listed("größe", &entries(&["ä"]))
    ))
    .await;
    let mut session = open(impatient(active(&server))).await;
    assert_eq!(texts(&mut session, &path("größe")).await[0].1, "ä");
    session.delete(&path("ä")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn nothing_comes_between_the_halves_of_a_rename() {
    let server = play(&format!(
        "{UTF8}C: OPTS UTF8 ON\nS: 200 ok\nC: RNFR plain\nS: 350 go on\nC: RNTO größe\nS: 250 ok"
    ))
    .await;
    connect(&server).await.rename(&path("plain"), &path("größe")).await.unwrap();
    server.finish().await;
}

#[tokio::test]
async fn odd_folders_are_entered_and_listed_from_within() {
    for name in
        ["*", "[a]", "{x}", "?", "-la", " lead", "trail ", "say \"hi\"", "a -> b", "größe", "~", "%41"]
    {
        let quoted = name.replace('"', "\"\"");
        let server = play(&format!(
            "{NO_FEAT}C: PWD\nS: 257 \"/{quoted}\" is current\nC: CWD {name}\nS: 250 ok\nC: EPSV\nS: 229 (|||{{port}}|)
             C: LIST\nS: 150 here\n{}\nD: close\nS: 226 done\nC: CWD /{name}\nS: 250 ok",
            entries(&[name])
        ))
        .await;
        let found = texts(&mut connect(&server).await, &path(name)).await;
        assert_eq!(found, [(name.as_bytes().to_vec(), name.to_owned())]);
        server.finish().await;
    }
}

#[tokio::test]
async fn a_refused_path_is_spelt_anew_once_a_listing_has_told_the_charset() {
    let script = |folder: &str| {
        format!(
            "{NO_FEAT}C: DELE {folder}größe/ä\nS: 550 no such file\nC: PWD\nS: 257 \"/home\"\n{}C: DELE {folder}gr\\xf6\\xdfe/\\xe4\nS: 250 ok",
            listed(if folder.is_empty() { "." } else { "a/b" }, &entries(&[r"gr\xf6\xdfe"]))
        )
    };
    for folder in ["", "a/b/"] {
        let server = play(&script(folder)).await;
        let mut session = connect(&server).await;
        let text = format!("{folder}größe/ä");
        let refused = session.path(&text).unwrap();
        assert!(session.delete(&refused).await.unwrap_err().is_rejection());
        let respelt = session.respell(&text, &refused).await.unwrap();
        session.delete(&respelt).await.unwrap();
        assert_eq!(session.respell(&text, &respelt).await, None, "there is no third spelling");
        server.finish().await;
    }
}

#[tokio::test]
async fn a_path_is_not_spelt_anew_where_nothing_more_can_be_learnt() {
    let server = play(&format!(
        "{NO_FEAT}C: PWD\nS: 257 \"/home\"\nC: CWD .\nS: 550 not for you\nC: DELE x\nS: 250 ok
         ---
         ---
         {}",
        first_listed(".", &entries(&["größe", "plain"]))
    ))
    .await;
    let mut forbidden = connect(&server).await;
    assert_eq!(forbidden.respell("ö", &path("ö")).await, None);
    forbidden.delete(&path("x")).await.unwrap();

    let mut fixed = open(fixed(config(&server), Charset::Utf8)).await;
    assert_eq!(fixed.respell("ö", &path("ö")).await, None);
    assert_eq!(fixed.respell("plain", &path("plain")).await, None);

    assert_eq!(connect(&server).await.respell("ö", &path("ö")).await, None, "the names are UTF-8");
    server.finish().await;
}
