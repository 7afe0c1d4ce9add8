//! From when to when an event document reaches, for an index: cheap, and never too narrow.

use serde_json::{Map, Value};

use super::civil;
use super::expand::{Budget, Last};
use super::limits::LAST_SECOND;
use super::occurrences::cut;
use super::series::{Override, Series, SeriesError, instants};
use crate::effects::{END_OF_TIME, TimeMs};
use crate::time::Zones;

/// A wall time that floats is up to 14 hours earlier in UTC (Kiritimati), or 12 hours later (Baker Island).
const FLOATS_EARLIER_MS: i64 = 14 * 3_600_000;
const FLOATS_LATER_MS: i64 = 12 * 3_600_000;

/// The start of the first occurrence and the end of the last, overrides included; [`END_OF_TIME`] when a series has
/// no end, or none that the work budget finds. An excluded first or last occurrence still counts. Of events that
/// float (no zone, or all-day) it is what covers them in every zone.
pub fn span(document: &Value, zones: &dyn Zones) -> Result<(TimeMs, TimeMs), SeriesError> {
    let series = Series::read(document)?;
    let none = Map::new();
    let own = series.zone_with(&none);
    let (floats, zone) = (own.is_none(), own.unwrap_or("UTC"));
    let widen = |(start, end): (i64, i64), floats: bool| {
        if floats { (start - FLOATS_EARLIER_MS, end + FLOATS_LATER_MS) } else { (start, end) }
    };
    let place = |at| Ok::<_, SeriesError>(widen(instants(at, series.duration, zone, zones)?, floats));
    let (mut first, mut end) = place(series.start)?;
    let mut endless = false;
    for rule in &series.rules {
        match rule.last(&mut Budget::default()) {
            Last::Endless => endless = true,
            Last::Never => {}
            Last::At(at) | Last::AtMost(at) => match civil::wall(at.min(LAST_SECOND)).map(place) {
                Some(Ok((_, last))) => end = end.max(last),
                _ => endless = true,
            },
        }
    }
    for (original, change) in &series.overrides {
        let Override::Patch(patch) = change else { continue };
        let (from, to) = match series.moved(*original, patch, "UTC", zones) {
            Some(Ok(moved)) => widen(moved, series.zone_with(patch).is_none()),
            _ => place(civil::wall(*original).ok_or(SeriesError::OutOfTime)?)?,
        };
        (first, end) = (first.min(from), end.max(to));
    }
    Ok((cut(first), if endless { END_OF_TIME } else { cut(end) }))
}
