//! Placeholders that stand for access tokens inside the sandbox.
//!
//! A pass belongs to one call of the component and one connection of its tenant, cannot be guessed, and is worth
//! something only toward the connection's own provider. The token behind it stays in host memory.

use http::{HeaderValue, Uri};

use super::Lane;
use super::allow::authority;
use crate::oauth::Secret;

/// Connections that one call may ask for.
const MAX_PASSES: usize = 64;
/// How a placeholder starts.
const PREFIX: &str = "Bearer tandem:";

/// The passes of one call.
#[derive(Debug, Default)]
pub(crate) struct Passes(Vec<Pass>);

#[derive(Debug)]
struct Pass {
    placeholder: String,
    lane: Lane,
    token: Secret,
    homes: Vec<String>,
}

impl Passes {
    /// The placeholder for a connection's token, which is good for the authorities of `homes`. The same for the
    /// whole call, also after the token was refreshed. None when there are too many or no random bytes can be had.
    pub(crate) fn issue(&mut self, lane: Lane, token: Secret, homes: Vec<String>) -> Option<String> {
        if let Some(pass) = self.0.iter_mut().find(|pass| pass.lane == lane) {
            (pass.token, pass.homes) = (token, homes);
            return Some(pass.placeholder.clone());
        }
        if self.0.len() >= MAX_PASSES {
            return None;
        }
        let mut nonce = [0_u8; 16];
        getrandom::fill(&mut nonce).ok()?;
        let placeholder = format!("{PREFIX}{}", data_encoding::HEXLOWER.encode(&nonce));
        self.0.push(Pass { placeholder: placeholder.clone(), lane, token, homes });
        Some(placeholder)
    }

    /// The real header value for a placeholder, and the lane of its connection; none when it is not one of this
    /// call's or the request does not go to its provider.
    pub(crate) fn redeem(&self, placeholder: &HeaderValue, uri: &Uri) -> Option<(HeaderValue, Lane)> {
        let pass = self.0.iter().find(|pass| pass.placeholder.as_bytes() == placeholder.as_bytes())?;
        let authority = authority(uri)?;
        if !pass.homes.contains(&authority) {
            return None;
        }
        let mut real = HeaderValue::try_from(format!("Bearer {}", pass.token.reveal())).ok()?;
        real.set_sensitive(true);
        Some((real, pass.lane.clone()))
    }
}

/// The authorities of a provider's API: that of a configured base URL, else the public ones.
pub(crate) fn homes(base_url: Option<&str>, public: &[&str]) -> Vec<String> {
    match base_url {
        Some(base) => base.parse::<Uri>().ok().and_then(|uri| authority(&uri)).into_iter().collect(),
        None => public.iter().map(|host| format!("{host}:443")).collect(),
    }
}
