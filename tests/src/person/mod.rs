//! A person who edits a series in a provider's own pages, whatever provider it is.
//!
//! Each provider has a file here that does what its pages do for the three scopes. What a person sees is told in words
//! that no provider owns, so that one set of cases serves them all.

pub mod google;
pub mod microsoft;
pub(crate) mod outlook_rule;
mod words;

pub use words::{Change, Occurrence, Place, Window, length_minutes};

/// Somebody at a provider who owns a calendar there.
///
/// A calendar has one series at the beginning; a split makes two. `part` says which one is meant, 0 being the one that
/// starts first. Every method panics when the provider refuses: a case that cannot be played is no case.
pub trait Person {
    /// Make a series out of a JSCalendar event.
    fn make(&self, series: &serde_json::Value);

    /// Change or delete one occurrence.
    fn this(&self, part: usize, at: &Place, change: &Change);

    /// Change or delete an occurrence and all later ones.
    fn following(&self, part: usize, at: &Place, change: &Change);

    /// Change or delete a whole series.
    fn all(&self, part: usize, change: &Change);

    /// What is seen in a window, as often as it is seen.
    fn sees(&self, window: Window) -> Vec<Occurrence>;

    /// How many events and series there are; exceptions are not counted.
    fn series(&self) -> usize;

    /// What was written through the provider's interface so far: a person's own edits are not counted.
    fn writes(&self) -> u64;

    /// Mails that the provider sent to others.
    fn mails(&self) -> u64;

    /// Whether this provider has the way that a case needs (its `needs`). See `tests/cases/series/README.md`.
    fn has(&self, way: &str) -> bool;
}
