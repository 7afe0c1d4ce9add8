//! One change on one side, and how long it takes until the other side shows it.

use std::time::{Duration, Instant};

use super::entry::{Entry, Key, Pair, Seen};
use super::trouble::{Told, Trouble};
use super::world::World;

/// How often the other side is looked at.
const LOOK: Duration = Duration::from_millis(3);
/// How long a change may take to arrive; several times the longest back-off that the demo causes.
const ARRIVAL: Duration = Duration::from_secs(60);

/// Where somebody edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// In Google's own pages.
    Google,
    /// In the application.
    Application,
}

impl Side {
    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Google => Self::Application,
            Self::Application => Self::Google,
        }
    }

    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::Application => "your application",
        }
    }
}

/// What somebody does. On a series the last two act on the chosen occurrence, renaming on the whole series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// A new event with this title at that time, in milliseconds.
    Create(String, i64),
    /// A new title.
    Rename(String),
    /// An hour later; a day for an event without a time.
    Postpone,
    /// Deleted, or the occurrence cancelled.
    Delete,
}

/// A change that is under way to the other side.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// Where it was made.
    pub(super) side: Side,
    /// What it touched.
    pub(super) key: Key,
    /// What the side shows now; none when it is gone.
    pub(super) shows: Option<Entry>,
    /// Google's id, as far as it is known.
    google_id: Option<String>,
    /// About where it lies.
    near_ms: i64,
    /// When it was made.
    at: Instant,
    at_ms: i64,
    /// The application's revision before a change in Google.
    revision: Option<u64>,
}

/// Milliseconds since the Unix epoch.
pub(super) fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// Make a change. `pair` is what it is made to; for a new event it is not looked at.
pub(super) async fn make(world: &World, side: Side, change: &Change, pair: Option<&Pair>) -> Told<Sent> {
    if let Change::Create(title, start_ms) = change {
        return create(world, side, title, *start_ms).await;
    }
    let pair = pair.ok_or("choose an event first")?;
    let seen = match side {
        Side::Google => pair.google.as_ref(),
        Side::Application => pair.application.as_ref(),
    };
    let seen = seen.ok_or("the event is not there on that side")?;
    let revision = match side {
        Side::Google => world.application.revision(&pair.key.uid).await?,
        Side::Application => None,
    };
    let (at, at_ms) = (Instant::now(), now_ms());
    match side {
        Side::Google => in_google(world, seen, change)?,
        Side::Application => in_application(world, seen, change).await?,
    }
    let google_id = pair.google.as_ref().map(|seen| seen.id.clone());
    let near_ms = seen.entry.start_ms;
    let shows = match side {
        Side::Google => world.google.event(&seen.id).map(|seen| seen.entry),
        Side::Application => world.application.find(&pair.key, near_ms).await?.map(|seen| seen.entry),
    };
    Ok(Sent { side, key: pair.key.clone(), shows, google_id, near_ms, at, at_ms, revision })
}

async fn create(world: &World, side: Side, title: &str, start_ms: i64) -> Told<Sent> {
    let (at, at_ms) = (Instant::now(), now_ms());
    let (key, google_id) = match side {
        Side::Google => {
            let made = world.google.create(title, start_ms)?;
            (made.key, Some(made.id))
        }
        Side::Application => (world.application.create(title, start_ms).await?, None),
    };
    let end_ms = start_ms + 1_800_000;
    let entry = Entry { start_ms, end_ms, title: title.to_owned(), place: String::new(), all_day: false };
    Ok(Sent { side, key, shows: Some(entry), google_id, near_ms: start_ms, at, at_ms, revision: None })
}

fn in_google(world: &World, seen: &Seen, change: &Change) -> Told<()> {
    match change {
        Change::Rename(title) => {
            let series = seen.body.get("recurringEventId").and_then(serde_json::Value::as_str);
            world.google.rename(series.unwrap_or(&seen.id), title)
        }
        Change::Postpone => world.google.postpone(seen),
        Change::Delete => world.google.delete(&seen.id),
        Change::Create(..) => Ok(()),
    }
}

async fn in_application(world: &World, seen: &Seen, change: &Change) -> Told<()> {
    match change {
        Change::Rename(title) => world.application.rename(&seen.key.uid, title, None).await,
        Change::Postpone => world.application.postpone(seen).await,
        Change::Delete => world.application.delete(&seen.key).await,
        Change::Create(..) => Ok(()),
    }
}

impl Sent {
    /// Wait until the other side shows the same; gives how long it took since the change.
    pub(super) async fn arrived(mut self, world: &World) -> Told<Duration> {
        while self.at.elapsed() < ARRIVAL {
            if self.other_side_shows(world).await? == Some(self.shows.clone()) {
                return Ok(self.at.elapsed());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(Trouble(format!(
            "a change in {} of event {} did not arrive in {} within {} s",
            self.side.name(),
            self.key.uid,
            self.side.other().name(),
            ARRIVAL.as_secs()
        )))
    }

    /// What the other side shows; none when nothing has happened there yet.
    async fn other_side_shows(&mut self, world: &World) -> Told<Option<Option<Entry>>> {
        if self.side == Side::Google {
            // The revision is a cheap read; only when it moved is the window worth expanding. A server that is down
            // shows nothing.
            let Ok(revision) = world.application.revision(&self.key.uid).await else { return Ok(None) };
            if revision == self.revision {
                return Ok(None);
            }
            let Ok(seen) = world.application.find(&self.key, self.near_ms).await else { return Ok(None) };
            return Ok(Some(seen.map(|seen| seen.entry)));
        }
        if self.google_id.is_none() {
            let found = world.google.find_new(&self.key, self.at_ms - 1000)?;
            self.google_id = found.into_iter().next().map(|seen| seen.id);
        }
        let Some(id) = &self.google_id else { return Ok(None) };
        Ok(Some(world.google.event(id).map(|seen| seen.entry)))
    }
}
