//! Connections, calendars, replicas, and the walls between tenants.

use tandem_host::bindings::tandem::calendar::storage::{
    Change, ConnectionUpdate, Orphan, ReplicaHealth, ReplicaUpdate,
};
use tandem_host::bindings::tandem::calendar::types::StorageError;
use tandem_host::store::{ConflictPolicy, Provider, Release, ReplicaMode, Store};

use crate::*;

pub(crate) async fn connections_are_kept_and_reset_by_putting_them_again(store: &dyn Store) {
    let update = ConnectionUpdate { id: "google".into(), revoked: true, not_before_ms: NOW + 5, attempts: 3 };
    write(store, vec![Change::PutConnection(update)]).await;
    let found = store.connection("a", "google").await.unwrap().unwrap();
    assert_eq!((found.revoked, found.not_before_ms, found.attempts), (true, NOW + 5, 3));
    let other = store.connection("b", "google").await.unwrap().unwrap();
    assert!(!other.revoked, "another tenant's connection of the same name was changed");
    let mut again = connection("a");
    again.settings = "{\"token\":2}".into();
    store.put_connection(again.clone()).await.unwrap();
    assert_eq!(store.connection("a", "google").await.unwrap(), Some(again));
    assert_eq!(store.connection("a", "none").await.unwrap(), None);
}

pub(crate) async fn reconnecting_lets_paused_replicas_go_on(store: &dyn Store) {
    let claims = store.claim("w", NOW, HOUR, 9).await.unwrap();
    for claim in &claims {
        let release = Release { next_run_ms: u64::MAX, served: false, paused: true, step_attempts: 0 };
        store.release(claim, release, NOW).await.unwrap();
    }
    assert_eq!(store.next_due().await.unwrap(), None, "paused");
    let update = ConnectionUpdate { id: "google".into(), revoked: true, not_before_ms: 0, attempts: 0 };
    write(store, vec![Change::PutConnection(update)]).await;
    assert_eq!(store.next_due().await.unwrap(), None, "still paused");
    // Whatever paused it may be mended by what was given.
    store.put_connection(connection("a")).await.unwrap();
    let claims = store.claim("w", NOW, HOUR, 9).await.unwrap();
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].tenant, "a");
}

pub(crate) async fn a_rotated_token_changes_nothing_but_the_settings(store: &dyn Store) {
    for claim in &store.claim("w", NOW, HOUR, 9).await.unwrap() {
        let release = Release { next_run_ms: u64::MAX, served: false, paused: true, step_attempts: 0 };
        store.release(claim, release, NOW).await.unwrap();
    }
    let update = ConnectionUpdate { id: "google".into(), revoked: false, not_before_ms: NOW + 5, attempts: 3 };
    write(store, vec![Change::PutConnection(update)]).await;
    let before = store.connection("a", "google").await.unwrap().unwrap();
    assert!(store.set_connection_settings("a", "google", &before.settings, "{\"token\":2}").await.unwrap());
    let after = store.connection("a", "google").await.unwrap().unwrap();
    assert_eq!((after.settings.as_str(), after.not_before_ms, after.attempts), ("{\"token\":2}", NOW + 5, 3));
    assert_eq!(store.next_due().await.unwrap(), None, "a paused replica was let go");
    let seen = store.set_connection_settings("a", "google", &before.settings, "{\"token\":3}").await.unwrap();
    assert!(!seen, "somebody else had written");
    assert!(!store.set_connection_settings("a", "none", "", "{}").await.unwrap());
    assert_eq!(store.connection("a", "google").await.unwrap(), Some(after));
    let other = store.connection("b", "google").await.unwrap().unwrap();
    assert_eq!(other.settings, connection("b").settings, "another tenant's connection was changed");
}

pub(crate) async fn providers_are_those_of_the_connections(store: &dyn Store) {
    assert_eq!(store.providers().await.unwrap(), [Provider::Google]);
    let mut outlook = connection("b");
    (outlook.id, outlook.provider) = ("outlook".into(), "microsoft".into());
    store.put_connection(outlook.clone()).await.unwrap();
    assert_eq!(store.providers().await.unwrap(), [Provider::Google, Provider::Microsoft]);
    assert_eq!(store.connection("b", "outlook").await.unwrap(), Some(outlook));
}

pub(crate) async fn calendars_are_listed_by_id(store: &dyn Store) {
    let mut home = calendar("a");
    home.id = "home".into();
    store.put_calendar(home.clone()).await.unwrap();
    home.name = "Home".into();
    store.put_calendar(home.clone()).await.unwrap();
    assert_eq!(store.calendars("a").await.unwrap(), vec![home, calendar("a")]);
    assert_eq!(store.calendars("nobody").await.unwrap(), vec![]);
}

pub(crate) async fn a_replica_is_loaded_with_its_connection(store: &dyn Store) {
    let update = ReplicaUpdate {
        id: "r1".into(),
        state: "{\"cursor\":1}".into(),
        health: ReplicaHealth::Healthy,
        reason: String::new(),
        synced_ms: NOW,
    };
    write(store, vec![Change::PutReplica(update.clone()), Change::PutReplica(update)]).await;
    write(store, vec![Change::Want("r1".into())]).await;
    let found = store.load_replica("a", "r1").await.unwrap().unwrap();
    assert_eq!((found.id.as_str(), found.tenant.as_str(), found.calendar.as_str()), ("r1", "a", "work"));
    assert_eq!((found.connection.id.as_str(), found.connection.provider), ("google", Provider::Google));
    assert_eq!((found.remote_calendar.as_str(), found.mode), ("primary", ReplicaMode::TwoWay));
    assert_eq!((found.policy, found.state.as_str()), (ConflictPolicy::Newest, "{\"cursor\":1}"));
    assert_eq!((found.revision, found.wanted, found.lease_epoch), (2, 1, 0));
    let fresh = store.load_replica("b", "r1").await.unwrap().unwrap();
    assert_eq!((fresh.state.as_str(), fresh.revision, fresh.wanted), ("", 0, 0));
    assert_eq!(store.load_replica("a", "r2").await.unwrap(), None);
    let missing = ReplicaUpdate {
        id: "r2".into(),
        state: String::new(),
        health: ReplicaHealth::Paused,
        reason: String::new(),
        synced_ms: 0,
    };
    let refused = commit(store, vec![], vec![Change::PutReplica(missing)]).await;
    assert_eq!(refused, Err(StorageError::Stale));
}

pub(crate) async fn putting_a_replica_again_keeps_its_state(store: &dyn Store) {
    write(store, vec![Change::Want("r1".into())]).await;
    let mut again = replica("a", "r1");
    again.mode = ReplicaMode::BusyOnly;
    again.policy = ConflictPolicy::Ask;
    store.put_replica(again).await.unwrap();
    let found = store.load_replica("a", "r1").await.unwrap().unwrap();
    assert_eq!((found.mode, found.policy, found.wanted), (ReplicaMode::BusyOnly, ConflictPolicy::Ask, 1));
    store.put_replica(replica("a", "r0")).await.unwrap();
    let summaries = store.calendar_replicas("a", "work").await.unwrap();
    let ids: Vec<_> = summaries.iter().map(|summary| (summary.id.as_str(), summary.mode)).collect();
    assert_eq!(ids, [("r0", ReplicaMode::TwoWay), ("r1", ReplicaMode::BusyOnly)]);
}

pub(crate) async fn a_replica_needs_its_calendar_and_connection(store: &dyn Store) {
    let mut wrong = replica("a", "r2");
    wrong.calendar = "none".into();
    assert!(matches!(store.put_replica(wrong).await, Err(StorageError::Refused(_))));
    let mut wrong = replica("a", "r2");
    wrong.connection = "none".into();
    assert!(matches!(store.put_replica(wrong).await, Err(StorageError::Refused(_))));
    assert_eq!(store.load_replica("a", "r2").await.unwrap(), None);
}

pub(crate) async fn removing_a_replica_leaves_only_its_events(store: &dyn Store) {
    let shadows = (0..2_500).map(|n| put_shadow(shadow(&format!("e{n}"), &format!("g{n}"), 1)));
    let orphan = Orphan { master: "m".into(), remote_id: "m_1".into(), row: "{}".into() };
    let mut changes: Vec<Change> = shadows.collect();
    changes.push(put_event(event("e0", 1)));
    changes.push(Change::Enqueue(entry("e0", 1, NOW)));
    changes.push(Change::PutOrphan(("r1".into(), orphan)));
    changes.push(Change::PutChannel(rows::channel("c1", NOW)));
    write(store, changes).await;
    store.remove_replica("a", "r1").await.unwrap();
    store.remove_replica("a", "r1").await.unwrap();
    assert_eq!(store.load_replica("a", "r1").await.unwrap(), None);
    assert_eq!(store.replica_statuses("a").await.unwrap(), vec![]);
    store.put_replica(replica("a", "r1")).await.unwrap();
    assert_eq!(store.shadows_by_uid("a", "r1", &strings(&["e0"])).await.unwrap(), vec![None]);
    // A new replica gets the events that are there, and nothing of the old one.
    assert_eq!(store.push_queue("a", "r1", u64::MAX, 9).await.unwrap().due, vec![entry("e0", 1, 0)]);
    assert_eq!(store.orphans("a", "r1", None, 9).await.unwrap(), vec![]);
    assert_eq!(store.channels("a", "r1").await.unwrap(), vec![]);
    assert_eq!(store.count_shadows("a", "r1", 9).await.unwrap().live, 0);
    assert_eq!(store.event("a", "work", "e0").await.unwrap(), Some(event("e0", 1)));
    // A step that was still running for the removed one changes nothing.
    store.remove_replica("a", "r1").await.unwrap();
    write(store, vec![Change::Want("r1".into()), Change::Enqueue(entry("e0", 2, NOW))]).await;
}

pub(crate) async fn statuses_count_queue_and_live_shadows(store: &dyn Store) {
    let mut gone = shadow("e3", "g3", 1);
    gone.gone = true;
    let changes = vec![
        put_shadow(shadow("e1", "g1", 1)),
        put_shadow(shadow("e2", "g2", 1)),
        put_shadow(shadow("e2", "g2", 2)),
        put_shadow(gone.clone()),
        Change::Enqueue(entry("e1", 1, NOW)),
        Change::Enqueue(entry("e1", 2, NOW)),
        Change::Enqueue(entry("e2", 1, NOW)),
    ];
    write(store, changes).await;
    let status = store.replica_statuses("a").await.unwrap().remove(0);
    assert_eq!((status.events, status.queued), (2, 2));
    assert_eq!((status.health, status.next_run_ms), (ReplicaHealth::Starting, 0));
    gone.gone = false;
    let mut now_gone = shadow("e1", "g1", 3);
    now_gone.gone = true;
    let changes = vec![
        put_shadow(gone),
        put_shadow(now_gone),
        Change::DeleteShadow(("r1".into(), "e2".into())),
        Change::DeleteShadow(("r1".into(), "e2".into())),
        Change::DeleteShadow(("r1".into(), "e1".into())),
    ];
    write(store, changes).await;
    let status = store.replica_statuses("a").await.unwrap().remove(0);
    assert_eq!(status.events, 1);
    assert_eq!(store.count_shadows("a", "r1", 1).await.unwrap().live, 1);
}

pub(crate) async fn tenants_do_not_see_each_other(store: &dyn Store) {
    let conflict = queue::conflict("k1", NOW);
    let failure = queue::failure("f1", NOW);
    let changes = vec![
        put_event(event("e1", 1)),
        put_shadow(shadow("e1", "g1", 1)),
        Change::Enqueue(entry("e1", 1, NOW)),
        Change::PutConflict(conflict),
        Change::PutFailure(failure),
        Change::PutChannel(rows::channel("c1", NOW)),
    ];
    write(store, changes).await;
    assert_eq!(store.event("b", "work", "e1").await.unwrap(), None);
    assert_eq!(store.list_events("b", "work", None, 9).await.unwrap(), vec![]);
    assert_eq!(store.events_between("b", "work", 0, u64::MAX, None, 9).await.unwrap(), vec![]);
    assert_eq!(store.shadows_by_uid("b", "r1", &strings(&["e1"])).await.unwrap(), vec![None]);
    assert_eq!(store.shadows_by_remote("b", "r1", &strings(&["g1"])).await.unwrap(), vec![None]);
    assert_eq!(store.unseen_shadows("b", "r1", 9, None, 9).await.unwrap(), vec![]);
    assert_eq!(store.push_queue("b", "r1", u64::MAX, 9).await.unwrap().due, vec![]);
    assert_eq!(store.load_conflict("b", "k1").await.unwrap(), None);
    assert_eq!(store.list_conflicts("b", false, 9).await.unwrap(), vec![]);
    assert_eq!(store.list_failures("b", 9).await.unwrap(), vec![]);
    assert!(!store.dismiss_failure("b", "f1").await.unwrap());
    assert!(!store.replay_failure("b", "f1", NOW).await.unwrap());
    assert!(!store.resume("b", "r2", NOW).await.unwrap());
    assert_eq!(store.channels("b", "r1").await.unwrap(), vec![]);
    assert_eq!(store.changes_since("b", 0, 9).await.unwrap(), vec![]);
    let batch = Batch { expectations: vec![], changes: vec![Change::DeleteChannel("c1".into())] };
    store.commit("b", batch, NOW).await.unwrap();
    assert_eq!(store.channels("a", "r1").await.unwrap().len(), 1, "another tenant deleted the channel");
}
