//! An event that Graph cannot show, for a while or for ever: it holds up nothing else, it is recorded, and it comes as
//! soon as it can be read.

use serde_json::json;
use tandem_engine::sync::Outcome;
use tandem_providers::microsoft::{Config, EventsDelta};
use tandem_providers::{Fault, FaultKind};

use crate::world::{ACCOUNT, World, outlook_meeting};

/// Five events in step.
fn scene(events_delta: EventsDelta) -> World {
    let mut world = World::new(Config { events_delta, ..Config::default() });
    for n in 0..5 {
        let (start, end) = (format!("2026-04-{:02}T09:00:00", n + 1), format!("2026-04-{:02}T10:00:00", n + 1));
        world.microsoft.user_insert(ACCOUNT, &outlook_meeting(&format!("event {n}"), &start, &end)).unwrap();
    }
    world.settle();
    world.poll();
    world
}

/// Somebody changes the event at Outlook.
fn touch(world: &World, title: &str) {
    let id = world.subject(title)["id"].as_str().unwrap().to_owned();
    world.microsoft.user_patch(ACCOUNT, &id, &json!({"importance": "high"})).unwrap();
}

fn raw(status: u16, code: &str) -> FaultKind {
    FaultKind::Raw { status, body: json!({"error": {"code": code, "message": ""}}).to_string() }
}

#[test]
fn an_event_that_cannot_be_read_is_recorded_and_the_others_go_on() {
    let kinds =
        [raw(500, "InternalServerError"), raw(504, "UnknownError"), raw(400, "BadRequest"), raw(401, "Unauthorized")];
    for kind in kinds {
        for events_delta in [EventsDelta::Minimal, EventsDelta::Full] {
            let mut world = scene(events_delta);
            // Series are always asked for.
            let mut series = outlook_meeting("series", "2026-03-04T09:00:00", "2026-03-04T10:00:00");
            series["recurrence"] = json!({"pattern": {"type": "daily", "interval": 1},
                "range": {"type": "numbered", "startDate": "2026-03-04", "numberOfOccurrences": 3}});
            world.microsoft.user_insert(ACCOUNT, &series).unwrap();
            series["subject"] = json!("other series");
            world.microsoft.user_insert(ACCOUNT, &series).unwrap();
            world.poll();
            world.poll();
            let path = world.path_of("series");
            world.microsoft.plan(Fault::next(kind.clone()).on_method("GET").on_path(&path).times(u32::MAX));
            touch(&world, "series");
            touch(&world, "other series");
            touch(&world, "event 3");
            assert!(matches!(world.poll(), Outcome::Idle(_)), "{kind:?}");
            assert_eq!(
                (&world.titled("other series")["priority"], &world.titled("event 3")["priority"]),
                (&json!(1), &json!(1))
            );
            assert_eq!(world.titled("series")["priority"], json!(null));
            assert_eq!(world.failures(), ["unreadable-event"], "{kind:?}");
            assert!(!world.state().apart, "{kind:?}: one event says nothing of the others");
            // It stays away, and nothing waits for it.
            touch(&world, "event 4");
            assert!(matches!(world.poll(), Outcome::Idle(_)), "{kind:?}");
            assert_eq!(world.titled("event 4")["priority"], 1);
            // It is back, and nobody says so.
            world.microsoft.clear_faults();
            world.poll();
            assert_eq!(world.titled("series")["priority"], 1, "{kind:?} {events_delta:?}");
            assert_eq!(world.failures(), Vec::<String>::new(), "{kind:?}");
            world.rests();
        }
    }
}

#[test]
fn an_event_that_is_asked_for_alone_and_cannot_be_read_does_not_hold_up_the_account() {
    for kind in [raw(500, "InternalServerError"), raw(400, "BadRequest")] {
        let mut world = scene(EventsDelta::Minimal);
        let path = world.path_of("event 3");
        world.microsoft.plan(Fault::next(kind.clone()).on_method("GET").on_path(&path).times(u32::MAX));
        touch(&world, "event 3");
        world.poll();
        world.settle();
        assert_eq!(world.failures(), ["unreadable-event"], "{kind:?}");
        assert!(!world.state().apart, "{kind:?}");
        touch(&world, "event 4");
        assert!(matches!(world.poll(), Outcome::Idle(_)), "{kind:?}");
        assert_eq!(world.titled("event 4")["priority"], 1);
        world.microsoft.clear_faults();
        world.poll();
        assert_eq!(world.titled("event 3")["priority"], 1, "{kind:?}");
        assert_eq!(world.failures(), Vec::<String>::new());
    }
}

#[test]
fn a_service_that_is_away_for_a_while_costs_nothing() {
    for kind in [raw(503, "ServiceUnavailable"), raw(404, "MailboxNotFound")] {
        let mut world = scene(EventsDelta::Minimal);
        for title in ["event 1", "event 2", "event 3"] {
            touch(&world, title);
        }
        world.microsoft.plan(Fault::next(kind.clone()).on_method("GET").on_path("*/events/A*").times(3 * 15));
        world.poll();
        assert_eq!(world.failures(), Vec::<String>::new(), "{kind:?}");
        assert_eq!(world.titled("event 3")["priority"], 1);
    }
}

#[test]
fn a_credential_that_ends_inside_a_batch_is_refreshed_once() {
    let mut world = scene(EventsDelta::Minimal);
    for title in ["event 1", "event 2"] {
        touch(&world, title);
    }
    world.microsoft.plan(Fault::next(FaultKind::Unauthorized).on_method("GET").on_path("*/events/A*"));
    world.clock.advance(2 * 3_600_000);
    assert_eq!(world.step(), Outcome::Again);
    assert_eq!((world.refreshes, world.titled("event 2")["priority"].clone()), (1, json!(1)));
    // Not even a fresh one is accepted: that is no event's fault.
    touch(&world, "event 3");
    world.microsoft.plan(Fault::next(FaultKind::Unauthorized).on_method("GET").on_path("*/events/A*").times(2));
    world.clock.advance(2 * 3_600_000);
    let outcome = world.step();
    assert!(matches!(&outcome, Outcome::Retry { code, .. } if code == "unauthorized"), "{outcome:?}");
    world.settle();
    assert_eq!((world.titled("event 3")["priority"].clone(), world.failures()), (json!(1), Vec::new()));
}
