//! The words of `wit/`, without its bindings. Nothing here decides anything.

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch.
pub type TimeMs = u64;

/// The end of a series that has no end.
pub const END_OF_TIME: TimeMs = u64::MAX;

/// Who provides a remote calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderKind {
    /// Google Calendar.
    Google,
    /// Microsoft Graph.
    Microsoft,
}

/// Which way a replica carries changes. See `wit/types.wit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplicaMode {
    /// Both ways.
    TwoWay,
    /// Provider to application only.
    Pull,
    /// Application to provider only.
    Push,
    /// Like push, times only.
    BusyOnly,
}

/// Who wins where both sides changed the same property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictPolicy {
    /// The later edit.
    Newest,
    /// The provider.
    Remote,
    /// The application.
    Local,
    /// The application for now; the conflict stays open.
    Ask,
}

/// One authorised provider account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Its id.
    pub id: String,
    /// Who provides it.
    pub provider: ProviderKind,
    /// The grant was refused for good.
    pub revoked: bool,
    /// No request before this time; 0 when not throttled.
    pub not_before_ms: TimeMs,
    /// Failed requests in a row.
    pub attempts: u32,
}

/// A provider calendar bound to a local calendar.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Replica {
    /// Its id.
    pub id: String,
    /// Whose; signed into channel tokens, nothing else.
    pub tenant: String,
    /// The account.
    pub connection: Connection,
    /// The local calendar.
    pub calendar: String,
    /// The provider's name of the calendar.
    pub remote_calendar: String,
    /// Which way.
    pub mode: ReplicaMode,
    /// Who wins.
    pub policy: ConflictPolicy,
    /// The engine's state as JSON; empty when new.
    pub state: String,
    /// Commits of the state so far.
    pub revision: u64,
    /// Hints of remote changes so far.
    pub wanted: u64,
    /// The lease of this step.
    pub lease_epoch: u64,
}

/// Another replica of the same calendar.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReplicaSummary {
    /// Its id.
    pub id: String,
    /// Which way.
    pub mode: ReplicaMode,
}

/// An event of a local calendar.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventRow {
    /// Its uid.
    pub uid: String,
    /// Version, from 1.
    pub revision: u64,
    /// A tombstone; the document is the last state.
    pub deleted: bool,
    /// Start of the first occurrence.
    pub start_ms: TimeMs,
    /// End of the last occurrence, or [`END_OF_TIME`].
    pub end_ms: TimeMs,
    /// It has rules or overrides.
    pub recurring: bool,
    /// When somebody last changed it.
    pub updated_ms: TimeMs,
    /// JSCalendar Event as JSON text.
    pub document: String,
}

/// What a replica and the calendar last agreed on for one event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shadow {
    /// The event.
    pub uid: String,
    /// The provider's id.
    pub remote_id: String,
    /// The provider's version tag; empty when unknown.
    pub etag: String,
    /// The event's revision at the agreement.
    pub revision: u64,
    /// The listing that saw it last.
    pub generation: u64,
    /// The remote event is gone; its id stays burned.
    pub gone: bool,
    /// The remote side at the agreement, as JSCalendar text.
    pub remote: String,
    /// The local side at the agreement; none when the same text.
    pub local: Option<String>,
    /// The provider module's notes as JSON; may be empty.
    pub notes: String,
}

impl Shadow {
    /// The local side at the agreement, as text.
    #[must_use]
    pub fn agreed(&self) -> &str {
        self.local.as_deref().unwrap_or(&self.remote)
    }
}

/// How many shadows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShadowCount {
    /// Not gone.
    pub live: u64,
    /// Of those, not seen by the listing.
    pub unseen: u64,
}

/// "This event may have to be written to this replica."
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PushEntry {
    /// The replica.
    pub replica: String,
    /// The event.
    pub uid: String,
    /// The revision that asked.
    pub revision: u64,
    /// Not before.
    pub due_ms: TimeMs,
    /// Failed tries.
    pub attempts: u32,
    /// Mail to attendees was asked for.
    pub notify_attendees: bool,
}

/// A page of the push queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PushQueuePage {
    /// Entries that are due.
    pub due: Vec<PushEntry>,
    /// When the next one becomes due.
    pub next_due_ms: Option<TimeMs>,
}

/// A buffered row that waits for its master.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Orphan {
    /// Remote id of the master.
    pub master: String,
    /// Its own remote id.
    pub remote_id: String,
    /// The row as sent.
    pub row: String,
}

/// A push registration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Channel {
    /// Its id.
    pub id: String,
    /// The replica.
    pub replica: String,
    /// The provider's name of what is watched.
    pub resource_id: String,
    /// When it ends.
    pub expires_ms: TimeMs,
    /// When it was made.
    pub created_ms: TimeMs,
    /// To be stopped.
    pub superseded: bool,
}

/// Which side stands after a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConflictWinner {
    /// The application's.
    Local,
    /// The provider's.
    Remote,
    /// Some of each.
    Mixed,
}

/// Both sides had changed the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConflictRow {
    /// Its id.
    pub id: String,
    /// The replica.
    pub replica: String,
    /// The event.
    pub uid: String,
    /// When found.
    pub found_ms: TimeMs,
    /// JSON Pointers of what clashed.
    pub paths: Vec<String>,
    /// Last agreed local document.
    pub base: Option<String>,
    /// Local before.
    pub local: Option<String>,
    /// Remote before.
    pub remote: Option<String>,
    /// Local after.
    pub outcome: Option<String>,
    /// Who won.
    pub winner: ConflictWinner,
    /// Who decided; empty while open.
    pub decided_by: String,
    /// Somebody has to decide.
    pub open: bool,
}

/// What gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// A write.
    Push,
    /// A row.
    Item,
    /// A step.
    Step,
    /// A guard asks.
    Guard,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    /// The same for the same replica, kind and subject.
    pub id: String,
    /// The replica.
    pub replica: String,
    /// What gave up.
    pub kind: FailureKind,
    /// The event.
    pub uid: Option<String>,
    /// The provider's id.
    pub remote_id: Option<String>,
    /// Stable code.
    pub code: String,
    /// For people, without user data.
    pub detail: String,
    /// When.
    pub at_ms: TimeMs,
    /// Tries.
    pub attempts: u32,
}

/// Health of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// First listing not ended.
    Starting,
    /// In step.
    Healthy,
    /// Slowed down.
    Throttled,
    /// Needs somebody.
    Paused,
}

/// New state of a replica.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReplicaUpdate {
    /// The replica.
    pub id: String,
    /// The engine's state.
    pub state: String,
    /// Health.
    pub health: Health,
    /// Why not healthy.
    pub reason: String,
    /// When a pull last reached the end.
    pub synced_ms: TimeMs,
}

/// New health of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConnectionUpdate {
    /// The connection.
    pub id: String,
    /// Grant refused for good.
    pub revoked: bool,
    /// No request before.
    pub not_before_ms: TimeMs,
    /// Failed in a row.
    pub attempts: u32,
}

/// What must still be true at the commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expectation {
    /// (replica, revision).
    Replica(String, u64),
    /// (replica, epoch).
    Lease(String, u64),
    /// (calendar, uid, revision); 0: never existed.
    Event(String, String, u64),
    /// The conflict is open.
    ConflictOpen(String),
}

/// One write of a batch. See `wit/storage.wit`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// State of a replica.
    PutReplica(ReplicaUpdate),
    /// Health of a connection.
    PutConnection(ConnectionUpdate),
    /// (calendar, event).
    PutEvent(String, EventRow),
    /// (replica, shadow).
    PutShadow(String, Shadow),
    /// (replica, uid, generation, etag).
    TouchShadow(String, String, u64, String),
    /// (replica, uid).
    DeleteShadow(String, String),
    /// Add to or raise in the push queue.
    Enqueue(PushEntry),
    /// Change due time and attempts.
    Postpone(PushEntry),
    /// (replica, uid, revision).
    Dequeue(String, String, u64),
    /// (replica, orphan).
    PutOrphan(String, Orphan),
    /// (replica, master).
    DeleteOrphans(String, String),
    /// A channel.
    PutChannel(Channel),
    /// Channel id.
    DeleteChannel(String),
    /// A conflict.
    PutConflict(ConflictRow),
    /// A failure.
    PutFailure(Failure),
    /// Failure id.
    DeleteFailure(String),
    /// Replica id.
    Want(String),
}

/// One atomic write.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Batch {
    /// Checked first.
    pub expectations: Vec<Expectation>,
    /// Applied in order.
    pub changes: Vec<Change>,
}

/// Why a storage call failed. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum StorageError {
    /// An expectation did not hold.
    #[error("the store was changed by somebody else meanwhile")]
    Stale,
    /// Another worker owns the replica.
    #[error("the lease of the replica is lost")]
    LeaseLost,
    /// Try again later.
    #[error("the store is not available")]
    Unavailable,
    /// The data is not accepted.
    #[error("the store refuses the data: {0}")]
    Refused(String),
}

/// "Look at this replica."
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The tenant.
    pub tenant: String,
    /// The replica.
    pub replica: String,
    /// The channel that reported.
    pub channel: String,
    /// The provider's message number; 0 for none.
    pub message_number: u64,
}

/// What became of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkOutcome {
    /// Durable.
    Marked,
    /// No such channel.
    Unknown,
}

/// Why there is no authorisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AuthError {
    /// For good.
    #[error("the provider refuses the grant: connect the account again")]
    Revoked,
    /// For now.
    #[error("the token endpoint is not available")]
    Unavailable,
    /// Never given.
    #[error("the host has no credentials for the connection")]
    Missing,
}

/// Settings of the installation. See `wit/configuration.wit`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Public URL for notifications, without the provider's segment.
    pub webhook_url: Option<String>,
    /// Signs channel tokens.
    pub signing_key: Vec<u8>,
    /// Base URL of Google's Calendar API; none for the public one.
    pub google_base_url: Option<String>,
    /// Base URL of Microsoft Graph; none for the public one.
    pub microsoft_base_url: Option<String>,
    /// Seconds between polls without a channel.
    pub poll_interval_s: u32,
    /// Seconds between polls with a channel.
    pub safety_poll_interval_s: u32,
    /// Rows per listing page.
    pub page_size: u32,
}

/// HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// An HTTP request. `Authorization` is added by [`crate::sync`]'s exchange.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Absolute URL.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body; empty for none.
    pub body: Vec<u8>,
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header; the name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// No response came: the request may or may not have been applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TransportError {
    /// No connection, reset, or time-out.
    #[error("no answer from the provider")]
    NoAnswer,
    /// The host does not allow the address.
    #[error("the host does not allow requests to this address")]
    Denied,
    /// The body is larger than the host accepts.
    #[error("the answer is too large")]
    TooLarge,
}
