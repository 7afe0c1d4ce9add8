//! The store suite: what every database behind `Store` must do. Each rule is one function over `&dyn Store`; the macro
//! at the end runs all of them on each database.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod accounts;
mod batches;
mod files;
mod group;
mod queue;
mod rows;
mod schedule;
mod speed;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use tandem_host::bindings::tandem::calendar::storage::{Batch, Change, Expectation, PushEntry};
use tandem_host::bindings::tandem::calendar::types::{Event, Shadow};
use tandem_host::store::sqlite::SqliteStore;
use tandem_host::store::{CalendarRow, ConflictPolicy, ConnectionRow, NewReplica, ReplicaMode, Store, Stored};

pub(crate) const NOW: u64 = 1_800_000_000_000;
pub(crate) const HOUR: u64 = 3_600_000;
pub(crate) const DAY: u64 = 24 * HOUR;

/// A directory that is removed with its value.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("tandem-store-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("tandem.db")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Tenant `a` and `b`, each with connection `google`, calendar `work` and replica `r1`.
pub(crate) async fn furnish(store: &dyn Store) {
    for tenant in ["a", "b"] {
        store.put_connection(connection(tenant)).await.unwrap();
        store.put_calendar(calendar(tenant)).await.unwrap();
        store.put_replica(replica(tenant, "r1")).await.unwrap();
    }
}

pub(crate) fn connection(tenant: &str) -> ConnectionRow {
    ConnectionRow {
        tenant: tenant.into(),
        id: "google".into(),
        provider: "google".into(),
        settings: "{}".into(),
        revoked: false,
        not_before_ms: 0,
        attempts: 0,
    }
}

pub(crate) fn calendar(tenant: &str) -> CalendarRow {
    CalendarRow { tenant: tenant.into(), id: "work".into(), name: "Work".into(), time_zone: "Europe/Berlin".into() }
}

pub(crate) fn replica(tenant: &str, id: &str) -> NewReplica {
    NewReplica {
        tenant: tenant.into(),
        id: id.into(),
        connection: "google".into(),
        calendar: "work".into(),
        remote_calendar: "primary".into(),
        mode: ReplicaMode::TwoWay,
        policy: ConflictPolicy::Newest,
    }
}

pub(crate) fn event(uid: &str, revision: u64) -> Event {
    Event {
        uid: uid.into(),
        revision,
        deleted: false,
        start_ms: NOW,
        end_ms: NOW + HOUR,
        recurring: false,
        updated_ms: NOW,
        document: format!("{{\"uid\":\"{uid}\",\"title\":\"Größe {revision}\"}}"),
    }
}

pub(crate) fn shadow(uid: &str, remote_id: &str, generation: u64) -> Shadow {
    Shadow {
        uid: uid.into(),
        remote_id: remote_id.into(),
        etag: "\"1\"".into(),
        revision: 1,
        generation,
        gone: false,
        remote: format!("{{\"uid\":\"{uid}\"}}"),
        local: None,
        notes: String::new(),
    }
}

pub(crate) fn entry(uid: &str, revision: u64, due_ms: u64) -> PushEntry {
    PushEntry { replica: "r1".into(), uid: uid.into(), revision, due_ms, attempts: 0, notify_attendees: false }
}

pub(crate) fn put_event(event: Event) -> Change {
    Change::PutEvent(("work".into(), event))
}

pub(crate) fn put_shadow(shadow: Shadow) -> Change {
    Change::PutShadow(("r1".into(), shadow))
}

pub(crate) fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// Commit for tenant `a`, without expectations.
pub(crate) async fn write(store: &dyn Store, changes: Vec<Change>) {
    commit(store, Vec::new(), changes).await.unwrap();
}

/// Commit for tenant `a`.
pub(crate) async fn commit(store: &dyn Store, expectations: Vec<Expectation>, changes: Vec<Change>) -> Stored<()> {
    store.commit("a", Batch { expectations, changes }, NOW).await
}

macro_rules! suite {
    ($($module:ident: $($rule:ident)+;)+) => {
        mod sqlite_file {
            $($(
                #[tokio::test]
                async fn $rule() {
                    let directory = super::Directory::new();
                    let store = super::SqliteStore::open(directory.file()).unwrap();
                    super::furnish(&store).await;
                    super::$module::$rule(&store).await;
                }
            )+)+
        }
        mod sqlite_memory {
            $($(
                #[tokio::test]
                async fn $rule() {
                    let store = super::SqliteStore::in_memory().unwrap();
                    super::furnish(&store).await;
                    super::$module::$rule(&store).await;
                }
            )+)+
        }
    };
}

suite! {
    accounts:
        connections_are_kept_and_reset_by_putting_them_again
        reconnecting_lets_paused_replicas_go_on
        a_rotated_token_changes_nothing_but_the_settings
        providers_are_those_of_the_connections
        calendars_are_listed_by_id
        a_replica_is_loaded_with_its_connection
        putting_a_replica_again_keeps_its_state
        a_replica_needs_its_calendar_and_connection
        removing_a_replica_leaves_only_its_events
        statuses_count_queue_and_live_shadows
        tenants_do_not_see_each_other;
    rows:
        events_come_back_in_the_order_asked
        largest_numbers_survive
        a_window_holds_what_overlaps_it
        a_window_is_read_page_by_page
        windows_agree_with_a_scan
        live_events_are_listed_after_a_uid
        shadows_are_found_by_uid_and_remote_id
        one_remote_id_belongs_to_one_event
        unseen_shadows_are_live_and_of_an_older_generation
        channels_come_in_the_order_of_creation
        a_channel_id_of_another_tenant_is_refused
        the_feed_grows_by_one_for_each_event;
    queue:
        the_queue_is_ordered_and_tells_the_next_time
        queueing_again_raises_the_entry
        postponing_needs_the_same_revision
        dequeueing_keeps_a_raised_entry
        orphans_are_found_by_master
        conflicts_are_newest_first_and_can_be_closed
        failures_are_replaced_dismissed_and_replayed;
    batches:
        a_stale_batch_leaves_nothing
        a_refused_change_undoes_the_whole_batch
        event_revisions_are_expected
        an_open_conflict_is_expected
        a_lost_lease_cannot_commit
        epoch_zero_is_never_checked;
    group:
        a_stale_batch_does_not_disturb_its_group
        marks_of_many_calls_are_all_counted
        a_mark_of_a_removed_or_foreign_channel_is_unknown
        a_delivery_is_kept_once_and_pruned
        concurrent_writers_number_the_feed_without_repeats;
    schedule:
        a_new_replica_is_due_at_once
        a_replica_is_claimed_once_until_its_lease_ends
        epochs_never_repeat_even_for_a_replica_made_again
        claims_are_fair_between_tenants
        claims_are_fair_between_tenants_in_a_large_backlog
        a_lost_lease_is_neither_renewed_nor_released
        a_hint_during_a_step_makes_it_due_again
        a_hint_that_was_seen_does_not
        an_entry_queued_and_pushed_in_one_lease_does_not_make_it_due
        an_entry_left_in_the_queue_does
        a_paused_replica_waits_for_resume
        waking_follows_the_commit;
}
