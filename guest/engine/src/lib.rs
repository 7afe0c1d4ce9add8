//! The sync engine of Tandem.
//!
//! Pure: no clock, no I/O, no randomness, no order that depends on hashing. Every effect goes through
//! [`effects::Effects`], which the component implements over its imports and the tests in memory.
//!
//! Start with [`sync::plan`]: the one table that decides what happens to an event.

pub mod agenda;
pub mod backoff;
pub mod conflicts;
pub mod editing;
pub mod effects;
pub mod event;
pub mod explain;
pub mod id;
pub mod limits;
pub mod provider;
pub mod recurrence;
pub mod seeded;
pub mod sync;
pub mod time;
pub mod webhooks;
