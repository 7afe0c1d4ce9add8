//! Realistic events from a seed, for demonstrations and benchmarks.
//! Invariant: the same calendar, number, seed and clock give the same events.

use chrono::{DateTime, Datelike, Days, NaiveDate, Weekday};
use serde_json::{Value, json};

use super::Microsoft;
use super::error::ApiError;
use super::series::{self, Target};
use super::state::State;
use super::write::{self, Writer};
use crate::random::Random;

const DAY_MS: i64 = 86_400_000;
/// How far before and after now events lie, in days.
const SPAN_DAYS: u64 = 360;
const ZONES: [&str; 6] = [
    "W. Europe Standard Time",
    "Eastern Standard Time",
    "Tokyo Standard Time",
    "Europe/London",
    "America/Los_Angeles",
    "AUS Eastern Standard Time",
];
const WHAT: [&str; 12] = [
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
    "One to one",
];
const WITH: [&str; 8] = ["Ada", "Grace", "Linus", "Barbara", "Edsger", "Frances", "the team", "the neighbours"];
const WHERE: [&str; 5] = ["Room 1", "Room 2", "Café", "Main office, 3rd floor", "At home"];

impl Microsoft {
    /// Puts `count` events and series into the calendar: singles, all-day events, series with moved and deleted
    /// occurrences, attendees, reminders, several zones, private ones. Nothing is notified, nothing drifts.
    ///
    /// # Errors
    /// `ErrorItemNotFound` for an unknown calendar.
    pub fn generate(&self, calendar: &str, count: usize, seed: u64) -> Result<(), ApiError> {
        let state = &mut *self.lock();
        let id = super::god::calendar_id(state, calendar).ok_or_else(ApiError::item_not_found)?;
        let account = state.calendars.get(&id).map(|calendar| calendar.owner.clone()).unwrap_or_default();
        let zone = state.accounts.get(&account).map(|account| account.zone.clone()).unwrap_or_default();
        let zone = super::zones::zone(&zone).map_or_else(|| "UTC".to_owned(), |_| zone);
        let writer = Writer { account, if_match: None, god: true };
        let subscriptions = std::mem::take(&mut state.subscriptions);
        let (drift, mails) = (state.config.drift_after_ms.take(), state.counters.mails);
        let mut random = Random::new(seed);
        let now_ms = state.now_ms;
        let mut result = Ok(());
        for _ in 0..count {
            // Each was made at some time of the last year.
            state.now_ms = now_ms - DAY_MS - i64::try_from(random.below(360)).unwrap_or(0) * DAY_MS / 2;
            result = one(state, &id, now_ms, &zone, &mut random, &writer);
            if result.is_err() {
                break;
            }
        }
        state.now_ms = now_ms;
        state.subscriptions = subscriptions;
        state.config.drift_after_ms = drift;
        state.counters.mails = mails;
        result
    }
}

fn word(random: &mut Random, words: &[&'static str]) -> &'static str {
    random.pick(words).copied().unwrap_or_default()
}

fn one(
    state: &mut State,
    calendar: &str,
    now_ms: i64,
    home: &str,
    random: &mut Random,
    writer: &Writer,
) -> Result<(), ApiError> {
    let today = DateTime::from_timestamp_millis(now_ms).unwrap_or_default().date_naive();
    let early = today.checked_sub_days(Days::new(SPAN_DAYS)).unwrap_or(today);
    let day = workday(early.checked_add_days(Days::new(random.below(SPAN_DAYS * 2))).unwrap_or(today));
    let zone = if random.chance(700) { home.to_owned() } else { word(random, &ZONES).to_owned() };
    let mut body = dressed(random);
    let Some(map) = body.as_object_mut() else { return Ok(()) };
    let kind = random.below(100);
    if (70..82).contains(&kind) {
        let last = day.checked_add_days(Days::new(1 + random.below(3))).unwrap_or(day);
        map.insert("isAllDay".to_owned(), json!(true));
        map.insert("start".to_owned(), json!({ "dateTime": format!("{day}T00:00:00"), "timeZone": zone }));
        map.insert("end".to_owned(), json!({ "dateTime": format!("{last}T00:00:00"), "timeZone": zone }));
    } else {
        let minute = 7 * 60 + random.below(22) * 30;
        let end = minute + 15 * (1 + random.below(8));
        let at = |minute: u64| json!({ "dateTime": format!("{day}T{:02}:{:02}:00", minute / 60, minute % 60), "timeZone": zone });
        map.insert("start".to_owned(), at(minute));
        map.insert("end".to_owned(), at(end));
        if kind >= 82 {
            map.insert("recurrence".to_owned(), recurrence(random, day));
        }
    }
    let is_series = map.contains_key("recurrence");
    let (_, target) = write::create(state, calendar, &body, writer)?;
    if is_series { exceptions(state, &target, random, writer) } else { Ok(()) }
}

fn workday(day: NaiveDate) -> NaiveDate {
    match day.weekday() {
        Weekday::Sat => day.pred_opt().unwrap_or(day),
        Weekday::Sun => day.succ_opt().unwrap_or(day),
        _ => day,
    }
}

fn recurrence(random: &mut Random, day: NaiveDate) -> Value {
    let names = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let own = names.get(day.weekday().num_days_from_monday() as usize).copied().unwrap_or("monday");
    let nth = ["first", "second", "third", "fourth", "last"].get(day.day0() as usize / 7).copied().unwrap_or("last");
    let weekly = |interval: u32, days: Value| json!({ "type": "weekly", "interval": interval, "daysOfWeek": days, "firstDayOfWeek": "monday" });
    let pattern = match random.below(8) {
        0 | 1 => weekly(1, json!([own])),
        2 => weekly(2, json!([own])),
        3 => weekly(1, json!(["monday", "wednesday", "friday"])),
        4 => json!({ "type": "daily", "interval": 1 }),
        5 => json!({ "type": "relativeMonthly", "interval": 1, "daysOfWeek": [own], "index": nth }),
        6 => json!({ "type": "absoluteMonthly", "interval": 1, "dayOfMonth": day.day() }),
        _ => json!({ "type": "absoluteYearly", "interval": 1, "dayOfMonth": day.day(), "month": day.month() }),
    };
    let range = if random.chance(500) || pattern.get("type") == Some(&json!("daily")) {
        json!({ "type": "numbered", "startDate": day.to_string(), "numberOfOccurrences": 5 + random.below(26) })
    } else {
        json!({ "type": "noEnd", "startDate": day.to_string() })
    };
    json!({ "pattern": pattern, "range": range })
}

fn dressed(random: &mut Random) -> Value {
    let mut body = json!({ "subject": format!("{} with {}", word(random, &WHAT), word(random, &WITH)) });
    let Some(map) = body.as_object_mut() else { return body };
    if random.chance(500) {
        map.insert("location".to_owned(), json!({ "displayName": word(random, &WHERE) }));
    }
    if random.chance(400) {
        let text = format!("<p>Notes {}: <b>bring</b> the list &amp; the plan.</p>", random.below(10_000));
        map.insert("body".to_owned(), json!({ "contentType": "html", "content": text }));
    }
    if random.chance(300) {
        let guest =
            |n: u64| json!({ "type": "required", "emailAddress": { "address": format!("guest{n}@example.com") } });
        map.insert("attendees".to_owned(), json!((0..=random.below(5)).map(guest).collect::<Vec<_>>()));
    }
    if random.chance(200) {
        map.insert("reminderMinutesBeforeStart".to_owned(), json!(5 * (1 + random.below(12))));
    }
    match random.below(20) {
        0..=2 => map.insert("sensitivity".to_owned(), json!("private")),
        3 => map.insert("showAs".to_owned(), json!("free")),
        4 => map.insert("categories".to_owned(), json!(["Blue category"])),
        _ => None,
    };
    body
}

/// Some series get a moved and a deleted occurrence.
fn exceptions(state: &mut State, master: &Target, random: &mut Random, writer: &Writer) -> Result<(), ApiError> {
    let item = state.calendars.get(&master.calendar).and_then(|calendar| calendar.items.get(&master.core)).cloned();
    let Some(item) = item else { return Ok(()) };
    for at in series::originals(&item, state.config.short_month, i64::MAX, 12).into_iter().skip(1) {
        let target = Target { original_ms: Some(at), ..master.clone() };
        if random.chance(60) {
            write::delete(state, &target, writer)?;
        } else if random.chance(60) {
            let moved = item.span.starting(at + 1_800_000);
            let patch =
                json!({ "start": moved.start.write(&moved.start.zone), "end": moved.end.write(&moved.end.zone) });
            write::change(state, &target, &patch, writer)?;
        }
    }
    Ok(())
}
