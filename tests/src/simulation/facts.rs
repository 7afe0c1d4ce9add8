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
    format!("2026-03-{day:02}T{hour:02}{}:00", minute(token))
}

/// The minute of a token, `:17`.
fn minute(token: u32) -> String {
    format!(":{:02}", 1 + token % 59)
}

/// Whether the edit with this token wrote a value.
#[must_use]
pub fn is_of(value: &str, token: u32) -> bool {
    value == minute(token) || value == format!("#{token}#")
}

/// Whether a value stands in a text.
#[must_use]
pub fn is_text(value: &str) -> bool {
    value.starts_with('#')
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

/// Collects everything in a JSCalendar document while it is read; what its overrides say, apart if that is wanted.
struct InDocument<'a> {
    into: &'a mut BTreeSet<String>,
    overrides: Option<&'a mut BTreeSet<String>>,
}

impl<'a> InDocument<'a> {
    fn of(into: &'a mut BTreeSet<String>) -> Self {
        Self { into, overrides: None }
    }
}

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

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            match (&*name, &mut self.overrides) {
                ("recurrenceOverrides", Some(apart)) => members.next_value_seed(InDocument::of(apart))?,
                ("start", _) => members.next_value_seed(InStart(self.into))?,
                ("privacy" | "updated" | "created", _) => drop(members.next_value::<IgnoredAny>()?),
                _ => members.next_value_seed(InDocument::of(self.into))?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(InDocument::of(self.into))?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        in_text(text, self.into);
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
    let mut found = BTreeSet::new();
    if InDocument::of(&mut found).deserialize(&mut serde_json::Deserializer::from_str(text)).is_ok() {
        into.append(&mut found);
    }
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
                let (mut own, mut occurrences) = (BTreeSet::new(), BTreeSet::new());
                let event = InDocument { into: &mut own, overrides: Some(&mut occurrences) };
                let _ = event.deserialize(&mut serde_json::Deserializer::from_str(&row.document));
                add(&mut facts, family, own, occurrences);
            }
        }
        return facts;
    }
    let mut events: BTreeMap<String, (String, [BTreeSet<String>; 2])> = BTreeMap::new();
    written(world, side, |row| {
        // An exception belongs to the family of its series.
        let (id, title) = row.series.as_ref().map_or((&row.id, row.title), |(id, title)| (id, title));
        let Some(family) = family(title) else { return };
        let (_, [own, occurrences]) = events.entry(id.to_string()).or_insert((family, Default::default()));
        let into = if row.series.is_none() { own } else { occurrences };
        [row.title, row.notes, row.place].into_iter().for_each(|text| in_text(text, into));
        in_start(&row.start, into);
    });
    events.into_values().for_each(|(family, [own, occurrences])| add(&mut facts, family, own, occurrences));
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
        let mut written = BTreeSet::new();
        in_text(&title("E3", 17), &mut written);
        in_start(&wall(5, 10, 17), &mut written);
        assert!(written.len() == 2 && written.iter().all(|value| is_of(value, 17) && !is_of(value, 18)));
    }
}
