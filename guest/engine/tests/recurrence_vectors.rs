//! Recurrence cases as data: our own generated rows, and published ones from the file named in TANDEM_VECTORS.
//!
//! A generated row is one on which three unrelated implementations agree. Published rows that follow a reading that
//! Tandem does not (see the module `recurrence`), or that RFC 5545 does not allow, are named and left out:
//! `TANDEM_VECTORS=FILE cargo test recurrence_vectors -- --nocapture`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "a test may read its cases")]
#![allow(clippy::print_stdout, reason = "the counts are the report")]

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use tandem_engine::recurrence::{
    Budget, Dates, DatesKind, Expander, ListedDate, OutOfStep, Place, Rule, limits, parse_dates,
};
use tandem_engine::time::{BundledZones, Zones};

#[derive(Deserialize)]
struct Row {
    id: String,
    kind: String,
    rrule: String,
    dtstart: String,
    value: String,
    tzid: Option<String>,
    exdate: Vec<String>,
    rdate: Vec<String>,
    expected: Vec<String>,
    expected_form: String,
    complete: bool,
    horizon: Option<String>,
    dtstart_matches_rule: Option<bool>,
    rfc5545_valid: Option<bool>,
    source: Option<String>,
}

fn civil(text: &str) -> chrono::NaiveDateTime {
    let text = text.trim_end_matches('Z');
    match text.len() {
        8 => chrono::NaiveDate::parse_from_str(text, "%Y%m%d").unwrap().into(),
        _ => chrono::NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").unwrap(),
    }
}

fn seconds(text: &str) -> i64 {
    civil(text).and_utc().timestamp()
}

fn rows(path: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(path).expect("the file of cases");
    text.lines().map(|line| serde_json::from_str(line).expect("a case")).collect()
}

/// The occurrences of a row, as instants or civil seconds as it asks, as many as it lists or one more.
fn run(row: &Row, zones: &BundledZones, out_of_step: OutOfStep) -> Result<Vec<i64>, String> {
    let all_day = row.value == "DATE";
    let place = Place { all_day, zone: row.tzid.as_deref(), zones };
    let start = civil(&row.dtstart);
    let rule = Rule::from_rrule(&row.rrule, &place).map_err(|e| e.to_string())?;
    let again = Rule::from_rrule(&rule.to_rrule(&place), &place).map_err(|e| e.to_string())?;
    assert_eq!(rule, again, "{}: text round trip", row.id);
    assert_eq!(Ok(&rule), Rule::from_json(&rule.to_json()).as_ref(), "{}: JSON round trip", row.id);
    let excluded = listed("EXDATE", &row.exdate, &place, DatesKind::Excluded);
    let added = listed("RDATE", &row.rdate, &place, DatesKind::Additional);
    let to = row.horizon.as_deref().map_or(limits::LAST_SECOND, seconds);
    let wanted = row.expected.len() + usize::from(row.complete);
    let expander = Expander::new(&rule, start, all_day, out_of_step).map_err(|e| e.to_string())?;
    let mut found = added.clone();
    // Every added date can push a generated one out of the prefix, never more.
    let mut left = wanted + added.len();
    let all = expander.each(i64::MIN, to, &mut Budget::default(), |at| {
        left -= usize::from(!excluded.contains(&at) && found.insert(at));
        left > 0
    });
    all.map_err(|e| e.to_string())?;
    let instant = |at: i64| match &row.tzid {
        Some(zone) if row.expected_form == "utc" => {
            let wall = chrono::DateTime::from_timestamp(at, 0).unwrap().naive_utc();
            zones.to_utc_ms(zone, wall).expect("a known zone") / 1_000
        }
        _ => at,
    };
    let mut found: Vec<i64> = found.into_iter().filter(|at| !excluded.contains(at)).map(instant).collect();
    if !row.complete {
        found.truncate(wanted);
    }
    Ok(found)
}

fn listed(name: &str, dates: &[String], place: &Place, kind: DatesKind) -> BTreeSet<i64> {
    if dates.is_empty() {
        return BTreeSet::new();
    }
    let line = format!("{name}:{}", dates.join(","));
    let Dates { kind: read, dates } = parse_dates(&line, place).expect("a line of dates");
    assert_eq!(read, kind);
    let at = |d: &ListedDate| match d {
        ListedDate::At(at) => at.0.and_utc().timestamp(),
        ListedDate::Day(_) => panic!("a date in a row with times"),
    };
    dates.iter().map(at).collect()
}

fn check(row: &Row, zones: &BundledZones, out_of_step: OutOfStep) -> Option<String> {
    let expected: Vec<i64> = row.expected.iter().map(|t| seconds(t)).collect();
    match run(row, zones, out_of_step) {
        Ok(found) if found == expected => None,
        Ok(found) => {
            let first = (0..).find(|i| found.get(*i) != expected.get(*i)).unwrap();
            let show = |list: &[i64]| list.get(first).map(|at| chrono::DateTime::from_timestamp(*at, 0).unwrap());
            Some(format!(
                "{} {} {}: number {first} is {:?}, expected {:?} ({} of {})",
                row.id,
                row.dtstart,
                row.rrule,
                show(&found),
                show(&expected),
                found.len(),
                expected.len()
            ))
        }
        Err(error) => Some(format!("{} {} {}: {error}", row.id, row.dtstart, row.rrule)),
    }
}

#[test]
fn recurrence_vectors_generated_all_agree() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/recurrence/generated.jsonl");
    let rows = rows(&path);
    assert!(rows.len() > 4_000 && rows.iter().any(|r| r.kind == "generated-dst"));
    let zones = BundledZones::new();
    // The libraries drop a DTSTART that is out of step; the rule itself is compared, so it is dropped here too.
    let wrong: Vec<String> = rows.iter().filter_map(|row| check(row, &zones, OutOfStep::Drop)).collect();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// Why a published row follows a reading of RFC 5545 that Tandem does not.
fn other_reading(row: &Row) -> Option<&'static str> {
    let has = |part: &str| row.rrule.split(';').any(|p| p.starts_with(part));
    if !has("FREQ=YEARLY") || !row.source.as_deref().is_some_and(|s| s.starts_with("libical")) {
        return None;
    }
    match () {
        () if has("BYWEEKNO=") && !has("BYDAY=") => Some("a week without weekdays is the weekday of DTSTART, not all"),
        () if has("BYWEEKNO=") && has("INTERVAL=") => Some("years of an interval are week years, not calendar years"),
        () if has("BYMONTHDAY=") && !has("BYMONTH=") => Some("a day of the month is that of DTSTART's month, not each"),
        () => None,
    }
}

/// Why a row says nothing about Tandem.
const NOT_VALID: &str = "RFC 5545 does not allow the rule";

#[test]
fn recurrence_vectors_published_all_agree() {
    let Some(path) = std::env::var_os("TANDEM_VECTORS") else {
        println!("TANDEM_VECTORS names no file: published rows are not checked");
        return;
    };
    let rows = rows(Path::new(&path));
    let zones = BundledZones::new();
    let (mut failed, mut passed) = (Vec::new(), 0);
    let mut excluded = std::collections::BTreeMap::<&str, Vec<&Row>>::new();
    for row in &rows {
        if row.rfc5545_valid == Some(false) {
            excluded.entry(NOT_VALID).or_default().push(row);
        } else if let Some(found) = check(row, &zones, OutOfStep::Drop) {
            match other_reading(row) {
                Some(reading) => excluded.entry(reading).or_default().push(row),
                None => failed.push(found),
            }
        } else {
            passed += 1;
        }
    }
    let left_out: usize = excluded.values().map(Vec::len).sum();
    println!("{} rows: {passed} passed, {} failed, {left_out} excluded", rows.len(), failed.len());
    for (reason, rows) in &excluded {
        println!("excluded, {} rows: {reason}", rows.len());
        rows.iter().for_each(|row| println!("    {} {} {}", row.id, row.dtstart, row.rrule));
    }
    failed.iter().for_each(|text| println!("FAILED {text}"));
    assert!(failed.is_empty(), "{} of {} rows:\n{}", failed.len(), rows.len(), failed.join("\n"));
    assert!(passed > 2 * left_out, "most rows must agree");
}

#[test]
fn recurrence_vectors_count_a_start_out_of_step_as_the_first() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/recurrence/generated.jsonl");
    let zones = BundledZones::new();
    // Rows whose count ends them, not the horizon up to which the libraries looked.
    let counted = |row: &Row| row.rrule.split(';').any(|p| p == format!("COUNT={}", row.expected.len()));
    let odd = |row: &Row| row.dtstart_matches_rule == Some(false) && row.tzid.is_none() && row.exdate.is_empty();
    let mut checked = 0;
    for row in rows(&path).iter().filter(|row| odd(row) && counted(row)) {
        let mut expected: Vec<i64> = row.expected.iter().map(|t| seconds(t)).collect();
        expected.insert(0, seconds(&row.dtstart));
        expected.pop();
        assert_eq!(run(row, &zones, OutOfStep::First).as_ref(), Ok(&expected), "{} {}", row.id, row.rrule);
        checked += 1;
    }
    assert!(checked > 20, "only {checked} rows");
}
