//! Civil dates as day numbers: day 0 is 1970-01-01, second 0 its midnight, no zone anywhere.
//!
//! The proleptic Gregorian calendar, exact for every year RFC 8984 can write.

use chrono::{DateTime, NaiveDateTime};

pub(super) const DAY_S: i64 = 86_400;

/// A wall time as seconds since 1970-01-01T00:00:00 of the same wall.
pub(super) fn seconds(local: NaiveDateTime) -> i64 {
    local.and_utc().timestamp()
}

/// The wall time of such seconds.
pub(super) fn wall(seconds: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(seconds, 0).map(|t| t.naive_utc())
}

/// The day number of a date. The year is counted from 1 March, so that the leap day comes last.
pub(super) fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a day number.
pub(super) fn date(day_number: i64) -> (i64, i64, i64) {
    let z = day_number + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let m = (5 * of_year + 2) / 153;
    let month = if m < 10 { m + 3 } else { m - 9 };
    (year + era * 400 + i64::from(month <= 2), month, of_year - (153 * m + 2) / 5 + 1)
}

/// Monday is 0.
pub(super) fn weekday(day_number: i64) -> i64 {
    (day_number + 3).rem_euclid(7)
}

pub(super) fn is_leap(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

pub(super) fn year_len(year: i64) -> i64 {
    365 + i64::from(is_leap(year))
}

pub(super) fn month_len(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The first day of week 1 of a year: the first week with four days in it (RFC 5545, BYWEEKNO).
pub(super) fn first_week(year: i64, week_start: i64) -> i64 {
    let fourth = day_number(year, 1, 4);
    fourth - (weekday(fourth) - week_start).rem_euclid(7)
}
