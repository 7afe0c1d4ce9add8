//! Records for people: conflicts, failures, and the change feed.
//!
//! Invariant: the feed's numbers grow within a tenant in the order of commits.

use rusqlite::{Connection, OptionalExtension, Row};

use super::values::{Unsigned, Word};
use super::writer::Session;
use crate::bindings::tandem::calendar::storage::{Conflict, Failure, FailureKind, PushEntry};
use crate::bindings::tandem::calendar::types::StorageError;
use crate::store::{ChangeEntry, Stored};

const CONFLICT: &str = "id, replica, uid, found_ms, paths, base, local, remote, outcome, winner, decided_by, open";

fn conflict_from_row(row: &Row<'_>) -> rusqlite::Result<Conflict> {
    let paths: String = row.get(4)?;
    Ok(Conflict {
        id: row.get(0)?,
        replica: row.get(1)?,
        uid: row.get(2)?,
        found_ms: row.get::<_, Unsigned>(3)?.0,
        // We wrote it: a list of strings is always readable.
        paths: serde_json::from_str(&paths).unwrap_or_default(),
        base: row.get(5)?,
        local: row.get(6)?,
        remote: row.get(7)?,
        outcome: row.get(8)?,
        winner: row.get::<_, Word<_>>(9)?.0,
        decided_by: row.get(10)?,
        open: row.get(11)?,
    })
}

/// Store a conflict.
pub(super) fn put_conflict(session: &Session<'_>, tenant: &str, conflict: &Conflict) -> Stored<()> {
    let paths = serde_json::to_string(&conflict.paths)
        .map_err(|_| StorageError::Refused("the paths of a conflict cannot be written".into()))?;
    session
        .connection
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO conflicts (tenant, {CONFLICT})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
        ))?
        .execute((
            tenant,
            &conflict.id,
            &conflict.replica,
            &conflict.uid,
            Unsigned(conflict.found_ms),
            paths,
            &conflict.base,
            &conflict.local,
            &conflict.remote,
            &conflict.outcome,
            Word(conflict.winner),
            &conflict.decided_by,
            conflict.open,
        ))?;
    Ok(())
}

/// One conflict.
pub(super) fn conflict(connection: &Connection, tenant: &str, id: &str) -> Stored<Option<Conflict>> {
    Ok(connection
        .prepare_cached(&format!("SELECT {CONFLICT} FROM conflicts WHERE tenant = ?1 AND id = ?2"))?
        .query_row((tenant, id), conflict_from_row)
        .optional()?)
}

/// Whether a conflict is open.
pub(super) fn conflict_is_open(connection: &Connection, tenant: &str, id: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM conflicts WHERE tenant = ?1 AND id = ?2 AND open = 1")?
        .exists((tenant, id))
}

/// Conflicts, newest first.
pub(super) fn conflicts(connection: &Connection, tenant: &str, open_only: bool, limit: u32) -> Stored<Vec<Conflict>> {
    let open = if open_only { "AND open = 1" } else { "" };
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {CONFLICT} FROM conflicts WHERE tenant = ?1 {open} ORDER BY found_ms DESC, id DESC LIMIT ?2"
        ))?
        .query_map((tenant, limit), conflict_from_row)?
        .collect::<rusqlite::Result<_>>()?)
}

const FAILURE: &str = "id, replica, kind, uid, remote_id, code, detail, at_ms, attempts";

fn failure_from_row(row: &Row<'_>) -> rusqlite::Result<Failure> {
    Ok(Failure {
        id: row.get(0)?,
        replica: row.get(1)?,
        kind: row.get::<_, Word<_>>(2)?.0,
        uid: row.get(3)?,
        remote_id: row.get(4)?,
        code: row.get(5)?,
        detail: row.get(6)?,
        at_ms: row.get::<_, Unsigned>(7)?.0,
        attempts: row.get(8)?,
    })
}

/// Store a failure.
pub(super) fn put_failure(session: &Session<'_>, tenant: &str, failure: &Failure) -> Stored<()> {
    session
        .connection
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO failures (tenant, {FAILURE}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ))?
        .execute((
            tenant,
            &failure.id,
            &failure.replica,
            Word(failure.kind),
            &failure.uid,
            &failure.remote_id,
            &failure.code,
            &failure.detail,
            Unsigned(failure.at_ms),
            failure.attempts,
        ))?;
    Ok(())
}

/// Forget a failure; false when there is none.
pub(super) fn delete_failure(session: &Session<'_>, tenant: &str, id: &str) -> Stored<bool> {
    let rows = session
        .connection
        .prepare_cached("DELETE FROM failures WHERE tenant = ?1 AND id = ?2")?
        .execute((tenant, id))?;
    Ok(rows > 0)
}

/// Failures, newest first.
pub(super) fn failures(connection: &Connection, tenant: &str, limit: u32) -> Stored<Vec<Failure>> {
    Ok(connection
        .prepare_cached(&format!(
            "SELECT {FAILURE} FROM failures WHERE tenant = ?1 ORDER BY at_ms DESC, id DESC LIMIT ?2"
        ))?
        .query_map((tenant, limit), failure_from_row)?
        .collect::<rusqlite::Result<_>>()?)
}

/// Try again what failed, and forget the failure; false when there is none.
pub(super) fn replay_failure(session: &mut Session<'_>, tenant: &str, id: &str, now_ms: u64) -> Stored<bool> {
    let failure = session
        .connection
        .prepare_cached(&format!("SELECT {FAILURE} FROM failures WHERE tenant = ?1 AND id = ?2"))?
        .query_row((tenant, id), failure_from_row)
        .optional()?;
    let Some(failure) = failure else { return Ok(false) };
    match failure.uid {
        Some(uid) if failure.kind == FailureKind::Push => {
            if let Some((replica_key, calendar)) = super::replicas::keys(session.connection, tenant, &failure.replica)?
            {
                let revision = super::events::revision(session.connection, calendar, &uid)?;
                let entry = PushEntry {
                    replica: failure.replica,
                    uid,
                    revision,
                    due_ms: now_ms,
                    attempts: 0,
                    notify_attendees: false,
                };
                super::queue::enqueue(session, replica_key, &entry, now_ms)?;
            }
        }
        _ => {
            // The cursor is past the row that could not be read: only a full listing shows it again.
            if failure.kind == FailureKind::Item
                && let Some(key) = super::replicas::replica_key(session.connection, tenant, &failure.replica)?
            {
                super::replicas::forget_cursor(session, key)?;
            }
            super::schedule::resume(session, tenant, &failure.replica, now_ms)?;
        }
    }
    delete_failure(session, tenant, id)
}

/// Append to the feed.
pub(super) fn append(session: &Session<'_>, tenant_key: i64, calendar_key: i64, entry: &ChangeEntry) -> Stored<()> {
    session
        .connection
        .prepare_cached(
            "INSERT INTO feed (tenant_key, sequence, calendar_key, uid, revision, deleted, at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            tenant_key,
            Unsigned(entry.sequence),
            calendar_key,
            &entry.uid,
            Unsigned(entry.revision),
            entry.deleted,
            Unsigned(entry.at_ms),
        ))?;
    Ok(())
}

/// The feed after a sequence.
pub(super) fn feed(connection: &Connection, tenant: &str, sequence: u64, limit: u32) -> Stored<Vec<ChangeEntry>> {
    Ok(connection
        .prepare_cached(
            "SELECT f.sequence, c.id, f.uid, f.revision, f.deleted, f.at_ms FROM feed f
               JOIN calendars c ON c.key = f.calendar_key
             WHERE f.tenant_key = (SELECT key FROM tenants WHERE id = ?1) AND f.sequence > ?2
             ORDER BY f.sequence LIMIT ?3",
        )?
        .query_map((tenant, Unsigned(sequence), limit), |row| {
            Ok(ChangeEntry {
                sequence: row.get::<_, Unsigned>(0)?.0,
                calendar: row.get(1)?,
                uid: row.get(2)?,
                revision: row.get::<_, Unsigned>(3)?.0,
                deleted: row.get(4)?,
                at_ms: row.get::<_, Unsigned>(5)?.0,
            })
        })?
        .collect::<rusqlite::Result<_>>()?)
}
