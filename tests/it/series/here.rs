//! The application's side: its edits, and what it shows.

use serde_json::{Map, Value, json};
use tandem_engine::agenda::{self, Query};
use tandem_engine::editing::{Action, Scope};
use tandem_engine::effects::EventRow;
use tandem_engine::time::BundledZones;
use tandem_tests::person::{Change, Occurrence, Window};
use tandem_tests::world::{CALENDAR, World, edit_of};

use crate::case::Edit;

/// The series of the application, by their first start.
fn series(world: &World) -> Vec<EventRow> {
    let mut rows: Vec<EventRow> = world.local().into_iter().filter(|row| row.recurring).cloned().collect();
    rows.sort_by_key(|row| row.start_ms);
    rows
}

/// An edit by the application.
pub(crate) fn edit(world: &mut World, edit: &Edit) {
    let row = series(world).get(edit.part).cloned().expect("the application has that series");
    let action =
        if edit.change.deletes() { Action::Delete } else { Action::Patch(patch(&edit.change, &row).to_string()) };
    let scope = match edit.scope.as_str() {
        "this" => Scope::This,
        "following" => Scope::ThisAndFollowing,
        "all" => Scope::All,
        other => panic!("no scope: {other}"),
    };
    let recurrence_id = edit.at.as_ref().map(|at| at.recurrence_id.clone());
    let edit = tandem_engine::editing::Edit { recurrence_id, scope, ..edit_of(Some(&row.uid), action) };
    world.edit(&edit).unwrap_or_else(|error| panic!("the application's edit is refused: {error:?}"));
}

/// A change as a merge patch.
fn patch(change: &Change, row: &EventRow) -> Value {
    let mut patch = Map::new();
    for name in ["title", "description"] {
        if let Some(value) = change.text(name) {
            patch.insert(name.into(), value.into());
        }
    }
    if let Some(place) = change.text("location") {
        patch.insert("locations".into(), json!({"1": {"@type": "Location", "name": place}}));
    }
    if let Some(start) = change.start() {
        patch.insert("start".into(), start.recurrence_id.into());
    }
    if let Some(duration) = change.duration() {
        patch.insert("duration".into(), duration.into());
    }
    if let Some(rule) = change.rule() {
        patch.insert("recurrenceRules".into(), json!([rule]));
    }
    if let Some(invited) = change.participants() {
        let document: Value = serde_json::from_str(&row.document).unwrap();
        let before = document["participants"].as_object().into_iter().flat_map(Map::keys);
        let mut all: Map<String, Value> = before.map(|key| (key.clone(), Value::Null)).collect();
        for (number, address) in invited.iter().enumerate() {
            all.insert(format!("guest{number}"), participant(address));
        }
        patch.insert("participants".into(), all.into());
    }
    Value::Object(patch)
}

fn participant(address: &str) -> Value {
    json!({"@type": "Participant", "sendTo": {"imip": format!("mailto:{address}")}, "roles": {"attendee": true}})
}

/// What the application shows.
pub(crate) fn sees(world: &mut World, window: Window) -> Vec<Occurrence> {
    let at = |ms| u64::try_from(ms).unwrap();
    let query = Query {
        calendar: CALENDAR.into(),
        from_ms: at(window.0),
        to_ms: at(window.1),
        time_zone: "UTC".into(),
        limit: 1_000,
    };
    let found = agenda::occurrences(world, &BundledZones::new(), &query).expect("the agenda can be read");
    assert!(!found.truncated, "the agenda is truncated");
    let mut seen = Vec::new();
    for entry in found.entries {
        let document: Value = serde_json::from_str(&entry.document).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let first_place = document["locations"].as_object().and_then(|all| all.values().next());
        let start_ms = i64::try_from(entry.start_ms).unwrap();
        seen.push(Occurrence {
            start_ms,
            all_day: document["showWithoutTime"] == true,
            minutes: (i64::try_from(entry.end_ms).unwrap() - start_ms) / 60_000,
            title: text(&document["title"]),
            location: first_place.map(|place| text(&place["name"])).unwrap_or_default(),
            description: text(&document["description"]),
            participants: invited(&document),
        });
    }
    seen.retain(|one| one.start_ms >= window.0 && one.start_ms < window.1);
    seen.sort();
    seen
}

fn invited(document: &Value) -> Vec<String> {
    let people = document["participants"].as_object().into_iter().flat_map(Map::values);
    let people = people.filter(|person| person["roles"]["attendee"] == true);
    let mut addresses: Vec<String> = people
        .map(|person| person["sendTo"]["imip"].as_str().unwrap_or_default().trim_start_matches("mailto:").to_owned())
        .collect();
    addresses.sort();
    addresses
}
