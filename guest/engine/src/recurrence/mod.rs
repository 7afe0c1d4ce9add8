//! Recurrence: rules, their text, their expansion, and series of events with overrides.
//!
//! Everything is computed on civil time; zones are asked last. Overrides are keyed by civil original start.
//!
//! Where RFC 5545 can be read in two ways, one is chosen here:
//! - YEARLY with BYMONTHDAY and without BYMONTH means that day of every month; YEARLY with BYWEEKNO and without BYDAY
//!   means all seven days.
//! - The years that INTERVAL counts are calendar years, also with BYWEEKNO.
//! - BYSETPOS counts in the whole period, also in the part of it before the start.
//! - A start that its rule does not produce is the first occurrence, and COUNT counts it; it is reported.
//! - UNTIL as a date includes that day. A second 60 is a second 59.
//! - Parts that RFC 5545 forbids together (BYWEEKNO in a monthly rule) narrow each other.

mod civil;
mod clock;
mod dates;
mod exception;
mod expand;
mod filter;
mod items;
pub mod limits;
mod moved;
mod occurrences;
mod patch;
mod place;
mod plan;
mod rule;
mod sentence;
mod series;
mod sets;
mod span;
mod split;
mod text;
mod times;
mod whole;
mod written;

pub use dates::{Dates, DatesError, DatesKind, ListedDate, format_dates, parse_dates};
pub use exception::{
    before_times, drop_awakened, drop_stale_overrides, exception, has_occurrence, override_patch, same_times, tidied,
};
pub use expand::{Budget, Expander, Last, OutOfStep, Spent};
pub use moved::move_rules;
pub use occurrences::{Occurrence, Occurrences, occurrences};
pub use patch::apply_patch;
pub use place::Place;
pub use rule::{Frequency, NDay, Rule, RuleError, Weekday};
pub use sentence::sentence;
pub use series::{Problem, Series, SeriesError, contains, occurrences_on, problems};
pub use span::span;
pub use split::{SplitError, split};
pub use times::{Time, Times, Window};
pub use whole::{BadPath, overlapping, take_back, whole};
