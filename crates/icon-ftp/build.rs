//! Turns the plugin's specification into JSON, which the program reads at each of its starts many times as fast.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

/// Seen from the package's own folder, in which cargo runs this.
const SPEC: &str = "../../plugin/plugin.spec.yaml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SPEC}");
    let in_spec = |error: &dyn Error| format!("{SPEC}: {error}");
    let yaml = fs::read_to_string(SPEC).map_err(|error| in_spec(&error))?;
    let spec: serde_json::Value = serde_norway::from_str(&yaml).map_err(|error| in_spec(&error))?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("plugin.spec.json"), spec.to_string())?;
    Ok(())
}
