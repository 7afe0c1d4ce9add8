//! As much of a store as the runtime's tests need; everything else is `unavailable`.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tandem_host::bindings::tandem::calendar::storage::{
    Batch, Channel, Conflict, Failure, Orphan, PushQueuePage, ReplicaSummary, ShadowCount,
};
use tandem_host::bindings::tandem::calendar::types::{self, Event, Replica, Shadow, StorageError};
use tandem_host::store::{
    CalendarRow, ChangeEntry, Claim, ConflictPolicy, ConnectionRow, Mark, MarkOutcome, NewReplica, Provider, Release,
    ReplicaMode, ReplicaStatus, Store, Stored,
};

/// Connections and marks in memory; one replica for every name, leased by somebody else.
#[derive(Default)]
pub(crate) struct MemoryStore {
    connections: Mutex<BTreeMap<(String, String), ConnectionRow>>,
    /// Calls of the methods that are there.
    calls: AtomicU64,
    due: tokio::sync::Notify,
}

impl MemoryStore {
    /// With these connections.
    pub(crate) fn with(rows: impl IntoIterator<Item = ConnectionRow>) -> Self {
        let rows = rows.into_iter().map(|row| ((row.tenant.clone(), row.id.clone()), row)).collect();
        Self { connections: Mutex::new(rows), ..Self::default() }
    }

    /// Calls so far, of every kind that this store answers.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn called(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
    }
}

/// What methods answer that no test of the runtime reaches.
const GONE: StorageError = StorageError::Unavailable;

#[async_trait]
impl Store for MemoryStore {
    async fn load_replica(&self, tenant: &str, replica: &str) -> Stored<Option<Replica>> {
        self.called();
        Ok(Some(Replica {
            id: replica.into(),
            tenant: tenant.into(),
            connection: types::Connection {
                id: "c".into(),
                provider: Provider::Google,
                revoked: false,
                not_before_ms: 0,
                attempts: 0,
            },
            calendar: "cal".into(),
            remote_calendar: "primary".into(),
            mode: ReplicaMode::TwoWay,
            policy: ConflictPolicy::Newest,
            state: String::new(),
            revision: 0,
            wanted: 0,
            lease_epoch: 99,
        }))
    }
    async fn accept(&self, marks: Vec<Mark>, _: u64) -> Stored<Vec<MarkOutcome>> {
        self.called();
        Ok(vec![MarkOutcome::Marked; marks.len()])
    }
    async fn put_connection(&self, row: ConnectionRow) -> Stored<()> {
        self.called();
        self.connections.lock().unwrap().insert((row.tenant.clone(), row.id.clone()), row);
        Ok(())
    }
    async fn connection(&self, tenant: &str, id: &str) -> Stored<Option<ConnectionRow>> {
        self.called();
        Ok(self.connections.lock().unwrap().get(&(tenant.to_owned(), id.to_owned())).cloned())
    }
    fn due(&self) -> &tokio::sync::Notify {
        &self.due
    }
    async fn calendar_replicas(&self, _: &str, _: &str) -> Stored<Vec<ReplicaSummary>> {
        Err(GONE)
    }
    async fn events(&self, _: &str, _: &str, _: &[String]) -> Stored<Vec<Option<Event>>> {
        Err(GONE)
    }
    async fn events_between(
        &self,
        _: &str,
        _: &str,
        _: u64,
        _: u64,
        _: Option<(u64, String)>,
        _: u32,
    ) -> Stored<Vec<Event>> {
        Err(GONE)
    }
    async fn shadows_by_remote(&self, _: &str, _: &str, _: &[String]) -> Stored<Vec<Option<Shadow>>> {
        Err(GONE)
    }
    async fn shadows_by_uid(&self, _: &str, _: &str, _: &[String]) -> Stored<Vec<Option<Shadow>>> {
        Err(GONE)
    }
    async fn unseen_shadows(&self, _: &str, _: &str, _: u64, _: Option<String>, _: u32) -> Stored<Vec<Shadow>> {
        Err(GONE)
    }
    async fn count_shadows(&self, _: &str, _: &str, _: u64) -> Stored<ShadowCount> {
        Err(GONE)
    }
    async fn push_queue(&self, _: &str, _: &str, _: u64, _: u32) -> Stored<PushQueuePage> {
        Err(GONE)
    }
    async fn orphans(&self, _: &str, _: &str, _: Option<&[String]>, _: u32) -> Stored<Vec<Orphan>> {
        Err(GONE)
    }
    async fn channels(&self, _: &str, _: &str) -> Stored<Vec<Channel>> {
        Err(GONE)
    }
    async fn load_conflict(&self, _: &str, _: &str) -> Stored<Option<Conflict>> {
        Err(GONE)
    }
    async fn commit(&self, _: &str, _: Batch, _: u64) -> Stored<()> {
        Err(GONE)
    }
    async fn claim(&self, _: &str, _: u64, _: u64, _: u32) -> Stored<Vec<Claim>> {
        Err(GONE)
    }
    async fn renew(&self, _: &Claim, _: u64) -> Stored<bool> {
        Err(GONE)
    }
    async fn release(&self, _: &Claim, _: Release, _: u64) -> Stored<()> {
        Err(GONE)
    }
    async fn next_due(&self) -> Stored<Option<u64>> {
        Err(GONE)
    }
    async fn resume(&self, _: &str, _: &str, _: u64) -> Stored<bool> {
        Err(GONE)
    }
    async fn prune_deliveries(&self, _: u64) -> Stored<u64> {
        Err(GONE)
    }
    async fn put_calendar(&self, _: CalendarRow) -> Stored<()> {
        Err(GONE)
    }
    async fn calendars(&self, _: &str) -> Stored<Vec<CalendarRow>> {
        Err(GONE)
    }
    async fn put_replica(&self, _: NewReplica) -> Stored<()> {
        Err(GONE)
    }
    async fn remove_replica(&self, _: &str, _: &str) -> Stored<()> {
        Err(GONE)
    }
    async fn replica_statuses(&self, _: &str) -> Stored<Vec<ReplicaStatus>> {
        Err(GONE)
    }
    async fn event(&self, _: &str, _: &str, _: &str) -> Stored<Option<Event>> {
        Err(GONE)
    }
    async fn list_events(&self, _: &str, _: &str, _: Option<String>, _: u32) -> Stored<Vec<Event>> {
        Err(GONE)
    }
    async fn changes_since(&self, _: &str, _: u64, _: u32) -> Stored<Vec<ChangeEntry>> {
        Err(GONE)
    }
    async fn list_conflicts(&self, _: &str, _: bool, _: u32) -> Stored<Vec<Conflict>> {
        Err(GONE)
    }
    async fn list_failures(&self, _: &str, _: u32) -> Stored<Vec<Failure>> {
        Err(GONE)
    }
    async fn dismiss_failure(&self, _: &str, _: &str) -> Stored<bool> {
        Err(GONE)
    }
    async fn replay_failure(&self, _: &str, _: &str, _: u64) -> Stored<bool> {
        Err(GONE)
    }
    async fn ping(&self) -> Stored<()> {
        Err(GONE)
    }
}
