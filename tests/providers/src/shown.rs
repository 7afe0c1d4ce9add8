//! What people see and what they wrote, as plain values: for a test's oracle, which asks too often to read JSON.
//! Invariant: nothing here is an answer to a request; a provider fills it from the rows that its answers are made of.

use std::borrow::Cow;

/// An event or an occurrence as it stands in the calendar's pages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// Milliseconds since the Unix epoch; for all-day events the midnight in UTC of the day.
    pub start_ms: i64,
    /// Exclusive, as `start_ms`.
    pub end_ms: i64,
    /// Whole days.
    pub all_day: bool,
    /// The title.
    pub title: String,
    /// The first location's name.
    pub place: String,
    /// The notes as text.
    pub notes: String,
}

/// What people wrote in an event, a series or a changed occurrence of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<'a> {
    /// The provider's id.
    pub id: Cow<'a, str>,
    /// The title of the series that a changed occurrence belongs to; none for everything else.
    pub series: Option<&'a str>,
    /// The title.
    pub title: &'a str,
    /// The first location's name.
    pub place: &'a str,
    /// The notes as they are kept, maybe HTML.
    pub notes: &'a str,
    /// The start on the wall clock of its own zone, `2026-03-05T10:17:00` and maybe more; empty where there is only a
    /// date.
    pub start: Cow<'a, str>,
}
