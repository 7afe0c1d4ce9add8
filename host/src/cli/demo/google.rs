//! The simulated Google's side: what is there, and what its user does in Google's own pages.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, SecondsFormat};
use serde_json::{Value, json};
use tandem_providers::google::{Config, Google};
use tandem_providers::http::encode;
use tandem_providers::{Fault, PushFault, SimRequest, SystemClock};

use super::entry::{Key, Seen, text};
use super::google_row::{google_key, google_row};
use super::outlook_row::WALL;
use super::remote::{Every, Remote, Traffic};
use super::side::Side;
use super::trouble::{Told, Trouble};

/// The replica.
pub(super) const REPLICA: &str = "google";
/// The account, and its calendar.
pub(super) const ACCOUNT: &str = "demo@example.com";
/// The calendar's zone.
pub(super) const ZONE: &str = "Europe/Berlin";
/// The account's grant.
pub(super) const REFRESH_TOKEN: &str = "demo-refresh-token";
/// The OAuth client, as the simulator knows it from the start.
pub(super) const CLIENT: (&str, &str) = ("sim-client", "sim-secret");
/// The demo's own access, to look at Google's side as its user does.
const OWN_TOKEN: &str = "demo-user-token";
/// Rows in a page.
const PAGE: usize = 2500;
/// Pages of one listing at most: a simulator that pages for ever must not hang the demo.
const PAGES: usize = 1000;

/// The side.
pub(super) struct GoogleSide {
    /// The simulator.
    pub(super) sim: Google,
    looks: AtomicU64,
}

impl GoogleSide {
    /// A Google with one calendar of `events` generated events.
    pub(super) fn new(events: usize, seed: u64) -> Told<Self> {
        let config = Config { seed, allow_http_webhooks: true, ..Config::default() };
        let sim = Google::new(config, std::sync::Arc::new(SystemClock));
        sim.add_account(ACCOUNT, ZONE);
        sim.grant_refresh(ACCOUNT, CLIENT.0, REFRESH_TOKEN);
        sim.grant_access(ACCOUNT, OWN_TOKEN, i64::MAX / 4);
        sim.generate(ACCOUNT, events, seed).map_err(|why| Trouble::new("the events cannot be generated", why))?;
        Ok(Self { sim, looks: AtomicU64::new(0) })
    }

    /// Rows of `events.list` with these parameters.
    fn list(&self, parameters: &str) -> Told<Vec<Value>> {
        let path = format!("/calendar/v3/calendars/{}/events?maxResults={PAGE}&{parameters}", encode(ACCOUNT));
        let mut rows = Vec::new();
        let mut page = String::new();
        for _ in 0..PAGES {
            self.looks.fetch_add(1, Ordering::Relaxed);
            let answer = self.sim.handle(&SimRequest::new("GET", &format!("{path}{page}")).bearer(OWN_TOKEN));
            let mut body = answer.json();
            if answer.status() != Some(200) {
                return Err(Trouble(format!("the simulator's listing was answered with {:?}", answer.status())));
            }
            if let Some(Value::Array(items)) = body.get_mut("items").map(Value::take) {
                rows.extend(items);
            }
            match body.get("nextPageToken").and_then(Value::as_str) {
                Some(token) => page = format!("&pageToken={}", encode(token)),
                None => return Ok(rows),
            }
        }
        Err("the simulator's listing does not end".into())
    }
}

impl Remote for GoogleSide {
    fn side(&self) -> Side {
        Side::Google
    }

    fn replica(&self) -> &'static str {
        REPLICA
    }

    fn window(&self, from_ms: i64, to_ms: i64) -> Told<Vec<Seen>> {
        let time = |ms: i64| encode(&moment(ms));
        let rows = self.list(&format!("singleEvents=true&timeMin={}&timeMax={}", time(from_ms), time(to_ms)))?;
        Ok(rows.iter().filter_map(google_row).collect())
    }

    fn find_new(&self, key: &Key, since_ms: i64) -> Told<Option<Seen>> {
        let rows = self.list(&format!("updatedMin={}", encode(&moment(since_ms))))?;
        Ok(rows.iter().filter_map(google_row).find(|seen| seen.key.uid == key.uid))
    }

    fn event(&self, id: &str) -> Option<Seen> {
        google_row(&self.sim.event(ACCOUNT, id)?)
    }

    fn live(&self) -> usize {
        self.sim.live_count(ACCOUNT)
    }

    fn copies(&self, title: &str) -> usize {
        self.sim.truth(ACCOUNT).iter().filter(|row| text(row, "summary") == title).count()
    }

    fn duplicates(&self) -> usize {
        // Not by the mark alone: the second half of a split series may have a copy of it.
        let mut seen = BTreeSet::new();
        let rows = self.sim.truth(ACCOUNT);
        let own = rows.iter().filter(|row| row.get("recurringEventId").is_none());
        own.filter(|row| !seen.insert((google_key(row).uid, row.get("start").map(ToString::to_string)))).count()
    }

    fn create(&self, title: &str, start_ms: i64) -> Told<Seen> {
        let time = |ms: i64| json!({ "dateTime": moment(ms), "timeZone": ZONE });
        let event = json!({ "summary": title, "start": time(start_ms), "end": time(start_ms + 1_800_000) });
        let made = self.sim.user_insert(ACCOUNT, &event).map_err(refused)?;
        google_row(&made).ok_or_else(|| "Google made something else".into())
    }

    fn create_series(&self, title: &str, start: NaiveDateTime, every: Every) -> Told<Seen> {
        let rule = match every {
            Every::Week => "RRULE:FREQ=WEEKLY",
            Every::Month => "RRULE:FREQ=MONTHLY",
        };
        let time = |at: NaiveDateTime| json!({ "dateTime": at.format(WALL).to_string(), "timeZone": ZONE });
        let event = json!({
            "summary": title, "start": time(start), "end": time(start + Duration::minutes(30)),
            "recurrence": [rule],
        });
        let made = self.sim.user_insert(ACCOUNT, &event).map_err(refused)?;
        google_row(&made).ok_or_else(|| "Google made something else".into())
    }

    fn rename(&self, seen: &Seen, title: &str) -> Told<()> {
        let series = seen.body.get("recurringEventId").and_then(Value::as_str);
        let done = self.sim.user_patch(ACCOUNT, series.unwrap_or(&seen.id), &json!({ "summary": title }));
        done.map(|_| ()).map_err(refused)
    }

    fn postpone(&self, seen: &Seen) -> Told<()> {
        let (start, end) = (later(seen.body.get("start")), later(seen.body.get("end")));
        let (Some(start), Some(end)) = (start, end) else { return Err("the event has no times".into()) };
        self.sim.user_move(ACCOUNT, &seen.id, &start, &end).map(|_| ()).map_err(refused)
    }

    fn delete(&self, id: &str) -> Told<()> {
        self.sim.user_delete(ACCOUNT, id).map_err(refused)
    }

    fn split(&self, occurrence: &Seen, title: &str) -> Told<()> {
        let done = self.sim.user_split(ACCOUNT, &occurrence.id, &json!({ "summary": title }));
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
        self.sim.expire_sync_tokens(ACCOUNT);
    }

    #[cfg(test)]
    fn cut_off(&self) {
        self.sim.revoke_account(ACCOUNT);
        self.sim.grant_access(ACCOUNT, OWN_TOKEN, i64::MAX / 4);
    }
}

fn refused(why: impl std::fmt::Display) -> Trouble {
    Trouble::new("Google refused", why)
}

/// RFC 3339 in UTC.
pub(super) fn moment(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// An `EventDateTime` an hour (or a day) later.
fn later(time: Option<&Value>) -> Option<Value> {
    let mut time = time?.clone();
    if let Some(day) = time.get("date").and_then(Value::as_str) {
        let day: NaiveDate = day.parse().ok()?;
        return Some(json!({ "date": (day + Duration::days(1)).to_string() }));
    }
    let at = DateTime::parse_from_rfc3339(time.get("dateTime")?.as_str()?).ok()? + Duration::hours(1);
    time.as_object_mut()?.insert("dateTime".into(), at.to_rfc3339().into());
    Some(time)
}
