//! What must never be written (invariant I16): calendars that the account may only read, and events of Google's own
//! kinds.

use serde_json::json;
use tandem_engine::editing::EditError;
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_providers::google::Role;
use tandem_tests::world::{ACCOUNT, REPLICA, World, google_meeting, meeting};

use super::{codes, idle, in_step, quiet, world_with};

const BOSS: &str = "boss@example.com";

/// A world whose replica is the calendar of somebody else.
fn of_boss(mode: ReplicaMode, role: Role) -> World {
    let mut world = world_with(mode, ConflictPolicy::Newest);
    world.google.add_account(BOSS, "Europe/Berlin");
    world.google.set_role(BOSS, ACCOUNT, Some(role));
    world.memory.replicas.get_mut(REPLICA).unwrap().remote_calendar = BOSS.into();
    world.google.user_insert(BOSS, &google_meeting("theirs", "2026-03-03T09:00:00", "2026-03-03T10:00:00")).unwrap();
    world
}

#[test]
fn edits_of_a_read_only_calendar_are_refused() {
    let mut world = of_boss(ReplicaMode::TwoWay, Role::Reader);
    idle(&mut world);
    let uid = world.titled("theirs").unwrap().0.uid;
    assert_eq!(world.create(&meeting("a@app", "mine", "2026-03-04T09:00:00")), Err(EditError::ReadOnly));
    assert_eq!(world.patch(&uid, &json!({"title": "mine"})), Err(EditError::ReadOnly));
    assert_eq!(world.delete(&uid), Err(EditError::ReadOnly));
    quiet(&mut world, "read-only");
    assert_eq!(world.google.counters().writes, 0);
}

#[test]
fn what_was_made_before_the_first_listing_becomes_a_failure_and_is_kept() {
    let mut world = of_boss(ReplicaMode::TwoWay, Role::Reader);
    world.create(&meeting("a@app", "early", "2026-03-04T09:00:00")).unwrap();
    idle(&mut world);
    assert_eq!(codes(&world), ["read-only-calendar"]);
    assert!(world.titled("early").is_some());
    assert_eq!(world.google.counters().writes, 0);
}

#[test]
fn a_role_that_is_lowered_takes_back_what_was_edited_since() {
    let mut world = of_boss(ReplicaMode::TwoWay, Role::Writer);
    idle(&mut world);
    let uid = world.titled("theirs").unwrap().0.uid;
    world.patch(&uid, &json!({"title": "mine"})).unwrap();
    world.google.set_role(BOSS, ACCOUNT, Some(Role::Reader));
    world.clock.advance(2 * super::HOUR_MS);
    idle(&mut world);
    assert!(world.titled("theirs").is_some() && world.titled("mine").is_none());
    assert_eq!(world.google.counters().writes, 0);
}

#[test]
fn a_busy_only_replica_that_may_not_write_leaves_the_application_alone() {
    let mut world = of_boss(ReplicaMode::BusyOnly, Role::Writer);
    world.create(&meeting("a@app", "SECRET", "2026-03-04T09:00:00")).unwrap();
    idle(&mut world);
    let writes = world.google.counters().writes;
    assert_eq!(writes, 1);
    world.google.set_role(BOSS, ACCOUNT, Some(Role::Reader));
    world.patch("a@app", &json!({"title": "SECRET two", "start": "2026-03-04T11:00:00"})).unwrap();
    world.clock.advance(2 * super::HOUR_MS);
    idle(&mut world);
    assert!(world.titled("SECRET two").is_some(), "the application's event is not replaced by what may be seen");
    let ours = world.google.truth(BOSS).into_iter().find(|event| event["summary"] == "Busy").unwrap();
    world.google.user_patch(BOSS, ours["id"].as_str().unwrap(), &json!({"summary": "theirs now"})).unwrap();
    idle(&mut world);
    assert!(world.titled("SECRET two").is_some());
    assert_eq!(world.google.counters().writes, writes);
    assert_eq!(codes(&world), ["read-only-calendar"]);
}

#[test]
fn a_role_that_shows_no_details_any_more_takes_none_away() {
    let mut world = of_boss(ReplicaMode::TwoWay, Role::Writer);
    idle(&mut world);
    world.google.set_role(BOSS, ACCOUNT, Some(Role::FreeBusyReader));
    let id = world.google.truth(BOSS)[0]["id"].as_str().unwrap().to_owned();
    world.google.user_patch(BOSS, &id, &json!({"summary": "theirs now"})).unwrap();
    world.google.expire_sync_tokens(BOSS);
    for _ in 0..3 {
        world.clock.advance(2 * super::HOUR_MS);
        let _ = world.settle();
        assert!(world.titled("theirs").is_some(), "what is known of it stays");
        assert_eq!(codes(&world), ["only-busy"]);
    }
    world.google.set_role(BOSS, ACCOUNT, Some(Role::Reader));
    world.clock.advance(24 * super::HOUR_MS);
    idle(&mut world);
    assert!(world.titled("theirs now").is_some());
    assert!(codes(&world).is_empty());
    assert_eq!(world.google.counters().writes, 0);
}

#[test]
fn a_free_busy_reader_gets_times_without_titles() {
    let mut world = of_boss(ReplicaMode::Pull, Role::FreeBusyReader);
    idle(&mut world);
    assert_eq!(world.local().len(), 1);
    assert!(world.titled("theirs").is_none());
    assert!(codes(&world).is_empty());
}

#[test]
fn events_of_googles_own_kinds_are_read_and_never_written() {
    for (kind, properties) in [
        ("outOfOffice", json!({"autoDeclineMode": "declineNone"})),
        ("focusTime", json!({"chatStatus": "doNotDisturb"})),
        ("workingLocation", json!({"type": "homeOffice", "homeOffice": {}})),
        ("fromGmail", json!(null)),
        ("birthday", json!(null)),
    ] {
        let mut world = World::new();
        let mut event = google_meeting("special", "2026-03-03T09:00:00", "2026-03-03T10:00:00");
        event["eventType"] = kind.into();
        if !properties.is_null() {
            event[format!("{kind}Properties")] = properties;
        }
        if kind == "birthday" {
            event["start"] = json!({"date": "2026-03-03"});
            event["end"] = json!({"date": "2026-03-04"});
            event["recurrence"] = json!(["RRULE:FREQ=YEARLY"]);
        }
        let id = world.google.user_insert(ACCOUNT, &event).unwrap()["id"].as_str().unwrap().to_owned();
        in_step(&mut world, kind);
        let uid = world.titled("special").unwrap().0.uid;
        world.patch(&uid, &json!({"title": "edited here"})).unwrap();
        in_step(&mut world, &format!("{kind}: an edit is taken back"));
        assert!(world.titled("special").is_some(), "{kind}");
        world.delete(&uid).unwrap();
        in_step(&mut world, &format!("{kind}: a deletion is taken back"));
        world.google.user_patch(ACCOUNT, &id, &json!({"summary": "renamed there"})).unwrap();
        in_step(&mut world, &format!("{kind}: its own changes come"));
        assert!(world.titled("renamed there").is_some(), "{kind}");
        world.google.user_delete(ACCOUNT, &id).unwrap();
        in_step(&mut world, &format!("{kind}: its deletion comes"));
        assert_eq!(world.google.counters().writes, 0, "{kind}");
    }
}
