//! The owner of a calendar in Google's own pages.
//!
//! "This" writes the instance; "all" writes the master; "this and following" shortens the master's rule and makes a
//! second master, which begins plain: exceptions behind the split are not carried over.

use serde_json::{Map, Value, json};
use tandem_engine::time::{format_rfc3339, parse_rfc3339};
use tandem_providers::SimRequest;
use tandem_providers::google::Google;

use super::{Change, Occurrence, Person, Place, Window, length_minutes};
use crate::world::ACCOUNT;

const MINUTE_MS: i64 = 60_000;

/// See the module.
pub struct GooglePerson(Google);

impl GooglePerson {
    /// The owner of [`ACCOUNT`] there.
    #[must_use]
    pub fn new(google: &Google) -> Self {
        Self(google.clone())
    }

    /// The masters, by their first start.
    fn masters(&self) -> Vec<Value> {
        let truth = self.0.truth(ACCOUNT);
        let mut masters: Vec<Value> = truth.into_iter().filter(|row| row["recurrence"].is_array()).collect();
        masters.sort_by_key(|row| moment(&row["start"]));
        masters
    }

    fn master(&self, part: usize) -> Value {
        self.masters().get(part).cloned().unwrap_or_else(|| panic!("Google has no series number {part}"))
    }

    fn instance(&self, part: usize, at: &Place) -> Value {
        let id = format!("{}_{}", text(&self.master(part)["id"]), suffix(at));
        self.0.event(ACCOUNT, &id).unwrap_or_else(|| panic!("Google has no instance {id}"))
    }

    fn patch(&self, row: &Value, change: &Change) {
        let written = self.0.user_patch(ACCOUNT, text(&row["id"]), &body(change, row));
        written.unwrap_or_else(|error| panic!("Google refuses the change of {row}: {error:?}"));
    }

    fn delete(&self, row: &Value) {
        let gone = self.0.user_delete(ACCOUNT, text(&row["id"]));
        gone.unwrap_or_else(|error| panic!("Google refuses the deletion of {row}: {error:?}"));
    }

    /// The master ends before an instance.
    fn shorten(&self, master: &Value, at: &Place) {
        let until = match &at.utc {
            Some(utc) => compact(&shifted(utc, -1_000)),
            None => compact(&shifted(&format!("{}Z", at.recurrence_id), -86_400_000))[..8].to_owned(),
        };
        let lines: Vec<String> = master["recurrence"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|line| match line.strip_prefix("RRULE:") {
                Some(rule) => {
                    let bound = |part: &&str| !part.starts_with("COUNT=") && !part.starts_with("UNTIL=");
                    let parts: Vec<&str> = rule.split(';').filter(bound).collect();
                    format!("RRULE:{};UNTIL={until}", parts.join(";"))
                }
                None => line.to_owned(),
            })
            .collect();
        let written = self.0.user_patch(ACCOUNT, text(&master["id"]), &json!({ "recurrence": lines }));
        written.unwrap_or_else(|error| panic!("Google refuses to shorten {master}: {error:?}"));
    }
}

impl Person for GooglePerson {
    fn make(&self, series: &Value) {
        let all_day = series["showWithoutTime"] == true;
        let start = text(&series["start"]);
        let zone = series["timeZone"].as_str();
        let minutes = length_minutes(text(&series["duration"]));
        let end = shifted(&format!("{start}Z"), minutes * MINUTE_MS);
        let end = end.trim_end_matches('Z');
        let at = |wall: &str| match all_day {
            true => json!({"date": wall[..10]}),
            false => json!({"dateTime": wall[..19], "timeZone": zone}),
        };
        let rules: Vec<String> = series["recurrenceRules"].as_array().into_iter().flatten().map(line).collect();
        let made = self.0.user_insert(
            ACCOUNT,
            &json!({"summary": series["title"], "start": at(start), "end": at(end), "recurrence": rules}),
        );
        made.unwrap_or_else(|error| panic!("Google refuses {series}: {error:?}"));
    }

    fn this(&self, part: usize, at: &Place, change: &Change) {
        let instance = self.instance(part, at);
        if change.deletes() { self.delete(&instance) } else { self.patch(&instance, change) }
    }

    fn following(&self, part: usize, at: &Place, change: &Change) {
        if change.deletes() {
            return self.shorten(&self.master(part), at);
        }
        let instance = self.instance(part, at);
        let second = self.0.user_split(ACCOUNT, text(&instance["id"]), &json!({}));
        let second = second.unwrap_or_else(|error| panic!("Google refuses to split {instance}: {error:?}"));
        self.patch(&second, change);
    }

    fn all(&self, part: usize, change: &Change) {
        let master = self.master(part);
        if change.deletes() { self.delete(&master) } else { self.patch(&master, change) }
    }

    fn sees(&self, window: Window) -> Vec<Occurrence> {
        let at = |ms| format_rfc3339(ms).unwrap_or_default();
        let url = format!(
            "/calendar/v3/calendars/{ACCOUNT}/events?singleEvents=true&maxResults=2500&timeMin={}&timeMax={}",
            at(window.0),
            at(window.1)
        );
        let page = self.0.handle(&SimRequest::new("GET", &url).bearer("token")).json();
        assert!(page["items"].is_array() && page["nextPageToken"].is_null(), "Google does not list: {page}");
        let mut seen: Vec<Occurrence> = page["items"].as_array().into_iter().flatten().map(occurrence).collect();
        seen.retain(|one| one.start_ms >= window.0 && one.start_ms < window.1);
        seen.sort();
        seen
    }

    fn series(&self) -> usize {
        self.0.live_count(ACCOUNT)
    }

    fn writes(&self) -> u64 {
        self.0.counters().writes
    }

    fn mails(&self) -> u64 {
        self.0.counters().mails
    }

    fn has(&self, way: &str) -> bool {
        matches!(way, "exceptions-stand-alone" | "exceptions-outlive-rules" | "following-is-plain")
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A moment that is later or earlier; RFC 3339 in UTC, to the second.
fn shifted(moment: &str, ms: i64) -> String {
    let at = parse_rfc3339(moment).unwrap_or_else(|| panic!("not a moment: {moment}"));
    let written = format_rfc3339(at + ms).unwrap_or_default();
    format!("{}Z", &written[..19])
}

/// `2026-03-02T08:00:00Z` as `20260302T080000Z`.
fn compact(moment: &str) -> String {
    moment.replace(['-', ':'], "")
}

/// What Google adds to a master's id to name an instance.
fn suffix(at: &Place) -> String {
    match &at.utc {
        Some(utc) => compact(utc),
        None => compact(&at.recurrence_id)[..8].to_owned(),
    }
}

/// The instant of a Google `EventDateTime`, in ms.
fn moment(value: &Value) -> i64 {
    let date = || Some(format!("{}T00:00:00Z", value["date"].as_str()?));
    let written = value["dateTime"].as_str().map(str::to_owned).or_else(date);
    written.and_then(|written| parse_rfc3339(&written)).unwrap_or_else(|| panic!("not a time: {value}"))
}

fn occurrence(item: &Value) -> Occurrence {
    let invited = item["attendees"].as_array().into_iter().flatten();
    let mut participants: Vec<String> = invited.map(|who| text(&who["email"]).to_owned()).collect();
    participants.sort();
    Occurrence {
        start_ms: moment(&item["start"]),
        all_day: item["start"]["date"].is_string(),
        minutes: (moment(&item["end"]) - moment(&item["start"])) / MINUTE_MS,
        title: text(&item["summary"]).to_owned(),
        location: text(&item["location"]).to_owned(),
        description: text(&item["description"]).to_owned(),
        participants,
    }
}

/// A change as Google's pages write it to a row.
fn body(change: &Change, row: &Value) -> Value {
    let mut body = Map::new();
    for (name, field) in [("title", "summary"), ("location", "location"), ("description", "description")] {
        if let Some(value) = change.text(name) {
            body.insert(field.to_owned(), value.into());
        }
    }
    if let Some(invited) = change.participants() {
        let invited: Vec<Value> = invited.iter().map(|address| json!({ "email": address })).collect();
        body.insert("attendees".to_owned(), invited.into());
    }
    if let Some(rule) = change.rule() {
        body.insert("recurrence".to_owned(), json!([line(rule)]));
    }
    if change.start().is_some() || change.duration().is_some() {
        body.extend(times(change, row));
    }
    Value::Object(body)
}

/// New `start` and `end`: what is not said stays as it is, and a move keeps the length.
fn times(change: &Change, row: &Value) -> Map<String, Value> {
    let length = moment(&row["end"]) - moment(&row["start"]);
    let length = change.duration().map_or(length, |duration| length_minutes(duration) * MINUTE_MS);
    let (start, at) = match change.start() {
        None => (row["start"].clone(), moment(&row["start"])),
        Some(Place { recurrence_id, utc: None }) => {
            let at = parse_rfc3339(&format!("{recurrence_id}Z")).unwrap_or_default();
            (json!({"date": recurrence_id[..10]}), at)
        }
        Some(Place { recurrence_id, utc: Some(utc) }) => {
            let at = parse_rfc3339(&utc).unwrap_or_default();
            (json!({"dateTime": recurrence_id, "timeZone": row["start"]["timeZone"]}), at)
        }
    };
    let end = format_rfc3339(at + length).unwrap_or_default();
    let end = match start["date"].is_string() {
        true => json!({"date": end[..10]}),
        false => json!({"dateTime": end, "timeZone": start["timeZone"]}),
    };
    Map::from_iter([("start".to_owned(), start), ("end".to_owned(), end)])
}

/// A JSCalendar rule as a line of `recurrence`.
fn line(rule: &Value) -> String {
    let mut line = format!("RRULE:FREQ={}", text(&rule["frequency"]).to_uppercase());
    for (name, part) in [("interval", "INTERVAL"), ("count", "COUNT")] {
        if let Some(number) = rule[name].as_u64() {
            line.push_str(&format!(";{part}={number}"));
        }
    }
    let days = rule["byDay"].as_array().into_iter().flatten();
    let days: Vec<String> = days
        .map(|day| {
            let ordinal = day["nthOfPeriod"].as_i64().map(|n| n.to_string()).unwrap_or_default();
            format!("{ordinal}{}", text(&day["day"]).to_uppercase())
        })
        .collect();
    if !days.is_empty() {
        line.push_str(&format!(";BYDAY={}", days.join(",")));
    }
    line
}
