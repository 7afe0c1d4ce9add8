//! The same words on both sides of the boundary: bindings' types and the engine's.

use tandem_engine::{agenda, editing, effects as engine, sync};

use crate::exports::tandem::calendar as out;
use crate::tandem::calendar::{credentials, notifications, storage, types};

pub(crate) fn provider_in(provider: types::Provider) -> engine::ProviderKind {
    match provider {
        types::Provider::Google => engine::ProviderKind::Google,
        types::Provider::Microsoft => engine::ProviderKind::Microsoft,
    }
}

pub(crate) fn mode(mode: types::ReplicaMode) -> engine::ReplicaMode {
    match mode {
        types::ReplicaMode::TwoWay => engine::ReplicaMode::TwoWay,
        types::ReplicaMode::Pull => engine::ReplicaMode::Pull,
        types::ReplicaMode::Push => engine::ReplicaMode::Push,
        types::ReplicaMode::BusyOnly => engine::ReplicaMode::BusyOnly,
    }
}

fn policy(policy: types::ConflictPolicy) -> engine::ConflictPolicy {
    match policy {
        types::ConflictPolicy::Newest => engine::ConflictPolicy::Newest,
        types::ConflictPolicy::Remote => engine::ConflictPolicy::Remote,
        types::ConflictPolicy::Local => engine::ConflictPolicy::Local,
        types::ConflictPolicy::Ask => engine::ConflictPolicy::Ask,
    }
}

pub(crate) fn replica(r: types::Replica) -> engine::Replica {
    engine::Replica {
        id: r.id,
        tenant: r.tenant,
        connection: engine::Connection {
            id: r.connection.id,
            provider: provider_in(r.connection.provider),
            revoked: r.connection.revoked,
            not_before_ms: r.connection.not_before_ms,
            attempts: r.connection.attempts,
        },
        calendar: r.calendar,
        remote_calendar: r.remote_calendar,
        mode: mode(r.mode),
        policy: policy(r.policy),
        state: r.state,
        revision: r.revision,
        wanted: r.wanted,
        lease_epoch: r.lease_epoch,
    }
}

pub(crate) fn event_in(e: types::Event) -> engine::EventRow {
    engine::EventRow {
        uid: e.uid,
        revision: e.revision,
        deleted: e.deleted,
        start_ms: e.start_ms,
        end_ms: e.end_ms,
        recurring: e.recurring,
        updated_ms: e.updated_ms,
        document: e.document,
    }
}

pub(crate) fn event_out(e: engine::EventRow) -> types::Event {
    types::Event {
        uid: e.uid,
        revision: e.revision,
        deleted: e.deleted,
        start_ms: e.start_ms,
        end_ms: e.end_ms,
        recurring: e.recurring,
        updated_ms: e.updated_ms,
        document: e.document,
    }
}

pub(crate) fn shadow_in(s: types::Shadow) -> engine::Shadow {
    engine::Shadow {
        uid: s.uid,
        remote_id: s.remote_id,
        etag: s.etag,
        revision: s.revision,
        generation: s.generation,
        gone: s.gone,
        remote: s.remote,
        local: s.local,
        notes: s.notes,
    }
}

fn shadow_out(s: engine::Shadow) -> types::Shadow {
    types::Shadow {
        uid: s.uid,
        remote_id: s.remote_id,
        etag: s.etag,
        revision: s.revision,
        generation: s.generation,
        gone: s.gone,
        remote: s.remote,
        local: s.local,
        notes: s.notes,
    }
}

pub(crate) fn entry_in(e: storage::PushEntry) -> engine::PushEntry {
    engine::PushEntry {
        replica: e.replica,
        uid: e.uid,
        revision: e.revision,
        due_ms: e.due_ms,
        attempts: e.attempts,
        notify_attendees: e.notify_attendees,
    }
}

fn entry_out(e: engine::PushEntry) -> storage::PushEntry {
    storage::PushEntry {
        replica: e.replica,
        uid: e.uid,
        revision: e.revision,
        due_ms: e.due_ms,
        attempts: e.attempts,
        notify_attendees: e.notify_attendees,
    }
}

pub(crate) fn channel_in(c: storage::Channel) -> engine::Channel {
    engine::Channel {
        id: c.id,
        replica: c.replica,
        resource_id: c.resource_id,
        expires_ms: c.expires_ms,
        created_ms: c.created_ms,
        superseded: c.superseded,
    }
}

fn channel_out(c: engine::Channel) -> storage::Channel {
    storage::Channel {
        id: c.id,
        replica: c.replica,
        resource_id: c.resource_id,
        expires_ms: c.expires_ms,
        created_ms: c.created_ms,
        superseded: c.superseded,
    }
}

pub(crate) fn conflict_in(c: storage::Conflict) -> engine::ConflictRow {
    engine::ConflictRow {
        id: c.id,
        replica: c.replica,
        uid: c.uid,
        found_ms: c.found_ms,
        paths: c.paths,
        base: c.base,
        local: c.local,
        remote: c.remote,
        outcome: c.outcome,
        winner: match c.winner {
            storage::ConflictWinner::Local => engine::ConflictWinner::Local,
            storage::ConflictWinner::Remote => engine::ConflictWinner::Remote,
            storage::ConflictWinner::Mixed => engine::ConflictWinner::Mixed,
        },
        decided_by: c.decided_by,
        open: c.open,
    }
}

fn conflict_out(c: engine::ConflictRow) -> storage::Conflict {
    storage::Conflict {
        id: c.id,
        replica: c.replica,
        uid: c.uid,
        found_ms: c.found_ms,
        paths: c.paths,
        base: c.base,
        local: c.local,
        remote: c.remote,
        outcome: c.outcome,
        winner: match c.winner {
            engine::ConflictWinner::Local => storage::ConflictWinner::Local,
            engine::ConflictWinner::Remote => storage::ConflictWinner::Remote,
            engine::ConflictWinner::Mixed => storage::ConflictWinner::Mixed,
        },
        decided_by: c.decided_by,
        open: c.open,
    }
}

fn failure_out(f: engine::Failure) -> storage::Failure {
    storage::Failure {
        id: f.id,
        replica: f.replica,
        kind: match f.kind {
            engine::FailureKind::Push => storage::FailureKind::Push,
            engine::FailureKind::Item => storage::FailureKind::Item,
            engine::FailureKind::Step => storage::FailureKind::Step,
            engine::FailureKind::Guard => storage::FailureKind::Guard,
        },
        uid: f.uid,
        remote_id: f.remote_id,
        code: f.code,
        detail: f.detail,
        at_ms: f.at_ms,
        attempts: f.attempts,
    }
}

pub(crate) fn expectation(e: engine::Expectation) -> storage::Expectation {
    match e {
        engine::Expectation::Replica(id, revision) => storage::Expectation::Replica((id, revision)),
        engine::Expectation::Lease(id, epoch) => storage::Expectation::Lease((id, epoch)),
        engine::Expectation::Event(calendar, uid, revision) => storage::Expectation::Event((calendar, uid, revision)),
        engine::Expectation::ConflictOpen(id) => storage::Expectation::ConflictOpen(id),
    }
}

pub(crate) fn change(c: engine::Change) -> storage::Change {
    use engine::Change as From;
    use storage::Change as To;
    match c {
        From::PutReplica(u) => To::PutReplica(storage::ReplicaUpdate {
            id: u.id,
            state: u.state,
            health: health(u.health),
            reason: u.reason,
            synced_ms: u.synced_ms,
        }),
        From::PutConnection(u) => To::PutConnection(storage::ConnectionUpdate {
            id: u.id,
            revoked: u.revoked,
            not_before_ms: u.not_before_ms,
            attempts: u.attempts,
        }),
        From::PutEvent(calendar, event) => To::PutEvent((calendar, event_out(event))),
        From::PutShadow(replica, shadow) => To::PutShadow((replica, shadow_out(shadow))),
        From::TouchShadow(replica, uid, generation, etag) => To::TouchShadow((replica, uid, generation, etag)),
        From::DeleteShadow(replica, uid) => To::DeleteShadow((replica, uid)),
        From::Enqueue(entry) => To::Enqueue(entry_out(entry)),
        From::Postpone(entry) => To::Postpone(entry_out(entry)),
        From::Dequeue(replica, uid, revision) => To::Dequeue((replica, uid, revision)),
        From::PutOrphan(replica, o) => {
            To::PutOrphan((replica, storage::Orphan { master: o.master, remote_id: o.remote_id, row: o.row }))
        }
        From::DeleteOrphans(replica, master) => To::DeleteOrphans((replica, master)),
        From::PutChannel(channel) => To::PutChannel(channel_out(channel)),
        From::DeleteChannel(id) => To::DeleteChannel(id),
        From::PutConflict(conflict) => To::PutConflict(conflict_out(conflict)),
        From::PutFailure(failure) => To::PutFailure(failure_out(failure)),
        From::DeleteFailure(id) => To::DeleteFailure(id),
        From::Want(replica) => To::Want(replica),
    }
}

fn health(health: engine::Health) -> storage::ReplicaHealth {
    match health {
        engine::Health::Starting => storage::ReplicaHealth::Starting,
        engine::Health::Healthy => storage::ReplicaHealth::Healthy,
        engine::Health::Throttled => storage::ReplicaHealth::Throttled,
        engine::Health::Paused => storage::ReplicaHealth::Paused,
    }
}

pub(crate) fn mark(m: engine::Mark) -> notifications::Mark {
    notifications::Mark { tenant: m.tenant, replica: m.replica, channel: m.channel, message_number: m.message_number }
}

pub(crate) fn auth_error(e: credentials::AuthError) -> engine::AuthError {
    match e {
        credentials::AuthError::Revoked => engine::AuthError::Revoked,
        credentials::AuthError::Unavailable => engine::AuthError::Unavailable,
        credentials::AuthError::Missing => engine::AuthError::Missing,
    }
}

pub(crate) fn storage_error_in(e: types::StorageError) -> engine::StorageError {
    match e {
        types::StorageError::Stale => engine::StorageError::Stale,
        types::StorageError::LeaseLost => engine::StorageError::LeaseLost,
        types::StorageError::Unavailable => engine::StorageError::Unavailable,
        types::StorageError::Refused(why) => engine::StorageError::Refused(why),
    }
}

pub(crate) fn storage_error_out(e: engine::StorageError) -> types::StorageError {
    match e {
        engine::StorageError::Stale => types::StorageError::Stale,
        engine::StorageError::LeaseLost => types::StorageError::LeaseLost,
        engine::StorageError::Unavailable => types::StorageError::Unavailable,
        engine::StorageError::Refused(why) => types::StorageError::Refused(why),
    }
}

pub(crate) fn report(r: sync::Report) -> out::sync::Report {
    let outcome = match r.outcome {
        sync::Outcome::Again => out::sync::Outcome::Again,
        sync::Outcome::Idle(at_ms) => out::sync::Outcome::Idle(at_ms),
        sync::Outcome::Retry { at_ms, code } => out::sync::Outcome::Retry(out::sync::Retry { at_ms, code }),
        sync::Outcome::Paused(why) => out::sync::Outcome::Paused(why),
    };
    out::sync::Report {
        outcome,
        pulled: r.pulled,
        applied: r.applied,
        pushed: r.pushed,
        conflicts: r.conflicts,
        failed: r.failed,
    }
}

pub(crate) fn step_error(e: sync::StepError) -> out::sync::StepError {
    match e {
        sync::StepError::NotFound => out::sync::StepError::NotFound,
        sync::StepError::LeaseLost => out::sync::StepError::LeaseLost,
        sync::StepError::Unavailable => out::sync::StepError::Unavailable,
        sync::StepError::Bug(text) => out::sync::StepError::Bug(text),
    }
}

pub(crate) fn edit(e: out::editing::Edit) -> editing::Edit {
    editing::Edit {
        calendar: e.calendar,
        uid: e.uid,
        recurrence_id: e.recurrence_id,
        scope: match e.scope {
            out::editing::Scope::This => editing::Scope::This,
            out::editing::Scope::ThisAndFollowing => editing::Scope::ThisAndFollowing,
            out::editing::Scope::All => editing::Scope::All,
        },
        expected_revision: e.expected_revision,
        action: match e.action {
            out::editing::Action::Create(text) => editing::Action::Create(text),
            out::editing::Action::Patch(text) => editing::Action::Patch(text),
            out::editing::Action::Replace(text) => editing::Action::Replace(text),
            out::editing::Action::Delete => editing::Action::Delete,
        },
        notify_attendees: e.notify_attendees,
    }
}

pub(crate) fn applied(a: editing::Applied) -> out::editing::Applied {
    let dropped = a.dropped.into_iter();
    let dropped = dropped.map(|d| out::editing::DroppedOverride { recurrence_id: d.recurrence_id, patch: d.patch });
    out::editing::Applied { event: event_out(a.event), dropped: dropped.collect() }
}

pub(crate) fn edit_error(e: editing::EditError) -> out::editing::EditError {
    match e {
        editing::EditError::NotFound => out::editing::EditError::NotFound,
        editing::EditError::Exists => out::editing::EditError::Exists,
        editing::EditError::Stale(revision) => out::editing::EditError::Stale(revision),
        editing::EditError::Invalid(found) => out::editing::EditError::Invalid(
            found
                .into_iter()
                .map(|p| out::editing::Problem { pointer: p.pointer, code: p.code.into(), message: p.message })
                .collect(),
        ),
        editing::EditError::ReadOnly => out::editing::EditError::ReadOnly,
        editing::EditError::Unavailable => out::editing::EditError::Unavailable,
    }
}

pub(crate) fn query(w: out::recurrence::Window) -> agenda::Query {
    agenda::Query { calendar: w.calendar, from_ms: w.from_ms, to_ms: w.to_ms, time_zone: w.time_zone, limit: w.limit }
}

pub(crate) fn agenda(a: agenda::Agenda) -> out::recurrence::OccurrencePage {
    out::recurrence::OccurrencePage { items: a.entries.into_iter().map(occurrence).collect(), truncated: a.truncated }
}

pub(crate) fn occurrence(e: agenda::Entry) -> out::recurrence::Occurrence {
    out::recurrence::Occurrence {
        uid: e.uid,
        recurrence_id: e.recurrence_id,
        start_ms: e.start_ms,
        end_ms: e.end_ms,
        revision: e.revision,
        document: e.document,
    }
}

pub(crate) use crate::explained::{explain_error, explanation, question};

pub(crate) fn query_error(e: agenda::QueryError) -> out::recurrence::WindowError {
    match e {
        agenda::QueryError::Invalid(text) => out::recurrence::WindowError::Invalid(text),
        agenda::QueryError::Storage(error) => out::recurrence::WindowError::Storage(storage_error_out(error)),
    }
}
