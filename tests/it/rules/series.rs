//! Exceptions that come early, late, alone or bare (invariant I19).

use serde_json::{Value, json};
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_providers::google::Config;
use tandem_providers::{Fault, FaultKind, SimRequest};
use tandem_tests::world::{ACCOUNT, World, meeting};

use super::{document, in_step, quiet, series_there};

/// A series of ten days with a moved, a renamed and a cancelled occurrence; returns its id.
fn busy_series(world: &World) -> String {
    let id = series_there(world, "series", 10);
    let at = |hour: u32, day: u32| json!({"dateTime": format!("2026-03-{day:02}T{hour:02}:00:00"), "timeZone": "Europe/Berlin"});
    world.google.user_move(ACCOUNT, &format!("{id}_20260303T080000Z"), &at(14, 3), &at(15, 3)).unwrap();
    world.google.user_patch(ACCOUNT, &format!("{id}_20260304T080000Z"), &json!({"summary": "renamed"})).unwrap();
    world.google.user_delete(ACCOUNT, &format!("{id}_20260305T080000Z")).unwrap();
    id
}

#[test]
fn moved_renamed_and_cancelled_occurrences_come_before_their_master() {
    for shuffle in 0..12 {
        let config =
            Config { allow_http_webhooks: true, shuffle: Some(shuffle), page_limit: Some(1), ..Config::default() };
        let mut world = World::with(config, ReplicaMode::TwoWay, ConflictPolicy::Newest);
        busy_series(&world);
        in_step(&mut world, &format!("shuffle {shuffle}"));
        assert_eq!(world.local().len(), 1, "one series is one event");
        let overrides = document(&world, "series")["recurrenceOverrides"].clone();
        assert_eq!(overrides["2026-03-03T09:00:00"], json!({"start": "2026-03-03T14:00:00"}));
        assert_eq!(overrides["2026-03-04T09:00:00"], json!({"title": "renamed"}));
        assert_eq!(overrides["2026-03-05T09:00:00"], json!({"excluded": true}));
        assert!(world.memory.orphans.is_empty(), "nothing stays buffered");
        quiet(&mut world, "after a series");
    }
}

#[test]
fn changes_of_single_occurrences_come_one_by_one() {
    let mut world = World::new();
    let id = series_there(&world, "series", 10);
    in_step(&mut world, "the series");
    world.google.user_patch(ACCOUNT, &format!("{id}_20260304T080000Z"), &json!({"summary": "renamed"})).unwrap();
    in_step(&mut world, "one renamed");
    world.google.user_patch(ACCOUNT, &id, &json!({"location": "Room 1"})).unwrap();
    in_step(&mut world, "the master changed, the exception stays");
    world.google.user_delete(ACCOUNT, &format!("{id}_20260304T080000Z")).unwrap();
    in_step(&mut world, "the renamed one cancelled");
    world.google.user_patch(ACCOUNT, &id, &json!({"recurrence": ["RRULE:FREQ=DAILY;COUNT=4"]})).unwrap();
    in_step(&mut world, "the series is shorter");
    world.google.user_patch(ACCOUNT, &id, &json!({"recurrence": []})).unwrap();
    in_step(&mut world, "no series any more");
}

#[test]
fn exclusions_and_dates_in_the_master_itself_are_understood() {
    let mut world = World::new();
    let mut event = tandem_tests::world::google_meeting("lines", "2026-03-02T09:00:00", "2026-03-02T10:00:00");
    event["recurrence"] = json!([
        "RRULE:FREQ=DAILY;COUNT=10",
        "EXDATE;TZID=Europe/Berlin:20260304T090000,20260305T090000",
        "RDATE;TZID=Europe/Berlin:20260320T150000"
    ]);
    let id = world.google.user_insert(ACCOUNT, &event).unwrap()["id"].as_str().unwrap().to_owned();
    in_step(&mut world, "read");
    let uid = world.titled("lines").unwrap().0.uid;
    world.patch(&uid, &json!({"recurrenceOverrides": {"2026-03-06T09:00:00": {"excluded": true}}})).unwrap();
    in_step(&mut world, "one more excluded here");
    world.patch(&uid, &json!({"title": "lines renamed"})).unwrap();
    in_step(&mut world, "renamed here");
    let lines = world.google.event(ACCOUNT, &id).unwrap()["recurrence"].to_string();
    assert!(lines.contains("RDATE") && lines.contains("EXDATE"), "{lines}");
}

#[test]
fn a_series_made_here_with_exceptions_is_the_same_there() {
    let mut world = World::new();
    world.settle().unwrap();
    let mut series = meeting("s@app", "series", "2026-03-02T09:00:00");
    series["recurrenceRules"] = json!([{"frequency": "weekly", "byDay": [{"day": "mo"}, {"day": "th"}], "count": 12}]);
    series["recurrenceOverrides"] = json!({
        "2026-03-05T09:00:00": {"excluded": true},
        "2026-03-09T09:00:00": {"title": "kick-off", "start": "2026-03-09T13:00:00", "duration": "PT2H"},
        "2026-03-12T09:00:00": {"description": "only here", "locations": {"1": {"name": "Room 2"}}},
    });
    world.create(&series).unwrap();
    in_step(&mut world, "created");
    world
        .patch("s@app", &json!({"recurrenceOverrides": {"2026-03-09T09:00:00": null, "2026-03-05T09:00:00": null}}))
        .unwrap();
    in_step(&mut world, "two occurrences are as the series again");
    quiet(&mut world, "a series made here");
}

/// One occurrence of a series whose master the account may not see.
fn shared_occurrence(title: &str, start: &str, etag: &str) -> Value {
    json!({
        "kind": "calendar#event", "id": "hiddenseries_20260304T080000Z", "etag": etag, "status": "confirmed",
        "summary": title, "recurringEventId": "hiddenseries", "iCalUID": "hidden@google.com",
        "originalStartTime": {"dateTime": "2026-03-04T09:00:00+01:00", "timeZone": "Europe/Berlin"},
        "start": {"dateTime": start, "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-03-04T18:00:00+01:00", "timeZone": "Europe/Berlin"},
        "updated": "2026-03-02T08:00:00.000Z",
    })
}

fn list_with(world: &World, rows: &[Value]) {
    let url = format!("/calendar/v3/calendars/{ACCOUNT}/events?maxResults=250&singleEvents=false");
    let mut body = world.google.handle(&SimRequest::new("GET", &url).bearer("token")).json();
    body["items"].as_array_mut().unwrap().extend(rows.iter().cloned());
    world
        .google
        .plan(Fault::next(FaultKind::Raw { status: 200, body: body.to_string() }).on_method("GET").on_path("*/events"));
}

#[test]
fn an_occurrence_whose_master_is_not_for_us_to_see_is_an_event_of_its_own() {
    let mut world = World::new();
    list_with(&world, &[shared_occurrence("invited once", "2026-03-04T17:00:00+01:00", "\"1\"")]);
    world.settle().unwrap();
    let seen = document(&world, "invited once");
    assert_eq!((seen["start"].as_str(), seen["duration"].as_str()), (Some("2026-03-04T17:00:00"), Some("PT1H")));
    assert!(world.memory.orphans.is_empty() && world.memory.failures.is_empty());
    // It changes, and goes.
    list_with(&world, &[shared_occurrence("moved once", "2026-03-04T16:00:00+01:00", "\"2\"")]);
    world.poll().unwrap();
    assert_eq!(document(&world, "moved once")["start"], "2026-03-04T16:00:00");
    assert_eq!(world.local().len(), 1);
    let gone = json!({"id": "hiddenseries_20260304T080000Z", "status": "cancelled"});
    list_with(&world, &[gone]);
    world.poll().unwrap();
    assert_eq!(world.local().len(), 0);
}
