//! Outlook.

use serde_json::{Value, json};
use tandem_engine::time::parse_rfc3339;

use super::{DAY_MS, New, QUARTER_MS, ended, formed, is_said, moved, other_days, rule, shifted, takes};
use crate::person::outlook_rule;
use crate::simulation::facts::title;
use crate::simulation::history::{Change, Edit, Form};
use crate::world::{ACCOUNT, World};

const ZONE: &str = "W. Europe Standard Time";
const ABROAD: &str = "Eastern Standard Time";

/// A guest gets mail from Microsoft with every other time, whoever writes it: nobody invites one here.
pub(super) fn create(world: &World, new: &New<'_>) -> bool {
    let zone = zone_of(new.form);
    let at = |wall: &str| json!({"dateTime": wall, "timeZone": zone});
    let mut event = json!({"subject": new.title, "start": at(&new.start), "end": at(&new.end), "importance": "high"});
    if new.form == Form::Day {
        event["isAllDay"] = true.into();
    }
    if let Some(rhythm) = new.series {
        event["recurrence"] = outlook_rule::recurrence(&rule(rhythm), &new.start, zone);
    }
    world.microsoft.user_insert(ACCOUNT, &event).is_ok()
}

/// Its pages for events that are there.
pub(super) struct Pages<'a>(pub(super) &'a World);

/// Occurrences that a person may see begin before: 2030.
const HORIZON_MS: i64 = 1_900_000_000_000;

impl super::Pages for Pages<'_> {
    fn event(&self, id: &str) -> Option<Value> {
        self.0.microsoft.event(ACCOUNT, id)
    }

    fn recurs(row: &Value) -> bool {
        row["type"] == "seriesMaster"
    }

    fn occurrence(&self, series: &str, among: impl FnOnce(usize) -> usize) -> Option<Value> {
        self.0.microsoft.occurrence(ACCOUNT, series, HORIZON_MS, among)
    }

    fn split(&self, occurrence: &str) -> Option<Value> {
        self.0.microsoft.user_split(ACCOUNT, occurrence, &json!({})).ok()
    }

    fn change(&self, id: &str, body: &Value) -> bool {
        self.0.microsoft.user_patch(ACCOUNT, id, body).is_ok()
    }

    fn delete(&self, id: &str) -> bool {
        self.0.microsoft.user_delete(ACCOUNT, id).is_ok()
    }

    fn body(&self, edit: &Edit, name: &str, row: &Value, recurs: bool) -> Option<Value> {
        patch(edit, name, row, recurs)
    }

    fn body_of_series(&self, edit: &Edit, name: &str, row: &Value) -> Option<Value> {
        let mut body = self.body(edit, name, row, true)?;
        if let Change::Shift { .. } = edit.change {
            body["recurrence"] = outlook_rule::moved(row, body["start"]["dateTime"].as_str()?);
        }
        Some(body)
    }
}

/// The zone by whose clock people make something.
fn zone_of(form: Form) -> &'static str {
    if form == Form::Abroad { ABROAD } else { ZONE }
}

fn patch(edit: &Edit, name: &str, row: &Value, recurs: bool) -> Option<Value> {
    let (change, token) = (&edit.change, edit.token);
    let wall_of = |moment: &str| row[moment]["dateTime"].as_str().and_then(|text| text.get(..19));
    let zone = row["start"]["timeZone"].as_str().unwrap_or(ZONE);
    let times = |start: &str, length_ms: i64| {
        let at = |wall: &str| json!({"dateTime": wall, "timeZone": zone});
        json!({"start": at(start), "end": at(&ended(start, length_ms))})
    };
    if let (true, Change::Shift { days, hour }) = (row["isAllDay"] == true, change) {
        return Some(times(&shifted(edit, (*days, *hour), wall_of("start")?, recurs)?, DAY_MS));
    }
    if let (true, Change::Move { .. } | Change::Length { .. }) = (row["isAllDay"] == true, change) {
        let (start, length_ms) = other_days(change, wall_of("start")?, recurs)?;
        return Some(times(&start, length_ms));
    }
    let count = |wall: &str| parse_rfc3339(&format!("{wall}Z"));
    Some(match change {
        Change::Title => json!({"subject": title(name, token)}),
        Change::Notes => json!({"body": {"contentType": "text", "content": format!("notes #{token}#")}}),
        Change::Place => json!({"location": {"displayName": format!("hall #{token}#")}}),
        Change::Move { day, hour } => {
            let (start, end) = (wall_of("start")?, wall_of("end")?);
            times(&moved(start, *day, *hour, token, recurs), count(end)? - count(start)?)
        }
        Change::Length { quarters } => times(wall_of("start")?, i64::from(*quarters) * QUARTER_MS),
        Change::Repeat(rhythm) => {
            let start = wall_of("start").filter(|start| takes(*rhythm, start))?;
            json!({"recurrence": rhythm.map(|rhythm| outlook_rule::recurrence(&rule(rhythm), start, zone))})
        }
        Change::Shift { days, hour } => {
            let (start, end) = (wall_of("start")?, wall_of("end")?);
            times(&shifted(edit, (*days, *hour), start, recurs)?, count(end)? - count(start)?)
        }
        // It would send mail, by Microsoft itself.
        Change::Guest => return None,
        Change::Form(_) if recurs => return None,
        Change::Form(form) => {
            let (start, length_ms) = formed(*form, wall_of("start")?, token);
            let at = |wall: &str| json!({"dateTime": wall, "timeZone": zone_of(*form)});
            json!({"isAllDay": *form == Form::Day, "start": at(&start), "end": at(&ended(&start, length_ms))})
        }
        Change::Erase if is_said(&row["bodyPreview"]) => json!({"body": {"contentType": "text", "content": ""}}),
        Change::Erase if is_said(&row["location"]["displayName"]) => json!({"location": {"displayName": ""}}),
        Change::Erase => return None,
        Change::New { .. } | Change::Delete | Change::Restore | Change::Undo => json!({}),
    })
}
