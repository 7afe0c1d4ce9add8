//! Occurrences of a series.
//! Invariant: occurrences come in order, each once; the series' own start always counts as the first.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, Weekday};

use super::rule::{Freq, Listed, Recurrence, Rule, Until};
use super::time::{When, to_civil, to_utc, zone};

/// Periods of a rule that are visited before it counts as ended.
const MAX_PERIODS: i64 = 60_000;
/// The last year that is looked at.
const LAST_YEAR: i32 = 2200;

/// Where a series starts.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    first: NaiveDate,
    time: NaiveTime,
    all_day: bool,
    zone_name: Option<String>,
    zone: jiff::tz::TimeZone,
}

impl Origin {
    /// The origin of a series that starts at `start` in a calendar of that zone.
    pub(crate) fn new(start: &When, calendar_zone: &str) -> Self {
        let shown = |name: &str| zone(name).unwrap_or(jiff::tz::TimeZone::UTC);
        match start {
            When::Day(day) => {
                Self { first: *day, time: NaiveTime::MIN, all_day: true, zone_name: None, zone: shown(calendar_zone) }
            }
            When::Moment(utc_s, name) => {
                let found = shown(name.as_deref().unwrap_or(calendar_zone));
                let civil = to_civil(&found, *utc_s);
                Self { first: civil.date(), time: civil.time(), all_day: false, zone_name: name.clone(), zone: found }
            }
        }
    }

    fn utc(&self, day: NaiveDate) -> i64 {
        to_utc(&self.zone, day.and_time(self.time))
    }

    fn when(&self, utc_s: i64) -> When {
        if self.all_day {
            When::Day(to_civil(&self.zone, utc_s).date())
        } else {
            When::Moment(utc_s, self.zone_name.clone())
        }
    }

    fn listed_utc(&self, listed: Listed) -> i64 {
        match listed {
            Listed::Day(day) => self.utc(day),
            Listed::Utc(at) if self.all_day => self.utc(super::time::utc_naive(at).date()),
            Listed::Utc(at) => at,
            Listed::Civil(civil) => to_utc(&self.zone, civil),
        }
    }
}

/// The starts of the occurrences before `end_s` (UTC seconds, exclusive), at most `limit`, with their UTC seconds.
pub(crate) fn expand(series: &Recurrence, origin: &Origin, end_s: i64, limit: usize) -> Vec<(i64, When)> {
    let mut starts = BTreeSet::new();
    starts.insert(origin.utc(origin.first));
    for rule in &series.rules {
        expand_rule(rule, origin, end_s, limit, &mut starts);
    }
    starts.extend(series.added.iter().map(|listed| origin.listed_utc(*listed)));
    for excluded in &series.excluded {
        match excluded {
            // A day excludes that day's occurrence, whatever its time.
            Listed::Day(day) => starts.retain(|at| to_civil(&origin.zone, *at).date() != *day),
            other => {
                starts.remove(&origin.listed_utc(*other));
            }
        }
    }
    starts.into_iter().filter(|at| *at < end_s).take(limit).map(|at| (at, origin.when(at))).collect()
}

fn expand_rule(rule: &Rule, origin: &Origin, end_s: i64, limit: usize, starts: &mut BTreeSet<i64>) {
    // The start is the first of COUNT, also when the rule itself would not give it.
    let mut left = rule.count.unwrap_or(u64::MAX).saturating_sub(1);
    let mut found = 0_usize;
    for period in 0..MAX_PERIODS {
        let Some(days) = period_days(rule, origin.first, period) else { return };
        for day in days.into_iter().filter(|day| *day > origin.first) {
            let at = origin.utc(day);
            let past_until = match rule.until {
                None => false,
                Some(Until::Day(last)) => day > last,
                Some(Until::Utc(last)) if origin.all_day => day > super::time::utc_naive(last).date(),
                Some(Until::Utc(last)) => at > last,
                Some(Until::Civil(last)) => day.and_time(origin.time) > last,
            };
            if past_until || at >= end_s || left == 0 || found > limit.saturating_mul(2) {
                return;
            }
            left -= 1;
            found += 1;
            starts.insert(at);
        }
    }
}

/// The days of the rule in its period number `period`, sorted; none behind the last year.
fn period_days(rule: &Rule, first: NaiveDate, period: i64) -> Option<Vec<NaiveDate>> {
    let steps = u64::try_from(period.checked_mul(rule.interval)?).ok()?;
    let days = match rule.freq {
        Freq::Daily => {
            let day = first.checked_add_days(Days::new(steps))?;
            let wanted = in_months(rule, day) && in_month_days(rule, day) && on_weekday(rule, day.weekday());
            (day.year() <= LAST_YEAR).then(|| if wanted { vec![day] } else { Vec::new() })?
        }
        Freq::Weekly => {
            let week = first.week(rule.week_start).checked_first_day()?.checked_add_days(Days::new(steps * 7))?;
            let in_week = week.iter_days().take(7);
            let wanted = |day: &NaiveDate| {
                let named = rule.by_day.iter().any(|(_, name)| *name == day.weekday());
                let default = rule.by_day.is_empty() && day.weekday() == first.weekday();
                (named || default) && in_months(rule, *day)
            };
            (week.year() <= LAST_YEAR).then(|| in_week.filter(wanted).collect())?
        }
        Freq::Monthly => {
            let month = first.with_day(1)?.checked_add_months(Months::new(u32::try_from(steps).ok()?))?;
            (month.year() <= LAST_YEAR).then_some(())?;
            if in_months(rule, month) { month_days(rule, month, first.day()) } else { Vec::new() }
        }
        Freq::Yearly => {
            let year = first.year().checked_add(i32::try_from(steps).ok()?)?;
            (year <= LAST_YEAR).then(|| year_days(rule, year, first))?
        }
    };
    Some(at_positions(rule, days))
}

/// The days of a period that BYSETPOS chooses.
fn at_positions(rule: &Rule, days: Vec<NaiveDate>) -> Vec<NaiveDate> {
    if rule.by_set_position.is_empty() {
        return days;
    }
    let length = i32::try_from(days.len()).unwrap_or(i32::MAX);
    let chosen = |number: i32| rule.by_set_position.iter().any(|at| *at == number || length + 1 + *at == number);
    days.into_iter().zip(1..).filter(|(_, number)| chosen(*number)).map(|(day, _)| day).collect()
}

fn in_months(rule: &Rule, day: NaiveDate) -> bool {
    rule.by_month.is_empty() || rule.by_month.contains(&day.month())
}

fn on_weekday(rule: &Rule, weekday: Weekday) -> bool {
    rule.by_day.is_empty() || rule.by_day.iter().any(|(_, name)| *name == weekday)
}

fn in_month_days(rule: &Rule, day: NaiveDate) -> bool {
    let length = i32::try_from(length_of_month(day)).unwrap_or(31);
    let number = i32::try_from(day.day()).unwrap_or(0);
    rule.by_month_day.is_empty()
        || rule.by_month_day.iter().any(|wanted| *wanted == number || length + 1 + *wanted == number)
}

fn length_of_month(day: NaiveDate) -> u32 {
    let next = day.with_day(1).and_then(|first| first.checked_add_months(Months::new(1)));
    next.and_then(|next| next.pred_opt()).map_or(31, |last| last.day())
}

/// The days of one month: by number, by weekday (with ordinals inside the month), or the start's own number.
fn month_days(rule: &Rule, month: NaiveDate, own_day: u32) -> Vec<NaiveDate> {
    let length = length_of_month(month) as usize;
    let all = month.iter_days().take(length);
    if rule.by_day.is_empty() && rule.by_month_day.is_empty() {
        return month.with_day(own_day).into_iter().collect();
    }
    all.filter(|day| in_month_days(rule, *day) && is_nth(rule, *day, day.day0(), length as u32)).collect()
}

/// Whether `day`, at `index` of a span of `length` days, is named by BYDAY.
fn is_nth(rule: &Rule, day: NaiveDate, index: u32, length: u32) -> bool {
    let from_start = i32::try_from(index / 7 + 1).unwrap_or(0);
    let from_end = -i32::try_from((length - 1 - index) / 7 + 1).unwrap_or(0);
    rule.by_day.is_empty()
        || rule
            .by_day
            .iter()
            .any(|(nth, name)| *name == day.weekday() && (*nth == 0 || *nth == from_start || *nth == from_end))
}

fn year_days(rule: &Rule, year: i32, first: NaiveDate) -> Vec<NaiveDate> {
    let month = |number: u32| NaiveDate::from_ymd_opt(year, number, 1);
    if !rule.by_month.is_empty() {
        // Within named months, ordinals count in the month.
        let months = (1..=12).filter(|number| rule.by_month.contains(number)).filter_map(month);
        return months.flat_map(|month| month_days(rule, month, first.day())).collect();
    }
    if rule.by_day.is_empty() && rule.by_month_day.is_empty() {
        return NaiveDate::from_ymd_opt(year, first.month(), first.day()).into_iter().collect();
    }
    // Without them they count in the year, also beside BYMONTHDAY.
    let Some(january) = month(1) else { return Vec::new() };
    let length: u32 = if january.leap_year() { 366 } else { 365 };
    let all = january.iter_days().take(length as usize);
    all.filter(|day| in_month_days(rule, *day) && is_nth(rule, *day, day.ordinal0(), length)).collect()
}
