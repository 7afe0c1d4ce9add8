//! `tandem demo`: a whole Tandem between a simulated Google and a simulated Outlook on this machine, for people who want to see it work.
//!
//! Nothing leaves the machine and nothing stays on it: all servers listen on loopback only, and the database is in a
//! temporary directory that goes at the end.

mod actions;
mod application;
mod cast;
mod change;
mod client;
mod compare;
mod entry;
mod faults;
mod figures;
mod google;
mod google_row;
mod live;
mod outlook;
mod outlook_row;
mod page;
mod progress;
mod remote;
mod series;
mod side;
mod story;
mod trouble;
mod view;
mod world;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

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
    /// How many other events the simulated Outlook starts with.
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=200_000))]
    outlook_events: u32,
    /// Other events, and other chances in the simulators.
    #[arg(long, value_name = "NUMBER", default_value_t = 2026)]
    seed: u64,
    /// Serve no page; only with --script.
    #[arg(long, requires = "script")]
    headless: bool,
    /// Play the whole story, compare all sides, and end: 0 when they are equal.
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
        Ok(false) => Err(fail(&"the sides differ", 1)),
        Err(trouble) => Err(fail(&trouble, 1)),
    }
}

async fn play(options: &Options) -> Told<bool> {
    // Before the work: a port that is taken should be said at once.
    let listener = if options.headless { None } else { Some(listen(options.port).await?) };
    say("starting a simulated Google, a simulated Outlook and Tandem on this machine")?;
    let number = |events: u32| usize::try_from(events).map_err(|why| Trouble::new("too many events", why));
    let (in_google, in_outlook) = (number(options.events)?, number(options.outlook_events)?);
    let world = Arc::new(World::start(in_google, in_outlook, options.seed).await?);
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

/// The first sync, then the story; the page, if there is one, from the beginning.
async fn shown(options: &Options, world: &Arc<World>, listener: Option<TcpListener>) -> Told<bool> {
    let Some(listener) = listener else {
        let first = progress::first_sync(world).await?;
        say(&first.told())?;
        return story::tell(world, &first).await;
    };
    let live = Arc::new(Live::new(Arc::clone(world)));
    let actions = Arc::new(Actions::new(Arc::clone(world), Arc::clone(&live)));
    let at = listener.local_addr().map_err(|why| Trouble::new("the page has no address", why))?;
    say(&format!("open http://{at}/ in a browser; Ctrl-C ends the demo"))?;
    let api = format!("http://{}/v1/tenants/{}", world.addr, application::TENANT);
    let story = async {
        live.say("First sync: each provider is read, and what it has is written to the other …", true);
        let first = progress::first_sync(world).await?;
        live.ready();
        live.say(&first.told(), true);
        say(&first.told())?;
        if options.script {
            return story::tell(world, &first).await;
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
