//! The process dies after any single effect: afterwards both sides are as if it had not, and nothing is there twice.

use serde_json::{Value, json};
use tandem_engine::editing::Action;
use tandem_engine::sync::Outcome;
use tandem_providers::microsoft::{Config, EventsDelta, RepeatedTransaction};

use crate::world::{ACCOUNT, World, meeting, outlook_meeting};

/// A calendar in step, and then changes on both sides.
fn scene(config: Config) -> World {
    let mut world = World::new(config).with_push();
    world.create(&meeting("a", "a", "2026-03-04T09:00:00"));
    world.create(&meeting("b", "b", "2026-03-05T09:00:00"));
    let mut series = meeting("s", "s", "2026-03-04T15:00:00");
    series["recurrenceRules"] = json!([{"@type": "RecurrenceRule", "frequency": "daily", "count": 5}]);
    world.create(&series);
    let there = |subject: &str| outlook_meeting(subject, "2026-03-06T09:00:00", "2026-03-06T10:00:00");
    let c = world.microsoft.user_insert(ACCOUNT, &there("c")).unwrap()["id"].as_str().unwrap().to_owned();
    let d = world.microsoft.user_insert(ACCOUNT, &there("d")).unwrap()["id"].as_str().unwrap().to_owned();
    world.settle();
    world.create(&meeting("new", "new", "2026-03-09T09:00:00"));
    world.patch("a", &json!({"title": "a, changed"}));
    world.edit(Some("b"), None, Action::Delete);
    world.edit(Some("s"), Some("2026-03-05T15:00:00"), Action::Delete);
    world.edit(Some("s"), Some("2026-03-06T15:00:00"), Action::Patch(json!({"title": "s, other"}).to_string()));
    world.microsoft.user_insert(ACCOUNT, &there("e")).unwrap();
    world.microsoft.user_patch(ACCOUNT, &c, &json!({"subject": "c, changed"})).unwrap();
    world.microsoft.user_delete(ACCOUNT, &d).unwrap();
    world
}

/// What is to be compared: titles and overrides here, subjects there.
fn picture(world: &World) -> (Vec<Value>, Vec<String>) {
    let mut local: Vec<Value> = world
        .local()
        .iter()
        .map(|event| json!([event["title"], event["start"], event["recurrenceOverrides"]]))
        .collect();
    local.sort_by_key(Value::to_string);
    let mut remote: Vec<String> = Vec::new();
    for event in world.remote() {
        let id = event["id"].as_str().unwrap();
        remote.push(event["subject"].as_str().unwrap().to_owned());
        let occurrences = world.microsoft.occurrences(ACCOUNT, id, 1_772_400_000_000, 1_773_700_000_000);
        remote.extend(occurrences.iter().map(|one| format!("{} {}", one["subject"], one["start"]["dateTime"])));
    }
    remote.sort();
    (local, remote)
}

#[test]
fn every_effect_can_be_the_last() {
    let windowed = Config { events_delta: EventsDelta::NotImplemented, ..Config::default() };
    let conflict = RepeatedTransaction::Conflict;
    let minimal = Config { events_delta: EventsDelta::Minimal, repeated_transaction: conflict, ..Config::default() };
    let apart = Config { occurrence_properties: false, ..Config::default() };
    for config in [Config::default(), windowed, minimal, apart] {
        let mut undisturbed = scene(config.clone());
        undisturbed.poll();
        let expected = picture(&undisturbed);
        assert!(expected.0.len() == 5 && undisturbed.failures().is_empty(), "{expected:#?}");
        for effects in 0.. {
            let mut world = scene(config.clone());
            world.clock.advance(2 * 3_600_000);
            world.left = Some(effects);
            let died = loop {
                match world.try_step() {
                    Err(_) => break true,
                    Ok(Outcome::Idle(_)) => break false,
                    Ok(Outcome::Retry { .. }) => break world.left == Some(0),
                    Ok(_) => {}
                }
            };
            world.left = None;
            world.poll();
            world.poll();
            assert_eq!(picture(&world), expected, "after {effects} effects: {:#?}", world.microsoft.log());
            assert!(world.memory.conflicts.is_empty(), "after {effects} effects");
            if !died {
                assert!(effects > 30, "{effects}");
                break;
            }
        }
    }
}
