//! A recurrence rule: RFC 8984 `RecurrenceRule`, which is RFC 5545 RRULE in JSON.
//!
//! A [`Rule`] made by [`Rule::from_json`] or [`Rule::from_rrule`] is in range; one built by hand is checked again
//! when it is expanded.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::limits;
use crate::time::LocalDateTime;

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "RFC 5545's FREQ values say themselves")]
pub enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
    Hourly,
    Minutely,
    Secondly,
}

/// A day of the week; Monday is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "RFC 5545's weekdays say themselves")]
pub enum Weekday {
    #[default]
    Mo,
    Tu,
    We,
    Th,
    Fr,
    Sa,
    Su,
}

impl Weekday {
    /// All seven, Monday first.
    pub const ALL: [Weekday; 7] =
        [Weekday::Mo, Weekday::Tu, Weekday::We, Weekday::Th, Weekday::Fr, Weekday::Sa, Weekday::Su];
}

/// A weekday, or one of them counted from the start (or, negative, the end) of the month or year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@type", rename = "NDay", rename_all = "camelCase")]
pub struct NDay {
    /// Which weekday.
    pub day: Weekday,
    /// Which of them; none means every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth_of_period: Option<i32>,
}

/// A recurrence rule. An empty list means the part is absent. The calendar is the Gregorian one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@type", rename = "RecurrenceRule", rename_all = "camelCase", try_from = "Wire")]
pub struct Rule {
    /// FREQ.
    pub frequency: Frequency,
    /// INTERVAL, at least 1.
    #[serde(skip_serializing_if = "is_one")]
    pub interval: u32,
    /// WKST.
    #[serde(skip_serializing_if = "is_monday")]
    pub first_day_of_week: Weekday,
    /// BYDAY.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_day: Vec<NDay>,
    /// BYMONTHDAY: 1 to 31, -31 to -1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_month_day: Vec<i32>,
    /// BYMONTH: 1 to 12 (text in JSON, because other calendars have leap months).
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "months_as_text")]
    pub by_month: Vec<u32>,
    /// BYYEARDAY: 1 to 366, -366 to -1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_year_day: Vec<i32>,
    /// BYWEEKNO: 1 to 53, -53 to -1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_week_no: Vec<i32>,
    /// BYHOUR: 0 to 23.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_hour: Vec<u32>,
    /// BYMINUTE: 0 to 59.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_minute: Vec<u32>,
    /// BYSECOND: 0 to 60; 60 is read as 59.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_second: Vec<u32>,
    /// BYSETPOS: 1 to 366, -366 to -1.
    #[serde(rename = "bySetPosition", skip_serializing_if = "Vec::is_empty")]
    pub by_set_position: Vec<i32>,
    /// COUNT, at least 1; never together with `until`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// UNTIL, inclusive, wall time of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<LocalDateTime>,
}

/// Why a rule cannot be used. The caller keeps the rule as it was and reports this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Not of the shape of a rule at all.
    #[error("the rule is malformed")]
    Malformed,
    /// FREQ is missing or unknown.
    #[error("the rule has no frequency that is known")]
    Frequency,
    /// A part that RFC 5545 does not name.
    #[error("the rule has a part that is not known")]
    UnknownPart,
    /// A part stands twice.
    #[error("{0} stands twice")]
    Repeated(&'static str),
    /// A value is out of its range, or a list too long.
    #[error("{0} is out of range")]
    Range(&'static str),
    /// COUNT and UNTIL exclude each other.
    #[error("the rule has both a count and an end")]
    CountAndUntil,
    /// `2MO` needs a month or a year to count in.
    #[error("a numbered weekday needs a monthly or yearly rule without week numbers")]
    NumberedDay,
    /// Another calendar than the Gregorian, or another skip than omit (RFC 7529).
    #[error("{0} is not supported")]
    Unsupported(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    frequency: Frequency,
    interval: Option<u32>,
    rscale: Option<String>,
    skip: Option<String>,
    first_day_of_week: Option<Weekday>,
    #[serde(default)]
    by_day: Vec<NDay>,
    #[serde(default)]
    by_month_day: Vec<i32>,
    #[serde(default)]
    by_month: Vec<String>,
    #[serde(default)]
    by_year_day: Vec<i32>,
    #[serde(default)]
    by_week_no: Vec<i32>,
    #[serde(default)]
    by_hour: Vec<u32>,
    #[serde(default)]
    by_minute: Vec<u32>,
    #[serde(default)]
    by_second: Vec<u32>,
    #[serde(default)]
    by_set_position: Vec<i32>,
    count: Option<u32>,
    until: Option<LocalDateTime>,
}

impl TryFrom<Wire> for Rule {
    type Error = RuleError;

    fn try_from(wire: Wire) -> Result<Self, RuleError> {
        check_calendar(wire.rscale.as_deref(), wire.skip.as_deref())?;
        let months: Option<Vec<u32>> = wire.by_month.iter().map(|m| m.parse().ok()).collect();
        let rule = Rule {
            frequency: wire.frequency,
            interval: wire.interval.unwrap_or(1),
            first_day_of_week: wire.first_day_of_week.unwrap_or_default(),
            by_day: wire.by_day,
            by_month_day: wire.by_month_day,
            by_month: months.ok_or(RuleError::Range("BYMONTH"))?,
            by_year_day: wire.by_year_day,
            by_week_no: wire.by_week_no,
            by_hour: wire.by_hour,
            by_minute: wire.by_minute,
            by_second: wire.by_second,
            by_set_position: wire.by_set_position,
            count: wire.count,
            until: wire.until,
        };
        rule.check()?;
        Ok(rule)
    }
}

pub(super) fn check_calendar(rscale: Option<&str>, skip: Option<&str>) -> Result<(), RuleError> {
    if rscale.is_some_and(|r| !r.eq_ignore_ascii_case("gregorian")) {
        return Err(RuleError::Unsupported("RSCALE"));
    }
    if skip.is_some_and(|s| !s.eq_ignore_ascii_case("omit")) {
        return Err(RuleError::Unsupported("SKIP"));
    }
    Ok(())
}

impl Rule {
    /// A rule with nothing but a frequency.
    pub fn every(frequency: Frequency) -> Self {
        Rule {
            frequency,
            interval: 1,
            first_day_of_week: Weekday::Mo,
            by_day: Vec::new(),
            by_month_day: Vec::new(),
            by_month: Vec::new(),
            by_year_day: Vec::new(),
            by_week_no: Vec::new(),
            by_hour: Vec::new(),
            by_minute: Vec::new(),
            by_second: Vec::new(),
            by_set_position: Vec::new(),
            count: None,
            until: None,
        }
    }

    /// Reads an item of `recurrenceRules`. Unknown properties are passed over.
    pub fn from_json(value: &Value) -> Result<Self, RuleError> {
        Rule::try_from(Wire::deserialize(value).map_err(|_| RuleError::Malformed)?)
    }

    /// The item of `recurrenceRules`, with `@type` and without parts at their default.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// Whether every part is in the range that RFC 5545 gives it.
    pub fn check(&self) -> Result<(), RuleError> {
        let small = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let unsigned = |list: &[u32]| list.iter().map(|n| small(*n)).collect::<Vec<_>>();
        let nth: Vec<i32> = self.by_day.iter().filter_map(|d| d.nth_of_period).collect();
        in_range("BYDAY", &nth, -53, 53, false)?;
        in_range("BYMONTHDAY", &self.by_month_day, -31, 31, false)?;
        in_range("BYYEARDAY", &self.by_year_day, -366, 366, false)?;
        in_range("BYWEEKNO", &self.by_week_no, -53, 53, false)?;
        in_range("BYSETPOS", &self.by_set_position, -366, 366, false)?;
        in_range("BYMONTH", &unsigned(&self.by_month), 1, 12, false)?;
        in_range("BYHOUR", &unsigned(&self.by_hour), 0, 23, true)?;
        in_range("BYMINUTE", &unsigned(&self.by_minute), 0, 59, true)?;
        in_range("BYSECOND", &unsigned(&self.by_second), 0, 60, true)?;
        if self.by_day.len() > limits::LIST_ITEMS {
            return Err(RuleError::Range("BYDAY"));
        }
        if !(1..=limits::INTERVAL).contains(&self.interval) {
            return Err(RuleError::Range("INTERVAL"));
        }
        if self.count == Some(0) {
            return Err(RuleError::Range("COUNT"));
        }
        if self.count.is_some() && self.until.is_some() {
            return Err(RuleError::CountAndUntil);
        }
        let countable = matches!(self.frequency, Frequency::Yearly | Frequency::Monthly) && self.by_week_no.is_empty();
        if !nth.is_empty() && !countable {
            return Err(RuleError::NumberedDay);
        }
        Ok(())
    }
}

fn in_range(part: &'static str, list: &[i32], low: i32, high: i32, zero: bool) -> Result<(), RuleError> {
    let fits = |n: &i32| (low..=high).contains(n) && (zero || *n != 0);
    if list.len() <= limits::LIST_ITEMS && list.iter().all(fits) { Ok(()) } else { Err(RuleError::Range(part)) }
}

fn is_one(n: &u32) -> bool {
    *n == 1
}

fn is_monday(day: &Weekday) -> bool {
    *day == Weekday::Mo
}

fn months_as_text<S: Serializer>(months: &[u32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(months.iter().map(u32::to_string))
}
