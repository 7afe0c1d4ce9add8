//! The engine's effects over the component's imports.

use tandem_engine::effects as engine;
use tandem_engine::effects::{Effects, Stored, TimeMs};

use crate::convert as to;
use crate::tandem::calendar::{configuration, credentials, notifications, storage};

/// Every effect is an import.
pub(crate) struct Imports;

impl Effects for Imports {
    fn now_ms(&mut self) -> TimeMs {
        let now = wasip2::clocks::wall_clock::now();
        now.seconds * 1_000 + u64::from(now.nanoseconds) / 1_000_000
    }

    fn random(&mut self) -> u64 {
        wasip2::random::random::get_random_u64()
    }

    fn settings(&mut self) -> engine::Settings {
        let s = configuration::get();
        engine::Settings {
            webhook_url: s.webhook_url,
            signing_key: s.signing_key,
            google_base_url: s.google_base_url,
            microsoft_base_url: s.microsoft_base_url,
            poll_interval_s: s.poll_interval_s,
            safety_poll_interval_s: s.safety_poll_interval_s,
            page_size: s.page_size,
        }
    }

    fn exchange(&mut self, request: engine::Request) -> Result<engine::Response, engine::TransportError> {
        crate::http::exchange(request)
    }

    fn authorization(&mut self, connection: &str) -> Result<String, engine::AuthError> {
        credentials::authorization(connection).map_err(to::auth_error)
    }

    fn refresh(&mut self, connection: &str) -> Result<String, engine::AuthError> {
        credentials::refresh(connection).map_err(to::auth_error)
    }

    fn accept(&mut self, marks: Vec<engine::Mark>) -> Stored<Vec<engine::MarkOutcome>> {
        let marks: Vec<_> = marks.into_iter().map(to::mark).collect();
        let outcomes = notifications::accept(&marks).map_err(to::storage_error_in)?;
        Ok(outcomes
            .into_iter()
            .map(|outcome| match outcome {
                notifications::Outcome::Marked => engine::MarkOutcome::Marked,
                notifications::Outcome::Unknown => engine::MarkOutcome::Unknown,
            })
            .collect())
    }

    fn load_replica(&mut self, replica: &str) -> Stored<Option<engine::Replica>> {
        storage::load_replica(replica).map(|found| found.map(to::replica)).map_err(to::storage_error_in)
    }

    fn calendar_replicas(&mut self, calendar: &str) -> Stored<Vec<engine::ReplicaSummary>> {
        let found = storage::calendar_replicas(calendar).map_err(to::storage_error_in)?;
        Ok(found.into_iter().map(|r| engine::ReplicaSummary { id: r.id, mode: to::mode(r.mode) }).collect())
    }

    fn events(&mut self, calendar: &str, uids: Vec<String>) -> Stored<Vec<Option<engine::EventRow>>> {
        let found = storage::events(calendar, &uids).map_err(to::storage_error_in)?;
        Ok(found.into_iter().map(|row| row.map(to::event_in)).collect())
    }

    fn events_between(
        &mut self,
        calendar: &str,
        from_ms: TimeMs,
        to_ms: TimeMs,
        after: Option<(TimeMs, String)>,
        limit: u32,
    ) -> Stored<Vec<engine::EventRow>> {
        let found = storage::events_between(
            calendar,
            from_ms,
            to_ms,
            after.as_ref().map(|(ms, uid)| (ms, uid.as_str())),
            limit,
        );
        Ok(found.map_err(to::storage_error_in)?.into_iter().map(to::event_in).collect())
    }

    fn shadows_by_remote(&mut self, replica: &str, ids: Vec<String>) -> Stored<Vec<Option<engine::Shadow>>> {
        let found = storage::shadows_by_remote(replica, &ids).map_err(to::storage_error_in)?;
        Ok(found.into_iter().map(|shadow| shadow.map(to::shadow_in)).collect())
    }

    fn shadows_by_uid(&mut self, replica: &str, uids: Vec<String>) -> Stored<Vec<Option<engine::Shadow>>> {
        let found = storage::shadows_by_uid(replica, &uids).map_err(to::storage_error_in)?;
        Ok(found.into_iter().map(|shadow| shadow.map(to::shadow_in)).collect())
    }

    fn unseen_shadows(
        &mut self,
        replica: &str,
        generation: u64,
        after: Option<String>,
        limit: u32,
    ) -> Stored<Vec<engine::Shadow>> {
        let found = storage::unseen_shadows(replica, generation, after.as_deref(), limit);
        Ok(found.map_err(to::storage_error_in)?.into_iter().map(to::shadow_in).collect())
    }

    fn count_shadows(&mut self, replica: &str, generation: u64) -> Stored<engine::ShadowCount> {
        let count = storage::count_shadows(replica, generation).map_err(to::storage_error_in)?;
        Ok(engine::ShadowCount { live: count.live, unseen: count.unseen })
    }

    fn push_queue(&mut self, replica: &str, now_ms: TimeMs, limit: u32) -> Stored<engine::PushQueuePage> {
        let page = storage::push_queue(replica, now_ms, limit).map_err(to::storage_error_in)?;
        let due = page.due.into_iter().map(to::entry_in).collect();
        Ok(engine::PushQueuePage { due, next_due_ms: page.next_due_ms })
    }

    fn orphans(&mut self, replica: &str, masters: Option<Vec<String>>, limit: u32) -> Stored<Vec<engine::Orphan>> {
        let found = storage::orphans(replica, masters.as_deref(), limit).map_err(to::storage_error_in)?;
        let orphan = |o: storage::Orphan| engine::Orphan { master: o.master, remote_id: o.remote_id, row: o.row };
        Ok(found.into_iter().map(orphan).collect())
    }

    fn channels(&mut self, replica: &str) -> Stored<Vec<engine::Channel>> {
        let found = storage::channels(replica).map_err(to::storage_error_in)?;
        Ok(found.into_iter().map(to::channel_in).collect())
    }

    fn load_conflict(&mut self, conflict: &str) -> Stored<Option<engine::ConflictRow>> {
        storage::load_conflict(conflict).map(|found| found.map(to::conflict_in)).map_err(to::storage_error_in)
    }

    fn commit(&mut self, batch: engine::Batch) -> Stored<()> {
        let batch = storage::Batch {
            expectations: batch.expectations.into_iter().map(to::expectation).collect(),
            changes: batch.changes.into_iter().map(to::change).collect(),
        };
        storage::commit(&batch).map_err(to::storage_error_in)
    }
}
