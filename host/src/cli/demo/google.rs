//! The simulated Google's side: what is there, and what its user does in Google's own pages.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Duration, NaiveDate, SecondsFormat};
use serde_json::{Value, json};
use tandem_providers::google::{Config, Google};
use tandem_providers::http::encode;
use tandem_providers::{SimRequest, SystemClock};

use super::entry::{Key, Seen, google_entry, google_row};
use super::trouble::{Told, Trouble};

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

    /// Requests so far, without the demo's own.
    pub(super) fn requests(&self) -> u64 {
        let all: u64 = self.sim.counters().requests.values().sum();
        all.saturating_sub(self.looks.load(Ordering::Relaxed))
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

    /// Every occurrence that lies in the window, expanded by Google itself.
    pub(super) fn window(&self, from_ms: i64, to_ms: i64) -> Told<Vec<Seen>> {
        let time = |ms: i64| encode(&moment(ms));
        let rows = self.list(&format!("singleEvents=true&timeMin={}&timeMax={}", time(from_ms), time(to_ms)))?;
        Ok(rows.iter().filter_map(google_row).collect())
    }

    /// Google's id of an event or occurrence that the application knows by `key`; only what changed since `since_ms` is
    /// looked at, as it is meant for new events.
    pub(super) fn find_new(&self, key: &Key, since_ms: i64) -> Told<Vec<Seen>> {
        let rows = self.list(&format!("updatedMin={}", encode(&moment(since_ms))))?;
        Ok(rows.iter().filter_map(google_row).filter(|seen| seen.key.uid == key.uid).collect())
    }

    /// An event or one instance as it is now; none when it is deleted.
    pub(super) fn event(&self, id: &str) -> Option<Seen> {
        let body = self.sim.event(ACCOUNT, id)?;
        google_entry(&body).and_then(|_| google_row(&body))
    }

    /// The user makes an event.
    pub(super) fn create(&self, title: &str, start_ms: i64) -> Told<Seen> {
        let time = |ms: i64| json!({ "dateTime": moment(ms), "timeZone": ZONE });
        let event = json!({ "summary": title, "start": time(start_ms), "end": time(start_ms + 1_800_000) });
        let made = self.sim.user_insert(ACCOUNT, &event).map_err(|why| Trouble::new("Google refused", why))?;
        google_row(&made).ok_or_else(|| "Google made something else".into())
    }

    /// The user renames an event, or a whole series.
    pub(super) fn rename(&self, id: &str, title: &str) -> Told<()> {
        let done = self.sim.user_patch(ACCOUNT, id, &json!({ "summary": title }));
        done.map(|_| ()).map_err(|why| Trouble::new("Google refused", why))
    }

    /// The user moves an event or an occurrence an hour later, or a day when it has no time.
    pub(super) fn postpone(&self, seen: &Seen) -> Told<()> {
        let (start, end) = (later(seen.body.get("start")), later(seen.body.get("end")));
        let (Some(start), Some(end)) = (start, end) else { return Err("the event has no times".into()) };
        let done = self.sim.user_move(ACCOUNT, &seen.id, &start, &end);
        done.map(|_| ()).map_err(|why| Trouble::new("Google refused", why))
    }

    /// The user deletes an event, or cancels an occurrence.
    pub(super) fn delete(&self, id: &str) -> Told<()> {
        self.sim.user_delete(ACCOUNT, id).map_err(|why| Trouble::new("Google refused", why))
    }

    /// Take away the grant of everybody but the user: nothing is synced any more.
    #[cfg(test)]
    pub(super) fn cut_off(&self) {
        self.sim.revoke_account(ACCOUNT);
        self.sim.grant_access(ACCOUNT, OWN_TOKEN, i64::MAX / 4);
    }

    /// Events that are there twice: by their own uid, or by the mark of whoever made them.
    pub(super) fn duplicates(&self) -> usize {
        self.sim.duplicates(ACCOUNT).len() + self.sim.duplicates_by_property(ACCOUNT, "tandem").len()
    }
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
