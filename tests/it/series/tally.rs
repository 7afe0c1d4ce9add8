//! Runs the cases of a file in a set-up, and counts them. What is skipped or known to fail is told with its reason on
//! standard error, and its number is compared: nothing is left out in silence.

use std::collections::BTreeMap;
use std::io::Write as _;

use tandem_tests::world::EngineKind;

use crate::case::Case;
use crate::run::{self, Made, Ran};
use crate::setup::SetUp;

/// Of the cases with Microsoft, the component plays every third: a call into it costs much more than one of the linked
/// engine.
const COMPONENT_STRIDE: usize = 3;

/// Runs that do not end as they should: file, set-up, the case, who made the series, and why.
const KNOWN: [(&str, SetUp, &str, Made, &str); 0] = [];

/// Most runs that Outlook cannot play, of each file: a new reason to skip is a change of this table. Google plays all.
const MOST_SKIPPED: [(&str, usize); 5] =
    [("this.jsonl", 32), ("following.jsonl", 17), ("all.jsonl", 40), ("both.jsonl", 24), ("steps.jsonl", 9)];

/// Run every case of a file, with the series made here and made there; all failures are told at once. `TANDEM_CASE`
/// runs only cases whose name contains it.
pub(crate) fn every_case(file: &str, setup: SetUp, engine: EngineKind) {
    let only = std::env::var("TANDEM_CASE").unwrap_or_default();
    let stride = if setup != SetUp::Google && engine == EngineKind::Component { COMPONENT_STRIDE } else { 1 };
    let (mut right, mut wrong, mut skipped) = (0, Vec::new(), BTreeMap::<String, Vec<String>>::new());
    for (number, case) in Case::read(file).iter().enumerate().step_by(stride) {
        if !case.id.contains(&only) {
            continue;
        }
        for made in [Made::Here, Made::There] {
            let name = format!("{} (series made {made:?})", case.id);
            let known = KNOWN.iter().find(|row| (row.0, row.1, row.2, row.3) == (file, setup, case.id.as_str(), made));
            match (run::run(case, number, made, setup, engine), known) {
                (Ran::Right, None) => right += 1,
                (Ran::Right, Some(_)) => wrong.push(format!("{name}\n  is right now: take it off the list")),
                (Ran::Skipped(reason), _) => skipped.entry(reason).or_default().push(name),
                (Ran::Wrong(_), Some(row)) => skipped.entry(format!("KNOWN: {}", row.4)).or_default().push(name),
                (Ran::Wrong(why), None) => wrong.push(format!("{name}\n{why}")),
            }
        }
    }
    tell(file, setup, engine, right, &skipped);
    let most = MOST_SKIPPED.iter().find(|row| row.0 == file && setup != SetUp::Google).map_or(0, |row| row.1);
    let all_skipped: usize = skipped.values().map(Vec::len).sum();
    assert!(all_skipped <= most, "{all_skipped} runs of {file} were skipped, and {most} at most should be");
    assert!(right > 0 || !only.is_empty(), "no case of {file} was played");
    let all = right + wrong.len();
    assert!(wrong.is_empty(), "{} of {all} runs failed\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// What was played and what was not, past the capture of the test runner.
fn tell(file: &str, setup: SetUp, engine: EngineKind, right: usize, skipped: &BTreeMap<String, Vec<String>>) {
    let mut text = format!("{file} {setup:?} {engine:?}: {right} runs right\n");
    for (reason, names) in skipped {
        text.push_str(&format!("  {} not played: {reason}\n", names.len()));
        if std::env::var_os("TANDEM_SKIPPED").is_some() {
            text.extend(names.iter().map(|name| format!("    {name}\n")));
        }
    }
    drop(std::io::stderr().write_all(text.as_bytes()));
}
