//! The oracle: what a person sees in both calendars, side by side. Google's side is expanded by the simulator, the
//! local side by the engine; neither knows the other's code.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use tandem_engine::agenda::Query;
use tandem_providers::Shown;

use crate::person::Person;
use crate::world::{ACCOUNT, BEGINNING_MS, CALENDAR, World};

/// One occurrence as a person sees it: start, end (ms), title, place, notes.
pub type Seen = (i64, i64, String, String, String);

/// The extended property of Tandem's origin mark at Microsoft.
pub const MICROSOFT_MARK: &str = "String {7f3c1a52-6d0e-4b8f-9a41-2c5d8e90b7a6} Name tandem";

const DAY_MS: i64 = 86_400_000;
/// What is compared: from 60 days before the beginning to 300 days after.
const FROM_MS: i64 = BEGINNING_MS - 60 * DAY_MS;
const TO_MS: i64 = BEGINNING_MS + 300 * DAY_MS;

/// What is read of a JSCalendar document.
#[derive(Default, Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    locations: Option<BTreeMap<Cow<'a, str>, Location<'a>>>,
}

#[derive(Deserialize)]
struct Location<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

/// What Google shows, with how often it shows it.
#[must_use]
pub fn remote(world: &World) -> BTreeMap<Seen, u32> {
    remote_in(world, (FROM_MS, TO_MS))
}

/// The same in a window of milliseconds.
#[must_use]
pub fn remote_in(world: &World, window: (i64, i64)) -> BTreeMap<Seen, u32> {
    let shown = world.google.agenda(ACCOUNT, window);
    counted(shown.unwrap_or_else(|error| panic!("the simulator does not list: {error:?}")))
}

/// What Outlook shows of what begins in a window of milliseconds.
#[must_use]
pub fn outlook_in(world: &World, window: (i64, i64)) -> BTreeMap<Seen, u32> {
    // All-day events are up to half a day away from where they are shown.
    let mut shown = world.microsoft.agenda(ACCOUNT, (window.0 - DAY_MS, window.1 + DAY_MS));
    shown.retain(|one| one.start_ms >= window.0 && one.start_ms < window.1);
    counted(shown)
}

fn counted(shown: Vec<Shown>) -> BTreeMap<Seen, u32> {
    let mut seen = BTreeMap::new();
    for one in shown {
        *seen.entry((one.start_ms, one.end_ms, one.title, one.place, one.notes)).or_default() += 1;
    }
    seen
}

/// What a person sees at a provider in a window of milliseconds.
pub fn seen_by(person: &dyn Person, window: (i64, i64)) -> BTreeMap<Seen, u32> {
    let mut seen = BTreeMap::new();
    for one in person.sees(window) {
        let end_ms = one.start_ms + one.minutes * 60_000;
        *seen.entry((one.start_ms, end_ms, one.title, one.location, one.description)).or_default() += 1;
    }
    seen
}

/// What the application shows.
#[must_use]
pub fn local(world: &mut World) -> BTreeMap<Seen, u32> {
    let mut seen = BTreeMap::new();
    // Month by month, so that the limit is never reached.
    for start in (FROM_MS..TO_MS).step_by(15 * 86_400_000) {
        let end = (start + 15 * DAY_MS).min(TO_MS);
        let (from_ms, to_ms) = (u64::try_from(start).unwrap_or(0), u64::try_from(end).unwrap_or(0));
        for (one, count) in local_in(world, from_ms, to_ms) {
            // What began in the window before was seen there.
            if one.0 >= start || start <= FROM_MS {
                *seen.entry(one).or_insert(0) += count;
            }
        }
    }
    seen
}

/// What the application shows in one window.
pub fn local_in(world: &mut World, from_ms: u64, to_ms: u64) -> BTreeMap<Seen, u32> {
    let mut seen = BTreeMap::new();
    let query = Query { calendar: CALENDAR.into(), from_ms, to_ms, time_zone: "UTC".into(), limit: 10_000 };
    let found = world.occurrences(&query);
    let found = found.unwrap_or_else(|error| panic!("the agenda cannot be read: {error}"));
    assert!(!found.truncated, "the agenda is truncated");
    for entry in found.entries {
        let start_ms = i64::try_from(entry.start_ms).unwrap_or(0);
        let document: Document = serde_json::from_str(&entry.document).unwrap_or_default();
        let place = document.locations.into_iter().flatten().next().and_then(|(_, location)| location.name);
        let end_ms = i64::try_from(entry.end_ms).unwrap_or(0);
        let words = [document.title, place, document.description].map(|word| word.unwrap_or_default().into_owned());
        let [title, place, notes] = words;
        let one = (start_ms, end_ms, title, place, notes);
        *seen.entry(one).or_insert(0) += 1;
    }
    seen
}

/// Assert that both sides show the same, that nothing is there twice, and that nothing waits.
pub fn assert_equal(world: &mut World, when: &str) {
    let (remote, local) = (remote(world), local(world));
    let only = |a: &BTreeMap<Seen, u32>, b: &BTreeMap<Seen, u32>| -> Vec<String> {
        a.iter().filter(|(one, n)| b.get(*one) != Some(n)).map(|(one, n)| format!("{n}x {one:?}")).take(5).collect()
    };
    if remote != local {
        let titles = remote.iter().filter(|(one, n)| local.get(*one) != Some(n)).map(|(one, _)| one.2.clone());
        let titles =
            titles.chain(local.iter().filter(|(one, n)| remote.get(*one) != Some(n)).map(|(one, _)| one.2.clone()));
        let titles: std::collections::BTreeSet<String> = titles.collect();
        for title in titles.into_iter().take(3) {
            explain(world, &title);
        }
    }
    assert!(
        remote == local,
        "{when}: the sides differ\nonly at Google: {:#?}\nonly here: {:#?}",
        only(&remote, &local),
        only(&local, &remote)
    );
    let twice = world.google.duplicates_by_property(ACCOUNT, "tandem");
    assert!(twice.is_empty(), "{when}: created twice at Google: {twice:?}");
    assert!(world.memory.queue.is_empty(), "{when}: still queued: {:?}", world.memory.queue);
}

/// Print what both sides and the base hold for a title: where to begin to look.
fn explain(world: &World, title: &str) {
    for row in world.google.rows(ACCOUNT).iter().filter(|row| row.to_string().contains(title)) {
        eprintln!("GOOGLE {row}");
        for other in world.google.rows(ACCOUNT).iter().filter(|other| other["recurringEventId"] == row["id"]) {
            eprintln!("  EXCEPTION {other}");
        }
    }
    for (_, row) in world.memory.events.iter().filter(|(_, row)| row.document.contains(title)) {
        eprintln!("LOCAL {row:?}");
    }
    for (_, shadow) in world.memory.shadows.iter().filter(|(_, shadow)| format!("{shadow:?}").contains(title)) {
        eprintln!("SHADOW {shadow:#?}");
    }
    for line in world.google.log().iter().filter(|line| line.method != "GET" || line.path.contains("/events/")) {
        eprintln!("REQUEST {} {} {} {:?}", line.at_ms, line.method, line.path, line.status);
    }
    for failure in world.memory.failures.values() {
        eprintln!("FAILURE {failure:?}");
    }
}
