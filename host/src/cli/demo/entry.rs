//! What both sides show of one occurrence, in the same words, so that they can be laid next to each other.
//!
//! Read from each side's own public form (Google's event resource, the API's JSCalendar), without the engine: a mistake
//! of the engine is seen as a difference.

use chrono::{DateTime, NaiveDate};
use serde_json::Value;

/// One occurrence as somebody sees it. Times are milliseconds since the Unix epoch; days without a time begin at
/// midnight UTC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// Start.
    pub(super) start_ms: i64,
    /// End.
    pub(super) end_ms: i64,
    /// Title.
    pub(super) title: String,
    /// Place.
    pub(super) place: String,
    /// It has days, not times.
    pub(super) all_day: bool,
}

/// Which occurrence of which event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// The event's uid in the application.
    pub(super) uid: String,
    /// The original start of an occurrence of a series, as the API writes it; empty for an event that does not recur.
    pub(super) occurrence: String,
}

/// A row of one side.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// What it is.
    pub(super) key: Key,
    /// What it says.
    pub(super) entry: Entry,
    /// The side's own id, for messages and further edits.
    pub(super) id: String,
    /// The side's own document.
    pub(super) body: Value,
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

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

/// A row of the API's occurrences.
pub(super) fn application_row(item: &Value) -> Option<Seen> {
    let event = item.get("event")?;
    let places = event.get("locations").and_then(Value::as_object);
    let names: Vec<&str> = places.into_iter().flat_map(|all| all.values()).map(|place| text(place, "name")).collect();
    let entry = Entry {
        start_ms: item.get("startMs")?.as_i64()?,
        end_ms: item.get("endMs")?.as_i64()?,
        title: text(event, "title").to_owned(),
        place: names.join(", "),
        all_day: event.get("showWithoutTime").and_then(Value::as_bool).unwrap_or(false),
    };
    let key = Key { uid: text(item, "uid").to_owned(), occurrence: text(item, "recurrenceId").to_owned() };
    Some(Seen { id: key.uid.clone(), key, entry, body: event.clone() })
}

/// The same occurrence on both sides.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    /// Which.
    pub(super) key: Key,
    /// Google's.
    pub(super) google: Option<Seen>,
    /// The application's.
    pub(super) application: Option<Seen>,
}

impl Pair {
    /// Both sides say the same.
    pub(super) fn is_equal(&self) -> bool {
        let entry = |side: &Option<Seen>| side.as_ref().map(|seen| seen.entry.clone());
        entry(&self.google) == entry(&self.application)
    }

    /// When the earlier of the two starts.
    pub(super) fn start_ms(&self) -> i64 {
        let start = |side: &Option<Seen>| side.as_ref().map(|seen| seen.entry.start_ms);
        start(&self.google).into_iter().chain(start(&self.application)).min().unwrap_or(i64::MAX)
    }
}

/// Lay the rows of both sides next to each other, by start.
pub(super) fn pairs(google: Vec<Seen>, application: Vec<Seen>) -> Vec<Pair> {
    let mut all = std::collections::BTreeMap::<Key, Pair>::new();
    let empty = |key: &Key| Pair { key: key.clone(), google: None, application: None };
    for seen in google {
        let pair = all.entry(seen.key.clone()).or_insert_with_key(empty);
        pair.google = Some(seen);
    }
    for seen in application {
        let pair = all.entry(seen.key.clone()).or_insert_with_key(empty);
        pair.application = Some(seen);
    }
    let mut all: Vec<Pair> = all.into_values().collect();
    all.sort_by(|a, b| (a.start_ms(), &a.key).cmp(&(b.start_ms(), &b.key)));
    all
}
