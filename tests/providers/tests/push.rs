//! Push channels: watch, messages, their faults, stop.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod world;

use serde_json::{Value, json};
use tandem_providers::google::Config;
use tandem_providers::{Notification, PushFault, PushFaults, SimResponse};
use world::*;

const HOOK: &str = "https://tandem.example/hook";

fn watch(w: &World, id: &str) -> SimResponse {
    let body = json!({ "id": id, "type": "web_hook", "address": HOOK, "token": "secret" });
    w.call("POST", &format!("{EVENTS}/watch"), Some(&body))
}

fn take(w: &World) -> Vec<Notification> {
    w.google.take_notifications(w.google_now())
}

trait Now {
    fn google_now(&self) -> i64;
}

impl Now for World {
    fn google_now(&self) -> i64 {
        tandem_providers::Clock::now_ms(&self.clock)
    }
}

fn number(push: &Notification) -> u64 {
    push.header("X-Goog-Message-Number").unwrap().parse().unwrap()
}

#[test]
fn a_new_channel_is_answered_and_says_sync_with_number_one() {
    let w = world();
    let channel = watch(&w, "one").json();
    assert_eq!(channel["kind"], "api#channel");
    assert_eq!(channel["id"], "one");
    assert_eq!(channel["token"], "secret");
    let uri = "https://www.googleapis.com/calendar/v3/calendars/ada%40example.com/events?alt=json";
    assert_eq!(channel["resourceUri"], uri);
    let expiration: i64 = channel["expiration"].as_str().unwrap().parse().unwrap();
    assert_eq!(expiration, NOW_MS + 604_800_000, "whole seconds of seven days");
    let pushes = take(&w);
    assert_eq!(pushes.len(), 1);
    let push = &pushes[0];
    assert_eq!((push.address.as_str(), push.body.len(), number(push)), (HOOK, 0, 1));
    for (name, value) in [
        ("X-Goog-Channel-ID", "one"),
        ("X-Goog-Channel-Token", "secret"),
        ("X-Goog-Resource-State", "sync"),
        ("X-Goog-Resource-URI", uri),
        ("X-Goog-Resource-ID", channel["resourceId"].as_str().unwrap()),
        ("X-Goog-Channel-Expiration", "Mon, 09 Mar 2026 08:00:00 GMT"),
        ("User-Agent", "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"),
        ("Content-Type", "application/json; charset=utf-8"),
    ] {
        assert_eq!(push.header(name), Some(value), "{name}");
    }
}

#[test]
fn every_change_says_exists_with_growing_numbers_that_are_not_consecutive() {
    let w = world();
    watch(&w, "one");
    take(&w);
    let event = w.made(&meeting("x"));
    let id = event["id"].as_str().unwrap();
    w.patch(id, &json!({ "summary": "y" }));
    w.google.user_patch(ME, id, &json!({ "summary": "z" })).unwrap();
    w.delete(id);
    let pushes = take(&w);
    assert_eq!(pushes.len(), 4);
    assert!(pushes.iter().all(|push| push.header("X-Goog-Resource-State") == Some("exists")));
    let numbers: Vec<u64> = pushes.iter().map(number).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    assert!(numbers.windows(2).any(|pair| pair[0] + 1 < pair[1]), "{numbers:?}");
}

#[test]
fn refused_channels_say_why() {
    let w = world();
    let path = format!("{EVENTS}/watch");
    let with = |change: Value| {
        let mut body = json!({ "id": "c", "type": "web_hook", "address": HOOK });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        w.call("POST", &path, Some(&body))
    };
    assert_eq!(reason(&with(json!({ "address": "http://tandem.example/hook" }))), "webhookUrlNotHttps");
    assert_eq!(reason(&with(json!({ "type": "pigeon" }))), "channelTypeNotSupported");
    assert_eq!(with(json!({ "id": "x".repeat(65) })).status(), Some(400));
    assert_eq!(with(json!({ "id": "a b" })).status(), Some(400));
    assert_eq!(with(json!({ "expiration": 5 })).status(), Some(400));
    assert_eq!(watch(&w, "one").status(), Some(200));
    check(&watch(&w, "one"), 400, "push", "channelIdNotUnique", "Channel id one not unique");
    w.google.set_pushable(ME, false);
    assert_eq!(reason(&watch(&w, "two")), "pushNotSupportedForRequestedResource");
}

#[test]
fn http_webhooks_pass_only_when_allowed() {
    let w = world_with(Config { allow_http_webhooks: true, ..Config::default() });
    let body = json!({ "id": "c", "type": "web_hook", "address": "http://127.0.0.1:9/hook" });
    assert_eq!(w.call("POST", &format!("{EVENTS}/watch"), Some(&body)).status(), Some(200));
}

#[test]
fn a_longer_life_is_shortened_and_an_expired_channel_is_silent() {
    let w = world();
    let body = json!({ "id": "c", "type": "web_hook", "address": HOOK, "params": { "ttl": "99999999" } });
    let channel = w.call("POST", &format!("{EVENTS}/watch"), Some(&body)).json();
    assert_eq!(channel["expiration"], (NOW_MS + 604_800_000).to_string());
    take(&w);
    w.clock.advance(604_800_000);
    w.made(&meeting("x"));
    assert!(take(&w).is_empty());
    assert_eq!(reason(&watch(&w, "c")), "channelIdNotUnique", "an id stays used");
}

#[test]
fn stop_is_204_then_404_and_wants_the_resource_id() {
    let w = world();
    let channel = watch(&w, "one").json();
    take(&w);
    let stop = |resource: &Value| {
        w.call("POST", "/calendar/v3/channels/stop", Some(&json!({ "id": "one", "resourceId": resource })))
    };
    assert_eq!(stop(&json!("wrong")).status(), Some(404));
    assert_eq!(stop(&channel["resourceId"]).status(), Some(204));
    check(&stop(&channel["resourceId"]), 404, "global", "notFound", "Channel 'one' not found for project 'simulated'");
    w.made(&meeting("x"));
    assert!(take(&w).is_empty());
}

#[test]
fn pushes_can_be_lost_doubled_late_and_reordered() {
    let w = world();
    watch(&w, "one");
    take(&w);
    w.google.plan_push(PushFault::Lost);
    w.made(&meeting("lost"));
    assert!(take(&w).is_empty());
    w.google.plan_push(PushFault::Doubled);
    w.made(&meeting("doubled"));
    let pushes = take(&w);
    assert_eq!((pushes.len(), number(&pushes[0])), (2, number(&pushes[1])));
    w.google.plan_push(PushFault::Late(5000));
    w.made(&meeting("late"));
    assert!(take(&w).is_empty());
    w.clock.advance(5000);
    assert_eq!(take(&w).len(), 1);
    w.google.plan_push(PushFault::Reordered);
    w.made(&meeting("overtaken"));
    w.made(&meeting("first"));
    let pushes = take(&w);
    assert_eq!(pushes.len(), 2);
    assert!(number(&pushes[0]) > number(&pushes[1]));
    w.google.plan_push(PushFault::Reordered);
    w.made(&meeting("alone"));
    assert!(take(&w).is_empty());
    w.clock.advance(1000);
    assert_eq!(take(&w).len(), 1);
    let counters = w.google.counters();
    assert_eq!((counters.pushes, counters.pushes_lost), (6, 1), "sync and five changes; a copy is not counted");
}

#[test]
fn random_push_faults_are_repeatable() {
    let run = || {
        let w = world();
        watch(&w, "one");
        w.google.set_push_faults(PushFaults { lost_permille: 400, doubled_permille: 200, ..PushFaults::default() });
        (0..50).for_each(|n| drop(w.made(&meeting(&format!("m{n}")))));
        take(&w).iter().map(number).collect::<Vec<_>>()
    };
    let first = run();
    assert_eq!(first, run());
    assert_ne!(first.len(), 51);
}

#[test]
fn only_some_answers_bring_a_push_back() {
    let w = world_with(Config { push_attempts: 3, ..Config::default() });
    watch(&w, "one");
    let sync = take(&w).remove(0);
    w.google.notification_answered(sync.clone(), Some(503));
    assert!(take(&w).is_empty(), "not at once");
    w.clock.advance(1000);
    let again = take(&w).remove(0);
    assert_eq!((number(&again), again.attempt), (1, 1));
    w.google.notification_answered(again, None);
    w.clock.advance(2000);
    let last = take(&w).remove(0);
    w.google.notification_answered(last, Some(500));
    w.clock.advance(1_000_000);
    assert!(take(&w).is_empty(), "given up");
    w.google.notification_answered(sync.clone(), Some(404));
    w.google.notification_answered(sync, Some(204));
    let counters = w.google.counters();
    assert_eq!((counters.pushes_failed, counters.pushes_acknowledged), (2, 1));
    assert_eq!(w.google.next_notification_at(), None);
}
