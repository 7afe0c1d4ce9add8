//! Writes to events: insert, patch, update, delete, import.
//! Invariant: every change of a row goes through `commit`, which moves its etag and pushes to its channels.

use serde_json::{Value, json};

use super::body::{Home, WriteOptions, merge, replace, settle, writable};
use super::error::ApiError;
use super::series::{find, member, orphans};
use super::state::{Object, State, text};
use super::time::{When, stamp_text};
use super::watch;

const GOOGLE_MAIL_PATCHABLE: [&str; 7] =
    ["colorId", "reminders", "visibility", "transparency", "status", "attendees", "extendedProperties"];

/// Who writes, and under which condition.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) account: String,
    pub(crate) if_match: Option<String>,
    pub(crate) options: WriteOptions,
}

/// POST events.
pub(crate) fn insert(state: &mut State, calendar: &str, body: &Value, writer: &Writer) -> Result<Object, ApiError> {
    let god = writer.options.god;
    let mut event = writable(body, writer.options)?;
    let given_id = member(body, "id");
    let given_ical = member(body, "iCalUID");
    if !god && (body.get("recurringEventId").is_some() || body.get("originalStartTime").is_some()) {
        return Err(ApiError::not_modelled("inserting an instance"));
    }
    if !god && given_id.is_some() && given_ical.is_some() {
        return Err(ApiError::invalid("Either id or iCalUID may be given, not both."));
    }
    let known = state.calendars.get(calendar).ok_or_else(ApiError::not_found)?;
    if let Some(id) = given_id {
        let legal = (5..=1024).contains(&id.len()) && id.bytes().all(|b| matches!(b, b'a'..=b'v' | b'0'..=b'9'));
        if !legal && !god {
            return Err(ApiError::invalid("Invalid resource id value."));
        }
    }
    let taken = given_id.is_some_and(|id| known.rows.contains_key(id))
        || given_ical.is_some_and(|ical| !known.with_ical(ical).is_empty() && !god);
    if taken {
        return Err(ApiError::duplicate());
    }
    event_type(body, &mut event, known.primary, god)?;
    event.retain(|_, value| !value.is_null());
    let id = given_id.map_or_else(|| state.random.base32hex(26), str::to_owned);
    birth(state, calendar, &id, given_ical, body, &mut event, writer);
    commit(state, calendar, &id, event, None, writer)
}

/// Checks and stores the type, which never changes afterwards.
fn event_type(body: &Value, event: &mut Object, primary: bool, god: bool) -> Result<(), ApiError> {
    let kind = member(body, "eventType").unwrap_or("default");
    let own = match kind {
        "default" => None,
        "birthday" => Some("birthdayProperties"),
        "focusTime" => Some("focusTimeProperties"),
        "outOfOffice" => Some("outOfOfficeProperties"),
        "workingLocation" => Some("workingLocationProperties"),
        "fromGmail" if god => None,
        _ => return Err(ApiError::invalid("Invalid value for: eventType")),
    };
    if let (Some(properties), false) = (own, god) {
        if kind == "birthday" {
            let yearly = event.get("recurrence").and_then(Value::as_array).is_some_and(|lines| {
                lines.iter().all(|line| line.as_str().is_some_and(|text| text.contains("FREQ=YEARLY")))
            });
            let all_day = event.get("start").is_some_and(|start| start.get("date").is_some());
            if !yearly || !all_day {
                return Err(ApiError::invalid("A birthday must be an all-day event that repeats every year."));
            }
        } else if !primary || !event.contains_key(properties) {
            return Err(ApiError::invalid(&format!("A {kind} event needs the primary calendar and its {properties}.")));
        }
    }
    event.insert("eventType".to_owned(), json!(kind));
    Ok(())
}

/// The members that only the service sets, at creation.
fn birth(
    state: &State,
    calendar_id: &str,
    id: &str,
    ical: Option<&str>,
    body: &Value,
    event: &mut Object,
    writer: &Writer,
) {
    let Some(calendar) = state.calendars.get(calendar_id) else { return };
    let person = |email: &str| {
        if email == calendar.id { json!({ "email": email, "self": true }) } else { json!({ "email": email }) }
    };
    event.insert("kind".to_owned(), json!("calendar#event"));
    event.insert("id".to_owned(), json!(id));
    event.insert("iCalUID".to_owned(), json!(ical.map_or_else(|| format!("{id}@google.com"), str::to_owned)));
    let eid = data_encoding::BASE64URL_NOPAD.encode(format!("{id} {}", calendar.id).as_bytes());
    event.insert("htmlLink".to_owned(), json!(format!("https://www.google.com/calendar/event?eid={eid}")));
    event.insert("created".to_owned(), json!(stamp_text(state.now_ms.saturating_mul(1000))));
    event.insert("creator".to_owned(), person(&writer.account));
    event.insert("organizer".to_owned(), person(&calendar.id));
    if writer.options.god {
        for key in ["organizer", "creator", "hangoutLink", "locked", "recurringEventId", "created"] {
            if let Some(value) = body.get(key) {
                event.insert(key.to_owned(), value.clone());
            }
        }
        if let Some(original) = body.get("originalStartTime") {
            let written =
                When::read(Some(original), "originalStartTime", false).map(|at| at.write(&calendar.time_zone));
            event.insert("originalStartTime".to_owned(), written.unwrap_or_else(|_| original.clone()));
        }
    }
}

/// PATCH or PUT of an event or an instance.
pub(crate) fn change(
    state: &mut State,
    calendar: &str,
    id: &str,
    body: &Value,
    whole: bool,
    writer: &Writer,
) -> Result<Object, ApiError> {
    let known = state.calendars.get(calendar).ok_or_else(ApiError::not_found)?;
    let old = find(known, id)?;
    condition(writer, &old)?;
    let change = writable(body, writer.options)?;
    let god = writer.options.god;
    if !god {
        allowed(body, &change, &old, id, whole)?;
    }
    if text(&old, "status") == "cancelled" {
        let status = change.get("status").and_then(Value::as_str);
        let revives = status.is_some_and(|word| word != "cancelled") || (whole && status.is_none());
        let accepted = if revives { state.config.revive } else { state.config.patch_deleted };
        if !accepted {
            return Err(ApiError::not_found());
        }
    }
    let mut event = old.clone();
    if whole {
        if !change.get("start").is_some_and(Value::is_object) || !change.get("end").is_some_and(Value::is_object) {
            return Err(ApiError::required("Missing start or end time."));
        }
        replace(&mut event, &change);
    } else if own_answer_only(&change, &old) {
        answer(&mut event, &change);
    } else {
        merge(&mut event, &change);
    }
    commit(state, calendar, id, event, Some(&old), writer)
}

/// Refuses changes of what cannot change.
fn allowed(body: &Value, change: &Object, old: &Object, id: &str, whole: bool) -> Result<(), ApiError> {
    if member(body, "id").is_some_and(|given| given != id) {
        return Err(ApiError::invalid("Invalid resource id value."));
    }
    let kind = text(old, "eventType");
    if member(body, "eventType").is_some_and(|given| given != kind) {
        return Err(ApiError::invalid("The type of an event cannot be changed."));
    }
    let refused = |key: &String| {
        let same = change.get(key) == old.get(key);
        !same && !GOOGLE_MAIL_PATCHABLE.contains(&key.as_str())
    };
    if kind == "fromGmail" && (whole || change.keys().any(refused)) {
        return Err(ApiError::invalid("This member of an event from Gmail cannot be changed."));
    }
    let own = old.get("organizer").and_then(|who| who.get("self")) == Some(&Value::Bool(true));
    let organizer_is_calendar = own || !old.contains_key("organizer");
    let shared = |event: Option<&Value>| event.and_then(|e| e.get("shared")).cloned();
    let new_shared = shared(change.get("extendedProperties"));
    if !organizer_is_calendar && new_shared.is_some() && new_shared != shared(old.get("extendedProperties")) {
        return Err(ApiError::non_organizer());
    }
    Ok(())
}

/// Whether a guest only answers for themselves (`attendeesOmitted` with one attendee).
fn own_answer_only(change: &Object, old: &Object) -> bool {
    change.get("attendeesOmitted") == Some(&json!(true))
        && change.get("attendees").and_then(Value::as_array).is_some_and(|list| list.len() == 1)
        && old.contains_key("attendees")
}

fn answer(event: &mut Object, change: &Object) {
    let mut rest = change.clone();
    rest.remove("attendeesOmitted");
    let own = rest.remove("attendees").and_then(|list| list.get(0).cloned());
    if let (Some(Value::Object(own)), Some(Value::Array(list))) = (own, event.get_mut("attendees")) {
        for attendee in list.iter_mut().filter_map(Value::as_object_mut) {
            if text(attendee, "email").eq_ignore_ascii_case(text(&own, "email")) {
                merge(attendee, &own);
            }
        }
    }
    merge(event, &rest);
}

/// DELETE of an event or an instance.
pub(crate) fn delete(state: &mut State, calendar: &str, id: &str, writer: &Writer) -> Result<(), ApiError> {
    let known = state.calendars.get(calendar).ok_or_else(ApiError::not_found)?;
    let old = find(known, id)?;
    if text(&old, "status") == "cancelled" {
        return Err(ApiError::deleted());
    }
    condition(writer, &old)?;
    let mut event = old.clone();
    event.insert("status".to_owned(), json!("cancelled"));
    commit(state, calendar, id, event, Some(&old), writer).map(|_| ())
}

/// POST events/import.
pub(crate) fn import(state: &mut State, calendar: &str, body: &Value, writer: &Writer) -> Result<Object, ApiError> {
    let ical = member(body, "iCalUID").ok_or_else(|| ApiError::required("Missing iCalUID."))?;
    if member(body, "eventType").is_some_and(|kind| kind != "default") {
        return Err(ApiError::invalid("Only events of the default type can be imported."));
    }
    if body.get("id").is_some() {
        return Err(ApiError::invalid("Invalid resource id value."));
    }
    let known = state.calendars.get(calendar).ok_or_else(ApiError::not_found)?;
    let earlier = known.with_ical(ical).into_iter().find(|id| known.rows.get(id).is_some_and(|r| r.master().is_none()));
    match earlier {
        Some(_) if !state.config.reimport_updates => Err(ApiError::duplicate()),
        Some(id) => change(state, calendar, &id, body, true, writer),
        None => {
            let mut writer = writer.clone();
            let mut event = writable(body, writer.options)?;
            event.retain(|_, value| !value.is_null());
            event.insert("eventType".to_owned(), json!("default"));
            let id = state.random.base32hex(26);
            // Only an import may say who organises.
            writer.options.god = body.get("organizer").is_some();
            birth(state, calendar, &id, Some(ical), body, &mut event, &writer);
            writer.options.god = false;
            commit(state, calendar, &id, event, None, &writer)
        }
    }
}

fn condition(writer: &Writer, old: &Object) -> Result<(), ApiError> {
    match writer.if_match.as_deref() {
        None | Some("*") => Ok(()),
        Some(given) if given == text(old, "etag") => Ok(()),
        Some(_) => Err(ApiError::precondition()),
    }
}

/// Stores a change with everything that follows from it.
fn commit(
    state: &mut State,
    calendar_id: &str,
    id: &str,
    mut event: Object,
    old: Option<&Object>,
    writer: &Writer,
) -> Result<Object, ApiError> {
    let known = state.calendars.get(calendar_id).ok_or_else(ApiError::not_found)?;
    settle(&mut event, Home { calendar: &known.id, zone: &known.time_zone })?;
    let stored = known.rows.get(id);
    let differs = |keys: &[&str]| old.is_none_or(|old| keys.iter().any(|key| old.get(*key) != event.get(*key)));
    let moved = old.is_some() && differs(&["start", "end", "recurrence"]);
    let cancelled = text(&event, "status") == "cancelled" && differs(&["status"]);
    let any = old.is_none_or(|old| old != &event);
    if let (Some(old), false, true) = (old, any, state.config.no_op_keeps_etag) {
        return Ok(old.clone());
    }
    let previous = old.and_then(|old| old.get("sequence")).and_then(Value::as_u64).unwrap_or(0);
    let asked = event.get("sequence").and_then(Value::as_u64).unwrap_or(0);
    event.insert("sequence".to_owned(), json!(asked.max(previous + u64::from(moved))));

    // An instance without a row shows its series' etag; its own must differ.
    let shown_us = old.map_or(0, stamp_of);
    let stamp_us = state.stamp_after(stored.map_or(shown_us, |row| row.stamp_us));
    if only_reminders_differ(old, &event) && stored.is_some() {
        // `updated` speaks of the main data only; the etag moves all the same.
    } else {
        event.insert("updated".to_owned(), json!(stamp_text(stamp_us)));
    }
    let is_series = event.contains_key("recurrence") || old.is_some_and(|old| old.contains_key("recurrence"));
    let mails = other_attendees(&event).max(old.map_or(0, other_attendees));
    let calendar = state.calendars.get_mut(calendar_id).ok_or_else(ApiError::not_found)?;
    calendar.put(id, event, stamp_us);
    if is_series && (cancelled || moved) {
        after_series_change(state, calendar_id, id, cancelled);
    }
    if writer.options.mail {
        state.counters.mails += mails;
    }
    if !writer.options.god {
        state.counters.writes += 1;
    }
    watch::changed(state, calendar_id);
    let calendar = state.calendars.get(calendar_id).ok_or_else(ApiError::not_found)?;
    calendar.rows.get(id).map(|row| row.body.clone()).ok_or_else(ApiError::not_found)
}

fn stamp_of(old: &Object) -> i64 {
    text(old, "etag").trim_matches('"').parse::<i64>().unwrap_or(0) / 2
}

fn only_reminders_differ(old: Option<&Object>, event: &Object) -> bool {
    old.is_some_and(|old| {
        let rest = |body: &Object| {
            let mut body = body.clone();
            body.remove("reminders");
            body
        };
        old.get("reminders") != event.get("reminders") && rest(old) == rest(event)
    })
}

fn other_attendees(event: &Object) -> u64 {
    let list = event.get("attendees").and_then(Value::as_array);
    list.map_or(0, |list| list.iter().filter(|who| who.get("self") != Some(&Value::Bool(true))).count() as u64)
}

/// Exceptions follow their series: cancelled with it, or dropped when it no longer has their start.
fn after_series_change(state: &mut State, calendar_id: &str, master: &str, cancelled: bool) {
    let now_us = state.now_ms.saturating_mul(1000);
    let (cancel, list) = (state.config.delete_cancels_exceptions, state.config.orphans_are_listed);
    let Some(calendar) = state.calendars.get_mut(calendar_id) else { return };
    let ids: Vec<String> = if cancelled {
        calendar.exceptions(master).filter(|(_, row)| !row.is_cancelled()).map(|(id, _)| id.clone()).collect()
    } else {
        orphans(calendar, master)
    };
    for id in ids {
        let Some(row) = calendar.rows.get(&id) else { continue };
        if !cancelled && !list {
            calendar.remove(&id);
        } else if (cancel || !cancelled) && !row.is_cancelled() {
            let stamp_us = now_us.max(row.stamp_us + 1000);
            let mut body = row.body.clone();
            body.insert("status".to_owned(), json!("cancelled"));
            body.insert("updated".to_owned(), json!(stamp_text(stamp_us)));
            calendar.put(&id, body, stamp_us);
        }
    }
}
