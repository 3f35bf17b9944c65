//! How entries look in a pipe, and when.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use expect_test::expect;
use ftp_testkit::Transcript;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use super::{ls, objects, paths, start};

const LOGIN: &str = "S: 220 hi\nC: USER u\nS: 331 pw\nC: PASS p\nS: 230 in\nC: TYPE I\nS: 200 ok\n";
const MLST: &str = "C: FEAT\nS: 211-features\nS:  MLST type*;size*;\nS: 211 end\n";

#[tokio::test]
async fn a_table_in_a_pipe() {
    let server = Transcript::parse(&format!(
        "{LOGIN}{MLST}C: EPSV
         S: 229 (|||{{port}}|)
         C: MLSD in
         S: 150 here
         D> type=cdir;modify=20240229093015; .\\r\\n
         D> type=dir;modify=20240229093015;UNIX.mode=0755; sub\\r\\n
         D> type=file;size=18;modify=20240229093015;UNIX.mode=0644; a b.txt\\r\\n
         D> type=file;size=123456789012; large\\r\\n
         D> type=OS.unix=slink:../x;modify=20240229093015; link\\r\\n
         D> type=file;size=0; esc\\x1b[31m latin \\xe9\\r\\n
         D: close
         S: 226 done
         C: QUIT"
    ))
    .start()
    .await;
    let answer = ls(&[&format!("ftp://u:p@{}/in", server.address())]);
    assert_eq!((answer.exit, answer.stderr.as_str()), (0, ""), "{answer:?}");
    expect![[r#"
        drwxr-xr-x           -  2024-02-29 09:30:15Z  sub
        -rw-r--r--          18  2024-02-29 09:30:15Z  a b.txt
        -           123456789012  -                     large
        l                      -  2024-02-29 09:30:15Z  link -> ../x
        -                      0  -                     esc\u{1b}[31m latin é
    "#]]
    .assert_eq(&answer.stdout);
    server.finish().await;
}

#[tokio::test]
async fn entries_are_shown_while_the_listing_still_comes() {
    let server = Transcript::parse(&format!(
        "{LOGIN}{MLST}C: EPSV
         S: 229 (|||{{port}}|)
         C: MLSD .
         S: 150 here
         D> type=file;size=1; first\\r\\ntype=file;size=2; sec
         T: hang"
    ))
    .start()
    .await;
    let mut child = start(&["--json", &format!("ftp://u:p@{}", server.address())]);
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("\"first\""), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn ctrl_c_ends_it_at_once_and_quietly() {
    let server = Transcript::parse(&format!(
        "{LOGIN}{MLST}C: EPSV
         S: 229 (|||{{port}}|)
         C: MLSD .
         S: 150 here
         D> type=file; first\\r\\n
         T: hang"
    ))
    .start()
    .await;
    let mut child = start(&[&format!("ftp://u:p@{}", server.address())]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.signal(), output.stderr.as_slice()), (Some(2), &b""[..]));
}

#[tokio::test]
async fn names_in_another_charset_are_text() {
    let server = Transcript::parse(&format!(
        "{LOGIN}{MLST}C: EPSV
         S: 229 (|||{{port}}|)
         C: MLSD \\xfc/\\xc3
         S: 150 here
         D> type=file; gr\\xf6\\xdfe\\r\\n
         D: close
         S: 226 done"
    ))
    .start()
    .await;
    let answer = ls(&["--json", "--encoding", "latin1", &format!("ftp://u:p@{}/ü/%c3", server.address())]);
    let told = json!([objects(&answer)[0]["name"], objects(&answer)[0]["path"]]);
    assert_eq!(told, json!(["größe", "ü/Ã/größe"]), "{answer:?}");
}

#[tokio::test]
async fn times_are_told_in_utc_once_the_servers_clock_is_known() {
    // Two hours ahead of UTC, as LIST and MDTM of the one file tell.
    let listed = OffsetDateTime::now_utc() - Duration::DAY;
    let utc = (listed - Duration::hours(2)).replace_second(0).unwrap().replace_nanosecond(0).unwrap();
    let list = listed.format(format_description!("[month repr:short] [day] [hour]:[minute]")).unwrap();
    let list = format!("-rw-r--r-- 1 u g 5 {list} a\\r\\n");
    let mdtm = utc.format(format_description!("[year][month][day][hour][minute]15")).unwrap();
    let away = "C: PWD\nS: 257 \"/home\"\n";
    let listing = format!(
        "C: CWD .\nS: 250 ok\nC: EPSV\nS: 229 (|||{{port}}|)\nC: LIST\nS: 150 here\nD> {list}\nD: close\nS: 226 done\nC: CWD /home\nS: 250 ok\n"
    );
    let server = Transcript::parse(&format!(
        "{LOGIN}C: FEAT\nS: 500 what\n{away}{listing}C: MDTM ./a\nS: 213 {mdtm}\nC: QUIT"
    ))
    .start()
    .await;
    let url = format!("ftp://u:p@{}", server.address());
    let answer = ls(&["--json", &url]);
    assert_eq!(objects(&answer)[0]["modified"], utc.format(&Rfc3339).unwrap(), "{answer:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_walk_goes_on_where_the_question_for_the_clock_loses_the_session() {
    let list = |folder: &str, line: &str| {
        format!(
            "C: CWD {folder}\nS: 250 ok\nC: EPSV\nS: 229 (|||{{port}}|)\nC: LIST\nS: 150 here\nD> {line}\\r\\n\n\
             D: close\nS: 226 done\nC: CWD /home\nS: 250 ok\n"
        )
    };
    let first =
        list(".", r"drwxr-xr-x 1 u g 5 2024-07-07 11:30 sub\r\n-rw-r--r-- 1 u g 5 2024-07-07 11:30 a");
    let second = list("./sub", "-rw-r--r-- 1 u g 5 2024-07-07 11:30 b");
    let server = Transcript::parse(&format!(
        "{LOGIN}C: FEAT\nS: 500 what\nC: PWD\nS: 257 \"/home\"\n{first}C: MDTM ./a\nS: what\n---\n\
         {LOGIN}{second}C: QUIT"
    ))
    .start()
    .await;
    let answer = ls(&["-R", "--json", &format!("ftp://u:p@{}", server.address())]);
    server.finish().await;
    assert_eq!(answer.exit, 0, "{answer:?}");
    assert_eq!(paths(&answer), ["a", "sub", "sub/b"]);
}
