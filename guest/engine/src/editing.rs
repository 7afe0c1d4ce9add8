//! Edits by the application: checked, scoped, stored and queued for every replica of the calendar.

use serde_json::{Map, Value, json};

use crate::effects::{
    Batch, Change, END_OF_TIME, Effects, EventRow, Expectation, PushEntry, ReplicaMode, StorageError,
};
use crate::event::check::{Problem, problems};
use crate::event::patch::merge_patch;
use crate::event::{Document, is_excluded};
use crate::id;
use crate::limits::REPLANS;
use crate::recurrence::{self, BadPath, SplitError, exception, override_patch};
use crate::sync::state::State;
use crate::time::{LocalDateTime, Zones};

/// How much of a series an edit touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One occurrence.
    This,
    /// It and all later ones.
    ThisAndFollowing,
    /// Everything.
    All,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A new event, as JSON.
    Create(String),
    /// RFC 7396 merge patch, as JSON.
    Patch(String),
    /// A whole event, as JSON.
    Replace(String),
    /// Remove it.
    Delete,
}

/// An edit. See `wit/editing.wit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The calendar.
    pub calendar: String,
    /// The event; none only to create.
    pub uid: Option<String>,
    /// The occurrence.
    pub recurrence_id: Option<String>,
    /// How much of a series.
    pub scope: Scope,
    /// The revision that the editor saw.
    pub expected_revision: Option<u64>,
    /// What to do.
    pub action: Action,
    /// Let the provider send mail.
    pub notify_attendees: bool,
}

/// Why an edit was refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No such event.
    #[error("no such event")]
    NotFound,
    /// The uid is taken.
    #[error("an event with this uid exists")]
    Exists,
    /// The event has this revision now.
    #[error("the event has revision {0} now")]
    Stale(u64),
    /// The edit is not valid.
    #[error("the edit is not valid")]
    Invalid(Vec<Problem>),
    /// Nobody may write here.
    #[error("the calendar is read-only")]
    ReadOnly,
    /// The store is not available.
    #[error("the store is not available")]
    Unavailable,
}

impl From<StorageError> for EditError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Refused(why) => invalid("", "refused", &why),
            _ => Self::Unavailable,
        }
    }
}

fn invalid(pointer: &str, code: &'static str, message: &str) -> EditError {
    EditError::Invalid(vec![Problem::new(pointer, code, message)])
}

/// An edit that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The event afterwards; of a split series the later part.
    pub event: EventRow,
    /// What the edit ended: overrides of occurrences that a changed start or rule does not have any more, in the order of
    /// their recurrence ids.
    pub dropped: Vec<Dropped>,
}

/// An override that ended with an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Which occurrence it belonged to.
    pub recurrence_id: String,
    /// What it said, as JSON: the patch of RFC 8984 `recurrenceOverrides`.
    pub patch: String,
}

/// Apply an edit. One that changes nothing writes nothing.
///
/// # Errors
/// See [`EditError`].
pub fn apply<F: Effects>(fx: &mut F, zones: &dyn Zones, edit: &Edit) -> Result<Applied, EditError> {
    refuse_read_only(fx, &edit.calendar)?;
    for _ in 0..REPLANS {
        let Decided { writes, dropped } = decide(fx, zones, edit)?;
        let Some(event) = writes.last().map(|write| write.row.clone()) else { return Err(EditError::Unavailable) };
        let writes: Vec<Write> = writes.into_iter().filter(|write| write.row.revision != write.before).collect();
        if writes.is_empty() {
            return Ok(Applied { event, dropped });
        }
        match store(fx, edit, writes) {
            Ok(()) => return Ok(Applied { event, dropped }),
            // Somebody else was faster: look again. With an expected revision that look says so.
            Err(StorageError::Stale) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(EditError::Unavailable)
}

/// A state of an event, over the one with the revision `before`; with that same revision nothing changed.
struct Write {
    before: u64,
    row: EventRow,
}

/// What an edit comes to.
struct Decided {
    /// The last one is the answer.
    writes: Vec<Write>,
    dropped: Vec<Dropped>,
}

impl From<Write> for Decided {
    fn from(write: Write) -> Self {
        Self { writes: vec![write], dropped: Vec::new() }
    }
}

fn decide<F: Effects>(fx: &mut F, zones: &dyn Zones, edit: &Edit) -> Result<Decided, EditError> {
    if let Action::Create(text) = &edit.action {
        return create(fx, zones, edit, text);
    }
    let Some(uid) = edit.uid.clone() else { return Err(invalid("/uid", "missing-uid", "say which event to edit")) };
    let row = fx.events(&edit.calendar, vec![uid])?.into_iter().flatten().next();
    let row = row.filter(|row| !row.deleted).ok_or(EditError::NotFound)?;
    if edit.expected_revision.is_some_and(|expected| expected != row.revision) {
        return Err(EditError::Stale(row.revision));
    }
    let document = recurrence::whole(&Document::parse(&row.document).unwrap_or_default()).0;
    let single = !document.is_recurring();
    if single
        && edit.scope != Scope::All
        && edit.recurrence_id.as_deref().is_some_and(|id| Some(id) != document.str("start"))
    {
        return Err(invalid(
            "/recurrenceId",
            "bad-recurrence-id",
            "the event is no series (any more); edit it as a whole",
        ));
    }
    let scope = if single { Scope::All } else { edit.scope };
    match scope {
        Scope::All => whole(fx, zones, edit, &row, &document),
        Scope::This => occurrence(fx, zones, edit, &row, &document),
        Scope::ThisAndFollowing => following(fx, zones, edit, &row, &document),
    }
}

fn create<F: Effects>(fx: &mut F, zones: &dyn Zones, edit: &Edit, text: &str) -> Result<Decided, EditError> {
    let mut document = parse(text)?;
    match (&edit.uid, document.get("uid")) {
        (Some(uid), None) => document.set_uid(uid),
        (None, None) => {
            let random = [fx.random(), fx.random()];
            document.set_uid(&id::new_uid(random));
        }
        _ => {}
    }
    let uid = document.uid().to_owned();
    let existing = fx.events(&edit.calendar, vec![uid])?.into_iter().flatten().next();
    if existing.as_ref().is_some_and(|row| !row.deleted) {
        return Err(EditError::Exists);
    }
    Ok(put(fx, zones, existing.as_ref(), &document)?.into())
}

/// The whole event or series.
fn whole<F: Effects>(
    fx: &mut F,
    zones: &dyn Zones,
    edit: &Edit,
    row: &EventRow,
    document: &Document,
) -> Result<Decided, EditError> {
    let Some(mut changed) = change(edit, document)? else { return Ok(remove(fx, row).into()) };
    let dropped = drop_stale(document, &mut changed);
    Ok(Decided { writes: vec![put(fx, zones, Some(row), &changed)?], dropped })
}

/// One occurrence: an override.
fn occurrence<F: Effects>(
    fx: &mut F,
    zones: &dyn Zones,
    edit: &Edit,
    row: &EventRow,
    document: &Document,
) -> Result<Decided, EditError> {
    let recurrence_id = occurrence_of(edit, document)?;
    let mut overrides = document.overrides().cloned().unwrap_or_default();
    let patch = overrides.get(recurrence_id).and_then(Value::as_object).cloned().unwrap_or_default();
    let by_rule = recurrence::has_occurrence(document, recurrence_id);
    match change(edit, &exception(document, recurrence_id, &patch))? {
        None if by_rule => drop(overrides.insert(recurrence_id.to_owned(), json!({"excluded": true}))),
        None => drop(overrides.remove(recurrence_id)),
        Some(changed) => {
            let found = problems(&changed, zones);
            if !found.is_empty() {
                return Err(EditError::Invalid(found));
            }
            let patch = override_patch(document, recurrence_id, &recurrence::tidied(&changed));
            if patch.is_empty() && by_rule {
                overrides.remove(recurrence_id);
            } else {
                overrides.insert(recurrence_id.to_owned(), Value::Object(patch));
            }
        }
    }
    let mut series = document.clone();
    series.set_overrides(overrides);
    Ok(put(fx, zones, Some(row), &series)?.into())
}

/// An occurrence and all later ones: the series is split in two.
fn following<F: Effects>(
    fx: &mut F,
    zones: &dyn Zones,
    edit: &Edit,
    row: &EventRow,
    document: &Document,
) -> Result<Decided, EditError> {
    let recurrence_id = occurrence_of(edit, document)?;
    let (earlier, later) = match recurrence::split(document.value(), recurrence_id) {
        Ok(parts) => parts,
        Err(SplitError::First) => return whole(fx, zones, edit, row, document),
        Err(error) => return Err(invalid("/recurrenceId", "cannot-split", &error.to_string())),
    };
    if is_skipped(document, recurrence_id, zones) {
        let why = "the clock skips this time on that day, so no series can begin there; split at the occurrence before or after";
        return Err(invalid("/recurrenceId", "cannot-split", why));
    }
    let earlier = Document::parse(&earlier.to_string()).unwrap_or_default();
    let mut later = Document::parse(&later.to_string()).unwrap_or_default();
    let first = put(fx, zones, Some(row), &earlier)?;
    let random = [fx.random(), fx.random()];
    later.set_uid(&id::new_uid(random));
    match change(edit, &later)? {
        None => Ok(first.into()),
        Some(mut changed) => {
            let dropped = drop_stale(&later, &mut changed);
            Ok(Decided { writes: vec![first, put(fx, zones, None, &changed)?], dropped })
        }
    }
}

/// Whether a wall time does not exist in the event's zone: its clocks are put forward over it.
fn is_skipped(document: &Document, recurrence_id: &str, zones: &dyn Zones) -> bool {
    let all_day = document.is_without_time();
    let (Some(zone), Some(at)) = (document.str("timeZone").filter(|_| !all_day), LocalDateTime::parse(recurrence_id))
    else {
        return false;
    };
    zones.to_utc_ms(zone, at.0).and_then(|ms| zones.to_local(zone, ms)).is_some_and(|real| real != at.0)
}

/// Take out what belonged to occurrences that the changed series does not have any more, and say what that was.
fn drop_stale(before: &Document, changed: &mut Document) -> Vec<Dropped> {
    let said = changed.overrides().cloned().unwrap_or_default();
    let stale = recurrence::drop_stale_overrides(before, changed, &Map::new());
    let dropped = stale.into_iter().filter_map(|recurrence_id| {
        let patch = said.get(&recurrence_id)?.to_string();
        Some(Dropped { recurrence_id, patch })
    });
    dropped.collect()
}

fn occurrence_of<'a>(edit: &'a Edit, document: &Document) -> Result<&'a str, EditError> {
    let wrong = |message| Err(invalid("/recurrenceId", "bad-recurrence-id", message));
    let Some(recurrence_id) = edit.recurrence_id.as_deref() else {
        return wrong("say which occurrence: its original start in the event's zone, such as 2026-03-02T09:00:00");
    };
    if LocalDateTime::parse(recurrence_id).is_none() {
        return wrong("expected a LocalDateTime such as 2026-03-02T09:00:00, without zone");
    }
    let overridden = document.overrides().and_then(|overrides| overrides.get(recurrence_id));
    let there = match overridden {
        Some(patch) => !is_excluded(patch) || !matches!(edit.action, Action::Delete),
        None => recurrence::has_occurrence(document, recurrence_id),
    };
    if there { Ok(recurrence_id) } else { wrong("the series has no such occurrence") }
}

/// The document after the edit; none when it is to be removed.
fn change(edit: &Edit, document: &Document) -> Result<Option<Document>, EditError> {
    let changed = match &edit.action {
        Action::Delete => return Ok(None),
        Action::Patch(text) => {
            let patch = object(text)?;
            let mut patched = merge_patch(&recurrence::take_back(document, &patch), &patch);
            if !patch.contains_key("recurrenceRules") {
                recurrence::move_rules(document, &mut patched);
            }
            patched
        }
        Action::Replace(text) | Action::Create(text) => {
            let mut replaced = parse(text)?;
            if replaced.get("uid").is_none() {
                replaced.set_uid(document.uid());
            }
            replaced
        }
    };
    if changed.uid() != document.uid() {
        return Err(invalid("/uid", "uid-changed", "the uid of an event cannot change; create another event"));
    }
    Ok(Some(changed))
}

fn object(text: &str) -> Result<Map<String, Value>, EditError> {
    serde_json::from_str(text).map_err(|_| invalid("", "not-an-object", "expected a JSON object"))
}

fn parse(text: &str) -> Result<Document, EditError> {
    let properties = object(text)?;
    match properties.get("@type") {
        None => {}
        Some(kind) if kind == "Event" => {}
        Some(_) => return Err(invalid("/@type", "not-an-event", "expected a JSCalendar Event")),
    }
    let document = Document::new(properties);
    let twice = recurrence::overlapping(&document);
    let problem = |path| bad_path(path, "the override says this and a part of it; say one of them");
    if twice.is_empty() { Ok(document) } else { Err(EditError::Invalid(twice.iter().map(problem).collect())) }
}

fn bad_path(bad: &BadPath, message: &str) -> Problem {
    let path = bad.path.replace('~', "~0").replace('/', "~1");
    Problem::new(&format!("/recurrenceOverrides/{}/{path}", bad.recurrence_id), "bad-path", message)
}

fn put<F: Effects>(
    fx: &mut F,
    zones: &dyn Zones,
    existing: Option<&EventRow>,
    document: &Document,
) -> Result<Write, EditError> {
    let (document, bad) = recurrence::whole(document);
    let mut found = problems(&document, zones);
    let nowhere =
        "the path leads nowhere: all of it but its end must exist, none of it in a list; say the whole property";
    found.extend(bad.iter().map(|path| bad_path(path, nowhere)));
    if !found.is_empty() {
        return Err(EditError::Invalid(found));
    }
    let document = &recurrence::tidied(&document);
    let before = existing.map_or(0, |row| row.revision);
    if let Some(row) = existing.filter(|row| !row.deleted && row.document == document.text()) {
        return Ok(Write { before, row: row.clone() });
    }
    let (start_ms, end_ms) = recurrence::span(document.value(), zones).unwrap_or((0, END_OF_TIME));
    let row = EventRow {
        uid: document.uid().to_owned(),
        revision: before + 1,
        deleted: false,
        start_ms,
        end_ms,
        recurring: document.is_recurring(),
        updated_ms: fx.now_ms(),
        document: document.text().to_owned(),
    };
    Ok(Write { before, row })
}

fn remove<F: Effects>(fx: &mut F, row: &EventRow) -> Write {
    let row = EventRow { revision: row.revision + 1, deleted: true, updated_ms: fx.now_ms(), ..row.clone() };
    Write { before: row.revision - 1, row }
}

fn store<F: Effects>(fx: &mut F, edit: &Edit, writes: Vec<Write>) -> Result<(), StorageError> {
    let now_ms = fx.now_ms();
    let replicas = fx.calendar_replicas(&edit.calendar)?;
    let mut batch = Batch::default();
    for Write { before, row } in writes {
        batch.expectations.push(Expectation::Event(edit.calendar.clone(), row.uid.clone(), before));
        for replica in &replicas {
            batch.changes.push(Change::Enqueue(PushEntry {
                replica: replica.id.clone(),
                uid: row.uid.clone(),
                revision: row.revision,
                due_ms: now_ms,
                attempts: 0,
                notify_attendees: edit.notify_attendees,
            }));
        }
        batch.changes.push(Change::PutEvent(edit.calendar.clone(), row));
    }
    fx.commit(batch)
}

/// A calendar whose two-way replicas all refuse writes takes no edits: they would only be taken back.
fn refuse_read_only<F: Effects>(fx: &mut F, calendar: &str) -> Result<(), EditError> {
    let mut two_way = 0;
    for replica in fx.calendar_replicas(calendar)? {
        match replica.mode {
            ReplicaMode::Pull => continue,
            ReplicaMode::Push | ReplicaMode::BusyOnly => return Ok(()),
            ReplicaMode::TwoWay => {}
        }
        two_way += 1;
        let state = fx.load_replica(&replica.id)?.map(|replica| State::parse(&replica.state));
        if state.is_none_or(|state| state.writable != Some(false)) {
            return Ok(());
        }
    }
    if two_way > 0 { Err(EditError::ReadOnly) } else { Ok(()) }
}
