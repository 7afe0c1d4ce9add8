//! Plays one case and says what is wrong afterwards.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;
use tandem_engine::sync::Outcome;
use tandem_engine::time::format_rfc3339;
use tandem_tests::person::Occurrence;
use tandem_tests::world::{EngineKind, World};

use crate::case::{Case, Step};
use crate::here;
use crate::setup::{People, SetUp, inexpressible};

/// How long lies between two edits, so that one of them is the later: virtual time.
const BETWEEN_EDITS_MS: i64 = 2_000;

/// Which side makes the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// The application.
    Here,
    /// The remote person.
    There,
}

/// How a run ended.
pub(crate) enum Ran {
    /// All is as the case says.
    Right,
    /// The case cannot be played in this set-up, for this reason.
    Skipped(String),
    /// What differs from what the case says.
    Wrong(String),
}

/// Run a case; `number` is its place in its file.
pub(crate) fn run(case: &Case, number: usize, made: Made, setup: SetUp, engine: EngineKind) -> Ran {
    let (mut world, people) = setup.world(case, number, engine);
    if let Some(reason) = setup.refuses(case, &people) {
        return Ran::Skipped(reason);
    }
    let mut set_aside = Vec::new();
    let played = catch_unwind(AssertUnwindSafe(|| play(case, made, &mut world, &people, &mut set_aside)));
    let found = played.unwrap_or_else(|panic| vec![format!("  {}", message(panic.as_ref()))]);
    // What a later edit repaired counts too: the sides were not the same when it was made.
    set_aside.extend(codes(&world));
    let refused = set_aside.iter().chain(&found).find_map(|refusal| inexpressible(case, refusal));
    match refused {
        Some(reason) => Ran::Skipped(reason.to_owned()),
        None if found.is_empty() => Ran::Right,
        None => Ran::Wrong(found.join("\n")),
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

fn codes(world: &World) -> impl Iterator<Item = String> {
    world.memory.failures.values().map(|failure| failure.code.clone())
}

/// Play a case; what is wrong then. Codes of what was set aside between the edits are kept.
fn play(case: &Case, made: Made, world: &mut World, people: &People, set_aside: &mut Vec<String>) -> Vec<String> {
    let person = people[0].1.as_ref();
    idle(world);
    match made {
        Made::Here => {
            let mut series = case.series.clone();
            series["uid"] = json!("series@app");
            world.create(&series).expect("the application can make the series");
        }
        Made::There => person.make(&case.series),
    }
    idle(world);
    for step in &case.edits {
        world.clock.advance(BETWEEN_EDITS_MS);
        match step {
            Step::Sync => {
                idle(world);
                set_aside.extend(codes(world));
            }
            Step::Edit(edit) if edit.here => here::edit(world, edit),
            Step::Edit(edit) => match (edit.scope.as_str(), &edit.at) {
                ("this", Some(at)) => person.this(edit.part, at, &edit.change),
                ("following", Some(at)) => person.following(edit.part, at, &edit.change),
                ("all", None) => person.all(edit.part, &edit.change),
                other => panic!("not an edit: {other:?}"),
            },
        }
    }
    idle(world);
    for _ in 0..2 {
        poll(world);
    }
    let mut wrong = compare(case, world, people);
    // Nobody edits any more: nothing more is written, and all stays as it is (invariant I4).
    let writes = || people.iter().map(|(_, person)| person.writes()).collect::<Vec<_>>();
    let (before, feed) = (writes(), world.memory.feed.len());
    for _ in 0..2 {
        poll(world);
    }
    if writes() != before || world.memory.feed.len() != feed {
        wrong.push("  an echo: something is written although nobody edits".to_owned());
    }
    if wrong.is_empty() { compare(case, world, people) } else { wrong }
}

fn idle(world: &mut World) {
    let outcome = world.settle().unwrap();
    assert!(matches!(outcome, Outcome::Idle(_)), "it does not come to rest: {outcome:?}");
}

fn poll(world: &mut World) {
    let outcome = world.poll().unwrap();
    assert!(matches!(outcome, Outcome::Idle(_)), "it does not come to rest: {outcome:?}");
}

fn compare(case: &Case, world: &mut World, people: &People) -> Vec<String> {
    let mut wrong = Vec::new();
    differences("here", &case.seen, &here::sees(world, case.window), &mut wrong);
    for (side, person) in people {
        differences(side, &case.seen, &person.sees(case.window), &mut wrong);
    }
    let mut number = |what: &str, expected: usize, found: usize| {
        if expected != found {
            wrong.push(format!("  {what}: expected {expected}, found {found}"));
        }
    };
    number("series here", case.parts, world.local().len());
    for (side, person) in people {
        number(&format!("series at {side}"), case.parts, person.series());
        number(&format!("mails of {side}"), 0, usize::try_from(person.mails()).unwrap());
    }
    number("conflicts", case.conflicts, world.memory.conflicts.len());
    number("still queued", 0, world.memory.queue.len());
    if case.conflicts != world.memory.conflicts.len() {
        wrong.extend(world.memory.conflicts.values().map(|conflict| format!("  {conflict:?}")));
    }
    for failure in world.memory.failures.values() {
        wrong.push(format!("  set aside: {} {}", failure.code, failure.detail));
    }
    wrong
}

/// The lines that only one of two sorted lists has.
fn differences(side: &str, expected: &[Occurrence], found: &[Occurrence], wrong: &mut Vec<String>) {
    let mut left: Vec<&Occurrence> = found.iter().collect();
    for one in expected {
        match left.iter().position(|other| *other == one) {
            Some(at) => drop(left.remove(at)),
            None => wrong.push(format!("  {side}, missing: {}", line(one))),
        }
    }
    wrong.extend(left.into_iter().map(|one| format!("  {side}, too many: {}", line(one))));
}

fn line(one: &Occurrence) -> String {
    let at = format_rfc3339(one.start_ms).unwrap_or_default();
    let day = if one.all_day { " all day" } else { "" };
    format!(
        "{at}{day} {} min {:?} @{:?} #{:?} {:?}",
        one.minutes, one.title, one.location, one.description, one.participants
    )
}
