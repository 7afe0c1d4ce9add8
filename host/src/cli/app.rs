//! The whole server inside one process: settings in, a running server out. `tandem serve`, the demo and the end-to-end
//! tests all start it here.
//!
//! Built from the bottom up (store, egress, credentials, runtime, scheduler, HTTP) and ended from the top down, so that nothing
//! is called that is already gone.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::reach;
use super::seed::seed;
pub use super::start_error::StartError;
use crate::bindings::tandem::calendar::configuration::Settings;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, signing_key};
use crate::egress::Egress;
use crate::http::{self, Api};
use crate::oauth::Credentials;
use crate::runtime::{COMPONENT, Runtime, RuntimeOptions};
use crate::scheduler::{Scheduler, SchedulerHandle, SchedulerOptions};
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::zones::ZoneFiles;

/// What may be replaced at the start; the default is the real thing.
pub struct StartOptions {
    /// The time, for the whole server and the component.
    pub clock: Arc<dyn Clock>,
    /// Seed of the component's random numbers; none for the operating system's generator.
    pub seed: Option<u64>,
    /// Another component than the built-in one.
    pub component: Option<Vec<u8>>,
    /// A socket that listens already, instead of `server.listen`.
    pub listener: Option<TcpListener>,
    /// More paths beside those of the API. It must have no fallback.
    pub routes: Option<Router>,
    /// Let due replicas run by themselves. False for a clock that stands still: then call
    /// [`Scheduler::run_due_once`] on [`Running::scheduler`].
    pub schedule: bool,
}

impl Default for StartOptions {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), seed: None, component: None, listener: None, routes: None, schedule: true }
    }
}

/// A server that runs. Dropping it without [`Running::shutdown`] leaves its tasks running.
pub struct Running {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The component.
    pub runtime: Runtime,
    /// What runs due replicas: metrics, and reports of steps.
    pub scheduler: Scheduler,
    /// The API's state, with its counters.
    pub api: Api,
    /// What the component is told; may be changed.
    pub settings: Arc<RwLock<Settings>>,
    server: JoinHandle<()>,
    steps: Option<SchedulerHandle>,
    announcer: JoinHandle<()>,
    housekeeper: JoinHandle<()>,
}

/// Start everything that the settings ask for.
///
/// # Errors
/// Nothing is left running then.
pub async fn start(config: Config, mut options: StartOptions) -> Result<Running, StartError> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let Opened { store, settings, runtime } = open(&config, &mut options).await?;
    seed(&config, store.as_ref()).await?;
    let listener = listen(config.server.listen, options.listener).await?;
    let addr = listener.local_addr().map_err(|error| StartError::Listen(config.server.listen, error))?;
    let scheduler = Scheduler::new(store.clone(), runtime.clone(), options.clock.clone(), scheduler_options(&config)?);
    let housekeeper = tokio::spawn(super::housekeeping::run(store.clone(), options.clock.clone()));
    let api = Api::new(store.clone(), Arc::new(runtime.clone()), options.clock, config.server.api_token.as_ref())
        .with_metrics(scheduler.metrics());
    let router = http::router(api.clone()).merge(options.routes.unwrap_or_default());
    let grace = Duration::from_secs(config.server.shutdown_timeout_s.into());
    let server = tokio::spawn(http::serve(listener, router, api.closed(), grace));
    let announcer = tokio::spawn(announce(scheduler.clone(), api.clone()));
    let steps = options.schedule.then(|| scheduler.clone().run());
    tracing::info!(%addr, replicas = replicas(&config), push = config.server.public_url.is_some(), "listening");
    Ok(Running { addr, store, runtime, scheduler, api, settings, server, steps, announcer, housekeeper })
}

/// What everything else stands on.
struct Opened {
    store: Arc<dyn Store>,
    settings: Arc<RwLock<Settings>>,
    runtime: Runtime,
}

/// Open the database and load the component.
async fn open(config: &Config, options: &mut StartOptions) -> Result<Opened, StartError> {
    let zones = config.zones.directory.as_deref().map(ZoneFiles::open).transpose()?;
    let store: Arc<dyn Store> = Arc::new(open_store(config).await?);
    let settings = Arc::new(RwLock::new(settings(config)?));
    let egress = Arc::new(Egress::new(reach::options(config, &store.providers().await?)));
    let credentials = Arc::new(Credentials::new(store.clone(), egress.clone(), options.clock.clone()));
    let runtime = load(RuntimeOptions {
        component: options.component.take().unwrap_or_else(|| COMPONENT.to_vec()),
        cache_dir: Some(config.cache_dir()),
        store: store.clone(),
        egress,
        credentials,
        settings: settings.clone(),
        clock: options.clock.clone(),
        zones,
        seed: options.seed,
        call_timeout_ms: config.sandbox.call_timeout_ms.into(),
        memory_limit: usize::try_from(config.sandbox.memory_mb).unwrap_or(usize::MAX).saturating_mul(1024 * 1024),
    })
    .await?;
    Ok(Opened { store, settings, runtime })
}

/// The database and the component alone, for a command that asks one question.
pub(super) async fn open_component(config: &Config) -> Result<(Arc<dyn Store>, Runtime), StartError> {
    let opened = open(config, &mut StartOptions::default()).await?;
    Ok((opened.store, opened.runtime))
}

impl Running {
    /// End gracefully: accept nothing more, let requests and steps end, close the store. Takes at most
    /// `server.shutdown_timeout_s` and a moment.
    pub async fn shutdown(self) {
        self.api.close();
        let steps = async {
            if let Some(steps) = self.steps {
                steps.shutdown().await;
            }
        };
        let (served, ()) = tokio::join!(self.server, steps);
        if let Err(error) = served {
            tracing::error!(%error, "the server ended badly");
        }
        end(self.announcer).await;
        end(self.housekeeper).await;
        // The last user of the store closes it, and closing waits for its writes: not on a thread that serves tasks.
        let rest = (self.api, self.scheduler, self.runtime, self.store);
        if let Err(error) = tokio::task::spawn_blocking(move || drop(rest)).await {
            tracing::error!(%error, "the store was not closed");
        }
        tracing::info!("stopped");
    }

    /// Stop as a crash would: nothing is finished, no lease is given back. For demonstrations and tests.
    pub async fn kill(self) {
        if let Some(steps) = self.steps {
            steps.abort().await;
        }
        end(self.server).await;
        end(self.announcer).await;
        end(self.housekeeper).await;
    }
}

/// Stop a task and wait until it is gone. That it was stopped is no news.
async fn end(task: JoinHandle<()>) {
    task.abort();
    let _ = task.await;
}

/// Wake the calls that wait for changes when a step applied some.
async fn announce(scheduler: Scheduler, api: Api) {
    use tokio::sync::broadcast::error::RecvError;
    let mut reports = scheduler.reports();
    // The scheduler holds the other end: with it gone there is nothing more to hear.
    drop(scheduler);
    loop {
        match reports.recv().await {
            Ok(step) if step.report.applied == 0 => {}
            Ok(_) | Err(RecvError::Lagged(_)) => api.changed(),
            Err(RecvError::Closed) => return,
        }
    }
}

fn replicas(config: &Config) -> usize {
    config.calendars.iter().map(|calendar| calendar.replicas.len()).sum()
}

async fn open_store(config: &Config) -> Result<SqliteStore, StartError> {
    let (path, synchronous) = (config.store.path.clone(), config.store.synchronous);
    let opened = tokio::task::spawn_blocking(move || {
        make_private(&path);
        SqliteStore::open_with(&path, synchronous)
    });
    Ok(opened.await.map_err(|error| StartError::Interrupted(error.to_string()))??)
}

/// Make a new database readable by its owner only: it holds people's calendars and tokens. SQLite takes an empty file
/// for a new database, and gives its other files the same rights. What fails here fails again, with a reason, at opening.
fn make_private(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    if options.open(path).is_err() {
        tighten(path);
    }
}

/// A database that is there already: nobody else shall read it either.
fn tighten(path: &Path) {
    #[cfg(unix)]
    if let Ok(about) = std::fs::metadata(path) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = about.permissions().mode();
        if about.is_file() && mode & 0o077 != 0 {
            let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o700));
        }
    }
}

/// Loading compiles the component if it is not cached: seconds of work, off the threads that serve.
async fn load(options: RuntimeOptions) -> Result<Runtime, StartError> {
    let loaded = tokio::task::spawn_blocking(move || Runtime::new(options));
    Ok(loaded.await.map_err(|error| StartError::Interrupted(error.to_string()))??)
}

fn settings(config: &Config) -> Result<Settings, StartError> {
    Ok(Settings {
        webhook_url: config.server.public_url.as_ref().map(|url| format!("{url}/webhooks")),
        signing_key: signing_key(config.security.signing_key.as_ref(), &config.key_file())?,
        google_base_url: Some(config.google.base_url.clone()),
        microsoft_base_url: Some(config.microsoft.base_url.clone()),
        poll_interval_s: config.sync.poll_interval_s,
        safety_poll_interval_s: config.sync.safety_poll_interval_s,
        page_size: config.sync.page_size,
    })
}

fn scheduler_options(config: &Config) -> Result<SchedulerOptions, StartError> {
    let mut id = [0; 8];
    getrandom::fill(&mut id).map_err(|error| StartError::Interrupted(error.to_string()))?;
    Ok(SchedulerOptions {
        workers: usize::try_from(config.sync.workers).unwrap_or(usize::MAX),
        lease_ms: u64::from(config.sync.lease_s) * 1000,
        // Another one at every start: a lease from before a crash is nobody's.
        worker_id: data_encoding::HEXLOWER.encode(&id),
        grace_ms: u64::from(config.server.shutdown_timeout_s) * 1000,
    })
}

async fn listen(address: SocketAddr, given: Option<TcpListener>) -> Result<TcpListener, StartError> {
    match given {
        Some(listener) => Ok(listener),
        None => TcpListener::bind(address).await.map_err(|error| StartError::Listen(address, error)),
    }
}
