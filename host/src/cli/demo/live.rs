//! What the page shows, kept up to date: it looks whether something changed, and sends the parts that did to everybody
//! who watches.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::broadcast;

use super::change::{Arrival, now_ms};
use super::entry::{Key, Row};
use super::outlook;
use super::side::Side;
use super::trouble::Told;
use super::view;
use super::world::World;

/// How often is looked whether something changed.
const LOOK: Duration = Duration::from_millis(40);
/// How often everything is looked at, changed or not.
const ANYWAY: Duration = Duration::from_secs(1);
/// How far ahead the list goes.
const WEEK_MS: i64 = 7 * 86_400_000;
/// Rows of the list, and how many of them may belong to series.
const ROWS: (usize, usize) = (12, 4);
/// Rows with those that somebody made.
const ROWS_MOST: usize = 20;
/// Lines of the log that are kept.
const LINES: usize = 200;
/// Updates kept for a slow watcher.
const UPDATES: usize = 256;

/// A part of the page that changed.
#[derive(Debug, Clone)]
pub(super) struct Update {
    /// Which part.
    pub(super) part: &'static str,
    /// Its HTML.
    pub(super) html: String,
}

#[derive(Default)]
struct Shown {
    keys: Vec<Key>,
    rows: Vec<Row>,
    table: String,
    status: String,
    lines: VecDeque<String>,
    /// How long the last edit of an event took.
    took: BTreeMap<Key, Arrival>,
}

/// What is shown. One for all watchers.
pub(super) struct Live {
    world: Arc<World>,
    shown: Mutex<Shown>,
    updates: broadcast::Sender<Update>,
    edits: AtomicU64,
    ready: AtomicBool,
}

impl Live {
    /// Nothing is shown yet; run [`Live::follow`].
    pub(super) fn new(world: Arc<World>) -> Self {
        Self {
            world,
            shown: Mutex::default(),
            updates: broadcast::Sender::new(UPDATES),
            edits: AtomicU64::new(0),
            ready: AtomicBool::new(false),
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first sync is over.
    pub(super) fn ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
        self.edited();
    }

    /// Whether the first sync is over.
    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Changes from now on.
    pub(super) fn updates(&self) -> broadcast::Receiver<Update> {
        self.updates.subscribe()
    }

    /// Every part as it is now.
    pub(super) fn parts(&self) -> Vec<Update> {
        let shown = self.shown();
        let lines = shown.lines.iter().cloned().collect();
        [("status", shown.status.clone()), ("table", shown.table.clone()), ("lines", lines)]
            .map(|(part, html)| Update { part, html })
            .to_vec()
    }

    /// The row of that name.
    pub(super) fn row(&self, value: &str) -> Option<Row> {
        self.shown().rows.iter().find(|row| view::row_value(&row.key) == value).cloned()
    }

    /// A few single events with times that both sides agree on, for what goes wrong.
    pub(super) fn singles(&self) -> Vec<Row> {
        let fits = |row: &&Row| row.is_equal() && row.is_timed() && row.key.occurrence.is_empty();
        self.shown().rows.iter().filter(fits).cloned().collect()
    }

    /// Show this event from now on: somebody made it.
    pub(super) fn show(&self, key: Key) {
        let mut shown = self.shown();
        shown.keys.push(key);
        let surplus = shown.keys.len().saturating_sub(ROWS_MOST);
        shown.keys.drain(..surplus);
        drop(shown);
        self.edited();
    }

    /// Show how long the last edit of an event took; none while one is under way.
    pub(super) fn took(&self, key: &Key, arrival: Option<Arrival>) {
        let took = &mut self.shown().took;
        match arrival {
            Some(arrival) => took.insert(key.clone(), arrival),
            None => took.remove(key),
        };
    }

    /// Somebody edited: look at once.
    pub(super) fn edited(&self) {
        self.edits.fetch_add(1, Ordering::Relaxed);
    }

    /// Write a line of the log.
    pub(super) fn say(&self, text: &str, good: bool) {
        let html = view::line(now_ms(), text, good);
        let mut shown = self.shown();
        shown.lines.push_front(html.clone());
        shown.lines.truncate(LINES);
        drop(shown);
        let _ = self.updates.send(Update { part: "line", html });
    }

    /// Keep everything up to date, for ever.
    pub(super) async fn follow(&self) {
        let mut seen = None;
        let mut at = Instant::now();
        let mut sequence = 0;
        loop {
            let up = self.world.metrics().await.is_some();
            sequence = self.feed(sequence).await.unwrap_or(sequence);
            let writes = self.world.remotes().map(|remote| remote.traffic().writes);
            let now = Some((up, sequence, writes, self.edits.load(Ordering::Relaxed)));
            // The first sync changes something all the time: looking at every change would slow it down.
            if (now != seen && self.is_ready()) || seen.is_none() || at.elapsed() > ANYWAY {
                (seen, at) = (now, Instant::now());
                // A server that is down cannot be asked: what was shown stays.
                if let Ok(rows) = self.look().await {
                    self.draw(rows);
                }
                self.draw_status(up).await;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The end of the change feed.
    async fn feed(&self, mut since: u64) -> Told<u64> {
        loop {
            let answer = self.world.application.api.get(&format!("/changes?limit=1000&since={since}")).await?;
            since = answer.get("next").and_then(Value::as_u64).unwrap_or(since);
            if answer.get("more").and_then(Value::as_bool) != Some(true) {
                return Ok(since);
            }
        }
    }

    async fn look(&self) -> Told<Vec<Row>> {
        let from = now_ms();
        let mut rows = self.world.rows(from, from + WEEK_MS).await?;
        // The status counts these.
        let refused = self.world.application.failures(outlook::REPLICA).await?.not_expressible;
        rows.retain(|row| !refused.contains(&row.key.uid));
        Ok(rows)
    }

    fn draw(&self, mut rows: Vec<Row>) {
        let mut shown = self.shown();
        rows.retain(|row| row.start_ms() < now_ms() + WEEK_MS);
        choose(&mut shown.keys, &rows);
        rows.retain(|row| shown.keys.contains(&row.key));
        let before = |key: &Key| shown.rows.iter().find(|row| row.key == *key);
        let table = view::table(&rows, &before, &|key| shown.took.get(key).copied());
        shown.rows = rows;
        self.put(&mut shown.table, "table", table);
    }

    async fn draw_status(&self, up: bool) {
        let world = &self.world;
        let conflicts = world.application.count("conflicts?state=all&").await.ok();
        let differ = self.shown().rows.iter().filter(|row| !row.is_equal()).count();
        let sides = if differ == 0 { "equal".to_owned() } else { format!("{differ} differ") };
        let mut rows = vec![
            ("host", if up { "running" } else { "killed" }.to_owned(), Some(up)),
            ("all sides", sides, Some(differ == 0)),
        ];
        let mut requests = 0;
        for remote in world.remotes() {
            let replica = world.application.replica(remote.replica()).await.ok();
            let health = replica.as_ref().and_then(|replica| replica.get("health")).and_then(Value::as_str);
            rows.push((remote.side().name(), health.unwrap_or("unknown").to_owned(), Some(health == Some("healthy"))));
            requests += remote.traffic().requests;
            let events = replica.as_ref().and_then(|replica| replica.get("events")).and_then(Value::as_u64);
            if let Some(events) = events.filter(|_| remote.side() == Side::Google) {
                rows.insert(0, ("events", events.to_string(), None));
            }
        }
        rows.push(("requests", requests.to_string(), None));
        rows.push(("steps", world.steps().await.to_string(), None));
        if let Some(conflicts) = conflicts {
            rows.push(("conflicts", conflicts.to_string(), None));
        }
        if let Ok(failures) = world.application.failures(outlook::REPLICA).await {
            let refused = failures.not_expressible.len();
            rows.push(("not expressible in Outlook", format!("{refused} series, recorded"), None));
        }
        let html = view::status(&rows);
        self.put(&mut self.shown().status, "status", html);
    }

    /// Send a part if it is another than before.
    fn put(&self, place: &mut String, part: &'static str, html: String) {
        if *place != html {
            place.clone_from(&html);
            // Nobody may be watching.
            let _ = self.updates.send(Update { part, html });
        }
    }
}

/// Keep showing the same events as long as a side has them, and fill up with others.
fn choose(keys: &mut Vec<Key>, rows: &[Row]) {
    keys.retain(|key| rows.iter().any(|row| row.key == *key));
    let mut series = keys.iter().filter(|key| !key.occurrence.is_empty()).count();
    for row in rows {
        if keys.len() >= ROWS.0 {
            return;
        }
        let repeats = !row.key.occurrence.is_empty();
        if keys.iter().any(|key| key.uid == row.key.uid) || (repeats && series >= ROWS.1) {
            continue;
        }
        series += usize::from(repeats);
        keys.push(row.key.clone());
    }
}
