//! The application, through the engine's own door.

use serde_json::{Value, json};
use tandem_engine::editing::{Action, Edit as AppEdit, Scope};
use tandem_engine::recurrence::{Window, occurrences};

use super::{
    DAY_MS, Done, GUEST, NEXT, New, chosen, formed, is_of_all, moved, nth, number, other_days, rule, shifted, takes,
    zone_of,
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
    let live = world.local().into_iter();
    let live = live.filter_map(|row| Some((number(&family(&title_of(&row.document)?)?), row.uid.clone())));
    let (number, uid) = chosen(live.collect(), edit.event)?;
    let row = world.memory.events.get(&(CALENDAR.to_owned(), uid.clone()))?;
    let document: Value = serde_json::from_str(&row.document).ok()?;
    let name = format!("E{number}");
    let recurs = document["recurrenceRules"].is_array();
    let which = edit.occurrence.filter(|_| recurs && !is_of_all(edit));
    let occurrence = which.and_then(|n| occurrence(world, &document, n));
    let action = match &edit.change {
        Change::Delete => Action::Delete,
        change => {
            let from = occurrence.as_deref().or_else(|| document["start"].as_str()).unwrap_or_default();
            let mut patch = match change {
                Change::Shift { days, hour } => json!({"start": shifted(edit, (*days, *hour), from, recurs)?}),
                Change::Guest => invitation(&document),
                Change::Form(_) if recurs => return None,
                Change::Form(form) => {
                    let (start, _) = formed(*form, from, edit.token);
                    match form {
                        Form::Day => {
                            json!({"start": start, "timeZone": null, "showWithoutTime": true, "duration": "P1D"})
                        }
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
                change => patch(change, &name, edit.token, from, recurs),
            };
            if let (Change::Move { .. }, None, true) = (change, &occurrence, recurs) {
                patch["recurrenceRules"] = document["recurrenceRules"].clone();
                let ends = patch["recurrenceRules"].as_array_mut().into_iter().flatten();
                for end in ends.filter_map(|rule| rule.get_mut("until")) {
                    *end = json!(format!("{}T23:59:59", end.as_str()?.get(..10)?));
                }
            }
            Action::Patch(patch.to_string())
        }
    };
    let following = edit.following && occurrence.is_some();
    let scope = match (&occurrence, following) {
        (None, _) => Scope::All,
        (Some(_), false) => Scope::This,
        (Some(_), true) => Scope::ThisAndFollowing,
    };
    let deleted = action == Action::Delete && occurrence.is_none();
    let split = following && action != Action::Delete;
    let request = AppEdit { recurrence_id: occurrence, scope, ..edit_of(Some(&uid), action) };
    world.edit(&request).ok().map(|_| Done { family: name, deleted, split, ..Done::default() })
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

/// The recurrence id of an occurrence of a local series.
fn occurrence(world: &World, document: &Value, n: u16) -> Option<String> {
    let window = Window { from_ms: 0, to_ms: 1_900_000_000_000, zone: "UTC", limit: NEXT };
    let found = occurrences(document, &window, &world.zones).ok()?;
    nth(&found.items, n)?.recurrence_id
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
        | Change::Shift { .. }
        | Change::Form(_)
        | Change::Guest => json!({}),
    }
}
