//! Push queue, orphans, conflicts, failures.

use tandem_host::bindings::tandem::calendar::storage::{
    Change, Conflict, ConflictWinner, Failure, FailureKind, Orphan, PushEntry,
};
use tandem_host::store::{Release, Store};

use crate::*;

pub(crate) fn conflict(id: &str, found_ms: u64) -> Conflict {
    Conflict {
        id: id.into(),
        replica: "r1".into(),
        uid: "e1".into(),
        found_ms,
        paths: strings(&["/title", "/a~1b"]),
        base: None,
        local: Some("{\"title\":\"L\"}".into()),
        remote: Some("{\"title\":\"R\"}".into()),
        outcome: Some("{\"title\":\"L\"}".into()),
        winner: ConflictWinner::Mixed,
        decided_by: String::new(),
        open: true,
    }
}

pub(crate) fn failure(id: &str, at_ms: u64) -> Failure {
    Failure {
        id: id.into(),
        replica: "r1".into(),
        kind: FailureKind::Push,
        uid: Some("e1".into()),
        remote_id: None,
        code: "google-forbidden".into(),
        detail: "The calendar refuses writes.".into(),
        at_ms,
        attempts: 3,
    }
}

async fn due(store: &dyn Store, now_ms: u64) -> Vec<PushEntry> {
    store.push_queue("a", "r1", now_ms, 100).await.unwrap().due
}

pub(crate) async fn the_queue_is_ordered_and_tells_the_next_time(store: &dyn Store) {
    let entries = [entry("e3", 1, NOW), entry("e1", 1, NOW), entry("e2", 1, NOW - 1), entry("e4", 1, NOW + 9)];
    write(store, entries.into_iter().map(Change::Enqueue).collect()).await;
    let page = store.push_queue("a", "r1", NOW, 9).await.unwrap();
    assert_eq!(page.due, vec![entry("e2", 1, NOW - 1), entry("e1", 1, NOW), entry("e3", 1, NOW)]);
    assert_eq!(page.next_due_ms, Some(NOW + 9));
    assert_eq!(store.push_queue("a", "r1", NOW, 1).await.unwrap().due.len(), 1);
    let page = store.push_queue("a", "none", NOW, 1).await.unwrap();
    assert_eq!((page.due, page.next_due_ms), (vec![], None));
}

pub(crate) async fn queueing_again_raises_the_entry(store: &dyn Store) {
    let tried = PushEntry { attempts: 4, notify_attendees: true, ..entry("e1", 3, NOW + 50) };
    write(store, vec![Change::Enqueue(tried)]).await;
    write(store, vec![Change::Enqueue(entry("e1", 2, NOW))]).await;
    let raised = PushEntry { attempts: 0, notify_attendees: true, ..entry("e1", 3, NOW) };
    assert_eq!(due(store, u64::MAX).await, vec![raised]);
}

pub(crate) async fn postponing_needs_the_same_revision(store: &dyn Store) {
    write(store, vec![Change::Enqueue(entry("e1", 3, NOW))]).await;
    let other = PushEntry { attempts: 1, ..entry("e1", 2, NOW + 7) };
    write(store, vec![Change::Postpone(other)]).await;
    assert_eq!(due(store, NOW).await, vec![entry("e1", 3, NOW)]);
    let same = PushEntry { attempts: 1, ..entry("e1", 3, NOW + 7) };
    write(store, vec![Change::Postpone(same.clone())]).await;
    assert_eq!(due(store, NOW).await, vec![]);
    assert_eq!(due(store, NOW + 7).await, vec![same]);
}

pub(crate) async fn dequeueing_keeps_a_raised_entry(store: &dyn Store) {
    write(store, vec![Change::Enqueue(entry("e1", 3, NOW))]).await;
    write(store, vec![Change::Dequeue(("r1".into(), "e1".into(), 2))]).await;
    assert_eq!(due(store, NOW).await.len(), 1);
    write(store, vec![Change::Dequeue(("r1".into(), "e1".into(), 3))]).await;
    assert_eq!(due(store, NOW).await.len(), 0);
}

pub(crate) async fn orphans_are_found_by_master(store: &dyn Store) {
    let orphan =
        |master: &str, id: &str, row: &str| Orphan { master: master.into(), remote_id: id.into(), row: row.into() };
    let put = |o: Orphan| Change::PutOrphan(("r1".into(), o));
    let changes = vec![
        put(orphan("m2", "x2", "old")),
        put(orphan("m2", "x1", "{}")),
        put(orphan("m1", "x3", "{}")),
        put(orphan("m2", "x2", "new")),
    ];
    write(store, changes).await;
    let all = store.orphans("a", "r1", None, 9).await.unwrap();
    assert_eq!(all, vec![orphan("m1", "x3", "{}"), orphan("m2", "x1", "{}"), orphan("m2", "x2", "new")]);
    let some = strings(&["none", "m2", "m2"]);
    let found = store.orphans("a", "r1", Some(&some), 9).await.unwrap();
    assert_eq!(found, all[1..].to_vec());
    assert_eq!(store.orphans("a", "r1", Some(&strings(&["m2", "m1"])), 2).await.unwrap(), all[..2].to_vec());
    write(store, vec![Change::DeleteOrphans(("r1".into(), "m2".into()))]).await;
    assert_eq!(store.orphans("a", "r1", None, 9).await.unwrap().len(), 1);
}

pub(crate) async fn conflicts_are_newest_first_and_can_be_closed(store: &dyn Store) {
    write(store, vec![Change::PutConflict(conflict("k1", NOW)), Change::PutConflict(conflict("k2", NOW + 1))]).await;
    let ids = |conflicts: Vec<Conflict>| conflicts.into_iter().map(|c| c.id).collect::<Vec<_>>();
    assert_eq!(ids(store.list_conflicts("a", true, 9).await.unwrap()), ["k2", "k1"]);
    let closed = Conflict { open: false, decided_by: "policy".into(), ..conflict("k2", NOW + 1) };
    write(store, vec![Change::PutConflict(closed.clone())]).await;
    assert_eq!(ids(store.list_conflicts("a", true, 9).await.unwrap()), ["k1"]);
    assert_eq!(ids(store.list_conflicts("a", false, 1).await.unwrap()), ["k2"]);
    assert_eq!(store.load_conflict("a", "k2").await.unwrap(), Some(closed));
    assert_eq!(store.load_conflict("a", "k1").await.unwrap(), Some(conflict("k1", NOW)));
}

pub(crate) async fn failures_are_replaced_dismissed_and_replayed(store: &dyn Store) {
    let step = Failure { kind: FailureKind::Step, uid: None, ..failure("f2", NOW + 1) };
    write(store, vec![Change::PutFailure(failure("f1", NOW)), Change::PutFailure(step.clone())]).await;
    write(store, vec![Change::PutFailure(Failure { attempts: 4, ..failure("f1", NOW) })]).await;
    let found = store.list_failures("a", 9).await.unwrap();
    assert_eq!(found, vec![step, Failure { attempts: 4, ..failure("f1", NOW) }]);

    // A push is queued again at the event's revision.
    write(store, vec![put_event(event("e1", 7))]).await;
    assert!(store.replay_failure("a", "f1", NOW).await.unwrap());
    assert_eq!(due(store, NOW).await, vec![entry("e1", 7, NOW)]);
    assert!(!store.replay_failure("a", "f1", NOW).await.unwrap());

    // A step makes a paused replica go on.
    for claim in store.claim("w", NOW, HOUR, 9).await.unwrap() {
        let release = Release { next_run_ms: u64::MAX, served: false, paused: true, step_attempts: 0 };
        store.release(&claim, release, NOW).await.unwrap();
    }
    assert!(store.replay_failure("a", "f2", NOW).await.unwrap());
    assert_eq!(store.next_due().await.unwrap(), Some(NOW));

    write(store, vec![Change::PutFailure(failure("f3", NOW)), Change::PutFailure(failure("f4", NOW))]).await;
    assert!(store.dismiss_failure("a", "f3").await.unwrap());
    assert!(!store.dismiss_failure("a", "f3").await.unwrap());
    write(store, vec![Change::DeleteFailure("f4".into()), Change::DeleteFailure("f4".into())]).await;
    assert_eq!(store.list_failures("a", 9).await.unwrap(), vec![]);
}
