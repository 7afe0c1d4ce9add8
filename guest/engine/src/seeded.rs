//! Bugs that a test can switch on, to see that the simulation finds each of them. Without the feature `seeded-bugs`,
//! which only the tests enable, nothing can be switched on, and nothing of this is in the component.

/// A bug. Each is one that calendars really have had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Bug {
    CursorStoredEarly,
    NoIfMatch,
    SentInsteadOfReturned,
    OrphansDropped,
    NoGuard,
    NoSweep,
    OldGeneration,
    RandomId,
    NoMark,
    MarkIgnored,
    ChangedMeansDone,
    NoLease,
    NoConflictRecord,
    DeletionBeatsEdit,
    RemovalBelieved,
    LastRowLost,
    MergeTakesRemote,
    OverridesAsOne,
    FailedWriteForgotten,
    ReadOnlyIgnored,
    MailSent,
    ForgeryBelieved,
    LostExceptionUnrecorded,
    NewsOverwritten,
    BlindSeriesWrite,
    OwnWriteTakenForEdit,
    OthersNotTold,
    DuplicateNotAdopted,
    DeletedOccurrenceKept,
    SentNotNoted,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::CursorStoredEarly,
        Self::NoIfMatch,
        Self::SentInsteadOfReturned,
        Self::OrphansDropped,
        Self::NoGuard,
        Self::NoSweep,
        Self::OldGeneration,
        Self::RandomId,
        Self::NoMark,
        Self::MarkIgnored,
        Self::ChangedMeansDone,
        Self::NoLease,
        Self::NoConflictRecord,
        Self::DeletionBeatsEdit,
        Self::RemovalBelieved,
        Self::LastRowLost,
        Self::MergeTakesRemote,
        Self::OverridesAsOne,
        Self::FailedWriteForgotten,
        Self::ReadOnlyIgnored,
        Self::MailSent,
        Self::ForgeryBelieved,
        Self::LostExceptionUnrecorded,
        Self::NewsOverwritten,
        Self::BlindSeriesWrite,
        Self::OwnWriteTakenForEdit,
        Self::OthersNotTold,
        Self::DuplicateNotAdopted,
        Self::DeletedOccurrenceKept,
        Self::SentNotNoted,
    ];
}

#[cfg(feature = "seeded-bugs")]
mod switch {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static ON: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Switch one bug on in this thread, or all of them off.
    pub fn plant(bug: Option<Bug>) {
        ON.set(bug);
    }

    pub(crate) fn has(bug: Bug) -> bool {
        ON.get() == Some(bug)
    }
}

#[cfg(feature = "seeded-bugs")]
pub(crate) use switch::has;
#[cfg(feature = "seeded-bugs")]
pub use switch::plant;

/// Whether a bug is switched on: never, in what ships.
#[cfg(not(feature = "seeded-bugs"))]
pub(crate) const fn has(_bug: Bug) -> bool {
    false
}
