//! A batch is written whole, under its expectations, or not at all.

use tandem_host::bindings::tandem::calendar::storage::{Change, Conflict, Expectation, ReplicaHealth, ReplicaUpdate};
use tandem_host::bindings::tandem::calendar::types::StorageError;
use tandem_host::store::{Release, Store};

use crate::*;

fn every_kind_of_change() -> Vec<Change> {
    let update = ReplicaUpdate {
        id: "r1".into(),
        state: "{\"cursor\":9}".into(),
        health: ReplicaHealth::Healthy,
        reason: String::new(),
        synced_ms: NOW,
    };
    vec![
        Change::PutReplica(update),
        put_event(event("e1", 1)),
        put_shadow(shadow("e1", "g1", 1)),
        Change::Enqueue(entry("e1", 1, NOW)),
        Change::PutChannel(rows::channel("c1", NOW)),
        Change::PutConflict(queue::conflict("k1", NOW)),
        Change::PutFailure(queue::failure("f1", NOW)),
        Change::Want("r1".into()),
    ]
}

async fn assert_nothing_was_written(store: &dyn Store) {
    let replica = store.load_replica("a", "r1").await.unwrap().unwrap();
    assert_eq!((replica.state.as_str(), replica.revision, replica.wanted), ("", 0, 0));
    assert_eq!(store.event("a", "work", "e1").await.unwrap(), None);
    assert_eq!(store.shadows_by_uid("a", "r1", &strings(&["e1"])).await.unwrap(), vec![None]);
    assert_eq!(store.push_queue("a", "r1", u64::MAX, 9).await.unwrap().due, vec![]);
    assert_eq!(store.channels("a", "r1").await.unwrap(), vec![]);
    assert_eq!(store.load_conflict("a", "k1").await.unwrap(), None);
    assert_eq!(store.list_failures("a", 9).await.unwrap(), vec![]);
    assert_eq!(store.changes_since("a", 0, 9).await.unwrap(), vec![]);
    let status = store.replica_statuses("a").await.unwrap().remove(0);
    assert_eq!((status.events, status.queued), (0, 0));
}

pub(crate) async fn a_stale_batch_leaves_nothing(store: &dyn Store) {
    for wrong in [Expectation::Replica(("r1".into(), 1)), Expectation::Replica(("r2".into(), 0))] {
        let expectations = vec![Expectation::Replica(("r1".into(), 0)), wrong];
        assert_eq!(commit(store, expectations, every_kind_of_change()).await, Err(StorageError::Stale));
        assert_nothing_was_written(store).await;
    }
    commit(store, vec![Expectation::Replica(("r1".into(), 0))], every_kind_of_change()).await.unwrap();
    assert_eq!(store.load_replica("a", "r1").await.unwrap().unwrap().revision, 1);
    let again = commit(store, vec![Expectation::Replica(("r1".into(), 0))], vec![]).await;
    assert_eq!(again, Err(StorageError::Stale));
}

pub(crate) async fn a_refused_change_undoes_the_whole_batch(store: &dyn Store) {
    let mut changes = every_kind_of_change();
    changes.push(Change::PutEvent(("none".into(), event("e2", 1))));
    assert!(matches!(commit(store, vec![], changes).await, Err(StorageError::Refused(_))));
    assert_nothing_was_written(store).await;
}

pub(crate) async fn event_revisions_are_expected(store: &dyn Store) {
    let expect = |revision| vec![Expectation::Event(("work".into(), "e1".into(), revision))];
    assert_eq!(commit(store, expect(1), vec![]).await, Err(StorageError::Stale));
    commit(store, expect(0), vec![put_event(event("e1", 1))]).await.unwrap();
    assert_eq!(commit(store, expect(0), vec![put_event(event("e1", 1))]).await, Err(StorageError::Stale));
    let mut deleted = event("e1", 2);
    deleted.deleted = true;
    commit(store, expect(1), vec![put_event(deleted)]).await.unwrap();
    assert_eq!(commit(store, expect(0), vec![]).await, Err(StorageError::Stale), "a deleted event did exist");
    commit(store, expect(2), vec![]).await.unwrap();
    commit(store, vec![Expectation::Event(("none".into(), "e1".into(), 0))], vec![]).await.unwrap();
}

pub(crate) async fn an_open_conflict_is_expected(store: &dyn Store) {
    let expect = || vec![Expectation::ConflictOpen("k1".into())];
    assert_eq!(commit(store, expect(), vec![]).await, Err(StorageError::Stale));
    let open = queue::conflict("k1", NOW);
    write(store, vec![Change::PutConflict(open.clone())]).await;
    let closed = Conflict { open: false, decided_by: "anna".into(), ..open };
    commit(store, expect(), vec![Change::PutConflict(closed.clone())]).await.unwrap();
    assert_eq!(commit(store, expect(), vec![Change::PutConflict(closed)]).await, Err(StorageError::Stale));
}

pub(crate) async fn a_lost_lease_cannot_commit(store: &dyn Store) {
    let claims = store.claim("w1", NOW, HOUR, 9).await.unwrap();
    let claim = claims.iter().find(|claim| claim.tenant == "a").unwrap();
    let batch = |epoch| Batch {
        expectations: vec![Expectation::Lease(("r1".into(), epoch))],
        changes: vec![Change::Want("r1".into())],
    };
    let epoch = claim.lease_epoch;
    store.commit("a", batch(epoch), NOW + HOUR - 1).await.unwrap();
    let ended = store.commit("a", batch(epoch), NOW + HOUR).await;
    assert_eq!(ended, Err(StorageError::LeaseLost));
    store.claim("w2", NOW + HOUR, HOUR, 9).await.unwrap();
    let taken = store.commit("a", batch(epoch), NOW + HOUR + 1).await;
    assert_eq!(taken, Err(StorageError::LeaseLost));
    store.commit("a", batch(epoch + 1), NOW + HOUR + 1).await.unwrap();
    let new = tandem_host::store::Claim { lease_epoch: epoch + 1, ..claim.clone() };
    let release = Release { next_run_ms: NOW + DAY, served: true, paused: false, step_attempts: 0 };
    store.release(&new, release, NOW + HOUR).await.unwrap();
    let released = store.commit("a", batch(epoch + 1), NOW + HOUR + 1).await;
    assert_eq!(released, Err(StorageError::LeaseLost));
    let unknown = Expectation::Lease(("r2".into(), 1));
    assert_eq!(commit(store, vec![unknown], vec![]).await, Err(StorageError::LeaseLost));
    assert_eq!(store.load_replica("a", "r1").await.unwrap().unwrap().wanted, 2);
}

pub(crate) async fn epoch_zero_is_never_checked(store: &dyn Store) {
    commit(store, vec![Expectation::Lease(("r1".into(), 0))], vec![put_event(event("e1", 1))]).await.unwrap();
    assert!(store.event("a", "work", "e1").await.unwrap().is_some());
}
