//! Recurrence: rules, their text, their expansion, and series of events with overrides.
//!
//! Everything is computed on civil time; zones are asked last. Overrides are keyed by civil original start.

mod civil;
mod clock;
mod dates;
mod exception;
mod expand;
mod filter;
mod items;
pub mod limits;
mod occurrences;
mod patch;
mod place;
mod plan;
mod rule;
mod series;
mod sets;
mod span;
mod split;
mod text;

pub use dates::{Dates, DatesError, DatesKind, ListedDate, format_dates, parse_dates};
pub use exception::{exception, override_patch};
pub use expand::{Budget, Expander, Last, OutOfStep, Spent};
pub use occurrences::{Occurrence, Occurrences, Window, occurrences};
pub use patch::apply_patch;
pub use place::Place;
pub use rule::{Frequency, NDay, Rule, RuleError, Weekday};
pub use series::{Problem, SeriesError, contains, occurrences_on, problems};
pub use span::span;
pub use split::{SplitError, split};
