//! Everything that tests of the whole engine share: a world of a calendar, a store and simulated providers, in which
//! time is virtual and every effect can be the last one before a crash.
#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it, and whatever is unexpected is to end them"
)]

pub mod agenda;
mod component;
pub mod memory;
pub mod person;
pub mod simulation;
pub mod world;
