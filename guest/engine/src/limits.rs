//! Every bound of the engine, with its unit and its reason. Reaching one is an outcome, never a crash.

/// Writes to the provider in one step: a step stays short, so that a crash costs little and tenants take turns.
pub const WRITES_PER_STEP: u32 = 10;

/// Tries of a write that came to nothing, after which people are told. It is tried again all the same.
pub const TOLD_AFTER: u32 = 20;

/// Shadows looked at in one step of a sweep.
pub const SWEEP_PAGE: u32 = 500;

/// Listings after which an event is asked for that was made here and that none of them has shown.
pub const UNSEEN_LOOKS: u64 = 8;

/// Events that are asked for in one step of a sweep, where a listing that does not show them is no proof.
pub const PROOF_PAGE: u32 = 100;

/// Pages of the occurrences of one series that are read to find its exceptions.
pub const OCCURRENCE_PAGES: u32 = 5;

/// Requests in one step after which it only ends what it has begun. What is left of a page waits for the next step.
pub const REQUESTS_PER_STEP: u32 = 20;

/// How often a calendar is asked what it is like, at most, in milliseconds: 1 hour.
pub const DESCRIBE_AGAIN_MS: u64 = 3_600_000;

/// Tries to read an event that fails while others of the same request are answered; then it is set aside.
pub const READ_TRIES: u32 = 5;

/// The same while no other is answered, which may be the provider's trouble and not the event's.
pub const LONE_READ_TRIES: u32 = 20;

/// Most events that are remembered as unreadable, to be asked for again; of all of them there is a record.
pub const UNREADABLE_KEPT: usize = 100;

/// When events that could not be read are asked for again, in milliseconds: 1 hour.
pub const UNREADABLE_AGAIN_MS: u64 = 3_600_000;

/// Pages of everything around missing occurrences that are read to find them.
pub const EVERYTHING_PAGES: u32 = 20;

/// How far from its time an occurrence may have moved, in milliseconds: 31 days. Where occurrences are compared with their
/// rules nothing is concluded closer to the ends of a span, and so far around a missing one is looked for it.
pub const OCCURRENCE_MARGIN_MS: u64 = 31 * 86_400_000;

/// Pages of changes that are pulled in one step before a series is moved or deleted.
pub const PAGES_BEFORE_WRITE: u32 = 8;

/// Tries of a write in which that is done, when there are always more of them or they cannot be read. Steps that fail for
/// other reasons count as well: only an outage of many hours ends it.
pub const LOOKS_BEFORE_WRITE: u32 = 100;

/// Pages of a search for one occurrence: it lies within two days, so there are few rows.
pub const SEARCH_PAGES: u32 = 20;

/// Exceptions that are read again in one step because their masters changed.
pub const EXCEPTION_READS_PER_STEP: u32 = 20;

/// Times that a commit or a write is decided again because somebody else was faster.
pub const REPLANS: u32 = 3;

/// Tries of one write, after which one that meets somebody else's change waits, and people are told.
pub const CONTESTED: u32 = 20;

/// Largest request for rows of one page; a provider may have a lower one.
pub const MAX_PAGE_SIZE: u32 = 2_500;

/// Writes to one event within [`LOOP_WINDOW_MS`] after which it is parked (invariant I21).
pub const LOOP_WRITES: usize = 10;

/// How long a request may be on its way after a process has sent it, in milliseconds: 2 minutes, more than a call of the
/// component and a lease last by default.
pub const ON_ITS_WAY_MS: u64 = 120_000;

/// Versions of an event that were written without an answer and are remembered.
pub const UNANSWERED: usize = 8;

/// The window of the loop breaker, in milliseconds: 10 minutes.
pub const LOOP_WINDOW_MS: u64 = 600_000;

/// Deletions that a full listing may cause without asking (invariant I13): this many, or
/// [`GUARD_PERCENT`] of the calendar, whichever is more; never all of them.
pub const GUARD_EVENTS: u64 = 10;

/// See [`GUARD_EVENTS`].
pub const GUARD_PERCENT: u64 = 30;

/// Ids of one event that a provider may have burned before the event is given up (each recreation burns one).
pub const MAX_INCARNATIONS: u32 = 50;

/// Longest channel token that every provider stores, in characters.
pub const MAX_CHANNEL_TOKEN: usize = 256;

/// How often a channel that can be renewed is renewed because of a notification, at most, in milliseconds: 1 hour.
pub const CHANNEL_CHECK_MS: u64 = 3_600_000;

/// How often a channel that can be renewed is renewed when nothing is heard of it, in milliseconds: 6 hours. One that has
/// ended silently is noticed then.
pub const CHANNEL_LOOK_MS: u64 = 6 * 3_600_000;

/// Pages of a list of channels that are read to find one of ours.
pub const CHANNEL_PAGES: u32 = 20;

/// How long other work goes first after a request about a channel failed, in milliseconds: 1 minute.
pub const CHANNEL_RETRY_MS: u64 = 60_000;

/// How long to wait before asking again for a channel that was refused, in milliseconds: 6 hours.
pub const CHANNEL_REFUSED_MS: u64 = 6 * 3_600_000;

/// Longest uid, in characters.
pub const MAX_UID: usize = 1_000;

/// Longest JSON text of one event of the application, in bytes.
pub const MAX_DOCUMENT: usize = 1 << 20;

/// How far the stored span of an event may be off, in milliseconds: it was computed with the zone rules of its day, and
/// the largest jump of a zone since then was one day (Samoa left a date out).
pub const SPAN_SLACK_MS: u64 = 26 * 3_600_000;

/// Most occurrences of one explanation.
pub const MAX_EXPLAINED: u32 = 100;

/// Longest window of `occurrences`, in milliseconds: 20 years.
pub const MAX_WINDOW_MS: u64 = 20 * 366 * 86_400_000;

/// Most occurrences in one answer.
pub const MAX_OCCURRENCES: u32 = 10_000;

/// Events read in one go while a window is expanded.
pub const WINDOW_PAGE: u32 = 500;

/// Most uids or ids in one storage read.
pub const READ_BATCH: usize = 5_000;
