//! The plainest store: hash maps behind a lock, nothing durable. What is left of a step's time is the component's and
//! the boundary's.
//!
//! One tenant, and only what a pull needs; the rest answers that it is unavailable, which no benchmark may meet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tandem_host::bindings::tandem::calendar::storage::{
    Batch, Change, Channel, Conflict, Expectation, Failure, Orphan, PushQueuePage, ReplicaSummary, ShadowCount,
};
use tandem_host::bindings::tandem::calendar::types::{Connection, Event, Provider, Replica, Shadow, StorageError};
use tandem_host::store::{
    CalendarRow, ChangeEntry, Claim, ConnectionRow, Mark, MarkOutcome, NewReplica, Release, ReplicaStatus, Store,
    Stored,
};
use tokio::sync::Notify;

#[derive(Default)]
struct Rows {
    connections: HashMap<String, ConnectionRow>,
    replicas: HashMap<String, Replica>,
    events: HashMap<String, Event>,
    /// By uid.
    shadows: HashMap<String, Shadow>,
    uids: HashMap<String, String>,
    orphans: HashMap<String, Vec<Orphan>>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct MemoryStore {
    rows: Mutex<Rows>,
    due: Notify,
}

const UNUSED: StorageError = StorageError::Unavailable;

impl MemoryStore {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn holds(&self, expectation: &Expectation) -> bool {
        match expectation {
            Expectation::Replica((id, revision)) => self.replicas.get(id).is_some_and(|r| r.revision == *revision),
            Expectation::Lease(_) => true,
            Expectation::Event((_, uid, revision)) => self.events.get(uid).map_or(0, |e| e.revision) == *revision,
            Expectation::ConflictOpen(_) => false,
        }
    }

    fn apply(&mut self, change: Change) -> Stored<()> {
        match change {
            Change::PutReplica(update) => {
                let replica = self.replicas.get_mut(&update.id).ok_or(StorageError::Stale)?;
                replica.state = update.state;
                replica.revision += 1;
            }
            Change::PutEvent((_, event)) => drop(self.events.insert(event.uid.clone(), event)),
            Change::PutShadow((_, shadow)) => {
                self.uids.insert(shadow.remote_id.clone(), shadow.uid.clone());
                self.shadows.insert(shadow.uid.clone(), shadow);
            }
            Change::TouchShadow((_, uid, generation, etag)) => {
                if let Some(shadow) = self.shadows.get_mut(&uid) {
                    (shadow.generation, shadow.etag) = (generation, etag);
                }
            }
            Change::PutOrphan((_, orphan)) => self.orphans.entry(orphan.master.clone()).or_default().push(orphan),
            Change::DeleteOrphans((_, master)) => drop(self.orphans.remove(&master)),
            // No guard ever asks here.
            Change::DeleteFailure(_) => {}
            _ => return Err(UNUSED),
        }
        Ok(())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load_replica(&self, _: &str, replica: &str) -> Stored<Option<Replica>> {
        Ok(self.rows().replicas.get(replica).cloned())
    }
    async fn calendar_replicas(&self, _: &str, calendar: &str) -> Stored<Vec<ReplicaSummary>> {
        let rows = self.rows();
        let of = rows.replicas.values().filter(|replica| replica.calendar == calendar);
        Ok(of.map(|replica| ReplicaSummary { id: replica.id.clone(), mode: replica.mode }).collect())
    }
    async fn events(&self, _: &str, _: &str, uids: &[String]) -> Stored<Vec<Option<Event>>> {
        let rows = self.rows();
        Ok(uids.iter().map(|uid| rows.events.get(uid).cloned()).collect())
    }
    async fn events_between(
        &self,
        _: &str,
        _: &str,
        from_ms: u64,
        to_ms: u64,
        after: Option<(u64, String)>,
        limit: u32,
    ) -> Stored<Vec<Event>> {
        let rows = self.rows();
        let inside = |event: &&Event| !event.deleted && event.start_ms < to_ms && event.end_ms > from_ms;
        let mut found: Vec<&Event> = rows.events.values().filter(inside).collect();
        found.sort_by_key(|event| (event.start_ms, &event.uid));
        let later = |event: &&Event| after.as_ref().is_none_or(|(ms, uid)| (event.start_ms, &event.uid) > (*ms, uid));
        Ok(found.into_iter().filter(later).take(limit as usize).cloned().collect())
    }
    async fn shadows_by_remote(&self, _: &str, _: &str, remote_ids: &[String]) -> Stored<Vec<Option<Shadow>>> {
        let rows = self.rows();
        Ok(remote_ids.iter().map(|id| rows.shadows.get(rows.uids.get(id)?).cloned()).collect())
    }
    async fn shadows_by_uid(&self, _: &str, _: &str, uids: &[String]) -> Stored<Vec<Option<Shadow>>> {
        let rows = self.rows();
        Ok(uids.iter().map(|uid| rows.shadows.get(uid).cloned()).collect())
    }
    async fn unseen_shadows(&self, _: &str, _: &str, _: u64, _: Option<String>, _: u32) -> Stored<Vec<Shadow>> {
        Ok(Vec::new())
    }
    async fn count_shadows(&self, _: &str, _: &str, _: u64) -> Stored<ShadowCount> {
        Ok(ShadowCount { live: self.rows().shadows.len() as u64, unseen: 0 })
    }
    async fn push_queue(&self, _: &str, _: &str, _: u64, _: u32) -> Stored<PushQueuePage> {
        Ok(PushQueuePage { due: Vec::new(), next_due_ms: None })
    }
    async fn orphans(&self, _: &str, _: &str, masters: Option<&[String]>, limit: u32) -> Stored<Vec<Orphan>> {
        let rows = self.rows();
        let all = rows.orphans.values().flatten();
        let asked = all.filter(|orphan| masters.is_none_or(|masters| masters.contains(&orphan.master)));
        Ok(asked.take(limit as usize).cloned().collect())
    }
    async fn channels(&self, _: &str, _: &str) -> Stored<Vec<Channel>> {
        Ok(Vec::new())
    }
    async fn load_conflict(&self, _: &str, _: &str) -> Stored<Option<Conflict>> {
        Err(UNUSED)
    }
    async fn commit(&self, _: &str, batch: Batch, _: u64) -> Stored<()> {
        let mut rows = self.rows();
        if !batch.expectations.iter().all(|expectation| rows.holds(expectation)) {
            return Err(StorageError::Stale);
        }
        batch.changes.into_iter().try_for_each(|change| rows.apply(change))
    }
    async fn accept(&self, marks: Vec<Mark>, _: u64) -> Stored<Vec<MarkOutcome>> {
        Ok(vec![MarkOutcome::Marked; marks.len()])
    }
    async fn claim(&self, _: &str, _: u64, _: u64, _: u32) -> Stored<Vec<Claim>> {
        let rows = self.rows();
        let claim = |replica: &Replica| Claim {
            tenant: replica.tenant.clone(),
            replica: replica.id.clone(),
            lease_epoch: 1,
            wanted: 0,
            step_attempts: 0,
        };
        Ok(rows.replicas.values().take(1).map(claim).collect())
    }
    async fn renew(&self, _: &Claim, _: u64) -> Stored<bool> {
        Ok(true)
    }
    async fn release(&self, _: &Claim, _: Release, _: u64) -> Stored<()> {
        Ok(())
    }
    async fn next_due(&self) -> Stored<Option<u64>> {
        Err(UNUSED)
    }
    fn due(&self) -> &Notify {
        &self.due
    }
    async fn resume(&self, _: &str, _: &str, _: u64) -> Stored<bool> {
        Err(UNUSED)
    }
    async fn prune_deliveries(&self, _: u64) -> Stored<u64> {
        Err(UNUSED)
    }
    async fn put_connection(&self, row: ConnectionRow) -> Stored<()> {
        self.rows().connections.insert(row.id.clone(), row);
        Ok(())
    }
    async fn connection(&self, _: &str, id: &str) -> Stored<Option<ConnectionRow>> {
        Ok(self.rows().connections.get(id).cloned())
    }
    async fn put_calendar(&self, _: CalendarRow) -> Stored<()> {
        Ok(())
    }
    async fn calendars(&self, _: &str) -> Stored<Vec<CalendarRow>> {
        Err(UNUSED)
    }
    async fn put_replica(&self, new: NewReplica) -> Stored<()> {
        let mut rows = self.rows();
        let provider = match rows.connections.get(&new.connection).map(|row| row.provider.as_str()) {
            Some("google") => Provider::Google,
            Some("microsoft") => Provider::Microsoft,
            _ => return Err(UNUSED),
        };
        let replica = Replica {
            id: new.id.clone(),
            tenant: new.tenant,
            connection: Connection { id: new.connection, provider, revoked: false, not_before_ms: 0, attempts: 0 },
            calendar: new.calendar,
            remote_calendar: new.remote_calendar,
            mode: new.mode,
            policy: new.policy,
            state: String::new(),
            revision: 0,
            wanted: 0,
            lease_epoch: 0,
        };
        rows.replicas.insert(new.id, replica);
        Ok(())
    }
    async fn remove_replica(&self, _: &str, _: &str) -> Stored<()> {
        Err(UNUSED)
    }
    async fn replica_statuses(&self, _: &str) -> Stored<Vec<ReplicaStatus>> {
        Err(UNUSED)
    }
    async fn event(&self, _: &str, _: &str, _: &str) -> Stored<Option<Event>> {
        Err(UNUSED)
    }
    async fn list_events(&self, _: &str, _: &str, _: Option<String>, _: u32) -> Stored<Vec<Event>> {
        Err(UNUSED)
    }
    async fn changes_since(&self, _: &str, _: u64, _: u32) -> Stored<Vec<ChangeEntry>> {
        Err(UNUSED)
    }
    async fn list_conflicts(&self, _: &str, _: bool, _: u32) -> Stored<Vec<Conflict>> {
        Err(UNUSED)
    }
    async fn list_failures(&self, _: &str, _: u32) -> Stored<Vec<Failure>> {
        Err(UNUSED)
    }
    async fn dismiss_failure(&self, _: &str, _: &str) -> Stored<bool> {
        Err(UNUSED)
    }
    async fn replay_failure(&self, _: &str, _: &str, _: u64) -> Stored<bool> {
        Err(UNUSED)
    }
    async fn ping(&self) -> Stored<()> {
        Ok(())
    }
}
