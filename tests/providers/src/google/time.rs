//! Days, moments and zones, as Google writes them.
//! Invariant: a moment is kept in UTC seconds; its text carries the offset of its zone at that moment.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::error::ApiError;

/// A zone by its IANA name.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The civil time in that zone; a time in a gap is shifted forward, an ambiguous one is the first.
pub(crate) fn to_utc(zone: &TimeZone, civil: NaiveDateTime) -> i64 {
    let fallback = civil.and_utc().timestamp();
    let date = civil.date();
    let parts = (
        i16::try_from(date.year()),
        i8::try_from(date.month()),
        i8::try_from(date.day()),
        i8::try_from(civil.hour()),
        i8::try_from(civil.minute()),
        i8::try_from(civil.second()),
    );
    let (Ok(year), Ok(month), Ok(day), Ok(hour), Ok(minute), Ok(second)) = parts else { return fallback };
    jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0)
        .ok()
        .and_then(|at| zone.to_timestamp(at).ok())
        .map_or(fallback, jiff::Timestamp::as_second)
}

/// The civil time of a moment in that zone.
pub(crate) fn to_civil(zone: &TimeZone, utc_s: i64) -> NaiveDateTime {
    utc_naive(utc_s + i64::from(offset(zone, utc_s)))
}

fn offset(zone: &TimeZone, utc_s: i64) -> i32 {
    jiff::Timestamp::from_second(utc_s).map_or(0, |at| zone.to_offset(at).seconds())
}

/// Seconds since the epoch as a naive UTC time.
pub(crate) fn utc_naive(utc_s: i64) -> NaiveDateTime {
    DateTime::from_timestamp(utc_s, 0).map_or(NaiveDateTime::MIN, |at| at.naive_utc())
}

/// `2026-03-01T10:00:00+01:00`, or `Z` for no offset.
pub(crate) fn moment_text(utc_s: i64, zone: &TimeZone) -> String {
    let seconds = offset(zone, utc_s);
    let mut text = String::with_capacity(25);
    crate::civil::push(&mut text, utc_naive(utc_s + i64::from(seconds)), "-", ":");
    if seconds == 0 {
        text.push('Z');
        return text;
    }
    let minutes = seconds.abs() / 60;
    let sign = if seconds < 0 { '-' } else { '+' };
    // Writing to a text cannot fail.
    let _ = write!(text, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
    text
}

/// `2026-03-01T10:00:00.000Z` of microseconds since the epoch.
pub(crate) fn stamp_text(stamp_us: i64) -> String {
    let at = DateTime::from_timestamp_micros(stamp_us).unwrap_or_default();
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A query's RFC 3339 time with offset, in UTC seconds.
pub(crate) fn query_time(name: &str, text: &str) -> Result<i64, ApiError> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.timestamp())
        .map_err(|_| ApiError::bad_request(&format!("Invalid value for {name}.")))
}

/// One end of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// A whole day.
    Day(NaiveDate),
    /// A moment, and the zone that the event names.
    Moment(i64, Option<String>),
}

impl When {
    /// Reads an `EventDateTime`. `side` is `start` or `end`; `recurring` makes the zone required.
    pub(crate) fn read(value: Option<&Value>, side: &str, recurring: bool) -> Result<Self, ApiError> {
        let Some(object) = value.filter(|v| !v.is_null()) else {
            return Err(ApiError::required(&format!("Missing {side} time.")));
        };
        let bad = || ApiError::invalid(&format!("Invalid {side} time."));
        let object = object.as_object().ok_or_else(bad)?;
        let text = |key: &str| match object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(bad()),
        };
        if object.keys().any(|key| !matches!(key.as_str(), "date" | "dateTime" | "timeZone")) {
            return Err(ApiError::bad_request(&format!("Unknown name in {side}.")));
        }
        let name = text("timeZone")?;
        let found = match name {
            None => None,
            Some(name) => Some(
                zone(name)
                    .ok_or_else(|| ApiError::invalid(&format!("Invalid time zone definition for {side} time.")))?,
            ),
        };
        match (text("date")?, text("dateTime")?) {
            (Some(_), Some(_)) => Err(bad()),
            (None, None) => Err(ApiError::required(&format!("Missing {side} time."))),
            (Some(day), None) => NaiveDate::parse_from_str(day, "%Y-%m-%d").map(When::Day).map_err(|_| bad()),
            (None, Some(moment)) => {
                let missing = || ApiError::required(&format!("Missing time zone definition for {side} time."));
                if recurring && name.is_none() {
                    return Err(missing());
                }
                if let Ok(at) = DateTime::parse_from_rfc3339(moment) {
                    return Ok(When::Moment(at.timestamp(), name.map(str::to_owned)));
                }
                let civil = NaiveDateTime::parse_from_str(moment, "%Y-%m-%dT%H:%M:%S%.f").map_err(|_| bad())?;
                let found = found.ok_or_else(missing)?;
                Ok(When::Moment(to_utc(&found, civil), name.map(str::to_owned)))
            }
        }
    }

    /// Reads what the simulator itself has written.
    pub(crate) fn stored(body: &Map<String, Value>, key: &str) -> Option<Self> {
        Self::read(body.get(key), key, false).ok()
    }

    /// The `EventDateTime` as Google answers it.
    pub(crate) fn write(&self, calendar_zone: &str) -> Value {
        match self {
            When::Day(day) => json!({ "date": day.format("%Y-%m-%d").to_string() }),
            When::Moment(utc_s, name) => {
                let shown = zone(name.as_deref().unwrap_or(calendar_zone)).unwrap_or(TimeZone::UTC);
                let text = moment_text(*utc_s, &shown);
                match name {
                    Some(name) => json!({ "dateTime": text, "timeZone": name }),
                    None => json!({ "dateTime": text }),
                }
            }
        }
    }

    /// Whether it is the same day or moment, in whatever zone.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (When::Day(a), When::Day(b)) => a == b,
            (When::Moment(a, _), When::Moment(b, _)) => a == b,
            _ => false,
        }
    }

    /// UTC seconds; a day begins at midnight of the calendar's zone.
    pub(crate) fn utc(&self, calendar_zone: &str) -> i64 {
        match self {
            When::Moment(utc_s, _) => *utc_s,
            When::Day(day) => {
                let midnight = day.and_time(chrono::NaiveTime::MIN);
                zone(calendar_zone).map_or(midnight.and_utc().timestamp(), |found| to_utc(&found, midnight))
            }
        }
    }

    /// Whether the part of an instance id behind the `_` is that one. Most are told apart by their day of the month.
    pub(crate) fn has_suffix(&self, suffix: &str) -> bool {
        let day = match self {
            When::Day(day) => day.day(),
            When::Moment(utc_s, _) => utc_naive(*utc_s).day(),
        };
        let given = suffix.get(6..8).and_then(|day| day.parse::<u32>().ok());
        given == Some(day) && self.instance_suffix() == suffix
    }

    /// The part of an instance id behind the `_`.
    pub(crate) fn instance_suffix(&self) -> String {
        let mut text = String::with_capacity(16);
        match self {
            When::Day(day) => crate::civil::push_date(&mut text, *day, ""),
            When::Moment(utc_s, _) => {
                crate::civil::push(&mut text, utc_naive(*utc_s), "", "");
                text.push('Z');
            }
        }
        text
    }
}
