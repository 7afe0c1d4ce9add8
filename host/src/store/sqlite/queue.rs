//! The push queue, and rows that wait for their master.
//!
//! Invariant: at most one entry for each replica and event; what is queued makes its replica due in the same
//! transaction.

use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use super::replicas::replica_key;
use super::values::Unsigned;
use super::writer::Session;
use crate::bindings::tandem::calendar::storage::{Orphan, PushEntry, PushQueuePage};
use crate::store::Stored;

/// Add an entry, or raise the one that is there.
pub(super) fn enqueue(session: &mut Session<'_>, key: i64, entry: &PushEntry, now_ms: u64) -> Stored<()> {
    session
        .connection
        .prepare_cached(
            "INSERT INTO push_queue (replica_key, uid, revision, due_ms, attempts, notify_attendees)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET revision = max(revision, excluded.revision),
               due_ms = min(due_ms, excluded.due_ms), attempts = min(attempts, excluded.attempts),
               notify_attendees = max(notify_attendees, excluded.notify_attendees)",
        )?
        .execute((
            key,
            &entry.uid,
            Unsigned(entry.revision),
            Unsigned(entry.due_ms),
            entry.attempts,
            entry.notify_attendees,
        ))?;
    super::schedule::touch(session, key, entry.due_ms.max(now_ms))?;
    Ok(())
}

/// Change due time and attempts of the entry with this revision.
pub(super) fn postpone(session: &Session<'_>, key: i64, entry: &PushEntry) -> Stored<()> {
    session
        .connection
        .prepare_cached(
            "UPDATE push_queue SET due_ms = ?4, attempts = ?5 WHERE replica_key = ?1 AND uid = ?2 AND revision = ?3",
        )?
        .execute((key, &entry.uid, Unsigned(entry.revision), Unsigned(entry.due_ms), entry.attempts))?;
    Ok(())
}

/// Remove an entry unless it was raised above `revision`.
pub(super) fn dequeue(session: &Session<'_>, key: i64, uid: &str, revision: u64) -> Stored<()> {
    session
        .connection
        .prepare_cached("DELETE FROM push_queue WHERE replica_key = ?1 AND uid = ?2 AND revision <= ?3")?
        .execute((key, uid, Unsigned(revision)))?;
    Ok(())
}

/// When the earliest entry of a replica is due.
pub(super) fn earliest(connection: &Connection, key: i64) -> rusqlite::Result<Option<u64>> {
    let earliest: Option<Unsigned> = connection
        .prepare_cached("SELECT min(due_ms) FROM push_queue WHERE replica_key = ?1")?
        .query_row([key], |row| row.get(0))?;
    Ok(earliest.map(|at| at.0))
}

/// Entries that are due, and when the next one is.
pub(super) fn page(
    connection: &Connection,
    tenant: &str,
    replica: &str,
    now_ms: u64,
    limit: u32,
) -> Stored<PushQueuePage> {
    let Some(key) = replica_key(connection, tenant, replica)? else {
        return Ok(PushQueuePage { due: Vec::new(), next_due_ms: None });
    };
    let due = connection
        .prepare_cached(
            "SELECT uid, revision, due_ms, attempts, notify_attendees FROM push_queue
             WHERE replica_key = ?1 AND due_ms <= ?2 ORDER BY due_ms, uid LIMIT ?3",
        )?
        .query_map((key, Unsigned(now_ms), limit), |row| {
            Ok(PushEntry {
                replica: replica.to_owned(),
                uid: row.get(0)?,
                revision: row.get::<_, Unsigned>(1)?.0,
                due_ms: row.get::<_, Unsigned>(2)?.0,
                attempts: row.get(3)?,
                notify_attendees: row.get(4)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let next: Option<Unsigned> = connection
        .prepare_cached("SELECT min(due_ms) FROM push_queue WHERE replica_key = ?1 AND due_ms > ?2")?
        .query_row((key, Unsigned(now_ms)), |row| row.get(0))?;
    Ok(PushQueuePage { due, next_due_ms: next.map(|at| at.0) })
}

/// Buffer a remote row.
pub(super) fn put_orphan(session: &Session<'_>, key: i64, orphan: &Orphan) -> Stored<()> {
    session
        .connection
        .prepare_cached(
            "INSERT INTO orphans (replica_key, remote_id, master, data) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET master = excluded.master, data = excluded.data",
        )?
        .execute((key, &orphan.remote_id, &orphan.master, &orphan.row))?;
    Ok(())
}

/// Forget the rows of a master.
pub(super) fn delete_orphans(session: &Session<'_>, key: i64, master: &str) -> Stored<()> {
    session
        .connection
        .prepare_cached("DELETE FROM orphans WHERE replica_key = ?1 AND master = ?2")?
        .execute((key, master))?;
    Ok(())
}

/// Buffered rows, of all masters or of some.
pub(super) fn orphans(
    connection: &Connection,
    tenant: &str,
    replica: &str,
    masters: Option<&[String]>,
    limit: u32,
) -> Stored<Vec<Orphan>> {
    let Some(key) = replica_key(connection, tenant, replica)? else { return Ok(Vec::new()) };
    let read = |row: &Row<'_>| Ok(Orphan { master: row.get(0)?, remote_id: row.get(1)?, row: row.get(2)? });
    let Some(masters) = masters else {
        let mut all = connection.prepare_cached(
            "SELECT master, remote_id, data FROM orphans WHERE replica_key = ?1 ORDER BY master, remote_id LIMIT ?2",
        )?;
        return Ok(all.query_map((key, limit), read)?.collect::<rusqlite::Result<_>>()?);
    };
    let mut masters = masters.to_vec();
    masters.sort_unstable();
    masters.dedup();
    let mut one = connection.prepare_cached(
        "SELECT master, remote_id, data FROM orphans WHERE replica_key = ?1 AND master = ?2
         ORDER BY remote_id LIMIT ?3",
    )?;
    let mut found = Vec::new();
    for master in masters {
        let rest = i64::from(limit) - i64::try_from(found.len()).unwrap_or(i64::MAX);
        if rest <= 0 {
            break;
        }
        let parameters = [Value::from(key), Value::from(master), Value::from(rest)];
        for orphan in one.query_map(parameters, read)? {
            found.push(orphan?);
        }
    }
    Ok(found)
}
