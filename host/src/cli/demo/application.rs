//! The application's side, through the public JSON API only.

use std::collections::BTreeSet;

use chrono::{Duration, NaiveDateTime};
use serde_json::{Value, json};
use tandem_providers::http::encode;

use super::client::ApiClient;
use super::entry::{Key, Seen, application_row, text};
use super::trouble::{Told, Trouble};

/// The demo's tenant.
pub(super) const TENANT: &str = "demo";
/// Its calendar.
pub(super) const CALENDAR: &str = "team";
/// How JSCalendar writes a wall-clock time.
const LOCAL: &str = "%Y-%m-%dT%H:%M:%S";
/// Occurrences in one answer.
const LIMIT: usize = 10_000;
/// Windows below this are not split further, in milliseconds.
const SHORTEST_MS: i64 = 3_600_000;
/// The code of a failure to write a series that a provider has no words for.
const NOT_EXPRESSIBLE: &str = "recurrence-not-expressible";
/// Failures in one answer; the API gives no more.
const FAILURES: usize = 1000;

/// What is recorded as not written.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures {
    /// Uids of series that the provider of that replica has no words for.
    pub(super) not_expressible: BTreeSet<String>,
    /// Codes of all others.
    pub(super) others: Vec<String>,
}

/// The side.
#[derive(Clone)]
pub(super) struct Application {
    /// The API.
    pub(super) api: ApiClient,
}

fn event_path(uid: &str) -> String {
    format!("/calendars/{CALENDAR}/events/{}", encode(uid))
}

impl Application {
    /// Every occurrence that lies in the window.
    pub(super) async fn window(&self, from_ms: i64, to_ms: i64) -> Told<Vec<Seen>> {
        let mut rows = Vec::new();
        let mut windows = vec![(from_ms, to_ms)];
        while let Some((from, to)) = windows.pop() {
            let path = format!("/calendars/{CALENDAR}/occurrences?from={from}&to={to}&time-zone=Etc/UTC&limit={LIMIT}");
            let answer = self.api.get(&path).await?;
            if answer.get("truncated").and_then(Value::as_bool) == Some(true) && to - from > SHORTEST_MS {
                let middle = from + (to - from) / 2;
                windows.extend([(from, middle), (middle, to)]);
                continue;
            }
            let items = answer.get("items").and_then(Value::as_array);
            rows.extend(items.into_iter().flatten().filter_map(application_row));
        }
        // An event across the border of two windows is in both.
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        rows.dedup_by(|a, b| a.key == b.key);
        Ok(rows)
    }

    /// One occurrence that lies about there; none when there is none.
    pub(super) async fn find(&self, key: &Key, near_ms: i64) -> Told<Option<Seen>> {
        const DAY_MS: i64 = 86_400_000;
        let rows = self.window(near_ms - 2 * DAY_MS, near_ms + 3 * DAY_MS).await?;
        Ok(rows.into_iter().find(|seen| seen.key == *key))
    }

    /// The revision of an event; none when it is not there.
    pub(super) async fn revision(&self, uid: &str) -> Told<Option<u64>> {
        let reply = self.api.send("GET", &event_path(uid), None, None).await?;
        if matches!(reply.status, 404 | 410) {
            return Ok(None);
        }
        Ok(reply.success()?.get("revision").and_then(Value::as_u64))
    }

    /// Make an event of half an hour; gives its uid.
    pub(super) async fn create(&self, title: &str, start_ms: i64) -> Told<Key> {
        let start = chrono::DateTime::from_timestamp_millis(start_ms).unwrap_or_default().format(LOCAL).to_string();
        let event = json!({
            "@type": "Event", "title": title, "start": start, "timeZone": "Etc/UTC", "duration": "PT30M",
        });
        let path = format!("/calendars/{CALENDAR}/events");
        let made = self.api.send("POST", &path, Some(&event), None).await?.success()?;
        let uid = made.get("uid").and_then(Value::as_str).ok_or("the API gave no uid")?;
        Ok(Key { uid: uid.to_owned(), occurrence: String::new() })
    }

    /// Rename an event or a whole series; with a revision only if it still is that.
    pub(super) async fn rename(&self, uid: &str, title: &str, revision: Option<u64>) -> Told<()> {
        let patch = json!({ "title": title });
        self.api.send("PATCH", &event_path(uid), Some(&patch), revision).await?.success().map(|_| ())
    }

    /// Move an event or an occurrence an hour later, or a day when it has no time.
    pub(super) async fn postpone(&self, seen: &Seen) -> Told<()> {
        let start = seen.body.get("start").and_then(Value::as_str).unwrap_or_default();
        let at =
            NaiveDateTime::parse_from_str(start, LOCAL).map_err(|why| Trouble::new("the event has no start", why))?;
        let by = if seen.entry.all_day { Duration::days(1) } else { Duration::hours(1) };
        let patch = json!({ "start": (at + by).format(LOCAL).to_string() });
        let path = format!("{}{}", event_path(&seen.key.uid), scope(&seen.key));
        self.api.send("PATCH", &path, Some(&patch), None).await?.success().map(|_| ())
    }

    /// Rename an occurrence and all later ones.
    pub(super) async fn split(&self, key: &Key, title: &str) -> Told<()> {
        let path = format!("{}?scope=this-and-following&recurrence-id={}", event_path(&key.uid), key.occurrence);
        self.api.send("PATCH", &path, Some(&json!({ "title": title })), None).await?.success().map(|_| ())
    }

    /// Delete an event, or cancel an occurrence.
    pub(super) async fn delete(&self, key: &Key) -> Told<()> {
        let path = format!("{}{}", event_path(&key.uid), scope(key));
        self.api.send("DELETE", &path, None, None).await?.success().map(|_| ())
    }

    /// The newest conflict record of an event.
    pub(super) async fn conflict(&self, uid: &str) -> Told<Option<Value>> {
        let answer = self.api.get("/conflicts?state=all&limit=1000").await?;
        let items = answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(items.into_iter().find(|item| item.get("uid").and_then(Value::as_str) == Some(uid)))
    }

    /// How many records a list of the API has.
    pub(super) async fn count(&self, list: &str) -> Told<usize> {
        let answer = self.api.get(&format!("/{list}limit=1000")).await?;
        Ok(answer.get("items").and_then(Value::as_array).map_or(0, Vec::len))
    }

    /// The failures of a replica.
    pub(super) async fn failures(&self, replica: &str) -> Told<Failures> {
        let answer = self.api.get(&format!("/failures?limit={FAILURES}")).await?;
        let items = answer.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut failures = Failures::default();
        for item in items.iter().filter(|item| text(item, "replica") == replica) {
            match (text(item, "code"), text(item, "uid")) {
                (NOT_EXPRESSIBLE, uid) if !uid.is_empty() => drop(failures.not_expressible.insert(uid.to_owned())),
                (code, _) => failures.others.push(code.to_owned()),
            }
        }
        Ok(failures)
    }

    /// A replica's state.
    pub(super) async fn replica(&self, id: &str) -> Told<Value> {
        self.api.get(&format!("/replicas/{id}")).await
    }
}

fn scope(key: &Key) -> String {
    if key.occurrence.is_empty() {
        return String::new();
    }
    format!("?scope=this&recurrence-id={}", key.occurrence)
}
