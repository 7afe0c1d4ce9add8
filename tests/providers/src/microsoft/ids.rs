//! Ids of items, in both forms, and of occurrences.
//! Invariant: an id names one item of one mailbox for ever; only the default form follows the item's place.

use std::fmt::Write as _;

use crate::random::{Random, mix};

const DEFAULT: &str = "AAMkAG";
const IMMUTABLE: &str = "AAkALg";
const CORE_CHARS: usize = 40;
const SALT_CHARS: usize = 6;
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const MINUTE_MS: i64 = 60_000;

/// What an id says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    /// Names the item.
    pub(crate) core: String,
    /// Names its place; none in the immutable form.
    pub(crate) salt: Option<String>,
    /// The original start of an occurrence, in milliseconds since the Unix epoch.
    pub(crate) original_ms: Option<i64>,
}

fn letters(random: &mut Random, count: usize) -> String {
    (0..count).map(|_| char::from(*random.pick(LETTERS).unwrap_or(&b'A'))).collect()
}

/// A fresh core.
pub(crate) fn new_core(random: &mut Random) -> String {
    letters(random, CORE_CHARS)
}

/// A fresh salt.
pub(crate) fn new_salt(random: &mut Random) -> String {
    letters(random, SALT_CHARS)
}

/// The text of an id.
pub(crate) fn write(core: &str, salt: &str, original_ms: Option<i64>, immutable: bool) -> String {
    let mut text = String::with_capacity(64);
    text.push_str(if immutable { IMMUTABLE } else { DEFAULT });
    text.push_str(core);
    text.push_str(if immutable { "" } else { salt });
    if let Some(at) = original_ms {
        // Writing to a text cannot fail.
        let _ = write!(text, "{:08x}", at / MINUTE_MS);
    }
    text.push('=');
    text
}

/// Reads an id; none when it is malformed.
pub(crate) fn read(text: &str) -> Option<Id> {
    let rest = text.strip_suffix('=')?;
    if !rest.bytes().all(|b| LETTERS.contains(&b)) {
        return None;
    }
    let (rest, has_salt) = match rest.strip_prefix(DEFAULT) {
        Some(rest) => (rest, true),
        None => (rest.strip_prefix(IMMUTABLE)?, false),
    };
    let (core, rest) = rest.split_at_checked(CORE_CHARS)?;
    let (salt, rest) = if has_salt { rest.split_at_checked(SALT_CHARS)? } else { ("", rest) };
    let original_ms = match rest.len() {
        0 => None,
        8 => Some(i64::from_str_radix(rest, 16).ok()? * MINUTE_MS),
        _ => return None,
    };
    Some(Id { core: core.to_owned(), salt: has_salt.then(|| salt.to_owned()), original_ms })
}

/// The change key of a change number.
pub(crate) fn change_key(change: u64) -> String {
    let bytes = [mix(21, &change.to_string()).to_be_bytes(), change.to_be_bytes()].concat();
    data_encoding::BASE64.encode(&bytes)
}

/// A text in the form of a UUID.
pub(crate) fn uuid(seed: u64, number: u64) -> String {
    let (a, b) = (mix(seed, &number.to_string()), mix(seed ^ 0x77, &number.to_string()));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        b >> 52,
        b & 0xffff_ffff_ffff
    )
}

/// The iCalUId of an item, or of one of its occurrences: all are different.
pub(crate) fn ical(core: &str, day: Option<chrono::NaiveDate>) -> String {
    let mut text = String::with_capacity(72);
    text.push_str("040000008200E00074C5B7101A82E008");
    match day {
        Some(day) => crate::civil::push_date(&mut text, day, ""),
        None => text.push_str("00000000"),
    }
    // Writing to a text cannot fail.
    let _ = write!(text, "{:016X}{:016X}", mix(5, core), mix(6, core));
    text
}
