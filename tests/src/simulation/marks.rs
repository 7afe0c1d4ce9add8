//! "Sometimes" marks: rare paths that a large run must have been on. A mark that is never reached says that the
//! histories are too tame, not that all is well.

use std::collections::BTreeSet;

use tandem_engine::effects::{Batch, Change, ConflictWinner, FailureKind};
use tandem_providers::SimRequest;

use super::observer::to_microsoft;

macro_rules! marks {
    ($($name:ident),* $(,)?) => {
        /// A rare path; the names say which.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "the names say it")]
        pub enum Mark { $($name),* }

        impl Mark {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

marks! {
    GoogleCreated, GoogleUpdated, GoogleDeleted, GoogleRefusedAsChanged, GoogleRefusedAsGone, GoogleAlreadyThere,
    GoogleWriteUnanswered, GoogleWriteFailedAfterwards, GoogleThrottled, GoogleUnauthorized, GoogleCursorLost,
    GoogleOccurrenceWritten, GoogleChannel,
    OutlookCreated, OutlookUpdated, OutlookDeleted, OutlookRefusedAsChanged, OutlookRefusedAsGone,
    OutlookAlreadyThere, OutlookWriteUnanswered, OutlookWriteFailedAfterwards, OutlookThrottled,
    OutlookUnauthorized, OutlookCursorLost, OutlookWindow, OutlookBatch, OutlookChannel,
    ConflictWonHere, ConflictWonThere, ConflictMixed, ConflictOpen, OrphanBuffered, GuardAsked, GuardAccepted,
    GuardDeclined, ItemFailure, PushFailure, LeaseLost, StaleCommit, Died, DiedBetweenWriteAndCommit, WritePostponed,
    AccountPaused, ShadowBuried, SplitHere, SplitThere, ForgeryRefused, PushReceived,
}

/// Those that were reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(pub BTreeSet<Mark>);

impl Marks {
    /// One more.
    pub fn reach(&mut self, mark: Mark) {
        self.0.insert(mark);
    }

    /// What an answered request shows: the event that it writes, if it writes one; status 0 for no answer.
    pub(crate) fn exchanged(&mut self, request: &SimRequest, written: Option<&str>, status: u16) {
        let outlook = to_microsoft(request);
        let mut reach = |google, microsoft| self.reach(if outlook { microsoft } else { google });
        match written {
            Some(_) => match (request.method.as_str(), status) {
                ("POST", 200..300) => reach(Mark::GoogleCreated, Mark::OutlookCreated),
                ("POST", 409) => reach(Mark::GoogleAlreadyThere, Mark::OutlookAlreadyThere),
                ("DELETE", 200..300) => reach(Mark::GoogleDeleted, Mark::OutlookDeleted),
                (_, 200..300) => reach(Mark::GoogleUpdated, Mark::OutlookUpdated),
                (_, 412) => reach(Mark::GoogleRefusedAsChanged, Mark::OutlookRefusedAsChanged),
                (_, 404 | 410) => reach(Mark::GoogleRefusedAsGone, Mark::OutlookRefusedAsGone),
                (_, 0) => reach(Mark::GoogleWriteUnanswered, Mark::OutlookWriteUnanswered),
                (_, 500..600) => reach(Mark::GoogleWriteFailedAfterwards, Mark::OutlookWriteFailedAfterwards),
                _ => {}
            },
            None => match (request.method.as_str(), status) {
                ("GET", 410) => reach(Mark::GoogleCursorLost, Mark::OutlookCursorLost),
                ("POST", 200..300) if request.url.contains("watch") => self.reach(Mark::GoogleChannel),
                ("POST", 200..300) if request.url.contains("subscriptions") => self.reach(Mark::OutlookChannel),
                ("POST", _) if request.url.contains("$batch") => self.reach(Mark::OutlookBatch),
                _ => {}
            },
        }
        let mut reach = |google, microsoft| self.reach(if outlook { microsoft } else { google });
        match status {
            429 => reach(Mark::GoogleThrottled, Mark::OutlookThrottled),
            401 => reach(Mark::GoogleUnauthorized, Mark::OutlookUnauthorized),
            _ => {}
        }
        if request.url.contains("calendarView/delta") {
            self.reach(Mark::OutlookWindow);
        }
        if !outlook && request.method == "PATCH" && written.is_some_and(|id| id.contains('_')) {
            self.reach(Mark::GoogleOccurrenceWritten);
        }
    }

    /// What a batch shows.
    pub(crate) fn committing(&mut self, batch: &Batch) {
        for change in &batch.changes {
            match change {
                Change::PutConflict(conflict) if conflict.open => self.reach(Mark::ConflictOpen),
                Change::PutConflict(conflict) => self.reach(match conflict.winner {
                    ConflictWinner::Local => Mark::ConflictWonHere,
                    ConflictWinner::Remote => Mark::ConflictWonThere,
                    ConflictWinner::Mixed => Mark::ConflictMixed,
                }),
                Change::PutOrphan(..) => self.reach(Mark::OrphanBuffered),
                Change::PutFailure(failure) => match failure.kind {
                    FailureKind::Guard => self.reach(Mark::GuardAsked),
                    FailureKind::Item => self.reach(Mark::ItemFailure),
                    FailureKind::Push => self.reach(Mark::PushFailure),
                    FailureKind::Step => {}
                },
                Change::Postpone(_) => self.reach(Mark::WritePostponed),
                Change::PutConnection(update) if update.not_before_ms > 0 => self.reach(Mark::AccountPaused),
                Change::PutShadow(_, shadow) if shadow.gone => self.reach(Mark::ShadowBuried),
                _ => {}
            }
        }
    }
}
