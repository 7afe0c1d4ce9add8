//! Deciding a conflict, or undoing a decision, by hand.

use crate::effects::{Batch, Change, ConflictRow, Effects, EventRow, Expectation, PushEntry, StorageError};
use crate::event::Document;
use crate::recurrence;
use crate::time::Zones;

/// What to make of a conflict. See `wit/conflicts.wit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Leave the outcome.
    KeepOutcome,
    /// Back to the local document.
    UseLocal,
    /// Take the remote document.
    UseRemote,
}

/// Why it was not resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No such conflict.
    #[error("no such conflict")]
    NotFound,
    /// The event was changed meanwhile.
    #[error("the event was changed since the conflict was recorded")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Decide a conflict; works on closed ones too.
///
/// # Errors
/// See [`ResolveError`]; nothing was changed.
pub fn resolve<F: Effects>(
    fx: &mut F,
    zones: &dyn Zones,
    conflict: &str,
    choice: Choice,
    decided_by: &str,
) -> Result<(), ResolveError> {
    let conflict = fx.load_conflict(conflict)?.ok_or(ResolveError::NotFound)?;
    let replica = fx.load_replica(&conflict.replica)?.ok_or(ResolveError::NotFound)?;
    let wanted = match choice {
        Choice::KeepOutcome => &conflict.outcome,
        Choice::UseLocal => &conflict.local,
        Choice::UseRemote => &conflict.remote,
    };
    let mut batch = Batch::default();
    if *wanted != conflict.outcome {
        let event = fx.events(&replica.calendar, vec![conflict.uid.clone()])?.into_iter().flatten().next();
        let event = event.ok_or(ResolveError::NotFound)?;
        let now = (!event.deleted).then(|| event.document.clone());
        if now != conflict.outcome {
            return Err(ResolveError::Stale);
        }
        let row = replaced(&event, wanted.as_deref(), fx.now_ms(), zones);
        batch.expectations.push(Expectation::Event(replica.calendar.clone(), event.uid.clone(), event.revision));
        for other in fx.calendar_replicas(&replica.calendar)? {
            batch.changes.push(Change::Enqueue(PushEntry {
                replica: other.id,
                uid: row.uid.clone(),
                revision: row.revision,
                due_ms: fx.now_ms(),
                attempts: 0,
                notify_attendees: false,
            }));
        }
        batch.changes.insert(0, Change::PutEvent(replica.calendar, row));
    }
    let decided = ConflictRow { outcome: wanted.clone(), decided_by: decided_by.to_owned(), open: false, ..conflict };
    batch.changes.push(Change::PutConflict(decided));
    match fx.commit(batch) {
        Err(StorageError::Stale) => Err(ResolveError::Stale),
        other => Ok(other?),
    }
}

fn replaced(event: &EventRow, document: Option<&str>, now_ms: u64, zones: &dyn Zones) -> EventRow {
    let mut row = EventRow { revision: event.revision + 1, updated_ms: now_ms, ..event.clone() };
    row.deleted = document.is_none();
    if let Some(parsed) = document.and_then(|text| Document::parse(text).ok()) {
        let mut parsed = parsed;
        parsed.set_uid(&event.uid);
        (row.start_ms, row.end_ms) = recurrence::span(parsed.value(), zones).unwrap_or((row.start_ms, row.end_ms));
        row.recurring = parsed.is_recurring();
        row.document = parsed.text().to_owned();
    }
    row
}
