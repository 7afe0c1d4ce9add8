//! A history as data: the rules of its world and the list of everything that happens in it.
//!
//! Nothing in it depends on what the engine does. An edit names "the third event that this person sees", not a uid, so
//! a history can be played again after the code changed, and any part of it can be left out.

use serde::{Deserialize, Serialize};
use tandem_engine::effects::{ConflictPolicy, ReplicaMode};

/// Everything that happens, from an empty store to the moment when all faults end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The seed that it was made from.
    pub seed: u64,
    /// The world before anything happens.
    pub setup: Setup,
    /// What happens, in this order.
    pub acts: Vec<Act>,
}

/// The rules of a world. A side without rules is not connected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// Google's ways.
    pub google: Option<GoogleWays>,
    /// Microsoft's ways.
    pub outlook: Option<OutlookWays>,
    /// Who wins a conflict.
    pub policy: ConflictPolicy,
    /// Whether providers may push; else they are polled.
    pub push: bool,
    /// How often a push is lost, doubled, late or out of order: each so often in a thousand.
    pub push_trouble: u16,
}

/// What Google does in this world, where it may do either.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GoogleWays {
    /// Rows in a page at most; none for its own limit.
    pub page_limit: Option<u8>,
    /// Rows in no order.
    pub shuffle: bool,
    /// Deleted events without their details.
    pub bare_tombstones: bool,
    /// A deleted series lists its exceptions as cancelled.
    pub delete_cancels_exceptions: bool,
    /// A write of nothing keeps the etag.
    pub no_op_keeps_etag: bool,
    /// The account may only read.
    pub read_only: bool,
    /// Events that are there before.
    pub events: u8,
    /// What it does otherwise than is likely.
    #[serde(default)]
    pub odd: Vec<GoogleOddity>,
}

/// What Google may do, too: its documentation leaves it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GoogleOddity {
    /// Exceptions that a changed series has left are gone without a row.
    NoRowsOfLeftovers,
    /// What is deleted does not come back to life by a write.
    NoRevival,
    /// A write to what is deleted is answered with 404.
    DeletedIsNotFound,
}

/// What Microsoft does in this world, where it may do either. Numbers choose among the simulator's variants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OutlookWays {
    /// Rows in a page at most; none for its own limit.
    pub page_limit: Option<u8>,
    /// Rows in no order.
    pub shuffle: bool,
    /// How events/delta works, or does not.
    pub delta: u8,
    /// Rows of plain occurrences are whole.
    pub whole_rows: bool,
    /// How a lost token is refused.
    pub lost_token: u8,
    /// What a changed master forgets.
    pub reset: u8,
    /// The answer to a repeated creation.
    pub transaction: u8,
    /// What a deleted series removes.
    pub removal: u8,
    /// Change keys are not rewritten after a creation.
    pub no_drift: bool,
    /// Pages repeat their neighbour's row.
    pub repeats: bool,
    /// Deltas begin with an empty page.
    pub empty_first_page: bool,
    /// No `cancelledOccurrences`.
    pub no_occurrence_properties: bool,
    /// The replica shows only when one is busy.
    pub busy_only: bool,
    /// Events that are there before.
    pub events: u8,
    /// What it does otherwise than is likely.
    #[serde(default)]
    pub odd: Vec<OutlookOddity>,
}

/// What Microsoft may do, too: its documentation leaves it open, or says it and nobody has seen it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutlookOddity {
    /// Changes show in deltas some seconds later.
    SlowDeltas,
    /// Nothing is removed that the caller never had.
    NothingOutsideTheWindow,
    /// A deleted occurrence is removed by a row of its own.
    RemovedOccurrences,
    /// A write of nothing keeps the change key.
    NoOpKeepsKey,
    /// Zones have their Windows names.
    WindowsZones,
    /// Rules come without their zone.
    BlankZone,
    /// Notes stay as they were written.
    BodiesStay,
    /// White space in notes stays.
    BlanksStay,
    /// A rewritten change key is told to nobody.
    QuietDrift,
    /// Deltas of events have no exceptions.
    NoExceptionsInDeltas,
}

impl OutlookWays {
    /// How the replica carries changes.
    #[must_use]
    pub fn mode(&self) -> ReplicaMode {
        if self.busy_only { ReplicaMode::BusyOnly } else { ReplicaMode::TwoWay }
    }
}

/// Who does something, or where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// The application.
    App,
    /// Google.
    Google,
    /// Microsoft.
    Outlook,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Act {
    /// A person changes something.
    Edit(Edit),
    /// A provider will misbehave.
    Fault {
        /// Which one.
        at: Side,
        /// How.
        kind: Misfortune,
        /// Requests that it lets through first.
        after: u8,
        /// Requests that it hits.
        times: u8,
        /// Only requests that write so; none: all of them.
        #[serde(default)]
        on: Option<Write>,
    },
    /// Time passes.
    Wait {
        /// Milliseconds.
        ms: u32,
    },
    /// The host's clock goes wrong against everybody else's.
    Clock {
        /// Milliseconds that it is ahead.
        ahead_ms: i32,
    },
    /// Workers work.
    Work {
        /// Steps, the replicas in turn.
        steps: u8,
        /// What happens to the host meanwhile.
        trouble: Option<Trouble>,
        /// Somebody edits in the middle of a step: after so many effects.
        #[serde(default)]
        meanwhile: Option<(u8, Edit)>,
    },
    /// Workers work until nothing is to be done.
    Settle,
}

/// An edit by a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// Where.
    pub side: Side,
    /// Its number, which makes its values its own.
    pub token: u32,
    /// Which event of those that are seen there, counted round.
    pub event: u16,
    /// Which occurrence of a series, counted round; none: all of it.
    pub occurrence: Option<u16>,
    /// The occurrence and all that follow.
    pub following: bool,
    /// What.
    pub change: Change,
}

/// What a person changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// A new event, whatever `event` says.
    New {
        /// Day of March 2026.
        day: u8,
        /// Hour in Berlin.
        hour: u8,
        /// A series.
        series: Option<Rhythm>,
        /// Of which kind.
        #[serde(default)]
        form: Form,
    },
    /// Another title.
    Title,
    /// Other notes.
    Notes,
    /// Another place.
    Place,
    /// Another time: of an event any day, of a series and its occurrences another time of the day.
    Move {
        /// Day of March 2026.
        day: u8,
        /// Hour in Berlin.
        hour: u8,
    },
    /// Another day, and another time of it: of an event, a series as a whole, or an occurrence.
    Shift {
        /// So many days later.
        days: i8,
        /// Hour on its clock.
        hour: u8,
    },
    /// What comes once takes another form: a whole day, an hour here or abroad. What providers do with the exceptions of a
    /// series then is not documented.
    Form(Form),
    /// A guest is invited to all of it, or is a guest no more; not in Outlook.
    Guest,
    /// Another length.
    Length {
        /// Quarters of an hour.
        quarters: u8,
    },
    /// Another rhythm, of a series as a whole or from an occurrence on; what came once comes again from now on. None: it comes
    /// once.
    Repeat(Option<Rhythm>),
    /// The notes go away, or the place where there are none; `event` counts what has either.
    Erase,
    /// The last text that somebody wrote or took away there, and that still is so, is taken back: what was there before is
    /// written again. `event` counts back from it, round.
    Undo,
    /// Away.
    Delete,
    /// What was deleted last comes out of the bin as it was, whatever `event` says; not in Outlook, where it would be another
    /// one.
    Restore,
}

impl Change {
    /// Whether it is of a text and of nothing else.
    #[must_use]
    pub fn is_of_text(&self) -> bool {
        matches!(self, Self::Title | Self::Notes | Self::Place | Self::Erase | Self::Undo)
    }
}

/// What a new event is like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// An hour in Berlin.
    #[default]
    Hour,
    /// A whole day.
    Day,
    /// An hour in New York.
    Abroad,
    /// An hour in Berlin with a guest; in Outlook without.
    Guest,
}

/// How often a series comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rhythm {
    /// Every day, so often.
    Daily(u8),
    /// Every other week, so often.
    Fortnightly(u8),
    /// On this day of each month, so often.
    Monthly(u8),
    /// Every week until the end of June.
    Weekly,
}

/// How a provider misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it; each is a fault of the simulators or an act of theirs")]
pub enum Misfortune {
    TooManyRequests,
    RetryAfter,
    RateLimited,
    ServerError,
    ServerErrorAfterApplying,
    Unauthorized,
    PreconditionFailed,
    Truncated,
    LostRequest,
    LostAnswer,
    EmptyPage,
    /// A full listing comes back empty, although there is something.
    EmptyListing,
    /// The cursor is refused from now on.
    LostCursor,
    /// All channels end without a word.
    LostChannels,
    /// All access tokens end.
    ExpiredAccess,
    /// Somebody else sends a notification.
    Forgery,
    /// An event's version changes, and nothing else.
    Churn,
    /// Events that are asked for cannot be shown, much longer than other misfortunes last.
    Unreadable,
}

/// How a request writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Write {
    Create,
    Update,
    Delete,
}

/// What happens to the host during some steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// The process dies after so many effects.
    Dies(u16),
    /// Another worker takes the lease after so many effects, and does a step.
    Rival(u16),
    /// The commit with this number is applied, and its answer is lost.
    UnansweredCommit(u8),
    /// The commit with this number is refused as stale.
    StaleCommit(u8),
    /// The last step reads the store as it was before the first.
    StaleReads,
}
