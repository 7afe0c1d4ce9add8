//! The application, through the engine's own door.

use serde_json::{Value, json};
use tandem_engine::editing::{Action, Edit as AppEdit, Scope};
use tandem_engine::recurrence::{Occurrence, Window, occurrences};

use super::{
    DAY_MS, Done, GUEST, NEXT, New, Text, chosen, formed, is_of_all, members, moved, nth, number, other_days, rule,
    shifted, takes, zone_of,
};
use crate::simulation::facts::{family, masters, title, title_of};
use crate::simulation::history::{Change, Edit, Form, Side};
use crate::world::{CALENDAR, World, edit_of, meeting};

pub(super) fn create(world: &mut World, new: &New<'_>, token: u32) -> bool {
    let mut event = meeting(&format!("e{token}@app"), &new.title, &new.start);
    event["timeZone"] = new.zone().into();
    if new.form == Form::Day {
        event["timeZone"] = Value::Null;
        event["showWithoutTime"] = true.into();
        event["duration"] = "P1D".into();
    }
    if new.form == Form::Guest {
        event["participants"] = json!({"guest": guest()});
    }
    if let Some(rhythm) = new.series {
        event["recurrenceRules"] = json!([rule(rhythm)]);
    }
    world.create(&event).is_ok()
}

pub(super) fn act(world: &mut World, edit: &Edit) -> Option<Done> {
    let says = |document: &str| ["\"description\"", "\"locations\""].iter().any(|name| document.contains(name));
    let live = world.local().into_iter().filter(|row| edit.change != Change::Erase || says(&row.document));
    let live = live.filter_map(|row| Some((number(&family(&title_of(&row.document)?)?), row.uid.clone())));
    let (number, uid) = chosen(live.collect(), edit.event)?;
    let document = shown(world, &uid, None)?;
    let name = format!("E{number}");
    let recurs = document["recurrenceRules"].is_array();
    let which = edit.occurrence.filter(|_| recurs && !is_of_all(edit));
    let one = which.and_then(|n| nth(&next(world, &document), n));
    let (occurrence, seen) = one.map_or_else(|| (None, document.clone()), |one| (one.recurrence_id, one.document));
    let patch = match &edit.change {
        Change::Delete => None,
        Change::Erase => Some(emptied(&seen)?),
        _ => Some(changed(edit, &name, &document, occurrence.as_deref())?),
    };
    let action = patch.as_ref().map_or(Action::Delete, |patch| Action::Patch(patch.to_string()));
    let following = edit.following && occurrence.is_some();
    let scope = match (&occurrence, following) {
        (None, _) => Scope::All,
        (Some(_), false) => Scope::This,
        (Some(_), true) => Scope::ThisAndFollowing,
    };
    let deleted = patch.is_none() && occurrence.is_none();
    let split = following && patch.is_some();
    let request = AppEdit { recurrence_id: occurrence.clone(), scope, ..edit_of(Some(&uid), action) };
    world.edit(&request).ok()?;
    let wrote = patch.filter(|_| edit.change.is_of_text() && !split).and_then(|patch| {
        let now = shown(world, &uid, occurrence.as_deref())?;
        let (before, after) = (members(&seen, &patch), members(&now, &patch));
        Some(Text { series: uid, occurrence, before, after })
    });
    Some(Done { family: name, deleted, split, wrote, ..Done::default() })
}

/// What an edit changes in a document, or in an occurrence of it; none when that cannot be done.
fn changed(edit: &Edit, name: &str, document: &Value, occurrence: Option<&str>) -> Option<Value> {
    let recurs = document["recurrenceRules"].is_array();
    let from = occurrence.or_else(|| document["start"].as_str()).unwrap_or_default();
    let change = &edit.change;
    let mut patch = match change {
        Change::Shift { days, hour } => json!({"start": shifted(edit, (*days, *hour), from, recurs)?}),
        Change::Guest => invitation(document),
        Change::Form(_) if recurs => return None,
        Change::Form(form) => {
            let (start, _) = formed(*form, from, edit.token);
            match form {
                Form::Day => json!({"start": start, "timeZone": null, "showWithoutTime": true, "duration": "P1D"}),
                form => json!({
                    "start": start, "timeZone": zone_of(*form), "showWithoutTime": null, "duration": "PT1H",
                }),
            }
        }
        Change::Move { .. } | Change::Length { .. } if document["showWithoutTime"] == true => {
            let (start, length_ms) = other_days(change, from, recurs)?;
            json!({"start": start, "duration": format!("P{}D", length_ms / DAY_MS)})
        }
        Change::Repeat(rhythm) if !takes(*rhythm, from) => return None,
        change => patch(change, name, edit.token, from, recurs),
    };
    if let (Change::Move { .. }, None, true) = (change, occurrence, recurs) {
        patch["recurrenceRules"] = document["recurrenceRules"].clone();
        let ends = patch["recurrenceRules"].as_array_mut().into_iter().flatten();
        for end in ends.filter_map(|rule| rule.get_mut("until")) {
            *end = json!(format!("{}T23:59:59", end.as_str()?.get(..10)?));
        }
    }
    Some(patch)
}

/// The notes go away, or the place where there are none.
fn emptied(seen: &Value) -> Option<Value> {
    let text = ["description", "locations"].into_iter().find(|text| !seen[*text].is_null())?;
    Some(json!({text: null}))
}

/// Take a text back.
pub(super) fn undo(world: &mut World, text: &Text) -> Option<Done> {
    let family = family(shown(world, &text.series, None)?["title"].as_str()?)?;
    let scope = if text.occurrence.is_some() { Scope::This } else { Scope::All };
    let action = Action::Patch(text.before.to_string());
    let request = AppEdit { recurrence_id: text.occurrence.clone(), scope, ..edit_of(Some(&text.series), action) };
    world.edit(&request).ok().map(|_| Done { family, ..Done::default() })
}

/// An event or series that is there, or one of the next occurrences of it, as a person sees it.
pub(super) fn shown(world: &World, uid: &str, occurrence: Option<&str>) -> Option<Value> {
    let row = world.memory.events.get(&(CALENDAR.to_owned(), uid.to_owned())).filter(|row| !row.deleted)?;
    let document = serde_json::from_str(&row.document).ok()?;
    let Some(id) = occurrence else { return Some(document) };
    let one = next(world, &document).into_iter().find(|one| one.recurrence_id.as_deref() == Some(id))?;
    Some(one.document)
}

/// What was deleted last is made again, as it was.
pub(super) fn restore(world: &mut World) -> Option<Done> {
    let deleted = world.memory.events.values().filter(|row| row.deleted);
    let row = deleted.max_by_key(|row| (row.updated_ms, &row.uid))?;
    let family = family(&title_of(&row.document)?)?;
    let split = masters(world, Side::App).contains_key(&family);
    let action = Action::Create(row.document.clone());
    world.edit(&edit_of(None, action)).ok().map(|_| Done { family, split, ..Done::default() })
}

fn guest() -> Value {
    let send_to = json!({"imip": format!("mailto:{GUEST}")});
    json!({"@type": "Participant", "email": GUEST, "sendTo": send_to, "roles": {"attendee": true}})
}

/// The guest is invited, or taken off.
fn invitation(document: &Value) -> Value {
    let mut all = document["participants"].as_object().into_iter().flatten();
    match all.find(|(_, participant)| participant["email"] == GUEST) {
        Some((key, _)) => json!({"participants": {key.as_str(): null}}),
        None => json!({"participants": {"guest": guest()}}),
    }
}

/// Occurrences of a local series that a person chooses from.
fn next(world: &World, document: &Value) -> Vec<Occurrence> {
    let window = Window { from_ms: 0, to_ms: 1_900_000_000_000, zone: "UTC", limit: NEXT };
    occurrences(document, &window, &world.zones).map(|found| found.items).unwrap_or_default()
}

fn patch(change: &Change, name: &str, token: u32, from: &str, recurs: bool) -> Value {
    match change {
        Change::Title => json!({"title": title(name, token)}),
        Change::Notes => json!({"description": format!("notes #{token}#")}),
        Change::Place => json!({"locations": {"1": {"@type": "Location", "name": format!("room #{token}#")}}}),
        Change::Move { day, hour } => json!({"start": moved(from, *day, *hour, token, recurs)}),
        Change::Length { quarters } => json!({"duration": format!("PT{}M", u32::from(*quarters) * 15)}),
        Change::Repeat(rhythm) => json!({"recurrenceRules": rhythm.map(|rhythm| vec![rule(rhythm)])}),
        Change::New { .. }
        | Change::Delete
        | Change::Restore
        | Change::Erase
        | Change::Undo
        | Change::Shift { .. }
        | Change::Form(_)
        | Change::Guest => json!({}),
    }
}
