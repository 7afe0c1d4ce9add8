//! A short simulation: fixed seeds, the histories of bugs that were found, and the proof that the linked engine and the
//! component that ships live the same history. The long run is `simulate`; see CONTRIBUTING.md.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;

use tandem_engine::seeded::Bug;
use tandem_tests::simulation::history::{Act, History};
use tandem_tests::simulation::marks::Mark;
use tandem_tests::simulation::run::seeds_to_find;
use tandem_tests::simulation::{Played, Tally, generate, golden, play};
use tandem_tests::world::EngineKind;

/// Histories that the linked engine lives.
const NATIVE: u64 = 180;
/// Histories that the component lives.
const SHIPPED: u64 = 40;

fn lived(history: &History, engine: EngineKind, name: &str) -> Played {
    let played = play(history, engine, false);
    let violations = &played.violations;
    assert!(violations.is_empty(), "{name} {engine:?}: {violations:#?}\n{}", serde_json::to_string(history).unwrap());
    played
}

#[test]
fn nothing_is_violated_in_some_histories() {
    let mut tally = Tally::default();
    let mut marks = std::collections::BTreeSet::new();
    for seed in 0..NATIVE {
        let played = lived(&generate(seed), EngineKind::Native, &format!("seed {seed}"));
        tally.add(&played.tally);
        marks.extend(played.marks.0);
    }
    // The histories are worth their name.
    assert!(tally.edits > 800 && tally.faults.len() > 20 && tally.deaths > 30, "{tally:?}");
    assert!(marks.len() > 40 && marks.contains(&Mark::LeaseLost), "{marks:?}");
}

#[test]
#[cfg_attr(not(feature = "component"), ignore = "the component is not built in")]
fn nothing_is_violated_through_the_component() {
    for seed in 0..SHIPPED {
        lived(&generate(seed), EngineKind::Component, &format!("seed {seed}"));
    }
}

#[test]
#[cfg_attr(not(feature = "component"), ignore = "the component is not built in")]
fn sqlite_says_what_the_memory_says_whatever_goes_wrong() {
    for seed in 0..SHIPPED {
        lived(&generate(seed), EngineKind::Sqlite, &format!("seed {seed}"));
    }
}

#[test]
fn what_was_found_once_stays_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/histories");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|file| file.extension().is_some_and(|kind| kind == "json"));
    assert!(!files.is_empty());
    for file in files {
        let history: History = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        lived(&history, EngineKind::Native, &file.display().to_string());
    }
}

#[test]
#[cfg_attr(not(feature = "component"), ignore = "the component is not built in")]
fn the_same_seed_is_the_same_history_natively_and_through_the_component() {
    for seed in 100..112 {
        let history = generate(seed);
        let native = play(&history, EngineKind::Native, true);
        let shipped = play(&history, EngineKind::Component, true);
        let again = play(&history, EngineKind::Native, true);
        assert!(native.trace.len() > 1_000, "seed {seed}: {} bytes are no history", native.trace.len());
        assert!(native.trace == again.trace && native.hash == again.hash, "seed {seed}: not the same twice");
        let line = |played: &Played, at: usize| played.trace.lines().nth(at).unwrap_or_default().to_owned();
        if native.trace != shipped.trace {
            let at = native.trace.lines().zip(shipped.trace.lines()).take_while(|(a, b)| a == b).count();
            panic!("seed {seed}, line {at}\nnative:    {}\ncomponent: {}", line(&native, at), line(&shipped, at));
        }
        assert_eq!(native.hash, shipped.hash, "seed {seed}");
    }
}

#[test]
fn one_fault_more_does_not_change_what_people_do() {
    let edits = |history: &History| {
        let edits = history.acts.iter().filter(|act| matches!(act, Act::Edit(_))).cloned();
        edits.collect::<Vec<Act>>()
    };
    for seed in 0..50 {
        let (mut history, same) = (generate(seed), generate(seed));
        assert_eq!(history, same);
        let before = edits(&history);
        history.acts.retain(|act| !matches!(act, Act::Fault { .. }));
        assert_eq!(edits(&history), before);
        let written: History = serde_json::from_str(&serde_json::to_string(&same).unwrap()).unwrap();
        assert_eq!(written, same, "a history can be written down");
    }
}

#[test]
fn golden_scenarios_outlive_some_deaths() {
    // `simulate --golden` dies after every effect; here each scenario dies after a few.
    for scenario in golden::all() {
        for after in [1, 5, 9, 14, 21] {
            lived(
                &scenario.with_deaths(&[after]),
                EngineKind::Native,
                &format!("{}, dead after {after}", scenario.name),
            );
        }
    }
}

#[test]
fn golden_scenarios_outlive_some_rivals() {
    // `simulate --races` edits after every effect, with a rival around it; here in one place, where the bug was that it found.
    for scenario in golden::all() {
        for edit in scenario.edits() {
            lived(
                &scenario.with_race(&edit, 4, 5),
                EngineKind::Native,
                &format!("{}, {edit:?}, and a rival", scenario.name),
            );
        }
    }
}

#[test]
fn planted_bugs_are_found() {
    // `simulate --bugs` looks for all of them; these take few seeds from here.
    let from = 140;
    let bugs = [
        (Bug::NoIfMatch, "I7"),
        (Bug::NoLease, "I10"),
        (Bug::MergeTakesRemote, "I1"),
        (Bug::DeletionBeatsEdit, "I1"),
        (Bug::RandomId, "I2"),
        (Bug::MailSent, "I17"),
        (Bug::FailedWriteForgotten, "I5"),
    ];
    for (bug, invariant) in bugs {
        let (seeds, violation) = seeds_to_find(bug, from, 60).unwrap_or_else(|| panic!("{bug:?} is not found"));
        assert_eq!(violation.invariant, invariant, "{bug:?} after {seeds} seeds: {}", violation.what);
    }
}
