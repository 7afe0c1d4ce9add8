//! What the server counts since its start. No labels but fixed ones: counters never hold ids.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters of the server.
#[derive(Debug, Default)]
pub struct Counters {
    requests: AtomicU64,
    server_errors: AtomicU64,
    webhooks: [AtomicU64; VERDICTS.len()],
}

/// What a webhook may turn out to be (`wit/webhooks.wit`), and two of the host's own: `trap` when the component
/// stopped, `other` for a word that this version does not know.
const VERDICTS: [&str; 9] =
    ["changed", "handshake", "unknown-channel", "forged", "expired", "malformed", "unavailable", "trap", "other"];

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Requests answered.
    pub requests: u64,
    /// Those with a status of 500 or above.
    pub server_errors: u64,
    /// Webhooks by verdict.
    pub webhooks: std::collections::BTreeMap<&'static str, u64>,
}

impl Counters {
    pub(super) fn request(&self, status: u16) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if status >= 500 {
            self.server_errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn webhook(&self, verdict: &str) {
        let known = VERDICTS.iter().zip(&self.webhooks).find(|(name, _)| **name == verdict);
        if let Some(counter) = known.map(|(_, counter)| counter).or(self.webhooks.last()) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Read all of them.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            requests: read(&self.requests),
            server_errors: read(&self.server_errors),
            webhooks: VERDICTS.iter().copied().zip(self.webhooks.iter().map(read)).collect(),
        }
    }
}
