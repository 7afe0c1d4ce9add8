//! Deletions against edits, and against nothing.

use serde_json::json;
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_tests::world::{ACCOUNT, World, meeting};

use super::{idle, in_step, made_there, only_id, quiet, share, world_with};

#[test]
fn an_edit_here_beats_a_deletion_there_and_is_created_again_once() {
    for policy in [ConflictPolicy::Newest, ConflictPolicy::Local, ConflictPolicy::Ask] {
        let mut world = world_with(ReplicaMode::TwoWay, policy);
        let id = share(&mut world);
        world.patch("a@app", &json!({"title": "still needed"})).unwrap();
        world.google.user_delete(ACCOUNT, &id).unwrap();
        in_step(&mut world, &format!("{policy:?}"));
        assert_ne!(only_id(&world), id, "a new id: the old one is burned");
        assert!(world.titled("still needed").is_some());
        assert_eq!(world.memory.conflicts.len(), 1, "{policy:?}");
        quiet(&mut world, "after creating it again");
        assert_eq!(world.google.live_count(ACCOUNT), 1);
    }
}

#[test]
fn a_deletion_there_beats_an_edit_here_when_the_provider_wins() {
    let mut world = world_with(ReplicaMode::TwoWay, ConflictPolicy::Remote);
    let id = share(&mut world);
    world.patch("a@app", &json!({"title": "lost"})).unwrap();
    world.google.user_delete(ACCOUNT, &id).unwrap();
    in_step(&mut world, "deleted");
    assert_eq!(world.local().len(), 0);
    let record = world.memory.conflicts.values().next().unwrap();
    assert!(record.local.as_deref().unwrap().contains("lost"), "the loser is kept in the record");
    quiet(&mut world, "after the deletion");
}

#[test]
fn an_edit_there_beats_a_deletion_here() {
    for policy in [ConflictPolicy::Newest, ConflictPolicy::Remote, ConflictPolicy::Ask] {
        let mut world = world_with(ReplicaMode::TwoWay, policy);
        let id = share(&mut world);
        world.google.user_patch(ACCOUNT, &id, &json!({"summary": "still needed"})).unwrap();
        world.delete("a@app").unwrap();
        in_step(&mut world, &format!("{policy:?}"));
        assert_eq!(only_id(&world), id, "it was never deleted");
        assert!(world.titled("still needed").is_some());
        assert_eq!(world.memory.conflicts.len(), 1);
        quiet(&mut world, "after bringing it back");
    }
}

#[test]
fn a_deletion_here_beats_an_edit_there_when_the_application_wins() {
    let mut world = world_with(ReplicaMode::TwoWay, ConflictPolicy::Local);
    let id = share(&mut world);
    world.google.user_patch(ACCOUNT, &id, &json!({"summary": "lost"})).unwrap();
    world.delete("a@app").unwrap();
    in_step(&mut world, "deleted");
    assert_eq!(world.google.live_count(ACCOUNT), 0);
    let record = world.memory.conflicts.values().next().unwrap();
    assert!(record.remote.as_deref().unwrap().contains("lost"), "the loser is kept in the record");
}

#[test]
fn a_deletion_that_meets_a_silent_edit_is_refused_and_decided_anew() {
    let mut world = World::new();
    let id = share(&mut world);
    world.google.drop_channels();
    world.google.user_patch(ACCOUNT, &id, &json!({"summary": "still needed"})).unwrap();
    world.delete("a@app").unwrap();
    in_step(&mut world, "412, read again");
    assert!(world.titled("still needed").is_some(), "no blind write (I7)");
}

#[test]
fn both_deleted_it() {
    let mut world = World::new();
    let id = share(&mut world);
    world.google.user_delete(ACCOUNT, &id).unwrap();
    world.delete("a@app").unwrap();
    in_step(&mut world, "gone");
    assert!(world.memory.conflicts.is_empty());
    quiet(&mut world, "gone");
}

#[test]
fn an_edit_here_of_what_was_silently_deleted_there_is_created_again() {
    let mut world = World::new();
    let id = share(&mut world);
    world.google.drop_channels();
    world.google.user_delete(ACCOUNT, &id).unwrap();
    world.patch("a@app", &json!({"title": "still needed"})).unwrap();
    in_step(&mut world, "created again");
    assert_ne!(only_id(&world), id);
    quiet(&mut world, "created again");
}

#[test]
fn writes_to_deleted_events_that_google_refuses_come_to_the_same() {
    for patch_deleted in [true, false] {
        let mut world = World::new();
        world.google.configure(|config| config.patch_deleted = patch_deleted);
        let id = share(&mut world);
        world.google.drop_channels();
        world.google.user_delete(ACCOUNT, &id).unwrap();
        world.patch("a@app", &json!({"title": "still needed"})).unwrap();
        in_step(&mut world, "created again");
        assert_eq!(world.google.live_count(ACCOUNT), 1);
    }
}

#[test]
fn an_event_that_comes_and_goes_many_times_uses_a_new_id_each_time() {
    let mut world = World::new();
    idle(&mut world);
    for n in 0..5 {
        world.create(&meeting("a@app", &format!("life {n}"), "2026-03-03T09:00:00")).unwrap();
        in_step(&mut world, "alive");
        assert_eq!(world.google.live_count(ACCOUNT), 1);
        world.delete("a@app").unwrap();
        in_step(&mut world, "dead");
        assert_eq!(world.google.live_count(ACCOUNT), 0);
    }
}

#[test]
fn what_is_revived_at_google_comes_back_here() {
    let mut world = World::new();
    let id = made_there(&world, "phoenix", 3);
    in_step(&mut world, "there");
    world.google.user_delete(ACCOUNT, &id).unwrap();
    in_step(&mut world, "gone");
    world.google.user_patch(ACCOUNT, &id, &json!({"status": "confirmed"})).unwrap();
    in_step(&mut world, "back");
    assert!(world.titled("phoenix").is_some());
}

#[test]
fn a_series_that_is_revived_at_google_comes_back_with_its_exceptions() {
    let mut world = World::new();
    world.google.configure(|config| config.delete_cancels_exceptions = false);
    let series = super::series_there(&world, "phoenixes", 5);
    let [renamed, away] = ["20260303", "20260304"].map(|day| format!("{series}_{day}T080000Z"));
    world.google.user_patch(ACCOUNT, &renamed, &json!({"summary": "the second one"})).unwrap();
    world.google.user_delete(ACCOUNT, &away).unwrap();
    in_step(&mut world, "there");
    let before = super::document(&world, "phoenixes");
    for deleted_here in [false, true] {
        match deleted_here {
            true => drop(world.delete(before["uid"].as_str().unwrap()).unwrap()),
            false => world.google.user_delete(ACCOUNT, &series).unwrap(),
        }
        in_step(&mut world, "gone");
        assert_eq!(world.local().len(), 0);
        // Only the series changed: its exceptions do not come again.
        world.google.user_patch(ACCOUNT, &series, &json!({"status": "confirmed"})).unwrap();
        in_step(&mut world, "back");
        let now = super::document(&world, "phoenixes");
        assert_eq!(now["recurrenceOverrides"], before["recurrenceOverrides"], "deleted here: {deleted_here}");
    }
}

#[test]
fn bare_tombstones_delete_as_well() {
    let mut world = World::new();
    world.google.configure(|config| config.bare_tombstones = true);
    let id = made_there(&world, "single", 3);
    let series = super::series_there(&world, "series", 5);
    in_step(&mut world, "there");
    world.google.user_delete(ACCOUNT, &id).unwrap();
    world.google.user_delete(ACCOUNT, &format!("{series}_20260304T080000Z")).unwrap();
    in_step(&mut world, "one occurrence and a single event");
    world.google.user_delete(ACCOUNT, &series).unwrap();
    in_step(&mut world, "the series");
    assert_eq!(world.local().len(), 0);
}

#[test]
fn a_deletion_made_before_the_answer_of_its_creation_arrives_is_not_undone() {
    let mut world = World::new();
    idle(&mut world);
    world.create(&meeting("a@app", "short-lived", "2026-03-03T09:00:00")).unwrap();
    world.google.plan(
        tandem_providers::Fault::next(tandem_providers::FaultKind::LostAnswer).on_method("POST").on_path("*/events"),
    );
    for _ in 0..5 {
        world.step().unwrap();
    }
    world.delete("a@app").unwrap();
    in_step(&mut world, "deleted on both sides");
    assert_eq!((world.local().len(), world.google.live_count(ACCOUNT)), (0, 0));
}
