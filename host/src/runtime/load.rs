//! From bytes to a component that fits this host; what does not fit is refused by name.

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::RuntimeError;
use super::cache::Cache;

/// The package of `wit/` and the version that this host speaks.
const PACKAGE: &str = "tandem:calendar";
const VERSION: &str = "0.1.0";

/// First bytes of WebAssembly; the four after them tell a component from a core module.
const MAGIC: &[u8] = b"\0asm";
const COMPONENT_LAYER: &[u8] = &[0x0d, 0, 1, 0];

/// Compile `bytes`, or take them from the cache in `cache_dir`, and check that the component speaks this host's
/// version.
pub(crate) fn load(engine: &Engine, bytes: &[u8], cache_dir: Option<&Path>) -> Result<Component, RuntimeError> {
    recognise(bytes)?;
    let component = match cache_dir.and_then(Cache::open) {
        Some(cache) => cache.component(engine, bytes),
        None => Component::from_binary(engine, bytes),
    };
    let component =
        component.map_err(|error| RuntimeError::Component(format!("the component cannot be compiled: {error:#}")))?;
    check_version(engine, &component)?;
    Ok(component)
}

fn recognise(bytes: &[u8]) -> Result<(), RuntimeError> {
    let refused = |text: &str| Err(RuntimeError::Component(text.to_owned()));
    match bytes.strip_prefix(MAGIC) {
        None => refused("the component file is not WebAssembly; build it for the wasm32-wasip2 target"),
        Some(rest) if rest.starts_with(COMPONENT_LAYER) => Ok(()),
        Some(_) => refused(
            "the component file is a core module, not a component; build it for the wasm32-wasip2 target instead of \
             wasm32-wasip1 or wasm32-unknown-unknown",
        ),
    }
}

/// Refuse another version by its name, before the linker complains about one interface of it.
fn check_version(engine: &Engine, component: &Component) -> Result<(), RuntimeError> {
    let kind = component.component_type();
    let mut speaks = false;
    for name in kind.imports(engine).map(|(name, _)| name).chain(kind.exports(engine).map(|(name, _)| name)) {
        let Some(version) = version_of(name) else { continue };
        if version != VERSION {
            return Err(RuntimeError::Component(format!(
                "the component speaks {PACKAGE}@{version}, this host {VERSION}; use the component that belongs to \
                 this version of Tandem"
            )));
        }
        speaks = true;
    }
    if speaks {
        return Ok(());
    }
    Err(RuntimeError::Component(format!("the component does not speak {PACKAGE}; is it a sync component?")))
}

/// The version in `tandem:calendar/storage@0.1.0`; none for other packages.
fn version_of(name: &str) -> Option<&str> {
    let interface = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    Some(interface.split_once('@').map_or("none", |(_, version)| version))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_version_is_that_of_the_wit_package() {
        let wit = include_str!("../../../wit/worlds.wit");
        let package = wit.lines().find_map(|line| line.strip_prefix("package ")).unwrap();
        assert_eq!(package, format!("{PACKAGE}@{VERSION};"));
    }

    #[test]
    fn versions_are_read_from_interface_names() {
        assert_eq!(version_of("tandem:calendar/sync@0.2.0"), Some("0.2.0"));
        assert_eq!(version_of("tandem:calendar/sync"), Some("none"));
        assert_eq!(version_of("tandem:calendars/sync@0.2.0"), None);
        assert_eq!(version_of("wasi:http/types@0.2.4"), None);
    }
}
