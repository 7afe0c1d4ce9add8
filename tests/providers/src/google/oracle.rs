//! What is really there, for a test's oracle: as JSON, and as plain values for those who ask often.
//! Invariant: looking is no request: no fault hits it, no quota counts it, no log line tells of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::ApiError;
use super::series::{Instance, Series, find, instances, meets};
use super::state::{Calendar, Object, Role, Row, text};
use super::time::When;
use super::view::View;
use super::{Google, series};
use crate::shown::{Shown, Written};

/// How far an endless series is looked into, in seconds: five years, as events.instances does.
const AHEAD_S: i64 = super::list::INSTANCES_AHEAD_S;

/// Events and series that are not deleted, and the exceptions (moved and cancelled) of live series, without deletions of
/// what their series no longer has.
fn there(calendar: &Calendar) -> impl Iterator<Item = (&String, &Row)> {
    let live = |id: &str| calendar.rows.get(id).is_some_and(|row| !row.is_cancelled());
    let series = calendar.rows.iter().filter(|(_, row)| row.body.contains_key("recurrence") && !row.is_cancelled());
    let orphans: BTreeSet<String> = series.flat_map(|(id, _)| series::orphans(calendar, id)).collect();
    calendar.rows.iter().filter(move |(id, row)| match row.master() {
        Some(master) => live(master) && !(row.is_cancelled() && orphans.contains(*id)),
        None => !row.is_cancelled(),
    })
}

/// The milliseconds of an end of an event; a day begins at midnight in UTC.
fn shown_ms(when: Option<&When>) -> i64 {
    match when {
        None => 0,
        Some(When::Day(day)) => day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis(),
        Some(When::Moment(utc_s, _)) => utc_s.saturating_mul(1000),
    }
}

fn shown(body: &Object, view: &View, start: Option<&When>, end: Option<&When>) -> Shown {
    let hidden = view.hides(body);
    let word = |key: &str| if hidden { String::new() } else { text(body, key).to_owned() };
    Shown {
        start_ms: shown_ms(start),
        end_ms: shown_ms(end),
        all_day: matches!(start, Some(When::Day(_))),
        title: word("summary"),
        place: word("location"),
        notes: word("description"),
    }
}

fn shown_row(body: &Object, view: &View) -> Shown {
    let (start, end) = (When::stored(body, "start"), When::stored(body, "end"));
    shown(body, view, start.as_ref(), end.as_ref())
}

impl Google {
    /// Every row of the calendar as its owner has it, deleted ones too, by id.
    #[must_use]
    pub fn rows(&self, calendar: &str) -> Vec<Value> {
        let state = self.lock();
        let rows = state.calendars.get(calendar).map(|c| c.rows.values());
        rows.into_iter().flatten().map(|row| Value::Object(row.body.clone())).collect()
    }

    /// What is there: events and series that are not deleted, and the exceptions (moved and cancelled) of live series,
    /// without deletions of what their series no longer has.
    #[must_use]
    pub fn truth(&self, calendar: &str) -> Vec<Value> {
        let state = self.lock();
        let found = state.calendars.get(calendar);
        found.into_iter().flat_map(there).map(|(_, row)| Value::Object(row.body.clone())).collect()
    }

    /// What people wrote in what [`Google::truth`] has, without cancelled exceptions. `read` must not call this
    /// Google: it holds the lock.
    pub fn written(&self, calendar: &str, mut read: impl FnMut(&Written<'_>)) {
        let state = self.lock();
        let Some(calendar) = state.calendars.get(calendar) else { return };
        for (id, row) in there(calendar).filter(|(_, row)| !row.is_cancelled()) {
            let body = &row.body;
            let series = row.master().and_then(|id| Some((id, calendar.rows.get(id)?)));
            let start = body.get("start").and_then(|start| start.get("dateTime")).and_then(Value::as_str);
            read(&Written {
                id: Cow::Borrowed(id),
                series: series.map(|(id, master)| (Cow::Borrowed(id), text(&master.body, "summary"))),
                title: text(body, "summary"),
                place: text(body, "location"),
                notes: text(body, "description"),
                start: Cow::Borrowed(start.unwrap_or_default()),
            });
        }
    }

    /// The same as a listing with `singleEvents` by the owner: what meets a window of milliseconds since the Unix
    /// epoch, expanded.
    ///
    /// # Errors
    /// `notFound` for an unknown calendar, or what a listing says of rules that are not modelled.
    pub fn agenda(&self, calendar: &str, window_ms: (i64, i64)) -> Result<Vec<Shown>, ApiError> {
        let state = self.lock();
        let calendar = state.calendars.get(calendar).ok_or_else(ApiError::not_found)?;
        let role = calendar.roles.get(&calendar.owner).copied().unwrap_or(Role::Owner);
        let view = View { role, zone: None, bare_tombstones: false };
        let zone = calendar.time_zone.as_str();
        let window = (window_ms.0.div_euclid(1000), window_ms.1.div_euclid(1000));
        let mut all = Vec::new();
        for (_, row) in calendar.placed_from(0).filter(|(_, row)| !row.is_cancelled()) {
            let Some(series) = Series::read(&row.body, zone)? else {
                if row.master().is_none() && meets(&row.body, zone, window) {
                    all.push(shown_row(&row.body, &view));
                }
                continue;
            };
            for (_, instance) in instances(calendar, &series, window, false) {
                all.push(match instance {
                    Instance::Own(row) => shown_row(&row.body, &view),
                    Instance::Plain(start) => shown(&row.body, &view, Some(&start), Some(&series.end(&start))),
                });
            }
        }
        Ok(all)
    }

    /// Events and series that are not deleted; exceptions are not counted.
    #[must_use]
    pub fn live_count(&self, calendar: &str) -> usize {
        let state = self.lock();
        let rows = state.calendars.get(calendar).map(|c| c.rows.values());
        rows.into_iter().flatten().filter(|row| !row.is_cancelled() && row.master().is_none()).count()
    }

    /// What was cancelled last: an event, a series without exceptions (what becomes of them is not documented), or an
    /// occurrence that its series still has.
    #[must_use]
    pub fn last_deleted(&self, calendar: &str) -> Option<Value> {
        let state = self.lock();
        let calendar = state.calendars.get(calendar)?;
        let is_there = |id: &str| calendar.rows.get(id).is_some_and(|row| !row.is_cancelled());
        let can_come_back = |id: &String, row: &Row| match row.master() {
            Some(master) => is_there(master) && !series::orphans(calendar, master).contains(id),
            None => calendar.exceptions(id).next().is_none(),
        };
        let deleted = calendar.rows.iter().filter(|(id, row)| row.is_cancelled() && can_come_back(id, row));
        let (_, last) = deleted.max_by_key(|(_, row)| row.seq)?;
        Some(Value::Object(last.body.clone()))
    }

    /// An event, or an instance that has no row of its own yet.
    #[must_use]
    pub fn event(&self, calendar: &str, id: &str) -> Option<Value> {
        let state = self.lock();
        series::find(state.calendars.get(calendar)?, id).ok().map(Value::Object)
    }

    /// One of a series' instances in the order of events.instances; `choose` is told how many there are. None when
    /// there is none, or the series is deleted or cannot be expanded here.
    #[must_use]
    pub fn instance(&self, calendar: &str, master: &str, choose: impl FnOnce(usize) -> usize) -> Option<Value> {
        let state = self.lock();
        let calendar = state.calendars.get(calendar)?;
        let body = find(calendar, master).ok().filter(|body| text(body, "status") != "cancelled")?;
        let series = Series::read(&body, &calendar.time_zone).ok()??;
        let horizon = series::start_of(&body, &calendar.time_zone).max(state.now_ms / 1000) + AHEAD_S;
        let all = instances(calendar, &series, (i64::MIN, horizon), false);
        let (_, instance) = all.get(choose(all.len()))?;
        Some(Value::Object(series.body(instance)))
    }

    /// iCalUIDs that more than one live event or series has.
    #[must_use]
    pub fn duplicates(&self, calendar: &str) -> Vec<String> {
        let state = self.lock();
        let Some(calendar) = state.calendars.get(calendar) else { return Vec::new() };
        let live = |id: &String| calendar.rows.get(id).is_some_and(|row| !row.is_cancelled() && row.master().is_none());
        calendar
            .icals()
            .filter(|(_, ids)| ids.iter().filter(|id| live(id)).count() > 1)
            .map(|(ical, _)| ical.clone())
            .collect()
    }

    /// Values of that private extended property that more than one live event or series has.
    #[must_use]
    pub fn duplicates_by_property(&self, calendar: &str, key: &str) -> Vec<String> {
        let state = self.lock();
        let mut seen = BTreeMap::<&str, u32>::new();
        let rows = state.calendars.get(calendar).map(|calendar| calendar.rows.values());
        for row in rows.into_iter().flatten().filter(|row| !row.is_cancelled() && row.master().is_none()) {
            let all = row.body.get("extendedProperties").and_then(|all| all.get("private"));
            if let Some(value) = all.and_then(|all| all.get(key)).and_then(Value::as_str) {
                *seen.entry(value).or_default() += 1;
            }
        }
        seen.into_iter().filter(|(_, count)| *count > 1).map(|(value, _)| value.to_owned()).collect()
    }
}
