//! A rule as a person would say it. Every part of the rule is in the sentence; nothing is left out to make it prettier.

use super::rule::{Frequency, NDay, Rule, Weekday};

/// The rule in English, without a full stop: `every 2 weeks on Monday and Friday, 10 times`. Dates are `2026-06-03`.
#[must_use]
pub fn sentence(rule: &Rule) -> String {
    let mut text = every(rule);
    if !rule.by_month.is_empty() {
        text.push_str(&format!(" in {}", list(rule.by_month.iter().map(|month| month_name(*month)))));
    }
    if !rule.by_week_no.is_empty() {
        text.push_str(&format!(" in {}", counted("week", &rule.by_week_no)));
    }
    if !rule.by_year_day.is_empty() {
        text.push_str(&format!(" on {} of the year", counted("day", &rule.by_year_day)));
    }
    if !rule.by_month_day.is_empty() {
        text.push_str(&format!(" on {} of the month", counted("day", &rule.by_month_day)));
    }
    if !rule.by_day.is_empty() {
        let period = match rule.frequency {
            Frequency::Yearly if rule.by_month.is_empty() => " of the year",
            Frequency::Yearly | Frequency::Monthly => " of the month",
            _ => "",
        };
        let numbered = rule.by_day.iter().any(|day| day.nth_of_period.is_some());
        let days = list(rule.by_day.iter().map(day_name));
        text.push_str(&format!(" on {days}{}", if numbered { period } else { "" }));
    }
    for (name, values) in [("hour", &rule.by_hour), ("minute", &rule.by_minute), ("second", &rule.by_second)] {
        if !values.is_empty() {
            let plural = if values.len() > 1 { "s" } else { "" };
            text.push_str(&format!(" at {name}{plural} {}", list(values.iter().map(ToString::to_string))));
        }
    }
    if !rule.by_set_position.is_empty() {
        text.push_str(&format!(", only {} of these", list(rule.by_set_position.iter().map(|n| the(*n)))));
    }
    if rule.first_day_of_week != Weekday::Mo && weeks_matter(rule) {
        text.push_str(&format!(", weeks beginning on {}", weekday_name(rule.first_day_of_week)));
    }
    match (rule.count, rule.until) {
        (Some(1), _) => text.push_str(", once"),
        (Some(count), _) => text.push_str(&format!(", {count} times")),
        (None, Some(until)) if until.0.time() == chrono::NaiveTime::MIN => {
            text.push_str(&format!(", until {}", until.0.date()));
        }
        (None, Some(until)) => text.push_str(&format!(", until {}", until.0.format("%Y-%m-%d %H:%M:%S"))),
        (None, None) => {}
    }
    text
}

/// The first day of the week changes what these rules give.
fn weeks_matter(rule: &Rule) -> bool {
    !rule.by_week_no.is_empty()
        || (rule.frequency == Frequency::Weekly && (rule.interval > 1 || !rule.by_set_position.is_empty()))
}

fn every(rule: &Rule) -> String {
    let unit = match rule.frequency {
        Frequency::Yearly => "year",
        Frequency::Monthly => "month",
        Frequency::Weekly => "week",
        Frequency::Daily => "day",
        Frequency::Hourly => "hour",
        Frequency::Minutely => "minute",
        Frequency::Secondly => "second",
    };
    match rule.interval {
        1 => format!("every {unit}"),
        n => format!("every {n} {unit}s"),
    }
}

/// `Monday`, `the second Monday`, `the last Friday`.
fn day_name(day: &NDay) -> String {
    let name = weekday_name(day.day);
    day.nth_of_period.map_or_else(|| name.to_owned(), |n| format!("{} {name}", the(n)))
}

/// `day 15`, `days 1, 15 and the last`.
fn counted(what: &str, numbers: &[i32]) -> String {
    let plural = if numbers.len() > 1 { "s" } else { "" };
    match numbers {
        [n] if *n < 0 => format!("{} {what}", the(*n)),
        _ => {
            let each = numbers.iter().map(|n| if *n > 0 { n.to_string() } else { the(*n) });
            format!("{what}{plural} {}", list(each))
        }
    }
}

/// `the first`, `the 21st`, `the last`, `the third to last`.
fn the(n: i32) -> String {
    match n {
        -1 => "the last".to_owned(),
        n if n < 0 => format!("the {} to last", ordinal(n.unsigned_abs())),
        n => format!("the {}", ordinal(n.unsigned_abs())),
    }
}

fn ordinal(n: u32) -> String {
    const WORDS: [&str; 6] = ["zeroth", "first", "second", "third", "fourth", "fifth"];
    if let Some(word) = usize::try_from(n).ok().and_then(|i| WORDS.get(i)) {
        return (*word).to_owned();
    }
    let ending = match (n % 100, n % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

pub(super) fn weekday_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Mo => "Monday",
        Weekday::Tu => "Tuesday",
        Weekday::We => "Wednesday",
        Weekday::Th => "Thursday",
        Weekday::Fr => "Friday",
        Weekday::Sa => "Saturday",
        Weekday::Su => "Sunday",
    }
}

fn month_name(month: u32) -> String {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let name = month.checked_sub(1).and_then(|i| usize::try_from(i).ok()).and_then(|i| NAMES.get(i));
    name.map_or_else(|| format!("month {month}"), |name| (*name).to_owned())
}

/// `a, b and c`.
fn list(items: impl Iterator<Item = impl Into<String>>) -> String {
    let mut items: Vec<String> = items.map(Into::into).collect();
    let Some(last) = items.pop() else { return String::new() };
    if items.is_empty() { last } else { format!("{} and {last}", items.join(", ")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::recurrence::Place;
    use crate::time::BundledZones;

    fn say(rrule: &str) -> String {
        let zones = BundledZones::new();
        let place = Place { all_day: false, zone: Some("Europe/Berlin"), zones: &zones };
        sentence(&Rule::from_rrule(rrule, &place).unwrap())
    }

    #[test]
    fn every_part_of_a_rule_is_said() {
        for (rrule, said) in [
            ("FREQ=DAILY", "every day"),
            ("FREQ=WEEKLY;BYDAY=MO,FR;COUNT=10", "every week on Monday and Friday, 10 times"),
            ("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU", "every 2 weeks on Tuesday, weeks beginning on Sunday"),
            ("FREQ=MONTHLY;BYDAY=2TU", "every month on the second Tuesday of the month"),
            (
                "FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20260603",
                "every month on the last Friday of the month, until 2026-06-03 23:59:59",
            ),
            ("FREQ=MONTHLY;BYMONTHDAY=1,15,-1", "every month on days 1, 15 and the last of the month"),
            ("FREQ=MONTHLY;BYMONTHDAY=-1", "every month on the last day of the month"),
            ("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "every year in March on the last Sunday of the month"),
            ("FREQ=YEARLY;BYDAY=20MO", "every year on the 20th Monday of the year"),
            ("FREQ=YEARLY;BYWEEKNO=1,20;BYDAY=MO", "every year in weeks 1 and 20 on Monday"),
            ("FREQ=YEARLY;BYYEARDAY=1,-2", "every year on days 1 and the second to last of the year"),
            (
                "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1,-1",
                "every month on Monday and Tuesday, only the first and the last of these",
            ),
            ("FREQ=DAILY;INTERVAL=3;BYHOUR=9,15;BYMINUTE=30", "every 3 days at hours 9 and 15 at minute 30"),
            ("FREQ=HOURLY;INTERVAL=6;COUNT=1", "every 6 hours, once"),
        ] {
            assert_eq!(say(rrule), said, "{rrule}");
        }
    }
}
