//! What a replica remembers of an event besides its documents. All of it can be found again: damaged notes cost requests,
//! never data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::effects::{Shadow, TimeMs};
use crate::limits::UNANSWERED;

/// Recurrence ids that the master itself names (as opposed to exceptions, which have rows of their own).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lines {
    /// Excluded by the master.
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<String>,
    /// Added by the master.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// A part of the description that belongs to the provider and is sent back with every change of it.
    #[serde(rename = "b", default, skip_serializing_if = "String::is_empty")]
    pub blob: String,
}

impl Lines {
    /// True when the master names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is remembered of an exception between steps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Instance {
    /// The provider's id.
    #[serde(rename = "i")]
    pub id: String,
    /// Version tag.
    #[serde(rename = "e", default, skip_serializing_if = "String::is_empty")]
    pub etag: String,
    /// We made the exception; without it somebody at the provider did.
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    pub ours: bool,
    /// The provider's part of its description, see [`Lines::blob`]; empty when it is that of its master.
    #[serde(rename = "b", default, skip_serializing_if = "String::is_empty")]
    pub blob: String,
}

/// Everything that a replica remembers of an event besides its documents; see `Shadow::notes`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notes {
    /// Exceptions that have rows of their own, by recurrence id.
    #[serde(rename = "n", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub instances: BTreeMap<String, Instance>,
    /// What the master names itself.
    #[serde(rename = "l", default, skip_serializing_if = "Lines::is_empty")]
    pub lines: Lines,
    /// How many ids of this event the provider has burned.
    #[serde(rename = "k", default, skip_serializing_if = "is_default")]
    pub incarnation: u32,
    /// When we wrote it, the last few times, in milliseconds; for the loop breaker.
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<TimeMs>,
    /// Recurrence ids of exceptions that the provider refused while the others are still being written.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// What writes of it said since the last agreement: one without an answer may have been applied.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<String>,
    /// What writes said before, until nothing is left to write: the event itself is as agreed, but for its exceptions, which are
    /// written one by one, the same holds.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
    /// Its deletion was sent, and may have been done.
    #[serde(rename = "d", default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// When a write or a deletion of it was last sent that has no answer, in milliseconds; 0 for never.
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    pub sent_ms: TimeMs,
    /// We may not write this event.
    #[serde(rename = "r", default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

/// Whether there is nothing to store.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Notes {
    /// What is sent back with a change of an exception: of what the master names only the provider's part of the
    /// description.
    #[must_use]
    pub fn lines_of(&self, instance: &Instance) -> Lines {
        let own = Some(&instance.blob).filter(|blob| !blob.is_empty());
        Lines { blob: own.unwrap_or(&self.lines.blob).clone(), ..Lines::default() }
    }

    /// Read the notes of a shadow. Damaged notes are no notes: everything in them can be found again.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.is_empty() { Self::default() } else { serde_json::from_str(text).unwrap_or_default() }
    }

    /// The notes of a shadow; none without one.
    #[must_use]
    pub fn of(shadow: Option<&Shadow>) -> Self {
        shadow.map(|shadow| Self::parse(&shadow.notes)).unwrap_or_default()
    }

    /// Everything that was sent and may have been applied, in part or in whole.
    pub fn unanswered(&self) -> impl Iterator<Item = &String> {
        self.earlier.iter().chain(&self.sent)
    }

    /// What is remembered of it when the event itself is agreed on, and its exceptions are still to be written: the last few.
    #[must_use]
    pub fn left(&self) -> Vec<String> {
        let mut left: Vec<String> = self.unanswered().cloned().collect();
        left.drain(..left.len().saturating_sub(UNANSWERED));
        left
    }

    /// Nothing is left to write: what was sent, and what was refused, is over.
    pub fn forget_writes(&mut self) {
        self.sent.clear();
        self.earlier.clear();
        self.refused.clear();
        self.deleted = false;
        self.sent_ms = 0;
    }

    /// The text to store; empty for nothing.
    #[must_use]
    pub fn text(&self) -> String {
        if *self == Self::default() { String::new() } else { serde_json::to_string(self).unwrap_or_default() }
    }
}
