//! Seeded histories: both sides edit, answers are lost, tokens are lost, subscriptions end; at last both sides show the
//! same.

use serde_json::{Value, json};
use tandem_engine::editing::Action;
use tandem_providers::microsoft::{Config, EventsDelta, ExceptionReset, RepeatedTransaction};
use tandem_providers::{Fault, FaultKind};

use crate::world::{ACCOUNT, World, meeting, outlook_meeting};

/// Histories of each way of listing.
const SEEDS: u64 = 90;
/// Edits in a history.
const EDITS: usize = 30;

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        if all.is_empty() { None } else { Some(all[self.below(all.len())].clone()) }
    }
}

fn config(seed: u64) -> Config {
    Config {
        seed,
        events_delta: [EventsDelta::Full, EventsDelta::Minimal, EventsDelta::BadRequest][(seed % 3) as usize],
        exception_reset: [ExceptionReset::Any, ExceptionReset::Never, ExceptionReset::PatternOrTime]
            [(seed / 3 % 3) as usize],
        repeated_transaction: [RepeatedTransaction::Created, RepeatedTransaction::Conflict][(seed / 2 % 2) as usize],
        shuffle: seed.is_multiple_of(4).then_some(seed),
        repeats: seed.is_multiple_of(5),
        page_limit: seed.is_multiple_of(2).then_some(3),
        occurrence_properties: !seed.is_multiple_of(7),
        instances_omit_exceptions: seed.is_multiple_of(14),
        ..Config::default()
    }
}

fn here(world: &mut World, random: &mut Random, n: usize) {
    let all = world.local();
    let event = random.pick(&all);
    let uid = event.as_ref().map(|event| event["uid"].as_str().unwrap().to_owned());
    let day = random.below(20) + 1;
    match (random.below(7), uid) {
        (0 | 1, _) | (_, None) => {
            let mut new = meeting(&format!("uid-{n}"), &format!("here {n}"), &format!("2026-04-{day:02}T09:00:00"));
            if random.below(2) == 0 {
                new["recurrenceRules"] = json!([{"@type": "RecurrenceRule", "frequency": "daily", "count": 5}]);
            }
            world.create(&new);
        }
        (2, Some(uid)) => world.patch(&uid, &json!({"title": format!("here {n}")})),
        (3, Some(uid)) => world.patch(&uid, &json!({"duration": format!("PT{}M", 15 + random.below(60))})),
        (4, Some(uid)) => world.edit(Some(&uid), None, Action::Delete),
        (choice, Some(uid)) => {
            let Some((id, _)) = random.pick(&shown(&event.unwrap())) else { return };
            if id.is_empty() {
                return;
            }
            let action = match choice {
                5 => Action::Delete,
                _ => Action::Patch(json!({"title": format!("one {n}")}).to_string()),
            };
            world.edit(Some(&uid), Some(&id), action);
        }
    }
}

fn there(world: &mut World, random: &mut Random, n: usize) {
    let all = world.remote();
    let event = random.pick(&all);
    let id = event.as_ref().map(|event| event["id"].as_str().unwrap().to_owned());
    let day = random.below(20) + 1;
    let microsoft = &world.microsoft;
    let done = match (random.below(7), id) {
        (0 | 1, _) | (_, None) => {
            let date = format!("2026-04-{day:02}");
            let mut new =
                outlook_meeting(&format!("there {n}"), &format!("{date}T09:00:00"), &format!("{date}T10:00:00"));
            if random.below(2) == 0 {
                new["recurrence"] = json!({"pattern": {"type": "daily", "interval": 1},
                    "range": {"type": "numbered", "startDate": date, "numberOfOccurrences": 5}});
            }
            microsoft.user_insert(ACCOUNT, &new).map(|_| ())
        }
        (2 | 3, Some(id)) => microsoft.user_patch(ACCOUNT, &id, &json!({"subject": format!("there {n}")})).map(|_| ()),
        (4, Some(id)) => microsoft.user_delete(ACCOUNT, &id),
        (choice, Some(id)) => {
            let occurrences = microsoft.occurrences(ACCOUNT, &id, 0, i64::MAX / 4);
            let Some(one) = random.pick(&occurrences) else { return };
            let id = one["id"].as_str().unwrap();
            match choice {
                5 => microsoft.user_delete(ACCOUNT, id),
                _ => microsoft.user_patch(ACCOUNT, id, &json!({"subject": format!("one {n}")})).map(|_| ()),
            }
        }
    };
    done.unwrap();
}

/// The occurrences of a local event: recurrence id (empty for a single event), and what is shown.
fn shown(event: &Value) -> Vec<(String, String)> {
    let start = event["start"].as_str().unwrap();
    let line = |start: &str, title: &Value| format!("{start} {}", title.as_str().unwrap_or_default());
    let Some(rules) = event["recurrenceRules"].as_array() else {
        return vec![(String::new(), line(start, &event["title"]))];
    };
    let count = rules[0]["count"].as_u64().unwrap();
    let first = tandem_engine::time::parse_rfc3339(&format!("{start}Z")).unwrap();
    let ids = (0..count).map(|n| {
        let at = first + i64::try_from(n).unwrap() * 86_400_000;
        tandem_engine::time::format_rfc3339(at).unwrap().trim_end_matches('Z').to_owned()
    });
    let mut all = Vec::new();
    for id in ids {
        let patch = &event["recurrenceOverrides"][&id];
        if patch["excluded"] != true {
            let title = if patch["title"].is_string() { &patch["title"] } else { &event["title"] };
            all.push((id.clone(), line(&id, title)));
        }
    }
    all
}

fn here_shown(world: &World) -> Vec<String> {
    let mut all: Vec<String> = world.local().iter().flat_map(shown).map(|(_, line)| line).collect();
    all.sort();
    all
}

fn there_shown(world: &World) -> Vec<String> {
    let line = |event: &Value| {
        let start = event["start"]["dateTime"].as_str().unwrap();
        format!("{} {}", &start[..19], event["subject"].as_str().unwrap())
    };
    let mut all = Vec::new();
    for event in world.remote() {
        if event["type"] == "singleInstance" {
            all.push(line(&event));
        } else {
            let id = event["id"].as_str().unwrap();
            all.extend(world.microsoft.occurrences(ACCOUNT, id, 0, i64::MAX / 4).iter().map(line));
        }
    }
    all.sort();
    all
}

fn trouble(world: &mut World, random: &mut Random) {
    let any = |kind| Fault::next(kind);
    match random.below(14) {
        0 => world.microsoft.plan(any(FaultKind::LostAnswer)),
        1 => world.microsoft.plan(any(FaultKind::ServerErrorAfterApplying(503)).after(1)),
        2 => world.microsoft.plan(any(FaultKind::LostRequest)),
        3 => world.microsoft.plan(any(FaultKind::TooManyRequests { retry_after_s: Some(5) })),
        4 => world.microsoft.plan(any(FaultKind::Truncated).after(2)),
        5 => world.microsoft.plan(any(FaultKind::PreconditionFailed).on_method("PATCH")),
        6 => world.microsoft.expire_delta_tokens(ACCOUNT),
        7 => world.microsoft.drop_subscriptions(random.below(2) == 0),
        _ => {}
    }
}

#[test]
fn both_sides_end_the_same() {
    let mut kept = 0;
    let only = std::env::var("TANDEM_SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    for seed in only.map_or(0..SEEDS, |seed| seed..seed + 1) {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1);
        let mut world = World::new(config(seed)).with_push();
        for n in 0..EDITS {
            match random.below(3) {
                0 => here(&mut world, &mut random, n),
                1 => there(&mut world, &mut random, n),
                _ => {
                    trouble(&mut world, &mut random);
                    for _ in 0..random.below(12) {
                        world.deliver();
                        if let tandem_engine::sync::Outcome::Retry { at_ms, .. } = world.step() {
                            world.clock.set(i64::try_from(at_ms).unwrap());
                        }
                    }
                    world.clock.advance(1_000);
                }
            }
        }
        world.microsoft.clear_faults();
        for _ in 0..5 {
            world.poll();
            world.accept_deletions();
        }
        let failures = &world.memory.failures;
        // An occurrence deleted there and edited here lives on here alone: Graph cannot bring it back, and says so.
        if world.failures().iter().any(|code| code == "deleted-occurrence") {
            kept += 1;
            continue;
        }
        assert_eq!(here_shown(&world), there_shown(&world), "seed {seed}: {failures:#?} {:#?}", world.memory.queue);
        assert!(world.microsoft.duplicates(ACCOUNT).is_empty(), "seed {seed}");
        world.rests();
    }
    assert!(kept < SEEDS / 4, "{kept}");
}
