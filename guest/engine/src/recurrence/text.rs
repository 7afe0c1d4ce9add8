//! RRULE values (RFC 5545 3.3.10) to rules and back.
//!
//! What is seen in the wild is accepted (lower case, `RRULE:` in front, a trailing semicolon, UNTIL as a date or wall
//! time); what is written is strict. Reading what was written gives the same rule.

use std::fmt::Write as _;
use std::str::FromStr;

use super::limits;
use super::place::{Place, Stamp, basic, basic_date};
use super::rule::{Frequency, NDay, Rule, RuleError, Weekday, check_calendar};
use crate::time::LocalDateTime;

const FREQUENCIES: [(&str, Frequency); 7] = [
    ("YEARLY", Frequency::Yearly),
    ("MONTHLY", Frequency::Monthly),
    ("WEEKLY", Frequency::Weekly),
    ("DAILY", Frequency::Daily),
    ("HOURLY", Frequency::Hourly),
    ("MINUTELY", Frequency::Minutely),
    ("SECONDLY", Frequency::Secondly),
];
const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const PARTS: [&str; 16] = [
    "FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYYEARDAY", "BYWEEKNO", "BYHOUR",
    "BYMINUTE", "BYSECOND", "BYSETPOS", "RSCALE", "SKIP",
];

impl Rule {
    /// Reads the value of an RRULE line, with or without the name in front. UNTIL becomes a wall time of the event.
    pub fn from_rrule(text: &str, place: &Place) -> Result<Self, RuleError> {
        if text.len() > limits::TEXT_BYTES {
            return Err(RuleError::Malformed);
        }
        let text = text.trim().to_ascii_uppercase();
        let text = text.strip_prefix("RRULE:").or_else(|| text.strip_prefix("EXRULE:")).unwrap_or(&text);
        let mut rule = Rule::every(Frequency::Yearly);
        let mut seen: Vec<&'static str> = Vec::new();
        for part in text.split(';').filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once('=').ok_or(RuleError::Malformed)?;
            let name = PARTS.into_iter().find(|p| *p == name.trim()).ok_or(RuleError::UnknownPart)?;
            if seen.contains(&name) {
                return Err(RuleError::Repeated(name));
            }
            seen.push(name);
            rule.read_part(name, value.trim(), place)?;
        }
        if !seen.contains(&"FREQ") {
            return Err(RuleError::Frequency);
        }
        rule.check()?;
        Ok(rule)
    }

    fn read_part(&mut self, name: &'static str, value: &str, place: &Place) -> Result<(), RuleError> {
        let wrong = RuleError::Range(name);
        match name {
            "FREQ" => {
                let found = FREQUENCIES.iter().find(|(text, _)| *text == value);
                self.frequency = found.ok_or(RuleError::Frequency)?.1;
            }
            "INTERVAL" => self.interval = value.parse().map_err(|_| wrong)?,
            "COUNT" => self.count = Some(value.parse().map_err(|_| wrong)?),
            "UNTIL" => {
                let until = Stamp::parse(value).and_then(|stamp| place.until(stamp));
                self.until = Some(LocalDateTime(until.ok_or(wrong)?));
            }
            "WKST" => self.first_day_of_week = weekday(value).ok_or(wrong)?,
            "BYDAY" => self.by_day = list(value, n_day).ok_or(wrong)?,
            "BYMONTHDAY" => self.by_month_day = list(value, number).ok_or(wrong)?,
            "BYMONTH" => self.by_month = list(value, number).ok_or(wrong)?,
            "BYYEARDAY" => self.by_year_day = list(value, number).ok_or(wrong)?,
            "BYWEEKNO" => self.by_week_no = list(value, number).ok_or(wrong)?,
            "BYHOUR" => self.by_hour = list(value, number).ok_or(wrong)?,
            "BYMINUTE" => self.by_minute = list(value, number).ok_or(wrong)?,
            "BYSECOND" => self.by_second = list(value, number).ok_or(wrong)?,
            "BYSETPOS" => self.by_set_position = list(value, number).ok_or(wrong)?,
            "RSCALE" => check_calendar(Some(value), None)?,
            _ => check_calendar(None, Some(value))?,
        }
        Ok(())
    }

    /// The value of an RRULE line, without the name. UNTIL is written as RFC 5545 asks: a date for an all-day event,
    /// a wall time for a floating one, else UTC.
    pub fn to_rrule(&self, place: &Place) -> String {
        let mut out = String::from("FREQ=");
        let name = FREQUENCIES.iter().find(|(_, f)| *f == self.frequency).map_or("", |(name, _)| name);
        out.push_str(name);
        if self.interval != 1 {
            let _ = write!(out, ";INTERVAL={}", self.interval);
        }
        write_list(&mut out, "BYMONTH", &self.by_month);
        write_list(&mut out, "BYWEEKNO", &self.by_week_no);
        write_list(&mut out, "BYYEARDAY", &self.by_year_day);
        write_list(&mut out, "BYMONTHDAY", &self.by_month_day);
        let days: Vec<String> = self.by_day.iter().map(n_day_text).collect();
        write_list(&mut out, "BYDAY", &days);
        write_list(&mut out, "BYHOUR", &self.by_hour);
        write_list(&mut out, "BYMINUTE", &self.by_minute);
        write_list(&mut out, "BYSECOND", &self.by_second);
        write_list(&mut out, "BYSETPOS", &self.by_set_position);
        if self.first_day_of_week != Weekday::Mo {
            let _ = write!(out, ";WKST={}", weekday_text(self.first_day_of_week));
        }
        if let Some(count) = self.count {
            let _ = write!(out, ";COUNT={count}");
        }
        if let Some(LocalDateTime(until)) = self.until {
            let text = match place.utc_of_wall(until) {
                _ if place.all_day => basic_date(until.date()),
                Some(utc) => basic(utc) + "Z",
                None => basic(until),
            };
            let _ = write!(out, ";UNTIL={text}");
        }
        out
    }
}

fn list<T>(value: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    value.split(',').map(|item| read(item.trim())).collect()
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.strip_prefix('+').unwrap_or(text).parse().ok()
}

fn weekday(text: &str) -> Option<Weekday> {
    Weekday::ALL.into_iter().zip(WEEKDAYS).find(|(_, name)| *name == text).map(|(day, _)| day)
}

fn weekday_text(day: Weekday) -> &'static str {
    WEEKDAYS.get(day as usize).copied().unwrap_or("MO")
}

fn n_day(text: &str) -> Option<NDay> {
    let (nth, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let nth_of_period = if nth.is_empty() { None } else { Some(number(nth)?) };
    Some(NDay { day: weekday(day)?, nth_of_period })
}

fn n_day_text(day: &NDay) -> String {
    let name = weekday_text(day.day);
    day.nth_of_period.map_or_else(|| name.to_owned(), |n| format!("{n}{name}"))
}

fn write_list<T: ToString>(out: &mut String, name: &str, items: &[T]) {
    if !items.is_empty() {
        let items: Vec<String> = items.iter().map(T::to_string).collect();
        let _ = write!(out, ";{name}={}", items.join(","));
    }
}
