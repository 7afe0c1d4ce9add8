//! Writes that share one transaction.

use futures_util::future::join_all;
use tandem_host::bindings::tandem::calendar::storage::{Change, Expectation};
use tandem_host::bindings::tandem::calendar::types::StorageError;
use tandem_host::store::{Mark, MarkOutcome, Store};

use crate::*;

pub(crate) fn mark(tenant: &str, channel: &str, message_number: u64) -> Mark {
    Mark { tenant: tenant.into(), replica: "r1".into(), channel: channel.into(), message_number }
}

pub(crate) async fn a_stale_batch_does_not_disturb_its_group(store: &dyn Store) {
    let batches = (0..300).map(|n| async move {
        // Every third fails after it has written something, every third before.
        let uid = format!("e{n}");
        let result = match n % 3 {
            0 => commit(store, vec![Expectation::Replica(("r1".into(), 5))], vec![put_event(event(&uid, 1))]).await,
            1 => {
                let bad = Change::PutEvent(("none".into(), event(&uid, 1)));
                commit(store, vec![], vec![put_event(event(&uid, 1)), put_shadow(shadow(&uid, &uid, 1)), bad]).await
            }
            _ => commit(store, vec![], vec![put_event(event(&uid, 1)), put_shadow(shadow(&uid, &uid, 1))]).await,
        };
        (n, uid, result)
    });
    for (n, uid, result) in join_all(batches).await {
        let found = store.event("a", "work", &uid).await.unwrap();
        match n % 3 {
            0 => assert_eq!(result, Err(StorageError::Stale)),
            1 => assert!(matches!(result, Err(StorageError::Refused(_)))),
            _ => assert_eq!(result, Ok(())),
        }
        assert_eq!(found.is_some(), n % 3 == 2, "{uid}");
    }
    assert_eq!(store.changes_since("a", 0, 1_000).await.unwrap().len(), 100);
    assert_eq!(store.count_shadows("a", "r1", 9).await.unwrap().live, 100);
}

pub(crate) async fn marks_of_many_calls_are_all_counted(store: &dyn Store) {
    write(store, vec![Change::PutChannel(rows::channel("c1", NOW)), Change::PutChannel(rows::channel("c2", NOW))])
        .await;
    let calls = (0..500_u64).map(|n| {
        let channel = if n % 2 == 0 { "c1" } else { "c2" };
        store.accept(vec![mark("a", channel, n), mark("a", "unknown", n)], NOW)
    });
    for outcome in join_all(calls).await {
        assert_eq!(outcome, Ok(vec![MarkOutcome::Marked, MarkOutcome::Unknown]));
    }
    assert_eq!(store.load_replica("a", "r1").await.unwrap().unwrap().wanted, 500);
    assert_eq!(store.load_replica("b", "r1").await.unwrap().unwrap().wanted, 0);
    assert_eq!(store.accept(vec![], NOW).await, Ok(vec![]));
}

pub(crate) async fn a_mark_of_a_removed_or_foreign_channel_is_unknown(store: &dyn Store) {
    write(store, vec![Change::PutChannel(rows::channel("c1", NOW)), Change::PutChannel(rows::channel("c2", NOW))])
        .await;
    write(store, vec![Change::DeleteChannel("c2".into())]).await;
    let mut other_replica = mark("a", "c1", 1);
    other_replica.replica = "r2".into();
    let marks = vec![mark("b", "c1", 1), mark("a", "c2", 1), other_replica, mark("a", "c1", u64::MAX)];
    let outcomes = store.accept(marks, NOW).await.unwrap();
    assert_eq!(outcomes, [MarkOutcome::Unknown, MarkOutcome::Unknown, MarkOutcome::Unknown, MarkOutcome::Marked]);
    store.remove_replica("a", "r1").await.unwrap();
    assert_eq!(store.accept(vec![mark("a", "c1", 2)], NOW).await, Ok(vec![MarkOutcome::Unknown]));
}

pub(crate) async fn a_delivery_is_kept_once_and_pruned(store: &dyn Store) {
    write(store, vec![Change::PutChannel(rows::channel("c1", NOW))]).await;
    for (number, at_ms) in [(1, NOW), (2, NOW), (2, NOW + 1), (u64::MAX, NOW + 2), (u64::MAX - 1, NOW + 3)] {
        assert_eq!(store.accept(vec![mark("a", "c1", number)], at_ms).await, Ok(vec![MarkOutcome::Marked]));
    }
    assert_eq!(store.prune_deliveries(NOW).await, Ok(0));
    assert_eq!(store.prune_deliveries(NOW + 2).await, Ok(2));
    assert_eq!(store.prune_deliveries(u64::MAX).await, Ok(2));
    assert_eq!(store.prune_deliveries(u64::MAX).await, Ok(0));
}

pub(crate) async fn concurrent_writers_number_the_feed_without_repeats(store: &dyn Store) {
    let writes = (0..200).map(|n| async move {
        let tenant = if n % 2 == 0 { "a" } else { "b" };
        let changes = vec![put_event(event(&format!("e{n}"), 1)), put_event(event(&format!("e{n}"), 2))];
        store.commit(tenant, Batch { expectations: vec![], changes }, NOW).await
    });
    assert!(join_all(writes).await.into_iter().all(|result| result.is_ok()));
    for tenant in ["a", "b"] {
        let sequences: Vec<u64> =
            store.changes_since(tenant, 0, 1_000).await.unwrap().iter().map(|c| c.sequence).collect();
        assert_eq!(sequences, (1..=200).collect::<Vec<u64>>());
    }
}
