//! Series: instances, exceptions, cancelled and moved occurrences.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod world;

use serde_json::{Value, json};
use tandem_providers::google::Config;
use world::*;

fn id(event: &Value) -> String {
    event["id"].as_str().unwrap().to_owned()
}

fn instances(w: &World, id: &str, query: &str) -> Vec<Value> {
    let response = w.get(&format!("{EVENTS}/{id}/instances?{query}"));
    assert_eq!(response.status(), Some(200), "{}", response.json());
    response.json()["items"].as_array().unwrap().clone()
}

fn starts(rule: &str, start: &str) -> Vec<String> {
    let w = world();
    let mut body = json!({ "start": at(start), "end": at(start) });
    body["recurrence"] = json!(rule.split('|').collect::<Vec<_>>());
    let event = w.made(&body);
    let all = instances(&w, &id(&event), "");
    all.iter().map(|item| item["start"]["dateTime"].as_str().unwrap()[..16].to_owned()).collect()
}

#[test]
fn instance_ids_are_the_master_and_the_original_start_in_utc() {
    let w = world();
    let master = w.made(&series("RRULE:FREQ=DAILY;COUNT=2"));
    let all = instances(&w, &id(&master), "");
    assert_eq!(all[0]["id"], format!("{}_20260303T090000Z", id(&master)));
    assert_eq!(all[1]["originalStartTime"]["dateTime"], "2026-03-04T10:00:00+01:00");
    assert_eq!(all[1]["iCalUID"], master["iCalUID"]);
    assert!(all[1].get("recurrence").is_none());
    let body = json!({ "start": { "date": "2026-03-03" }, "end": { "date": "2026-03-04" }, "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"] });
    let days = w.made(&body);
    let all = instances(&w, &id(&days), "");
    assert_eq!(all[1]["id"], format!("{}_20260304", id(&days)));
    assert_eq!(all[1]["originalStartTime"], json!({ "date": "2026-03-04" }));
    assert_eq!(all[1]["end"], json!({ "date": "2026-03-05" }));
}

#[test]
fn an_instance_can_be_read_before_it_has_a_row() {
    let w = world();
    let master = w.made(&series("RRULE:FREQ=DAILY;COUNT=3"));
    let instance = w.event(&format!("{}_20260304T090000Z", id(&master)));
    assert_eq!(instance["recurringEventId"], master["id"]);
    let wrong = w.get(&format!("{EVENTS}/{}_20260304T100000Z", id(&master)));
    assert_eq!(wrong.status(), Some(404));
    assert_eq!(w.get(&format!("{EVENTS}/{}_20260306T090000Z", id(&master))).status(), Some(404), "behind COUNT");
}

#[test]
fn a_moved_instance_becomes_a_row_that_keeps_its_id_and_original_start() {
    let w = world();
    let master = w.made(&series("RRULE:FREQ=DAILY;COUNT=3"));
    let (_, token) = w.listing("");
    let instance = format!("{}_20260304T090000Z", id(&master));
    let patch = json!({ "start": at("2026-03-04T15:00:00"), "end": at("2026-03-04T16:00:00") });
    assert_eq!(w.patch(&instance, &patch).status(), Some(200));
    let (delta, _) = w.listing(&format!("syncToken={token}"));
    assert_eq!(delta.len(), 1, "the master is not listed again");
    assert_eq!(delta[0]["id"], instance);
    assert_eq!(delta[0]["originalStartTime"]["dateTime"], "2026-03-04T10:00:00+01:00");
    assert_eq!(delta[0]["start"]["dateTime"], "2026-03-04T15:00:00+01:00");
    assert_eq!(instances(&w, &id(&master), "").len(), 3);
    let one = instances(&w, &id(&master), "originalStart=2026-03-04T10:00:00%2B01:00");
    assert_eq!((one.len(), one[0]["id"].as_str().unwrap()), (1, instance.as_str()));
}

#[test]
fn a_deleted_instance_is_a_bare_cancelled_exception_and_no_exdate() {
    let w = world();
    let master = w.made(&series("RRULE:FREQ=DAILY;COUNT=3"));
    let (_, token) = w.listing("");
    let instance = format!("{}_20260304T090000Z", id(&master));
    assert_eq!(w.delete(&instance).status(), Some(204));
    assert_eq!(w.delete(&instance).status(), Some(410));
    let (delta, _) = w.listing(&format!("syncToken={token}"));
    assert_eq!(delta.len(), 1);
    assert_eq!(delta[0]["status"], "cancelled");
    assert_eq!(delta[0]["recurringEventId"], master["id"]);
    assert!(delta[0].get("start").is_none() && delta[0].get("summary").is_none());
    assert_eq!(w.event(&id(&master))["recurrence"], master["recurrence"]);
    assert_eq!(instances(&w, &id(&master), "").len(), 2);
    assert_eq!(instances(&w, &id(&master), "showDeleted=true").len(), 3);
    assert!(instances(&w, &instance, "").is_empty(), "an instance's own id expands just that one");
}

#[test]
fn deleting_a_series_cancels_it_and_its_exceptions() {
    for (also, rows) in [(true, 2), (false, 1)] {
        let w = world_with(Config { delete_cancels_exceptions: also, ..Config::default() });
        let master = w.made(&series("RRULE:FREQ=DAILY;COUNT=3"));
        w.patch(&format!("{}_20260304T090000Z", id(&master)), &json!({ "summary": "other" }));
        let (_, token) = w.listing("");
        w.delete(&id(&master));
        let (delta, _) = w.listing(&format!("syncToken={token}"));
        assert_eq!(delta.len(), rows);
        assert!(delta.iter().all(|row| row["status"] == "cancelled"));
        assert!(w.google.truth(ME).is_empty());
    }
}

#[test]
fn changing_a_series_drops_exceptions_that_no_longer_match() {
    for listed in [true, false] {
        let w = world_with(Config { orphans_are_listed: listed, ..Config::default() });
        let master = w.made(&series("RRULE:FREQ=DAILY;COUNT=6"));
        let (early, late) = (format!("{}_20260304T090000Z", id(&master)), format!("{}_20260306T090000Z", id(&master)));
        w.patch(&early, &json!({ "summary": "early" }));
        w.patch(&late, &json!({ "summary": "late" }));
        let (_, token) = w.listing("");
        w.patch(&id(&master), &json!({ "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"] }));
        let (delta, _) = w.listing(&format!("syncToken={token}"));
        assert_eq!(delta.len(), if listed { 2 } else { 1 });
        assert_eq!(w.event(&early)["summary"], "early");
        let after = w.get(&format!("{EVENTS}/{late}"));
        assert_eq!(after.status(), Some(if listed { 200 } else { 404 }));
        assert_eq!(listed, after.json()["status"] == "cancelled");
        assert_eq!(w.google.truth(ME).len(), 2, "the master and the early exception");
    }
}

#[test]
fn the_first_edit_of_an_instance_moves_its_etag_even_when_time_stands_still() {
    let w = world();
    let master = w.google.user_insert(ME, &series("RRULE:FREQ=DAILY;COUNT=3")).unwrap();
    let instance = format!("{}_20260304T090000Z", id(&master));
    let before = w.google.event(ME, &instance).unwrap();
    let after = w.google.user_patch(ME, &instance, &json!({ "summary": "other" })).unwrap();
    assert_ne!(before["etag"], after["etag"]);
}

#[test]
fn a_series_survives_its_summary_with_exceptions_untouched() {
    let w = world();
    let master = w.made(&series("RRULE:FREQ=DAILY;COUNT=3"));
    w.patch(&format!("{}_20260304T090000Z", id(&master)), &json!({ "summary": "other" }));
    let (_, token) = w.listing("");
    w.patch(&id(&master), &json!({ "summary": "renamed" }));
    let (delta, _) = w.listing(&format!("syncToken={token}"));
    assert_eq!(delta.len(), 1);
    assert_eq!(delta[0]["id"], master["id"]);
}

#[test]
fn rules_are_expanded_as_rfc_5545_says() {
    let day = |list: &[&str]| list.iter().map(|d| format!("2026-{d}T10:00")).collect::<Vec<_>>();
    let first = "2026-03-03T10:00:00";
    let cases: [(&str, &[&str]); 16] = [
        ("RRULE:FREQ=DAILY;INTERVAL=2;COUNT=3", &["03-03", "03-05", "03-07"]),
        ("RRULE:FREQ=WEEKLY;BYDAY=TU,TH;COUNT=4", &["03-03", "03-05", "03-10", "03-12"]),
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,TU;COUNT=4", &["03-03", "03-15", "03-17", "03-29"]),
        ("RRULE:FREQ=MONTHLY;COUNT=3", &["03-03", "04-03", "05-03"]),
        ("RRULE:FREQ=MONTHLY;BYDAY=1TU;COUNT=3", &["03-03", "04-07", "05-05"]),
        ("RRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", &["03-03", "03-27", "04-24"]),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", &["03-03", "03-31", "04-30"]),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3", &["03-03", "03-31", "05-31"]),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1;COUNT=4", &["03-03", "03-31", "04-30", "05-31"]),
        ("RRULE:FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=2;COUNT=3", &["03-03", "04-07", "05-05"]),
        ("RRULE:FREQ=WEEKLY;BYDAY=MO,TU,FR;BYSETPOS=-2,1;COUNT=4", &["03-03", "03-09", "03-10", "03-16"]),
        ("RRULE:FREQ=YEARLY;BYMONTH=3,6;BYDAY=1TU;UNTIL=20260701T000000Z", &["03-03", "06-02"]),
        ("RRULE:FREQ=YEARLY;BYMONTHDAY=3;BYDAY=10TU,14FR;UNTIL=20270101T000000Z", &["03-03", "04-03"]),
        ("RRULE:FREQ=DAILY;UNTIL=20260304T090000Z", &["03-03", "03-04"]),
        ("RRULE:FREQ=DAILY;COUNT=3|EXDATE;TZID=Europe/Berlin:20260304T100000", &["03-03", "03-05"]),
        ("RRULE:FREQ=DAILY;COUNT=2|RDATE;TZID=Europe/Berlin:20260310T100000", &["03-03", "03-04", "03-10"]),
    ];
    for (rule, expected) in cases {
        assert_eq!(starts(rule, first), day(expected), "{rule}");
    }
}

#[test]
fn a_series_keeps_its_wall_time_over_a_clock_change() {
    let all = starts("RRULE:FREQ=DAILY;COUNT=3", "2026-03-28T10:00:00");
    assert_eq!(all, ["2026-03-28T10:00", "2026-03-29T10:00", "2026-03-30T10:00"]);
    let w = world();
    let mut body = series("RRULE:FREQ=DAILY;COUNT=3");
    body["start"] = at("2026-03-28T10:00:00");
    body["end"] = at("2026-03-28T11:00:00");
    let master = w.made(&body);
    assert_eq!(w.event(&format!("{}_20260330T080000Z", id(&master)))["start"]["dateTime"], "2026-03-30T10:00:00+02:00");
}

#[test]
fn wrong_rules_are_400_and_rules_that_are_not_expanded_are_stored_but_501_to_expand() {
    let w = world();
    for bad in [
        "RRULE:COUNT=3",
        "DTSTART:20260303T100000Z",
        "RRULE:FREQ=DAILY;COUNT=1;UNTIL=20260401",
        "RRULE:FREQ=OFTEN",
        "RRULE:FREQ=MONTHLY;BYSETPOS=1",
    ] {
        assert_eq!(w.insert(&series(bad)).status(), Some(400), "{bad}");
    }
    let master = w.made(&series("RRULE:FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"));
    assert_eq!(w.get(&format!("{EVENTS}/{}/instances", id(&master))).status(), Some(501));
    assert_eq!(w.listing("").0.len(), 1);
}

#[test]
fn a_test_can_put_an_exception_before_its_master() {
    let w = world();
    let orphan = json!({
        "id": "master01_20260304T090000Z", "summary": "early", "recurringEventId": "master01",
        "originalStartTime": at("2026-03-04T10:00:00"),
        "start": at("2026-03-04T12:00:00"), "end": at("2026-03-04T13:00:00"),
    });
    w.google.user_insert(ME, &orphan).unwrap();
    let (items, _) = w.listing("");
    assert_eq!(items[0]["recurringEventId"], "master01");
    let mut master = series("RRULE:FREQ=DAILY;COUNT=3");
    master["id"] = json!("master01");
    w.google.user_insert(ME, &master).unwrap();
    assert_eq!(instances(&w, "master01", "").len(), 3);
}

#[test]
fn the_user_can_move_and_delete_instances() {
    let w = world();
    let master = w.google.user_insert(ME, &series("RRULE:FREQ=WEEKLY")).unwrap();
    let at_ = |text: &str| at(text);
    let instance = format!("{}_20260310T090000Z", id(&master));
    let moved = w.google.user_move(ME, &instance, &at_("2026-03-11T10:00:00"), &at_("2026-03-11T11:00:00")).unwrap();
    assert_eq!(moved["start"]["dateTime"], "2026-03-11T10:00:00+01:00");
    w.google.user_delete(ME, &format!("{}_20260317T090000Z", id(&master))).unwrap();
    assert_eq!(w.google.truth(ME).len(), 3);
    assert_eq!(w.google.live_count(ME), 1);
    assert_eq!(w.google.counters().writes, 0);
}

#[test]
fn the_user_can_split_a_series_and_later_exceptions_are_lost() {
    let w = world();
    let mut body = series("RRULE:FREQ=DAILY;COUNT=6");
    body["recurrence"] = json!(["RRULE:FREQ=DAILY;COUNT=6", "EXDATE;TZID=Europe/Berlin:20260304T100000"]);
    let master = w.google.user_insert(ME, &body).unwrap();
    w.google.user_delete(ME, &format!("{}_20260307T090000Z", id(&master))).unwrap();
    let second = w
        .google
        .user_split(ME, &format!("{}_20260306T090000Z", id(&master)), &json!({ "summary": "from here" }))
        .unwrap();
    assert_eq!(second["id"], format!("{}_R20260306T100000", id(&master)));
    assert_eq!(second["recurrence"][0], "RRULE:FREQ=DAILY;COUNT=3");
    assert_ne!(second["iCalUID"], master["iCalUID"]);
    let first = w.event(&id(&master));
    assert_eq!(first["recurrence"][0], "RRULE:FREQ=DAILY;UNTIL=20260306T085959Z");
    let days = |id: &str| {
        let all = instances(&w, id, "");
        all.iter().map(|i| i["start"]["dateTime"].as_str().unwrap()[8..10].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(days(&id(&master)), ["03", "05"]);
    assert_eq!(days(&id(&second)), ["06", "07", "08"], "the deleted 7th is back");
    let later = w.event(&format!("{}_20260308T090000Z", id(&second)));
    assert_eq!((&later["summary"], &later["recurringEventId"]), (&json!("from here"), &second["id"]));
    assert_eq!(w.google.truth(ME).len(), 2);
}
