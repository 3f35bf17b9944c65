//! What the fuzzer collected and what it found, without the fuzzer.

use std::fs;
use std::io;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// Holds every input of `fuzz/corpus/TARGET` and `fuzz/regressions/TARGET` against the property, and names the file of
/// the first that breaks it.
pub(crate) fn replay(target: &str, check: fn(&[u8])) -> io::Result<()> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let corpus = files(&fuzz.join("corpus").join(target))?;
    assert!(!corpus.is_empty(), "there is no corpus for {target}");
    let regressions = fuzz.join("regressions").join(target);
    let regressions = if regressions.exists() { files(&regressions)? } else { Vec::new() };
    for file in corpus.iter().chain(&regressions) {
        let input = fs::read(file)?;
        assert!(catch_unwind(|| check(&input)).is_ok(), "{} breaks a property", file.display());
    }
    Ok(())
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}
