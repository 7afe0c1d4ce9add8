//! Shadows of a replica.
//!
//! Invariant: `replicas.live_shadows` is the number of shadows that are not gone: whoever writes one tells by how much
//! the number changed.

use rusqlite::{Connection, OptionalExtension, Row};

use super::replicas::replica_key;
use super::values::Unsigned;
use super::writer::Session;
use crate::bindings::tandem::calendar::storage::ShadowCount;
use crate::bindings::tandem::calendar::types::Shadow;
use crate::store::Stored;

const COLUMNS: &str = "uid, remote_id, etag, revision, generation, gone, remote, local, notes";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Shadow> {
    Ok(Shadow {
        uid: row.get(0)?,
        remote_id: row.get(1)?,
        etag: row.get(2)?,
        revision: row.get::<_, Unsigned>(3)?.0,
        generation: row.get::<_, Unsigned>(4)?.0,
        gone: row.get(5)?,
        remote: row.get(6)?,
        local: row.get(7)?,
        notes: row.get(8)?,
    })
}

/// Store a shadow; gives the change of the number of live ones.
pub(super) fn put(session: &Session<'_>, replica: i64, shadow: &Shadow) -> Stored<i64> {
    let found: Option<(i64, bool)> = session
        .connection
        .prepare_cached("SELECT key, gone FROM shadows WHERE replica_key = ?1 AND uid = ?2")?
        .query_row((replica, &shadow.uid), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let sql = if found.is_some() {
        "UPDATE shadows SET remote_id = ?3, etag = ?4, revision = ?5, generation = ?6, gone = ?7, remote = ?8,
           local = ?9, notes = ?10 WHERE key = ?1 AND uid = ?2"
    } else {
        "INSERT INTO shadows (replica_key, uid, remote_id, etag, revision, generation, gone, remote, local, notes)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    };
    session.connection.prepare_cached(sql)?.execute((
        found.map_or(replica, |(key, _)| key),
        &shadow.uid,
        &shadow.remote_id,
        &shadow.etag,
        Unsigned(shadow.revision),
        Unsigned(shadow.generation),
        shadow.gone,
        &shadow.remote,
        &shadow.local,
        &shadow.notes,
    ))?;
    let was_live = found.is_some_and(|(_, gone)| !gone);
    Ok(i64::from(!shadow.gone) - i64::from(was_live))
}

/// Store generation and etag only.
pub(super) fn touch(session: &Session<'_>, replica: i64, uid: &str, generation: u64, etag: &str) -> Stored<()> {
    session
        .connection
        .prepare_cached("UPDATE shadows SET generation = ?3, etag = ?4 WHERE replica_key = ?1 AND uid = ?2")?
        .execute((replica, uid, Unsigned(generation), etag))?;
    Ok(())
}

/// Remove a shadow; gives the change of the number of live ones.
pub(super) fn delete(session: &Session<'_>, replica: i64, uid: &str) -> Stored<i64> {
    let gone: Option<bool> = session
        .connection
        .prepare_cached("DELETE FROM shadows WHERE replica_key = ?1 AND uid = ?2 RETURNING gone")?
        .query_row((replica, uid), |row| row.get(0))
        .optional()?;
    Ok(if gone == Some(false) { -1 } else { 0 })
}

/// Shadows by uid, in the order asked.
pub(super) fn by_uid(
    connection: &Connection,
    tenant: &str,
    replica: &str,
    uids: &[String],
) -> Stored<Vec<Option<Shadow>>> {
    look_up(connection, tenant, replica, "uid = ?2", uids)
}

/// Shadows by remote id, in the order asked.
pub(super) fn by_remote(
    connection: &Connection,
    tenant: &str,
    replica: &str,
    remote_ids: &[String],
) -> Stored<Vec<Option<Shadow>>> {
    look_up(connection, tenant, replica, "remote_id = ?2 AND remote_id <> ''", remote_ids)
}

fn look_up(
    connection: &Connection,
    tenant: &str,
    replica: &str,
    condition: &str,
    names: &[String],
) -> Stored<Vec<Option<Shadow>>> {
    let Some(key) = replica_key(connection, tenant, replica)? else { return Ok(vec![None; names.len()]) };
    let mut one =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM shadows WHERE replica_key = ?1 AND {condition}"))?;
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        found.push(one.query_row((key, name), from_row).optional()?);
    }
    Ok(found)
}

/// As many unseen shadows are sorted in one go; more are found by walking the replica in the order of uids.
const FEW: u32 = 10_000;

/// Live shadows below a generation, by uid, after a uid. Few among many are found by their generation and sorted; when
/// they are many, walking by uid soon fills a page.
pub(super) fn unseen(
    connection: &Connection,
    tenant: &str,
    replica: &str,
    generation: u64,
    after: Option<&str>,
    limit: u32,
) -> Stored<Vec<Shadow>> {
    let Some(key) = replica_key(connection, tenant, replica)? else { return Ok(Vec::new()) };
    let below = Unsigned(generation);
    let some: u32 = connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM shadows INDEXED BY shadows_generation
               WHERE replica_key = ?1 AND gone = 0 AND generation < ?2 LIMIT ?3)",
        )?
        .query_row((key, below, FEW + 1), |row| row.get(0))?;
    let index = if some <= FEW { "shadows_generation" } else { "shadows_uid" };
    let shadows = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM shadows INDEXED BY {index}
             WHERE replica_key = ?1 AND uid > ?2 AND gone = 0 AND generation < ?3 ORDER BY uid LIMIT ?4"
        ))?
        .query_map((key, after.unwrap_or_default(), below, limit), from_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(shadows)
}

/// Live and unseen shadows.
pub(super) fn count(connection: &Connection, tenant: &str, replica: &str, generation: u64) -> Stored<ShadowCount> {
    let Some(key) = replica_key(connection, tenant, replica)? else {
        return Ok(ShadowCount { live: 0, unseen: 0 });
    };
    let live: Unsigned = connection
        .prepare_cached("SELECT live_shadows FROM replicas WHERE key = ?1")?
        .query_row([key], |row| row.get(0))?;
    let unseen: Unsigned = connection
        .prepare_cached(
            "SELECT count(*) FROM shadows INDEXED BY shadows_generation
             WHERE replica_key = ?1 AND gone = 0 AND generation < ?2",
        )?
        .query_row((key, Unsigned(generation)), |row| row.get(0))?;
    Ok(ShadowCount { live: live.0, unseen: unseen.0 })
}

/// Delete some shadows of removed replicas; true when there are more.
pub(super) fn purge(session: &Session<'_>, limit: u32) -> Stored<bool> {
    let removed: Option<i64> = session
        .connection
        .prepare_cached("SELECT replica_key FROM removals LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let Some(key) = removed else { return Ok(false) };
    let rows = session
        .connection
        .prepare_cached(
            "DELETE FROM shadows WHERE key IN (SELECT key FROM shadows WHERE replica_key = ?1 ORDER BY uid LIMIT ?2)",
        )?
        .execute((key, limit))?;
    if rows < limit as usize {
        session.connection.prepare_cached("DELETE FROM removals WHERE replica_key = ?1")?.execute([key])?;
    }
    Ok(true)
}
