//! Every answer to a notification, as data in `tests/cases/webhooks.json`: status, exact body, verdict, how many marks
//! it left, and whether the store was touched at all. A call that we did not sign must never reach the store.
//!
//! Header values hold placeholders in braces; `placeholders` says what they stand for.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;

use serde_json::Value;
use tandem_engine::effects::{Channel, ProviderKind, Replica};
use tandem_engine::webhooks::{Notice, token};
use tandem_tests::world::{ACCOUNT, REPLICA, World, google_meeting};

const DAY_MS: u64 = 86_400_000;

/// A world in step, with a channel, a superseded one and one whose replica is gone.
fn world() -> (World, Channel) {
    let mut world = World::new();
    world.settle().unwrap();
    let channel = world.memory.channels.values().next().unwrap().clone();
    for (id, replica) in [("superseded", REPLICA), ("homeless", "removed")] {
        let other = Channel { id: id.into(), replica: replica.into(), superseded: true, ..channel.clone() };
        world.memory.channels.insert(id.into(), other);
    }
    (world, channel)
}

/// What the placeholders stand for.
fn placeholders(world: &World, channel: &Channel) -> Vec<(&'static str, String)> {
    let replica = world.memory.replica(REPLICA).unwrap();
    let (key, now_ms) = (world.settings.signing_key.clone(), world.now_ms());
    let end_ms = now_ms + DAY_MS;
    let named = |tenant: &str, id: &str| Replica { tenant: tenant.into(), id: id.into(), ..replica.clone() };
    let sign = |replica: &Replica, id: &str, end_ms| token::sign(&key, replica, id, end_ms);
    let good = sign(&replica, &channel.id, end_ms);
    let (claims, signature) = good.rsplit_once(':').unwrap();
    let later = good.replacen(&(end_ms / 1_000).to_string(), &(end_ms / 1_000 + 86_400).to_string(), 1);
    assert_ne!(later, good);
    vec![
        ("{channel}", channel.id.clone()),
        ("{ghost}", "ghost".into()),
        ("{homeless}", "homeless".into()),
        ("{superseded}", "superseded".into()),
        ("{huge}", "A".repeat(1_000_000)),
        ("{token}", good.clone()),
        ("{token-of-ghost}", sign(&replica, "ghost", end_ms)),
        ("{token-of-homeless}", sign(&named("acme", "removed"), "homeless", end_ms)),
        ("{token-of-superseded}", sign(&replica, "superseded", end_ms)),
        ("{token-other-replica}", sign(&named("acme", "another"), &channel.id, end_ms)),
        ("{token-expired}", sign(&replica, &channel.id, now_ms - 1_000)),
        ("{token-ends-now}", sign(&replica, &channel.id, now_ms)),
        ("{token-ends-soon}", sign(&replica, &channel.id, now_ms + 1_000)),
        ("{token-other-key}", token::sign(b"another key of thirty-two bytes!", &replica, &channel.id, end_ms)),
        ("{token-empty-key}", token::sign(b"", &replica, &channel.id, end_ms)),
        ("{token-truncated}", good[..good.len() - 1].to_owned()),
        ("{token-unsigned}", claims.to_owned()),
        ("{token-empty-signature}", format!("{claims}:")),
        ("{token-half-signature}", format!("{claims}:{}", &signature[..signature.len() / 2])),
        ("{token-upper}", good.to_uppercase()),
        ("{token-later}", later),
        ("{token-renamed-tenant}", good.replacen(":acme:", ":evil:", 1)),
        ("{token-colon-tenant}", sign(&named("acme:work", "google"), &channel.id, end_ms)),
        ("{token-colon-replica}", sign(&named("acme", "work:google"), &channel.id, end_ms)),
        ("{token-more-colons}", format!("{claims}::{signature}")),
    ]
}

fn headers(case: &Value, known: &[(&str, String)]) -> Vec<(String, String)> {
    let repeat = usize::try_from(case["repeat"].as_u64().unwrap_or(1)).unwrap();
    let fill = |text: &str| {
        let mut text = text.to_owned();
        for (name, value) in known {
            text = text.replace(name, value);
        }
        text
    };
    let pair = |header: &Value| {
        let (name, value) = (header[0].as_str().unwrap(), fill(header[1].as_str().unwrap()));
        let value = if name == "X-Goog-Channel-Token" { value.repeat(repeat) } else { value };
        assert!(!value.contains('{'), "{}: an unknown placeholder in {value}", case["name"]);
        (name.to_owned(), value)
    };
    case["headers"].as_array().unwrap().iter().map(pair).collect()
}

#[test]
fn every_notification_is_answered_as_the_table_says() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../cases/webhooks.json")).unwrap();
    let mut names = BTreeSet::new();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        assert!(names.insert(name), "two cases are called {name:?}");
        let (mut world, channel) = world();
        let known = placeholders(&world, &channel);
        let provider = if case["provider"] == "microsoft" { ProviderKind::Microsoft } else { ProviderKind::Google };
        let notice = Notice { provider, query: String::new(), headers: headers(case, &known), body: vec![] };
        let before = (world.effects, world.memory.replicas[REPLICA].wanted, world.memory.commits);
        if case["store"] == "away" {
            world.dies_after = Some(before.0);
        }
        let answer = world.receive(&notice);
        assert_eq!(case["status"], answer.status, "{name}");
        assert_eq!(case["body"], answer.body, "{name}");
        assert_eq!(case["verdict"], answer.verdict.name(), "{name}");
        assert_eq!(case["marks"].as_u64().unwrap_or(0), world.memory.replicas[REPLICA].wanted - before.1, "{name}");
        if let Some(touched) = case["touched"].as_bool() {
            assert_eq!(u64::from(touched), world.effects - before.0, "{name}: calls of the store");
        }
        assert_eq!(world.memory.commits, before.2, "{name}: a webhook marks, it never writes");
    }
    assert!(names.len() >= 50, "{}", names.len());
}

#[test]
fn what_google_really_sends_is_accepted() {
    let (mut world, _) = world();
    world.google.user_insert(ACCOUNT, &google_meeting("new", "2026-03-04T09:00:00", "2026-03-04T10:00:00")).unwrap();
    let sent = world.google.take_notifications(i64::MAX / 4);
    assert_eq!(sent.len(), 1);
    let notice =
        Notice { provider: ProviderKind::Google, query: String::new(), headers: sent[0].headers.clone(), body: vec![] };
    let answer = world.receive(&notice);
    assert_eq!((answer.status, answer.verdict.name()), (200, "changed"));
}
