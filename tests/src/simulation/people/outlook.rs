//! Outlook.

use serde_json::{Value, json};
use tandem_engine::time::parse_rfc3339;

use super::{Done, NEXT, New, QUARTER_MS, chosen_there, ended, moved, other_days, rule};
use crate::person::outlook_rule;
use crate::simulation::facts::title;
use crate::simulation::history::{Change, Edit, Form};
use crate::world::{ACCOUNT, World};

const ZONE: &str = "W. Europe Standard Time";
const ABROAD: &str = "Eastern Standard Time";

/// A guest gets mail from Microsoft with every other time, whoever writes it: nobody invites one here.
pub(super) fn create(world: &World, new: &New<'_>) -> bool {
    let zone = if new.form == Form::Abroad { ABROAD } else { ZONE };
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

pub(super) fn act(world: &World, edit: &Edit) -> Option<Done> {
    let (number, master) = chosen_there(world, edit)?;
    let row = world.microsoft.event(ACCOUNT, &master)?;
    let name = format!("E{number}");
    let recurs = row["type"] == "seriesMaster";
    let occurrence = edit.occurrence.filter(|_| recurs).and_then(|n| {
        let among = |count: usize| usize::from(n) % count.clamp(1, NEXT);
        world.microsoft.occurrence(ACCOUNT, &master, 1_900_000_000_000, among)
    });
    let target = occurrence.clone().unwrap_or(row);
    let id = target["id"].as_str()?;
    if edit.following && occurrence.is_some() && edit.change != Change::Delete {
        // What cannot be done is known before the series is two.
        patch(&edit.change, &name, edit.token, &target, true)?;
        let second = world.microsoft.user_split(ACCOUNT, id, &json!({})).ok()?;
        let body = patch(&edit.change, &name, edit.token, &second, true)?;
        let _ = world.microsoft.user_patch(ACCOUNT, second["id"].as_str()?, &body);
        return Some(Done { family: name, deleted: false, split: true, series: master, target: id.to_owned() });
    }
    let done = match &edit.change {
        Change::Delete => world.microsoft.user_delete(ACCOUNT, id).is_ok(),
        change => {
            let body = patch(change, &name, edit.token, &target, recurs)?;
            world.microsoft.user_patch(ACCOUNT, id, &body).is_ok()
        }
    };
    let deleted = edit.change == Change::Delete && occurrence.is_none();
    done.then_some(Done { family: name, deleted, split: false, series: master, target: id.to_owned() })
}

fn patch(change: &Change, name: &str, token: u32, row: &Value, recurs: bool) -> Option<Value> {
    let wall_of = |moment: &str| row[moment]["dateTime"].as_str().and_then(|text| text.get(..19));
    let zone = row["start"]["timeZone"].as_str().unwrap_or(ZONE);
    let times = |start: &str, length_ms: i64| {
        let at = |wall: &str| json!({"dateTime": wall, "timeZone": zone});
        json!({"start": at(start), "end": at(&ended(start, length_ms))})
    };
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
        Change::New { .. } | Change::Delete => json!({}),
    })
}
