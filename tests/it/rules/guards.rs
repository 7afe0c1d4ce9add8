//! The mass-delete guard (invariant I13) and the loop breaker (I21).

use serde_json::json;
use tandem_engine::effects::{FailureKind, Health};
use tandem_engine::sync::Outcome;
use tandem_tests::agenda::assert_equal;
use tandem_tests::world::{ACCOUNT, REPLICA, World, meeting};

use super::{codes, idle, in_step, made_there, quiet, share};

/// Twelve events here and there; then so many are removed at Google, unnoticed, and the cursor is lost.
fn removed_unnoticed(count: usize) -> World {
    let mut world = World::new();
    let ids: Vec<String> = (1..=12).map(|day| made_there(&world, &format!("event {day}"), day)).collect();
    in_step(&mut world, "at the beginning");
    world.google.drop_channels();
    for id in ids.iter().take(count) {
        world.google.user_delete(ACCOUNT, id).unwrap();
    }
    world.google.expire_sync_tokens(ACCOUNT);
    world.clock.advance(2 * super::HOUR_MS);
    world
}

fn answer(world: &mut World, accept: bool) {
    world.answer_guard(REPLICA, accept).unwrap();
}

#[test]
fn a_listing_that_empties_the_calendar_asks_and_removes_nothing_meanwhile() {
    for count in [12, 11] {
        let mut world = removed_unnoticed(count);
        assert!(matches!(world.settle().unwrap(), Outcome::Paused(_)), "{count} of 12");
        assert_eq!(world.local().len(), 12);
        assert_eq!(world.memory.failures.values().next().unwrap().kind, FailureKind::Guard);
        assert_eq!(world.memory.updates[REPLICA].health, Health::Paused);
        world.clock.advance(24 * super::HOUR_MS);
        assert!(matches!(world.settle().unwrap(), Outcome::Paused(_)), "it waits for an answer");
        assert_eq!(world.local().len(), 12);
    }
}

#[test]
fn a_listing_that_removes_a_few_does_not_ask() {
    let mut world = removed_unnoticed(10);
    in_step(&mut world, "after the sweep");
    assert_eq!(world.local().len(), 2);
}

#[test]
fn the_guard_accepted_follows_the_deletions() {
    let mut world = removed_unnoticed(12);
    world.settle().unwrap();
    answer(&mut world, true);
    in_step(&mut world, "after accepting");
    assert_eq!(world.local().len(), 0);
    quiet(&mut world, "after accepting");
}

#[test]
fn the_guard_refused_creates_everything_again_once() {
    let mut world = removed_unnoticed(12);
    world.settle().unwrap();
    answer(&mut world, false);
    in_step(&mut world, "after refusing");
    assert_eq!((world.local().len(), world.google.live_count(ACCOUNT)), (12, 12));
    quiet(&mut world, "after refusing");
}

#[test]
fn an_edit_made_while_the_guard_asks_survives_either_answer() {
    for accept in [true, false] {
        let mut world = removed_unnoticed(12);
        world.settle().unwrap();
        let (row, _) = world.titled("event 3").unwrap();
        world.patch(&row.uid, &json!({"description": "still needed"})).unwrap();
        answer(&mut world, accept);
        in_step(&mut world, "after the answer");
        assert_eq!(super::document(&world, "event 3")["description"], "still needed");
        assert_eq!(world.local().len(), if accept { 1 } else { 12 });
    }
}

#[test]
fn an_event_written_too_often_is_parked_with_its_reason_and_written_later() {
    let mut world = World::new();
    share(&mut world);
    for n in 0..15 {
        world.clock.advance(1_000);
        world.patch("a@app", &json!({"title": format!("edit {n}")})).unwrap();
        idle(&mut world);
    }
    assert_eq!(codes(&world), ["write-loop"]);
    let writes = world.google.counters().writes;
    assert_eq!(writes, 10, "ten writes in ten minutes");
    world.create(&meeting("b@app", "another", "2026-03-04T09:00:00")).unwrap();
    idle(&mut world);
    assert_eq!(world.google.counters().writes, writes + 1, "other events go on");
    world.clock.advance(600_000);
    in_step(&mut world, "ten minutes later");
    assert!(world.titled("edit 14").is_some());
}

#[test]
fn two_programs_that_undo_each_other_are_slowed_down() {
    let mut world = World::new();
    let id = share(&mut world);
    for _ in 0..40 {
        world.clock.advance(5_000);
        world.google.user_patch(ACCOUNT, &id, &json!({"summary": "robot there"})).unwrap();
        idle(&mut world);
        world.clock.advance(5_000);
        world.patch("a@app", &json!({"title": "robot here"})).unwrap();
        idle(&mut world);
    }
    let writes = world.google.counters().writes;
    assert!(writes <= 11, "{writes} writes in under seven minutes");
    world.clock.advance(600_000);
    idle(&mut world);
    assert_equal(&mut world, "when the robots rest");
}
