//! `event.recurrence`: a pattern and a range, to a rule of RFC 8984 and back. What a pattern cannot say is refused,
//! never approximated.

use chrono::{Datelike, NaiveDate, NaiveDateTime};
use serde_json::{Map, Value, json};

use super::{month_days, wire};
use crate::event::{Document, is_excluded};
use crate::provider::Refused;
use crate::recurrence::{self, Expander, Frequency, NDay, OutOfStep, Rule, Weekday};
use crate::time::LocalDateTime;

const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Mo),
    ("tuesday", Weekday::Tu),
    ("wednesday", Weekday::We),
    ("thursday", Weekday::Th),
    ("friday", Weekday::Fr),
    ("saturday", Weekday::Sa),
    ("sunday", Weekday::Su),
];
const INDEXES: [(&str, i32); 5] = [("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("last", -1)];

/// A wall time without a zone.
pub(super) fn parse_local(text: &str) -> Option<NaiveDateTime> {
    LocalDateTime::parse(text).map(|local| local.0)
}

/// The text of a wall time.
pub(super) fn local_text(local: NaiveDateTime) -> String {
    LocalDateTime(local).to_string()
}

/// Read a recurrence into `recurrenceRules`; `start` is the wall time of the first occurrence. None: it is of a kind
/// that Graph's reference does not have.
pub(super) fn read(wire: &wire::Recurrence, properties: &mut Map<String, Value>) -> Option<()> {
    let pattern = &wire.pattern;
    let mut rule = Rule::every(Frequency::Daily);
    rule.interval = pattern.interval.max(1);
    let days: Vec<Weekday> = pattern.days_of_week.iter().flatten().filter_map(|name| day(name)).collect();
    match pattern.kind.as_str() {
        "daily" => {}
        "weekly" => {
            rule.frequency = Frequency::Weekly;
            rule.first_day_of_week = pattern.first_day_of_week.as_deref().and_then(day).unwrap_or(Weekday::Su);
            rule.by_day = each(&days, None);
        }
        "absoluteMonthly" => {
            rule.frequency = Frequency::Monthly;
            month_days::read(&mut rule, pattern.day_of_month);
        }
        "relativeMonthly" => {
            rule.frequency = Frequency::Monthly;
            relative(&mut rule, pattern, &days)?;
        }
        "absoluteYearly" => {
            rule.frequency = Frequency::Yearly;
            rule.by_month = vec![pattern.month];
            month_days::read(&mut rule, pattern.day_of_month);
        }
        "relativeYearly" => {
            rule.frequency = Frequency::Yearly;
            rule.by_month = vec![pattern.month];
            relative(&mut rule, pattern, &days)?;
        }
        _ => return None,
    }
    match wire.range.kind.as_str() {
        "numbered" => rule.count = Some(wire.range.number_of_occurrences),
        "endDate" => {
            let date = wire.range.end_date.as_deref()?.parse::<NaiveDate>().ok()?;
            // All of the last day, so that a series that is moved to a later hour keeps its last occurrence.
            rule.until = date.and_hms_opt(23, 59, 59).map(LocalDateTime);
        }
        _ => {}
    }
    rule.check().ok()?;
    properties.insert("recurrenceRules".into(), json!([rule.to_json()]));
    Some(())
}

/// `index` of `daysOfWeek`: with several days, the first (or last) that is any of them.
fn relative(rule: &mut Rule, pattern: &wire::Pattern, days: &[Weekday]) -> Option<()> {
    let index = pattern.index.as_deref().unwrap_or("first");
    let nth = INDEXES.iter().find(|(name, _)| name.eq_ignore_ascii_case(index))?.1;
    match days {
        [] => return None,
        [one] => rule.by_day = each(&[*one], Some(nth)),
        // All seven and the last of them: the last day of the month.
        all if all.len() == 7 && nth == -1 => rule.by_month_day = vec![-1],
        several => {
            rule.by_day = each(several, None);
            rule.by_set_position = vec![nth];
        }
    }
    Some(())
}

fn day(name: &str) -> Option<Weekday> {
    DAYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, day)| *day)
}

fn name(day: Weekday) -> &'static str {
    DAYS.iter().find(|(_, known)| *known == day).map_or("monday", |(name, _)| name)
}

fn each(days: &[Weekday], nth: Option<i32>) -> Vec<NDay> {
    let mut days = days.to_vec();
    days.sort();
    days.dedup();
    days.into_iter().map(|day| NDay { day, nth_of_period: nth }).collect()
}

/// The recurrence to write; none for a single event. `zone` is the name that its times are written with.
pub(super) fn write(document: &Document, zone: &str) -> Result<Option<Value>, Refused> {
    if !document.is_recurring() {
        return Ok(None);
    }
    let unknown = Refused {
        code: "recurrence-not-expressible",
        detail: "Outlook has no recurrence of this kind; simplify the rule, or it stays in this calendar only",
    };
    let odd = |name: &String| name == "excludedRecurrenceRules" || name.ends_with(".com:recurrence");
    if document.properties().keys().any(odd) {
        return Err(unknown);
    }
    let rules = document.get("recurrenceRules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let [rule] = rules else { return Err(unknown) };
    let mut rule = Rule::from_json(rule).map_err(|_| unknown.clone())?;
    let start = document.str("start").and_then(parse_local).ok_or_else(|| unknown.clone())?;
    // A rule that ends before it begins gives the start alone.
    rule.until = rule.until.map(|LocalDateTime(until)| LocalDateTime(until.max(start)));
    let all_day = document.is_without_time();
    let expander = Expander::new(&rule, start, all_day, OutOfStep::First).map_err(|_| unknown.clone())?;
    if expander.is_out_of_step() {
        let detail = "the event does not start on a day of its own rule, which Outlook does not allow; move its start";
        return Err(Refused { code: "start-out-of-step", detail });
    }
    if month_days::skips_months(&rule, start, last_date(&rule, start)) {
        let detail = "the rule skips months without its day, where Outlook takes their last day; repeat it on the last day \
                      of the month, or it stays in this calendar only";
        return Err(Refused { code: unknown.code, detail });
    }
    let pattern = pattern(&rule, start).ok_or(unknown)?;
    Ok(Some(json!({"pattern": pattern, "range": range(&rule, start, zone)})))
}

/// Refuse overrides at times that the rule does not give, but for those that the event had before.
pub(super) fn check_dates(document: &Document, before: Option<&Document>) -> Result<(), Refused> {
    let known = |id: &str| before.and_then(Document::overrides).is_some_and(|all| all.contains_key(id));
    let shown = document.overrides().into_iter().flatten().filter(|(_, patch)| !is_excluded(patch));
    let mut new = shown.filter(|(id, _)| !known(id)).peekable();
    if new.peek().is_none() {
        return Ok(());
    }
    let mut rules_only = document.clone();
    rules_only.set("recurrenceOverrides", None);
    if new.all(|(id, _)| recurrence::contains(rules_only.value(), id).unwrap_or(true)) {
        return Ok(());
    }
    let detail = "Outlook has no additional dates in a series; make events of their own of them";
    Err(Refused { code: "additional-dates", detail })
}

fn range(rule: &Rule, start: NaiveDateTime, zone: &str) -> Value {
    let mut range = json!({"startDate": start.date().to_string(), "recurrenceTimeZone": zone});
    let mut set = |name: &str, value: Value| range.as_object_mut().map(|range| range.insert(name.into(), value));
    match (rule.count, last_date(rule, start)) {
        (Some(count), _) => {
            set("type", "numbered".into());
            set("numberOfOccurrences", count.into());
        }
        (None, Some(last)) => {
            set("type", "endDate".into());
            set("endDate", last.to_string().into());
        }
        (None, None) => drop(set("type", "noEnd".into())),
    }
    range
}

/// The last date that `until` includes. A date includes the occurrence of that day: one that is later that day is none.
fn last_date(rule: &Rule, start: NaiveDateTime) -> Option<NaiveDate> {
    let LocalDateTime(until) = rule.until?;
    let before = until.time() < start.time();
    Some(if before { until.date().pred_opt().unwrap_or(until.date()) } else { until.date() })
}

/// The pattern of a rule; none when there is no such pattern.
fn pattern(rule: &Rule, start: NaiveDateTime) -> Option<Value> {
    let clock = [&rule.by_hour, &rule.by_minute, &rule.by_second];
    let plain = rule.by_year_day.is_empty() && rule.by_week_no.is_empty() && clock.iter().all(|list| list.is_empty());
    plain.then_some(())?;
    let interval = rule.interval;
    let bare = rule.by_month.is_empty() && rule.by_month_day.is_empty() && rule.by_set_position.is_empty();
    let unnumbered = rule.by_day.iter().all(|day| day.nth_of_period.is_none());
    let names = || rule.by_day.iter().map(|day| name(day.day)).collect::<Vec<_>>();
    let first = name(rule.first_day_of_week);
    match rule.frequency {
        Frequency::Daily if bare && rule.by_day.is_empty() => Some(json!({"type": "daily", "interval": interval})),
        // Every day that is one of these is every week on these.
        Frequency::Daily if bare && unnumbered && interval == 1 => {
            Some(json!({"type": "weekly", "interval": 1, "daysOfWeek": names(), "firstDayOfWeek": first}))
        }
        Frequency::Weekly if bare && unnumbered => {
            let own = DAYS.get(start.weekday().num_days_from_monday() as usize).map(|(name, _)| *name);
            let names = if rule.by_day.is_empty() { own.into_iter().collect() } else { names() };
            Some(json!({"type": "weekly", "interval": interval, "daysOfWeek": names, "firstDayOfWeek": first}))
        }
        Frequency::Monthly if rule.by_month.is_empty() => monthly(rule, start, "Monthly", None),
        Frequency::Yearly => match rule.by_month.as_slice() {
            [month] => monthly(rule, start, "Yearly", Some(*month)),
            [] if rule.by_day.is_empty() && bare => monthly(rule, start, "Yearly", Some(start.month())),
            _ => None,
        },
        _ => None,
    }
}

/// A pattern within months.
fn monthly(rule: &Rule, start: NaiveDateTime, suffix: &str, month: Option<u32>) -> Option<Value> {
    let mut pattern = json!({"interval": rule.interval});
    let set = pattern.as_object_mut()?;
    set.extend(month.map(|month| ("month".to_owned(), month.into())));
    let mut relative = |days: Vec<&str>, nth: i32| {
        let index = INDEXES.iter().find(|(_, known)| *known == nth)?.0;
        set.insert("type".into(), format!("relative{suffix}").into());
        set.insert("daysOfWeek".into(), days.into());
        set.insert("index".into(), index.into());
        Some(())
    };
    let nth = rule.by_day.iter().map(|day| day.nth_of_period).collect::<Vec<_>>();
    match (rule.by_month_day.as_slice(), nth.as_slice(), rule.by_set_position.as_slice()) {
        ([-1], [], []) => relative(DAYS.iter().map(|(name, _)| *name).collect(), -1)?,
        ([], [Some(nth)], []) => relative(rule.by_day.iter().map(|day| name(day.day)).collect(), *nth)?,
        ([], [_, ..], [nth]) if rule.by_day.iter().all(|day| day.nth_of_period.is_none()) => {
            relative(rule.by_day.iter().map(|day| name(day.day)).collect(), *nth)?;
        }
        (_, [], _) => {
            set.insert("type".into(), format!("absolute{suffix}").into());
            set.insert("dayOfMonth".into(), month_days::write(rule, start)?.into());
        }
        _ => return None,
    }
    Some(pattern)
}
