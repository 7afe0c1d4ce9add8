//! Bodies of events: which members a caller may write, and what the service makes of them.
//! Invariant: what leaves `read` is legal and in the form in which the service answers it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::config::Bound;
use super::error::ApiError;
use super::state::{Object, State, text};
use super::time::{Moment, unknown_member};
use super::{extension, html};

const READ_ONLY: [&str; 23] = [
    "id",
    "changeKey",
    "createdDateTime",
    "lastModifiedDateTime",
    "originalStartTimeZone",
    "originalEndTimeZone",
    "iCalUId",
    "hasAttachments",
    "bodyPreview",
    "isCancelled",
    "isOrganizer",
    "seriesMasterId",
    "type",
    "webLink",
    "onlineMeeting",
    "onlineMeetingUrl",
    "responseStatus",
    "isDraft",
    "originalStart",
    "cancelledOccurrences",
    "exceptionOccurrences",
    "organizer",
    "transactionId",
];
const UNMODELLED: [&str; 4] = ["attachments", "multiValueExtendedProperties", "calendar", "instances"];
const FLAGS: [&str; 5] =
    ["isReminderOn", "responseRequested", "allowNewTimeProposals", "hideAttendees", "isOnlineMeeting"];
const LOCATION: [&str; 8] = [
    "displayName",
    "locationEmailAddress",
    "address",
    "coordinates",
    "locationUri",
    "locationType",
    "uniqueId",
    "uniqueIdType",
];
/// What a test's own hand may set beside the writable members.
const BY_HAND: [&str; 7] = [
    "organizer",
    "responseStatus",
    "isCancelled",
    "hasAttachments",
    "originalStartTimeZone",
    "originalEndTimeZone",
    "isDraft",
];
const MAX_SUBJECT_CHARS: usize = 255;
const MAX_ATTENDEES: usize = 500;

/// What a write asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    /// Members as they will be answered.
    pub(crate) members: Object,
    pub(crate) start: Option<Moment>,
    pub(crate) end: Option<Moment>,
    pub(crate) all_day: Option<bool>,
    /// A new recurrence; null takes it away.
    pub(crate) recurrence: Option<Value>,
    pub(crate) extended: BTreeMap<String, String>,
    pub(crate) extensions: BTreeMap<String, Object>,
    pub(crate) transaction: Option<String>,
}

/// Who writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hand<'a> {
    pub(crate) account: &'a str,
    /// A POST of a new event.
    pub(crate) creates: bool,
    /// A test's own hand: members that only the service sets are taken too.
    pub(crate) god: bool,
}

fn wrong(key: &str) -> ApiError {
    ApiError::body_read(&format!("Cannot convert the value of '{key}' to the expected type."))
}

fn one_of(key: &str, value: &Value, allowed: &[&str]) -> Result<Value, ApiError> {
    if value.is_null() {
        return Ok(allowed.first().map_or(Value::Null, |word| json!(word)));
    }
    let known = value.as_str().is_some_and(|word| allowed.contains(&word));
    if known { Ok(value.clone()) } else { Err(wrong(key)) }
}

/// Reads the body of a write; `old` are the members that the event has so far.
pub(crate) fn read(state: &State, body: &Value, old: &Object, hand: Hand<'_>) -> Result<Change, ApiError> {
    let object = body.as_object().ok_or_else(|| ApiError::body_read("The body is no JSON object."))?;
    let mut change = Change::default();
    for (key, value) in object {
        let name = key.as_str();
        if key.contains('@') {
            continue;
        }
        if UNMODELLED.contains(&name) {
            return Err(ApiError::not_modelled(&format!("member {name}")));
        }
        if hand.god && BY_HAND.contains(&name) || (name == "organizer" && hand.creates) {
            change.members.insert(key.clone(), value.clone());
            continue;
        }
        if READ_ONLY.contains(&name) && !(name == "transactionId" && hand.creates) {
            match state.config.read_only_members {
                _ if hand.god => continue,
                Bound::Clamp => continue,
                Bound::Reject => return Err(ApiError::read_only(name)),
            }
        }
        member(state, &mut change, name, value, old, hand)?;
    }
    Ok(change)
}

fn member(
    state: &State,
    change: &mut Change,
    name: &str,
    value: &Value,
    old: &Object,
    hand: Hand<'_>,
) -> Result<(), ApiError> {
    let settled = match name {
        "start" => {
            change.start = Some(Moment::read(value, name)?);
            return Ok(());
        }
        "end" => {
            change.end = Some(Moment::read(value, name)?);
            return Ok(());
        }
        "isAllDay" => {
            change.all_day = Some(value.as_bool().ok_or_else(|| wrong(name))?);
            return Ok(());
        }
        "recurrence" => {
            change.recurrence = Some(value.clone());
            return Ok(());
        }
        "transactionId" => {
            change.transaction = value.as_str().map(str::to_owned);
            return Ok(());
        }
        "singleValueExtendedProperties" => {
            change.extended = extension::read_properties(value)?;
            return Ok(());
        }
        "extensions" if hand.creates => {
            for extension in value.as_array().ok_or_else(|| wrong(name))? {
                let (id, members) = extension::read_open(extension, None)?;
                change.extensions.insert(id, members);
            }
            return Ok(());
        }
        "location" => return locations(change, &json!([value])),
        "locations" => return locations(change, value),
        "body" => return content(state, change, value),
        "subject" => match value {
            Value::Null => json!(""),
            Value::String(word) if word.chars().count() <= MAX_SUBJECT_CHARS => value.clone(),
            _ => return Err(wrong(name)),
        },
        "importance" | "sensitivity" | "showAs" | "onlineMeetingProvider" => one_of(name, value, words(name))?,
        "categories" => match value {
            Value::Null => json!([]),
            Value::Array(list) if list.iter().all(Value::is_string) => value.clone(),
            _ => return Err(wrong(name)),
        },
        "reminderMinutesBeforeStart" => match value {
            Value::Null => json!(0),
            _ if value.as_i64().is_some() => value.clone(),
            _ => return Err(wrong(name)),
        },
        "attendees" => attendees(value, old, hand.account)?,
        _ if FLAGS.contains(&name) => match value {
            Value::Null => json!(false),
            Value::Bool(_) => value.clone(),
            _ => return Err(wrong(name)),
        },
        _ => return Err(unknown_member(name, "event")),
    };
    change.members.insert(name.to_owned(), settled);
    Ok(())
}

/// The words that a member may have, its default first.
fn words(name: &str) -> &'static [&'static str] {
    match name {
        "importance" => &["normal", "low", "high"],
        "sensitivity" => &["normal", "personal", "private", "confidential"],
        "showAs" => &["busy", "free", "tentative", "oof", "workingElsewhere", "unknown"],
        _ => &["unknown", "teamsForBusiness", "skypeForBusiness", "skypeForConsumer"],
    }
}

fn content(state: &State, change: &mut Change, value: &Value) -> Result<(), ApiError> {
    let empty = json!({ "contentType": "html", "content": "" });
    let object = if value.is_null() { &empty } else { value }.as_object().ok_or_else(|| wrong("body"))?;
    if let Some(key) =
        object.keys().find(|key| !matches!(key.as_str(), "contentType" | "content") && !key.contains('@'))
    {
        return Err(unknown_member(key, "itemBody"));
    }
    let kind = one_of("contentType", object.get("contentType").unwrap_or(&Value::Null), &["text", "html"])?;
    let given = text(object, "content");
    let (kind, stored) = match (state.config.rewrites_bodies, kind == "text") {
        (true, _) if given.is_empty() => (json!("html"), String::new()),
        (true, true) => (json!("html"), html::of_text(given, state.config.keeps_blanks)),
        (true, false) if state.config.keeps_blanks => (json!("html"), html::document(given)),
        (true, false) => (json!("html"), html::document(&html::folded(given))),
        (false, _) => (kind, given.to_owned()),
    };
    change.members.insert("bodyPreview".to_owned(), json!(html::preview(&stored)));
    change.members.insert("body".to_owned(), json!({ "contentType": kind, "content": stored }));
    Ok(())
}

/// `location` and `locations` are one thing: writing either replaces both.
fn locations(change: &mut Change, value: &Value) -> Result<(), ApiError> {
    let list = value.as_array().ok_or_else(|| wrong("locations"))?;
    let mut kept = Vec::new();
    for place in list.iter().filter(|place| !place.is_null()) {
        let place = place.as_object().ok_or_else(|| wrong("location"))?;
        if let Some(key) = place.keys().find(|key| !LOCATION.contains(&key.as_str()) && !key.contains('@')) {
            return Err(unknown_member(key, "location"));
        }
        if text(place, "displayName").is_empty() {
            continue;
        }
        let mut full = json!({ "locationType": "default", "uniqueIdType": "unknown" });
        if let Some(full) = full.as_object_mut() {
            full.extend(place.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())));
        }
        kept.push(full);
    }
    let names: Vec<&str> = kept.iter().filter_map(|place| place.get("displayName").and_then(Value::as_str)).collect();
    let shown = match kept.first() {
        Some(only) if kept.len() == 1 => only.clone(),
        _ => json!({ "displayName": names.join("; "), "locationType": "default", "uniqueIdType": "unknown" }),
    };
    change.members.insert("location".to_owned(), shown);
    change.members.insert("locations".to_owned(), Value::Array(kept));
    Ok(())
}

/// The address of an attendee or an organizer.
pub(crate) fn address(who: &Value) -> &str {
    who.get("emailAddress").and_then(|mail| mail.get("address")).and_then(Value::as_str).unwrap_or_default()
}

fn attendees(value: &Value, old: &Object, account: &str) -> Result<Value, ApiError> {
    if value.is_null() {
        return Ok(json!([]));
    }
    let known = old.get("attendees").and_then(Value::as_array);
    let list = value.as_array().filter(|list| list.len() <= MAX_ATTENDEES).ok_or_else(|| wrong("attendees"))?;
    let mut settled = Vec::new();
    for attendee in list {
        let object = attendee.as_object().ok_or_else(|| wrong("attendees"))?;
        let fits = |key: &&String| {
            !matches!(key.as_str(), "type" | "emailAddress" | "status" | "proposedNewTime") && !key.contains('@')
        };
        if let Some(key) = object.keys().find(fits) {
            return Err(unknown_member(key, "attendee"));
        }
        let mail = address(attendee);
        if !mail.contains('@') {
            return Err(ApiError::new(400, "ErrorInvalidRecipients", "At least one recipient is not valid."));
        }
        let kind = one_of("type", object.get("type").unwrap_or(&Value::Null), &["required", "optional", "resource"])?;
        let name = attendee.pointer("/emailAddress/name").and_then(Value::as_str).unwrap_or(mail);
        // Answers are the attendees' own: what they said stays, what the caller says of it is not taken.
        let same = |other: &&Value| address(other).eq_ignore_ascii_case(mail);
        let answered = known.and_then(|all| all.iter().find(same)).and_then(|other| other.get("status")).cloned();
        let own = if mail.eq_ignore_ascii_case(account) { "organizer" } else { "none" };
        let fresh = || json!({ "response": own, "time": "0001-01-01T00:00:00Z" });
        settled.push(json!({
            "type": kind,
            "status": answered.unwrap_or_else(fresh),
            "emailAddress": { "name": name, "address": mail },
        }));
    }
    Ok(Value::Array(settled))
}

/// What a new event has when its maker does not say otherwise.
pub(crate) fn defaults(account: &str) -> Object {
    let who = json!({ "emailAddress": { "name": account, "address": account } });
    let place = json!({ "displayName": "", "locationType": "default", "uniqueIdType": "unknown" });
    let all = json!({
        "subject": "",
        "body": { "contentType": "html", "content": "" },
        "bodyPreview": "",
        "importance": "normal",
        "sensitivity": "normal",
        "showAs": "busy",
        "categories": [],
        "reminderMinutesBeforeStart": 15,
        "isReminderOn": true,
        "hasAttachments": false,
        "isCancelled": false,
        "responseRequested": true,
        "allowNewTimeProposals": true,
        "hideAttendees": false,
        "isDraft": false,
        "isOnlineMeeting": false,
        "onlineMeetingProvider": "unknown",
        "onlineMeeting": null,
        "onlineMeetingUrl": null,
        "location": place,
        "locations": [],
        "attendees": [],
        "organizer": who,
        "responseStatus": { "response": "organizer", "time": "0001-01-01T00:00:00Z" },
    });
    all.as_object().cloned().unwrap_or_default()
}
