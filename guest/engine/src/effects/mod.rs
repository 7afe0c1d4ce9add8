//! Everything the engine needs from outside, as one trait: the same words as `wit/`, without its bindings.
//!
//! The component implements it over its imports, tests implement it in memory. Nothing here decides anything.

mod words;

pub use words::*;

/// What a storage read or write gives.
pub type Stored<T> = Result<T, StorageError>;

/// Every effect of the engine. All calls may block the caller; none is held open across another.
pub trait Effects {
    /// The time now.
    fn now_ms(&mut self) -> TimeMs;
    /// Random bytes, for jitter and ids.
    fn random(&mut self) -> u64;
    /// The settings.
    fn settings(&mut self) -> Settings;
    /// Send a request and read the whole response.
    fn exchange(&mut self, request: Request) -> Result<Response, TransportError>;
    /// Value of the `Authorization` header.
    fn authorization(&mut self, connection: &str) -> Result<String, AuthError>;
    /// A fresh value after a 401.
    fn refresh(&mut self, connection: &str) -> Result<String, AuthError>;
    /// Note validated notifications.
    fn accept(&mut self, marks: Vec<Mark>) -> Stored<Vec<MarkOutcome>>;

    /// The replica with this id.
    fn load_replica(&mut self, replica: &str) -> Stored<Option<Replica>>;
    /// Every replica of a calendar.
    fn calendar_replicas(&mut self, calendar: &str) -> Stored<Vec<ReplicaSummary>>;
    /// Events by uid, in the order asked.
    fn events(&mut self, calendar: &str, uids: Vec<String>) -> Stored<Vec<Option<EventRow>>>;
    /// Live events that may occur in a window.
    fn events_between(
        &mut self,
        calendar: &str,
        from_ms: TimeMs,
        to_ms: TimeMs,
        after: Option<(TimeMs, String)>,
        limit: u32,
    ) -> Stored<Vec<EventRow>>;
    /// Shadows by remote id, in the order asked.
    fn shadows_by_remote(&mut self, replica: &str, remote_ids: Vec<String>) -> Stored<Vec<Option<Shadow>>>;
    /// Shadows by uid, in the order asked.
    fn shadows_by_uid(&mut self, replica: &str, uids: Vec<String>) -> Stored<Vec<Option<Shadow>>>;
    /// Live shadows below a generation, after a uid.
    fn unseen_shadows(
        &mut self,
        replica: &str,
        generation: u64,
        after: Option<String>,
        limit: u32,
    ) -> Stored<Vec<Shadow>>;
    /// Count live and unseen shadows.
    fn count_shadows(&mut self, replica: &str, generation: u64) -> Stored<ShadowCount>;
    /// Due entries of the push queue.
    fn push_queue(&mut self, replica: &str, now_ms: TimeMs, limit: u32) -> Stored<PushQueuePage>;
    /// Buffered rows.
    fn orphans(&mut self, replica: &str, masters: Option<Vec<String>>, limit: u32) -> Stored<Vec<Orphan>>;
    /// Channels of a replica.
    fn channels(&mut self, replica: &str) -> Stored<Vec<Channel>>;
    /// A conflict.
    fn load_conflict(&mut self, conflict: &str) -> Stored<Option<ConflictRow>>;
    /// Write a batch: all or nothing.
    fn commit(&mut self, batch: Batch) -> Stored<()>;
}
