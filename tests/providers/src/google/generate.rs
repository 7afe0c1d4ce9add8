//! Realistic events from a seed, for demonstrations and benchmarks.
//! Invariant: the same calendar, number, seed and clock give the same events.

use chrono::{DateTime, Datelike, Days, NaiveDate, Weekday};
use serde_json::{Value, json};

use super::Google;
use super::body::WriteOptions;
use super::error::ApiError;
use super::series::Series;
use super::state::State;
use super::time::When;
use super::write::{self, Writer};
use crate::random::Random;

const DAY_MS: i64 = 86_400_000;
/// How far before and after now events lie, in days.
const SPAN_DAYS: u64 = 360;
const ZONES: [&str; 6] =
    ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Europe/London", "America/Los_Angeles", "Australia/Sydney"];
const WHAT: [&str; 16] = [
    "Planning",
    "Review",
    "Lunch",
    "Design session",
    "Interview",
    "Retrospective",
    "Dentist",
    "Call",
    "Workshop",
    "Budget",
    "Stand-up",
    "Training",
    "School concert",
    "Release",
    "One to one",
    "Delivery",
];
const WITH: [&str; 10] =
    ["Ada", "Grace", "Linus", "Barbara", "Edsger", "Frances", "Tony", "Radia", "the team", "the neighbours"];
const WHERE: [&str; 6] = ["Room 1", "Room 2", "Café", "Main office, 3rd floor", "Station", "At home"];
const RULES: [&str; 8] = [
    "RRULE:FREQ=WEEKLY",
    "RRULE:FREQ=WEEKLY;COUNT=30",
    "RRULE:FREQ=DAILY;COUNT=20",
    "RRULE:FREQ=WEEKLY;INTERVAL=2",
    "RRULE:FREQ=MONTHLY;BYDAY=2TU",
    "RRULE:FREQ=MONTHLY",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=60",
    "RRULE:FREQ=YEARLY",
];

impl Google {
    /// Puts `count` events and series into the calendar (exceptions come on top): singles, all-day events, series with
    /// moved and cancelled instances, attendees, reminders, several zones, private and public ones. No pushes are sent.
    ///
    /// # Errors
    /// `notFound` for an unknown calendar.
    pub fn generate(&self, calendar: &str, count: usize, seed: u64) -> Result<(), ApiError> {
        let state = &mut *self.lock();
        let account = state.calendars.get(calendar).ok_or_else(ApiError::not_found)?.owner.clone();
        let options = WriteOptions { god: true, ..WriteOptions::default() };
        let writer = Writer { account, if_match: None, options };
        let channels = std::mem::take(&mut state.channels);
        let mut random = Random::new(seed);
        let now_ms = state.now_ms;
        let mut result = Ok(());
        for _ in 0..count {
            // Each was made at some time of the last year.
            state.now_ms = now_ms - DAY_MS - i64::try_from(random.below(360)).unwrap_or(0) * DAY_MS / 2;
            result = one(state, calendar, now_ms, &mut random, &writer);
            if result.is_err() {
                break;
            }
        }
        state.now_ms = now_ms;
        state.channels = channels;
        result
    }
}

fn one(state: &mut State, calendar: &str, now_ms: i64, random: &mut Random, writer: &Writer) -> Result<(), ApiError> {
    let today = DateTime::from_timestamp_millis(now_ms).unwrap_or_default().date_naive();
    let early = today.checked_sub_days(Days::new(SPAN_DAYS)).unwrap_or(today);
    let day = early.checked_add_days(Days::new(random.below(SPAN_DAYS * 2))).unwrap_or(today);
    let body = match random.below(100) {
        0..=69 => timed(random, workday(day), None),
        70..=81 => all_day(random, day),
        _ => {
            let rule = random.pick(&RULES).copied().unwrap_or("RRULE:FREQ=WEEKLY");
            timed(random, workday(day), Some(rule))
        }
    };
    let event = write::insert(state, calendar, &body, writer)?;
    if event.contains_key("recurrence") {
        exceptions(state, calendar, &event, random, writer)?;
    }
    Ok(())
}

fn workday(day: NaiveDate) -> NaiveDate {
    match day.weekday() {
        Weekday::Sat => day.pred_opt().unwrap_or(day),
        Weekday::Sun => day.succ_opt().unwrap_or(day),
        _ => day,
    }
}

fn word(random: &mut Random, words: &[&'static str]) -> &'static str {
    random.pick(words).copied().unwrap_or_default()
}

fn timed(random: &mut Random, day: NaiveDate, rule: Option<&str>) -> Value {
    let zone = if random.chance(700) { "Europe/Berlin" } else { word(random, &ZONES) };
    let minute = 7 * 60 + random.below(22) * 30;
    let length = 15 * (1 + random.below(8));
    let at = |minute: u64| format!("{}T{:02}:{:02}:00", day.format("%Y-%m-%d"), minute / 60, minute % 60);
    let mut body = dressed(random);
    if let Some(map) = body.as_object_mut() {
        map.insert("start".to_owned(), json!({ "dateTime": at(minute), "timeZone": zone }));
        map.insert("end".to_owned(), json!({ "dateTime": at(minute + length), "timeZone": zone }));
        if let Some(rule) = rule {
            // A rule with days starts on one of its own.
            map.insert("recurrence".to_owned(), json!([in_step(rule, day)]));
        }
    }
    body
}

fn in_step(rule: &str, day: NaiveDate) -> String {
    if rule.contains("BYDAY=2TU") {
        let nth = day.day0() / 7 + 1;
        let name = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
        let name = name.get(day.weekday().num_days_from_monday() as usize).unwrap_or(&"MO");
        // A fifth one does not exist in every month.
        let nth = if nth == 5 { "-1".to_owned() } else { nth.to_string() };
        return format!("RRULE:FREQ=MONTHLY;BYDAY={nth}{name}");
    }
    if rule.contains("MO,WE,FR") && matches!(day.weekday(), Weekday::Tue | Weekday::Thu) {
        return rule.replace("MO,WE,FR", "TU,TH");
    }
    rule.to_owned()
}

fn all_day(random: &mut Random, day: NaiveDate) -> Value {
    let end = day.checked_add_days(Days::new(1 + random.below(4))).unwrap_or(day);
    let mut body = dressed(random);
    if let Some(map) = body.as_object_mut() {
        map.insert("start".to_owned(), json!({ "date": day.format("%Y-%m-%d").to_string() }));
        map.insert("end".to_owned(), json!({ "date": end.format("%Y-%m-%d").to_string() }));
        map.insert("transparency".to_owned(), json!("transparent"));
    }
    body
}

/// Everything but the times.
fn dressed(random: &mut Random) -> Value {
    let mut body = json!({ "summary": format!("{} with {}", word(random, &WHAT), word(random, &WITH)) });
    let Some(map) = body.as_object_mut() else { return body };
    if random.chance(500) {
        map.insert("location".to_owned(), json!(word(random, &WHERE)));
    }
    if random.chance(400) {
        let text = format!("Notes {}: <b>bring</b> the list &amp; the plan.", random.below(10_000));
        map.insert("description".to_owned(), json!(text));
    }
    if random.chance(300) {
        let answers = ["needsAction", "accepted", "declined", "tentative"];
        let list: Vec<Value> = (0..=random.below(5))
            .map(|n| json!({ "email": format!("guest{n}@example.com"), "responseStatus": word(random, &answers) }))
            .collect();
        map.insert("attendees".to_owned(), json!(list));
    }
    if random.chance(200) {
        let minutes = 5 * (1 + random.below(12));
        let reminders = json!({ "useDefault": false, "overrides": [{ "method": "popup", "minutes": minutes }] });
        map.insert("reminders".to_owned(), reminders);
    }
    match random.below(20) {
        0..=2 => map.insert("visibility".to_owned(), json!("private")),
        3 => map.insert("visibility".to_owned(), json!("public")),
        _ => None,
    };
    if random.chance(150) {
        map.insert("colorId".to_owned(), json!((1 + random.below(11)).to_string()));
    }
    if random.chance(50) {
        map.insert("status".to_owned(), json!("tentative"));
    }
    body
}

/// Some series get a moved and a cancelled instance.
fn exceptions(
    state: &mut State,
    calendar: &str,
    master: &super::state::Object,
    random: &mut Random,
    writer: &Writer,
) -> Result<(), ApiError> {
    let zone = state.calendars.get(calendar).map(|c| c.time_zone.clone()).unwrap_or_default();
    let Some(series) = Series::read(master, &zone)? else { return Ok(()) };
    let starts = series.starts(i64::MAX, 12);
    for (index, (_, start)) in starts.iter().enumerate().skip(1) {
        let id = format!("{}_{}", super::state::text(master, "id"), start.instance_suffix());
        if random.chance(60) {
            write::delete(state, calendar, &id, writer)?;
        } else if random.chance(60) {
            let When::Moment(at, zone_name) = start else { continue };
            let moved = When::Moment(at + 3600 * (1 + i64::try_from(index % 3).unwrap_or(0)), zone_name.clone());
            let end = match &moved {
                When::Moment(at, name) => When::Moment(at + 1800, name.clone()),
                day @ When::Day(_) => day.clone(),
            };
            let patch = json!({ "start": moved.write(&zone), "end": end.write(&zone) });
            write::change(state, calendar, &id, &patch, false, writer)?;
        }
    }
    Ok(())
}
