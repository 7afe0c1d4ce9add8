//! Claims, leases, and when a replica is due.

use std::collections::BTreeMap;

use tandem_host::bindings::tandem::calendar::storage::Change;
use tandem_host::store::{Claim, Release, Store};

use crate::*;

fn idle(next_run_ms: u64) -> Release {
    Release { next_run_ms, served: true, paused: false, step_attempts: 0 }
}

async fn claim_all(store: &dyn Store, now_ms: u64) -> Vec<Claim> {
    store.claim("w", now_ms, HOUR, 100).await.unwrap()
}

/// Claim everything, release tenant `b` for a day, give the claim of tenant `a`.
async fn claim_a(store: &dyn Store) -> Claim {
    let (a, rest): (Vec<_>, Vec<_>) = claim_all(store, NOW).await.into_iter().partition(|claim| claim.tenant == "a");
    for claim in rest {
        store.release(&claim, idle(NOW + DAY), NOW).await.unwrap();
    }
    a.into_iter().next().unwrap()
}

pub(crate) async fn a_new_replica_is_due_at_once(store: &dyn Store) {
    assert_eq!(store.next_due().await, Ok(Some(0)));
    let claims = claim_all(store, NOW).await;
    assert_eq!(claims.len(), 2);
    assert!(claims.iter().all(|claim| claim.replica == "r1" && claim.wanted == 0 && claim.step_attempts == 0));
    assert_eq!(store.load_replica("a", "r1").await.unwrap().unwrap().lease_epoch, claims[0].lease_epoch);
    assert_eq!(store.replica_statuses("a").await.unwrap()[0].next_run_ms, 0);
}

pub(crate) async fn a_replica_is_claimed_once_until_its_lease_ends(store: &dyn Store) {
    let first = claim_a(store).await;
    assert_eq!(claim_all(store, NOW + HOUR - 1).await, vec![]);
    assert_eq!(store.next_due().await, Ok(Some(NOW + HOUR)));
    assert_eq!(store.renew(&first, NOW + 2 * HOUR).await, Ok(true));
    assert_eq!(claim_all(store, NOW + HOUR).await, vec![]);
    let second = claim_all(store, NOW + 2 * HOUR).await.remove(0);
    assert!(second.lease_epoch > first.lease_epoch);
    store.release(&second, Release { step_attempts: 3, ..idle(NOW + 3 * HOUR) }, NOW).await.unwrap();
    assert_eq!(store.next_due().await, Ok(Some(NOW + 3 * HOUR)));
    let third = claim_all(store, NOW + 3 * HOUR).await.remove(0);
    assert_eq!(third.step_attempts, 3);
}

pub(crate) async fn epochs_never_repeat_even_for_a_replica_made_again(store: &dyn Store) {
    let first = claim_a(store).await;
    store.remove_replica("a", "r1").await.unwrap();
    store.put_replica(replica("a", "r1")).await.unwrap();
    let second = claim_a(store).await;
    assert!(second.lease_epoch > first.lease_epoch);
    assert_eq!(store.renew(&first, NOW + DAY).await, Ok(false));
}

async fn crowd(store: &dyn Store, replicas: usize) {
    for n in 0..replicas {
        store.put_replica(replica("a", &format!("crowd{n}"))).await.unwrap();
    }
}

pub(crate) async fn claims_are_fair_between_tenants(store: &dyn Store) {
    crowd(store, 20).await;
    let claims = store.claim("w", NOW, HOUR, 4).await.unwrap();
    let of_b = claims.iter().filter(|claim| claim.tenant == "b").count();
    assert_eq!((claims.len(), of_b), (4, 1), "the quiet tenant gets its one, the rest is not wasted");
    // One at a time, tenants take turns.
    for claim in &claims {
        store.release(claim, idle(NOW), NOW).await.unwrap();
    }
    store.put_replica(replica("b", "r2")).await.unwrap();
    let mut turns = Vec::new();
    for _ in 0..4 {
        turns.push(store.claim("w", NOW, HOUR, 1).await.unwrap().remove(0).tenant);
    }
    assert!(turns == ["a", "b", "a", "b"] || turns == ["b", "a", "b", "a"], "{turns:?}");
}

pub(crate) async fn claims_are_fair_between_tenants_in_a_large_backlog(store: &dyn Store) {
    crowd(store, 400).await;
    for tenant in ["c", "d", "e"] {
        store.put_connection(connection(tenant)).await.unwrap();
        store.put_calendar(calendar(tenant)).await.unwrap();
        store.put_replica(replica(tenant, "r1")).await.unwrap();
        store.put_replica(replica(tenant, "r2")).await.unwrap();
    }
    let mut shares: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..4 {
        let claims = store.claim("w", NOW, HOUR, 3).await.unwrap();
        assert_eq!(claims.len(), 3);
        for claim in claims {
            *shares.entry(claim.tenant).or_default() += 1;
        }
    }
    let expected: BTreeMap<String, usize> =
        [("a", 5), ("b", 1), ("c", 2), ("d", 2), ("e", 2)].map(|(tenant, share)| (tenant.to_owned(), share)).into();
    assert_eq!(shares, expected);
    let mut rest = 0;
    loop {
        let claims = store.claim("w", NOW, HOUR, 50).await.unwrap();
        if claims.is_empty() {
            break;
        }
        rest += claims.len();
    }
    assert_eq!(rest, 401 + 1 + 6 - 12, "everything due is claimed in the end, once");
}

pub(crate) async fn a_lost_lease_is_neither_renewed_nor_released(store: &dyn Store) {
    let old = claim_a(store).await;
    let new = claim_all(store, NOW + HOUR).await.remove(0);
    assert_eq!(store.renew(&old, NOW + DAY).await, Ok(false));
    store.release(&old, idle(NOW + HOUR), NOW + HOUR).await.unwrap();
    assert_eq!(claim_all(store, NOW + HOUR).await, vec![], "the release of the old lease freed the new one");
    store.release(&new, idle(NOW + 2 * HOUR), NOW + HOUR).await.unwrap();
    assert_eq!(store.renew(&new, NOW + DAY).await, Ok(false), "released, so no longer held");
    assert_eq!(store.next_due().await, Ok(Some(NOW + 2 * HOUR)));
}

pub(crate) async fn a_hint_during_a_step_makes_it_due_again(store: &dyn Store) {
    write(store, vec![Change::PutChannel(rows::channel("c1", NOW))]).await;
    let claim = claim_a(store).await;
    for number in 1..=5 {
        store.accept(vec![group::mark("a", "c1", number)], NOW + 1).await.unwrap();
    }
    assert_eq!(claim_all(store, NOW + 1).await, vec![], "leased: nobody else may step it");
    store.release(&claim, idle(NOW + HOUR), NOW + 2).await.unwrap();
    let next = claim_all(store, NOW + 2).await;
    assert_eq!(next.len(), 1, "five hints, one more step");
    assert_eq!(next[0].wanted, 5);
    store.release(&next[0], idle(NOW + HOUR), NOW + 3).await.unwrap();
    assert_eq!(claim_all(store, NOW + 3).await, vec![]);
    let status = store.replica_statuses("a").await.unwrap().remove(0);
    assert_eq!((status.wanted, status.served, status.next_run_ms), (5, 5, NOW + HOUR));
}

pub(crate) async fn a_hint_that_was_seen_does_not(store: &dyn Store) {
    write(store, vec![Change::Want("r1".into())]).await;
    let claim = claim_a(store).await;
    assert_eq!(claim.wanted, 1);
    let retry = Release { served: false, ..idle(NOW + HOUR) };
    store.release(&claim, retry, NOW).await.unwrap();
    assert_eq!(claim_all(store, NOW + 1).await, vec![], "a replica that backs off is not run in a circle");
    assert_eq!(store.replica_statuses("a").await.unwrap()[0].served, 0);
}

pub(crate) async fn an_entry_queued_and_pushed_in_one_lease_does_not_make_it_due(store: &dyn Store) {
    let claim = claim_a(store).await;
    write(store, vec![Change::Enqueue(entry("e1", 1, NOW))]).await;
    write(store, vec![Change::Dequeue(("r1".into(), "e1".into(), 1))]).await;
    store.release(&claim, idle(NOW + HOUR), NOW).await.unwrap();
    assert_eq!(store.next_due().await, Ok(Some(NOW + HOUR)));
}

pub(crate) async fn an_entry_left_in_the_queue_does(store: &dyn Store) {
    let claim = claim_a(store).await;
    write(store, vec![Change::Enqueue(entry("e1", 1, NOW + 5))]).await;
    store.release(&claim, idle(NOW + HOUR), NOW).await.unwrap();
    assert_eq!(store.next_due().await, Ok(Some(NOW + 5)));
    // Left over from before the lease, it was the step's decision to come back later.
    let claim = claim_all(store, NOW + 5).await.remove(0);
    store.release(&claim, Release { served: false, ..idle(NOW + HOUR) }, NOW + 5).await.unwrap();
    assert_eq!(store.next_due().await, Ok(Some(NOW + HOUR)));
    // Without a lease the queue makes it due directly.
    write(store, vec![Change::Enqueue(entry("e2", 1, NOW + 7))]).await;
    assert_eq!(store.next_due().await, Ok(Some(NOW + 7)));
}

pub(crate) async fn a_paused_replica_waits_for_resume(store: &dyn Store) {
    let claim = claim_a(store).await;
    store.release(&claim, Release { paused: true, ..idle(u64::MAX) }, NOW).await.unwrap();
    write(store, vec![Change::Want("r1".into()), Change::Enqueue(entry("e1", 1, NOW))]).await;
    assert_eq!(store.next_due().await, Ok(Some(NOW + DAY)), "only the other tenant's");
    assert_eq!(store.replica_statuses("a").await.unwrap()[0].next_run_ms, u64::MAX);
    assert_eq!(store.resume("a", "r1", NOW).await, Ok(true));
    assert_eq!(store.resume("a", "none", NOW).await, Ok(false));
    let claims = claim_all(store, NOW).await;
    assert_eq!((claims.len(), claims[0].wanted), (1, 2));
}

pub(crate) async fn waking_follows_the_commit(store: &dyn Store) {
    let claim = claim_a(store).await;
    store.release(&claim, idle(NOW + HOUR), NOW).await.unwrap();
    store.due().notified().await; // what furnishing left behind
    write(store, vec![put_event(event("e1", 1))]).await;
    let asleep = tokio::time::timeout(std::time::Duration::from_millis(20), store.due().notified()).await;
    assert!(asleep.is_err(), "an event alone makes nothing due");
    write(store, vec![Change::Enqueue(entry("e1", 1, NOW))]).await;
    store.due().notified().await;
    assert_eq!(store.next_due().await, Ok(Some(NOW)));
}
