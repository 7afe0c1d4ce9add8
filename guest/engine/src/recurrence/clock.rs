//! Sub-daily rules. Those whose step divides a day become daily rules; the rest are steps of a fixed length.
//!
//! BYSETPOS picks inside one hour, minute or second, which always holds the same items, so it is resolved once, here.

use chrono::{NaiveDateTime, Timelike};

use super::civil::{self, DAY_S};
use super::filter::DayFilter;
use super::items::Items;
use super::limits::LAST_SECOND;
use super::plan::{ClockParts, EVERY_HOUR, EVERY_SIXTIETH, Plan, seconds_of_hour};
use super::rule::{Frequency, Rule};
use super::sets::{TimeSet, positions};

/// Steps of a fixed length, each passing or not.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    /// Civil second of step 0, a whole hour, minute or second.
    base: i64,
    /// Seconds from step to step.
    step: i64,
    /// Seconds of one unit: 3600, 60 or 1.
    unit: i64,
    filter: DayFilter,
    hours: u32,
    minutes: u64,
    seconds: u64,
    /// The items of a passing step, in seconds after it.
    offsets: Vec<u16>,
}

impl Clock {
    pub(super) fn plan(rule: &Rule, start: NaiveDateTime, filter: DayFilter, parts: ClockParts) -> Plan {
        let unit = match rule.frequency {
            Frequency::Hourly => 3_600,
            Frequency::Minutely => 60,
            _ => 1,
        };
        let minutes = if parts.minutes == 0 { 1 << start.minute() } else { parts.minutes };
        let seconds = if parts.seconds == 0 { 1 << start.second() } else { parts.seconds };
        let mut offsets = match unit {
            3_600 => seconds_of_hour(minutes, seconds),
            60 => seconds_of_hour(1, seconds),
            _ => vec![0],
        };
        if !rule.by_set_position.is_empty() {
            let picked = positions(&rule.by_set_position, offsets.len() as u64);
            let at = |i: u64| usize::try_from(i).ok().and_then(|i| offsets.get(i)).copied();
            offsets = picked.into_iter().filter_map(at).collect();
        }
        let second = civil::seconds(start);
        let clock = Clock {
            base: second.div_euclid(unit) * unit,
            step: unit * i64::from(rule.interval),
            unit,
            filter,
            hours: if parts.hours == 0 { EVERY_HOUR } else { parts.hours },
            minutes: if parts.minutes == 0 { EVERY_SIXTIETH } else { parts.minutes },
            seconds: if parts.seconds == 0 { EVERY_SIXTIETH } else { parts.seconds },
            offsets,
        };
        match clock.times_of_day(start) {
            Some(times) => Plan::every_day(second.div_euclid(DAY_S), clock.filter, times),
            None => Plan::Clock(clock),
        }
    }

    /// The times of every day, when the steps hit the same ones each day.
    fn times_of_day(&self, start: NaiveDateTime) -> Option<TimeSet> {
        let every = |at: u32, step: i64, of: i64| {
            let hit = (0..of).filter(|i| (i - i64::from(at)) % step == 0);
            hit.fold(0u64, |bits, i| bits | 1 << i)
        };
        let one = |at: u32| 1u64 << at;
        // Which hours, minutes and seconds the steps reach, each independent of the others.
        let (h, m, s) = match self.step {
            n if n < 60 && 60 % n == 0 => (u64::from(EVERY_HOUR), EVERY_SIXTIETH, every(start.second(), n, 60)),
            n if n % 60 == 0 && 3_600 % n == 0 => {
                (u64::from(EVERY_HOUR), every(start.minute(), n / 60, 60), one(start.second()))
            }
            n if n % 3_600 == 0 && DAY_S % n == 0 => {
                (every(start.hour(), n / 3_600, 24), one(start.minute()), one(start.second()))
            }
            _ => return None,
        };
        let hours = u32::try_from(h).ok()? & self.hours;
        let inner = match self.unit {
            3_600 => self.offsets.clone(),
            60 => {
                let minutes = seconds_of_hour(m & self.minutes, 1);
                minutes.iter().flat_map(|m| self.offsets.iter().map(move |o| m + o)).collect()
            }
            _ if self.offsets.is_empty() => Vec::new(),
            _ => seconds_of_hour(m & self.minutes, s & self.seconds),
        };
        Some(TimeSet::new(hours, inner))
    }

    pub(super) fn period_at(&self, second: i64) -> i64 {
        (second - self.base).div_euclid(self.step)
    }

    pub(super) fn period_start(&self, period: i64) -> i64 {
        self.base.saturating_add(period.saturating_mul(self.step)).min(LAST_SECOND + 1)
    }

    /// None when the step passes; else the first second at which that may change.
    fn blocked_until(&self, at: i64) -> Option<i64> {
        let (day, time) = (at.div_euclid(DAY_S), at.rem_euclid(DAY_S));
        if !self.filter.is_open() && !self.filter.passes(day) {
            return Some((day + 1) * DAY_S);
        }
        if self.hours >> (time / 3_600) & 1 == 0 {
            return Some(at - time % 3_600 + 3_600);
        }
        if self.unit <= 60 && self.minutes >> (time / 60 % 60) & 1 == 0 {
            return Some(at - time % 60 + 60);
        }
        (self.unit == 1 && self.seconds >> (time % 60) & 1 == 0).then_some(at + 1)
    }

    pub(super) fn items(&self, period: i64) -> Items<'_> {
        let at = self.period_start(period);
        let none: &[u16] = &[];
        Items::offsets(at, if self.blocked_until(at).is_none() { &self.offsets } else { none })
    }

    pub(super) fn next(&self, period: i64) -> i64 {
        match self.blocked_until(self.period_start(period)) {
            // The step at or after that second.
            Some(second) => (second - self.base - 1).div_euclid(self.step) + 1,
            None => period + 1,
        }
    }

    pub(super) fn constant(&self) -> Option<u64> {
        let open = self.filter.is_open()
            && self.hours == EVERY_HOUR
            && (self.unit > 60 || self.minutes == EVERY_SIXTIETH)
            && (self.unit > 1 || self.seconds == EVERY_SIXTIETH);
        (open || self.offsets.is_empty()).then_some(self.offsets.len() as u64)
    }
}
