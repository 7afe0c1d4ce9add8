//! What Tandem promises its users, rule by rule, against the simulated Google. The names of the tests are the rules.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod channels;
mod deletions;
mod explain;
mod fairness;
mod guards;
mod modes;
mod pages;
mod paths;
mod policies;
mod read_only;
mod round_trip;
mod scopes;
mod series;
mod unanswered;
mod white_space;

use serde_json::{Value, json};
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_engine::sync::Outcome;
use tandem_providers::google::Config;
use tandem_tests::agenda::assert_equal;
use tandem_tests::world::{ACCOUNT, World, google_meeting, meeting};

/// An hour, in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

/// A world with these rules.
pub fn world_with(mode: ReplicaMode, policy: ConflictPolicy) -> World {
    World::with(Config { allow_http_webhooks: true, ..Config::default() }, mode, policy)
}

/// Put an event `a@app` on both sides, and give its id at Google.
pub fn share(world: &mut World) -> String {
    world.settle().unwrap();
    world.create(&meeting("a@app", "shared", "2026-03-03T09:00:00")).unwrap();
    idle(world);
    only_id(world)
}

/// The id of the only event at Google.
pub fn only_id(world: &World) -> String {
    let truth = world.google.truth(ACCOUNT);
    assert_eq!(truth.len(), 1, "{truth:?}");
    truth[0]["id"].as_str().unwrap().to_owned()
}

/// Settle; it must end idle.
pub fn idle(world: &mut World) {
    let outcome = world.settle().unwrap();
    assert!(matches!(outcome, Outcome::Idle(_)), "{outcome:?}");
}

/// Settle: both sides show the same, and nothing was set aside.
pub fn in_step(world: &mut World, when: &str) {
    idle(world);
    assert_equal(world, when);
    assert!(world.memory.failures.is_empty(), "{when}: {:?}", world.memory.failures.values().next());
}

/// Nothing more is written, however long one waits (invariant I4).
pub fn quiet(world: &mut World, when: &str) {
    let writes = world.google.counters().writes;
    let feed = world.memory.feed.len();
    for _ in 0..3 {
        world.poll().unwrap();
    }
    assert_eq!(world.google.counters().writes, writes, "{when}: an echo at Google");
    assert_eq!(world.memory.feed.len(), feed, "{when}: an echo here");
}

/// The owner makes an event in Google's pages.
pub fn made_there(world: &World, title: &str, day: u32) -> String {
    let [start, end] = [9, 10].map(|hour| format!("2026-03-{day:02}T{hour:02}:00:00"));
    let made = world.google.user_insert(ACCOUNT, &google_meeting(title, &start, &end)).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

/// A daily series at Google of that many occurrences from 2026-03-02 at nine in Berlin.
pub fn series_there(world: &World, title: &str, count: u32) -> String {
    let mut event = google_meeting(title, "2026-03-02T09:00:00", "2026-03-02T10:00:00");
    event["recurrence"] = json!([format!("RRULE:FREQ=DAILY;COUNT={count}")]);
    world.google.user_insert(ACCOUNT, &event).unwrap()["id"].as_str().unwrap().to_owned()
}

/// The local document with this title.
pub fn document(world: &World, title: &str) -> Value {
    world.titled(title).unwrap_or_else(|| panic!("nothing is called {title}")).1
}

/// Codes of what was set aside.
pub fn codes(world: &World) -> Vec<String> {
    world.memory.failures.values().map(|failure| failure.code.clone()).collect()
}
