//! The run queue: who may step which replica, until when, and when next.
//!
//! Invariants: a replica is leased to one worker at a time and each lease has a higher epoch than all before; a
//! tenant with many due replicas does not hold up the others.
//!
//! While a replica is leased, `next_run_ms` collects when the entries queued meanwhile are due ("never" at first), so
//! that the release knows about them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::{Connection, OptionalExtension};

use super::values::{NEVER, Unsigned};
use super::writer::Session;
use crate::store::{Claim, Release, Stored};

/// Due replicas that a claim looks at before it looks tenant by tenant.
const WINDOW: u32 = 256;

/// Make a replica run at `at_ms` if it would run later. A paused one stays paused.
pub(super) fn touch(session: &mut Session<'_>, replica_key: i64, at_ms: u64) -> rusqlite::Result<()> {
    let touched = session
        .connection
        .prepare_cached(
            "UPDATE schedules SET next_run_ms = ?2 WHERE replica_key = ?1 AND paused = 0 AND next_run_ms > ?2",
        )?
        .execute((replica_key, Unsigned(at_ms)))?;
    session.made_due |= touched > 0;
    Ok(())
}

/// Claim due replicas. `turn` is the tenant that was served last: the next one comes first.
pub(super) fn claim(
    session: &Session<'_>,
    worker: &str,
    now_ms: u64,
    lease_ms: u64,
    limit: u32,
    turn: &AtomicI64,
) -> Stored<Vec<Claim>> {
    let connection = session.connection;
    let last = turn.load(Ordering::Relaxed);
    let mut waiting: Vec<(i64, VecDeque<i64>)> = Vec::new();
    for tenant in due_tenants(connection, now_ms, limit, last)? {
        waiting.push((tenant, due_of_tenant(connection, tenant, now_ms, limit)?));
    }
    let limit = limit as usize;
    let mut claims = Vec::new();
    let until_ms = now_ms.saturating_add(lease_ms);
    // Round robin: one replica a tenant and round.
    while claims.len() < limit && waiting.iter().any(|(_, replicas)| !replicas.is_empty()) {
        for (tenant, replicas) in &mut waiting {
            let Some(replica) = replicas.pop_front().filter(|_| claims.len() < limit) else { continue };
            claims.extend(lease(connection, replica, worker, now_ms, until_ms)?);
            turn.store(*tenant, Ordering::Relaxed);
        }
    }
    Ok(claims)
}

/// Tenants with due replicas, beginning after `last`. When few replicas are due, they are all looked at; when many
/// are, tenants are walked by their keys instead, so that the cost does not grow with the backlog.
fn due_tenants(connection: &Connection, now_ms: u64, limit: u32, last: i64) -> rusqlite::Result<Vec<i64>> {
    let mut few = connection.prepare_cached("SELECT tenant_key FROM schedules WHERE due_ms <= ?1 LIMIT ?2")?;
    let due: Vec<i64> =
        few.query_map((Unsigned(now_ms), WINDOW), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    if due.len() < WINDOW as usize {
        let tenants: BTreeMap<(bool, i64), ()> = due.into_iter().map(|key| ((key <= last, key), ())).collect();
        return Ok(tenants.into_keys().map(|(_, key)| key).collect());
    }
    let mut walk = connection.prepare_cached(
        "SELECT t.key FROM tenants t WHERE t.key > ?2 AND t.key <= ?3
           AND EXISTS (SELECT 1 FROM schedules s WHERE s.tenant_key = t.key AND s.due_ms <= ?1)
         ORDER BY t.key LIMIT ?4",
    )?;
    let mut tenants = Vec::new();
    for (above, to) in [(last, NEVER), (0, last)] {
        let rows = walk.query_map((Unsigned(now_ms), above, to, limit), |row| row.get(0))?;
        for row in rows {
            tenants.push(row?);
        }
    }
    tenants.truncate(limit as usize);
    Ok(tenants)
}

fn due_of_tenant(connection: &Connection, tenant_key: i64, now_ms: u64, limit: u32) -> rusqlite::Result<VecDeque<i64>> {
    connection
        .prepare_cached(
            "SELECT replica_key FROM schedules WHERE tenant_key = ?1 AND due_ms <= ?2 ORDER BY due_ms LIMIT ?3",
        )?
        .query_map((tenant_key, Unsigned(now_ms), limit), |row| row.get(0))?
        .collect()
}

fn lease(
    connection: &Connection,
    replica_key: i64,
    worker: &str,
    now_ms: u64,
    until_ms: u64,
) -> rusqlite::Result<Option<Claim>> {
    let leased = connection
        .prepare_cached(
            "UPDATE schedules SET lease_epoch = lease_epoch + 1, lease_until_ms = ?3, lease_worker = ?4,
               next_run_ms = ?5
             WHERE replica_key = ?1 AND due_ms <= ?2 RETURNING lease_epoch, wanted, step_attempts",
        )?
        .query_row((replica_key, Unsigned(now_ms), Unsigned(until_ms), worker, NEVER), |row| {
            Ok((row.get::<_, Unsigned>(0)?, row.get::<_, Unsigned>(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((epoch, wanted, step_attempts)) = leased else { return Ok(None) };
    let (tenant, replica) = connection
        .prepare_cached("SELECT tenant, id FROM replicas WHERE key = ?1")?
        .query_row([replica_key], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Some(Claim { tenant, replica, lease_epoch: epoch.0, wanted: wanted.0, step_attempts }))
}

/// The row of `schedules` of a claim that still holds its lease.
const HELD: &str = "replica_key = (SELECT key FROM replicas WHERE tenant = ?1 AND id = ?2)
    AND lease_epoch = ?3 AND lease_until_ms > 0";

/// Prolong a lease. One that ended but that nobody took since is still ours.
pub(super) fn renew(session: &Session<'_>, claim: &Claim, until_ms: u64) -> Stored<bool> {
    let rows = session
        .connection
        .prepare_cached(&format!("UPDATE schedules SET lease_until_ms = ?4 WHERE {HELD}"))?
        .execute((&claim.tenant, &claim.replica, Unsigned(claim.lease_epoch), Unsigned(until_ms)))?;
    Ok(rows > 0)
}

/// End a lease.
pub(super) fn release(session: &mut Session<'_>, claim: &Claim, release: &Release, now_ms: u64) -> Stored<()> {
    let connection = session.connection;
    let held = connection
        .prepare_cached(&format!("SELECT replica_key, wanted, next_run_ms FROM schedules WHERE {HELD}"))?
        .query_row((&claim.tenant, &claim.replica, Unsigned(claim.lease_epoch)), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Unsigned>(1)?.0, row.get::<_, Unsigned>(2)?.0))
        })
        .optional()?;
    let Some((replica_key, wanted, touched_ms)) = held else { return Ok(()) };
    let mut next_ms = release.next_run_ms;
    if wanted > claim.wanted {
        next_ms = next_ms.min(now_ms);
    } else if touched_ms < u64::MAX
        && let Some(queued_ms) = super::queue::earliest(connection, replica_key)?
    {
        // Something was queued during the lease and something is still there (the step may have pushed it already).
        next_ms = next_ms.min(queued_ms.max(touched_ms));
    }
    connection
        .prepare_cached(
            "UPDATE schedules SET lease_until_ms = 0, lease_worker = '', next_run_ms = ?2, paused = ?3,
               step_attempts = ?4, served = CASE WHEN ?5 THEN max(served, ?6) ELSE served END
             WHERE replica_key = ?1",
        )?
        .execute((
            replica_key,
            Unsigned(next_ms),
            release.paused,
            release.step_attempts,
            release.served,
            Unsigned(claim.wanted),
        ))?;
    session.made_due |= !release.paused;
    Ok(())
}

/// When the earliest replica becomes due.
pub(super) fn next_due(connection: &Connection) -> Stored<Option<u64>> {
    let due: Option<Unsigned> = connection
        .prepare_cached("SELECT min(due_ms) FROM schedules WHERE due_ms IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    Ok(due.map(|due| due.0).filter(|due| *due < u64::MAX))
}

/// Make a replica due now, paused or not.
pub(super) fn resume(session: &mut Session<'_>, tenant: &str, replica: &str, now_ms: u64) -> Stored<bool> {
    let Some(replica_key) = super::replicas::replica_key(session.connection, tenant, replica)? else {
        return Ok(false);
    };
    session
        .connection
        .prepare_cached("UPDATE schedules SET paused = 0 WHERE replica_key = ?1")?
        .execute([replica_key])?;
    super::marks::want(session, replica_key, 1, now_ms)?;
    session.made_due = true;
    Ok(true)
}
