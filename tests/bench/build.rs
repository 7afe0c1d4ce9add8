//! Builds the probe component with the profile of the component that ships.

use std::env;
use std::path::Path;

#[path = "../../host/build/component.rs"]
mod component;

fn main() {
    let made = provide();
    match made {
        Ok(path) => println!("cargo::rustc-env=TANDEM_BENCH_PROBE={path}"),
        Err(cause) => {
            cause.lines().for_each(|line| println!("cargo::error={line}"));
            std::process::exit(1);
        }
    }
}

fn provide() -> Result<String, String> {
    let here = env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?;
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    let root = Path::new(&here).ancestors().nth(2).ok_or("the crate is not in its workspace")?;
    let built = component::build(root, &component::target_dir(&out, root), "tandem-bench-probe")?;
    for file in &built.sources {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    for path in ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "wit", "guest/engine", "tests/bench/probe"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    let copy = Path::new(&out).join("probe.wasm");
    std::fs::copy(&built.wasm, &copy).map_err(|error| format!("the probe cannot be copied: {error}"))?;
    Ok(copy.display().to_string())
}
