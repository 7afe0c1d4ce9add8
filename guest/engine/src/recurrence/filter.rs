//! Which days a rule's BY parts let through, for a day, a week, a month or a year at once.
//!
//! Every part narrows; parts that are absent let everything through. Numbered weekdays count in the month, or in the
//! year for a yearly rule without BYMONTH.

use super::civil::{date, day_number, first_week, month_len, weekday, year_len};
use super::rule::{Frequency, Rule};
use super::sets::DaySet;

pub(super) const EVERY_WEEKDAY: u8 = 0x7f;
/// Bits 0, 7, 14, 21 and 28.
const EVERY_SEVENTH: u64 = 0x1020_4081;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct DayFilter {
    /// Bit 1 to 12; 0 lets every month through.
    pub(super) months: u16,
    /// Bit 0 is Monday; every occurrence of these weekdays.
    pub(super) weekdays: u8,
    /// (which, weekday); in union with `weekdays`.
    nth: Vec<(i64, i64)>,
    /// `nth` counts in the year.
    nth_in_year: bool,
    /// Bit 1 to 31, from the start and from the end of the month.
    pub(super) month_days: u32,
    month_days_back: u32,
    year_days: Vec<i64>,
    weeks: Vec<i64>,
    week_start: i64,
}

impl DayFilter {
    pub(super) fn new(rule: &Rule) -> Self {
        let mut filter = DayFilter { week_start: rule.first_day_of_week as i64, ..DayFilter::default() };
        for d in &rule.by_day {
            match d.nth_of_period {
                None => filter.weekdays |= 1 << d.day as u8,
                Some(n) => filter.nth.push((i64::from(n), d.day as i64)),
            }
        }
        filter.nth.sort_unstable();
        filter.nth.dedup();
        filter.nth_in_year = rule.frequency == Frequency::Yearly && rule.by_month.is_empty();
        filter.months = rule.by_month.iter().fold(0, |m, n| m | 1u16.checked_shl(*n).unwrap_or(0));
        for n in &rule.by_month_day {
            let bit = 1u32.checked_shl(n.unsigned_abs()).unwrap_or(0);
            if *n > 0 { filter.month_days |= bit } else { filter.month_days_back |= bit }
        }
        filter.year_days = rule.by_year_day.iter().map(|n| i64::from(*n)).collect();
        filter.weeks = rule.by_week_no.iter().map(|n| i64::from(*n)).collect();
        filter
    }

    fn has_month_days(&self) -> bool {
        self.month_days != 0 || self.month_days_back != 0
    }

    fn has_weekdays(&self) -> bool {
        self.weekdays != 0 || !self.nth.is_empty()
    }

    /// Parts that can only be answered with the whole year in view.
    fn needs_year(&self) -> bool {
        !self.year_days.is_empty() || !self.weeks.is_empty() || self.counts_in_year()
    }

    /// Numbered weekdays of the year.
    fn counts_in_year(&self) -> bool {
        self.nth_in_year && !self.nth.is_empty()
    }

    /// Nothing says which days: the day of DTSTART is meant.
    pub(super) fn names_no_day(&self) -> bool {
        !self.has_weekdays() && !self.has_month_days() && self.year_days.is_empty() && self.weeks.is_empty()
    }

    /// Nothing but plain weekdays.
    pub(super) fn only_weekdays(&self) -> bool {
        self.months == 0 && !self.has_month_days() && !self.needs_year() && self.nth.is_empty()
    }

    /// Lets every day through.
    pub(super) fn is_open(&self) -> bool {
        self.only_weekdays() && (self.weekdays == 0 || self.weekdays == EVERY_WEEKDAY)
    }

    /// Whether a day passes. Not for numbered weekdays of a year.
    pub(super) fn passes(&self, day: i64) -> bool {
        if self.only_weekdays() {
            return self.weekdays == 0 || self.weekdays >> weekday(day) & 1 == 1;
        }
        let (y, m, d) = date(day);
        if self.month_bits(y, m) >> d & 1 == 0 {
            return false;
        }
        let of_year = day - day_number(y, 1, 1);
        !self.needs_year() || self.year_parts(y, of_year, of_year + 1).contains(of_year)
    }

    /// The passing days of a week from its first day.
    pub(super) fn week(&self, first: i64) -> DaySet {
        if self.only_weekdays() && self.weekdays != 0 {
            let twice = u64::from(self.weekdays) | u64::from(self.weekdays) << 7;
            return DaySet::from_bits(twice >> weekday(first) & 0x7f);
        }
        DaySet::from_bits((0..7).filter(|i| self.passes(first + i)).fold(0, |bits, i| bits | 1 << i))
    }

    /// The passing days of a month.
    pub(super) fn month(&self, year: i64, month: i64) -> DaySet {
        let mut days = DaySet::from_bits(u64::from(self.month_bits(year, month) >> 1));
        if self.needs_year() {
            let first = day_number(year, month, 1);
            let bits = (0..31).filter(|i| days.contains(*i) && self.passes(first + i)).fold(0, |bits, i| bits | 1 << i);
            days = DaySet::from_bits(bits);
        }
        days
    }

    /// The passing days of a year.
    pub(super) fn year(&self, year: i64) -> DaySet {
        let mut days = DaySet::default();
        let mut offset = 0;
        for month in 1..=12 {
            if self.months == 0 || self.months >> month & 1 == 1 {
                days.insert_bits(offset, u64::from(self.month_bits(year, month) >> 1));
            }
            offset += month_len(year, month);
        }
        if self.needs_year() {
            days.intersect(&self.year_parts(year, 0, offset));
        }
        days
    }

    /// Bit 1 to 31: the days of a month that pass all parts but those that need the year.
    fn month_bits(&self, year: i64, month: i64) -> u32 {
        if self.months != 0 && self.months >> month & 1 == 0 {
            return 0;
        }
        let len = month_len(year, month);
        let all = u32::MAX >> (31 - len) & !1;
        let mut bits = all;
        if self.has_month_days() {
            // Day -n is day len + 1 - n: the mask of days from the end, mirrored.
            let back = self.month_days_back.reverse_bits();
            bits &= self.month_days | if len == 31 { back << 1 } else { back >> (30 - len) };
        }
        if self.has_weekdays() && !self.counts_in_year() {
            let first = weekday(day_number(year, month, 1));
            // Weekday w falls on days 1 + (w - first) mod 7, and every 7 after.
            let on = |w: i64| 1 + (w - first).rem_euclid(7);
            let mut allowed = 0u64;
            for w in (0..7).filter(|w| self.weekdays >> w & 1 == 1) {
                allowed |= EVERY_SEVENTH << on(w);
            }
            for (n, w) in &self.nth {
                allowed |= counted(on(*w), len, *n).map_or(0, |d| 1 << d);
            }
            bits &= u32::try_from(allowed & u64::from(u32::MAX)).unwrap_or(0);
        }
        bits & all
    }

    /// The days `from..to` of a year that pass the parts that need the year.
    fn year_parts(&self, year: i64, from: i64, to: i64) -> DaySet {
        let len = year_len(year);
        let mut days = DaySet::default();
        days.insert_range(from, to);
        if !self.year_days.is_empty() {
            let mut listed = DaySet::default();
            let offset = |n: &i64| if *n > 0 { n - 1 } else { len + n };
            for o in self.year_days.iter().map(offset).filter(|o| *o < len) {
                listed.insert(o);
            }
            days.intersect(&listed);
        }
        if !self.weeks.is_empty() {
            days.intersect(&self.weeks_of(year));
        }
        if self.counts_in_year() {
            let first = weekday(day_number(year, 1, 1));
            let on = |w: i64| 1 + (w - first).rem_euclid(7);
            let mut allowed = DaySet::default();
            for w in (0..7).filter(|w| self.weekdays >> w & 1 == 1) {
                (on(w)..=len).step_by(7).for_each(|d| allowed.insert(d - 1));
            }
            for d in self.nth.iter().filter_map(|(n, w)| counted(on(*w), len, *n)) {
                allowed.insert(d - 1);
            }
            days.intersect(&allowed);
        }
        days
    }

    /// The days of a calendar year in the weeks listed. The first days may lie in the last week of the year before,
    /// the last days in week 1 of the year after; those weeks count when their own number is listed.
    fn weeks_of(&self, year: i64) -> DaySet {
        let mut days = DaySet::default();
        let first_day = day_number(year, 1, 1);
        for y in year - 1..=year + 1 {
            let start = first_week(y, self.week_start);
            let weeks = (first_week(y + 1, self.week_start) - start) / 7;
            for n in &self.weeks {
                let week = if *n > 0 { n - 1 } else { weeks + n };
                let at = start + 7 * week - first_day;
                if (0..weeks).contains(&week) {
                    days.insert_range(at, at + 7);
                }
            }
        }
        days
    }

    /// Whether every month, or every year, has the same number of passing days, so that they need no walk to count.
    pub(super) fn is_constant(&self, frequency: Frequency) -> bool {
        if !self.year_days.is_empty() || !self.weeks.is_empty() {
            return false;
        }
        let sample = |y, m| self.month_bits(y, m).count_ones();
        match (self.has_weekdays(), frequency) {
            (false, Frequency::Monthly) => {
                self.months == 0
                    && [(2001, 2), (2000, 2), (2001, 4)].iter().all(|(y, m)| sample(*y, *m) == sample(2001, 1))
            }
            (false, Frequency::Yearly) => self.year(2000).len() == self.year(2001).len(),
            (true, Frequency::Monthly | Frequency::Yearly) => {
                // First to fourth exist in every month, first to 52nd in every year; of one sign they never coincide.
                let most = if self.nth_in_year { 52 } else { 4 };
                let sign = self.nth.first().map_or(0, |(n, _)| n.signum());
                self.weekdays == 0
                    && !self.has_month_days()
                    && (self.months == 0 || frequency == Frequency::Yearly)
                    && self.nth.iter().all(|(n, _)| n.abs() <= most && n.signum() == sign)
            }
            _ => self.only_weekdays() && (self.is_open() || frequency == Frequency::Weekly),
        }
    }
}

/// Day `first + 7 (n - 1)` of a period of `len` days, or counted from its end; days from 1.
fn counted(first: i64, len: i64, n: i64) -> Option<i64> {
    let day = if n > 0 { first + 7 * (n - 1) } else { first + (len - first) / 7 * 7 + 7 * (n + 1) };
    (1..=len).contains(&day).then_some(day)
}
