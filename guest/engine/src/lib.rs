//! The sync engine of Tandem.
//!
//! Pure: no clock, no I/O, no randomness, no order that depends on hashing. Every effect goes through
//! [`effects::Effects`], which the component implements over its imports and the tests in memory.

pub mod effects;
pub mod recurrence;
pub mod time;
