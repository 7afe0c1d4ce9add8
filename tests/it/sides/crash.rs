//! The plug is pulled after every single effect (a read, a request, a commit) of a piece of work with Microsoft, alone
//! and beside Google; then the process starts again on what was stored. All sides must end equal, and nothing may be
//! there twice (I2, I6, I8, I9).

use serde_json::{Value, json};
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_providers::microsoft::{Config, EventsDelta, RepeatedTransaction};
use tandem_tests::world::{ACCOUNT, Sides, World, google_meeting, meeting};

use super::equal::assert_equal;
use super::{google, outlook, outlook_meeting};

/// Crash points that one piece of work may have; more is a defect of the work, or of this test.
const MOST_EFFECTS: u64 = 2_000;

/// Run a piece of work once for each of its effects, dying right after that effect.
fn pull_the_plug(name: &str, prepare: &dyn Fn() -> World, work: &dyn Fn(&mut World)) -> u64 {
    for last in 0..MOST_EFFECTS {
        let mut world = prepare();
        work(&mut world);
        let start = world.effects;
        world.dies_after = Some(start + last);
        let ended = world.settle_unless_dead();
        world.dies_after = None;
        world.settle().unwrap();
        world.poll().unwrap();
        assert_equal(&mut world, &format!("{name}, died after effect {last}"));
        if ended {
            return last;
        }
    }
    panic!("{name} has more than {MOST_EFFECTS} effects");
}

fn world(sides: Sides, delta: EventsDelta) -> World {
    let rules = |config: Config| Config { events_delta: delta, page_limit: Some(4), shuffle: Some(5), ..config };
    let repeated_transaction = match delta {
        EventsDelta::Full => RepeatedTransaction::Created,
        _ => RepeatedTransaction::Conflict,
    };
    let microsoft = sides.microsoft.map(|config| Config { repeated_transaction, ..rules(config) });
    World::of(Sides { microsoft, ..sides }, ReplicaMode::TwoWay, ConflictPolicy::Newest)
}

fn weekly() -> Value {
    let mut series = meeting("series@app", "weekly", "2026-03-03T09:00:00");
    series["recurrenceRules"] = json!([{"@type": "RecurrenceRule", "frequency": "weekly", "count": 6}]);
    series["recurrenceOverrides"] = json!({
        "2026-03-10T09:00:00": {"start": "2026-03-10T11:00:00"},
        "2026-03-17T09:00:00": {"excluded": true},
        "2026-03-24T09:00:00": {"title": "weekly, special"},
    });
    series
}

/// A meeting on a day of March.
fn in_march(title: &str, day: usize) -> Value {
    outlook_meeting(title, &format!("2026-03-{day:02}T09:00:00"), &format!("2026-03-{day:02}T10:00:00"))
}

/// Events of Outlook's own: single ones, and a series with an exception.
fn fill(world: &World, singles: usize) {
    for n in 0..singles {
        world.microsoft.user_insert(ACCOUNT, &in_march(&format!("own {n}"), 3 + n)).unwrap();
    }
    let mut series = in_march("theirs weekly", 4);
    series["recurrence"] = json!({
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["wednesday"], "firstDayOfWeek": "monday"},
        "range": {"type": "numbered", "startDate": "2026-03-04", "numberOfOccurrences": 4,
                  "recurrenceTimeZone": "W. Europe Standard Time"},
    });
    let id = world.microsoft.user_insert(ACCOUNT, &series).unwrap()["id"].as_str().unwrap().to_owned();
    let all = world.microsoft.occurrences(ACCOUNT, &id, 0, i64::MAX / 4);
    let id = |n: usize| all[n]["id"].as_str().unwrap();
    world.microsoft.user_patch(ACCOUNT, id(1), &json!({"subject": "theirs, special"})).unwrap();
    world.microsoft.user_delete(ACCOUNT, id(2)).unwrap();
}

/// The id at Outlook of the event of that title.
fn id_of(world: &World, title: &str) -> String {
    let all = outlook(world);
    let found = all.iter().find(|event| event["subject"] == title);
    found.unwrap_or_else(|| panic!("no {title}: {all:#?}"))["id"].as_str().unwrap().to_owned()
}

/// Both ways of listing.
const DELTAS: [EventsDelta; 2] = [EventsDelta::Full, EventsDelta::NotImplemented];

/// A piece of work with Microsoft alone, for both ways of listing; `made` is there before.
fn alone(name: &str, least: u64, made: &[Value], work: &dyn Fn(&mut World)) {
    for delta in DELTAS {
        let prepare = || {
            let mut world = world(Sides::microsoft(), delta);
            fill(&world, 3);
            for document in made {
                world.create(document).unwrap();
            }
            world.settle().unwrap();
            world
        };
        let points = pull_the_plug(&format!("{name}, {delta:?}"), &prepare, work);
        assert!(points > least, "{name}: only {points} effects");
    }
}

/// The same with Google beside it.
fn three(name: &str, least: u64, made: &[Value], work: &dyn Fn(&mut World)) {
    let prepare = || {
        let mut world = world(Sides::both(), EventsDelta::Full);
        for document in made {
            world.create(document).unwrap();
        }
        world.settle().unwrap();
        world
    };
    let points = pull_the_plug(name, &prepare, work);
    assert!(points > least, "{name}: only {points} effects");
}

#[test]
fn in_a_first_delta() {
    for delta in DELTAS {
        let prepare = || {
            let world = world(Sides::microsoft(), delta);
            fill(&world, 6);
            world
        };
        let points = pull_the_plug(&format!("first delta, {delta:?}"), &prepare, &|_| {});
        assert!(points > 12, "only {points} effects");
    }
}

#[test]
fn in_an_incremental_delta() {
    alone("incremental delta", 8, &[], &|world| {
        let id = id_of(world, "own 0");
        world.microsoft.user_patch(ACCOUNT, &id, &json!({"subject": "renamed"})).unwrap();
        world.microsoft.user_delete(ACCOUNT, &id_of(world, "own 1")).unwrap();
        for n in 0..6 {
            world.microsoft.user_insert(ACCOUNT, &in_march(&format!("new {n}"), 12 + n)).unwrap();
        }
    });
}

#[test]
fn in_a_create() {
    alone("create", 3, &[], &|world| {
        world.create(&meeting("a@app", "new here", "2026-03-03T14:00:00")).unwrap();
    });
}

#[test]
fn in_the_create_of_a_series_with_exceptions() {
    alone("create series", 12, &[], &|world| {
        world.create(&weekly()).unwrap();
    });
}

#[test]
fn in_an_update() {
    alone("update", 3, &[meeting("a@app", "as it was", "2026-03-03T14:00:00")], &|world| {
        world.patch("a@app", &json!({"title": "as it is", "start": "2026-03-04T10:00:00"})).unwrap();
    });
}

#[test]
fn in_an_update_of_a_series_with_exceptions() {
    alone("update series", 8, &[weekly()], &|world| {
        let overrides = json!({"recurrenceOverrides": {
            "2026-03-10T09:00:00": {"start": "2026-03-10T14:00:00"},
            "2026-03-24T09:00:00": {"excluded": true, "title": null},
            "2026-03-31T09:00:00": {"title": "renamed only"},
        }, "description": "all of them"});
        world.patch("series@app", &overrides).unwrap();
    });
}

#[test]
fn in_a_delete() {
    alone("delete", 3, &[weekly()], &|world| {
        world.delete("series@app").unwrap();
    });
}

#[test]
fn while_both_sides_edit_the_same_event() {
    alone("conflict", 3, &[meeting("a@app", "as it was", "2026-03-03T14:00:00")], &|world| {
        let id = id_of(world, "as it was");
        world.patch("a@app", &json!({"title": "mine", "description": "only mine"})).unwrap();
        world.clock.advance(2_000);
        let theirs = json!({"subject": "theirs", "location": {"displayName": "only theirs"}});
        world.microsoft.user_patch(ACCOUNT, &id, &theirs).unwrap();
    });
}

#[test]
fn while_a_lost_delta_token_is_replaced() {
    alone("lost token", 8, &[], &|world| {
        world.microsoft.user_delete(ACCOUNT, &id_of(world, "own 1")).unwrap();
        world.microsoft.expire_delta_tokens(ACCOUNT);
        world.clock.advance(2 * 3_600_000);
    });
}

#[test]
fn while_a_subscription_is_renewed() {
    alone("renewal", 3, &[], &|world| {
        world.clock.advance(6 * 86_400_000 + 13 * 3_600_000);
    });
}

#[test]
fn in_a_create_that_goes_to_both_providers() {
    three("create on three sides", 6, &[], &|world| {
        world.create(&meeting("a@app", "new here", "2026-03-03T14:00:00")).unwrap();
    });
}

#[test]
fn in_an_edit_at_google_that_goes_to_outlook() {
    three("edit on three sides", 6, &[meeting("a@app", "as it was", "2026-03-03T14:00:00")], &|world| {
        let id = google(world)[0]["id"].as_str().unwrap().to_owned();
        world.google.user_patch(ACCOUNT, &id, &json!({"summary": "renamed", "location": "there"})).unwrap();
        world
            .google
            .user_insert(ACCOUNT, &google_meeting("new there", "2026-03-05T09:00:00", "2026-03-05T10:00:00"))
            .unwrap();
    });
}

#[test]
fn in_a_series_with_an_exception_on_three_sides() {
    three("series on three sides", 12, &[weekly()], &|world| {
        let all = outlook(world);
        let exception = all.iter().find(|event| event["subject"] == "weekly, special").unwrap();
        let id = exception["id"].as_str().unwrap();
        world.microsoft.user_patch(ACCOUNT, id, &json!({"location": {"displayName": "Room 2"}})).unwrap();
        world.patch("series@app", &json!({"description": "all of them"})).unwrap();
    });
}

#[test]
fn in_a_deletion_on_three_sides() {
    let made = [weekly(), meeting("a@app", "single", "2026-03-03T14:00:00")];
    three("deletion on three sides", 6, &made, &|world| {
        world.delete("series@app").unwrap();
        world.microsoft.user_delete(ACCOUNT, &id_of(world, "single")).unwrap();
    });
}
