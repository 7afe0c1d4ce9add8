//! Rules of cases as Outlook's pages write them: a pattern and a range.
//! Invariant: only the members that a pattern's type has are written.

use serde_json::{Value, json};

const DAYS: [(&str, &str); 7] = [
    ("mo", "monday"),
    ("tu", "tuesday"),
    ("we", "wednesday"),
    ("th", "thursday"),
    ("fr", "friday"),
    ("sa", "saturday"),
    ("su", "sunday"),
];
const INDEXES: [&str; 4] = ["first", "second", "third", "fourth"];

/// The day of the week of a wall time.
pub(crate) fn weekday(wall: &str) -> &'static str {
    let at_ms = tandem_engine::time::parse_rfc3339(&format!("{wall}Z")).unwrap_or_default();
    // The epoch was a Thursday, the fourth of the list.
    let number = usize::try_from((at_ms.div_euclid(86_400_000) + 3).rem_euclid(7)).unwrap_or(0);
    DAYS.get(number).map_or("monday", |(_, name)| name)
}

fn day_of_month(wall: &str) -> i64 {
    wall.get(8..10).and_then(|day| day.parse().ok()).unwrap_or(1)
}

/// A `patternedRecurrence` of a JSCalendar rule, for a series with that first start.
///
/// # Panics
/// When the case has a rule that these pages have no words for.
pub(crate) fn recurrence(rule: &Value, start: &str, zone: &str) -> Value {
    let interval = rule["interval"].as_u64().unwrap_or(1);
    let days: Vec<&str> = rule["byDay"].as_array().into_iter().flatten().map(|day| name(&day["day"])).collect();
    let nth = rule["byDay"][0]["nthOfPeriod"].as_u64();
    let pattern = match (rule["frequency"].as_str(), days.as_slice(), nth) {
        (Some("daily"), [], None) => json!({"type": "daily", "interval": interval}),
        (Some("weekly"), days, None) => {
            let own = [weekday(start)];
            let days = if days.is_empty() { own.as_slice() } else { days };
            json!({"type": "weekly", "interval": interval, "daysOfWeek": days, "firstDayOfWeek": "monday"})
        }
        (Some("monthly"), [], None) => {
            json!({"type": "absoluteMonthly", "interval": interval, "dayOfMonth": day_of_month(start)})
        }
        (Some("monthly"), [day], Some(nth @ 1..=4)) => {
            let index = usize::try_from(nth - 1).ok().and_then(|at| INDEXES.get(at));
            json!({"type": "relativeMonthly", "interval": interval, "daysOfWeek": [day], "index": index})
        }
        _ => panic!("Outlook's pages have no words for {rule}"),
    };
    let mut range = json!({"type": "noEnd", "startDate": start.get(..10), "recurrenceTimeZone": zone});
    if let Some(count) = rule["count"].as_u64() {
        range["type"] = "numbered".into();
        range["numberOfOccurrences"] = count.into();
    } else if let Some(until) = rule["until"].as_str() {
        range["type"] = "endDate".into();
        range["endDate"] = until.get(..10).into();
    }
    json!({"pattern": pattern, "range": range})
}

fn name(day: &Value) -> &'static str {
    DAYS.iter().find(|(short, _)| day == *short).map_or_else(|| panic!("no day: {day}"), |(_, name)| name)
}

/// The recurrence of a master that shall start at another time: a pattern that names nothing but the day of the old
/// start names that of the new one.
pub(crate) fn moved(master: &Value, start: &str) -> Value {
    let old = master["start"]["dateTime"].as_str().and_then(|wall| wall.get(..19)).unwrap_or_default();
    let said = &master["recurrence"]["pattern"];
    let interval = &said["interval"];
    let pattern = match said["type"].as_str() {
        Some("weekly") => {
            let own = said["daysOfWeek"] == json!([weekday(old)]);
            let days = if own { json!([weekday(start)]) } else { said["daysOfWeek"].clone() };
            json!({"type": "weekly", "interval": interval, "daysOfWeek": days,
                   "firstDayOfWeek": said["firstDayOfWeek"]})
        }
        Some("absoluteMonthly") => {
            json!({"type": "absoluteMonthly", "interval": interval, "dayOfMonth": day_of_month(start)})
        }
        Some("relativeMonthly") => json!({"type": "relativeMonthly", "interval": interval,
                                          "daysOfWeek": said["daysOfWeek"], "index": said["index"]}),
        _ => json!({"type": "daily", "interval": interval}),
    };
    let known = &master["recurrence"]["range"];
    let mut range = json!({"type": known["type"], "startDate": start.get(..10),
                           "recurrenceTimeZone": known["recurrenceTimeZone"]});
    match known["type"].as_str() {
        Some("numbered") => range["numberOfOccurrences"] = known["numberOfOccurrences"].clone(),
        Some("endDate") => range["endDate"] = known["endDate"].clone(),
        _ => {}
    }
    json!({"pattern": pattern, "range": range})
}
