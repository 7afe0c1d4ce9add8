//! Where the occurrences of a series are in a window of time, overrides applied, without their documents.
//!
//! An override is found where it now is, not where it was: overrides are placed one by one, and what the rules give
//! is taken only where no override stands for it.

use serde_json::{Map, Value};

use super::civil::{self, DAY_S};
use super::expand::{Budget, Spent};
use super::limits::LAST_SECOND;
use super::occurrences::cut;
use super::series::{Override, Problem, Series, SeriesError, instants};
use crate::effects::TimeMs;
use crate::time::{Duration, LocalDateTime, ZoneWindow, Zones};

/// A window of time.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// Its first moment.
    pub from_ms: TimeMs,
    /// The first moment after it.
    pub to_ms: TimeMs,
    /// The zone in which floating and all-day events are placed.
    pub zone: &'a str,
    /// At most so many occurrences, the earliest ones.
    pub limit: usize,
}

/// When one occurrence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    original: i64,
    /// Its start.
    pub start_ms: TimeMs,
    /// Its end; equal to the start for an event without length.
    pub end_ms: TimeMs,
}

impl Time {
    /// Its original start; of an event that does not recur, its start.
    pub fn original(&self) -> Option<LocalDateTime> {
        civil::wall(self.original).map(LocalDateTime)
    }
}

/// The answer, ordered by (start, original start).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Times {
    /// What was found.
    pub items: Vec<Time>,
    /// The limit or the work budget ended it early.
    pub truncated: bool,
}

/// Longest difference between two zones, or of a day with a change of offset, in seconds.
const SLACK_S: i64 = 26 * 3_600;

/// An occurrence that has a place but no document yet.
pub(super) struct Placed<'a> {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) original: i64,
    pub(super) patch: Option<&'a Map<String, Value>>,
}

/// What [`place`] found.
pub(super) struct Placement<'a> {
    /// Ordered by (start, original start), at most as many as the window's limit.
    pub(super) placed: Vec<Placed<'a>>,
    pub(super) truncated: bool,
    /// What of the overrides was not used.
    pub(super) problems: Vec<Problem>,
}

impl Series<'_> {
    /// Where its occurrences are in a window: what `occurrences` gives, without making documents. A series that is
    /// read once answers any number of windows; the cost depends on the window, not on the age of the series.
    pub fn times(&self, window: &Window, zones: &dyn Zones) -> Result<Times, SeriesError> {
        if self.recurs {
            let Placement { placed, truncated, .. } = place(self, window, zones)?;
            let time = |p: &Placed| Time { original: p.original, start_ms: cut(p.start_ms), end_ms: cut(p.end_ms) };
            return Ok(Times { items: placed.iter().map(time).collect(), truncated });
        }
        let zone = self.own_zone().unwrap_or(window.zone);
        let (start_ms, end_ms) = instants(self.start, self.duration, zone, zones)?;
        let time = Time { original: civil::seconds(self.start), start_ms: cut(start_ms), end_ms: cut(end_ms) };
        let inside = overlaps(window, start_ms, end_ms);
        let items = if inside && window.limit > 0 { vec![time] } else { Vec::new() };
        Ok(Times { truncated: inside && items.is_empty(), items })
    }
}

/// Where the occurrences of a series that recurs are in a window.
pub(super) fn place<'a>(series: &Series<'a>, window: &Window, zones: &dyn Zones) -> Result<Placement<'a>, SeriesError> {
    let placed_in = series.own_zone().unwrap_or(window.zone);
    let view = View::new(series, window, placed_in, zones)?;
    let mut placed = Vec::new();
    let mut problems = Vec::new();
    for (original, change) in &series.overrides {
        let Override::Patch(patch) = change else { continue };
        let moved = series.moved(*original, patch, window.zone, zones);
        if moved.as_ref().is_some_and(Result::is_err) {
            problems.push(Problem::Override);
        }
        let (start_ms, end_ms) = match moved {
            Some(Ok(instants)) => instants,
            // What cannot be placed where it says stays where it was.
            _ if (view.from..view.to).contains(original) => view.instants(*original),
            _ => continue,
        };
        if overlaps(window, start_ms, end_ms) {
            placed.push(Placed { start_ms, end_ms, original: *original, patch: Some(patch) });
        }
    }
    // One more than wanted, to know whether there are more.
    let limit = window.limit.saturating_add(1);
    let (generated, outcome) = by_rules(series, window, &view, limit);
    if placed.is_empty() {
        placed = generated;
    } else {
        placed.extend(generated);
    }
    if !placed.is_sorted_by_key(|p| (p.start_ms, p.original)) {
        placed.sort_unstable_by_key(|p| (p.start_ms, p.original));
    }
    let truncated = outcome.is_err() || placed.len() > window.limit;
    placed.truncate(window.limit);
    Ok(Placement { placed, truncated, problems })
}

/// The earliest occurrences that the rules give and no override stands for; at least `limit` when there are so many.
fn by_rules<'a>(series: &Series, window: &Window, view: &View, limit: usize) -> (Vec<Placed<'a>>, Result<(), Spent>) {
    let mut budget = Budget::default();
    let mut overridden = Ascending::new(series.overrides.range(view.from..view.to).map(|(at, _)| *at).collect());
    let room: usize = series.rules.iter().map(|rule| rule.about(view.from, view.to)).sum();
    let mut found = Vec::with_capacity(room.min(limit));
    let mut visit = |original: i64, found: &mut Vec<Placed<'a>>| {
        let (start_ms, end_ms) = view.instants(original);
        let wanted = overlaps(window, start_ms, end_ms) && !overridden.contains(original);
        if wanted {
            found.push(Placed { start_ms, end_ms, original, patch: None });
        }
        wanted
    };
    let mut outcome = series.generate(view.from, view.to, limit, &mut budget, |at| visit(at, &mut found));
    if series.rules.len() > 1 {
        tidy(&mut found);
    }
    if let Some(last) = limit.checked_sub(1).and_then(|index| found.get(index)).map(|p| p.original) {
        found.truncate(limit);
        // What a gap shifts forward comes after some wall times that follow it.
        let latest = found.iter().max_by_key(|p| p.start_ms).map_or(last, |p| p.original);
        let to = view.to.min(view.in_order_from(latest));
        outcome = outcome.and(series.generate(last + 1, to, usize::MAX, &mut budget, |at| visit(at, &mut found)));
        tidy(&mut found);
    }
    (found, outcome)
}

/// What several rules give, once.
fn tidy(found: &mut Vec<Placed>) {
    found.sort_unstable_by_key(|p| p.original);
    found.dedup_by_key(|p| p.original);
}

/// A set that is asked for ascending numbers; going back costs a new start.
struct Ascending {
    sorted: Vec<i64>,
    next: usize,
}

impl Ascending {
    fn new(sorted: Vec<i64>) -> Self {
        Ascending { sorted, next: 0 }
    }

    fn contains(&mut self, at: i64) -> bool {
        if self.next.checked_sub(1).and_then(|i| self.sorted.get(i)).is_some_and(|passed| *passed >= at) {
            self.next = 0;
        }
        while self.sorted.get(self.next).is_some_and(|n| *n < at) {
            self.next += 1;
        }
        self.sorted.get(self.next) == Some(&at)
    }
}

/// Whether an occurrence touches the window. One without length is inside at its start.
pub(super) fn overlaps(window: &Window, start_ms: i64, end_ms: i64) -> bool {
    let from = i64::try_from(window.from_ms).unwrap_or(i64::MAX);
    let to = i64::try_from(window.to_ms).unwrap_or(i64::MAX);
    start_ms < to && (end_ms > from || (start_ms == end_ms && start_ms == from))
}

/// The window as this event sees it.
struct View {
    /// Civil seconds that can touch the window, widely.
    from: i64,
    to: i64,
    offsets: ZoneWindow,
    duration: Duration,
}

impl View {
    fn new(series: &Series, window: &Window, zone: &str, zones: &dyn Zones) -> Result<Self, SeriesError> {
        let ms = |t: TimeMs| i64::try_from(t).unwrap_or(i64::MAX).min(LAST_SECOND * 1_000);
        let (from_ms, to_ms) = (ms(window.from_ms), ms(window.to_ms));
        let duration = series.duration;
        let length = duration.nominal_ms() / 1_000 + 1;
        let from = (from_ms / 1_000).saturating_sub(SLACK_S + length).max(-LAST_SECOND / 2);
        let to = (to_ms / 1_000 + SLACK_S).min(LAST_SECOND);
        // Offsets are wanted only where the event can be: a window of all time over one event asks for one year.
        let start = civil::seconds(series.start);
        let earliest = series.overrides.keys().next().map_or(start, |o| start.min(*o));
        let first = from.max(earliest).min(to);
        let last = to.saturating_add(i64::from(duration.days) * DAY_S).min(LAST_SECOND - SLACK_S);
        let wall = |s: i64| civil::wall(s).ok_or(SeriesError::OutOfTime);
        let missing = || if zones.exists(zone) { SeriesError::OutOfTime } else { SeriesError::Zone };
        let offsets = zones.window(zone, wall(first)?, wall(last)?).ok_or_else(missing)?;
        Ok(View { from, to, offsets, duration })
    }

    /// The civil second from which on every instant is later than this one's. What a gap shifts forward comes after
    /// some wall times that follow it.
    fn in_order_from(&self, at: i64) -> i64 {
        let passes_ms = self.offsets.to_utc_ms(at + SLACK_S) - self.offsets.to_utc_ms(at);
        at + 1 + (SLACK_S - passes_ms / 1_000).max(0)
    }

    fn instants(&self, start: i64) -> (i64, i64) {
        let start_ms = self.offsets.to_utc_ms(start);
        let end_ms = match self.duration.days {
            0 => start_ms,
            days => self.offsets.to_utc_ms(start.saturating_add(i64::from(days) * DAY_S)),
        };
        (start_ms, end_ms.saturating_add(i64::try_from(self.duration.ms).unwrap_or(i64::MAX)).max(start_ms))
    }
}
