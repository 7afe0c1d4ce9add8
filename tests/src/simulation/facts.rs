//! What a side says, as a set of values that only one edit ever wrote: `#17#` in a text, the minute `:17` in a start.
//!
//! Read in the providers' own truth and in the application's documents, with no help of the engine.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::history::Side;
use crate::world::{ACCOUNT, World};

/// A value, and whether only occurrences say it: theirs go with them, those of an event are taken away by who changes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// The value.
    pub value: String,
    /// It is said by occurrences of a series and not by the series.
    pub apart: bool,
}

/// What is said by the family that it belongs to, with the number of events that say it: a split leaves one in two.
pub type Facts = BTreeMap<String, BTreeMap<Said, u32>>;

/// What is said in all families.
#[must_use]
pub fn counts(facts: &Facts) -> BTreeMap<Said, u32> {
    let mut counts = BTreeMap::new();
    for (said, count) in facts.values().flatten() {
        *counts.entry(said.clone()).or_default() += count;
    }
    counts
}

/// One more event of a family: what it says itself, and what its occurrences say.
fn add(facts: &mut Facts, family: String, own: BTreeSet<String>, occurrences: BTreeSet<String>) {
    let into = facts.entry(family).or_default();
    let apart = occurrences.difference(&own).cloned().map(|value| Said { value, apart: true }).collect::<Vec<_>>();
    for said in own.into_iter().map(|value| Said { value, apart: false }).chain(apart) {
        *into.entry(said).or_default() += 1;
    }
}

/// The family of a title: everything that came out of one creation, also by splits.
#[must_use]
pub fn family(title: &str) -> Option<String> {
    let name = title.split(' ').next()?;
    (name.starts_with('E') && name[1..].chars().all(|c| c.is_ascii_digit())).then(|| name.to_owned())
}

/// A title of a family.
#[must_use]
pub fn title(family: &str, token: u32) -> String {
    format!("{family} #{token}#")
}

/// A wall time on a day whose minute only this token has; Outlook has no seconds. Below 60 tokens they stay apart.
#[must_use]
pub fn wall(day: u8, hour: u8, token: u32) -> String {
    format!("2026-03-{day:02}T{hour:02}:{:02}:00", 1 + token % 59)
}

/// Values in a text: `#17#`.
pub fn in_text(text: &str, into: &mut BTreeSet<String>) {
    let mut parts = text.split('#').skip(1).peekable();
    while let Some(part) = parts.next() {
        if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && parts.peek().is_some() {
            into.insert(format!("#{part}#"));
        }
    }
}

/// The value in a start, `2026-03-05T10:17:00...`.
pub fn in_start(start: &str, into: &mut BTreeSet<String>) {
    if let Some(value) = start.get(13..16).filter(|value| *value != ":00") {
        into.insert(value.to_owned());
    }
}

/// Everything in a JSCalendar document, its overrides too.
fn in_document(document: &Value, into: &mut BTreeSet<String>) {
    match document {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("start", Value::String(start)) => in_start(start, into),
                    ("privacy" | "updated" | "created", _) => {}
                    (_, value) => in_document(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| in_document(item, into)),
        Value::String(text) => in_text(text, into),
        _ => {}
    }
}

/// Everything that is written anywhere in a text that holds a document: for records, which keep what lost.
pub fn in_record(text: &str, into: &mut BTreeSet<String>) {
    if let Ok(document) = serde_json::from_str::<Value>(text) {
        in_document(&document, into);
    }
}

/// What a side says.
#[must_use]
pub fn of(world: &World, side: Side) -> Facts {
    match side {
        Side::App => here(world),
        Side::Google => there(&world.google.truth(ACCOUNT), &GOOGLE),
        Side::Outlook => there(&world.microsoft.truth(ACCOUNT), &OUTLOOK),
    }
}

fn here(world: &World) -> Facts {
    let mut facts = Facts::new();
    for row in world.local() {
        let document: Value = serde_json::from_str(&row.document).unwrap_or_default();
        if let Some(family) = family(document["title"].as_str().unwrap_or_default()) {
            let (mut own, mut occurrences) = (BTreeSet::new(), BTreeSet::new());
            in_document(&document["recurrenceOverrides"], &mut occurrences);
            let mut document = document;
            document["recurrenceOverrides"].take();
            in_document(&document, &mut own);
            add(&mut facts, family, own, occurrences);
        }
    }
    facts
}

/// A provider's own names of what is read here.
struct Names {
    title: &'static str,
    /// JSON Pointers of everything that people write.
    texts: [&'static str; 3],
    master: &'static str,
    /// The member and its value that say of a row that it is a deleted occurrence.
    cancelled: (&'static str, &'static str),
}

const GOOGLE: Names = Names {
    title: "summary",
    texts: ["/summary", "/description", "/location"],
    master: "recurringEventId",
    cancelled: ("status", "cancelled"),
};
const OUTLOOK: Names = Names {
    title: "subject",
    texts: ["/subject", "/body/content", "/location/displayName"],
    master: "seriesMasterId",
    cancelled: ("type", "cancelled"),
};

/// What a provider's truth says. An exception belongs to the family of its series.
fn there(truth: &[Value], names: &Names) -> Facts {
    let rows: BTreeMap<&str, &Value> = truth.iter().filter_map(|row| Some((row["id"].as_str()?, row))).collect();
    let mut events: BTreeMap<&str, (String, [BTreeSet<String>; 2])> = BTreeMap::new();
    for row in truth.iter().filter(|row| row[names.cancelled.0] != names.cancelled.1) {
        let master = row[names.master].as_str().and_then(|id| rows.get(id).copied()).unwrap_or(row);
        let Some(family) = family(master[names.title].as_str().unwrap_or_default()) else { continue };
        let (_, [own, occurrences]) =
            events.entry(master["id"].as_str().unwrap_or_default()).or_insert((family, Default::default()));
        let into = if row[names.master].is_null() { own } else { occurrences };
        for text in names.texts.iter().filter_map(|name| row.pointer(name)?.as_str()) {
            in_text(text, into);
        }
        in_start(row["start"]["dateTime"].as_str().unwrap_or_default(), into);
    }
    let mut facts = Facts::new();
    events.into_values().for_each(|(family, [own, occurrences])| add(&mut facts, family, own, occurrences));
    facts
}

/// Events and series of a family at a side; exceptions are not counted.
#[must_use]
pub fn masters(world: &World, side: Side) -> BTreeMap<String, u32> {
    let titles: Vec<String> = match side {
        Side::App => world
            .local()
            .into_iter()
            .filter_map(|row| Some(serde_json::from_str::<Value>(&row.document).ok()?["title"].as_str()?.to_owned()))
            .collect(),
        Side::Google => titles_of(world.google.truth(ACCOUNT), &GOOGLE),
        Side::Outlook => titles_of(world.microsoft.truth(ACCOUNT), &OUTLOOK),
    };
    let mut counts = BTreeMap::new();
    for family in titles.iter().filter_map(|title| family(title)) {
        *counts.entry(family).or_default() += 1;
    }
    counts
}

/// Titles of what is no exception.
fn titles_of(truth: Vec<Value>, names: &Names) -> Vec<String> {
    let masters = truth.into_iter().filter(|row| row[names.master].is_null());
    masters.filter_map(|row| Some(row[names.title].as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_where_a_person_sees_them_and_nowhere_else() {
        let document = serde_json::json!({
            "title": "E3 #17#", "start": "2026-03-05T10:17:00", "updated": "2026-03-05T10:55:44Z",
            "recurrenceOverrides": {"2026-03-06T10:11:12": {"start": "2026-03-06T11:05:00", "description": "a #9# b"}},
        });
        let mut found = BTreeSet::new();
        in_document(&document, &mut found);
        let expected = ["#17#", "#9#", ":05", ":17"].map(str::to_owned);
        assert_eq!(found, BTreeSet::from(expected));
        assert_eq!(family("E3 #17#").as_deref(), Some("E3"));
        assert_eq!(family("Event"), None);
    }
}
