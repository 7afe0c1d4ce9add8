//! Days 29 to 31 of months that may be shorter. Outlook takes the last day of such a month, a plain rule of RFC 5545 skips
//! it: the one is never written or read as the other.

use chrono::{Datelike, NaiveDate, NaiveDateTime};

use crate::recurrence::{Frequency, Rule};

/// After so many periods the lengths of months repeat, whatever the interval: the months of 400 years.
const CYCLE: u32 = 4_800;

/// The shortest and the longest that this month, or any, can be.
fn lengths(month: Option<u32>) -> (i32, i32) {
    match month {
        None => (28, 31),
        Some(2) => (28, 29),
        Some(4 | 6 | 9 | 11) => (30, 30),
        Some(_) => (31, 31),
    }
}

/// The month of a rule that has only one.
fn only_month(rule: &Rule, start: NaiveDateTime) -> Option<u32> {
    let yearly = rule.frequency == Frequency::Yearly;
    rule.by_month.first().copied().or_else(|| yearly.then(|| start.month()))
}

/// Give a rule Outlook's `dayOfMonth`: that day, or the last day of a month that ends before it. RFC 5545 says this as the
/// last of several days: `BYMONTHDAY=28,29,30;BYSETPOS=-1`.
pub(super) fn read(rule: &mut Rule, day: i32) {
    let (shortest, longest) = lengths(rule.by_month.first().copied());
    if day <= shortest || day > 31 {
        rule.by_month_day = vec![day];
    } else if shortest == longest {
        rule.by_month_day = vec![longest];
    } else {
        rule.by_month_day = (shortest..=day.min(longest)).collect();
        rule.by_set_position = vec![-1];
    }
}

/// `dayOfMonth` of a rule that names days of a month; none when there is no one such day. Whether it skips months is
/// another question: [`skips_months`].
pub(super) fn write(rule: &Rule, start: NaiveDateTime) -> Option<i32> {
    match (rule.by_month_day.as_slice(), rule.by_set_position.as_slice()) {
        ([], []) => i32::try_from(start.day()).ok(),
        ([day], []) => (*day > 0).then_some(*day),
        (days, [-1]) => {
            let (shortest, longest) = lengths(only_month(rule, start));
            let last = days.iter().copied().max()?.min(longest);
            let gapless = days.iter().all(|day| *day > 0) && (shortest..=last).all(|day| days.contains(&day));
            gapless.then_some(last)
        }
        _ => None,
    }
}

/// Whether the rule names a single day and skips, before it ends on `last` or after its count, a month without it.
pub(super) fn skips_months(rule: &Rule, start: NaiveDateTime, last: Option<NaiveDate>) -> bool {
    let step = match rule.frequency {
        Frequency::Monthly => i64::from(rule.interval),
        Frequency::Yearly => i64::from(rule.interval) * 12,
        _ => return false,
    };
    let plain = rule.by_day.is_empty() && rule.by_set_position.is_empty() && rule.by_month.len() <= 1;
    let day = match rule.by_month_day.as_slice() {
        [] if plain => i64::from(start.day()),
        [day] if plain => i64::from(*day),
        _ => return false,
    };
    let month = rule.by_month.first().copied().unwrap_or(start.month());
    let first = i64::from(start.year()) * 12 + i64::from(month) - 1;
    let last = last.map(|last| (i64::from(last.year()), i64::from(last.month()), i64::from(last.day())));
    let periods = i64::from(rule.count.unwrap_or(CYCLE).min(CYCLE));
    for number in (0..periods).map(|period| first + period * step) {
        let (year, month) = (number.div_euclid(12), number.rem_euclid(12) + 1);
        let length = length(year, month);
        // What Outlook would show; the end comes before it or not.
        if last.is_some_and(|last| (year, month, day.min(length)) > last) {
            return false;
        }
        if length < day {
            return true;
        }
    }
    false
}

fn length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::{Value, json};

    use super::*;

    fn rule(value: &Value) -> Rule {
        Rule::from_json(value).unwrap()
    }

    fn at(date: &str) -> NaiveDateTime {
        date.parse::<NaiveDate>().unwrap().and_hms_opt(9, 0, 0).unwrap()
    }

    #[test]
    fn a_month_is_skipped_when_one_without_the_day_is_met() {
        // (start, rule, last date, skips)
        let cases = [
            ("2026-03-28", json!({"frequency": "monthly"}), None, false),
            ("2026-03-29", json!({"frequency": "monthly"}), None, true),
            ("2026-01-15", json!({"frequency": "monthly", "byMonthDay": [30]}), None, true),
            ("2026-07-31", json!({"frequency": "monthly", "count": 2}), None, false),
            ("2026-07-31", json!({"frequency": "monthly", "count": 3}), None, true),
            ("2026-03-30", json!({"frequency": "monthly", "count": 11}), None, false),
            ("2026-03-30", json!({"frequency": "monthly", "count": 12}), None, true),
            ("2027-03-29", json!({"frequency": "monthly", "count": 23}), None, false),
            ("2027-03-29", json!({"frequency": "monthly", "count": 24}), None, true),
            ("2027-12-31", json!({"frequency": "monthly"}), Some("2028-02-28"), false),
            ("2027-12-31", json!({"frequency": "monthly"}), Some("2028-02-29"), true),
            ("2026-01-31", json!({"frequency": "monthly", "interval": 12}), None, false),
            ("2026-03-31", json!({"frequency": "monthly", "interval": 2}), None, true),
            ("2026-03-31", json!({"frequency": "yearly"}), None, false),
            ("2028-02-29", json!({"frequency": "yearly"}), None, true),
            ("2028-02-29", json!({"frequency": "yearly", "interval": 4, "count": 18}), None, false),
            ("2028-02-29", json!({"frequency": "yearly", "interval": 4, "count": 19}), None, true),
            ("2028-02-29", json!({"frequency": "yearly", "byMonth": ["2"], "byMonthDay": [29]}), None, true),
            ("2026-03-31", json!({"frequency": "weekly"}), None, false),
        ];
        for (start, value, last, skips) in cases {
            let last = last.map(|last: &str| last.parse().unwrap());
            assert_eq!(skips_months(&rule(&value), at(start), last), skips, "{value} from {start} to {last:?}");
        }
    }

    #[test]
    fn what_is_read_is_written_as_it_was() {
        let none = Rule::every(Frequency::Monthly);
        for day in 1..=31 {
            let mut monthly = none.clone();
            read(&mut monthly, day);
            assert_eq!(write(&monthly, at("2026-02-28")), Some(day));
            for month in 1..=12 {
                let mut yearly = Rule::every(Frequency::Yearly);
                yearly.by_month = vec![month];
                read(&mut yearly, day);
                assert_eq!(write(&yearly, at("2026-02-28")), Some(day.min(lengths(Some(month)).1)), "{month}-{day}");
            }
        }
        for wrong in [0, 32] {
            let mut monthly = none.clone();
            read(&mut monthly, wrong);
            assert!(monthly.check().is_err(), "day {wrong}");
        }
    }

    #[test]
    fn only_days_without_a_gap_are_the_last_of_them() {
        let cases = [
            (json!([28, 29, 30, 31]), Some(31)),
            (json!([30, 29, 28, 27]), Some(30)),
            (json!([10, 20]), Some(20)),
            (json!([29, 30, 31]), None),
            (json!([28, 30]), None),
            (json!([31]), None),
            (json!([-2, 28]), None),
        ];
        for (days, day) in cases {
            let value = json!({"frequency": "monthly", "byMonthDay": days, "bySetPosition": [-1]});
            assert_eq!(write(&rule(&value), at("2026-03-28")), day, "{value}");
        }
    }
}
