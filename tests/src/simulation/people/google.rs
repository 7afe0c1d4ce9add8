//! Google's pages.

use serde_json::{Value, json};
use tandem_engine::time::{LocalDateTime, Zones as _, format_rfc3339, parse_rfc3339};

use super::{
    ABROAD, DAY_MS, Done, GUEST, New, QUARTER_MS, ZONE, ended, formed, is_said, moved, other_days, shifted, takes,
    zone_of,
};
use crate::person::outlook_rule;
use crate::simulation::facts::{family, masters, title};
use crate::simulation::history::{Change, Edit, Form, Rhythm, Side};
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

/// What was deleted last is taken out of the bin: an event, a series, or an occurrence of one that is there.
pub(super) fn restore(world: &World) -> Option<Done> {
    let row = world.google.last_deleted(ACCOUNT)?;
    let family = family(row["summary"].as_str()?)?;
    let target = row["id"].as_str()?.to_owned();
    let series = row["recurringEventId"].as_str().map_or_else(|| target.clone(), str::to_owned);
    let split = series == target && masters(world, Side::Google).contains_key(&family);
    let body = json!({"status": "confirmed"});
    let done = world.google.user_patch(ACCOUNT, &target, &body).is_ok();
    done.then_some(Done { family, split, series, target, ..Done::default() })
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
        patch(self.0, edit, name, row, recurs)
    }

    fn body_of_series(&self, edit: &Edit, name: &str, row: &Value) -> Option<Value> {
        let mut body = self.body(edit, name, row, true)?;
        if let Change::Move { .. } | Change::Shift { .. } = edit.change {
            let (from, to) = (day_of(self.0, row), day_of(self.0, &body));
            let lines = row["recurrence"].as_array()?;
            // Nothing begins after its end.
            let first = to.get(..10)?.replace('-', "");
            if lines.iter().filter_map(last_day).any(|last| *last < *first) {
                return None;
            }
            let lines = lines.iter().map(|line| to_the_end_of_day(self.0, line, clock_of(row)));
            body["recurrence"] = lines.map(|line| on_another_day(&line, &from, &to)).collect();
        }
        Some(body)
    }
}

/// The day that a line ends with.
fn last_day(line: &Value) -> Option<&str> {
    line.as_str()?.split_once("UNTIL=")?.1.get(..8)
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

/// Pages that move a series to another day change a rule that names the old one.
fn on_another_day(line: &Value, from: &str, to: &str) -> Value {
    let days = |day: &str| {
        let of_month = day.get(8..10).and_then(|day| day.parse::<u8>().ok()).unwrap_or_default();
        let of_week = outlook_rule::weekday(day).get(..2).unwrap_or_default().to_uppercase();
        [format!("BYMONTHDAY={of_month}"), format!("BYDAY={of_week}")]
    };
    let (old, new) = (days(from), days(to));
    let part = |part: &str| match old.iter().position(|old| old == part) {
        Some(at) => new[at].clone(),
        None => part.to_owned(),
    };
    json!(line.as_str().unwrap_or_default().split(';').map(part).collect::<Vec<_>>().join(";"))
}

/// The day on which a row, or what is written to it, begins: its midnight.
fn day_of(world: &World, row: &Value) -> String {
    let start = &row["start"];
    let wall = start["dateTime"].as_str().map(str::to_owned);
    // What is written is on the clock of its zone.
    let local = |text: String| match parse_rfc3339(&text).and_then(|at| world.zones.to_local(clock_of(row), at)) {
        Some(local) => LocalDateTime(local).to_string(),
        None => text,
    };
    let day = start["date"].as_str().map(str::to_owned).or_else(|| wall.map(local)).unwrap_or_default();
    format!("{}T00:00:00", day.get(..10).unwrap_or_default())
}

/// The zone of a row.
fn clock_of(row: &Value) -> &str {
    row["start"]["timeZone"].as_str().unwrap_or(ZONE)
}

fn patch(world: &World, edit: &Edit, name: &str, row: &Value, recurs: bool) -> Option<Value> {
    let (change, token) = (&edit.change, edit.token);
    let days = |start: &str, length_ms: i64| json!({"start": date(start), "end": date(&ended(start, length_ms))});
    if let Some(day) = row["start"]["date"].as_str() {
        let start = format!("{day}T00:00:00");
        match change {
            Change::Move { .. } | Change::Length { .. } => {
                let (start, length_ms) = other_days(change, &start, recurs)?;
                return Some(days(&start, length_ms));
            }
            Change::Shift { days: by, hour } => {
                return Some(days(&shifted(edit, (*by, *hour), &start, recurs)?, DAY_MS));
            }
            _ => {}
        }
    }
    let zone = clock_of(row);
    let local = |moment: &str| {
        let at = parse_rfc3339(row[moment]["dateTime"].as_str()?)?;
        Some((at, LocalDateTime(world.zones.to_local(zone, at)?).to_string()))
    };
    let times_in = |zone: &str, start: &str, length_ms: i64| {
        let at = |wall: &str| json!({"dateTime": wall, "timeZone": zone, "date": null});
        json!({"start": at(start), "end": at(&ended(start, length_ms))})
    };
    let times = |start: &str, length_ms: i64| times_in(zone, start, length_ms);
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
        Change::Shift { days, hour } => {
            let ((from, start), (to, _)) = (local("start")?, local("end")?);
            times(&shifted(edit, (*days, *hour), &start, recurs)?, to - from)
        }
        Change::Guest => {
            let mut guests = row["attendees"].as_array().cloned().unwrap_or_default();
            let before = guests.len();
            guests.retain(|guest| guest["email"] != GUEST);
            if guests.len() == before {
                guests.push(json!({"email": GUEST}));
            }
            json!({"attendees": guests})
        }
        Change::Form(_) if recurs => return None,
        Change::Form(form) => {
            let start = row["start"]["date"].as_str().or_else(|| row["start"]["dateTime"].as_str())?;
            let (start, length_ms) = formed(*form, start, token);
            if *form == Form::Day { days(&start, length_ms) } else { times_in(zone_of(*form), &start, length_ms) }
        }
        Change::Erase => {
            let text = ["description", "location"].into_iter().find(|text| is_said(&row[*text]))?;
            json!({text: null})
        }
        Change::New { .. } | Change::Delete | Change::Restore | Change::Undo => json!({}),
    })
}
