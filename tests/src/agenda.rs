//! The oracle: what a person sees in both calendars, side by side. Google's side is expanded by the simulator, the
//! local side by the engine; neither knows the other's code.

use std::collections::BTreeMap;

use serde_json::Value;
use tandem_engine::agenda::Query;
use tandem_engine::time::parse_rfc3339;
use tandem_providers::SimRequest;

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

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What Google shows, with how often it shows it.
#[must_use]
pub fn remote(world: &World) -> BTreeMap<Seen, u32> {
    remote_in(world, (FROM_MS, TO_MS))
}

/// The same in a window of milliseconds.
#[must_use]
pub fn remote_in(world: &World, window: (i64, i64)) -> BTreeMap<Seen, u32> {
    let mut seen = BTreeMap::new();
    let mut page = String::new();
    let at = |ms| tandem_engine::time::format_rfc3339(ms).unwrap_or_default();
    loop {
        let url = format!(
            "/calendar/v3/calendars/{ACCOUNT}/events?singleEvents=true&maxResults=2500&timeMin={}&timeMax={}{page}",
            at(window.0),
            at(window.1)
        );
        let body = world.google.handle(&SimRequest::new("GET", &url).bearer("token")).json();
        assert!(body["items"].is_array(), "the simulator does not list: {body}");
        for item in body["items"].as_array().into_iter().flatten() {
            let moment = |name: &str| match (item[name]["dateTime"].as_str(), item[name]["date"].as_str()) {
                (Some(time), _) => parse_rfc3339(time).unwrap_or_default(),
                (None, Some(date)) => parse_rfc3339(&format!("{date}T00:00:00Z")).unwrap_or_default(),
                _ => 0,
            };
            let one = (
                moment("start"),
                moment("end"),
                text(&item["summary"]),
                text(&item["location"]),
                text(&item["description"]),
            );
            *seen.entry(one).or_insert(0) += 1;
        }
        match body["nextPageToken"].as_str() {
            Some(token) => page = format!("&pageToken={token}"),
            None => return seen,
        }
    }
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
        let document: Value = serde_json::from_str(&entry.document).unwrap_or_default();
        let place = document["locations"].as_object().and_then(|all| all.values().next()).map(|l| text(&l["name"]));
        let end_ms = i64::try_from(entry.end_ms).unwrap_or(0);
        let one =
            (start_ms, end_ms, text(&document["title"]), place.unwrap_or_default(), text(&document["description"]));
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
