//! Deterministic simulation: random histories of people, providers, faults and crashes under virtual time, lived through
//! by the linked engine or by the component that ships, and judged by an oracle outside of it.
//!
//! A seed becomes a [`history::History`], which is data; [`play::play`] lives it; the result says which invariants of
//! ARCHITECTURE.md did not hold. [`shrink::shrink`] makes a failing history small.

pub mod dice;
mod ending;
pub mod facts;
pub mod generate;
pub mod golden;
pub mod history;
mod ledger;
pub mod marks;
mod misfortunes;
mod observer;
pub mod people;
pub mod play;
pub mod run;
pub mod shrink;
mod stage;
mod trace;

pub use generate::generate;
pub use observer::{Observer, Violation};
pub use play::{Played, Tally, play};
pub use trace::Trace;
