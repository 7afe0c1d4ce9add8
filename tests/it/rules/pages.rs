//! Listings that are not as nice as one would like: empty pages, damaged rows, doubles.

use serde_json::{Value, json};
use tandem_engine::effects::FailureKind;
use tandem_providers::google::Config;
use tandem_providers::{Fault, FaultKind, SimRequest};
use tandem_tests::world::{ACCOUNT, World, google_meeting};

use super::{codes, in_step, made_there, quiet};

/// The next listing of the engine shows these rows too, before the real ones.
fn with_rows(world: &World, query: &str, rows: &[Value]) {
    let url = format!("/calendar/v3/calendars/{ACCOUNT}/events?maxResults=250&singleEvents=false{query}");
    let mut body = world.google.handle(&SimRequest::new("GET", &url).bearer("token")).json();
    assert!(body["nextSyncToken"].is_string(), "{body}");
    let items = body["items"].as_array_mut().unwrap();
    items.splice(0..0, rows.iter().cloned());
    world
        .google
        .plan(Fault::next(FaultKind::Raw { status: 200, body: body.to_string() }).on_method("GET").on_path("*/events"));
}

#[test]
fn empty_pages_are_no_end() {
    let mut world = World::new();
    for day in 1..=5 {
        made_there(&world, &format!("event {day}"), day);
    }
    world.google.plan(Fault::next(FaultKind::EmptyPage).times(3));
    in_step(&mut world, "a full listing");
    made_there(&world, "later", 9);
    world.google.plan(Fault::next(FaultKind::EmptyPage).times(3));
    in_step(&mut world, "an incremental listing");
    assert_eq!(world.local().len(), 6);
}

#[test]
fn tiny_pages_bring_everything() {
    let config = Config { allow_http_webhooks: true, page_limit: Some(1), ..Config::default() };
    let mut world = World::with(
        config,
        tandem_engine::effects::ReplicaMode::TwoWay,
        tandem_engine::effects::ConflictPolicy::Newest,
    );
    world.google.generate(ACCOUNT, 30, 5).unwrap();
    in_step(&mut world, "page by page");
}

#[test]
fn malformed_rows_are_set_aside_and_the_page_goes_on() {
    let mut world = World::new();
    made_there(&world, "good", 3);
    let moment = json!({"dateTime": "2026-03-05T09:00:00+01:00"});
    let rows = [
        json!(42),
        json!("text"),
        json!(null),
        json!({"summary": "without an id"}),
        json!({"id": "nostart"}),
        json!({"id": "badstart", "start": {"dateTime": "yesterday"}, "end": moment}),
        json!({"id": "backwards", "start": moment, "end": {"dateTime": "2026-03-04T09:00:00+01:00"}}),
        json!({"id": "mixed", "start": moment, "end": {"date": "2026-03-06"}}),
        json!({"id": "wrongtype", "start": moment, "end": moment, "summary": {"not": "a text"}}),
        json!({"id": "orphan", "recurringEventId": "someseries", "start": moment, "end": moment}),
        json!({"id": "impossible", "start": {"date": "2026-02-31"}, "end": {"date": "2026-03-01"}}),
    ];
    with_rows(&world, "", &rows);
    world.settle().unwrap();
    assert!(world.titled("good").is_some(), "the page goes on");
    assert_eq!(world.local().len(), 1);
    let failures: Vec<_> = world.memory.failures.values().collect();
    assert!(failures.iter().all(|failure| failure.kind == FailureKind::Item));
    let ids: Vec<&str> = failures.iter().filter_map(|failure| failure.remote_id.as_deref()).collect();
    for id in ["nostart", "badstart", "backwards", "mixed", "wrongtype", "orphan", "impossible"] {
        assert!(ids.contains(&id), "{id} is not recorded: {ids:?}");
    }
    let codes = codes(&world);
    for code in ["malformed-row", "missing-id", "bad-start", "bad-end", "missing-original-start"] {
        assert!(codes.iter().any(|c| c == code), "{code} is missing in {codes:?}");
    }
    assert!(failures.iter().all(|failure| !failure.detail.contains("2026") && !failure.detail.contains("yesterday")));
}

#[test]
fn a_row_that_became_malformed_is_not_taken_for_a_deletion() {
    let mut world = World::new();
    let id = made_there(&world, "fragile", 3);
    made_there(&world, "other", 4);
    in_step(&mut world, "at the beginning");
    world.google.drop_channels();
    world.google.expire_sync_tokens(ACCOUNT);
    world.clock.advance(2 * super::HOUR_MS);
    // A full listing in which the row of `fragile` is damaged.
    let url = format!("/calendar/v3/calendars/{ACCOUNT}/events?maxResults=250&singleEvents=false");
    let mut body = world.google.handle(&SimRequest::new("GET", &url).bearer("token")).json();
    for item in body["items"].as_array_mut().unwrap() {
        if item["id"] == id.as_str() {
            item["start"] = json!({"dateTime": "soon"});
        }
    }
    world.google.plan(Fault::next(FaultKind::FullSyncRequired).on_method("GET"));
    world
        .google
        .plan(Fault::next(FaultKind::Raw { status: 200, body: body.to_string() }).on_method("GET").on_path("*/events"));
    world.settle().unwrap();
    assert!(world.titled("fragile").is_some(), "it is kept as it was");
    assert_eq!(codes(&world), ["bad-start"]);
    world.google.user_patch(ACCOUNT, &id, &json!({"summary": "mended"})).unwrap();
    world.poll().unwrap();
    assert!(world.titled("mended").is_some());
}

#[test]
fn a_failure_of_a_row_ends_when_the_row_is_good_again() {
    let mut world = World::new();
    let id = made_there(&world, "fragile", 3);
    let row = json!({"id": id, "start": {"dateTime": "soon"}});
    let body = json!({"items": [row], "nextSyncToken": "damaged"});
    world.google.plan(Fault::next(FaultKind::Raw { status: 200, body: body.to_string() }).on_method("GET"));
    world.settle().unwrap();
    assert_eq!(codes(&world), ["bad-start"]);
    world.poll().unwrap();
    in_step(&mut world, "read again");
}

#[test]
fn two_remote_events_of_one_ical_uid_become_two_here() {
    let mut world = World::new();
    let event = |id: &str, title: &str, day: u32| {
        let mut event = google_meeting(title, &format!("2026-03-0{day}T09:00:00"), &format!("2026-03-0{day}T10:00:00"));
        event["id"] = id.into();
        event["iCalUID"] = "same@example.com".into();
        event
    };
    let rows: Vec<Value> = [("firstcopy", "one", 3), ("secondcopy", "two", 4)]
        .into_iter()
        .map(|(id, title, day)| {
            let mut row = event(id, title, day);
            row["etag"] = format!("\"{id}\"").into();
            row
        })
        .collect();
    with_rows(&world, "", &rows);
    for _ in 0..5 {
        world.step().unwrap();
    }
    let mut uids: Vec<String> = world.local().into_iter().map(|row| row.uid.clone()).collect();
    uids.sort();
    uids.dedup();
    assert_eq!(uids.len(), 2, "none hides the other (I2)");
    assert!(world.titled("one").is_some() && world.titled("two").is_some());
}

#[test]
fn a_page_that_comes_twice_changes_nothing() {
    let mut world = World::new();
    world.google.generate(ACCOUNT, 20, 9).unwrap();
    in_step(&mut world, "once");
    let feed = world.memory.feed.len();
    let state = world.memory.replicas["work-google"].state.clone();
    made_there(&world, "later", 9);
    in_step(&mut world, "twice");
    // The cursor as it was: what came since comes again.
    world.memory.replicas.get_mut("work-google").unwrap().state = state;
    world.poll().unwrap();
    in_step(&mut world, "three times");
    assert_eq!(world.memory.feed.len(), feed + 1);
    quiet(&mut world, "three times");
}
