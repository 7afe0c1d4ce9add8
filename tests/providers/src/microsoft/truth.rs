//! What is really there, for a test's oracle.
//! Invariant: reading changes nothing, and times are in the events' own zones.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::god::calendar_id;
use super::series::{self, Occurrence, Target, occurrences};
use super::state::{Calendar, Exception, Item, State, text};
use super::time::{Moment, Span, civil_text, second_text};
use super::view::View;
use super::{Microsoft, html, ids};
use crate::shown::{Shown, Written};

const DAY_MS: i64 = 86_400_000;

/// The event that a target names, as its owner sees it.
pub(crate) fn shown(state: &State, target: &Target) -> Option<Value> {
    let calendar = state.calendars.get(&target.calendar)?;
    let item = series::live(calendar, &target.core).ok()?;
    let view = View::of_god(&calendar.owner);
    match target.original_ms {
        None => Some(view.event(item, None, &state.config)),
        Some(at) => {
            let found = series::occurrence(item, &state.config, at)?;
            Some(view.event(item, Some(&found), &state.config))
        }
    }
}

/// An item with its exceptions and deleted occurrences.
fn all_of(state: &State, calendar: &Calendar, item: &Item) -> Vec<Value> {
    let view = View::of_god(&calendar.owner);
    let mut rows = vec![view.event(item, None, &state.config)];
    let Some(series) = &item.series else { return rows };
    for (at, exception) in &series.exceptions {
        let one = Occurrence { original_ms: *at, span: exception.span.clone(), exception: Some(exception) };
        rows.push(view.event(item, Some(&one), &state.config));
    }
    for at in &series.cancelled {
        rows.push(json!({
            "id": item.id(Some(*at), false),
            "type": "cancelled",
            "seriesMasterId": item.id(None, false),
            "originalStart": second_text(*at),
        }));
    }
    rows
}

/// What people wrote in an item, or in a changed occurrence of it.
fn written<'a>(item: &'a Item, exception: Option<(i64, &'a Exception)>) -> Written<'a> {
    let own = exception.map(|(_, own)| own);
    let span = own.map_or(&item.span, |own| &own.span);
    Written {
        id: item.id(exception.map(|(at, _)| at), false).into(),
        series: own.map(|_| (item.id(None, false).into(), text(&item.body, "subject"))),
        title: word(item, own, "subject", None),
        place: word(item, own, "location", Some("displayName")),
        notes: word(item, own, "body", Some("content")),
        start: civil_text(span.start.civil()).into(),
    }
}

/// A text of an item, or the changed one of an occurrence.
fn word<'a>(item: &'a Item, exception: Option<&'a Exception>, key: &str, member: Option<&str>) -> &'a str {
    let own = exception.and_then(|own| own.body.get(key)).or_else(|| item.body.get(key));
    let found = own.and_then(|value| member.map_or(Some(value), |member| value.get(member)));
    found.and_then(Value::as_str).unwrap_or_default()
}

/// The milliseconds of an end of an event. Days begin at midnight of some zone; in UTC that is up to half a day away.
fn shown_ms(span: &Span, end: &Moment) -> i64 {
    if span.all_day { (end.at_ms + DAY_MS / 2).div_euclid(DAY_MS) * DAY_MS } else { end.at_ms }
}

fn shown_in(item: &Item, span: &Span, exception: Option<&Exception>) -> Shown {
    Shown {
        start_ms: shown_ms(span, &span.start),
        end_ms: shown_ms(span, &span.end),
        all_day: span.all_day,
        title: word(item, exception, "subject", None).to_owned(),
        place: word(item, exception, "location", Some("displayName")).to_owned(),
        notes: html::to_text(word(item, exception, "body", Some("content"))),
    }
}

/// What an id names, whatever its form, and whether it is still there: the item, and the original start of an occurrence.
#[must_use]
pub fn named(id: &str) -> Option<(String, Option<i64>)> {
    ids::read(id).map(|id| (id.core, id.original_ms))
}

impl Microsoft {
    fn rows_of<T>(&self, calendar: &str, read: impl Fn(&State, &Calendar, &Item) -> Vec<T>) -> Vec<T> {
        let state = self.lock();
        let found = calendar_id(&state, calendar).and_then(|id| state.calendars.get(&id));
        let Some(calendar) = found else { return Vec::new() };
        let live = calendar.items.values().filter(|item| !item.deleted);
        live.flat_map(|item| read(&state, calendar, item)).collect()
    }

    /// Live events and masters, the exceptions of each master behind it, and for each deleted occurrence a row of the
    /// type `cancelled` with id, seriesMasterId and originalStart. Extended properties are shown too.
    #[must_use]
    pub fn truth(&self, calendar: &str) -> Vec<Value> {
        self.rows_of(calendar, all_of)
    }

    /// What people wrote in live events, masters and changed occurrences. `read` must not call this Microsoft: it holds
    /// the lock.
    pub fn written(&self, calendar: &str, mut read: impl FnMut(&Written<'_>)) {
        let state = self.lock();
        let found = calendar_id(&state, calendar).and_then(|id| state.calendars.get(&id));
        let items = found.into_iter().flat_map(|calendar| calendar.items.values());
        for item in items.filter(|item| !item.deleted) {
            read(&written(item, None));
            let own = item.series.iter().flat_map(|series| series.exceptions.iter());
            own.for_each(|(at, exception)| read(&written(item, Some((*at, exception)))));
        }
    }

    /// The same as calendarView with bodies as text: what meets a window of milliseconds since the Unix epoch.
    #[must_use]
    pub fn agenda(&self, calendar: &str, window_ms: (i64, i64)) -> Vec<Shown> {
        let state = self.lock();
        let found = calendar_id(&state, calendar).and_then(|id| state.calendars.get(&id));
        let mut all = Vec::new();
        let items = found.into_iter().flat_map(|calendar| calendar.items.values());
        for item in items.filter(|item| !item.deleted) {
            let whole = shown_in(item, &item.span, None);
            if item.series.is_none() {
                all.extend(item.span.meets(window_ms).then_some(whole));
                continue;
            }
            all.extend(occurrences(item, &state.config, window_ms).iter().map(|one| match one.exception {
                Some(exception) => shown_in(item, &one.span, Some(exception)),
                None => Shown {
                    start_ms: shown_ms(&one.span, &one.span.start),
                    end_ms: shown_ms(&one.span, &one.span.end),
                    ..whole.clone()
                },
            }));
        }
        all
    }

    /// Events and series that are there; occurrences are not counted.
    #[must_use]
    pub fn live_count(&self, calendar: &str) -> usize {
        self.rows_of(calendar, |_, _, _| vec![()]).len()
    }

    /// An event or an occurrence by its id, in any form.
    #[must_use]
    pub fn event(&self, calendar: &str, id: &str) -> Option<Value> {
        let state = self.lock();
        let (target, _) = Self::user_target(&state, calendar, id).ok()?;
        shown(&state, &target)
    }

    /// The occurrences of a series that meet a window of milliseconds since the Unix epoch, by start.
    #[must_use]
    pub fn occurrences(&self, calendar: &str, master: &str, from_ms: i64, to_ms: i64) -> Vec<Value> {
        let state = self.lock();
        let Ok((target, writer)) = Self::user_target(&state, calendar, master) else { return Vec::new() };
        let item = state.calendars.get(&target.calendar).and_then(|calendar| calendar.items.get(&target.core));
        let view = View::of_god(&writer.account);
        let found = item.map(|item| (item, occurrences(item, &state.config, (from_ms, to_ms))));
        found
            .into_iter()
            .flat_map(|(item, all)| {
                all.iter().map(|one| view.event(item, Some(one), &state.config)).collect::<Vec<_>>()
            })
            .collect()
    }

    /// One of a series' occurrences in the order of their starts, up to `to_ms` (milliseconds since the Unix epoch);
    /// `choose` is told how many there are.
    #[must_use]
    pub fn occurrence(
        &self,
        calendar: &str,
        master: &str,
        to_ms: i64,
        choose: impl FnOnce(usize) -> usize,
    ) -> Option<Value> {
        let state = self.lock();
        let (target, writer) = Self::user_target(&state, calendar, master).ok()?;
        let item = state.calendars.get(&target.calendar)?.items.get(&target.core)?;
        let all = occurrences(item, &state.config, (0, to_ms));
        let one = all.get(choose(all.len()))?;
        Some(View::of_god(&writer.account).event(item, Some(one), &state.config))
    }

    /// Subjects that more than one live event or series has at the same start and end.
    #[must_use]
    pub fn duplicates(&self, calendar: &str) -> Vec<String> {
        let keys = self.rows_of(calendar, |_, _, item| {
            let subject = super::state::text(&item.body, "subject").to_owned();
            vec![(subject, item.span.start.at_ms, item.span.end.at_ms)]
        });
        repeated(keys.into_iter()).into_iter().map(|(subject, ..)| subject).collect()
    }

    /// Values of that extended property (by its whole id) that more than one live event or series has.
    #[must_use]
    pub fn duplicates_by_property(&self, calendar: &str, id: &str) -> Vec<String> {
        let values = self.rows_of(calendar, |_, _, item| item.extended.get(id).cloned().into_iter().collect());
        repeated(values.into_iter())
    }
}

fn repeated<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeMap::<T, u32>::new();
    for one in all {
        *seen.entry(one).or_default() += 1;
    }
    seen.into_iter().filter(|(_, count)| *count > 1).map(|(one, _)| one).collect()
}
