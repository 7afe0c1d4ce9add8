//! What of a local event may leave through a replica.

use serde_json::{Map, Value};

use crate::effects::ReplicaMode;
use crate::event::Document;
use crate::recurrence;

/// Properties that a busy-only replica may show: when the event is, and nothing of what it is.
const TIMES: [&str; 9] = [
    "@type",
    "uid",
    "start",
    "timeZone",
    "duration",
    "showWithoutTime",
    "recurrenceRules",
    "excludedRecurrenceRules",
    "freeBusyStatus",
];

/// The document as a replica of this mode may show it.
#[must_use]
pub(crate) fn view(mode: ReplicaMode, document: Document) -> Document {
    if mode != ReplicaMode::BusyOnly {
        return document;
    }
    let mut shown: Map<_, _> = document
        .properties()
        .iter()
        .filter(|(name, _)| TIMES.contains(&name.as_str()))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    shown.insert("title".into(), "Busy".into());
    shown.insert("privacy".into(), "private".into());
    let mut shown = Document::from_clean(shown);
    let overrides = document.overrides().into_iter().flatten().map(|(id, patch)| {
        let times = patch.as_object().into_iter().flatten();
        let times = times.filter(|(name, _)| TIMES.contains(&name.as_str()) || *name == "excluded");
        (id.clone(), times.map(|(n, v)| (n.clone(), v.clone())).collect::<Map<_, _>>().into())
    });
    // One that says nothing of times is of no interest, unless it is an additional date.
    let is_shown = |(id, patch): &(String, Value)| {
        patch.as_object().is_some_and(|patch| !patch.is_empty())
            || !recurrence::contains(document.value(), id).unwrap_or(true)
    };
    shown.set_overrides(overrides.filter(is_shown).collect());
    shown
}
