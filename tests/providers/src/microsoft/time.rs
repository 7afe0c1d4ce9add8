//! Moments, as Graph writes them: a civil time and the name of its zone.
//! Invariant: a moment is kept in UTC milliseconds beside the zone it was written in; no answer carries an offset.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::error::ApiError;
use super::zones;

/// What a minute has, in milliseconds.
pub(crate) const MINUTE_MS: i64 = 60_000;

/// The civil time in that zone; a time in a gap is shifted forward, an ambiguous one is the first.
pub(crate) fn to_utc(zone: &TimeZone, civil: NaiveDateTime) -> i64 {
    let fallback = civil.and_utc().timestamp_millis();
    let date = civil.date();
    let parts = (
        i16::try_from(date.year()),
        i8::try_from(date.month()),
        i8::try_from(date.day()),
        i8::try_from(civil.hour()),
        i8::try_from(civil.minute()),
        i8::try_from(civil.second()),
        i32::try_from(civil.nanosecond()),
    );
    let (Ok(year), Ok(month), Ok(day), Ok(hour), Ok(minute), Ok(second), Ok(nano)) = parts else { return fallback };
    jiff::civil::DateTime::new(year, month, day, hour, minute, second, nano)
        .ok()
        .and_then(|at| zone.to_timestamp(at).ok())
        .map_or(fallback, jiff::Timestamp::as_millisecond)
}

/// The civil time of a moment in that zone.
pub(crate) fn to_civil(zone: &TimeZone, at_ms: i64) -> NaiveDateTime {
    let offset_s = jiff::Timestamp::from_millisecond(at_ms).map_or(0, |at| zone.to_offset(at).seconds());
    utc_naive(at_ms + i64::from(offset_s) * 1000)
}

/// Milliseconds since the epoch as a naive UTC time.
pub(crate) fn utc_naive(at_ms: i64) -> NaiveDateTime {
    DateTime::from_timestamp_millis(at_ms).map_or(NaiveDateTime::MIN, |at| at.naive_utc())
}

/// `2026-03-01T10:00:00.0000000`: seven digits and no zone.
pub(crate) fn civil_text(civil: NaiveDateTime) -> String {
    let mut text = String::with_capacity(28);
    crate::civil::push(&mut text, civil, "-", ":");
    match civil.nanosecond() / 100 {
        0 => text.push_str(".0000000"),
        // Writing to a text cannot fail.
        fraction => drop(write!(text, ".{fraction:07}")),
    }
    text
}

/// `2026-03-01T10:00:00.0000000Z`.
pub(crate) fn stamp_text(at_ms: i64) -> String {
    let mut text = civil_text(utc_naive(at_ms));
    text.push('Z');
    text
}

/// `2026-03-01T10:00:00Z`.
pub(crate) fn second_text(at_ms: i64) -> String {
    let mut text = String::with_capacity(20);
    crate::civil::push(&mut text, utc_naive(at_ms), "-", ":");
    text.push('Z');
    text
}

/// A query's time, with an offset or in UTC, in milliseconds.
pub(crate) fn query_time(name: &str, text: &str) -> Result<i64, ApiError> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.timestamp_millis());
    }
    let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M"))
        .or_else(|_| NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN)));
    naive.map(|at| at.and_utc().timestamp_millis()).map_err(|_| {
        ApiError::new(400, "ErrorInvalidParameter", &format!("The value '{text}' of '{name}' is invalid."))
    })
}

/// The date that a text names.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// One end of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) at_ms: i64,
    /// The zone's name as it was written.
    pub(crate) zone: String,
}

impl Moment {
    /// Reads a `dateTimeTimeZone`; both members are wanted.
    pub(crate) fn read(value: &Value, side: &str) -> Result<Self, ApiError> {
        let object =
            value.as_object().ok_or_else(|| ApiError::body_read(&format!("The value of '{side}' is no object.")))?;
        if let Some(key) = object.keys().find(|key| !matches!(key.as_str(), "dateTime" | "timeZone" | "@odata.type")) {
            return Err(unknown_member(key, "dateTimeTimeZone"));
        }
        let name = object.get("timeZone").and_then(Value::as_str).unwrap_or_default();
        let zone = zones::zone(name).ok_or_else(|| ApiError::time_zone(name))?;
        let text = object.get("dateTime").and_then(Value::as_str).unwrap_or_default();
        let civil = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
            .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M"))
            .map_err(|_| ApiError::invalid_property(&format!("The value of '{side}' is no date and time.")))?;
        Ok(Self { at_ms: to_utc(&zone, civil), zone: name.to_owned() })
    }

    /// The zone's rules.
    pub(crate) fn rules(&self) -> TimeZone {
        zones::zone(&self.zone).unwrap_or(TimeZone::UTC)
    }

    /// The civil time in its own zone.
    pub(crate) fn civil(&self) -> NaiveDateTime {
        to_civil(&self.rules(), self.at_ms)
    }

    /// The same wall-clock time on another day, in milliseconds.
    pub(crate) fn moved(&self, at_ms: i64) -> Self {
        Self { at_ms, zone: self.zone.clone() }
    }

    /// The `dateTimeTimeZone` in the zone of that name.
    pub(crate) fn write(&self, shown: &str) -> Value {
        let rules = zones::zone(shown).unwrap_or(TimeZone::UTC);
        json!({ "dateTime": civil_text(to_civil(&rules, self.at_ms)), "timeZone": shown })
    }
}

/// When an event is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: Moment,
    /// Exclusive.
    pub(crate) end: Moment,
    pub(crate) all_day: bool,
}

impl Span {
    /// Checks the order, and that all-day events are whole days in one zone.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        if self.end.at_ms < self.start.at_ms {
            return Err(ApiError::new(
                400,
                "ErrorCalendarEndDateIsEarlierThanStartDate",
                "The end of an event cannot be earlier than its start.",
            ));
        }
        if !self.all_day {
            return Ok(());
        }
        let midnight = |at: &Moment| at.civil().time() == NaiveTime::MIN;
        if self.start.zone != self.end.zone {
            return Err(ApiError::invalid_property("The start and end of an all-day event must be in one time zone."));
        }
        if !midnight(&self.start) || !midnight(&self.end) || self.end.at_ms == self.start.at_ms {
            return Err(ApiError::invalid_property(
                "The start and end of an all-day event must be midnight, and it must last whole days.",
            ));
        }
        Ok(())
    }

    /// Whether it meets a window of UTC milliseconds.
    pub(crate) fn meets(&self, window: (i64, i64)) -> bool {
        self.start.at_ms < window.1
            && (self.end.at_ms > window.0 || (self.end.at_ms == self.start.at_ms && self.start.at_ms >= window.0))
    }

    /// The same event with another start, in milliseconds: it lasts as long on the wall clock.
    pub(crate) fn starting(&self, start_ms: i64) -> Self {
        let (from, to) = (self.start.civil(), to_civil(&self.end.rules(), self.end.at_ms));
        let start = self.start.moved(start_ms);
        let length =
            if self.all_day { to - from } else { chrono::Duration::milliseconds(self.end.at_ms - self.start.at_ms) };
        let end_ms = if self.all_day {
            to_utc(&self.end.rules(), start.civil() + length)
        } else {
            start_ms + length.num_milliseconds()
        };
        Self { end: self.end.moved(end_ms), start, all_day: self.all_day }
    }
}

/// The refusal of a member that a type does not have.
pub(crate) fn unknown_member(key: &str, kind: &str) -> ApiError {
    ApiError::body_read(&format!(
        "The property '{key}' does not exist on type 'microsoft.graph.{kind}'. Make sure to only use property names \
         that are defined by the type."
    ))
}
