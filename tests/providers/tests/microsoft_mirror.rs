//! A reader that knows only the deltas of the simulated Microsoft holds what is really there, in every form of delta.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail by panicking"
)]

mod graph;

use std::collections::{BTreeMap, BTreeSet};

use graph::*;
use serde_json::{Value, json};
use tandem_providers::microsoft::{Config, ExceptionReset, OccurrenceRows, SeriesRemoval};
use tandem_providers::random::Random;

/// What a careful reader holds: rows by id.
#[derive(Default)]
struct Mirror(BTreeMap<String, Value>);

fn series_of(row: &Value) -> Option<&str> {
    row["seriesMasterId"].as_str()
}

impl Mirror {
    /// Takes a round: what a series shows replaces all that was held of it.
    fn take(&mut self, rows: &[Value]) {
        let shown: BTreeSet<&str> = rows.iter().filter_map(series_of).collect();
        self.0.retain(|_, row| !series_of(row).is_some_and(|series| shown.contains(series)));
        for row in rows {
            if row.get("@removed").is_some() {
                self.0.remove(id(row));
                self.0.retain(|_, held| series_of(held) != Some(id(row)));
            } else if row["type"] != "seriesMaster" {
                self.0.insert(id(row).to_owned(), row.clone());
            }
        }
    }

    fn times(&self) -> BTreeSet<String> {
        self.0.values().map(|row| format!("{} {} {}", row["id"], row["start"], row["end"])).collect()
    }
}

/// One edit of a person, at random.
fn edit(w: &World, random: &mut Random) {
    let day = 1 + random.below(80);
    let date = chrono::NaiveDate::from_ymd_opt(2026, 3, 1).unwrap() + chrono::Days::new(day);
    let hour = 8 + random.below(8);
    let times = json!({
        "start": at(&format!("{date}T{hour:02}:00:00")), "end": at(&format!("{date}T{:02}:00:00", hour + 1)),
    });
    let all = w.graph.truth(ME);
    let singles: Vec<&Value> = all.iter().filter(|row| row["type"] == "singleInstance").collect();
    let masters: Vec<&Value> = all.iter().filter(|row| row["type"] == "seriesMaster").collect();
    match random.below(8) {
        0 | 1 => {
            w.graph.user_insert(ME, &times).unwrap();
        }
        2 => {
            let mut body = times;
            let pattern = json!({ "type": "daily", "interval": 3 });
            let range = json!({ "type": "numbered", "startDate": date.to_string(), "numberOfOccurrences": 6 });
            body["recurrence"] = json!({ "pattern": pattern, "range": range });
            w.graph.user_insert(ME, &body).unwrap();
        }
        3 => {
            if let Some(single) = random.pick(&singles) {
                w.graph.user_patch(ME, id(single), &times).unwrap();
            }
        }
        4 => {
            let any: Vec<&Value> = singles.into_iter().chain(masters).collect();
            if let Some(event) = random.pick(&any).filter(|_| random.chance(400)) {
                w.graph.user_delete(ME, id(event)).unwrap();
            }
        }
        5 => {
            if let Some(master) = random.pick(&masters) {
                // The rule follows the start.
                let mut body = times;
                body["recurrence"] = master["recurrence"].clone();
                body["recurrence"]["pattern"] = json!({ "type": "daily", "interval": 2 });
                body["recurrence"]["range"]["startDate"] = json!(date.to_string());
                w.graph.user_patch(ME, id(master), &body).unwrap();
            }
        }
        _ => {
            let Some(master) = random.pick(&masters) else { return };
            let found = w.graph.occurrences(ME, id(master), 0, i64::MAX / 4);
            let Some(one) = random.pick(&found) else { return };
            if random.chance(300) {
                w.graph.user_delete(ME, id(one)).unwrap();
            } else {
                let text = one["start"]["dateTime"].as_str().unwrap();
                let moved = format!("{}T{:02}:30:00", &text[..10], 8 + random.below(8));
                let end = format!("{}T18:00:00", &text[..10]);
                w.graph.user_patch(ME, id(one), &json!({ "start": at(&moved), "end": at(&end) })).unwrap();
            }
        }
    }
}

fn run(seed: u64) {
    let mut random = Random::new(seed);
    let removals = [SeriesRemoval::Master, SeriesRemoval::Occurrences, SeriesRemoval::Both];
    let resets = [ExceptionReset::Any, ExceptionReset::PatternOrTime, ExceptionReset::Never];
    let config = Config {
        seed,
        occurrence_rows: if random.chance(500) { OccurrenceRows::Bare } else { OccurrenceRows::Full },
        master_rows: random.chance(500),
        series_removal: *random.pick(&removals).unwrap(),
        exception_reset: *random.pick(&resets).unwrap(),
        removed_outside_window: random.chance(500),
        shuffle: random.chance(500).then_some(seed),
        repeats: random.chance(300),
        empty_first_page: random.chance(300),
        drift_after_ms: random.chance(500).then_some(2_000),
        ..Config::default()
    };
    let mut w = world_with(config);
    w.prefer = vec![format!("odata.maxpagesize={}", 1 + random.below(9))];
    let mut mirror = Mirror::default();
    let first = w.view_delta();
    mirror.take(&first.rows);
    let mut link = first.link;
    for step in 0..50 {
        for _ in 0..1 + random.below(4) {
            edit(&w, &mut random);
            w.clock.advance(500);
        }
        let round = w.listing(&link);
        mirror.take(&round.rows);
        link = round.link;
        let truth = w.listing(&format!("/v1.0/me/calendarView?{WINDOW}&$top=1000"));
        let mut there = Mirror::default();
        there.take(&truth.rows);
        assert_eq!(mirror.times(), there.times(), "seed {seed}, step {step}");
    }
    assert!(!mirror.0.is_empty(), "seed {seed}");
}

#[test]
fn a_reader_of_deltas_holds_what_the_window_shows() {
    for seed in 1..=10 {
        run(seed);
    }
}
