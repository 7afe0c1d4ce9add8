//! Whether a document that the application sends is an event that Tandem can keep: problems, never a panic.

use serde_json::Value;

use super::Document;
use crate::limits::{MAX_DOCUMENT, MAX_UID};
use crate::time;

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON Pointer; empty for the whole.
    pub pointer: String,
    /// Stable code.
    pub code: &'static str,
    /// What is wrong and what is expected, without repeating the value.
    pub message: String,
}

impl Problem {
    /// A problem at a place.
    #[must_use]
    pub fn new(pointer: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.to_owned(), code, message: message.into() }
    }
}

/// Everything that is wrong with a document; empty when it is fine.
#[must_use]
pub fn problems(document: &Document, zones: &dyn time::Zones) -> Vec<Problem> {
    let mut found = Vec::new();
    if document.text().len() > MAX_DOCUMENT {
        found.push(Problem::new("", "too-large", format!("the event is larger than {MAX_DOCUMENT} bytes")));
    }
    if document.uid().is_empty() || document.uid().chars().count() > MAX_UID {
        found.push(Problem::new("/uid", "bad-uid", format!("the uid must be a text of 1 to {MAX_UID} characters")));
    }
    time_problems(document, zones, &mut found);
    for name in ["title", "description", "status", "freeBusyStatus", "privacy", "color", "locale"] {
        if document.get(name).is_some_and(|value| !value.is_string()) {
            found.push(Problem::new(&format!("/{name}"), "bad-type", "expected a text"));
        }
    }
    for name in ["participants", "locations", "virtualLocations", "links", "alerts", "recurrenceOverrides"] {
        match document.get(name) {
            None => {}
            Some(Value::Object(items)) => {
                for key in items.iter().filter(|(_, item)| !item.is_object()).map(|(key, _)| key) {
                    let pointer = format!("/{name}/{}", key.replace('~', "~0").replace('/', "~1"));
                    found.push(Problem::new(&pointer, "bad-type", "expected an object"));
                }
            }
            Some(_) => found.push(Problem::new(&format!("/{name}"), "bad-type", "expected an object of objects")),
        }
    }
    override_problems(document, &mut found);
    found
}

fn time_problems(document: &Document, zones: &dyn time::Zones, found: &mut Vec<Problem>) {
    match document.get("start").map(|start| start.as_str().and_then(time::LocalDateTime::parse)) {
        Some(Some(_)) => {}
        _ => found.push(Problem::new(
            "/start",
            "bad-local-date-time",
            "expected a LocalDateTime such as 2026-03-02T09:00:00, without zone",
        )),
    }
    match document.get("timeZone") {
        None | Some(Value::Null) => {}
        Some(Value::String(zone)) if zones.exists(zone) => {}
        Some(_) => found.push(Problem::new(
            "/timeZone",
            "unknown-time-zone",
            "expected an IANA zone name such as Europe/Berlin, or null",
        )),
    }
    if let Some(duration) = document.get("duration")
        && duration.as_str().and_then(time::Duration::parse).is_none()
    {
        found.push(Problem::new("/duration", "bad-duration", "expected a Duration such as PT1H30M or P1D"));
    }
    if document.is_without_time() {
        // Providers know days, not hours that are not shown: more would be lost on the way.
        if document.str("start").is_some_and(|start| !time::is_midnight(start)) {
            found.push(Problem::new("/start", "not-midnight", "an event without a time starts at midnight, T00:00:00"));
        }
        if document.str("duration").and_then(time::Duration::parse).is_some_and(|length| length.ms != 0) {
            found.push(Problem::new("/duration", "not-days", "an event without a time lasts whole days, such as P1D"));
        }
    }
    if document.get("showWithoutTime").is_some_and(|value| !value.is_boolean()) {
        found.push(Problem::new("/showWithoutTime", "bad-type", "expected true or false"));
    }
    for name in ["recurrenceRules", "excludedRecurrenceRules"] {
        let Some(rules) = document.get(name) else { continue };
        let Some(rules) = rules.as_array() else {
            found.push(Problem::new(&format!("/{name}"), "bad-type", "expected a list of recurrence rules"));
            continue;
        };
        for (index, rule) in rules.iter().enumerate() {
            if let Err(reason) = crate::recurrence::Rule::from_json(rule) {
                found.push(Problem::new(&format!("/{name}/{index}"), "bad-recurrence-rule", reason.to_string()));
            }
        }
    }
}

fn override_problems(document: &Document, found: &mut Vec<Problem>) {
    for id in document.overrides().into_iter().flat_map(|overrides| overrides.keys()) {
        if time::LocalDateTime::parse(id).is_none() {
            found.push(Problem::new(
                "/recurrenceOverrides",
                "bad-recurrence-id",
                "each key must be a LocalDateTime, the original start of an occurrence",
            ));
        } else if document.is_without_time() && !time::is_midnight(id) {
            // Providers would be told of a day and answer with another key, for ever.
            found.push(Problem::new(
                "/recurrenceOverrides",
                "not-midnight",
                "the occurrences of an event without a time start at midnight, T00:00:00",
            ));
        }
    }
}
