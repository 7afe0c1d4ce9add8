//! Fuzz targets of the engine: what comes from outside may be anything.
//!
//! `cargo test` gives every target the same few hundred inputs; `TANDEM_FUZZ_SECONDS=60` goes on with new ones for so
//! long, each target by itself. A failing input prints its seed: `TANDEM_FUZZ_SEED=0x... cargo test -p tandem-engine
//! --test fuzz TARGET` runs it alone. Inputs that found something stay in `regressions.rs`, written out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs,
    dead_code,
    unreachable_pub,
    reason = "tests; the store is shared with tests that use more of it"
)]

mod documents;
mod harness;
#[path = "../../../../tests/src/memory/mod.rs"]
mod memory;
mod mutate;
mod pages;
mod regressions;
mod rules;
mod webhooks;
mod world;
