//! Edits of one occurrence, of it and all later ones, and of the whole series.

use serde_json::{Value, json};
use tandem_engine::editing::{Action, Applied, Edit, EditError, Scope};
use tandem_tests::agenda::local;
use tandem_tests::world::{World, edit_of, meeting};

use super::{document, in_step, quiet};

const UID: &str = "s@app";

/// A daily series of ten at nine in Berlin, over the change to summer time.
fn series() -> World {
    let mut world = World::new();
    world.settle().unwrap();
    let mut series = meeting(UID, "series", "2026-03-25T09:00:00");
    series["recurrenceRules"] = json!([{"frequency": "daily", "count": 10}]);
    world.create(&series).unwrap();
    in_step(&mut world, "the series");
    world
}

fn edit(world: &mut World, scope: Scope, recurrence_id: &str, action: Action) {
    let edit = Edit { recurrence_id: Some(recurrence_id.into()), scope, ..edit_of(Some(UID), action) };
    world.edit(&edit).unwrap();
}

/// The same, with everything that the application is told.
fn apply(world: &mut World, edit: &Edit) -> Result<Applied, EditError> {
    world.apply(edit)
}

fn patch(value: &Value) -> Action {
    Action::Patch(value.to_string())
}

/// How many occurrences have each title.
fn count(world: &mut World, title: &str) -> u32 {
    local(world).into_iter().filter(|(one, _)| one.2 == title).map(|(_, times)| times).sum()
}

#[test]
fn this_changes_one_occurrence() {
    let mut world = series();
    edit(&mut world, Scope::This, "2026-03-27T09:00:00", patch(&json!({"title": "one"})));
    in_step(&mut world, "renamed");
    edit(
        &mut world,
        Scope::This,
        "2026-03-30T09:00:00",
        patch(&json!({"start": "2026-03-30T20:00:00", "duration": "PT3H"})),
    );
    in_step(&mut world, "moved");
    edit(&mut world, Scope::This, "2026-03-30T09:00:00", patch(&json!({"title": "moved one"})));
    in_step(&mut world, "renamed under its original start");
    edit(&mut world, Scope::This, "2026-04-01T09:00:00", Action::Delete);
    in_step(&mut world, "deleted");
    assert_eq!((count(&mut world, "series"), count(&mut world, "one"), count(&mut world, "moved one")), (7, 1, 1));
    assert_eq!(world.local().len(), 1, "still one event");
    quiet(&mut world, "this");
}

#[test]
fn this_taken_back_leaves_no_override() {
    let mut world = series();
    edit(&mut world, Scope::This, "2026-03-27T09:00:00", patch(&json!({"title": "one"})));
    in_step(&mut world, "renamed");
    edit(&mut world, Scope::This, "2026-03-27T09:00:00", patch(&json!({"title": "series"})));
    in_step(&mut world, "named back");
    assert!(document(&world, "series")["recurrenceOverrides"].is_null());
}

#[test]
fn this_and_following_splits_the_series() {
    let mut world = series();
    edit(&mut world, Scope::This, "2026-03-26T09:00:00", patch(&json!({"title": "early one"})));
    edit(&mut world, Scope::This, "2026-04-01T09:00:00", patch(&json!({"title": "late one"})));
    in_step(&mut world, "two exceptions");
    edit(
        &mut world,
        Scope::ThisAndFollowing,
        "2026-03-29T09:00:00",
        patch(&json!({"title": "later", "duration": "PT30M"})),
    );
    in_step(&mut world, "split");
    assert_eq!(world.local().len(), 2);
    assert_eq!((count(&mut world, "series"), count(&mut world, "early one")), (3, 1));
    assert_eq!((count(&mut world, "later"), count(&mut world, "late one")), (5, 1), "exceptions go with their part");
    quiet(&mut world, "a split");
}

#[test]
fn this_and_following_can_move_the_rest() {
    let mut world = series();
    edit(&mut world, Scope::ThisAndFollowing, "2026-03-30T09:00:00", patch(&json!({"start": "2026-03-30T16:00:00"})));
    in_step(&mut world, "moved");
    assert_eq!(count(&mut world, "series"), 10);
}

/// UNTIL names the last moment of a cut series: it goes with the times, whichever way they move.
#[test]
fn a_series_that_was_cut_keeps_its_occurrences_when_it_moves() {
    for start in ["2026-03-25T21:00:00", "2026-03-25T06:00:00", "2026-03-27T09:00:00"] {
        let mut world = World::new();
        world.settle().unwrap();
        let mut series = meeting(UID, "series", "2026-03-25T09:00:00");
        series["recurrenceRules"] = json!([{"frequency": "daily"}]);
        world.create(&series).unwrap();
        edit(&mut world, Scope::ThisAndFollowing, "2026-03-30T09:00:00", Action::Delete);
        in_step(&mut world, "cut");
        edit(&mut world, Scope::All, "2026-03-25T09:00:00", patch(&json!({"start": start})));
        in_step(&mut world, "moved");
        assert_eq!(count(&mut world, "series"), 5, "moved to {start}");
        let until = "2026-03-29T12:00:00";
        let rules = json!([{"frequency": "daily", "until": until}]);
        let again = json!({"start": "2026-03-25T08:00:00", "recurrenceRules": rules});
        edit(&mut world, Scope::All, "2026-03-25T09:00:00", patch(&again));
        in_step(&mut world, "moved with an end of its own");
        assert_eq!(document(&world, "series")["recurrenceRules"][0]["until"], until);
    }
}

#[test]
fn this_and_following_deleted_ends_the_series() {
    let mut world = series();
    edit(&mut world, Scope::ThisAndFollowing, "2026-03-30T09:00:00", Action::Delete);
    in_step(&mut world, "ended");
    assert_eq!((count(&mut world, "series"), world.local().len()), (5, 1));
}

#[test]
fn this_and_following_from_the_first_is_all() {
    let mut world = series();
    edit(&mut world, Scope::ThisAndFollowing, "2026-03-25T09:00:00", patch(&json!({"title": "all of it"})));
    in_step(&mut world, "renamed");
    assert_eq!((count(&mut world, "all of it"), world.local().len()), (10, 1));
    edit(&mut world, Scope::ThisAndFollowing, "2026-03-25T09:00:00", Action::Delete);
    in_step(&mut world, "deleted");
    assert_eq!(world.local().len(), 0);
}

#[test]
fn all_changes_the_series_and_keeps_its_exceptions() {
    let mut world = series();
    edit(&mut world, Scope::This, "2026-03-27T09:00:00", patch(&json!({"title": "one"})));
    in_step(&mut world, "an exception");
    edit(
        &mut world,
        Scope::All,
        "2026-03-27T09:00:00",
        patch(&json!({"title": "renamed", "locations": {"1": {"name": "Room"}}})),
    );
    in_step(&mut world, "renamed");
    assert_eq!((count(&mut world, "renamed"), count(&mut world, "one")), (9, 1));
    edit(
        &mut world,
        Scope::All,
        "2026-03-27T09:00:00",
        patch(&json!({"recurrenceRules": [{"frequency": "daily", "count": 4}]})),
    );
    in_step(&mut world, "shorter");
    edit(&mut world, Scope::All, "2026-03-27T09:00:00", Action::Delete);
    in_step(&mut world, "deleted");
    assert_eq!(world.local().len(), 0);
}

#[test]
fn an_occurrence_and_its_series_edited_on_different_sides_both_stand() {
    let mut world = series();
    let id = super::only_id(&world);
    world.google.user_patch(tandem_tests::world::ACCOUNT, &id, &json!({"location": "Room 5"})).unwrap();
    edit(&mut world, Scope::This, "2026-03-27T09:00:00", patch(&json!({"title": "one"})));
    in_step(&mut world, "both");
    assert_eq!(count(&mut world, "one"), 1);
    assert!(world.memory.conflicts.is_empty());
}

#[test]
fn the_same_occurrence_edited_on_both_sides_is_one_conflict() {
    let mut world = series();
    let id = super::only_id(&world);
    world.clock.advance(1_000);
    edit(&mut world, Scope::This, "2026-03-27T09:00:00", patch(&json!({"title": "mine"})));
    world.clock.advance(1_000);
    let instance = format!("{id}_20260327T080000Z");
    world.google.user_patch(tandem_tests::world::ACCOUNT, &instance, &json!({"summary": "theirs"})).unwrap();
    in_step(&mut world, "conflict");
    assert_eq!(count(&mut world, "theirs"), 1);
    let record = world.memory.conflicts.values().next().unwrap();
    assert_eq!(record.paths, ["/recurrenceOverrides/2026-03-27T09:00:00/title"]);
}

#[test]
fn a_changed_rule_keeps_what_still_fits_and_reports_the_rest() {
    let mut world = series();
    edit(&mut world, Scope::This, "2026-03-27T09:00:00", patch(&json!({"title": "early"})));
    edit(&mut world, Scope::This, "2026-04-02T09:00:00", patch(&json!({"title": "late"})));
    in_step(&mut world, "two exceptions");
    let shorter = edit_of(Some(UID), patch(&json!({"recurrenceRules": [{"frequency": "daily", "count": 5}]})));
    let applied = apply(&mut world, &shorter).unwrap();
    let dropped: Vec<(&str, &str)> =
        applied.dropped.iter().map(|dropped| (dropped.recurrence_id.as_str(), dropped.patch.as_str())).collect();
    assert_eq!(dropped, [("2026-04-02T09:00:00", r#"{"title":"late"}"#)]);
    in_step(&mut world, "shorter");
    assert_eq!((count(&mut world, "series"), count(&mut world, "early"), count(&mut world, "late")), (4, 1, 0));
    // The same for what follows an occurrence.
    let later = Edit {
        recurrence_id: Some("2026-03-26T09:00:00".into()),
        scope: Scope::ThisAndFollowing,
        ..edit_of(Some(UID), patch(&json!({"start": "2026-03-26T11:00:00"})))
    };
    let applied = apply(&mut world, &later).unwrap();
    assert_eq!(applied.dropped.len(), 1);
    assert_eq!(applied.dropped[0].recurrence_id, "2026-03-27T09:00:00");
    in_step(&mut world, "moved");
}

#[test]
fn an_edit_applied_twice_is_applied_once() {
    let at = Some("2026-03-29T09:00:00".to_owned());
    let changes = [
        patch(&json!({"title": "x"})),
        patch(&json!({"start": "2026-03-29T12:00:00"})),
        patch(&json!({"duration": "PT2H", "locations": {"1": {"name": "Room"}}})),
        Action::Delete,
    ];
    for scope in [Scope::This, Scope::ThisAndFollowing, Scope::All] {
        for action in &changes {
            let mut world = series();
            let edit = Edit { recurrence_id: at.clone(), scope, ..edit_of(Some(UID), action.clone()) };
            apply(&mut world, &edit).unwrap();
            let (once, queue) = (world.memory.events.clone(), world.memory.queue.clone());
            let again = apply(&mut world, &edit);
            assert_eq!(world.memory.events, once, "{scope:?} {action:?}: {again:?}");
            assert_eq!(world.memory.queue, queue, "{scope:?} {action:?}");
            in_step(&mut world, "twice");
            let _ = apply(&mut world, &edit);
            in_step(&mut world, "a third time");
            assert_eq!(world.memory.events, once, "{scope:?} {action:?}");
        }
    }
}

#[test]
fn an_edit_that_changes_nothing_writes_nothing() {
    let mut world = series();
    let (revision, writes) = (world.local()[0].revision, world.google.counters().writes);
    edit(&mut world, Scope::All, "2026-03-27T09:00:00", patch(&json!({"title": "series", "duration": "PT60M"})));
    edit(&mut world, Scope::This, "2026-03-27T09:00:00", patch(&json!({"title": "series"})));
    assert_eq!(world.local()[0].revision, revision);
    assert!(world.memory.queue.is_empty());
    in_step(&mut world, "nothing");
    assert_eq!(world.google.counters().writes, writes);
}

#[test]
fn a_series_cannot_begin_at_a_time_that_the_clock_skips() {
    let mut world = World::new();
    let mut series = meeting(UID, "series", "2026-03-25T02:30:00");
    series["recurrenceRules"] = json!([{"frequency": "daily", "count": 10}]);
    world.create(&series).unwrap();
    in_step(&mut world, "the series");
    let split = |at: &str| Edit {
        recurrence_id: Some(at.into()),
        scope: Scope::ThisAndFollowing,
        ..edit_of(Some(UID), patch(&json!({"title": "later"})))
    };
    let EditError::Invalid(why) = apply(&mut world, &split("2026-03-29T02:30:00")).unwrap_err() else { panic!() };
    assert_eq!((why[0].code, why[0].pointer.as_str()), ("cannot-split", "/recurrenceId"));
    apply(&mut world, &split("2026-03-30T02:30:00")).unwrap();
    in_step(&mut world, "a day later");
}
