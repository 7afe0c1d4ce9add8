//! The occurrences of a whole calendar in a window of time.

use crate::effects::{Effects, EventRow, StorageError, TimeMs};
use crate::event::Document;
use crate::limits::{MAX_OCCURRENCES, MAX_WINDOW_MS, SPAN_SLACK_MS, WINDOW_PAGE};
use crate::recurrence::{self, Window};
use crate::time::Zones;

/// What is asked for. See `wit/recurrence.wit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The calendar.
    pub calendar: String,
    /// First moment.
    pub from_ms: TimeMs,
    /// First moment after it.
    pub to_ms: TimeMs,
    /// Where events without a zone are placed.
    pub time_zone: String,
    /// Most occurrences.
    pub limit: u32,
}

/// One occurrence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The event.
    pub uid: String,
    /// Which occurrence.
    pub recurrence_id: Option<String>,
    /// Start.
    pub start_ms: TimeMs,
    /// End.
    pub end_ms: TimeMs,
    /// The event's revision.
    pub revision: u64,
    /// The event as it is for this occurrence, as JSON.
    pub document: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agenda {
    /// By (start, uid).
    pub entries: Vec<Entry>,
    /// There is more.
    pub truncated: bool,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The query is not valid; the text says what to change.
    #[error("{0}")]
    Invalid(String),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Expand a window. The cost depends on the window, not on the age of a series or the size of the calendar.
///
/// # Errors
/// See [`QueryError`].
pub fn occurrences<F: Effects>(fx: &mut F, zones: &dyn Zones, query: &Query) -> Result<Agenda, QueryError> {
    check(zones, query)?;
    let window =
        Window { from_ms: query.from_ms, to_ms: query.to_ms, zone: &query.time_zone, limit: query.limit as usize };
    let mut agenda = Agenda::default();
    let mut after: Option<(TimeMs, String)> = None;
    let (from_ms, to_ms) = (query.from_ms.saturating_sub(SPAN_SLACK_MS), query.to_ms.saturating_add(SPAN_SLACK_MS));
    loop {
        let page = fx.events_between(&query.calendar, from_ms, to_ms, after.take(), WINDOW_PAGE)?;
        let last = page.len() < WINDOW_PAGE as usize;
        after = page.last().map(|row| (row.start_ms, row.uid.clone()));
        for row in &page {
            add(&mut agenda, row, &window, zones);
        }
        // Keep no more than is asked for while going through a large calendar.
        trim(&mut agenda, query.limit as usize);
        if last {
            return Ok(agenda);
        }
    }
}

fn check(zones: &dyn Zones, query: &Query) -> Result<(), QueryError> {
    let invalid = |text: &str| Err(QueryError::Invalid(text.to_owned()));
    if query.to_ms <= query.from_ms {
        return invalid("the window is empty: its end must be after its start");
    }
    if query.to_ms - query.from_ms > MAX_WINDOW_MS {
        return invalid("the window is too long: at most 20 years");
    }
    if query.limit == 0 || query.limit > MAX_OCCURRENCES {
        return invalid("the limit must be 1 to 10,000");
    }
    if !zones.exists(&query.time_zone) {
        return invalid("the time zone is not an IANA name such as Europe/Berlin");
    }
    Ok(())
}

fn add(agenda: &mut Agenda, row: &EventRow, window: &Window<'_>, zones: &dyn Zones) {
    let Ok(document) = Document::parse(&row.document) else { return };
    let Ok(found) = recurrence::occurrences(document.value(), window, zones) else { return };
    agenda.truncated |= found.truncated;
    agenda.entries.extend(found.items.into_iter().map(|item| Entry {
        uid: row.uid.clone(),
        recurrence_id: item.recurrence_id,
        start_ms: item.start_ms,
        end_ms: item.end_ms,
        revision: row.revision,
        document: item.document.to_string(),
    }));
}

fn trim(agenda: &mut Agenda, limit: usize) {
    agenda.entries.sort_by(|a, b| (a.start_ms, &a.uid, &a.recurrence_id).cmp(&(b.start_ms, &b.uid, &b.recurrence_id)));
    if agenda.entries.len() > limit {
        agenda.entries.truncate(limit);
        agenda.truncated = true;
    }
}
