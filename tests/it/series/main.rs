//! Cases of recurring series as data (`tests/cases/series`): each is played on both sides, and what a person then sees
//! must be what the case says, occurrence by occurrence, here and there. A program that shares nothing with the engine
//! or the simulators wrote the expectations (`tests/scripts/series_cases.py`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod case;
mod here;
mod run;

use case::Case;
use run::Made;
use tandem_tests::world::EngineKind;

/// Run every case of a file, with the series made here and made there; all failures are told at once. `TANDEM_CASE`
/// runs only cases whose name contains it.
fn every_case(file: &str, engine: EngineKind) {
    let only = std::env::var("TANDEM_CASE").unwrap_or_default();
    let cases = Case::read(file);
    let mut failures = Vec::new();
    let mut played = 0;
    for case in cases.iter().filter(|case| case.id.contains(&only)) {
        for made in [Made::Here, Made::There] {
            played += 1;
            if let Err(why) = run::run(case, made, engine) {
                failures.push(format!("{} (series made {made:?})\n{why}", case.id));
            }
        }
    }
    assert!(played > 0 || !only.is_empty(), "{file} has no cases");
    assert!(failures.is_empty(), "{} of {played} runs failed\n\n{}", failures.len(), failures.join("\n\n"));
}

/// The same cases with the engine linked into this program, and in the component that ships.
macro_rules! through_both {
    ($($name:ident: $file:literal,)*) => {
        mod native {
            $(#[test] fn $name() { super::every_case($file, super::EngineKind::Native); })*
        }
        mod component {
            $(#[test] fn $name() { super::every_case($file, super::EngineKind::Component); })*
        }
    };
}

through_both! {
    edits_of_one_occurrence: "this.jsonl",
    edits_of_an_occurrence_and_all_later_ones: "following.jsonl",
    edits_of_whole_series: "all.jsonl",
    edits_of_both_sides: "both.jsonl",
    edits_of_both_sides_in_turn: "steps.jsonl",
}

#[test]
#[ignore = "not solved yet: a second series does not say what it was split off from, so its occurrences are seen twice"]
fn edits_of_both_sides_that_are_not_solved_yet() {
    every_case("open.jsonl", EngineKind::Native);
}
