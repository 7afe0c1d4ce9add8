//! What is expanded: three series in full, and the next 30 days of series of several ages.

use serde_json::{Value, json};

/// Where all of them are.
pub(super) const ZONE: &str = "America/New_York";

/// One series and the window that is asked for.
pub(super) struct Workload {
    /// For people.
    pub(super) name: &'static str,
    /// The RRULE value without an end.
    pub(super) rule: &'static str,
    /// The same for JSCalendar.
    json: fn() -> Value,
    /// Wall time, basic form.
    pub(super) start: &'static str,
    /// The last wall time, for full expansions; windows have none.
    pub(super) until: Option<&'static str>,
    /// 200 excluded dates, every 18 days.
    pub(super) excluding: bool,
    /// The window, seconds since the epoch.
    pub(super) from_s: i64,
    pub(super) to_s: i64,
    /// How many occurrences it has.
    pub(super) expected: usize,
    /// How many times faster than `rrule` the engine shall be.
    pub(super) bar: Option<f64>,
}

fn weekly_mo_we_fr() -> Value {
    json!({"frequency": "weekly", "byDay": [{"day": "mo"}, {"day": "we"}, {"day": "fr"}]})
}

fn second_tuesday() -> Value {
    json!({"frequency": "monthly", "byDay": [{"day": "tu", "nthOfPeriod": 2}]})
}

fn daily() -> Value {
    json!({"frequency": "daily"})
}

/// 2016-01-01 to 2026-01-01, and 30 days from 2026-03-02, UTC.
const DECADE: (i64, i64) = (1_451_606_400, 1_767_225_600);
const MONTH: (i64, i64) = (1_772_409_600, 1_775_001_600);
const END: &str = "20251231T235959";

impl Workload {
    pub(super) fn full() -> [Self; 3] {
        let full = |name, rule, json, start, excluding, expected| Workload {
            name,
            rule,
            json,
            start,
            until: Some(END),
            excluding,
            from_s: DECADE.0,
            to_s: DECADE.1,
            expected,
            bar: Some(15.0),
        };
        [
            full("MO,WE,FR 10 y", "FREQ=WEEKLY;BYDAY=MO,WE,FR", weekly_mo_we_fr, "20160101T090000", false, 1_566),
            full("second TU 10 y", "FREQ=MONTHLY;BYDAY=2TU", second_tuesday, "20160112T090000", false, 120),
            full("daily, 200 EXDATE, 10 y", "FREQ=DAILY", daily, "20160101T090000", true, 3_453),
        ]
    }

    pub(super) fn windows() -> [Self; 6] {
        let window = |name, rule, json, start, expected, bar| Workload {
            name,
            rule,
            json,
            start,
            until: None,
            excluding: false,
            from_s: MONTH.0,
            to_s: MONTH.1,
            expected,
            bar,
        };
        let weekly = |name, start, bar| window(name, "FREQ=WEEKLY;BYDAY=MO,WE,FR", weekly_mo_we_fr, start, 13, bar);
        let daily = |name, start, bar| window(name, "FREQ=DAILY", daily, start, 30, bar);
        [
            weekly("30 days of weekly, 1 y old", "20250303T090000", None),
            weekly("30 days of weekly, 15 y old", "20110307T090000", Some(1_000.0)),
            weekly("30 days of weekly, 100 y old", "19260301T090000", None),
            daily("30 days of daily, 1 y old", "20250303T090000", None),
            daily("30 days of daily, 15 y old", "20110307T090000", Some(1_000.0)),
            daily("30 days of daily, 100 y old", "19260301T090000", None),
        ]
    }

    /// The excluded wall times, seconds.
    pub(super) fn excluded(&self) -> Vec<i64> {
        let first = DECADE.0 + 9 * 3_600 + 5 * 86_400;
        if self.excluding { (0..200).map(|n| first + n * 18 * 86_400).collect() } else { Vec::new() }
    }

    /// The event.
    pub(super) fn document(&self) -> Value {
        let mut rule = (self.json)();
        rule["@type"] = "RecurrenceRule".into();
        for day in rule.get_mut("byDay").and_then(Value::as_array_mut).into_iter().flatten() {
            day["@type"] = "NDay".into();
        }
        if let Some(until) = self.until {
            rule["until"] = extended(until).into();
        }
        let excluded = |at: &i64| (extended(&basic(*at)), json!({"excluded": true}));
        json!({
            "@type": "Event", "uid": "it", "title": "Planning", "start": extended(self.start), "duration": "PT1H",
            "timeZone": ZONE, "recurrenceRules": [rule],
            "recurrenceOverrides": self.excluded().iter().map(excluded).collect::<serde_json::Map<_, _>>(),
        })
    }
}

/// `20160101T090000` as RFC 8984 writes it.
fn extended(basic: &str) -> String {
    let part = |from, to| basic.get(from..to).unwrap_or("");
    format!("{}-{}-{}T{}:{}:{}", part(0, 4), part(4, 6), part(6, 8), part(9, 11), part(11, 13), part(13, 15))
}

/// Wall seconds as iCalendar writes them.
pub(super) fn basic(at: i64) -> String {
    chrono::DateTime::from_timestamp(at, 0).unwrap_or_default().format("%Y%m%dT%H%M%S").to_string()
}

/// And back.
pub(super) fn wall(basic: &str) -> i64 {
    chrono::NaiveDateTime::parse_from_str(basic, "%Y%m%dT%H%M%S").unwrap_or_default().and_utc().timestamp()
}
