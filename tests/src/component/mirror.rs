//! SQLite beside the store in memory: everything is asked and committed at both, and both must say the same, whatever goes
//! wrong meanwhile (invariant I8).
//!
//! Leases are the memory's alone: the real ones end by a clock that no world has.

use std::fmt::Debug;
use std::sync::Arc;

use tandem_engine::effects as engine;
use tandem_host::bindings::tandem::calendar::storage::{Batch, Expectation};
use tandem_host::bindings::tandem::calendar::types::{Provider, Replica};
use tandem_host::store::sqlite::SqliteStore;
use tandem_host::store::{CalendarRow, ConnectionRow, Mark, MarkOutcome, NewReplica, Store, Stored};

use super::convert as to;
use super::sandbox::{Shared, block_on};
use crate::world::{CALENDAR, World};

/// Rows that are compared at the end, at most.
const ROWS: u32 = 100_000;

/// See the module.
#[derive(Clone)]
pub(crate) struct Mirror {
    store: Arc<SqliteStore>,
    tenant: String,
}

impl Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Mirror").field(&self.tenant).finish()
    }
}

impl Mirror {
    /// The same calendar and replicas as a world has in which nothing happened yet.
    pub(crate) fn of(world: &World) -> Self {
        let store = SqliteStore::in_memory().unwrap_or_else(|error| panic!("no SQLite: {error}"));
        let mirror = Self { store: Arc::new(store), tenant: format!("world-{}", world.number) };
        let made = block_on(mirror.furnish(world));
        made.unwrap_or_else(|error| panic!("SQLite refuses a new world: {error:?}"));
        mirror
    }

    async fn furnish(&self, world: &World) -> Stored<()> {
        let tenant = || self.tenant.clone();
        let zone = "Europe/Berlin".to_owned();
        let calendar = CalendarRow { tenant: tenant(), id: CALENDAR.into(), name: CALENDAR.into(), time_zone: zone };
        self.store.put_calendar(calendar).await?;
        for row in world.memory.replicas.values() {
            let row = to::replica(row.clone());
            let provider = match row.connection.provider {
                Provider::Google => "google",
                Provider::Microsoft => "microsoft",
            };
            let provider = provider.to_owned();
            let connection = ConnectionRow {
                tenant: tenant(),
                id: row.connection.id.clone(),
                provider,
                settings: "{}".into(),
                revoked: false,
                not_before_ms: 0,
                attempts: 0,
            };
            self.store.put_connection(connection).await?;
            let replica = NewReplica {
                tenant: tenant(),
                id: row.id,
                connection: row.connection.id,
                calendar: row.calendar,
                remote_calendar: row.remote_calendar,
                mode: row.mode,
                policy: row.policy,
            };
            self.store.put_replica(replica).await?;
        }
        Ok(())
    }

    /// What differs at the end: events, the feed, conflicts and failures.
    pub(crate) fn difference(&self, world: &World) -> Option<String> {
        block_on(self.compare(world)).unwrap_or_else(|error| Some(format!("SQLite cannot be read: {error:?}")))
    }

    async fn compare(&self, world: &World) -> Stored<Option<String>> {
        let memory = &world.memory;
        let events = self.store.list_events(&self.tenant, CALENDAR, None, ROWS).await?;
        let live = memory.events.values().filter(|row| !row.deleted).cloned().map(to::event_out);
        if !live.eq(events.iter().cloned()) {
            return Ok(Some(format!("SQLite has other events: {events:?}")));
        }
        let feed = self.store.changes_since(&self.tenant, 0, ROWS).await?;
        if !feed
            .iter()
            .map(|one| (&one.uid, one.revision, one.deleted))
            .eq(memory.feed.iter().map(|(u, r, d)| (u, *r, *d)))
        {
            return Ok(Some("SQLite has another feed".to_owned()));
        }
        let mut conflicts = self.store.list_conflicts(&self.tenant, false, ROWS).await?;
        conflicts.sort_by(|a, b| a.id.cmp(&b.id));
        if !memory.conflicts.values().cloned().map(to::conflict_out).eq(conflicts) {
            return Ok(Some("SQLite has other conflicts".to_owned()));
        }
        let mut failures = self.store.list_failures(&self.tenant, ROWS).await?;
        failures.sort_by(|a, b| a.id.cmp(&b.id));
        let said = failures.iter().map(|one| (&one.id, &one.code, one.attempts));
        if !said.eq(memory.failures.values().map(|one| (&one.id, &one.code, one.attempts))) {
            return Ok(Some("SQLite has other failures".to_owned()));
        }
        Ok(None)
    }
}

/// Asks SQLite what the memory answered.
pub(super) struct Twin<'a>(pub(super) &'a Shared);

impl Twin<'_> {
    /// The mirror, where the memory itself answered: not a dead process, and not a store that lags behind.
    fn mirror(&self) -> Option<Mirror> {
        let world = self.0.lock();
        world.mirror.clone().filter(|_| world.weather.past.is_none())
    }

    fn tell(&self, what: &str, here: &impl Debug, there: &impl Debug) {
        if let Some(observer) = &mut self.0.lock().observer {
            observer.violated("I8", format!("{what}: memory says {here:?}, SQLite says {there:?}"));
        }
    }

    /// The same question.
    pub(super) async fn reads<T: PartialEq + Debug>(
        &self,
        what: &str,
        here: &Stored<T>,
        ask: impl AsyncFnOnce(&SqliteStore, &str) -> Stored<T>,
    ) {
        let (Some(mirror), Ok(_)) = (self.mirror(), here) else { return };
        let there = ask(&mirror.store, &mirror.tenant).await;
        if there != *here {
            self.tell(what, here, &there);
        }
    }

    /// A replica, whose tenant and lease are the world's.
    pub(super) async fn loads(&self, id: &str, here: &Stored<Option<Replica>>) {
        let (Some(mirror), Ok(found)) = (self.mirror(), here) else { return };
        let there = mirror.store.load_replica(&mirror.tenant, id).await;
        let named = |row: Replica| match found {
            Some(like) => Replica { tenant: like.tenant.clone(), lease_epoch: like.lease_epoch, ..row },
            None => row,
        };
        let there = there.map(|row| row.map(named));
        if there != *here {
            self.tell("load-replica", here, &there);
        }
    }

    /// The same commit, if it reached the memory; `result` is what that said.
    pub(super) async fn commits(&self, mut batch: Batch, result: Option<engine::Stored<()>>) {
        let (mirror, now_ms) = {
            let world = self.0.lock();
            (world.mirror.clone(), world.now_ms())
        };
        let (Some(mirror), Some(result)) = (mirror, result) else { return };
        if result == Err(engine::StorageError::LeaseLost) {
            return;
        }
        batch.expectations.retain(|expectation| !matches!(expectation, Expectation::Lease(_)));
        let there = mirror.store.commit(&mirror.tenant, batch, now_ms).await;
        if there != result.clone().map_err(to::storage_error_out) {
            self.tell("commit", &result, &there);
        }
    }

    /// The same marks, of the tenant's name there.
    pub(super) async fn accepts(&self, marks: Vec<Mark>, now_ms: u64, here: &Vec<MarkOutcome>) {
        let Some(mirror) = self.0.lock().mirror.clone() else { return };
        let marks = marks.into_iter().map(|mark| Mark { tenant: mirror.tenant.clone(), ..mark }).collect();
        let there = mirror.store.accept(marks, now_ms).await;
        if there.as_ref() != Ok(here) {
            self.tell("accept", here, &there);
        }
    }
}
