//! Connections, calendars, replicas and their channels.
//!
//! Invariant: an integer key is only ever looked up by tenant and name together, so nobody reaches another tenant's
//! rows.

use rusqlite::{Connection, OptionalExtension, Row};

use super::values::{Unsigned, Word};
use super::writer::Session;
use crate::bindings::tandem::calendar::storage::{Channel, ReplicaSummary};
use crate::bindings::tandem::calendar::types::{Connection as Account, Replica, StorageError};
use crate::store::{CalendarRow, ConnectionRow, NewReplica, Provider, ReplicaStatus, Stored};

/// The key of a calendar.
pub(super) fn calendar_key(connection: &Connection, tenant: &str, calendar: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT key FROM calendars WHERE tenant = ?1 AND id = ?2")?
        .query_row((tenant, calendar), |row| row.get(0))
        .optional()
}

/// The key of a replica.
pub(super) fn replica_key(connection: &Connection, tenant: &str, replica: &str) -> rusqlite::Result<Option<i64>> {
    Ok(keys(connection, tenant, replica)?.map(|(key, _)| key))
}

/// The keys of a replica and of its calendar.
pub(super) fn keys(connection: &Connection, tenant: &str, replica: &str) -> rusqlite::Result<Option<(i64, i64)>> {
    connection
        .prepare_cached("SELECT key, calendar_key FROM replicas WHERE tenant = ?1 AND id = ?2")?
        .query_row((tenant, replica), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn add_tenant(session: &Session<'_>, tenant: &str) -> rusqlite::Result<()> {
    session.connection.prepare_cached("INSERT OR IGNORE INTO tenants (id) VALUES (?1)")?.execute([tenant]).map(drop)
}

/// Create or update a connection, and let its paused replicas go on: what stopped them may be mended.
pub(super) fn put_connection(session: &mut Session<'_>, row: &ConnectionRow) -> Stored<()> {
    add_tenant(session, &row.tenant)?;
    session
        .connection
        .prepare_cached(
            "INSERT INTO connections (tenant, id, provider, settings) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET provider = excluded.provider, settings = excluded.settings, revoked = 0,
               not_before_ms = 0, attempts = 0",
        )?
        .execute((&row.tenant, &row.id, &row.provider, &row.settings))?;
    let resumed = session
        .connection
        .prepare_cached(
            "UPDATE schedules SET paused = 0, next_run_ms = 0 WHERE paused = 1 AND replica_key IN
               (SELECT key FROM replicas WHERE tenant = ?1 AND connection = ?2)",
        )?
        .execute((&row.tenant, &row.id))?;
    session.made_due |= resumed > 0;
    Ok(())
}

/// Replace the settings of a connection if they are the expected ones, and nothing else: it may be throttled, and
/// what its replicas are paused for has nothing to do with it.
pub(super) fn set_settings(
    session: &mut Session<'_>,
    (tenant, id): (&str, &str),
    seen: &str,
    settings: &str,
) -> Stored<bool> {
    let changed = session
        .connection
        .prepare_cached("UPDATE connections SET settings = ?4 WHERE tenant = ?1 AND id = ?2 AND settings = ?3")?
        .execute((tenant, id, seen, settings))?;
    Ok(changed > 0)
}

/// The providers that have a connection.
pub(super) fn providers(connection: &Connection) -> Stored<Vec<Provider>> {
    let mut found = connection.prepare_cached("SELECT DISTINCT provider FROM connections ORDER BY provider")?;
    let found = found.query_map((), |row| Ok(row.get::<_, Word<Provider>>(0)?.0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// One connection.
pub(super) fn connection(connection: &Connection, tenant: &str, id: &str) -> Stored<Option<ConnectionRow>> {
    Ok(connection
        .prepare_cached(
            "SELECT tenant, id, provider, settings, revoked, not_before_ms, attempts FROM connections
             WHERE tenant = ?1 AND id = ?2",
        )?
        .query_row((tenant, id), |row| {
            Ok(ConnectionRow {
                tenant: row.get(0)?,
                id: row.get(1)?,
                provider: row.get(2)?,
                settings: row.get(3)?,
                revoked: row.get(4)?,
                not_before_ms: row.get::<_, Unsigned>(5)?.0,
                attempts: row.get(6)?,
            })
        })
        .optional()?)
}

/// Create or update a calendar.
pub(super) fn put_calendar(session: &Session<'_>, row: &CalendarRow) -> Stored<()> {
    add_tenant(session, &row.tenant)?;
    session
        .connection
        .prepare_cached(
            "INSERT INTO calendars (tenant, id, name, time_zone) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, time_zone = excluded.time_zone",
        )?
        .execute((&row.tenant, &row.id, &row.name, &row.time_zone))?;
    Ok(())
}

/// All calendars of a tenant.
pub(super) fn calendars(connection: &Connection, tenant: &str) -> Stored<Vec<CalendarRow>> {
    Ok(connection
        .prepare_cached("SELECT tenant, id, name, time_zone FROM calendars WHERE tenant = ?1 ORDER BY id")?
        .query_map([tenant], |row| {
            Ok(CalendarRow { tenant: row.get(0)?, id: row.get(1)?, name: row.get(2)?, time_zone: row.get(3)? })
        })?
        .collect::<rusqlite::Result<_>>()?)
}

/// Create a replica, due at once, or give an existing one its new mode and policy.
pub(super) fn put_replica(session: &mut Session<'_>, new: &NewReplica) -> Stored<()> {
    let connection = session.connection;
    if let Some(key) = replica_key(connection, &new.tenant, &new.id)? {
        let turned = connection
            .prepare_cached("SELECT 1 FROM replicas WHERE key = ?1 AND mode <> ?2")?
            .exists((key, Word(new.mode)))?;
        connection.prepare_cached("UPDATE replicas SET mode = ?2, policy = ?3 WHERE key = ?1")?.execute((
            key,
            Word(new.mode),
            Word(new.policy),
        ))?;
        if turned {
            // What went the other way was passed over so far: look at everything again, on both sides.
            forget_cursor(session, key)?;
            queue_all(session, key)?;
        }
        return Ok(());
    }
    let Some(calendar) = calendar_key(connection, &new.tenant, &new.calendar)? else {
        return Err(StorageError::Refused("the replica names a calendar that does not exist".into()));
    };
    if self::connection(connection, &new.tenant, &new.connection)?.is_none() {
        return Err(StorageError::Refused("the replica names a connection that does not exist".into()));
    }
    let key: i64 = connection
        .prepare_cached(
            "INSERT INTO replicas (tenant, id, connection, calendar_key, remote_calendar, mode, policy)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING key",
        )?
        .query_row(
            (&new.tenant, &new.id, &new.connection, calendar, &new.remote_calendar, Word(new.mode), Word(new.policy)),
            |row| row.get(0),
        )?;
    connection
        .prepare_cached(
            "INSERT INTO schedules (replica_key, tenant_key, lease_epoch)
             SELECT ?1, key, epoch_floor FROM tenants WHERE id = ?2",
        )?
        .execute((key, &new.tenant))?;
    queue_all(session, key)?;
    session.made_due = true;
    Ok(())
}

/// Queue every live event of a replica's calendar: it may have to be written there.
fn queue_all(session: &mut Session<'_>, key: i64) -> Stored<()> {
    session
        .connection
        .prepare_cached(
            "INSERT INTO push_queue (replica_key, uid, revision, due_ms, attempts, notify_attendees)
             SELECT r.key, e.uid, e.revision, 0, 0, 0 FROM replicas r JOIN events e ON e.calendar_key = r.calendar_key
              WHERE r.key = ?1 AND e.deleted = 0 ON CONFLICT DO NOTHING",
        )?
        .execute([key])?;
    due_now(session, key)
}

/// Have a replica list everything again. The engine takes a replica without state for a new one, and wipes nothing.
pub(super) fn forget_cursor(session: &mut Session<'_>, key: i64) -> Stored<()> {
    session
        .connection
        .prepare_cached("UPDATE replicas SET state = '', revision = revision + 1 WHERE key = ?1")?
        .execute([key])?;
    due_now(session, key)
}

fn due_now(session: &mut Session<'_>, key: i64) -> Stored<()> {
    session
        .connection
        .prepare_cached("UPDATE schedules SET next_run_ms = 0 WHERE replica_key = ?1 AND paused = 0")?
        .execute([key])?;
    session.made_due = true;
    Ok(())
}

/// Remove a replica with its queue, orphans, channels and failures; its shadows follow in `shadows::purge`. False when
/// there is none. Conflicts stay: they may hold the only copy of what a user wrote.
pub(super) fn remove_replica(session: &Session<'_>, tenant: &str, replica: &str) -> Stored<bool> {
    let connection = session.connection;
    let Some(key) = replica_key(connection, tenant, replica)? else { return Ok(false) };
    connection
        .prepare_cached(
            "UPDATE tenants SET epoch_floor =
               max(epoch_floor, (SELECT lease_epoch FROM schedules WHERE replica_key = ?2)) WHERE id = ?1",
        )?
        .execute((tenant, key))?;
    connection.prepare_cached("DELETE FROM failures WHERE tenant = ?1 AND replica = ?2")?.execute((tenant, replica))?;
    for sql in [
        "DELETE FROM push_queue WHERE replica_key = ?1",
        "DELETE FROM orphans WHERE replica_key = ?1",
        "INSERT INTO removals (replica_key) VALUES (?1)",
        // takes schedule and channels along
        "DELETE FROM replicas WHERE key = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([key])?;
    }
    Ok(true)
}

/// One replica as the guest sees it.
pub(super) fn load(connection: &Connection, tenant: &str, replica: &str) -> Stored<Option<Replica>> {
    Ok(connection
        .prepare_cached(
            "SELECT r.id, r.tenant, n.id, n.provider, n.revoked, n.not_before_ms, n.attempts, c.id, r.remote_calendar,
               r.mode, r.policy, r.state, r.revision, s.wanted, s.lease_epoch
             FROM replicas r JOIN connections n ON n.tenant = r.tenant AND n.id = r.connection
               JOIN calendars c ON c.key = r.calendar_key JOIN schedules s ON s.replica_key = r.key
             WHERE r.tenant = ?1 AND r.id = ?2",
        )?
        .query_row((tenant, replica), |row| {
            Ok(Replica {
                id: row.get(0)?,
                tenant: row.get(1)?,
                connection: Account {
                    id: row.get(2)?,
                    provider: row.get::<_, Word<_>>(3)?.0,
                    revoked: row.get(4)?,
                    not_before_ms: row.get::<_, Unsigned>(5)?.0,
                    attempts: row.get(6)?,
                },
                calendar: row.get(7)?,
                remote_calendar: row.get(8)?,
                mode: row.get::<_, Word<_>>(9)?.0,
                policy: row.get::<_, Word<_>>(10)?.0,
                state: row.get(11)?,
                revision: row.get::<_, Unsigned>(12)?.0,
                wanted: row.get::<_, Unsigned>(13)?.0,
                lease_epoch: row.get::<_, Unsigned>(14)?.0,
            })
        })
        .optional()?)
}

/// Replicas of a calendar.
pub(super) fn of_calendar(connection: &Connection, tenant: &str, calendar: &str) -> Stored<Vec<ReplicaSummary>> {
    let Some(calendar) = calendar_key(connection, tenant, calendar)? else { return Ok(Vec::new()) };
    Ok(connection
        .prepare_cached("SELECT id, mode FROM replicas WHERE calendar_key = ?1 ORDER BY id")?
        .query_map([calendar], |row| Ok(ReplicaSummary { id: row.get(0)?, mode: row.get::<_, Word<_>>(1)?.0 }))?
        .collect::<rusqlite::Result<_>>()?)
}

/// Status of all replicas of a tenant.
pub(super) fn statuses(connection: &Connection, tenant: &str) -> Stored<Vec<ReplicaStatus>> {
    Ok(connection
        .prepare_cached(
            "SELECT r.id, r.connection, n.provider, c.id, r.remote_calendar, r.mode, r.policy, r.health, r.reason,
               r.synced_ms, CASE WHEN s.paused = 1 THEN 9223372036854775807 WHEN s.lease_until_ms > 0 THEN 0
                 ELSE s.next_run_ms END,
               s.wanted, s.served, (SELECT count(*) FROM push_queue q WHERE q.replica_key = r.key), r.live_shadows
             FROM replicas r JOIN connections n ON n.tenant = r.tenant AND n.id = r.connection
               JOIN calendars c ON c.key = r.calendar_key JOIN schedules s ON s.replica_key = r.key
             WHERE r.tenant = ?1 ORDER BY r.id",
        )?
        .query_map([tenant], status_from_row)?
        .collect::<rusqlite::Result<_>>()?)
}

fn status_from_row(row: &Row<'_>) -> rusqlite::Result<ReplicaStatus> {
    Ok(ReplicaStatus {
        id: row.get(0)?,
        connection: row.get(1)?,
        provider: row.get::<_, Word<_>>(2)?.0,
        calendar: row.get(3)?,
        remote_calendar: row.get(4)?,
        mode: row.get::<_, Word<_>>(5)?.0,
        policy: row.get::<_, Word<_>>(6)?.0,
        health: row.get::<_, Word<_>>(7)?.0,
        reason: row.get(8)?,
        synced_ms: row.get::<_, Unsigned>(9)?.0,
        next_run_ms: row.get::<_, Unsigned>(10)?.0,
        wanted: row.get::<_, Unsigned>(11)?.0,
        served: row.get::<_, Unsigned>(12)?.0,
        queued: row.get::<_, Unsigned>(13)?.0,
        events: row.get::<_, Unsigned>(14)?.0,
    })
}

/// Channels of a replica, oldest first.
pub(super) fn channels(connection: &Connection, tenant: &str, replica: &str) -> Stored<Vec<Channel>> {
    let Some(key) = replica_key(connection, tenant, replica)? else { return Ok(Vec::new()) };
    Ok(connection
        .prepare_cached(
            "SELECT id, resource_id, expires_ms, created_ms, superseded FROM channels WHERE replica_key = ?1
             ORDER BY created_ms, key",
        )?
        .query_map([key], |row| {
            Ok(Channel {
                id: row.get(0)?,
                replica: replica.to_owned(),
                resource_id: row.get(1)?,
                expires_ms: row.get::<_, Unsigned>(2)?.0,
                created_ms: row.get::<_, Unsigned>(3)?.0,
                superseded: row.get(4)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?)
}

/// Store a channel. Its id is unique over all replicas and tenants: one of another replica is refused.
pub(super) fn put_channel(session: &Session<'_>, key: i64, channel: &Channel) -> Stored<()> {
    let rows = session
        .connection
        .prepare_cached(
            "INSERT INTO channels (id, replica_key, resource_id, expires_ms, created_ms, superseded)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET resource_id = excluded.resource_id, expires_ms = excluded.expires_ms,
               created_ms = excluded.created_ms, superseded = excluded.superseded
               WHERE replica_key = excluded.replica_key",
        )?
        .execute((
            &channel.id,
            key,
            &channel.resource_id,
            Unsigned(channel.expires_ms),
            Unsigned(channel.created_ms),
            channel.superseded,
        ))?;
    if rows == 0 {
        return Err(StorageError::Refused("the id of the channel is taken".into()));
    }
    Ok(())
}

/// Forget a channel, if it is this tenant's.
pub(super) fn delete_channel(session: &Session<'_>, tenant: &str, id: &str) -> Stored<()> {
    session
        .connection
        .prepare_cached(
            "DELETE FROM channels WHERE id = ?2 AND EXISTS
               (SELECT 1 FROM replicas r WHERE r.key = channels.replica_key AND r.tenant = ?1)",
        )?
        .execute((tenant, id))?;
    Ok(())
}
