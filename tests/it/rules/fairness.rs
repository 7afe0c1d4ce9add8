//! One bad thing does not stop the good ones, and one calendar under two replicas stays one calendar.

use serde_json::json;
use tandem_engine::effects::Replica;
use tandem_engine::sync::Outcome;
use tandem_providers::{Fault, FaultKind};
use tandem_tests::agenda::assert_equal;
use tandem_tests::world::{ACCOUNT, REPLICA, World, meeting};

use super::idle;

/// Steps of a replica; waiting is skipped.
fn steps(world: &mut World, replica: &str, count: u32) {
    for _ in 0..count {
        match world.step_of(replica).unwrap().outcome {
            Outcome::Again => {}
            Outcome::Retry { at_ms, .. } => world.clock.set(i64::try_from(at_ms).unwrap()),
            Outcome::Idle(_) => return,
            Outcome::Paused(why) => panic!("{why}"),
        }
    }
}

#[test]
fn an_event_that_always_fails_does_not_block_the_others() {
    let mut world = World::new();
    idle(&mut world);
    world.create(&meeting("a@app", "first in the queue", "2026-03-03T09:00:00")).unwrap();
    idle(&mut world);
    let id = world.google.truth(ACCOUNT)[0]["id"].as_str().unwrap().to_owned();
    world
        .google
        .plan(Fault::next(FaultKind::ServerError(500)).on_method("PATCH").on_path(&format!("*/{id}")).times(1_000));
    world.patch("a@app", &json!({"title": "never arrives"})).unwrap();
    world.create(&meeting("b@app", "behind it", "2026-03-04T09:00:00")).unwrap();
    steps(&mut world, REPLICA, 60);
    assert_eq!(world.google.live_count(ACCOUNT), 2, "the other one arrived");
    assert!(world.memory.failures.values().any(|f| f.uid.as_deref() == Some("a@app")), "and people are told");
    world.google.clear_faults();
    world.poll().unwrap();
    assert_equal(&mut world, "once the provider is well");
    assert!(world.memory.failures.is_empty(), "{:?}", world.memory.failures);
}

#[test]
fn a_watch_that_is_refused_for_an_hour_does_not_stop_the_sync() {
    let mut world = World::new();
    world.google.plan(Fault::next(FaultKind::QuotaExceeded).on_path("*/watch").times(1_000));
    world.google.generate(ACCOUNT, 12, 5).unwrap();
    steps(&mut world, REPLICA, 20);
    assert_eq!(world.local().len(), world.google.live_count(ACCOUNT));
}

#[test]
fn two_replicas_of_one_remote_calendar_share_its_events() {
    let mut world = World::new();
    world.settings.webhook_url = None;
    let first = world.memory.replicas[REPLICA].clone();
    world.memory.replicas.insert("twin".into(), Replica { id: "twin".into(), ..first });
    world.create(&meeting("a@app", "made here", "2026-03-03T09:00:00")).unwrap();
    world.google.generate(ACCOUNT, 6, 9).unwrap();
    let there = world.google.live_count(ACCOUNT);
    for _ in 0..6 {
        for replica in [REPLICA, "twin"] {
            steps(&mut world, replica, 50);
        }
        world.clock.advance(120_000);
    }
    assert_eq!(world.google.live_count(ACCOUNT), there + 1);
    assert_eq!(world.local().len(), there + 1);
    assert!(world.memory.queue.is_empty(), "{:?}", world.memory.queue);
}

#[test]
fn a_replica_with_a_new_id_finds_its_events_again() {
    let mut world = World::new();
    idle(&mut world);
    world.create(&meeting("a@app", "made here", "2026-03-03T09:00:00")).unwrap();
    idle(&mut world);
    let old = world.memory.replicas.remove(REPLICA).unwrap();
    world.memory.shadows.clear();
    world.memory.channels.clear();
    let new = Replica { id: "other".into(), state: String::new(), revision: 0, ..old };
    world.memory.replicas.insert("other".into(), new);
    steps(&mut world, "other", 50);
    assert_eq!(world.local().len(), 1);
    assert_eq!(world.google.live_count(ACCOUNT), 1);
    assert_eq!(world.memory.shadows.len(), 1);
}

#[test]
fn reminders_that_were_removed_do_not_ring() {
    let mut world = World::new();
    idle(&mut world);
    let mut event = meeting("a@app", "rings", "2026-03-03T09:00:00");
    event["alerts"] = json!({"1": {"@type": "Alert", "trigger": {"@type": "OffsetTrigger", "offset": "-PT10M"}}});
    world.create(&event).unwrap();
    idle(&mut world);
    let reminders = |world: &World| world.google.truth(ACCOUNT)[0]["reminders"].clone();
    assert_eq!(reminders(&world)["overrides"][0]["minutes"], 10);
    world.patch("a@app", &json!({"alerts": null})).unwrap();
    idle(&mut world);
    assert!(reminders(&world)["overrides"].as_array().is_none_or(Vec::is_empty), "{}", reminders(&world));
    world.patch("a@app", &event).unwrap();
    idle(&mut world);
    world.patch("a@app", &json!({"alerts": null, "useDefaultAlerts": true})).unwrap();
    idle(&mut world);
    assert_eq!(reminders(&world)["useDefault"], true);
    assert!(world.memory.failures.is_empty(), "{:?}", world.memory.failures);
}

#[test]
fn an_application_may_choose_its_own_keys() {
    let mut world = World::new();
    idle(&mut world);
    let mut event = meeting("a@app", "own keys", "2026-03-03T09:00:00");
    event["locations"] = json!({"room": {"@type": "Location", "name": "Room 1"}});
    event["participants"] = json!({
        "grace": {"@type": "Participant", "email": "grace@example.com", "roles": {"attendee": true}},
    });
    world.create(&event).unwrap();
    idle(&mut world);
    world.patch("a@app", &json!({"locations": {"room": {"name": "Room 2"}}})).unwrap();
    idle(&mut world);
    let there = world.google.truth(ACCOUNT)[0].clone();
    assert_eq!(there["location"], "Room 2");
    world.google.user_patch(ACCOUNT, there["id"].as_str().unwrap(), &json!({"location": "Room 3"})).unwrap();
    idle(&mut world);
    let (_, document) = world.titled("own keys").unwrap();
    assert_eq!(document["locations"]["room"]["name"], "Room 3", "{document}");
    world.patch("a@app", &json!({"participants": {"grace": null}})).unwrap();
    idle(&mut world);
    assert!(world.google.truth(ACCOUNT)[0]["attendees"].as_array().is_none_or(Vec::is_empty));
    assert_eq!(world.google.counters().mails, 0);
}
