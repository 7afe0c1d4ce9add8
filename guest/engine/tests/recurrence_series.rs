//! Laws of a series: overrides are found where they are, a split keeps the occurrences, a span covers them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use tandem_engine::effects::{END_OF_TIME, TimeMs};
use tandem_engine::recurrence::{
    Occurrences, Problem, SeriesError, SplitError, Window, apply_patch, contains, occurrences, occurrences_on,
    problems, span, split,
};
use tandem_engine::time::{BundledZones, parse_rfc3339};

fn ms(text: &str) -> TimeMs {
    parse_rfc3339(text).unwrap().try_into().unwrap()
}

fn within(document: &Value, from: &str, to: &str) -> Occurrences {
    let window = Window { from_ms: ms(from), to_ms: ms(to), zone: "Europe/Berlin", limit: 10_000 };
    occurrences(document, &window, &BundledZones::new()).unwrap()
}

fn ids(found: &Occurrences) -> Vec<&str> {
    found.items.iter().map(|o| o.recurrence_id.as_deref().unwrap()).collect()
}

fn weekly() -> Value {
    json!({
        "@type": "Event", "uid": "u", "title": "Stand-up", "start": "2026-03-02T09:00:00", "duration": "PT1H",
        "timeZone": "Europe/Berlin", "locations": {"a": {"name": "Room"}},
        "recurrenceRules": [{"@type": "RecurrenceRule", "frequency": "weekly"}],
        "recurrenceOverrides": {
            "2026-03-09T09:00:00": {"start": "2026-03-11T15:00:00", "duration": "PT2H", "title": "Moved"},
            "2026-03-16T09:00:00": {"excluded": true},
            "2026-03-20T12:00:00": {},
            "2026-03-23T09:00:00": {"locations/a/name": "Hall", "locations/b/name": "no such parent", "title": null,
                "uid": "other", "recurrenceRules": null}
        }
    })
}

#[test]
fn a_moved_override_is_found_where_it_is_and_not_where_it_was() {
    let was = within(&weekly(), "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z");
    assert!(was.items.is_empty() && !was.truncated);
    let is = within(&weekly(), "2026-03-11T00:00:00Z", "2026-03-12T00:00:00Z");
    assert_eq!(ids(&is), ["2026-03-09T09:00:00"]);
    let found = &is.items[0];
    assert_eq!((found.start_ms, found.end_ms), (ms("2026-03-11T14:00:00Z"), ms("2026-03-11T16:00:00Z")));
    assert_eq!(found.document["title"], "Moved");
    assert_eq!(found.document["start"], "2026-03-11T15:00:00");
    assert_eq!(found.document["recurrenceId"], "2026-03-09T09:00:00");
    assert!(found.document.get("recurrenceRules").is_none() && found.document.get("recurrenceOverrides").is_none());
}

#[test]
fn a_window_has_what_rules_overrides_and_added_dates_give() {
    let march = within(&weekly(), "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    let expected = [
        "2026-03-02T09:00:00",
        "2026-03-09T09:00:00",
        "2026-03-20T12:00:00",
        "2026-03-23T09:00:00",
        "2026-03-30T09:00:00",
    ];
    assert_eq!(ids(&march), expected);
    let patched = &march.items[3].document;
    assert_eq!(patched["locations"], json!({"a": {"name": "Hall"}}));
    assert_eq!((patched.get("title"), &patched["uid"]), (None, &json!("u")));
    // The clock changed on 29 March: the wall time stays.
    assert_eq!(march.items[4].start_ms, ms("2026-03-30T07:00:00Z"));
    assert_eq!(march.problems, []);
}

#[test]
fn the_edges_of_a_window_are_sharp() {
    let at = |from, to| within(&weekly(), from, to).items.len();
    assert_eq!(at("2026-03-02T08:59:59Z", "2026-03-02T10:00:00Z"), 1);
    assert_eq!(at("2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z"), 0, "its end is outside");
    assert_eq!(at("2026-03-02T07:00:00Z", "2026-03-02T08:00:00Z"), 0, "its start is the end of the window");
    let mut moment = weekly();
    moment["duration"] = json!("PT0S");
    let at = |from, to| within(&moment, from, to).items.len();
    assert_eq!(at("2026-03-02T08:00:00Z", "2026-03-02T08:00:01Z"), 1);
    assert_eq!(at("2026-03-02T07:59:59Z", "2026-03-02T08:00:00Z"), 0);
}

#[test]
fn a_limit_truncates_from_the_end() {
    let window = Window {
        from_ms: ms("2026-03-01T00:00:00Z"),
        to_ms: ms("2040-01-01T00:00:00Z"),
        zone: "Europe/Berlin",
        limit: 3,
    };
    let found = occurrences(&weekly(), &window, &BundledZones::new()).unwrap();
    assert!(found.truncated);
    assert_eq!(ids(&found), ["2026-03-02T09:00:00", "2026-03-09T09:00:00", "2026-03-20T12:00:00"]);
}

#[test]
fn an_event_that_does_not_recur_is_itself() {
    let event = json!({"uid": "u", "start": "2026-03-02T00:00:00", "duration": "P1D", "showWithoutTime": true});
    let found = within(&event, "2026-03-02T22:00:00Z", "2026-03-05T00:00:00Z");
    assert_eq!(found.items.len(), 1);
    assert_eq!((found.items[0].recurrence_id.as_ref(), &found.items[0].document), (None, &event));
    // All-day events stand in the zone of the window: Berlin's day ends at 23:00 UTC.
    assert_eq!(found.items[0].end_ms, ms("2026-03-02T23:00:00Z"));
    assert!(within(&event, "2026-03-02T23:00:00Z", "2026-03-05T00:00:00Z").items.is_empty());
}

#[test]
fn days_follow_the_calendar_and_hours_the_clock() {
    let night = |duration: &str| {
        let event = json!({"start": "2026-03-28T12:00:00", "timeZone": "Europe/Berlin", "duration": duration,
            "recurrenceRules": [{"frequency": "yearly", "count": 2}]});
        let found = within(&event, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
        found.items[0].end_ms - found.items[0].start_ms
    };
    assert_eq!(night("P1D"), 23 * 3_600_000);
    assert_eq!(night("PT24H"), 24 * 3_600_000);
}

#[test]
fn a_gap_is_shifted_and_an_overlap_is_the_first() {
    let daily = |start: &str| json!({"start": start, "timeZone": "America/New_York", "recurrenceRules": [{"frequency": "daily"}]});
    let gap = within(&daily("2024-03-01T02:30:00"), "2024-03-10T05:00:00Z", "2024-03-11T04:00:00Z");
    assert_eq!(gap.items[0].start_ms, ms("2024-03-10T07:30:00Z"));
    assert_eq!(ids(&gap), ["2024-03-10T02:30:00"]);
    let overlap = within(&daily("2024-10-01T01:30:00"), "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z");
    assert_eq!(overlap.items.iter().map(|o| o.start_ms).collect::<Vec<_>>(), [ms("2024-11-03T05:30:00Z")]);
}

#[test]
fn a_limit_takes_the_earliest_also_where_a_gap_changes_their_order() {
    // 02:45 is skipped and becomes 03:45, after the 03:00 to 03:40 that follow it on the wall.
    let rules = json!([{"@type": "RecurrenceRule", "frequency": "minutely", "interval": 5}]);
    let document = json!({
        "@type": "Event", "uid": "u", "start": "2026-03-29T02:45:00", "timeZone": "Europe/Berlin",
        "recurrenceRules": rules,
    });
    let (from_ms, to_ms) = (ms("2026-03-28T00:00:00Z"), ms("2026-04-28T00:00:00Z"));
    let some = |limit| {
        let window = Window { from_ms, to_ms, zone: "Europe/Berlin", limit };
        occurrences(&document, &window, &BundledZones::new()).unwrap()
    };
    let many = some(1_000);
    let expected = ["03:00", "03:05", "03:10", "03:15", "03:20", "03:25", "03:30", "03:35", "03:40", "02:45", "03:45"];
    assert_eq!(ids(&many)[..11], expected.map(|at| format!("2026-03-29T{at}:00")));
    for limit in 1..20 {
        let few = some(limit);
        assert!(few.truncated);
        assert_eq!(few.items, many.items[..limit], "{limit}");
    }
}

#[test]
fn excluded_rules_take_away_and_bad_parts_are_reported() {
    let mut event = weekly();
    event["excludedRecurrenceRules"] = json!([{"frequency": "weekly", "interval": 2}, {"frequency": "sometimes"}]);
    event["recurrenceRules"] = json!([{"frequency": "weekly"}, {"frequency": "daily", "interval": 0}]);
    event["recurrenceOverrides"]["yesterday"] = json!({});
    let found = within(&event, "2026-03-24T00:00:00Z", "2026-05-01T00:00:00Z");
    assert_eq!(ids(&found), ["2026-04-06T09:00:00", "2026-04-20T09:00:00"]);
    assert_eq!(found.problems.len(), 3, "{:?}", found.problems);
    event["start"] = json!("2026-03-03T09:00:00");
    event["recurrenceRules"] = json!([{"frequency": "weekly", "byDay": [{"day": "mo"}]}]);
    assert!(problems(&event).unwrap().contains(&Problem::StartOutOfStep));
    event["start"] = json!("tomorrow");
    assert_eq!(problems(&event), Err(SeriesError::Start));
    event["start"] = json!("2026-03-03T09:00:00");
    event["timeZone"] = json!("Mars/Base");
    assert_eq!(span(&event, &BundledZones::new()), Err(SeriesError::Zone));
}

#[test]
fn an_override_in_an_unknown_zone_stays_where_it_was() {
    let mut event = weekly();
    event["recurrenceOverrides"]["2026-03-09T09:00:00"]["timeZone"] = json!("Mars/Base");
    let found = within(&event, "2026-03-09T00:00:00Z", "2026-03-10T00:00:00Z");
    assert_eq!((ids(&found), &found.problems[..]), (vec!["2026-03-09T09:00:00"], &[Problem::Override][..]));
}

#[test]
fn a_recurrence_id_is_an_occurrence_or_it_is_not() {
    let is = |id: &str| contains(&weekly(), id);
    assert_eq!(is("2026-03-02T09:00:00"), Ok(true));
    assert_eq!(is("2026-03-16T09:00:00"), Ok(true), "excluded, but one of the series");
    assert_eq!(is("2026-03-20T12:00:00"), Ok(false), "added, not generated");
    assert_eq!(is("2066-03-01T09:00:00"), Ok(true));
    assert_eq!(is("2066-03-01T09:00:01"), Ok(false));
    assert_eq!(is("soon"), Err(SeriesError::RecurrenceId));
    let on = |d| occurrences_on(&weekly(), chrono::NaiveDate::from_ymd_opt(2026, 3, d).unwrap()).unwrap();
    assert_eq!(on(9).iter().map(ToString::to_string).collect::<Vec<_>>(), ["2026-03-09T09:00:00"]);
    assert!(on(10).is_empty());
}

#[test]
fn a_span_reaches_from_the_first_start_to_the_last_end() {
    let zones = BundledZones::new();
    assert_eq!(span(&weekly(), &zones), Ok((ms("2026-03-02T08:00:00Z"), END_OF_TIME)));
    let mut counted = weekly();
    counted["recurrenceRules"][0]["count"] = json!(3);
    assert_eq!(span(&counted, &zones), Ok((ms("2026-03-02T08:00:00Z"), ms("2026-03-23T09:00:00Z"))));
    counted["recurrenceOverrides"] = json!({});
    assert_eq!(span(&counted, &zones), Ok((ms("2026-03-02T08:00:00Z"), ms("2026-03-16T09:00:00Z"))));
    counted["recurrenceRules"][0] = json!({"frequency": "weekly", "until": "2026-03-29T00:00:00"});
    assert_eq!(span(&counted, &zones), Ok((ms("2026-03-02T08:00:00Z"), ms("2026-03-23T09:00:00Z"))));
    // Never: only the start is left.
    counted["recurrenceRules"][0] = json!({"frequency": "yearly", "byMonth": ["2"], "byMonthDay": [30], "count": 9});
    assert_eq!(span(&counted, &zones), Ok((ms("2026-03-02T08:00:00Z"), ms("2026-03-02T09:00:00Z"))));
    // Never as well, but to know that would cost too much.
    counted["recurrenceRules"][0] =
        json!({"frequency": "minutely", "interval": 7, "byMonth": ["2"], "byMonthDay": [30], "count": 9});
    assert_eq!(span(&counted, &zones).unwrap().1, END_OF_TIME);
    let floating = json!({"start": "2026-03-02T00:00:00", "duration": "P1D", "showWithoutTime": true});
    assert_eq!(span(&floating, &zones), Ok((ms("2026-03-01T10:00:00Z"), ms("2026-03-03T12:00:00Z"))));
}

#[test]
fn a_patch_changes_what_exists() {
    let document = json!({"a": {"b/c": {"~": 1}}, "list": [1], "t": "x"});
    let patch = |path: &str, value: Value| apply_patch(&document, &Map::from_iter([(path.to_owned(), value)]));
    assert_eq!(patch("a/b~1c/~0", json!(2)), json!({"a": {"b/c": {"~": 2}}, "list": [1], "t": "x"}));
    assert_eq!(patch("a/b~1c", Value::Null), json!({"a": {}, "list": [1], "t": "x"}));
    assert_eq!(patch("n", json!({"x": 1}))["n"], json!({"x": 1}));
    for invalid in ["n/x", "list/0", "t/x"] {
        assert_eq!(patch(invalid, json!(2)), document, "{invalid}");
    }
}

#[test]
fn a_split_where_there_is_nothing_to_split_is_refused() {
    let refused = |id: &str| split(&weekly(), id).unwrap_err();
    assert_eq!(refused("2026-03-02T09:00:00"), SplitError::First);
    assert_eq!(refused("2026-03-16T09:00:00"), SplitError::NotAnOccurrence);
    assert_eq!(refused("2026-03-20T12:00:00"), SplitError::NotAnOccurrence);
    assert_eq!(refused("2026-03-24T09:00:00"), SplitError::NotAnOccurrence);
    assert_eq!(refused("soon"), SplitError::Series(SeriesError::RecurrenceId));
    let mut event = weekly();
    event["recurrenceOverrides"] = json!({"2026-03-02T09:00:00": {"excluded": true}});
    assert_eq!(split(&event, "2026-03-09T09:00:00"), Err(SplitError::First), "only an excluded one is before");
    event["recurrenceRules"] = json!([{"frequency": "weekly"}, {"frequency": "sometimes"}]);
    assert_eq!(split(&event, "2026-03-16T09:00:00"), Err(SplitError::Rule));
}

#[test]
fn a_split_counts_excluded_occurrences_and_shares_out_overrides() {
    let mut event = weekly();
    event["recurrenceRules"][0]["count"] = json!(10);
    event["recurrenceRules"][0]["x-kept"] = json!("yes");
    let (earlier, later) = split(&event, "2026-03-23T09:00:00").unwrap();
    assert_eq!(
        (&earlier["recurrenceRules"][0]["count"], &later["recurrenceRules"][0]["count"]),
        (&json!(3), &json!(7))
    );
    assert_eq!((&earlier["start"], &later["start"]), (&json!("2026-03-02T09:00:00"), &json!("2026-03-23T09:00:00")));
    assert_eq!(later["recurrenceRules"][0]["x-kept"], "yes");
    assert_eq!(earlier["recurrenceOverrides"].as_object().unwrap().len(), 3);
    assert_eq!(later["recurrenceOverrides"].as_object().unwrap().len(), 1);
    let (endless, _) = split(&weekly(), "2026-03-23T09:00:00").unwrap();
    assert_eq!(endless["recurrenceRules"][0]["until"], "2026-03-23T08:59:59");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_two_halves_of_a_split_are_the_whole(
        rule in select(vec![
            json!({"frequency": "weekly", "interval": 2, "byDay": [{"day": "mo"}, {"day": "fr"}], "firstDayOfWeek": "su"}),
            json!({"frequency": "monthly", "byDay": [{"day": "tu", "nthOfPeriod": -1}], "interval": 3}),
            json!({"frequency": "monthly", "byMonthDay": [31, 2]}),
            json!({"frequency": "monthly"}),
            json!({"frequency": "yearly", "byWeekNo": [10, 40], "byDay": [{"day": "we"}]}),
            json!({"frequency": "monthly", "byDay": [{"day": "mo"}, {"day": "tu"}], "bySetPosition": [2, -1]}),
            json!({"frequency": "daily", "interval": 3, "byHour": [9, 15]}),
            json!({"frequency": "hourly", "interval": 50}),
        ]),
        end in select(vec![json!({}), json!({"count": 30}), json!({"until": "2028-01-01T00:00:00"})]),
        all_day in any::<bool>(),
        at in 1..20usize,
        excluded in prop::collection::btree_set(0..25usize, 0..5),
        moved in 0..25usize,
    ) {
        let start = if all_day { "2026-03-02T00:00:00" } else { "2026-03-02T09:00:00" };
        let mut rule = rule;
        rule.as_object_mut().unwrap().extend(end.as_object().unwrap().clone());
        let mut event = json!({"uid": "u", "start": start, "timeZone": "Europe/Berlin", "duration": "PT1H",
            "showWithoutTime": all_day, "recurrenceRules": [rule]});
        let (from, to) = ("2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z");
        let every: Vec<String> = ids(&within(&event, from, to)).into_iter().map(str::to_owned).collect();
        for i in &excluded {
            if let Some(id) = every.get(*i) { event["recurrenceOverrides"][id] = json!({"excluded": true}); }
        }
        if let Some(id) = every.get(moved) {
            event["recurrenceOverrides"][id] = json!({"start": "2026-12-24T12:00:00"});
        }
        let key = |o: &tandem_engine::recurrence::Occurrence| (o.start_ms, o.end_ms, o.recurrence_id.clone());
        let whole: Vec<_> = within(&event, from, to).items.iter().map(key).collect();
        let Some(target) = every.get(at) else { return Ok(()) };
        match split(&event, target) {
            Ok((earlier, later)) => {
                let (earlier, later) = (within(&earlier, from, to), within(&later, from, to));
                prop_assert!(ids(&earlier).iter().all(|id| *id < target.as_str()));
                prop_assert!(ids(&later).iter().all(|id| *id >= target.as_str()));
                let mut both: Vec<_> = earlier.items.iter().chain(&later.items).map(key).collect();
                both.sort();
                prop_assert_eq!(&both, &whole);
            }
            Err(SplitError::NotAnOccurrence) => prop_assert!(excluded.contains(&at) && moved != at),
            Err(error) => {
                prop_assert_eq!(error, SplitError::First);
                prop_assert!((0..at).all(|i| excluded.contains(&i)));
            }
        }
        // What a span covers is everything that was found.
        let (first, end) = span(&event, &BundledZones::new()).unwrap();
        prop_assert!(whole.iter().all(|(s, e, _)| *s >= first && *e <= end));
    }
}
