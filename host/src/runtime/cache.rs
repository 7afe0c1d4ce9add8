//! Compiled components on disk, so that a start takes milliseconds instead of seconds.
//!
//! A file holds the SHA-256 of an image, then the image. Its name carries the engine's compatibility hash and the
//! component's hash, so that another wasmtime, CPU or component never finds it. The image is machine code: it is run
//! only from a directory that nobody else may write to, and only if it is whole. Anything odd means: compile.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

const DIGEST_BYTES: usize = 32;

/// A directory of compiled components.
pub(crate) struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// Create the directory if need be; none when it cannot be used safely.
    pub(crate) fn open(dir: &Path) -> Option<Self> {
        match private_dir(dir) {
            Ok(()) => Some(Self { dir: dir.to_owned() }),
            Err(error) => {
                tracing::warn!(%error, "the cache of compiled components is not used");
                None
            }
        }
    }

    /// The component from the cache, else compiled and kept.
    pub(crate) fn component(&self, engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
        let path = self.dir.join(file_name(engine, bytes));
        if let Some(component) = read(&path).and_then(|file| restore(engine, &file)) {
            return Ok(component);
        }
        let component = Component::from_binary(engine, bytes)?;
        if let Err(error) = write(&path, &component.serialize()?) {
            tracing::warn!(%error, "the compiled component cannot be kept");
        }
        Ok(component)
    }
}

fn file_name(engine: &Engine, bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("tandem-{:016x}-{}.cwasm", hasher.finish(), HEXLOWER.encode(&Sha256::digest(bytes)))
}

fn read(path: &Path) -> Option<Vec<u8>> {
    match fs::read(path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(%error, "a compiled component cannot be read");
            None
        }
    }
}

fn restore(engine: &Engine, file: &[u8]) -> Option<Component> {
    let (digest, image) = file.split_at_checked(DIGEST_BYTES)?;
    if Sha256::digest(image).as_slice() != digest {
        tracing::warn!("a compiled component is damaged and is compiled again");
        return None;
    }
    #[allow(unsafe_code, reason = "an image cannot be checked, only trusted by where it comes from")]
    // SAFETY: `image` must come from `Component::serialize` and be unchanged. `write` put it there with its hash, which
    // was just compared on these very bytes, in a directory that only this user may write to (`private_dir`). wasmtime
    // itself refuses an image of another version or configuration.
    let component = unsafe { Component::deserialize(engine, image) };
    component.inspect_err(|error| tracing::warn!(%error, "a compiled component does not fit")).ok()
}

/// All or nothing: other processes read the old file, the new one, or none.
fn write(path: &Path, image: &[u8]) -> io::Result<()> {
    let mut nonce = [0_u8; 8];
    getrandom::fill(&mut nonce).map_err(|error| io::Error::other(error.to_string()))?;
    let unfinished = path.with_extension(format!("{}.tmp", HEXLOWER.encode(&nonce)));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&unfinished)?;
    let written = file
        .write_all(&Sha256::digest(image))
        .and_then(|()| file.write_all(image))
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // The first error is the one that matters.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

#[cfg(unix)]
fn private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    if !dir.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    if fs::metadata(dir)?.mode() & 0o022 == 0 {
        return Ok(());
    }
    let text = format!("{} may be written to by others; run: chmod 700 {0}", dir.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// Elsewhere a new directory belongs to the user who made it.
#[cfg(not(unix))]
fn private_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}
