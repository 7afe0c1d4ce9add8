//! `storage`: the store, as the call's tenant sees it.

use std::sync::Arc;

use crate::bindings::tandem::calendar::storage::{
    Batch, Channel, Conflict, Host, Orphan, PushQueuePage, ReplicaSummary, ShadowCount,
};
use crate::bindings::tandem::calendar::types::{Event, Replica, Shadow, StorageError};
use crate::runtime::{Scope, State};
use crate::store::{Store, Stored};

impl State {
    /// The store and the tenant of the call; refused for a webhook, which has none.
    fn store(&self) -> Stored<(Arc<dyn Store>, Arc<str>)> {
        let tenant = self.scope.tenant();
        let tenant = tenant.ok_or_else(|| StorageError::Refused("a webhook call has no storage".to_owned()))?;
        Ok((Arc::clone(&self.host.store), Arc::clone(tenant)))
    }

    /// The epoch under which this call may commit for a replica; 0 when it holds no lease.
    fn lease_epoch(&self, replica: &str) -> u64 {
        match &self.scope {
            Scope::Tenant { lease: Some((held, epoch)), .. } if **held == *replica => *epoch,
            _ => 0,
        }
    }
}

impl Host for State {
    async fn load_replica(&mut self, replica: String) -> Stored<Option<Replica>> {
        let (store, tenant) = self.store()?;
        let found = store.load_replica(&tenant, &replica).await?;
        // The epoch of this call's claim, not of whoever holds the lease now: a late worker must not inherit it.
        Ok(found.map(|found| Replica { lease_epoch: self.lease_epoch(&replica), ..found }))
    }

    async fn calendar_replicas(&mut self, calendar: String) -> Stored<Vec<ReplicaSummary>> {
        let (store, tenant) = self.store()?;
        store.calendar_replicas(&tenant, &calendar).await
    }

    async fn events(&mut self, calendar: String, uids: Vec<String>) -> Stored<Vec<Option<Event>>> {
        let (store, tenant) = self.store()?;
        store.events(&tenant, &calendar, &uids).await
    }

    async fn events_between(
        &mut self,
        calendar: String,
        from_ms: u64,
        to_ms: u64,
        after: Option<(u64, String)>,
        limit: u32,
    ) -> Stored<Vec<Event>> {
        let (store, tenant) = self.store()?;
        store.events_between(&tenant, &calendar, from_ms, to_ms, after, limit).await
    }

    async fn shadows_by_remote(&mut self, replica: String, remote_ids: Vec<String>) -> Stored<Vec<Option<Shadow>>> {
        let (store, tenant) = self.store()?;
        store.shadows_by_remote(&tenant, &replica, &remote_ids).await
    }

    async fn shadows_by_uid(&mut self, replica: String, uids: Vec<String>) -> Stored<Vec<Option<Shadow>>> {
        let (store, tenant) = self.store()?;
        store.shadows_by_uid(&tenant, &replica, &uids).await
    }

    async fn unseen_shadows(
        &mut self,
        replica: String,
        generation: u64,
        after: Option<String>,
        limit: u32,
    ) -> Stored<Vec<Shadow>> {
        let (store, tenant) = self.store()?;
        store.unseen_shadows(&tenant, &replica, generation, after, limit).await
    }

    async fn count_shadows(&mut self, replica: String, generation: u64) -> Stored<ShadowCount> {
        let (store, tenant) = self.store()?;
        store.count_shadows(&tenant, &replica, generation).await
    }

    async fn push_queue(&mut self, replica: String, now_ms: u64, limit: u32) -> Stored<PushQueuePage> {
        let (store, tenant) = self.store()?;
        store.push_queue(&tenant, &replica, now_ms, limit).await
    }

    async fn orphans(&mut self, replica: String, masters: Option<Vec<String>>, limit: u32) -> Stored<Vec<Orphan>> {
        let (store, tenant) = self.store()?;
        store.orphans(&tenant, &replica, masters.as_deref(), limit).await
    }

    async fn channels(&mut self, replica: String) -> Stored<Vec<Channel>> {
        let (store, tenant) = self.store()?;
        store.channels(&tenant, &replica).await
    }

    async fn load_conflict(&mut self, conflict: String) -> Stored<Option<Conflict>> {
        let (store, tenant) = self.store()?;
        store.load_conflict(&tenant, &conflict).await
    }

    async fn commit(&mut self, batch: Batch) -> Stored<()> {
        let (store, tenant) = self.store()?;
        let now_ms = self.host.clock.now_ms();
        store.commit(&tenant, batch, now_ms).await
    }
}
