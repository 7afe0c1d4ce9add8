//! `tandem demo`: a whole Tandem against a simulated Google on this machine, for people who want to see it work.
//!
//! Nothing leaves the machine and nothing stays on it: both servers listen on loopback only, and the database is in a
//! temporary directory that goes at the end.

mod actions;
mod application;
mod change;
mod client;
mod compare;
mod entry;
mod faults;
mod figures;
mod google;
mod live;
mod page;
mod progress;
mod story;
mod trouble;
mod view;
mod world;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpListener;

use self::actions::Actions;
use self::figures::say;
use self::live::Live;
use self::trouble::{Told, Trouble};
use self::world::World;
use super::fail;
use super::serve::signal;
use crate::config::{Log, LogFormat, LogLevel};
use crate::telemetry;

/// What the demo is asked for.
#[derive(clap::Args)]
pub(super) struct Options {
    /// The page's port; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8765)]
    port: u16,
    /// How many events the simulated Google starts with.
    #[arg(long, value_name = "NUMBER", default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    events: u32,
    /// Other events, and other chances in the simulator.
    #[arg(long, value_name = "NUMBER", default_value_t = 2026)]
    seed: u64,
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
    // Before the work: a port that is taken should be said at once.
    let listener = if options.headless { None } else { Some(listen(options.port).await?) };
    say("starting a simulated Google and Tandem on this machine")?;
    let events = usize::try_from(options.events).map_err(|why| Trouble::new("too many events", why))?;
    let world = Arc::new(World::start(events, options.seed).await?);
    let told = tokio::select! {
        told = shown(options, &world, listener) => told,
        _ = signal() => {
            say("")?;
            if options.script { Err("the story was interrupted".into()) } else { Ok(true) }
        }
    };
    world.end().await;
    told
}

/// First sync, then the page, the story, or both.
async fn shown(options: &Options, world: &Arc<World>, listener: Option<TcpListener>) -> Told<bool> {
    let first = progress::first_sync(world, options.events.into(), Instant::now()).await?;
    say(&format!("first sync: {} events, {:.0} events/s", first.events, first.per_second()))?;
    let Some(listener) = listener else { return story::tell(world, first).await };
    let live = Arc::new(Live::new(Arc::clone(world)));
    let actions = Arc::new(Actions::new(Arc::clone(world), Arc::clone(&live)));
    let at = listener.local_addr().map_err(|why| Trouble::new("the page has no address", why))?;
    live.say(&format!("First sync: {} events, {:.0} events/s", first.events, first.per_second()), true);
    say(&format!("open http://{at}/ in a browser; Ctrl-C ends the demo"))?;
    let api = format!("http://{}/v1/tenants/{}", world.addr, application::TENANT);
    let story = async {
        if options.script {
            return story::tell(world, first).await;
        }
        std::future::pending().await
    };
    tokio::select! {
        told = story => told,
        served = page::serve(listener, Arc::clone(&live), actions, api) => served.map(|()| true),
        () = live.follow() => Ok(true),
    }
}

async fn listen(port: u16) -> Told<TcpListener> {
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    let hint = format!("the page cannot listen on {addr}; choose another --port (0 takes a free one)");
    TcpListener::bind(addr).await.map_err(|why| Trouble::new(&hint, why))
}
