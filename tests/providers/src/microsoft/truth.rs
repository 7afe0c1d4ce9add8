//! What is really there, for a test's oracle.
//! Invariant: reading changes nothing, and times are in the events' own zones.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Microsoft;
use super::god::calendar_id;
use super::series::{self, Occurrence, Target, occurrences};
use super::state::{Calendar, Item, State};
use super::time::second_text;
use super::view::View;

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
