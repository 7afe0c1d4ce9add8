//! Who wins a conflict, and deciding it by hand.

use serde_json::{Value, json};
use tandem_engine::conflicts::{Choice, ResolveError};
use tandem_engine::effects::{ConflictPolicy, ConflictRow, ConflictWinner, ReplicaMode};
use tandem_tests::world::{ACCOUNT, World};

use super::{document, in_step, quiet, share, world_with};

/// Both sides rename the shared event; `later` says who did it last.
fn clash(policy: ConflictPolicy, later: &str) -> World {
    let mut world = world_with(ReplicaMode::TwoWay, policy);
    let id = share(&mut world);
    world.clock.advance(1_000);
    let there = |world: &World| {
        drop(world.google.user_patch(ACCOUNT, &id, &json!({"summary": "theirs", "location": "there"})).unwrap())
    };
    let here =
        |world: &mut World| drop(world.patch("a@app", &json!({"title": "mine", "description": "here"})).unwrap());
    if later == "local" {
        there(&world);
        world.clock.advance(1_000);
        here(&mut world);
    } else {
        here(&mut world);
        world.clock.advance(1_000);
        there(&world);
    }
    in_step(&mut world, &format!("{policy:?}, {later} later"));
    world
}

fn conflict(world: &World) -> ConflictRow {
    assert_eq!(world.memory.conflicts.len(), 1);
    world.memory.conflicts.values().next().unwrap().clone()
}

fn title(text: Option<&String>) -> Value {
    text.map_or(Value::Null, |text| serde_json::from_str::<Value>(text).unwrap()["title"].clone())
}

fn resolve(world: &mut World, id: &str, choice: Choice) -> Result<(), ResolveError> {
    world.resolve(id, choice, "ada")
}

#[test]
fn the_policy_decides_the_property_and_the_loser_is_kept() {
    use ConflictPolicy::{Ask, Local, Newest, Remote};
    for (policy, later, wins) in [
        (Newest, "local", "mine"),
        (Newest, "remote", "theirs"),
        (Local, "remote", "mine"),
        (Remote, "local", "theirs"),
        (Ask, "remote", "mine"),
    ] {
        let mut world = clash(policy, later);
        let outcome = document(&world, wins);
        assert_eq!(outcome["description"], "here", "{policy:?}: what only one side changed stands");
        assert_eq!(outcome["locations"]["1"]["name"], "there", "{policy:?}");
        let record = conflict(&world);
        assert_eq!(record.paths, ["/title"], "{policy:?}");
        assert_eq!(title(record.base.as_ref()), "shared");
        assert_eq!(title(record.local.as_ref()), "mine");
        assert_eq!(title(record.remote.as_ref()), "theirs");
        assert_eq!(title(record.outcome.as_ref()), wins);
        assert_eq!(record.winner == ConflictWinner::Local, wins == "mine", "{policy:?}");
        assert_eq!((record.open, record.decided_by.is_empty()), (policy == Ask, policy == Ask));
        quiet(&mut world, "after a conflict");
        assert_eq!(world.memory.conflicts.len(), 1, "{policy:?}: recorded once");
    }
}

#[test]
fn an_open_conflict_can_be_kept_as_it_is() {
    let mut world = clash(ConflictPolicy::Ask, "remote");
    let id = conflict(&world).id;
    let writes = world.google.counters().writes;
    resolve(&mut world, &id, Choice::KeepOutcome).unwrap();
    in_step(&mut world, "kept");
    let record = conflict(&world);
    assert_eq!((record.open, record.decided_by.as_str()), (false, "ada"));
    assert_eq!(world.google.counters().writes, writes, "nothing to write");
    assert!(world.titled("mine").is_some());
}

#[test]
fn a_decision_can_be_undone_and_done_again() {
    let mut world = clash(ConflictPolicy::Newest, "remote");
    let id = conflict(&world).id;
    for (choice, title) in [(Choice::UseLocal, "mine"), (Choice::UseRemote, "theirs"), (Choice::UseLocal, "mine")] {
        world.clock.advance(1_000);
        resolve(&mut world, &id, choice).unwrap();
        in_step(&mut world, title);
        assert!(world.titled(title).is_some(), "{choice:?}");
        assert_eq!(conflict(&world).decided_by, "ada");
    }
    assert_eq!(world.memory.conflicts.len(), 1, "deciding makes no new conflict");
    quiet(&mut world, "after deciding");
}

#[test]
fn a_conflict_whose_event_moved_on_is_not_decided_over_it() {
    let mut world = clash(ConflictPolicy::Newest, "remote");
    let id = conflict(&world).id;
    world.patch("a@app", &json!({"title": "newer than all"})).unwrap();
    assert_eq!(resolve(&mut world, &id, Choice::UseLocal), Err(ResolveError::Stale));
    assert_eq!(resolve(&mut world, "no such", Choice::UseLocal), Err(ResolveError::NotFound));
    in_step(&mut world, "nothing was changed");
    assert!(world.titled("newer than all").is_some());
}

#[test]
fn a_deletion_that_lost_can_be_carried_out_after_all() {
    let mut world = world_with(ReplicaMode::TwoWay, ConflictPolicy::Newest);
    let id = share(&mut world);
    world.google.user_patch(ACCOUNT, &id, &json!({"summary": "still needed"})).unwrap();
    world.delete("a@app").unwrap();
    in_step(&mut world, "the edit won");
    let record = conflict(&world);
    assert_eq!((record.local.as_ref(), title(record.outcome.as_ref())), (None, json!("still needed")));
    resolve(&mut world, &record.id, Choice::UseLocal).unwrap();
    in_step(&mut world, "the deletion is carried out");
    assert_eq!((world.local().len(), world.google.live_count(ACCOUNT)), (0, 0));
    resolve(&mut world, &record.id, Choice::UseRemote).unwrap();
    in_step(&mut world, "and taken back");
    assert!(world.titled("still needed").is_some());
    assert_eq!(world.google.live_count(ACCOUNT), 1);
}
