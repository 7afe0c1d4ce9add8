//! Building a guest package for wasm32-wasip2. Shared by the build script and by the tests that need a probe.
//!
//! The guest has a target directory of its own: the outer cargo holds the lock of the main one while a build script
//! runs, so sharing it would wait for ever. It is not `OUT_DIR`, which differs by profile and feature set: each would
//! compile the guest again.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// What guests are compiled for.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// The profile of `Cargo.toml` that guests are compiled with.
const PROFILE: &str = "component";

/// A finished build.
pub(crate) struct Built {
    /// The component. A later build of another checkout with the same target directory may replace it: read it now.
    pub(crate) wasm: PathBuf,
    /// Every local file that went into it.
    #[allow(dead_code, reason = "the tests build on demand and do not watch files")]
    pub(crate) sources: Vec<PathBuf>,
}

/// Build `package` of the workspace at `root` into `<target_dir>/component`. The error is ready to be shown.
pub(crate) fn build(root: &Path, target_dir: &Path, package: &str) -> Result<Built, String> {
    ensure_target(root)?;
    let target_dir = target_dir.join("component");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(root)
        .args(["build", "--package", package, "--profile", PROFILE, "--target", TARGET, "--locked", "--target-dir"])
        .arg(&target_dir);
    for (name, _) in env::vars_os() {
        if belongs_to_the_host_build(&name.to_string_lossy()) {
            command.env_remove(&name);
        }
    }
    let output = command.output().map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("building {package} failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let wasm = target_dir.join(TARGET).join(PROFILE).join(format!("{}.wasm", package.replace('-', "_")));
    let sources = dep_info(&wasm.with_extension("d"))?;
    Ok(Built { wasm, sources })
}

/// What the outer cargo (or clippy, a coverage tool, a compiler wrapper) set for the host must not reach the guest.
/// What a person sets about registries, network and directories must.
fn belongs_to_the_host_build(name: &str) -> bool {
    const KEPT: [&str; 7] = [
        "CARGO_HOME",
        "CARGO_MAKEFLAGS",
        "CARGO_NET_",
        "CARGO_HTTP_",
        "CARGO_REGISTR",
        "CARGO_SOURCE_",
        "CARGO_TERM_COLOR",
    ];
    const REMOVED: [&str; 11] = [
        "CARGO",
        "RUSTC",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CLIPPY_ARGS",
        "TARGET",
        "HOST",
        "PROFILE",
        "OPT_LEVEL",
        "OUT_DIR",
        "NUM_JOBS",
    ];
    if KEPT.iter().any(|kept| name.starts_with(kept)) {
        return false;
    }
    ["CARGO_", "RUSTFLAGS", "RUSTDOC", "DEP_"].iter().any(|prefix| name.starts_with(prefix))
        || name == "DEBUG"
        || REMOVED.contains(&name)
}

/// The target's standard library has to be there; with rustup it is had by itself.
fn ensure_target(root: &Path) -> Result<(), String> {
    if has_target(root) {
        return Ok(());
    }
    let added = Command::new("rustup").current_dir(root).args(["target", "add", TARGET]).output();
    let cause = match added {
        Ok(output) if output.status.success() && has_target(root) => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => format!("rustup cannot be started: {error}"),
    };
    Err(format!(
        "the sync component needs Rust's {TARGET} target, which this toolchain does not have. Add it with\n\n    \
         rustup target add {TARGET}\n\nor set TANDEM_COMPONENT to a component that is built already.\n({cause})"
    ))
}

fn has_target(root: &Path) -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).current_dir(root).args(["--print", "target-libdir", "--target", TARGET]).output();
    output.is_ok_and(|output| {
        output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

/// rustc's dep-info names every local source, WIT files included.
fn dep_info(path: &Path) -> Result<Vec<PathBuf>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("the build left no list of its sources: {error}"))?;
    let files = text.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, files)| files);
    // Blanks in names are escaped with a backslash.
    let files = files.replace("\\ ", "\0");
    Ok(files.split(' ').filter(|file| !file.is_empty()).map(|file| file.replace('\0', " ").into()).collect())
}

/// The target directory that `inside` (`OUT_DIR` or the directory of a test program) lies in.
pub(crate) fn target_dir(inside: &OsStr, root: &Path) -> PathBuf {
    let marked = Path::new(inside).ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    marked.map_or_else(|| root.join("target"), Path::to_owned)
}
