//! People who edit: in the application, in Google's pages, in Outlook. Each chooses among what is seen there.
//! Invariant: whether an edit was accepted is all that a person learns; nothing here looks at the engine's store.

use serde_json::{Value, json};
use tandem_engine::editing::{Action, Edit as AppEdit, Scope};
use tandem_engine::recurrence::{Window, occurrences};
use tandem_engine::time::{LocalDateTime, Zones as _, parse_rfc3339};

use super::facts::{self, Facts, family, title, title_of, wall, written};
use super::history::{Change, Edit, Rhythm, Side};
use crate::person::outlook_rule;
use crate::world::{ACCOUNT, CALENDAR, OUTLOOK, REPLICA, World, edit_of, google_meeting, meeting};

const WINDOWS_ZONE: &str = "W. Europe Standard Time";
const ZONE: &str = "Europe/Berlin";
const QUARTER_MS: i64 = 900_000;

/// What an accepted edit was about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// The family of the event.
    pub family: String,
    /// A whole event or series went away.
    pub deleted: bool,
    /// One series became two.
    pub split: bool,
    /// The provider's id of the event or series; empty where it was edited in the application.
    pub series: String,
    /// The provider's id of what was edited, which may be an occurrence.
    pub target: String,
}

/// An edit that somebody tried.
#[derive(Debug)]
pub struct Visit {
    /// What was tried.
    pub edit: Edit,
    /// What came of it.
    pub done: Option<Done>,
    /// What its side said until then.
    pub before: Facts,
    /// What it said afterwards.
    pub after: Facts,
    /// Requests that had left by then.
    pub sent: usize,
    /// Requests that had left when the step ended in whose middle it was.
    pub step_end: usize,
}

/// Try an edit.
pub fn visit(world: &mut World, edit: Edit) -> Visit {
    let (before, sent) = (facts::of(world, edit.side), world.sent.len());
    let done = act(world, &edit);
    let after = if done.is_some() { facts::of(world, edit.side) } else { Facts::new() };
    Visit { edit, done, before, after, sent, step_end: sent }
}

/// Do an edit; none when there was nothing to edit, or it was refused.
fn act(world: &mut World, edit: &Edit) -> Option<Done> {
    let account = match edit.side {
        Side::App => None,
        Side::Google => Some(REPLICA),
        Side::Outlook => Some(OUTLOOK),
    };
    if account.is_some_and(|replica| !world.memory.replicas.contains_key(replica)) {
        return None;
    }
    if let Change::New { day, hour, series } = edit.change {
        return create(world, edit, &wall(day, hour, edit.token), series);
    }
    match edit.side {
        Side::App => here(world, edit),
        Side::Google => google(world, edit),
        Side::Outlook => outlook(world, edit),
    }
}

fn nth<T: Clone>(all: &[T], n: u16) -> Option<T> {
    all.get(usize::from(n) % all.len().max(1)).cloned()
}

/// One of the events that a person sees, given by title and id: those that were made first come first, so that people
/// on all sides mean the same one. Returns the number of its family and its id.
fn chosen(mut rows: Vec<(u32, String)>, n: u16) -> Option<(u32, String)> {
    rows.sort_unstable();
    nth(&rows, n)
}

/// The same at a provider.
fn chosen_there(world: &World, edit: &Edit) -> Option<(u32, String)> {
    let mut rows = Vec::new();
    written(world, edit.side, |row| {
        let family = family(row.title).filter(|_| row.series.is_none());
        rows.extend(family.map(|family| (number(&family), row.id.clone().into_owned())));
    });
    chosen(rows, edit.event)
}

/// Occurrences that a person chooses from.
const NEXT: usize = 12;

fn number(family: &str) -> u32 {
    family.trim_start_matches('E').parse().unwrap_or(0)
}

fn create(world: &mut World, edit: &Edit, start: &str, series: Option<Rhythm>) -> Option<Done> {
    let name = format!("E{}", edit.token);
    let titled = title(&name, edit.token);
    let end = ended(start, QUARTER_MS * 4);
    let made = match edit.side {
        Side::App => {
            let mut event = meeting(&format!("e{}@app", edit.token), &titled, start);
            if let Some(rhythm) = series {
                event["recurrenceRules"] = json!([rule(rhythm)]);
            }
            world.create(&event).is_ok()
        }
        Side::Google => {
            let mut event = google_meeting(&titled, start, &end);
            // What Tandem does not know must live on (invariant I18).
            event["extendedProperties"] = json!({"private": {"crm": name}});
            if let Some(rhythm) = series {
                event["recurrence"] = json!([line(rhythm)]);
            }
            world.google.user_insert(ACCOUNT, &event).is_ok()
        }
        Side::Outlook => {
            let at = |wall: &str| json!({"dateTime": wall, "timeZone": WINDOWS_ZONE});
            let mut event = json!({"subject": titled, "start": at(start), "end": at(&end), "importance": "high"});
            if let Some(rhythm) = series {
                event["recurrence"] = pattern(rhythm, start);
            }
            world.microsoft.user_insert(ACCOUNT, &event).is_ok()
        }
    };
    made.then_some(Done { family: name, ..Done::default() })
}

/// A wall time that is later on the clock.
fn ended(start: &str, ms: i64) -> String {
    let at = parse_rfc3339(&format!("{start}Z")).unwrap_or_default();
    tandem_engine::time::format_rfc3339(at + ms).unwrap_or_default().chars().take(19).collect()
}

/// The new start of something that begins at `old`: another day too, unless it comes again.
fn moved(old: &str, day: u8, hour: u8, token: u32, recurs: bool) -> String {
    let to = wall(day, hour, token);
    if recurs { format!("{}{}", old.get(..10).unwrap_or_default(), to.get(10..).unwrap_or_default()) } else { to }
}

// The application.

fn here(world: &mut World, edit: &Edit) -> Option<Done> {
    let live = world.local().into_iter();
    let live = live.filter_map(|row| Some((number(&family(&title_of(&row.document)?)?), row.uid.clone())));
    let (number, uid) = chosen(live.collect(), edit.event)?;
    let row = world.memory.events.get(&(CALENDAR.to_owned(), uid.clone()))?;
    let document: Value = serde_json::from_str(&row.document).ok()?;
    let name = format!("E{number}");
    let recurs = document["recurrenceRules"].is_array();
    let occurrence = edit.occurrence.filter(|_| recurs).and_then(|n| occurrence(world, &document, n));
    let action = match &edit.change {
        Change::Delete => Action::Delete,
        change => {
            let from = occurrence.as_deref().or_else(|| document["start"].as_str()).unwrap_or_default();
            let mut patch = patch(change, &name, edit.token, from, recurs);
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
        Change::New { .. } | Change::Delete => json!({}),
    }
}

// Google's pages.

fn google(world: &World, edit: &Edit) -> Option<Done> {
    let (number, master) = chosen_there(world, edit)?;
    let row = world.google.event(ACCOUNT, &master)?;
    let name = format!("E{number}");
    let recurs = row["recurrence"].is_array();
    let instance = edit.occurrence.filter(|_| recurs).and_then(|n| {
        let among = |count: usize| usize::from(n) % count.clamp(1, NEXT);
        world.google.instance(ACCOUNT, &master, among)
    });
    let target = instance.clone().unwrap_or(row);
    let id = target["id"].as_str()?;
    if edit.following && instance.is_some() && edit.change != Change::Delete {
        let second = world.google.user_split(ACCOUNT, id, &json!({})).ok()?;
        let body = google_patch(world, &edit.change, &name, edit.token, &second, true)?;
        let _ = world.google.user_patch(ACCOUNT, second["id"].as_str()?, &body);
        return Some(Done { family: name, deleted: false, split: true, series: master, target: id.to_owned() });
    }
    let done = match &edit.change {
        Change::Delete => world.google.user_delete(ACCOUNT, id).is_ok(),
        change => {
            let mut body = google_patch(world, change, &name, edit.token, &target, recurs)?;
            if let (Change::Move { .. }, None, true) = (change, &instance, recurs) {
                body["recurrence"] = target["recurrence"].as_array()?.iter().map(to_the_end_of_day).collect();
            }
            world.google.user_patch(ACCOUNT, id, &body).is_ok()
        }
    };
    let deleted = edit.change == Change::Delete && instance.is_none();
    done.then_some(Done { family: name, deleted, split: false, series: master, target: id.to_owned() })
}

/// Pages that move a series keep its last occurrence: the end of its rule becomes the end of that day.
fn to_the_end_of_day(line: &Value) -> Value {
    let line = line.as_str().unwrap_or_default();
    let end = line.find("UNTIL=").map(|at| at + "UNTIL=".len()).filter(|at| line.get(at + 8..at + 9) == Some("T"));
    match end {
        Some(at) => json!(format!("{}T215959Z{}", &line[..at + 8], &line[at + 16..])),
        None => json!(line),
    }
}

fn google_patch(world: &World, change: &Change, name: &str, token: u32, row: &Value, recurs: bool) -> Option<Value> {
    let local = |moment: &str| {
        let at = parse_rfc3339(row[moment]["dateTime"].as_str()?)?;
        Some((at, LocalDateTime(world.zones.to_local(ZONE, at)?).to_string()))
    };
    let times = |start: &str, length_ms: i64| {
        let at = |wall: &str| json!({"dateTime": wall, "timeZone": ZONE, "date": null});
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
        Change::New { .. } | Change::Delete => json!({}),
    })
}

// Outlook.

fn outlook(world: &World, edit: &Edit) -> Option<Done> {
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
        let second = world.microsoft.user_split(ACCOUNT, id, &json!({})).ok()?;
        let body = outlook_patch(&edit.change, &name, edit.token, &second, true)?;
        let _ = world.microsoft.user_patch(ACCOUNT, second["id"].as_str()?, &body);
        return Some(Done { family: name, deleted: false, split: true, series: master, target: id.to_owned() });
    }
    let done = match &edit.change {
        Change::Delete => world.microsoft.user_delete(ACCOUNT, id).is_ok(),
        change => {
            let body = outlook_patch(change, &name, edit.token, &target, recurs)?;
            world.microsoft.user_patch(ACCOUNT, id, &body).is_ok()
        }
    };
    let deleted = edit.change == Change::Delete && occurrence.is_none();
    done.then_some(Done { family: name, deleted, split: false, series: master, target: id.to_owned() })
}

fn outlook_patch(change: &Change, name: &str, token: u32, row: &Value, recurs: bool) -> Option<Value> {
    let wall_of = |moment: &str| row[moment]["dateTime"].as_str().and_then(|text| text.get(..19));
    let zone = row["start"]["timeZone"].as_str().unwrap_or(WINDOWS_ZONE);
    let times = |start: &str, length_ms: i64| {
        let at = |wall: &str| json!({"dateTime": wall, "timeZone": zone});
        json!({"start": at(start), "end": at(&ended(start, length_ms))})
    };
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

// Rules, in the words of each.

fn rule(rhythm: Rhythm) -> Value {
    match rhythm {
        Rhythm::Daily(count) => json!({"@type": "RecurrenceRule", "frequency": "daily", "count": count}),
        Rhythm::Fortnightly(count) => {
            json!({"@type": "RecurrenceRule", "frequency": "weekly", "interval": 2, "count": count})
        }
        Rhythm::Monthly(count) => json!({"@type": "RecurrenceRule", "frequency": "monthly", "count": count}),
        Rhythm::Weekly => {
            json!({"@type": "RecurrenceRule", "frequency": "weekly", "until": "2026-06-30T23:59:59"})
        }
    }
}

fn line(rhythm: Rhythm) -> String {
    match rhythm {
        Rhythm::Daily(count) => format!("RRULE:FREQ=DAILY;COUNT={count}"),
        Rhythm::Fortnightly(count) => format!("RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT={count}"),
        Rhythm::Monthly(count) => format!("RRULE:FREQ=MONTHLY;COUNT={count}"),
        Rhythm::Weekly => "RRULE:FREQ=WEEKLY;UNTIL=20260630T215959Z".to_owned(),
    }
}

fn pattern(rhythm: Rhythm, start: &str) -> Value {
    outlook_rule::recurrence(&rule(rhythm), start, WINDOWS_ZONE)
}
