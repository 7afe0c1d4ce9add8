//! Events of a calendar, by uid and by window.
//!
//! A window `[from, to)` holds what starts before `to` and ends after `from`: two open ranges, and an index serves only
//! one. So each event has a *span class*, the smallest power of four days that its length fits in. Inside a class a
//! start can be at most one span before `from`, which makes the window one closed range of the index
//! (calendar, span, start). Nine ranges are read and merged; what a range shows in vain is of the same density as what
//! it finds. Invariant: the cost of a window does not grow with what lies far outside of it.

use rusqlite::{Connection, OptionalExtension, Row};

use super::replicas::calendar_key;
use super::values::Unsigned;
use super::writer::Session;
use crate::bindings::tandem::calendar::types::Event;
use crate::store::Stored;

const DAY_MS: u64 = 86_400_000;

/// The longest length in each class, in milliseconds; the last class takes all longer ones and has no bound.
const SPANS_MS: [u64; 8] =
    [DAY_MS, 4 * DAY_MS, 16 * DAY_MS, 64 * DAY_MS, 256 * DAY_MS, 1_024 * DAY_MS, 4_096 * DAY_MS, 16_384 * DAY_MS];

/// The class of an event.
fn span(event: &Event) -> usize {
    let length_ms = event.end_ms.saturating_sub(event.start_ms);
    SPANS_MS.iter().position(|longest| length_ms <= *longest).unwrap_or(SPANS_MS.len())
}

const COLUMNS: &str = "uid, revision, deleted, start_ms, end_ms, recurring, updated_ms, document";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        uid: row.get(0)?,
        revision: row.get::<_, Unsigned>(1)?.0,
        deleted: row.get(2)?,
        start_ms: row.get::<_, Unsigned>(3)?.0,
        end_ms: row.get::<_, Unsigned>(4)?.0,
        recurring: row.get(5)?,
        updated_ms: row.get::<_, Unsigned>(6)?.0,
        document: row.get(7)?,
    })
}

/// Store an event.
pub(super) fn put(session: &Session<'_>, calendar: i64, event: &Event) -> Stored<()> {
    session
        .connection
        .prepare_cached(
            "INSERT INTO events (calendar_key, uid, revision, deleted, start_ms, end_ms, span, recurring, updated_ms,
               document) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (calendar_key, uid) DO UPDATE SET revision = excluded.revision, deleted = excluded.deleted,
               start_ms = excluded.start_ms, end_ms = excluded.end_ms, span = excluded.span,
               recurring = excluded.recurring, updated_ms = excluded.updated_ms, document = excluded.document",
        )?
        .execute((
            calendar,
            &event.uid,
            Unsigned(event.revision),
            event.deleted,
            Unsigned(event.start_ms),
            Unsigned(event.end_ms),
            Unsigned(span(event) as u64),
            event.recurring,
            Unsigned(event.updated_ms),
            &event.document,
        ))?;
    Ok(())
}

/// The revision of an event; 0 when it never existed.
pub(super) fn revision(connection: &Connection, calendar: i64, uid: &str) -> rusqlite::Result<u64> {
    let revision: Option<Unsigned> = connection
        .prepare_cached("SELECT revision FROM events WHERE calendar_key = ?1 AND uid = ?2")?
        .query_row((calendar, uid), |row| row.get(0))
        .optional()?;
    Ok(revision.map_or(0, |revision| revision.0))
}

/// Events by uid, in the order asked. One look-up a uid: inside one process that is as fast as any join.
pub(super) fn by_uid(
    connection: &Connection,
    tenant: &str,
    calendar: &str,
    uids: &[String],
) -> Stored<Vec<Option<Event>>> {
    let Some(calendar) = calendar_key(connection, tenant, calendar)? else { return Ok(vec![None; uids.len()]) };
    let mut one =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE calendar_key = ?1 AND uid = ?2"))?;
    let mut found = Vec::with_capacity(uids.len());
    for uid in uids {
        found.push(one.query_row((calendar, uid), from_row).optional()?);
    }
    Ok(found)
}

/// Live events by uid, after a uid.
pub(super) fn list(
    connection: &Connection,
    tenant: &str,
    calendar: &str,
    after: Option<&str>,
    limit: u32,
) -> Stored<Vec<Event>> {
    let Some(calendar) = calendar_key(connection, tenant, calendar)? else { return Ok(Vec::new()) };
    let events = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM events WHERE calendar_key = ?1 AND uid > ?2 AND deleted = 0 ORDER BY uid LIMIT ?3"
        ))?
        .query_map((calendar, after.unwrap_or_default(), limit), from_row)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(events)
}

/// A window of a calendar.
pub(super) struct Window {
    /// Its first moment.
    pub(super) from_ms: u64,
    /// The first moment after it.
    pub(super) to_ms: u64,
    /// Only events after this (start, uid).
    pub(super) after: Option<(u64, String)>,
    /// At most so many.
    pub(super) limit: u32,
}

/// Live events of a window, ordered by (start, uid).
pub(super) fn between(connection: &Connection, tenant: &str, calendar: &str, window: &Window) -> Stored<Vec<Event>> {
    let Some(calendar) = calendar_key(connection, tenant, calendar)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for class in 0..=SPANS_MS.len() {
        of_class(connection, calendar, class, window, &mut found)?;
    }
    found.sort_unstable();
    found.truncate(window.limit as usize);
    let mut one = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE key = ?1"))?;
    let mut events = Vec::with_capacity(found.len());
    for (_, _, key) in found {
        events.push(one.query_row([key], from_row)?);
    }
    Ok(events)
}

/// The window's events of one span class, as (start, uid, key).
fn of_class(
    connection: &Connection,
    calendar: i64,
    class: usize,
    window: &Window,
    found: &mut Vec<(i64, String, i64)>,
) -> Stored<()> {
    let reach_ms = SPANS_MS.get(class).copied().unwrap_or(u64::MAX);
    let (after_ms, after_uid) = match &window.after {
        Some((start_ms, uid)) => (Unsigned(*start_ms).stored(), uid.as_str()),
        None => (-1, ""),
    };
    let earliest = Unsigned(window.from_ms.saturating_sub(reach_ms)).stored().max(after_ms);
    let mut statement = connection.prepare_cached(
        "SELECT start_ms, uid, key FROM events
         WHERE calendar_key = ?1 AND span = ?2 AND deleted = 0 AND start_ms >= ?3 AND start_ms < ?4
           AND (end_ms > ?5 OR (end_ms = start_ms AND start_ms >= ?5))
           AND (start_ms > ?6 OR (start_ms = ?6 AND uid > ?7))
         ORDER BY start_ms, uid LIMIT ?8",
    )?;
    let rows = statement.query_map(
        (
            calendar,
            Unsigned(class as u64),
            earliest,
            Unsigned(window.to_ms),
            Unsigned(window.from_ms),
            after_ms,
            after_uid,
            window.limit,
        ),
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    for row in rows {
        found.push(row?);
    }
    Ok(())
}
