//! The imports of `wit/` over the world's effects: each call is one effect, with the same words.

use tandem_engine::effects::Effects;
use tandem_host::bindings::tandem::calendar::configuration::Settings;
use tandem_host::bindings::tandem::calendar::credentials::AuthError;
use tandem_host::bindings::tandem::calendar::notifications::{Mark, Outcome};
use tandem_host::bindings::tandem::calendar::storage::{
    Batch, Channel, Conflict, Orphan, PushQueuePage, ReplicaSummary, ShadowCount,
};
use tandem_host::bindings::tandem::calendar::types::{Event, Replica, Shadow, StorageError};
use tandem_host::bindings::tandem::calendar::{configuration, credentials, notifications, storage, types, zones};
use tandem_host::store::Store as _;
use tandem_host::store::sqlite::SqliteStore;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::convert as to;
use super::mirror::Twin;
use super::outside::{Gate, wasi};
use super::sandbox::Shared;

type Stored<T> = Result<T, StorageError>;

/// The data of a `wasmtime::Store`.
pub(super) struct State {
    world: Shared,
    gate: Gate,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
}

impl State {
    /// The state of an instance that works on a world.
    pub(super) fn new(world: Shared) -> Self {
        let (gate, wasi) = (Gate(world.clone()), wasi(&world));
        Self { world, gate, wasi, http: WasiHttpCtx::new(), table: ResourceTable::new() }
    }

    /// SQLite, if this world has it.
    fn twin(&self) -> Twin<'_> {
        Twin(&self.world)
    }

    /// The world that the instance works on.
    pub(super) fn world(&self) -> &Shared {
        &self.world
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.gate }
    }
}

impl types::Host for State {}

/// The component's own zone rules hold, as in the engine that is linked here.
impl zones::Host for State {
    async fn version(&mut self) -> Option<String> {
        None
    }

    async fn rules(&mut self, _: String) -> Option<Vec<u8>> {
        None
    }
}

impl configuration::Host for State {
    async fn get(&mut self) -> Settings {
        to::settings(self.world.lock().settings())
    }
}

impl credentials::Host for State {
    async fn authorization(&mut self, connection: String) -> Result<String, AuthError> {
        self.world.lock().authorization(&connection).map_err(to::auth_error)
    }

    async fn refresh(&mut self, connection: String) -> Result<String, AuthError> {
        self.world.lock().refresh(&connection).map_err(to::auth_error)
    }
}

impl notifications::Host for State {
    async fn accept(&mut self, marks: Vec<Mark>) -> Stored<Vec<Outcome>> {
        let (asked, now_ms) = (marks.clone(), self.world.lock().now_ms());
        let marks = marks.into_iter().map(to::mark).collect();
        let outcomes = self.world.lock().accept(marks).map_err(to::storage_error_out)?;
        let outcomes: Vec<Outcome> = outcomes.into_iter().map(to::mark_outcome).collect();
        self.twin().accepts(asked, now_ms, &outcomes).await;
        Ok(outcomes)
    }
}

impl storage::Host for State {
    async fn load_replica(&mut self, replica: String) -> Stored<Option<Replica>> {
        let found = self.world.lock().load_replica(&replica).map_err(to::storage_error_out);
        let found = found.map(|row| row.map(to::replica));
        self.twin().loads(&replica, &found).await;
        found
    }

    async fn calendar_replicas(&mut self, calendar: String) -> Stored<Vec<ReplicaSummary>> {
        let found = self.world.lock().calendar_replicas(&calendar).map_err(to::storage_error_out);
        let found = found.map(|rows| rows.into_iter().map(to::summary).collect());
        let ask = async |store: &SqliteStore, tenant: &str| store.calendar_replicas(tenant, &calendar).await;
        self.twin().reads("calendar-replicas", &found, ask).await;
        found
    }

    async fn events(&mut self, calendar: String, uids: Vec<String>) -> Stored<Vec<Option<Event>>> {
        let found = self.world.lock().events(&calendar, uids.clone()).map_err(to::storage_error_out);
        let found = found.map(|rows| rows.into_iter().map(|row| row.map(to::event_out)).collect());
        let ask = async |store: &SqliteStore, tenant: &str| store.events(tenant, &calendar, &uids).await;
        self.twin().reads("events", &found, ask).await;
        found
    }

    async fn events_between(
        &mut self,
        calendar: String,
        from_ms: u64,
        to_ms: u64,
        after: Option<(u64, String)>,
        limit: u32,
    ) -> Stored<Vec<Event>> {
        let found = self.world.lock().events_between(&calendar, from_ms, to_ms, after.clone(), limit);
        let found = found.map(|rows| rows.into_iter().map(to::event_out).collect()).map_err(to::storage_error_out);
        let ask = async |store: &SqliteStore, tenant: &str| {
            store.events_between(tenant, &calendar, from_ms, to_ms, after, limit).await
        };
        self.twin().reads("events-between", &found, ask).await;
        found
    }

    async fn shadows_by_remote(&mut self, replica: String, ids: Vec<String>) -> Stored<Vec<Option<Shadow>>> {
        let found = self.world.lock().shadows_by_remote(&replica, ids.clone()).map_err(to::storage_error_out);
        let found = found.map(|rows| rows.into_iter().map(|row| row.map(to::shadow_out)).collect());
        let ask = async |store: &SqliteStore, tenant: &str| store.shadows_by_remote(tenant, &replica, &ids).await;
        self.twin().reads("shadows-by-remote", &found, ask).await;
        found
    }

    async fn shadows_by_uid(&mut self, replica: String, uids: Vec<String>) -> Stored<Vec<Option<Shadow>>> {
        let found = self.world.lock().shadows_by_uid(&replica, uids.clone()).map_err(to::storage_error_out);
        let found = found.map(|rows| rows.into_iter().map(|row| row.map(to::shadow_out)).collect());
        let ask = async |store: &SqliteStore, tenant: &str| store.shadows_by_uid(tenant, &replica, &uids).await;
        self.twin().reads("shadows-by-uid", &found, ask).await;
        found
    }

    async fn unseen_shadows(
        &mut self,
        replica: String,
        generation: u64,
        after: Option<String>,
        limit: u32,
    ) -> Stored<Vec<Shadow>> {
        let found = self.world.lock().unseen_shadows(&replica, generation, after.clone(), limit);
        let found = found.map(|rows| rows.into_iter().map(to::shadow_out).collect()).map_err(to::storage_error_out);
        let ask = async |store: &SqliteStore, tenant: &str| {
            store.unseen_shadows(tenant, &replica, generation, after, limit).await
        };
        self.twin().reads("unseen-shadows", &found, ask).await;
        found
    }

    async fn count_shadows(&mut self, replica: String, generation: u64) -> Stored<ShadowCount> {
        let count = self.world.lock().count_shadows(&replica, generation).map_err(to::storage_error_out);
        let count = count.map(|count| ShadowCount { live: count.live, unseen: count.unseen });
        let ask = async |store: &SqliteStore, tenant: &str| store.count_shadows(tenant, &replica, generation).await;
        self.twin().reads("count-shadows", &count, ask).await;
        count
    }

    async fn push_queue(&mut self, replica: String, now_ms: u64, limit: u32) -> Stored<PushQueuePage> {
        let page = self.world.lock().push_queue(&replica, now_ms, limit).map_err(to::storage_error_out);
        let page = page.map(|page| PushQueuePage {
            due: page.due.into_iter().map(to::entry_out).collect(),
            next_due_ms: page.next_due_ms,
        });
        let ask = async |store: &SqliteStore, tenant: &str| store.push_queue(tenant, &replica, now_ms, limit).await;
        self.twin().reads("push-queue", &page, ask).await;
        page
    }

    async fn orphans(&mut self, replica: String, masters: Option<Vec<String>>, limit: u32) -> Stored<Vec<Orphan>> {
        let found = self.world.lock().orphans(&replica, masters.clone(), limit).map_err(to::storage_error_out);
        let found = found.map(|rows| rows.into_iter().map(to::orphan_out).collect());
        let ask =
            async |store: &SqliteStore, tenant: &str| store.orphans(tenant, &replica, masters.as_deref(), limit).await;
        self.twin().reads("orphans", &found, ask).await;
        found
    }

    async fn channels(&mut self, replica: String) -> Stored<Vec<Channel>> {
        let found = self.world.lock().channels(&replica).map_err(to::storage_error_out);
        let found = found.map(|rows| rows.into_iter().map(to::channel_out).collect());
        let ask = async |store: &SqliteStore, tenant: &str| store.channels(tenant, &replica).await;
        self.twin().reads("channels", &found, ask).await;
        found
    }

    async fn load_conflict(&mut self, conflict: String) -> Stored<Option<Conflict>> {
        let found = self.world.lock().load_conflict(&conflict).map_err(to::storage_error_out);
        let found = found.map(|row| row.map(to::conflict_out));
        let ask = async |store: &SqliteStore, tenant: &str| store.load_conflict(tenant, &conflict).await;
        self.twin().reads("load-conflict", &found, ask).await;
        found
    }

    async fn commit(&mut self, batch: Batch) -> Stored<()> {
        let (result, reached) = {
            let mut world = self.world.lock();
            let copy = world.mirror.is_some().then(|| batch.clone());
            let result = world.commit(to::batch(batch));
            (result, copy.map(|copy| (copy, world.committed.take())))
        };
        if let Some((batch, said)) = reached {
            self.twin().commits(batch, said).await;
        }
        result.map_err(to::storage_error_out)
    }
}
