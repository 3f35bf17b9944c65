//! `docs/quirks.md` names a test for each behaviour; this looks whether those tests are there.

use std::fs;
use std::path::{Path, PathBuf};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn everything_that_the_quirks_name_exists() {
    let text = fs::read_to_string(workspace().join("docs/quirks.md")).unwrap();
    let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|code| is_place(code)).collect();
    assert!(named.len() > 100, "only {} places are named", named.len());
    let missing: Vec<&str> = named.into_iter().filter(|place| !exists(place)).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_behaviour_has_its_test_or_its_reason() {
    let text = fs::read_to_string(workspace().join("docs/quirks.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| behaviour"));
    for row in rows {
        let played_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        assert!(played_by.starts_with("none: ") || is_place(played_by.trim_start_matches('`')), "{row}");
    }
}

/// Whether a piece of code is a path, and not a command or a reply.
fn is_place(code: &str) -> bool {
    code.starts_with("ftp-") || code.starts_with("icon-ftp/")
}

/// Whether there is such a file, and in it the function or the text in quotes.
fn exists(place: &str) -> bool {
    let (file, name) = place.split_once("::").map_or((place, None), |(file, name)| (file, Some(name)));
    let Ok(bytes) = fs::read(workspace().join("crates").join(file)) else { return false };
    let text = String::from_utf8_lossy(&bytes);
    name.is_none_or(|name| text.contains(&format!("fn {name}(")) || text.contains(&format!("\"{name}\"")))
}
