//! The plug is pulled after every single effect (a read, a request, a commit) of a piece of work; then the process
//! starts again on what was stored. Both sides must end equal, and nothing may be there twice (I2, I6, I8, I9).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_providers::google::Config;
use tandem_tests::agenda::assert_equal;
use tandem_tests::world::{ACCOUNT, World, google_meeting, meeting};

/// Crash points that one piece of work may have; more is a defect of the work, or of this test.
const MOST_EFFECTS: u64 = 2_000;

/// Run a piece of work once for each of its effects, dying right after that effect.
fn pull_the_plug(name: &str, prepare: impl Fn() -> World, work: impl Fn(&mut World)) -> u64 {
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
        assert_eq!(world.google.counters().mails, 0, "{name}, effect {last}: nobody asked for mail");
        if ended {
            return last;
        }
    }
    panic!("{name} has more than {MOST_EFFECTS} effects");
}

fn small_pages() -> World {
    let config = Config { allow_http_webhooks: true, shuffle: Some(5), page_limit: Some(6), ..Config::default() };
    World::with(config, ReplicaMode::TwoWay, ConflictPolicy::Newest)
}

fn synced(events: usize) -> World {
    let mut world = small_pages();
    world.google.generate(ACCOUNT, events, 11).unwrap();
    world.settle().unwrap();
    world
}

fn series() -> Value {
    let mut series = meeting("series@app", "weekly", "2026-03-03T09:00:00");
    series["recurrenceRules"] = json!([{"@type": "RecurrenceRule", "frequency": "weekly", "count": 8}]);
    series["recurrenceOverrides"] = json!({
        "2026-03-10T09:00:00": {"start": "2026-03-10T11:00:00"},
        "2026-03-17T09:00:00": {"excluded": true},
        "2026-03-24T09:00:00": {"title": "weekly, special"},
    });
    series
}

#[test]
fn in_a_first_sync() {
    let points = pull_the_plug(
        "first sync",
        || {
            let world = small_pages();
            world.google.generate(ACCOUNT, 20, 11).unwrap();
            world
        },
        |_| {},
    );
    assert!(points > 20, "only {points} effects");
}

#[test]
fn in_an_incremental_sync() {
    let points = pull_the_plug(
        "incremental sync",
        || synced(12),
        |world| {
            let truth = world.google.truth(ACCOUNT);
            let single = |e: &&Value| e["recurringEventId"].is_null() && e["recurrence"].is_null();
            let ids: Vec<String> = truth.iter().filter(single).map(|e| e["id"].as_str().unwrap().to_owned()).collect();
            world.google.user_patch(ACCOUNT, &ids[0], &json!({"summary": "renamed", "location": "elsewhere"})).unwrap();
            world.google.user_delete(ACCOUNT, &ids[1]).unwrap();
            for n in 0..9 {
                let day = format!("2026-03-{:02}", 10 + n);
                let new = google_meeting(&format!("new {n}"), &format!("{day}T09:00:00"), &format!("{day}T10:00:00"));
                world.google.user_insert(ACCOUNT, &new).unwrap();
            }
        },
    );
    assert!(points > 10, "only {points} effects");
}

#[test]
fn in_a_create() {
    let points = pull_the_plug(
        "create",
        || synced(3),
        |world| {
            world.create(&meeting("a@app", "new here", "2026-03-03T09:00:00")).unwrap();
        },
    );
    assert!(points > 3, "only {points} effects");
}

#[test]
fn in_the_create_of_a_series_with_exceptions() {
    let points = pull_the_plug(
        "create series",
        || synced(3),
        |world| {
            world.create(&series()).unwrap();
        },
    );
    assert!(points > 12, "only {points} effects");
}

#[test]
fn in_an_update() {
    let prepare = || {
        let mut world = synced(3);
        world.create(&meeting("a@app", "as it was", "2026-03-03T09:00:00")).unwrap();
        world.settle().unwrap();
        world
    };
    let points = pull_the_plug("update", prepare, |world| {
        world.patch("a@app", &json!({"title": "as it is", "start": "2026-03-04T10:00:00"})).unwrap();
    });
    assert!(points > 3, "only {points} effects");
}

#[test]
fn in_an_update_of_a_series_with_exceptions() {
    let prepare = || {
        let mut world = synced(2);
        world.create(&series()).unwrap();
        world.settle().unwrap();
        world
    };
    let points = pull_the_plug("update series", prepare, |world| {
        let overrides = json!({"recurrenceOverrides": {
            "2026-03-10T09:00:00": {"start": "2026-03-10T14:00:00"},
            "2026-03-24T09:00:00": {"excluded": true, "title": null},
            "2026-03-31T09:00:00": {"title": "moved in title only"},
        }, "description": "all of them"});
        world.patch("series@app", &overrides).unwrap();
    });
    assert!(points > 10, "only {points} effects");
}

#[test]
fn in_a_delete() {
    let prepare = || {
        let mut world = synced(3);
        world.create(&series()).unwrap();
        world.settle().unwrap();
        world
    };
    let points = pull_the_plug("delete", prepare, |world| {
        world.delete("series@app").unwrap();
    });
    assert!(points > 3, "only {points} effects");
}

#[test]
fn while_both_sides_edit_the_same_event() {
    let prepare = || {
        let mut world = synced(2);
        world.create(&meeting("a@app", "as it was", "2026-03-03T09:00:00")).unwrap();
        world.settle().unwrap();
        world
    };
    pull_the_plug("conflict", prepare, |world| {
        let truth = world.google.truth(ACCOUNT);
        let id = truth.iter().find(|e| e["summary"] == "as it was").unwrap()["id"].as_str().unwrap().to_owned();
        world.patch("a@app", &json!({"title": "mine", "description": "only mine"})).unwrap();
        world.clock.advance(2_000);
        world.google.user_patch(ACCOUNT, &id, &json!({"summary": "theirs", "location": "only theirs"})).unwrap();
    });
}

#[test]
fn while_a_lost_cursor_is_replaced() {
    pull_the_plug(
        "lost cursor",
        || synced(12),
        |world| {
            let truth = world.google.truth(ACCOUNT);
            let single = truth.iter().find(|e| e["recurringEventId"].is_null()).unwrap();
            world.google.user_delete(ACCOUNT, single["id"].as_str().unwrap()).unwrap();
            world.google.expire_sync_tokens(ACCOUNT);
            world.clock.advance(2 * 3_600_000);
        },
    );
}

#[test]
fn while_a_channel_is_renewed() {
    pull_the_plug("channel renewal", || synced(2), |world| world.clock.advance(6 * 86_400_000 + 3_600_000));
}
