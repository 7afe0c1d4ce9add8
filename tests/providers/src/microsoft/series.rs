//! Series, their occurrences and their exceptions.
//! Invariant: an occurrence is known by its original start in whole minutes; it has content of its own only when it
//! differs from the series.

use chrono::{NaiveDate, NaiveTime};
use jiff::tz::TimeZone;

use super::config::{Config, ShortMonth};
use super::error::ApiError;
use super::expand::dates;
use super::ids;
use super::rule::{Rule, Until};
use super::state::{Calendar, Exception, Item, State};
use super::time::{MINUTE_MS, Span, to_civil, to_utc};
use super::zones;

/// Occurrences that are looked at to answer one question.
pub(crate) const MAX_OCCURRENCES: usize = 50_000;
const DAY_MS: i64 = 86_400_000;

/// An occurrence, plain or changed.
#[derive(Clone, Debug)]
pub(crate) struct Occurrence<'a> {
    pub(crate) original_ms: i64,
    pub(crate) span: Span,
    pub(crate) exception: Option<&'a Exception>,
}

fn rules(rule: &Rule) -> TimeZone {
    zones::zone(&rule.zone).unwrap_or(TimeZone::UTC)
}

/// Cuts seconds off: occurrences are keyed by whole minutes.
fn whole_minute(at_ms: i64) -> i64 {
    at_ms.div_euclid(MINUTE_MS) * MINUTE_MS
}

/// The wall-clock time of every occurrence.
fn wall(rule: &Rule, span: &Span) -> NaiveTime {
    to_civil(&rules(rule), whole_minute(span.start.at_ms)).time()
}

/// The date of a moment in the recurrence's zone.
pub(crate) fn local_date(rule: &Rule, at_ms: i64) -> NaiveDate {
    to_civil(&rules(rule), at_ms).date()
}

/// The first date of the rule; none when it never comes.
pub(crate) fn first_date(rule: &Rule, short: ShortMonth) -> Option<NaiveDate> {
    dates(rule, short, NaiveDate::MAX, 1).first().copied()
}

/// Original starts before `end_ms` (exclusive), deleted ones included.
pub(crate) fn originals(item: &Item, short: ShortMonth, end_ms: i64, limit: usize) -> Vec<i64> {
    let Some(series) = &item.series else { return Vec::new() };
    let zone = rules(&series.rule);
    let time = wall(&series.rule, &item.span);
    let last = to_civil(&zone, end_ms.clamp(-8_000_000_000_000, 8_000_000_000_000)).date();
    let days = dates(&series.rule, short, last, limit).into_iter();
    days.map(|day| to_utc(&zone, day.and_time(time))).filter(|at| *at < end_ms).collect()
}

/// The occurrences that meet a window of UTC milliseconds, by start; deleted ones left out.
pub(crate) fn occurrences<'a>(item: &'a Item, config: &Config, window: (i64, i64)) -> Vec<Occurrence<'a>> {
    let Some(series) = &item.series else { return Vec::new() };
    let mut found: Vec<Occurrence<'a>> = series
        .exceptions
        .iter()
        .filter(|(_, exception)| exception.span.meets(window))
        .map(|(at, exception)| Occurrence {
            original_ms: *at,
            span: exception.span.clone(),
            exception: Some(exception),
        })
        .collect();
    let length = item.span.end.at_ms - item.span.start.at_ms;
    for at in originals(item, config.short_month, window.1, MAX_OCCURRENCES) {
        // A day more than the length, because days are not all equally long.
        let far = at + length + DAY_MS < window.0;
        if far || series.cancelled.contains(&at) || series.exceptions.contains_key(&at) {
            continue;
        }
        let span = item.span.starting(at);
        if span.meets(window) {
            found.push(Occurrence { original_ms: at, span, exception: None });
        }
    }
    found.sort_by_key(|occurrence| (occurrence.span.start.at_ms, occurrence.original_ms));
    found
}

/// The occurrence with that original start; none when the series has none or it is deleted.
pub(crate) fn occurrence<'a>(item: &'a Item, config: &Config, original_ms: i64) -> Option<Occurrence<'a>> {
    let series = item.series.as_ref()?;
    if let Some(exception) = series.exceptions.get(&original_ms) {
        return Some(Occurrence { original_ms, span: exception.span.clone(), exception: Some(exception) });
    }
    let known = is_original(item, config, original_ms) && !series.cancelled.contains(&original_ms);
    known.then(|| Occurrence { original_ms, span: item.span.starting(original_ms), exception: None })
}

/// Whether the rule has that start.
pub(crate) fn is_original(item: &Item, config: &Config, original_ms: i64) -> bool {
    originals(item, config.short_month, original_ms + 1, MAX_OCCURRENCES).last() == Some(&original_ms)
}

/// Refuses a move to the day of a neighbour, or beyond it.
pub(crate) fn check_move(item: &Item, config: &Config, original_ms: i64, to: &Span) -> Result<(), ApiError> {
    let Some(series) = &item.series else { return Ok(()) };
    let zone = rules(&series.rule);
    let day = |at_ms: i64| to_civil(&zone, at_ms).date();
    let place = |at: &i64| series.exceptions.get(at).map_or(*at, |exception| exception.span.start.at_ms);
    // Far enough for the next one, whatever the interval is.
    let mut ahead = original_ms + 40 * DAY_MS;
    let mut all = originals(item, config.short_month, ahead, MAX_OCCURRENCES);
    while all.last().is_none_or(|last| *last <= original_ms) && ahead < original_ms + 4_000 * DAY_MS {
        ahead += 400 * DAY_MS;
        all = originals(item, config.short_month, ahead, MAX_OCCURRENCES);
    }
    let live = |at: &&i64| !series.cancelled.contains(*at);
    let before = all.iter().filter(live).rfind(|at| **at < original_ms).map(place);
    let after = all.iter().filter(live).find(|at| **at > original_ms).map(place);
    let target = day(to.start.at_ms);
    if before.is_some_and(|at| target <= day(at)) || after.is_some_and(|at| target >= day(at)) {
        return Err(ApiError::crossing());
    }
    Ok(())
}

/// The span from an item's first moment to its last; an endless series ends never.
pub(crate) fn reach(item: &Item) -> (i64, i64) {
    let (start, end) = (item.span.start.at_ms, item.span.end.at_ms);
    let Some(series) = &item.series else { return (start, end) };
    let zone = rules(&series.rule);
    let last = match series.rule.until {
        Until::Never => i64::MAX,
        Until::Date(day) => to_utc(&zone, day.and_time(NaiveTime::MIN)) + DAY_MS + (end - start),
        Until::Count(_) => {
            let all = originals(item, ShortMonth::LastDay, i64::MAX, MAX_OCCURRENCES);
            all.last().map_or(end, |at| at + (end - start))
        }
    };
    let spans = series.exceptions.values().map(|exception| &exception.span);
    spans.fold((start, last), |(low, high), span| (low.min(span.start.at_ms), high.max(span.end.at_ms)))
}

/// Whether an item has anything in a window.
pub(crate) fn meets(item: &Item, config: &Config, window: (i64, i64)) -> bool {
    match item.series {
        None => item.span.meets(window),
        Some(_) => !occurrences(item, config, window).is_empty(),
    }
}

/// What an id names: a live item, and the occurrence if it names one.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) calendar: String,
    pub(crate) core: String,
    pub(crate) original_ms: Option<i64>,
}

/// Finds what an id names for that account.
pub(crate) fn find(state: &State, account: &str, id: &str) -> Result<Target, ApiError> {
    let read = ids::read(id).ok_or_else(ApiError::malformed_id)?;
    let home = state.homes.get(&read.core).ok_or_else(ApiError::item_not_found)?;
    let calendar = state.calendars.get(home).ok_or_else(ApiError::item_not_found)?;
    if calendar.owner != account {
        return Err(ApiError::denied());
    }
    let item = live(calendar, &read.core)?;
    // The default form names the place too: after a move the old id is gone.
    if read.salt.is_some_and(|salt| salt != item.salt) {
        return Err(ApiError::item_not_found());
    }
    if let Some(original_ms) = read.original_ms {
        occurrence(item, &state.config, original_ms).ok_or_else(ApiError::item_not_found)?;
    }
    Ok(Target { calendar: home.clone(), core: read.core, original_ms: read.original_ms })
}

/// A live item of a calendar.
pub(crate) fn live<'a>(calendar: &'a Calendar, core: &str) -> Result<&'a Item, ApiError> {
    calendar.items.get(core).filter(|item| !item.deleted).ok_or_else(ApiError::item_not_found)
}
