//! Page tokens and sync tokens.
//! Invariant: a token is opaque to callers and carries all state, so listings need no memory between calls.

use super::error::ApiError;
use crate::random::mix;

/// Where a listing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Changes up to this number are known to the caller; none in a full listing.
    pub(crate) after: Option<u64>,
    /// The change number when the listing began; the sync token at its end carries it.
    pub(crate) upto: u64,
    /// The next place or index.
    pub(crate) next: u64,
    /// Generation of the calendar when the listing began.
    pub(crate) generation: u64,
    /// Fingerprint of the parameters and the calendar.
    pub(crate) shape: u64,
}

/// A sync token's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sync {
    pub(crate) seq: u64,
    pub(crate) generation: u64,
    pub(crate) shape: u64,
    pub(crate) issued_ms: i64,
}

fn seal(kind: char, numbers: &[u64]) -> String {
    let list: Vec<String> = numbers.iter().map(|n| format!("{n:x}")).collect();
    let text = format!("{kind}.{}", list.join("."));
    let check = mix(0x5ea1, &text) & 0xffff;
    data_encoding::BASE64URL_NOPAD.encode(format!("{text}.{check:x}").as_bytes())
}

fn open(kind: char, token: &str) -> Option<Vec<u64>> {
    let bytes = data_encoding::BASE64URL_NOPAD.decode(token.as_bytes()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (rest, check) = text.rsplit_once('.')?;
    if format!("{:x}", mix(0x5ea1, rest) & 0xffff) != check {
        return None;
    }
    let list = rest.strip_prefix(kind)?.strip_prefix('.')?;
    list.split('.').map(|part| u64::from_str_radix(part, 16).ok()).collect()
}

impl Position {
    pub(crate) fn seal(&self) -> String {
        let after = self.after.map_or(0, |seq| seq + 1);
        seal('p', &[after, self.upto, self.next, self.generation, self.shape])
    }

    pub(crate) fn open(token: &str) -> Result<Self, ApiError> {
        let bad = || ApiError::invalid_parameter("pageToken", "Invalid page token value.");
        match open('p', token).as_deref() {
            Some([after, upto, next, generation, shape]) => Ok(Self {
                after: after.checked_sub(1),
                upto: *upto,
                next: *next,
                generation: *generation,
                shape: *shape,
            }),
            _ => Err(bad()),
        }
    }
}

impl Sync {
    pub(crate) fn seal(&self) -> String {
        seal('s', &[self.seq, self.generation, self.shape, u64::try_from(self.issued_ms).unwrap_or(0)])
    }

    pub(crate) fn open(token: &str) -> Result<Self, ApiError> {
        match open('s', token).as_deref() {
            Some([seq, generation, shape, issued]) => Ok(Self {
                seq: *seq,
                generation: *generation,
                shape: *shape,
                issued_ms: i64::try_from(*issued).unwrap_or(0),
            }),
            _ => Err(ApiError::invalid_parameter("syncToken", "Invalid sync token value.")),
        }
    }
}
