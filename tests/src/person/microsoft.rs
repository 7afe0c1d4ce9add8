//! The owner of a calendar in Outlook's own pages.
//!
//! "This" writes the occurrence; "all" writes the master; "this and following" ends the master's range on the day before
//! and makes a second master, which begins plain. A change of a master's times or recurrence forgets its exceptions, and
//! exceptions hold only what they have of their own: the rest shows what the master says.

use std::cell::Cell;

use serde_json::{Map, Value, json};
use tandem_engine::time::{BundledZones, LocalDateTime, Zones as _, format_rfc3339, parse_rfc3339};
use tandem_providers::SimRequest;
use tandem_providers::microsoft::Microsoft;

use super::outlook_rule as rule;
use super::{Change, Occurrence, Person, Place, Window, length_minutes};
use crate::world::{ACCOUNT, BEGINNING_MS};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// Where occurrences are looked for: two years from the beginning, and two months before it.
const LIFE: Window = (BEGINNING_MS - 60 * DAY_MS, BEGINNING_MS + 730 * DAY_MS);

/// See the module.
pub struct OutlookPerson {
    outlook: Microsoft,
    /// Mails that went out because of the person's own edits: Outlook asks nobody.
    own_mails: Cell<u64>,
}

impl OutlookPerson {
    /// The owner of [`ACCOUNT`] there.
    #[must_use]
    pub fn new(outlook: &Microsoft) -> Self {
        Self { outlook: outlook.clone(), own_mails: Cell::new(0) }
    }

    /// Do something by hand; mails that follow from it are the person's own.
    fn by_hand<T, E: std::fmt::Debug>(&self, what: &Value, act: impl FnOnce(&Microsoft) -> Result<T, E>) -> T {
        let before = self.outlook.counters().mails;
        let done = act(&self.outlook);
        self.own_mails.set(self.own_mails.get() + self.outlook.counters().mails - before);
        done.unwrap_or_else(|error| panic!("Outlook refuses {what}: {error:?}"))
    }

    /// The masters, by their first start.
    fn masters(&self) -> Vec<Value> {
        let truth = self.outlook.truth(ACCOUNT);
        let mut masters: Vec<Value> = truth.into_iter().filter(|row| row["type"] == "seriesMaster").collect();
        masters.sort_by_key(|row| wall(&row["start"]));
        masters
    }

    fn master(&self, part: usize) -> Value {
        self.masters().get(part).cloned().unwrap_or_else(|| panic!("Outlook has no series number {part}"))
    }

    fn occurrence(&self, part: usize, at: &Place) -> Value {
        let all = self.outlook.occurrences(ACCOUNT, text(&self.master(part)["id"]), LIFE.0, LIFE.1);
        let original = |row: &Value| parse_rfc3339(text(&row["originalStart"])).unwrap_or_default();
        let wanted = |row: &Value| match &at.utc {
            Some(utc) => Some(original(row)) == parse_rfc3339(utc),
            None => Some(nearest_midnight(original(row))) == parse_rfc3339(&format!("{}Z", at.recurrence_id)),
        };
        all.into_iter().find(wanted).unwrap_or_else(|| panic!("Outlook has no occurrence at {at:?}"))
    }

    fn patch(&self, row: &Value, change: &Change) {
        let body = body(change, row);
        self.by_hand(&body, |outlook| outlook.user_patch(ACCOUNT, text(&row["id"]), &body));
    }

    fn delete(&self, row: &Value) {
        self.by_hand(row, |outlook| outlook.user_delete(ACCOUNT, text(&row["id"])));
    }
}

impl Person for OutlookPerson {
    fn make(&self, series: &Value) {
        let all_day = series["showWithoutTime"] == true;
        // Outlook's pages know zones by their Windows names.
        let iana = series["timeZone"].as_str().unwrap_or("Europe/Berlin");
        let known = ZONES.iter().find(|(_, name)| *name == iana);
        let zone = known.map_or_else(|| panic!("no Windows name for {iana}"), |(zone, _)| *zone);
        let start = text(&series["start"]);
        let end = later(start, length_minutes(text(&series["duration"])), (!all_day).then_some(zone));
        let at = |wall: &str| json!({"dateTime": wall, "timeZone": zone});
        let mut event = json!({"subject": series["title"], "start": at(start), "end": at(&end), "isAllDay": all_day});
        if let Some(said) = series["recurrenceRules"].get(0) {
            event["recurrence"] = rule::recurrence(said, start, zone);
        }
        self.by_hand(&event, |outlook| outlook.user_insert(ACCOUNT, &event));
    }

    fn this(&self, part: usize, at: &Place, change: &Change) {
        let occurrence = self.occurrence(part, at);
        if change.deletes() { self.delete(&occurrence) } else { self.patch(&occurrence, change) }
    }

    fn following(&self, part: usize, at: &Place, change: &Change) {
        let occurrence = self.occurrence(part, at);
        let id = text(&occurrence["id"]);
        let second = self.by_hand(&occurrence, |outlook| outlook.user_split(ACCOUNT, id, &json!({})));
        // A series that ends earlier is a split whose second part nobody keeps.
        if change.deletes() { self.delete(&second) } else { self.patch(&second, change) }
    }

    fn all(&self, part: usize, change: &Change) {
        let master = self.master(part);
        if change.deletes() { self.delete(&master) } else { self.patch(&master, change) }
    }

    fn sees(&self, window: Window) -> Vec<Occurrence> {
        let at = |ms| format_rfc3339(ms).unwrap_or_default();
        let (from, to) = (at(window.0 - DAY_MS), at(window.1 + DAY_MS));
        let mut next = format!("/v1.0/me/calendarView?$top=1000&startDateTime={from}&endDateTime={to}");
        let mut seen: Vec<Occurrence> = Vec::new();
        while !next.is_empty() {
            let request = SimRequest::new("GET", &next).bearer("token").with_header("prefer", TEXT);
            let page = self.outlook.handle(&request).json();
            assert!(page["value"].is_array(), "Outlook does not list: {page}");
            seen.extend(page["value"].as_array().into_iter().flatten().map(occurrence));
            next = text(&page["@odata.nextLink"]).trim_start_matches("https://graph.microsoft.com").to_owned();
        }
        seen.retain(|one| one.start_ms >= window.0 && one.start_ms < window.1);
        seen.sort();
        seen
    }

    fn series(&self) -> usize {
        self.outlook.live_count(ACCOUNT)
    }

    fn writes(&self) -> u64 {
        self.outlook.counters().writes
    }

    fn mails(&self) -> u64 {
        self.outlook.counters().mails - self.own_mails.get()
    }

    fn has(&self, way: &str) -> bool {
        way == "following-is-plain"
    }
}

/// The zones of the cases: Windows' names, which Outlook's pages know, and those of the IANA.
const ZONES: [(&str, &str); 2] =
    [("W. Europe Standard Time", "Europe/Berlin"), ("Eastern Standard Time", "America/New_York")];
const TEXT: &str = "outlook.body-content-type=\"text\"";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The wall time of a `dateTimeTimeZone`, without the fraction.
fn wall(value: &Value) -> String {
    text(&value["dateTime"]).chars().take(19).collect()
}

/// The milliseconds of a wall time, as if it were in UTC.
fn count(wall: &str) -> i64 {
    parse_rfc3339(&format!("{wall}Z")).unwrap_or_else(|| panic!("not a wall time: {wall}"))
}

/// A wall time that is some minutes later: of time that passes in a zone, or of days without one.
fn later(wall: &str, minutes: i64, zone: Option<&str>) -> String {
    let Some(zone) = zone else {
        return format_rfc3339(count(wall) + minutes * MINUTE_MS).unwrap_or_default().chars().take(19).collect();
    };
    let zone = ZONES.iter().find(|(windows, _)| *windows == zone).map_or(zone, |(_, iana)| *iana);
    let zones = BundledZones::new();
    let begin_ms = LocalDateTime::parse(wall).and_then(|local| zones.to_utc_ms(zone, local.0));
    let end = begin_ms.and_then(|ms| zones.to_local(zone, ms + minutes * MINUTE_MS));
    end.map_or_else(|| panic!("no time in {zone}: {wall}"), |end| LocalDateTime(end).to_string())
}

/// Minutes that pass between the ends of a row.
fn length(row: &Value, zone: Option<&str>) -> i64 {
    let (start, end) = (wall(&row["start"]), wall(&row["end"]));
    let nominal = (count(&end) - count(&start)) / MINUTE_MS;
    // A change of the clocks is an hour at most.
    let all = [0, -60, 60].map(|more| nominal + more);
    all.into_iter().find(|minutes| later(&start, *minutes, zone) == end).unwrap_or(nominal)
}

/// Days begin at midnight of some zone; in UTC that is up to half a day away.
fn nearest_midnight(at_ms: i64) -> i64 {
    (at_ms + DAY_MS / 2).div_euclid(DAY_MS) * DAY_MS
}

fn occurrence(row: &Value) -> Occurrence {
    let all_day = row["isAllDay"] == true;
    // Asked for without a zone, times are in UTC.
    let at = |name: &str| match count(&wall(&row[name])) {
        at_ms if all_day => nearest_midnight(at_ms),
        at_ms => at_ms,
    };
    let invited = row["attendees"].as_array().into_iter().flatten();
    let mut participants: Vec<String> = invited.map(|who| text(&who["emailAddress"]["address"]).to_owned()).collect();
    participants.sort();
    Occurrence {
        start_ms: at("start"),
        all_day,
        minutes: (at("end") - at("start")) / MINUTE_MS,
        title: text(&row["subject"]).to_owned(),
        location: text(&row["location"]["displayName"]).to_owned(),
        description: text(&row["body"]["content"]).to_owned(),
        participants,
    }
}

/// A change as Outlook's pages write it to a row, which is in its own zone.
fn body(change: &Change, row: &Value) -> Value {
    let mut body = Map::new();
    if let Some(title) = change.text("title") {
        body.insert("subject".to_owned(), title.into());
    }
    if let Some(place) = change.text("location") {
        body.insert("location".to_owned(), json!({"displayName": place}));
    }
    if let Some(notes) = change.text("description") {
        body.insert("body".to_owned(), json!({"contentType": "text", "content": notes}));
    }
    if let Some(invited) = change.participants() {
        let invited: Vec<Value> = invited.iter().map(|address| json!({"emailAddress": {"address": address}})).collect();
        body.insert("attendees".to_owned(), invited.into());
    }
    let start = change.start().map_or_else(|| wall(&row["start"]), |start| start.recurrence_id);
    let zone = text(&row["start"]["timeZone"]);
    if change.start().is_some() || change.duration().is_some() {
        let own = (row["isAllDay"] != true).then_some(zone);
        let length = change.duration().map_or_else(|| length(row, own), length_minutes);
        body.insert("start".to_owned(), json!({"dateTime": start, "timeZone": zone}));
        body.insert("end".to_owned(), json!({"dateTime": later(&start, length, own), "timeZone": zone}));
    }
    let moved = || (change.start().is_some() && row["recurrence"].is_object()).then(|| rule::moved(row, &start));
    let recurrence = change.rule().map(|said| rule::recurrence(said, &start, zone)).or_else(moved);
    body.extend(recurrence.map(|recurrence| ("recurrence".to_owned(), recurrence)));
    Value::Object(body)
}
