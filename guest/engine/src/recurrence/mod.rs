//! Recurrence: rules, their text, their expansion, and series of events with overrides.
//!
//! Everything is computed on civil time; zones are asked last. Overrides are keyed by civil original start.

mod civil;
mod clock;
mod dates;
mod expand;
mod filter;
mod items;
pub mod limits;
mod place;
mod plan;
mod rule;
mod sets;
mod text;

pub use dates::{Dates, DatesError, DatesKind, ListedDate, format_dates, parse_dates};
pub use expand::{Budget, Expander, Last, OutOfStep, Spent};
pub use place::Place;
pub use rule::{Frequency, NDay, Rule, RuleError, Weekday};
