//! The occurrences of an event document in a window of time, overrides applied.
//!
//! Where they are is found in `times`; here each gets its document.

use serde_json::{Map, Value};

use super::civil;
use super::patch::patch_in_place;
use super::series::{Problem, Series, SeriesError, instants};
use super::times::{Placed, Placement, Window, overlaps, place};
use crate::effects::TimeMs;
use crate::time::{Duration, LocalDateTime, Zones};

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
/// The occurrences of an event document in a window. The cost depends on the window, not on the age of the series.
pub fn occurrences(document: &Value, window: &Window, zones: &dyn Zones) -> Result<Occurrences, SeriesError> {
    let series = Series::read(document)?;
    if !series.recurs {
        return single(&series, window, zones);
    }
    let Placement { placed, truncated, problems } = place(&series, window, zones)?;
    let base = series.base();
    let items = placed.iter().map(|p| series.occurrence(&base, p)).collect();
    Ok(Occurrences { items, truncated, problems: series.problems.into_iter().chain(problems).collect() })
}

/// An event that does not recur is itself.
fn single(series: &Series, window: &Window, zones: &dyn Zones) -> Result<Occurrences, SeriesError> {
    let zone = series.own_zone().unwrap_or(window.zone);
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

    /// The zone in which the series stands; none when it floats or is all-day.
    pub(super) fn own_zone(&self) -> Option<&'a str> {
        self.zone.filter(|_| !self.all_day)
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
