//! Laws of recurrence: a window is the sum of its parts, and a series that went to Google and came back is itself.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tandem_engine::effects::{ConflictPolicy, Connection, ProviderKind, Replica, ReplicaMode, Settings};
use tandem_engine::event::Document;
use tandem_engine::provider::{Row, Target, of};
use tandem_engine::recurrence::{Occurrence, Window, contains, occurrences, tidied};
use tandem_engine::time::BundledZones;

const DAY_MS: u64 = 86_400_000;
/// 2026-01-01T00:00:00Z.
const BEGINNING_MS: u64 = 1_767_225_600_000;

/// Rules of every kind that people and programs make, some with an end.
fn rule() -> impl Strategy<Value = Value> {
    let rules = select(vec![
        json!({"frequency": "daily"}),
        json!({"frequency": "daily", "interval": 3, "byHour": [9, 15]}),
        json!({"frequency": "weekly"}),
        json!({"frequency": "weekly", "interval": 2, "byDay": [{"day": "mo"}, {"day": "fr"}], "firstDayOfWeek": "su"}),
        json!({"frequency": "weekly", "byDay": [{"day": "mo"}, {"day": "tu"}, {"day": "th"}], "bySetPosition": [-1]}),
        json!({"frequency": "monthly"}),
        json!({"frequency": "monthly", "byMonthDay": [31, 2, -2]}),
        json!({"frequency": "monthly", "byDay": [{"day": "tu", "nthOfPeriod": 2}]}),
        json!({"frequency": "monthly", "byDay": [{"day": "mo"}, {"day": "su"}], "bySetPosition": [1, -1]}),
        json!({"frequency": "yearly", "byMonth": ["3", "10"], "byDay": [{"day": "su", "nthOfPeriod": -1}]}),
        json!({"frequency": "yearly", "byWeekNo": [1, 20, -1], "byDay": [{"day": "we"}]}),
        json!({"frequency": "yearly", "byYearDay": [1, 100, -1]}),
        json!({"frequency": "hourly", "interval": 7}),
    ]);
    let ends = select(vec![json!({}), json!({"count": 17}), json!({"until": "2026-11-05T12:00:00"})]);
    (rules, ends).prop_map(|(mut rule, end)| {
        rule["@type"] = "RecurrenceRule".into();
        rule.as_object_mut().unwrap().extend(end.as_object().unwrap().clone());
        // RFC 8984 writes the parts of BYDAY as NDay objects.
        for day in rule.get_mut("byDay").and_then(Value::as_array_mut).into_iter().flatten() {
            day["@type"] = "NDay".into();
        }
        rule
    })
}

/// What may happen to an occurrence.
fn change() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"excluded": true}),
        json!({"title": "another"}),
        json!({"start": "2026-06-24T12:00:00"}),
        json!({"start": "2026-02-11T23:30:00", "duration": "PT90M"}),
        json!({"duration": "P2D"}),
    ])
}

fn series(rule: Value, kind: usize) -> Value {
    let mut event = json!({"@type": "Event", "uid": "u", "title": "t", "start": "2026-01-05T09:00:00", "duration": "PT1H",
        "recurrenceRules": [rule]});
    match kind {
        0 => event["timeZone"] = "Europe/Berlin".into(),
        // Its clock changes at local midnight.
        1 => event["timeZone"] = "Africa/Cairo".into(),
        _ => {
            event["showWithoutTime"] = true.into();
            event["start"] = "2026-01-05T00:00:00".into();
            event["duration"] = "P1D".into();
            // Days have no hours (RFC 5545 3.3.10).
            let rule = event["recurrenceRules"][0].as_object_mut().unwrap();
            rule.remove("byHour");
            if rule["frequency"] == "hourly" {
                rule.insert("frequency".into(), "daily".into());
            }
            if let Some(until) = rule.get_mut("until") {
                *until = "2026-11-05T00:00:00".into();
            }
        }
    }
    event
}

fn expand(event: &Value, from_ms: u64, to_ms: u64) -> Vec<Occurrence> {
    let window = Window { from_ms, to_ms, zone: "America/New_York", limit: 20_000 };
    let found = occurrences(event, &window, &BundledZones::new()).unwrap();
    assert!(!found.truncated);
    found.items
}

fn by_id(items: Vec<Occurrence>) -> BTreeMap<String, Occurrence> {
    items.into_iter().map(|item| (item.recurrence_id.clone().unwrap(), item)).collect()
}

fn with_changes(mut event: Value, changes: &[(usize, Value)], added: Option<u32>) -> Value {
    let every = expand(&event, BEGINNING_MS, BEGINNING_MS + 400 * DAY_MS);
    for (at, change) in changes {
        if let Some(id) = every.get(*at).and_then(|item| item.recurrence_id.clone()) {
            event["recurrenceOverrides"][id] = change.clone();
        }
    }
    if let Some(day) = added {
        let time = if event["showWithoutTime"] == true { "00:00:00" } else { "13:37:00" };
        let id = format!("2026-07-{day:02}T{time}");
        if !contains(&event, &id).unwrap() {
            event["recurrenceOverrides"][id] = json!({});
        }
    }
    event
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_window_is_the_sum_of_its_parts(
        rule in rule(),
        kind in 0..3usize,
        changes in prop::collection::vec((0..40usize, change()), 0..6),
        added in prop::option::of(1..28u32),
        first in 0..200u64,
        lengths in (1..150u64, 1..150u64),
        odd in 0..DAY_MS,
    ) {
        let event = with_changes(series(rule, kind), &changes, added);
        let from = BEGINNING_MS + first * DAY_MS + odd;
        let (middle, to) = (from + lengths.0 * DAY_MS, from + (lengths.0 + lengths.1) * DAY_MS);
        let (left, right) = (by_id(expand(&event, from, middle)), by_id(expand(&event, middle, to)));
        let whole = by_id(expand(&event, from, to));
        // What stands across the border is in both.
        for (id, item) in &left {
            prop_assert_eq!(right.contains_key(id), item.end_ms > middle, "{}", id);
        }
        let mut sum = left;
        sum.extend(right);
        prop_assert_eq!(sum, whole);
    }

    #[test]
    fn a_series_that_went_to_google_and_came_back_is_itself(
        rule in rule(),
        kind in 0..3usize,
        excluded in prop::collection::btree_set(0..40usize, 0..6),
        added in prop::option::of(1..28u32),
        verbatim in prop::option::of(select(vec![
            "RRULE:FREQ=FORTNIGHTLY;BYDAY=MO", "X-OTHER:1", "RRULE:FREQ=MONTHLY;RSCALE=HEBREW", "RDATE;VALUE=PERIOD:20260401T080000Z/PT1H",
        ])),
    ) {
        let changes: Vec<(usize, Value)> = excluded.iter().map(|at| (*at, json!({"excluded": true}))).collect();
        let mut event = with_changes(series(rule, kind), &changes, added);
        if let Some(line) = verbatim {
            event["google.com:recurrence"] = json!([line]);
        }
        let event = tidied(&Document::parse(&event.to_string()).unwrap());
        prop_assert_eq!(there_and_back(&event), event);
    }
}

/// What is read from the body that creates an event.
fn there_and_back(event: &Document) -> Document {
    let zones = BundledZones::new();
    let (replica, settings) = (replica(), settings());
    let target =
        Target { replica: &replica, settings: &settings, time_zone: "Europe/Berlin", zones: &zones, apart: false };
    let google = of(ProviderKind::Google).unwrap();
    let new = tandem_engine::provider::New { client_id: "abc", mark: "mark", document: event, notify: false };
    let request = google.create(&target, &new).unwrap();
    let mut body: Value = serde_json::from_slice(&request.body).unwrap();
    body["etag"] = "\"1\"".into();
    body["status"] = "confirmed".into();
    let Ok(Row::Event(row)) = google.read_row(&target, body.to_string().as_bytes()) else {
        panic!("not an event: {body}");
    };
    let mut document = row.document;
    document.set_uid(event.uid());
    document
}

fn replica() -> Replica {
    Replica {
        id: "r".into(),
        tenant: "t".into(),
        connection: Connection {
            id: "c".into(),
            provider: ProviderKind::Google,
            revoked: false,
            not_before_ms: 0,
            attempts: 0,
        },
        calendar: "work".into(),
        remote_calendar: "primary".into(),
        mode: ReplicaMode::TwoWay,
        policy: ConflictPolicy::Newest,
        state: String::new(),
        revision: 0,
        wanted: 0,
        lease_epoch: 0,
    }
}

fn settings() -> Settings {
    Settings {
        webhook_url: None,
        signing_key: Vec::new(),
        google_base_url: None,
        microsoft_base_url: None,
        poll_interval_s: 60,
        safety_poll_interval_s: 60,
        page_size: 250,
    }
}
