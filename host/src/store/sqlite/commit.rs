//! The one write of a guest: check what it expects, then apply its changes in their order.
//!
//! Invariant: runs inside a savepoint that is undone on any error, so a batch is written whole or not at all.

use std::collections::HashMap;

use rusqlite::OptionalExtension;

use super::values::{Unsigned, Word};
use super::writer::Session;
use super::{events, queue, records, replicas, shadows};
use crate::bindings::tandem::calendar::storage::{Batch, Change, ConnectionUpdate, Expectation, ReplicaUpdate};
use crate::bindings::tandem::calendar::types::{Event, StorageError};
use crate::store::{ChangeEntry, Stored};

/// The feed of the tenant while a batch is applied.
struct Feed {
    tenant_key: i64,
    sequence: u64,
}

/// A batch on its way.
struct Applying<'s, 'c> {
    session: &'s mut Session<'c>,
    tenant: &'s str,
    now_ms: u64,
    replicas: HashMap<String, Option<i64>>,
    calendars: HashMap<String, Option<i64>>,
    feed: Option<Feed>,
    /// Change of the number of live shadows, by replica key.
    live: HashMap<i64, i64>,
}

/// Write a batch.
pub(super) fn apply(session: &mut Session<'_>, tenant: &str, batch: &Batch, now_ms: u64) -> Stored<()> {
    let mut applying = Applying {
        session,
        tenant,
        now_ms,
        replicas: HashMap::new(),
        calendars: HashMap::new(),
        feed: None,
        live: HashMap::new(),
    };
    for expectation in &batch.expectations {
        applying.check(expectation)?;
    }
    for change in &batch.changes {
        applying.change(change)?;
    }
    applying.finish()
}

impl Applying<'_, '_> {
    fn check(&self, expectation: &Expectation) -> Stored<()> {
        let connection = self.session.connection;
        match expectation {
            Expectation::Replica((replica, revision)) => {
                let found: Option<Unsigned> = connection
                    .prepare_cached("SELECT revision FROM replicas WHERE tenant = ?1 AND id = ?2")?
                    .query_row((self.tenant, replica), |row| row.get(0))
                    .optional()?;
                expect(found == Some(Unsigned(*revision)), StorageError::Stale)
            }
            Expectation::Lease((_, 0)) => Ok(()),
            Expectation::Lease((replica, epoch)) => {
                let held = connection
                    .prepare_cached(
                        "SELECT 1 FROM replicas r JOIN schedules s ON s.replica_key = r.key
                         WHERE r.tenant = ?1 AND r.id = ?2 AND s.lease_epoch = ?3 AND s.lease_until_ms > ?4",
                    )?
                    .exists((self.tenant, replica, Unsigned(*epoch), Unsigned(self.now_ms)))?;
                expect(held, StorageError::LeaseLost)
            }
            Expectation::Event((calendar, uid, revision)) => {
                let found = match replicas::calendar_key(connection, self.tenant, calendar)? {
                    Some(calendar) => events::revision(connection, calendar, uid)?,
                    None => 0,
                };
                expect(found == *revision, StorageError::Stale)
            }
            Expectation::ConflictOpen(conflict) => {
                expect(records::conflict_is_open(connection, self.tenant, conflict)?, StorageError::Stale)
            }
        }
    }

    fn change(&mut self, change: &Change) -> Stored<()> {
        match change {
            Change::PutReplica(update) => self.put_replica(update),
            Change::PutConnection(update) => self.put_connection(update),
            Change::PutEvent((calendar, event)) => self.put_event(calendar, event),
            Change::PutShadow((replica, shadow)) => {
                let key = self.replica(replica)?.ok_or_else(no_replica)?;
                let more = shadows::put(self.session, key, shadow)?;
                *self.live.entry(key).or_default() += more;
                Ok(())
            }
            Change::PutOrphan((replica, orphan)) => {
                let key = self.replica(replica)?.ok_or_else(no_replica)?;
                queue::put_orphan(self.session, key, orphan)
            }
            Change::PutChannel(channel) => {
                let key = self.replica(&channel.replica)?.ok_or_else(no_replica)?;
                replicas::put_channel(self.session, key, channel)
            }
            Change::DeleteChannel(channel) => replicas::delete_channel(self.session, self.tenant, channel),
            Change::PutConflict(conflict) => records::put_conflict(self.session, self.tenant, conflict),
            Change::PutFailure(failure) => records::put_failure(self.session, self.tenant, failure),
            Change::DeleteFailure(failure) => records::delete_failure(self.session, self.tenant, failure).map(drop),
            other => self.change_if_there(other),
        }
    }

    /// Changes that mean nothing once their replica is removed: an edit that raced with the removal is not refused for
    /// the sake of a queue that is gone.
    fn change_if_there(&mut self, change: &Change) -> Stored<()> {
        let (Change::TouchShadow((replica, ..))
        | Change::DeleteShadow((replica, _))
        | Change::Dequeue((replica, ..))
        | Change::DeleteOrphans((replica, _))
        | Change::Want(replica)) = change
        else {
            let (Change::Enqueue(entry) | Change::Postpone(entry)) = change else { return Ok(()) };
            let Some(key) = self.replica(&entry.replica)? else { return Ok(()) };
            return match change {
                Change::Enqueue(_) => queue::enqueue(self.session, key, entry, self.now_ms),
                _ => queue::postpone(self.session, key, entry),
            };
        };
        let Some(key) = self.replica(replica)? else { return Ok(()) };
        match change {
            Change::TouchShadow((_, uid, generation, etag)) => {
                shadows::touch(self.session, key, uid, *generation, etag)
            }
            Change::DeleteShadow((_, uid)) => {
                let fewer = shadows::delete(self.session, key, uid)?;
                *self.live.entry(key).or_default() += fewer;
                Ok(())
            }
            Change::Dequeue((_, uid, revision)) => queue::dequeue(self.session, key, uid, *revision),
            Change::DeleteOrphans((_, master)) => queue::delete_orphans(self.session, key, master),
            _ => Ok(super::marks::want(self.session, key, 1, self.now_ms)?),
        }
    }

    fn put_replica(&self, update: &ReplicaUpdate) -> Stored<()> {
        let rows = self
            .session
            .connection
            .prepare_cached(
                "UPDATE replicas SET state = ?3, health = ?4, reason = ?5, synced_ms = ?6, revision = revision + 1
                 WHERE tenant = ?1 AND id = ?2",
            )?
            .execute((
                self.tenant,
                &update.id,
                &update.state,
                Word(update.health),
                &update.reason,
                Unsigned(update.synced_ms),
            ))?;
        expect(rows == 1, StorageError::Stale)
    }

    fn put_connection(&self, update: &ConnectionUpdate) -> Stored<()> {
        let rows = self
            .session
            .connection
            .prepare_cached(
                "UPDATE connections SET revoked = ?3, not_before_ms = ?4, attempts = ?5 WHERE tenant = ?1 AND id = ?2",
            )?
            .execute((self.tenant, &update.id, update.revoked, Unsigned(update.not_before_ms), update.attempts))?;
        expect(rows == 1, StorageError::Refused("there is no such connection".into()))
    }

    fn put_event(&mut self, calendar: &str, event: &Event) -> Stored<()> {
        let calendar_key =
            self.calendar(calendar)?.ok_or_else(|| StorageError::Refused("there is no such calendar".into()))?;
        events::put(self.session, calendar_key, event)?;
        let now_ms = self.now_ms;
        let feed = self.feed()?;
        feed.sequence += 1;
        let tenant_key = feed.tenant_key;
        let entry = ChangeEntry {
            sequence: feed.sequence,
            calendar: String::new(), // stored as its key
            uid: event.uid.clone(),
            revision: event.revision,
            deleted: event.deleted,
            at_ms: now_ms,
        };
        records::append(self.session, tenant_key, calendar_key, &entry)
    }

    fn feed(&mut self) -> Stored<&mut Feed> {
        let feed = match self.feed.take() {
            Some(feed) => feed,
            None => self
                .session
                .connection
                .prepare_cached("SELECT key, feed_sequence FROM tenants WHERE id = ?1")?
                .query_row([self.tenant], |row| {
                    Ok(Feed { tenant_key: row.get(0)?, sequence: row.get::<_, Unsigned>(1)?.0 })
                })?,
        };
        Ok(self.feed.insert(feed))
    }

    /// Write what was collected.
    fn finish(self) -> Stored<()> {
        let connection = self.session.connection;
        if let Some(feed) = self.feed {
            connection
                .prepare_cached("UPDATE tenants SET feed_sequence = ?2 WHERE key = ?1")?
                .execute((feed.tenant_key, Unsigned(feed.sequence)))?;
        }
        for (key, more) in self.live {
            if more != 0 {
                connection
                    .prepare_cached("UPDATE replicas SET live_shadows = live_shadows + ?2 WHERE key = ?1")?
                    .execute((key, more))?;
            }
        }
        Ok(())
    }

    fn replica(&mut self, replica: &str) -> Stored<Option<i64>> {
        if let Some(key) = self.replicas.get(replica) {
            return Ok(*key);
        }
        let key = replicas::replica_key(self.session.connection, self.tenant, replica)?;
        self.replicas.insert(replica.to_owned(), key);
        Ok(key)
    }

    fn calendar(&mut self, calendar: &str) -> Stored<Option<i64>> {
        if let Some(key) = self.calendars.get(calendar) {
            return Ok(*key);
        }
        let key = replicas::calendar_key(self.session.connection, self.tenant, calendar)?;
        self.calendars.insert(calendar.to_owned(), key);
        Ok(key)
    }
}

fn expect(holds: bool, otherwise: StorageError) -> Stored<()> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn no_replica() -> StorageError {
    StorageError::Refused("there is no such replica".into())
}
