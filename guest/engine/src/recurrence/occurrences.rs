//! The occurrences of an event document in a window of time, overrides applied.
//!
//! An override is found where it now is, not where it was: overrides are placed one by one, and what the rules give
//! is taken only where no override stands for it.

use serde_json::{Map, Value};

use super::civil::{self, DAY_S};
use super::expand::Budget;
use super::limits::LAST_SECOND;
use super::patch::patch_in_place;
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

/// One occurrence.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// Which one: its original start; none for an event that does not recur.
    pub recurrence_id: Option<String>,
    /// Its start.
    pub start_ms: TimeMs,
    /// Its end; equal to the start for an event without length.
    pub end_ms: TimeMs,
    /// The event as it is for this occurrence: no rules, no overrides, `recurrenceId` set.
    pub document: Value,
}

/// The answer, ordered by (start, recurrence id).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Occurrences {
    /// What was found.
    pub items: Vec<Occurrence>,
    /// The limit or the work budget ended it early.
    pub truncated: bool,
    /// What of the document was not used.
    pub problems: Vec<Problem>,
}

/// Properties of the series that its occurrences do not have, and that an override cannot change.
const OF_THE_SERIES: [&str; 3] = ["recurrenceRules", "excludedRecurrenceRules", "recurrenceOverrides"];
/// More that an override cannot change (RFC 8984 4.3.5).
const FIXED: [&str; 4] = ["@type", "uid", "recurrenceId", "recurrenceIdTimeZone"];
/// Longest difference between two zones, or of a day with a change of offset, in seconds.
const SLACK_S: i64 = 26 * 3_600;

/// An occurrence that has a place but no document yet.
struct Placed<'a> {
    start_ms: i64,
    end_ms: i64,
    original: i64,
    patch: Option<&'a Map<String, Value>>,
}

/// The occurrences of an event document in a window. The cost depends on the window, not on the age of the series.
pub fn occurrences(document: &Value, window: &Window, zones: &dyn Zones) -> Result<Occurrences, SeriesError> {
    let mut series = Series::read(document)?;
    let none = Map::new();
    let placed_in = series.zone_with(&none).unwrap_or(window.zone);
    if !series.recurs {
        return single(&series, window, placed_in, zones);
    }
    let view = View::new(&series, window, placed_in, zones)?;
    let mut placed = Vec::new();
    let mut problems = std::mem::take(&mut series.problems);
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
        placed.push(Placed { start_ms, end_ms, original: *original, patch: Some(patch) });
    }
    placed.retain(|p| overlaps(window, p.start_ms, p.end_ms));
    let skip = |at: i64| {
        let (start_ms, end_ms) = view.instants(at);
        series.overrides.contains_key(&at) || !overlaps(window, start_ms, end_ms)
    };
    // One more than wanted, to know whether there are more.
    let limit = window.limit.saturating_add(1);
    let mut budget = Budget::default();
    let (mut generated, mut outcome) = series.generated(view.from, view.to, limit, &mut budget, skip);
    if let Some(last) = limit.checked_sub(1).and_then(|index| generated.get(index).copied()) {
        generated.truncate(limit);
        let latest = generated.iter().copied().max_by_key(|at| view.instants(*at).0).unwrap_or(last);
        let to = view.to.min(view.in_order_from(latest));
        let (more, result) = series.generated(last + 1, to, usize::MAX, &mut budget, skip);
        generated.extend(more);
        outcome = outcome.and(result);
    }
    placed.extend(generated.into_iter().map(|original| {
        let (start_ms, end_ms) = view.instants(original);
        Placed { start_ms, end_ms, original, patch: None }
    }));
    placed.sort_unstable_by_key(|p| (p.start_ms, p.original));
    let truncated = outcome.is_err() || placed.len() > window.limit;
    placed.truncate(window.limit);
    let base = series.base();
    let items = placed.iter().map(|p| series.occurrence(&base, p)).collect();
    Ok(Occurrences { items, truncated, problems })
}

/// An event that does not recur is itself.
fn single(series: &Series, window: &Window, zone: &str, zones: &dyn Zones) -> Result<Occurrences, SeriesError> {
    let (start_ms, end_ms) = instants(series.start, series.duration, zone, zones)?;
    let inside = overlaps(window, start_ms, end_ms);
    let event = || Occurrence {
        recurrence_id: None,
        start_ms: cut(start_ms),
        end_ms: cut(end_ms),
        document: series.document.clone(),
    };
    let items = if inside && window.limit > 0 { vec![event()] } else { Vec::new() };
    Ok(Occurrences { truncated: inside && items.is_empty(), items, problems: series.problems.clone() })
}

/// Whether an occurrence touches the window. One without length is inside at its start.
fn overlaps(window: &Window, start_ms: i64, end_ms: i64) -> bool {
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
        if !zones.exists(zone) {
            return Err(SeriesError::Zone);
        }
        let offsets = zones.window(zone, wall(first)?, wall(last)?).ok_or(SeriesError::OutOfTime)?;
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

/// The epoch is the first moment that has a number.
pub(super) fn cut(ms: i64) -> TimeMs {
    u64::try_from(ms).unwrap_or(0)
}

impl<'a> Series<'a> {
    /// Where an override puts its occurrence, when it says anything about that.
    pub(super) fn moved(
        &self,
        original: i64,
        patch: &Map<String, Value>,
        fallback: &str,
        zones: &dyn Zones,
    ) -> Option<Result<(i64, i64), SeriesError>> {
        let given = |name: &str| patch.get(name);
        ["start", "duration", "timeZone", "showWithoutTime"].iter().find_map(|name| given(name))?;
        let own = civil::wall(original)?;
        let start = given("start").and_then(Value::as_str).and_then(LocalDateTime::parse).map_or(own, |t| t.0);
        let duration = match given("duration") {
            Some(value) => value.as_str().and_then(Duration::parse).unwrap_or_default(),
            None => self.duration,
        };
        let zone = self.zone_with(patch).unwrap_or(fallback);
        Some(instants(start, duration, zone, zones))
    }

    /// The zone in which an override stands; none when it floats or is all-day.
    pub(super) fn zone_with<'b>(&self, patch: &'b Map<String, Value>) -> Option<&'b str>
    where
        'a: 'b,
    {
        let all_day = patch.get("showWithoutTime").map_or(self.all_day, |v| v.as_bool().unwrap_or(false));
        patch.get("timeZone").map_or(self.zone, Value::as_str).filter(|_| !all_day)
    }

    /// The document without what belongs to the series as a whole.
    fn base(&self) -> Map<String, Value> {
        let properties = self.document.as_object().into_iter().flatten();
        let kept = properties.filter(|(name, _)| !OF_THE_SERIES.contains(&name.as_str()));
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn occurrence(&self, base: &Map<String, Value>, placed: &Placed) -> Occurrence {
        let (start_ms, end_ms) = (cut(placed.start_ms), cut(placed.end_ms));
        let id = civil::wall(placed.original).map(|at| LocalDateTime(at).to_string());
        let mut document = Value::Object(base.clone());
        if let (Some(object), Some(id)) = (document.as_object_mut(), &id) {
            object.insert("start".to_owned(), Value::from(id.as_str()));
            object.insert("recurrenceId".to_owned(), Value::from(id.as_str()));
        }
        if let Some(patch) = placed.patch {
            let own = |path: &str| path.split('/').next().unwrap_or("").to_owned();
            let fixed =
                |path: &String| OF_THE_SERIES.contains(&own(path).as_str()) || FIXED.contains(&own(path).as_str());
            let allowed = patch.iter().filter(|(path, _)| !fixed(path) && *path != "excluded");
            patch_in_place(&mut document, &allowed.map(|(path, value)| (path.clone(), value.clone())).collect());
        }
        Occurrence { recurrence_id: id, start_ms, end_ms, document }
    }
}
