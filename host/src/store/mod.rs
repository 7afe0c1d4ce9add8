//! The store behind everything: one trait, one file a database.
//!
//! Every row belongs to a tenant, and every method that a guest can reach takes the tenant from the host, never
//! from the guest. The words are those of `wit/storage.wit`: the generated types are used as they are.

pub mod sqlite;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::bindings::tandem::calendar::storage::{
    Batch, Channel, Conflict, Failure, Orphan, PushQueuePage, ReplicaHealth, ReplicaSummary, ShadowCount,
};
use crate::bindings::tandem::calendar::types::{Event, Replica, Shadow, StorageError};

pub use crate::bindings::tandem::calendar::notifications::{Mark, Outcome as MarkOutcome};
pub use crate::bindings::tandem::calendar::types::{ConflictPolicy, Provider, ReplicaMode};

/// What a store call gives.
pub type Stored<T> = Result<T, StorageError>;

/// A replica that this worker may step now.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Whose it is.
    pub tenant: String,
    /// The replica.
    pub replica: String,
    /// The fence of this lease: every commit of the step carries it.
    pub lease_epoch: u64,
    /// `wanted` at the time of the claim: what the step will have served.
    pub wanted: u64,
    /// Steps that ended in an error in a row.
    pub step_attempts: u32,
}

/// What the scheduler stores after a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// When to run next; `u64::MAX` for never (paused). A replica that was wanted or got a due push entry
    /// since the claim is due at once all the same, unless it is paused.
    pub next_run_ms: u64,
    /// True when the step ended in step: `wanted` up to the claim's value counts as served.
    pub served: bool,
    /// True to stop running the replica until `resume`.
    pub paused: bool,
    /// New value of `step_attempts`.
    pub step_attempts: u32,
}

/// A connection as the administration sees it. `settings` holds the host's own JSON (token sources, sealed
/// secrets); it never reaches a guest.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectionRow {
    /// Whose.
    pub tenant: String,
    /// Id, unique in the tenant.
    pub id: String,
    /// `google` or `microsoft`.
    pub provider: String,
    /// Host-side JSON.
    pub settings: String,
    /// The grant was refused.
    pub revoked: bool,
    /// Throttled until.
    pub not_before_ms: u64,
    /// Failed requests in a row.
    pub attempts: u32,
}

impl std::fmt::Debug for ConnectionRow {
    /// Without the settings: they hold tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionRow").field("tenant", &self.tenant).field("id", &self.id).finish_non_exhaustive()
    }
}

/// A local calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalendarRow {
    /// Whose.
    pub tenant: String,
    /// Id, unique in the tenant.
    pub id: String,
    /// For people.
    pub name: String,
    /// IANA name of the default zone.
    pub time_zone: String,
}

/// A replica as it is created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewReplica {
    /// Whose.
    pub tenant: String,
    /// Id, unique in the tenant.
    pub id: String,
    /// Its connection.
    pub connection: String,
    /// Its calendar.
    pub calendar: String,
    /// The provider's name of the calendar.
    pub remote_calendar: String,
    /// Which way.
    pub mode: ReplicaMode,
    /// Who wins.
    pub policy: ConflictPolicy,
}

/// A replica as people and alerts see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaStatus {
    /// Its id.
    pub id: String,
    /// Its connection.
    pub connection: String,
    /// Its provider.
    pub provider: Provider,
    /// Its calendar.
    pub calendar: String,
    /// The provider's name of the calendar.
    pub remote_calendar: String,
    /// Which way.
    pub mode: ReplicaMode,
    /// Who wins.
    pub policy: ConflictPolicy,
    /// Its health.
    pub health: ReplicaHealth,
    /// Why it is not healthy.
    pub reason: String,
    /// When a pull last reached the end; 0 for never.
    pub synced_ms: u64,
    /// When it runs next; 0 while a step runs, `u64::MAX` when paused.
    pub next_run_ms: u64,
    /// Hints so far, and how many are served.
    pub wanted: u64,
    /// See `wanted`.
    pub served: u64,
    /// Entries of its push queue.
    pub queued: u64,
    /// Live shadows: events in step.
    pub events: u64,
}

/// An entry of the change feed. Sequence numbers grow within a tenant; there may be gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeEntry {
    /// Position in the feed, from 1.
    pub sequence: u64,
    /// The calendar.
    pub calendar: String,
    /// The event.
    pub uid: String,
    /// Its revision at that time.
    pub revision: u64,
    /// It was deleted by this change.
    pub deleted: bool,
    /// When it was committed.
    pub at_ms: u64,
}

/// Why a store cannot be opened. The file or database is left untouched.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The schema is from a later version of Tandem.
    #[error(
        "the database {0} was written by a newer Tandem (schema {1}, this program knows up to {2}); update Tandem or choose another database"
    )]
    Newer(String, i64, i64),
    /// Not a database, or damaged.
    #[error("the database {0} cannot be read: {1}; restore it from a backup or choose another path")]
    Corrupt(String, String),
    /// A database of another program.
    #[error("the database {0} belongs to another program; choose another path")]
    Foreign(String),
    /// Cannot be opened or created.
    #[error("the database {0} cannot be opened: {1}; check that the directory exists and is writable")]
    Unreachable(String, String),
}

/// A database. All writes are durable when the call returns.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    // -- what a guest reaches, by tenant; see wit/storage.wit for each
    /// One replica.
    async fn load_replica(&self, tenant: &str, replica: &str) -> Stored<Option<Replica>>;
    /// Replicas of a calendar.
    async fn calendar_replicas(&self, tenant: &str, calendar: &str) -> Stored<Vec<ReplicaSummary>>;
    /// Events by uid.
    async fn events(&self, tenant: &str, calendar: &str, uids: &[String]) -> Stored<Vec<Option<Event>>>;
    /// Events that may occur in a window.
    async fn events_between(
        &self,
        tenant: &str,
        calendar: &str,
        from_ms: u64,
        to_ms: u64,
        after: Option<(u64, String)>,
        limit: u32,
    ) -> Stored<Vec<Event>>;
    /// Shadows by remote id.
    async fn shadows_by_remote(
        &self,
        tenant: &str,
        replica: &str,
        remote_ids: &[String],
    ) -> Stored<Vec<Option<Shadow>>>;
    /// Shadows by uid.
    async fn shadows_by_uid(&self, tenant: &str, replica: &str, uids: &[String]) -> Stored<Vec<Option<Shadow>>>;
    /// Live shadows below a generation.
    async fn unseen_shadows(
        &self,
        tenant: &str,
        replica: &str,
        generation: u64,
        after: Option<String>,
        limit: u32,
    ) -> Stored<Vec<Shadow>>;
    /// Live and unseen shadows.
    async fn count_shadows(&self, tenant: &str, replica: &str, generation: u64) -> Stored<ShadowCount>;
    /// Due entries of the push queue.
    async fn push_queue(&self, tenant: &str, replica: &str, now_ms: u64, limit: u32) -> Stored<PushQueuePage>;
    /// Buffered rows.
    async fn orphans(&self, tenant: &str, replica: &str, masters: Option<&[String]>, limit: u32)
    -> Stored<Vec<Orphan>>;
    /// Channels of a replica.
    async fn channels(&self, tenant: &str, replica: &str) -> Stored<Vec<Channel>>;
    /// One conflict.
    async fn load_conflict(&self, tenant: &str, conflict: &str) -> Stored<Option<Conflict>>;
    /// All or nothing. `now_ms` is the time of the change-feed entries and the check of the lease.
    async fn commit(&self, tenant: &str, batch: Batch, now_ms: u64) -> Stored<()>;
    /// Note notifications; many calls share one transaction. Names its tenants itself (the marks are authenticated).
    async fn accept(&self, marks: Vec<Mark>, now_ms: u64) -> Stored<Vec<MarkOutcome>>;

    // -- the scheduler
    /// Claim up to `limit` due replicas for `worker` until `now_ms + lease_ms`, fair between tenants.
    async fn claim(&self, worker: &str, now_ms: u64, lease_ms: u64, limit: u32) -> Stored<Vec<Claim>>;
    /// Prolong a lease; false when it was lost.
    async fn renew(&self, claim: &Claim, until_ms: u64) -> Stored<bool>;
    /// End a lease and say when to run next; does nothing when it was lost.
    async fn release(&self, claim: &Claim, release: Release, now_ms: u64) -> Stored<()>;
    /// When the earliest replica becomes due (also one whose lease ends); none when there is none.
    async fn next_due(&self) -> Stored<Option<u64>>;
    /// Wakes when a write of this process made a replica due.
    fn due(&self) -> &tokio::sync::Notify;
    /// Make a replica due now, paused or not ("sync now", "resume"): adds 1 to `wanted`. False when unknown.
    async fn resume(&self, tenant: &str, replica: &str, now_ms: u64) -> Stored<bool>;
    /// Delete webhook deliveries before a time (kept for audit); returns how many.
    async fn prune_deliveries(&self, before_ms: u64) -> Stored<u64>;

    // -- administration and the API
    /// Create or update a connection. `revoked`, `not_before_ms` and `attempts` are reset; if it was revoked, its
    /// paused replicas go on.
    async fn put_connection(&self, row: ConnectionRow) -> Stored<()>;
    /// Replace the settings of a connection if they still are `seen`; false when they are not or it is unknown. For
    /// rotated refresh tokens. A database does it in one statement and leaves the connection's health alone.
    async fn set_connection_settings(&self, tenant: &str, id: &str, seen: &str, settings: &str) -> Stored<bool> {
        match self.connection(tenant, id).await? {
            Some(row) if row.settings == seen => {
                self.put_connection(ConnectionRow { settings: settings.to_owned(), ..row }).await.map(|()| true)
            }
            _ => Ok(false),
        }
    }
    /// One connection.
    async fn connection(&self, tenant: &str, id: &str) -> Stored<Option<ConnectionRow>>;
    /// The providers that have a connection, of whichever tenant. All of them from a store that cannot tell.
    async fn providers(&self) -> Stored<Vec<Provider>> {
        Ok(vec![Provider::Google, Provider::Microsoft])
    }
    /// Create or update a calendar.
    async fn put_calendar(&self, row: CalendarRow) -> Stored<()>;
    /// All calendars of a tenant, by id.
    async fn calendars(&self, tenant: &str) -> Stored<Vec<CalendarRow>>;
    /// Create a replica, due at once; an existing one keeps all but gets the new mode and policy. Refused when its
    /// connection or calendar does not exist.
    async fn put_replica(&self, new: NewReplica) -> Stored<()>;
    /// Remove a replica with its shadows, queue, orphans, channels and failures. Events and conflicts stay.
    async fn remove_replica(&self, tenant: &str, replica: &str) -> Stored<()>;
    /// Status of all replicas of a tenant, by id.
    async fn replica_statuses(&self, tenant: &str) -> Stored<Vec<ReplicaStatus>>;
    /// One event, also a deleted one.
    async fn event(&self, tenant: &str, calendar: &str, uid: &str) -> Stored<Option<Event>>;
    /// Live events by uid, after a uid.
    async fn list_events(&self, tenant: &str, calendar: &str, after: Option<String>, limit: u32) -> Stored<Vec<Event>>;
    /// The change feed after a sequence.
    async fn changes_since(&self, tenant: &str, sequence: u64, limit: u32) -> Stored<Vec<ChangeEntry>>;
    /// Conflicts, newest first; only open ones if asked.
    async fn list_conflicts(&self, tenant: &str, open_only: bool, limit: u32) -> Stored<Vec<Conflict>>;
    /// Failures, newest first.
    async fn list_failures(&self, tenant: &str, limit: u32) -> Stored<Vec<Failure>>;
    /// Forget a failure; false when unknown.
    async fn dismiss_failure(&self, tenant: &str, id: &str) -> Stored<bool>;
    /// Try again what failed: queue the event again (push) or make the replica due (others), and forget the failure.
    async fn replay_failure(&self, tenant: &str, id: &str, now_ms: u64) -> Stored<bool>;
    /// Cheap check that the database answers.
    async fn ping(&self) -> Stored<()>;
}
