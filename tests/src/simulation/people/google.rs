//! Google's pages.

use serde_json::{Value, json};
use tandem_engine::time::{LocalDateTime, Zones as _, format_rfc3339, parse_rfc3339};

use super::{ABROAD, GUEST, New, QUARTER_MS, ZONE, ended, moved, other_days, takes};
use crate::simulation::facts::title;
use crate::simulation::history::{Change, Edit, Form, Rhythm};
use crate::world::{ACCOUNT, World, google_meeting};

pub(super) fn create(world: &World, new: &New<'_>) -> bool {
    let mut event = google_meeting(&new.title, &new.start, &new.end);
    (event["start"]["timeZone"], event["end"]["timeZone"]) = (new.zone().into(), new.zone().into());
    if new.form == Form::Day {
        (event["start"], event["end"]) = (date(&new.start), date(&new.end));
    }
    if new.form == Form::Guest {
        event["attendees"] = json!([{"email": GUEST}]);
    }
    // What Tandem does not know must live on (invariant I18).
    event["extendedProperties"] = json!({"private": {"crm": new.name}});
    if let Some(rhythm) = new.series {
        event["recurrence"] = json!([line(rhythm, new.form)]);
    }
    world.google.user_insert(ACCOUNT, &event).is_ok()
}

/// A whole day, by its midnight.
fn date(midnight: &str) -> Value {
    json!({"date": midnight.get(..10), "dateTime": null, "timeZone": null})
}

/// The end of June is the end of its last day where the series is.
fn line(rhythm: Rhythm, form: Form) -> String {
    match rhythm {
        Rhythm::Daily(count) => format!("RRULE:FREQ=DAILY;COUNT={count}"),
        Rhythm::Fortnightly(count) => format!("RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT={count}"),
        Rhythm::Monthly(count) => format!("RRULE:FREQ=MONTHLY;COUNT={count}"),
        Rhythm::Weekly => {
            let until = match form {
                Form::Day => "20260630",
                Form::Abroad => "20260701T035959Z",
                Form::Hour | Form::Guest => "20260630T215959Z",
            };
            format!("RRULE:FREQ=WEEKLY;UNTIL={until}")
        }
    }
}

/// Its pages for events that are there.
pub(super) struct Pages<'a>(pub(super) &'a World);

impl super::Pages for Pages<'_> {
    fn event(&self, id: &str) -> Option<Value> {
        self.0.google.event(ACCOUNT, id)
    }

    fn recurs(row: &Value) -> bool {
        row["recurrence"].is_array()
    }

    fn occurrence(&self, series: &str, among: impl FnOnce(usize) -> usize) -> Option<Value> {
        self.0.google.instance(ACCOUNT, series, among)
    }

    fn split(&self, occurrence: &str) -> Option<Value> {
        self.0.google.user_split(ACCOUNT, occurrence, &json!({})).ok()
    }

    fn change(&self, id: &str, body: &Value) -> bool {
        self.0.google.user_patch(ACCOUNT, id, body).is_ok()
    }

    fn delete(&self, id: &str) -> bool {
        self.0.google.user_delete(ACCOUNT, id).is_ok()
    }

    fn body(&self, edit: &Edit, name: &str, row: &Value, recurs: bool) -> Option<Value> {
        patch(self.0, &edit.change, name, edit.token, row, recurs)
    }

    fn body_of_series(&self, edit: &Edit, name: &str, row: &Value) -> Option<Value> {
        let mut body = self.body(edit, name, row, true)?;
        if let Change::Move { .. } = edit.change {
            let lines = row["recurrence"].as_array()?.iter();
            body["recurrence"] = lines.map(|line| to_the_end_of_day(self.0, line, zone_of(row))).collect();
        }
        Some(body)
    }
}

/// Pages that move a series keep its last occurrence: the end of its rule becomes the end of that day.
fn to_the_end_of_day(world: &World, line: &Value, zone: &str) -> Value {
    let line = line.as_str().unwrap_or_default();
    let until = line.split(';').find_map(|part| part.split_once("UNTIL=")).map_or("", |(_, until)| until);
    let parts = [0..4, 4..6, 6..8, 9..11, 11..13, 13..15].map(|part| until.get(part).unwrap_or_default());
    let [year, month, day, hour, minute, second] = parts;
    let last = parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"));
    let end = last.and_then(|last| {
        let end_of_day = world.zones.to_local(zone, last)?.date().and_hms_opt(23, 59, 59)?;
        format_rfc3339(world.zones.to_utc_ms(zone, end_of_day)?)
    });
    match end {
        Some(end) => {
            let end: String = end.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
            json!(line.replace(until, &format!("{end}Z")))
        }
        None => json!(line),
    }
}

/// The zone of a row.
fn zone_of(row: &Value) -> &str {
    row["start"]["timeZone"].as_str().unwrap_or(ZONE)
}

fn patch(world: &World, change: &Change, name: &str, token: u32, row: &Value, recurs: bool) -> Option<Value> {
    if let (Some(start), Change::Move { .. } | Change::Length { .. }) = (row["start"]["date"].as_str(), change) {
        let (start, length_ms) = other_days(change, &format!("{start}T00:00:00"), recurs)?;
        return Some(json!({"start": date(&start), "end": date(&ended(&start, length_ms))}));
    }
    let zone = zone_of(row);
    let local = |moment: &str| {
        let at = parse_rfc3339(row[moment]["dateTime"].as_str()?)?;
        Some((at, LocalDateTime(world.zones.to_local(zone, at)?).to_string()))
    };
    let times = |start: &str, length_ms: i64| {
        let at = |wall: &str| json!({"dateTime": wall, "timeZone": zone, "date": null});
        json!({"start": at(start), "end": at(&ended(start, length_ms))})
    };
    Some(match change {
        Change::Title => json!({"summary": title(name, token)}),
        Change::Notes => json!({"description": format!("notes #{token}#")}),
        Change::Place => json!({"location": format!("hall #{token}#")}),
        Change::Move { day, hour } => {
            let ((from, start), (to, _)) = (local("start")?, local("end")?);
            times(&moved(&start, *day, *hour, token, recurs), to - from)
        }
        Change::Length { quarters } => times(&local("start")?.1, i64::from(*quarters) * QUARTER_MS),
        Change::Repeat(rhythm) => {
            let day = row["start"]["date"].as_str();
            let form = match zone {
                _ if day.is_some() => Form::Day,
                ABROAD => Form::Abroad,
                _ => Form::Hour,
            };
            let start = day.or_else(|| row["start"]["dateTime"].as_str());
            start.filter(|start| takes(*rhythm, start))?;
            json!({"recurrence": rhythm.map(|rhythm| vec![line(rhythm, form)])})
        }
        Change::New { .. } | Change::Delete => json!({}),
    })
}
