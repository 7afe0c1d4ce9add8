//! `patternedRecurrence`: read strictly, and answered filled up as the service does.
//! Invariant: a pattern is understood whole or refused with 400.

use chrono::{NaiveDate, Weekday};
use serde_json::{Map, Value, json};

use super::config::{Bound, Config};
use super::error::ApiError;
use super::time::{Span, date, to_civil, unknown_member};
use super::zones;

const DAYS: [(&str, Weekday); 7] = [
    ("sunday", Weekday::Sun),
    ("monday", Weekday::Mon),
    ("tuesday", Weekday::Tue),
    ("wednesday", Weekday::Wed),
    ("thursday", Weekday::Thu),
    ("friday", Weekday::Fri),
    ("saturday", Weekday::Sat),
];
const INDEXES: [&str; 5] = ["first", "second", "third", "fourth", "last"];
const MEMBERS: [&str; 7] = ["type", "interval", "daysOfWeek", "dayOfMonth", "month", "index", "firstDayOfWeek"];
const RANGE_MEMBERS: [&str; 5] = ["type", "startDate", "endDate", "numberOfOccurrences", "recurrenceTimeZone"];

/// Which days, without the interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    Daily,
    Weekly {
        days: Vec<Weekday>,
        first: Weekday,
    },
    AbsoluteMonthly {
        day: u32,
    },
    /// The index counts days of the set; 4 is the last.
    RelativeMonthly {
        days: Vec<Weekday>,
        index: usize,
    },
    AbsoluteYearly {
        day: u32,
        month: u32,
    },
    RelativeYearly {
        days: Vec<Weekday>,
        month: u32,
        index: usize,
    },
}

/// Where it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    Never,
    /// The last date, inclusive, in the recurrence's zone.
    Date(NaiveDate),
    Count(u32),
}

/// A pattern with its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) pattern: Pattern,
    pub(crate) interval: u32,
    pub(crate) start: NaiveDate,
    pub(crate) until: Until,
    /// The name of the zone whose days and wall-clock times count.
    pub(crate) zone: String,
}

fn bad(what: &str) -> ApiError {
    ApiError::invalid_property(&format!("The recurrence is invalid: {what}."))
}

fn members<'a>(value: Option<&'a Value>, known: &[&str], kind: &str) -> Result<&'a Map<String, Value>, ApiError> {
    let object = value.and_then(Value::as_object).ok_or_else(|| bad(kind))?;
    match object.keys().find(|key| !known.contains(&key.as_str()) && *key != "@odata.type") {
        Some(key) => Err(unknown_member(key, kind)),
        None => Ok(object),
    }
}

fn number(object: &Map<String, Value>, key: &str, low: u32, high: u32) -> Result<u32, ApiError> {
    let given = object.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    given.filter(|n| (low..=high).contains(n)).ok_or_else(|| bad(key))
}

fn weekday(value: &Value) -> Result<Weekday, ApiError> {
    let name = value.as_str().unwrap_or_default();
    DAYS.iter().find(|(word, _)| *word == name).map(|(_, day)| *day).ok_or_else(|| bad("a day of the week"))
}

fn weekdays(object: &Map<String, Value>) -> Result<Vec<Weekday>, ApiError> {
    let list = object.get("daysOfWeek").and_then(Value::as_array).filter(|list| !list.is_empty());
    list.ok_or_else(|| bad("daysOfWeek"))?.iter().map(weekday).collect()
}

fn index(object: &Map<String, Value>) -> Result<usize, ApiError> {
    match object.get("index") {
        None | Some(Value::Null) => Ok(0),
        Some(value) => INDEXES.iter().position(|word| value == word).ok_or_else(|| bad("index")),
    }
}

fn read_pattern(object: &Map<String, Value>, strict: bool) -> Result<Pattern, ApiError> {
    let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
    let own: &[&str] = match kind {
        "daily" => &[],
        "weekly" => &["daysOfWeek", "firstDayOfWeek"],
        "absoluteMonthly" => &["dayOfMonth"],
        "relativeMonthly" => &["daysOfWeek", "index"],
        "absoluteYearly" => &["dayOfMonth", "month"],
        "relativeYearly" => &["daysOfWeek", "month", "index"],
        _ => return Err(bad("type")),
    };
    let foreign = |(key, value): &(&String, &Value)| {
        !value.is_null() && !own.contains(&key.as_str()) && !matches!(key.as_str(), "type" | "interval" | "@odata.type")
    };
    if let Some((key, _)) = object.iter().find(foreign).filter(|_| strict) {
        return Err(bad(&format!("{key} does not belong to {kind}")));
    }
    Ok(match kind {
        "daily" => Pattern::Daily,
        "weekly" => {
            let first = object.get("firstDayOfWeek").filter(|value| !value.is_null());
            Pattern::Weekly { days: weekdays(object)?, first: first.map_or(Ok(Weekday::Sun), weekday)? }
        }
        "absoluteMonthly" => Pattern::AbsoluteMonthly { day: number(object, "dayOfMonth", 1, 31)? },
        "relativeMonthly" => Pattern::RelativeMonthly { days: weekdays(object)?, index: index(object)? },
        "absoluteYearly" => Pattern::AbsoluteYearly {
            day: number(object, "dayOfMonth", 1, 31)?,
            month: number(object, "month", 1, 12)?,
        },
        _ => Pattern::RelativeYearly {
            days: weekdays(object)?,
            month: number(object, "month", 1, 12)?,
            index: index(object)?,
        },
    })
}

fn read_until(object: &Map<String, Value>, start: NaiveDate) -> Result<Until, ApiError> {
    match object.get("type").and_then(Value::as_str) {
        Some("noEnd") => Ok(Until::Never),
        Some("endDate") => {
            let end = object.get("endDate").and_then(Value::as_str).and_then(date).ok_or_else(|| bad("endDate"))?;
            if end < start { Err(bad("endDate lies before startDate")) } else { Ok(Until::Date(end)) }
        }
        Some("numbered") => number(object, "numberOfOccurrences", 1, 999).map(Until::Count),
        _ => Err(bad("range.type")),
    }
}

impl Rule {
    /// Reads a `patternedRecurrence` of an event at `span`.
    pub(crate) fn read(value: &Value, span: &Span, config: &Config) -> Result<Self, ApiError> {
        let object = members(Some(value), &["pattern", "range"], "patternedRecurrence")?;
        let pattern = members(object.get("pattern"), &MEMBERS, "recurrencePattern")?;
        let range = members(object.get("range"), &RANGE_MEMBERS, "recurrenceRange")?;
        let zone = match range.get("recurrenceTimeZone").and_then(Value::as_str) {
            None | Some("") => span.start.zone.clone(),
            Some(name) => name.to_owned(),
        };
        let rules = zones::zone(&zone).ok_or_else(|| ApiError::time_zone(&zone))?;
        let own = to_civil(&rules, span.start.at_ms).date();
        let given = range.get("startDate").and_then(Value::as_str).and_then(date).ok_or_else(|| bad("startDate"))?;
        let start = match config.range_start {
            _ if given == own => own,
            Bound::Clamp => own,
            Bound::Reject => return Err(bad("startDate is not the date of the start")),
        };
        Ok(Self {
            pattern: read_pattern(pattern, config.strict_pattern)?,
            interval: number(pattern, "interval", 1, 999)?,
            start,
            until: read_until(range, start)?,
            zone,
        })
    }

    /// The `patternedRecurrence` as the service answers it: what its type does not use is filled up.
    pub(crate) fn write(&self, config: &Config) -> Value {
        let mut pattern = json!({
            "type": "daily", "interval": self.interval, "month": 0, "dayOfMonth": 0,
            "firstDayOfWeek": "sunday", "index": "first",
        });
        if let Some(map) = pattern.as_object_mut() {
            let mut set = |key: &str, value: Value| {
                map.insert(key.to_owned(), value);
            };
            match &self.pattern {
                Pattern::Daily => {}
                Pattern::Weekly { days, first } => {
                    set("type", json!("weekly"));
                    set("daysOfWeek", names(days));
                    set("firstDayOfWeek", json!(name(*first)));
                }
                Pattern::AbsoluteMonthly { day } => {
                    set("type", json!("absoluteMonthly"));
                    set("dayOfMonth", json!(day));
                }
                Pattern::RelativeMonthly { days, index } => {
                    set("type", json!("relativeMonthly"));
                    set("daysOfWeek", names(days));
                    set("index", json!(INDEXES.get(*index)));
                }
                Pattern::AbsoluteYearly { day, month } => {
                    set("type", json!("absoluteYearly"));
                    set("dayOfMonth", json!(day));
                    set("month", json!(month));
                }
                Pattern::RelativeYearly { days, month, index } => {
                    set("type", json!("relativeYearly"));
                    set("daysOfWeek", names(days));
                    set("month", json!(month));
                    set("index", json!(INDEXES.get(*index)));
                }
            }
        }
        let (kind, end, count) = match &self.until {
            Until::Never => ("noEnd", "0001-01-01".to_owned(), 0),
            Until::Date(day) => ("endDate", day.to_string(), 0),
            Until::Count(count) => ("numbered", "0001-01-01".to_owned(), *count),
        };
        let zone = if config.blank_recurrence_zone { "" } else { &self.zone };
        json!({
            "pattern": pattern,
            "range": {
                "type": kind, "startDate": self.start.to_string(), "endDate": end,
                "recurrenceTimeZone": zone, "numberOfOccurrences": count,
            },
        })
    }
}

fn name(day: Weekday) -> &'static str {
    DAYS.iter().find(|(_, known)| *known == day).map_or("sunday", |(word, _)| word)
}

fn names(days: &[Weekday]) -> Value {
    json!(days.iter().map(|day| name(*day)).collect::<Vec<_>>())
}
