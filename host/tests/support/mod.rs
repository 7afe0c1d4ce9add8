//! What the runtime's tests share: a probe component, a store in memory, servers on loopback.
#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, RwLock};

use tandem_host::bindings::exports::tandem::calendar::sync::Outcome;
use tandem_host::bindings::tandem::calendar::configuration::Settings;
use tandem_host::clock::{Clock, ManualClock};
use tandem_host::egress::{Egress, EgressOptions};
use tandem_host::oauth::{Credentials, Grant};
use tandem_host::runtime::{Runtime, RuntimeError, RuntimeOptions, Trap};
use tandem_host::store::{Claim, ConnectionRow, Store};
use tandem_host::zones::ZoneFiles;

#[path = "../../build/component.rs"]
mod component;
pub(crate) mod memory_store;

pub(crate) use memory_store::MemoryStore;

/// Directory for what tests write, inside the target directory.
pub(crate) const SCRATCH: &str = env!("CARGO_TARGET_TMPDIR");

/// The probe, built once for each test program.
pub(crate) static PROBE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target_dir = component::target_dir(SCRATCH.as_ref(), root);
    let built = component::build(root, &target_dir, "tandem-probe").unwrap_or_else(|cause| panic!("{cause}"));
    std::fs::read(built.wasm).unwrap()
});

/// Everything that a test may want to set.
pub(crate) struct World {
    /// The component.
    pub(crate) component: Vec<u8>,
    /// Its cache.
    pub(crate) cache_dir: Option<PathBuf>,
    /// The store.
    pub(crate) store: Arc<MemoryStore>,
    /// The bounds of requests.
    pub(crate) egress: EgressOptions,
    /// Base URL of Google.
    pub(crate) google: Option<String>,
    /// Microsoft's base URL.
    pub(crate) microsoft: Option<String>,
    /// The time.
    pub(crate) clock: ManualClock,
    /// Zone rules of the machine.
    pub(crate) zones: Option<ZoneFiles>,
    /// Seed of random numbers.
    pub(crate) seed: Option<u64>,
    /// Bound on a call.
    pub(crate) call_timeout_ms: u64,
    /// Bound on memory.
    pub(crate) memory_limit: usize,
}

impl Default for World {
    fn default() -> Self {
        Self {
            component: PROBE.clone(),
            cache_dir: Some(Path::new(SCRATCH).join("cwasm")),
            store: Arc::default(),
            egress: bounds(&[]),
            google: None,
            microsoft: None,
            clock: ManualClock::new(1_800_000_000_000),
            zones: None,
            seed: None,
            call_timeout_ms: 30_000,
            memory_limit: 64 << 20,
        }
    }
}

impl World {
    /// Load it.
    pub(crate) fn runtime(self) -> Result<Runtime, RuntimeError> {
        let store: Arc<dyn Store> = self.store;
        let clock: Arc<dyn Clock> = Arc::new(self.clock);
        let egress = Arc::new(Egress::new(self.egress));
        let credentials = Arc::new(Credentials::new(Arc::clone(&store), Arc::clone(&egress), Arc::clone(&clock)));
        Runtime::new(RuntimeOptions {
            component: self.component,
            cache_dir: self.cache_dir,
            store,
            egress,
            credentials,
            settings: Arc::new(RwLock::new(settings(self.google, self.microsoft))),
            clock,
            zones: self.zones,
            seed: self.seed,
            call_timeout_ms: self.call_timeout_ms,
            memory_limit: self.memory_limit,
        })
    }
}

pub(crate) fn settings(google_base_url: Option<String>, microsoft_base_url: Option<String>) -> Settings {
    Settings {
        webhook_url: None,
        signing_key: vec![7; 32],
        google_base_url,
        microsoft_base_url,
        poll_interval_s: 60,
        safety_poll_interval_s: 600,
        page_size: 250,
    }
}

/// Bounds that let these `host:port` be reached over plain HTTP.
pub(crate) fn bounds(plain: &[&str]) -> EgressOptions {
    EgressOptions {
        allow: vec!["www.googleapis.com".into()],
        allow_plain: plain.iter().map(|&authority| authority.to_owned()).collect(),
        timeout_ms: 20_000,
        max_body: 4 << 20,
        per_connection: 4,
    }
}

/// Let the probe run a command as a step of tenant `t`.
pub(crate) async fn run(runtime: &Runtime, command: &str) -> Result<String, Trap> {
    run_for(runtime, "t", command, 7).await
}

/// Let the probe run a command as a step of a tenant, under a lease.
pub(crate) async fn run_for(runtime: &Runtime, tenant: &str, command: &str, lease_epoch: u64) -> Result<String, Trap> {
    let claim = Claim { tenant: tenant.into(), replica: command.into(), lease_epoch, wanted: 0, step_attempts: 0 };
    match runtime.step(&claim).await?.unwrap().outcome {
        Outcome::Paused(text) => Ok(text),
        other => panic!("{other:?}"),
    }
}

/// A Google connection of a tenant.
pub(crate) fn connection(tenant: &str, id: &str, grant: &Grant) -> ConnectionRow {
    ConnectionRow {
        tenant: tenant.into(),
        id: id.into(),
        provider: "google".into(),
        settings: serde_json::to_string(grant).unwrap(),
        revoked: false,
        not_before_ms: 0,
        attempts: 0,
    }
}

/// Serve on loopback; returns `127.0.0.1:port`.
pub(crate) async fn serve(app: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}
