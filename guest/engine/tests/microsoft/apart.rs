//! Where Graph does not show exceptions with their masters: occurrences are compared with the rule, and one that is not
//! among them counts as deleted only when that is proven.

use serde_json::{Value, json};
use tandem_providers::microsoft::{Config, EventsDelta};
use tandem_providers::{Fault, FaultKind};

use crate::world::{ACCOUNT, World, outlook_meeting};

fn config(events_delta: EventsDelta) -> Config {
    Config { events_delta, occurrence_properties: false, ..Config::default() }
}

/// A daily series in step; and the ids of its occurrences at Outlook.
fn daily(config: Config, count: u32) -> (World, Vec<String>) {
    let mut world = World::new(config);
    let mut event = outlook_meeting("daily", "2026-03-04T09:00:00", "2026-03-04T10:00:00");
    event["recurrence"] = json!({"pattern": {"type": "daily", "interval": 4},
        "range": {"type": "numbered", "startDate": "2026-03-04", "numberOfOccurrences": count}});
    let id = world.microsoft.user_insert(ACCOUNT, &event).unwrap()["id"].as_str().unwrap().to_owned();
    world.settle();
    let all = world.microsoft.occurrences(ACCOUNT, &id, 0, i64::MAX / 4);
    (world, all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect())
}

fn overrides(world: &World) -> Value {
    world.titled("daily")["recurrenceOverrides"].clone()
}

fn at(text: &str) -> Value {
    json!({"dateTime": text, "timeZone": "W. Europe Standard Time"})
}

#[test]
fn an_exception_that_the_instances_omit_is_not_deleted() {
    for events_delta in [EventsDelta::Full, EventsDelta::Minimal, EventsDelta::BadRequest] {
        let (mut world, ids) = daily(Config { instances_omit_exceptions: true, ..config(events_delta) }, 8);
        world.microsoft.user_patch(ACCOUNT, &ids[1], &json!({"subject": "other"})).unwrap();
        let (start, end) = (at("2026-03-14T15:00:00"), at("2026-03-14T16:00:00"));
        world.microsoft.user_move(ACCOUNT, &ids[2], &start, &end).unwrap();
        world.microsoft.user_delete(ACCOUNT, &ids[3]).unwrap();
        world.poll();
        let mut expected = json!({
            "2026-03-08T09:00:00": {"title": "other"},
            "2026-03-12T09:00:00": {"start": "2026-03-14T15:00:00"},
            "2026-03-16T09:00:00": {"excluded": true},
        });
        assert_eq!(overrides(&world), expected, "{events_delta:?}");
        world.rests();
        // Now they are known, and one of them is deleted.
        world.microsoft.user_delete(ACCOUNT, &ids[1]).unwrap();
        world.poll();
        expected["2026-03-08T09:00:00"] = json!({"excluded": true});
        assert_eq!(overrides(&world), expected, "{events_delta:?}");
        world.rests();
    }
}

#[test]
fn a_known_exception_that_no_list_shows_is_asked_for_by_its_id() {
    for events_delta in [EventsDelta::Full, EventsDelta::Minimal, EventsDelta::BadRequest] {
        let (mut world, ids) = daily(config(events_delta), 8);
        world.microsoft.user_patch(ACCOUNT, &ids[1], &json!({"subject": "other"})).unwrap();
        world.poll();
        world.microsoft.configure(|config| config.instances_omit_exceptions = true);
        let nothing = FaultKind::Raw { status: 200, body: json!({"value": []}).to_string() };
        world.microsoft.plan(Fault::next(nothing).on_path("*/calendarView").times(u32::MAX));
        world.microsoft.user_patch(ACCOUNT, &ids[1], &json!({"subject": "another"})).unwrap();
        world.microsoft.user_delete(ACCOUNT, &ids[4]).unwrap();
        world.poll();
        let expected = json!({"2026-03-08T09:00:00": {"title": "another"}, "2026-03-20T09:00:00": {"excluded": true}});
        assert_eq!(overrides(&world), expected, "{events_delta:?}");
        world.rests();
    }
}

#[test]
fn a_list_of_occurrences_that_cannot_be_compared_deletes_nothing() {
    for rows in [json!([]), json!([{"id": "x", "type": "occurrence", "seriesMasterId": "MASTER"}]), json!([7])] {
        let (mut world, ids) = daily(config(EventsDelta::Full), 8);
        world.microsoft.user_delete(ACCOUNT, &ids[3]).unwrap();
        world.poll();
        let id = world.subject("daily")["id"].as_str().unwrap().to_owned();
        let body = json!({"value": rows}).to_string().replace("MASTER", &id);
        world.microsoft.plan(Fault::next(FaultKind::Raw { status: 200, body }).on_path("*/instances").times(9));
        world.microsoft.user_patch(ACCOUNT, &id, &json!({"importance": "high"})).unwrap();
        world.poll();
        assert_eq!(overrides(&world), json!({"2026-03-16T09:00:00": {"excluded": true}}), "{rows}");
        assert_eq!(world.titled("daily")["priority"], 1, "{rows}");
    }
}

#[test]
fn a_series_with_more_pages_than_are_read_keeps_what_is_known() {
    let (mut world, ids) = daily(config(EventsDelta::Full), 40);
    world.microsoft.user_delete(ACCOUNT, &ids[3]).unwrap();
    world.poll();
    world.microsoft.configure(|config| config.page_limit = Some(2));
    let id = world.subject("daily")["id"].as_str().unwrap().to_owned();
    world.microsoft.user_patch(ACCOUNT, &id, &json!({"importance": "high"})).unwrap();
    world.poll();
    assert_eq!(overrides(&world), json!({"2026-03-16T09:00:00": {"excluded": true}}));
    assert_eq!(world.titled("daily")["priority"], 1);
    world.rests();
}

#[test]
fn a_step_makes_few_requests_and_its_page_is_ended_by_later_ones() {
    for events_delta in [EventsDelta::Full, EventsDelta::Minimal, EventsDelta::BadRequest] {
        let mut world = World::new(Config { page_limit: Some(60), ..config(events_delta) });
        for n in 0..25 {
            let mut event = outlook_meeting(&format!("series {n}"), "2026-03-04T09:00:00", "2026-03-04T10:00:00");
            event["recurrence"] = json!({"pattern": {"type": "daily", "interval": 1},
                "range": {"type": "numbered", "startDate": "2026-03-04", "numberOfOccurrences": 5}});
            let id = world.microsoft.user_insert(ACCOUNT, &event).unwrap()["id"].as_str().unwrap().to_owned();
            let all = world.microsoft.occurrences(ACCOUNT, &id, 0, i64::MAX / 4);
            world.microsoft.user_delete(ACCOUNT, all[2]["id"].as_str().unwrap()).unwrap();
        }
        let mut most = 0;
        for round in 0.. {
            if round > 0 && world.local().len() < 25 {
                assert_eq!(world.state().cursor, None, "the cursor waits for the whole page");
            }
            let before = world.sent;
            let outcome = world.step();
            most = most.max(world.sent - before);
            if matches!(outcome, tandem_engine::sync::Outcome::Idle(_)) {
                break;
            }
            assert!(round < 500);
        }
        assert!(most <= 40, "{events_delta:?}: {most}");
        assert_eq!(world.local().len(), 25);
        for n in 0..25 {
            let expected = json!({"2026-03-06T09:00:00": {"excluded": true}});
            assert_eq!(world.titled(&format!("series {n}"))["recurrenceOverrides"], expected, "{events_delta:?}");
        }
        world.rests();
    }
}
