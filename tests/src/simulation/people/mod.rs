//! People who edit: in the application, in Google's pages, in Outlook. Each chooses among what is seen there.
//! Invariant: whether an edit was accepted is all that a person learns; nothing here looks at the engine's store.

mod google;
mod here;
mod outlook;
mod pages;

use serde_json::{Value, json};
use tandem_engine::time::{format_rfc3339, parse_rfc3339};

use self::pages::Pages;
use super::facts::{self, Facts, title, wall};
use super::history::{Change, Edit, Form, Rhythm, Side};
use crate::world::{OUTLOOK, REPLICA, World};

const ZONE: &str = "Europe/Berlin";
const ABROAD: &str = "America/New_York";
/// Somebody who must never get mail that nobody asked for (invariant I17).
const GUEST: &str = "guest@guests.invalid";
const DAY_MS: i64 = 86_400_000;
const QUARTER_MS: i64 = 900_000;

/// What an accepted edit was about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// The family of the event.
    pub family: String,
    /// A whole event or series went away.
    pub deleted: bool,
    /// One series became two, or what was made again meanwhile came back too.
    pub split: bool,
    /// The provider's id of the event or series; empty where it was edited in the application.
    pub series: String,
    /// The provider's id of what was edited, which may be an occurrence.
    pub target: String,
    /// What may be taken back.
    pub wrote: Option<Text>,
}

/// A text that somebody wrote or took away. Its members are those of the side where that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The id of the event or series there.
    series: String,
    /// What names the occurrence there; none for all of it.
    occurrence: Option<String>,
    /// What was there before.
    before: Value,
    /// What was there then.
    after: Value,
}

impl Text {
    /// Whether it still is as it was written.
    fn is_in(&self, row: &Value) -> bool {
        members(row, &self.after) == self.after
    }
}

/// What a row says where a body says something; null where it says nothing.
fn members(row: &Value, body: &Value) -> Value {
    match (row, body) {
        (Value::Object(_), Value::Object(body)) => {
            body.iter().map(|(name, inner)| (name.clone(), members(&row[name], inner))).collect()
        }
        _ => row.clone(),
    }
}

/// Whether a row has a text there.
fn is_said(text: &Value) -> bool {
    text.as_str().is_some_and(|text| !text.is_empty())
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
    let mut done = act(world, &edit);
    let restored = done.as_ref().filter(|_| edit.change == Change::Restore).map(|done| done.series.clone());
    if let (Some(series), Some(observer)) = (restored, &mut world.observer) {
        observer.restored.insert(series);
    }
    let wrote = done.as_mut().and_then(|done| done.wrote.take());
    world.wrote.extend(wrote.map(|text| (edit.side, text)));
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
    if let Change::New { day, hour, series, form } = edit.change {
        return create(world, edit, (day, hour), series, form);
    }
    if edit.change == Change::Restore {
        return match edit.side {
            Side::App => here::restore(world),
            Side::Google => google::restore(world),
            Side::Outlook => None,
        };
    }
    if edit.change == Change::Undo {
        return undo(world, edit);
    }
    match edit.side {
        Side::App => here::act(world, edit),
        Side::Google => pages::act(&google::Pages(world), world, edit),
        Side::Outlook => pages::act(&outlook::Pages(world), world, edit),
    }
}

/// Take back one of the texts that were written there and still are so.
fn undo(world: &mut World, edit: &Edit) -> Option<Done> {
    let side = edit.side;
    let is_seen = |text: &Text| {
        let id = text.occurrence.as_ref().unwrap_or(&text.series);
        let row = match side {
            Side::App => here::shown(world, &text.series, text.occurrence.as_deref()),
            Side::Google => google::Pages(world).event(id).filter(|row| row["status"] != "cancelled"),
            Side::Outlook => outlook::Pages(world).event(id),
        };
        row.is_some_and(|row| text.is_in(&row))
    };
    let own = world.wrote.iter().enumerate().rev().filter(|(_, (by, text))| *by == side && is_seen(text));
    let at = nth(&own.map(|(at, _)| at).collect::<Vec<_>>(), edit.event)?;
    let (_, text) = world.wrote.get(at)?.clone();
    let done = match side {
        Side::App => here::undo(world, &text),
        Side::Google => pages::undo(&google::Pages(world), world, side, &text),
        Side::Outlook => pages::undo(&outlook::Pages(world), world, side, &text),
    }?;
    world.wrote.remove(at);
    Some(done)
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

/// Occurrences that a person chooses from.
const NEXT: usize = 12;

fn number(family: &str) -> u32 {
    family.trim_start_matches('E').parse().unwrap_or(0)
}

/// Something new.
struct New<'a> {
    /// The name of its family.
    name: &'a str,
    /// With the edit's own value.
    title: String,
    /// On the wall clock of its zone; midnight for a whole day.
    start: String,
    /// Exclusive, as `start`.
    end: String,
    series: Option<Rhythm>,
    form: Form,
}

impl New<'_> {
    /// The zone whose clock it is made by.
    fn zone(&self) -> &'static str {
        zone_of(self.form)
    }
}

fn create(world: &mut World, edit: &Edit, (day, hour): (u8, u8), series: Option<Rhythm>, form: Form) -> Option<Done> {
    let name = format!("E{}", edit.token);
    let (start, length_ms) = match form {
        Form::Day => (midnight(day), DAY_MS),
        _ => (wall(day, hour, edit.token), QUARTER_MS * 4),
    };
    let end = ended(&start, length_ms);
    let new = New { name: &name, title: title(&name, edit.token), start, end, series, form };
    let made = match edit.side {
        Side::App => here::create(world, &new, edit.token),
        Side::Google => google::create(world, &new),
        Side::Outlook => outlook::create(world, &new),
    };
    made.then_some(Done { family: name, ..Done::default() })
}

/// The zone by whose clock people make something.
fn zone_of(form: Form) -> &'static str {
    if form == Form::Abroad { ABROAD } else { ZONE }
}

/// What comes once takes another form on its day: its start, and its length.
fn formed(form: Form, old: &str, token: u32) -> (String, i64) {
    let day = old.get(..10).unwrap_or_default();
    match form {
        Form::Day => (format!("{day}T00:00:00"), DAY_MS),
        _ => (format!("{day}{}", wall(1, 9, token).get(10..).unwrap_or_default()), QUARTER_MS * 4),
    }
}

/// The beginning of a day of March.
fn midnight(day: u8) -> String {
    format!("2026-03-{day:02}T00:00:00")
}

/// Another time for a whole day, with its length; what comes again keeps its days.
fn other_days(change: &Change, start: &str, recurs: bool) -> Option<(String, i64)> {
    match change {
        _ if recurs => None,
        Change::Move { day, .. } => Some((midnight(*day), DAY_MS)),
        Change::Length { quarters } => Some((start.to_owned(), DAY_MS * (1 + i64::from(*quarters % 3)))),
        _ => None,
    }
}

/// A wall time that is later on the clock.
fn ended(start: &str, ms: i64) -> String {
    let at = parse_rfc3339(&format!("{start}Z")).unwrap_or_default();
    format_rfc3339(at + ms).unwrap_or_default().chars().take(19).collect()
}

/// The new start of something that begins at `old`: another day too, unless it comes again.
fn moved(old: &str, day: u8, hour: u8, token: u32, recurs: bool) -> String {
    let to = wall(day, hour, token);
    if recurs { format!("{}{}", old.get(..10).unwrap_or_default(), to.get(10..).unwrap_or_default()) } else { to }
}

/// The new start of something that is moved by days. A series stays where every month has its day, and before its end.
fn shifted(edit: &Edit, (days, hour): (i8, u8), old: &str, recurs: bool) -> Option<String> {
    let day = ended(old, i64::from(days) * DAY_MS);
    let time = match old.get(10..)? {
        midnight @ "T00:00:00" => midnight.to_owned(),
        _ => wall(1, hour, edit.token).get(10..)?.to_owned(),
    };
    let start = format!("{}{time}", day.get(..10)?);
    let of_series = recurs && (edit.occurrence.is_none() || edit.following);
    (!of_series || day.get(8..10)? < "29" && *start < *"2026-06-30").then_some(start)
}

/// Whether an edit is of a series as a whole, whatever was chosen: an occurrence has no rhythm, and guests come to all.
fn is_of_all(edit: &Edit) -> bool {
    match edit.change {
        Change::Repeat(rhythm) => rhythm.is_none() || !edit.following,
        Change::Guest => true,
        _ => false,
    }
}

/// Whether a series that begins then can have a rhythm: none ends before it begins, and every month has its day.
fn takes(rhythm: Option<Rhythm>, start: &str) -> bool {
    match rhythm {
        Some(Rhythm::Weekly) => start < "2026-06-30",
        Some(Rhythm::Monthly(_)) => start.get(8..10).is_some_and(|day| day < "29"),
        _ => true,
    }
}

/// How often a series comes, in the application's words.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_taken_back_member_by_member() {
        let body = json!({"title": "new", "locations": {"1": {"name": "here"}}, "description": null});
        let row =
            json!({"title": "old", "locations": {"2": {"name": "there"}}, "description": "words", "start": "now"});
        let before = members(&row, &body);
        assert_eq!(before, json!({"title": "old", "locations": {"1": null}, "description": "words"}));
        let after = json!({"title": "new", "locations": {"1": {"name": "here"}, "2": {"name": "there"}}});
        let text = Text { series: String::new(), occurrence: None, before, after: members(&after, &body) };
        assert!(text.is_in(&after) && !text.is_in(&row));
    }
}
