//! Writes to events: create, change, delete, cancel, answer.
//! Invariant: every change goes through `commit`, which moves the change key, counts mails and notifies.

use serde_json::{Value, json};

use super::body::{self, Change, Hand};
use super::config::{ExceptionReset, RepeatedTransaction};
use super::error::ApiError;
use super::rule::Rule;
use super::series::{self, Target};
use super::state::{Exception, Item, Object, Series, State};
use super::time::Span;
use super::{ids, meeting, view, watch};

/// Who writes, and under which condition.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) account: String,
    pub(crate) if_match: Option<String>,
    /// A test's own hand.
    pub(crate) god: bool,
}

impl Writer {
    fn hand(&self, creates: bool) -> Hand<'_> {
        Hand { account: &self.account, creates, god: self.god }
    }
}

/// POST events: the status and what was made, or made before.
pub(crate) fn create(
    state: &mut State,
    calendar: &str,
    body: &Value,
    writer: &Writer,
) -> Result<(u16, Target), ApiError> {
    let known = state.calendars.get(calendar).ok_or_else(ApiError::item_not_found)?;
    if !known.can_edit && !writer.god {
        return Err(ApiError::denied());
    }
    let defaults = body::defaults(&writer.account);
    let change = body::read(state, body, &defaults, writer.hand(true))?;
    let transaction = change.transaction.clone().map(|id| (writer.account.clone(), id));
    let earlier =
        transaction.as_ref().and_then(|key| state.transactions.get(key)).and_then(|core| home_of(state, core));
    if let Some(made) = earlier {
        let status = match state.config.repeated_transaction {
            RepeatedTransaction::Conflict => return Err(ApiError::duplicate_transaction()),
            RepeatedTransaction::Created => 201,
            RepeatedTransaction::Ok => 200,
        };
        return Ok((status, made));
    }
    let (Some(start), Some(end)) = (change.start.clone(), change.end.clone()) else {
        return Err(ApiError::invalid_property("An event needs a start and an end."));
    };
    let span = Span { start, end, all_day: change.all_day.unwrap_or(false) };
    span.check()?;
    let mut item = fresh(state, defaults, span);
    item.body.extend(change.members.clone());
    item.transaction = change.transaction.clone();
    item.extended = change.extended.clone();
    item.extensions = change.extensions.clone();
    if let Some(value) = change.recurrence.as_ref().filter(|value| !value.is_null()) {
        start_series(state, &mut item, value)?;
    }
    meeting::settle(state, &mut item.body, &item.core, &change.members);
    let target = Target { calendar: calendar.to_owned(), core: item.core.clone(), original_ms: None };
    if let Some(key) = transaction {
        state.transactions.insert(key, item.core.clone());
    }
    if let Some(after_ms) = state.config.drift_after_ms {
        state.drifts.insert((state.now_ms + after_ms, item.core.clone()));
    }
    let mails = meeting::mails(None, Some(&item.body), true, &writer.account);
    commit(state, &target, item, "created", mails, writer);
    Ok((201, target))
}

/// Where an item is; none when it is deleted.
fn home_of(state: &State, core: &str) -> Option<Target> {
    let calendar = state.homes.get(core)?;
    series::live(state.calendars.get(calendar)?, core).ok()?;
    Some(Target { calendar: calendar.clone(), core: core.to_owned(), original_ms: None })
}

fn fresh(state: &mut State, body: Object, span: Span) -> Item {
    let core = ids::new_core(&mut state.random);
    let change = state.next_change();
    Item {
        core,
        salt: ids::new_salt(&mut state.random),
        body,
        span,
        series: None,
        extended: std::collections::BTreeMap::new(),
        extensions: std::collections::BTreeMap::new(),
        transaction: None,
        deleted: false,
        change,
        seq: 0,
        place: 0,
        created_ms: state.now_ms,
        stamp_ms: state.now_ms,
        changed_ms: state.now_ms,
        reaches: Vec::new(),
        was_single: false,
    }
}

/// Makes an item a series, or gives it another recurrence.
fn start_series(state: &State, item: &mut Item, value: &Value) -> Result<(), ApiError> {
    let rule = Rule::read(value, &item.span, &state.config)?;
    anchor(state, item, rule)
}

/// Puts an item under a rule; it then starts where its first occurrence does.
fn anchor(state: &State, item: &mut Item, mut rule: Rule) -> Result<(), ApiError> {
    rule.start = series::first_date(&rule, state.config.short_month)
        .ok_or_else(|| ApiError::invalid_property("The recurrence has no occurrence."))?;
    let (exceptions, cancelled) = Default::default();
    item.series = Some(Series { rule, exceptions, cancelled });
    if let Some(at) = series::originals(item, state.config.short_month, i64::MAX, 1).first() {
        item.span = item.span.starting(*at);
    }
    Ok(())
}

/// PATCH of an event, a series or one occurrence.
pub(crate) fn change(state: &mut State, target: &Target, body: &Value, writer: &Writer) -> Result<(), ApiError> {
    let (known, old) = load(state, target, writer)?;
    if !known && !writer.god {
        return Err(ApiError::denied());
    }
    match target.original_ms {
        None => change_item(state, target, old, body, writer),
        Some(original_ms) => change_occurrence(state, target, old, original_ms, body, writer),
    }
}

/// The item, and whether its calendar may be written; the caller's condition is checked.
fn load(state: &State, target: &Target, writer: &Writer) -> Result<(bool, Item), ApiError> {
    let calendar = state.calendars.get(&target.calendar).ok_or_else(ApiError::item_not_found)?;
    let item = series::live(calendar, &target.core)?;
    let etag = view::etag(view::change_of(item, target.original_ms));
    match writer.if_match.as_deref().filter(|_| state.config.if_match) {
        None | Some("*") => {}
        Some(given) if given == etag => {}
        Some(_) => return Err(ApiError::precondition()),
    }
    Ok((calendar.can_edit, item.clone()))
}

fn moved(span: &Span, change: &Change) -> Result<Span, ApiError> {
    let moved = Span {
        start: change.start.clone().unwrap_or_else(|| span.start.clone()),
        end: change.end.clone().unwrap_or_else(|| span.end.clone()),
        all_day: change.all_day.unwrap_or(span.all_day),
    };
    moved.check()?;
    Ok(moved)
}

fn change_item(state: &mut State, target: &Target, old: Item, body: &Value, writer: &Writer) -> Result<(), ApiError> {
    let change = body::read(state, body, &old.body, writer.hand(false))?;
    let mut item = old.clone();
    item.body.extend(change.members.clone());
    if change.start.is_some() || change.end.is_some() {
        // Names given by a test's hand spoke of the old times.
        item.body.remove("originalStartTimeZone");
        item.body.remove("originalEndTimeZone");
    }
    item.extended.extend(change.extended.clone());
    item.span = moved(&old.span, &change)?;
    match (&change.recurrence, &old.series) {
        (Some(Value::Null), _) => item.series = None,
        (Some(value), _) => start_series(state, &mut item, value)?,
        (None, Some(series)) if item.span != old.span => {
            // The old recurrence follows the new start.
            let rule = Rule { start: series::local_date(&series.rule, item.span.start.at_ms), ..series.rule.clone() };
            anchor(state, &mut item, rule)?;
        }
        _ => {}
    }
    keep_exceptions(state, &mut item, &old);
    meeting::settle(state, &mut item.body, &item.core, &change.members);
    let times = item.span != old.span || item.series.as_ref().map(|s| &s.rule) != old.series.as_ref().map(|s| &s.rule);
    let same = item == old;
    if same && state.config.no_op_keeps_change_key {
        return Ok(());
    }
    item.change = state.next_change();
    item.stamp_ms = state.now_ms;
    let mails = meeting::mails(Some(&old.body), Some(&item.body), times, &writer.account);
    commit(state, target, item, "updated", mails, writer);
    Ok(())
}

/// What becomes of exceptions and deleted occurrences when their series changes.
fn keep_exceptions(state: &State, item: &mut Item, old: &Item) {
    let (Some(before), Some(now)) = (&old.series, &item.series) else { return };
    if now.rule == before.rule && item.span == old.span {
        item.series = Some(before.clone());
        return;
    }
    let same_times = item.span == old.span
        && now.rule.pattern == before.rule.pattern
        && now.rule.interval == before.rule.interval
        && now.rule.zone == before.rule.zone;
    let keeps = match state.config.exception_reset {
        ExceptionReset::Any => false,
        ExceptionReset::PatternOrTime => same_times,
        ExceptionReset::Never => true,
    };
    let (mut exceptions, mut cancelled) = (before.exceptions.clone(), before.cancelled.clone());
    exceptions.retain(|at, _| keeps && series::is_original(item, &state.config, *at));
    cancelled.retain(|at| keeps && series::is_original(item, &state.config, *at));
    if let Some(series) = &mut item.series {
        series.exceptions = exceptions;
        series.cancelled = cancelled;
    }
}

fn change_occurrence(
    state: &mut State,
    target: &Target,
    mut item: Item,
    original_ms: i64,
    body: &Value,
    writer: &Writer,
) -> Result<(), ApiError> {
    let found = series::occurrence(&item, &state.config, original_ms).ok_or_else(ApiError::item_not_found)?;
    let (old_span, known) = (found.span.clone(), found.exception.cloned());
    let mut before = item.body.clone();
    before.extend(known.iter().flat_map(|exception| exception.body.clone()));
    let change = body::read(state, body, &before, writer.hand(false))?;
    if change.recurrence.as_ref().is_some_and(|value| !value.is_null()) {
        return Err(ApiError::invalid_property("An occurrence cannot have a recurrence."));
    }
    let span = moved(&old_span, &change)?;
    if span != old_span {
        series::check_move(&item, &state.config, original_ms, &span)?;
    }
    let mut exception = known.unwrap_or_else(|| Exception {
        body: Object::new(),
        span: old_span.clone(),
        extended: item.extended.clone(),
        extensions: item.extensions.clone(),
        change: 0,
        stamp_ms: 0,
    });
    let mut after = before.clone();
    after.extend(change.members.clone());
    meeting::settle(state, &mut after, &item.core, &change.members);
    if after == before && span == old_span && change.extended.is_empty() && state.config.no_op_keeps_change_key {
        return Ok(());
    }
    let differing = after.iter().filter(|(key, value)| item.body.get(*key) != Some(value));
    exception.body = differing.map(|(k, v)| (k.clone(), v.clone())).collect();
    exception.extended.extend(change.extended);
    exception.change = state.next_change();
    exception.stamp_ms = state.now_ms;
    let mails = meeting::mails(Some(&before), Some(&after), span != old_span, &writer.account);
    exception.span = span;
    if let Some(series) = &mut item.series {
        series.exceptions.insert(original_ms, exception);
    }
    commit(state, target, item, "updated", mails, writer);
    Ok(())
}

/// DELETE of an event, a series or one occurrence.
pub(crate) fn delete(state: &mut State, target: &Target, writer: &Writer) -> Result<(), ApiError> {
    let (may_write, mut item) = load(state, target, writer)?;
    if !may_write && !writer.god {
        return Err(ApiError::denied());
    }
    let mut mails = 0;
    if state.config.delete_mails {
        mails = meeting::mails(Some(&item.body), None, true, &writer.account);
    }
    match (target.original_ms, &mut item.series) {
        (Some(at), Some(series)) => {
            series.exceptions.remove(&at);
            series.cancelled.insert(at);
        }
        _ => item.deleted = true,
    }
    item.change = state.next_change();
    item.stamp_ms = state.now_ms;
    commit(state, target, item, "deleted", mails, writer);
    Ok(())
}

/// POST of /cancel, /accept, /tentativelyAccept or /decline.
pub(crate) fn act(
    state: &mut State,
    target: &Target,
    action: &str,
    body: &Value,
    writer: &Writer,
) -> Result<(), ApiError> {
    let (_, item) = load(state, target, writer)?;
    let own =
        item.body.get("organizer").map(body::address).is_some_and(|who| who.eq_ignore_ascii_case(&writer.account));
    let response = match action {
        "cancel" if own => {
            let others = meeting::mails(Some(&item.body), None, true, &writer.account);
            delete(state, target, writer)?;
            if !state.config.delete_mails {
                state.counters.mails += others;
            }
            return Ok(());
        }
        "cancel" => {
            return Err(ApiError::new(400, "ErrorInvalidRequest", "You need to be an organizer to cancel a meeting."));
        }
        _ if own => {
            return Err(ApiError::new(
                400,
                "ErrorInvalidRequest",
                "You can't respond to this meeting because you're the meeting organizer.",
            ));
        }
        "accept" => "accepted",
        "decline" => "declined",
        _ => "tentativelyAccepted",
    };
    if body.get("sendResponse").and_then(Value::as_bool).unwrap_or(true) {
        state.counters.mails += 1;
    }
    if response == "declined" {
        return delete(state, target, writer);
    }
    let time = super::time::stamp_text(state.now_ms);
    let show = if response == "accepted" { "busy" } else { "tentative" };
    let patch = json!({ "responseStatus": { "response": response, "time": time }, "showAs": show });
    change(state, target, &patch, &Writer { god: true, ..writer.clone() })
}

/// New open extensions of an event or an occurrence.
pub(crate) fn extend(
    state: &mut State,
    target: &Target,
    extensions: std::collections::BTreeMap<String, Object>,
    writer: &Writer,
) -> Result<(), ApiError> {
    if target.original_ms.is_some() {
        // An occurrence becomes an exception with the first thing of its own.
        change(state, target, &json!({}), &Writer { god: true, if_match: None, ..writer.clone() })?;
    }
    let (_, mut item) = load(state, target, writer)?;
    match target.original_ms.and_then(|at| item.series.as_mut()?.exceptions.get_mut(&at)) {
        Some(exception) => exception.extensions = extensions,
        None => item.extensions = extensions,
    }
    item.change = state.next_change();
    item.stamp_ms = state.now_ms;
    commit(state, target, item, "updated", 0, writer);
    Ok(())
}

/// Stores a change with everything that follows from it.
fn commit(state: &mut State, target: &Target, item: Item, what: &str, mails: u64, writer: &Writer) {
    state.put(&target.calendar, item);
    state.counters.mails += mails;
    if !writer.god {
        state.counters.writes += 1;
    }
    watch::changed(state, target, what);
}
