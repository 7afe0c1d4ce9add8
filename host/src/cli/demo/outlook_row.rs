//! What Outlook shows of an occurrence: Microsoft's event resource, read without the engine.

use chrono::{DateTime, Duration, NaiveDateTime};
use serde_json::Value;

use super::entry::{Entry, Key, Seen, text};

/// A wall clock.
pub(super) const WALL: &str = "%Y-%m-%dT%H:%M:%S";
/// The extended property in which the application's events carry its uid.
const MARK: &str = "String {7f3c1a52-6d0e-4b8f-9a41-2c5d8e90b7a6} Name tandem";

/// A `dateTimeTimeZone` without its zone.
fn wall(value: Option<&Value>) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text(value?, "dateTime"), "%Y-%m-%dT%H:%M:%S%.f").ok()
}

/// A row. `shown` is an answer with times in UTC; `stored` is the same event with times in its own zone, and `master` its
/// series likewise.
pub(super) fn outlook_row(shown: &Value, stored: Value, master: Option<&Value>) -> Option<Seen> {
    let all_day = stored.get("isAllDay").and_then(Value::as_bool).unwrap_or(false);
    // A day is the day of the event's own zone; its moment would be another day elsewhere.
    let times = if all_day { &stored } else { shown };
    let at = |name: &str| wall(times.get(name)).map(|wall| wall.and_utc().timestamp_millis());
    let entry = Entry {
        start_ms: at("start")?,
        end_ms: at("end")?,
        title: text(&stored, "subject").to_owned(),
        place: stored.get("location").map(|place| text(place, "displayName")).unwrap_or_default().to_owned(),
        all_day,
    };
    let occurrence = master.and_then(|master| original(shown, &stored, master)).unwrap_or_default();
    let key = Key { uid: uid(master.unwrap_or(&stored)), occurrence };
    Some(Seen { key, entry, id: text(&stored, "id").to_owned(), body: stored })
}

/// The application's uid: in the mark of events that it made, else Outlook's own. Who splits a series copies the mark
/// with everything else, but not the id of the request that made the event.
pub(super) fn uid(event: &Value) -> String {
    let properties = event.get("singleValueExtendedProperties").and_then(Value::as_array);
    let mark = properties.into_iter().flatten().find(|property| text(property, "id") == MARK);
    let made = event.get("transactionId").is_some_and(Value::is_string);
    let marked = mark.filter(|_| made).and_then(|mark| text(mark, "value").split_once(':')).map(|(_, uid)| uid);
    marked.unwrap_or(text(event, "iCalUId")).to_owned()
}

/// The original start on the clock of the series. Outlook gives the moment only; every occurrence has the series' time of
/// day, so the nearest such time is the one (a change of the clocks is never half a day).
fn original(shown: &Value, stored: &Value, master: &Value) -> Option<String> {
    let offset = wall(stored.get("start"))? - wall(shown.get("start"))?;
    let moment = DateTime::parse_from_rfc3339(text(stored, "originalStart")).ok()?.naive_utc();
    let near = moment + offset;
    let time = wall(master.get("start"))?.time();
    let candidates = [-1, 0, 1].map(|days| (near.date() + Duration::days(days)).and_time(time));
    let nearest = candidates.into_iter().min_by_key(|candidate| (*candidate - near).abs())?;
    Some(nearest.format(WALL).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn moved_occurrence_keeps_the_key_of_its_original_start_across_a_change_of_the_clocks() {
        let at = |time: &str| json!({ "dateTime": format!("{time}.0000000"), "timeZone": "any" });
        let master = json!({ "iCalUId": "series", "start": at("2026-03-20T09:00:00") });
        // Berlin: the original is in summer time, the occurrence was moved back into winter time.
        let stored = json!({
            "id": "x", "subject": "s", "originalStart": "2026-03-30T07:00:00Z",
            "start": at("2026-03-27T15:00:00"), "end": at("2026-03-27T16:00:00"),
        });
        let shown = json!({ "start": at("2026-03-27T14:00:00"), "end": at("2026-03-27T15:00:00") });
        let seen = outlook_row(&shown, stored, Some(&master));
        assert_eq!(
            seen.map(|seen| seen.key),
            Some(Key { uid: "series".into(), occurrence: "2026-03-30T09:00:00".into() })
        );
    }

    #[test]
    fn mark_names_the_applications_event() {
        let marks = json!([{ "id": MARK, "value": "tag:a:b" }]);
        let event =
            |made: Value| json!({ "iCalUId": "own", "transactionId": made, "singleValueExtendedProperties": marks });
        assert_eq!(uid(&event("x".into())), "a:b");
        assert_eq!(uid(&event(Value::Null)), "own", "the second half of a series that the user split");
        assert_eq!(uid(&json!({ "iCalUId": "own" })), "own");
    }
}
