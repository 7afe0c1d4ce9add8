//! The embedded store: one SQLite file, one writer thread with group commit, a few reader threads.
//!
//! Invariants: a write is durable when its call returns (write-ahead log, synced as [`Synchronous`] says); a read sees the last
//! commit. Each file beside this one holds the SQL of one idea; nothing here decides anything.

mod commit;
mod events;
mod marks;
mod open;
mod queue;
mod readers;
mod records;
mod replicas;
mod schedule;
mod shadows;
mod values;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::{Notify, oneshot};

use self::events::Window;
use self::marks::MarksJob;
pub use self::open::Synchronous;
use self::readers::{ReadTask, Readers, on_snapshot};
use self::writer::{Session, Writer};
use super::{
    CalendarRow, ChangeEntry, Claim, ConnectionRow, Mark, MarkOutcome, NewReplica, OpenError, Provider, Release,
    ReplicaStatus, Store, Stored,
};
use crate::bindings::tandem::calendar::storage::{
    Batch, Channel, Conflict, Failure, Orphan, PushQueuePage, ReplicaSummary, ShadowCount,
};
use crate::bindings::tandem::calendar::types::{Event, Replica, Shadow, StorageError};

/// Reader threads: reads are short and wait for memory more than for each other.
const READERS: usize = 4;

/// Rows deleted in one go when much is deleted, so that other writes get their turn (some 20 ms).
const DELETE_ROWS: u32 = 2_000;

/// A store in one SQLite file. Dropping it waits for the writes that were accepted.
pub struct SqliteStore {
    // Dropped in this order: the writer last, so that it folds the log into the file.
    readers: Option<Readers>,
    writer: Writer,
    due: Arc<Notify>,
    /// The tenant that was served last; see `schedule::claim`.
    turn: Arc<AtomicI64>,
}

impl SqliteStore {
    /// Open a file, or create it. Blocks for some milliseconds. A file that cannot be used is left untouched.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_with(path, Synchronous::default())
    }

    /// The same, with another idea of what is durable.
    pub fn open_with(path: impl AsRef<Path>, synchronous: Synchronous) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let unreachable = |error: String| OpenError::Unreachable(path.display().to_string(), error);
        let connection = open::open_writer(path, synchronous)?;
        let mut connections = Vec::new();
        for _ in 0..READERS {
            connections.push(open::open_reader(path).map_err(|error| unreachable(error.to_string()))?);
        }
        let readers = Readers::start(connections).map_err(|error| unreachable(error.to_string()))?;
        Self::start(connection, Some(readers)).map_err(|error| unreachable(error.to_string()))
    }

    /// A store in memory: for tests and measurements. Nothing outlives it.
    pub fn in_memory() -> Result<Self, OpenError> {
        let unreachable = |error: String| OpenError::Unreachable(":memory:".into(), error);
        let connection = open::open_memory().map_err(|error| unreachable(error.to_string()))?;
        Self::start(connection, None).map_err(|error| unreachable(error.to_string()))
    }

    fn start(connection: Connection, readers: Option<Readers>) -> std::io::Result<Self> {
        finish_removals(&connection);
        let due = Arc::new(Notify::new());
        let writer = Writer::start(connection, Arc::clone(&due))?;
        Ok(Self { readers, writer, due, turn: Arc::default() })
    }

    async fn read<T: Send + 'static>(&self, read: impl FnOnce(&Connection) -> Stored<T> + Send + 'static) -> Stored<T> {
        let (answer, answered) = oneshot::channel();
        let task: ReadTask = Box::new(move |connection| {
            let result = on_snapshot(connection, read).unwrap_or_else(|error| Err(error.into()));
            let _ = answer.send(result);
        });
        match &self.readers {
            Some(readers) => readers.submit(task),
            None => self.writer.read(task).await?,
        }
        answered.await.unwrap_or(Err(StorageError::Unavailable))
    }

    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Session<'_>) -> Stored<T> + Send + 'static,
    ) -> Stored<T> {
        self.writer.run(1, write).await
    }
}

/// Finish removals that a crash interrupted.
fn finish_removals(connection: &Connection) {
    let session = Session { connection, made_due: false };
    while matches!(shadows::purge(&session, DELETE_ROWS), Ok(true)) {}
}

#[async_trait]
impl Store for SqliteStore {
    async fn load_replica(&self, tenant: &str, replica: &str) -> Stored<Option<Replica>> {
        let (tenant, replica) = (tenant.to_owned(), replica.to_owned());
        self.read(move |connection| replicas::load(connection, &tenant, &replica)).await
    }

    async fn calendar_replicas(&self, tenant: &str, calendar: &str) -> Stored<Vec<ReplicaSummary>> {
        let (tenant, calendar) = (tenant.to_owned(), calendar.to_owned());
        self.read(move |connection| replicas::of_calendar(connection, &tenant, &calendar)).await
    }

    async fn events(&self, tenant: &str, calendar: &str, uids: &[String]) -> Stored<Vec<Option<Event>>> {
        let (tenant, calendar, uids) = (tenant.to_owned(), calendar.to_owned(), uids.to_vec());
        self.read(move |connection| events::by_uid(connection, &tenant, &calendar, &uids)).await
    }

    async fn events_between(
        &self,
        tenant: &str,
        calendar: &str,
        from_ms: u64,
        to_ms: u64,
        after: Option<(u64, String)>,
        limit: u32,
    ) -> Stored<Vec<Event>> {
        let (tenant, calendar) = (tenant.to_owned(), calendar.to_owned());
        let window = Window { from_ms, to_ms, after, limit };
        self.read(move |connection| events::between(connection, &tenant, &calendar, &window)).await
    }

    async fn shadows_by_remote(
        &self,
        tenant: &str,
        replica: &str,
        remote_ids: &[String],
    ) -> Stored<Vec<Option<Shadow>>> {
        let (tenant, replica, remote_ids) = (tenant.to_owned(), replica.to_owned(), remote_ids.to_vec());
        self.read(move |connection| shadows::by_remote(connection, &tenant, &replica, &remote_ids)).await
    }

    async fn shadows_by_uid(&self, tenant: &str, replica: &str, uids: &[String]) -> Stored<Vec<Option<Shadow>>> {
        let (tenant, replica, uids) = (tenant.to_owned(), replica.to_owned(), uids.to_vec());
        self.read(move |connection| shadows::by_uid(connection, &tenant, &replica, &uids)).await
    }

    async fn unseen_shadows(
        &self,
        tenant: &str,
        replica: &str,
        generation: u64,
        after: Option<String>,
        limit: u32,
    ) -> Stored<Vec<Shadow>> {
        let (tenant, replica) = (tenant.to_owned(), replica.to_owned());
        self.read(move |connection| shadows::unseen(connection, &tenant, &replica, generation, after.as_deref(), limit))
            .await
    }

    async fn count_shadows(&self, tenant: &str, replica: &str, generation: u64) -> Stored<ShadowCount> {
        let (tenant, replica) = (tenant.to_owned(), replica.to_owned());
        self.read(move |connection| shadows::count(connection, &tenant, &replica, generation)).await
    }

    async fn push_queue(&self, tenant: &str, replica: &str, now_ms: u64, limit: u32) -> Stored<PushQueuePage> {
        let (tenant, replica) = (tenant.to_owned(), replica.to_owned());
        self.read(move |connection| queue::page(connection, &tenant, &replica, now_ms, limit)).await
    }

    async fn orphans(
        &self,
        tenant: &str,
        replica: &str,
        masters: Option<&[String]>,
        limit: u32,
    ) -> Stored<Vec<Orphan>> {
        let (tenant, replica, masters) = (tenant.to_owned(), replica.to_owned(), masters.map(<[_]>::to_vec));
        self.read(move |connection| queue::orphans(connection, &tenant, &replica, masters.as_deref(), limit)).await
    }

    async fn channels(&self, tenant: &str, replica: &str) -> Stored<Vec<Channel>> {
        let (tenant, replica) = (tenant.to_owned(), replica.to_owned());
        self.read(move |connection| replicas::channels(connection, &tenant, &replica)).await
    }

    async fn load_conflict(&self, tenant: &str, conflict: &str) -> Stored<Option<Conflict>> {
        let (tenant, conflict) = (tenant.to_owned(), conflict.to_owned());
        self.read(move |connection| records::conflict(connection, &tenant, &conflict)).await
    }

    async fn commit(&self, tenant: &str, batch: Batch, now_ms: u64) -> Stored<()> {
        let tenant = tenant.to_owned();
        let rows = batch.changes.len();
        self.writer.run(rows, move |session| commit::apply(session, &tenant, &batch, now_ms)).await
    }

    async fn accept(&self, marks: Vec<Mark>, now_ms: u64) -> Stored<Vec<MarkOutcome>> {
        if marks.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        self.writer.marks(MarksJob { marks, now_ms, answer }).await?;
        answered.await.unwrap_or(Err(StorageError::Unavailable))
    }

    async fn claim(&self, worker: &str, now_ms: u64, lease_ms: u64, limit: u32) -> Stored<Vec<Claim>> {
        let (worker, turn) = (worker.to_owned(), Arc::clone(&self.turn));
        self.write(move |session| schedule::claim(session, &worker, now_ms, lease_ms, limit, &turn)).await
    }

    async fn renew(&self, claim: &Claim, until_ms: u64) -> Stored<bool> {
        let claim = claim.clone();
        self.write(move |session| schedule::renew(session, &claim, until_ms)).await
    }

    async fn release(&self, claim: &Claim, release: Release, now_ms: u64) -> Stored<()> {
        let claim = claim.clone();
        self.write(move |session| schedule::release(session, &claim, &release, now_ms)).await
    }

    async fn next_due(&self) -> Stored<Option<u64>> {
        self.read(schedule::next_due).await
    }

    fn due(&self) -> &Notify {
        &self.due
    }

    async fn resume(&self, tenant: &str, replica: &str, now_ms: u64) -> Stored<bool> {
        let (tenant, replica) = (tenant.to_owned(), replica.to_owned());
        self.write(move |session| schedule::resume(session, &tenant, &replica, now_ms)).await
    }

    async fn prune_deliveries(&self, before_ms: u64) -> Stored<u64> {
        let mut pruned = 0;
        loop {
            let rows = self.write(move |session| marks::prune(session, before_ms, DELETE_ROWS)).await?;
            pruned += rows;
            if rows < u64::from(DELETE_ROWS) {
                return Ok(pruned);
            }
        }
    }

    async fn put_connection(&self, row: ConnectionRow) -> Stored<()> {
        self.write(move |session| replicas::put_connection(session, &row)).await
    }

    async fn connection(&self, tenant: &str, id: &str) -> Stored<Option<ConnectionRow>> {
        let (tenant, id) = (tenant.to_owned(), id.to_owned());
        self.read(move |connection| replicas::connection(connection, &tenant, &id)).await
    }

    async fn set_connection_settings(&self, tenant: &str, id: &str, seen: &str, settings: &str) -> Stored<bool> {
        let [tenant, id, seen, settings] = [tenant, id, seen, settings].map(str::to_owned);
        self.write(move |session| replicas::set_settings(session, (&tenant, &id), &seen, &settings)).await
    }

    async fn providers(&self) -> Stored<Vec<Provider>> {
        self.read(replicas::providers).await
    }

    async fn put_calendar(&self, row: CalendarRow) -> Stored<()> {
        self.write(move |session| replicas::put_calendar(session, &row)).await
    }

    async fn calendars(&self, tenant: &str) -> Stored<Vec<CalendarRow>> {
        let tenant = tenant.to_owned();
        self.read(move |connection| replicas::calendars(connection, &tenant)).await
    }

    async fn put_replica(&self, new: NewReplica) -> Stored<()> {
        self.write(move |session| replicas::put_replica(session, &new)).await
    }

    async fn remove_replica(&self, tenant: &str, replica: &str) -> Stored<()> {
        let (tenant, replica) = (tenant.to_owned(), replica.to_owned());
        self.write(move |session| replicas::remove_replica(session, &tenant, &replica)).await?;
        while self.writer.run(DELETE_ROWS as usize, |session| shadows::purge(session, DELETE_ROWS)).await? {}
        Ok(())
    }

    async fn replica_statuses(&self, tenant: &str) -> Stored<Vec<ReplicaStatus>> {
        let tenant = tenant.to_owned();
        self.read(move |connection| replicas::statuses(connection, &tenant)).await
    }

    async fn event(&self, tenant: &str, calendar: &str, uid: &str) -> Stored<Option<Event>> {
        let found = self.events(tenant, calendar, &[uid.to_owned()]).await?;
        Ok(found.into_iter().next().flatten())
    }

    async fn list_events(&self, tenant: &str, calendar: &str, after: Option<String>, limit: u32) -> Stored<Vec<Event>> {
        let (tenant, calendar) = (tenant.to_owned(), calendar.to_owned());
        self.read(move |connection| events::list(connection, &tenant, &calendar, after.as_deref(), limit)).await
    }

    async fn changes_since(&self, tenant: &str, sequence: u64, limit: u32) -> Stored<Vec<ChangeEntry>> {
        let tenant = tenant.to_owned();
        self.read(move |connection| records::feed(connection, &tenant, sequence, limit)).await
    }

    async fn list_conflicts(&self, tenant: &str, open_only: bool, limit: u32) -> Stored<Vec<Conflict>> {
        let tenant = tenant.to_owned();
        self.read(move |connection| records::conflicts(connection, &tenant, open_only, limit)).await
    }

    async fn list_failures(&self, tenant: &str, limit: u32) -> Stored<Vec<Failure>> {
        let tenant = tenant.to_owned();
        self.read(move |connection| records::failures(connection, &tenant, limit)).await
    }

    async fn dismiss_failure(&self, tenant: &str, id: &str) -> Stored<bool> {
        let (tenant, id) = (tenant.to_owned(), id.to_owned());
        self.write(move |session| records::delete_failure(session, &tenant, &id)).await
    }

    async fn replay_failure(&self, tenant: &str, id: &str, now_ms: u64) -> Stored<bool> {
        let (tenant, id) = (tenant.to_owned(), id.to_owned());
        self.write(move |session| records::replay_failure(session, &tenant, &id, now_ms)).await
    }

    async fn ping(&self) -> Stored<()> {
        self.read(|connection| Ok(connection.query_row("SELECT 1", [], |_| Ok(()))?)).await
    }
}
