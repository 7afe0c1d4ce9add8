//! What the sides show of one occurrence, in the same words, so that they can be laid next to each other.
//!
//! Read from each side's own public form (Google's and Microsoft's event resources, the API's JSCalendar), without the
//! engine: a mistake of the engine is seen as a difference.

use serde_json::Value;

use super::side::{Side, Sides};

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

/// A text of a document; empty when it is not there.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
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

/// The same occurrence on all sides.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Which.
    pub(super) key: Key,
    /// What each side has of it.
    pub(super) seen: Sides<Option<Seen>>,
}

impl Row {
    /// What a side shows.
    pub(super) fn entry(&self, side: Side) -> Option<&Entry> {
        self.seen.of(side).as_ref().map(|seen| &seen.entry)
    }

    /// All sides say the same.
    pub(super) fn is_equal(&self) -> bool {
        let first = self.entry(Side::Application);
        Side::PROVIDERS.into_iter().all(|side| self.entry(side) == first)
    }

    /// When the earliest of them starts.
    pub(super) fn start_ms(&self) -> i64 {
        self.seen.all().into_iter().flatten().map(|seen| seen.entry.start_ms).min().unwrap_or(i64::MAX)
    }

    /// It has times on every side.
    pub(super) fn is_timed(&self) -> bool {
        self.seen.all().into_iter().flatten().all(|seen| !seen.entry.all_day)
    }
}

/// Lay what the sides show next to each other, by start.
pub(super) fn rows(sides: Sides<Vec<Seen>>) -> Vec<Row> {
    let mut all = std::collections::BTreeMap::<Key, Row>::new();
    let Sides { google, application, outlook } = sides;
    for (side, seen) in [(Side::Google, google), (Side::Application, application), (Side::Outlook, outlook)] {
        for seen in seen {
            let row =
                all.entry(seen.key.clone()).or_insert_with_key(|key| Row { key: key.clone(), seen: Sides::default() });
            *row.seen.of_mut(side) = Some(seen);
        }
    }
    let mut all = joined(all.into_values());
    all.sort_by(|a, b| (a.start_ms(), &a.key).cmp(&(b.start_ms(), &b.key)));
    all
}

/// Join rows that each lack what the other has and say the same. The second half of a series that was split at a provider
/// has an id there that the application does not use.
fn joined(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let (mut all, mut parts) = (Vec::new(), Vec::new());
    for row in rows {
        let whole = row.seen.all().into_iter().all(Option::is_some);
        if whole { all.push(row) } else { parts.push(row) }
    }
    let mut open = std::collections::BTreeMap::<(String, Entry), Row>::new();
    for row in parts {
        let mut entries = Side::ALL.into_iter().filter_map(|side| row.entry(side));
        let Some(entry) = entries.next().filter(|first| entries.all(|other| other == *first)).cloned() else {
            all.push(row);
            continue;
        };
        let name = (row.key.occurrence.clone(), entry);
        let fits = |other: &Row| {
            Side::ALL.into_iter().all(|side| row.seen.of(side).is_none() || other.seen.of(side).is_none())
        };
        match open.remove(&name) {
            Some(mut other) if fits(&other) => {
                if row.seen.application.is_some() {
                    other.key = row.key.clone();
                }
                for (side, seen) in Side::ALL.into_iter().zip([row.seen.google, row.seen.application, row.seen.outlook])
                {
                    if seen.is_some() {
                        *other.seen.of_mut(side) = seen;
                    }
                }
                open.insert(name, other);
            }
            other => {
                all.extend(other);
                open.insert(name, row);
            }
        }
    }
    all.extend(open.into_values());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(uid: &str, title: &str) -> Vec<Seen> {
        let entry = Entry { start_ms: 1, end_ms: 2, title: title.into(), place: String::new(), all_day: false };
        let key = Key { uid: uid.into(), occurrence: "2026-03-02T09:00:00".into() };
        vec![Seen { key, entry, id: uid.into(), body: Value::Null }]
    }

    #[test]
    fn same_occurrence_under_another_id_is_one_row_with_the_applications_key() {
        let all = rows(Sides { google: seen("a", "x"), application: seen("b", "x"), outlook: seen("c", "x") });
        assert_eq!(all.iter().map(|row| (row.key.uid.as_str(), row.is_equal())).collect::<Vec<_>>(), [("b", true)]);
    }

    #[test]
    fn what_differs_is_joined_by_its_key_only() {
        let all = rows(Sides { google: seen("a", "x"), application: seen("a", "y"), outlook: seen("c", "x") });
        let keys: Vec<&str> = all.iter().map(|row| row.key.uid.as_str()).collect();
        assert_eq!(keys, ["a", "c"]);
        assert!(all.iter().all(|row| !row.is_equal()));
    }
}
