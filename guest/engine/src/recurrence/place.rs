//! Times as iCalendar writes them, and where an event stands so that they become wall times of the event.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::Value;

use super::civil;
use crate::time::{Zones, is_utc};

/// Where an event's times stand.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The event has dates, not times (`showWithoutTime`).
    pub all_day: bool,
    /// Its zone, an IANA name; none for a floating event.
    pub zone: Option<&'a str>,
    /// What the zones say.
    pub zones: &'a dyn Zones,
}

impl std::fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("all_day", &self.all_day).field("zone", &self.zone).finish_non_exhaustive()
    }
}

/// A date or date-time value of RFC 5545 (3.3.4, 3.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    Date(NaiveDate),
    Local(NaiveDateTime),
    Utc(NaiveDateTime),
}

impl Stamp {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| -> Option<u32> {
            let digits = text.get(from..to)?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let year = i32::try_from(number(0, 4)?).ok()?;
        let date = NaiveDate::from_ymd_opt(year, number(4, 6)?, number(6, 8)?)?;
        let Some(rest) = text.get(8..).filter(|rest| !rest.is_empty()) else { return Some(Stamp::Date(date)) };
        rest.starts_with(['T', 't']).then_some(())?;
        // A leap second is the second before it (RFC 5545 3.3.12).
        let at = date.and_hms_opt(number(9, 11)?, number(11, 13)?, number(13, 15)?.min(59))?;
        match text.get(15..)? {
            "" => Some(Stamp::Local(at)),
            "Z" | "z" => Some(Stamp::Utc(at)),
            _ => None,
        }
    }

    pub(super) fn date(&self) -> NaiveDate {
        match self {
            Stamp::Date(date) => *date,
            Stamp::Local(at) | Stamp::Utc(at) => at.date(),
        }
    }
}

/// `20260302T090000`.
pub(super) fn basic(at: NaiveDateTime) -> String {
    at.format("%Y%m%dT%H%M%S").to_string()
}

/// `20260302`.
pub(super) fn basic_date(date: NaiveDate) -> String {
    date.format("%Y%m%d").to_string()
}

impl<'a> Place<'a> {
    /// Where a JSCalendar event stands.
    pub fn of(document: &'a Value, zones: &'a dyn Zones) -> Self {
        Place {
            all_day: document.get("showWithoutTime").and_then(Value::as_bool).unwrap_or(false),
            zone: document.get("timeZone").and_then(Value::as_str),
            zones,
        }
    }

    /// A time in UTC as a wall time of the event; of a floating event, the digits as they are.
    pub(super) fn wall_of_utc(&self, at: NaiveDateTime) -> Option<NaiveDateTime> {
        match self.zone {
            Some(zone) if !is_utc(zone) => self.zones.to_local(zone, civil::seconds(at).checked_mul(1_000)?),
            _ => Some(at),
        }
    }

    /// The wall time of the event as a time in UTC; none for a floating event.
    pub(super) fn utc_of_wall(&self, at: NaiveDateTime) -> Option<NaiveDateTime> {
        match self.zone {
            Some(zone) if !is_utc(zone) => civil::wall(self.zones.to_utc_ms(zone, at)?.div_euclid(1_000)),
            Some(_) => Some(at),
            None => None,
        }
    }

    /// A wall time of another zone as a wall time of the event; as it is when one of the two floats.
    pub(super) fn wall_of(&self, at: NaiveDateTime, zone: Option<&str>) -> Option<NaiveDateTime> {
        match (zone, self.zone) {
            (Some(from), Some(to)) if from != to => self.zones.to_local(to, self.zones.to_utc_ms(from, at)?),
            _ => Some(at),
        }
    }

    /// The last wall time that an UNTIL allows. Of a date, the whole day counts: nobody who writes a last day means
    /// that nothing happens on it.
    pub(super) fn until(&self, stamp: Stamp) -> Option<NaiveDateTime> {
        match stamp {
            _ if self.all_day => Some(stamp.date().and_time(NaiveTime::MIN)),
            Stamp::Date(date) => date.and_hms_opt(23, 59, 59),
            Stamp::Local(at) => Some(at),
            Stamp::Utc(at) => self.wall_of_utc(at),
        }
    }
}
