//! A large calendar: everything is found once, and a delta does not look at the rest.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod world;

use std::collections::BTreeSet;

use serde_json::json;
use world::*;

#[test]
fn a_calendar_of_many_events_is_listed_completely_and_its_delta_is_small() {
    let w = world();
    w.google.generate(ME, 20_000, 3).unwrap();
    assert_eq!(w.google.live_count(ME), 20_000);
    let (items, token) = w.listing("maxResults=2500");
    let ids: BTreeSet<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), items.len());
    assert_eq!(ids.len(), w.google.truth(ME).len());
    let single = items.iter().find(|item| item.get("recurrence").is_none() && item["status"] == "confirmed").unwrap();
    w.patch(single["id"].as_str().unwrap(), &json!({ "summary": "changed" }));
    let (delta, _) = w.listing(&format!("syncToken={token}"));
    assert_eq!(delta.len(), 1);
}
