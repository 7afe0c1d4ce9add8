//! An occurrence that differs from its series, as an event of its own and as an override.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::patch::{apply_patch, unescape};
use super::series::contains;
use crate::event::{Document, is_excluded};
use crate::time::{Duration, is_midnight};

/// Properties of a series that its occurrences do not have (RFC 8984 section 4.3.5 forbids them in overrides).
pub(super) const SERIES_ONLY: [&str; 8] = [
    "@type",
    "uid",
    "recurrenceRules",
    "excludedRecurrenceRules",
    "recurrenceOverrides",
    "recurrenceId",
    "recurrenceIdTimeZone",
    "relatedTo",
];

/// The patch that turns an occurrence of `master` at `recurrence_id` into `occurrence`: whole top-level properties.
#[must_use]
pub fn override_patch(master: &Document, recurrence_id: &str, occurrence: &Document) -> Map<String, Value> {
    let mut patch = Map::new();
    for (name, value) in occurrence.properties() {
        let inherited = match name.as_str() {
            "start" => value.as_str() == Some(recurrence_id),
            _ => SERIES_ONLY.contains(&name.as_str()) || master.get(name) == Some(value),
        };
        if !inherited {
            patch.insert(name.clone(), value.clone());
        }
    }
    for name in master.properties().keys() {
        if occurrence.get(name).is_none() && !SERIES_ONLY.contains(&name.as_str()) {
            patch.insert(name.clone(), Value::Null);
        }
    }
    patch
}

/// The occurrence of `master` at `recurrence_id` with an override's patch applied: an event of its own, without the
/// series' rules.
#[must_use]
pub fn exception(master: &Document, recurrence_id: &str, patch: &Map<String, Value>) -> Document {
    let mut properties: Map<String, Value> = master
        .properties()
        .iter()
        .filter(|(name, _)| matches!(name.as_str(), "@type" | "uid") || !SERIES_ONLY.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    properties.insert("start".into(), recurrence_id.into());
    let Value::Object(mut patched) = apply_patch(&Value::Object(properties), patch) else { return Document::default() };
    patched.remove("excluded");
    Document::new(patched)
}

/// Properties that say the same with nothing in them as when they are not there.
const NOTHING: [&str; 8] = [
    "participants",
    "locations",
    "virtualLocations",
    "links",
    "keywords",
    "categories",
    "relatedTo",
    "recurrenceOverrides",
];

/// Say the same with fewer words: lengths in their canonical form, no properties that are empty, and overrides without what
/// their series says anyway. An override that only repeats its series would be seen as a difference by one side and not by the other.
#[must_use]
pub fn tidied(document: &Document) -> Document {
    let mut tidy = document.clone();
    if let Some(length) = document.str("duration").and_then(Duration::parse) {
        tidy.set("duration", Some(length.to_string().into()));
    }
    let is_empty = |name: &str, value: &Value| NOTHING.contains(&name) && value.as_object().is_some_and(Map::is_empty);
    for name in NOTHING.iter().filter(|name| document.get(name).is_some_and(|value| is_empty(name, value))) {
        tidy.set(name, None);
    }
    let Some(overrides) = document.overrides() else { return tidy };
    let mut kept = Map::new();
    for (id, patch) in overrides {
        let Some(changes) = patch.as_object().filter(|_| !is_excluded(patch)) else {
            kept.insert(id.clone(), patch.clone());
            continue;
        };
        let mut changes = changes.clone();
        if let Some(length) = changes.get("duration").and_then(Value::as_str).and_then(Duration::parse) {
            changes.insert("duration".into(), length.to_string().into());
        }
        changes.retain(|name, value| match name.as_str() {
            "start" => value.as_str() != Some(id),
            _ if value.is_null() || is_empty(name, value) => name.contains('/') || tidy.get(&unescape(name)).is_some(),
            _ => tidy.get(&unescape(name)) != Some(value),
        });
        if !changes.is_empty() || !contains(document.value(), id).unwrap_or(true) {
            kept.insert(id.clone(), Value::Object(changes));
        }
    }
    tidy.set_overrides(kept);
    tidy
}

/// Take the overrides out that belonged to occurrences of `before` which `now` does not have any more: what was
/// changed about an occurrence ends with it. Additional dates stay where they have a place (a time of day has none among
/// whole days), and what a provider still shows (`shown`, by recurrence id). Returns the recurrence ids that went.
pub fn drop_stale_overrides(before: &Document, now: &mut Document, shown: &Map<String, Value>) -> Vec<String> {
    if now.overrides().is_none() || same_times(before, now) {
        return Vec::new();
    }
    let has_rules = |document: &Document| document.get("recurrenceRules").is_some();
    // Its start is no occurrence any more: it is the event.
    let is_single = has_rules(before) && !has_rules(now);
    let mut overrides = now.overrides().cloned().unwrap_or_default();
    let has_place = |id: &str| !now.is_without_time() || is_midnight(id);
    let ends = |id: &str| has_occurrence(before, id) && (is_single || !has_occurrence(now, id)) || !has_place(id);
    let is_stale = |id: &&String| !shown.contains_key(*id) && ends(id);
    let stale: Vec<String> = overrides.keys().filter(is_stale).cloned().collect();
    for id in &stale {
        overrides.remove(id);
    }
    now.set_overrides(overrides);
    stale
}

/// Deletions of occurrences that `before` did not have and `now` has: a provider may name them, and with other times they begin
/// to count.
fn awakened(before: &Document, now: &Document) -> Vec<String> {
    let named = before.overrides().filter(|_| !same_times(before, now));
    let deleted = named.into_iter().flatten().filter(|(_, patch)| is_excluded(patch)).map(|(id, _)| id);
    deleted.filter(|id| !has_occurrence(before, id) && has_occurrence(now, id)).cloned().collect()
}

/// What a side was before it got other times, without the deletions that begin to count with them: to the other side they are
/// new.
#[must_use]
pub fn before_times<'a>(before: &'a Document, now: &Document) -> Cow<'a, Document> {
    let mut ids = awakened(before, now);
    ids.retain(|id| names(now, id));
    if ids.is_empty() { Cow::Borrowed(before) } else { Cow::Owned(without_overrides(before, &ids)) }
}

/// Take the deletions out of `outcome` that begin to count with new times of the other side, which has those occurrences and
/// does not name them: nobody deleted what it shows. Both sides come as before and now.
pub fn drop_awakened(own: (&Document, &Document), other: (&Document, &Document), outcome: &mut Document) {
    let mut ids = awakened(own.0, other.1);
    // With its own new times it is a deletion of this side.
    let stays = awakened(own.0, own.1);
    ids.retain(|id| !stays.contains(id) && !names(other.1, id) && !contains(other.0.value(), id).unwrap_or(true));
    if !ids.is_empty() {
        *outcome = without_overrides(outcome, &ids);
    }
}

fn names(document: &Document, id: &str) -> bool {
    document.overrides().is_some_and(|all| all.contains_key(id))
}

fn without_overrides(document: &Document, ids: &[String]) -> Document {
    let mut document = document.clone();
    let mut overrides = document.overrides().cloned().unwrap_or_default();
    overrides.retain(|id, _| !ids.contains(id));
    document.set_overrides(overrides);
    document
}

/// Whether the rules of a series have an occurrence; none of one that cannot be read.
#[must_use]
pub fn has_occurrence(series: &Document, recurrence_id: &str) -> bool {
    contains(series.value(), recurrence_id).unwrap_or(false)
}

/// Whether a series is at the times that it was at.
#[must_use]
pub fn same_times(before: &Document, now: &Document) -> bool {
    const TIMES: [&str; 5] = ["start", "timeZone", "recurrenceRules", "excludedRecurrenceRules", "showWithoutTime"];
    TIMES.iter().all(|name| before.get(name) == now.get(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn document(value: &Value) -> Document {
        Document::parse(&value.to_string()).unwrap()
    }

    #[test]
    fn an_override_holds_only_what_differs() {
        let master = document(&json!({
            "uid": "u", "title": "a", "description": "d", "start": "2026-03-02T09:00:00", "recurrenceRules": [{}],
        }));
        let moved = document(&json!({"uid": "u", "title": "a", "start": "2026-03-09T10:00:00"}));
        let patch = override_patch(&master, "2026-03-09T09:00:00", &moved);
        assert_eq!(Value::Object(patch.clone()), json!({"description": null, "start": "2026-03-09T10:00:00"}));
        assert_eq!(exception(&master, "2026-03-09T09:00:00", &patch), moved);
    }

    #[test]
    fn a_deletion_counts_with_the_times_that_bring_its_day_back() {
        let series = |count: u64, deleted: &[&str]| {
            let deleted: Map<String, Value> =
                deleted.iter().map(|id| ((*id).to_owned(), json!({"excluded": true}))).collect();
            let rule = json!({"frequency": "daily", "count": count});
            document(&json!({
                "uid": "u", "start": "2026-03-02T09:00:00", "recurrenceRules": [rule], "recurrenceOverrides": deleted,
            }))
        };
        let id = "2026-03-04T09:00:00";
        let (short, long) = (series(2, &[id]), series(4, &[id]));
        // To the other side it is new when this side gets the day, and nothing new when the day was there.
        assert_eq!(before_times(&short, &long).overrides(), None);
        assert_eq!(*before_times(&long, &series(5, &[id])), long);
        assert_eq!(*before_times(&short, &short), short);
        // The other side gets the day and shows it: nobody deleted that.
        let (before, shown) = (series(2, &[]), series(4, &[]));
        let merged = |own: &Document, now: &Document, before: &Document, shown: &Document| {
            let mut outcome = long.clone();
            drop_awakened((own, now), (before, shown), &mut outcome);
            outcome.overrides().is_some()
        };
        assert!(!merged(&short, &short, &before, &shown));
        assert!(merged(&short, &short, &before, &long), "the other side names it");
        assert!(merged(&short, &short, &shown, &shown), "the other side had the day before");
        assert!(merged(&short, &long, &before, &shown), "this side deleted it with its own new times");
    }
}
