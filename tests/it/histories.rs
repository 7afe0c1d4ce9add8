//! Random histories of both sides, with faults and crashes. `TANDEM_SEED=n` runs one, `TANDEM_SEEDS=n` that many.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use tandem_tests::history::{Tally, run};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn both_sides_are_equal_after_any_history() {
    if let Some(seed) = number("TANDEM_SEED") {
        let _ = run(seed, 25);
        return;
    }
    let mut total = Tally::default();
    for seed in 0..number("TANDEM_SEEDS").unwrap_or(80) {
        let tally = run(seed, 25);
        total.local += tally.local;
        total.remote += tally.remote;
        total.faults += tally.faults;
        total.deaths += tally.deaths;
    }
    // The histories are worth their name.
    assert!(total.local > 800 && total.remote > 800 && total.faults > 200 && total.deaths > 80, "{total:?}");
}
