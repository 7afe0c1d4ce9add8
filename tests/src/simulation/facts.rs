//! What a side says, as a set of values that only one edit ever wrote: `#17#` in a text, the minute `:17` in a start.
//!
//! Read in the providers' own truth and in the application's documents, with no help of the engine.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tandem_providers::Written;

use super::history::Side;
use crate::world::{ACCOUNT, World};

/// A value, and whether it is said by occurrences of a series and not by an event itself: a changed title of a series
/// takes the old one away, though a provider may have copied it into exceptions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// The value.
    pub value: String,
    /// Occurrences say it.
    pub apart: bool,
}

/// What is said, by the family that it belongs to, with how many say it: a split leaves a value in two series.
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

fn add(facts: &mut Facts, family: &str, values: impl IntoIterator<Item = String>, apart: bool) {
    let into = facts.entry(family.to_owned()).or_default();
    for value in values {
        *into.entry(Said { value, apart }).or_default() += 1;
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

/// Collects everything in a JSCalendar document while it is read, its overrides too if `1`.
struct InDocument<'a>(&'a mut BTreeSet<String>, bool);

impl<'de> DeserializeSeed<'de> for InDocument<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<(), D::Error> {
        document.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for InDocument<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a document")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            match &*name {
                "start" => members.next_value_seed(InStart(self.0))?,
                "privacy" | "updated" | "created" => drop(members.next_value::<IgnoredAny>()?),
                "recurrenceOverrides" if !self.1 => drop(members.next_value::<IgnoredAny>()?),
                _ => members.next_value_seed(InDocument(self.0, self.1))?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(InDocument(self.0, self.1))?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        in_text(text, self.0);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The same at a member `start`.
struct InStart<'a>(&'a mut BTreeSet<String>);

impl<'de> DeserializeSeed<'de> for InStart<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, start: D) -> Result<(), D::Error> {
        in_start(&Cow::<'de, str>::deserialize(start)?, self.0);
        Ok(())
    }
}

/// Everything that is written anywhere in a text that holds a document: for records, which keep what lost.
pub fn in_record(text: &str, into: &mut BTreeSet<String>) {
    into.append(&mut in_document(text, true));
}

fn in_document(text: &str, overrides: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let read = InDocument(&mut found, overrides).deserialize(&mut serde_json::Deserializer::from_str(text));
    if read.is_ok() { found } else { BTreeSet::new() }
}

/// The title in a document of the application.
#[must_use]
pub fn title_of(document: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Titled<'a> {
        #[serde(borrow)]
        title: Option<Cow<'a, str>>,
    }
    serde_json::from_str::<Titled<'_>>(document).ok()?.title
}

/// What a side says.
#[must_use]
pub fn of(world: &World, side: Side) -> Facts {
    let mut facts = Facts::new();
    if side == Side::App {
        for row in world.local() {
            if let Some(family) = title_of(&row.document).and_then(|title| family(&title)) {
                let own = in_document(&row.document, false);
                if row.document.contains("recurrenceOverrides") {
                    let mut occurrences = in_document(&row.document, true);
                    occurrences.retain(|value| !own.contains(value));
                    add(&mut facts, &family, occurrences, true);
                }
                add(&mut facts, &family, own, false);
            }
        }
        return facts;
    }
    written(world, side, |row| {
        // An exception belongs to the family of its series.
        let Some(family) = family(row.series.unwrap_or(row.title)) else { return };
        let mut values = BTreeSet::new();
        [row.title, row.notes, row.place].into_iter().for_each(|text| in_text(text, &mut values));
        in_start(&row.start, &mut values);
        add(&mut facts, &family, values, row.series.is_some());
    });
    facts
}

/// What people wrote at a provider; nothing for the application.
pub(super) fn written(world: &World, side: Side, read: impl FnMut(&Written<'_>)) {
    match side {
        Side::App => {}
        Side::Google => world.google.written(ACCOUNT, read),
        Side::Outlook => world.microsoft.written(ACCOUNT, read),
    }
}

/// Events and series of a family at a side; exceptions are not counted.
#[must_use]
pub fn masters(world: &World, side: Side) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    let mut count = |title: &str| {
        if let Some(family) = family(title) {
            *counts.entry(family).or_default() += 1;
        }
    };
    if side == Side::App {
        world.local().into_iter().filter_map(|row| title_of(&row.document)).for_each(|title| count(&title));
    }
    written(world, side, |row| {
        if row.series.is_none() {
            count(row.title);
        }
    });
    counts
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
        in_record(&document.to_string(), &mut found);
        let expected = ["#17#", "#9#", ":05", ":17"].map(str::to_owned);
        assert_eq!(found, BTreeSet::from(expected));
        assert_eq!(family("E3 #17#").as_deref(), Some("E3"));
        assert_eq!(family("Event"), None);
    }
}
