//! Subscriptions of the simulated Microsoft: handshake, notifications, renewal, lifecycle.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod graph;

use graph::*;
use serde_json::{Value, json};
use tandem_providers::microsoft::{Bound, Config, OccurrenceNotice};
use tandem_providers::{Answer, Fault, FaultKind, Notification, PushFault, Served, SimRequest, SimResponse};

const HOOK: &str = "https://tandem.example/hook?tenant=7";
const LIFE: &str = "https://tandem.example/life";

fn trusting() -> Config {
    Config { trust_webhooks: true, ..calm() }
}

fn body() -> Value {
    json!({
        "changeType": "created,updated,deleted", "notificationUrl": HOOK, "lifecycleNotificationUrl": LIFE,
        "resource": "/me/events", "expirationDateTime": "2026-03-05T08:00:00Z", "clientState": "secret",
    })
}

fn subscribe(w: &World, body: &Value) -> SimResponse {
    w.call("POST", "/v1.0/subscriptions", Some(body))
}

fn take(w: &World) -> Vec<Notification> {
    w.graph.take_notifications(tandem_providers::Clock::now_ms(&w.clock))
}

fn items(pushes: &[Notification]) -> Vec<Value> {
    let value =
        |push: &Notification| serde_json::from_slice::<Value>(&push.body).unwrap()["value"].as_array().unwrap().clone();
    pushes.iter().flat_map(value).collect()
}

fn plain(status: u16, kind: &str, text: &str) -> Answer {
    Answer { status, headers: vec![("content-type".to_owned(), kind.to_owned())], body: text.into() }
}

/// Answers the questions of a POST with `answer`, which sees the URL and the decoded token.
fn asked(w: &World, mut answer: impl FnMut(&SimRequest, &str) -> Option<Answer>) -> (SimResponse, Vec<String>) {
    let mut urls = Vec::new();
    let mut outcome = w.graph.serve(&SimRequest::new("POST", "/v1.0/subscriptions").bearer(TOKEN).json(&body()));
    loop {
        match outcome {
            Served::Done(response) => return (response, urls),
            Served::Ask(question) => {
                assert_eq!((question.call.method.as_str(), question.call.body.len()), ("POST", 0));
                let query = question.call.query();
                let token = query.iter().find(|(name, _)| name == "validationToken").unwrap().1.clone();
                urls.push(question.call.url.clone());
                let given = answer(&question.call, &token);
                outcome = w.graph.resume(*question, given.as_ref());
            }
        }
    }
}

#[test]
fn a_subscription_is_made_when_both_addresses_have_proved_themselves() {
    let w = world();
    let (response, urls) = asked(&w, |_, token| Some(plain(200, "text/plain; charset=utf-8", token)));
    assert_eq!(response.status(), Some(201), "{}", response.json());
    assert_eq!(urls.len(), 2);
    assert!(urls[0].starts_with(&format!("{HOOK}&validationToken=")), "the query is kept: {}", urls[0]);
    assert!(urls[1].starts_with(&format!("{LIFE}?validationToken=")));
    assert!(urls[0].contains("%20") && !urls[0].contains('+'));
    let made = response.json();
    assert_eq!((&made["clientState"], &made["expirationDateTime"]), (&json!("secret"), &json!("2026-03-05T08:00:00Z")));
    assert_eq!(w.graph.subscriptions(ME).len(), 1);
    w.graph.drop_subscriptions(false);
    w.graph.configure(|config| config.handshake_plus = true);
    let (response, urls) = asked(&w, |_, token| Some(plain(200, "text/plain", token)));
    assert_eq!(response.status(), Some(201));
    assert!(urls[0].contains('+'));
}

#[test]
fn a_wrong_answer_to_the_handshake_refuses_the_subscription() {
    let w = world();
    type Endpoint = Box<dyn FnMut(&SimRequest, &str) -> Option<Answer>>;
    let mut answers: Vec<Endpoint> = vec![
        Box::new(|_, _| None),
        Box::new(|_, token| Some(plain(202, "text/plain", token))),
        Box::new(|_, token| Some(plain(200, "application/json", token))),
        Box::new(|_, token| Some(plain(200, "text/plain", &tandem_providers::http::encode(token)))),
        Box::new(|call, token| (!call.url.starts_with(LIFE)).then(|| plain(200, "text/plain", token))),
    ];
    for answer in &mut answers {
        let (response, _) = asked(&w, answer);
        refused(&response, 400, "ValidationError");
        assert!(w.graph.subscriptions(ME).is_empty());
    }
    refused(&subscribe(&w, &body()), 400, "ValidationError");
}

#[test]
fn a_lost_answer_leaves_a_subscription_that_the_next_try_meets_as_409() {
    let w = world();
    w.graph.plan(Fault::next(FaultKind::LostAnswer));
    let (response, _) = asked(&w, |_, token| Some(plain(200, "text/plain", token)));
    assert_eq!(response, SimResponse::NoAnswer);
    refused(&subscribe(&w, &body()), 409, "Conflict");
    let listed = w.get("/v1.0/subscriptions").json();
    assert_eq!(listed["value"].as_array().unwrap().len(), 1);
    w.graph.configure(|config| {
        config.duplicate_subscription_is_409 = false;
        config.trust_webhooks = true;
    });
    assert_eq!(subscribe(&w, &body()).status(), Some(201));
}

#[test]
fn refused_subscriptions_say_why() {
    let w = world_with(trusting());
    let with = |change: Value| {
        let mut body = body();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        subscribe(&w, &body)
    };
    for change in [
        json!({ "notificationUrl": "http://tandem.example/hook" }),
        json!({ "changeType": "created,moved" }),
        json!({ "clientState": "x".repeat(129) }),
        json!({ "expirationDateTime": "2026-03-02T07:00:00Z" }),
        json!({ "resource": "events" }),
    ] {
        refused(&with(change), 400, "InvalidRequest");
    }
    assert_eq!(with(json!({ "resource": "/me/messages" })).status(), Some(501));
    assert_eq!(with(json!({ "includeResourceData": true })).status(), Some(501));
    assert_eq!(with(json!({ "resource": "/users/eve@example.com/events" })).status(), Some(403));
    refused(&with(json!({ "color": "red" })), 400, "RequestBodyRead");
    let named = format!("/me/calendars/{}/events", w.calendar);
    assert_eq!(with(json!({ "resource": named })).status(), Some(201));
    refused(&with(json!({})), 409, "Conflict");
    assert_eq!(with(json!({ "changeType": "deleted" })).status(), Some(201), "other changes are another subscription");
    w.graph.configure(|config| config.allow_http_webhooks = true);
    w.graph.drop_subscriptions(false);
    assert_eq!(with(json!({ "notificationUrl": "http://127.0.0.1:9/hook" })).status(), Some(201));
}

#[test]
fn a_life_beyond_seven_days_is_refused_or_shortened_and_a_short_one_raised() {
    let w = world_with(trusting());
    let mut long = body();
    long["expirationDateTime"] = json!("2026-03-09T08:00:01Z");
    refused(&subscribe(&w, &long), 400, "InvalidRequest");
    w.graph.configure(|config| config.long_subscription = Bound::Clamp);
    assert_eq!(subscribe(&w, &long).json()["expirationDateTime"], "2026-03-09T08:00:00Z");
    w.graph.drop_subscriptions(false);
    w.graph.configure(|config| config.subscription_minutes = 4_230);
    assert_eq!(subscribe(&w, &long).json()["expirationDateTime"], "2026-03-05T06:30:00Z");
    w.graph.drop_subscriptions(false);
    let mut short = body();
    short["expirationDateTime"] = json!("2026-03-02T08:01:00Z");
    assert_eq!(subscribe(&w, &short).json()["expirationDateTime"], "2026-03-02T08:45:00Z");
}

#[test]
fn every_kind_of_change_notifies_with_the_client_state() {
    let w = world_with(trusting());
    let subscription = subscribe(&w, &body()).json();
    let event = w.made(&meeting("x"));
    w.patched(id(&event), &json!({ "subject": "y" }));
    w.graph.user_patch(ME, id(&event), &json!({ "subject": "z" })).unwrap();
    let last = w.event(id(&event));
    w.delete(id(&event));
    let pushes = take(&w);
    assert!(pushes.iter().all(|push| push.address == HOOK));
    let told = items(&pushes);
    let kinds: Vec<_> = told.iter().map(|item| item["changeType"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["created", "updated", "updated", "deleted"]);
    let third = &told[2];
    assert_eq!(third["clientState"], "secret");
    assert_eq!(third["subscriptionId"], subscription["id"]);
    assert_eq!(third["subscriptionExpirationDateTime"], subscription["expirationDateTime"]);
    assert_eq!(third["resourceData"]["id"], event["id"]);
    assert_eq!(third["resourceData"]["@odata.type"], "#Microsoft.Graph.Event");
    assert_eq!(third["resourceData"]["@odata.etag"], last["@odata.etag"]);
    assert!(third["resource"].as_str().unwrap().ends_with(&format!("/Events/{}", id(&event))));
}

#[test]
fn only_the_wanted_changes_of_the_wanted_calendar_notify() {
    let w = world_with(trusting());
    let mut wanted = body();
    wanted["changeType"] = json!("deleted");
    subscribe(&w, &wanted);
    let event = w.made(&meeting("x"));
    let second = w.graph.add_calendar(ME, "Second");
    let other = w.graph.user_insert(&second, &meeting("y")).unwrap();
    w.graph.user_delete(&second, id(&other)).unwrap();
    assert!(take(&w).is_empty());
    w.delete(id(&event));
    assert_eq!(items(&take(&w)).len(), 1);
}

#[test]
fn immutable_ids_come_only_to_subscriptions_made_with_them() {
    let mut w = world_with(trusting());
    w.prefer = vec!["IdType=\"ImmutableId\"".to_owned()];
    subscribe(&w, &body());
    let event = w.made(&meeting("x"));
    assert_eq!(items(&take(&w))[0]["resourceData"]["id"], event["id"]);
    w.prefer.clear();
    let plain = w.made(&meeting("y"));
    assert_ne!(items(&take(&w))[0]["resourceData"]["id"], plain["id"]);
}

#[test]
fn an_occurrence_notifies_by_its_own_id_its_master_s_or_both() {
    for (notice, wanted) in
        [(OccurrenceNotice::Master, 1), (OccurrenceNotice::Occurrence, 1), (OccurrenceNotice::Both, 2)]
    {
        let w = world_with(Config { occurrence_notice: notice, ..trusting() });
        let master = w.made(&weekly(3));
        let second = w.instances(id(&master))[1].clone();
        subscribe(&w, &body());
        w.patched(id(&second), &json!({ "subject": "mine" }));
        let told = items(&take(&w));
        assert_eq!(told.len(), wanted);
        let named = |row: &Value| told.iter().any(|item| item["resourceData"]["id"] == row["id"]);
        assert_eq!(named(&master), notice != OccurrenceNotice::Occurrence);
        assert_eq!(named(&second), notice != OccurrenceNotice::Master);
    }
}

#[test]
fn items_that_are_due_together_share_a_post() {
    let change = |w: &World| {
        for n in 0..3 {
            w.graph.user_insert(ME, &meeting(&format!("{n}"))).unwrap();
        }
    };
    let w = world_with(trusting());
    subscribe(&w, &body());
    change(&w);
    let pushes = take(&w);
    assert_eq!((pushes.len(), items(&pushes).len()), (1, 3));
    w.graph.configure(|config| config.batches_notifications = false);
    change(&w);
    assert_eq!(take(&w).len(), 3);
}

#[test]
fn an_unanswered_notification_comes_back_for_four_hours_and_is_then_missed() {
    let w = world_with(trusting());
    subscribe(&w, &body());
    w.made(&meeting("x"));
    let began = tandem_providers::Clock::now_ms(&w.clock);
    let mut tries = 0;
    let missed = loop {
        let due = w.graph.next_notification_at().unwrap();
        w.clock.set(due);
        let push = take(&w).remove(0);
        if push.address == LIFE {
            break push;
        }
        assert_eq!(push.attempt, tries);
        tries += 1;
        w.graph.notification_answered(push, if tries % 2 == 0 { None } else { Some(404) });
    };
    let lasted = tandem_providers::Clock::now_ms(&w.clock) - began;
    assert!((7_200_000..=14_400_000).contains(&lasted), "{lasted} ms");
    assert_eq!(items(&[missed])[0]["lifecycleEvent"], "missed");
    assert_eq!(w.graph.counters().pushes_failed, 1);
    w.made(&meeting("y"));
    let push = take(&w).remove(0);
    w.graph.notification_answered(push, Some(202));
    assert_eq!((w.graph.counters().pushes_acknowledged, w.graph.next_notification_at()), (1, None));
}

#[test]
fn notifications_can_be_lost_doubled_late_and_reordered() {
    let w = world_with(trusting());
    subscribe(&w, &body());
    w.graph.plan_push(PushFault::Lost);
    w.made(&meeting("lost"));
    assert!(take(&w).is_empty());
    w.graph.plan_push(PushFault::Doubled);
    w.made(&meeting("doubled"));
    let pushes = take(&w);
    assert_eq!(pushes.len(), 2);
    assert_eq!(pushes[0].body, pushes[1].body);
    w.graph.plan_push(PushFault::Late(500));
    w.made(&meeting("late"));
    assert!(take(&w).is_empty());
    w.clock.advance(500);
    assert_eq!(take(&w).len(), 1);
    w.graph.configure(|config| config.push_delay_ms = 700);
    w.made(&meeting("delayed"));
    assert!(take(&w).is_empty());
    w.clock.advance(700);
    assert_eq!(take(&w).len(), 1);
    w.graph.configure(|config| config.push_delay_ms = 0);
    w.graph.plan_push(PushFault::Reordered);
    let first = w.made(&meeting("first"));
    let second = w.made(&meeting("second"));
    let ids: Vec<_> = items(&take(&w)).iter().map(|item| item["resourceData"]["id"].clone()).collect();
    assert_eq!(ids, [second["id"].clone(), first["id"].clone()]);
}

#[test]
fn a_subscription_is_renewed_by_patch_and_404_after_its_end() {
    let w = world_with(Config { tells_removal: true, ..trusting() });
    let path = format!("/v1.0/subscriptions/{}", id(&subscribe(&w, &body()).json()));
    let patch = |body: Value| w.call("PATCH", &path, Some(&body));
    let renewed = patch(json!({ "expirationDateTime": "2026-03-08T08:00:00Z" }));
    assert_eq!((renewed.status(), &renewed.json()["expirationDateTime"]), (Some(200), &json!("2026-03-08T08:00:00Z")));
    refused(&patch(json!({ "lifecycleNotificationUrl": LIFE })), 400, "InvalidRequest");
    assert_eq!(patch(json!({ "notificationUrl": "https://tandem.example/new" })).status(), Some(200));
    w.graph.configure(|config| config.trust_webhooks = false);
    refused(&patch(json!({ "notificationUrl": HOOK })), 400, "ValidationError");
    assert_eq!(w.get(&path).json()["notificationUrl"], "https://tandem.example/new");
    assert_eq!(w.call("POST", &format!("{path}/reauthorize"), None).status(), Some(204));
    w.clock.set(NOW_MS + 6 * 86_400_000);
    refused(&patch(json!({ "expirationDateTime": "2026-03-12T08:00:00Z" })), 404, "ResourceNotFound");
    assert_eq!(items(&take(&w))[0]["lifecycleEvent"], "subscriptionRemoved");
    w.made(&meeting("x"));
    assert!(take(&w).is_empty());
}

#[test]
fn a_deleted_subscription_says_nothing_more() {
    let w = world_with(trusting());
    let path = format!("/v1.0/subscriptions/{}", id(&subscribe(&w, &body()).json()));
    w.made(&meeting("x"));
    assert_eq!(w.call("DELETE", &path, None).status(), Some(204));
    refused(&w.call("DELETE", &path, None), 404, "ResourceNotFound");
    w.made(&meeting("y"));
    assert!(take(&w).is_empty());
}

#[test]
fn reauthorization_is_asked_for_once_before_each_end() {
    let w = world_with(Config { reauthorization_before_ms: Some(3_600_000), ..trusting() });
    let made = subscribe(&w, &body()).json();
    let end_ms = NOW_MS + 3 * 86_400_000;
    w.clock.set(end_ms - 3_600_001);
    assert!(take(&w).is_empty());
    w.clock.set(end_ms - 3_600_000);
    let pushes = take(&w);
    assert_eq!((pushes.len(), pushes[0].address.as_str()), (1, LIFE));
    let told = items(&pushes).remove(0);
    assert_eq!((&told["lifecycleEvent"], &told["clientState"]), (&json!("reauthorizationRequired"), &json!("secret")));
    assert_eq!(told["subscriptionId"], made["id"]);
    assert!(take(&w).is_empty());
    w.graph.tell_lifecycle("missed");
    assert_eq!(items(&take(&w))[0]["lifecycleEvent"], "missed");
    w.graph.drop_subscriptions(true);
    assert_eq!(items(&take(&w))[0]["lifecycleEvent"], "subscriptionRemoved");
}
