//! Bodies of events: which members a caller may write, and what the service makes of them.
//! Invariant: what leaves `settle` is a legal event in the form in which the real service answers it.

use serde_json::{Value, json};

use super::error::ApiError;
use super::rule::{Recurrence, RuleError};
use super::state::{Object, text};
use super::time::When;

const WRITABLE: [&str; 26] = [
    "summary",
    "description",
    "location",
    "start",
    "end",
    "recurrence",
    "status",
    "transparency",
    "visibility",
    "colorId",
    "attendees",
    "attendeesOmitted",
    "reminders",
    "extendedProperties",
    "source",
    "attachments",
    "guestsCanInviteOthers",
    "guestsCanModify",
    "guestsCanSeeOtherGuests",
    "anyoneCanAddSelf",
    "sequence",
    "outOfOfficeProperties",
    "focusTimeProperties",
    "workingLocationProperties",
    "birthdayProperties",
    "conferenceData",
];
/// Sent back by callers that PUT what they got; the service does not take them.
const SERVER_SET: [&str; 16] = [
    "kind",
    "etag",
    "created",
    "updated",
    "creator",
    "htmlLink",
    "hangoutLink",
    "locked",
    "organizer",
    "iCalUID",
    "recurringEventId",
    "originalStartTime",
    "privateCopy",
    "eventType",
    "endTimeUnspecified",
    "id",
];
const UNMODELLED: [&str; 2] = ["eventLabelId", "gadget"];

const MAX_ATTACHMENTS: usize = 25;
const MAX_REMINDERS: usize = 5;
const MAX_PROPERTY_KEY_CHARS: usize = 44;
const MAX_PROPERTY_VALUE_CHARS: usize = 1024;
const MAX_PROPERTIES: usize = 300;
const MAX_PROPERTY_BYTES: usize = 32 * 1024;

/// What a write's query asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WriteOptions {
    /// Mails go to the other attendees.
    pub(crate) mail: bool,
    pub(crate) attachments: bool,
    pub(crate) conference: bool,
    /// A test's own hand: server-set members are taken too.
    pub(crate) god: bool,
}

/// The members that a write may change. Unknown ones are 400, unmodelled ones 501, server-set ones are left out.
pub(crate) fn writable(body: &Value, options: WriteOptions) -> Result<Object, ApiError> {
    let object = body.as_object().ok_or_else(ApiError::parse_error)?;
    let mut taken = Object::new();
    for (key, value) in object {
        let name = key.as_str();
        if UNMODELLED.contains(&name) {
            return Err(ApiError::not_modelled(&format!("member {name}")));
        }
        if SERVER_SET.contains(&name) {
            continue;
        }
        if !WRITABLE.contains(&name) {
            return Err(ApiError::bad_request(&format!(
                "Invalid JSON payload received. Unknown name \"{name}\": Cannot find field."
            )));
        }
        if name == "conferenceData" && options.conference {
            return Err(ApiError::not_modelled("conferenceData"));
        }
        let ignored = (name == "conferenceData" && !options.god)
            || (name == "attachments" && !options.attachments && !options.god);
        if !ignored {
            taken.insert(key.clone(), value.clone());
        }
    }
    Ok(taken)
}

/// PATCH: objects merge member by member, `null` clears, everything else (arrays too) is replaced whole.
pub(crate) fn merge(into: &mut Object, patch: &Object) {
    for (key, value) in patch {
        match (value, into.get_mut(key)) {
            (Value::Null, _) => {
                into.remove(key);
            }
            (Value::Object(inner), Some(Value::Object(old))) => merge(old, inner),
            (Value::Object(inner), _) => {
                let mut fresh = Object::new();
                merge(&mut fresh, inner);
                into.insert(key.clone(), Value::Object(fresh));
            }
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// PUT: every writable member is taken from `replacement` or cleared.
pub(crate) fn replace(into: &mut Object, replacement: &Object) {
    // Conference data stays when the caller does not speak of it; types and their properties are immutable.
    into.retain(|key, _| !WRITABLE.contains(&key.as_str()) || matches!(key.as_str(), "conferenceData" | "sequence"));
    let fresh: Object = replacement.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect();
    into.extend(fresh);
}

/// Whose calendar it is and in which zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home<'a> {
    pub(crate) calendar: &'a str,
    pub(crate) zone: &'a str,
}

/// Checks an event and brings it into the form in which it is answered.
pub(crate) fn settle(event: &mut Object, home: Home<'_>) -> Result<(), ApiError> {
    recurrence(event)?;
    times(event, home)?;
    words(event)?;
    attendees(event, home)?;
    reminders(event)?;
    properties(event)?;
    let attachments = event.get("attachments").and_then(Value::as_array).map_or(0, Vec::len);
    if attachments > MAX_ATTACHMENTS {
        return Err(ApiError::invalid("Too many attachments."));
    }
    Ok(())
}

fn recurrence(event: &mut Object) -> Result<(), ApiError> {
    let Some(lines) = event.get("recurrence") else { return Ok(()) };
    if lines.as_array().is_some_and(Vec::is_empty) {
        event.remove("recurrence");
        return Ok(());
    }
    if event.contains_key("recurringEventId") {
        return Err(ApiError::invalid("An instance cannot have a recurrence."));
    }
    match Recurrence::read(lines) {
        // A rule that is not expanded here can still be stored.
        Ok(_) | Err(RuleError::NotModelled(_)) => Ok(()),
        Err(RuleError::Invalid) => Err(ApiError::invalid("Invalid recurrence rule.")),
    }
}

fn times(event: &mut Object, home: Home<'_>) -> Result<(), ApiError> {
    let recurring = event.contains_key("recurrence");
    let start = When::read(event.get("start"), "start", recurring)?;
    let end = When::read(event.get("end"), "end", recurring)?;
    let empty = match (&start, &end) {
        (When::Day(first), When::Day(last)) => last <= first,
        (When::Moment(first, _), When::Moment(last, _)) => last < first,
        _ => return Err(ApiError::invalid("Start and end times must either both be date or both be dateTime.")),
    };
    if empty {
        return Err(ApiError::time_range_empty(None));
    }
    event.insert("start".to_owned(), start.write(home.zone));
    event.insert("end".to_owned(), end.write(home.zone));
    Ok(())
}

fn one_of(event: &Object, key: &str, allowed: &[&str]) -> Result<(), ApiError> {
    match event.get(key) {
        None => Ok(()),
        Some(Value::String(word)) if allowed.contains(&word.as_str()) => Ok(()),
        Some(_) => Err(ApiError::invalid(&format!("Invalid value for: {key}"))),
    }
}

fn words(event: &mut Object) -> Result<(), ApiError> {
    for key in ["summary", "description", "location"] {
        match event.get(key) {
            None => {}
            // An empty text is answered as no text.
            Some(Value::String(word)) if word.is_empty() => {
                event.remove(key);
            }
            Some(Value::String(_)) => {}
            Some(_) => return Err(ApiError::invalid(&format!("Invalid value for: {key}"))),
        }
    }
    one_of(event, "status", &["confirmed", "tentative", "cancelled"])?;
    one_of(event, "transparency", &["opaque", "transparent"])?;
    one_of(event, "visibility", &["default", "public", "private", "confidential"])?;
    one_of(event, "colorId", &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"])?;
    if !event.contains_key("status") {
        event.insert("status".to_owned(), json!("confirmed"));
    }
    // Defaults are not answered.
    let defaults = [
        ("transparency", json!("opaque")),
        ("visibility", json!("default")),
        ("guestsCanInviteOthers", json!(true)),
        ("guestsCanModify", json!(false)),
        ("guestsCanSeeOtherGuests", json!(true)),
        ("attendeesOmitted", json!(false)),
    ];
    for (key, default) in defaults {
        match event.get(key) {
            Some(value) if *value == default => {
                event.remove(key);
            }
            Some(value) if default.is_boolean() && !value.is_boolean() => {
                return Err(ApiError::invalid(&format!("Invalid value for: {key}")));
            }
            _ => {}
        }
    }
    if event.get("sequence").is_some_and(|value| value.as_u64().is_none()) {
        return Err(ApiError::invalid("Invalid value for: sequence"));
    }
    Ok(())
}

fn attendees(event: &mut Object, home: Home<'_>) -> Result<(), ApiError> {
    let organizer = event.get("organizer").and_then(|who| who.get("email")).and_then(Value::as_str);
    let organizer = organizer.unwrap_or_default().to_owned();
    let Some(list) = event.get_mut("attendees") else { return Ok(()) };
    let bad = || ApiError::invalid("Invalid attendee email.");
    let list = list.as_array_mut().ok_or_else(bad)?;
    for attendee in list.iter_mut() {
        let attendee = attendee.as_object_mut().ok_or_else(bad)?;
        attendee.retain(|key, value| !value.is_null() && !matches!(key.as_str(), "self" | "organizer"));
        let email = text(attendee, "email").to_owned();
        if !email.contains('@') {
            return Err(bad());
        }
        one_of(attendee, "responseStatus", &["needsAction", "declined", "tentative", "accepted"])?;
        if !attendee.contains_key("responseStatus") {
            attendee.insert("responseStatus".to_owned(), json!("needsAction"));
        }
        if attendee.get("optional") == Some(&json!(false)) {
            attendee.remove("optional");
        }
        if email.eq_ignore_ascii_case(&organizer) {
            attendee.insert("organizer".to_owned(), json!(true));
        }
        if email.eq_ignore_ascii_case(home.calendar) {
            attendee.insert("self".to_owned(), json!(true));
        }
    }
    if list.is_empty() {
        event.remove("attendees");
    }
    Ok(())
}

fn reminders(event: &mut Object) -> Result<(), ApiError> {
    let Some(value) = event.get_mut("reminders") else {
        event.insert("reminders".to_owned(), json!({ "useDefault": true }));
        return Ok(());
    };
    let bad = |what: &str| ApiError::invalid(&format!("Invalid reminders: {what}"));
    let reminders = value.as_object_mut().ok_or_else(|| bad("not an object"))?;
    let use_default = match reminders.get("useDefault") {
        None => false,
        Some(Value::Bool(on)) => *on,
        Some(_) => return Err(bad("useDefault")),
    };
    reminders.insert("useDefault".to_owned(), json!(use_default));
    let overrides = match reminders.get("overrides") {
        None => &[][..],
        Some(Value::Array(list)) => list.as_slice(),
        Some(_) => return Err(bad("overrides")),
    };
    if overrides.len() > MAX_REMINDERS {
        return Err(bad("too many overrides"));
    }
    if use_default && !overrides.is_empty() {
        return Err(ApiError::invalid("Cannot specify both default reminders and overrides at the same time."));
    }
    for reminder in overrides {
        let method = reminder.get("method").and_then(Value::as_str);
        let minutes = reminder.get("minutes").and_then(Value::as_u64);
        if !matches!(method, Some("email" | "popup")) || minutes.is_none_or(|m| m > 40_320) {
            return Err(bad("override"));
        }
    }
    if overrides.is_empty() {
        reminders.remove("overrides");
    }
    Ok(())
}

fn properties(event: &mut Object) -> Result<(), ApiError> {
    let Some(value) = event.get_mut("extendedProperties") else { return Ok(()) };
    let bad = || ApiError::invalid("Invalid extended properties.");
    let kinds = value.as_object_mut().ok_or_else(bad)?;
    let (mut count, mut bytes) = (0, 0);
    for (kind, entries) in kinds.iter_mut() {
        if kind != "private" && kind != "shared" {
            return Err(ApiError::bad_request("Unknown name in extendedProperties."));
        }
        let entries = entries.as_object_mut().ok_or_else(bad)?;
        // Too long a key is dropped and too long a value cut, both without a word.
        entries.retain(|key, value| key.chars().count() <= MAX_PROPERTY_KEY_CHARS && !value.is_null());
        for (key, entry) in entries.iter_mut() {
            let word = entry.as_str().ok_or_else(bad)?;
            let cut: String = word.chars().take(MAX_PROPERTY_VALUE_CHARS).collect();
            count += 1;
            bytes += key.len() + cut.len();
            *entry = Value::from(cut);
        }
    }
    kinds.retain(|_, entries| entries.as_object().is_some_and(|inner| !inner.is_empty()));
    if count > MAX_PROPERTIES || bytes > MAX_PROPERTY_BYTES {
        return Err(ApiError::invalid("Too many extended properties."));
    }
    if kinds.is_empty() {
        event.remove("extendedProperties");
    }
    Ok(())
}
