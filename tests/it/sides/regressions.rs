//! What went wrong in other people's synchronisation with Graph, each as a test of its name.

use serde_json::json;
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_providers::microsoft::{Config, EventsDelta, RepeatedTransaction};
use tandem_providers::{Fault, FaultKind, PushFault};
use tandem_tests::world::{ACCOUNT, Sides, World, meeting};

use super::equal::assert_equal;
use super::{idle, outlook, outlook_meeting, quiet};

/// All ways of listing.
const DELTAS: [EventsDelta; 3] = [EventsDelta::Full, EventsDelta::Minimal, EventsDelta::NotImplemented];

/// Microsoft alone, with rules of its own; at rest.
fn with(rules: impl Fn(Config) -> Config) -> World {
    let sides = Sides { microsoft: Sides::microsoft().microsoft.map(rules), ..Sides::default() };
    let mut world = World::of(sides, ReplicaMode::TwoWay, ConflictPolicy::Newest);
    idle(&mut world);
    world
}

/// Somebody makes that many meetings in Outlook, one a day.
fn insert(world: &World, name: &str, count: usize) {
    for n in 0..count {
        let (start, end) = (format!("2026-03-{:02}T09:00:00", 3 + n), format!("2026-03-{:02}T10:00:00", 3 + n));
        world.microsoft.user_insert(ACCOUNT, &outlook_meeting(&format!("{name} {n}"), &start, &end)).unwrap();
    }
}

fn posts(world: &World) -> usize {
    world.sent.iter().filter(|sent| sent.method == "POST" && sent.url.ends_with("/events")).count()
}

#[test]
fn a_create_that_timed_out_after_it_was_applied() {
    for events_delta in DELTAS {
        for repeated_transaction in
            [RepeatedTransaction::Created, RepeatedTransaction::Ok, RepeatedTransaction::Conflict]
        {
            let mut world = with(|config| Config { events_delta, repeated_transaction, ..config });
            let fault = Fault::next(FaultKind::LostAnswer).on_method("POST").on_path("*/events");
            world.microsoft.plan(fault);
            world.create(&meeting("a@app", "once", "2026-03-03T09:00:00")).unwrap();
            idle(&mut world);
            assert_eq!(outlook(&world).len(), 1, "{events_delta:?}, {repeated_transaction:?}");
            assert!(posts(&world) >= 1);
            assert_equal(&mut world, &format!("{events_delta:?}, {repeated_transaction:?}"));
            quiet(&mut world);
        }
    }
}

#[test]
fn an_empty_delta_page_with_a_new_token() {
    for events_delta in DELTAS {
        let mut world = with(|config| Config { events_delta, empty_first_page: true, ..config });
        insert(&world, "first", 3);
        idle(&mut world);
        assert_eq!(world.local().len(), 3, "{events_delta:?}");
        // Nothing happened: the page is empty, and its token is the one to go on with.
        for _ in 0..3 {
            world.poll().unwrap();
        }
        assert_eq!(world.local().len(), 3, "an empty page deletes nothing");
        world.microsoft.drop_subscriptions(false);
        insert(&world, "second", 2);
        world.poll().unwrap();
        assert_eq!(world.local().len(), 5, "{events_delta:?}");
        assert_equal(&mut world, "after empty pages");
        quiet(&mut world);
    }
}

#[test]
fn a_delta_whose_second_page_fails() {
    for events_delta in DELTAS {
        for kind in [FaultKind::ServerError(503), FaultKind::LostAnswer, FaultKind::Truncated] {
            let mut world = with(|config| Config { events_delta, page_limit: Some(2), ..config });
            for round in ["first", "second"] {
                world.microsoft.plan(Fault::next(kind.clone()).on_method("GET").on_path("*/delta").after(1));
                insert(&world, round, 5);
                idle(&mut world);
                let hit = world.microsoft.with_faults(|faults| faults.hits()) == if round == "first" { 1 } else { 2 };
                assert!(hit, "the fault did not hit: {events_delta:?}, {kind:?}, {round}");
                assert_equal(&mut world, &format!("{events_delta:?}, {kind:?}, {round}"));
            }
            assert_eq!(world.local().len(), 10);
            quiet(&mut world);
        }
    }
}

#[test]
fn a_subscription_lost_while_changes_happen() {
    for events_delta in DELTAS {
        for told in [false, true] {
            let mut world = with(|config| Config { events_delta, ..config });
            insert(&world, "before", 2);
            idle(&mut world);
            world.microsoft.drop_subscriptions(told);
            let id = outlook(&world)[0]["id"].as_str().unwrap().to_owned();
            world.microsoft.user_delete(ACCOUNT, &id).unwrap();
            insert(&world, "meanwhile", 3);
            world.poll().unwrap();
            assert_equal(&mut world, &format!("{events_delta:?}, told {told}"));
            // Until it would have ended by itself it is there again.
            world.clock.advance(7 * 86_400_000);
            idle(&mut world);
            let subscriptions = world.microsoft.subscriptions(ACCOUNT);
            assert_eq!((subscriptions.len(), world.memory.channels.len()), (1, 1), "{events_delta:?}, told {told}");
            insert(&world, "after", 1);
            idle(&mut world);
            assert_equal(&mut world, "after the new subscription");
        }
    }
}

#[test]
fn a_series_split_in_outlook_whose_first_half_is_deleted() {
    for events_delta in DELTAS {
        for number in 0..12 {
            let mut world =
                with(|config| Config { events_delta, page_limit: Some(1), shuffle: Some(number), ..config });
            let mut series = meeting(&format!("s{number}@app"), "series", "2026-03-03T09:00:00");
            series["recurrenceRules"] = json!([{"frequency": "daily", "count": 6}]);
            world.create(&series).unwrap();
            idle(&mut world);
            let first = outlook(&world)[0]["id"].as_str().unwrap().to_owned();
            let occurrences = world.microsoft.occurrences(ACCOUNT, &first, 0, i64::MAX / 4);
            let third = occurrences[2]["id"].as_str().unwrap();
            world.microsoft.user_split(ACCOUNT, third, &json!({})).unwrap();
            world.microsoft.user_delete(ACCOUNT, &first).unwrap();
            idle(&mut world);
            let what = format!("{events_delta:?}, number {number}");
            assert_eq!((world.local().len(), outlook(&world).len()), (1, 1), "{what}");
            assert_eq!(world.memory.conflicts.len(), 0, "{what}");
            assert_equal(&mut world, &what);
            quiet(&mut world);
        }
    }
}

#[test]
fn a_doubled_webhook_batch() {
    for events_delta in DELTAS {
        let mut world = with(|config| Config { events_delta, ..config });
        for _ in 0..3 {
            world.microsoft.plan_push(PushFault::Doubled);
        }
        let before = world.notified.len();
        insert(&world, "told twice", 3);
        idle(&mut world);
        let statuses = world.notified.get(before..).unwrap();
        assert!(statuses.len() > 1 && statuses.iter().all(|status| *status == 202), "{statuses:?}");
        assert_equal(&mut world, &format!("{events_delta:?}"));
        quiet(&mut world);
    }
}

#[test]
fn a_moved_window() {
    let mut world = with(|config| Config { events_delta: EventsDelta::NotImplemented, ..config });
    let at = |title: &str, day: &str| outlook_meeting(title, &format!("{day}T09:00:00"), &format!("{day}T10:00:00"));
    // 170 days back: in the window now, behind it later. 560 days ahead: in it only later.
    world.microsoft.user_insert(ACCOUNT, &at("long ago", "2025-09-13")).unwrap();
    world.microsoft.user_insert(ACCOUNT, &at("now", "2026-03-20")).unwrap();
    world.microsoft.user_insert(ACCOUNT, &at("far ahead", "2027-09-13")).unwrap();
    idle(&mut world);
    let titles = |world: &World| super::titles(world)[1].clone();
    assert_eq!(titles(&world), ["long ago", "now"]);
    let writes = world.microsoft.counters().writes;
    for _ in 0..40 {
        world.clock.advance(86_400_000);
        idle(&mut world);
    }
    assert_eq!(titles(&world), ["far ahead", "long ago", "now"], "nothing is lost, and what comes in is seen");
    assert_eq!(world.microsoft.counters().writes, writes, "nothing is written for it");
    // What is behind the window is still the same event on both sides.
    let (row, _) = world.titled("long ago").unwrap();
    world.patch(&row.uid, &json!({"title": "long ago, renamed"})).unwrap();
    idle(&mut world);
    assert_eq!(super::titles(&world)[1], super::titles(&world)[2]);
    quiet(&mut world);
}

#[test]
fn an_occurrence_deleted_without_a_row() {
    for events_delta in DELTAS {
        for occurrence_properties in [true, false] {
            let mut world = with(|config| Config { events_delta, occurrence_properties, ..config });
            let mut series = outlook_meeting("series", "2026-03-25T09:00:00", "2026-03-25T10:00:00");
            series["recurrence"] = json!({
                "pattern": {"type": "daily", "interval": 1},
                "range": {"type": "numbered", "startDate": "2026-03-25", "numberOfOccurrences": 8,
                          "recurrenceTimeZone": "W. Europe Standard Time"},
            });
            let id = world.microsoft.user_insert(ACCOUNT, &series).unwrap()["id"].as_str().unwrap().to_owned();
            idle(&mut world);
            let all = world.microsoft.occurrences(ACCOUNT, &id, 0, i64::MAX / 4);
            for number in [2, 4] {
                world.microsoft.user_delete(ACCOUNT, all[number]["id"].as_str().unwrap()).unwrap();
                idle(&mut world);
                assert_equal(&mut world, &format!("{events_delta:?}, {occurrence_properties}, {number}"));
            }
            quiet(&mut world);
        }
    }
}
