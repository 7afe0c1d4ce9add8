//! What the demo does at a provider, whichever it is: look at the calendar as its user does, edit it in the provider's own
//! pages, and break things.

use chrono::NaiveDateTime;
use tandem_providers::{Fault, PushFault};

use super::entry::{Key, Seen};
use super::side::Side;
use super::trouble::Told;

/// What went to and fro, without the demo's own looks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traffic {
    /// Requests.
    pub(super) requests: u64,
    /// Writes to events.
    pub(super) writes: u64,
    /// Notifications that a fault lost.
    pub(super) lost: u64,
    /// Mails to other attendees.
    pub(super) mails: u64,
}

/// How a series repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Every {
    /// On the weekday of its start.
    Week,
    /// On the day of the month of its start.
    Month,
}

/// A side at a provider.
pub(super) trait Remote: Send + Sync {
    /// Which.
    fn side(&self) -> Side;
    /// The replica that keeps it the same.
    fn replica(&self) -> &'static str;

    /// Every occurrence that meets the window of milliseconds, expanded by the provider itself.
    fn window(&self, from_ms: i64, to_ms: i64) -> Told<Vec<Seen>>;
    /// The event that the application knows by `key`, if it is among those that changed since `since_ms`.
    fn find_new(&self, key: &Key, since_ms: i64) -> Told<Option<Seen>>;
    /// An event or one occurrence as it is now; none when it is deleted.
    fn event(&self, id: &str) -> Option<Seen>;
    /// How many events and series there are.
    fn live(&self) -> usize;
    /// How many events and series have this title.
    fn copies(&self, title: &str) -> usize;
    /// Events that are there twice.
    fn duplicates(&self) -> usize;

    /// The user makes an event of half an hour.
    fn create(&self, title: &str, start_ms: i64) -> Told<Seen>;
    /// The user makes a series of half hours without end, on the calendar's clock.
    fn create_series(&self, title: &str, start: NaiveDateTime, every: Every) -> Told<Seen>;
    /// The user renames an event, or the whole series of an occurrence.
    fn rename(&self, seen: &Seen, title: &str) -> Told<()>;
    /// The user moves an event or an occurrence an hour later, or a day when it has no time.
    fn postpone(&self, seen: &Seen) -> Told<()>;
    /// The user deletes an event, or cancels an occurrence.
    fn delete(&self, id: &str) -> Told<()>;
    /// The user renames an occurrence and all later ones.
    fn split(&self, occurrence: &Seen, title: &str) -> Told<()>;

    /// Figures.
    fn traffic(&self) -> Traffic;
    /// Answers with that status; 0 for a lost one.
    fn answers(&self, status: u16) -> u64;
    /// The next matching request goes wrong.
    fn plan(&self, fault: Fault);
    /// The next notification goes wrong.
    fn plan_push(&self, fault: PushFault);
    /// The provider forgets up to where it told everything.
    fn expire_token(&self);
    /// Nobody but the user may do anything any more.
    #[cfg(test)]
    fn cut_off(&self);
}
