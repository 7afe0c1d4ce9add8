//! Writes without an answer, or with one that says nothing: whether they were applied or not, nobody's edit is lost, undone or repeated.

use serde_json::{Value, json};
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_providers::{Fault, FaultKind};
use tandem_tests::world::{ACCOUNT, World, meeting};

use super::{idle, in_step, only_id, quiet, share, world_with};

/// Applied and not.
const ENDS: [FaultKind; 3] = [FaultKind::LostAnswer, FaultKind::ServerErrorAfterApplying(500), FaultKind::LostRequest];

/// Work until a write has gone out, whose answer does not come.
fn without_answer(world: &mut World, kind: &FaultKind, method: &str) {
    world.google.plan(Fault::next(kind.clone()).on_method(method));
    let before = world.sent.iter().filter(|sent| sent.method == method).count();
    for _ in 0..20 {
        let _ = world.step();
        if world.sent.iter().filter(|sent| sent.method == method).count() > before {
            return;
        }
    }
    panic!("nothing was written");
}

/// The same when none of the requests can be on its way any more: until then what was sent and is not wanted is remembered.
fn in_step_at_last(world: &mut World, when: &str) {
    idle(world);
    world.clock.advance(120_000);
    in_step(world, when);
}

/// A series of four days in the application and at Google, with these overrides.
fn with_series(overrides: &Value) -> World {
    let mut world = World::new();
    world.settle().unwrap();
    let mut series = meeting("a@app", "series", "2026-03-03T09:00:00");
    series["recurrenceRules"] = json!([{"@type": "RecurrenceRule", "frequency": "daily", "count": 4}]);
    series["recurrenceOverrides"] = overrides.clone();
    world.create(&series).unwrap();
    idle(&mut world);
    world
}

/// Google's "not found".
fn not_found() -> Fault {
    let body = json!({"error": {"code": 404, "errors": [{"domain": "global", "reason": "notFound"}]}}).to_string();
    Fault::next(FaultKind::Raw { status: 404, body })
}

fn at_google(world: &World, id: &str) -> Value {
    world.google.event(ACCOUNT, id).unwrap()
}

#[test]
fn an_edit_that_is_taken_back_stays_taken_back() {
    for kind in ENDS {
        for webhook_first in [false, true] {
            let mut world = World::new();
            let id = share(&mut world);
            world.patch("a@app", &json!({"title": "not this"})).unwrap();
            without_answer(&mut world, &kind, "PATCH");
            if webhook_first {
                world.deliver();
            }
            world.patch("a@app", &json!({"title": "shared"})).unwrap();
            idle(&mut world);
            assert_eq!(at_google(&world, &id)["summary"], "shared", "at once: {kind:?}");
            in_step_at_last(&mut world, &format!("{kind:?}"));
            assert_eq!(at_google(&world, &id)["summary"], "shared", "{kind:?}");
            assert!(world.titled("shared").is_some(), "{kind:?}");
            assert_eq!(world.memory.conflicts.len(), 0, "nobody else edited: {kind:?}");
            quiet(&mut world, "after that");
            // What was sent is forgotten: the same edit by somebody at Google is theirs.
            world.google.user_patch(ACCOUNT, &id, &json!({"summary": "not this"})).unwrap();
            in_step(&mut world, &format!("{kind:?}, theirs"));
            assert!(world.titled("not this").is_some(), "{kind:?}");
        }
    }
}

#[test]
fn a_request_that_arrives_after_its_edit_was_taken_back_brings_nothing() {
    for deleted in [false, true] {
        let mut world = World::new();
        let id = share(&mut world);
        match deleted {
            true => drop(world.delete("a@app").unwrap()),
            false => drop(world.patch("a@app", &json!({"title": "not this"})).unwrap()),
        }
        without_answer(&mut world, &FaultKind::LostRequest, if deleted { "DELETE" } else { "PATCH" });
        match deleted {
            true => drop(world.create(&meeting("a@app", "shared", "2026-03-03T09:00:00")).unwrap()),
            false => drop(world.patch("a@app", &json!({"title": "shared"})).unwrap()),
        }
        idle(&mut world);
        assert_eq!(at_google(&world, &id)["summary"], "shared");
        world.clock.advance(60_000);
        match deleted {
            true => world.google.user_delete(ACCOUNT, &id).unwrap(),
            false => drop(world.google.user_patch(ACCOUNT, &id, &json!({"summary": "not this"})).unwrap()),
        }
        in_step_at_last(&mut world, "it was on its way for a minute");
        assert!(world.titled("shared").is_some(), "deleted: {deleted}");
        assert_eq!(world.memory.conflicts.len(), 0, "nobody else edited");
        quiet(&mut world, "after that");
    }
}

#[test]
fn an_edit_of_an_occurrence_that_is_taken_back_stays_taken_back() {
    for kind in ENDS {
        let mut world = with_series(&json!({}));
        let id = only_id(&world);
        let renamed = json!({"2026-03-05T09:00:00": {"title": "not this"}});
        world.patch("a@app", &json!({"recurrenceOverrides": renamed})).unwrap();
        without_answer(&mut world, &kind, "PATCH");
        world.patch("a@app", &json!({"recurrenceOverrides": null})).unwrap();
        in_step_at_last(&mut world, &format!("{kind:?}"));
        let shown: Vec<Value> = world.google.truth(ACCOUNT);
        assert!(shown.iter().all(|row| row["summary"] == "series"), "{kind:?}, {id}: {shown:?}");
        assert_eq!(world.memory.conflicts.len(), 0, "{kind:?}");
        quiet(&mut world, "after that");
    }
}

#[test]
fn what_is_put_into_a_set_and_taken_out_again_stays_out() {
    let guest = json!({"email": "guest@example.com", "roles": {"attendee": true}});
    let hall = json!({"@type": "Location", "name": "hall 17"});
    for (kind, (set, item, word)) in ENDS
        .iter()
        .flat_map(|kind| [(kind, ("participants", &guest, "guest@")), (kind, ("locations", &hall, "hall 17"))])
    {
        for of_series in [true, false] {
            let case = format!("{kind:?}, {set}, of the series: {of_series}");
            let mut world = with_series(&json!({}));
            let put = |item: &Value| match of_series {
                true => json!({set: {"a": item}}),
                false => json!({"recurrenceOverrides": {"2026-03-05T09:00:00": {set: {"a": item}}}}),
            };
            let says = |world: &World| {
                let rows = world.google.truth(ACCOUNT);
                rows.iter().any(|row| format!("{}{}", row["attendees"], row["location"]).contains(word))
            };
            world.patch("a@app", &put(item)).unwrap();
            without_answer(&mut world, kind, "PATCH");
            assert_eq!(says(&world), *kind != FaultKind::LostRequest, "{case}");
            world.patch("a@app", &put(&Value::Null)).unwrap();
            in_step_at_last(&mut world, &case);
            assert!(!says(&world), "{case}: {:?}", world.google.truth(ACCOUNT));
            assert_eq!(world.memory.conflicts.len(), 0, "{case}");
            quiet(&mut world, &case);
        }
    }
}

#[test]
fn a_guest_who_comes_to_an_occurrence_meanwhile_stays() {
    for kind in ENDS {
        let mut world = with_series(&json!({"2026-03-05T09:00:00": {"title": "another"}}));
        let rows = world.google.truth(ACCOUNT);
        let row = rows.iter().find(|row| row["recurringEventId"].is_string()).unwrap();
        world.patch("a@app", &json!({"title": "renamed"})).unwrap();
        without_answer(&mut world, &kind, "PATCH");
        let guest = json!([{"email": "guest@example.com"}]);
        world.google.user_patch(ACCOUNT, row["id"].as_str().unwrap(), &json!({"attendees": guest})).unwrap();
        in_step(&mut world, &format!("{kind:?}"));
        let (_, document) = world.titled("renamed").unwrap();
        assert!(document["recurrenceOverrides"].to_string().contains("guest@example.com"), "{kind:?}: {document}");
        let shown = format!("{:?}", world.google.truth(ACCOUNT));
        assert!(shown.contains("guest@example.com"), "{kind:?}: {shown}");
    }
}

#[test]
fn what_was_written_here_since_is_no_clash_with_what_was_sent() {
    for kind in ENDS {
        let mut world = world_with(ReplicaMode::TwoWay, ConflictPolicy::Newest);
        let id = share(&mut world);
        world.patch("a@app", &json!({"title": "first"})).unwrap();
        without_answer(&mut world, &kind, "PATCH");
        world.patch("a@app", &json!({"title": "second"})).unwrap();
        world.clock.advance(60_000);
        world.google.user_patch(ACCOUNT, &id, &json!({"description": "theirs"})).unwrap();
        in_step(&mut world, &format!("{kind:?}"));
        let (_, document) = world.titled("second").unwrap();
        assert_eq!(document["description"], "theirs", "{kind:?}");
        assert_eq!(world.memory.conflicts.len(), 0, "{kind:?}");
    }
}

#[test]
fn what_was_removed_here_since_does_not_come_back() {
    for kind in ENDS {
        let mut world = World::new();
        let id = share(&mut world);
        world.patch("a@app", &json!({"description": "for a moment"})).unwrap();
        without_answer(&mut world, &kind, "PATCH");
        world.patch("a@app", &json!({"description": null, "title": "mine"})).unwrap();
        world.google.user_patch(ACCOUNT, &id, &json!({"location": "theirs"})).unwrap();
        in_step(&mut world, &format!("{kind:?}"));
        let (_, document) = world.titled("mine").unwrap();
        assert_eq!(document.get("description"), None, "{kind:?}");
        assert_eq!(at_google(&world, &id)["location"], "theirs", "{kind:?}");
        assert_eq!(world.memory.conflicts.len(), 0, "{kind:?}");
    }
}

#[test]
fn somebody_else_may_add_to_what_was_written() {
    for kind in ENDS {
        let mut world = World::new();
        let id = share(&mut world);
        world.patch("a@app", &json!({"title": "mine"})).unwrap();
        without_answer(&mut world, &kind, "PATCH");
        let guest = json!([{"email": "guest@example.com"}]);
        world.google.user_patch(ACCOUNT, &id, &json!({"attendees": guest})).unwrap();
        in_step(&mut world, &format!("{kind:?}"));
        let (_, document) = world.titled("mine").unwrap();
        assert!(document["participants"].to_string().contains("guest@example.com"), "{kind:?}: {document}");
        assert!(at_google(&world, &id)["attendees"].to_string().contains("guest@example.com"), "{kind:?}");
    }
}

#[test]
fn what_somebody_takes_away_from_a_creation_stays_away() {
    for kind in [FaultKind::LostAnswer, FaultKind::ServerErrorAfterApplying(500)] {
        let mut world = World::new();
        world.settle().unwrap();
        let mut event = meeting("a@app", "made", "2026-03-03T09:00:00");
        event["description"] = json!("too much");
        world.create(&event).unwrap();
        without_answer(&mut world, &kind, "POST");
        let id = only_id(&world);
        world.google.user_patch(ACCOUNT, &id, &json!({"description": ""})).unwrap();
        in_step(&mut world, &format!("{kind:?}"));
        let (_, document) = world.titled("made").unwrap();
        assert_eq!(document.get("description"), None, "{kind:?}: {document}");
        assert_eq!(only_id(&world), id);
        assert_eq!(world.memory.conflicts.len(), 0, "{kind:?}");
    }
}

/// Every request about that event is answered with "not found", so many times.
fn hide(world: &World, method: &str, times: u32) {
    world.google.plan(not_found().on_method(method).on_path("*/events/*").times(times));
}

#[test]
fn an_event_that_is_not_shown_for_a_while_is_not_deleted() {
    for times in 1..=3 {
        let mut world = World::new();
        share(&mut world);
        hide(&world, "DELETE", times);
        hide(&world, "GET", times);
        world.delete("a@app").unwrap();
        in_step(&mut world, &format!("deleted, hidden {times} times"));
        assert_eq!(world.google.live_count(ACCOUNT), 0, "the deletion arrives in the end");

        let mut world = World::new();
        let id = share(&mut world);
        hide(&world, "PATCH", times);
        hide(&world, "GET", times);
        world.patch("a@app", &json!({"title": "mine"})).unwrap();
        in_step(&mut world, &format!("edited, hidden {times} times"));
        assert_eq!(only_id(&world), id, "nothing is made again");
        assert_eq!(world.google.live_count(ACCOUNT), 1);
        assert!(world.titled("mine").is_some());
        quiet(&mut world, "after that");
    }
}

#[test]
fn what_somebody_deletes_before_it_was_seen_is_made_again_with_a_record() {
    for kind in [FaultKind::LostAnswer, FaultKind::ServerErrorAfterApplying(500)] {
        for title in ["made", "made and edited"] {
            let mut world = World::new();
            world.settle().unwrap();
            world.create(&meeting("a@app", "made", "2026-03-03T09:00:00")).unwrap();
            without_answer(&mut world, &kind, "POST");
            world.google.user_delete(ACCOUNT, &only_id(&world)).unwrap();
            world.patch("a@app", &json!({"title": title})).unwrap();
            in_step(&mut world, &format!("{kind:?}, {title}"));
            assert_eq!(world.google.live_count(ACCOUNT), 1, "{kind:?}");
            assert!(world.titled(title).is_some(), "{kind:?}");
            let record = world.memory.conflicts.values().next().unwrap();
            assert!(record.remote.is_none() && record.outcome.as_deref().unwrap().contains(title), "{record:?}");
            quiet(&mut world, "after that");
        }
    }
}

#[test]
fn an_id_that_was_used_before_is_no_deletion_by_somebody() {
    let mut world = World::new();
    let id = share(&mut world);
    world.google.user_delete(ACCOUNT, &id).unwrap();
    in_step(&mut world, "deleted");
    // The same event once more, and its creation is not answered, nor applied.
    world.create(&meeting("a@app", "shared", "2026-03-03T09:00:00")).unwrap();
    without_answer(&mut world, &FaultKind::LostRequest, "POST");
    in_step(&mut world, "made again");
    assert_eq!(world.google.live_count(ACCOUNT), 1);
    assert!(world.titled("shared").is_some());
    assert_eq!(world.memory.conflicts.len(), 0);
}

#[test]
fn an_exception_like_its_series_keeps_no_title_that_the_series_gave_up() {
    for kind in ENDS {
        let mut world = with_series(&json!({}));
        let renamed = json!({"2026-03-05T09:00:00": {"title": "not this"}});
        world.patch("a@app", &json!({"recurrenceOverrides": renamed})).unwrap();
        idle(&mut world);
        world.patch("a@app", &json!({"recurrenceOverrides": null})).unwrap();
        idle(&mut world);
        world.patch("a@app", &json!({"title": "renamed"})).unwrap();
        without_answer(&mut world, &kind, "PATCH");
        in_step(&mut world, &format!("{kind:?}"));
        let shown: Vec<Value> = world.google.truth(ACCOUNT);
        assert!(shown.iter().all(|row| row["summary"] == "renamed"), "{kind:?}: {shown:?}");
        let (_, document) = world.titled("renamed").unwrap();
        assert_eq!(document.get("recurrenceOverrides"), None, "{kind:?}: {document}");
        quiet(&mut world, "after that");
    }
}

#[test]
fn exceptions_that_are_hidden_with_their_calendar_are_not_lost() {
    let mut world = with_series(&json!({"2026-03-05T09:00:00": {"title": "another"}}));
    let rows = world.google.truth(ACCOUNT);
    let id = rows.iter().find_map(|row| row["recurringEventId"].as_str()).unwrap().to_owned();
    let mut hits = 0;
    for (listings, place) in [(2, "Hall"), (0, "Room")] {
        world.google.user_patch(ACCOUNT, &id, &json!({"location": place})).unwrap();
        hide(&world, "GET", 1);
        let hidden = not_found().on_method("GET").on_path("*/events");
        world.google.plan(hidden.after(1).times(listings));
        in_step(&mut world, "hidden for a moment");
        hits += 1 + u64::from(listings);
        assert_eq!(world.google.with_faults(|faults| faults.hits()), hits, "all of it was asked for");
    }
    let (_, document) = world.titled("series").unwrap();
    assert_eq!(document["recurrenceOverrides"]["2026-03-05T09:00:00"]["title"], "another", "{document}");
    quiet(&mut world, "after that");
}
