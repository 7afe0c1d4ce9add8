//! What requests are for and what their answers mean: every provider's statuses and codes become one of these words.

/// What a request is for: the same status means different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A page of a listing.
    List,
    /// One event.
    Read,
    /// Several events in one request.
    ReadMany,
    /// Creating an event.
    Create,
    /// Changing an event or an exception.
    Update,
    /// Deleting an event or an exception.
    Delete,
    /// Making or ending a channel.
    Channel,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It worked.
    Done,
    /// Not now: try the same again.
    Retry {
        /// Stable code.
        code: &'static str,
        /// What the provider asked for, in milliseconds.
        after_ms: Option<u64>,
    },
    /// The authorisation is not accepted: refresh it once.
    Unauthorized,
    /// The cursor is no longer accepted: list everything.
    CursorLost,
    /// The provider does not list the calendar in this way: without a span when there was none.
    NoListing,
    /// The provider does not know all that was asked for with an event: ask for less, see [`super::Target::apart`].
    NotWhole,
    /// The thing does not exist.
    NotFound,
    /// The id is taken, perhaps by a deleted event.
    Duplicate,
    /// Somebody changed it meanwhile.
    Changed,
    /// The calendar has no push.
    NoPush,
    /// The provider will never accept this.
    Rejected {
        /// Stable code.
        code: String,
        /// For people; never the provider's text, which may quote the event.
        detail: &'static str,
    },
}
