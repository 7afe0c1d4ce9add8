//! What Google shows of an occurrence: its event resource, read without the engine.

use chrono::{DateTime, NaiveDate};
use serde_json::Value;

use super::entry::{Entry, Key, Seen, text};

/// An `EventDateTime` in milliseconds, and whether it is a day.
pub(super) fn google_time(value: Option<&Value>) -> Option<(i64, bool)> {
    let value = value?;
    if let Some(day) = value.get("date").and_then(Value::as_str) {
        let day: NaiveDate = day.parse().ok()?;
        return Some((day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis(), true));
    }
    let time = DateTime::parse_from_rfc3339(text(value, "dateTime")).ok()?;
    Some((time.timestamp_millis(), false))
}

/// What Google shows; none for a deleted event.
pub(super) fn google_entry(event: &Value) -> Option<Entry> {
    if text(event, "status") == "cancelled" {
        return None;
    }
    let (start_ms, all_day) = google_time(event.get("start"))?;
    let (end_ms, _) = google_time(event.get("end"))?;
    Some(Entry {
        start_ms,
        end_ms,
        title: text(event, "summary").to_owned(),
        place: text(event, "location").to_owned(),
        all_day,
    })
}

/// The key of a row of Google's: events that the application made carry its uid in a private property.
pub(super) fn google_key(event: &Value) -> Key {
    let mark = event.pointer("/extendedProperties/private/tandem").and_then(Value::as_str);
    // Who splits a series copies the mark with everything else; the id of the second half says so.
    let is_copy = |name: &str| text(event, name).contains("_R");
    let mark = mark.filter(|_| !is_copy("id") && !is_copy("recurringEventId"));
    let uid = mark.and_then(|mark| mark.split_once(':')).map_or(text(event, "iCalUID"), |(_, uid)| uid);
    let original = event.get("originalStartTime").map(|original| match original.get("date").and_then(Value::as_str) {
        Some(day) => format!("{day}T00:00:00"),
        // The wall clock in the zone of the series, without the offset.
        None => text(original, "dateTime").chars().take(19).collect(),
    });
    Key { uid: uid.to_owned(), occurrence: original.unwrap_or_default() }
}

/// A row of Google's listing.
pub(super) fn google_row(event: &Value) -> Option<Seen> {
    let entry = google_entry(event)?;
    Some(Seen { key: google_key(event), entry, id: text(event, "id").to_owned(), body: event.clone() })
}
