//! The switches of the simulated Microsoft Graph.
//! Invariant: each behaviour that is documented in two ways, or only observed, is a switch here; the likelier one is
//! the default.

/// How rows of plain occurrences look in calendarView/delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OccurrenceRows {
    /// Only type, etag, id, seriesMasterId, start and end (observed).
    Bare,
    /// Whole events.
    Full,
}

/// What events/delta (no window) does in v1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventsDelta {
    /// Whole rows of singles, masters and exceptions (seen in production).
    Full,
    /// Singles and masters with only id, type, start and end (documentation of beta).
    Minimal,
    /// A first page, then 400 `InvalidDeltaToken` (seen in 2021).
    FirstPageOnly,
    /// 400: not there.
    BadRequest,
    /// 501: not there.
    NotImplemented,
}

/// How a lost delta token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostToken {
    /// 410 `SyncStateNotFound`.
    SyncStateNotFound,
    /// 410 `syncStateNotFound`, with a `Location` of the first request.
    SyncStateNotFoundWithLocation,
    /// 410 `resyncRequired`.
    ResyncRequired,
    /// 404 `SyncStateNotFound`.
    NotFound,
    /// 400 `SyncStateNotFound`.
    BadRequest,
}

/// The reason in `@removed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovedReason {
    /// `deleted`.
    Deleted,
    /// `changed`: it could be restored from Deleted Items.
    Changed,
}

/// Which ids a deleted series removes in calendarView/delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesRemoval {
    /// The master's only.
    Master,
    /// Those of its occurrences in the window only, as its last rule gave them.
    Occurrences,
    /// All of them.
    Both,
}

/// What is done with a value out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// 400.
    Reject,
    /// It is silently brought within them.
    Clamp,
}

/// The answer to a second POST with a known `transactionId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatedTransaction {
    /// 201 with the first event.
    Created,
    /// 200 with the first event.
    Ok,
    /// 409 `ErrorDuplicateTransactionId`.
    Conflict,
}

/// Which changes of a master forget its exceptions and deleted occurrences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExceptionReset {
    /// Any change of recurrence, start or end.
    Any,
    /// A change of the pattern, start or end; a new end of the range only drops what lies behind it.
    PatternOrTime,
    /// None, as long as the occurrence is still there.
    Never,
}

/// Which ids a changed occurrence notifies with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OccurrenceNotice {
    /// The master's.
    Master,
    /// The occurrence's.
    Occurrence,
    /// Both.
    Both,
}

/// A day 29 to 31 of a pattern in a month that is shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShortMonth {
    /// Its last day.
    LastDay,
    /// No occurrence.
    Skip,
}

/// How the simulated Microsoft Graph behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Seed of ids, shuffles, handshake tokens and fault probabilities.
    pub seed: u64,
    /// Base of absolute links; none: where the request went, else `https://graph.microsoft.com`.
    pub link_base: Option<String>,
    /// Bound of rows in a page, below what the caller asks for (a series is never split).
    pub page_limit: Option<usize>,
    /// Shuffles the rows of listings and deltas.
    pub shuffle: Option<u64>,

    /// Rows of plain occurrences in calendarView/delta.
    pub occurrence_rows: OccurrenceRows,
    /// Whether calendarView/delta also has the master's row.
    pub master_rows: bool,
    /// Whether calendarView/delta works on `/calendars/{id}` (the text promises it only for the primary calendar).
    pub view_delta_on_calendars: bool,
    /// What events/delta does.
    pub events_delta: EventsDelta,
    /// Whether events/delta with whole rows has exceptions.
    pub exceptions_in_events_delta: bool,
    /// How a lost token is refused.
    pub lost_token: LostToken,
    /// Delta tokens live that long, in milliseconds; none: for ever (Outlook's do not end by time).
    pub delta_token_life_ms: Option<i64>,
    /// The reason in `@removed`.
    pub removed_reason: RemovedReason,
    /// A changed item outside the window is `@removed` even if the caller never had it (documented).
    pub removed_outside_window: bool,
    /// Which ids a deleted series removes.
    pub series_removal: SeriesRemoval,
    /// A deleted occurrence gets an `@removed` row of its own (the service gives none).
    pub deleted_occurrence_rows: bool,
    /// Each page of a delta begins with the last row of the one before.
    pub repeats: bool,
    /// Every delta begins with a page without rows.
    pub empty_first_page: bool,
    /// Changes show in deltas only after that time, in milliseconds.
    pub delta_lag_ms: i64,
    /// A first calendarView/delta with more occurrences than that is 504 `UnknownError`.
    pub max_delta_occurrences: Option<usize>,
    /// The longest window of calendarView and its delta, in days.
    pub max_window_days: Option<u32>,
    /// What happens to a longer one.
    pub long_window: Bound,

    /// The change key of a new event is rewritten that long after it was made, in milliseconds; none: never.
    pub drift_after_ms: Option<i64>,
    /// The rewritten key shows in deltas and notifies.
    pub drift_is_listed: bool,
    /// `If-Match` of events is looked at (it is not documented).
    pub if_match: bool,
    /// The answer to a known `transactionId`.
    pub repeated_transaction: RepeatedTransaction,
    /// A write that changes nothing leaves the change key alone and notifies nobody.
    pub no_op_keeps_change_key: bool,
    /// Read-only members in a write are 400 (`Reject`) or ignored (`Clamp`).
    pub read_only_members: Bound,
    /// Members of a pattern that its type does not have are 400; else ignored.
    pub strict_pattern: bool,
    /// A `range.startDate` that is not the start's own date is refused or corrected.
    pub range_start: Bound,
    /// Days 29 to 31 in shorter months.
    pub short_month: ShortMonth,
    /// When a master's exceptions are forgotten.
    pub exception_reset: ExceptionReset,
    /// `cancelledOccurrences` and `exceptionOccurrences` are there in v1.0; else 400.
    pub occurrence_properties: bool,
    /// /instances forgets exceptions (reported by users).
    pub instances_omit_exceptions: bool,
    /// All-day events are answered as midnight whatever `outlook.timezone` says; else converted like others.
    pub all_day_floats: bool,
    /// IANA names of zones are answered as written; else as their Windows names.
    pub keeps_iana: bool,
    /// `recurrenceTimeZone` is answered as an empty text.
    pub blank_recurrence_zone: bool,
    /// HTML bodies are rewritten into whole documents, and text into HTML.
    pub rewrites_bodies: bool,
    /// Rewritten bodies keep runs of blanks, those of a text as no-break spaces; else they are folded.
    pub keeps_blanks: bool,
    /// A body written without the join link ends the online meeting.
    pub lost_link_ends_meeting: bool,
    /// Deleting a meeting as its organizer mails the attendees.
    pub delete_mails: bool,

    /// Whether webhooks may be plain http.
    pub allow_http_webhooks: bool,
    /// `handle` takes a webhook's handshake as passed; else nobody answers it and the subscription is refused.
    /// `serve` always asks.
    pub trust_webhooks: bool,
    /// Spaces of the handshake's token are sent as `+`, else as `%20`.
    pub handshake_plus: bool,
    /// The longest a subscription lives, in minutes.
    pub subscription_minutes: i64,
    /// What happens to a longer one.
    pub long_subscription: Bound,
    /// A second subscription to the same resource and changes is 409.
    pub duplicate_subscription_is_409: bool,
    /// `reauthorizationRequired` comes that long before the end, in milliseconds; none: never.
    pub reauthorization_before_ms: Option<i64>,
    /// The end of a subscription is told as `subscriptionRemoved`.
    pub tells_removal: bool,
    /// Notifications to one address that are due together share a POST.
    pub batches_notifications: bool,
    /// Which ids a changed occurrence notifies with.
    pub occurrence_notice: OccurrenceNotice,
    /// How long after a change its notification is sent, in milliseconds.
    pub push_delay_ms: u64,
    /// How long a webhook may take to answer, in milliseconds (documented as 3 s and as 10 s).
    pub push_timeout_ms: u64,
    /// How long a notification is tried again, in milliseconds; then it is `missed`.
    pub push_retry_ms: i64,

    /// Requests of one mailbox under way at once; none for no limit. Outlook: 4.
    pub concurrent_requests: Option<usize>,
    /// Requests of a mailbox in ten minutes; none for no limit. Outlook: 10,000.
    pub requests_per_ten_minutes: Option<usize>,
    /// How long the loopback server holds a request before it is served, in milliseconds.
    pub latency_ms: u64,
    /// Client ids that the token endpoint knows, with their secrets (empty: a public client).
    pub clients: Vec<(String, String)>,
    /// What access tokens live, in milliseconds.
    pub access_token_life_ms: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            link_base: None,
            page_limit: None,
            shuffle: None,
            occurrence_rows: OccurrenceRows::Bare,
            master_rows: true,
            view_delta_on_calendars: true,
            events_delta: EventsDelta::Full,
            exceptions_in_events_delta: true,
            lost_token: LostToken::SyncStateNotFound,
            delta_token_life_ms: None,
            removed_reason: RemovedReason::Deleted,
            removed_outside_window: true,
            series_removal: SeriesRemoval::Both,
            deleted_occurrence_rows: false,
            repeats: false,
            empty_first_page: false,
            delta_lag_ms: 0,
            max_delta_occurrences: None,
            max_window_days: None,
            long_window: Bound::Reject,
            drift_after_ms: Some(5_000),
            drift_is_listed: true,
            if_match: true,
            repeated_transaction: RepeatedTransaction::Created,
            no_op_keeps_change_key: false,
            read_only_members: Bound::Reject,
            strict_pattern: true,
            range_start: Bound::Reject,
            short_month: ShortMonth::LastDay,
            exception_reset: ExceptionReset::Any,
            occurrence_properties: true,
            instances_omit_exceptions: false,
            all_day_floats: false,
            keeps_iana: true,
            blank_recurrence_zone: false,
            rewrites_bodies: true,
            keeps_blanks: false,
            lost_link_ends_meeting: true,
            delete_mails: true,
            allow_http_webhooks: false,
            trust_webhooks: false,
            handshake_plus: false,
            subscription_minutes: 10_080,
            long_subscription: Bound::Reject,
            duplicate_subscription_is_409: true,
            reauthorization_before_ms: None,
            tells_removal: false,
            batches_notifications: true,
            occurrence_notice: OccurrenceNotice::Both,
            push_delay_ms: 0,
            push_timeout_ms: 3_000,
            push_retry_ms: 14_400_000,
            concurrent_requests: Some(4),
            requests_per_ten_minutes: None,
            latency_ms: 0,
            clients: vec![("sim-client".to_owned(), "sim-secret".to_owned())],
            access_token_life_ms: 3_599_000,
        }
    }
}
