//! A series that starts at another time: what its rules say of the old start they say of the new one, so that the series
//! has as many occurrences as before, each moved with the first.

use chrono::{Datelike, NaiveDate};
use serde_json::Value;

use super::civil::month_len;
use super::rule::{Frequency, NDay, Rule, Weekday};
use super::written::{BOUNDS, DAYS, with_parts};
use crate::event::Document;
use crate::time::LocalDateTime;

/// `changed` is `before` with another start: move the UNTIL of every rule by the same wall time, and the days of a rule
/// that names those of the old start (RFC 5545 BYDAY, BYMONTHDAY, BYMONTH). A rule that cannot be read stays, and so do the
/// days of one that names others, too; only all weekdays of an every-week rule move together.
pub fn move_rules(before: &Document, changed: &mut Document) {
    let start = |document: &Document| document.str("start").and_then(LocalDateTime::parse);
    let (Some(from), Some(to)) = (start(before), start(changed)) else { return };
    if from == to {
        return;
    }
    let moved = |value: &Value, days: bool| {
        let Ok(mut rule) = Rule::from_json(value) else { return value.clone() };
        let until = rule.until.and_then(|until| until.0.checked_add_signed(to.0 - from.0));
        let mut out = value.clone();
        if until.is_some() {
            rule.until = until.map(LocalDateTime);
            out = with_parts(value, &rule, &BOUNDS);
        }
        match days.then(|| on_other_days(&rule, from.0.date(), to.0.date())).flatten() {
            Some(rule) => with_parts(&out, &rule, &DAYS),
            None => out,
        }
    };
    for (name, days) in [("recurrenceRules", true), ("excludedRecurrenceRules", false)] {
        let Some(rules) = changed.get(name).and_then(Value::as_array) else { continue };
        let rules = rules.iter().map(|rule| moved(rule, days)).collect();
        changed.set(name, Some(Value::Array(rules)));
    }
}

/// The rule on the days that lie as far from its own as `to` from `from`. None: they stay as they are.
fn on_other_days(rule: &Rule, from: NaiveDate, to: NaiveDate) -> Option<Rule> {
    if from == to || !rule.by_year_day.is_empty() || !rule.by_week_no.is_empty() {
        return None;
    }
    let mut moved = rule.clone();
    match rule.by_month.as_slice() {
        [] => {}
        [month] if *month == from.month() => moved.by_month = vec![to.month()],
        _ => return None,
    }
    match (rule.by_month_day.as_slice(), rule.by_day.as_slice()) {
        ([28, .., last], []) if is_day_or_last(rule) => {
            if first(from)? != (*last).min(length(from)?) {
                return None;
            }
            let day = first(to)?;
            moved.by_month_day = (day.min(28)..=day).collect();
            moved.by_set_position.retain(|_| day > 28);
        }
        _ if !rule.by_set_position.is_empty() => return None,
        ([], []) => {}
        ([day], []) => moved.by_month_day = vec![on_another_day(*day, from, to)?],
        ([], [NDay { day, nth_of_period: Some(nth) }]) if *day == weekday(from) => {
            // What is counted in a year lies in another month for each year.
            let is_counted_in_month = rule.frequency == Frequency::Monthly || !rule.by_month.is_empty();
            let nth = is_counted_in_month.then(|| counted_anew(*nth, from, to)).flatten()?;
            moved.by_day = vec![NDay { day: weekday(to), nth_of_period: Some(nth) }];
        }
        ([], days) if days.iter().all(|day| day.nth_of_period.is_none()) => {
            let is_alone = days.len() == 1 || rule.frequency == Frequency::Weekly && rule.interval == 1;
            if !is_alone || days.iter().all(|day| day.day != weekday(from)) {
                return None;
            }
            let later = usize::try_from((to - from).num_days().rem_euclid(7)).ok()?;
            let all = |day: &NDay| Weekday::ALL.get((day.day as usize + later) % 7).copied();
            let all = days.iter().map(|day| Some(NDay { day: all(day)?, nth_of_period: None }));
            moved.by_day = all.collect::<Option<_>>()?;
        }
        _ => return None,
    }
    (moved != *rule).then_some(moved)
}

/// Whether a rule is on a day of the month, and on the last one where a month has no such day.
fn is_day_or_last(rule: &Rule) -> bool {
    let is_next = |two: &[i32]| matches!(two, [day, next] if day + 1 == *next);
    rule.by_set_position == [-1] && rule.by_month_day.windows(2).all(is_next)
}

fn first(date: NaiveDate) -> Option<i32> {
    i32::try_from(date.day()).ok()
}

/// The day of a month as it is counted: from the first or, negative, from the last.
fn on_another_day(day: i32, from: NaiveDate, to: NaiveDate) -> Option<i32> {
    let last = |date: NaiveDate| Some(first(date)? - length(date)? - 1);
    match day {
        day if Some(day) == first(from) => first(to),
        day if Some(day) == last(from) => last(to),
        _ => None,
    }
}

/// Which of its weekdays in the month a day is, counted as before. There is not always a fifth: that is the last one.
fn counted_anew(nth: i32, from: NaiveDate, to: NaiveDate) -> Option<i32> {
    let ahead = |date: NaiveDate| Some((first(date)? - 1) / 7 + 1);
    let back = |date: NaiveDate| Some((first(date)? - length(date)?) / 7 - 1);
    let new = match nth {
        nth if Some(nth) == ahead(from) => ahead(to)?,
        nth if Some(nth) == back(from) => back(to)?,
        _ => return None,
    };
    Some(if new.abs() > 4 { -new.signum() } else { new })
}

fn length(date: NaiveDate) -> Option<i32> {
    i32::try_from(month_len(i64::from(date.year()), i64::from(date.month()))).ok()
}

fn weekday(date: NaiveDate) -> Weekday {
    let number = usize::try_from(date.weekday().num_days_from_monday()).unwrap_or(0);
    Weekday::ALL.get(number).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]
    use serde_json::json;

    use super::*;

    /// The rule of a series that moves from one start to another.
    fn moved(rule: Value, from: &str, to: &str) -> Value {
        let series = |start: &str| match json!({"@type": "Event", "start": start, "recurrenceRules": [rule]}) {
            Value::Object(properties) => Document::new(properties),
            _ => Document::default(),
        };
        let (before, mut changed) = (series(from), series(to));
        move_rules(&before, &mut changed);
        changed.value()["recurrenceRules"][0].clone()
    }

    fn check(rule: Value, from: &str, to: &str, expected: Value) {
        let mut whole = rule.clone();
        for (name, value) in expected.as_object().into_iter().flatten() {
            whole[name] = value.clone();
        }
        whole.as_object_mut().into_iter().for_each(|rule| rule.retain(|_, value| !value.is_null()));
        assert_eq!(moved(rule.clone(), from, to), whole, "{rule} from {from} to {to}");
    }

    #[test]
    fn days_that_name_the_start_move_with_it() {
        let day = |day: &str| json!({"@type": "NDay", "day": day});
        let nth = |day: &str, nth: i32| json!({"@type": "NDay", "day": day, "nthOfPeriod": nth});
        let (tue_3, wed_4, fri_27, tue_31) =
            ("2026-03-03T09:00:00", "2026-03-04T10:00:00", "2026-03-27T09:00:00", "2026-03-31T09:00:00");
        let rule = |frequency: &str, parts: Value| {
            let mut rule = json!({"@type": "RecurrenceRule", "frequency": frequency, "example.com:own": 1});
            for (name, value) in parts.as_object().into_iter().flatten() {
                rule[name] = value.clone();
            }
            rule
        };
        let weekly = rule("weekly", json!({"byDay": [day("tu")], "interval": 2}));
        check(weekly, tue_3, wed_4, json!({"byDay": [day("we")]}));
        let working = rule("weekly", json!({"byDay": [day("mo"), day("tu"), day("su")]}));
        check(working.clone(), tue_3, wed_4, json!({"byDay": [day("tu"), day("we"), day("mo")]}));
        // Every other week: one of them would fall into another week than the others.
        let mut other = working;
        other["interval"] = 2.into();
        check(other.clone(), tue_3, wed_4, json!({}));
        let monthly = |parts: Value| rule("monthly", parts);
        check(monthly(json!({"byMonthDay": [3]})), tue_3, wed_4, json!({"byMonthDay": [4]}));
        check(monthly(json!({"byMonthDay": [-1]})), tue_31, fri_27, json!({"byMonthDay": [-5]}));
        check(monthly(json!({"byMonthDay": [3, 17]})), tue_3, wed_4, json!({}));
        check(monthly(json!({"byDay": [nth("tu", 1)]})), tue_3, wed_4, json!({"byDay": [nth("we", 1)]}));
        check(monthly(json!({"byDay": [nth("tu", -1)]})), tue_31, fri_27, json!({"byDay": [nth("fr", -1)]}));
        check(monthly(json!({"byDay": [nth("tu", 1)]})), tue_3, tue_31, json!({"byDay": [nth("tu", -1)]}));
        check(monthly(json!({"byDay": [day("tu")], "bySetPosition": [1]})), tue_3, wed_4, json!({}));
        // The 31st, or the last day of a month that has none.
        let last = monthly(json!({"byMonthDay": [28, 29, 30, 31], "bySetPosition": [-1]}));
        check(last.clone(), tue_31, "2026-03-30T09:00:00", json!({"byMonthDay": [28, 29, 30]}));
        check(last.clone(), tue_31, fri_27, json!({"byMonthDay": [27], "bySetPosition": null}));
        check(
            last.clone(),
            "2026-02-28T09:00:00",
            "2026-03-01T09:00:00",
            json!({"byMonthDay": [1], "bySetPosition": null}),
        );
        check(last, fri_27, tue_3, json!({}));
        let yearly = rule("yearly", json!({"byMonth": ["3"], "byMonthDay": [31]}));
        check(yearly.clone(), tue_31, "2026-04-01T09:00:00", json!({"byMonth": ["4"], "byMonthDay": [1]}));
        check(rule("yearly", json!({"byDay": [nth("tu", 9)]})), tue_3, wed_4, json!({}));
        // Another time of the day is no other day, and a start that its rule does not name moves alone.
        check(yearly, tue_31, "2026-03-31T10:00:00", json!({}));
        check(rule("weekly", json!({"byDay": [day("fr")]})), tue_3, wed_4, json!({}));
        // Its end goes along.
        let until = rule("weekly", json!({"byDay": [day("tu")], "until": "2026-06-30T09:00:00"}));
        check(until, tue_3, wed_4, json!({"byDay": [day("we")], "until": "2026-07-01T10:00:00"}));
    }
}
