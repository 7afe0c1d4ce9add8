//! The simulated Outlook's side: what is there, and what its user does in Outlook's own pages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Datelike as _, Duration, NaiveDateTime};
use serde_json::{Value, json};
use tandem_providers::http::encode;
use tandem_providers::microsoft::{Config, Microsoft};
use tandem_providers::{Fault, PushFault, SimRequest, SystemClock};

use super::entry::{Key, Seen, text};
use super::google::{CLIENT, moment};
use super::outlook_row::{WALL, outlook_row, uid};
use super::remote::{Every, Remote, Traffic};
use super::side::Side;
use super::trouble::{Told, Trouble};

/// The replica.
pub(super) const REPLICA: &str = "outlook";
/// The account.
const ACCOUNT: &str = "demo@outlook.example";
/// The calendar's zone.
const CALENDAR_ZONE: &str = "W. Europe Standard Time";
/// The account's grant.
pub(super) const REFRESH_TOKEN: &str = "demo-outlook-refresh-token";
/// The demo's own access, to look at Outlook's side as its user does.
const OWN_TOKEN: &str = "demo-outlook-user-token";
/// Rows in a page.
const PAGE: usize = 1000;
/// Pages of one listing at most: a simulator that pages for ever must not hang the demo.
const PAGES: usize = 1000;

/// The side.
pub(super) struct OutlookSide {
    /// The simulator.
    pub(super) sim: Microsoft,
    /// The calendar's id.
    pub(super) calendar: String,
    looks: AtomicU64,
}

impl OutlookSide {
    /// An Outlook with one calendar of `events` generated events.
    pub(super) fn new(events: usize, seed: u64) -> Told<Self> {
        let config = Config { seed, allow_http_webhooks: true, ..Config::default() };
        let sim = Microsoft::new(config, std::sync::Arc::new(SystemClock));
        let calendar = sim.add_account(ACCOUNT, CALENDAR_ZONE);
        sim.grant_refresh(ACCOUNT, CLIENT.0, REFRESH_TOKEN);
        sim.grant_access(ACCOUNT, OWN_TOKEN, i64::MAX / 4);
        sim.generate(&calendar, events, seed).map_err(|why| Trouble::new("the events cannot be generated", why))?;
        Ok(Self { sim, calendar, looks: AtomicU64::new(0) })
    }

    /// Ask for something; times are answered in UTC.
    fn get(&self, url: &str) -> Option<Value> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let request = SimRequest::new("GET", url).bearer(OWN_TOKEN).with_header("prefer", "outlook.timezone=\"UTC\"");
        let answer = self.sim.handle(&request);
        (answer.status() == Some(200)).then(|| answer.json())
    }

    /// Rows of a listing.
    fn list(&self, path: &str) -> Told<Vec<Value>> {
        let mut url = format!("/v1.0/me/calendars/{}/{path}&$top={PAGE}", encode(&self.calendar));
        let mut rows = Vec::new();
        for _ in 0..PAGES {
            let mut body = self.get(&url).ok_or("the simulated Outlook refuses its own user's listing")?;
            if let Some(Value::Array(items)) = body.get_mut("value").map(Value::take) {
                rows.extend(items);
            }
            match body.get("@odata.nextLink").and_then(Value::as_str) {
                Some(next) => next.clone_into(&mut url),
                None => return Ok(rows),
            }
        }
        Err("the simulator's listing does not end".into())
    }

    /// Complete a row of an answer by what is stored.
    fn row(&self, shown: &Value, masters: &mut BTreeMap<String, Value>) -> Option<Seen> {
        let stored = self.sim.event(&self.calendar, text(shown, "id"))?;
        let master = match text(shown, "seriesMasterId") {
            "" => None,
            id if masters.contains_key(id) => masters.get(id),
            id => {
                masters.insert(id.to_owned(), self.sim.event(&self.calendar, id)?);
                masters.get(id)
            }
        };
        outlook_row(shown, stored, master)
    }
}

impl Remote for OutlookSide {
    fn side(&self) -> Side {
        Side::Outlook
    }

    fn replica(&self) -> &'static str {
        REPLICA
    }

    fn window(&self, from_ms: i64, to_ms: i64) -> Told<Vec<Seen>> {
        let (from, to) = (encode(&moment(from_ms)), encode(&moment(to_ms)));
        let rows = self.list(&format!("calendarView?startDateTime={from}&endDateTime={to}"))?;
        let mut masters = BTreeMap::new();
        Ok(rows.iter().filter_map(|shown| self.row(shown, &mut masters)).collect())
    }

    fn find_new(&self, key: &Key, since_ms: i64) -> Told<Option<Seen>> {
        let filter = encode(&format!("lastModifiedDateTime ge {}", moment(since_ms)));
        let rows = self.list(&format!("events?$filter={filter}"))?;
        let mut masters = BTreeMap::new();
        Ok(rows.iter().filter_map(|shown| self.row(shown, &mut masters)).find(|seen| seen.key.uid == key.uid))
    }

    fn event(&self, id: &str) -> Option<Seen> {
        let shown = self.get(&format!("/v1.0/me/events/{}", encode(id)))?;
        self.row(&shown, &mut BTreeMap::new())
    }

    fn live(&self) -> usize {
        self.sim.live_count(&self.calendar)
    }

    fn copies(&self, title: &str) -> usize {
        self.sim.truth(&self.calendar).iter().filter(|row| text(row, "subject") == title).count()
    }

    fn duplicates(&self) -> usize {
        // Not by the mark alone: the second half of a split series has a copy of it.
        let mut seen = BTreeSet::new();
        let rows = self.sim.truth(&self.calendar);
        let own = rows.iter().filter(|row| matches!(text(row, "type"), "singleInstance" | "seriesMaster"));
        own.filter(|row| !seen.insert((uid(row), row.get("start").map(ToString::to_string)))).count()
    }

    fn create(&self, title: &str, start_ms: i64) -> Told<Seen> {
        let time = |ms: i64| {
            let wall = DateTime::from_timestamp_millis(ms).unwrap_or_default().format(WALL).to_string();
            json!({ "dateTime": wall, "timeZone": "UTC" })
        };
        let event = json!({ "subject": title, "start": time(start_ms), "end": time(start_ms + 1_800_000) });
        let made = self.sim.user_insert(&self.calendar, &event).map_err(refused)?;
        self.event(text(&made, "id")).ok_or_else(|| "Outlook made something else".into())
    }

    fn create_series(&self, title: &str, start: NaiveDateTime, every: Every) -> Told<Seen> {
        let pattern = match every {
            Every::Week => {
                let day = start.format("%A").to_string().to_lowercase();
                json!({ "type": "weekly", "interval": 1, "daysOfWeek": [day], "firstDayOfWeek": "monday" })
            }
            Every::Month => json!({ "type": "absoluteMonthly", "interval": 1, "dayOfMonth": start.day() }),
        };
        let time = |at: NaiveDateTime| json!({ "dateTime": at.format(WALL).to_string(), "timeZone": CALENDAR_ZONE });
        let event = json!({
            "subject": title, "start": time(start), "end": time(start + Duration::minutes(30)),
            "recurrence": {
                "pattern": pattern, "range": { "type": "noEnd", "startDate": start.date().to_string() },
            },
        });
        let made = self.sim.user_insert(&self.calendar, &event).map_err(refused)?;
        self.event(text(&made, "id")).ok_or_else(|| "Outlook made something else".into())
    }

    fn rename(&self, seen: &Seen, title: &str) -> Told<()> {
        let series = seen.body.get("seriesMasterId").and_then(Value::as_str);
        let done = self.sim.user_patch(&self.calendar, series.unwrap_or(&seen.id), &json!({ "subject": title }));
        done.map(|_| ()).map_err(refused)
    }

    fn postpone(&self, seen: &Seen) -> Told<()> {
        let by = if seen.entry.all_day { Duration::days(1) } else { Duration::hours(1) };
        let (start, end) = (later(seen.body.get("start"), by), later(seen.body.get("end"), by));
        let (Some(start), Some(end)) = (start, end) else { return Err("the event has no times".into()) };
        self.sim.user_move(&self.calendar, &seen.id, &start, &end).map(|_| ()).map_err(refused)
    }

    fn delete(&self, id: &str) -> Told<()> {
        self.sim.user_delete(&self.calendar, id).map_err(refused)
    }

    fn split(&self, occurrence: &Seen, title: &str) -> Told<()> {
        let done = self.sim.user_split(&self.calendar, &occurrence.id, &json!({ "subject": title }));
        done.map(|_| ()).map_err(refused)
    }

    fn traffic(&self) -> Traffic {
        let counters = self.sim.counters();
        let requests = counters.requests.values().sum::<u64>().saturating_sub(self.looks.load(Ordering::Relaxed));
        Traffic { requests, writes: counters.writes, lost: counters.pushes_lost, mails: counters.mails }
    }

    fn answers(&self, status: u16) -> u64 {
        self.sim.counters().statuses.get(&status).copied().unwrap_or(0)
    }

    fn plan(&self, fault: Fault) {
        self.sim.plan(fault);
    }

    fn plan_push(&self, fault: PushFault) {
        self.sim.plan_push(fault);
    }

    fn expire_token(&self) {
        self.sim.expire_delta_tokens(&self.calendar);
    }

    #[cfg(test)]
    fn cut_off(&self) {
        self.sim.revoke_account(ACCOUNT);
        self.sim.grant_access(ACCOUNT, OWN_TOKEN, i64::MAX / 4);
    }
}

fn refused(why: impl std::fmt::Display) -> Trouble {
    Trouble::new("Outlook refused", why)
}

/// A `dateTimeTimeZone` moved by that much on its own clock.
fn later(time: Option<&Value>, by: Duration) -> Option<Value> {
    let mut time = time?.clone();
    let at = NaiveDateTime::parse_from_str(text(&time, "dateTime"), "%Y-%m-%dT%H:%M:%S%.f").ok()? + by;
    time.as_object_mut()?.insert("dateTime".into(), at.format(WALL).to_string().into());
    Some(time)
}
