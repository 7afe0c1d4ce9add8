//! The JSON of the API. Names are camelCase, as in JSCalendar; words of enumerations are those of `wit/`. Times that
//! never come (the end of an endless series, the next run of a paused replica) are null.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::value::RawValue;

use super::problem::{Code, Problem};
use crate::bindings::exports::tandem::calendar::editing::Applied;
use crate::bindings::exports::tandem::calendar::recurrence::Occurrence;
use crate::bindings::tandem::calendar::storage::{Conflict, ConflictWinner, Failure, FailureKind, ReplicaHealth};
use crate::bindings::tandem::calendar::types::Event;
use crate::store::{CalendarRow, ChangeEntry, ConflictPolicy, Provider, ReplicaMode, ReplicaStatus};

/// A page of a list.
#[derive(Serialize)]
pub(super) struct Page<T, N> {
    /// The rows.
    pub(super) items: Vec<T>,
    /// Where to go on; null at the end.
    pub(super) next: Option<N>,
}

/// A list that is not paged.
#[derive(Serialize)]
pub(super) struct List<T> {
    /// The rows.
    pub(super) items: Vec<T>,
}

/// A document inside an answer: as it is stored, not parsed again.
fn document(text: String) -> Result<Box<RawValue>, Problem> {
    RawValue::from_string(text).map_err(|error| {
        tracing::error!(line = error.line(), column = error.column(), "a stored document is not JSON");
        Problem::new(Code::Internal, "a stored document is damaged")
    })
}

fn optional(text: Option<String>) -> Result<Option<Box<RawValue>>, Problem> {
    text.map(document).transpose()
}

fn ever(time_ms: u64) -> Option<u64> {
    (time_ms != u64::MAX).then_some(time_ms)
}

/// An event in its envelope.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventWire {
    uid: String,
    revision: u64,
    deleted: bool,
    start_ms: u64,
    end_ms: Option<u64>,
    recurring: bool,
    updated_ms: u64,
    event: Box<RawValue>,
    /// Overrides that ended with an edit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<DroppedWire>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DroppedWire {
    recurrence_id: String,
    patch: Box<RawValue>,
}

impl EventWire {
    pub(super) fn to_wire(event: Event) -> Result<Self, Problem> {
        Ok(Self {
            uid: event.uid,
            revision: event.revision,
            deleted: event.deleted,
            start_ms: event.start_ms,
            end_ms: ever(event.end_ms),
            recurring: event.recurring,
            updated_ms: event.updated_ms,
            event: document(event.document)?,
            dropped: Vec::new(),
        })
    }
}

/// The entity tag of a revision.
pub(super) fn etag(revision: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{revision}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// An answer that is one event, with its tag.
pub(super) fn event_answer(status: StatusCode, event: Event) -> Result<Response, Problem> {
    let tag = etag(event.revision);
    let mut response = (status, Json(EventWire::to_wire(event)?)).into_response();
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// The answer to an edit: the event, its tag, and what ended with the edit.
pub(super) fn edit_answer(status: StatusCode, applied: Applied) -> Result<Response, Problem> {
    let tag = etag(applied.event.revision);
    let mut wire = EventWire::to_wire(applied.event)?;
    for dropped in applied.dropped {
        wire.dropped.push(DroppedWire { recurrence_id: dropped.recurrence_id, patch: document(dropped.patch)? });
    }
    let mut response = (status, Json(wire)).into_response();
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CalendarWire {
    id: String,
    name: String,
    time_zone: String,
}

impl CalendarWire {
    pub(super) fn to_wire(row: CalendarRow) -> Self {
        Self { id: row.id, name: row.name, time_zone: row.time_zone }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OccurrenceWire {
    uid: String,
    recurrence_id: Option<String>,
    start_ms: u64,
    end_ms: u64,
    revision: u64,
    event: Box<RawValue>,
}

impl OccurrenceWire {
    pub(super) fn to_wire(occurrence: Occurrence) -> Result<Self, Problem> {
        Ok(Self {
            uid: occurrence.uid,
            recurrence_id: occurrence.recurrence_id,
            start_ms: occurrence.start_ms,
            end_ms: occurrence.end_ms,
            revision: occurrence.revision,
            event: document(occurrence.document)?,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeWire {
    sequence: u64,
    calendar: String,
    uid: String,
    revision: u64,
    deleted: bool,
    at_ms: u64,
}

impl ChangeWire {
    pub(super) fn to_wire(entry: ChangeEntry) -> Self {
        let ChangeEntry { sequence, calendar, uid, revision, deleted, at_ms } = entry;
        Self { sequence, calendar, uid, revision, deleted, at_ms }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConflictWire {
    id: String,
    replica: String,
    uid: String,
    found_ms: u64,
    paths: Vec<String>,
    base: Option<Box<RawValue>>,
    local: Option<Box<RawValue>>,
    remote: Option<Box<RawValue>>,
    outcome: Option<Box<RawValue>>,
    winner: &'static str,
    decided_by: Option<String>,
    open: bool,
}

impl ConflictWire {
    pub(super) fn to_wire(conflict: Conflict) -> Result<Self, Problem> {
        Ok(Self {
            id: conflict.id,
            replica: conflict.replica,
            uid: conflict.uid,
            found_ms: conflict.found_ms,
            paths: conflict.paths,
            base: optional(conflict.base)?,
            local: optional(conflict.local)?,
            remote: optional(conflict.remote)?,
            outcome: optional(conflict.outcome)?,
            winner: match conflict.winner {
                ConflictWinner::Local => "local",
                ConflictWinner::Remote => "remote",
                ConflictWinner::Mixed => "mixed",
            },
            decided_by: Some(conflict.decided_by).filter(|name| !name.is_empty()),
            open: conflict.open,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailureWire {
    id: String,
    replica: String,
    kind: &'static str,
    uid: Option<String>,
    remote_id: Option<String>,
    code: String,
    detail: String,
    at_ms: u64,
    attempts: u32,
}

impl FailureWire {
    pub(super) fn to_wire(failure: Failure) -> Self {
        Self {
            id: failure.id,
            replica: failure.replica,
            kind: match failure.kind {
                FailureKind::Push => "push",
                FailureKind::Item => "item",
                FailureKind::Step => "step",
                FailureKind::Guard => "guard",
            },
            uid: failure.uid,
            remote_id: failure.remote_id,
            code: failure.code,
            detail: failure.detail,
            at_ms: failure.at_ms,
            attempts: failure.attempts,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplicaWire {
    id: String,
    connection: String,
    provider: &'static str,
    calendar: String,
    remote_calendar: String,
    mode: &'static str,
    policy: &'static str,
    health: &'static str,
    reason: Option<String>,
    synced_ms: Option<u64>,
    next_run_ms: Option<u64>,
    wanted: u64,
    served: u64,
    queued: u64,
    events: u64,
}

impl ReplicaWire {
    pub(super) fn to_wire(status: ReplicaStatus) -> Self {
        Self {
            id: status.id,
            connection: status.connection,
            provider: match status.provider {
                Provider::Google => "google",
                Provider::Microsoft => "microsoft",
            },
            calendar: status.calendar,
            remote_calendar: status.remote_calendar,
            mode: match status.mode {
                ReplicaMode::TwoWay => "two-way",
                ReplicaMode::Pull => "pull",
                ReplicaMode::Push => "push",
                ReplicaMode::BusyOnly => "busy-only",
            },
            policy: match status.policy {
                ConflictPolicy::Newest => "newest",
                ConflictPolicy::Remote => "remote",
                ConflictPolicy::Local => "local",
                ConflictPolicy::Ask => "ask",
            },
            health: match status.health {
                ReplicaHealth::Starting => "starting",
                ReplicaHealth::Healthy => "healthy",
                ReplicaHealth::Throttled => "throttled",
                ReplicaHealth::Paused => "paused",
            },
            reason: Some(status.reason).filter(|reason| !reason.is_empty()),
            synced_ms: Some(status.synced_ms).filter(|time| *time != 0),
            next_run_ms: ever(status.next_run_ms),
            wanted: status.wanted,
            served: status.served,
            queued: status.queued,
            events: status.events,
        }
    }
}
