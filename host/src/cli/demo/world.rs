//! The demo's world: the simulated Google on a socket, and the whole server on a database in a temporary directory.
//!
//! The server is the one of `tandem serve`; only its settings are the demo's. It can be killed and started again on the
//! same database and port. The directory goes with the world.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tandem_providers::Server;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::application::{Application, CALENDAR, REPLICA, TENANT};
use super::client::ApiClient;
use super::google::{ACCOUNT, CLIENT, GoogleSide, REFRESH_TOKEN, ZONE};
use super::trouble::{Told, Trouble};
use crate::cli::app::{Running, StartOptions, start};
use crate::config::{Calendar, Config, Connection, Replica, Token};
use crate::oauth::Secret;
use crate::scheduler::Snapshot;
use crate::store::{ConflictPolicy, Provider, ReplicaMode, Store};

/// Seconds between two looks without a notification: short, so that a lost one is made good while somebody watches.
pub(super) const SAFETY_POLL_S: u32 = 5;
/// Seconds that a killed host keeps its lease: short, for the same reason.
pub(super) const LEASE_S: u32 = 2;
/// Rows in a page of a listing.
const PAGE_SIZE: u32 = 250;
/// How long the port of a killed server may stay taken.
const REBIND: Duration = Duration::from_secs(10);

/// All of it.
pub(super) struct World {
    /// One side.
    pub(super) google: GoogleSide,
    /// The other side.
    pub(super) application: Application,
    /// Where the server listens.
    pub(super) addr: SocketAddr,
    config: Config,
    running: Mutex<Option<Running>>,
    /// Steps of servers that were killed.
    earlier_steps: AtomicU64,
    _server: Server,
    _directory: TempDir,
}

impl World {
    /// Generate the events and start everything.
    pub(super) async fn start(events: usize, seed: u64) -> Told<Self> {
        let google = GoogleSide::new(events, seed)?;
        let server = Server::start(Arc::new(google.sim.clone()), 0)
            .await
            .map_err(|why| Trouble::new("the simulated Google cannot listen", why))?;
        let directory = tempfile::Builder::new()
            .prefix("tandem-demo-")
            .tempdir()
            .map_err(|why| Trouble::new("there is no temporary directory", why))?;
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let addr = listener.local_addr().map_err(|why| Trouble::new("the server has no address", why))?;
        let config = config(&server.base_url(), addr, directory.path());
        let running = run(&config, listener).await?;
        Ok(Self {
            google,
            application: Application { api: ApiClient::new(addr, TENANT) },
            addr,
            config,
            running: Mutex::new(Some(running)),
            earlier_steps: AtomicU64::new(0),
            _server: server,
            _directory: directory,
        })
    }

    /// Stop the server as a crash would. Gives the database as the crash left it.
    pub(super) async fn kill(&self) -> Told<Arc<dyn Store>> {
        let Some(running) = self.running.lock().await.take() else { return Err("the server is down already".into()) };
        let store = Arc::clone(&running.store);
        self.earlier_steps.fetch_add(running.scheduler.metrics().snapshot().steps, Ordering::Relaxed);
        running.kill().await;
        Ok(store)
    }

    /// Start the server again, on the same database and port.
    pub(super) async fn restart(&self) -> Told<()> {
        let mut running = self.running.lock().await;
        if running.is_none() {
            *running = Some(run(&self.config, bind(self.addr).await?).await?);
        }
        Ok(())
    }

    /// End gracefully.
    pub(super) async fn end(&self) {
        if let Some(running) = self.running.lock().await.take() {
            running.shutdown().await;
        }
    }

    /// The scheduler's counters; none while the server is down.
    pub(super) async fn metrics(&self) -> Option<Snapshot> {
        self.running.lock().await.as_ref().map(|running| running.scheduler.metrics().snapshot())
    }

    /// Steps since the first start.
    pub(super) async fn steps(&self) -> u64 {
        let now = self.metrics().await.map_or(0, |metrics| metrics.steps);
        self.earlier_steps.load(Ordering::Relaxed) + now
    }
}

async fn run(config: &Config, listener: TcpListener) -> Told<Running> {
    let options = StartOptions { listener: Some(listener), ..StartOptions::default() };
    start(config.clone(), options).await.map_err(|why| Trouble::new("the server does not start", why))
}

/// Listen there; the connections of a killed server may need a moment to be gone.
async fn bind(addr: SocketAddr) -> Told<TcpListener> {
    let until = tokio::time::Instant::now() + REBIND;
    loop {
        match TcpListener::bind(addr).await {
            Ok(listener) => return Ok(listener),
            Err(why) if tokio::time::Instant::now() > until => {
                return Err(Trouble::new("the server cannot listen", why));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

fn config(google: &str, addr: SocketAddr, directory: &std::path::Path) -> Config {
    let mut config = Config::default();
    config.server.listen = addr;
    // The simulator takes plain http for a webhook; a real provider would not.
    config.server.public_url = Some(format!("http://{addr}"));
    config.server.shutdown_timeout_s = 5;
    config.store.path = directory.join("tandem.db");
    config.sync.safety_poll_interval_s = SAFETY_POLL_S;
    config.sync.poll_interval_s = SAFETY_POLL_S;
    config.sync.lease_s = LEASE_S;
    config.sync.page_size = PAGE_SIZE;
    config.google.base_url = format!("{google}/calendar/v3");
    config.google.token_url = format!("{google}/token");
    config.google.client_id = Some(CLIENT.0.to_owned());
    config.google.client_secret = Some(Secret::new(CLIENT.1.to_owned()));
    config.connections.push(Connection {
        tenant: TENANT.to_owned(),
        id: "account".to_owned(),
        provider: Provider::Google,
        token: Token::Refresh(Secret::new(REFRESH_TOKEN.to_owned())),
    });
    config.calendars.push(Calendar {
        tenant: TENANT.to_owned(),
        id: CALENDAR.to_owned(),
        name: "Team".to_owned(),
        time_zone: ZONE.to_owned(),
        replicas: vec![Replica {
            id: REPLICA.to_owned(),
            connection: "account".to_owned(),
            remote_calendar: ACCOUNT.to_owned(),
            mode: ReplicaMode::TwoWay,
            policy: ConflictPolicy::Newest,
        }],
    });
    config
}
