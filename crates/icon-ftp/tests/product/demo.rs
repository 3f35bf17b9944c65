//! The newcomer's first minute.

use std::io::{BufRead, BufReader};

use crate::process::{run, spawn};

#[test]
fn the_demo_plays_to_its_end_and_is_plain_in_a_pipe() {
    let answer = run(&["demo"], b"");
    assert_eq!(answer.exit, 0, "{answer:?}");
    assert_eq!(answer.stdout.matches('✓').count(), 5, "{}", answer.stdout);
    assert_eq!(answer.stdout.matches("start message").count(), 6, "{}", answer.stdout);
    assert!(!answer.stdout.contains('\u{1b}'), "colours in a pipe");
    assert!(answer.stdout.contains("\"kind\": \"added\""), "{}", answer.stdout);
    assert_eq!(answer.stderr, "");
}

#[test]
fn a_kept_demo_shows_a_message_that_works() {
    let mut demo = spawn(&["demo", "--keep"]);
    let stdout = BufReader::new(demo.stdout.take().unwrap());
    // Held until the end: a demo whose reader is gone stops.
    let mut lines = stdout.lines().map(Result::unwrap);
    let line = lines.find(|line| line.contains("| icon-ftp run")).unwrap();
    let message = line.split('\'').nth(1).unwrap();
    let output = run(&["run"], message.as_bytes()).output();
    assert_eq!(output["downloaded"], true);
    drop(lines);
    demo.kill().unwrap();
    demo.wait().unwrap();
}
