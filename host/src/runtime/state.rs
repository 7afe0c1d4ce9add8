//! What one instance knows of the host: its scope, its clocks, its random numbers, its gate to the network.
//!
//! No files, variables, arguments or sockets; standard output and error lead nowhere, because a panic message may hold
//! a user's data.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::limits::{Limiter, RANDOM_BYTES};
use crate::bindings::tandem::calendar::configuration::Settings;
use crate::clock::Clock;
use crate::egress::guard::Guard;
use crate::oauth::Credentials;
use crate::store::{Claim, Store};
use crate::zones::ZoneFiles;

/// On whose behalf a call runs. The guest cannot name another tenant.
#[derive(Debug, Clone)]
pub(crate) enum Scope {
    /// A webhook: no tenant is known yet. No storage, no credentials; only marks may be left.
    Webhook,
    /// One tenant.
    Tenant {
        /// Whose data the call sees.
        tenant: Arc<str>,
        /// The replica whose lease it holds, and the epoch.
        lease: Option<(Arc<str>, u64)>,
    },
}

impl Scope {
    /// A call for a tenant, without a lease.
    pub(crate) fn of(tenant: &str) -> Self {
        Self::Tenant { tenant: tenant.into(), lease: None }
    }

    /// A step under a claim.
    pub(crate) fn claimed(claim: &Claim) -> Self {
        let lease = Some((claim.replica.as_str().into(), claim.lease_epoch));
        Self::Tenant { tenant: claim.tenant.as_str().into(), lease }
    }

    /// The tenant; none for a webhook.
    pub(crate) fn tenant(&self) -> Option<&Arc<str>> {
        match self {
            Self::Webhook => None,
            Self::Tenant { tenant, .. } => Some(tenant),
        }
    }
}

/// What the imports of every instance reach.
pub(crate) struct Host {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) settings: Arc<RwLock<Settings>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) zones: Option<ZoneFiles>,
}

/// The data of a `wasmtime::Store`.
pub(crate) struct State {
    /// On whose behalf.
    pub(crate) scope: Scope,
    /// The rest of the host.
    pub(crate) host: Arc<Host>,
    /// The way out, with the passes of this call.
    pub(crate) guard: Guard,
    /// When the call has to have ended.
    pub(crate) deadline: Instant,
    /// Bounds of its memory.
    pub(crate) limiter: Limiter,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
}

impl State {
    /// The state of a new instance. `seed` makes its random numbers repeatable.
    pub(crate) fn new(
        scope: Scope,
        host: Arc<Host>,
        guard: Guard,
        deadline: Instant,
        limiter: Limiter,
        seed: Option<u64>,
    ) -> Self {
        let wasi = wasi(&host.clock, seed);
        Self { scope, host, guard, deadline, limiter, wasi, http: WasiHttpCtx::new(), table: ResourceTable::new() }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.guard }
    }
}

fn wasi(clock: &Arc<dyn Clock>, seed: Option<u64>) -> WasiCtx {
    let mut builder = WasiCtx::builder();
    builder
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(RANDOM_BYTES)
        .wall_clock(GuestClock(Arc::clone(clock)))
        .monotonic_clock(GuestClock(Arc::clone(clock)));
    if let Some(seed) = seed {
        builder
            .secure_random(StdRng::seed_from_u64(seed))
            .insecure_random(StdRng::seed_from_u64(!seed))
            .insecure_random_seed(u128::from(seed));
    }
    builder.build()
}

/// The host's clock, in milliseconds, as both clocks of the guest.
struct GuestClock(Arc<dyn Clock>);

impl HostWallClock for GuestClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now_ms())
    }
}

impl HostMonotonicClock for GuestClock {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        self.0.now_ms().saturating_mul(1_000_000)
    }
}
