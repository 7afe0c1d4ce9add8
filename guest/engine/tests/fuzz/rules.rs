//! Recurrence rules: reading never hangs, what was read can be written and read again, and work is bounded.

use arbtest::arbitrary::{Result, Unstructured};
use serde_json::{Value, json};
use tandem_engine::recurrence::{Place, Rule, Window, contains, occurrences, parse_dates, sentence, span, split};
use tandem_engine::time::BundledZones;

use crate::harness::{Shown, fuzz};
use crate::mutate;

const PARTS: &[&str] = &[
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "WKST",
    "BYDAY",
    "BYMONTHDAY",
    "BYMONTH",
    "BYYEARDAY",
    "BYWEEKNO",
    "BYHOUR",
    "BYMINUTE",
    "BYSECOND",
    "BYSETPOS",
    "RSCALE",
    "SKIP",
    "X-MORE",
];
const FREQUENCIES: &[&str] = &["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"];
const DAYS: &[&str] = &["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const ENDS: &[&str] = &[
    "20260401",
    "20260401T090000",
    "20260401T090000Z",
    "20260329T023000",
    "20261025T023000",
    "20261025T003000Z",
    "99991231T235959Z",
    "00010101",
    "19691231T235959Z",
    "20260230",
    "20260401T240000Z",
    "20260401T235960Z",
];
const ZONES: &[Option<&str>] =
    &[None, Some("Europe/Berlin"), Some("Etc/UTC"), Some("Africa/Cairo"), Some("Pacific/Apia")];
/// Most occurrences asked for.
const LIMIT: usize = 500;

fn items(source: &mut Unstructured<'_>, part: &str) -> Result<String> {
    let mut all = Vec::new();
    for _ in 0..=source.int_in_range(0..=4)? {
        all.push(match part {
            "BYDAY" => {
                let nth = *source.choose(&["", "", "", "1", "-1", "+2", "5", "53", "-53", "54", "0"])?;
                format!("{nth}{}", source.choose(DAYS)?)
            }
            _ => source
                .choose(&[1, 2, 10, 12, 20, 23, 28, 29, 30, 31, 53, 59, 60, 100, 366, 367, 0, -1, -2, -31, -366])?
                .to_string(),
        });
    }
    Ok(all.join(","))
}

/// The text of a rule: mostly of the right shape, with anything in it.
fn text(source: &mut Unstructured<'_>) -> Result<String> {
    let mut parts = vec![format!("FREQ={}", source.choose(FREQUENCIES)?)];
    for _ in 0..source.int_in_range(0..=5)? {
        let part = *source.choose(PARTS)?;
        let value = match part {
            "FREQ" => (*source.choose(FREQUENCIES)?).to_owned(),
            "INTERVAL" => (*source.choose(&["1", "2", "7", "400", "100000000", "100000001", "0", "-1"])?).to_owned(),
            "COUNT" => (*source.choose(&["1", "2", "500", "4294967295", "4294967296", "0", "x"])?).to_owned(),
            "UNTIL" => (*source.choose(ENDS)?).to_owned(),
            "WKST" => (*source.choose(DAYS)?).to_owned(),
            _ => items(source, part)?,
        };
        parts.push(format!("{part}={value}"));
    }
    let text = parts.join(";");
    match source.int_in_range(0..=5)? {
        0 => Ok(String::from_utf8_lossy(&mutate::bytes(source, text.as_bytes())?).into_owned()),
        1 => Ok(format!("RRULE:{};", text.to_lowercase())),
        _ => Ok(text),
    }
}

/// What holds for every rule that can be read, at a place.
pub fn check(rule: &Rule, place: &Place<'_>, start: &str) {
    rule.check().unwrap();
    let (written, as_json) = (rule.to_rrule(place), rule.to_json());
    assert_eq!(Rule::from_json(&as_json).as_ref(), Ok(rule), "as JSON it was {as_json}");
    let again = Rule::from_rrule(&written, place);
    let again = again.unwrap_or_else(|error| panic!("what was written cannot be read: {written}: {error}"));
    assert_eq!(again.to_rrule(place), written, "it does not come to rest");
    assert!(!sentence(rule).is_empty());
    let document = json!({
        "@type": "Event", "uid": "u", "start": start, "timeZone": place.zone, "showWithoutTime": place.all_day,
        "duration": if place.all_day { "P1D" } else { "PT1H" }, "recurrenceRules": [as_json],
        "recurrenceOverrides": {"2026-03-09T09:00:00": {"excluded": true}, "2026-03-10T09:00:00": {"title": "t"}},
    });
    windows(&document, place.zones);
}

/// Windows early, late, and empty of occurrences.
pub fn windows(document: &Value, zones: &dyn tandem_engine::time::Zones) {
    for from_ms in [0, 1_767_225_600_000, 1_774_000_000_000, 4_000_000_000_000, 253_402_300_000_000] {
        let window = Window { from_ms, to_ms: from_ms + 40 * 86_400_000, zone: "Europe/Berlin", limit: LIMIT };
        let Ok(found) = occurrences(document, &window, zones) else { continue };
        assert!(found.items.len() <= LIMIT);
        let sorted = found
            .items
            .windows(2)
            .all(|two| (two[0].start_ms, &two[0].recurrence_id) < (two[1].start_ms, &two[1].recurrence_id));
        assert!(sorted, "occurrences are not in their order, or twice");
        assert!(found.items.iter().all(|one| one.start_ms <= one.end_ms));
        for one in found.items.iter().take(2) {
            let Some(id) = &one.recurrence_id else { continue };
            let _ = contains(document, id);
            if let Ok((before, after)) = split(document, id) {
                assert!(before.is_object() && after.is_object());
            }
        }
    }
    if let Ok((from_ms, to_ms)) = span(document, zones) {
        assert!(from_ms <= to_ms);
    }
}

#[test]
fn rules_as_text() {
    let zones = BundledZones::new();
    let mut read = 0;
    fuzz("rules as text", 1_500, |source| {
        let zone = *source.choose(ZONES)?;
        let place = Place { all_day: source.ratio(1, 4)?, zone, zones: &zones };
        let start = *source.choose(&[
            "2026-03-02T09:00:00",
            "2026-03-29T02:30:00",
            "2024-02-29T00:00:00",
            "0001-01-01T00:00:00",
            "9999-12-31T23:00:00",
        ])?;
        let text = text(source)?;
        let _shown = Shown(format!("{text} {place:?} {start}"));
        let _ = parse_dates(&text.replacen("FREQ", "EXDATE", 1), &place);
        if let Ok(rule) = Rule::from_rrule(&text, &place) {
            read += 1;
            check(&rule, &place, start);
        }
        Ok(())
    });
    assert!(read > 0 || std::env::var_os("TANDEM_FUZZ_SEED").is_some(), "no rule could be read");
}

#[test]
fn rules_as_json() {
    let zones = BundledZones::new();
    fuzz("rules as JSON", 1_500, |source| {
        let place = Place { all_day: false, zone: *source.choose(ZONES)?, zones: &zones };
        let rule = json!({"@type": "RecurrenceRule", "frequency": "monthly", "interval": 2, "count": 9, "byMonth": ["3", "10"],
            "byDay": [{"@type": "NDay", "day": "mo", "nthOfPeriod": 2}], "byMonthDay": [1, -1], "bySetPosition": [1],
            "byHour": [9], "firstDayOfWeek": "su", "until": "2027-01-01T00:00:00", "skip": "omit", "rscale": "gregorian"});
        let mut rule = mutate::value(source, rule)?;
        if let (true, Some(members)) = (source.ratio(9, 10)?, rule.as_object_mut()) {
            // Both together are never valid, which would leave little to look at.
            members.remove(*source.choose(&["count", "until"])?);
        }
        let _shown = Shown(format!("{rule} {place:?}"));
        if let Ok(rule) = Rule::from_json(&rule) {
            check(&rule, &place, "2026-03-02T09:00:00");
        }
        Ok(())
    });
}
