//! Push channels, and what happens when pushes do not come as they should.

use serde_json::json;
use tandem_engine::sync::Outcome;
use tandem_providers::google::Config;
use tandem_providers::{Fault, FaultKind, PushFault, PushFaults};
use tandem_tests::world::{ACCOUNT, REPLICA, World};

use super::{HOUR_MS, idle, in_step, made_there, share};

/// Requests of the engine by name, in order.
fn requests(world: &World) -> Vec<String> {
    world.google.log().into_iter().map(|line| line.name).collect()
}

#[test]
fn a_channel_is_replaced_a_day_before_its_end_and_never_missing() {
    let mut world = World::new();
    idle(&mut world);
    let first = world.google.channels(ACCOUNT);
    assert_eq!(first.len(), 1);
    // Hour by hour for three weeks.
    for hour in 0..21 * 24 {
        world.clock.advance(HOUR_MS);
        for _ in 0..20 {
            assert!(!world.google.channels(ACCOUNT).is_empty(), "hour {hour}: no channel");
            if world.step().unwrap().outcome != Outcome::Again {
                break;
            }
        }
        world.settle().unwrap();
        let at_google = world.google.channels(ACCOUNT);
        assert_eq!(at_google.len(), 1, "hour {hour}");
        assert!(world.memory.channels.contains_key(&at_google[0]), "hour {hour}");
        assert_eq!(world.memory.channels.len(), 1, "hour {hour}");
        let left = world.memory.channels[&at_google[0]].expires_ms - world.now_ms();
        assert!(left >= 22 * 3_600_000, "hour {hour}: {left} ms left");
    }
    let channel_requests: Vec<String> =
        requests(&world).into_iter().filter(|name| name.contains("watch") || name.contains("stop")).collect();
    assert!(channel_requests.len() >= 5, "{channel_requests:?}");
    for pair in channel_requests[1..].chunks(2) {
        assert_eq!(pair, ["events.watch", "channels.stop"], "the new one is made before the old one is stopped");
    }
    assert_eq!(world.google.counters().requests["events.watch"], 4);
}

#[test]
fn a_channel_that_lives_shortly_is_replaced_half_way() {
    let config = Config { allow_http_webhooks: true, channel_life_ms: HOUR_MS, ..Config::default() };
    let mut world = World::with(
        config,
        tandem_engine::effects::ReplicaMode::TwoWay,
        tandem_engine::effects::ConflictPolicy::Newest,
    );
    idle(&mut world);
    for _ in 0..24 {
        world.clock.advance(HOUR_MS / 4);
        idle(&mut world);
        assert_eq!(world.google.channels(ACCOUNT).len(), 1);
    }
    assert!(world.google.counters().requests["events.watch"] <= 14);
}

#[test]
fn a_calendar_without_push_is_polled() {
    let mut world = World::new();
    world.google.set_pushable(ACCOUNT, false);
    idle(&mut world);
    assert!(world.memory.channels.is_empty() && world.memory.failures.is_empty(), "no push is not a failure");
    for day in 3..8 {
        made_there(&world, &format!("polled {day}"), day);
        world.clock.advance(75_000);
        in_step(&mut world, "after a poll");
    }
}

#[test]
fn an_installation_without_a_public_address_polls() {
    let mut world = World::new();
    world.settings.webhook_url = None;
    idle(&mut world);
    made_there(&world, "polled", 3);
    world.clock.advance(75_000);
    in_step(&mut world, "after a poll");
    assert!(!world.google.counters().requests.contains_key("events.watch"));
}

#[test]
fn a_lost_push_costs_only_time() {
    let mut world = World::new();
    share(&mut world);
    world.google.plan_push(PushFault::Lost);
    made_there(&world, "unannounced", 4);
    idle(&mut world);
    assert!(world.titled("unannounced").is_none());
    world.clock.advance(HOUR_MS * 5 / 4);
    in_step(&mut world, "after the safety poll");
}

#[test]
fn pushes_that_are_lost_late_doubled_or_reordered_change_nothing_in_the_end() {
    for seed in 0..10 {
        let config = Config { seed, allow_http_webhooks: true, ..Config::default() };
        let mut world = World::with(
            config,
            tandem_engine::effects::ReplicaMode::TwoWay,
            tandem_engine::effects::ConflictPolicy::Newest,
        );
        let id = share(&mut world);
        world.google.set_push_faults(PushFaults {
            lost_permille: 200,
            doubled_permille: 200,
            reordered_permille: 200,
            late_permille: 200,
            late_ms: 60_000,
        });
        for n in 0..10 {
            made_there(&world, &format!("event {n}"), 3 + n);
            world.google.user_patch(ACCOUNT, &id, &json!({"summary": format!("edit {n}")})).unwrap();
            idle(&mut world);
        }
        world.google.set_push_faults(PushFaults::default());
        world.clock.advance(HOUR_MS * 5 / 4);
        in_step(&mut world, &format!("seed {seed}"));
    }
}

#[test]
fn a_burst_of_pushes_costs_one_listing() {
    let mut world = World::new();
    share(&mut world);
    for n in 0..25 {
        made_there(&world, &format!("event {n}"), 3 + n);
    }
    world.google.clear_log();
    idle(&mut world);
    let listings = requests(&world).into_iter().filter(|name| name == "events.list").count();
    assert!(listings <= 2, "{listings} listings for one burst");
    in_step(&mut world, "after the burst");
}

#[test]
fn a_push_during_a_listing_causes_one_more() {
    let mut world = World::new();
    world.settings.page_size = 2;
    for day in 1..=6 {
        made_there(&world, &format!("event {day}"), day);
    }
    for _ in 0..3 {
        world.deliver();
        world.step().unwrap();
    }
    made_there(&world, "in between", 10);
    in_step(&mut world, "after the listing");
}

#[test]
fn stopping_leaves_no_channel_behind() {
    let mut world = World::new();
    share(&mut world);
    world.stop_channels(REPLICA).unwrap();
    assert!(world.google.channels(ACCOUNT).is_empty() && world.memory.channels.is_empty());
}

#[test]
fn a_watch_endpoint_that_is_down_does_not_stop_the_sync() {
    let mut world = World::new();
    let down = Fault::next(FaultKind::ServerError(503)).on_path("*/watch").times(1_000);
    world.google.plan(down);
    world.google.generate(ACCOUNT, 12, 5).unwrap();
    for _ in 0..40 {
        match world.step().unwrap().outcome {
            Outcome::Again => {}
            Outcome::Idle(at_ms) | Outcome::Retry { at_ms, .. } => world.clock.set(i64::try_from(at_ms).unwrap()),
            Outcome::Paused(why) => panic!("{why}"),
        }
    }
    assert_eq!(world.local().len(), world.google.live_count(ACCOUNT));
    tandem_tests::agenda::assert_equal(&mut world, "without a channel");
}
