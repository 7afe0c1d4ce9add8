//! Words of the imports. What the engine reads goes `out` of the world, what it writes comes `in`: the other way round
//! than in the component.

use tandem_engine::effects as engine;
use tandem_host::bindings::tandem::calendar::{configuration, credentials, notifications, storage, types};

pub(crate) fn settings(x: engine::Settings) -> configuration::Settings {
    configuration::Settings {
        webhook_url: x.webhook_url,
        signing_key: x.signing_key,
        google_base_url: x.google_base_url,
        microsoft_base_url: x.microsoft_base_url,
        poll_interval_s: x.poll_interval_s,
        safety_poll_interval_s: x.safety_poll_interval_s,
        page_size: x.page_size,
    }
}

pub(crate) fn provider(x: engine::ProviderKind) -> types::Provider {
    match x {
        engine::ProviderKind::Google => types::Provider::Google,
        engine::ProviderKind::Microsoft => types::Provider::Microsoft,
    }
}

fn mode(x: engine::ReplicaMode) -> types::ReplicaMode {
    match x {
        engine::ReplicaMode::TwoWay => types::ReplicaMode::TwoWay,
        engine::ReplicaMode::Pull => types::ReplicaMode::Pull,
        engine::ReplicaMode::Push => types::ReplicaMode::Push,
        engine::ReplicaMode::BusyOnly => types::ReplicaMode::BusyOnly,
    }
}

fn policy(x: engine::ConflictPolicy) -> types::ConflictPolicy {
    match x {
        engine::ConflictPolicy::Newest => types::ConflictPolicy::Newest,
        engine::ConflictPolicy::Remote => types::ConflictPolicy::Remote,
        engine::ConflictPolicy::Local => types::ConflictPolicy::Local,
        engine::ConflictPolicy::Ask => types::ConflictPolicy::Ask,
    }
}

fn connection(x: engine::Connection) -> types::Connection {
    types::Connection {
        id: x.id,
        provider: provider(x.provider),
        revoked: x.revoked,
        not_before_ms: x.not_before_ms,
        attempts: x.attempts,
    }
}

pub(crate) fn replica(x: engine::Replica) -> types::Replica {
    types::Replica {
        id: x.id,
        tenant: x.tenant,
        connection: connection(x.connection),
        calendar: x.calendar,
        remote_calendar: x.remote_calendar,
        mode: mode(x.mode),
        policy: policy(x.policy),
        state: x.state,
        revision: x.revision,
        wanted: x.wanted,
        lease_epoch: x.lease_epoch,
    }
}

pub(crate) fn summary(x: engine::ReplicaSummary) -> storage::ReplicaSummary {
    storage::ReplicaSummary { id: x.id, mode: mode(x.mode) }
}

pub(crate) fn event_out(x: engine::EventRow) -> types::Event {
    types::Event {
        uid: x.uid,
        revision: x.revision,
        deleted: x.deleted,
        start_ms: x.start_ms,
        end_ms: x.end_ms,
        recurring: x.recurring,
        updated_ms: x.updated_ms,
        document: x.document,
    }
}

pub(crate) fn event_in(x: types::Event) -> engine::EventRow {
    engine::EventRow {
        uid: x.uid,
        revision: x.revision,
        deleted: x.deleted,
        start_ms: x.start_ms,
        end_ms: x.end_ms,
        recurring: x.recurring,
        updated_ms: x.updated_ms,
        document: x.document,
    }
}

pub(crate) fn shadow_out(x: engine::Shadow) -> types::Shadow {
    types::Shadow {
        uid: x.uid,
        remote_id: x.remote_id,
        etag: x.etag,
        revision: x.revision,
        generation: x.generation,
        gone: x.gone,
        remote: x.remote,
        local: x.local,
        notes: x.notes,
    }
}

fn shadow_in(x: types::Shadow) -> engine::Shadow {
    engine::Shadow {
        uid: x.uid,
        remote_id: x.remote_id,
        etag: x.etag,
        revision: x.revision,
        generation: x.generation,
        gone: x.gone,
        remote: x.remote,
        local: x.local,
        notes: x.notes,
    }
}

pub(crate) fn entry_out(x: engine::PushEntry) -> storage::PushEntry {
    storage::PushEntry {
        replica: x.replica,
        uid: x.uid,
        revision: x.revision,
        due_ms: x.due_ms,
        attempts: x.attempts,
        notify_attendees: x.notify_attendees,
    }
}

fn entry_in(x: storage::PushEntry) -> engine::PushEntry {
    engine::PushEntry {
        replica: x.replica,
        uid: x.uid,
        revision: x.revision,
        due_ms: x.due_ms,
        attempts: x.attempts,
        notify_attendees: x.notify_attendees,
    }
}

pub(crate) fn orphan_out(x: engine::Orphan) -> storage::Orphan {
    storage::Orphan { master: x.master, remote_id: x.remote_id, row: x.row }
}

fn orphan_in(x: storage::Orphan) -> engine::Orphan {
    engine::Orphan { master: x.master, remote_id: x.remote_id, row: x.row }
}

pub(crate) fn channel_out(x: engine::Channel) -> storage::Channel {
    storage::Channel {
        id: x.id,
        replica: x.replica,
        resource_id: x.resource_id,
        expires_ms: x.expires_ms,
        created_ms: x.created_ms,
        superseded: x.superseded,
    }
}

fn channel_in(x: storage::Channel) -> engine::Channel {
    engine::Channel {
        id: x.id,
        replica: x.replica,
        resource_id: x.resource_id,
        expires_ms: x.expires_ms,
        created_ms: x.created_ms,
        superseded: x.superseded,
    }
}

fn winner_out(x: engine::ConflictWinner) -> storage::ConflictWinner {
    match x {
        engine::ConflictWinner::Local => storage::ConflictWinner::Local,
        engine::ConflictWinner::Remote => storage::ConflictWinner::Remote,
        engine::ConflictWinner::Mixed => storage::ConflictWinner::Mixed,
    }
}

fn winner_in(x: storage::ConflictWinner) -> engine::ConflictWinner {
    match x {
        storage::ConflictWinner::Local => engine::ConflictWinner::Local,
        storage::ConflictWinner::Remote => engine::ConflictWinner::Remote,
        storage::ConflictWinner::Mixed => engine::ConflictWinner::Mixed,
    }
}

pub(crate) fn conflict_out(x: engine::ConflictRow) -> storage::Conflict {
    storage::Conflict {
        id: x.id,
        replica: x.replica,
        uid: x.uid,
        found_ms: x.found_ms,
        paths: x.paths,
        base: x.base,
        local: x.local,
        remote: x.remote,
        outcome: x.outcome,
        winner: winner_out(x.winner),
        decided_by: x.decided_by,
        open: x.open,
    }
}

fn conflict_in(x: storage::Conflict) -> engine::ConflictRow {
    engine::ConflictRow {
        id: x.id,
        replica: x.replica,
        uid: x.uid,
        found_ms: x.found_ms,
        paths: x.paths,
        base: x.base,
        local: x.local,
        remote: x.remote,
        outcome: x.outcome,
        winner: winner_in(x.winner),
        decided_by: x.decided_by,
        open: x.open,
    }
}

fn failure_kind(x: storage::FailureKind) -> engine::FailureKind {
    match x {
        storage::FailureKind::Push => engine::FailureKind::Push,
        storage::FailureKind::Item => engine::FailureKind::Item,
        storage::FailureKind::Step => engine::FailureKind::Step,
        storage::FailureKind::Guard => engine::FailureKind::Guard,
    }
}

fn failure(x: storage::Failure) -> engine::Failure {
    engine::Failure {
        id: x.id,
        replica: x.replica,
        kind: failure_kind(x.kind),
        uid: x.uid,
        remote_id: x.remote_id,
        code: x.code,
        detail: x.detail,
        at_ms: x.at_ms,
        attempts: x.attempts,
    }
}

fn health(x: storage::ReplicaHealth) -> engine::Health {
    match x {
        storage::ReplicaHealth::Starting => engine::Health::Starting,
        storage::ReplicaHealth::Healthy => engine::Health::Healthy,
        storage::ReplicaHealth::Throttled => engine::Health::Throttled,
        storage::ReplicaHealth::Paused => engine::Health::Paused,
    }
}

fn replica_update(x: storage::ReplicaUpdate) -> engine::ReplicaUpdate {
    engine::ReplicaUpdate {
        id: x.id,
        state: x.state,
        health: health(x.health),
        reason: x.reason,
        synced_ms: x.synced_ms,
    }
}

fn connection_update(x: storage::ConnectionUpdate) -> engine::ConnectionUpdate {
    engine::ConnectionUpdate { id: x.id, revoked: x.revoked, not_before_ms: x.not_before_ms, attempts: x.attempts }
}

fn expectation(x: storage::Expectation) -> engine::Expectation {
    match x {
        storage::Expectation::Replica((id, revision)) => engine::Expectation::Replica(id, revision),
        storage::Expectation::Lease((id, epoch)) => engine::Expectation::Lease(id, epoch),
        storage::Expectation::Event((calendar, uid, revision)) => engine::Expectation::Event(calendar, uid, revision),
        storage::Expectation::ConflictOpen(id) => engine::Expectation::ConflictOpen(id),
    }
}

fn change(x: storage::Change) -> engine::Change {
    use engine::Change as To;
    use storage::Change as From;
    match x {
        From::PutReplica(update) => To::PutReplica(replica_update(update)),
        From::PutConnection(update) => To::PutConnection(connection_update(update)),
        From::PutEvent((calendar, event)) => To::PutEvent(calendar, event_in(event)),
        From::PutShadow((replica, shadow)) => To::PutShadow(replica, shadow_in(shadow)),
        From::TouchShadow((replica, uid, generation, etag)) => To::TouchShadow(replica, uid, generation, etag),
        From::DeleteShadow((replica, uid)) => To::DeleteShadow(replica, uid),
        From::Enqueue(entry) => To::Enqueue(entry_in(entry)),
        From::Postpone(entry) => To::Postpone(entry_in(entry)),
        From::Dequeue((replica, uid, revision)) => To::Dequeue(replica, uid, revision),
        From::PutOrphan((replica, orphan)) => To::PutOrphan(replica, orphan_in(orphan)),
        From::DeleteOrphans((replica, master)) => To::DeleteOrphans(replica, master),
        From::PutChannel(channel) => To::PutChannel(channel_in(channel)),
        From::DeleteChannel(id) => To::DeleteChannel(id),
        From::PutConflict(conflict) => To::PutConflict(conflict_in(conflict)),
        From::PutFailure(gone) => To::PutFailure(failure(gone)),
        From::DeleteFailure(id) => To::DeleteFailure(id),
        From::Want(replica) => To::Want(replica),
    }
}

pub(crate) fn batch(x: storage::Batch) -> engine::Batch {
    engine::Batch {
        expectations: x.expectations.into_iter().map(expectation).collect(),
        changes: x.changes.into_iter().map(change).collect(),
    }
}

pub(crate) fn mark(x: notifications::Mark) -> engine::Mark {
    engine::Mark { tenant: x.tenant, replica: x.replica, channel: x.channel, message_number: x.message_number }
}

pub(crate) fn mark_outcome(x: engine::MarkOutcome) -> notifications::Outcome {
    match x {
        engine::MarkOutcome::Marked => notifications::Outcome::Marked,
        engine::MarkOutcome::Unknown => notifications::Outcome::Unknown,
    }
}

pub(crate) fn auth_error(x: engine::AuthError) -> credentials::AuthError {
    match x {
        engine::AuthError::Revoked => credentials::AuthError::Revoked,
        engine::AuthError::Unavailable => credentials::AuthError::Unavailable,
        engine::AuthError::Missing => credentials::AuthError::Missing,
    }
}

pub(crate) fn storage_error_out(x: engine::StorageError) -> types::StorageError {
    match x {
        engine::StorageError::Stale => types::StorageError::Stale,
        engine::StorageError::LeaseLost => types::StorageError::LeaseLost,
        engine::StorageError::Unavailable => types::StorageError::Unavailable,
        engine::StorageError::Refused(why) => types::StorageError::Refused(why),
    }
}

pub(crate) fn storage_error_in(x: types::StorageError) -> engine::StorageError {
    match x {
        types::StorageError::Stale => engine::StorageError::Stale,
        types::StorageError::LeaseLost => engine::StorageError::LeaseLost,
        types::StorageError::Unavailable => engine::StorageError::Unavailable,
        types::StorageError::Refused(why) => engine::StorageError::Refused(why),
    }
}
