//! The first sync, with a progress bar: what each provider has is read, then written to the other one.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::side::{Side, Sides};
use super::trouble::{Told, Trouble};
use super::world::World;

/// How often the bar is drawn.
const DRAW: Duration = Duration::from_millis(50);
/// Without any progress for so long something is wrong.
const STALLED: Duration = Duration::from_secs(60);

/// What the first sync did. Times are since the server began to run.
#[derive(Debug, Clone)]
pub(super) struct FirstSync {
    /// Events and series that each side began with; the application with none.
    pub(super) began: Sides<usize>,
    /// When a provider had been read to its end.
    pub(super) read: Sides<Duration>,
    /// Writes to each provider.
    pub(super) written: Sides<u64>,
    /// Mails that the providers sent to guests meanwhile.
    pub(super) mails: u64,
    /// When nothing was left to write.
    pub(super) took: Duration,
}

impl FirstSync {
    /// Events in the calendar.
    pub(super) fn events(&self) -> usize {
        self.began.all().into_iter().sum()
    }

    /// Of a provider's own events in a second, until it had been read.
    pub(super) fn read_per_second(&self, side: Side) -> f64 {
        rate(*self.began.of(side), *self.read.of(side))
    }

    /// For people.
    pub(super) fn told(&self) -> String {
        format!(
            "first sync: {} events read from Google ({:.0}/s), {} from Outlook, and each written to the other in {:.1} s",
            self.began.google,
            self.read_per_second(Side::Google),
            self.began.outlook,
            self.took.as_secs_f64()
        )
    }
}

fn rate(number: usize, took: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
    let number = number as f64;
    number / took.as_secs_f64().max(0.001)
}

/// Wait until all replicas are in step with nothing left to write. Call it at once after the start: time runs from here.
pub(super) async fn first_sync(world: &World) -> Told<FirstSync> {
    let started = Instant::now();
    let mut began = Sides::default();
    for remote in world.remotes() {
        *began.of_mut(remote.side()) = remote.live();
    }
    let all: usize = began.all().into_iter().sum();
    // Each event is read once and written once.
    let bar = ProgressBar::new(u64::try_from(2 * all).unwrap_or(0));
    let style = ProgressStyle::with_template("  first sync {bar:40} {pos} of {len} reads and writes, {per_sec}");
    bar.set_style(style.map_err(|why| Trouble::new("the progress bar", why))?);
    let mut read = Sides::<Option<Duration>>::default();
    let mut last = (0, Instant::now());
    loop {
        let done = world.metrics().await.map_or(0, |metrics| metrics.applied + metrics.pushed);
        bar.set_position(done.min(u64::try_from(2 * all).unwrap_or(0)));
        let (mut complete, mut reason) = (true, String::new());
        for remote in world.remotes() {
            let replica = world.application.replica(remote.replica()).await?;
            let number = |key: &str| replica.get(key).and_then(Value::as_u64);
            if replica.get("health").and_then(Value::as_str) == Some("healthy") {
                read.of_mut(remote.side()).get_or_insert_with(|| started.elapsed());
            } else if let Some(why) = replica.get("reason").and_then(Value::as_str) {
                reason = format!("{}: {why}", remote.replica());
            }
            let there = number("events").and_then(|events| usize::try_from(events).ok()).unwrap_or(0);
            if number("queued") != Some(0) {
                complete = false;
                continue;
            }
            // What a provider has no words for is recorded, and not there.
            let refused = world.application.failures(remote.replica()).await?.not_expressible.len();
            complete &= there + refused >= all && remote.live() + refused >= all;
        }
        if let (true, Some(google), Some(outlook)) = (complete, read.google, read.outlook) {
            let took = started.elapsed();
            bar.finish_and_clear();
            let (mut written, mut mails) = (Sides::default(), 0);
            for remote in world.remotes() {
                *written.of_mut(remote.side()) = remote.traffic().writes;
                mails += remote.traffic().mails;
            }
            return Ok(FirstSync {
                began,
                read: Sides { google, outlook, application: Duration::ZERO },
                written,
                mails,
                took,
            });
        }
        if done != last.0 {
            last = (done, Instant::now());
        } else if last.1.elapsed() > STALLED {
            bar.abandon();
            return Err(Trouble(format!("the first sync stands still at {done} of {} steps {reason}", 2 * all)));
        }
        tokio::time::sleep(DRAW).await;
    }
}
