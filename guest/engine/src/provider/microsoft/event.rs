//! From Graph's `event` to JSCalendar.
//!
//! The result depends on the row alone, never on what is stored: the same row always gives the same document, which
//! is how an echo is recognised (version tags move by themselves here).

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::{Map, Value, json};

use super::recurrence::{local_text, parse_local};
use super::{body, wire, zones};
use crate::event::Document;
use crate::id::participant_key;
use crate::provider::{Lines, RemoteEvent, RemoteException, Row, Skipped, Target};
use crate::recurrence;
use crate::time;

/// The extended property that holds our origin mark: a name in a set of our own.
pub(super) const MARK: &str = "String {7f3c1a52-6d0e-4b8f-9a41-2c5d8e90b7a6} Name tandem";
/// The name of the zone as it was received, where the zone alone would be written with another.
pub(super) const ZONE: &str = "microsoft.com:timeZone";
/// The zone of the end, when it is not that of the start.
pub(super) const END_ZONE: &str = "microsoft.com:endTimeZone";
/// False for an invitation: most of it is the organizer's.
pub(super) const IS_ORGANIZER: &str = "microsoft.com:isOrganizer";
/// How long after its creation the service itself may still touch an event, in milliseconds.
const MADE_WITHIN_MS: i64 = 1_000;
/// How a deleted occurrence is named: `OID.<master>.<date>`.
pub(super) const CANCELLED: &str = "OID.";

/// Read a row.
pub(super) fn read(target: &Target<'_>, event: wire::Event) -> Result<Row, Skipped> {
    let Some(id) = event.id.clone().filter(|id| !id.is_empty()) else {
        return Err(skipped(None, "missing-id", "the row has no id"));
    };
    if event.removed.is_some() {
        return Ok(Row::Gone(id));
    }
    match event.series_master_id.clone() {
        Some(master) if is_instance(&event) => Ok(Row::Exception(Box::new(exception_row(id, master, &event)))),
        _ => master(target, id, event).map(|event| Row::Event(Box::new(event))),
    }
}

/// Whether a row is an occurrence of a series, changed or not.
pub(super) fn is_instance(event: &wire::Event) -> bool {
    matches!(event.kind.as_deref(), Some("occurrence" | "exception"))
}

fn exception_row(id: String, master: String, event: &wire::Event) -> RemoteException {
    RemoteException {
        master,
        etag: event.etag.clone().unwrap_or_default(),
        updated_ms: updated_ms(event),
        row: serde_json::to_string(event).unwrap_or_default(),
        id,
    }
}

fn updated_ms(event: &wire::Event) -> u64 {
    let text = event.last_modified_date_time.as_deref();
    text.and_then(time::parse_rfc3339).and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)
}

/// Whether an event was changed since it was made: a repeated creation is answered with the first event as it is now.
pub(super) fn is_older(body: &[u8]) -> bool {
    let event: wire::Event = serde_json::from_slice(body).unwrap_or_default();
    let created = event.created_date_time.as_deref().and_then(time::parse_rfc3339);
    let changed = event.last_modified_date_time.as_deref().and_then(time::parse_rfc3339);
    created.zip(changed).is_some_and(|(created, changed)| changed - created > MADE_WITHIN_MS)
}

fn master(target: &Target<'_>, id: String, mut event: wire::Event) -> Result<RemoteEvent, Skipped> {
    let uid = event.ical_uid.take().filter(|uid| !uid.is_empty()).unwrap_or_else(|| format!("{id}@outlook.com"));
    let properties = event.single_value_extended_properties.take();
    let tagged = event.transaction_id.as_deref().is_some_and(|id| !id.is_empty());
    let hides_mark = tagged && properties.is_none();
    let mark = properties.into_iter().flatten().find(|property| property.id.eq_ignore_ascii_case(MARK));
    let exceptions = exceptions(&id, &mut event);
    let etag = event.etag.take().unwrap_or_default();
    let updated_ms = updated_ms(&event);
    let rule = event.recurrence.take();
    let zone = rule.as_ref().and_then(|rule| rule.range.recurrence_time_zone.as_deref());
    let when = When::read(target, &event, zone).map_err(|(code, detail)| skipped(Some(id.clone()), code, detail))?;
    let (mut properties, blob) = content(event);
    properties.insert("uid".into(), uid.into());
    when.write(&mut properties);
    if let Some(rule) = &rule {
        let detail = "the recurrence is of a kind that is not known";
        super::recurrence::read(rule, &mut properties)
            .ok_or_else(|| skipped(Some(id.clone()), "unknown-recurrence", detail))?;
    }
    let lines = Lines { blob, ..Lines::default() };
    let (document, mark) = (Document::from_clean(properties), mark.map(|property| property.value));
    Ok(RemoteEvent {
        id,
        etag,
        updated_ms,
        document,
        mark,
        writable: true,
        lines,
        exceptions,
        exceptions_span: None,
        hides_mark,
    })
}

/// All exceptions of a series, when the answer has them: those that are changed, and those that are deleted.
fn exceptions(master: &str, event: &mut wire::Event) -> Option<Vec<RemoteException>> {
    let changed = event.exception_occurrences.take();
    let cancelled = event.cancelled_occurrences.take();
    if changed.is_none() && cancelled.is_none() {
        return None;
    }
    let changed = changed.into_iter().flatten().filter_map(|event| {
        let id = event.id.clone()?;
        Some(exception_row(id, master.to_owned(), &event))
    });
    let cancelled = cancelled.into_iter().flatten().map(|id| {
        let (etag, row) = (String::new(), String::new());
        RemoteException { id, master: master.to_owned(), etag, updated_ms: 0, row }
    });
    Some(changed.chain(cancelled).collect())
}

/// The document of an exception: an event of its own, in the zone of its master where it can be; and the online
/// meeting's block of its body.
pub(super) fn exception(
    target: &Target<'_>,
    event: wire::Event,
    master: &Document,
    recurrence_id: &str,
) -> Result<(Document, String), Skipped> {
    let id = event.id.clone();
    let mut when = When::read(target, &event, None).map_err(|(code, detail)| skipped(id, code, detail))?;
    when.move_to_zone(target, master);
    when.stay(target, recurrence_id);
    let (mut properties, blob) = content(event);
    when.write(&mut properties);
    Ok((Document::from_clean(properties), blob))
}

/// The recurrence id of an exception: its original start in the zone of its master.
pub(super) fn original_start(target: &Target<'_>, event: &wire::Event, master: &Document) -> Option<String> {
    let utc_ms = time::parse_rfc3339(event.original_start.as_deref()?)?;
    if master.is_without_time() {
        let zone = zones::read(target, event.original_start_time_zone.as_deref().unwrap_or_default()).zone;
        return Some(local_text(nearest_midnight(target.zones.to_local(&zone, utc_ms)?)?));
    }
    let local = target.zones.to_local(master.str("timeZone").unwrap_or(target.time_zone), utc_ms)?;
    Some(in_series(master, local))
}

/// The date of a deleted occurrence is all that its id says; the time is the series'.
pub(super) fn cancelled_start(id: &str, master: &Document) -> Option<String> {
    let (_, date) = id.strip_prefix(CANCELLED)?.rsplit_once('.')?;
    let start = master.str("start").and_then(parse_local)?;
    Some(in_series(master, date.parse::<NaiveDate>().ok()?.and_time(start.time())))
}

/// The occurrence that a wall time means: Graph cuts seconds off, and shows an occurrence that falls into a gap of the
/// clock behind it.
fn in_series(master: &Document, local: NaiveDateTime) -> String {
    let text = local_text(local);
    if recurrence::contains(master.value(), &text).unwrap_or(true) {
        return text;
    }
    let mut rules_only = master.clone();
    rules_only.set("recurrenceOverrides", None);
    let that_day = recurrence::occurrences_on(rules_only.value(), local.date()).unwrap_or_default();
    that_day.first().map_or(text, time::LocalDateTime::to_string)
}

pub(super) fn skipped(remote_id: Option<String>, code: &'static str, detail: &str) -> Skipped {
    Skipped { remote_id, code, detail: detail.to_owned() }
}

fn nearest_midnight(local: NaiveDateTime) -> Option<NaiveDateTime> {
    local.checked_add_signed(TimeDelta::hours(12))?.date().and_hms_opt(0, 0, 0)
}

/// The instant of a moment. Seven digits of a fraction and no offset: the zone stands beside it.
fn instant(target: &Target<'_>, moment: &wire::Moment) -> Option<i64> {
    let local = parse_local(moment.date_time.get(..19)?)?;
    target.zones.to_utc_ms(&zones::read(target, &moment.time_zone).zone, local)
}

/// When an event is.
struct When {
    start: NaiveDateTime,
    start_utc_ms: i64,
    /// None for an event without a time.
    zone: Option<String>,
    kept: Option<String>,
    end_zone: Option<String>,
    /// Days, or exact milliseconds.
    length: time::Duration,
}

impl When {
    /// `series_zone` is the zone that a series recurs in, when its range says one.
    fn read(
        target: &Target<'_>,
        event: &wire::Event,
        series_zone: Option<&str>,
    ) -> Result<Self, (&'static str, &'static str)> {
        let bad_start = ("bad-start", "the start is not a date and time in a known zone");
        let bad_end = ("bad-end", "the end is not a date and time in a known zone");
        let start_utc_ms = event.start.as_ref().and_then(|start| instant(target, start)).ok_or(bad_start)?;
        let end_utc_ms = event.end.as_ref().and_then(|end| instant(target, end)).ok_or(bad_end)?;
        let own = event.original_start_time_zone.as_deref().unwrap_or_default();
        let series = series_zone.filter(|name| zones::zone_of(target, name).is_some());
        let named = zones::read(target, series.unwrap_or(own));
        let local = |zone: &str, utc_ms| target.zones.to_local(zone, utc_ms);
        let start = local(&named.zone, start_utc_ms).ok_or(bad_start)?;
        if event.is_all_day == Some(true) {
            let first = nearest_midnight(start).ok_or(bad_start)?;
            let end = local(&named.zone, end_utc_ms).and_then(nearest_midnight).ok_or(bad_end)?;
            let days = u32::try_from((end - first).num_days().max(1)).map_err(|_| bad_end)?;
            // Without a time there is no zone to say it: the name is kept, unless it is the usual one.
            let kept = Some(series.unwrap_or(own)).filter(|name| !name.is_empty() && named.zone != "Etc/UTC");
            let length = time::Duration { days, ms: 0 };
            let kept = kept.map(str::to_owned).or(named.kept);
            return Ok(Self { start: first, start_utc_ms, zone: None, kept, end_zone: None, length });
        }
        let backwards = ("bad-end", "the end is before the start");
        let length = time::Duration::exact(start_utc_ms, end_utc_ms / 1_000 * 1_000).ok_or(backwards)?;
        let end_zone = event.original_end_time_zone.as_deref().and_then(|name| zones::zone_of(target, name));
        let own_zone = zones::zone_of(target, own);
        let end_zone = end_zone.filter(|zone| own_zone.as_ref().is_some_and(|own| own != zone));
        Ok(Self { start, start_utc_ms, zone: Some(named.zone), kept: named.kept, end_zone, length })
    }

    /// Say the same time in the zone of the master.
    fn move_to_zone(&mut self, target: &Target<'_>, master: &Document) {
        self.kept = master.str(ZONE).map(str::to_owned);
        let Some(zone) = master.str("timeZone").filter(|zone| self.zone.as_deref().is_some_and(|own| own != *zone))
        else {
            return;
        };
        if let Some(local) = target.zones.to_local(zone, self.start_utc_ms) {
            self.start = local;
            self.zone = Some(zone.to_owned());
            self.end_zone = None;
        }
    }

    /// An occurrence whose wall time the clocks leave out is shown behind the gap; it did not move for that.
    fn stay(&mut self, target: &Target<'_>, recurrence_id: &str) {
        let Some(original) = parse_local(recurrence_id) else { return };
        let instant = self.zone.as_ref().and_then(|zone| target.zones.to_utc_ms(zone, original));
        if instant == Some(self.start_utc_ms) {
            self.start = original;
        }
    }

    fn write(self, properties: &mut Map<String, Value>) {
        properties.insert("start".into(), local_text(self.start).into());
        properties.insert("duration".into(), self.length.to_string().into());
        match self.zone {
            Some(zone) => properties.insert("timeZone".into(), zone.into()),
            None => properties.insert("showWithoutTime".into(), true.into()),
        };
        for (name, zone) in [(ZONE, self.kept), (END_ZONE, self.end_zone)] {
            if let Some(zone) = zone {
                properties.insert(name.into(), zone.into());
            }
        }
    }
}

/// Everything but time, recurrence and identity; and the online meeting's block of the body.
fn content(event: wire::Event) -> (Map<String, Value>, String) {
    let mut to = Map::new();
    to.insert("@type".into(), "Event".into());
    let mut text = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            to.insert(name.into(), value.into());
        }
    };
    text("title", event.subject);
    let online = event.is_online_meeting == Some(true) || event.online_meeting.is_some();
    let read = body::read(&event.body.unwrap_or_default(), online);
    text("descriptionContentType", (read.html && !read.text.is_empty()).then(|| "text/html".to_owned()));
    text("description", Some(read.text));
    // JSCalendar has a word for most of these; the rest keeps Graph's.
    let (busy, show_as) = match event.show_as.as_deref() {
        Some("free") => (Some("free"), None),
        Some("tentative") => (Some("tentative"), None),
        Some("oof") => (Some("unavailable"), None),
        Some("busy") | None => (None, None),
        Some(other) => (None, Some(other)),
    };
    text("freeBusyStatus", busy.map(str::to_owned));
    text("microsoft.com:showAs", show_as.map(str::to_owned));
    let (privacy, sensitivity) = match event.sensitivity.as_deref() {
        Some("private") => (Some("private"), None),
        Some("confidential") => (Some("secret"), None),
        Some("personal") => (None, Some("personal")),
        _ => (None, None),
    };
    text("privacy", privacy.map(str::to_owned));
    text("microsoft.com:sensitivity", sensitivity.map(str::to_owned));
    text("status", (event.is_cancelled == Some(true)).then(|| "cancelled".to_owned()));
    match event.importance.as_deref() {
        Some("high") => drop(to.insert("priority".into(), 1.into())),
        Some("low") => drop(to.insert("priority".into(), 9.into())),
        _ => {}
    }
    let categories: Map<String, Value> =
        event.categories.unwrap_or_default().into_iter().map(|name| (name, true.into())).collect();
    if !categories.is_empty() {
        to.insert("keywords".into(), Value::Object(categories));
    }
    places(&mut to, event.location, event.locations, event.online_meeting);
    if let (Some(true), Some(minutes)) = (event.is_reminder_on, event.reminder_minutes_before_start) {
        let trigger = json!({"@type": "OffsetTrigger", "offset": format!("-PT{}M", minutes.max(0))});
        let alert = json!({"@type": "Alert", "action": "display", "trigger": trigger});
        to.insert("alerts".into(), json!({ format!("display-{}", minutes.max(0)): alert }));
    }
    if event.is_organizer == Some(false) {
        to.insert(IS_ORGANIZER.into(), false.into());
        if let Some(response) = event.response_status.and_then(|status| status.response) {
            to.insert("microsoft.com:response".into(), response.into());
        }
    }
    participants(&mut to, event.attendees, event.organizer);
    (to, read.blob)
}

fn places(
    to: &mut Map<String, Value>,
    location: Option<wire::Location>,
    locations: Option<Vec<wire::Location>>,
    meeting: Option<wire::OnlineMeeting>,
) {
    let all = locations.filter(|all| !all.is_empty()).unwrap_or_else(|| location.into_iter().collect());
    let names = all.into_iter().filter_map(|place| place.display_name).filter(|name| !name.is_empty());
    let named: Map<String, Value> =
        (1..).zip(names).map(|(n, name)| (n.to_string(), json!({"@type": "Location", "name": name}))).collect();
    if !named.is_empty() {
        to.insert("locations".into(), Value::Object(named));
    }
    if let Some(uri) = meeting.and_then(|meeting| meeting.join_url) {
        to.insert("virtualLocations".into(), json!({"1": {"@type": "VirtualLocation", "uri": uri}}));
    }
}

/// Attendees become participants. The organizer of an event without attendees is only the calendar's owner: making
/// it a participant would turn every event into a meeting.
fn participants(
    to: &mut Map<String, Value>,
    attendees: Option<Vec<wire::Attendee>>,
    organizer: Option<wire::Recipient>,
) {
    let Some(attendees) = attendees.filter(|attendees| !attendees.is_empty()) else { return };
    let organizer = organizer.map(|organizer| organizer.email_address).unwrap_or_default();
    let address = organizer.address.as_deref().filter(|address| !address.is_empty()).map(str::to_ascii_lowercase);
    let mut participants = Map::new();
    for attendee in attendees {
        let Some(email) = attendee.email_address.address.clone().filter(|email| !email.is_empty()) else { continue };
        let owner = Some(email.to_ascii_lowercase()) == address;
        participants.insert(participant_key(&email), participant(attendee, &email, owner));
    }
    if let Some(address) = address {
        participants.entry(participant_key(&address)).or_insert_with(|| {
            let mut owner = person(&address, organizer.name);
            owner.insert("roles".into(), json!({"owner": true}));
            Value::Object(owner)
        });
        to.insert("replyTo".into(), json!({"imip": format!("mailto:{address}")}));
    }
    to.insert("participants".into(), Value::Object(participants));
}

fn person(email: &str, name: Option<String>) -> Map<String, Value> {
    let mut person = Map::new();
    person.insert("@type".into(), "Participant".into());
    person.insert("sendTo".into(), json!({"imip": format!("mailto:{email}")}));
    if let Some(name) = name.filter(|name| !name.is_empty() && name != email) {
        person.insert("name".into(), name.into());
    }
    person
}

fn participant(attendee: wire::Attendee, email: &str, owner: bool) -> Value {
    let mut person = person(email, attendee.email_address.name);
    let mut roles = Map::new();
    roles.insert("attendee".into(), true.into());
    if owner {
        roles.insert("owner".into(), true.into());
    }
    match attendee.kind.as_deref() {
        Some("optional") => drop(roles.insert("optional".into(), true.into())),
        Some("resource") => drop(person.insert("kind".into(), "resource".into())),
        _ => {}
    }
    person.insert("roles".into(), Value::Object(roles));
    let status = match attendee.status.and_then(|status| status.response).as_deref() {
        Some("accepted" | "organizer") => "accepted",
        Some("declined") => "declined",
        Some("tentativelyAccepted") => "tentative",
        _ => "needs-action",
    };
    person.insert("participationStatus".into(), status.into());
    Value::Object(person)
}
