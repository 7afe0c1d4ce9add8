//! What a replica remembers between steps. The host stores it unread as JSON; damaged or older state costs a full
//! listing, never data: everything in it can be found again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::effects::{Health, TimeMs};
use crate::provider::{Next, Span};

/// The version of this structure.
const VERSION: u32 = 1;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    version: u32,
    /// Where the last finished listing ended: the sync cursor (RFC 6578 calls it a sync-token).
    pub cursor: Option<String>,
    /// The listing that is under way.
    pub listing: Option<Listing>,
    /// Counts full listings. A shadow with a lower generation was not seen by the latest one.
    pub generation: u64,
    /// The span that listings are limited to; none when the provider lists everything.
    pub span: Option<Span>,
    /// When the span is moved forward, by a new listing.
    pub span_due_ms: TimeMs,
    /// Exceptions are asked for apart from their masters.
    pub apart: bool,
    /// The sweep after a full listing.
    pub sweep: Option<Sweep>,
    /// Every series is asked for, after this uid: something was removed that may have been one of them.
    pub doubt: Option<String>,
    /// The same was suspected again while they are being asked for: once more from the beginning.
    pub doubt_again: bool,
    /// Events were made that no listing has shown yet; see `unseen`.
    pub unseen: bool,
    /// Those that a listing should have shown are asked for when it has ended, after this uid.
    pub expected: Option<String>,
    /// Removals that were found one by one since the last listing began, for the mass-delete guard.
    pub removed: u64,
    /// Exceptions are buffered whose masters have not been seen.
    pub orphans: bool,
    /// Events that could not be read when they were asked for, by remote id, with the tries so far.
    pub troubled: BTreeMap<String, u32>,
    /// When those of them that were set aside are asked for again.
    pub troubled_due_ms: TimeMs,
    /// Rows were set aside: those that come again and are good end their failure.
    pub set_aside: bool,
    /// `replica.wanted` at the start of the last finished listing.
    pub pulled_wanted: u64,
    /// When to look again without being asked.
    pub next_poll_ms: TimeMs,
    /// Whether the provider lets us write to the calendar; none until a listing told.
    pub writable: Option<bool>,
    /// A listing has shown more than when events are.
    pub details: bool,
    /// When the calendar was last asked what it is like.
    pub described_ms: TimeMs,
    /// The calendar's default zone.
    pub time_zone: Option<String>,
    /// When the channel has to be looked after.
    pub channel_due_ms: TimeMs,
    /// A channel is registered.
    pub has_channel: bool,
    /// When the channel was last made or renewed.
    pub channel_checked_ms: TimeMs,
    /// `replica.wanted` then.
    pub channel_wanted: u64,
    /// Steps that failed in a row.
    pub failed_steps: u32,
    /// No step before this time, after a failed one.
    pub not_before_ms: TimeMs,
    /// When a pull last reached the end.
    pub synced_ms: TimeMs,
    /// Health as last reported.
    pub health: Option<Health>,
    /// Why it is not healthy.
    pub reason: String,
}

/// A listing under way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// It shows everything, not only what changed since the cursor.
    pub full: bool,
    /// The page to ask for next; none for the first.
    pub page: Option<String>,
    /// `replica.wanted` when it started.
    pub wanted: u64,
    /// What is left of a page that was too much for one step.
    #[serde(default)]
    pub rest: Option<Rest>,
}

/// What is left of a page: neither the next page nor the cursor is taken before it is done (invariant I9).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rest {
    /// Ids to be asked for.
    pub looks: Vec<String>,
    /// What follows then.
    pub next: Next,
}

/// A sweep under way: what a finished full listing did not show is gone, and what was found removed in too large a number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sweep {
    /// The last uid that was handled.
    pub after: Option<String>,
    /// Each of the missing events was asked for: what is still missing is gone.
    #[serde(default)]
    pub proven: bool,
    /// What the guard says.
    pub guard: Guard,
    /// Removals of the same run that were believed before it, so that the guard counts them too.
    #[serde(default)]
    pub removed: u64,
}

/// The mass-delete guard of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// Not looked yet.
    #[default]
    Unchecked,
    /// Too many: it asked, and waits for the answer.
    Asking,
    /// Delete them.
    Delete,
    /// Create them again remotely.
    Recreate,
}

impl State {
    /// Read the stored text. What cannot be read is a new replica.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let state: Self = serde_json::from_str(text).unwrap_or_default();
        if state.version == VERSION { state } else { Self { version: VERSION, ..Self::default() } }
    }

    /// The text to store.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
