//! Random rules that RFC 5545 allows, from a seed: the same number gives the same case on every machine.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDateTime, Timelike};
use tandem_engine::time::{BundledZones, Zones};

/// Numbers from a seed (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    pub(crate) fn within(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.next() % u64::try_from(high - low + 1).unwrap()).unwrap()
    }

    pub(crate) fn chance(&mut self, percent: i64) -> bool {
        self.within(1, 100) <= percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[usize::try_from(self.next() % list.len() as u64).unwrap()]
    }

    /// Up to `most` different numbers; 0 is none.
    fn list(&mut self, most: i64, low: i64, high: i64) -> Vec<i64> {
        let mut list: Vec<i64> =
            (0..self.within(1, most)).map(|_| self.within(low, high)).filter(|n| *n != 0).collect();
        list.sort_unstable();
        list.dedup();
        list
    }
}

pub(crate) const FREQUENCIES: [&str; 7] = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"];
pub(crate) const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
/// Zones that change at night, at midnight (three), by half an hour, and that do not change.
const ZONES: [&str; 9] = [
    "America/New_York",
    "Europe/Berlin",
    "Africa/Cairo",
    "America/Santiago",
    "America/Havana",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Asia/Kolkata",
    "Etc/UTC",
];
/// How far each frequency is looked at, in days.
const HORIZON_DAYS: [i64; 7] = [365 * 30, 365 * 12, 365 * 5, 365 * 2, 90, 4, 1];
pub(crate) const DAY_S: i64 = 86_400;
/// Most occurrences that are compared.
pub(crate) const LIMIT: usize = 60;

/// How UNTIL is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UntilForm {
    Date,
    Local,
    Utc,
}

/// A rule in parts. Times are civil seconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub(crate) frequency: usize,
    pub(crate) interval: i64,
    pub(crate) count: Option<usize>,
    /// The last civil second meant by UNTIL as it is written.
    pub(crate) until: Option<(i64, UntilForm)>,
    pub(crate) week_start: usize,
    /// (ordinal or 0, weekday)
    pub(crate) days: Vec<(i64, usize)>,
    /// Name and numbers of every other BY part.
    pub(crate) lists: Vec<(&'static str, Vec<i64>)>,
}

impl Parts {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.lists.iter().any(|(n, _)| *n == name)
    }

    pub(crate) fn list(&self, name: &str) -> &[i64] {
        self.lists.iter().find(|(n, _)| *n == name).map_or(&[], |(_, list)| list)
    }

    /// The rule without its end.
    pub(crate) fn endless(&self) -> String {
        let mut text = format!("FREQ={}", FREQUENCIES[self.frequency]);
        if self.interval != 1 {
            write!(text, ";INTERVAL={}", self.interval).unwrap();
        }
        if self.week_start != 0 {
            write!(text, ";WKST={}", WEEKDAYS[self.week_start]).unwrap();
        }
        if !self.days.is_empty() {
            let day = |(n, day): &(i64, usize)| match n {
                0 => WEEKDAYS[*day].to_owned(),
                n => format!("{n}{}", WEEKDAYS[*day]),
            };
            write!(text, ";BYDAY={}", self.days.iter().map(day).collect::<Vec<_>>().join(",")).unwrap();
        }
        for (name, list) in &self.lists {
            let list: Vec<String> = list.iter().map(i64::to_string).collect();
            write!(text, ";{name}={}", list.join(",")).unwrap();
        }
        text
    }
}

/// One comparison.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) number: u64,
    pub(crate) parts: Parts,
    /// The RRULE value.
    pub(crate) rule: String,
    pub(crate) start: i64,
    pub(crate) all_day: bool,
    pub(crate) zone: Option<&'static str>,
    /// EXDATE lines.
    pub(crate) excluded: Vec<String>,
    /// The window, ms since the epoch.
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

pub(crate) fn wall(at: i64) -> NaiveDateTime {
    DateTime::from_timestamp(at, 0).unwrap().naive_utc()
}

pub(crate) fn basic(at: i64) -> String {
    wall(at).format("%Y%m%dT%H%M%S").to_string()
}

pub(crate) fn basic_date(at: i64) -> String {
    wall(at).format("%Y%m%d").to_string()
}

impl Case {
    /// Case `number`. `some` answers the first occurrences of a rule, to bring a start into step and an end on one.
    pub(crate) fn new(number: u64, zones: &BundledZones, some: impl Fn(&str, i64) -> Vec<i64>) -> Self {
        let mut random = Random(number);
        let r = &mut random;
        let (mut parts, start, all_day, zone, ends) = loop {
            let (parts, start, all_day, zone) = recurrence(r, zones);
            let found = some(&parts.endless(), start);
            // Few that never occur, and few that begin out of step.
            match found.first().copied() {
                Some(first) => break (parts, if r.chance(85) { first } else { start }, all_day, zone, found),
                None if r.chance(10) => break (parts, start, all_day, zone, found),
                None => {}
            }
        };
        let frequency = parts.frequency;
        let length = HORIZON_DAYS[frequency] * DAY_S;
        let mut rule = parts.endless();
        if r.chance(35) {
            let count = r.within(1, 50);
            parts.count = Some(usize::try_from(count).unwrap());
            write!(rule, ";COUNT={count}").unwrap();
        } else if r.chance(55) {
            let at = match r.within(0, 3) {
                0 => start + r.within(0, length),
                1 => start + r.within(0, length / DAY_S) * DAY_S,
                _ if ends.is_empty() => start,
                _ => r.pick(&ends),
            };
            let (until, form) = until(r, at, all_day, zone, zones);
            parts.until = Some((until, form));
            let text = match (form, zone) {
                (UntilForm::Date, _) => basic_date(until),
                (UntilForm::Utc, Some(zone)) => basic(zones.to_utc_ms(zone, wall(until)).unwrap() / 1_000) + "Z",
                (UntilForm::Utc, None) => basic(until) + "Z",
                (UntilForm::Local, _) => basic(until),
            };
            write!(rule, ";UNTIL={text}").unwrap();
        }
        let late = if r.chance(35) { r.within(0, length / 2) } else { -2 * DAY_S };
        let (from_ms, to_ms) = ((start + late) * 1_000, (start + length) * 1_000);
        Case { number, parts, rule, start, all_day, zone, excluded: Vec::new(), from_ms, to_ms }
    }

    /// Excludes some of the occurrences, in one of the forms that EXDATE has.
    pub(crate) fn exclude(&mut self, some: &[i64], zones: &BundledZones) {
        let random = &mut Random(self.number ^ 0x5eed);
        if some.is_empty() || !random.chance(45) {
            return;
        }
        let mut listed: Vec<i64> = (0..random.within(1, 6)).map(|_| random.pick(some)).collect();
        if random.chance(30) {
            // One that is no occurrence.
            listed.push(some[0] + 1);
        }
        let form = random.within(0, 2);
        let text = |at: &i64| match (form, self.zone) {
            _ if self.all_day => basic_date(*at),
            (0, _) => basic_date(*at),
            (1, Some(zone)) => basic(zones.to_utc_ms(zone, wall(*at)).unwrap() / 1_000) + "Z",
            _ => basic(*at),
        };
        let values = listed.iter().map(text).collect::<Vec<_>>().join(",");
        self.excluded.push(match (form, self.zone) {
            _ if self.all_day => format!("EXDATE;VALUE=DATE:{values}"),
            (0, _) => format!("EXDATE;VALUE=DATE:{values}"),
            (2, Some(zone)) => format!("EXDATE;TZID={zone}:{values}"),
            _ => format!("EXDATE:{values}"),
        });
    }
}

/// A rule without its end, a start that need not be in step, and where they stand.
fn recurrence(r: &mut Random, zones: &BundledZones) -> (Parts, i64, bool, Option<&'static str>) {
    let frequency = r.pick(&[0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6]);
    let all_day = frequency <= 3 && r.chance(20);
    let zone = if all_day || !r.chance(55) { None } else { Some(r.pick(&ZONES)) };
    let mut start = r.within(730, 62 * 365) * DAY_S;
    if !all_day {
        start += r.within(0, 23) * 3_600 + r.pick(&[0, 0, 30, 15, 59]) * 60 + r.pick(&[0, 0, 0, 1, 59]);
    }
    if let Some(zone) = zone
        && r.chance(60)
        && let Some(change) = next_change(zone, start, zones)
    {
        // At or before a wall time that is skipped or comes twice, in steps that the frequency may hit.
        let before = match frequency {
            0 => 0,
            1 => r.pick(&[0, 28, 30, 31, 61]),
            2 => r.within(0, 8) * 7,
            3 => r.within(0, 40),
            _ => r.within(0, 1),
        };
        start = change + r.pick(&[0, 900, 1_800, 2_700, 3_599]) - before * DAY_S;
    }
    let mut parts = Parts { frequency, ..Parts::default() };
    parts.interval = match frequency {
        0..=3 => r.pick(&[1, 1, 1, 1, 2, 2, 3, 4, 5, 7, 12]),
        _ => r.pick(&[1, 1, 2, 3, 5, 6, 7, 15, 25, 60, 90, 100, 1_440]),
    };
    parts.week_start = if r.chance(30) { usize::try_from(r.within(1, 6)).unwrap() } else { 0 };
    if r.chance(85) {
        day_parts(r, &mut parts);
    }
    if !all_day {
        clock_parts(r, &mut parts, start);
    }
    if (!parts.days.is_empty() || !parts.lists.is_empty()) && r.chance(20) {
        let positions = if r.chance(80) { r.list(2, -4, 4) } else { r.list(2, -40, 40) };
        if !positions.is_empty() {
            parts.lists.push(("BYSETPOS", positions));
        }
    }
    (parts, start, all_day, zone)
}

/// The first wall time that a zone skips, or has twice, in the two years after a civil second.
fn next_change(zone: &str, after: i64, zones: &BundledZones) -> Option<i64> {
    // By the hour: what matters is that it is hit, not that it is found fast.
    let offset = |at: i64| Some(at - zones.to_local(zone, at * 1_000)?.and_utc().timestamp());
    let first = offset(after)?;
    let day = (0..730).map(|d| after + d * DAY_S).find(|at| offset(*at) != Some(first))?;
    let hour = (0..=48).map(|half| day - DAY_S + half * 1_800).find(|at| offset(*at) != Some(first))?;
    let (before, later) = (-first, -offset(hour)?);
    let change = hour - hour.rem_euclid(1_800);
    Some(change + before.min(later))
}

fn day_parts(r: &mut Random, parts: &mut Parts) {
    let mut add = |name, list: Vec<i64>| {
        if !list.is_empty() {
            parts.lists.push((name, list));
        }
    };
    let frequency = parts.frequency;
    let by_month = r.chance(if frequency == 0 { 40 } else { 15 });
    if by_month {
        add("BYMONTH", r.list(4, 1, 12));
    }
    let by_week = frequency == 0 && r.chance(18);
    if by_week {
        add("BYWEEKNO", r.list(3, -53, 53));
    }
    if (frequency == 0 || frequency > 3) && r.chance(if frequency == 0 { 15 } else { 6 }) {
        add("BYYEARDAY", if r.chance(70) { r.list(5, -366, 366) } else { r.list(8, 1, 70) });
    }
    if frequency != 2 && r.chance(if frequency <= 1 { 30 } else { 10 }) {
        add("BYMONTHDAY", if r.chance(60) { r.list(5, -31, 31) } else { r.list(3, 26, 31) });
    }
    if !r.chance(if frequency <= 2 { 55 } else { 25 }) {
        return;
    }
    let widest = match frequency {
        0 if by_week => 0,
        0 if !by_month => 53,
        0 | 1 => 5,
        _ => 0,
    };
    let numbered = if widest > 0 { r.pick(&[0, 60, 100]) } else { 0 };
    for _ in 0..r.within(1, 4) {
        let n = if r.chance(numbered) { r.within(-widest, widest) } else { 0 };
        let day = (n, usize::try_from(r.within(0, 6)).unwrap());
        if !parts.days.contains(&day) {
            parts.days.push(day);
        }
    }
}

fn clock_parts(r: &mut Random, parts: &mut Parts, start: i64) {
    let at = wall(start);
    let percent = if parts.frequency > 3 { 35 } else { 12 };
    for (name, own, high) in [("BYHOUR", at.hour(), 23), ("BYMINUTE", at.minute(), 59), ("BYSECOND", at.second(), 59)] {
        if r.chance(percent) {
            let mut list: Vec<i64> = (0..r.within(1, 4)).map(|_| r.within(0, high)).collect();
            if r.chance(50) {
                list.push(i64::from(own));
            }
            list.sort_unstable();
            list.dedup();
            parts.lists.push((name, list));
        }
    }
}

/// The end that UNTIL means, and how it is written.
fn until(r: &mut Random, at: i64, all_day: bool, zone: Option<&str>, zones: &BundledZones) -> (i64, UntilForm) {
    if all_day || r.chance(30) {
        return (at - at.rem_euclid(DAY_S), UntilForm::Date);
    }
    if r.chance(40) {
        return (at, UntilForm::Local);
    }
    // A wall time that a zone skips is not the one that its instant has.
    let utc = zone.map_or(Some(wall(at)), |z| zones.to_local(z, zones.to_utc_ms(z, wall(at))?));
    (utc.unwrap().and_utc().timestamp(), UntilForm::Utc)
}
