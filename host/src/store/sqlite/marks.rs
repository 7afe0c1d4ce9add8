//! Webhook marks: many at once, one look-up a channel, one update a replica.
//!
//! Invariant: when a mark is answered, its replica's `wanted` is durable.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::schedule::touch;
use super::writer::Session;
use crate::bindings::tandem::calendar::types::StorageError;
use crate::store::{Mark, MarkOutcome, Stored};

/// Marks of one call.
pub(super) struct MarksJob {
    pub(super) marks: Vec<Mark>,
    pub(super) now_ms: u64,
    pub(super) answer: oneshot::Sender<Stored<Vec<MarkOutcome>>>,
}

/// A channel's replica: its key, tenant and id.
type Known = Option<(i64, String, String)>;

/// Note all marks of a group; gives whether it succeeded and how to answer.
pub(super) fn note_all(session: &mut Session<'_>, jobs: Vec<MarksJob>) -> (bool, Box<dyn FnOnce(bool) + Send>) {
    let outcomes: Stored<Vec<Vec<MarkOutcome>>> = note(session, &jobs).map_err(StorageError::from);
    let succeeded = outcomes.is_ok();
    let answer = move |committed: bool| {
        let outcomes = if committed { outcomes } else { Err(StorageError::Unavailable) };
        match outcomes {
            Ok(outcomes) => {
                for (job, outcome) in jobs.into_iter().zip(outcomes) {
                    let _ = job.answer.send(Ok(outcome));
                }
            }
            Err(error) => {
                for job in jobs {
                    let _ = job.answer.send(Err(error.clone()));
                }
            }
        }
    };
    (succeeded, Box::new(answer))
}

fn note(session: &mut Session<'_>, jobs: &[MarksJob]) -> rusqlite::Result<Vec<Vec<MarkOutcome>>> {
    let mut channels: HashMap<&str, Known> = HashMap::new();
    // replica key -> (marks, the latest time)
    let mut wanted: HashMap<i64, (i64, u64)> = HashMap::new();
    let mut delivered = session.connection.prepare_cached(
        "INSERT INTO deliveries (channel_hash, message_number, at_ms) VALUES (?1, ?2, ?3)
            ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms, times = times + 1",
    )?;
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in jobs {
        let mut of_job = Vec::with_capacity(job.marks.len());
        for mark in &job.marks {
            if !channels.contains_key(mark.channel.as_str()) {
                channels.insert(&mark.channel, look_up(session, &mark.channel)?);
            }
            let known = channels.get(mark.channel.as_str()).and_then(Option::as_ref);
            let Some((key, ..)) = known.filter(|(_, tenant, id)| *tenant == mark.tenant && *id == mark.replica) else {
                of_job.push(MarkOutcome::Unknown);
                continue;
            };
            let entry = wanted.entry(*key).or_default();
            *entry = (entry.0 + 1, entry.1.max(job.now_ms));
            let at_ms = super::values::Unsigned(job.now_ms);
            delivered.execute((hash(&mark.channel), mark.message_number.cast_signed(), at_ms))?;
            of_job.push(MarkOutcome::Marked);
        }
        outcomes.push(of_job);
    }
    for (key, (count, now_ms)) in wanted {
        want(session, key, count, now_ms)?;
    }
    Ok(outcomes)
}

/// Add to a replica's `wanted` and make it due.
pub(super) fn want(session: &mut Session<'_>, replica_key: i64, count: i64, now_ms: u64) -> rusqlite::Result<()> {
    session
        .connection
        .prepare_cached("UPDATE schedules SET wanted = wanted + ?2 WHERE replica_key = ?1")?
        .execute((replica_key, count))?;
    touch(session, replica_key, now_ms)
}

fn look_up(session: &Session<'_>, channel: &str) -> rusqlite::Result<Known> {
    use rusqlite::OptionalExtension;
    session
        .connection
        .prepare_cached(
            "SELECT r.key, r.tenant, r.id FROM channels c JOIN replicas r ON r.key = c.replica_key WHERE c.id = ?1",
        )?
        .query_row([channel], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
}

/// See the table `deliveries`.
fn hash(channel: &str) -> i64 {
    let digest = Sha256::digest(channel.as_bytes());
    digest.first_chunk::<8>().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

/// Delete at most `limit` deliveries before a time; tells how many.
pub(super) fn prune(session: &Session<'_>, before_ms: u64, limit: u32) -> Stored<u64> {
    let rows = session
        .connection
        .prepare_cached(
            "DELETE FROM deliveries WHERE (channel_hash, message_number) IN
               (SELECT channel_hash, message_number FROM deliveries WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)",
        )?
        .execute((super::values::Unsigned(before_ms), limit))?;
    Ok(rows as u64)
}
