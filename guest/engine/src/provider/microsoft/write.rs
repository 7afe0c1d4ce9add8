//! From JSCalendar to Graph's `event`: whole for a creation, only what differs for a change, so that whatever Tandem
//! does not know survives at Microsoft (invariant I18).

use serde_json::{Map, Value, json};

use super::event::{END_ZONE, IS_ORGANIZER, MARK, ZONE};
use super::recurrence::{local_text, parse_local};
use super::{body, events_url, prefer, zones};
use crate::effects::{Method, Request};
use crate::event::Document;
use crate::event::keys::calendar_address;
use crate::provider::request::{conditional, encode, json_request};
use crate::provider::{New, Refused, Target, Update};
use crate::time;

/// What of an invitation is the invited person's own.
const OWN: [&str; 5] = ["showAs", "sensitivity", "categories", "isReminderOn", "reminderMinutesBeforeStart"];

/// Create an event. Graph chooses the id; `transactionId` makes a repetition find the first one.
pub(super) fn create(target: &Target<'_>, new: &New<'_>) -> Result<Request, Refused> {
    let mut to = fields(new.document);
    let times = times(target, new.document)?;
    if let Some(recurrence) = super::recurrence::write(new.document, &times.zone)? {
        super::recurrence::check_dates(new.document, None)?;
        to.insert("recurrence".into(), recurrence);
    }
    to.extend(times.members);
    to.insert("body".into(), description(new.document, ""));
    let attendees = attendees(new.document);
    if new.notify && !attendees.is_empty() {
        to.insert("attendees".into(), attendees.into());
    }
    to.insert("transactionId".into(), new.client_id.into());
    to.insert("singleValueExtendedProperties".into(), json!([{"id": MARK, "value": new.mark}]));
    Ok(prefer(json_request(Method::Post, events_url(target), &Value::Object(to))))
}

/// Change what differs; none when nothing does.
pub(super) fn update(target: &Target<'_>, update: &Update<'_>) -> Result<Option<Request>, Refused> {
    let (from, to) = (update.from, update.to);
    let before = fields(from);
    let mut body = fields(to);
    body.retain(|name, value| before.get(name) != Some(value));
    let text = |document: &Document| ["description", "descriptionContentType"].map(|name| document.get(name).cloned());
    if text(from) != text(to) && text(&body::shown(from)) != text(&body::shown(to)) {
        body.insert("body".into(), description(to, &update.lines.blob));
    }
    when(target, from, to, &mut body)?;
    // Mail goes out whenever attendees change, whatever is asked for: they are written only when the edit wants that
    // (invariant I17).
    if update.notify && attendees(from) != attendees(to) {
        body.insert("attendees".into(), attendees(to).into());
    }
    if body.is_empty() {
        return Ok(None);
    }
    if to.get(IS_ORGANIZER) == Some(&Value::Bool(false)) && body.keys().any(|name| !OWN.contains(&name.as_str())) {
        let detail = "only the organizer may change this; edit it in the organizer's calendar, or undo the change";
        return Err(Refused { code: "not-the-organizer", detail });
    }
    let url = format!("{}/{}", events_url(target), encode(update.remote_id));
    Ok(Some(conditional(prefer(json_request(Method::Patch, url, &Value::Object(body))), update.etag)))
}

/// Delete an event or an exception. Whether attendees hear of it is not for the caller to say.
pub(super) fn delete(target: &Target<'_>, remote_id: &str, etag: &str) -> Request {
    let url = format!("{}/{}", events_url(target), encode(remote_id));
    conditional(prefer(Request { method: Method::Delete, url, headers: vec![], body: vec![] }), etag)
}

/// Times and recurrence, where they differ. A series is told both together: its range begins on the day of its start.
fn when(target: &Target<'_>, from: &Document, to: &Document, body: &mut Map<String, Value>) -> Result<(), Refused> {
    let names = ["start", "timeZone", "duration", "showWithoutTime", ZONE, END_ZONE];
    let rules = ["recurrenceRules", "excludedRecurrenceRules"];
    let differ = |names: &[&str]| names.iter().any(|name| from.get(name) != to.get(name));
    super::recurrence::check_dates(to, Some(from))?;
    if !differ(&names) && !differ(&rules) && from.is_recurring() == to.is_recurring() {
        return Ok(());
    }
    let after = times(target, to)?;
    let recurrence = super::recurrence::write(to, &after.zone)?;
    let before = times(target, from).ok();
    let known = before.as_ref().and_then(|before| super::recurrence::write(from, &before.zone).ok().flatten());
    let moved = before.is_none_or(|before| before.members != after.members);
    if recurrence != known || (moved && recurrence.is_some()) {
        body.insert("recurrence".into(), recurrence.unwrap_or(Value::Null));
    }
    if moved {
        body.extend(after.members);
    }
    Ok(())
}

/// `start`, `end` and `isAllDay`.
struct Times {
    members: Map<String, Value>,
    /// The name of the zone that they are written in.
    zone: String,
}

/// A floating event is placed in the calendar's zone: Graph has no floating time. An event without a time is whole
/// days, from midnight to midnight in one zone.
fn times(target: &Target<'_>, document: &Document) -> Result<Times, Refused> {
    let bad = Refused { code: "bad-times", detail: "the event's times cannot be read; correct them" };
    let start = document.str("start").and_then(parse_local).ok_or(bad)?;
    let duration = document.str("duration").and_then(time::Duration::parse).unwrap_or_default();
    let kept = document.str(ZONE);
    let moment = |at, zone: &str| json!({"dateTime": local_text(at), "timeZone": zone});
    if document.is_without_time() {
        let own = kept.and_then(|name| zones::zone_of(target, name));
        let zone = zones::write(target, own.as_deref().unwrap_or(target.time_zone), kept);
        let zone = zone.unwrap_or_else(|| "UTC".to_owned());
        let end = start + chrono::TimeDelta::days(i64::from(duration.days).max(1));
        let members = [("start", moment(start, &zone)), ("end", moment(end, &zone)), ("isAllDay", true.into())];
        return Ok(Times {
            members: members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect(),
            zone,
        });
    }
    let zone = document.str("timeZone").unwrap_or(target.time_zone);
    let end_zone = document.str(END_ZONE).filter(|zone| target.zones.exists(zone)).unwrap_or(zone);
    // Days are nominal, the rest is exact (RFC 8984 section 1.4.6).
    let nominal = start + chrono::TimeDelta::days(i64::from(duration.days));
    let begin_ms = target.zones.to_utc_ms(zone, start);
    let end_ms = target.zones.to_utc_ms(zone, nominal).map(|ms| ms + i64::try_from(duration.ms).unwrap_or(0));
    let local = |zone, ms: Option<i64>| target.zones.to_local(zone, ms?);
    let (name, start, end, end_name) = match zones::write(target, zone, kept) {
        Some(name) => {
            let end_name = zones::write(target, end_zone, None).filter(|_| end_zone != zone);
            let shown_in = if end_name.is_some() { end_zone } else { zone };
            let end = local(shown_in, end_ms).unwrap_or(nominal);
            (name.clone(), start, end, end_name.unwrap_or(name))
        }
        None if document.is_recurring() => {
            let detail = "Outlook does not know the event's time zone, and a series needs it; choose a larger one";
            return Err(Refused { code: "unknown-time-zone", detail });
        }
        // The instants are what counts.
        None => {
            let utc = "UTC".to_owned();
            let (start, end) = (local("UTC", begin_ms).unwrap_or(start), local("UTC", end_ms).unwrap_or(nominal));
            (utc.clone(), start, end, utc)
        }
    };
    let members = [("start", moment(start, &name)), ("end", moment(end, &end_name)), ("isAllDay", false.into())];
    Ok(Times { members: members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect(), zone: name })
}

fn description(document: &Document, blob: &str) -> Value {
    let html = document.str("descriptionContentType").is_some_and(body::is_html);
    body::write(document.str("description").unwrap_or_default(), html, blob)
}

/// The writable fields of a document, without times, recurrence, description and attendees. All are always there, so
/// that what is gone is written as Graph's default; reminders are not when the calendar's own are wanted.
fn fields(document: &Document) -> Map<String, Value> {
    let mut to = Map::new();
    let show_as = match document.str("freeBusyStatus") {
        Some("free") => "free",
        Some("tentative") => "tentative",
        Some("unavailable") => "oof",
        _ => document.str("microsoft.com:showAs").unwrap_or("busy"),
    };
    let sensitivity = match document.str("privacy") {
        Some("private") => "private",
        Some("secret") => "confidential",
        _ => document.str("microsoft.com:sensitivity").unwrap_or("normal"),
    };
    let importance = match document.get("priority").and_then(Value::as_i64) {
        Some(1..=4) => "high",
        Some(6..=9) => "low",
        _ => "normal",
    };
    to.insert("subject".into(), document.str("title").unwrap_or_default().into());
    to.insert("showAs".into(), show_as.into());
    to.insert("sensitivity".into(), sensitivity.into());
    to.insert("importance".into(), importance.into());
    let categories: Vec<Value> =
        document.object("keywords").into_iter().flat_map(Map::keys).map(|name| name.clone().into()).collect();
    to.insert("categories".into(), categories.into());
    place(document, &mut to);
    if document.get("useDefaultAlerts") != Some(&Value::Bool(true)) {
        let minutes = document.object("alerts").into_iter().flat_map(Map::values).filter_map(reminder).min();
        to.insert("isReminderOn".into(), minutes.is_some().into());
        to.extend(minutes.map(|minutes| ("reminderMinutesBeforeStart".to_owned(), minutes.into())));
    }
    to
}

/// `location` replaces all places; `locations` is for several.
fn place(document: &Document, to: &mut Map<String, Value>) {
    let all = document.object("locations").into_iter().flat_map(Map::values);
    let names: Vec<&str> = all.filter_map(|l| l.get("name")?.as_str()).filter(|name| !name.is_empty()).collect();
    match names.as_slice() {
        [] | [_] => {
            let name = names.first().copied().unwrap_or_default();
            to.insert("location".into(), json!({"displayName": name}));
        }
        several => {
            let list: Vec<Value> = several.iter().map(|name| json!({"displayName": name})).collect();
            to.insert("locations".into(), list.into());
        }
    }
}

/// Graph knows one offset before the start, in minutes: the closest one.
fn reminder(alert: &Value) -> Option<u64> {
    let trigger = alert.get("trigger")?;
    if trigger.get("relativeTo").is_some_and(|to| to != "start") {
        return None;
    }
    let offset = time::SignedDuration::parse(trigger.get("offset")?.as_str()?)?;
    Some(u64::try_from(-offset.nominal_ms()).ok()? / 60_000)
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

/// What they answered is theirs to say, and not written.
fn attendee(address: &str, participant: &Value) -> Value {
    let kind = match participant.get("kind").and_then(Value::as_str) {
        Some("resource" | "location") => "resource",
        _ if role(participant, "optional") => "optional",
        _ => "required",
    };
    let name = participant.get("name").and_then(Value::as_str).unwrap_or(address);
    json!({"type": kind, "emailAddress": {"address": address, "name": name}})
}
