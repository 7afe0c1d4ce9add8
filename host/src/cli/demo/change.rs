//! One change on one side, and how long it takes until the other sides show it.

use std::time::{Duration, Instant};

use super::entry::{Entry, Key, Row, Seen};
use super::side::{Side, Sides};
use super::trouble::{Told, Trouble};
use super::world::World;

/// How often the other sides are looked at.
const LOOK: Duration = Duration::from_millis(3);
/// How long a change may take to arrive; several times the longest back-off that the demo causes.
const ARRIVAL: Duration = Duration::from_secs(60);

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

/// A change that is under way to the other sides.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// Where it was made.
    pub(super) side: Side,
    /// What it touched.
    pub(super) key: Key,
    /// What the side shows now; none when it is gone.
    pub(super) shows: Option<Entry>,
    /// The providers' ids, as far as they are known.
    ids: Sides<Option<String>>,
    /// About where it lies.
    near_ms: i64,
    /// When it was made.
    at: Instant,
    at_ms: i64,
    /// The application's revision before a change at a provider.
    revision: Option<u64>,
}

/// How long a change took to each of the other sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// The other sides with their times, as [`Side::others`] gives them.
    pub(super) times: [(Side, Duration); 2],
}

impl Arrival {
    /// On that side.
    pub(super) fn on(&self, side: Side) -> Duration {
        self.times.iter().find(|(on, _)| *on == side).map(|(_, took)| *took).unwrap_or_default()
    }

    /// For people.
    pub(super) fn told(&self) -> String {
        let [one, other] = self.times.map(|(side, took)| format!("in {} after {} ms", side.name(), took.as_millis()));
        format!("{one}, {other}")
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// Make a change. `row` is what it is made to; for a new event it is not looked at.
pub(super) async fn make(world: &World, side: Side, change: &Change, row: Option<&Row>) -> Told<Sent> {
    if let Change::Create(title, start_ms) = change {
        return create(world, side, title, *start_ms).await;
    }
    let row = row.ok_or("choose an event first")?;
    let seen = row.seen.of(side).as_ref().ok_or("the event is not there on that side")?;
    let mut ids = Sides::default();
    for provider in Side::PROVIDERS {
        *ids.of_mut(provider) = row.seen.of(provider).as_ref().map(|seen| seen.id.clone());
    }
    let (key, near_ms) = (row.key.clone(), seen.entry.start_ms);
    let revision = match side {
        Side::Application => None,
        _ => world.application.revision(&key.uid).await?,
    };
    let (at, at_ms) = (Instant::now(), now_ms());
    let shows = match world.remote(side) {
        Some(remote) => {
            match change {
                Change::Rename(title) => remote.rename(seen, title)?,
                Change::Postpone => remote.postpone(seen)?,
                Change::Delete => remote.delete(&seen.id)?,
                Change::Create(..) => {}
            }
            remote.event(&seen.id)
        }
        None => {
            in_application(world, seen, change).await?;
            world.application.find(&key, near_ms).await?
        }
    };
    Ok(Sent { side, key, shows: shows.map(|seen| seen.entry), ids, near_ms, at, at_ms, revision })
}

async fn create(world: &World, side: Side, title: &str, start_ms: i64) -> Told<Sent> {
    let (at, at_ms) = (Instant::now(), now_ms());
    let mut ids = Sides::default();
    let key = match world.remote(side) {
        Some(remote) => {
            let made = remote.create(title, start_ms)?;
            *ids.of_mut(side) = Some(made.id);
            made.key
        }
        None => world.application.create(title, start_ms).await?,
    };
    let end_ms = start_ms + 1_800_000;
    let entry = Entry { start_ms, end_ms, title: title.to_owned(), place: String::new(), all_day: false };
    Ok(Sent { side, key, shows: Some(entry), ids, near_ms: start_ms, at, at_ms, revision: None })
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
    /// Wait until both other sides show the same; gives how long each took since the change.
    pub(super) async fn arrived(mut self, world: &World) -> Told<Arrival> {
        let mut times = self.side.others().map(|side| (side, None::<Duration>));
        while self.at.elapsed() < ARRIVAL {
            for (side, took) in &mut times {
                if took.is_none() && self.shown_on(*side, world).await? == Some(self.shows.clone()) {
                    *took = Some(self.at.elapsed());
                }
            }
            if let [(one, Some(first)), (other, Some(second))] = times {
                return Ok(Arrival { times: [(one, first), (other, second)] });
            }
            tokio::time::sleep(LOOK).await;
        }
        let missing: Vec<&str> = times.iter().filter(|(_, took)| took.is_none()).map(|(side, _)| side.name()).collect();
        Err(Trouble(format!(
            "a change in {} of event {} did not arrive in {} within {} s",
            self.side.name(),
            self.key.uid,
            missing.join(" and "),
            ARRIVAL.as_secs()
        )))
    }

    /// What another side shows; none when nothing has happened there yet.
    async fn shown_on(&mut self, side: Side, world: &World) -> Told<Option<Option<Entry>>> {
        let Some(remote) = world.remote(side) else {
            // The revision is a cheap read; only when it moved is the window worth expanding. A server that is down
            // shows nothing.
            let Ok(revision) = world.application.revision(&self.key.uid).await else { return Ok(None) };
            if revision == self.revision {
                return Ok(None);
            }
            let Ok(seen) = world.application.find(&self.key, self.near_ms).await else { return Ok(None) };
            return Ok(Some(seen.map(|seen| seen.entry)));
        };
        if self.ids.of(side).is_none() {
            *self.ids.of_mut(side) = remote.find_new(&self.key, self.at_ms - 1000)?.map(|seen| seen.id);
        }
        let Some(id) = self.ids.of(side) else { return Ok(None) };
        Ok(Some(remote.event(id).map(|seen| seen.entry)))
    }
}
