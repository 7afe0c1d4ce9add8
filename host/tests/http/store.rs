//! A store in memory with what the API reads. What only guests and the scheduler call is not there.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use tandem_host::bindings::tandem::calendar::storage::{
    Batch, Channel, Conflict, Failure, Orphan, PushQueuePage, ReplicaSummary, ShadowCount,
};
use tandem_host::bindings::tandem::calendar::types::{Event, Replica, Shadow, StorageError};
use tandem_host::store::*;

#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) calendars: Vec<CalendarRow>,
    pub(crate) events: BTreeMap<String, Event>,
    pub(crate) changes: Vec<ChangeEntry>,
    pub(crate) conflicts: Vec<Conflict>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) replicas: Vec<ReplicaStatus>,
    /// What was written: `resume r`, `remove r`, `replay f`.
    pub(crate) writes: Vec<String>,
    pub(crate) down: bool,
}

/// Serves one tenant, `acme`.
#[derive(Default)]
pub(crate) struct MemoryStore {
    pub(crate) rows: Mutex<Rows>,
    due: tokio::sync::Notify,
}

impl MemoryStore {
    fn read<T>(&self, tenant: &str, read: impl FnOnce(&mut Rows) -> T) -> Stored<T>
    where
        T: Default,
    {
        let mut rows = self.rows.lock().unwrap();
        if rows.down {
            return Err(StorageError::Unavailable);
        }
        Ok(if tenant == "acme" { read(&mut rows) } else { T::default() })
    }
}

macro_rules! absent {
    () => {
        unreachable!("the API does not call this")
    };
}

#[async_trait]
impl Store for MemoryStore {
    async fn load_replica(&self, _: &str, _: &str) -> Stored<Option<Replica>> {
        absent!()
    }
    async fn calendar_replicas(&self, _: &str, _: &str) -> Stored<Vec<ReplicaSummary>> {
        absent!()
    }
    async fn events(&self, _: &str, _: &str, _: &[String]) -> Stored<Vec<Option<Event>>> {
        absent!()
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
        absent!()
    }
    async fn shadows_by_remote(&self, _: &str, _: &str, _: &[String]) -> Stored<Vec<Option<Shadow>>> {
        absent!()
    }
    async fn shadows_by_uid(&self, _: &str, _: &str, _: &[String]) -> Stored<Vec<Option<Shadow>>> {
        absent!()
    }
    async fn unseen_shadows(&self, _: &str, _: &str, _: u64, _: Option<String>, _: u32) -> Stored<Vec<Shadow>> {
        absent!()
    }
    async fn count_shadows(&self, _: &str, _: &str, _: u64) -> Stored<ShadowCount> {
        absent!()
    }
    async fn push_queue(&self, _: &str, _: &str, _: u64, _: u32) -> Stored<PushQueuePage> {
        absent!()
    }
    async fn orphans(&self, _: &str, _: &str, _: Option<&[String]>, _: u32) -> Stored<Vec<Orphan>> {
        absent!()
    }
    async fn channels(&self, _: &str, _: &str) -> Stored<Vec<Channel>> {
        absent!()
    }
    async fn load_conflict(&self, tenant: &str, conflict: &str) -> Stored<Option<Conflict>> {
        self.read(tenant, |rows| rows.conflicts.iter().find(|row| row.id == conflict).cloned())
    }
    async fn commit(&self, _: &str, _: Batch, _: u64) -> Stored<()> {
        absent!()
    }
    async fn accept(&self, _: Vec<Mark>, _: u64) -> Stored<Vec<MarkOutcome>> {
        absent!()
    }
    async fn claim(&self, _: &str, _: u64, _: u64, _: u32) -> Stored<Vec<Claim>> {
        absent!()
    }
    async fn renew(&self, _: &Claim, _: u64) -> Stored<bool> {
        absent!()
    }
    async fn release(&self, _: &Claim, _: Release, _: u64) -> Stored<()> {
        absent!()
    }
    async fn next_due(&self) -> Stored<Option<u64>> {
        absent!()
    }
    fn due(&self) -> &tokio::sync::Notify {
        &self.due
    }
    async fn resume(&self, tenant: &str, replica: &str, now_ms: u64) -> Stored<bool> {
        self.read(tenant, |rows| {
            rows.writes.push(format!("resume {replica} at {now_ms}"));
            rows.replicas.iter().any(|row| row.id == replica)
        })
    }
    async fn prune_deliveries(&self, _: u64) -> Stored<u64> {
        absent!()
    }
    async fn put_connection(&self, _: ConnectionRow) -> Stored<()> {
        absent!()
    }
    async fn connection(&self, _: &str, _: &str) -> Stored<Option<ConnectionRow>> {
        absent!()
    }
    async fn put_calendar(&self, _: CalendarRow) -> Stored<()> {
        absent!()
    }
    async fn calendars(&self, tenant: &str) -> Stored<Vec<CalendarRow>> {
        self.read(tenant, |rows| rows.calendars.clone())
    }
    async fn put_replica(&self, _: NewReplica) -> Stored<()> {
        absent!()
    }
    async fn remove_replica(&self, tenant: &str, replica: &str) -> Stored<()> {
        self.read(tenant, |rows| {
            rows.writes.push(format!("remove {replica}"));
            rows.replicas.retain(|row| row.id != replica);
        })
    }
    async fn replica_statuses(&self, tenant: &str) -> Stored<Vec<ReplicaStatus>> {
        self.read(tenant, |rows| rows.replicas.clone())
    }
    async fn event(&self, tenant: &str, calendar: &str, uid: &str) -> Stored<Option<Event>> {
        self.read(tenant, |rows| rows.events.get(uid).filter(|_| calendar == "work").cloned())
    }
    async fn list_events(&self, tenant: &str, _: &str, after: Option<String>, limit: u32) -> Stored<Vec<Event>> {
        self.read(tenant, |rows| {
            let later = rows.events.values().filter(|event| !event.deleted);
            let later = later.filter(|event| after.as_ref().is_none_or(|after| event.uid > *after));
            later.take(limit as usize).cloned().collect()
        })
    }
    async fn changes_since(&self, tenant: &str, sequence: u64, limit: u32) -> Stored<Vec<ChangeEntry>> {
        self.read(tenant, |rows| {
            rows.changes.iter().filter(|row| row.sequence > sequence).take(limit as usize).cloned().collect()
        })
    }
    async fn list_conflicts(&self, tenant: &str, open_only: bool, limit: u32) -> Stored<Vec<Conflict>> {
        self.read(tenant, |rows| {
            rows.conflicts.iter().filter(|row| row.open || !open_only).take(limit as usize).cloned().collect()
        })
    }
    async fn list_failures(&self, tenant: &str, limit: u32) -> Stored<Vec<Failure>> {
        self.read(tenant, |rows| rows.failures.iter().take(limit as usize).cloned().collect())
    }
    async fn dismiss_failure(&self, tenant: &str, id: &str) -> Stored<bool> {
        self.read(tenant, |rows| {
            let before = rows.failures.len();
            rows.failures.retain(|row| row.id != id);
            rows.failures.len() < before
        })
    }
    async fn replay_failure(&self, tenant: &str, id: &str, now_ms: u64) -> Stored<bool> {
        let known = self.dismiss_failure(tenant, id).await?;
        self.rows.lock().unwrap().writes.push(format!("replay {id} at {now_ms}"));
        Ok(known)
    }
    async fn ping(&self) -> Stored<()> {
        self.read("", |_| ())
    }
}
