//! From JSCalendar to Google's `Event`: whole for a creation, only what differs for a change, so that whatever
//! Tandem does not know survives at Google (invariant I18).

use serde_json::{Map, Value, json};

use super::calendar_url;
use super::event::MARK;
use super::recurrence::local_text;
use super::recurrence::parse_local;
use crate::effects::{Method, Request};
use crate::event::Document;
use crate::event::keys::calendar_address;
use crate::provider::request::{conditional, encode, json_request};
use crate::provider::{New, Target, Update};
use crate::seeded::{Bug, has};
use crate::time;

/// Most reminders of an event.
const MAX_REMINDERS: usize = 5;

/// Create an event under our id.
pub(super) fn create(target: &Target<'_>, new: &New<'_>) -> Request {
    let mut body = fields(target, new.document);
    let lines = super::recurrence::whole(target, new.document);
    if !lines.is_empty() {
        body.insert("recurrence".into(), lines.into());
    }
    body.insert("id".into(), new.client_id.into());
    let properties = body.entry("extendedProperties").or_insert_with(|| json!({}));
    if let Some(properties) = properties.as_object_mut() {
        let private = properties.entry("private").or_insert_with(|| json!({}));
        if let Some(private) = private.as_object_mut() {
            private.insert(MARK.into(), new.mark.into());
        }
    }
    let url = format!("{}/events?{}", calendar_url(target), send_updates(new.notify));
    json_request(Method::Post, url, &Value::Object(body))
}

/// Change what differs; none when nothing does.
pub(super) fn update(target: &Target<'_>, update: &Update<'_>) -> Option<Request> {
    let (before, after) = (fields(target, update.from), fields(target, update.to));
    let mut body = difference(&before, &after);
    let lines = super::recurrence::current(target, update.from, update.lines);
    let wanted = super::recurrence::wanted(target, update.from, update.to, update.lines);
    if lines != wanted {
        body.insert("recurrence".into(), wanted.into());
    }
    if update.revive {
        body.insert("status".into(), "confirmed".into());
    }
    if body.is_empty() {
        return None;
    }
    let url = format!("{}/events/{}?{}", calendar_url(target), encode(update.remote_id), send_updates(update.notify));
    Some(conditional(json_request(Method::Patch, url, &Value::Object(body)), update.etag))
}

/// Delete an event or an exception.
pub(super) fn delete(target: &Target<'_>, remote_id: &str, etag: &str, notify: bool) -> Request {
    let url = format!("{}/events/{}?{}", calendar_url(target), encode(remote_id), send_updates(notify));
    conditional(Request { method: Method::Delete, url, headers: vec![], body: vec![] }, etag)
}

/// Mail to attendees goes out only when the edit asked for it (invariant I17).
fn send_updates(notify: bool) -> &'static str {
    if notify || has(Bug::MailSent) { "sendUpdates=all" } else { "sendUpdates=none" }
}

/// The fields of `after` that differ, and `null` for those that are gone.
fn difference(before: &Map<String, Value>, after: &Map<String, Value>) -> Map<String, Value> {
    let mut body = Map::new();
    for (name, value) in after.iter().filter(|(name, value)| before.get(*name) != Some(*value)) {
        match (name.as_str(), before.get(name)) {
            // The members of the other kind of time must be cleared by name.
            ("start" | "end", _) => drop(body.insert(name.clone(), whole_time(value))),
            // Reminders of its own are merged, and forbidden beside the default ones: they are cleared by name.
            ("reminders", Some(_)) if value.get("overrides").is_none() => {
                body.insert(name.clone(), json!({"useDefault": true, "overrides": []}));
            }
            ("extendedProperties", Some(Value::Object(before))) => {
                let merged = value.as_object().map(|after| nested(before, after)).unwrap_or_default();
                body.insert(name.clone(), Value::Object(merged));
            }
            _ => drop(body.insert(name.clone(), value.clone())),
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        let cleared = match name.as_str() {
            "reminders" => json!({"useDefault": false, "overrides": []}),
            "attendees" => json!([]),
            "extendedProperties" => before
                .get(name)
                .and_then(Value::as_object)
                .map(|before| nested(before, &Map::new()))
                .unwrap_or_default()
                .into(),
            _ => Value::Null,
        };
        body.insert(name.clone(), cleared);
    }
    // Half a time range can be empty or backwards together with the other half that is there.
    if body.contains_key("start") != body.contains_key("end") {
        for name in ["start", "end"] {
            if let Some(value) = after.get(name) {
                body.insert(name.into(), whole_time(value));
            }
        }
    }
    body
}

/// Two levels of maps, merged per key by Google: what is gone becomes `null`.
fn nested(before: &Map<String, Value>, after: &Map<String, Value>) -> Map<String, Value> {
    let empty = Map::new();
    let mut result = Map::new();
    for kind in ["private", "shared"] {
        let map =
            |of: &Map<String, Value>| of.get(kind).and_then(Value::as_object).cloned().unwrap_or_else(|| empty.clone());
        let (before, after) = (map(before), map(after));
        let mut changed: Map<String, Value> = after
            .iter()
            .filter(|(key, value)| before.get(*key) != Some(*value))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        changed.extend(before.keys().filter(|key| !after.contains_key(*key)).map(|key| (key.clone(), Value::Null)));
        if !changed.is_empty() {
            result.insert(kind.into(), Value::Object(changed));
        }
    }
    result
}

fn whole_time(value: &Value) -> Value {
    let member = |name: &str| value.get(name).cloned().unwrap_or(Value::Null);
    json!({"date": member("date"), "dateTime": member("dateTime"), "timeZone": member("timeZone")})
}

/// The writable fields of a document, without recurrence.
fn fields(target: &Target<'_>, document: &Document) -> Map<String, Value> {
    let mut to = Map::new();
    for (name, field) in [("title", "summary"), ("description", "description"), ("google.com:colorId", "colorId")] {
        if let Some(text) = document.str(name).filter(|text| !text.is_empty()) {
            to.insert(field.into(), text.into());
        }
    }
    times(target, document, &mut to);
    let location = document.object("locations").and_then(|all| all.values().find_map(|l| l.get("name")?.as_str()));
    if let Some(name) = location.filter(|name| !name.is_empty()) {
        to.insert("location".into(), name.into());
    }
    let status = if document.str("status") == Some("tentative") { "tentative" } else { "confirmed" };
    to.insert("status".into(), status.into());
    let transparency = if document.str("freeBusyStatus") == Some("free") { "transparent" } else { "opaque" };
    to.insert("transparency".into(), transparency.into());
    let visibility = match document.str("privacy") {
        Some("public") => "public",
        Some("private") => "private",
        Some("secret") => "confidential",
        _ => "default",
    };
    to.insert("visibility".into(), visibility.into());
    for name in ["guestsCanModify", "guestsCanInviteOthers", "guestsCanSeeOtherGuests"] {
        if let Some(value) = document.get(&format!("google.com:{name}")).filter(|value| value.is_boolean()) {
            to.insert(name.into(), value.clone());
        }
    }
    if let Some(reminders) = reminders(document) {
        to.insert("reminders".into(), reminders);
    }
    let attendees = attendees(document);
    if !attendees.is_empty() {
        to.insert("attendees".into(), attendees.into());
    }
    let mut properties = Map::new();
    for (name, field) in [("google.com:private", "private"), ("google.com:shared", "shared")] {
        if let Some(values) = document.object(name).filter(|values| !values.is_empty()) {
            properties.insert(field.into(), Value::Object(values.clone()));
        }
    }
    if !properties.is_empty() {
        to.insert("extendedProperties".into(), Value::Object(properties));
    }
    to
}

/// `start` and `end`. A floating event is placed in the calendar's zone: Google has no floating time.
fn times(target: &Target<'_>, document: &Document, to: &mut Map<String, Value>) {
    let Some(start) = document.str("start").and_then(parse_local) else { return };
    let duration = document.str("duration").and_then(time::Duration::parse).unwrap_or_default();
    if document.is_without_time() {
        let days = i64::from(duration.days).max(1);
        let date = |at: chrono::NaiveDateTime| json!({"date": at.format("%Y-%m-%d").to_string()});
        to.insert("start".into(), date(start));
        to.insert("end".into(), date(start + chrono::TimeDelta::days(days)));
        return;
    }
    let zone = document.str("timeZone").unwrap_or(target.time_zone);
    let end_zone = document.str("google.com:endTimeZone").filter(|zone| target.zones.exists(zone)).unwrap_or(zone);
    // Days are nominal, the rest is exact (RFC 8984 section 1.4.6).
    let nominal = start + chrono::TimeDelta::days(i64::from(duration.days));
    let exact = i64::try_from(duration.ms).unwrap_or(0);
    let end_utc_ms = target.zones.to_utc_ms(zone, nominal).map(|utc_ms| utc_ms + exact);
    let end = end_utc_ms.and_then(|utc_ms| target.zones.to_local(end_zone, utc_ms)).unwrap_or(nominal);
    // The second of two equal wall times cannot be said as one: the end would be before the start.
    let second = end_utc_ms.filter(|utc_ms| target.zones.to_utc_ms(end_zone, end) != Some(*utc_ms));
    let end = second.and_then(time::format_rfc3339).unwrap_or_else(|| local_text(end));
    let moment = |at: String, zone: &str| json!({"dateTime": at, "timeZone": zone});
    to.insert("start".into(), moment(local_text(start), zone));
    to.insert("end".into(), moment(end, end_zone));
}

fn reminders(document: &Document) -> Option<Value> {
    if document.get("useDefaultAlerts") == Some(&Value::Bool(true)) {
        return Some(json!({"useDefault": true}));
    }
    let overrides: Vec<Value> = document.object("alerts")?.values().filter_map(reminder).take(MAX_REMINDERS).collect();
    (!overrides.is_empty()).then(|| json!({"useDefault": false, "overrides": overrides}))
}

/// Google knows offsets before the start, in minutes, shown or mailed.
fn reminder(alert: &Value) -> Option<Value> {
    let trigger = alert.get("trigger")?;
    if trigger.get("relativeTo").is_some_and(|to| to != "start") {
        return None;
    }
    let offset = time::SignedDuration::parse(trigger.get("offset")?.as_str()?)?;
    let minutes = u64::try_from(-offset.nominal_ms()).ok()? / 60_000;
    let method = if alert.get("action").is_some_and(|action| action == "email") { "email" } else { "popup" };
    Some(json!({"method": method, "minutes": minutes}))
}

/// Everybody with an address and the role of an attendee, in the order of their addresses.
fn attendees(document: &Document) -> Vec<Value> {
    let mut list: Vec<(String, Value)> = document
        .object("participants")
        .into_iter()
        .flat_map(Map::values)
        .filter(|participant| role(participant, "attendee"))
        .filter_map(|participant| Some((calendar_address(participant)?, participant)))
        .map(|(address, participant)| (address.clone(), attendee(&address, participant)))
        .collect();
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list.into_iter().map(|(_, attendee)| attendee).collect()
}

fn role(participant: &Value, name: &str) -> bool {
    participant.get("roles").and_then(|roles| roles.get(name)) == Some(&Value::Bool(true))
}

fn attendee(address: &str, participant: &Value) -> Value {
    let mut to = Map::new();
    to.insert("email".into(), address.into());
    for (name, field) in [("name", "displayName"), ("participationComment", "comment")] {
        if let Some(text) = participant.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()) {
            to.insert(field.into(), text.into());
        }
    }
    if role(participant, "optional") {
        to.insert("optional".into(), true.into());
    }
    if participant.get("kind").is_some_and(|kind| kind == "resource") {
        to.insert("resource".into(), true.into());
    }
    let status = match participant.get("participationStatus").and_then(Value::as_str) {
        Some("accepted") => "accepted",
        Some("declined") => "declined",
        Some("tentative") => "tentative",
        _ => "needsAction",
    };
    to.insert("responseStatus".into(), status.into());
    if let Some(guests) = participant.get("google.com:additionalGuests").and_then(Value::as_u64) {
        to.insert("additionalGuests".into(), guests.into());
    }
    Value::Object(to)
}
