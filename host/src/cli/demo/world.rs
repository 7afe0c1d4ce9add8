//! The demo's world: the simulated Google and Outlook on sockets, and the whole server on a database in a temporary
//! directory.
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

use super::application::{Application, CALENDAR, TENANT};
use super::client::ApiClient;
use super::entry::{Key, Row, Seen, rows};
use super::google::{self, CLIENT, GoogleSide, ZONE};
use super::outlook::{self, OutlookSide};
use super::remote::Remote;
use super::side::{Side, Sides};
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
    google: GoogleSide,
    outlook: OutlookSide,
    /// The application's side.
    pub(super) application: Application,
    /// Where the server listens.
    pub(super) addr: SocketAddr,
    config: Config,
    running: Mutex<Option<Running>>,
    /// Steps of servers that were killed.
    earlier_steps: AtomicU64,
    _servers: [Server; 2],
    _directory: TempDir,
}

impl World {
    /// Generate so many events in Google and in Outlook, and start everything.
    pub(super) async fn start(in_google: usize, in_outlook: usize, seed: u64) -> Told<Self> {
        let google = GoogleSide::new(in_google, seed)?;
        let outlook = OutlookSide::new(in_outlook, seed)?;
        let silent = |why| Trouble::new("a simulated provider cannot listen", why);
        let servers = [
            Server::start(Arc::new(google.sim.clone()), 0).await.map_err(silent)?,
            Server::start(Arc::new(outlook.sim.clone()), 0).await.map_err(silent)?,
        ];
        let directory = tempfile::Builder::new()
            .prefix("tandem-demo-")
            .tempdir()
            .map_err(|why| Trouble::new("there is no temporary directory", why))?;
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let addr = listener.local_addr().map_err(|why| Trouble::new("the server has no address", why))?;
        let [at_google, at_outlook] = servers.each_ref().map(Server::base_url);
        let mut config = config(addr, directory.path());
        connect_google(&mut config, &at_google);
        connect_outlook(&mut config, &at_outlook);
        config.calendars.push(calendar(&outlook.calendar));
        let running = run(&config, listener).await?;
        Ok(Self {
            google,
            outlook,
            application: Application { api: ApiClient::new(addr, TENANT) },
            addr,
            config,
            running: Mutex::new(Some(running)),
            earlier_steps: AtomicU64::new(0),
            _servers: servers,
            _directory: directory,
        })
    }

    /// A side at a provider; none for the application's.
    pub(super) fn remote(&self, side: Side) -> Option<&dyn Remote> {
        match side {
            Side::Google => Some(&self.google),
            Side::Outlook => Some(&self.outlook),
            Side::Application => None,
        }
    }

    /// The sides at providers.
    pub(super) fn remotes(&self) -> [&dyn Remote; 2] {
        [&self.google, &self.outlook]
    }

    /// Every occurrence that meets the window, as each side shows it.
    pub(super) async fn window(&self, from_ms: i64, to_ms: i64) -> Told<Sides<Vec<Seen>>> {
        Ok(Sides {
            google: self.google.window(from_ms, to_ms)?,
            application: self.application.window(from_ms, to_ms).await?,
            outlook: self.outlook.window(from_ms, to_ms)?,
        })
    }

    /// The same next to each other.
    pub(super) async fn rows(&self, from_ms: i64, to_ms: i64) -> Told<Vec<Row>> {
        Ok(rows(self.window(from_ms, to_ms).await?))
    }

    /// One occurrence that lies about there on all sides; none when no side has it.
    pub(super) async fn row(&self, key: &Key, near_ms: i64) -> Told<Option<Row>> {
        const DAY_MS: i64 = 86_400_000;
        Ok(self.rows(near_ms - DAY_MS, near_ms + DAY_MS).await?.into_iter().find(|row| row.key == *key))
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

fn config(addr: SocketAddr, directory: &std::path::Path) -> Config {
    let mut config = Config::default();
    config.server.listen = addr;
    // The simulators take plain http for a webhook; a real provider would not.
    config.server.public_url = Some(format!("http://{addr}"));
    config.server.shutdown_timeout_s = 5;
    config.store.path = directory.join("tandem.db");
    config.sync.safety_poll_interval_s = SAFETY_POLL_S;
    config.sync.poll_interval_s = SAFETY_POLL_S;
    config.sync.lease_s = LEASE_S;
    config.sync.page_size = PAGE_SIZE;
    config
}

fn connect_google(config: &mut Config, base: &str) {
    config.google.base_url = format!("{base}/calendar/v3");
    config.google.token_url = format!("{base}/token");
    config.google.client_id = Some(CLIENT.0.to_owned());
    config.google.client_secret = Some(Secret::new(CLIENT.1.to_owned()));
    config.connections.push(Connection {
        tenant: TENANT.to_owned(),
        id: "google-account".to_owned(),
        provider: Provider::Google,
        token: Token::Refresh(Secret::new(google::REFRESH_TOKEN.to_owned())),
    });
}

fn connect_outlook(config: &mut Config, base: &str) {
    config.microsoft.base_url = format!("{base}/v1.0");
    config.microsoft.token_url = format!("{base}/common/oauth2/v2.0/token");
    config.microsoft.client_id = Some(CLIENT.0.to_owned());
    config.microsoft.client_secret = Some(Secret::new(CLIENT.1.to_owned()));
    config.connections.push(Connection {
        tenant: TENANT.to_owned(),
        id: "outlook-account".to_owned(),
        provider: Provider::Microsoft,
        token: Token::Refresh(Secret::new(outlook::REFRESH_TOKEN.to_owned())),
    });
}

/// One calendar with a replica at each provider.
fn calendar(at_outlook: &str) -> Calendar {
    let replica = |id: &str, connection: &str, remote_calendar: &str| Replica {
        id: id.to_owned(),
        connection: connection.to_owned(),
        remote_calendar: remote_calendar.to_owned(),
        mode: ReplicaMode::TwoWay,
        policy: ConflictPolicy::Newest,
    };
    Calendar {
        tenant: TENANT.to_owned(),
        id: CALENDAR.to_owned(),
        name: "Team".to_owned(),
        time_zone: ZONE.to_owned(),
        replicas: vec![
            replica(google::REPLICA, "google-account", google::ACCOUNT),
            replica(outlook::REPLICA, "outlook-account", at_outlook),
        ],
    }
}
