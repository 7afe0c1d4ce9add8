//! Two-way sync with the simulated Google, engine only.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::json;
use tandem_engine::sync::Outcome;
use tandem_providers::{Fault, FaultKind};
use tandem_tests::agenda::assert_equal;
use tandem_tests::world::{ACCOUNT, World, google_meeting, meeting};

#[test]
fn a_first_sync_brings_everything() {
    let mut world = World::new();
    world.google.generate(ACCOUNT, 600, 7).unwrap();
    assert!(matches!(world.settle().unwrap(), Outcome::Idle(_)));
    assert_eq!(world.local().len(), world.google.live_count(ACCOUNT));
    assert_equal(&mut world, "after the first sync");
    assert_eq!(world.google.counters().writes, 0, "a pull writes nothing");
    assert!(world.memory.failures.is_empty(), "{:?}", world.memory.failures.values().next());
}

#[test]
fn edits_travel_both_ways_without_an_echo() {
    let mut world = World::new();
    world.settle().unwrap();
    world.create(&meeting("a@app", "from the app", "2026-03-03T09:00:00")).unwrap();
    let made = world
        .google
        .user_insert(ACCOUNT, &google_meeting("from Google", "2026-03-04T09:00:00", "2026-03-04T10:00:00"))
        .unwrap();
    world.settle().unwrap();
    assert_equal(&mut world, "after creations");
    let (row, _) = world.titled("from Google").unwrap();
    world.patch(&row.uid, &json!({"title": "renamed here", "start": "2026-03-04T11:00:00"})).unwrap();
    world.settle().unwrap();
    assert_equal(&mut world, "after a local edit");
    world.google.user_patch(ACCOUNT, made["id"].as_str().unwrap(), &json!({"location": "Room 1"})).unwrap();
    world.settle().unwrap();
    assert_equal(&mut world, "after a remote edit");
    world.delete("a@app").unwrap();
    world.google.user_delete(ACCOUNT, made["id"].as_str().unwrap()).unwrap();
    world.settle().unwrap();
    assert_equal(&mut world, "after deletions");
    assert_eq!(world.local().len(), 0);
    let writes = world.google.counters().writes;
    for _ in 0..3 {
        world.poll().unwrap();
    }
    assert_eq!(world.google.counters().writes, writes, "no echo");
    assert_eq!(world.google.counters().mails, 0);
    assert!(world.memory.conflicts.is_empty() && world.memory.failures.is_empty());
}

#[test]
fn both_sides_edit_the_same_property_and_the_loser_is_recorded() {
    let mut world = World::new();
    world.settle().unwrap();
    world.create(&meeting("a@app", "start", "2026-03-03T09:00:00")).unwrap();
    world.settle().unwrap();
    let id = world.google.truth(ACCOUNT)[0]["id"].as_str().unwrap().to_owned();
    world.clock.advance(1_000);
    world.patch("a@app", &json!({"title": "mine", "description": "only mine"})).unwrap();
    world.clock.advance(1_000);
    world.google.user_patch(ACCOUNT, &id, &json!({"summary": "theirs", "location": "only theirs"})).unwrap();
    world.settle().unwrap();
    assert_equal(&mut world, "after the conflict");
    let (_, document) = world.titled("theirs").unwrap();
    assert_eq!(document["description"], "only mine");
    let conflict = world.memory.conflicts.values().next().unwrap();
    assert_eq!(conflict.paths, ["/title"]);
    assert!(conflict.local.as_deref().unwrap().contains("mine"));
}

#[test]
fn a_lost_answer_creates_nothing_twice() {
    let mut world = World::new();
    world.settle().unwrap();
    world.google.plan(Fault::next(FaultKind::LostAnswer).on_method("POST").on_path("*/events"));
    world.create(&meeting("a@app", "once", "2026-03-03T09:00:00")).unwrap();
    world.settle().unwrap();
    assert_equal(&mut world, "after a lost answer");
    assert_eq!(world.google.live_count(ACCOUNT), 1);
}

#[test]
fn a_lost_cursor_lists_again_and_sweeps_what_is_gone() {
    let mut world = World::new();
    world.google.generate(ACCOUNT, 40, 3).unwrap();
    world.settle().unwrap();
    let id = world.google.truth(ACCOUNT).into_iter().find(|e| e["recurringEventId"].is_null()).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    world.google.drop_channels();
    world.google.user_delete(ACCOUNT, &id).unwrap();
    world.google.expire_sync_tokens(ACCOUNT);
    world.poll().unwrap();
    assert_equal(&mut world, "after a lost cursor");
}

#[test]
fn exceptions_arrive_in_the_right_override_in_any_order() {
    for shuffle in 0..20 {
        let config =
            tandem_providers::google::Config { shuffle: Some(shuffle), page_limit: Some(3), ..Default::default() };
        let mut world = World::with(
            config,
            tandem_engine::effects::ReplicaMode::TwoWay,
            tandem_engine::effects::ConflictPolicy::Newest,
        );
        world.google.generate(ACCOUNT, 25, 100 + shuffle).unwrap();
        world.settle().unwrap();
        assert_equal(&mut world, &format!("shuffle {shuffle}"));
    }
}
