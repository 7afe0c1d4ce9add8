//! `tandem demo`: a whole Tandem against a simulated Google on this machine, for people who want to see it work.
//!
//! Nothing leaves the machine and nothing stays on it: both servers listen on loopback only, and the database is in a
//! temporary directory that goes at the end.

mod application;
mod change;
mod client;
mod compare;
mod entry;
mod faults;
mod figures;
mod google;
mod progress;
mod story;
mod trouble;
mod world;

use std::process::ExitCode;
use std::time::Instant;

use self::figures::say;
use self::trouble::{Told, Trouble};
use self::world::World;
use super::fail;
use crate::config::{Log, LogFormat, LogLevel};
use crate::telemetry;

/// Seed of the simulator and its events.
const SEED: u64 = 2026;

/// What the demo is asked for.
#[derive(clap::Args)]
pub(super) struct Options {
    /// The page's port; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8765)]
    port: u16,
    /// How many events the simulated Google starts with.
    #[arg(long, value_name = "NUMBER", default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    events: u32,
    /// Serve no page; only with --script.
    #[arg(long, requires = "script")]
    headless: bool,
    /// Play the whole story, compare both sides, and end: 0 when they are equal.
    #[arg(long)]
    script: bool,
}

/// Run the demo until it is over.
pub(super) fn run(options: &Options) -> Result<(), ExitCode> {
    // The demo's own words are the interesting ones; a kill would fill the log with warnings that are meant to be.
    telemetry::init(Log { level: LogLevel::Error, format: LogFormat::Text });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| fail(&error, 1))?;
    match runtime.block_on(play(options)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(fail(&"both sides differ", 1)),
        Err(trouble) => Err(fail(&trouble, 1)),
    }
}

async fn play(options: &Options) -> Told<bool> {
    say("starting a simulated Google and Tandem on this machine")?;
    let events = usize::try_from(options.events).map_err(|why| Trouble::new("too many events", why))?;
    let world = World::start(events, SEED).await?;
    let first = progress::first_sync(&world, options.events.into(), Instant::now()).await?;
    say(&format!("first sync: {} events, {:.0} events/s", first.events, first.per_second()))?;
    let equal = story::tell(&world, first).await;
    world.end().await;
    equal
}
