//! The lines of `recurrence`, read.
//! Invariant: a line is understood whole, or refused as not modelled (501), or refused as wrong (400).

use chrono::{DateTime, NaiveDate, NaiveDateTime, Weekday};
use serde_json::Value;

use super::time::{to_utc, zone};

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freq {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// The last occurrence's bound, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    Day(NaiveDate),
    Utc(i64),
    Civil(NaiveDateTime),
}

/// An RRULE.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) freq: Freq,
    pub(crate) interval: i64,
    pub(crate) count: Option<u64>,
    pub(crate) until: Option<Until>,
    /// Ordinal (0 for every) and day.
    pub(crate) by_day: Vec<(i32, Weekday)>,
    pub(crate) by_month_day: Vec<i32>,
    pub(crate) by_month: Vec<u32>,
    /// Which of a period's days count, from its start or from its end; empty for all.
    pub(crate) by_set_position: Vec<i32>,
    pub(crate) week_start: Weekday,
}

/// A date of an EXDATE or RDATE line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    Day(NaiveDate),
    Utc(i64),
    /// A civil time in the series' own zone.
    Civil(NaiveDateTime),
}

/// All lines of an event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recurrence {
    pub(crate) rules: Vec<Rule>,
    pub(crate) excluded: Vec<Listed>,
    pub(crate) added: Vec<Listed>,
}

/// Why lines are not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RuleError {
    /// Legal, but not expanded here.
    NotModelled(String),
    /// Not legal.
    Invalid,
}

impl Recurrence {
    /// Reads the `recurrence` array.
    pub(crate) fn read(lines: &Value) -> Result<Self, RuleError> {
        let mut all = Self::default();
        for line in lines.as_array().ok_or(RuleError::Invalid)? {
            all.line(line.as_str().ok_or(RuleError::Invalid)?)?;
        }
        Ok(all)
    }

    fn line(&mut self, line: &str) -> Result<(), RuleError> {
        let (head, value) = line.split_once(':').ok_or(RuleError::Invalid)?;
        let mut parameters = head.split(';');
        let name = parameters.next().unwrap_or_default().to_ascii_uppercase();
        match name.as_str() {
            "RRULE" => self.rules.push(read_rule(value)?),
            "EXRULE" => return Err(RuleError::NotModelled("EXRULE".to_owned())),
            "EXDATE" | "RDATE" => {
                let mut zone_name = None;
                for parameter in parameters {
                    match parameter.split_once('=') {
                        Some(("TZID", name)) => zone_name = Some(name),
                        Some(("VALUE", "DATE" | "DATE-TIME")) => {}
                        Some(("VALUE", "PERIOD")) => {
                            return Err(RuleError::NotModelled("RDATE with PERIOD".to_owned()));
                        }
                        _ => return Err(RuleError::Invalid),
                    }
                }
                let dates: Result<Vec<Listed>, RuleError> =
                    value.split(',').map(|text| read_listed(text, zone_name)).collect();
                let list = if name == "EXDATE" { &mut self.excluded } else { &mut self.added };
                list.extend(dates?);
            }
            _ => return Err(RuleError::Invalid),
        }
        Ok(())
    }
}

fn read_listed(text: &str, zone_name: Option<&str>) -> Result<Listed, RuleError> {
    match read_stamp(text)? {
        Until::Day(day) => Ok(Listed::Day(day)),
        Until::Utc(at) => Ok(Listed::Utc(at)),
        Until::Civil(civil) => match zone_name {
            None => Ok(Listed::Civil(civil)),
            Some(name) => Ok(Listed::Utc(to_utc(&zone(name).ok_or(RuleError::Invalid)?, civil))),
        },
    }
}

fn read_stamp(text: &str) -> Result<Until, RuleError> {
    if text.len() == 8 {
        return NaiveDate::parse_from_str(text, "%Y%m%d").map(Until::Day).map_err(|_| RuleError::Invalid);
    }
    if let Some(naive) = text.strip_suffix('Z') {
        let at = NaiveDateTime::parse_from_str(naive, "%Y%m%dT%H%M%S").map_err(|_| RuleError::Invalid)?;
        return Ok(Until::Utc(DateTime::timestamp(&at.and_utc())));
    }
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").map(Until::Civil).map_err(|_| RuleError::Invalid)
}

fn read_rule(text: &str) -> Result<Rule, RuleError> {
    let mut freq = None;
    let mut rule = Rule {
        freq: Freq::Daily,
        interval: 1,
        count: None,
        until: None,
        by_day: Vec::new(),
        by_month_day: Vec::new(),
        by_month: Vec::new(),
        by_set_position: Vec::new(),
        week_start: Weekday::Mon,
    };
    for part in text.split(';').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').ok_or(RuleError::Invalid)?;
        match key.to_ascii_uppercase().as_str() {
            "FREQ" => freq = Some(read_freq(value)?),
            "INTERVAL" => rule.interval = number(value, 1, 10_000)?,
            "COUNT" => rule.count = u64::try_from(number(value, 1, 1_000_000)?).ok(),
            "UNTIL" => rule.until = Some(read_stamp(value)?),
            "WKST" => rule.week_start = read_day(value)?,
            "BYDAY" => rule.by_day = value.split(',').map(read_ordinal).collect::<Result<_, _>>()?,
            "BYMONTHDAY" => rule.by_month_day = numbers(value, 31)?,
            "BYMONTH" => {
                let months = numbers(value, 12)?;
                rule.by_month =
                    months.into_iter().map(u32::try_from).collect::<Result<_, _>>().map_err(|_| RuleError::Invalid)?;
            }
            "BYSETPOS" => rule.by_set_position = numbers(value, 366)?,
            "BYYEARDAY" | "BYWEEKNO" | "BYHOUR" | "BYMINUTE" | "BYSECOND" | "RSCALE" | "SKIP" => {
                return Err(RuleError::NotModelled(key.to_owned()));
            }
            _ => return Err(RuleError::Invalid),
        }
    }
    rule.freq = freq.ok_or(RuleError::Invalid)?;
    let ordinals = rule.by_day.iter().any(|(nth, _)| *nth != 0);
    let weekly_or_daily = matches!(rule.freq, Freq::Weekly | Freq::Daily);
    if (rule.count.is_some() && rule.until.is_some())
        || (ordinals && weekly_or_daily)
        || (rule.freq == Freq::Weekly && !rule.by_month_day.is_empty())
        // A position needs another part to choose from.
        || (!rule.by_set_position.is_empty()
            && rule.by_day.is_empty()
            && rule.by_month_day.is_empty()
            && rule.by_month.is_empty())
    {
        return Err(RuleError::Invalid);
    }
    Ok(rule)
}

fn read_freq(text: &str) -> Result<Freq, RuleError> {
    match text {
        "DAILY" => Ok(Freq::Daily),
        "WEEKLY" => Ok(Freq::Weekly),
        "MONTHLY" => Ok(Freq::Monthly),
        "YEARLY" => Ok(Freq::Yearly),
        "SECONDLY" | "MINUTELY" | "HOURLY" => Err(RuleError::NotModelled(text.to_owned())),
        _ => Err(RuleError::Invalid),
    }
}

fn number(text: &str, low: i64, high: i64) -> Result<i64, RuleError> {
    text.parse().ok().filter(|value| (low..=high).contains(value)).ok_or(RuleError::Invalid)
}

/// Non-zero numbers between `-bound` and `bound`.
fn numbers(text: &str, bound: i32) -> Result<Vec<i32>, RuleError> {
    text.split(',')
        .map(|item| {
            let value: Option<i32> = item.parse().ok();
            value.filter(|v| *v != 0 && v.abs() <= bound).ok_or(RuleError::Invalid)
        })
        .collect()
}

fn read_day(text: &str) -> Result<Weekday, RuleError> {
    match text {
        "MO" => Ok(Weekday::Mon),
        "TU" => Ok(Weekday::Tue),
        "WE" => Ok(Weekday::Wed),
        "TH" => Ok(Weekday::Thu),
        "FR" => Ok(Weekday::Fri),
        "SA" => Ok(Weekday::Sat),
        "SU" => Ok(Weekday::Sun),
        _ => Err(RuleError::Invalid),
    }
}

fn read_ordinal(text: &str) -> Result<(i32, Weekday), RuleError> {
    let at = text.len().checked_sub(2).ok_or(RuleError::Invalid)?;
    let (nth, day) = text.split_at_checked(at).ok_or(RuleError::Invalid)?;
    let day = read_day(day)?;
    if nth.is_empty() {
        return Ok((0, day));
    }
    let nth: i32 = nth.parse().map_err(|_| RuleError::Invalid)?;
    if nth == 0 || nth.abs() > 53 {
        return Err(RuleError::Invalid);
    }
    Ok((nth, day))
}
