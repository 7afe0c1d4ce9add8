//! From Google's `Event` to JSCalendar.
//!
//! The result depends on the row alone (and on the calendar's default zone), never on what is stored: the same row
//! always gives the same document, which is how an echo is recognised.

use chrono::NaiveDateTime;
use serde_json::{Map, Value, json};

use super::recurrence::{local_text, parse_local};
use super::wire;
use crate::event::Document;
use crate::id::participant_key;
use crate::provider::{RemoteEvent, RemoteException, Row, Skipped, Target};
use crate::time;

/// The private extended property that holds our origin mark.
pub(super) const MARK: &str = "tandem";

/// Event types whose content only Google's own pages may change.
const SPECIAL: [&str; 5] = ["birthday", "focusTime", "fromGmail", "outOfOffice", "workingLocation"];

/// Read a row.
pub(super) fn read(target: &Target<'_>, event: wire::Event) -> Result<Row, Skipped> {
    let Some(id) = event.id.clone().filter(|id| !id.is_empty()) else {
        return Err(skipped(None, "missing-id", "the row has no id"));
    };
    match (&event.recurring_event_id, &event.original_start_time, event.status.as_deref()) {
        (Some(master), Some(_), _) => {
            let exception = RemoteException {
                master: master.clone(),
                etag: event.etag.clone().unwrap_or_default(),
                updated_ms: updated_ms(&event),
                row: serde_json::to_string(&event).unwrap_or_default(),
                id,
            };
            Ok(Row::Exception(Box::new(exception)))
        }
        (_, _, Some("cancelled")) => Ok(Row::Gone(id)),
        (Some(_), None, _) => {
            Err(skipped(Some(id), "missing-original-start", "an exception does not say which occurrence it replaces"))
        }
        (None, _, _) => master(target, id, event).map(|event| Row::Event(Box::new(event))),
    }
}

fn updated_ms(event: &wire::Event) -> u64 {
    event.updated.as_deref().and_then(time::parse_rfc3339).and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)
}

fn master(target: &Target<'_>, id: String, mut event: wire::Event) -> Result<RemoteEvent, Skipped> {
    let uid = event.ical_uid.take().filter(|uid| !uid.is_empty()).unwrap_or_else(|| format!("{id}@google.com"));
    let mark = event
        .extended_properties
        .as_ref()
        .and_then(|properties| properties.private.as_ref())
        .and_then(|private| private.get(MARK))
        .cloned();
    let special = event.event_type.as_deref().is_some_and(|kind| SPECIAL.contains(&kind));
    let writable = !special && event.locked != Some(true);
    let etag = event.etag.take().unwrap_or_default();
    let updated_ms = updated_ms(&event);
    let lines = event.recurrence.take();
    let when = When::read(target, &event).map_err(|(code, detail)| skipped(Some(id.clone()), code, detail))?;
    let mut properties = content(event);
    properties.insert("uid".into(), uid.into());
    when.write(&mut properties);
    let lines = lines.map(|lines| super::recurrence::read(target, &lines, &mut properties)).unwrap_or_default();
    let document = Document::from_clean(properties);
    Ok(RemoteEvent {
        id,
        etag,
        updated_ms,
        document,
        mark,
        writable,
        lines,
        exceptions: None,
        exceptions_span: None,
        hides_mark: false,
    })
}

/// The document of an exception: an event of its own, in the zone that its own row names.
pub(super) fn exception(target: &Target<'_>, event: wire::Event, master: &Document) -> Result<Document, Skipped> {
    let id = event.id.clone();
    let mut when = When::read(target, &event).map_err(|(code, detail)| skipped(id, code, detail))?;
    when.move_to_zone(target, master.str("timeZone"));
    let mut properties = content(event);
    when.write(&mut properties);
    Ok(Document::from_clean(properties))
}

/// The recurrence id of an exception: its original start in the zone of its master.
pub(super) fn original_start(target: &Target<'_>, event: &wire::Event, master: &Document) -> Option<String> {
    let original = event.original_start_time.as_ref()?;
    let instant = Instant::read(target, original).ok()?;
    if instant.date_only {
        return Some(local_text(instant.local));
    }
    match master.str("timeZone").or(instant.zone.as_deref()) {
        Some(zone) => wall_of_series(target, master, zone, instant.utc_ms).map(local_text),
        None => Some(local_text(instant.local)),
    }
}

/// The wall time at which a series has an occurrence that starts at an instant. A provider says the time that clocks
/// show; where that wall time is left out by a change of clocks, the series still has its own.
pub(super) fn wall_of_series(target: &Target<'_>, master: &Document, zone: &str, utc_ms: i64) -> Option<NaiveDateTime> {
    let shown = target.zones.to_local(zone, utc_ms)?;
    let usual = master.str("start").and_then(parse_local).map(|start| shown.date().and_time(start.time()));
    let same = usual.filter(|usual| target.zones.to_utc_ms(zone, *usual) == Some(utc_ms));
    Some(same.unwrap_or(shown))
}

/// Whether an exception starts when its occurrence would have, however that is written.
pub(super) fn starts_together(target: &Target<'_>, exception: &Document, recurrence_id: &str) -> bool {
    let zone = exception.str("timeZone").unwrap_or(target.time_zone);
    let instant = |wall: Option<&str>| target.zones.to_utc_ms(zone, parse_local(wall?)?);
    instant(exception.str("start")) == instant(Some(recurrence_id))
}

pub(super) fn skipped(remote_id: Option<String>, code: &'static str, detail: &str) -> Skipped {
    Skipped { remote_id, code, detail: detail.to_owned() }
}

/// A moment as Google writes it.
struct Instant {
    local: NaiveDateTime,
    zone: Option<String>,
    utc_ms: i64,
    date_only: bool,
}

impl Instant {
    fn read(target: &Target<'_>, wire: &wire::EventDateTime) -> Result<Self, &'static str> {
        if let Some(date) = &wire.date {
            let local = parse_local(&format!("{date}T00:00:00")).ok_or("a date is not a calendar date")?;
            return Ok(Self { local, zone: None, utc_ms: local.and_utc().timestamp_millis(), date_only: true });
        }
        let text = wire.date_time.as_deref().ok_or("neither a date nor a time is given")?;
        let named = wire.time_zone.as_deref().filter(|zone| target.zones.exists(zone));
        let zone = named.unwrap_or(target.time_zone);
        if let Some(utc_ms) = time::parse_rfc3339(text) {
            let local = target.zones.to_local(zone, utc_ms).ok_or("the calendar's time zone is not known")?;
            return Ok(Self { local, zone: Some(zone.to_owned()), utc_ms, date_only: false });
        }
        let local = parse_local(text).ok_or("a time is not RFC 3339")?;
        let utc_ms = target.zones.to_utc_ms(zone, local).ok_or("the calendar's time zone is not known")?;
        Ok(Self { local, zone: Some(zone.to_owned()), utc_ms, date_only: false })
    }
}

/// When an event is.
struct When {
    start: NaiveDateTime,
    start_utc_ms: i64,
    zone: Option<String>,
    end_zone: Option<String>,
    length_ms: i64,
    date_only: bool,
}

impl When {
    fn read(target: &Target<'_>, event: &wire::Event) -> Result<Self, (&'static str, &'static str)> {
        let start = event.start.as_ref().ok_or(("bad-start", "the event has no start"))?;
        let start = Instant::read(target, start).map_err(|why| ("bad-start", why))?;
        let end = match &event.end {
            Some(end) => Some(Instant::read(target, end).map_err(|why| ("bad-end", why))?),
            None => None,
        };
        let length_ms = end.as_ref().map_or(0, |end| end.utc_ms - start.utc_ms);
        if end.as_ref().is_some_and(|end| end.date_only != start.date_only) {
            return Err(("bad-end", "start and end are not of the same kind"));
        }
        if length_ms < 0 {
            return Err(("bad-end", "the end is before the start"));
        }
        let end_zone = end.and_then(|end| end.zone).filter(|zone| Some(zone) != start.zone.as_ref());
        Ok(Self {
            start: start.local,
            start_utc_ms: start.utc_ms,
            zone: start.zone,
            end_zone,
            length_ms,
            date_only: start.date_only,
        })
    }

    /// Say the same time in another zone: an exception is written in the zone of its master where it can be.
    fn move_to_zone(&mut self, target: &Target<'_>, zone: Option<&str>) {
        let Some(zone) = zone.filter(|zone| !self.date_only && self.zone.as_deref() != Some(*zone)) else { return };
        if let Some(local) = target.zones.to_local(zone, self.start_utc_ms) {
            self.start = local;
            self.zone = Some(zone.to_owned());
            self.end_zone = None;
        }
    }

    fn write(self, properties: &mut Map<String, Value>) {
        properties.insert("start".into(), local_text(self.start).into());
        properties.insert("duration".into(), duration_text(self.length_ms, self.date_only).into());
        if self.date_only {
            properties.insert("showWithoutTime".into(), true.into());
        }
        if let Some(zone) = self.zone {
            properties.insert("timeZone".into(), zone.into());
        }
        if let Some(zone) = self.end_zone {
            properties.insert("google.com:endTimeZone".into(), zone.into());
        }
    }
}

/// Whole days for events without a time (nominal, RFC 8984 section 1.4.6), exact for others.
fn duration_text(ms: i64, date_only: bool) -> String {
    let ms = u64::try_from(ms).unwrap_or(0);
    let days = if date_only { u32::try_from(ms / 86_400_000).unwrap_or(0) } else { 0 };
    let rest = if date_only { 0 } else { ms / 1_000 * 1_000 };
    time::Duration { days, ms: rest }.to_string()
}

/// Everything but time, recurrence and identity.
fn content(event: wire::Event) -> Map<String, Value> {
    let mut to = Map::new();
    to.insert("@type".into(), "Event".into());
    let text = |to: &mut Map<String, Value>, name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            to.insert(name.into(), value.into());
        }
    };
    text(&mut to, "title", event.summary);
    text(&mut to, "description", event.description);
    text(&mut to, "google.com:colorId", event.color_id);
    if let Some(name) = event.location.filter(|name| !name.is_empty()) {
        to.insert("locations".into(), json!({"1": {"@type": "Location", "name": name}}));
    }
    if let Some(uri) = event.hangout_link {
        to.insert("virtualLocations".into(), json!({"1": {"@type": "VirtualLocation", "uri": uri}}));
    }
    if event.status.as_deref() == Some("tentative") {
        to.insert("status".into(), "tentative".into());
    }
    if event.transparency.as_deref() == Some("transparent") {
        to.insert("freeBusyStatus".into(), "free".into());
    }
    let privacy = match event.visibility.as_deref() {
        Some("public") => Some("public"),
        Some("private") => Some("private"),
        Some("confidential") => Some("secret"),
        _ => None,
    };
    if let Some(privacy) = privacy {
        to.insert("privacy".into(), privacy.into());
    }
    if let Some(kind) = event.event_type.filter(|kind| kind != "default") {
        to.insert("google.com:eventType".into(), kind.into());
    }
    for (name, value, usual) in [
        ("google.com:guestsCanModify", event.guests_can_modify, false),
        ("google.com:guestsCanInviteOthers", event.guests_can_invite_others, true),
        ("google.com:guestsCanSeeOtherGuests", event.guests_can_see_other_guests, true),
    ] {
        if let Some(value) = value.filter(|value| *value != usual) {
            to.insert(name.into(), value.into());
        }
    }
    reminders(&mut to, event.reminders);
    participants(&mut to, event.attendees, event.organizer);
    extended_properties(&mut to, event.extended_properties);
    to
}

fn reminders(to: &mut Map<String, Value>, reminders: Option<wire::Reminders>) {
    let Some(reminders) = reminders else { return };
    if reminders.use_default == Some(true) {
        to.insert("useDefaultAlerts".into(), true.into());
        return;
    }
    let mut alerts = Map::new();
    for reminder in reminders.overrides.unwrap_or_default() {
        let action = if reminder.method == "email" { "email" } else { "display" };
        let trigger = json!({"@type": "OffsetTrigger", "offset": format!("-PT{}M", reminder.minutes)});
        let key = format!("{action}-{}", reminder.minutes);
        alerts.insert(key, json!({"@type": "Alert", "action": action, "trigger": trigger}));
    }
    if !alerts.is_empty() {
        to.insert("alerts".into(), Value::Object(alerts));
    }
}

/// Attendees become participants. The organizer of an event without attendees is only the calendar's owner: making
/// it a participant would turn every event into a meeting.
fn participants(to: &mut Map<String, Value>, attendees: Option<Vec<wire::Attendee>>, organizer: Option<wire::Person>) {
    let Some(attendees) = attendees.filter(|attendees| !attendees.is_empty()) else { return };
    let organizer_address = organizer.as_ref().and_then(|o| o.email.as_deref()).map(str::to_ascii_lowercase);
    let mut participants = Map::new();
    for attendee in attendees {
        let Some(email) = attendee.email.clone().filter(|email| !email.is_empty()) else { continue };
        let owner = attendee.organizer == Some(true) || Some(email.to_ascii_lowercase()) == organizer_address;
        participants.insert(participant_key(&email), participant(attendee, &email, owner));
    }
    if let (Some(address), Some(organizer)) = (&organizer_address, organizer) {
        participants.entry(participant_key(address)).or_insert_with(|| {
            let mut owner = person(address, organizer.display_name);
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
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        person.insert("name".into(), name.into());
    }
    person
}

fn participant(attendee: wire::Attendee, email: &str, owner: bool) -> Value {
    let mut person = person(email, attendee.display_name);
    let mut roles = Map::new();
    roles.insert("attendee".into(), true.into());
    if owner {
        roles.insert("owner".into(), true.into());
    }
    if attendee.optional == Some(true) {
        roles.insert("optional".into(), true.into());
    }
    person.insert("roles".into(), Value::Object(roles));
    if attendee.resource == Some(true) {
        person.insert("kind".into(), "resource".into());
    }
    let status = match attendee.response_status.as_deref() {
        Some("accepted") => "accepted",
        Some("declined") => "declined",
        Some("tentative") => "tentative",
        _ => "needs-action",
    };
    person.insert("participationStatus".into(), status.into());
    if let Some(comment) = attendee.comment.filter(|comment| !comment.is_empty()) {
        person.insert("participationComment".into(), comment.into());
    }
    if let Some(guests) = attendee.additional_guests.filter(|guests| *guests > 0) {
        person.insert("google.com:additionalGuests".into(), guests.into());
    }
    Value::Object(person)
}

fn extended_properties(to: &mut Map<String, Value>, properties: Option<wire::ExtendedProperties>) {
    let Some(properties) = properties else { return };
    for (name, values) in [("google.com:private", properties.private), ("google.com:shared", properties.shared)] {
        let values: Map<String, Value> = values
            .unwrap_or_default()
            .into_iter()
            .filter(|(key, _)| key != MARK)
            .map(|(key, value)| (key, value.into()))
            .collect();
        if !values.is_empty() {
            to.insert(name.into(), Value::Object(values));
        }
    }
}
