//! Events, shadows, channels, the feed.

use tandem_host::bindings::tandem::calendar::storage::{Change, Channel};
use tandem_host::bindings::tandem::calendar::types::{Event, StorageError};
use tandem_host::store::Store;

use crate::*;

pub(crate) fn channel(id: &str, created_ms: u64) -> Channel {
    Channel {
        id: id.into(),
        replica: "r1".into(),
        resource_id: "res".into(),
        expires_ms: created_ms + DAY,
        created_ms,
        superseded: false,
    }
}

pub(crate) async fn events_come_back_in_the_order_asked(store: &dyn Store) {
    write(store, vec![put_event(event("e1", 1)), put_event(event("e2", 1)), put_event(event("e1", 2))]).await;
    let found = store.events("a", "work", &strings(&["e2", "none", "e1", "e2"])).await.unwrap();
    assert_eq!(found, vec![Some(event("e2", 1)), None, Some(event("e1", 2)), Some(event("e2", 1))]);
    assert_eq!(store.events("a", "none", &strings(&["e1"])).await.unwrap(), vec![None]);
    let unknown = Change::PutEvent(("none".into(), event("e1", 1)));
    assert!(matches!(commit(store, vec![], vec![unknown]).await, Err(StorageError::Refused(_))));
}

pub(crate) async fn largest_numbers_survive(store: &dyn Store) {
    let mut endless = event("e1", u64::MAX);
    endless.end_ms = u64::MAX;
    endless.updated_ms = u64::MAX;
    endless.recurring = true;
    endless.deleted = true;
    let mut far = shadow("e1", "g1", u64::MAX);
    far.revision = u64::MAX;
    far.local = Some("{}".into());
    far.notes = "{\"n\":1}".into();
    write(store, vec![put_event(endless.clone()), put_shadow(far.clone())]).await;
    assert_eq!(store.event("a", "work", "e1").await.unwrap(), Some(endless));
    assert_eq!(store.shadows_by_uid("a", "r1", &strings(&["e1"])).await.unwrap(), vec![Some(far)]);
}

fn timed(uid: &str, start_ms: u64, end_ms: u64) -> Event {
    Event { start_ms, end_ms, ..event(uid, 1) }
}

async fn window(store: &dyn Store, from_ms: u64, to_ms: u64) -> Vec<String> {
    let found = store.events_between("a", "work", from_ms, to_ms, None, 1_000).await.unwrap();
    found.into_iter().map(|event| event.uid).collect()
}

pub(crate) async fn a_window_holds_what_overlaps_it(store: &dyn Store) {
    let mut deleted = timed("deleted", NOW, NOW + HOUR);
    deleted.deleted = true;
    let events = [
        timed("before", NOW - HOUR, NOW),
        timed("into", NOW - HOUR, NOW + 1),
        timed("long", NOW - 3_000 * DAY, NOW + DAY),
        timed("endless", NOW - 9_000 * DAY, u64::MAX),
        timed("point-at-start", NOW, NOW),
        timed("inside", NOW + 1, NOW + 2),
        timed("out-of", NOW + HOUR - 1, NOW + 2 * HOUR),
        timed("after", NOW + HOUR, NOW + 2 * HOUR),
        timed("endless-after", NOW + HOUR, u64::MAX),
        deleted,
    ];
    write(store, events.into_iter().map(put_event).collect()).await;
    let found = window(store, NOW, NOW + HOUR).await;
    assert_eq!(found, ["endless", "long", "into", "point-at-start", "inside", "out-of"]);
    // A moment: what goes on then.
    assert_eq!(window(store, NOW, NOW).await, ["endless", "long", "into"]);
}

pub(crate) async fn a_window_is_read_page_by_page(store: &dyn Store) {
    let mut changes = Vec::new();
    for n in 0..30_u64 {
        // Many with the same start, of different lengths.
        changes.push(put_event(timed(&format!("e{n:02}"), NOW + n / 7, NOW + n / 7 + n * DAY)));
    }
    write(store, changes).await;
    let all = window(store, NOW, NOW + DAY).await;
    assert_eq!(all.len(), 30);
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = store.events_between("a", "work", NOW, NOW + DAY, after, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.start_ms, last.uid.clone()));
        paged.extend(page.into_iter().map(|event| event.uid));
    }
    assert_eq!(paged, all);
}

pub(crate) async fn windows_agree_with_a_scan(store: &dyn Store) {
    // A small generator of our own: the same events at every run.
    let mut seed = 7_u64;
    let mut next = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut events = Vec::new();
    for n in 0..600 {
        let start_ms = NOW + next(2_000 * DAY);
        let end_ms = match next(10) {
            0 => start_ms,
            1 => u64::MAX,
            length => start_ms.saturating_add(next(4_u64.pow(u32::try_from(length).unwrap())) * DAY / 8),
        };
        events.push(timed(&format!("e{n}"), start_ms, end_ms));
    }
    write(store, events.iter().cloned().map(put_event).collect()).await;
    for _ in 0..60 {
        let from_ms = NOW + next(2_100 * DAY);
        let to_ms = from_ms + next(40 * DAY);
        let mut expected: Vec<&Event> = events
            .iter()
            .filter(|e| e.start_ms < to_ms && (e.end_ms > from_ms || (e.start_ms == e.end_ms && e.start_ms >= from_ms)))
            .collect();
        expected.sort_by(|a, b| (a.start_ms, &a.uid).cmp(&(b.start_ms, &b.uid)));
        let expected: Vec<String> = expected.into_iter().map(|event| event.uid.clone()).collect();
        assert_eq!(window(store, from_ms, to_ms).await, expected);
    }
}

pub(crate) async fn live_events_are_listed_after_a_uid(store: &dyn Store) {
    let mut deleted = event("e2", 2);
    deleted.deleted = true;
    write(store, vec![put_event(event("e3", 1)), put_event(deleted), put_event(event("e1", 1))]).await;
    let all = store.list_events("a", "work", None, 9).await.unwrap();
    assert_eq!(all, vec![event("e1", 1), event("e3", 1)]);
    let rest = store.list_events("a", "work", Some("e1".into()), 9).await.unwrap();
    assert_eq!(rest, vec![event("e3", 1)]);
    assert_eq!(store.list_events("a", "work", None, 1).await.unwrap().len(), 1);
}

pub(crate) async fn shadows_are_found_by_uid_and_remote_id(store: &dyn Store) {
    write(store, vec![put_shadow(shadow("e1", "g1", 1)), put_shadow(shadow("e2", "g2", 1))]).await;
    let by_uid = store.shadows_by_uid("a", "r1", &strings(&["e2", "x", "e1"])).await.unwrap();
    assert_eq!(by_uid, vec![Some(shadow("e2", "g2", 1)), None, Some(shadow("e1", "g1", 1))]);
    let by_remote = store.shadows_by_remote("a", "r1", &strings(&["g1", "", "g2"])).await.unwrap();
    assert_eq!(by_remote, vec![Some(shadow("e1", "g1", 1)), None, Some(shadow("e2", "g2", 1))]);
    write(store, vec![Change::TouchShadow(("r1".into(), "e1".into(), 5, "\"2\"".into()))]).await;
    let touched = store.shadows_by_uid("a", "r1", &strings(&["e1"])).await.unwrap().remove(0).unwrap();
    assert_eq!(touched, {
        let mut s = shadow("e1", "g1", 5);
        s.etag = "\"2\"".into();
        s
    });
    write(store, vec![Change::DeleteShadow(("r1".into(), "e1".into()))]).await;
    assert_eq!(store.shadows_by_remote("a", "r1", &strings(&["g1"])).await.unwrap(), vec![None]);
}

pub(crate) async fn one_remote_id_belongs_to_one_event(store: &dyn Store) {
    write(store, vec![put_shadow(shadow("e1", "g1", 1))]).await;
    let refused = commit(store, vec![], vec![put_shadow(shadow("e2", "g1", 1))]).await;
    assert!(matches!(refused, Err(StorageError::Refused(_))));
    // Without a remote id yet: any number of them.
    write(store, vec![put_shadow(shadow("e3", "", 1)), put_shadow(shadow("e4", "", 1))]).await;
    // Given up by one, it may be taken by another in the same batch.
    let moved = vec![Change::DeleteShadow(("r1".into(), "e1".into())), put_shadow(shadow("e2", "g1", 1))];
    write(store, moved).await;
}

pub(crate) async fn unseen_shadows_are_live_and_of_an_older_generation(store: &dyn Store) {
    let mut gone = shadow("e3", "g3", 1);
    gone.gone = true;
    let changes = vec![
        put_shadow(shadow("e1", "g1", 1)),
        put_shadow(shadow("e2", "g2", 2)),
        put_shadow(gone),
        put_shadow(shadow("e4", "g4", 1)),
    ];
    write(store, changes).await;
    let unseen = store.unseen_shadows("a", "r1", 2, None, 9).await.unwrap();
    assert_eq!(unseen, vec![shadow("e1", "g1", 1), shadow("e4", "g4", 1)]);
    let rest = store.unseen_shadows("a", "r1", 2, Some("e1".into()), 9).await.unwrap();
    assert_eq!(rest, vec![shadow("e4", "g4", 1)]);
    assert_eq!(store.unseen_shadows("a", "r1", 2, None, 1).await.unwrap().len(), 1);
    let count = store.count_shadows("a", "r1", 2).await.unwrap();
    assert_eq!((count.live, count.unseen), (3, 2));
}

pub(crate) async fn channels_come_in_the_order_of_creation(store: &dyn Store) {
    let mut old = channel("z", NOW);
    write(store, vec![Change::PutChannel(old.clone()), Change::PutChannel(channel("y", NOW))]).await;
    write(store, vec![Change::PutChannel(channel("x", NOW + 1))]).await;
    old.superseded = true;
    write(store, vec![Change::PutChannel(old.clone())]).await;
    let found = store.channels("a", "r1").await.unwrap();
    assert_eq!(found, vec![old, channel("y", NOW), channel("x", NOW + 1)]);
    write(store, vec![Change::DeleteChannel("y".into()), Change::DeleteChannel("none".into())]).await;
    assert_eq!(store.channels("a", "r1").await.unwrap().len(), 2);
}

pub(crate) async fn a_channel_id_of_another_tenant_is_refused(store: &dyn Store) {
    write(store, vec![Change::PutChannel(channel("c1", NOW))]).await;
    let batch = Batch { expectations: vec![], changes: vec![Change::PutChannel(channel("c1", NOW + 1))] };
    assert!(matches!(store.commit("b", batch, NOW).await, Err(StorageError::Refused(_))));
    assert_eq!(store.channels("a", "r1").await.unwrap(), vec![channel("c1", NOW)]);
}

pub(crate) async fn the_feed_grows_by_one_for_each_event(store: &dyn Store) {
    write(store, vec![put_event(event("e1", 1)), put_event(event("e2", 1))]).await;
    let batch = Batch { expectations: vec![], changes: vec![put_event(event("e9", 1))] };
    store.commit("b", batch, NOW + 1).await.unwrap();
    let mut deleted = event("e1", 2);
    deleted.deleted = true;
    write(store, vec![put_event(deleted)]).await;
    let feed = store.changes_since("a", 0, 9).await.unwrap();
    let seen: Vec<_> = feed.iter().map(|c| (c.sequence, c.uid.as_str(), c.revision, c.deleted)).collect();
    assert_eq!(seen, [(1, "e1", 1, false), (2, "e2", 1, false), (3, "e1", 2, true)]);
    assert!(feed.iter().all(|c| c.calendar == "work" && c.at_ms == NOW));
    assert_eq!(store.changes_since("a", 2, 9).await.unwrap().len(), 1);
    assert_eq!(store.changes_since("a", 0, 1).await.unwrap().len(), 1);
    assert_eq!(store.changes_since("b", 0, 9).await.unwrap()[0].sequence, 1);
}
