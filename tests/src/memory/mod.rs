//! A store in memory, after the documentation of `wit/storage.wit`: the reference that real stores are compared with.
//!
//! One tenant. Expectations are checked first, then all changes are applied, or nothing is.

use std::collections::BTreeMap;

use tandem_engine::effects::{
    Batch, Change, Channel, ConflictRow, Connection, EventRow, Expectation, Failure, Mark, MarkOutcome, Orphan,
    PushEntry, PushQueuePage, Replica, ReplicaSummary, ReplicaUpdate, Shadow, ShadowCount, StorageError, Stored,
};

pub mod effects;

/// See the module.
#[derive(Debug, Clone, Default, Hash)]
pub struct Memory {
    /// Replicas by id. Their `connection` is only the id's carrier; see `connections`.
    pub replicas: BTreeMap<String, Replica>,
    /// Connections by id.
    pub connections: BTreeMap<String, Connection>,
    /// Last update of each replica.
    pub updates: BTreeMap<String, ReplicaUpdate>,
    /// Events by (calendar, uid).
    pub events: BTreeMap<(String, String), EventRow>,
    /// Shadows by (replica, uid).
    pub shadows: BTreeMap<(String, String), Shadow>,
    /// (replica, remote id) to uid.
    by_remote: BTreeMap<(String, String), String>,
    /// Push queue by (replica, uid).
    pub queue: BTreeMap<(String, String), PushEntry>,
    /// Orphans by (replica, master, remote id).
    pub orphans: BTreeMap<(String, String, String), Orphan>,
    /// Channels by id.
    pub channels: BTreeMap<String, Channel>,
    /// Conflicts by id.
    pub conflicts: BTreeMap<String, ConflictRow>,
    /// Failures by id.
    pub failures: BTreeMap<String, Failure>,
    /// The change feed: (uid, revision, deleted).
    pub feed: Vec<(String, u64, bool)>,
    /// Commits so far.
    pub commits: u64,
}

impl Memory {
    /// One replica with its connection's health.
    #[must_use]
    pub fn replica(&self, id: &str) -> Option<Replica> {
        let mut replica = self.replicas.get(id)?.clone();
        if let Some(connection) = self.connections.get(&replica.connection.id) {
            replica.connection = connection.clone();
        }
        Some(replica)
    }

    /// Replicas of a calendar.
    #[must_use]
    pub fn calendar_replicas(&self, calendar: &str) -> Vec<ReplicaSummary> {
        let of = self.replicas.values().filter(|replica| replica.calendar == calendar);
        of.map(|replica| ReplicaSummary { id: replica.id.clone(), mode: replica.mode }).collect()
    }

    /// Events by uid, in the order asked.
    #[must_use]
    pub fn events_by_uid(&self, calendar: &str, uids: &[String]) -> Vec<Option<EventRow>> {
        uids.iter().map(|uid| self.events.get(&(calendar.to_owned(), uid.clone())).cloned()).collect()
    }

    /// Live events that may occur in a window.
    #[must_use]
    pub fn between(
        &self,
        calendar: &str,
        from_ms: u64,
        to_ms: u64,
        after: Option<&(u64, String)>,
        limit: u32,
    ) -> Vec<EventRow> {
        let inside = |row: &&EventRow| {
            !row.deleted
                && row.start_ms < to_ms
                && (row.end_ms > from_ms || (row.end_ms == row.start_ms && row.start_ms >= from_ms))
        };
        let mut rows: Vec<EventRow> = self
            .events
            .iter()
            .filter(|((of, _), _)| of == calendar)
            .map(|(_, row)| row)
            .filter(inside)
            .cloned()
            .collect();
        rows.sort_by(|a, b| (a.start_ms, &a.uid).cmp(&(b.start_ms, &b.uid)));
        rows.retain(|row| after.is_none_or(|(start, uid)| (row.start_ms, &row.uid) > (*start, uid)));
        rows.truncate(limit as usize);
        rows
    }

    /// Shadows by remote id.
    #[must_use]
    pub fn by_remote(&self, replica: &str, ids: &[String]) -> Vec<Option<Shadow>> {
        let find = |id: &String| {
            let uid = self.by_remote.get(&(replica.to_owned(), id.clone()))?;
            self.shadows.get(&(replica.to_owned(), uid.clone())).cloned()
        };
        ids.iter().map(find).collect()
    }

    /// Shadows by uid.
    #[must_use]
    pub fn by_uid(&self, replica: &str, uids: &[String]) -> Vec<Option<Shadow>> {
        uids.iter().map(|uid| self.shadows.get(&(replica.to_owned(), uid.clone())).cloned()).collect()
    }

    fn of<'a>(&'a self, replica: &'a str) -> impl Iterator<Item = &'a Shadow> {
        self.shadows.iter().filter(move |((of, _), _)| of == replica).map(|(_, shadow)| shadow)
    }

    /// Live shadows below a generation.
    #[must_use]
    pub fn unseen(&self, replica: &str, generation: u64, after: Option<&str>, limit: u32) -> Vec<Shadow> {
        self.of(replica)
            .filter(|shadow| !shadow.gone && shadow.generation < generation)
            .filter(|shadow| after.is_none_or(|after| shadow.uid.as_str() > after))
            .take(limit as usize)
            .cloned()
            .collect()
    }

    /// Live and unseen shadows.
    #[must_use]
    pub fn count(&self, replica: &str, generation: u64) -> ShadowCount {
        let live = self.of(replica).filter(|shadow| !shadow.gone).count() as u64;
        let unseen = self.of(replica).filter(|shadow| !shadow.gone && shadow.generation < generation).count() as u64;
        ShadowCount { live, unseen }
    }

    /// Due entries.
    #[must_use]
    pub fn push_queue(&self, replica: &str, now_ms: u64, limit: u32) -> PushQueuePage {
        let mut all: Vec<&PushEntry> = self.queue.values().filter(|entry| entry.replica == replica).collect();
        all.sort_by(|a, b| (a.due_ms, &a.uid).cmp(&(b.due_ms, &b.uid)));
        let next_due_ms = all.iter().map(|entry| entry.due_ms).find(|due| *due > now_ms);
        let due = all.into_iter().filter(|entry| entry.due_ms <= now_ms).take(limit as usize).cloned().collect();
        PushQueuePage { due, next_due_ms }
    }

    /// Buffered rows.
    #[must_use]
    pub fn orphans_of(&self, replica: &str, masters: Option<&[String]>, limit: u32) -> Vec<Orphan> {
        self.orphans
            .iter()
            .filter(|((of, master, _), _)| of == replica && masters.is_none_or(|masters| masters.contains(master)))
            .map(|(_, orphan)| orphan.clone())
            .take(limit as usize)
            .collect()
    }

    /// Channels of a replica.
    #[must_use]
    pub fn channels_of(&self, replica: &str) -> Vec<Channel> {
        self.channels.values().filter(|channel| channel.replica == replica).cloned().collect()
    }

    /// Note notifications.
    pub fn accept(&mut self, marks: &[Mark]) -> Vec<MarkOutcome> {
        let mut outcomes = Vec::new();
        for mark in marks {
            let known = self.channels.get(&mark.channel).is_some_and(|channel| channel.replica == mark.replica);
            match self.replicas.get_mut(&mark.replica).filter(|_| known) {
                Some(replica) => {
                    replica.wanted += 1;
                    outcomes.push(MarkOutcome::Marked);
                }
                None => outcomes.push(MarkOutcome::Unknown),
            }
        }
        outcomes
    }

    /// All or nothing.
    ///
    /// # Errors
    /// When an expectation does not hold.
    pub fn commit(&mut self, batch: Batch) -> Stored<()> {
        for expectation in &batch.expectations {
            let holds = match expectation {
                Expectation::Replica(id, revision) => self.replicas.get(id).is_some_and(|r| r.revision == *revision),
                Expectation::Lease(id, epoch) => {
                    if *epoch != 0 && self.replicas.get(id).is_none_or(|r| r.lease_epoch != *epoch) {
                        return Err(StorageError::LeaseLost);
                    }
                    true
                }
                Expectation::Event(calendar, uid, revision) => {
                    let now = self.events.get(&(calendar.clone(), uid.clone())).map_or(0, |row| row.revision);
                    now == *revision
                }
                Expectation::ConflictOpen(id) => self.conflicts.get(id).is_some_and(|conflict| conflict.open),
            };
            if !holds {
                return Err(StorageError::Stale);
            }
        }
        self.commits += 1;
        for change in batch.changes {
            self.apply(change);
        }
        Ok(())
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::PutReplica(update) => {
                if let Some(replica) = self.replicas.get_mut(&update.id) {
                    replica.state.clone_from(&update.state);
                    replica.revision += 1;
                }
                self.updates.insert(update.id.clone(), update);
            }
            Change::PutConnection(update) => {
                if let Some(connection) = self.connections.get_mut(&update.id) {
                    connection.revoked = update.revoked;
                    connection.not_before_ms = update.not_before_ms;
                    connection.attempts = update.attempts;
                }
            }
            Change::PutEvent(calendar, row) => {
                self.feed.push((row.uid.clone(), row.revision, row.deleted));
                self.events.insert((calendar, row.uid.clone()), row);
            }
            Change::PutShadow(replica, shadow) => {
                self.drop_shadow(&replica, &shadow.uid);
                if !shadow.remote_id.is_empty() {
                    self.by_remote.insert((replica.clone(), shadow.remote_id.clone()), shadow.uid.clone());
                }
                self.shadows.insert((replica, shadow.uid.clone()), shadow);
            }
            Change::TouchShadow(replica, uid, generation, etag) => {
                if let Some(shadow) = self.shadows.get_mut(&(replica, uid)) {
                    shadow.generation = generation;
                    shadow.etag = etag;
                }
            }
            Change::DeleteShadow(replica, uid) => self.drop_shadow(&replica, &uid),
            Change::Enqueue(entry) => self.enqueue(entry),
            Change::Postpone(entry) => {
                let key = (entry.replica.clone(), entry.uid.clone());
                if let Some(there) = self.queue.get_mut(&key).filter(|there| there.revision == entry.revision) {
                    there.due_ms = entry.due_ms;
                    there.attempts = entry.attempts;
                }
            }
            Change::Dequeue(replica, uid, revision) => {
                let key = (replica, uid);
                if self.queue.get(&key).is_some_and(|entry| entry.revision <= revision) {
                    self.queue.remove(&key);
                }
            }
            Change::PutOrphan(replica, orphan) => {
                let key = (replica, orphan.master.clone(), orphan.remote_id.clone());
                self.orphans.insert(key, orphan);
            }
            Change::DeleteOrphans(replica, master) => {
                self.orphans.retain(|(of, m, _), _| *of != replica || *m != master);
            }
            Change::PutChannel(channel) => drop(self.channels.insert(channel.id.clone(), channel)),
            Change::DeleteChannel(id) => drop(self.channels.remove(&id)),
            Change::PutConflict(conflict) => drop(self.conflicts.insert(conflict.id.clone(), conflict)),
            Change::PutFailure(failure) => drop(self.failures.insert(failure.id.clone(), failure)),
            Change::DeleteFailure(id) => drop(self.failures.remove(&id)),
            Change::Want(replica) => {
                if let Some(replica) = self.replicas.get_mut(&replica) {
                    replica.wanted += 1;
                }
            }
        }
    }

    fn drop_shadow(&mut self, replica: &str, uid: &str) {
        if let Some(old) = self.shadows.remove(&(replica.to_owned(), uid.to_owned())) {
            self.by_remote.remove(&(replica.to_owned(), old.remote_id));
        }
    }

    fn enqueue(&mut self, entry: PushEntry) {
        let key = (entry.replica.clone(), entry.uid.clone());
        match self.queue.get_mut(&key) {
            Some(there) => {
                there.revision = there.revision.max(entry.revision);
                there.due_ms = there.due_ms.min(entry.due_ms);
                there.attempts = 0;
                there.notify_attendees |= entry.notify_attendees;
            }
            None => drop(self.queue.insert(key, entry)),
        }
    }
}
