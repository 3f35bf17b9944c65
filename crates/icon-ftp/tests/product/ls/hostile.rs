//! Servers that want to drive the terminal, lead elsewhere, or never end.

use std::io::{BufRead as _, BufReader, Read as _};

use super::folders::serve;
use super::{ls, objects, paths, start};

#[test]
fn names_drive_no_terminal_and_lead_nowhere() {
    let address = serve(|path| {
        let names = [
            "\u{1b}[2J\u{1b}]0;owned\u{7}",
            "\u{9b}31m",
            "exe.\u{202e}fdp",
            "../../etc",
            "/etc",
            "a/b",
            "x\0y",
            "x\ry",
            "ok",
        ];
        let line = |name: &str| format!("type=dir; {name}\r\n");
        Some(if path == "." { names.map(line).concat() } else { format!("type=file; in {path}\r\n") })
    });
    let url = format!("ftp://{address}/");
    let controls = |text: &str| text.chars().filter(|char| char.is_control() && *char != '\n').count();
    for arguments in [&["-R", url.as_str()][..], &["-R", "--json", &url], &["-R", "-v", &url]] {
        let answer = ls(arguments);
        assert_eq!(answer.exit, 0, "{answer:?}");
        assert_eq!(controls(&answer.everything()), 0, "{answer:?}");
        assert!(!answer.everything().contains(['\u{202e}', '\u{9b}']), "{answer:?}");
        let descended = answer.stdout.lines().filter(|line| line.contains("in ./")).count();
        assert_eq!(descended, 4, "only three odd names and one good one can be stepped into: {answer:?}");
    }
    let names: Vec<String> = objects(&ls(&["--json", &url]))
        .iter()
        .map(|object| object["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(names.contains(&"\u{1b}[2J\u{1b}]0;owned\u{7}".to_owned()), "{names:?}");
    assert!(names.contains(&"../../etc".to_owned()), "{names:?}");
}

#[test]
fn endless_depth_ends_at_the_limit_and_says_so() {
    let address = serve(|_| Some("type=dir; a\r\ntype=file; f\r\n".to_owned()));
    let url = format!("ftp://{address}/");
    let answer = ls(&["-R", "--json", &url]);
    assert_eq!(answer.exit, 1, "{answer:?}");
    assert!(
        answer.stderr.contains("more than 64 levels down") && answer.stderr.contains("--max-depth"),
        "{answer:?}"
    );
    assert_eq!(answer.stdout.lines().count(), 2 * 65);
    let answer = ls(&["-R", "--json", "--max-depth", "2", &url]);
    assert_eq!(paths(&answer), ["a", "a/a", "a/a/a", "a/a/f", "a/f", "f"], "{answer:?}");
}

/// A hundred folders in every folder.
fn wide(path: &str) -> Option<String> {
    let names: Vec<String> = (0..100).map(|number| format!("type=dir; {number}\r\n")).collect();
    path.starts_with('.').then(|| names.concat())
}

#[test]
fn endless_width_ends_at_the_limit_and_says_so() {
    let address = serve(wide);
    let answer = ls(&["-R", "--max-entries", "5000", &format!("ftp://{address}/")]);
    assert_eq!((answer.exit, answer.stdout.lines().count()), (1, 5000), "{}", answer.stderr);
    assert!(
        answer.stderr.contains("more than 5000 entries") && answer.stderr.contains("--max-entries"),
        "{answer:?}"
    );
}

#[test]
fn a_folder_inside_of_itself_is_visited_once() {
    let address = serve(|_| Some("type=dir;unique=1U1; again\r\n".to_owned()));
    let answer = ls(&["-R", "--json", &format!("ftp://{address}/")]);
    assert_eq!((answer.exit, paths(&answer).len()), (0, 2), "{answer:?}");
}

#[test]
fn a_refused_subfolder_is_a_warning_and_the_walk_goes_on() {
    let address = serve(|path| match path {
        "." => Some("type=dir; a\r\ntype=dir; locked\r\ntype=dir; z\r\n".to_owned()),
        "./locked" => None,
        _ => Some("type=file; f\r\n".to_owned()),
    });
    let answer = ls(&["-R", "--json", &format!("ftp://{address}/")]);
    assert_eq!(answer.exit, 3, "{answer:?}");
    assert_eq!(paths(&answer), ["a", "a/f", "locked", "z", "z/f"]);
    let warning = "icon-ftp: warning: ./locked was not listed: MLSD was refused: 550 not for you\n";
    assert_eq!(answer.stderr, warning);
    let answer = ls(&["-q", "-R", "--json", &format!("ftp://{address}/")]);
    assert_eq!((answer.exit, answer.stderr.as_str()), (3, ""));
}

#[test]
fn a_reader_that_has_had_enough_ends_it_quietly() {
    let address = serve(wide);
    let mut child = start(&["-R", &format!("ftp://{address}/")]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(stderr, "");
}
