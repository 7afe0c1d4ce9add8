//! Series, their instances and their exceptions.
//! Invariant: an instance is known by its original start; it becomes a row only when it differs from the series.

use serde_json::{Value, json};

use super::error::ApiError;
use super::expand::{Origin, expand};
use super::rule::{Recurrence, RuleError};
use super::state::{Calendar, Object, Row, text};
use super::time::When;

/// Instances that are looked at to answer one question.
pub(crate) const MAX_INSTANCES: usize = 50_000;
/// How far an open window is looked into for an endless series, in seconds: ten years.
const LOOK_AHEAD_S: i64 = 10 * 366 * 86_400;

/// A series that can be expanded.
pub(crate) struct Series<'a> {
    master: &'a Object,
    rules: Recurrence,
    origin: Origin,
    calendar_zone: &'a str,
    duration: Duration,
}

enum Duration {
    Days(i64),
    Seconds(i64),
}

/// An instance of a series.
pub(crate) enum Instance<'a> {
    /// It has a row of its own.
    Own(&'a Row),
    /// It follows from the rules, and starts there.
    Plain(When),
}

impl<'a> Series<'a> {
    /// Reads a master; none when it is not a series.
    pub(crate) fn read(master: &'a Object, calendar_zone: &'a str) -> Result<Option<Self>, ApiError> {
        let Some(lines) = master.get("recurrence") else { return Ok(None) };
        let rules = Recurrence::read(lines).map_err(|error| match error {
            RuleError::NotModelled(what) => ApiError::not_modelled(&format!("expanding {what}")),
            RuleError::Invalid => ApiError::invalid("Invalid recurrence rule."),
        })?;
        let start = When::stored(master, "start").ok_or_else(|| ApiError::invalid("Invalid start time."))?;
        let end = When::stored(master, "end").ok_or_else(|| ApiError::invalid("Invalid end time."))?;
        let duration = match (&start, &end) {
            (When::Day(first), When::Day(last)) => Duration::Days((*last - *first).num_days()),
            _ => Duration::Seconds(end.utc(calendar_zone) - start.utc(calendar_zone)),
        };
        Ok(Some(Self { origin: Origin::new(&start, calendar_zone), master, rules, calendar_zone, duration }))
    }

    /// Starts before `end_s` (UTC seconds, exclusive), at most `limit`.
    pub(crate) fn starts(&self, end_s: i64, limit: usize) -> Vec<(i64, When)> {
        expand(&self.rules, &self.origin, end_s, limit)
    }

    /// How many starts the rules give before that moment, excluded ones counted and listed ones not.
    pub(crate) fn generated_before(&self, utc_s: i64) -> usize {
        let rules = Recurrence { rules: self.rules.rules.clone(), ..Recurrence::default() };
        expand(&rules, &self.origin, utc_s, MAX_INSTANCES).len()
    }

    /// The start with that instance suffix, if the series has it.
    pub(crate) fn start_of(&self, suffix: &str) -> Option<When> {
        let wanted = suffix_utc(suffix)?;
        let starts = self.starts(wanted + 2 * 86_400, MAX_INSTANCES);
        starts.into_iter().map(|(_, when)| when).find(|when| when.has_suffix(suffix))
    }

    /// The end of an instance that starts there.
    pub(crate) fn end(&self, start: &When) -> When {
        match (start, &self.duration) {
            (When::Day(day), Duration::Days(days)) => {
                let days = chrono::Days::new(u64::try_from(*days).unwrap_or(1));
                When::Day(day.checked_add_days(days).unwrap_or(*day))
            }
            (When::Moment(at, zone), Duration::Seconds(seconds)) => When::Moment(at + seconds, zone.clone()),
            (other, _) => other.clone(),
        }
    }

    /// An instance as the service answers it.
    pub(crate) fn body(&self, instance: &Instance<'_>) -> Object {
        match instance {
            Instance::Own(row) => row.body.clone(),
            Instance::Plain(start) => self.instance(start),
        }
    }

    /// The instance that starts there, as the service answers it while it has no row of its own.
    pub(crate) fn instance(&self, start: &When) -> Object {
        let mut body = self.master.clone();
        body.remove("recurrence");
        let master_id = text(self.master, "id");
        let id = format!("{master_id}_{}", start.instance_suffix());
        let end = self.end(start);
        let written = start.write(self.calendar_zone);
        body.insert("id".to_owned(), json!(id));
        body.insert("recurringEventId".to_owned(), json!(master_id));
        body.insert("originalStartTime".to_owned(), written.clone());
        body.insert("start".to_owned(), written);
        body.insert("end".to_owned(), end.write(self.calendar_zone));
        body
    }
}

/// The UTC seconds that an instance suffix speaks of.
fn suffix_utc(suffix: &str) -> Option<i64> {
    let padded = if suffix.len() == 8 { format!("{suffix}T000000Z") } else { suffix.to_owned() };
    let naive = chrono::NaiveDateTime::parse_from_str(&padded, "%Y%m%dT%H%M%SZ").ok()?;
    Some(naive.and_utc().timestamp())
}

/// An event by id: a row, or an instance that has no row yet.
pub(crate) fn find(calendar: &Calendar, id: &str) -> Result<Object, ApiError> {
    if let Some(row) = calendar.rows.get(id) {
        let mut body = row.body.clone();
        // What is left of a deleted series is deleted with it, whether listings say so or not.
        if row.master().and_then(|master| calendar.rows.get(master)).is_some_and(Row::is_cancelled) {
            body.insert("status".to_owned(), json!("cancelled"));
        }
        return Ok(body);
    }
    let (master_id, suffix) = id.rsplit_once('_').ok_or_else(ApiError::not_found)?;
    let master = calendar.rows.get(master_id).ok_or_else(ApiError::not_found)?;
    let series = Series::read(&master.body, &calendar.time_zone)?.ok_or_else(ApiError::not_found)?;
    let start = series.start_of(suffix).ok_or_else(ApiError::not_found)?;
    Ok(series.instance(&start))
}

/// Ids of the exceptions that the series no longer has.
pub(crate) fn orphans(calendar: &Calendar, master_id: &str) -> Vec<String> {
    let Some(master) = calendar.rows.get(master_id) else { return Vec::new() };
    let exceptions: Vec<&String> = calendar.exceptions(master_id).map(|(id, _)| id).collect();
    if exceptions.is_empty() {
        return Vec::new();
    }
    let series = match Series::read(&master.body, &calendar.time_zone) {
        Ok(series) => series,
        // A rule that cannot be expanded here keeps its exceptions.
        Err(_) => return Vec::new(),
    };
    let Some(series) = series else { return exceptions.into_iter().cloned().collect() };
    let last = exceptions.iter().filter_map(|id| suffix_utc(id.rsplit_once('_')?.1)).max().unwrap_or(0);
    let starts = series.starts(last + 2 * 86_400, MAX_INSTANCES);
    let is_kept = |id: &str| {
        let suffix = id.rsplit_once('_').map(|(_, suffix)| suffix).unwrap_or_default();
        starts.iter().any(|(_, when)| when.has_suffix(suffix))
    };
    exceptions.into_iter().filter(|id| !is_kept(id)).cloned().collect()
}

/// The instances that meet a window, exceptions in place of the plain ones, each with its start in UTC seconds.
///
/// `window` is UTC seconds: the end must lie behind the first, the start before the second.
pub(crate) fn instances<'a>(
    calendar: &'a Calendar,
    series: &Series<'a>,
    window: (i64, i64),
    show_deleted: bool,
) -> Vec<(i64, Instance<'a>)> {
    let zone = &calendar.time_zone;
    let master_id = text(series.master, "id");
    let mut found = Vec::new();
    for (_, row) in calendar.exceptions(master_id) {
        if row.is_cancelled() && !show_deleted {
            continue;
        }
        if meets(&row.body, zone, window) {
            found.push((start_of(&row.body, zone), Instance::Own(row)));
        }
    }
    let length = end_of(series.master, zone) - start_of(series.master, zone);
    let has_rows = calendar.has_ids_below(&format!("{master_id}_"));
    for (at, start) in series.starts(window.1, MAX_INSTANCES) {
        // A day more than the length, because days are not all equally long.
        let far = at + length + 86_400 < window.0;
        if far || (has_rows && calendar.rows.contains_key(&format!("{master_id}_{}", start.instance_suffix()))) {
            continue;
        }
        if series.end(&start).utc(zone) > window.0 && start.utc(zone) < window.1 {
            found.push((at, Instance::Plain(start)));
        }
    }
    found
}

/// Whether an event's own times meet the window.
pub(crate) fn meets(body: &Object, calendar_zone: &str, window: (i64, i64)) -> bool {
    end_of(body, calendar_zone) > window.0 && start_of(body, calendar_zone) < window.1
}

pub(crate) fn start_of(body: &Object, calendar_zone: &str) -> i64 {
    When::stored(body, "start").map_or(0, |when| when.utc(calendar_zone))
}

fn end_of(body: &Object, calendar_zone: &str) -> i64 {
    When::stored(body, "end").map_or(0, |when| when.utc(calendar_zone))
}

/// Whether a row (a series, an exception or a single event) meets the window.
pub(crate) fn row_meets(calendar: &Calendar, body: &Object, window: (i64, i64)) -> bool {
    if body.get("recurrence").is_none() {
        return meets(body, &calendar.time_zone, window);
    }
    let master_id = text(body, "id");
    if calendar
        .exceptions(master_id)
        .any(|(_, row)| !row.is_cancelled() && meets(&row.body, &calendar.time_zone, window))
    {
        return true;
    }
    // Better shown than hidden when the rule is only not expanded here.
    let Ok(Some(series)) = Series::read(body, &calendar.time_zone) else { return true };
    let length = end_of(body, &calendar.time_zone) - start_of(body, &calendar.time_zone);
    let starts = series.starts(window.1.min(window.0.max(0).saturating_add(LOOK_AHEAD_S)), MAX_INSTANCES);
    starts.iter().any(|(at, start)| {
        at + length > window.0 && !calendar.rows.contains_key(&format!("{master_id}_{}", start.instance_suffix()))
    })
}

/// Reads a member as text.
pub(crate) fn member<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    body.get(key).and_then(Value::as_str)
}
