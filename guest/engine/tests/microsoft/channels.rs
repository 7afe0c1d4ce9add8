//! Subscriptions and their notifications.

use serde_json::json;
use tandem_engine::effects::ProviderKind;
use tandem_engine::sync::Outcome;
use tandem_engine::webhooks::{self, Notice};
use tandem_providers::microsoft::Config;
use tandem_providers::{Clock as _, Fault, FaultKind, SimRequest};

use crate::world::{ACCOUNT, World, outlook_meeting};

fn notice(query: &str, body: &str) -> Notice {
    let headers = vec![("content-type".into(), "application/json".into())];
    Notice { provider: ProviderKind::Microsoft, query: query.into(), headers, body: body.as_bytes().to_vec() }
}

#[test]
fn a_change_is_heard_and_looked_at() {
    let mut world = World::new(Config::default()).with_push();
    world.settle();
    assert_eq!(world.microsoft.subscriptions(ACCOUNT).len(), 1);
    let event = outlook_meeting("told", "2026-03-05T09:00:00", "2026-03-05T10:00:00");
    world.microsoft.user_insert(ACCOUNT, &event).unwrap();
    world.settle();
    assert_eq!(world.titled("told")["duration"], "PT1H");
    assert!(!world.notified.is_empty() && world.notified.iter().all(|status| *status == 202), "{:?}", world.notified);
}

#[test]
fn a_subscription_is_renewed_ahead_of_its_end_and_stays_the_same() {
    let mut world = World::new(Config::default()).with_push();
    world.settle();
    let first = world.microsoft.subscriptions(ACCOUNT);
    for _ in 0..40 {
        world.clock.advance(6 * 3_600_000);
        world.settle();
        assert_eq!(world.microsoft.subscriptions(ACCOUNT), first);
        assert_eq!(world.memory.channels.len(), 1);
    }
}

#[test]
fn a_subscription_that_is_gone_is_made_anew_and_nothing_is_missed() {
    for told in [false, true] {
        let mut world = World::new(Config::default()).with_push();
        world.settle();
        world.clock.advance(2 * 3_600_000);
        world.settle();
        world.microsoft.drop_subscriptions(told);
        let event = outlook_meeting("meanwhile", "2026-03-05T09:00:00", "2026-03-05T10:00:00");
        world.microsoft.user_insert(ACCOUNT, &event).unwrap();
        if !told {
            world.clock.advance(7 * 86_400_000);
        }
        world.settle();
        assert_eq!(world.microsoft.subscriptions(ACCOUNT).len(), 1, "{told}");
        assert_eq!(world.memory.channels.len(), 1, "{told}");
        assert_eq!(world.titled("meanwhile")["duration"], "PT1H", "{told}");
    }
}

#[test]
fn a_subscription_whose_making_was_not_answered_is_replaced() {
    let mut world = World::new(Config::default()).with_push();
    world.microsoft.plan(Fault::next(FaultKind::LostAnswer).on_method("POST").on_path("*/subscriptions"));
    world.settle();
    world.clock.advance(600_000);
    world.settle();
    let (there, here) = (world.microsoft.subscriptions(ACCOUNT), &world.memory.channels);
    assert_eq!((there.len(), here.len()), (1, 1), "{:#?}", world.microsoft.log());
    assert_eq!(here.values().next().unwrap().resource_id, there[0]);
}

#[test]
fn a_handshake_is_answered_with_its_decoded_text() {
    let mut world = World::new(Config::default());
    let answer = webhooks::receive(&mut world, &notice("a=b&validationToken=Validation%3a+a%20%3Cb%3E%26", ""));
    assert_eq!((answer.status, answer.content_type, answer.body.as_str()), (200, "text/plain", "Validation: a <b>&"));
}

#[test]
fn forged_items_of_a_batch_are_dropped_and_the_good_ones_heard() {
    let mut world = World::new(Config::default()).with_push();
    world.settle();
    let event = outlook_meeting("x", "2026-03-05T09:00:00", "2026-03-05T10:00:00");
    world.microsoft.user_insert(ACCOUNT, &event).unwrap();
    let sent = world.microsoft.take_notifications(i64::MAX / 4);
    let (_, query) = sent[0].address.split_once('?').unwrap();
    let good: serde_json::Value = serde_json::from_slice(&sent[0].body).unwrap();
    let good = good["value"][0].clone();
    let mut bad = good.clone();
    bad["clientState"] = json!("AAAA");
    let wanted = |world: &World| world.memory.replicas.values().next().unwrap().wanted;
    for (items, status, marks) in [(json!([bad, good, good]), 202, 1), (json!([bad]), 403, 0), (json!([]), 403, 0)] {
        let before = wanted(&world);
        let answer = webhooks::receive(&mut world, &notice(query, &json!({"value": items}).to_string()));
        assert_eq!((answer.status, wanted(&world) - before), (status, marks), "{items}");
    }
    let elsewhere = query.replace("acme", "evil");
    let answer = webhooks::receive(&mut world, &notice(&elsewhere, &json!({"value": [good]}).to_string()));
    assert_eq!(answer.status, 403);
    assert_eq!(webhooks::receive(&mut world, &notice(query, "no json")).status, 400);
    assert_eq!(webhooks::receive(&mut world, &notice("", "{\"value\":[]}")).status, 400);
}

#[test]
fn a_subscription_that_ends_silently_is_missed_within_hours() {
    let mut world = World::new(Config::default()).with_push();
    world.settle();
    world.poll();
    world.microsoft.drop_subscriptions(false);
    // Nothing happens: the replica is only called when it asked for it.
    let end_ms = world.clock.now_ms() + 7 * 3_600_000;
    while world.clock.now_ms() < end_ms {
        let outcome = world.settle();
        let Outcome::Idle(at_ms) = outcome else { panic!("{outcome:?}") };
        world.clock.set(i64::try_from(at_ms).unwrap());
    }
    assert_eq!((world.microsoft.subscriptions(ACCOUNT).len(), world.memory.channels.len()), (1, 1));
    let event = outlook_meeting("told", "2026-03-05T09:00:00", "2026-03-05T10:00:00");
    world.microsoft.user_insert(ACCOUNT, &event).unwrap();
    world.settle();
    assert_eq!(world.titled("told")["duration"], "PT1H");
}

#[test]
fn a_subscription_is_checked_a_few_times_a_day_and_no_more() {
    let mut world = World::new(Config::default()).with_push();
    world.settle();
    let before = world.requests("PATCH");
    let end_ms = world.clock.now_ms() + 5 * 86_400_000;
    while world.clock.now_ms() < end_ms {
        let outcome = world.settle();
        let Outcome::Idle(at_ms) = outcome else { panic!("{outcome:?}") };
        world.clock.set(i64::try_from(at_ms).unwrap());
    }
    let checks = world.requests("PATCH") - before;
    assert!((19..=21).contains(&checks), "{checks}");
}

#[test]
fn our_lost_subscription_is_found_behind_those_of_others() {
    let mut world = World::new(Config { page_limit: Some(3), ..Config::default() }).with_push();
    for n in 0..20 {
        let calendar = world.microsoft.add_calendar(ACCOUNT, &format!("other {n}"));
        let body = json!({"changeType": "updated", "notificationUrl": "https://other.invalid/", "clientState": "x",
            "resource": format!("/me/calendars/{calendar}/events"), "expirationDateTime": "2026-03-08T00:00:00Z"});
        let request = SimRequest::new("POST", "https://sim.invalid/v1.0/subscriptions")
            .with_header("authorization", "Bearer token")
            .with_header("content-type", "application/json");
        let answer = world.microsoft.handle(&SimRequest { body: body.to_string().into_bytes(), ..request });
        assert_eq!(answer.status(), Some(201));
    }
    world.microsoft.plan(Fault::next(FaultKind::LostAnswer).on_method("POST").on_path("*/subscriptions"));
    world.settle();
    world.clock.advance(600_000);
    world.settle();
    let (there, here) = (world.microsoft.subscriptions(ACCOUNT), &world.memory.channels);
    assert_eq!((there.len(), here.len()), (1, 1), "{:?}", world.failures());
    assert_eq!(here.values().next().unwrap().resource_id, there[0]);
}
