//! The token of a channel: says whose notification it is, and proves that we made it, without asking the store.
//!
//! `v1:<expiry in seconds>:<tenant>:<replica>:<HMAC-SHA256>`, the last over all others and the channel id. Ids hold
//! no colon.

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::effects::{Replica, TimeMs};
use crate::seeded::{Bug, has};

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The replica.
    pub replica: &'a str,
    /// When the channel ends.
    pub expires_ms: TimeMs,
}

fn mac(key: &[u8], channel: &str, claims: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(channel.as_bytes());
    mac.update(b"\0");
    mac.update(claims.as_bytes());
    Some(mac)
}

/// The token of a channel.
#[must_use]
pub fn sign(key: &[u8], replica: &Replica, channel: &str, expires_ms: TimeMs) -> String {
    let claims = format!("v1:{}:{}:{}", expires_ms / 1_000, replica.tenant, replica.id);
    let tag = mac(key, channel, &claims).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
    format!("{claims}:{}", BASE64URL_NOPAD.encode(&tag))
}

/// Verify a token of a channel in constant time. None: we did not make it.
#[must_use]
pub fn verify<'a>(key: &[u8], channel: &str, token: &'a str) -> Option<Claims<'a>> {
    let (claims, tag) = token.rsplit_once(':')?;
    let tag = BASE64URL_NOPAD.decode(tag.as_bytes()).ok()?;
    let verified = mac(key, channel, claims)?.verify_slice(&tag);
    if !has(Bug::ForgeryBelieved) {
        verified.ok()?;
    }
    let mut parts = claims.split(':');
    let (Some("v1"), Some(expiry), Some(tenant), Some(replica), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    Some(Claims { tenant, replica, expires_ms: expiry.parse::<u64>().ok()?.checked_mul(1_000)? })
}
