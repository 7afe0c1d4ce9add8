//! Civil time, durations and zones, as RFC 8984 and RFC 3339 write them.
//!
//! Civil time plus an IANA zone name is the truth; instants are computed from it here and nowhere else. A wall time
//! in a gap is shifted forward by the length of the gap (RFC 5545 3.3.5); in an overlap the first one is meant.
//! Zone rules are in `zones.rs`.

use std::fmt;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod zones;

pub use zones::{BundledZones, Newer, ZoneWindow, Zones, is_utc};

const SECOND_MS: i64 = 1_000;

/// A wall time without a zone: RFC 8984 `LocalDateTime`, `2026-03-02T09:00:00`. Whole seconds, years 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDateTime(pub NaiveDateTime);

/// Whether a wall time as text is the first second of its day, as all times of whole days are.
pub fn is_midnight(local: &str) -> bool {
    local.ends_with("T00:00:00")
}

impl LocalDateTime {
    /// Reads `YYYY-MM-DDTHH:MM:SS`; nothing else, not even a fraction.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        (bytes.len() == 19).then_some(())?;
        extended(bytes).map(LocalDateTime)
    }

    /// The first second of a day.
    pub fn midnight(date: NaiveDate) -> Self {
        LocalDateTime(date.and_time(NaiveTime::MIN))
    }
}

impl fmt::Display for LocalDateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (d, t) = (self.0.date(), self.0.time());
        let (y, m, d) = (d.year(), d.month(), d.day());
        write!(f, "{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second())
    }
}

impl Serialize for LocalDateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LocalDateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        LocalDateTime::parse(&text).ok_or_else(|| serde::de::Error::custom("not a LocalDateTime"))
    }
}

fn number(bytes: &[u8], from: usize, to: usize) -> Option<u32> {
    let mut n = 0u32;
    for b in bytes.get(from..to)? {
        b.is_ascii_digit().then_some(())?;
        n = n * 10 + u32::from(b - b'0');
    }
    Some(n)
}

/// The first 19 bytes of an extended ISO 8601 date and time. Second 60 is read as 59 (RFC 5545 3.3.12).
fn extended(b: &[u8]) -> Option<NaiveDateTime> {
    let at = |i: usize| b.get(i).copied();
    (at(4)? == b'-' && at(7)? == b'-' && at(13)? == b':' && at(16)? == b':').then_some(())?;
    matches!(at(10)?, b'T' | b't').then_some(())?;
    let year = i32::try_from(number(b, 0, 4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(b, 5, 7)?, number(b, 8, 10)?)?;
    let second = match number(b, 17, 19)? {
        60 => 59,
        s => s,
    };
    date.and_hms_opt(number(b, 11, 13)?, number(b, 14, 16)?, second)
}

/// Reads an RFC 3339 time: the wall time as written (fraction dropped) and the instant in ms since the epoch.
pub fn parse_rfc3339_parts(text: &str) -> Option<(NaiveDateTime, i64)> {
    let bytes = text.as_bytes();
    let local = extended(bytes)?;
    let (mut i, mut ms, mut unit) = (19, 0i64, 100i64);
    if bytes.get(i) == Some(&b'.') {
        i += 1;
        let first = i;
        while let Some(b) = bytes.get(i).filter(|b| b.is_ascii_digit()) {
            ms += i64::from(b - b'0') * unit;
            unit /= 10;
            i += 1;
        }
        (i > first).then_some(())?;
    }
    let offset_s = match (bytes.get(i)?, bytes.len() - i) {
        (b'Z' | b'z', 1) => 0,
        (sign @ (b'+' | b'-'), 6) if bytes.get(i + 3) == Some(&b':') => {
            let (h, m) = (number(bytes, i + 1, i + 3)?, number(bytes, i + 4, i + 6)?);
            (h < 24 && m < 60).then_some(())?;
            i64::from(h * 3_600 + m * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    Some((local, (local.and_utc().timestamp() - offset_s) * SECOND_MS + ms))
}

/// Reads an RFC 3339 time with any offset: ms since the epoch.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    parse_rfc3339_parts(text).map(|(_, ms)| ms)
}

/// Writes ms since the epoch as RFC 3339 in UTC; the fraction only when there is one. None past the year 9999.
pub fn format_rfc3339(ms: i64) -> Option<String> {
    let local = utc(ms.div_euclid(SECOND_MS))?;
    (0..=9_999).contains(&local.year()).then_some(())?;
    Some(match ms.rem_euclid(SECOND_MS) {
        0 => format!("{}Z", LocalDateTime(local)),
        fraction => format!("{}.{fraction:03}Z", LocalDateTime(local)),
    })
}

fn utc(seconds: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(seconds, 0).map(|t| t.naive_utc())
}

/// A length of time: RFC 8984 `Duration`. Days are days of the calendar, the rest is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Duration {
    /// Days of the calendar (a week is seven).
    pub days: u32,
    /// Exact milliseconds on top.
    pub ms: u64,
}

impl Duration {
    /// Reads `P1W`, `P1DT2H`, `PT1H30M`, `PT0S`. Without a sign; at least one part.
    pub fn parse(text: &str) -> Option<Self> {
        let (days, time) = match text.strip_prefix('P')?.split_once('T') {
            Some((days, time)) if !time.is_empty() => (days, time),
            Some(_) => return None,
            None => (text.strip_prefix('P')?, ""),
        };
        (!(days.is_empty() && time.is_empty())).then_some(())?;
        let mut sum = Duration::default();
        for (n, unit) in parts(days, &['W', 'D'])? {
            let n = u32::try_from(whole(n)?).ok()?.checked_mul(if unit == 'W' { 7 } else { 1 })?;
            sum.days = sum.days.checked_add(n)?;
        }
        for (n, unit) in parts(time, &['H', 'M', 'S'])? {
            let ms = match unit {
                'H' => whole(n)?.checked_mul(3_600_000)?,
                'M' => whole(n)?.checked_mul(60_000)?,
                _ => seconds_ms(n)?,
            };
            sum.ms = sum.ms.checked_add(ms)?;
        }
        // Longer than all of RFC 8984's years is no length of an event, and would only overflow later.
        (sum.days <= 3_660_000 && sum.ms <= 3_660_000 * 86_400_000).then_some(sum)
    }

    /// The exact length between two instants: no days. None when it is negative.
    pub fn exact(from_ms: i64, to_ms: i64) -> Option<Self> {
        Some(Duration { days: 0, ms: u64::try_from(to_ms.checked_sub(from_ms)?).ok()? })
    }

    /// The length in ms if every day had 24 hours.
    pub fn nominal_ms(&self) -> i64 {
        i64::from(self.days) * 86_400_000 + i64::try_from(self.ms).unwrap_or(i64::MAX / 4)
    }

    /// The wall time after the calendar part of this length.
    pub fn after_days(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        local.checked_add_days(Days::new(u64::from(self.days)))
    }
}

/// Splits `1H30M` into (`1`, 'H'), (`30`, 'M'); units must come in the order given, each once at most.
fn parts<'a>(mut text: &'a str, units: &[char]) -> Option<Vec<(&'a str, char)>> {
    let mut out = Vec::new();
    for unit in units {
        if let Some((n, rest)) = text.split_once(*unit) {
            out.push((n, *unit));
            text = rest;
        }
    }
    text.is_empty().then_some(out)
}

fn whole(text: &str) -> Option<u64> {
    (!text.is_empty() && text.len() <= 12 && text.bytes().all(|b| b.is_ascii_digit())).then_some(())?;
    text.parse().ok()
}

fn seconds_ms(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = fraction.get(..fraction.len().min(3))?;
    whole(fraction.get(..fraction.len().min(12))?)?;
    let scale = [0, 100, 10, 1].get(digits.len()).copied()?;
    whole(seconds)?.checked_mul(1_000)?.checked_add(whole(digits)? * scale)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ms == 0 && self.days > 0 && self.days.is_multiple_of(7) {
            return write!(f, "P{}W", self.days / 7);
        }
        f.write_str("P")?;
        if self.days > 0 {
            write!(f, "{}D", self.days)?;
        }
        if self.ms > 0 || self.days == 0 {
            f.write_str("T")?;
        }
        let (h, m, s, ms) = (self.ms / 3_600_000, self.ms / 60_000 % 60, self.ms / 1_000 % 60, self.ms % 1_000);
        if h > 0 {
            write!(f, "{h}H")?;
        }
        if m > 0 {
            write!(f, "{m}M")?;
        }
        if ms > 0 {
            write!(f, "{s}.{ms:03}S")
        } else if s > 0 || (self.ms == 0 && self.days == 0) {
            write!(f, "{s}S")
        } else {
            Ok(())
        }
    }
}

/// A length with a direction: RFC 8984 `SignedDuration`, as alerts use it (`-PT15M`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignedDuration {
    /// Before rather than after.
    pub negative: bool,
    /// How long.
    pub length: Duration,
}

impl SignedDuration {
    /// Reads a duration with an optional sign.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        Some(SignedDuration { negative, length: Duration::parse(rest)? })
    }

    /// The length in ms if every day had 24 hours, negative for before.
    pub fn nominal_ms(&self) -> i64 {
        if self.negative { -self.length.nominal_ms() } else { self.length.nominal_ms() }
    }
}

impl fmt::Display for SignedDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negative { "-" } else { "" }, self.length)
    }
}
