//! The engine against the simulated Microsoft Graph: each rule of its difference from other providers once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    dead_code,
    unreachable_pub,
    reason = "tests; the store is shared with tests that use more of it"
)]

mod apart;
mod calendar;
mod channels;
mod crash;
mod errors;
mod histories;
mod listing;
#[path = "../../../../tests/src/memory/mod.rs"]
mod memory;
mod occurrences;
mod poison;
mod removals;
mod series;
mod singles;
mod world;
