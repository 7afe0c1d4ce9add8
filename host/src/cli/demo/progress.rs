//! The first sync, with a progress bar.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::trouble::{Told, Trouble};
use super::world::World;

/// How often the bar is drawn.
const DRAW: Duration = Duration::from_millis(50);
/// Without any progress for so long something is wrong.
const STALLED: Duration = Duration::from_secs(60);

/// What the first sync did.
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstSync {
    /// Events in step afterwards.
    pub(super) events: u64,
    /// How long it took.
    pub(super) took: Duration,
}

impl FirstSync {
    /// Events in a second.
    pub(super) fn per_second(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
        let events = self.events as f64;
        events / self.took.as_secs_f64().max(0.001)
    }
}

/// Wait until the replica is in step; `started` is when the server began.
pub(super) async fn first_sync(world: &World, events: u64, started: Instant) -> Told<FirstSync> {
    let bar = ProgressBar::new(events);
    let style = ProgressStyle::with_template("  first sync {bar:40} {pos} of {len} events, {per_sec}");
    bar.set_style(style.map_err(|why| Trouble::new("the progress bar", why))?);
    let mut last = (0, Instant::now());
    loop {
        let applied = world.metrics().await.map_or(0, |metrics| metrics.applied);
        bar.set_position(applied.min(events));
        let replica = world.application.replica().await?;
        if replica.get("health").and_then(Value::as_str) == Some("healthy") {
            let took = started.elapsed();
            bar.finish_and_clear();
            let events = replica.get("events").and_then(Value::as_u64).unwrap_or(0);
            return Ok(FirstSync { events, took });
        }
        if applied != last.0 {
            last = (applied, Instant::now());
        } else if last.1.elapsed() > STALLED {
            bar.abandon();
            let health = replica.get("reason").and_then(Value::as_str).unwrap_or("it gives no reason");
            return Err(Trouble(format!("the first sync stands still at {applied} of {events} events: {health}")));
        }
        tokio::time::sleep(DRAW).await;
    }
}
