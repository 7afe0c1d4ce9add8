//! Everything that tests of the whole engine share: a world of a calendar, a store and simulated providers, in which
//! time is virtual and every effect can be the last one before a crash.
#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it, and whatever is unexpected is to end them"
)]
#![cfg_attr(not(feature = "component"), allow(dead_code, reason = "some of a world is there for the component only"))]

pub mod agenda;
#[cfg_attr(not(feature = "component"), path = "component/absent.rs")]
mod component;
pub mod memory;
pub mod person;
pub mod simulation;
pub mod world;
