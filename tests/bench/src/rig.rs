//! A host around the component: store, egress, credentials, runtime, and a provider to talk to.

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use tandem_engine::limits::MAX_PAGE_SIZE;
use tandem_host::bindings::exports::tandem::calendar::sync::Outcome;
use tandem_host::bindings::tandem::calendar::configuration::Settings;
use tandem_host::clock::{Clock as _, SystemClock};
use tandem_host::egress::{Egress, EgressOptions};
use tandem_host::oauth::Credentials;
use tandem_host::runtime::{COMPONENT, Runtime, RuntimeOptions};
use tandem_host::store::{CalendarRow, Claim, ConflictPolicy, ConnectionRow, NewReplica, Release, ReplicaMode, Store};

use crate::Failed;
use crate::dialect::{ACCESS, Dialect, ZONE};
use crate::provider::Provider;

/// The tenant of everything.
pub(crate) const TENANT: &str = "acme";
/// How long a lease is, in milliseconds: longer than any run.
const LEASE_MS: u64 = 600_000;

/// See the module.
pub(crate) struct Rig {
    /// The store.
    pub(crate) store: Arc<dyn Store>,
    /// The component.
    pub(crate) runtime: Runtime,
    /// The provider.
    pub(crate) provider: Provider,
}

/// What a replica did until it had nothing to do.
#[derive(Default)]
pub(crate) struct Settled {
    /// Rows it read.
    pub(crate) pulled: u32,
    /// Events it changed.
    pub(crate) applied: u32,
    /// Rows that cannot be read.
    pub(crate) failed: u32,
    /// Time of the steps that read rows.
    pub(crate) listing: Duration,
    /// Time of all, with claiming and releasing.
    pub(crate) whole: Duration,
}

impl Rig {
    /// A host over a store; compiled code is kept in `cache`. With `push` the component makes channels.
    pub(crate) async fn new(store: Arc<dyn Store>, cache: &Path, push: bool) -> Result<Self, Failed> {
        Self::with(COMPONENT, store, cache, push).await
    }

    /// The same around another component.
    pub(crate) async fn with(
        component: &[u8],
        store: Arc<dyn Store>,
        cache: &Path,
        push: bool,
    ) -> Result<Self, Failed> {
        let provider = Provider::start().await?;
        let settings = Settings {
            webhook_url: push.then(|| "http://127.0.0.1/webhooks".into()),
            signing_key: b"0123456789abcdef0123456789abcdef".to_vec(),
            google_base_url: Some(format!("http://{}/calendar/v3", provider.authority)),
            microsoft_base_url: Some(format!("http://{}/v1.0", provider.authority)),
            poll_interval_s: 86_400,
            safety_poll_interval_s: 86_400,
            // The engine asks no provider for more than it gives.
            page_size: MAX_PAGE_SIZE,
        };
        let egress = Arc::new(Egress::new(EgressOptions {
            allow: Vec::new(),
            allow_plain: vec![provider.authority.clone()],
            timeout_ms: 60_000,
            max_body: 32 << 20,
            per_connection: 4,
        }));
        let clock = Arc::new(SystemClock);
        let credentials = Arc::new(Credentials::new(store.clone(), egress.clone(), clock.clone()));
        let options = RuntimeOptions {
            component: component.to_vec(),
            cache_dir: Some(cache.to_owned()),
            store: store.clone(),
            egress,
            credentials,
            settings: Arc::new(RwLock::new(settings)),
            clock,
            zones: None,
            seed: None,
            call_timeout_ms: 120_000,
            memory_limit: 256 << 20,
        };
        let runtime = tokio::task::spawn_blocking(move || Runtime::new(options)).await??;
        Ok(Self { store, runtime, provider })
    }

    /// A calendar with one replica at this provider.
    pub(crate) async fn add_replica(&self, dialect: &dyn Dialect, replica: &str) -> Result<(), Failed> {
        let connection = ConnectionRow {
            tenant: TENANT.into(),
            id: "ada".into(),
            provider: dialect.name().to_lowercase(),
            settings: format!(r#"{{"kind":"access-token","token":"{ACCESS}"}}"#),
            revoked: false,
            not_before_ms: 0,
            attempts: 0,
        };
        self.store.put_connection(connection).await.map_err(|error| format!("{error:?}"))?;
        let calendar = CalendarRow {
            tenant: TENANT.into(),
            id: format!("{replica}-calendar"),
            name: "Bench".into(),
            time_zone: ZONE.into(),
        };
        self.store.put_calendar(calendar).await.map_err(|error| format!("{error:?}"))?;
        let new = NewReplica {
            tenant: TENANT.into(),
            id: replica.into(),
            connection: "ada".into(),
            calendar: format!("{replica}-calendar"),
            remote_calendar: "primary".into(),
            mode: ReplicaMode::TwoWay,
            policy: ConflictPolicy::Newest,
        };
        self.store.put_replica(new).await.map_err(|error| format!("{error:?}"))?;
        Ok(())
    }

    /// Claim the replica that is due, step it until it has nothing to do, and release it, as the scheduler does.
    pub(crate) async fn settle(&self) -> Result<Settled, Failed> {
        let start = Instant::now();
        let claims = self.store.claim("bench", SystemClock.now_ms(), LEASE_MS, 1).await;
        let claim = claims.map_err(|error| format!("{error:?}"))?.pop().ok_or("no replica is due")?;
        let mut settled = Settled::default();
        while self.step(&claim, &mut settled).await? {}
        let release = Release { next_run_ms: u64::MAX / 2, served: true, paused: false, step_attempts: 0 };
        self.store.release(&claim, release, SystemClock.now_ms()).await.map_err(|error| format!("{error:?}"))?;
        settled.whole = start.elapsed();
        Ok(settled)
    }

    async fn step(&self, claim: &Claim, settled: &mut Settled) -> Result<bool, Failed> {
        let start = Instant::now();
        let report = self.runtime.step(claim).await?.map_err(|error| format!("{error:?}"))?;
        if report.pulled > 0 {
            settled.listing += start.elapsed();
        }
        settled.pulled += report.pulled;
        settled.failed += report.failed;
        settled.applied += report.applied;
        match report.outcome {
            Outcome::Again => Ok(true),
            Outcome::Idle(_) => Ok(false),
            Outcome::Retry(retry) => Err(format!("a step wants to be tried again: {}", retry.code).into()),
            Outcome::Paused(why) => Err(format!("a step paused: {why}").into()),
        }
    }
}
