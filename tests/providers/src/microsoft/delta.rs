//! Deltas: calendarView/delta with its window, and events/delta without.
//! Invariant: the link at the end of a round carries the change number with which the round began, so nothing that
//! changes meanwhile is missed; a series is never split over pages.

use std::borrow::Cow;

use serde_json::json;

use super::config::{EventsDelta, LostToken, OccurrenceRows, RemovedReason, SeriesRemoval};
use super::error::ApiError;
use super::list::{bounded, with_rows};
use super::params::Params;
use super::route::Call;
use super::series::{self, Occurrence, occurrences};
use super::state::{Calendar, Item, State};
use super::time::second_text;
use super::token::Position;
use super::view::{View, to_text};
use crate::random::mix;

const DEFAULT_PAGE: usize = 10;
const MAX_PAGE: usize = 1000;
const NOT_HERE: [&str; 5] = ["$select", "$filter", "$expand", "$orderby", "$search"];

/// What kind of delta, for one caller.
struct Round<'a> {
    state: &'a State,
    calendar: &'a Calendar,
    view: View,
    /// With a window, else events/delta.
    windowed: bool,
    position: Position,
}

/// GET calendarView/delta or events/delta.
pub(crate) fn delta(state: &State, calendar: &Calendar, call: &Call<'_>, windowed: bool) -> Result<String, ApiError> {
    if !windowed {
        match state.config.events_delta {
            EventsDelta::BadRequest => {
                return Err(ApiError::bad_request("Change tracking is not supported against 'microsoft.graph.event'."));
            }
            EventsDelta::NotImplemented => {
                return Err(ApiError::new(501, "NotImplemented", "The request is not implemented."));
            }
            _ => {}
        }
    } else if call.names_calendar && !state.config.view_delta_on_calendars {
        return Err(ApiError::bad_request("Change tracking is not supported for this calendar."));
    }
    if let Some((name, _)) = call.request.query().iter().find(|(name, _)| NOT_HERE.contains(&name.as_str())) {
        return Err(ApiError::bad_request(&format!("The query option '{name}' is not supported with delta.")));
    }
    let params =
        Params::check(call.request, &["startDateTime", "endDateTime", "$deltatoken", "$skiptoken", "$deltaToken"])?;
    let position = start(state, calendar, call, &params, windowed)?;
    let mut view = call.prefer.view(&call.account);
    if !windowed && state.config.events_delta == EventsDelta::Minimal {
        view.select = Some(["end", "start", "type"].map(str::to_owned).to_vec());
    }
    let round = Round { state, calendar, view, windowed, position };
    round.check_size()?;
    let size =
        call.prefer.page.unwrap_or(DEFAULT_PAGE).min(state.config.page_limit.unwrap_or(MAX_PAGE)).clamp(1, MAX_PAGE);
    let empty = call.empty_page || (state.config.empty_first_page && !position.begun);
    let (rows, next) = if empty { (Vec::new(), Some(position.next)) } else { round.page(size) };
    let mut head = json!({ "@odata.context": format!("{}$metadata#Collection(event)", call.base) });
    let now_ms = state.now_ms;
    let (name, link) = match next {
        Some(next) => {
            let token = Position { next, begun: true, issued_ms: now_ms, ..position }.seal('s');
            ("@odata.nextLink", call.link(&[("$skiptoken".to_owned(), token)]))
        }
        None => {
            let last =
                Position { after: Some(position.upto), upto: 0, next: 0, begun: false, issued_ms: now_ms, ..position };
            ("@odata.deltaLink", call.link(&[("$deltatoken".to_owned(), last.seal('d'))]))
        }
    };
    if let Some(map) = head.as_object_mut() {
        map.insert(name.to_owned(), json!(link));
    }
    Ok(with_rows(&head, &rows))
}

/// Where this page begins: from its token, else from its window.
fn start(
    state: &State,
    calendar: &Calendar,
    call: &Call<'_>,
    params: &Params,
    windowed: bool,
) -> Result<Position, ApiError> {
    let shape = mix(u64::from(windowed) + 3, &calendar.id);
    let upto = calendar.shown_until(state.now_ms - state.config.delta_lag_ms);
    let delta = params.get("$deltatoken").or_else(|| params.get("$deltaToken"));
    let skip = params.get("$skiptoken");
    if let Some((kind, token)) = skip.map(|token| ('s', token)).or(delta.map(|token| ('d', token))) {
        let position = Position::open(kind, token).filter(|position| position.shape == shape);
        let position = position.ok_or_else(|| ApiError::invalid_delta(token))?;
        if !windowed && state.config.events_delta == EventsDelta::FirstPageOnly {
            return Err(ApiError::invalid_delta(token));
        }
        let old = state.config.delta_token_life_ms.is_some_and(|life| state.now_ms - position.issued_ms > life);
        if old || position.generation != calendar.generation {
            return Err(lost(state, call, position, windowed));
        }
        return Ok(if kind == 's' {
            position
        } else {
            Position { upto: upto.max(position.after.unwrap_or(0)), ..position }
        });
    }
    let window = if windowed {
        bounded(state, params.window()?)?
    } else {
        if params.get("endDateTime").is_some() {
            return Err(ApiError::bad_request("The query option 'endDateTime' is not supported with events/delta."));
        }
        let start =
            params.get("startDateTime").map(|text| super::time::query_time("startDateTime", text)).transpose()?;
        (start.unwrap_or(i64::MIN), i64::MAX)
    };
    Ok(Position {
        after: None,
        upto,
        next: 0,
        generation: calendar.generation,
        shape,
        window,
        issued_ms: state.now_ms,
        begun: false,
    })
}

/// The refusal of a token that is known and lost.
fn lost(state: &State, call: &Call<'_>, position: Position, windowed: bool) -> ApiError {
    lost_error(state.config.lost_token, position.generation, || {
        let mut pairs = vec![("$deltatoken".to_owned(), String::new())];
        if windowed {
            pairs.push(("startDateTime".to_owned(), second_text(position.window.0)));
            pairs.push(("endDateTime".to_owned(), second_text(position.window.1)));
        }
        call.link(&pairs)
    })
}

/// One of the forms in which a lost token is refused.
pub(crate) fn lost_error(form: LostToken, generation: u64, location: impl FnOnce() -> String) -> ApiError {
    let message = format!(
        "The sync state generation is not found; generation={generation};[highest={}].",
        generation.saturating_add(35)
    );
    match form {
        LostToken::SyncStateNotFound => ApiError::new(410, "SyncStateNotFound", &message),
        LostToken::SyncStateNotFoundWithLocation => {
            ApiError::new(410, "syncStateNotFound", &message).with_header("location", &location())
        }
        LostToken::ResyncRequired => ApiError::new(410, "resyncRequired", "Resync required."),
        LostToken::NotFound => ApiError::new(404, "SyncStateNotFound", &message),
        LostToken::BadRequest => ApiError::new(400, "SyncStateNotFound", &message),
    }
}

impl Round<'_> {
    /// Big windows over endless series time out.
    fn check_size(&self) -> Result<(), ApiError> {
        let Some(most) = self.state.config.max_delta_occurrences else { return Ok(()) };
        if !self.windowed || self.position.after.is_some() {
            return Ok(());
        }
        let live = self.calendar.placed_from(0).filter(|item| !item.deleted);
        let count: usize = live.map(|item| occurrences(item, &self.state.config, self.position.window).len()).sum();
        if count > most { Err(ApiError::unknown(504)) } else { Ok(()) }
    }

    /// The rows of a page, and where the next begins; none after the last.
    fn page(&self, size: usize) -> (Vec<String>, Option<u64>) {
        let mut rows = if self.state.config.repeats && self.position.begun { self.last_before() } else { Vec::new() };
        let repeated = rows.len();
        for (key, item) in self.units(self.position.next) {
            let more = self.rows(item);
            if !more.is_empty() && rows.len() > repeated && rows.len() - repeated + more.len() > size {
                return (rows, Some(key));
            }
            rows.extend(more);
        }
        (rows, None)
    }

    /// The rows at the end of the page before.
    fn last_before(&self) -> Vec<String> {
        let before = self.units(0).take_while(|(key, _)| *key < self.position.next);
        before.map(|(_, item)| self.rows(item)).filter(|rows| !rows.is_empty()).last().unwrap_or_default()
    }

    /// Items in the order of the round from a key on, each with its key.
    fn units(&self, from: u64) -> Box<dyn Iterator<Item = (u64, &Item)> + '_> {
        let Some(after) = self.position.after else {
            // Who says nothing of what the caller never had knows what that is: nothing newer than the next position.
            let upto = self.position.upto;
            let strict = !self.state.config.removed_outside_window;
            let known = move |item: &&Item| !strict || item.reaches.first().is_some_and(|(seq, _)| *seq <= upto);
            return Box::new(self.calendar.placed_from(from).filter(known).map(|item| (item.place, item)));
        };
        match self.state.config.shuffle {
            // The key is the change number, so a page begins there without looking at earlier ones.
            None => {
                let changed = self.calendar.changed(after.max(from.saturating_sub(1)), self.position.upto);
                Box::new(changed.map(|item| (item.seq, item)))
            }
            Some(seed) => {
                let changed = self.calendar.changed(after, self.position.upto);
                let mut keyed: Vec<(u64, &Item)> = changed.map(|item| (mix(seed ^ after, &item.core), item)).collect();
                keyed.sort_by_key(|(key, _)| *key);
                Box::new(keyed.into_iter().skip_while(move |(key, _)| *key < from))
            }
        }
    }

    /// What the round says of one item.
    fn rows(&self, item: &Item) -> Vec<String> {
        let config = &self.state.config;
        let window = self.position.window;
        let there = !item.deleted
            && if self.windowed { series::meets(item, config, window) } else { series::reach(item).1 >= window.0 };
        if !there {
            return self.removed(item);
        }
        if !self.windowed {
            return self.whole(item);
        }
        if item.series.is_none() {
            return vec![self.typed(item, None)];
        }
        let mut rows = Vec::new();
        if config.master_rows {
            rows.push(self.typed(item, None));
        }
        for one in occurrences(item, config, window) {
            let bare = one.exception.is_none() && config.occurrence_rows == OccurrenceRows::Bare;
            rows.push(if bare { to_text(&self.view.bare(item, &one, config)) } else { self.typed(item, Some(&one)) });
        }
        let cancelled = item.series.iter().flat_map(|series| series.cancelled.iter());
        if config.deleted_occurrence_rows && self.position.after.is_some() {
            rows.extend(cancelled.map(|at| self.gone(item, Some(*at))));
        }
        rows
    }

    /// The rows of events/delta.
    fn whole(&self, item: &Item) -> Vec<String> {
        let config = &self.state.config;
        let mut rows = vec![self.typed(item, None)];
        if config.events_delta == EventsDelta::Minimal {
            return rows;
        }
        if config.exceptions_in_events_delta {
            let own = item.series.iter().flat_map(|series| series.exceptions.keys());
            let found = own.filter_map(|at| series::occurrence(item, config, *at));
            rows.extend(found.map(|one| self.typed(item, Some(&one))));
        }
        rows
    }

    /// What a round says of an item that is deleted or outside the window.
    fn removed(&self, item: &Item) -> Vec<String> {
        let Some(after) = self.position.after else { return Vec::new() };
        let config = &self.state.config;
        let known = item.reaches.iter().rev().find(|(seq, _)| *seq <= after).and_then(|(_, reach)| *reach);
        let window = self.position.window;
        let held = known.is_some_and(|(low, high)| low < window.1 && high >= window.0);
        if !held && !config.removed_outside_window {
            return Vec::new();
        }
        let mut rows = Vec::new();
        // Who knows it as a single event is told of that.
        let series = item.series.is_some() && self.windowed && !item.was_single;
        if !series || config.series_removal != SeriesRemoval::Occurrences {
            rows.push(self.gone(item, None));
        }
        if series && config.series_removal != SeriesRemoval::Master {
            let all = occurrences(item, config, window);
            rows.extend(all.iter().map(|one| self.gone(item, Some(one.original_ms))));
        }
        if rows.is_empty() {
            // A series that moved out of the window has no occurrence left to name.
            rows.push(self.gone(item, None));
        }
        rows
    }

    fn gone(&self, item: &Item, original_ms: Option<i64>) -> String {
        let reason = match self.state.config.removed_reason {
            RemovedReason::Deleted => "deleted",
            RemovedReason::Changed => "changed",
        };
        let row = json!({
            "@odata.type": "#microsoft.graph.event",
            "id": item.id(original_ms, self.view.immutable),
            "@removed": { "reason": reason },
        });
        row.to_string()
    }

    /// An event or an occurrence with its type.
    fn typed(&self, item: &Item, occurrence: Option<&Occurrence<'_>>) -> String {
        let mut members = self.view.members(item, occurrence, &self.state.config);
        members.insert("@odata.type", Cow::Owned(json!("#microsoft.graph.event")));
        to_text(&members)
    }
}
