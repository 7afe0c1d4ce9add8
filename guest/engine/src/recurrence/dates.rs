//! EXDATE and RDATE lines (RFC 5545 3.8.5.1, 3.8.5.2) to recurrence ids and back.
//!
//! A recurrence id is a wall time in the event's own zone. Whatever zone a line uses, it is converted to that.

use chrono::{NaiveDate, NaiveDateTime};

use super::limits;
use super::place::{Place, Stamp, basic, basic_date};
use crate::time::{LocalDateTime, is_utc};

/// What a line of dates does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatesKind {
    /// EXDATE: these do not happen.
    Excluded,
    /// RDATE: these happen as well.
    Additional,
}

/// One date of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedDate {
    /// One occurrence.
    At(LocalDateTime),
    /// Every occurrence of a day: a `VALUE=DATE` on an event with a time. [`super::occurrences_on`] finds them.
    Day(NaiveDate),
}

/// A line of dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dates {
    /// What it does.
    pub kind: DatesKind,
    /// Its dates, in the order written.
    pub dates: Vec<ListedDate>,
}

/// Why a line of dates cannot be used. The caller keeps it as it was and reports this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DatesError {
    /// Neither EXDATE nor RDATE, or no value.
    #[error("not a line of dates")]
    Malformed,
    /// A value is no date or time.
    #[error("a date of the line cannot be read")]
    Date,
    /// The zone is not known.
    #[error("the zone of the line is not known")]
    Zone,
    /// RDATE with VALUE=PERIOD.
    #[error("periods are not supported")]
    Period,
    /// Longer than any honest line.
    #[error("the line is too long")]
    TooLong,
}

/// Reads an EXDATE or RDATE line, name and parameters included.
pub fn parse_dates(line: &str, place: &Place) -> Result<Dates, DatesError> {
    if line.len() > limits::TEXT_BYTES {
        return Err(DatesError::TooLong);
    }
    let (head, values) = split_line(line.trim()).ok_or(DatesError::Malformed)?;
    let mut head = head.split(';');
    let kind = match head.next().unwrap_or("") {
        name if name.eq_ignore_ascii_case("EXDATE") => DatesKind::Excluded,
        name if name.eq_ignore_ascii_case("RDATE") => DatesKind::Additional,
        _ => return Err(DatesError::Malformed),
    };
    let mut zone = None;
    for (name, value) in head.filter_map(|parameter| parameter.split_once('=')) {
        if name.eq_ignore_ascii_case("TZID") {
            zone = Some(value.trim_matches('"'));
        } else if name.eq_ignore_ascii_case("VALUE") && value.eq_ignore_ascii_case("PERIOD") {
            return Err(DatesError::Period);
        }
    }
    if zone.is_some_and(|zone| !place.zones.exists(zone)) {
        return Err(DatesError::Zone);
    }
    let values: Vec<&str> = values.split(',').map(str::trim).filter(|v| !v.is_empty()).collect();
    if values.len() > limits::DATES {
        return Err(DatesError::TooLong);
    }
    let dates: Result<Vec<_>, _> = values.into_iter().map(|value| listed(value, zone, place)).collect();
    Ok(Dates { kind, dates: dates? })
}

/// Splits at the colon that ends the parameters; one inside quotes does not.
fn split_line(line: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let at = line.find(|c| {
        quoted ^= c == '"';
        c == ':' && !quoted
    })?;
    Some((line.get(..at)?, line.get(at + 1..)?))
}

fn listed(value: &str, zone: Option<&str>, place: &Place) -> Result<ListedDate, DatesError> {
    if value.contains('/') {
        return Err(DatesError::Period);
    }
    let stamp = Stamp::parse(value).ok_or(DatesError::Date)?;
    let at = match stamp {
        _ if place.all_day => return Ok(ListedDate::At(LocalDateTime::midnight(stamp.date()))),
        Stamp::Date(date) => return Ok(ListedDate::Day(date)),
        Stamp::Local(at) => place.wall_of(at, zone),
        Stamp::Utc(at) => place.wall_of_utc(at),
    };
    at.map(|at| ListedDate::At(LocalDateTime(at))).ok_or(DatesError::Zone)
}

/// Writes a line for these recurrence ids: dates for an all-day event, else wall times with the event's zone. None
/// when there is nothing to write.
pub fn format_dates(kind: DatesKind, ids: &[LocalDateTime], place: &Place) -> Option<String> {
    (!ids.is_empty()).then_some(())?;
    let name = match kind {
        DatesKind::Excluded => "EXDATE",
        DatesKind::Additional => "RDATE",
    };
    let join = |text: &dyn Fn(NaiveDateTime) -> String| ids.iter().map(|id| text(id.0)).collect::<Vec<_>>().join(",");
    Some(match place.zone {
        _ if place.all_day => format!("{name};VALUE=DATE:{}", join(&|at| basic_date(at.date()))),
        Some(zone) if is_utc(zone) => format!("{name}:{}", join(&|at| basic(at) + "Z")),
        Some(zone) => format!("{name};TZID={zone}:{}", join(&basic)),
        None => format!("{name}:{}", join(&basic)),
    })
}
