//! A rule made ready: which periods there are, and what is in each.
//!
//! Periods are numbered 0, 1, 2 ... from the one that holds DTSTART, ascend in time and never overlap, so a rule can
//! be entered anywhere. Sub-daily rules whose step divides the day become daily ones, and daily ones without gaps
//! become weekly or yearly: their answers are the same and their periods larger.

use chrono::{NaiveDateTime, Timelike};

use super::civil::{self, DAY_S, date, day_number, weekday};
use super::clock::Clock;
use super::filter::{DayFilter, EVERY_WEEKDAY};
use super::items::Items;
use super::limits::LAST_SECOND;
use super::rule::{Frequency, Rule};
use super::sets::{TimeSet, positions};

/// Masks of BYHOUR, BYMINUTE and BYSECOND; 0 when the part is absent.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockParts {
    pub(super) hours: u32,
    pub(super) minutes: u64,
    pub(super) seconds: u64,
}

pub(super) const EVERY_HOUR: u32 = (1 << 24) - 1;
pub(super) const EVERY_SIXTIETH: u64 = (1 << 60) - 1;

impl ClockParts {
    fn new(rule: &Rule) -> Self {
        let bits = |list: &[u32], most: u32| list.iter().fold(0u64, |m, n| m | 1 << (*n).min(most));
        ClockParts {
            hours: u32::try_from(bits(&rule.by_hour, 23)).unwrap_or(0),
            minutes: bits(&rule.by_minute, 59),
            // A leap second is read as the second before it (RFC 5545 3.3.12).
            seconds: bits(&rule.by_second, 59),
        }
    }
}

/// The rule in its working form.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    Calendar(Calendar),
    Clock(Clock),
}

/// Years, months, weeks or days with the same times in each passing day.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    /// Yearly, Monthly, Weekly or Daily.
    unit: Frequency,
    interval: i64,
    /// Period 0: its year; its month since year 0; the day number of its first day.
    base: i64,
    filter: DayFilter,
    times: TimeSet,
    positions: Vec<i32>,
    /// The number of items of every period, when it is always the same.
    constant: Option<u64>,
}

impl Plan {
    pub(super) fn new(rule: &Rule, start: NaiveDateTime, all_day: bool) -> Self {
        let mut filter = DayFilter::new(rule);
        let (year, month, day) = date(civil::seconds(start).div_euclid(DAY_S));
        let start_day = day_number(year, month, day);
        if filter.names_no_day() {
            match rule.frequency {
                Frequency::Yearly => {
                    filter.months |= if filter.months == 0 { 1 << month } else { 0 };
                    filter.month_days = 1 << day;
                }
                Frequency::Monthly => filter.month_days = 1 << day,
                Frequency::Weekly => filter.weekdays = 1 << weekday(start_day),
                _ => {}
            }
        }
        let mut parts = ClockParts::new(rule);
        if all_day && rule.frequency <= Frequency::Daily {
            // RFC 5545: must be ignored where DTSTART is a date.
            parts = ClockParts { hours: 0, minutes: 0, seconds: 0 };
        }
        if rule.frequency > Frequency::Daily {
            return Clock::plan(rule, start, filter, parts);
        }
        let hours = if parts.hours == 0 { 1 << start.hour() } else { parts.hours };
        let minutes = if parts.minutes == 0 { 1 << start.minute() } else { parts.minutes };
        let seconds = if parts.seconds == 0 { 1 << start.second() } else { parts.seconds };
        let times = TimeSet::new(hours, seconds_of_hour(minutes, seconds));
        let interval = i64::from(rule.interval);
        if rule.frequency == Frequency::Daily && interval == 1 && rule.by_set_position.is_empty() {
            return Plan::every_day(start_day, filter, times);
        }
        let base = match rule.frequency {
            Frequency::Yearly => year,
            Frequency::Monthly => year * 12 + month - 1,
            Frequency::Weekly => start_day - (weekday(start_day) - rule.first_day_of_week as i64).rem_euclid(7),
            _ => start_day,
        };
        let unit = rule.frequency;
        Plan::calendar(Calendar {
            unit,
            interval,
            base,
            filter,
            times,
            positions: rule.by_set_position.clone(),
            constant: None,
        })
    }

    /// Every day that passes: in weeks when only weekdays matter (a period costs about the same however much is in it),
    /// in years when more does.
    pub(super) fn every_day(start_day: i64, mut filter: DayFilter, times: TimeSet) -> Self {
        if filter.is_open() {
            filter.weekdays = EVERY_WEEKDAY;
        }
        let (unit, base) = if filter.only_weekdays() {
            (Frequency::Weekly, start_day - weekday(start_day))
        } else {
            (Frequency::Yearly, date(start_day).0)
        };
        Plan::calendar(Calendar { unit, interval: 1, base, filter, times, positions: Vec::new(), constant: None })
    }

    fn calendar(mut plan: Calendar) -> Self {
        if plan.filter.is_constant(plan.unit) {
            plan.constant = Some(plan.items(0).len());
        }
        Plan::Calendar(plan)
    }

    /// The period that holds a civil second, or the last one before it; 0 before DTSTART's.
    pub(super) fn period_at(&self, second: i64) -> i64 {
        match self {
            Plan::Calendar(plan) => plan.period_at(second).max(0),
            Plan::Clock(plan) => plan.period_at(second).max(0),
        }
    }

    /// The first civil second of a period; past all time when the period is.
    pub(super) fn period_start(&self, period: i64) -> i64 {
        match self {
            Plan::Calendar(plan) => plan.period_start(period),
            Plan::Clock(plan) => plan.period_start(period),
        }
    }

    /// What is in a period that starts in time.
    pub(super) fn items(&self, period: i64) -> Items<'_> {
        match self {
            Plan::Calendar(plan) => plan.items(period),
            Plan::Clock(plan) => plan.items(period),
        }
    }

    /// The second of the day of every item, when each period is at most a month with one time in each passing day
    /// and nothing picked from it: then [`Plan::days`] says all.
    pub(super) fn one_time(&self) -> Option<i64> {
        let Plan::Calendar(plan) = self else { return None };
        let small = matches!(plan.unit, Frequency::Weekly | Frequency::Monthly);
        (small && plan.positions.is_empty() && plan.times.len() == 1).then(|| plan.times.nth(0)).flatten()
    }

    /// The first day of a period, and the days that pass as bits from it. Only where [`Plan::one_time`] says so.
    pub(super) fn days(&self, period: i64) -> (i64, u64) {
        let Plan::Calendar(plan) = self else { return (0, 0) };
        let at = plan.unit_at(period);
        if plan.unit == Frequency::Weekly {
            return (at, plan.filter.week(at).first_word());
        }
        let (year, month) = (at.div_euclid(12), at.rem_euclid(12) + 1);
        (day_number(year, month, 1), plan.filter.month(year, month).first_word())
    }

    /// The next period that may hold something.
    pub(super) fn next(&self, period: i64) -> i64 {
        match self {
            Plan::Calendar(_) => period + 1,
            Plan::Clock(plan) => plan.next(period),
        }
    }

    /// The number of items of every period, when it is always the same.
    pub(super) fn constant(&self) -> Option<u64> {
        match self {
            Plan::Calendar(plan) => plan.constant,
            Plan::Clock(plan) => plan.constant(),
        }
    }
}

impl Calendar {
    fn period_at(&self, second: i64) -> i64 {
        let day = second.div_euclid(DAY_S);
        let (year, month, _) = date(day);
        let units = match self.unit {
            Frequency::Yearly => year - self.base,
            Frequency::Monthly => year * 12 + month - 1 - self.base,
            Frequency::Weekly => (day - self.base).div_euclid(7),
            _ => day - self.base,
        };
        units.div_euclid(self.interval)
    }

    /// Period `n` in units since year 0 or day 0.
    fn unit_at(&self, period: i64) -> i64 {
        let step = if self.unit == Frequency::Weekly { 7 } else { 1 };
        self.base.saturating_add(period.saturating_mul(self.interval).saturating_mul(step))
    }

    fn period_start(&self, period: i64) -> i64 {
        let at = self.unit_at(period);
        let day = match self.unit {
            Frequency::Yearly => day_number(at.min(10_000), 1, 1),
            Frequency::Monthly => {
                let at = at.min(120_000);
                day_number(at.div_euclid(12), at.rem_euclid(12) + 1, 1)
            }
            _ => at.min(LAST_SECOND / DAY_S + 1),
        };
        day * DAY_S
    }

    fn items(&self, period: i64) -> Items<'_> {
        let at = self.unit_at(period);
        let (first, days) = match self.unit {
            Frequency::Yearly => (day_number(at, 1, 1), self.filter.year(at)),
            Frequency::Monthly => {
                let (year, month) = (at.div_euclid(12), at.rem_euclid(12) + 1);
                (day_number(year, month, 1), self.filter.month(year, month))
            }
            Frequency::Weekly => (at, self.filter.week(at)),
            _ => (at, super::sets::DaySet::from_bits(u64::from(self.filter.passes(at)))),
        };
        let items = Items::days(first, days, &self.times);
        if self.positions.is_empty() {
            return items;
        }
        let picked = positions(&self.positions, items.len());
        items.pick(picked)
    }
}

/// The seconds of an hour that minutes and seconds of these masks make, ascending.
pub(super) fn seconds_of_hour(minutes: u64, seconds: u64) -> Vec<u16> {
    let bits = |mask: u64| (0..60u16).filter(move |i| mask >> i & 1 == 1);
    bits(minutes).flat_map(|m| bits(seconds).map(move |s| m * 60 + s)).collect()
}
