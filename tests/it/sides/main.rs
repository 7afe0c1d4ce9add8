//! Calendars with more than one side: Google, the application and Microsoft, all of them the same in the end.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod busy;
mod crash;
mod equal;
mod events;
mod regressions;

use serde_json::{Value, json};
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};
use tandem_engine::sync::Outcome;
use tandem_tests::world::{ACCOUNT, Sides, World};

/// A calendar with a replica at each provider.
pub(crate) fn three() -> World {
    let mut world = World::of(Sides::both(), ReplicaMode::TwoWay, ConflictPolicy::Newest);
    idle(&mut world);
    world
}

/// Settle; it must end idle, with nothing set aside.
pub(crate) fn idle(world: &mut World) {
    let outcome = world.settle().unwrap();
    assert!(matches!(outcome, Outcome::Idle(_)), "{outcome:?}");
    assert!(world.memory.failures.is_empty(), "{:?}", world.memory.failures.values().next());
}

/// Nothing more is written on any side, however long one waits (invariant I4).
pub(crate) fn quiet(world: &mut World) {
    for _ in 0..2 {
        world.poll().unwrap();
    }
    let count =
        |world: &World| (world.google.counters().writes, world.microsoft.counters().writes, world.memory.feed.len());
    let before = count(world);
    for _ in 0..3 {
        world.poll().unwrap();
    }
    assert_eq!(count(world), before, "an echo");
}

/// Live events at Google.
pub(crate) fn google(world: &World) -> Vec<Value> {
    world.google.truth(ACCOUNT).into_iter().filter(|event| event["status"] != "cancelled").collect()
}

/// Live events at Microsoft.
pub(crate) fn outlook(world: &World) -> Vec<Value> {
    world.microsoft.truth(ACCOUNT).into_iter().filter(|event| event["type"] != "cancelled").collect()
}

/// The titles on each side, sorted.
pub(crate) fn titles(world: &World) -> [Vec<String>; 3] {
    let of = |events: Vec<Value>, name: &str| {
        let mut all: Vec<String> =
            events.iter().map(|event| event[name].as_str().unwrap_or_default().to_owned()).collect();
        all.sort();
        all
    };
    let local = world.local().iter().map(|row| serde_json::from_str(&row.document).unwrap()).collect();
    [of(google(world), "summary"), of(local, "title"), of(outlook(world), "subject")]
}

/// An hour at Microsoft, in Berlin.
pub(crate) fn outlook_meeting(subject: &str, start: &str, end: &str) -> Value {
    let at = |time: &str| json!({"dateTime": time, "timeZone": "W. Europe Standard Time"});
    json!({"subject": subject, "start": at(start), "end": at(end)})
}
