//! The key that signs channel tokens: given, or made once.

use std::io::Write as _;
use std::path::Path;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::oauth::Secret;

/// Bytes of a generated key, and the least of a given one.
const KEY_BYTES: usize = 32;

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or made.
    #[error("the signing key {0} cannot be read or made: {1}; check the directory, or set security.signing_key")]
    File(String, String),
    /// The file holds something else.
    #[error("the signing key {0} is damaged; restore it, or delete it (then channels are made anew within a day)")]
    Damaged(String),
    /// No random bytes.
    #[error("the operating system gives no random bytes: {0}")]
    Random(String),
}

/// Bytes of a key given as hex or base64; none when it is neither, or shorter than 32 bytes.
pub(super) fn key_bytes(text: &str) -> Option<Vec<u8>> {
    let raw = text.trim().as_bytes();
    [HEXLOWER_PERMISSIVE, BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD]
        .iter()
        .find_map(|encoding| encoding.decode(raw).ok())
        .filter(|key| key.len() >= KEY_BYTES)
}

/// The key that signs channel tokens: the configured one, else the one in `file`, else a new one that is kept in
/// `file`, readable by its owner only.
///
/// # Errors
/// When the file cannot be used; an existing file is never overwritten.
pub fn signing_key(configured: Option<&Secret>, file: &Path) -> Result<Vec<u8>, SecretError> {
    let name = || file.display().to_string();
    if let Some(secret) = configured {
        return key_bytes(secret.reveal()).ok_or_else(|| SecretError::Damaged("security.signing_key".into()));
    }
    match std::fs::read_to_string(file) {
        Ok(text) => key_bytes(&text).ok_or_else(|| SecretError::Damaged(name())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut key = vec![0; KEY_BYTES];
            getrandom::fill(&mut key).map_err(|error| SecretError::Random(error.to_string()))?;
            keep(file, &key).map_err(|error| SecretError::File(name(), error.to_string()))?;
            Ok(key)
        }
        Err(error) => Err(SecretError::File(name(), error.to_string())),
    }
}

/// Write a new key file. It appears whole or not at all: a crash must not leave a key that is "damaged".
fn keep(file: &Path, key: &[u8]) -> std::io::Result<()> {
    let mut draft = file.as_os_str().to_os_string();
    draft.push(format!(".{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut written = options.open(&draft)?;
    writeln!(written, "{}", HEXLOWER.encode(key))?;
    written.sync_all()?;
    drop(written);
    // A link fails when the file exists: two programs that start together cannot end with two keys.
    let linked = std::fs::hard_link(&draft, file);
    std::fs::remove_file(&draft)?;
    linked
}
