//! Builds the sync component, so that `cargo run` and `cargo test` work on a fresh clone.
//!
//! `TANDEM_COMPONENT=/path/to/component.wasm` uses a finished one instead (packagers, split CI).

use std::env;
use std::path::{Path, PathBuf};

#[path = "build/component.rs"]
mod component;

fn main() {
    println!("cargo::rerun-if-env-changed=TANDEM_COMPONENT");
    match provide() {
        Ok(wasm) => println!("cargo::rustc-env=TANDEM_COMPONENT_WASM={}", wasm.display()),
        Err(cause) => {
            // One `error=` line is all that cargo shows of a build script without -vv, so every line is one.
            cause.lines().for_each(|line| println!("cargo::error={line}"));
            std::process::exit(1);
        }
    }
}

fn provide() -> Result<PathBuf, String> {
    if let Some(ready) = env::var_os("TANDEM_COMPONENT").filter(|ready| !ready.is_empty()) {
        println!("cargo::rerun-if-changed={}", Path::new(&ready).display());
        return std::path::absolute(&ready).map_err(|error| format!("TANDEM_COMPONENT is no path: {error}"));
    }
    let here = env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?;
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    let root = Path::new(&here).parent().ok_or("the crate has no parent directory")?;
    let built = component::build(root, &component::target_dir(&out, root), "tandem-component")?;
    for file in &built.sources {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    // Files that a first failed build or a new module would not be listed in.
    for path in ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "wit", "guest", "host/build.rs", "host/build"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    // A copy of our own: several checkouts may share one target directory.
    let copy = Path::new(&out).join("component.wasm");
    std::fs::copy(&built.wasm, &copy).map_err(|error| format!("the component cannot be copied: {error}"))?;
    Ok(copy)
}
